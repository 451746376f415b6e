#include "server/utc.h"

#include "tests/test.h"

static void times_are_written_and_read_alike(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {INT64_C(1000), "1970-01-01T00:00:01Z"},
        {INT64_C(1700000000000), "2023-11-14T22:13:20Z"},
        {INT64_C(1709210096000), "2024-02-29T12:34:56Z"},
        {INT64_C(253402300799000), "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[UTC_SIZE];
        int64_t ms = 0;
        utc_format(cases[i].ms, text);
        CHECK_STR(cases[i].text, text);
        CHECK(utc_parse(text_of(cases[i].text), &ms));
        CHECK_EQ(cases[i].ms, ms);
    }
}

static void what_is_no_time_is_refused(void)
{
    static const char *const cases[] = {
        "",
        "2027-01-31",
        "2027-01-31T00:00:00",
        "2027-01-31T00:00:00z",
        "2027-01-31 00:00:00Z",
        "2027-01-31T00:00:00+00:00",
        "2027-02-31T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2027-13-01T00:00:00Z",
        "2027-00-01T00:00:00Z",
        "2027-01-31T24:00:00Z",
        "2027-01-31T00:60:00Z",
        "2027-01-31T00:00:60Z",
        "1970-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "-027-01-31T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = 5;
        CHECK(!utc_parse(text_of(cases[i]), &ms));
        CHECK_EQ(5, ms);
    }
}

static const struct test tests[] = {
    TEST(times_are_written_and_read_alike),
    TEST(what_is_no_time_is_refused),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
