#include "replay/slate_estimator.h"

#include <math.h>
#include <string.h>

#include "replay/support.h"
#include "tests/test.h"

enum { LIMIT = 3, SUMS_MAX = 256, PEAKS_MAX = 128 };

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void add(const struct slate_position *positions, size_t count, double *sums)
{
    double columns[SUMS_MAX];
    double peaks[PEAKS_MAX];
    struct problem problem;
    CHECK_EQ(STATUS_OK, slate_columns(positions, count, LIMIT, columns, peaks, &problem));
    for (size_t i = 0; i < slate_sum_count(LIMIT); i++) {
        sums[i] += columns[i];
    }
}

static double value(enum slate_estimator estimator, size_t first, size_t last, const double *sums)
{
    const struct slate_figure figure = {estimator, LIMIT, first, last};
    return slate_statistic(sums, &figure);
}

/*
 * Two slates, one of two positions and one of one.
 *
 *   slate  k  r  item-position w    conditional ratio  sequence w
 *   1      1  1  0.25 / 0.5 = 0.5   0.25 / 0.5 = 0.5   0.5
 *   1      2  2  0.5 / 0.25 = 2     0.75 / 0.25 = 3    1.5
 *   2      1  3  1 / 0.5 = 2        1 / 0.5 = 2        2
 */
static const struct slate_position first_slate[] = {{1, 0.5, 0.25, 0.5, 0.25},
                                                    {2, 0.25, 0.5, 0.25, 0.75}};
static const struct slate_position second_slate[] = {{3, 0.5, 1, 0.5, 1}};

static void add_both(double *sums)
{
    add(first_slate, 2, sums);
    add(second_slate, 1, sums);
}

/* Position 1: (0.5 + 6) / 2. Position 2: 4 / 2. */
static void item_position_estimates_are_as_by_hand(void)
{
    double sums[SUMS_MAX] = {0};
    add_both(sums);
    CHECK(near(6.5 / 2 + 4.0 / 2, value(SLATE_ESTIMATOR_ITEM_POSITION_IPS, 1, LIMIT, sums)));
    CHECK(near(6.5 / 2, value(SLATE_ESTIMATOR_ITEM_POSITION_IPS, 1, 1, sums)));
    CHECK(near(4.0 / 2, value(SLATE_ESTIMATOR_ITEM_POSITION_IPS, 2, 2, sums)));
}

/* Position 1: 6.5 / 2.5. Position 2, which half of the slates have: 4 / 2 / 2. */
static void self_normalised_positions_count_as_often_as_slates_have_them(void)
{
    double sums[SUMS_MAX] = {0};
    add_both(sums);
    CHECK(near(6.5 / 2.5 + 1, value(SLATE_ESTIMATOR_ITEM_POSITION_SNIPS, 1, LIMIT, sums)));
}

/* Position 1 as above; position 2: 1.5 * 2 / 2, and 1.5 * 2 / 1.5 / 2. */
static void sequence_weights_multiply_down_the_slate(void)
{
    double sums[SUMS_MAX] = {0};
    add_both(sums);
    CHECK(near(6.5 / 2 + 1.5, value(SLATE_ESTIMATOR_SEQUENCE_IPS, 1, LIMIT, sums)));
    CHECK(near(6.5 / 2.5 + 1, value(SLATE_ESTIMATOR_SEQUENCE_SNIPS, 1, LIMIT, sums)));
}

/* What the policy cannot begin it cannot go on with, however likely the rest is. */
static void a_sequence_stays_at_weight_zero(void)
{
    const struct slate_position slate[] = {{1, 0.5, 0.5, 0.5, 0}, {1, 0.5, 0.5, 0x1p-1074, 1}};
    double sums[SUMS_MAX] = {0};
    add(slate, 2, sums);
    CHECK(near(0, value(SLATE_ESTIMATOR_SEQUENCE_IPS, 1, LIMIT, sums)));
    CHECK(isnan(value(SLATE_ESTIMATOR_SEQUENCE_SNIPS, 1, LIMIT, sums)));
    CHECK(near(2, value(SLATE_ESTIMATOR_ITEM_POSITION_IPS, 1, LIMIT, sums)));
}

static void a_slate_of_the_largest_length_with_the_least_propensities_stays_finite(void)
{
    struct slate_position slate[SLATE_ESTIMATOR_POSITIONS];
    double sums[1 + 2 * SLATE_ESTIMATOR_POSITIONS * WEIGHING_SUMS];
    double peaks[2 * SLATE_ESTIMATOR_POSITIONS * WEIGHING_PEAKS];
    struct problem problem;
    for (size_t i = 0; i < SLATE_ESTIMATOR_POSITIONS; i++) {
        slate[i] = (struct slate_position){1, 0x1p-1074, 1, 0x1p-1074, 1};
    }
    CHECK_EQ(STATUS_OK, slate_columns(slate, SLATE_ESTIMATOR_POSITIONS, SLATE_ESTIMATOR_POSITIONS,
                                      sums, peaks, &problem));
    for (size_t i = 0; i < slate_sum_count(SLATE_ESTIMATOR_POSITIONS); i++) {
        CHECK(sums[i] >= 0 && sums[i] <= 0x1p42);
    }
    const struct slate_figure figure = {SLATE_ESTIMATOR_SEQUENCE_IPS, SLATE_ESTIMATOR_POSITIONS, 1,
                                        20};
    CHECK(near(1, slate_position_sums(&figure, 20, sums)[WEIGHING_CUT]));
    CHECK(near(0x1p20, slate_position_peaks(&figure, 20, peaks)[WEIGHING_LARGEST_WEIGHT]));
}

/* Position 2 is beyond the limit of 1. */
static void positions_beyond_the_limit_are_left_out(void)
{
    double sums[SUMS_MAX];
    double peaks[PEAKS_MAX];
    struct problem problem;
    const struct slate_figure figure = {SLATE_ESTIMATOR_ITEM_POSITION_IPS, 1, 1, 1};
    CHECK_EQ(STATUS_OK, slate_columns(first_slate, 2, 1, sums, peaks, &problem));
    CHECK(near(0.5, slate_value(&figure, sums)));
}

static void an_empty_slate_counts_as_a_decision_without_reward(void)
{
    double sums[SUMS_MAX] = {0};
    CHECK(isnan(value(SLATE_ESTIMATOR_SEQUENCE_IPS, 1, LIMIT, sums)));
    add(NULL, 0, sums);
    CHECK(near(0, value(SLATE_ESTIMATOR_SEQUENCE_SNIPS, 1, LIMIT, sums)));
    add(second_slate, 1, sums);
    CHECK(near(3, value(SLATE_ESTIMATOR_SEQUENCE_IPS, 1, LIMIT, sums)));
    CHECK(near(1.5, value(SLATE_ESTIMATOR_SEQUENCE_SNIPS, 1, LIMIT, sums)));
}

static void a_wrong_position_is_named(void)
{
    const struct slate_position slate[] = {{1, 1, 1, 1, 1}, {1, 1, 1, 0, 1}};
    double sums[SUMS_MAX];
    double peaks[PEAKS_MAX];
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, slate_columns(slate, 2, LIMIT, sums, peaks, &problem));
    CHECK_STR("position 2: propensity is 0; the probability of what the log chose is above 0 and "
              "at most 1",
              problem.text);
}

static void the_support_of_a_position_is_its_own(void)
{
    double sums[SUMS_MAX];
    double peaks[PEAKS_MAX];
    struct problem problem;
    struct support support;
    const struct slate_figure figure = {SLATE_ESTIMATOR_SEQUENCE_SNIPS, LIMIT, 1, LIMIT};
    CHECK_EQ(STATUS_OK, slate_columns(first_slate, 2, LIMIT, sums, peaks, &problem));
    support_measure_position(slate_position_sums(&figure, 2, sums),
                             slate_position_peaks(&figure, 2, peaks), 1, &support);
    CHECK(near(1, support.decisions) && near(1.5, support.largest_weight));
    CHECK(near(0.25, support.smallest_propensity));
    support_measure_position(slate_position_sums(&figure, 3, sums),
                             slate_position_peaks(&figure, 3, peaks), 1, &support);
    CHECK(near(0, support.decisions));
}

static void estimators_are_found_by_name(void)
{
    enum slate_estimator found;
    for (int i = 0; i < SLATE_ESTIMATOR_COUNT; i++) {
        CHECK(slate_estimator_of_name(slate_estimator_name((enum slate_estimator)i), &found));
        CHECK_EQ(i, found);
        CHECK(strlen(slate_estimator_title(found)) > 0);
        CHECK(strlen(slate_estimator_definition(found)) > 0);
    }
    CHECK(!slate_estimator_of_name("ips", &found));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(item_position_estimates_are_as_by_hand),
        TEST(self_normalised_positions_count_as_often_as_slates_have_them),
        TEST(sequence_weights_multiply_down_the_slate),
        TEST(a_sequence_stays_at_weight_zero),
        TEST(a_slate_of_the_largest_length_with_the_least_propensities_stays_finite),
        TEST(positions_beyond_the_limit_are_left_out),
        TEST(an_empty_slate_counts_as_a_decision_without_reward),
        TEST(a_wrong_position_is_named),
        TEST(the_support_of_a_position_is_its_own),
        TEST(estimators_are_found_by_name),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
