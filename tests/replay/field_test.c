#include "replay/field.h"

#include "replay/keyset.h"
#include "replay/script.h"
#include "tests/test.h"

static void whole_numbers_have_digits_and_perhaps_a_fraction_of_zeros(void)
{
    int64_t n = -1;
    CHECK(field_whole(text_of("0"), 5, &n) && n == 0);
    CHECK(field_whole(text_of("31133.0"), INT64_MAX, &n) && n == 31133);
    CHECK(field_whole(text_of("9223372036854775807"), INT64_MAX, &n) && n == INT64_MAX);
    CHECK(field_whole(text_of("5"), 5, &n) && n == 5);
    static const char *const bad[] = {"",  "-1", "+1", " 1",  "1 ", "1.5",
                                      "x", "1x", ".0", "0x1", "6",  "9223372036854775808"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!field_whole(text_of(bad[i]), 5, &n));
    }
    CHECK(!field_whole(text_of("9223372036854775808"), INT64_MAX, &n));
    CHECK_EQ(5, n);
}

static void dates_are_days_of_the_calendar(void)
{
    int64_t ms = 0;
    CHECK(field_date(text_of("1970-01-01"), &ms) && ms == 0);
    CHECK(field_date(text_of("2022-04-10"), &ms) && ms == 1649548800000);
    CHECK(field_date(text_of("2000-02-29"), &ms) && ms == 951782400000);
    CHECK(field_date(text_of("2024-12-31"), &ms) && ms == 1735603200000);
    CHECK(field_date(text_of("2100-03-01"), &ms) && ms == 4107542400000);
    CHECK(field_year_day_month(text_of("17.14.11"), &ms) && ms == 1510617600000);
    static const char *const bad[] = {"",           "1969-12-31", "2021-02-29", "2100-02-29",
                                      "2021-00-01", "2021-13-01", "2021-01-00", "2021-04-31",
                                      "2021-1-1",   "2021/01/01", "2021-01-01 "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!field_date(text_of(bad[i]), &ms));
    }
    CHECK(!field_year_day_month(text_of("17.32.11"), &ms));
}

static void instants_are_moments_with_a_zone(void)
{
    int64_t ms = 0;
    CHECK(field_instant(text_of("2017-11-12T12:20:39.000Z"), &ms) && ms == 1510489239000);
    CHECK(field_instant(text_of("1970-01-01T23:59:59.999Z"), &ms) && ms == 86399999);
    CHECK(field_instant(text_of("1970-01-01 00:00:00.5Z"), &ms) && ms == 500);
    CHECK(field_instant(text_of("2019-11-24 00:01:03.979311+00:00"), &ms) && ms == 1574553663979);
    CHECK(field_instant(text_of("1970-01-01T09:00:01+09:00"), &ms) && ms == 1000);
    CHECK(field_instant(text_of("1970-01-01T00:00:00-01:30"), &ms) && ms == 5400000);
}

static void other_texts_are_no_instants(void)
{
    static const char *const texts[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01T24:00:00.000Z",
        "1970-01-01T00:60:00.000Z",
        "1970-01-01_00:00:00Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1234567890123Z",
        "1970-01-01T00:00:00Z ",
        "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-00:01",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t ms = 7;
        CHECK(!field_instant(text_of(texts[i]), &ms));
        CHECK_EQ(7, ms);
    }
}

static void reals_are_finite_decimals(void)
{
    static const char *const bad[] = {"",    ".",    "-",      "1,5",   "nan", "inf", "1e",
                                      "1e+", "0x10", "1e1000", "1e999", "1 ",  " 1",  "1.2.3"};
    double value = 0;
    CHECK(field_real(text_of("-12.5"), &value) && value > -12.51 && value < -12.49);
    CHECK(field_real(text_of("5e-1"), &value) && value > 0.49 && value < 0.51);
    CHECK(field_real(text_of("2.5E+1"), &value) && value > 24.9 && value < 25.1);
    CHECK(field_real(text_of("0.040999999999999995"), &value) && value < 0.041);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!field_real(text_of(bad[i]), &value));
    }
}

static void texts_are_cut_between_characters(void)
{
    CHECK_EQ(3, field_cut(text_of("abc"), 3).size);
    CHECK_EQ(2, field_cut(text_of("abc"), 2).size);
    CHECK_EQ(3, field_cut(text_of("हि"), 5).size);
    CHECK_EQ(0, field_cut(text_of("हि"), 2).size);
    CHECK_EQ(0, field_cut(text_of(""), 0).size);
}

static void a_script_suggests_a_language(void)
{
    static const struct {
        const char *title;
        const char *language;
    } cases[] = {
        {"मज़ेदार वीडियो 2024!", "hi"},
        {"சமையல் குறிப்பு | Cook", "ta"},
        {"తెలుగు పాట", "te"},
        {"മലയാളം", "ml"},
        {"ಕನ್ನಡ", "kn"},
        {"ਪੰਜਾਬੀ", "pa"},
        {"বাংলা", "bn"},
        {"ગુજરાતી", "gu"},
        {"ଓଡ଼ିଆ", "or"},
        {"Русский ролик", "ru"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *language = script_language(text_of(cases[i].title));
        CHECK(language != NULL);
        CHECK_STR(cases[i].language, language);
    }
}

static void latin_mixed_and_letterless_titles_suggest_none(void)
{
    static const char *const titles[] = {"",         "12:30 !?", "Plain English",   "日本語",
                                         "Ελληνικά", "abc где",  "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        CHECK(script_language(text_of(titles[i])) == NULL);
    }
}

static void a_key_is_added_once(void)
{
    struct keyset *set = keyset_new(100000);
    CHECK(set != NULL);
    bool added;
    for (uint64_t pass = 0; pass < 2; pass++) {
        for (uint64_t key = 1; key <= 100000; key++) {
            CHECK_EQ(STATUS_OK, keyset_add(set, key * 0x9e3779b97f4a7c15, &added));
            CHECK(added == (pass == 0));
        }
    }
    keyset_free(set);
}

static void a_full_set_remembers_what_it_has(void)
{
    struct keyset *set = keyset_new(2);
    CHECK(set != NULL);
    bool added;
    static const uint64_t keys[] = {1, 2, 3, 3, 1};
    static const bool want[] = {true, true, true, true, false};
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ(STATUS_OK, keyset_add(set, keys[i], &added));
        CHECK(added == want[i]);
    }
    keyset_free(set);
    keyset_free(NULL);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(whole_numbers_have_digits_and_perhaps_a_fraction_of_zeros),
        TEST(dates_are_days_of_the_calendar),
        TEST(instants_are_moments_with_a_zone),
        TEST(other_texts_are_no_instants),
        TEST(reals_are_finite_decimals),
        TEST(texts_are_cut_between_characters),
        TEST(a_script_suggests_a_language),
        TEST(latin_mixed_and_letterless_titles_suggest_none),
        TEST(a_key_is_added_once),
        TEST(a_full_set_remembers_what_it_has),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
