#include "replay/field.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

#define DAY_MS ((int64_t)24 * HOUR_MS)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool field_whole(struct text text, int64_t largest, int64_t *out)
{
    int64_t value = 0;
    size_t at = 0;
    for (; at < text.size && is_digit(text.data[at]); at++) {
        int64_t digit = text.data[at] - '0';
        if (digit > largest || value > (largest - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (at == 0 || (at < text.size && text.data[at] != '.')) {
        return false;
    }
    for (at++; at < text.size; at++) {
        if (text.data[at] != '0') {
            return false;
        }
    }
    *out = value;
    return true;
}

/*
 * Fits text to a pattern in which each letter stands for a digit of the number with that letter,
 * and anything else for itself.
 */
static bool match(struct text text, const char *pattern, const char *letters, int64_t *numbers)
{
    if (text.size != strlen(pattern)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        const char *letter = strchr(letters, pattern[i]);
        if (letter == NULL ? text.data[i] != pattern[i] : !is_digit(text.data[i])) {
            return false;
        }
        if (letter != NULL) {
            numbers[letter - letters] = numbers[letter - letters] * 10 + (text.data[i] - '0');
        }
    }
    return true;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool to_ms(int64_t year, int64_t month, int64_t day, int64_t *out)
{
    static const int64_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    if (year < 1970 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    int64_t leap_day = month == 2 && is_leap(year);
    if (day > before[month] - before[month - 1] + leap_day) {
        return false;
    }
    int64_t past = year - 1;
    int64_t leaps = past / 4 - past / 100 + past / 400 - 477; /* 477 up to 1969 */
    int64_t days = (year - 1970) * 365 + leaps + before[month - 1] + day - 1;
    days += month > 2 && is_leap(year);
    *out = days * DAY_MS;
    return true;
}

bool field_date(struct text text, int64_t *out)
{
    int64_t n[3] = {0};
    return match(text, "YYYY-MM-DD", "YMD", n) && to_ms(n[0], n[1], n[2], out);
}

bool field_year_day_month(struct text text, int64_t *out)
{
    int64_t n[3] = {0};
    return match(text, "YY.DD.MM", "YMD", n) && to_ms(2000 + n[0], n[1], n[2], out);
}

bool field_instant(struct text text, int64_t *out)
{
    int64_t n[7] = {0};
    int64_t day_ms;
    if (!match(text, "YYYY-MM-DDThh:mm:ss.iiiZ", "YMDhmsi", n) ||
        !to_ms(n[0], n[1], n[2], &day_ms) || n[3] > 23 || n[4] > 59 || n[5] > 59) {
        return false;
    }
    *out = day_ms + n[3] * HOUR_MS + n[4] * MINUTE_MS + n[5] * SECOND_MS + n[6];
    return true;
}

struct text field_cut(struct text text, size_t limit)
{
    if (text.size <= limit) {
        return text;
    }
    size_t size = limit;
    while (size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80) {
        size--;
    }
    return (struct text){text.data, size};
}
