#include "replay/support.h"

#include <math.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/test.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static bool has(uint32_t set, enum support_check check)
{
    return (set >> check & 1) != 0;
}

struct log {
    double sums[OBSERVATION_SUMS];
    double peaks[WEIGHING_PEAKS];
};

static void add(struct log *log, double logged, double target, bool matched, double clip)
{
    const struct observation observation = {
        .reward = 1, .logged = logged, .target = target, .matched = matched};
    struct log one;
    struct problem problem;
    CHECK_EQ(STATUS_OK, observation_columns(&observation, clip, one.sums, one.peaks, &problem));
    for (size_t i = 0; i < OBSERVATION_SUMS; i++) {
        log->sums[i] += one.sums[i];
    }
    for (size_t i = 0; i < WEIGHING_PEAKS; i++) {
        log->peaks[i] = fmax(log->peaks[i], one.peaks[i]);
    }
}

/* Weights 0.5, 2, 0 and 1.5: sum 4, squares 6.5, clipped at 1.5 to a sum of 3.5. */
static void measures_are_as_by_hand(void)
{
    struct log log = {{0}, {0}};
    struct support support;
    add(&log, 0.5, 0.25, false, 1.5);
    add(&log, 0.25, 0.5, true, 1.5);
    add(&log, 0.8, 0, false, 1.5);
    add(&log, 0.5, 0.75, false, 1.5);
    support_measure(log.sums, log.peaks, 3, &support);
    CHECK(near(4, support.decisions) && near(3, support.users) && near(1, support.matches));
    CHECK(near(16 / 6.5, support.effective_sample_size));
    CHECK(near(4 / 6.5, support.effective_share));
    CHECK(near(2, support.largest_weight) && near(0.5, support.largest_weight_share));
    CHECK(near(1, support.mean_weight));
    CHECK(near(sqrt(0.625 / 4), support.mean_weight_error));
    CHECK(near(0.25, support.zero_weight_share) && near(0, support.cut_share));
    CHECK(near(0.125, support.clipped_share));
    CHECK(near(0.25, support.smallest_propensity) && near(0.8, support.largest_propensity));
}

/* Uniform over ten, of which the target knows two: its own choices are every tenth. */
static struct log good_log(void)
{
    struct log log = {{0}, {0}};
    for (int i = 0; i < 2000; i++) {
        add(&log, 0.1, i % 5 == 0 ? 0.5 : 0, i % 10 == 0, 10);
    }
    return log;
}

static struct support_verdict judged(const struct log *log, double users, enum support_use use,
                                     const struct support_limits *limits)
{
    struct support support;
    struct support_verdict verdict;
    support_measure(log->sums, log->peaks, users, &support);
    support_judge(&support, use, limits, &verdict);
    return verdict;
}

static struct support_limits defaults(void)
{
    struct support_limits limits;
    support_limits_init(&limits);
    return limits;
}

static uint32_t refused(const struct log *log, double users, enum support_use use)
{
    struct support_limits limits = defaults();
    return judged(log, users, use, &limits).refused;
}

static const enum support_use uses[] = {SUPPORT_FOR_MODEL, SUPPORT_FOR_REPLAY, SUPPORT_FOR_WEIGHTS,
                                        SUPPORT_FOR_CLIPPED};

static void a_good_log_supports_every_estimate(void)
{
    struct log log = good_log();
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(0, refused(&log, 300, uses[i]));
    }
}

static void an_empty_log_supports_none(void)
{
    struct log log = {{0}, {0}};
    for (size_t i = 0; i < 4; i++) {
        CHECK(has(refused(&log, 0, uses[i]), SUPPORT_MIN_DECISIONS));
    }
}

static void a_propensity_of_a_millionth_is_refused_where_weights_count(void)
{
    struct log log = good_log();
    add(&log, 1e-6, 3e-6, false, 10);
    CHECK_EQ(0, refused(&log, 300, SUPPORT_FOR_MODEL));
    CHECK(has(refused(&log, 300, SUPPORT_FOR_WEIGHTS), SUPPORT_MIN_PROPENSITY));
    CHECK(has(refused(&log, 300, SUPPORT_FOR_CLIPPED), SUPPORT_MIN_PROPENSITY));
    CHECK(has(refused(&log, 300, SUPPORT_FOR_REPLAY), SUPPORT_MAX_PROPENSITY_RATIO));
}

/* As of logs that draw by scores: the rarest choices are served once in a while, by this policy as
 * by the log. */
static void a_propensity_of_a_millionth_is_no_harm_where_the_policy_would_not_do_it_more(void)
{
    struct log log = good_log();
    add(&log, 1e-6, 2e-6, false, 10);
    CHECK_EQ(0, refused(&log, 300, SUPPORT_FOR_WEIGHTS));
    CHECK_EQ(0, refused(&log, 300, SUPPORT_FOR_CLIPPED));
}

/* One weight of 250 beside a sum of 2,000. */
static void a_weight_that_decides_alone_is_refused(void)
{
    struct log log = good_log();
    add(&log, 0.004, 1, false, 10);
    CHECK(has(refused(&log, 300, SUPPORT_FOR_WEIGHTS), SUPPORT_MAX_LARGEST_WEIGHT_SHARE));
    CHECK(has(refused(&log, 300, SUPPORT_FOR_CLIPPED), SUPPORT_MAX_CLIPPED_SHARE));
}

/* The target's choice was never logged but for one in a hundred: 20 matches of weight 10. */
static void a_policy_that_the_log_does_not_know_is_refused(void)
{
    struct log log = {{0}, {0}};
    for (int i = 0; i < 2000; i++) {
        add(&log, 0.1, i % 100 == 0, i % 100 == 0, 10);
    }
    uint32_t weights = refused(&log, 300, SUPPORT_FOR_WEIGHTS);
    CHECK(has(weights, SUPPORT_MIN_EFFECTIVE_SAMPLE_SIZE));
    CHECK(has(weights, SUPPORT_MAX_MEAN_WEIGHT_DEVIATION));
    CHECK(has(refused(&log, 300, SUPPORT_FOR_REPLAY), SUPPORT_MIN_MATCHES));
}

/* Draws from 0.2 that are logged as 0.3: weights are a third too low. */
static void wrong_propensities_are_noticed(void)
{
    struct log right = {{0}, {0}};
    struct log wrong = {{0}, {0}};
    struct random random = {1};
    for (int i = 0; i < 5000; i++) {
        bool matched = random_chance(&random, 0.2);
        add(&right, 0.2, matched, matched, 10);
        add(&wrong, 0.3, matched, matched, 10);
    }
    CHECK_EQ(0, refused(&right, 300, SUPPORT_FOR_WEIGHTS));
    CHECK(has(refused(&wrong, 300, SUPPORT_FOR_WEIGHTS), SUPPORT_MAX_MEAN_WEIGHT_DEVIATION));
}

/* 212 of 1,000 where 200 are expected: a mean weight of 1.06 with a standard error of 0.065. */
static void chance_is_no_wrong_propensity(void)
{
    struct log log = {{0}, {0}};
    for (int i = 0; i < 1000; i++) {
        add(&log, 0.2, i < 212, i < 212, 10);
    }
    CHECK_EQ(0, refused(&log, 300, SUPPORT_FOR_WEIGHTS));
}

static void a_log_that_did_not_choose_uniformly_is_no_case_for_replay(void)
{
    struct log log = good_log();
    add(&log, 0.25, 0.25, false, 10);
    CHECK_EQ(UINT32_C(1) << SUPPORT_MAX_PROPENSITY_RATIO, refused(&log, 300, SUPPORT_FOR_REPLAY));
    CHECK_EQ(0, refused(&log, 300, SUPPORT_FOR_WEIGHTS));
}

static void few_users_are_refused_however_many_decisions_they_made(void)
{
    struct log log = good_log();
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(UINT32_C(1) << SUPPORT_MIN_USERS, refused(&log, 49, uses[i]));
        CHECK_EQ(0, refused(&log, 50, uses[i]));
    }
}

/* A millionth and a half has a weight just above the largest that is added up. */
static void cut_weights_are_refused(void)
{
    struct log log = good_log();
    struct support_limits limits = defaults();
    struct problem problem;
    CHECK_EQ(STATUS_OK, support_limits_set(&limits, "min-propensity=0", &problem));
    add(&log, 0.5e-6, 1, false, 10);
    CHECK(has(judged(&log, 300, SUPPORT_FOR_WEIGHTS, &limits).refused, SUPPORT_MAX_CUT_SHARE));
}

static void limits_are_overridden_by_name(void)
{
    struct log log = good_log();
    struct support_limits limits = defaults();
    struct problem problem;
    CHECK_EQ(STATUS_OK, support_limits_set(&limits, "min-users=1e1", &problem));
    struct support_verdict verdict = judged(&log, 12, SUPPORT_FOR_WEIGHTS, &limits);
    CHECK_EQ(0, verdict.refused);
    CHECK_EQ(UINT32_C(1) << SUPPORT_MIN_USERS, verdict.overridden);
    verdict = judged(&log, 300, SUPPORT_FOR_WEIGHTS, &limits);
    CHECK_EQ(0, verdict.overridden);
    CHECK_EQ(STATUS_OK, support_limits_set(&limits, "min-users=1000", &problem));
    verdict = judged(&log, 300, SUPPORT_FOR_WEIGHTS, &limits);
    CHECK_EQ(UINT32_C(1) << SUPPORT_MIN_USERS, verdict.refused);
}

static void wrong_limits_are_told(void)
{
    static const char *const values[] = {"min-users=",    "min-users=x",   "min-users=-1",
                                         "min-users=inf", "min-users=nan", "min-users=1 "};
    struct support_limits limits = defaults();
    struct problem problem;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        CHECK_EQ(STATUS_INVALID, support_limits_set(&limits, values[i], &problem));
        CHECK(strstr(problem.text, "min-users is \"") == problem.text);
    }
    CHECK_EQ(STATUS_INVALID, support_limits_set(&limits, "min-luck=1", &problem));
    CHECK(strstr(problem.text, "no limit \"min-luck=1\"") == problem.text);
    CHECK(strstr(problem.text, "max-clipped-share") != NULL);
    CHECK_EQ(STATUS_INVALID, support_limits_set(&limits, "min-users", &problem));
    CHECK(near(50, limits.of[SUPPORT_MIN_USERS]));
}

static void reasons_name_number_limit_and_option(void)
{
    struct log log = good_log();
    struct support_limits limits = defaults();
    struct support support;
    struct problem reason;
    support_measure(log.sums, log.peaks, 12, &support);
    support_reason(&support, SUPPORT_MIN_USERS, &limits, &reason);
    CHECK_STR("the number of users is 12, less than 50: an interval over so few would be too "
              "narrow; lower --support min-users=VALUE to accept it",
              reason.text);
    add(&log, 0.004, 1, false, 10);
    support_measure(log.sums, log.peaks, 12, &support);
    support_reason(&support, SUPPORT_MAX_LARGEST_WEIGHT_SHARE, &limits, &reason);
    CHECK_STR("the largest weight's share of all weight is 0.1111, more than 0.05: one decision "
              "would decide the estimate; raise --support max-largest-weight-share=VALUE to accept "
              "it",
              reason.text);
}

static void every_check_has_a_whole_reason(void)
{
    struct log log = good_log();
    struct support_limits limits = defaults();
    struct support support;
    support_measure(log.sums, log.peaks, 12, &support);
    for (int i = 0; i < SUPPORT_CHECK_COUNT; i++) {
        struct problem reason;
        support_reason(&support, (enum support_check)i, &limits, &reason);
        CHECK(strstr(reason.text, support_check_name((enum support_check)i)) != NULL);
        CHECK(strstr(reason.text, "=VALUE to accept it") != NULL);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(measures_are_as_by_hand),
        TEST(a_good_log_supports_every_estimate),
        TEST(an_empty_log_supports_none),
        TEST(a_propensity_of_a_millionth_is_refused_where_weights_count),
        TEST(a_propensity_of_a_millionth_is_no_harm_where_the_policy_would_not_do_it_more),
        TEST(a_weight_that_decides_alone_is_refused),
        TEST(a_policy_that_the_log_does_not_know_is_refused),
        TEST(wrong_propensities_are_noticed),
        TEST(chance_is_no_wrong_propensity),
        TEST(a_log_that_did_not_choose_uniformly_is_no_case_for_replay),
        TEST(few_users_are_refused_however_many_decisions_they_made),
        TEST(cut_weights_are_refused),
        TEST(limits_are_overridden_by_name),
        TEST(wrong_limits_are_told),
        TEST(reasons_name_number_limit_and_option),
        TEST(every_check_has_a_whole_reason),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
