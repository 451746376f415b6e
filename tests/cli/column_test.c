#include "cli/column.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

/* What print writes to a file. */
static void check_printed(const char *want, const char *text, int width)
{
    char *got = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&got, &size);
    CHECK(file != NULL);
    column_print(file, text, width);
    CHECK(fclose(file) == 0);
    CHECK_STR(want, got);
    free(got);
}

static void short_text_is_padded_to_the_width(void)
{
    column_init();
    check_printed("ab  ", "ab", 4);
    check_printed("    ", "", 4);
    check_printed("abcd", "abcd", 4);
}

static void long_text_is_cut_with_a_mark(void)
{
    column_init();
    check_printed("abc~", "abcde", 4);
}

static void wide_characters_take_two_columns(void)
{
    column_init();
    CHECK_EQ(4, column_width("短视"));
    check_printed("短视 ", "短视", 5);
    /* The second does not fit in the two columns left beside the mark. */
    check_printed("短~ ", "短视频", 4);
}

static void combining_marks_take_none(void)
{
    column_init();
    /* DEVANAGARI KA, VIRAMA: one column; U+0915 U+094D. */
    CHECK_EQ(1, column_width("\u0915\u094d"));
    check_printed("\u0915\u094d  ", "\u0915\u094d", 3);
    check_printed("привет  ", "привет", 8);
}

static void control_characters_cannot_drive_the_terminal(void)
{
    column_init();
    check_printed("?[31mred  ", "\033[31mred", 10);
    check_printed("a?b ", "a\nb", 4);
    /* CSI as a C1 control, U+009B. */
    check_printed("?2J ",
                  "\xc2\x9b"
                  "2J",
                  4);
}

static void bytes_that_are_not_utf8_show_as_question_marks(void)
{
    column_init();
    check_printed("a??b",
                  "a\xff\xfe"
                  "b",
                  4);
    check_printed("a?  ", "a\xe0", 4);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(short_text_is_padded_to_the_width),
        TEST(long_text_is_cut_with_a_mark),
        TEST(wide_characters_take_two_columns),
        TEST(combining_marks_take_none),
        TEST(control_characters_cannot_drive_the_terminal),
        TEST(bytes_that_are_not_utf8_show_as_question_marks),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
