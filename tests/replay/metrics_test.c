#include "replay/metrics.h"

#include <math.h>

#include "ranker/random.h"
#include "tests/test.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

/*
 * By hand: (3 / log2 2 + 2 / log2 3 + 3 / log2 4 + 0 + 1 / log2 6 + 2 / log2 7) = 6.861126688593502
 * over the ideal 3, 3, 2, 2, 1, 0: 3 + 3 / log2 3 + 2 / 2 + 2 / log2 5 + 1 / log2 6 =
 * 7.14099500579562, the example of Wikipedia's article on discounted cumulative gain.
 */
static void ndcg_is_that_of_the_text_book(void)
{
    const double gains[] = {3, 2, 3, 0, 1, 2};
    CHECK(near(0.9608081943360618, metrics_ndcg(gains, 6, 6)));
}

/* Positions from k on do not count, but their gains are in the ideal: 1 / (3 + 2 / log2 3). */
static void ndcg_looks_at_k_positions_and_at_all_gains(void)
{
    const double gains[] = {1, 0, 2, 3};
    CHECK(near(1 / (3 + 2 / log2(3)), metrics_ndcg(gains, 4, 2)));
    CHECK(near(1.0 / 3, metrics_ndcg(gains, 4, 1)));
}

static void ndcg_of_the_best_order_is_one_and_without_gain_undefined(void)
{
    const double best[] = {0.9, 0.5, 0.5, 0.1};
    const double nothing[] = {0, 0};
    CHECK(near(1, metrics_ndcg(best, 4, 10)));
    CHECK(isnan(metrics_ndcg(nothing, 2, 10)));
    CHECK(isnan(metrics_ndcg(NULL, 0, 10)));
}

/* Pairs: 3 over 2 and over 1 won, 2 against 2 a tie, 2 over 1 won: 3.5 of 4. */
static void auc_counts_ties_half(void)
{
    struct metrics_case cases[] = {{2, 1}, {1, 0}, {3, 1}, {2, 0}};
    CHECK(near(3.5 / 4, metrics_auc(cases, 4)));
}

static void auc_is_a_half_when_all_are_equal_and_undefined_without_both_kinds(void)
{
    struct metrics_case equal[] = {{5, 1}, {5, 0}, {5, 0}};
    struct metrics_case one_kind[] = {{1, 1}, {2, 1}};
    CHECK(near(0.5, metrics_auc(equal, 3)));
    CHECK(isnan(metrics_auc(one_kind, 2)));
    CHECK(isnan(metrics_auc(NULL, 0)));
}

/* Of six pairs five have different watch times: 10 over 5 twice and 20 over 5 twice and over 10.
 * By scores 2, 1, 3, 2: won are 20 over both 5 (3 > 1, 3 > 2) and over 10, and 10 over the first 5
 * (2 > 1); 10 and the second 5 tie. */
static void xauc_counts_pairs_of_different_watch_times_and_ties_of_scores_half(void)
{
    struct metrics_watch cases[] = {{2, 10}, {1, 5}, {3, 20}, {2, 5}};
    struct metrics_watch scratch[4];
    double pairs;
    CHECK(near(4.5 / 5, metrics_xauc(cases, scratch, 4, &pairs)));
    CHECK(near(5, pairs));
}

static void xauc_is_undefined_where_all_watched_the_same(void)
{
    struct metrics_watch cases[] = {{2, 5}, {1, 5}};
    struct metrics_watch scratch[2];
    double pairs = 1;
    CHECK(isnan(metrics_xauc(cases, scratch, 2, &pairs)));
    CHECK(near(0, pairs));
    CHECK(isnan(metrics_xauc(cases, scratch, 0, &pairs)));
}

/* By the definition: each pair looked at. */
static double xauc_by_pairs(const struct metrics_watch *cases, size_t count, double *pairs)
{
    double won = 0;
    *pairs = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (cases[i].watch > cases[j].watch) {
                *pairs += 1;
                won += cases[i].score > cases[j].score   ? 1
                       : cases[i].score < cases[j].score ? 0
                                                         : 0.5;
            }
        }
    }
    return won / *pairs;
}

static void xauc_of_random_cases_is_that_of_all_pairs(void)
{
    struct random random = {5};
    for (size_t round = 0; round < 300; round++) {
        struct metrics_watch cases[70];
        struct metrics_watch scratch[70];
        size_t count = 2 + random_below(&random, 69);
        for (size_t i = 0; i < count; i++) {
            cases[i].score = random_below(&random, 20);
            cases[i].watch = random_below(&random, 12);
        }
        double want_pairs;
        double got_pairs;
        double want = xauc_by_pairs(cases, count, &want_pairs);
        double got = metrics_xauc(cases, scratch, count, &got_pairs);
        CHECK(near(want_pairs, got_pairs));
        CHECK(isnan(got) ? !(want_pairs > 0) : near(want, got));
    }
}

static void the_mean_weighs_users(void)
{
    const struct metrics_unit units[] = {{3, 4}, {1, 1}, {0, 0}};
    struct metrics_interval interval;
    CHECK_EQ(STATUS_OK, metrics_bootstrap(units, 3, 1, &interval));
    CHECK(near(4.0 / 5, interval.mean));
    CHECK(interval.low >= 0.75 - 1e-12 && interval.high <= 1 + 1e-12);
}

/* For the mean of n values the standard error is s / sqrt n: here 0.5 / sqrt 400 = 0.025. */
static void an_interval_is_about_two_standard_errors_each_way(void)
{
    struct metrics_unit units[400];
    struct metrics_interval interval;
    for (int i = 0; i < 400; i++) {
        units[i] = (struct metrics_unit){i % 2, 1};
    }
    CHECK_EQ(STATUS_OK, metrics_bootstrap(units, 400, 1, &interval));
    CHECK(near(0.5, interval.mean));
    CHECK(fabs(interval.low - (0.5 - 1.96 * 0.025)) < 0.006);
    CHECK(fabs(interval.high - (0.5 + 1.96 * 0.025)) < 0.006);
}

/* The same users are drawn for both, so what they share cancels out. */
static void a_constant_difference_is_certain(void)
{
    struct metrics_unit units[50];
    struct metrics_unit others[50];
    struct metrics_interval interval;
    for (int i = 0; i < 50; i++) {
        units[i] = (struct metrics_unit){i + 0.25, 1};
        others[i] = (struct metrics_unit){i, 1};
    }
    CHECK_EQ(STATUS_OK, metrics_bootstrap_paired(units, others, 50, 1, &interval));
    CHECK(fabs(interval.low - 0.25) < 1e-9 && fabs(interval.high - 0.25) < 1e-9);
}

static void a_seed_gives_the_same_interval_and_nothing_gives_none(void)
{
    const struct metrics_unit units[] = {{1, 1}, {2, 1}, {4, 1}, {8, 1}, {16, 1}};
    struct metrics_interval first;
    struct metrics_interval second;
    CHECK_EQ(STATUS_OK, metrics_bootstrap(units, 5, 3, &first));
    CHECK_EQ(STATUS_OK, metrics_bootstrap(units, 5, 3, &second));
    CHECK(near(first.low, second.low) && near(first.high, second.high));
    CHECK_EQ(STATUS_OK, metrics_bootstrap(NULL, 0, 3, &first));
    CHECK(isnan(first.mean) && isnan(first.low) && isnan(first.high));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(ndcg_is_that_of_the_text_book),
        TEST(ndcg_looks_at_k_positions_and_at_all_gains),
        TEST(ndcg_of_the_best_order_is_one_and_without_gain_undefined),
        TEST(auc_counts_ties_half),
        TEST(auc_is_a_half_when_all_are_equal_and_undefined_without_both_kinds),
        TEST(xauc_counts_pairs_of_different_watch_times_and_ties_of_scores_half),
        TEST(xauc_is_undefined_where_all_watched_the_same),
        TEST(xauc_of_random_cases_is_that_of_all_pairs),
        TEST(the_mean_weighs_users),
        TEST(an_interval_is_about_two_standard_errors_each_way),
        TEST(a_constant_difference_is_certain),
        TEST(a_seed_gives_the_same_interval_and_nothing_gives_none),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
