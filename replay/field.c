#include "replay/field.h"

#include <math.h>
#include <stdlib.h>

#include "ranker/limits.h"

/* A number of more digits is cut, or not one: nothing writes it. */
enum { FINER_DIGITS = 9, REAL_DIGITS = 40, EXPONENT_DIGITS = 3, REAL_SIZE = 64 };

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

/* Takes up to count digits; returns how many there were. */
static size_t skip_digits(struct text *text, size_t count)
{
    size_t taken = 0;
    while (taken < count && taken < text->size && is_digit(text->data[taken])) {
        taken++;
    }
    *text = (struct text){text->data + taken, text->size - taken};
    return taken;
}

/* The same for a few digits, with the number that they are. */
static size_t take_digits(struct text *text, size_t count, int64_t *out)
{
    const char *digits = text->data;
    size_t taken = skip_digits(text, count);
    *out = 0;
    for (size_t i = 0; i < taken; i++) {
        *out = *out * 10 + (digits[i] - '0');
    }
    return taken;
}

static bool take_char(struct text *text, char c)
{
    bool there = text->size > 0 && text->data[0] == c;
    if (there) {
        *text = (struct text){text->data + 1, text->size - 1};
    }
    return there;
}

/* ".5", ".004101" or nothing; what is finer than a millisecond is cut off. */
static bool take_fraction(struct text *text, int64_t *ms)
{
    int64_t digits;
    *ms = 0;
    if (!take_char(text, '.')) {
        return true;
    }
    size_t count = take_digits(text, 3, &digits);
    for (size_t i = count; i < 3; i++) {
        digits *= 10;
    }
    *ms = digits;
    (void)skip_digits(text, FINER_DIGITS);
    return count > 0;
}

/* "Z", "+05:30" or "-08:00". */
static bool take_zone(struct text *text, int64_t *ms)
{
    int64_t hours;
    int64_t minutes;
    *ms = 0;
    if (take_char(text, 'Z')) {
        return true;
    }
    bool behind = take_char(text, '-');
    if ((!behind && !take_char(text, '+')) || take_digits(text, 2, &hours) != 2 ||
        !take_char(text, ':') || take_digits(text, 2, &minutes) != 2 || hours > 23 ||
        minutes > 59) {
        return false;
    }
    *ms = (behind ? -1 : 1) * (hours * HOUR_MS + minutes * MINUTE_MS);
    return true;
}

bool field_instant(struct text text, int64_t *out)
{
    enum { DAY_SIZE = 10, CLOCK_SIZE = 8 }; /* 2017-11-12, and 12:20:39 behind a T or a space */
    int64_t n[3] = {0};
    int64_t day_ms;
    int64_t fraction_ms;
    int64_t zone_ms;
    if (text.size <= DAY_SIZE + CLOCK_SIZE ||
        (text.data[DAY_SIZE] != 'T' && text.data[DAY_SIZE] != ' ') ||
        !field_date((struct text){text.data, DAY_SIZE}, &day_ms) ||
        !match((struct text){text.data + DAY_SIZE + 1, CLOCK_SIZE}, "hh:mm:ss", "hms", n) ||
        n[0] > 23 || n[1] > 59 || n[2] > 59) {
        return false;
    }
    size_t rest = DAY_SIZE + 1 + CLOCK_SIZE;
    text = (struct text){text.data + rest, text.size - rest};
    if (!take_fraction(&text, &fraction_ms) || !take_zone(&text, &zone_ms) || text.size > 0) {
        return false;
    }
    int64_t clock_ms = n[0] * HOUR_MS + n[1] * MINUTE_MS + n[2] * SECOND_MS;
    int64_t ms = day_ms + clock_ms + fraction_ms - zone_ms;
    if (ms < 0 || ms > LIMIT_TIME_MS) {
        return false;
    }
    *out = ms;
    return true;
}

/* -12.5e-3: digits on at least one side of a point, and perhaps an exponent of ten. */
static bool is_decimal(struct text text)
{
    (void)take_char(&text, '-');
    size_t digits = skip_digits(&text, REAL_DIGITS);
    if (take_char(&text, '.')) {
        digits += skip_digits(&text, REAL_DIGITS);
    }
    if (digits == 0) {
        return false;
    }
    if (take_char(&text, 'e') || take_char(&text, 'E')) {
        if (!take_char(&text, '-')) {
            (void)take_char(&text, '+');
        }
        size_t exponent = skip_digits(&text, EXPONENT_DIGITS);
        return exponent > 0 && text.size == 0;
    }
    return text.size == 0;
}

bool field_real(struct text text, double *out)
{
    char copy[REAL_SIZE];
    if (text.size >= sizeof(copy) || !is_decimal(text)) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    double value = strtod(copy, NULL);
    if (!isfinite(value)) {
        return false;
    }
    *out = value;
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
