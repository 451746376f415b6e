#ifndef REPLAY_SUPPORT_H
#define REPLAY_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/estimator.h"

/*
 * Whether a log says enough of a policy for an estimate to be given. A figure from a few large
 * weights looks like any other and is worth nothing, so it is refused, with the reasons. A slate's
 * figure is refused where that of one of its positions is.
 */
struct support {
    double decisions;
    double users;
    double matches;               /* decisions in which the target's own choice is the logged one */
    double effective_sample_size; /* sum(w)^2 / sum(w^2): Kish 1965 */
    double effective_share;       /* of the decisions */
    double largest_weight;
    double largest_weight_share; /* of the sum of weights */
    /*
     * Its expectation is the share of the target's probability that the log could choose at all: 1
     * where support is full, if the propensities are right.
     */
    double mean_weight;
    double mean_weight_error; /* its standard error, decisions taken as independent */
    double zero_weight_share; /* of the decisions */
    double cut_share;         /* of the decisions: their weight was above WEIGHING_WEIGHT_MAX */
    double clipped_share;     /* of the sum of weights: what clipped IPS cuts off */
    double smallest_propensity;
    double largest_propensity;
    double smallest_heavy_propensity; /* where w is above WEIGHING_HEAVY; 1: nowhere */
};

/* Of an observation's columns. users is a number of independent ones: tally_users(). */
void support_measure(const double *sums, const double *peaks, double users, struct support *out);

/*
 * Of a slate's position: slate_position_sums() and slate_position_peaks(). matches and
 * clipped_share are 0.
 */
void support_measure_position(const double *sums, const double *peaks, double users,
                              struct support *out);

/* clang-format off */
/*
 * The checks: name, default limit, and why.
 *
 * min-decisions            Below, intervals are wider than any difference between policies.
 * min-users                Users are what intervals rest on: the bootstrap over a few is too
 *                          narrow.
 * min-matches              The replay method is a mean over matches alone.
 * max-propensity-ratio     Largest over smallest propensity. The replay method is unbiased only if
 *                          the log chose uniformly; 2 leaves room for lists of different lengths.
 * min-effective-sample-size  As many equally weighted decisions would tell as much; below, the
 *                          normal and bootstrap intervals do not hold.
 * min-effective-share      Below, the sum of squares itself is a matter of a few weights, and so is
 *                          the effective sample size.
 * max-largest-weight-share  One decision decides the estimate.
 * min-propensity           A decision so unlikely outweighs ten thousand others, and whether
 *                          another one is in the log is chance. Asked of heavy ones alone: what the
 *                          target does no more often than twice as often as the log outweighs none.
 * max-mean-weight-deviation  How far 1 lies beyond four standard errors around the mean weight: the
 *                          propensities are not those the log was drawn with, or the target chooses
 *                          what the log never could.
 * max-cut-share            Weights above WEIGHING_WEIGHT_MAX are not even added up.
 * max-clipped-share        Clipped IPS leaves out that much of the target's probability.
 */
/* clang-format on */
#define SUPPORT_CHECK_MAP(X)                                        \
    X(MIN_DECISIONS, "min-decisions", 200)                          \
    X(MIN_USERS, "min-users", 50)                                   \
    X(MIN_MATCHES, "min-matches", 100)                              \
    X(MAX_PROPENSITY_RATIO, "max-propensity-ratio", 2)              \
    X(MIN_EFFECTIVE_SAMPLE_SIZE, "min-effective-sample-size", 100)  \
    X(MIN_EFFECTIVE_SHARE, "min-effective-share", 0.001)            \
    X(MAX_LARGEST_WEIGHT_SHARE, "max-largest-weight-share", 0.05)   \
    X(MIN_PROPENSITY, "min-propensity", 0.0001)                     \
    X(MAX_MEAN_WEIGHT_DEVIATION, "max-mean-weight-deviation", 0.05) \
    X(MAX_CUT_SHARE, "max-cut-share", 0)                            \
    X(MAX_CLIPPED_SHARE, "max-clipped-share", 0.1)

enum support_check {
#define X(id, name, limit) SUPPORT_##id,
    SUPPORT_CHECK_MAP(X)
#undef X
        SUPPORT_CHECK_COUNT
};

const char *support_check_name(enum support_check check);

struct support_limits {
    double of[SUPPORT_CHECK_COUNT];
};

void support_limits_init(struct support_limits *limits);

/*
 * Sets a limit from "NAME=VALUE", VALUE a number of at least 0. STATUS_INVALID, with problem, which
 * lists the names.
 */
MUST_USE enum status support_limits_set(struct support_limits *limits, const char *text,
                                        struct problem *problem);

/*
 * What estimates rest on, and so which checks refuse them. Of DM: the number of decisions and
 * users. Of the replay method: matches and uniform propensities besides. Of the weighted ones: all
 * that concerns weights but clipping. Of clipped IPS: what is clipped, in place of the largest
 * weights that it is made for.
 */
enum support_use {
    SUPPORT_FOR_MODEL,
    SUPPORT_FOR_REPLAY,
    SUPPORT_FOR_WEIGHTS,
    SUPPORT_FOR_CLIPPED
};

enum support_use support_use_of(enum estimator estimator);

/* Sets of checks: bit number check. */
struct support_verdict {
    uint32_t refused;    /* fail; none: an estimate may be given */
    uint32_t overridden; /* fail at their default limits, but pass */
};

void support_judge(const struct support *support, enum support_use use,
                   const struct support_limits *limits, struct support_verdict *out);

/*
 * One sentence on a check that failed: the number, the limit, what it means, and the option that
 * overrides it, "--support NAME=VALUE".
 */
void support_reason(const struct support *support, enum support_check check,
                    const struct support_limits *limits, struct problem *out);

#endif
