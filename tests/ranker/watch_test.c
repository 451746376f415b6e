#include "ranker/watch.h"

#include <math.h>
#include <string.h>

#include "ranker/limits.h"
#include "tests/test.h"

enum { INDIA = 9 << 5 | 14, RUSSIA = 18 << 5 | 21 };

static void move(struct watch *watch, uint16_t region, int64_t before_ms, int64_t after_ms)
{
    int before = before_ms < 0 ? -1 : (int)watch_bin(before_ms);
    CHECK_EQ(STATUS_OK, watch_move(watch, region, 2, before, watch_bin(after_ms)));
}

/* 250 ms doubles every 4 bins: edges at 0, 250, 750, 1750 ms ... */
static void bins_are_quarter_octaves(void)
{
    CHECK_EQ(0, watch_bin(0));
    CHECK_EQ(3, watch_bin(249));
    CHECK_EQ(4, watch_bin(250));
    CHECK_EQ(7, watch_bin(749));
    CHECK_EQ(8, watch_bin(750));
    CHECK_EQ(63, watch_bin(250 * 65536 - 250));
    CHECK_EQ(63, watch_bin(LIMIT_DURATION_MS));
    CHECK_EQ(63, watch_bin(INT64_MAX));
}

static void bins_agree_with_the_logarithm(void)
{
    unsigned last = 0;
    for (int64_t ms = 0; ms < 20000000; ms += 1 + ms / 5000) {
        double exact = 4 * log2((double)(ms + 250) / 250);
        unsigned want = exact >= 63 ? 63 : (unsigned)exact;
        if (fabs(exact - nearbyint(exact)) > 1e-9) {
            CHECK_EQ(want, watch_bin(ms));
        }
        CHECK(watch_bin(ms) >= last);
        last = watch_bin(ms);
    }
    CHECK_EQ(63, last);
}

static void an_empty_histogram_knows_nothing(void)
{
    struct watch watch = {0};
    CHECK(watch_quantile(watch_find(&watch, INDIA, 2, 1), watch_bin(5000)) == 0.5);
    watch_release(&watch);
}

static void quantile_counts_half_of_its_own_bin(void)
{
    struct watch watch = {0};
    move(&watch, 0, -1, 0);
    move(&watch, 0, -1, 10000);
    move(&watch, 0, -1, 10000);
    move(&watch, 0, -1, 60000);
    const struct watch_histogram *histogram = watch_find(&watch, 0, 2, 1);
    CHECK_EQ(4, histogram->count);
    CHECK(watch_quantile(histogram, watch_bin(0)) == 0.125);
    CHECK(watch_quantile(histogram, watch_bin(5000)) == 0.25);
    CHECK(watch_quantile(histogram, watch_bin(10000)) == 0.5);
    CHECK(watch_quantile(histogram, watch_bin(60000)) == 0.875);
    CHECK(watch_quantile(histogram, watch_bin(LIMIT_DURATION_MS)) == 1);
    watch_release(&watch);
}

static void all_quantiles_are_those_of_each_bin(void)
{
    struct watch watch = {0};
    double quantiles[WATCH_BIN_COUNT];
    watch_quantiles(watch_find(&watch, 0, 2, 1), quantiles);
    CHECK(quantiles[0] == 0.5 && quantiles[WATCH_BIN_COUNT - 1] == 0.5);
    for (int64_t ms = 0; ms < 400000; ms += 7 + ms / 3) {
        move(&watch, 0, -1, ms);
    }
    const struct watch_histogram *histogram = watch_find(&watch, 0, 2, 1);
    watch_quantiles(histogram, quantiles);
    for (unsigned bin = 0; bin < WATCH_BIN_COUNT; bin++) {
        CHECK(quantiles[bin] == watch_quantile(histogram, bin));
    }
    watch_release(&watch);
}

static void growth_moves_a_view_and_adds_none(void)
{
    struct watch watch = {0};
    move(&watch, INDIA, -1, 1000);
    move(&watch, INDIA, 1000, 1001);
    move(&watch, INDIA, 1001, 30000);
    const struct watch_histogram *histogram = watch_find(&watch, INDIA, 2, 1);
    CHECK(histogram != watch_find(&watch, 0, 2, 1));
    CHECK_EQ(1, histogram->count);
    CHECK_EQ(0, histogram->bins[watch_bin(1000)]);
    CHECK_EQ(1, histogram->bins[watch_bin(30000)]);
    CHECK_EQ(1, watch_find(&watch, 0, 2, 1)->bins[watch_bin(30000)]);
    watch_release(&watch);
}

static void a_region_with_few_views_falls_back_to_all(void)
{
    struct watch watch = {0};
    move(&watch, INDIA, -1, 1000);
    move(&watch, INDIA, -1, 1000);
    move(&watch, RUSSIA, -1, 1000);
    CHECK_EQ(2, watch_find(&watch, INDIA, 2, 2)->count);
    CHECK_EQ(3, watch_find(&watch, RUSSIA, 2, 2)->count);
    CHECK_EQ(3, watch_find(&watch, 77, 2, 1)->count);
    CHECK_EQ(0, watch_find(&watch, INDIA, 3, 1)->count);
    watch_release(&watch);
}

static void regions_are_sorted_however_they_come(void)
{
    struct watch watch = {0};
    for (unsigned i = 0; i < 1676; i++) {
        move(&watch, (uint16_t)(1 + i * 701 % 1676), -1, (int64_t)i);
    }
    CHECK_EQ(1676, watch.region_count);
    for (uint32_t i = 0; i < watch.region_count; i++) {
        CHECK_EQ(i + 1, watch.regions[i].region);
        CHECK_EQ(1, watch.regions[i].histograms[2].count);
    }
    CHECK_EQ(1676, watch.global[2].count);
    watch_release(&watch);
}

static void a_view_that_is_not_where_it_should_be_comes_in(void)
{
    struct watch watch = {0};
    move(&watch, INDIA, 5000, 10000);
    const struct watch_histogram *histogram = watch_find(&watch, INDIA, 2, 1);
    CHECK_EQ(1, histogram->count);
    CHECK_EQ(1, histogram->bins[watch_bin(10000)]);
    CHECK_EQ(0, histogram->bins[watch_bin(5000)]);
    watch_release(&watch);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_view_that_is_not_where_it_should_be_comes_in),
        TEST(bins_are_quarter_octaves),
        TEST(bins_agree_with_the_logarithm),
        TEST(an_empty_histogram_knows_nothing),
        TEST(quantile_counts_half_of_its_own_bin),
        TEST(all_quantiles_are_those_of_each_bin),
        TEST(growth_moves_a_view_and_adds_none),
        TEST(a_region_with_few_views_falls_back_to_all),
        TEST(regions_are_sorted_however_they_come),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
