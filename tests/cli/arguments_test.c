#include "cli/arguments.h"

#include <string.h>

#include "tests/test.h"

struct values {
    const char *name;
    const char *color;
    int64_t limit;
    bool quiet;
    struct argument_texts places;
};

static const char *const colors[] = {"red", "green", NULL};

static const struct argument table[] = {
    {.name = "name",
     .value_name = "TEXT",
     .help = "a name",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct values, name)},
    {.name = "color",
     .value_name = "COLOR",
     .help = "a color",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct values, color),
     .choices = colors},
    {.name = "limit",
     .value_name = "N",
     .help = "how many",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct values, limit),
     .initial = "7",
     .minimum = 1,
     .maximum = 2000},
    {.name = "quiet",
     .help = "say less",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct values, quiet)},
    {.name = "place",
     .value_name = "DIR",
     .help = "where to look",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct values, places)},
};

enum { TABLE_COUNT = sizeof(table) / sizeof(table[0]), WORDS_MAX = 8 };

/* One command line, parsed; words end in NULL. */
struct line {
    char *words[WORDS_MAX];
    struct values values;
    struct operands operands;
    struct problem problem;
};

static enum status parse(struct line *line)
{
    int count = 0;
    while (line->words[count] != NULL) {
        count++;
    }
    return arguments_parse(table, TABLE_COUNT, count, line->words, &line->values, &line->operands,
                           &line->problem);
}

static void refuses(struct line line, const char *message)
{
    CHECK_EQ(STATUS_INVALID, parse(&line));
    CHECK_STR(message, line.problem.text);
}

static void an_empty_line_gives_the_initial_values(void)
{
    struct line line = {0};
    CHECK_EQ(STATUS_OK, parse(&line));
    CHECK_EQ(7, line.values.limit);
    CHECK(line.values.name == NULL);
    CHECK(!line.values.quiet);
    CHECK_EQ(0, line.operands.count);
}

static void values_follow_as_a_word_or_after_an_equals_sign(void)
{
    struct line line = {.words = {"--name", "a=b", "--limit=12", "--color=red", "--quiet"}};
    CHECK_EQ(STATUS_OK, parse(&line));
    CHECK_STR("a=b", line.values.name);
    CHECK_EQ(12, line.values.limit);
    CHECK_STR("red", line.values.color);
    CHECK(line.values.quiet);
}

static void a_value_may_be_empty_or_look_like_an_option(void)
{
    struct line line = {.words = {"--name=", "--name", "--quiet"}};
    CHECK_EQ(STATUS_OK, parse(&line));
    CHECK_STR("--quiet", line.values.name);
    CHECK(!line.values.quiet);
}

static void operands_keep_their_order_among_options(void)
{
    struct line line = {.words = {"one", "--quiet", "-", "--", "--two"}};
    CHECK_EQ(STATUS_OK, parse(&line));
    CHECK_EQ(3, line.operands.count);
    CHECK_STR("one", line.operands.items[0]);
    CHECK_STR("-", line.operands.items[1]);
    CHECK_STR("--two", line.operands.items[2]);
}

static void numbers_reach_their_bounds_and_no_further(void)
{
    struct line least = {.words = {"--limit", "1"}};
    CHECK_EQ(STATUS_OK, parse(&least));
    CHECK_EQ(1, least.values.limit);
    struct line most = {.words = {"--limit", "2000"}};
    CHECK_EQ(STATUS_OK, parse(&most));
    CHECK_EQ(2000, most.values.limit);
    refuses((struct line){.words = {"--limit", "0"}},
            "--limit: \"0\" is not a whole number from 1 to 2000");
    refuses((struct line){.words = {"--limit", "2001"}},
            "--limit: \"2001\" is not a whole number from 1 to 2000");
}

static void what_is_no_number_is_refused(void)
{
    refuses((struct line){.words = {"--limit", "12x"}},
            "--limit: \"12x\" is not a whole number from 1 to 2000");
    refuses((struct line){.words = {"--limit="}},
            "--limit: \"\" is not a whole number from 1 to 2000");
    refuses((struct line){.words = {"--limit", "99999999999999999999"}},
            "--limit: \"99999999999999999999\" is not a whole number from 1 to 2000");
}

static void an_unknown_option_is_answered_with_the_nearest(void)
{
    refuses((struct line){.words = {"--limt", "3"}},
            "unknown option \"--limt\"; did you mean --limit?");
    refuses((struct line){.words = {"--quit"}}, "unknown option \"--quit\"; did you mean --quiet?");
    refuses((struct line){.words = {"--qiuet"}},
            "unknown option \"--qiuet\"; did you mean --quiet?");
    refuses((struct line){.words = {"--zebra"}},
            "unknown option \"--zebra\"; --help lists the options");
    refuses((struct line){.words = {"-x"}}, "unknown option \"-x\"; --help lists the options");
}

static void a_prefix_is_not_an_option(void)
{
    struct line line = {.words = {"--lim=3"}};
    CHECK_EQ(STATUS_INVALID, parse(&line));
}

static void a_choice_outside_the_list_is_refused_with_the_list(void)
{
    refuses((struct line){.words = {"--color", "gren"}},
            "--color: \"gren\" is not one of red, green; did you mean \"green\"?");
    refuses((struct line){.words = {"--color", "black"}},
            "--color: \"black\" is not one of red, green");
}

static void a_choice_has_its_place_in_the_list(void)
{
    CHECK_EQ(0, argument_choice(colors, "red"));
    CHECK_EQ(1, argument_choice(colors, "green"));
}

static void a_missing_value_and_a_flag_with_one_are_refused(void)
{
    refuses((struct line){.words = {"--name"}}, "--name needs a value: --name TEXT");
    refuses((struct line){.words = {"--quiet=1"}}, "--quiet takes no value");
}

static void help_wins_over_what_is_wrong_after_it(void)
{
    struct line line = {.words = {"--help", "--zebra"}};
    CHECK_EQ(STATUS_OK, parse(&line));
    CHECK(line.operands.help);
}

static void a_required_option_must_be_given(void)
{
    static const struct argument required[] = {
        {.name = "name",
         .value_name = "TEXT",
         .help = "a name",
         .kind = ARGUMENT_TEXT,
         .offset = offsetof(struct values, name),
         .required = true},
    };
    struct line line = {0};
    CHECK_EQ(STATUS_INVALID, arguments_parse(required, 1, 0, line.words, &line.values,
                                             &line.operands, &line.problem));
    CHECK_STR("--name TEXT is required: a name", line.problem.text);
}

static void a_very_long_option_is_refused_not_copied(void)
{
    static char word[100000];
    memset(word, 'x', sizeof(word) - 1);
    memcpy(word, "--", 2);
    struct line line = {.words = {word}};
    CHECK_EQ(STATUS_INVALID, parse(&line));
}

static void a_table_without_rows_takes_operands_only(void)
{
    struct line line = {.words = {"one"}};
    CHECK_EQ(STATUS_OK,
             arguments_parse(table, 0, 1, line.words, &line.values, &line.operands, &line.problem));
    CHECK_EQ(1, line.operands.count);
    char *words[] = {"--one"};
    CHECK_EQ(STATUS_INVALID,
             arguments_parse(table, 0, 1, words, &line.values, &line.operands, &line.problem));
}

static void option_of_texts_may_be_given_again(void)
{
    struct line line = {.words = {"--place", "a", "--place=b", NULL}};
    CHECK_EQ(STATUS_OK, parse(&line));
    CHECK_EQ(2, line.values.places.count);
    CHECK_STR("a", line.values.places.items[0]);
    CHECK_STR("b", line.values.places.items[1]);

    struct line full = {.words = {"--place=x", NULL}};
    full.values.places.count = ARGUMENT_TEXTS_MAX;
    CHECK_EQ(STATUS_INVALID, parse(&full));
    CHECK_STR("--place: more than 16 are not possible", full.problem.text);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(an_empty_line_gives_the_initial_values),
        TEST(values_follow_as_a_word_or_after_an_equals_sign),
        TEST(a_value_may_be_empty_or_look_like_an_option),
        TEST(operands_keep_their_order_among_options),
        TEST(numbers_reach_their_bounds_and_no_further),
        TEST(what_is_no_number_is_refused),
        TEST(an_unknown_option_is_answered_with_the_nearest),
        TEST(a_prefix_is_not_an_option),
        TEST(a_choice_outside_the_list_is_refused_with_the_list),
        TEST(a_choice_has_its_place_in_the_list),
        TEST(a_missing_value_and_a_flag_with_one_are_refused),
        TEST(help_wins_over_what_is_wrong_after_it),
        TEST(a_required_option_must_be_given),
        TEST(a_very_long_option_is_refused_not_copied),
        TEST(a_table_without_rows_takes_operands_only),
        TEST(option_of_texts_may_be_given_again),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
