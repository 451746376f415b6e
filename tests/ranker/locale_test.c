#include "ranker/locale.h"

#include "tests/test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct pair {
    const char *tag;
    const char *canonical;
};

static void check_canonical(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct locale locale;
        char text[LOCALE_TEXT_SIZE];
        CHECK_EQ(STATUS_OK, locale_parse(text_of(pairs[i].tag), &locale));
        locale_format(locale, text);
        CHECK_STR(pairs[i].canonical, text);
    }
}

static void tags_are_read_in_any_case_and_written_canonically(void)
{
    static const struct pair pairs[] = {
        {"hi", "hi"},
        {"hi-IN", "hi-IN"},
        {"HI_in", "hi-IN"},
        {"hI-lATN-iN", "hi-Latn-IN"},
        {"hil", "hil"},
        {"es-419", "es-419"},
        {"hil-deva-419", "hil-Deva-419"},
        {"sr_latn", "sr-Latn"},
        {"en-001", "en-001"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void an_undetermined_language_is_zero(void)
{
    struct locale locale;
    CHECK_EQ(STATUS_OK, locale_parse(text_of("und-IN"), &locale));
    CHECK_EQ(0, locale.language);
    CHECK_EQ('I' - 'A' + 1, locale.region >> 5);
    static const struct pair pairs[] = {
        {"und", "und"},
        {"UND-in", "und-IN"},
        {"und-Deva", "und-Deva"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void deprecated_codes_become_their_replacements(void)
{
    static const struct pair pairs[] = {
        {"in-ID", "id-ID"},   {"iw", "he"},        {"ji", "yi"},           {"jw", "jv"},
        {"mo-MD", "ro-MD"},   {"my-BU", "my-MM"},  {"de_DD", "de-DE"},     {"en-UK", "en-GB"},
        {"und-ZR", "und-CD"}, {"tl-PH", "fil-PH"}, {"hi-Qaai", "hi-Zinh"}, {"en-356", "en-IN"},
        {"es-419", "es-419"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void long_codes_become_short_ones(void)
{
    static const struct pair pairs[] = {
        {"hin", "hi"}, {"HIN_IN", "hi-IN"}, {"ind", "id"}, {"rus-RU", "ru-RU"},
        {"cmn", "zh"}, {"cmn-TW", "zh-TW"}, {"arb", "ar"}, {"hil", "hil"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void a_replacement_fills_only_what_is_missing(void)
{
    static const struct pair pairs[] = {
        {"sh", "sr-Latn"},   {"sh-Cyrl", "sr"}, {"sh-RS", "sr-Latn-RS"},  {"prs", "fa-AF"},
        {"prs-IR", "fa-IR"}, {"cnr", "sr-ME"},  {"cnr-Cyrl-RS", "sr-RS"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void a_country_that_split_goes_with_the_language(void)
{
    static const struct pair pairs[] = {
        {"ru-SU", "ru-RU"}, {"hy-SU", "hy-AM"},   {"uk-SU", "uk-UA"},
        {"en-SU", "en-RU"}, {"und-SU", "und-RU"}, {"sr-YU", "sr-RS"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void extended_languages_and_whole_tags_name_one_language(void)
{
    static const struct pair pairs[] = {
        {"zh-yue", "yue"},       {"zh-cmn-Hans-CN", "zh-CN"},
        {"zh_YUE_hk", "yue-HK"}, {"ar-arz-EG", "arz-EG"},
        {"ms-zsm", "ms"},        {"zh-min-nan", "nan"},
        {"i-hak", "hak"},        {"I_KLINGON", "tlh"},
        {"no-bok", "nb"},        {"sgn-BR", "bzs"},
        {"sgn-BE-FR", "sfb"},    {"en-GB-oed", "en-GB"},
        {"art-lojban", "jbo"},   {"hy-arevmda", "hyw"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void the_script_a_language_has_anyhow_is_left_out(void)
{
    static const struct pair pairs[] = {
        {"hi-Deva-IN", "hi-IN"},      {"hi-Deva", "hi"},
        {"hi-Latn-IN", "hi-Latn-IN"}, {"hi-Latn", "hi-Latn"},
        {"ru-Cyrl-RU", "ru-RU"},      {"id-Latn-ID", "id-ID"},
        {"zh-Hans-CN", "zh-CN"},      {"zh-Hant-TW", "zh-Hant-TW"},
        {"zh-Hans-TW", "zh-Hans-TW"}, {"zh-TW", "zh-TW"},
        {"sr-Cyrl-RS", "sr-RS"},      {"sr-Cyrl-ME", "sr-Cyrl-ME"},
        {"sr-Latn-ME", "sr-Latn-ME"}, {"sr-Latn-RS", "sr-Latn-RS"},
        {"pa-Arab-PK", "pa-Arab-PK"}, {"und-Deva", "und-Deva"},
        {"xx-Deva", "xx-Deva"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static struct locale parsed(const char *tag)
{
    struct locale locale;
    CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
    return locale;
}

static void assigned_codes_are_known_and_others_are_not(void)
{
    static const char *const known[] = {"hi-IN", "hi-Latn", "und",   "und-IN", "ru-RU",
                                        "id",    "bho-IN",  "hne",   "es-419", "en-001",
                                        "sr-XK", "zxx",     "in-ID", "ru-SU"};
    static const char *const unknown[] = {"xx",    "xx-YY", "hi-YY",  "xx-IN", "und-YY",
                                          "en-ZZ", "qaa",   "en-999", "zzz",   "en-XA"};
    for (size_t i = 0; i < COUNT(known); i++) {
        CHECK(locale_is_known(parsed(known[i])));
    }
    for (size_t i = 0; i < COUNT(unknown); i++) {
        CHECK(!locale_is_known(parsed(unknown[i])));
    }
    CHECK(!locale_is_known((struct locale){.language = 0xffff, .region = 0x7fff}));
    CHECK(!locale_is_known((struct locale){.region = 0xffff}));
}

static void a_countrys_language_stands_in_for_a_missing_one(void)
{
    static const struct pair pairs[] = {
        {"und-IN", "hi"}, {"und-RU", "ru"}, {"und-ID", "id"},  {"und-BD", "bn"},
        {"ta-IN", "ta"},  {"und", "und"},   {"und-YY", "und"}, {"und-419", "und"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char text[LOCALE_TEXT_SIZE];
        locale_format_language(locale_language(parsed(pairs[i].tag)), text);
        CHECK_STR(pairs[i].canonical, text);
    }
    CHECK_EQ(0, locale_default_language(0));
}

static void what_follows_the_region_is_checked_and_ignored(void)
{
    static const struct pair pairs[] = {
        {"sl-rozaj-biske", "sl"},       {"zh-yue-Hans-x-a", "yue-Hans"},
        {"de-CH-1901", "de-CH"},        {"hi-IN-u-nu-deva-hc-h12", "hi-IN"},
        {"en-a-myext-b-another", "en"}, {"en-Deva-US-x-y", "en-Deva-US"},
        {"en-x-twain-q", "en"},         {"en-t-jp-m0-abc-x-0", "en"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void malformed_tags_are_refused_and_change_nothing(void)
{
    static const char *const bad[] = {
        "",          "-",         "h",           "-hi",
        "hi-",       "hi--IN",    "hindi",       "x-hindi",
        "i-hindi",   "hi IN",     "hi-IN\n",     "hi-IN-IN",
        "hi-I",      "hi-u",      "hi-x",        "hi-u-x",
        "hi-u-x-a",  "hi-12",     "h1",          "1234",
        "hi-1IN",    "हि",        "en_US.UTF-8", "hi-Lat-IN",
        "hi-IND",    "hi-41",     "hi-IN-Latn",  "hi-IN-u-nu-deva-toolongsub",
        "hi-u-nu-x", "hi-IN-abc",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct locale locale = {.language = 7, .region = 8, .script = 9};
        CHECK_EQ(STATUS_INVALID, locale_parse(text_of(bad[i]), &locale));
        CHECK(locale.language == 7 && locale.region == 8 && locale.script == 9);
    }
    struct locale locale;
    CHECK_EQ(STATUS_INVALID, locale_parse((struct text){.data = NULL, .size = 0}, &locale));
    CHECK_EQ(STATUS_INVALID, locale_parse((struct text){.data = "hi\0IN", .size = 5}, &locale));
}

static void codes_have_the_documented_bits(void)
{
    struct locale locale;
    CHECK_EQ(STATUS_OK, locale_parse(text_of("hil-Deva-419"), &locale));
    CHECK_EQ((8 << 10) + (9 << 5) + 12, locale.language);
    CHECK_EQ((4 << 15) + (5 << 10) + (22 << 5) + 1, locale.script);
    CHECK_EQ(0x8000 + 419, locale.region);
    CHECK_EQ(STATUS_OK, locale_parse(text_of("hi-IN"), &locale));
    CHECK_EQ((8 << 10) + (9 << 5), locale.language);
    CHECK_EQ(0, locale.script);
    CHECK_EQ((9 << 5) + 14, locale.region);
}

static void codes_sort_like_their_texts(void)
{
    static const char *const sorted[] = {"aa", "hh", "hi", "hia", "hil", "hj", "zu", "zza"};
    struct locale before = {0};
    for (size_t i = 0; i < COUNT(sorted); i++) {
        struct locale locale;
        CHECK_EQ(STATUS_OK, locale_parse(text_of(sorted[i]), &locale));
        CHECK(before.language < locale.language);
        before = locale;
    }
}

static void a_region_alone_is_two_letters(void)
{
    uint16_t region = 0;
    CHECK_EQ(STATUS_OK, locale_parse_region(text_of("iN"), &region));
    CHECK_EQ((9 << 5) + 14, region);
    CHECK_EQ(STATUS_OK, locale_parse_region(text_of("UK"), &region));
    CHECK_EQ((7 << 5) + 2, region);
    CHECK_EQ(STATUS_OK, locale_parse_region(text_of("IN"), &region));
    static const char *const bad[] = {"", "I", "IND", "1N", "419", "I-"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_EQ(STATUS_INVALID, locale_parse_region(text_of(bad[i]), &region));
    }
    CHECK_EQ((9 << 5) + 14, region);
}

static void languages_and_regions_are_written_alone(void)
{
    char text[LOCALE_TEXT_SIZE];
    locale_format_language((8 << 10) + (9 << 5), text);
    CHECK_STR("hi", text);
    locale_format_language(0, text);
    CHECK_STR("und", text);
    locale_format_region((9 << 5) + 14, text);
    CHECK_STR("IN", text);
    locale_format_region(0x8000 + 1, text);
    CHECK_STR("001", text);
    locale_format_region(0, text);
    CHECK_STR("", text);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(tags_are_read_in_any_case_and_written_canonically),
        TEST(an_undetermined_language_is_zero),
        TEST(deprecated_codes_become_their_replacements),
        TEST(long_codes_become_short_ones),
        TEST(a_replacement_fills_only_what_is_missing),
        TEST(a_country_that_split_goes_with_the_language),
        TEST(extended_languages_and_whole_tags_name_one_language),
        TEST(the_script_a_language_has_anyhow_is_left_out),
        TEST(assigned_codes_are_known_and_others_are_not),
        TEST(a_countrys_language_stands_in_for_a_missing_one),
        TEST(what_follows_the_region_is_checked_and_ignored),
        TEST(malformed_tags_are_refused_and_change_nothing),
        TEST(codes_have_the_documented_bits),
        TEST(codes_sort_like_their_texts),
        TEST(a_region_alone_is_two_letters),
        TEST(languages_and_regions_are_written_alone),
    };
    return test_main(argc, argv, tests, COUNT(tests));
}
