#include "ranker/locale.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"

enum { LETTER_BITS = 5, LETTER_MASK = 31, REGION_NUMERIC = 0x8000, SUBTAG_MAX = 8 };

#define LETTER(c)            ((uint16_t)((c) - 'a' + 1))
#define LANGUAGE(a, b, last) ((uint16_t)(LETTER(a) << 10 | LETTER(b) << 5 | (last)))

/* Not <ctype.h>, whose answers depend on the process's locale. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_separator(char c)
{
    return c == '-' || c == '_';
}

static bool all_letters(struct text text, size_t size)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_letter(text.data[i])) {
            return false;
        }
    }
    return text.size == size;
}

/* Subtags of 1 to 8 letters and digits with one separator between each two. */
static bool is_well_cut(struct text tag)
{
    size_t length = 0;
    for (size_t i = 0; i < tag.size; i++) {
        char c = tag.data[i];
        if (is_separator(c) && length > 0) {
            length = 0;
        } else if ((is_letter(c) || is_digit(c)) && length < SUBTAG_MAX) {
            length++;
        } else {
            return false;
        }
    }
    return length > 0;
}

/* Cuts the first subtag off *rest; empty at the end. */
static struct text take(struct text *rest)
{
    struct text subtag = {.data = rest->data, .size = 0};
    while (subtag.size < rest->size && !is_separator(rest->data[subtag.size])) {
        subtag.size++;
    }
    size_t used = subtag.size < rest->size ? subtag.size + 1 : subtag.size;
    if (used > 0) {
        *rest = (struct text){.data = rest->data + used, .size = rest->size - used};
    }
    return subtag;
}

static uint32_t pack(struct text letters)
{
    uint32_t code = 0;
    for (size_t i = 0; i < letters.size; i++) {
        code = code << LETTER_BITS | LETTER(lower(letters.data[i]));
    }
    return code;
}

static uint16_t replace_deprecated(uint16_t language)
{
    switch (language) {
    case LANGUAGE('i', 'n', 0):
        return LANGUAGE('i', 'd', 0);
    case LANGUAGE('i', 'w', 0):
        return LANGUAGE('h', 'e', 0);
    case LANGUAGE('j', 'i', 0):
        return LANGUAGE('y', 'i', 0);
    case LANGUAGE('j', 'w', 0):
        return LANGUAGE('j', 'v', 0);
    case LANGUAGE('m', 'o', 0):
        return LANGUAGE('r', 'o', 0);
    case LANGUAGE('u', 'n', LETTER('d')):
        return 0;
    default:
        return language;
    }
}

static bool parse_language(struct text subtag, uint16_t *out)
{
    if (all_letters(subtag, 2)) {
        *out = replace_deprecated((uint16_t)(pack(subtag) << LETTER_BITS));
        return true;
    }
    if (all_letters(subtag, 3)) {
        *out = replace_deprecated((uint16_t)pack(subtag));
        return true;
    }
    return false;
}

static bool parse_region(struct text subtag, uint16_t *out)
{
    if (all_letters(subtag, 2)) {
        *out = (uint16_t)pack(subtag);
        return true;
    }
    const char *c = subtag.data;
    if (subtag.size == 3 && is_digit(c[0]) && is_digit(c[1]) && is_digit(c[2])) {
        int number = (c[0] - '0') * 100 + (c[1] - '0') * 10 + (c[2] - '0');
        *out = (uint16_t)(REGION_NUMERIC | number);
        return true;
    }
    return false;
}

static bool is_variant(struct text subtag)
{
    return subtag.size >= 5 || (subtag.size == 4 && is_digit(subtag.data[0]));
}

/*
 * What may follow the region, of RFC 5646's form: variants, then extensions (a singleton and its
 * subtags of 2 to 8), then private use ("x" and anything).
 */
static bool tail_is_valid(struct text subtag, struct text rest)
{
    while (is_variant(subtag)) {
        subtag = take(&rest);
    }
    while (subtag.size == 1 && lower(subtag.data[0]) != 'x') {
        subtag = take(&rest);
        if (subtag.size < 2) {
            return false;
        }
        while (subtag.size >= 2) {
            subtag = take(&rest);
        }
    }
    if (subtag.size == 1) {
        return take(&rest).size > 0;
    }
    return subtag.size == 0;
}

enum status locale_parse(struct text tag, struct locale *out)
{
    if (!is_well_cut(tag)) {
        return STATUS_INVALID;
    }
    struct locale locale = {0};
    struct text rest = tag;
    if (!parse_language(take(&rest), &locale.language)) {
        return STATUS_INVALID;
    }
    struct text subtag = take(&rest);
    if (all_letters(subtag, 4)) {
        locale.script = pack(subtag);
        subtag = take(&rest);
    }
    if (parse_region(subtag, &locale.region)) {
        subtag = take(&rest);
    }
    if (!tail_is_valid(subtag, rest)) {
        return STATUS_INVALID;
    }
    *out = locale;
    return STATUS_OK;
}

enum status locale_parse_region(struct text tag, uint16_t *out)
{
    if (!all_letters(tag, 2)) {
        return STATUS_INVALID;
    }
    *out = (uint16_t)pack(tag);
    return STATUS_OK;
}

/* Writes the count letters of a code, first one highest, skipping empty places; returns the end. */
static char *unpack(char *out, uint32_t code, unsigned count, char first)
{
    for (unsigned i = count; i-- > 0;) {
        unsigned letter = code >> (i * LETTER_BITS) & LETTER_MASK;
        if (letter != 0) {
            *out++ = (char)(first + (int)letter - 1);
        }
    }
    *out = '\0';
    return out;
}

void locale_format_language(uint16_t language, char out[LOCALE_TEXT_SIZE])
{
    unpack(out, language != 0 ? language : LANGUAGE('u', 'n', LETTER('d')), 3, 'a');
}

void locale_format_region(uint16_t region, char out[LOCALE_TEXT_SIZE])
{
    if ((region & REGION_NUMERIC) != 0) {
        snprintf(out, LOCALE_TEXT_SIZE, "%03u", (unsigned)(region & ~REGION_NUMERIC));
    } else {
        unpack(out, region, 2, 'A');
    }
}

void locale_format(struct locale locale, char out[LOCALE_TEXT_SIZE])
{
    locale_format_language(locale.language, out);
    char *end = out + strlen(out);
    if (locale.script != 0) {
        *end++ = '-';
        end = unpack(end, locale.script >> (3 * LETTER_BITS), 1, 'A');
        end = unpack(end, locale.script & 0x7fff, 3, 'a');
    }
    if (locale.region != 0) {
        char region[LOCALE_TEXT_SIZE];
        locale_format_region(locale.region, region);
        int size = snprintf(end, 5, "-%s", region);
        CHECK(size <= 4); /* "-IN" or "-419" */
    }
}
