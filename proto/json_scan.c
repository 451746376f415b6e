#include "proto/json_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WHOLE_DIGITS = 18, /* any number of so many fits 64 bits */
    REAL_SIZE = 64,    /* characters of a number, with a zero */
    EXACT_DIGITS = 15, /* any number of so many is exact in a double, */
    EXACT_POWER = 22   /* and so is ten to this power */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

char scan_peek(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r')) {
        scan->at++;
    }
    return scan->at < scan->end ? *scan->at : '\0';
}

bool scan_take(struct scan *scan, char c)
{
    bool there = scan_peek(scan) == c;
    scan->at += there;
    return there;
}

bool scan_word(struct scan *scan, const char *word)
{
    size_t size = strlen(word);
    bool there = (size_t)(scan->end - scan->at) >= size && memcmp(scan->at, word, size) == 0;
    scan->at += there ? size : 0;
    return there;
}

bool scan_bare(struct scan *scan, struct text *out)
{
    if (!scan_take(scan, '"')) {
        return false;
    }
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\' &&
           (unsigned char)*scan->at >= ' ') {
        scan->at++;
    }
    *out = (struct text){start, (size_t)(scan->at - start)};
    return scan_word(scan, "\"");
}

/* The character that an escape of one letter stands for; 0: another kind of escape. */
static char escaped(char letter)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char characters[] = "\"\\/\b\f\n\r\t";
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    return found != NULL ? characters[found - letters] : '\0';
}

/* The end of the string that begins here, which is the quote, and whether it has escapes. */
static bool find_quote(const struct scan *scan, const char **end, bool *has_escapes)
{
    const char *at = scan->at;
    *has_escapes = false;
    while (at < scan->end && *at != '"') {
        if ((unsigned char)*at < ' ') {
            return false;
        }
        if (*at == '\\') {
            *has_escapes = true;
            at++;
        }
        at++;
    }
    *end = at;
    return at < scan->end;
}

/* Copies size bytes to out without their escapes, with a zero; false for one that is not known. */
static bool unescape(const char *from, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        char c = from[i];
        if (c == '\\') {
            i++;
            c = escaped(from[i]);
            if (c == '\0') {
                return false;
            }
        }
        *out++ = c;
    }
    *out = '\0';
    return true;
}

bool scan_string(struct scan *scan, struct arena *arena, char **out)
{
    const char *end;
    bool has_escapes;
    if (!scan_take(scan, '"') || !find_quote(scan, &end, &has_escapes)) {
        return false;
    }
    struct text text = {scan->at, (size_t)(end - scan->at)};
    char *copy = arena_new_raw(arena, char, text.size + 1);
    scan->at = end + 1;
    if (copy == NULL || (!text_is_ascii(text) && !text_is_utf8(text))) {
        return false;
    }
    *out = copy;
    if (has_escapes) {
        return unescape(text.data, text.size, copy);
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return true;
}

/* Digits from at on, up to one more than limit. Returns how many were taken. */
static size_t take_digits(struct scan *scan, size_t limit, uint64_t *out)
{
    const char *start = scan->at;
    uint64_t value = 0;
    while (scan->at < scan->end && is_digit(*scan->at) && (size_t)(scan->at - start) <= limit) {
        value = value * 10 + (uint64_t)(*scan->at - '0');
        scan->at++;
    }
    *out = value;
    return (size_t)(scan->at - start);
}

static bool is_number_part(const struct scan *scan)
{
    char c = scan->at < scan->end ? *scan->at : '\0';
    return is_digit(c) || c == '.' || c == 'e' || c == 'E';
}

/* A number, or a string of digits, whose magnitude is at most largest. */
static bool read_whole(struct scan *scan, uint64_t largest, bool *negative, uint64_t *out)
{
    bool quoted = scan_take(scan, '"');
    *negative = scan->at < scan->end && *scan->at == '-';
    scan->at += *negative;
    const char *start = scan->at;
    size_t digits = take_digits(scan, WHOLE_DIGITS, out);
    if (digits == 0 || digits > WHOLE_DIGITS || *out > largest) {
        return false;
    }
    if (quoted) {
        return scan_word(scan, "\"");
    }
    return !is_number_part(scan) && (digits == 1 || *start != '0');
}

bool scan_signed(struct scan *scan, int64_t largest, int64_t *out)
{
    bool negative;
    uint64_t magnitude;
    if (!read_whole(scan, (uint64_t)largest, &negative, &magnitude)) {
        return false;
    }
    *out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

bool scan_unsigned(struct scan *scan, uint64_t largest, uint64_t *out)
{
    bool negative;
    return read_whole(scan, largest, &negative, out) && (!negative || *out == 0);
}

/* Any number, from its text: slower, and right for all. A locale may have another point. */
static bool convert_real(struct text text, double *out)
{
    char copy[REAL_SIZE];
    if (text.size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    char *end;
    *out = strtod(copy, &end);
    return end == copy + text.size && isfinite(*out);
}

/* Takes a fraction and an exponent, if they are there; the digits of the fraction follow whole. */
static bool take_fraction(struct scan *scan, uint64_t whole, uint64_t *mantissa, size_t *places,
                          bool *has_exponent)
{
    uint64_t fraction = 0;
    uint64_t exponent;
    *places = 0;
    *mantissa = whole;
    if (scan_word(scan, ".")) {
        *places = take_digits(scan, EXACT_DIGITS, &fraction);
        if (*places == 0) {
            return false;
        }
        for (size_t i = 0; i < *places; i++) {
            *mantissa *= 10; /* overflows only where the digits are too many to count */
        }
        *mantissa += fraction;
        while (scan->at < scan->end && is_digit(*scan->at)) {
            scan->at++;
        }
    }
    *has_exponent = scan_word(scan, "e") || scan_word(scan, "E");
    if (!*has_exponent) {
        return true;
    }
    if (!scan_word(scan, "-")) {
        (void)scan_word(scan, "+");
    }
    return take_digits(scan, 4, &exponent) > 0;
}

/*
 * A number of few digits is the quotient of two exact doubles, which rounds as the number itself
 * does. Without fraction and exponent it is a whole number, for which -0 is 0.
 */
bool scan_real(struct scan *scan, double *out)
{
    static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    (void)scan_peek(scan);
    const char *start = scan->at;
    bool negative = scan_word(scan, "-");
    const char *first = scan->at;
    uint64_t whole;
    uint64_t mantissa;
    size_t places;
    bool has_exponent;
    size_t digits = take_digits(scan, WHOLE_DIGITS, &whole);
    if (digits == 0 || digits > WHOLE_DIGITS || (digits > 1 && *first == '0') ||
        !take_fraction(scan, whole, &mantissa, &places, &has_exponent) || is_number_part(scan)) {
        return false;
    }
    if (places == 0 && !has_exponent) {
        *out = negative ? (double)-(int64_t)whole : (double)(int64_t)whole;
        return true;
    }
    if (digits + places > EXACT_DIGITS || has_exponent) {
        return convert_real((struct text){start, (size_t)(scan->at - start)}, out);
    }
    double magnitude = (double)mantissa / powers[places];
    *out = negative ? -magnitude : magnitude;
    return true;
}
