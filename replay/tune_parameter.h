#ifndef REPLAY_TUNE_PARAMETER_H
#define REPLAY_TUNE_PARAMETER_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/weights.h"

/*
 * A number of a weights file that a search may move, with its bounds: below value and multipliers,
 * features and heads, of the slate, and policy.seen_within; at the top of the file, or of one of
 * its locales (locales.hi-IN.value.like). Durations are in milliseconds here.
 */
enum { TUNE_PARAMETERS_MAX = 32, TUNE_PATH_SIZE = 96, TUNE_VALUE_SIZE = 32 };

/* What a change of the number costs. */
enum tune_cost {
    TUNE_RESCORES, /* scores follow from what is in memory (rescore.h) */
    TUNE_RANKS,    /* heads or features are others: the past has to be ranked again */
    TUNE_REORDERS  /* rules of the slate or policy: the same, and scores do not tell the order */
};

/* Where values lie that are tried: alike over differences, or over ratios. */
enum tune_scale { TUNE_LINEAR, TUNE_RATIOS };

struct weights_row;

struct tune_parameter {
    char path[TUNE_PATH_SIZE]; /* "value.like" */
    const struct weights_row *row;
    double low;
    double high;  /* above low */
    double start; /* what the weights have, which may lie outside of the bounds */
    enum tune_cost cost;
    enum tune_scale scale;
};

/*
 * "value.like=0:8", "features.freshness_half_life=12h:14d", with bounds as the file could have
 * them. STATUS_INVALID, with problem: not of that form, no such number, or none that is searched.
 */
MUST_USE enum status tune_parameter_parse(const char *text, const struct weights *weights,
                                          struct tune_parameter *out, struct problem *problem);

/*
 * Value weights and multipliers that the file states at its top: values from a quarter to four
 * times, multipliers from 0 to three times what they are, as far as the file may have them. Those
 * that are 0 are left alone: what the file turns off stays off. STATUS_INVALID: there is none, or
 * more than TUNE_PARAMETERS_MAX. STATUS_NO_MEMORY.
 */
MUST_USE enum status tune_parameters_default(struct text yaml, const struct weights *weights,
                                             struct tune_parameter *out, size_t *count,
                                             struct problem *problem);

/* Whether it is a duration, in the file's "12h", or a half-life of three. */
bool tune_parameter_is_duration(const struct tune_parameter *parameter);

/*
 * The value at a share of the way from low to high, 0 to 1, as the file can say it: with four
 * digits, in whole minutes or hours, as a whole number, or one of the half-lives that there are.
 */
double tune_parameter_value(const struct tune_parameter *parameter, double share);

/* The other way round; values beyond the bounds have the share of the bound. */
double tune_parameter_share(const struct tune_parameter *parameter, double value);

/* As it stands in the file: "12h", "0.25". */
void tune_parameter_text(const struct tune_parameter *parameter, double value,
                         char out[TUNE_VALUE_SIZE]);

/*
 * The yaml with these values in it, and nothing else changed but the version, unless that is NULL.
 * *out is the caller's, from malloc(). Status as weights_edit().
 */
MUST_USE enum status tune_parameters_write(struct text yaml, const char *version,
                                           const struct tune_parameter *parameters, size_t count,
                                           const double *values, char **out, size_t *size,
                                           struct problem *problem);

#endif
