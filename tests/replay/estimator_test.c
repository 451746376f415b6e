#include "replay/estimator.h"

#include <math.h>
#include <string.h>

#include "tests/test.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void add(const struct observation *observation, double *sums)
{
    double columns[OBSERVATION_SUMS];
    double peaks[WEIGHING_PEAKS];
    struct problem problem;
    CHECK_EQ(STATUS_OK, observation_columns(observation, 3, columns, peaks, &problem));
    for (size_t i = 0; i < OBSERVATION_SUMS; i++) {
        sums[i] += columns[i];
    }
}

/*
 *   r  p     e     w    matched  q    Q     min(w, 3) r  w r  w (r - q)
 *   1  0.5   0.25  0.5  no       0.5  0.25  0.5          0.5  0.25
 *   2  0.25  1     4    yes      1    1     6            8    4
 *   0  0.5   0     0    no       0.5  0.75  0            0    0
 *   1  0.5   0.75  1.5  yes      0    0.5   1.5          1.5  1.5
 */
static const struct observation observations[] = {
    {1, 0.5, 0.25, false, 0.5, 0.25},
    {2, 0.25, 1, true, 1, 1},
    {0, 0.5, 0, false, 0.5, 0.75},
    {1, 0.5, 0.75, true, 0, 0.5},
};

static void estimates_are_as_by_hand(void)
{
    double sums[OBSERVATION_SUMS] = {0};
    for (size_t i = 0; i < 4; i++) {
        add(&observations[i], sums);
    }
    CHECK(near(3 / 2.0, estimator_value(ESTIMATOR_REPLAY, sums)));
    CHECK(near(10 / 4.0, estimator_value(ESTIMATOR_IPS, sums)));
    CHECK(near(8 / 4.0, estimator_value(ESTIMATOR_CLIPPED_IPS, sums)));
    CHECK(near(10 / 6.0, estimator_value(ESTIMATOR_SNIPS, sums)));
    CHECK(near(2.5 / 4, estimator_value(ESTIMATOR_DM, sums)));
    CHECK(near(8.25 / 4, estimator_value(ESTIMATOR_DR, sums)));
    CHECK(near(2.5 / 4 + 5.75 / 6, estimator_value(ESTIMATOR_SNDR, sums)));
    CHECK(near(4 / 4.0, estimator_logged(sums, NULL)));
}

static void an_observation_counts_its_weight_and_its_extremes(void)
{
    double sums[OBSERVATION_SUMS];
    double peaks[WEIGHING_PEAKS];
    struct problem problem;
    CHECK_EQ(STATUS_OK, observation_columns(&observations[1], 3, sums, peaks, &problem));
    CHECK(near(4, sums[WEIGHING_WEIGHT]) && near(16, sums[WEIGHING_SQUARED_WEIGHT]));
    CHECK(near(3, sums[OBSERVATION_CLIPPED_WEIGHT]));
    CHECK(near(0, sums[WEIGHING_UNWEIGHTED]) && near(0, sums[WEIGHING_CUT]));
    CHECK(near(4, peaks[WEIGHING_LARGEST_WEIGHT]) && near(4, peaks[WEIGHING_LARGEST_INVERSE]));
    CHECK(near(0.25, peaks[WEIGHING_LARGEST_PROPENSITY]));
    CHECK_EQ(STATUS_OK, observation_columns(&observations[2], 3, sums, peaks, &problem));
    CHECK(near(1, sums[WEIGHING_UNWEIGHTED]));
}

static void estimates_of_nothing_are_undefined(void)
{
    double sums[OBSERVATION_SUMS] = {0};
    for (int i = 0; i < ESTIMATOR_COUNT; i++) {
        CHECK(isnan(estimator_value((enum estimator)i, sums)));
    }
    CHECK(isnan(estimator_logged(sums, NULL)));
    add(&observations[2], sums);
    CHECK(isnan(estimator_value(ESTIMATOR_REPLAY, sums)));
    CHECK(isnan(estimator_value(ESTIMATOR_SNIPS, sums)));
    CHECK(isnan(estimator_value(ESTIMATOR_SNDR, sums)));
    CHECK(near(0, estimator_value(ESTIMATOR_IPS, sums)));
    CHECK(near(0.75, estimator_value(ESTIMATOR_DR, sums)));
}

/* The least propensity of all: 1 / p is infinite in doubles. */
static void weights_beyond_the_limit_are_cut_and_counted(void)
{
    const struct observation observation = {.reward = 1, .logged = 0x1p-1074, .target = 1};
    double sums[OBSERVATION_SUMS];
    double peaks[WEIGHING_PEAKS];
    struct problem problem;
    CHECK_EQ(STATUS_OK, observation_columns(&observation, 3, sums, peaks, &problem));
    CHECK(near(1, sums[WEIGHING_CUT]));
    CHECK(near(WEIGHING_WEIGHT_MAX, sums[WEIGHING_WEIGHT]));
    CHECK(near(0x1p42, peaks[WEIGHING_LARGEST_INVERSE]));
}

static void check_refused(struct observation observation, const char *why)
{
    double sums[OBSERVATION_SUMS];
    double peaks[WEIGHING_PEAKS];
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, observation_columns(&observation, 3, sums, peaks, &problem));
    CHECK_STR(why, problem.text);
}

static void fields_out_of_range_are_named(void)
{
    check_refused((struct observation){.reward = NAN, .logged = 1},
                  "reward is nan; a reward is a number from -1.04858e+06 to 1.04858e+06");
    check_refused(
        (struct observation){.logged = 0},
        "propensity is 0; the probability of what the log chose is above 0 and at most 1");
    check_refused((struct observation){.logged = NAN},
                  "propensity is nan; the probability of what the log chose is above 0 and at most "
                  "1");
    check_refused((struct observation){.logged = 1, .target = 1.5},
                  "the policy's probability is 1.5; a probability is from 0 to 1");
    check_refused((struct observation){.logged = 1, .modelled_logged = (double)INFINITY},
                  "the modelled reward of the logged choice is inf; a reward is a number from "
                  "-1.04858e+06 to 1.04858e+06");
    check_refused((struct observation){.logged = 1, .modelled_target = -1e9},
                  "the modelled reward of the policy is -1e+09; a reward is a number from "
                  "-1.04858e+06 to 1.04858e+06");
}

static void estimators_are_found_by_name(void)
{
    enum estimator found;
    for (int i = 0; i < ESTIMATOR_COUNT; i++) {
        CHECK(estimator_of_name(estimator_name((enum estimator)i), &found));
        CHECK_EQ(i, found);
        CHECK(strlen(estimator_title(found)) > 0 && strlen(estimator_definition(found)) > 0);
    }
    CHECK(!estimator_of_name("magic", &found));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(estimates_are_as_by_hand),
        TEST(an_observation_counts_its_weight_and_its_extremes),
        TEST(estimates_of_nothing_are_undefined),
        TEST(weights_beyond_the_limit_are_cut_and_counted),
        TEST(fields_out_of_range_are_named),
        TEST(estimators_are_found_by_name),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
