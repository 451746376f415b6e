#include "replay/platt.h"

#include <math.h>

#include "tests/test.h"

static bool near(double want, double got)
{
    return fabs(want - got) < 1e-4;
}

/* Leaves of 0 come true once in 4, those of 2 thrice: log odds of -ln 3 and ln 3. */
static const float margins[] = {0, 0, 0, 0, 2, 2, 2, 2};
static const float labels[] = {1, 0, 0, 0, 1, 1, 1, 0};

static void two_rates_give_slope_and_intercept(void)
{
    const struct platt_rows rows = {.count = 8, .labels = labels, .margins = margins};
    struct platt platt = platt_fit(&rows, true);
    CHECK(near(log(3), platt.slope));
    CHECK(near(-log(3), platt.intercept));
}

static void a_start_that_all_have_is_no_leaf(void)
{
    const struct platt_rows rows = {.count = 8, .labels = labels, .margins = margins, .start = -1};
    struct platt platt = platt_fit(&rows, true); /* leaves of 1 and 3 */
    CHECK(near(log(3), platt.slope));
    CHECK(near(-2 * log(3), platt.intercept));
}

/* With a slope of 1 and leaves of 0 and 2 the intercept is -1 by symmetry. */
static void the_intercept_alone_is_right_on_average(void)
{
    const struct platt_rows rows = {.count = 8, .labels = labels, .margins = margins};
    struct platt platt = platt_fit(&rows, false);
    CHECK(near(1, platt.slope));
    CHECK(near(-1, platt.intercept));
}

static void weights_count(void)
{
    const float rates[] = {1, 0};
    const float weights[] = {9, 1};
    const float leaves[] = {0, 0};
    const struct platt_rows rows = {
        .count = 2, .labels = rates, .margins = leaves, .weights = weights};
    CHECK(near(log(9), platt_fit(&rows, false).intercept));
}

/* The offsets are the whole truth, so leaves that go with them add nothing. */
static void what_offsets_explain_is_not_the_leaves(void)
{
    const float odds = logf(3);
    const float starts[] = {0.5F - odds, 0.5F - odds, 0.5F - odds, 0.5F - odds,
                            0.5F + odds, 0.5F + odds, 0.5F + odds, 0.5F + odds};
    float all[8];
    for (int i = 0; i < 8; i++) {
        all[i] = starts[i] + margins[i];
    }
    const struct platt_rows rows = {
        .count = 8, .labels = labels, .margins = all, .starts = starts, .level = 0.5};
    struct platt platt = platt_fit(&rows, true);
    CHECK(fabs(platt.slope) < 1e-3);
    CHECK(fabs(platt.intercept) < 1e-3); /* half of all came true */
}

static void labels_that_are_all_alike_give_nothing(void)
{
    static const float none[8] = {0};
    const struct platt_rows rows = {.count = 8, .labels = none, .margins = margins};
    CHECK(!isfinite(platt_fit(&rows, true).intercept));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(two_rates_give_slope_and_intercept),      TEST(a_start_that_all_have_is_no_leaf),
        TEST(the_intercept_alone_is_right_on_average), TEST(weights_count),
        TEST(what_offsets_explain_is_not_the_leaves),  TEST(labels_that_are_all_alike_give_nothing),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
