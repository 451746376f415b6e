#include "ranker/nearest.h"

#include <string.h>

#include "tests/test.h"

static const char *const words[] = {"like", "share", "watch_ms", "SIGNAL_TYPE_SKIP", "rank"};

static const char *nearest_of(const char *found)
{
    struct names names = {words, sizeof(words[0]), sizeof(words) / sizeof(words[0])};
    return nearest_name(found, &names);
}

static void each_kind_of_edit_counts_as_one(void)
{
    CHECK_STR("share", nearest_of("shar"));
    CHECK_STR("share", nearest_of("sharre"));
    CHECK_STR("share", nearest_of("shore"));
    CHECK_STR("share", nearest_of("hsare"));
    CHECK_STR("rank", nearest_of("rnak"));
    CHECK_STR("rank", nearest_of("rakn"));
}

static void edits_are_at_most_a_third_of_the_longer_name(void)
{
    CHECK_STR("share", nearest_of("shraes"));
    CHECK_STR("watch_ms", nearest_of("wacthms"));
    CHECK(nearest_of("wacthmss!") == NULL);
    CHECK(nearest_of("lake!") == NULL);
    CHECK(nearest_of("follow") == NULL);
    static const char *const tiny[] = {"ab"};
    struct names names = {tiny, sizeof(tiny[0]), 1};
    CHECK(nearest_name("a", &names) == NULL);
}

static void case_and_dashes_make_no_difference(void)
{
    CHECK_STR("watch_ms", nearest_of("Watch-MS"));
    CHECK_STR("SIGNAL_TYPE_SKIP", nearest_of("signal-type-skpi"));
}

static void the_end_of_a_long_name_is_near(void)
{
    CHECK_STR("SIGNAL_TYPE_SKIP", nearest_of("skip"));
    CHECK_STR("SIGNAL_TYPE_SKIP", nearest_of("type-skip"));
    CHECK(nearest_of("kip") == NULL);
}

static void the_fewest_edits_win_and_then_the_first(void)
{
    struct nearest nearest = {.found = "plays"};
    nearest_offer(&nearest, "slaps");
    CHECK(nearest.best == NULL);
    nearest_offer(&nearest, "place");
    CHECK(nearest.best == NULL);
    nearest_offer(&nearest, "clays");
    nearest_offer(&nearest, "player");
    CHECK_STR("clays", nearest.best);
    CHECK_EQ(1, nearest.edits);
    nearest_offer(&nearest, "slays");
    CHECK_STR("clays", nearest.best);
    nearest_offer(&nearest, "PLAYS");
    CHECK_STR("PLAYS", nearest.best);
    CHECK_EQ(0, nearest.edits);
}

static void empty_and_too_long_names_are_near_to_none(void)
{
    char longest[NEAREST_NAME_MAX + 2];
    memset(longest, 'l', sizeof(longest));
    longest[NEAREST_NAME_MAX] = '\0';
    struct nearest nearest = {.found = longest};
    nearest_offer(&nearest, longest);
    CHECK(nearest.best == longest);

    longest[NEAREST_NAME_MAX] = 'l';
    longest[NEAREST_NAME_MAX + 1] = '\0';
    nearest = (struct nearest){.found = longest};
    nearest_offer(&nearest, longest);
    CHECK(nearest.best == NULL);
    nearest = (struct nearest){.found = "like"};
    nearest_offer(&nearest, longest);
    CHECK(nearest.best == NULL);

    CHECK(nearest_of("") == NULL);
    struct names none = {NULL, 0, 0};
    CHECK(nearest_name("like", &none) == NULL);
}

static void names_may_lie_in_structs(void)
{
    static const struct {
        int number;
        const char *name;
    } rows[] = {{1, "first"}, {2, "second"}};
    struct names names = {&rows[0].name, sizeof(rows[0]), 2};
    CHECK_STR("second", nearest_name("secnod", &names));
}

static void a_list_that_does_not_fit_ends_in_dots(void)
{
    char out[NEAREST_LIST_SIZE];
    struct names names = {words, sizeof(words[0]), 2};
    nearest_list(&names, out);
    CHECK_STR("like, share", out);
    names.count = 0;
    nearest_list(&names, out);
    CHECK_STR("", out);

    char name[NEAREST_NAME_MAX + 1];
    memset(name, 'n', NEAREST_NAME_MAX);
    name[NEAREST_NAME_MAX] = '\0';
    const char *const many[] = {name, name, name};
    names = (struct names){many, sizeof(many[0]), 3};
    nearest_list(&names, out);
    CHECK_EQ(2 * NEAREST_NAME_MAX + strlen(", ") + strlen(", ..."), strlen(out));
    CHECK_STR(", ...", out + strlen(out) - strlen(", ..."));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(each_kind_of_edit_counts_as_one),
        TEST(edits_are_at_most_a_third_of_the_longer_name),
        TEST(case_and_dashes_make_no_difference),
        TEST(the_end_of_a_long_name_is_near),
        TEST(the_fewest_edits_win_and_then_the_first),
        TEST(empty_and_too_long_names_are_near_to_none),
        TEST(names_may_lie_in_structs),
        TEST(a_list_that_does_not_fit_ends_in_dots),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
