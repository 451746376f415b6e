#include "server/histogram.h"

#include <math.h>

#include "tests/test.h"

static const struct histogram_scale scale = {.unit = 0.001, .count = 3, .bounds = {10, 100, 1000}};

static void value_belongs_to_the_first_bound_that_is_not_below_it(void)
{
    CHECK_EQ(0, histogram_index(&scale, 0));
    CHECK_EQ(0, histogram_index(&scale, 10));
    CHECK_EQ(1, histogram_index(&scale, 11));
    CHECK_EQ(2, histogram_index(&scale, 1000));
    CHECK_EQ(3, histogram_index(&scale, 1001));
    CHECK_EQ(3, histogram_index(&scale, UINT64_MAX));
}

static void sums_add_histograms_up(void)
{
    struct histogram a = {0};
    struct histogram b = {0};
    struct histogram_sums sums = {0};
    histogram_observe(&a, &scale, 5);
    histogram_observe(&a, &scale, 50);
    histogram_observe(&b, &scale, 50);
    histogram_observe(&b, &scale, 5000);
    histogram_add_to(&a, &sums);
    histogram_add_to(&b, &sums);
    CHECK_EQ(5 + 50 + 50 + 5000, sums.sum);
    CHECK_EQ(1, sums.counts[0]);
    CHECK_EQ(2, sums.counts[1]);
    CHECK_EQ(0, sums.counts[2]);
    CHECK_EQ(1, sums.counts[3]);
    CHECK_EQ(4, histogram_total(&sums));
}

static double quantile(const struct histogram_sums *sums, double share)
{
    return histogram_quantile(sums, &scale, share);
}

static void quantile_is_the_bound_that_the_share_does_not_pass(void)
{
    struct histogram_sums sums = {.counts = {50, 49, 1}};
    CHECK(fabs(quantile(&sums, 0.5) - 0.01) < 1e-12);
    CHECK(fabs(quantile(&sums, 0.51) - 0.1) < 1e-12);
    CHECK(fabs(quantile(&sums, 0.99) - 0.1) < 1e-12);
    CHECK(fabs(quantile(&sums, 1) - 1) < 1e-12);
}

static void quantile_of_nothing_is_0_and_beyond_the_last_bound_infinite(void)
{
    struct histogram_sums none = {0};
    struct histogram_sums large = {.counts = {1, 0, 0, 1}};
    CHECK(quantile(&none, 0.5) <= 0);
    CHECK(isinf(quantile(&large, 0.99)));
}

static const struct test tests[] = {
    TEST(value_belongs_to_the_first_bound_that_is_not_below_it),
    TEST(sums_add_histograms_up),
    TEST(quantile_is_the_bound_that_the_share_does_not_pass),
    TEST(quantile_of_nothing_is_0_and_beyond_the_last_bound_infinite),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
