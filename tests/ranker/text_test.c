#include "ranker/text.h"

#include <string.h>

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

static void ascii_is_told_from_the_rest_at_every_place(void)
{
    char bytes[20];
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        memset(bytes, 'a', sizeof(bytes));
        CHECK(text_is_ascii((struct text){bytes, size}));
        for (size_t at = 0; at < size; at++) {
            bytes[at] = (char)0x80;
            CHECK(!text_is_ascii((struct text){bytes, size}));
            bytes[at] = 0x7f;
            CHECK(text_is_ascii((struct text){bytes, size}));
        }
    }
}

static void is_text(const char *want, struct text got)
{
    CHECK_EQ((long)strlen(want), got.size);
    CHECK(text_equal(text_of(want), got));
}

static void blanks_at_both_ends_are_trimmed(void)
{
    is_text("a b", text_trim(text_of(" \t\r\na b\n \r\t")));
    is_text("a", text_trim(text_of("a")));
    is_text("", text_trim(text_of(" \n")));
    is_text("", text_trim((struct text){NULL, 0}));
}

static void what_stands_before_the_stop_is_taken(void)
{
    struct text rest = text_of("a=b==c");
    is_text("a", text_take(&rest, '='));
    is_text("b", text_take(&rest, '='));
    is_text("", text_take(&rest, '='));
    is_text("c", text_take(&rest, '='));
    is_text("", rest);
    is_text("", text_take(&rest, '='));
    struct text empty = {NULL, 0};
    is_text("", text_take(&empty, '='));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(well_formed_utf8_is_accepted),
        TEST(malformed_utf8_is_refused),
        TEST(ascii_is_told_from_the_rest_at_every_place),
        TEST(blanks_at_both_ends_are_trimmed),
        TEST(what_stands_before_the_stop_is_taken),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
