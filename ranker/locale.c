#include "ranker/locale.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/locale_data.h"

enum { LETTER_BITS = 5, LETTER_MASK = 31, REGION_NUMERIC = 0x8000, SUBTAG_MAX = 8 };
enum { KNOWN_GROUPS = 1024 }; /* where known_regions has the groups of countries */

#define LETTER(c)            ((uint16_t)((c) - 'a' + 1))
#define LANGUAGE(a, b, last) ((uint16_t)(LETTER(a) << 10 | LETTER(b) << 5 | (last)))
#define COUNT(array)         (sizeof(array) / sizeof((array)[0]))
#define FIND(table, compare, key) \
    bsearch((key), (table), COUNT(table), sizeof((table)[0]), (compare))

/*
 * Languages that a tag may name behind the one they are of (zh-yue), from the IANA registry. Sign
 * languages, which would stand behind sgn, are missing: few write them so. Other three letters in
 * that place are somebody's idea of a country (hi-IND), which ICU would read as a language.
 */
static const struct {
    uint16_t prefix;
    const char *languages; /* three letters each */
} extended_languages[] = {
    {LANGUAGE('a', 'r', 0), "aao abh abv acm acq acw acx acy adf aeb aec afb ajp apc apd arb arq "
                            "ars ary arz auz avl ayh ayl ayn ayp bbz pga shu ssh"},
    {LANGUAGE('k', 'o', LETTER('k')), "gom knn"},
    {LANGUAGE('l', 'v', 0), "ltg lvs"},
    {LANGUAGE('m', 's', 0), "bjn btj bve bvu coa dup hji jak jax kvb kvr kxd lce lcf liw max meo "
                            "mfa mfb min mqg msi mui orn ors pel pse tmw urk vkk vkt xmm zlm zmi "
                            "zsm"},
    {LANGUAGE('s', 'w', 0), "swc swh"},
    {LANGUAGE('u', 'z', 0), "uzn uzs"},
    {LANGUAGE('z', 'h', 0), "cdo cjy cmn cnp cpx csp czh czo gan hak hsn lzh mnp nan wuu yue"},
};

/* ---- tables: each begins with the numbers it is sorted by ---- */

static int compare_one(const void *key, const void *row)
{
    uint16_t wanted = *(const uint16_t *)key;
    uint16_t found = *(const uint16_t *)row;
    return (wanted > found) - (wanted < found);
}

static int compare_two(const void *key, const void *row)
{
    int first = compare_one(key, row);
    return first != 0 ? first : compare_one((const uint16_t *)key + 1, (const uint16_t *)row + 1);
}

static bool has_bit(const uint32_t *words, size_t count, unsigned at)
{
    return at / 32 < count && (words[at / 32] >> at % 32 & 1) != 0;
}

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

static bool parse_language(struct text subtag, uint16_t *out)
{
    bool two = all_letters(subtag, 2);
    if (!two && !all_letters(subtag, 3)) {
        return false;
    }
    *out = (uint16_t)(two ? pack(subtag) << LETTER_BITS : pack(subtag));
    return true;
}

/* Makes *language the extended one that the subtag names, if it does. */
static bool parse_extended(struct text subtag, uint16_t *language)
{
    for (size_t i = 0; all_letters(subtag, 3) && i < COUNT(extended_languages); i++) {
        const char *at = extended_languages[i].languages;
        for (; extended_languages[i].prefix == *language && *at != '\0';
             at += at[3] != '\0' ? 4 : 3) {
            if (pack((struct text){.data = at, .size = 3}) == pack(subtag)) {
                *language = (uint16_t)pack(subtag);
                return true;
            }
        }
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

/* Reads a tag as it is written; *has_tail tells whether anything follows the region. */
static bool parse_subtags(struct text tag, struct locale *out, bool *has_tail)
{
    struct locale locale = {0};
    struct text rest = tag;
    if (!parse_language(take(&rest), &locale.language)) {
        return false;
    }
    struct text subtag = take(&rest);
    if (parse_extended(subtag, &locale.language)) {
        subtag = take(&rest);
    }
    if (all_letters(subtag, 4)) {
        locale.script = pack(subtag);
        subtag = take(&rest);
    }
    if (parse_region(subtag, &locale.region)) {
        subtag = take(&rest);
    }
    *out = locale;
    *has_tail = subtag.size > 0;
    return tail_is_valid(subtag, rest);
}

static const struct locale *find_legacy(struct text tag)
{
    for (size_t i = 0; i < COUNT(legacy_tags); i++) {
        const char *wanted = legacy_tags[i].tag;
        size_t at = 0;
        while (at < tag.size &&
               wanted[at] == (is_separator(tag.data[at]) ? '-' : lower(tag.data[at]))) {
            at++;
        }
        if (at == tag.size && wanted[at] == '\0') {
            return &legacy_tags[i].locale;
        }
    }
    return NULL;
}

static uint16_t replace_region(uint16_t region)
{
    const struct region_alias *alias = FIND(region_aliases, compare_one, &region);
    return alias != NULL ? alias->region : region;
}

/* What CLDR replaces, in its order: the language, then what depends on it. */
static struct locale replace(struct locale locale)
{
    const struct language_alias *alias = FIND(language_aliases, compare_one, &locale.language);
    if (alias != NULL) {
        locale.language = alias->language;
        locale.script = locale.script != 0 ? locale.script : alias->script;
        locale.region = locale.region != 0 ? locale.region : alias->region;
    }
    for (size_t i = 0; i < COUNT(script_aliases); i++) {
        if (script_aliases[i].from == locale.script) {
            locale.script = script_aliases[i].script;
        }
    }
    const uint16_t key[] = {locale.language, locale.region};
    const struct pair_alias *pair = FIND(pair_aliases, compare_two, key);
    if (pair != NULL) {
        locale.language = pair->language;
        locale.region = pair->region;
    } else {
        locale.region = replace_region(locale.region);
    }
    return locale;
}

/*
 * Leaves out the script that the language has anyhow. Not where it has another one in the region:
 * zh-TW is not zh-Hans-TW.
 */
static struct locale suppress_script(struct locale locale)
{
    const uint16_t key[] = {locale.language, locale.region};
    const struct language_script *likely =
        locale.script != 0 ? FIND(language_scripts, compare_one, key) : NULL;
    if (likely != NULL && likely->script == locale.script &&
        FIND(pair_scripts, compare_two, key) == NULL) {
        locale.script = 0;
    }
    return locale;
}

enum status locale_parse(struct text tag, struct locale *out)
{
    if (!is_well_cut(tag)) {
        return STATUS_INVALID;
    }
    struct locale locale;
    bool has_tail = false;
    bool is_read = parse_subtags(tag, &locale, &has_tail);
    const struct locale *legacy = !is_read || has_tail ? find_legacy(tag) : NULL;
    if (!is_read && legacy == NULL) {
        return STATUS_INVALID;
    }
    *out = suppress_script(legacy != NULL ? *legacy : replace(locale));
    return STATUS_OK;
}

enum status locale_parse_region(struct text tag, uint16_t *out)
{
    if (!all_letters(tag, 2)) {
        return STATUS_INVALID;
    }
    *out = replace_region((uint16_t)pack(tag));
    return STATUS_OK;
}

bool locale_is_known(struct locale locale)
{
    bool is_group = (locale.region & REGION_NUMERIC) != 0;
    unsigned region = is_group ? locale.region - REGION_NUMERIC + KNOWN_GROUPS : locale.region;
    return (locale.language == 0 ||
            has_bit(known_languages, COUNT(known_languages), locale.language)) &&
           (locale.region == 0 || has_bit(known_regions, COUNT(known_regions), region));
}

uint16_t locale_default_language(uint16_t region)
{
    const struct region_language *likely = FIND(region_languages, compare_one, &region);
    return likely != NULL ? likely->language : 0;
}

uint16_t locale_language(struct locale locale)
{
    return locale.language != 0 ? locale.language : locale_default_language(locale.region);
}

const char *locale_source(void)
{
    return locale_data_source;
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
