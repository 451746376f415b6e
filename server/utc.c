#include "server/utc.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "ranker/check.h"

void utc_format(int64_t time_ms, char out[UTC_SIZE])
{
    struct tm utc;
    time_t seconds = (time_t)(time_ms / 1000);
    CHECK(gmtime_r(&seconds, &utc) != NULL);
    size_t size = strftime(out, UTC_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
    CHECK(size > 0);
}

static int number_of(struct text text, size_t first, size_t digits)
{
    int number = 0;
    for (size_t i = first; i < first + digits; i++) {
        number = 10 * number + text.data[i] - '0';
    }
    return number;
}

bool utc_parse(struct text text, int64_t *out)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    if (text.size != strlen(form)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        bool digit = text.data[i] >= '0' && text.data[i] <= '9';
        if (form[i] == 'd' ? !digit : text.data[i] != form[i]) {
            return false;
        }
    }
    struct tm utc = {.tm_year = number_of(text, 0, 4) - 1900,
                     .tm_mon = number_of(text, 5, 2) - 1,
                     .tm_mday = number_of(text, 8, 2),
                     .tm_hour = number_of(text, 11, 2),
                     .tm_min = number_of(text, 14, 2),
                     .tm_sec = number_of(text, 17, 2)};
    char again[UTC_SIZE];
    int64_t time_ms = (int64_t)timegm(&utc) * 1000;
    utc_format(time_ms, again); /* the 31st of February comes out as another day */
    if (time_ms <= 0 || !text_equal(text, text_of(again))) {
        return false;
    }
    *out = time_ms;
    return true;
}
