#ifndef REPLAY_WEIGHING_H
#define REPLAY_WEIGHING_H

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * What one logged reward adds when it is weighed by e / p, the target's probability of the logged
 * choice over the log's own: the columns that all importance-weighted estimators and their support
 * (replay/support.h) share.
 */
enum {
    WEIGHING_COUNT,           /* 1 */
    WEIGHING_REWARD,          /* r */
    WEIGHING_WEIGHT,          /* w */
    WEIGHING_SQUARED_WEIGHT,  /* w^2 */
    WEIGHING_WEIGHTED_REWARD, /* w r */
    WEIGHING_UNWEIGHTED,      /* 1 where w is 0 */
    WEIGHING_CUT,             /* 1 where w was above WEIGHING_WEIGHT_MAX and is that now */
    WEIGHING_SUMS
};

/* Columns that keep the largest value. */
enum {
    WEIGHING_LARGEST_WEIGHT,
    WEIGHING_LARGEST_INVERSE,       /* 1 / p, at most 2^42: tells the smallest propensity */
    WEIGHING_LARGEST_PROPENSITY,    /* p */
    WEIGHING_LARGEST_HEAVY_INVERSE, /* 1 / p where w is above WEIGHING_HEAVY, else 0 */
    WEIGHING_PEAKS
};

/* So that w^2 and w r fit exact sums. A log that needs larger weights supports no estimate. */
#define WEIGHING_WEIGHT_MAX 0x1p20
#define WEIGHING_REWARD_MAX 0x1p20

/* Above it, one reward stands for others that the log does not have. */
#define WEIGHING_HEAVY 2

/* Writes WEIGHING_SUMS sums and WEIGHING_PEAKS peaks. weight is at least 0, propensity above 0. */
void weighing_columns(double reward, double weight, double propensity, double *sums, double *peaks);

/* STATUS_INVALID, with the field's name, for what is out of range or no number. */
MUST_USE enum status weighing_check_reward(const char *field, double reward,
                                           struct problem *problem);
MUST_USE enum status weighing_check_logged(const char *field, double propensity,
                                           struct problem *problem);
MUST_USE enum status weighing_check_target(const char *field, double probability,
                                           struct problem *problem);

#endif
