#include "server/drift.h"

#include <math.h>

#include "tests/test.h"

static bool near(double want, double got)
{
    return fabs(want - got) < 1e-12;
}

static void divergence_of_the_same_shares_is_0(void)
{
    uint64_t a[3] = {1, 2, 1};
    uint64_t b[3] = {100, 200, 100};
    CHECK(near(0, drift_divergence(a, b, 3)));
}

static void divergence_without_a_common_cell_is_1(void)
{
    uint64_t a[3] = {5, 0, 0};
    uint64_t b[3] = {0, 3, 4};
    CHECK(near(1, drift_divergence(a, b, 3)));
}

/* p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4):
 * (log2(4/3) + log2(2/3) / 2 + log2(2) / 2) / 2 = (3/2) - (3/4) log2(3). */
static void divergence_is_the_mean_of_both_from_their_mean(void)
{
    uint64_t a[2] = {7, 0};
    uint64_t b[2] = {4, 4};
    double want = 1.5 - 0.75 * log2(3);
    CHECK(near(want, drift_divergence(a, b, 2)));
    CHECK(near(want, drift_divergence(b, a, 2)));
    CHECK(want > 0.311 && want < 0.312);
}

static void divergence_from_nothing_is_unknown(void)
{
    uint64_t a[2] = {0, 0};
    uint64_t b[2] = {4, 4};
    CHECK(isnan(drift_divergence(a, b, 2)));
    CHECK(isnan(drift_divergence(b, a, 2)));
}

/* The header's rule of thumb: shares 0.5, 0.5 against 0.55, 0.45 have the stability index
 * 0.05 log(0.55 / 0.5) - 0.05 log(0.45 / 0.5) = 0.010034, and 0.18 of that is 0.0018. */
static void small_divergence_is_0_18_times_the_stability_index(void)
{
    uint64_t a[2] = {500, 500};
    uint64_t b[2] = {550, 450};
    double index = 0.05 * log(0.55 / 0.5) - 0.05 * log(0.45 / 0.5);
    double got = drift_divergence(a, b, 2);
    CHECK(got > 0.179 * index && got < 0.181 * index);
}

static uint64_t scores[SCORE_CELL_COUNT];
static struct drift drift;

static void look(uint64_t weights, int64_t now_ms)
{
    drift_look(&drift, scores, weights, now_ms);
}

static void begin(void)
{
    drift_init(&drift, 100);
    scores[3] = 123456; /* from before, which no window has */
    look(1, 5000);
}

static void drift_is_that_of_the_last_window_from_the_first(void)
{
    begin();
    CHECK(isnan(drift.bits));
    scores[10] += DRIFT_SCORES_MIN;
    look(1, 5100);
    CHECK(isnan(drift.bits));
    scores[10] += 2 * DRIFT_SCORES_MIN;
    look(1, 5200);
    CHECK(near(0, drift.bits));
    scores[11] += DRIFT_SCORES_MIN + 1;
    look(1, 5300);
    CHECK(near(1, drift.bits));
    scores[10] += DRIFT_SCORES_MIN;
    look(1, 5400);
    CHECK(near(0, drift.bits));
}

static void window_waits_for_its_length_and_for_enough_scores(void)
{
    begin();
    scores[10] += DRIFT_SCORES_MIN;
    look(1, 5099);
    CHECK(!drift.has_first);
    look(1, 5100);
    CHECK(drift.has_first);
    scores[11] += DRIFT_SCORES_MIN - 1;
    look(1, 9000);
    CHECK(isnan(drift.bits));
    scores[11] += 1;
    look(1, 9001);
    CHECK(near(1, drift.bits));
}

static void other_weights_begin_anew(void)
{
    begin();
    scores[10] += DRIFT_SCORES_MIN;
    look(1, 5100);
    scores[11] += DRIFT_SCORES_MIN;
    look(1, 5200);
    CHECK(near(1, drift.bits));
    look(2, 5201);
    CHECK(isnan(drift.bits));
    scores[11] += DRIFT_SCORES_MIN;
    look(2, 5301);
    scores[11] += DRIFT_SCORES_MIN;
    look(2, 5401);
    CHECK(near(0, drift.bits));
}

static const struct test tests[] = {
    TEST(divergence_of_the_same_shares_is_0),
    TEST(divergence_without_a_common_cell_is_1),
    TEST(divergence_is_the_mean_of_both_from_their_mean),
    TEST(divergence_from_nothing_is_unknown),
    TEST(small_divergence_is_0_18_times_the_stability_index),
    TEST(drift_is_that_of_the_last_window_from_the_first),
    TEST(window_waits_for_its_length_and_for_enough_scores),
    TEST(other_weights_begin_anew),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
