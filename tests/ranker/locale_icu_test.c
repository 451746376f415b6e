#include <stdio.h>
#include <string.h>

#include "ranker/locale.h"
#include "tests/ranker/icu.h"
#include "tests/test.h"

/*
 * locale.h against ICU itself: all languages of two and three letters, all regions, and many tags
 * made of both. Another release of ICU rightly says other things, so then there is nothing to
 * compare.
 */

enum { TAG_SIZE = 48 };

static void need_the_same_icu(void)
{
    if (strcmp(icu_versions(), locale_source()) != 0) {
        static char reason[160];
        snprintf(reason, sizeof(reason), "the tables are of %s, this machine has %s",
                 locale_source(), icu_versions());
        test_skip(reason);
    }
}

/* ICU's canonical form, less the script that is left out (see locale.h). */
static void expected(const char *tag, char out[TAG_SIZE])
{
    struct icu_locale locale;
    CHECK(icu_canonical(tag, &locale));
    struct icu_locale alone = {"", "", ""};
    struct icu_locale there = {"", "", ""};
    memcpy(alone.language, locale.language, sizeof(alone.language));
    memcpy(there.language, locale.language, sizeof(there.language));
    memcpy(there.region, locale.region, sizeof(there.region));
    bool is_likely = locale.language[0] != '\0' &&
                     strcmp(icu_likely(alone).script, locale.script) == 0 &&
                     strcmp(icu_likely(there).script, locale.script) == 0;
    bool has_script = locale.script[0] != '\0' && !is_likely;
    snprintf(out, TAG_SIZE, "%s%s%s%s%s", locale.language[0] != '\0' ? locale.language : "und",
             has_script ? "-" : "", has_script ? locale.script : "",
             locale.region[0] != '\0' ? "-" : "", locale.region);
}

static void check_tag(const char *tag)
{
    char want[TAG_SIZE];
    char got[LOCALE_TEXT_SIZE];
    struct locale locale;
    expected(tag, want);
    CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
    locale_format(locale, got);
    if (strcmp(want, got) != 0) {
        fprintf(stderr, "%s: ICU says %s, locale_parse() %s\n", tag, want, got);
        abort();
    }
}

static void all_languages_of_two_and_three_letters_agree(void)
{
    need_the_same_icu();
    size_t count = 0;
    for (int a = 'a'; a <= 'z'; a++) {
        for (int b = 'a'; b <= 'z'; b++) {
            check_tag((const char[]){(char)a, (char)b, '\0'});
            for (int c = 'a'; c <= 'z'; c++) {
                check_tag((const char[]){(char)a, (char)b, (char)c, '\0'});
            }
            count += 27;
        }
    }
    CHECK_EQ(26 * 26 * 27, count);
}

static void all_regions_agree(void)
{
    static const char *const languages[] = {"und", "en", "ru", "hy", "sr", "sgn", "zh", "ar"};
    need_the_same_icu();
    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
        char tag[TAG_SIZE];
        for (int region = 0; region < 26 * 26; region++) {
            snprintf(tag, sizeof(tag), "%s-%c%c", languages[i], 'A' + region / 26,
                     'A' + region % 26);
            check_tag(tag);
        }
        for (int region = 0; region < 1000; region++) {
            snprintf(tag, sizeof(tag), "%s-%03d", languages[i], region);
            check_tag(tag);
        }
    }
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Half of the languages are picked among the well-known ones, whose combinations have meanings. */
static void pick_language(unsigned *seed, char out[4])
{
    static const char *const languages[] = {"hi", "hin", "ru",  "id", "in", "zh",  "cmn", "sr",
                                            "sh", "az",  "uz",  "pa", "ku", "mn",  "kk",  "ms",
                                            "ta", "bn",  "und", "ur", "fa", "yue", "ha",  "tg"};
    unsigned pick = next_random(seed);
    if (pick % 2 == 0) {
        snprintf(out, 4, "%s", languages[pick / 2 % (sizeof(languages) / sizeof(languages[0]))]);
    } else {
        snprintf(out, 4, "%c%c%c", 'a' + (int)(next_random(seed) % 26),
                 'a' + (int)(next_random(seed) % 26), 'a' + (int)(next_random(seed) % 26));
    }
}

/* A country that split is left out where a script is given: ICU then goes by the script too. */
static bool has_split(const char *region)
{
    static const char split[] = "SU YU CS AN NT PC FQ";
    return strstr(split, region) != NULL;
}

static void tags_of_all_parts_agree(void)
{
    static const char *const scripts[] = {"Latn", "Cyrl", "Deva", "Arab",
                                          "Hans", "Hant", "Beng", "Qaai"};
    need_the_same_icu();
    unsigned seed = 1;
    for (int i = 0; i < 40000; i++) {
        char tag[TAG_SIZE];
        char language[4];
        char region[3] = {(char)('A' + next_random(&seed) % 26),
                          (char)('A' + next_random(&seed) % 26), '\0'};
        pick_language(&seed, language);
        unsigned form = next_random(&seed) % 3;
        const char *script = scripts[next_random(&seed) % 8];
        if (form == 0 || has_split(region)) {
            snprintf(tag, sizeof(tag), "%s-%s", language, script);
        } else {
            snprintf(tag, sizeof(tag), "%s%s%s-%s", language, form == 1 ? "-" : "",
                     form == 1 ? script : "", region);
        }
        check_tag(tag);
    }
}

static void old_whole_tags_and_extended_languages_agree(void)
{
    static const char *const tags[] = {
        "art-lojban",     "cel-gaulish", "en-GB-oed", "i-ami",       "i-bnn",    "i-default",
        "i-hak",          "i-klingon",   "i-lux",     "i-mingo",     "i-navajo", "i-pwn",
        "i-tao",          "i-tay",       "i-tsu",     "no-bok",      "no-nyn",   "sgn-BE-FR",
        "sgn-BE-NL",      "sgn-CH-DE",   "zh-guoyu",  "zh-hakka",    "zh-min",   "zh-min-nan",
        "zh-xiang",       "zh-yue",      "zh-cmn",    "zh-cmn-Hans", "ar-arb",   "ar-arz",
        "ms-zsm",         "lv-lvs",      "sw-swh",    "uz-uzn",      "kok-knn",  "zh-yue-HK",
        "zh-cmn-Hant-TW", "hy-arevmda",  "no-bokmal",
    };
    need_the_same_icu();
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        check_tag(tags[i]);
    }
}

static void the_language_of_every_country_agrees(void)
{
    need_the_same_icu();
    unsigned known = 0;
    for (int i = 0; i < 26 * 26; i++) {
        char tag[TAG_SIZE];
        char got[LOCALE_TEXT_SIZE];
        snprintf(tag, sizeof(tag), "und-%c%c", 'A' + i / 26, 'A' + i % 26);
        struct locale locale;
        struct icu_locale likely;
        CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
        CHECK(icu_canonical(tag, &likely));
        likely = icu_likely(likely);
        if (locale_default_language(locale.region) != 0) {
            locale_format_language(locale_default_language(locale.region), got);
            CHECK_STR(likely.language, got);
            CHECK(locale_is_known(locale));
            known++;
        }
    }
    CHECK(known > 240);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(all_languages_of_two_and_three_letters_agree),
        TEST(all_regions_agree),
        TEST(tags_of_all_parts_agree),
        TEST(old_whole_tags_and_extended_languages_agree),
        TEST(the_language_of_every_country_agrees),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
