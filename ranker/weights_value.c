#include "ranker/weights_value.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/nearest.h"

enum { NUMBER_TEXT_MAX = 63 };

static const struct {
    char unit;
    double ms;
} units[] = {{'s', 1e3}, {'m', 60e3}, {'h', 3600e3}, {'d', 86400e3}};

enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]), DURATION_DIGITS_MAX = 9 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

void weights_quote(struct text text, char out[QUOTE_SIZE])
{
    enum { ROOM = QUOTE_SIZE - 4 }; /* "..." and the zero */
    size_t size = text.size;
    if (size > ROOM) {
        size = ROOM;
        while (size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80) {
            size--; /* not inside a character */
        }
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        out[i] = byte < 0x20 || byte == 0x7f ? '?' : text.data[i];
    }
    snprintf(out + size, QUOTE_SIZE - size, "%s", size < text.size ? "..." : "");
}

static size_t skip_digits(struct text text, size_t at)
{
    while (at < text.size && is_digit(text.data[at])) {
        at++;
    }
    return at;
}

static size_t skip_sign(struct text text, size_t at)
{
    return at < text.size && (text.data[at] == '-' || text.data[at] == '+') ? at + 1 : at;
}

/* The decimal numbers of YAML 1.2's core schema. strtod() alone would take "nan", "0x1p3" and " 1".
 */
static bool is_number(struct text text)
{
    size_t start = skip_sign(text, 0);
    size_t at = skip_digits(text, start);
    size_t digits = at - start;
    if (at < text.size && text.data[at] == '.') {
        start = at + 1;
        at = skip_digits(text, start);
        digits += at - start;
    }
    if (digits > 0 && at < text.size && (text.data[at] == 'e' || text.data[at] == 'E')) {
        start = skip_sign(text, at + 1);
        at = skip_digits(text, start);
        digits = at - start;
    }
    return digits > 0 && at == text.size;
}

/* What YAML 1.2's core schema takes for null, a truth value or a number that is_number() is not. */
static bool is_special(struct text text)
{
    static const char *const words[] = {"~",     "null",  "Null",  "NULL",  "true",  "True",
                                        "TRUE",  "false", "False", "FALSE", ".nan",  ".NaN",
                                        ".NAN",  ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                        "+.INF", "-.inf", "-.Inf", "-.INF"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (text_equal(text, text_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_hex_or_octal(struct text text)
{
    if (text.size < 3 || text.data[0] != '0' || (text.data[1] != 'x' && text.data[1] != 'o')) {
        return false;
    }
    for (size_t i = 2; i < text.size; i++) {
        char c = text.data[i];
        bool octal = c >= '0' && c <= '7';
        bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (text.data[1] == 'x' ? !hex : !octal) {
            return false;
        }
    }
    return true;
}

bool weights_is_name(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !is_digit(c) && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return text.size >= 1 && text.size <= WEIGHTS_NAME_MAX;
}

static bool has_control(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

bool weights_text_check(struct text text, bool plain, size_t max, char message[VALUE_MESSAGE_SIZE])
{
    char quote[QUOTE_SIZE];
    weights_quote(text, quote);
    if (text.size == 0) {
        snprintf(message, VALUE_MESSAGE_SIZE, "found nothing; allowed: a text of 1 to %zu bytes",
                 max);
    } else if (text.size > max) {
        snprintf(message, VALUE_MESSAGE_SIZE,
                 "found \"%s\", %zu bytes; allowed: a text of 1 to %zu bytes", quote, text.size,
                 max);
    } else if (has_control(text)) {
        snprintf(message, VALUE_MESSAGE_SIZE,
                 "found \"%s\"; allowed: a text without control characters", quote);
    } else if (plain && (is_number(text) || is_special(text) || is_hex_or_octal(text))) {
        snprintf(message, VALUE_MESSAGE_SIZE,
                 "found %s, which is no text to YAML; write it in quotes: \"%s\"", quote, quote);
    } else {
        return true;
    }
    return false;
}

static bool parse_number(struct text text, double *out)
{
    char digits[NUMBER_TEXT_MAX + 1];
    if (text.size > NUMBER_TEXT_MAX || !is_number(text)) {
        return false;
    }
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    *out = strtod(digits, NULL) + 0.0; /* -0 becomes 0 */
    return true;
}

static bool parse_duration(struct text text, double *out)
{
    size_t digits = skip_digits(text, 0);
    if (digits == 0 || digits > DURATION_DIGITS_MAX || digits + 1 != text.size) {
        return false;
    }
    double number = 0;
    for (size_t i = 0; i < digits; i++) {
        number = number * 10 + (text.data[i] - '0');
    }
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].unit == text.data[digits]) {
            *out = number * units[i].ms;
            return true;
        }
    }
    return false;
}

void weights_duration_format(double ms, char out[DURATION_SIZE])
{
    for (size_t i = UNIT_COUNT; i-- > 0;) {
        if (i == 0 || fmod(ms, units[i].ms) < 1) {
            snprintf(out, DURATION_SIZE, "%.0f%c", ms / units[i].ms, units[i].unit);
            return;
        }
    }
}

static void format_choices(const struct weights_choice *choices, char *out, size_t size)
{
    size_t used = 0;
    for (const struct weights_choice *choice = choices; choice->name != NULL; choice++) {
        const char *comma = choice == choices ? "" : ", ";
        int length = snprintf(out + used, size - used, "%s%s", comma, choice->name);
        used += (size_t)length < size - used ? (size_t)length : size - used - 1;
    }
}

void weights_value_range(const struct weights_row *row, char out[RANGE_SIZE])
{
    char min[DURATION_SIZE];
    char max[DURATION_SIZE];
    if (row->kind == WEIGHTS_CHOICE) {
        format_choices(row->choices, out, RANGE_SIZE);
    } else if (row->kind == WEIGHTS_DURATION) {
        weights_duration_format(row->min, min);
        weights_duration_format(row->max, max);
        snprintf(out, RANGE_SIZE, "%s to %s", min, max);
    } else {
        snprintf(out, RANGE_SIZE, "%.10g to %.10g", row->min, row->max);
    }
}

static bool parse_choice(const struct weights_row *row, struct text text, double *out,
                         char message[VALUE_MESSAGE_SIZE])
{
    char quote[QUOTE_SIZE];
    char range[RANGE_SIZE];
    weights_quote(text, quote);
    struct nearest nearest = {.found = quote};
    for (const struct weights_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (text_equal(text, text_of(choice->name))) {
            *out = choice->value;
            return true;
        }
        nearest_offer(&nearest, choice->name);
    }
    weights_value_range(row, range);
    int size = snprintf(message, VALUE_MESSAGE_SIZE, "found \"%s\"; allowed: %s", quote, range);
    if (nearest.best != NULL && (size_t)size < VALUE_MESSAGE_SIZE) {
        snprintf(message + size, VALUE_MESSAGE_SIZE - (size_t)size, "; did you mean \"%s\"?",
                 nearest.best);
    }
    return false;
}

static bool parse_quantity(const struct weights_row *row, struct text text, bool plain, double *out,
                           char message[VALUE_MESSAGE_SIZE])
{
    char quote[QUOTE_SIZE];
    char range[RANGE_SIZE];
    double value = 0;
    bool duration = row->kind == WEIGHTS_DURATION;
    weights_quote(text, quote);
    weights_value_range(row, range);
    if (!duration && !plain) {
        snprintf(message, VALUE_MESSAGE_SIZE,
                 "found the text \"%s\"; a number from %s is written without quotes", quote, range);
    } else if (duration && !parse_duration(text, &value)) {
        snprintf(
            message, VALUE_MESSAGE_SIZE,
            "found \"%s\"; allowed: a duration from %s, a whole number with its unit s, m, h or d",
            quote, range);
    } else if (!duration && !parse_number(text, &value)) {
        snprintf(message, VALUE_MESSAGE_SIZE, "found \"%s\"; allowed: a number from %s", quote,
                 range);
    } else if (!(value >= row->min && value <= row->max)) {
        snprintf(message, VALUE_MESSAGE_SIZE, "found %s; allowed: %s", quote, range);
    } else if (row->kind == WEIGHTS_INTEGER && floor(value) < value) {
        snprintf(message, VALUE_MESSAGE_SIZE, "found %s; allowed: a whole number from %s", quote,
                 range);
    } else {
        *out = value;
        return true;
    }
    return false;
}

bool weights_value_parse(const struct weights_row *row, struct text text, bool plain, double *out,
                         char message[VALUE_MESSAGE_SIZE])
{
    if (text.size == 0 && plain) {
        char range[RANGE_SIZE];
        weights_value_range(row, range);
        snprintf(message, VALUE_MESSAGE_SIZE, "found nothing; allowed: %s", range);
        return false;
    }
    return row->kind == WEIGHTS_CHOICE ? parse_choice(row, text, out, message)
                                       : parse_quantity(row, text, plain, out, message);
}
