#include "replay/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

#define BIT(check) (UINT32_C(1) << SUPPORT_##check)

static double share_of(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* Of the mean of count values with these sums. */
static double error_of_mean(double sum, double squares, double count)
{
    double mean = share_of(sum, count);
    double variance = share_of(squares, count) - mean * mean;
    return variance > 0 ? sqrt(variance / count) : 0;
}

static double smallest_heavy(double largest_inverse)
{
    return largest_inverse > 0 ? 1 / largest_inverse : 1;
}

void support_measure_position(const double *sums, const double *peaks, double users,
                              struct support *out)
{
    double count = sums[WEIGHING_COUNT];
    double weight = sums[WEIGHING_WEIGHT];
    double squares = sums[WEIGHING_SQUARED_WEIGHT];
    double effective = share_of(weight * weight, squares);
    *out = (struct support){
        .decisions = count,
        .users = users,
        .effective_sample_size = effective,
        .effective_share = share_of(effective, count),
        .largest_weight = peaks[WEIGHING_LARGEST_WEIGHT],
        .largest_weight_share = share_of(peaks[WEIGHING_LARGEST_WEIGHT], weight),
        .mean_weight = share_of(weight, count),
        .mean_weight_error = error_of_mean(weight, squares, count),
        .zero_weight_share = share_of(sums[WEIGHING_UNWEIGHTED], count),
        .cut_share = share_of(sums[WEIGHING_CUT], count),
        .smallest_propensity = share_of(1, peaks[WEIGHING_LARGEST_INVERSE]),
        .largest_propensity = peaks[WEIGHING_LARGEST_PROPENSITY],
        .smallest_heavy_propensity = smallest_heavy(peaks[WEIGHING_LARGEST_HEAVY_INVERSE]),
    };
}

void support_measure(const double *sums, const double *peaks, double users, struct support *out)
{
    double weight = sums[WEIGHING_WEIGHT];
    support_measure_position(sums, peaks, users, out);
    out->matches = sums[OBSERVATION_MATCHES];
    out->clipped_share = share_of(weight - sums[OBSERVATION_CLIPPED_WEIGHT], weight);
}

static const struct {
    const char *name;
    double limit;
} checks[SUPPORT_CHECK_COUNT] = {
#define X(id, name, limit) {name, limit},
    SUPPORT_CHECK_MAP(X)
#undef X
};

const char *support_check_name(enum support_check check)
{
    return checks[check].name;
}

void support_limits_init(struct support_limits *limits)
{
    for (size_t i = 0; i < SUPPORT_CHECK_COUNT; i++) {
        limits->of[i] = checks[i].limit;
    }
}

static bool find_check(const char *name, size_t size, size_t *out)
{
    for (size_t i = 0; i < SUPPORT_CHECK_COUNT; i++) {
        if (strlen(checks[i].name) == size && memcmp(name, checks[i].name, size) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static enum status refuse_name(const char *text, struct problem *problem)
{
    char names[sizeof(problem->text)] = "";
    size_t used = 0;
    for (size_t i = 0; i < SUPPORT_CHECK_COUNT; i++) {
        size_t size = strlen(checks[i].name);
        if (used + size + 3 > sizeof(names)) {
            break;
        }
        memcpy(names + used, i > 0 ? ", " : "", i > 0 ? 2 : 0);
        used += i > 0 ? 2 : 0;
        memcpy(names + used, checks[i].name, size + 1);
        used += size;
    }
    problem_set(problem, "no limit \"%.24s\"; NAME=VALUE, with one of %s", text, names);
    return STATUS_INVALID;
}

enum status support_limits_set(struct support_limits *limits, const char *text,
                               struct problem *problem)
{
    const char *equals = strchr(text, '=');
    size_t check = 0;
    if (equals == NULL || !find_check(text, (size_t)(equals - text), &check)) {
        return refuse_name(text, problem);
    }
    char *end = NULL;
    double value = strtod(equals + 1, &end);
    if (end == equals + 1 || *end != '\0' || !(value >= 0) || isinf(value)) {
        problem_set(problem, "%s is \"%.40s\"; a number of at least 0 is meant", checks[check].name,
                    equals + 1);
        return STATUS_INVALID;
    }
    limits->of[check] = value;
    return STATUS_OK;
}

enum support_use support_use_of(enum estimator estimator)
{
    switch (estimator) {
    case ESTIMATOR_DM:
        return SUPPORT_FOR_MODEL;
    case ESTIMATOR_REPLAY:
        return SUPPORT_FOR_REPLAY;
    case ESTIMATOR_CLIPPED_IPS:
        return SUPPORT_FOR_CLIPPED;
    default:
        return SUPPORT_FOR_WEIGHTS;
    }
}

static uint32_t checks_for(enum support_use use)
{
    uint32_t all = BIT(MIN_DECISIONS) | BIT(MIN_USERS);
    uint32_t weights = all | BIT(MIN_EFFECTIVE_SAMPLE_SIZE) | BIT(MIN_EFFECTIVE_SHARE) |
                       BIT(MIN_PROPENSITY) | BIT(MAX_MEAN_WEIGHT_DEVIATION);
    switch (use) {
    case SUPPORT_FOR_MODEL:
        return all;
    case SUPPORT_FOR_REPLAY:
        return all | BIT(MIN_MATCHES) | BIT(MAX_PROPENSITY_RATIO);
    case SUPPORT_FOR_CLIPPED:
        return weights | BIT(MAX_CLIPPED_SHARE);
    case SUPPORT_FOR_WEIGHTS:
        break;
    }
    return weights | BIT(MAX_LARGEST_WEIGHT_SHARE) | BIT(MAX_CUT_SHARE);
}

/* How far 1 is beyond what chance explains of the mean weight. */
static double mean_weight_deviation(const struct support *support)
{
    const double errors = 4;
    double deviation = fabs(support->mean_weight - 1) - errors * support->mean_weight_error;
    return deviation > 0 ? deviation : 0;
}

static double measured(const struct support *support, enum support_check check)
{
    switch (check) {
    case SUPPORT_MIN_DECISIONS:
        return support->decisions;
    case SUPPORT_MIN_USERS:
        return support->users;
    case SUPPORT_MIN_MATCHES:
        return support->matches;
    case SUPPORT_MAX_PROPENSITY_RATIO:
        return share_of(support->largest_propensity, support->smallest_propensity);
    case SUPPORT_MIN_EFFECTIVE_SAMPLE_SIZE:
        return support->effective_sample_size;
    case SUPPORT_MIN_EFFECTIVE_SHARE:
        return support->effective_share;
    case SUPPORT_MAX_LARGEST_WEIGHT_SHARE:
        return support->largest_weight_share;
    case SUPPORT_MIN_PROPENSITY:
        return support->smallest_heavy_propensity;
    case SUPPORT_MAX_MEAN_WEIGHT_DEVIATION:
        return mean_weight_deviation(support);
    case SUPPORT_MAX_CUT_SHARE:
        return support->cut_share;
    case SUPPORT_MAX_CLIPPED_SHARE:
        return support->clipped_share;
    case SUPPORT_CHECK_COUNT:
        break;
    }
    CHECK(check < SUPPORT_CHECK_COUNT);
    return NAN;
}

static bool is_least(enum support_check check)
{
    return strncmp(checks[check].name, "min-", 4) == 0;
}

static bool fails(const struct support *support, enum support_check check, double limit)
{
    double value = measured(support, check);
    return is_least(check) ? value < limit : value > limit;
}

void support_judge(const struct support *support, enum support_use use,
                   const struct support_limits *limits, struct support_verdict *out)
{
    uint32_t asked = checks_for(use);
    *out = (struct support_verdict){0, 0};
    for (unsigned i = 0; i < SUPPORT_CHECK_COUNT; i++) {
        uint32_t bit = (UINT32_C(1) << i) & asked;
        if (fails(support, (enum support_check)i, limits->of[i])) {
            out->refused |= bit;
        } else if (fails(support, (enum support_check)i, checks[i].limit)) {
            out->overridden |= bit;
        }
    }
}

/* What is measured, and what it means that it is beyond the limit. */
static const struct {
    const char *what;
    const char *meaning;
} sentences[SUPPORT_CHECK_COUNT] = {
    [SUPPORT_MIN_DECISIONS] = {"the number of decisions",
                               "they are too few to tell policies apart"},
    [SUPPORT_MIN_USERS] = {"the number of users", "an interval over so few would be too narrow"},
    [SUPPORT_MIN_MATCHES] = {"the number of decisions in which the policy makes the logged choice",
                             "the replay method rests on them alone"},
    [SUPPORT_MAX_PROPENSITY_RATIO] = {"the largest propensity over the smallest",
                                      "the log did not choose uniformly, so the replay method is "
                                      "biased"},
    [SUPPORT_MIN_EFFECTIVE_SAMPLE_SIZE] = {"the effective sample size",
                                           "too few decisions carry the weight"},
    [SUPPORT_MIN_EFFECTIVE_SHARE] = {"the effective share of the decisions",
                                     "nearly all of the log says nothing of this policy"},
    [SUPPORT_MAX_LARGEST_WEIGHT_SHARE] = {"the largest weight's share of all weight",
                                          "one decision would decide the estimate"},
    [SUPPORT_MIN_PROPENSITY] = {"the smallest propensity of a decision that weighs more than 2",
                                "one such decision outweighs thousands, and whether it is in the "
                                "log is chance"},
    [SUPPORT_MAX_MEAN_WEIGHT_DEVIATION] = {"the mean weight's distance to 1, beyond four standard "
                                           "errors,",
                                           "the propensities are wrong, or the policy chooses what "
                                           "the log could not"},
    [SUPPORT_MAX_CUT_SHARE] = {"the share of decisions with a weight above 1048576",
                               "such weights are cut, which biases the estimate"},
    [SUPPORT_MAX_CLIPPED_SHARE] = {"the share of all weight that is clipped",
                                   "the estimate leaves out that much of the policy"},
};

void support_reason(const struct support *support, enum support_check check,
                    const struct support_limits *limits, struct problem *out)
{
    bool least = is_least(check);
    problem_set(out, "%s is %.4g, %s %.4g: %s; %s --support %s=VALUE to accept it",
                sentences[check].what, measured(support, check), least ? "less than" : "more than",
                limits->of[check], sentences[check].meaning, least ? "lower" : "raise",
                checks[check].name);
}
