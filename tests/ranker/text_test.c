#include "ranker/text.h"

#include "tests/test.h"

static void well_formed_utf8_is_accepted(void)
{
    static const char *const good[] = {
        "", "a", "हिन्दी", "Русский", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(text_is_utf8(text_of(good[i])));
    }
}

static void malformed_utf8_is_refused(void)
{
    static const char *const bad[] = {
        "\x80",             /* continuation first */
        "\xc0\xaf",         /* overlong */
        "\xe0\x80\xaf",     /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xf4\x90\x80\x80", /* past the end */
        "\xe0\xa4",         /* cut short */
        "\xff",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!text_is_utf8(text_of(bad[i])));
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(well_formed_utf8_is_accepted),
        TEST(malformed_utf8_is_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
