#include "replay/list_metrics.h"

#include <math.h>
#include <string.h>

#include "ranker/random.h"
#include "replay/metrics.h"
#include "tests/test.h"

static struct list_metrics metrics;

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

/* The list's own documents are all that are judged. */
static void measure(size_t k, const double *gains, size_t count, double out[METRIC_LIST_COUNT])
{
    list_metrics_init(&metrics, k);
    struct list_ideal ideal = list_ideal(&metrics, gains, count);
    list_measure(&metrics, &ideal, gains, count, out);
}

/* Relevant at 2 and 4 of five: MAP = (1/2 + 2/4) / 2, ideal 1 + 1 / log2 3. */
static void all_metrics_of_a_list_come_out_at_once(void)
{
    const double gains[] = {0, 1, 0, 1, 0};
    double got[METRIC_LIST_COUNT];
    measure(3, gains, 5, got);
    CHECK(near((1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3)), got[METRIC_NDCG]));
    CHECK(near((1 / log2(3)) / (1 + 1 / log2(3)), got[METRIC_NDCG_AT]));
    CHECK(near(0.5, got[METRIC_MAP]));
    CHECK(near(0.5, got[METRIC_MRR]));
    CHECK(near(1.0 / 3, got[METRIC_PRECISION_AT]));
    CHECK(near(0.5, got[METRIC_RECALL_AT]));
    CHECK(near(1, got[METRIC_HIT_AT]));
}

/* Four are relevant, of which policy dropped two: MAP = (1/1 + 2/3) / 4, and the ideal has 3 and 2
 * first though the list has 1 and 2. */
static void relevant_documents_that_are_missing_count_in_every_denominator(void)
{
    const double judged[] = {1, 3, 2, 0, 1};
    const double list[] = {1, 0, 2};
    double got[METRIC_LIST_COUNT];
    list_metrics_init(&metrics, 2);
    struct list_ideal ideal = list_ideal(&metrics, judged, 5);
    list_measure(&metrics, &ideal, list, 3, got);
    CHECK_EQ(4, ideal.relevant);
    CHECK(near((1 + 2.0 / 2) / (3 + 2 / log2(3) + 1.0 / 2 + 1 / log2(5)), got[METRIC_NDCG]));
    CHECK(near(1 / (3 + 2 / log2(3)), got[METRIC_NDCG_AT]));
    CHECK(near((1 + 2.0 / 3) / 4, got[METRIC_MAP]));
    CHECK(near(1, got[METRIC_MRR]));
    CHECK(near(0.5, got[METRIC_PRECISION_AT]));
    CHECK(near(0.25, got[METRIC_RECALL_AT]));
}

static void precision_divides_by_k_even_when_the_list_is_shorter(void)
{
    const double gains[] = {1, 1};
    double got[METRIC_LIST_COUNT];
    measure(10, gains, 2, got);
    CHECK(near(0.2, got[METRIC_PRECISION_AT]));
    CHECK(near(1, got[METRIC_RECALL_AT]));
    CHECK(near(1, got[METRIC_NDCG_AT]));
}

static void nothing_relevant_leaves_all_undefined(void)
{
    const double gains[] = {0, 0, 0};
    double got[METRIC_LIST_COUNT];
    measure(2, gains, 3, got);
    for (size_t i = 0; i < METRIC_LIST_COUNT; i++) {
        CHECK(isnan(got[i]));
    }
    measure(2, NULL, 0, got);
    CHECK(isnan(got[METRIC_MAP]));
    struct list_ideal ideal = list_ideal(&metrics, gains, 3);
    CHECK(isnan(list_ndcg(&metrics, &ideal, gains, 3).whole));
}

static void an_empty_list_has_nought_where_something_was_relevant(void)
{
    const double judged[] = {1};
    double got[METRIC_LIST_COUNT];
    list_metrics_init(&metrics, 10);
    struct list_ideal ideal = list_ideal(&metrics, judged, 1);
    list_measure(&metrics, &ideal, NULL, 0, got);
    for (size_t i = 0; i < METRIC_LIST_COUNT; i++) {
        CHECK(near(0, got[i]));
    }
}

/* Quantiles as gains: 0.25 + 1 / log2 3 + 0.5 / 2 over 1 + 0.5 / log2 3 + 0.25 / 2. */
static void real_gains_count_as_they_are(void)
{
    const double gains[] = {0.25, 1, 0.5};
    list_metrics_init(&metrics, 1);
    struct list_ideal ideal = list_ideal(&metrics, gains, 3);
    struct list_gain got = list_ndcg(&metrics, &ideal, gains, 3);
    CHECK(near((0.25 + 1 / log2(3) + 0.25) / (1 + 0.5 / log2(3) + 0.125), got.whole));
    CHECK(near(0.25, got.at_k));
}

/* metrics_ndcg() finds the k largest another way. */
static void random_lists_have_the_ndcg_of_the_plain_function(void)
{
    struct random random = {7};
    for (size_t round = 0; round < 300; round++) {
        double gains[150];
        double got[METRIC_LIST_COUNT];
        size_t count = 1 + random_below(&random, 150);
        size_t k = 1 + random_below(&random, 100);
        for (size_t i = 0; i < count; i++) {
            gains[i] = random_below(&random, 4) * random_unit(&random);
        }
        measure(k, gains, count, got);
        double want = metrics_ndcg(gains, count, k);
        CHECK(isnan(want) == isnan(got[METRIC_NDCG_AT]));
        CHECK(isnan(want) || near(want, got[METRIC_NDCG_AT]));
    }
}

static void the_largest_list_in_its_best_order_is_perfect(void)
{
    static double gains[LIMIT_CANDIDATES];
    double got[METRIC_LIST_COUNT];
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        gains[i] = (double)(LIMIT_CANDIDATES - i);
    }
    measure(LIMIT_CANDIDATES, gains, LIMIT_CANDIDATES, got);
    for (size_t i = 0; i < METRIC_LIST_COUNT; i++) {
        CHECK(near(1, got[i]));
    }
}

/* 7919 has no factor in common with 2,000, so the first order holds each gain once. */
static void the_ideal_does_not_depend_on_the_order(void)
{
    static double gains[LIMIT_CANDIDATES];
    list_metrics_init(&metrics, 10);
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        gains[i] = (double)((i * 7919) % LIMIT_CANDIDATES);
    }
    struct list_ideal shuffled = list_ideal(&metrics, gains, LIMIT_CANDIDATES);
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        gains[i] = (double)(LIMIT_CANDIDATES - 1 - i);
    }
    struct list_ideal falling = list_ideal(&metrics, gains, LIMIT_CANDIDATES);
    CHECK_EQ(0, memcmp(&shuffled, &falling, sizeof(falling)));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(all_metrics_of_a_list_come_out_at_once),
        TEST(relevant_documents_that_are_missing_count_in_every_denominator),
        TEST(precision_divides_by_k_even_when_the_list_is_shorter),
        TEST(nothing_relevant_leaves_all_undefined),
        TEST(an_empty_list_has_nought_where_something_was_relevant),
        TEST(real_gains_count_as_they_are),
        TEST(random_lists_have_the_ndcg_of_the_plain_function),
        TEST(the_largest_list_in_its_best_order_is_perfect),
        TEST(the_ideal_does_not_depend_on_the_order),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
