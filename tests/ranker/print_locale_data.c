#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "tests/ranker/icu.h"

/*
 * Prints what ranker/locale.c knows of languages and regions, from ICU. In a minute or two:
 * bazel run //tests/ranker:print_locale_data > ranker/locale_data.h
 */

enum { LANGUAGES_MAX = 27 * 26 * 26, REGIONS_MAX = 26 * 26 + 1000, IDS_MAX = 12000, TAG_SIZE = 32 };

/* ---- codes, as ranker/locale.h defines them ---- */

static uint32_t letters(const char *text, unsigned places)
{
    uint32_t code = 0;
    for (unsigned i = 0; i < places; i++) {
        unsigned letter = i < strlen(text) ? (unsigned)(text[i] | 0x20) - 'a' + 1 : 0;
        code = code << 5 | letter;
    }
    return code;
}

static uint32_t language_code(const char *text)
{
    return letters(text, 3);
}

static uint32_t script_code(const char *text)
{
    return text[0] != '\0' ? letters(text, 4) : 0;
}

static uint32_t region_code(const char *text)
{
    if (text[0] == '\0') {
        return 0;
    }
    return text[0] <= '9' ? 0x8000u | (uint32_t)strtoul(text, NULL, 10) : letters(text, 2);
}

/* ---- every language and region there can be ---- */

static size_t list_languages(char (*out)[4])
{
    size_t count = 0;
    for (int a = 'a'; a <= 'z'; a++) {
        for (int b = 'a'; b <= 'z'; b++) {
            for (int c = 'a' - 1; c <= 'z'; c++) {
                int last = c >= 'a' ? c : '\0';
                memcpy(out[count++], (char[4]){(char)a, (char)b, (char)last, '\0'}, 4);
            }
        }
    }
    return count;
}

static size_t list_regions(char (*out)[4])
{
    size_t count = 0;
    for (int a = 'A'; a <= 'Z'; a++) {
        for (int b = 'A'; b <= 'Z'; b++) {
            memcpy(out[count++], (char[4]){(char)a, (char)b, '\0', '\0'}, 4);
        }
    }
    for (int i = 0; i < 1000; i++) {
        char text[12];
        snprintf(text, sizeof(text), "%03d", i);
        memcpy(out[count++], text, 4);
    }
    return count;
}

static char languages[LANGUAGES_MAX][4];
static bool language_canonical[LANGUAGES_MAX];
static size_t language_count;
static char regions[REGIONS_MAX][4];
static struct icu_locale region_replacements[REGIONS_MAX]; /* without a language */
static size_t region_count;

static struct icu_locale canonical(const char *tag)
{
    struct icu_locale locale = {"", "", ""};
    if (!icu_canonical(tag, &locale)) {
        fprintf(stderr, "print_locale_data: ICU refuses \"%s\"\n", tag);
        exit(1);
    }
    return locale;
}

static struct icu_locale canonical_pair(const char *first, const char *second)
{
    char tag[TAG_SIZE];
    snprintf(tag, sizeof(tag), "%.8s-%.8s", first, second);
    return canonical(tag);
}

static void list_all(void)
{
    language_count = list_languages(languages);
    region_count = list_regions(regions);
    for (size_t i = 0; i < language_count; i++) {
        struct icu_locale locale = canonical(languages[i]);
        language_canonical[i] = strcmp(locale.language, languages[i]) == 0 &&
                                locale.script[0] == '\0' && locale.region[0] == '\0';
    }
    for (size_t i = 0; i < region_count; i++) {
        region_replacements[i] = canonical_pair("und", regions[i]);
    }
}

/* ---- tables ---- */

static void print_language_aliases(void)
{
    printf("/* Languages that CLDR replaces; script and region only where a tag has none. */\n"
           "static const struct language_alias language_aliases[] = {\n");
    for (size_t i = 0; i < language_count; i++) {
        struct icu_locale to = canonical(languages[i]);
        if (!language_canonical[i]) {
            printf("    {0x%04x, 0x%04x, 0x%04x, 0x%05x}, /* %s: %s %s %s */\n",
                   language_code(languages[i]), language_code(to.language), region_code(to.region),
                   script_code(to.script), languages[i], to.language, to.script, to.region);
        }
    }
    printf("};\n\n");
}

static void print_script_aliases(void)
{
    char script[5] = "Aaaa";
    printf("/* Scripts that CLDR replaces. */\n"
           "static const struct script_alias script_aliases[] = {\n");
    for (unsigned i = 0; i < 26 * 26 * 26 * 26; i++) {
        script[0] = (char)('A' + i / (26 * 26 * 26));
        script[1] = (char)('a' + i / (26 * 26) % 26);
        script[2] = (char)('a' + i / 26 % 26);
        script[3] = (char)('a' + i % 26);
        struct icu_locale to = canonical_pair("und", script);
        if (strcmp(to.script, script) != 0) {
            printf("    {0x%05x, 0x%05x}, /* %s: %s */\n", script_code(script),
                   script_code(to.script), script, to.script);
        }
    }
    printf("};\n\n");
}

static void print_region_aliases(void)
{
    printf("/* Regions that CLDR replaces, whatever the language. */\n"
           "static const struct region_alias region_aliases[] = {\n");
    for (size_t i = 0; i < region_count; i++) {
        const char *to = region_replacements[i].region;
        if (strcmp(to, regions[i]) != 0) {
            printf("    {0x%04x, 0x%04x}, /* %s: %s */\n", region_code(regions[i]), region_code(to),
                   regions[i], to);
        }
    }
    printf("};\n\n");
}

static void print_pair(const char *language, size_t region)
{
    struct icu_locale to = canonical_pair(language, regions[region]);
    if (strcmp(to.language, language) != 0 ||
        strcmp(to.region, region_replacements[region].region) != 0) {
        printf("    {0x%04x, 0x%04x, 0x%04x, 0x%04x}, /* %s-%s: %s %s */\n",
               language_code(language), region_code(regions[region]), language_code(to.language),
               region_code(to.region), language, regions[region], to.language, to.region);
    }
}

/* Sign languages are named by their country; a country that split goes to the language's part. */
static void print_pair_aliases(void)
{
    printf("/* Languages and regions whose replacement is another one for both together. */\n"
           "static const struct pair_alias pair_aliases[] = {\n");
    for (size_t i = 0; i < language_count; i++) {
        bool signs = strcmp(languages[i], "sgn") == 0;
        for (size_t j = 0; language_canonical[i] && j < region_count; j++) {
            if (signs || strcmp(region_replacements[j].region, regions[j]) != 0) {
                print_pair(languages[i], j);
            }
        }
    }
    printf("};\n\n");
}

/* Whole tags rather than languages, or a language in a region, which are above. */
static bool is_legacy(const char *key)
{
    size_t first = strcspn(key, "-");
    if (key[first] == '\0' || strncmp(key, "und-", 4) == 0) {
        return false;
    }
    size_t second = strcspn(key + first + 1, "-");
    return first == 1 || second > 2 || key[first + 1 + second] != '\0';
}

static void print_legacy(void)
{
    static char keys[IDS_MAX][ICU_ID_SIZE];
    size_t count = icu_alias_keys(keys, IDS_MAX);
    printf("/* Whole tags, most from before BCP 47, in lower case. */\n"
           "static const struct legacy_tag legacy_tags[] = {\n");
    for (size_t i = 0; i < count; i++) {
        for (char *c = keys[i]; *c != '\0'; c++) {
            *c = (char)(*c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        }
        if (is_legacy(keys[i])) {
            struct icu_locale to = canonical(keys[i]);
            printf("    {\"%s\", {0x%04x, 0x%04x, 0x%05x}}, /* %s %s %s */\n", keys[i],
                   language_code(to.language), region_code(to.region), script_code(to.script),
                   to.language, to.script, to.region);
        }
    }
    printf("};\n\n");
}

static void print_words(const char *name, const uint32_t *bits, size_t words)
{
    printf("static const uint32_t %s[%zu] = {", name, words);
    for (size_t i = 0; i < words; i++) {
        printf("%s0x%x,", i % 12 == 0 ? "\n    " : " ", bits[i]);
    }
    printf("\n};\n\n");
}

static void set_ids(const char *kind, const char *type, uint32_t *bits)
{
    static char ids[IDS_MAX][ICU_ID_SIZE];
    size_t count = icu_ids(kind, type, ids, IDS_MAX);
    CHECK(count < IDS_MAX);
    for (size_t i = 0; i < count; i++) {
        uint32_t code = strcmp(kind, "language") == 0 ? language_code(ids[i]) : region_code(ids[i]);
        code = (code & 0x8000) != 0 ? 1024 + (code & 0x7fff) : code;
        bits[code / 32] |= 1u << code % 32;
    }
}

static void print_known(void)
{
    static uint32_t language_bits[1024];
    static uint32_t region_bits[64];
    set_ids("language", "regular", language_bits);
    set_ids("language", "special", language_bits);
    set_ids("region", "regular", region_bits);
    set_ids("region", "macroregion", region_bits);
    printf("/* A bit for each language that is assigned, by its code. */\n");
    print_words("known_languages", language_bits, 1024);
    printf("/* Likewise for regions; groups of countries at 1024 and their number. */\n");
    print_words("known_regions", region_bits, 64);
}

static void print_scripts(void)
{
    size_t printed = 0;
    printf("/* The script that a language is most likely written in. */\n"
           "static const struct language_script language_scripts[] = {");
    for (size_t i = 0; i < language_count; i++) {
        struct icu_locale likely = icu_likely(canonical(languages[i]));
        if (language_canonical[i] && likely.script[0] != '\0') {
            printf("%s{0x%04x, 0x%05x},", printed % 5 == 0 ? "\n    " : " ",
                   language_code(languages[i]), script_code(likely.script));
            printed++;
        }
    }
    printf("\n};\n\n");
}

static void print_other_scripts(void)
{
    printf("/* Where a language is most likely written in another script. */\n"
           "static const struct pair_script pair_scripts[] = {\n");
    for (size_t i = 0; i < language_count; i++) {
        struct icu_locale alone = canonical(languages[i]);
        struct icu_locale likely = icu_likely(alone);
        bool asked = language_canonical[i] && likely.script[0] != '\0';
        for (size_t j = 0; asked && j < region_count; j++) {
            struct icu_locale locale = alone;
            memcpy(locale.region, regions[j], 4);
            struct icu_locale there = icu_likely(locale);
            if (strcmp(there.script, likely.script) != 0) {
                printf("    {0x%04x, 0x%04x}, /* %s-%s: %s */\n", language_code(languages[i]),
                       region_code(regions[j]), languages[i], regions[j], there.script);
            }
        }
    }
    printf("};\n\n");
}

/* Countries alone: what most people of a continent speak says little of one of them. */
static void print_region_languages(void)
{
    printf("/* The language that most people of a country likely use. */\n"
           "static const struct region_language region_languages[] = {\n");
    static uint32_t bits[64];
    set_ids("region", "regular", bits);
    for (size_t i = 0; i < region_count && region_code(regions[i]) < 0x8000; i++) {
        uint32_t code = region_code(regions[i]);
        struct icu_locale locale = {"", "", ""};
        memcpy(locale.region, regions[i], 4);
        struct icu_locale likely = icu_likely(locale);
        if ((bits[code / 32] >> code % 32 & 1) != 0 && likely.language[0] != '\0') {
            printf("    {0x%04x, 0x%04x}, /* %s: %s */\n", code, language_code(likely.language),
                   regions[i], likely.language);
        }
    }
    printf("};\n\n");
}

static const char head[] =
    "/*\n"
    " * Made by tests/ranker/print_locale_data.c, which says how.\n"
    " * Only ranker/locale.c includes it. Codes are those of ranker/locale.h; every table is "
    "sorted\n"
    " * by its first members.\n"
    " */\n"
    "#ifndef RANKER_LOCALE_DATA_H\n"
    "#define RANKER_LOCALE_DATA_H\n\n"
    "#include <stdint.h>\n\n"
    "#include \"ranker/locale.h\"\n\n"
    "/* clang-format off */\n"
    "struct language_alias { uint16_t from, language, region; uint32_t script; };\n"
    "struct script_alias { uint32_t from, script; };\n"
    "struct region_alias { uint16_t from, region; };\n"
    "struct pair_alias { uint16_t from_language, from_region, language, region; };\n"
    "struct legacy_tag { const char *tag; struct locale locale; };\n"
    "struct language_script { uint16_t language; uint32_t script; };\n"
    "struct pair_script { uint16_t language, region; };\n"
    "struct region_language { uint16_t region, language; };\n\n";

int main(void)
{
    list_all();
    fputs(head, stdout);
    printf("static const char locale_data_source[] = \"%s\";\n\n", icu_versions());
    print_language_aliases();
    print_script_aliases();
    print_region_aliases();
    print_pair_aliases();
    print_legacy();
    print_known();
    print_scripts();
    print_other_scripts();
    print_region_languages();
    printf("/* clang-format on */\n\n#endif\n");
    return 0;
}
