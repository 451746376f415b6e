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
        {"hil-latn-419", "hil-Latn-419"},
        {"sr_Cyrl", "sr-Cyrl"},
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

static void deprecated_languages_become_their_replacements(void)
{
    static const struct pair pairs[] = {
        {"in-ID", "id-ID"}, {"iw", "he"},   {"ji", "yi"}, {"jw", "jv"},
        {"mo-MD", "ro-MD"}, {"ind", "ind"}, /* three letters are another subtag */
    };
    check_canonical(pairs, COUNT(pairs));
}

static void what_follows_the_region_is_checked_and_ignored(void)
{
    static const struct pair pairs[] = {
        {"sl-rozaj-biske", "sl"},
        {"de-CH-1901", "de-CH"},
        {"hi-IN-u-nu-deva-hc-h12", "hi-IN"},
        {"en-a-myext-b-another", "en"},
        {"en-Latn-US-x-y", "en-Latn-US"},
        {"en-x-twain-q", "en"},
        {"en-t-jp-m0-abc-x-0", "en"},
    };
    check_canonical(pairs, COUNT(pairs));
}

static void malformed_tags_are_refused_and_change_nothing(void)
{
    static const char *const bad[] = {
        "",          "-",         "h",           "-hi",
        "hi-",       "hi--IN",    "hindi",       "x-hindi",
        "i-klingon", "hi IN",     "hi-IN\n",     "hi-IN-IN",
        "hi-I",      "hi-u",      "hi-x",        "hi-u-x",
        "hi-u-x-a",  "hi-12",     "h1",          "1234",
        "hi-1IN",    "हि",        "en_US.UTF-8", "hi-Lat-IN",
        "zh-yue",    "hi-41",     "hi-IN-Latn",  "hi-IN-u-nu-deva-toolongsub",
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
        TEST(deprecated_languages_become_their_replacements),
        TEST(what_follows_the_region_is_checked_and_ignored),
        TEST(malformed_tags_are_refused_and_change_nothing),
        TEST(codes_have_the_documented_bits),
        TEST(codes_sort_like_their_texts),
        TEST(a_region_alone_is_two_letters),
        TEST(languages_and_regions_are_written_alone),
    };
    return test_main(argc, argv, tests, COUNT(tests));
}
