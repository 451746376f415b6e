#include "replay/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/test.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

/* Columns first and first + 1, as numerator and denominator. */
static struct bootstrap_statistic ratio_at(size_t first)
{
    return (struct bootstrap_statistic){bootstrap_ratio, NULL, first, 2};
}

static struct bootstrap *drawn(const double *rows, size_t unit_count, size_t column_count,
                               uint64_t seed)
{
    struct bootstrap *bootstrap = NULL;
    CHECK_EQ(STATUS_OK, bootstrap_new(rows, unit_count, column_count, seed, &bootstrap));
    return bootstrap;
}

static struct bootstrap_interval interval_of(const double *rows, size_t unit_count, uint64_t seed)
{
    struct bootstrap_interval interval;
    struct bootstrap *bootstrap = drawn(rows, unit_count, 2, seed);
    bootstrap_interval(bootstrap, ratio_at(0), &interval);
    bootstrap_free(bootstrap);
    return interval;
}

static bool same(const struct bootstrap_interval *a, const struct bootstrap_interval *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* count units of weight 1, of which the first positives have 1 and the others 0. */
static double *make_units(size_t count, size_t positives)
{
    double *rows = calloc(count, 2 * sizeof(double));
    CHECK(rows != NULL);
    for (size_t i = 0; i < count; i++) {
        rows[2 * i] = i < positives;
        rows[2 * i + 1] = 1;
    }
    return rows;
}

/*
 * The error of a share is sqrt(p (1 - p) / n) = 0.02449. 2,000 rounds tell it to 1.6 %. The
 * interval by the normal distribution is 0.6 -+ 0.048; there are whole users only.
 */
static void the_error_of_a_share_is_that_of_the_text_book(void)
{
    double *rows = make_units(400, 240);
    struct bootstrap_interval interval = interval_of(rows, 400, 1);
    CHECK(near(0.6, interval.value));
    CHECK(fabs(interval.error / 0.024494897 - 1) < 0.06);
    CHECK(fabs(interval.low - 0.552) < 0.006);
    CHECK(fabs(interval.high - 0.648) < 0.006);
    free(rows);
}

/*
 * 10 of 200. A draw's number of positives is binomial: below 10 with 0.4547, 10 with 0.1284, so the
 * share below is 0.5189 and the bias 0.0474; the acceleration is (1 - 2 p) / (6 sqrt(n p (1 - p)))
 * = 0.0487. BCa then looks at 4.43 % and 98.85 % instead of 2.5 % and 97.5 %, where the binomial
 * has 5 and 18, or 17 by the chance of the draws. Plain percentiles would be 4 and 16.
 */
static void skewed_figures_have_skewed_intervals(void)
{
    double *rows = make_units(200, 10);
    struct bootstrap_interval interval = interval_of(rows, 200, 1);
    CHECK(near(5, 200 * interval.low));
    CHECK(200 * interval.high > 16.5 && 200 * interval.high < 18.5);
    free(rows);
}

/* 1 where the share is 0.6, and less the farther it is from there. */
static double nearness(const double *sums, const void *context)
{
    (void)context;
    double gap = sums[0] / sums[1] - 0.6;
    return 1 - gap * gap;
}

/*
 * Of the draws of 240 of 400, 4.1 % have 240 again and the others fall short of the figure, so its
 * bias is 2.05. The lower level is then beyond 97 % and not 2.5 %: the figure itself.
 */
static void a_figure_that_draws_can_only_worsen_is_corrected_for_it(void)
{
    double *rows = make_units(400, 240);
    struct bootstrap *bootstrap = drawn(rows, 400, 2, 1);
    struct bootstrap_interval interval;
    bootstrap_interval(bootstrap, (struct bootstrap_statistic){nearness, NULL, 0, 2}, &interval);
    CHECK(near(1, interval.value) && near(1, interval.high));
    CHECK(near(1, interval.low));
    bootstrap_free(bootstrap);
    free(rows);
}

static void the_same_seed_gives_the_same_bits_and_another_one_others(void)
{
    double *rows = make_units(101, 40);
    rows[7] = 2.5;
    struct bootstrap_interval first = interval_of(rows, 101, 5);
    struct bootstrap_interval again = interval_of(rows, 101, 5);
    struct bootstrap_interval other = interval_of(rows, 101, 6);
    CHECK(same(&first, &again));
    CHECK(!same(&first, &other));
    free(rows);
}

enum { UNITS = 37, COLUMNS = 21 };

static double *random_rows(size_t column_count)
{
    double *rows = calloc(UNITS * column_count, sizeof(double));
    CHECK(rows != NULL);
    for (size_t unit = 0; unit < UNITS; unit++) {
        for (size_t i = 0; i < column_count; i++) {
            struct random random = random_stream(3, unit, i);
            rows[unit * column_count + i] = 0.1 + random_unit(&random);
        }
    }
    return rows;
}

/* A figure is the same wherever its columns stand and whatever stands beside them. */
static void columns_do_not_touch_each_other(void)
{
    double *all = random_rows(COLUMNS);
    struct bootstrap *wide = drawn(all, UNITS, COLUMNS, 9);
    for (size_t first = 0; first + 2 <= COLUMNS; first++) {
        double rows[2 * UNITS];
        struct bootstrap_interval interval;
        for (size_t unit = 0; unit < UNITS; unit++) {
            memcpy(&rows[2 * unit], &all[unit * COLUMNS + first], 2 * sizeof(double));
        }
        struct bootstrap_interval alone = interval_of(rows, UNITS, 9);
        bootstrap_interval(wide, ratio_at(first), &interval);
        CHECK(same(&alone, &interval));
    }
    bootstrap_free(wide);
    free(all);
}

/* Two figures that differ by 0.25 for each user: nothing is uncertain about the difference. */
static void differences_are_paired(void)
{
    double rows[50 * 4];
    struct random random = {2};
    struct bootstrap_interval difference;
    for (size_t i = 0; i < 50; i++) {
        double value = (double)random_below(&random, 64) / 64;
        const double row[] = {value + 0.25, 1, value, 1};
        memcpy(&rows[4 * i], row, sizeof(row));
    }
    struct bootstrap *bootstrap = drawn(rows, 50, 4, 1);
    bootstrap_difference(bootstrap, ratio_at(0), ratio_at(2), &difference);
    CHECK(near(0.25, difference.value));
    CHECK(near(0.25, difference.low) && near(0.25, difference.high));
    CHECK(near(0, difference.error));
    bootstrap_difference(bootstrap, ratio_at(2), ratio_at(0), &difference);
    CHECK(near(-0.25, difference.value));
    bootstrap_free(bootstrap);
}

/* Users with 1 to 7 decisions, each worth the same, as a third column says in smaller pieces. */
static double *constant_rows(size_t count, double worth)
{
    double *rows = calloc(count, 4 * sizeof(double));
    CHECK(rows != NULL);
    for (size_t i = 0; i < count; i++) {
        double decisions = (double)(1 + i % 7);
        rows[4 * i] = worth * decisions;
        rows[4 * i + 1] = decisions;
        for (size_t j = 0; j < 10 * (1 + i % 7); j++) {
            rows[4 * i + 2] += worth / 10;
        }
        rows[4 * i + 3] = decisions;
    }
    return rows;
}

/* Sums of hundreds are rounded, so draws differ in the last bits: no spread, nor any difference. */
static void what_is_the_same_for_all_but_for_rounding_has_no_spread(void)
{
    double *rows = constant_rows(1000, 0.0036190239055525725);
    struct bootstrap *bootstrap = drawn(rows, 1000, 4, 1);
    struct bootstrap_interval interval;
    bootstrap_interval(bootstrap, ratio_at(0), &interval);
    CHECK(near(0.0036190239055525725, interval.value));
    CHECK(memcmp(&interval.low, &interval.value, sizeof(double)) == 0);
    CHECK(memcmp(&interval.high, &interval.value, sizeof(double)) == 0);
    CHECK(!(interval.error > 0));
    bootstrap_difference(bootstrap, ratio_at(2), ratio_at(0), &interval);
    CHECK(!(fabs(interval.value) > 0) && !(interval.error > 0));
    CHECK(near(1, bootstrap_p_value(&interval)));
    bootstrap_free(bootstrap);
    free(rows);
}

/* One user of 1,000 has 1e-9 more than the others: small, and no rounding. */
static void a_small_spread_is_one(void)
{
    double *rows = constant_rows(1000, 1);
    rows[0] += 1e-9;
    struct bootstrap *bootstrap = drawn(rows, 1000, 4, 1);
    struct bootstrap_interval interval;
    bootstrap_interval(bootstrap, ratio_at(0), &interval);
    CHECK(interval.error > 0);
    CHECK(interval.low <= interval.value && interval.value <= interval.high);
    bootstrap_free(bootstrap);
    free(rows);
}

static void what_is_undefined_has_no_interval(void)
{
    const double nothing[] = {0, 0, 0, 0};
    const double one[] = {1, 2};
    struct bootstrap_interval interval = interval_of(nothing, 2, 1);
    CHECK(isnan(interval.value) && isnan(interval.low) && isnan(interval.error));
    interval = interval_of(NULL, 0, 1);
    CHECK(isnan(interval.value) && isnan(interval.high));
    interval = interval_of(one, 1, 1);
    CHECK(near(0.5, interval.value));
    CHECK(isnan(interval.low) && isnan(interval.high) && isnan(interval.error));
}

/* Of two units one has no weight: a quarter of the draws is undefined, the others are all 3. */
static void undefined_rounds_are_left_out(void)
{
    const double rows[] = {3, 1, 0, 0};
    struct bootstrap_interval interval = interval_of(rows, 2, 1);
    CHECK(near(3, interval.value) && near(3, interval.low) && near(3, interval.high));
    CHECK(near(0, interval.error));
}

/* 1.959963984540054 standard errors leave 5 % outside, 2.5758293035489 leave 1 %. */
static void p_values_are_those_of_the_normal_distribution(void)
{
    struct bootstrap_interval difference = {-1.959963984540054 * 3, NAN, NAN, 3};
    CHECK(near(0.05, bootstrap_p_value(&difference)));
    difference = (struct bootstrap_interval){2.5758293035489004, NAN, NAN, 1};
    CHECK(near(0.01, bootstrap_p_value(&difference)));
    difference.value = 0;
    CHECK(near(1, bootstrap_p_value(&difference)));
}

static void p_values_without_an_error_are_certain_or_undefined(void)
{
    struct bootstrap_interval difference = {0.5, 0.5, 0.5, 0};
    CHECK(near(0, bootstrap_p_value(&difference)));
    difference.value = 0;
    CHECK(near(1, bootstrap_p_value(&difference)));
    difference.error = NAN;
    CHECK(isnan(bootstrap_p_value(&difference)));
    difference = (struct bootstrap_interval){NAN, NAN, NAN, 1};
    CHECK(isnan(bootstrap_p_value(&difference)));
}

/* In order: 4 * 0.005, 3 * 0.01, 2 * 0.03, and 0.04, which is raised to the one before. */
static void holm_is_that_of_the_text_book(void)
{
    double p_values[] = {0.01, NAN, 0.04, 0.03, 0.005};
    const double adjusted[] = {0.03, NAN, 0.06, 0.06, 0.02};
    CHECK_EQ(STATUS_OK, bootstrap_holm(p_values, 5));
    for (size_t i = 0; i < 5; i++) {
        CHECK(i == 1 ? isnan(p_values[i]) : near(adjusted[i], p_values[i]));
    }
}

static void holm_stays_at_most_one(void)
{
    double p_values[] = {0.9, 0.6, 0.4};
    CHECK_EQ(STATUS_OK, bootstrap_holm(p_values, 3));
    CHECK(near(1, p_values[0]) && near(1, p_values[1]) && near(1, p_values[2]));
    CHECK_EQ(STATUS_OK, bootstrap_holm(NULL, 0));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_error_of_a_share_is_that_of_the_text_book),
        TEST(skewed_figures_have_skewed_intervals),
        TEST(a_figure_that_draws_can_only_worsen_is_corrected_for_it),
        TEST(the_same_seed_gives_the_same_bits_and_another_one_others),
        TEST(columns_do_not_touch_each_other),
        TEST(differences_are_paired),
        TEST(what_is_the_same_for_all_but_for_rounding_has_no_spread),
        TEST(a_small_spread_is_one),
        TEST(what_is_undefined_has_no_interval),
        TEST(undefined_rounds_are_left_out),
        TEST(p_values_are_those_of_the_normal_distribution),
        TEST(p_values_without_an_error_are_certain_or_undefined),
        TEST(holm_is_that_of_the_text_book),
        TEST(holm_stays_at_most_one),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
