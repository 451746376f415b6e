#include "replay/auc_groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/exact.h"
#include "ranker/random.h"
#include "replay/metrics.h"
#include "replay/numbers.h"
#include "tests/test.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static struct auc_groups *fresh(void)
{
    struct auc_groups *groups = auc_groups_new();
    CHECK(groups != NULL);
    return groups;
}

static void add(struct auc_groups *groups, uint64_t user, double score, bool positive)
{
    CHECK_EQ(STATUS_OK, auc_groups_add(groups, user, score, positive));
}

static struct auc_estimate estimate(const struct auc_groups *groups)
{
    struct auc_estimate got;
    auc_groups_estimate(groups, &got);
    return got;
}

/* Pairs: 3 over 2 and over 1 won, 2 against 2 a tie, 2 over 1 won: 3.5 of 4. One pair shares a bin,
 * so the value is within half of a quarter. */
static void the_value_counts_pairs_and_ties_half(void)
{
    struct auc_groups *groups = fresh();
    add(groups, 1, 2, true);
    add(groups, 1, 1, false);
    add(groups, 1, 3, true);
    add(groups, 1, 2, false);
    struct auc_estimate got = estimate(groups);
    CHECK(near(3.5 / 4, got.value));
    CHECK(near(1.0 / 8, got.within_bin));
    CHECK_EQ(2, got.positives);
    CHECK_EQ(2, got.negatives);
    CHECK(isnan(got.low) && isnan(got.high));
    auc_groups_free(groups);
}

static void without_both_kinds_there_is_no_value(void)
{
    struct auc_groups *groups = fresh();
    CHECK(isnan(estimate(groups).value));
    add(groups, 1, 2, true);
    add(groups, 2, 2, true);
    CHECK(isnan(estimate(groups).value));
    CHECK(isnan(estimate(groups).low));
    auc_groups_free(groups);
}

static void check_told_apart(double low, double high)
{
    struct auc_groups *groups = fresh();
    add(groups, 1, low, false);
    add(groups, 2, high, true);
    CHECK(near(1, estimate(groups).value));
    CHECK(near(0, estimate(groups).within_bin));
    auc_groups_free(groups);
}

/* Each of the 1,024 steps of a power of two, nought, and both ends have bins of their own. */
static void scores_a_thousandth_apart_are_told_apart(void)
{
    const double ends[] = {0,   0x1p-32,    0x1.ffcp-32, 0x1p-31,   0.5,
                           1.0, 0x1.ffcp17, 0x1p18,      0x1.ffcp18};
    for (size_t i = 0; i + 1 < sizeof(ends) / sizeof(ends[0]); i++) {
        check_told_apart(ends[i], ends[i + 1]);
    }
    for (int i = 0; i < 1024; i++) {
        check_told_apart(64 + i * 0x1p-4, 64 + (i + 1) * 0x1p-4);
    }
}

/* Scores over many powers of two, and a narrow heap of them that bins cannot tell apart. */
static void binned_values_are_within_their_bound_of_exact_ones(void)
{
    enum { COUNT = 3000 };
    static struct metrics_case cases[COUNT];
    struct random random = {3};
    double largest = 0;
    for (int round = 0; round < 60; round++) {
        struct auc_groups *groups = fresh();
        double spread = round % 2 ? 20 : 0.01;
        for (size_t i = 0; i < COUNT; i++) {
            bool positive = random_chance(&random, 0.2);
            double score = exact_exp2(spread * (random_unit(&random) + 0.1 * positive) - 10);
            cases[i] = (struct metrics_case){exact_quantum(score), positive};
            add(groups, i / 10 + 1, cases[i].score, positive);
        }
        struct auc_estimate got = estimate(groups);
        double away = fabs(metrics_auc(cases, COUNT) - got.value);
        CHECK(away <= got.within_bin + 1e-12);
        CHECK(round % 2 == 0 || got.within_bin < 1e-4);
        largest = away > largest ? away : largest;
        auc_groups_free(groups);
    }
    CHECK(largest > 1e-6);
}

/*
 * Two groups. The first has a positive at 3 and a negative at 1, the second both at 2: 3.5 of 4.
 * Without the first 1/2, without the second 1. Against equal scores, whose AUC is 1/2 throughout,
 * the difference is 3/8, or 0 and 1/2: variance 1/2 ((3/8)^2 + (1/8)^2) = 5/64, one degree.
 */
static void the_jackknife_is_that_worked_out_by_hand(void)
{
    struct auc_groups *ours = fresh();
    struct auc_groups *equal = fresh();
    for (uint64_t user = 1; user <= 2; user++) {
        add(ours, user, user == 1 ? 3 : 2, true);
        add(ours, user, user == 1 ? 1 : 2, false);
        add(equal, user, 7, true);
        add(equal, user, 7, false);
    }
    struct auc_difference got;
    auc_groups_compare(ours, equal, &got);
    double error = sqrt(5.0 / 64);
    double quantile = tan(0.475 * acos(-1)); /* of Cauchy's distribution at 0.975 */
    CHECK(near(0.375, got.value));
    CHECK(fabs(got.low - (0.375 - quantile * error)) < 1e-9);
    CHECK(fabs(got.high - (0.375 + quantile * error)) < 1e-9);
    CHECK(fabs(got.p - 2 / acos(-1) * atan(error / 0.375)) < 1e-9);
    CHECK(near(0, estimate(ours).low) && near(1, estimate(ours).high));
    auc_groups_free(ours);
    auc_groups_free(equal);
}

static void nothing_differs_from_itself_and_a_kind_in_one_group_has_no_interval(void)
{
    struct auc_groups *groups = fresh();
    add(groups, 1, 1, true);
    add(groups, 2, 2, false);
    add(groups, 3, 1, false);
    CHECK(near(0.25, estimate(groups).value));
    CHECK(isnan(estimate(groups).low));
    for (uint64_t user = 4; user < 40; user++) {
        add(groups, user, 3, user % 2);
    }
    struct auc_difference got;
    auc_groups_compare(groups, groups, &got);
    CHECK(near(0, got.value) && near(0, got.low) && near(0, got.high) && near(1, got.p));
    auc_groups_free(groups);
}

struct bytes {
    uint8_t *at;
    size_t size;
};

static struct bytes encoded(const struct auc_groups *groups)
{
    struct bytes bytes;
    CHECK_EQ(STATUS_OK, auc_groups_encode(groups, &bytes.at, &bytes.size));
    return bytes;
}

static void check_same_bytes(const struct auc_groups *want, const struct auc_groups *got)
{
    struct bytes left = encoded(want);
    struct bytes right = encoded(got);
    CHECK_EQ(left.size, right.size);
    CHECK_EQ(0, memcmp(left.at, right.at, left.size));
    free(left.at);
    free(right.at);
}

static double random_score(struct random *random)
{
    return random_chance(random, 0.1) ? 0 : exact_exp2(40 * random_unit(random) - 30);
}

/* Merged from encoded parts, in another order than the whole was counted. */
static void parts_merge_to_exactly_the_whole(void)
{
    enum { PARTS = 5 };
    struct random random = {9};
    struct auc_groups *whole = fresh();
    struct auc_groups *parts[PARTS];
    struct auc_groups *joined = fresh();
    for (int i = 0; i < PARTS; i++) {
        parts[i] = fresh();
    }
    for (int i = 0; i < 20000; i++) {
        uint64_t user = random_below(&random, 500);
        double score = random_score(&random);
        bool positive = random_chance(&random, 0.3);
        add(whole, user, score, positive);
        add(parts[user % PARTS], user, score, positive);
    }
    for (int i = PARTS; i > 0; i--) {
        struct bytes bytes = encoded(parts[i - 1]);
        struct auc_groups *part;
        CHECK_EQ(STATUS_OK, auc_groups_decode(bytes.at, bytes.size, &part));
        check_same_bytes(parts[i - 1], part);
        CHECK_EQ(STATUS_OK, auc_groups_merge(joined, part));
        auc_groups_free(part);
        auc_groups_free(parts[i - 1]);
        free(bytes.at);
    }
    struct auc_estimate want = estimate(whole);
    struct auc_estimate got = estimate(joined);
    CHECK_EQ(0, memcmp(&want, &got, sizeof(want)));
    check_same_bytes(whole, joined);
    auc_groups_free(whole);
    auc_groups_free(joined);
}

static void check_corrupt(const uint8_t *bytes, size_t size)
{
    struct auc_groups *groups = NULL;
    CHECK_EQ(STATUS_CORRUPT, auc_groups_decode(bytes, size, &groups));
    CHECK(groups == NULL);
}

static void bytes_that_were_not_written_are_corrupt(void)
{
    struct auc_groups *groups = fresh();
    struct random random = {1};
    for (int i = 0; i < 20; i++) {
        add(groups, random_next(&random), random_score(&random), i % 2);
    }
    struct bytes bytes = encoded(groups);
    for (size_t size = 0; size < bytes.size; size++) {
        check_corrupt(bytes.at, size);
    }
    check_corrupt((const uint8_t[]){2, 0}, 2);          /* a later version */
    check_corrupt((const uint8_t[]){1, 0, 0}, 3);       /* more than there is */
    check_corrupt((const uint8_t[]){1, 1, 0, 1, 0}, 5); /* no distance */
    check_corrupt((const uint8_t[]){1, 1, 1, 0, 0}, 5); /* no case */
    check_corrupt((const uint8_t[]){1, 1, 0xff, 0xff, 0xff, 0x7f, 1, 0}, 8); /* no such cell */
    auc_groups_free(groups);
    free(bytes.at);
}

static struct bytes one_cell(uint64_t positives)
{
    struct numbers_writer writer = {.bytes = NULL};
    numbers_put_byte(&writer, 1);
    numbers_put(&writer, 1);
    numbers_put(&writer, 1);
    numbers_put(&writer, positives);
    numbers_put(&writer, 0);
    CHECK(!writer.full);
    return (struct bytes){writer.bytes, writer.size};
}

static void one_case_too_many_is_refused(void)
{
    struct bytes most = one_cell(AUC_CASES_MAX);
    struct bytes more = one_cell(AUC_CASES_MAX + 1);
    struct auc_groups *groups;
    struct auc_groups *one = fresh();
    CHECK_EQ(STATUS_OK, auc_groups_decode(most.at, most.size, &groups));
    check_corrupt(more.at, more.size);
    add(one, 1, 1, false);
    CHECK_EQ(STATUS_INVALID, auc_groups_add(groups, 1, 1, true));
    CHECK_EQ(STATUS_INVALID, auc_groups_merge(groups, one));
    CHECK_EQ(STATUS_INVALID, auc_groups_merge(one, groups));
    CHECK_EQ(1, estimate(one).negatives);
    CHECK_EQ(0, estimate(one).positives);
    auc_groups_free(groups);
    auc_groups_free(one);
    free(most.at);
    free(more.at);
}

/* Users differ in level, and positives are higher by 1; the noise is each contender's own. */
static void simulate(struct random *random, struct auc_groups *first, struct auc_groups *second)
{
    enum { USERS = 250, CASES = 6 };
    for (uint64_t user = 0; user < USERS; user++) {
        double level = random_normal(random);
        for (int i = 0; i < CASES; i++) {
            bool positive = random_chance(random, 0.3);
            double shift = level + positive;
            add(first, user, exact_exp2(shift + random_normal(random)), positive);
            add(second, user, exact_exp2(shift + random_normal(random)), positive);
        }
    }
}

/*
 * Of different users, a positive's score less a negative's is normal with mean 1 and variance 4, so
 * the true AUC is the normal probability below 1/2. Pairs of one user, 1 in 250, do not matter.
 */
static void intervals_cover_the_truth_and_equal_contenders_rarely_differ(void)
{
    enum { LOGS = 400 };
    const double truth = 0.5 * (1 + erf(0.5 / sqrt(2)));
    struct random random = {2024};
    int covered = 0;
    int different = 0;
    for (int i = 0; i < LOGS; i++) {
        struct auc_groups *first = fresh();
        struct auc_groups *second = fresh();
        simulate(&random, first, second);
        struct auc_estimate got = estimate(first);
        struct auc_difference difference;
        auc_groups_compare(first, second, &difference);
        covered += got.low <= truth && truth <= got.high;
        different += difference.p < 0.05;
        CHECK((difference.p < 0.05) == (difference.low > 0 || difference.high < 0));
        auc_groups_free(first);
        auc_groups_free(second);
    }
    printf("covered %.1f %%, different %.1f %%\n", 100.0 * covered / LOGS,
           100.0 * different / LOGS);
    CHECK(covered >= 0.93 * LOGS && covered <= 0.97 * LOGS);
    CHECK(different >= 0.03 * LOGS && different <= 0.07 * LOGS);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_value_counts_pairs_and_ties_half),
        TEST(without_both_kinds_there_is_no_value),
        TEST(scores_a_thousandth_apart_are_told_apart),
        TEST(binned_values_are_within_their_bound_of_exact_ones),
        TEST(the_jackknife_is_that_worked_out_by_hand),
        TEST(nothing_differs_from_itself_and_a_kind_in_one_group_has_no_interval),
        TEST(parts_merge_to_exactly_the_whole),
        TEST(bytes_that_were_not_written_are_corrupt),
        TEST(one_case_too_many_is_refused),
        TEST(intervals_cover_the_truth_and_equal_contenders_rarely_differ),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
