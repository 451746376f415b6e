#include "replay/report_format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double report_number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

json_int_t report_integer(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

const char *report_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

void report_format(double value, int digits, bool sign, char out[REPORT_NUMBER_SIZE])
{
    char text[REPORT_NUMBER_SIZE - 8];
    if (isnan(value)) {
        snprintf(out, REPORT_NUMBER_SIZE, "–");
        return;
    }
    snprintf(text, sizeof(text), fabs(value) < 1e15 ? "%.*f" : "%.*e", digits, fabs(value));
    bool zero = strspn(text, "0.") == strlen(text);
    const char *mark = zero ? "" : value < 0 ? "−" : sign ? "+" : "";
    snprintf(out, REPORT_NUMBER_SIZE, "%s%s", mark, text);
}

void report_format_share(double share, char out[REPORT_NUMBER_SIZE])
{
    report_format(100 * share, fabs(share) < 0.01 ? 2 : 1, false, out);
}

void report_format_interval(const json_t *element, int digits, char out[REPORT_NUMBER_SIZE])
{
    char low[REPORT_NUMBER_SIZE];
    char high[REPORT_NUMBER_SIZE];
    double ends[] = {report_number(element, "low"), report_number(element, "high")};
    out[0] = '\0';
    if (!isnan(ends[0]) && !isnan(ends[1])) {
        report_format(ends[0], digits, false, low);
        report_format(ends[1], digits, false, high);
        snprintf(out, REPORT_NUMBER_SIZE, "[%.28s, %.28s]", low, high);
    }
}

void report_format_p(double p, char out[REPORT_NUMBER_SIZE])
{
    int digits = p < 0.001 ? 4 : p < 0.1 ? 3 : 2;
    out[0] = '\0';
    if (p < 0.0001) {
        snprintf(out, REPORT_NUMBER_SIZE, "p < 0.0001");
    } else if (!isnan(p)) {
        snprintf(out, REPORT_NUMBER_SIZE, "p = %.*f", digits, p);
    }
}

void report_format_count(json_int_t count, char out[REPORT_NUMBER_SIZE])
{
    char digits[32];
    int length = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, count);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-') {
            *out++ = ',';
        }
        *out++ = digits[i];
    }
    *out = '\0';
}

void report_format_time(json_int_t time_ms, char out[REPORT_TIME_SIZE])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts = {0};
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(out, REPORT_TIME_SIZE, "%Y-%m-%d %H:%M", &parts);
}
