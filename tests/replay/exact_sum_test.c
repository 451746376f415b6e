#include "replay/exact_sum.h"

#include <float.h>

#include "ranker/random.h"
#include "tests/test.h"

static bool same(struct exact_sum a, struct exact_sum b)
{
    return a.low == b.low && a.high == b.high;
}

static struct exact_sum sum_of(const double *values, size_t count)
{
    struct exact_sum sum = {0, 0};
    for (size_t i = 0; i < count; i++) {
        exact_sum_add(&sum, exact_sum_of(values[i]));
    }
    return sum;
}

/* 1 is 2^52 units; -1 is its two's complement; 2^13 units of 2^52 are 2^65 = 2 * 2^64. */
static void a_value_is_a_number_of_units_of_two_to_the_minus_52(void)
{
    CHECK(same((struct exact_sum){UINT64_C(1) << 52, 0}, exact_sum_of(1)));
    CHECK(same((struct exact_sum){-(UINT64_C(1) << 52), -1}, exact_sum_of(-1)));
    CHECK(same((struct exact_sum){0, 2}, exact_sum_of(0x1p13)));
    CHECK(same((struct exact_sum){0, -2}, exact_sum_of(-0x1p13)));
    CHECK(same((struct exact_sum){1, 0}, exact_sum_of(0x1p-52)));
    CHECK(same((struct exact_sum){0, 1 << 30}, exact_sum_of(0x1p42)));
}

static void what_is_finer_goes_to_the_nearest_unit(void)
{
    CHECK(exact_sum_zero(exact_sum_of(0x1.fffffp-54)));
    CHECK(same(exact_sum_of(0x1p-52), exact_sum_of(0x1p-53)));
    CHECK(same(exact_sum_of(-0x1p-52), exact_sum_of(-0x1p-53)));
    CHECK(same(exact_sum_of(0x1p-51), exact_sum_of(0x1.8p-52)));
    CHECK(exact_sum_zero(exact_sum_of(-0.0)));
}

/* 2^40 + 1/3 - 2^40 loses most of 1/3 in doubles. */
static void nothing_is_lost_beside_large_values(void)
{
    const double values[] = {0x1p40, 1.0 / 3, -0x1p40};
    CHECK(fabs(exact_sum_value(sum_of(values, 3)) - 1.0 / 3) <= 0x1p-53);
}

static void sums_carry_between_their_halves(void)
{
    const double up[] = {0x1p12 - 0x1p-40, 0x1p-40};
    const double down[] = {0x1p12, -0x1p-40, -0x1p12};
    CHECK(same((struct exact_sum){0, 1}, sum_of(up, 2)));
    CHECK(same(exact_sum_of(-0x1p-40), sum_of(down, 3)));
}

static void any_order_and_grouping_gives_the_same_bits(void)
{
    enum { COUNT = 200 };
    double values[COUNT];
    uint32_t order[COUNT];
    struct random random = {3};
    for (uint32_t i = 0; i < COUNT; i++) {
        values[i] = random_normal(&random) * exp2(random_below(&random, 60)) * 0x1p-22;
        order[i] = i;
    }
    struct exact_sum whole = sum_of(values, COUNT);
    for (int round = 0; round < 100; round++) {
        struct exact_sum parts[3] = {{0, 0}};
        random_shuffle(&random, order, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            exact_sum_add(&parts[random_below(&random, 3)], exact_sum_of(values[order[i]]));
        }
        exact_sum_add(&parts[1], parts[2]);
        exact_sum_add(&parts[0], parts[1]);
        CHECK(same(whole, parts[0]));
    }
}

static void what_does_not_fit_is_told(void)
{
    CHECK(exact_sum_takes(EXACT_SUM_ADDEND_MAX));
    CHECK(exact_sum_takes(-EXACT_SUM_ADDEND_MAX));
    CHECK(!exact_sum_takes(0x1.0000000000001p42));
    CHECK(!exact_sum_takes(-0x1.0000000000001p42));
    CHECK(!exact_sum_takes((double)INFINITY));
    CHECK(!exact_sum_takes((double)NAN));
}

/* 2^32 times the largest value: doubled 32 times. */
static void the_largest_number_of_the_largest_values_fits(void)
{
    struct exact_sum up = exact_sum_of(EXACT_SUM_ADDEND_MAX);
    struct exact_sum down = exact_sum_of(-EXACT_SUM_ADDEND_MAX);
    for (int i = 0; i < 32; i++) {
        exact_sum_add(&up, up);
        exact_sum_add(&down, down);
    }
    CHECK(fabs(exact_sum_value(up) - 0x1p74) <= 0);
    CHECK(fabs(exact_sum_value(down) + 0x1p74) <= 0);
    CHECK(exact_sum_less(down, up));
}

static void sums_compare_as_their_values(void)
{
    const double rising[] = {-0x1p20, -1, -0x1p-52, 0, 0x1p-52, 1, 0x1p13};
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 7; j++) {
            CHECK_EQ(i < j, exact_sum_less(exact_sum_of(rising[i]), exact_sum_of(rising[j])));
        }
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_value_is_a_number_of_units_of_two_to_the_minus_52),
        TEST(what_is_finer_goes_to_the_nearest_unit),
        TEST(nothing_is_lost_beside_large_values),
        TEST(sums_carry_between_their_halves),
        TEST(any_order_and_grouping_gives_the_same_bits),
        TEST(what_does_not_fit_is_told),
        TEST(the_largest_number_of_the_largest_values_fits),
        TEST(sums_compare_as_their_values),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
