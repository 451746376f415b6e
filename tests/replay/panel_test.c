#include "replay/panel.h"

#include <math.h>

#include "tests/test.h"

static const char *const names[] = {"ours", "theirs"};

static struct panel *new_panel(void)
{
    struct panel *panel = panel_new(names, 2);
    CHECK(panel != NULL);
    return panel;
}

static void values_of_a_user_are_averaged_by_weight(void)
{
    struct panel *panel = new_panel();
    size_t row = panel_row(panel, "all");
    CHECK_EQ(STATUS_OK, panel_add(panel, 7, row, 0, 1, 3));
    CHECK_EQ(STATUS_OK, panel_add(panel, 7, row, 0, 0, 1));
    struct metrics_interval mean;
    CHECK_EQ(STATUS_OK, panel_mean(panel, row, 0, 1, &mean));
    CHECK(fabs(mean.mean - 0.75) < 1e-12);
    CHECK_EQ(1, panel_users(panel, row));
    panel_free(panel);
}

static void rows_keep_their_names_and_their_users(void)
{
    struct panel *panel = new_panel();
    size_t all = panel_row(panel, "all");
    size_t some = panel_row(panel, "some");
    CHECK_EQ(all, panel_row(panel, "all"));
    CHECK_STR("some", panel_row_name(panel, some));
    CHECK_STR("theirs", panel_contender_name(panel, 1));
    for (uint64_t user = 1; user <= 5000; user++) {
        CHECK_EQ(STATUS_OK, panel_add(panel, user, all, 0, 1, 1));
        CHECK_EQ(STATUS_OK, panel_add(panel, user, some, 1, user % 2 == 0 ? 2 : NAN, 1));
    }
    CHECK_EQ(5000, panel_users(panel, all));
    CHECK_EQ(2500, panel_users(panel, some));
    CHECK(fabs(panel_mean_since(panel, some, 1, 0) - 2) < 1e-12);
    CHECK(isnan(panel_mean_since(panel, some, 0, 0)));
    panel_free(panel);
}

static void a_difference_is_between_the_same_users(void)
{
    struct panel *panel = new_panel();
    size_t row = panel_row(panel, "all");
    for (uint64_t user = 1; user <= 100; user++) {
        CHECK_EQ(STATUS_OK, panel_add(panel, user, row, 0, (double)user + 1, 1));
        CHECK_EQ(STATUS_OK, panel_add(panel, user, row, 1, (double)user, 1));
    }
    struct metrics_interval more;
    CHECK_EQ(STATUS_OK, panel_difference(panel, row, 0, 1, 1, &more));
    CHECK(fabs(more.low - 1) < 1e-9 && fabs(more.high - 1) < 1e-9);
    panel_free(panel);
}

static void users_since_a_moment_are_told_apart(void)
{
    struct panel *panel = new_panel();
    size_t row = panel_row(panel, "all");
    CHECK_EQ(STATUS_OK, panel_add(panel, 1, row, 0, 1, 1));
    size_t before = panel_user_count(panel);
    CHECK_EQ(STATUS_OK, panel_add(panel, 2, row, 0, 5, 1));
    CHECK(fabs(panel_mean_since(panel, row, 0, before) - 5) < 1e-12);
    CHECK(fabs(panel_mean_since(panel, row, 0, 0) - 3) < 1e-12);
    panel_free(panel);
}

static void one_row_too_many_is_told(void)
{
    struct panel *panel = new_panel();
    for (int i = 0; i < PANEL_ROWS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "row %d", i);
        CHECK_EQ(i, panel_row(panel, name));
    }
    CHECK_EQ(PANEL_ROWS_MAX, panel_row(panel, "one more"));
    panel_free(panel);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(values_of_a_user_are_averaged_by_weight),
        TEST(rows_keep_their_names_and_their_users),
        TEST(a_difference_is_between_the_same_users),
        TEST(users_since_a_moment_are_told_apart),
        TEST(one_row_too_many_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
