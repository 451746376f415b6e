#ifndef REPLAY_BOOTSTRAP_H
#define REPLAY_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/*
 * How sure a figure is that is a function of sums over independent units, and how sure the
 * difference of two such figures is (Efron and Tibshirani, "An Introduction to the Bootstrap",
 * 1993). BOOTSTRAP_ROUNDS times as many units as there are, are drawn with replacement, and the
 * figure is computed from each draw's sums. All figures see the same draws, so differences are
 * paired. The same seed and rows give the same bits on one machine; intervals and p-values use the
 * C library's erfc().
 */
struct bootstrap;

enum { BOOTSTRAP_ROUNDS = 2000 };

/*
 * rows has unit_count rows of column_count values, finite, and is borrowed until bootstrap_free().
 * Memory: what rows takes once more, and 16 KB a column. STATUS_NO_MEMORY.
 */
MUST_USE enum status bootstrap_new(const double *rows, size_t unit_count, size_t column_count,
                                   uint64_t seed, struct bootstrap **out);
void bootstrap_free(struct bootstrap *bootstrap);

/*
 * A figure: of(sums, context), where sums are those of column_count columns from first_column on.
 * NaN: undefined. So the same function serves every contender, each with columns of its own.
 */
struct bootstrap_statistic {
    double (*of)(const double *sums, const void *context);
    const void *context;
    size_t first_column;
    size_t column_count;
};

/* For of: sums[0] / sums[1], NaN unless sums[1] is above 0. The context is not used. */
double bootstrap_ratio(const double *sums, const void *context);

struct bootstrap_interval {
    double value; /* of all units, each once; NaN: undefined, and so is all else */
    double low;   /* of the 95 % interval; NaN: fewer than two units */
    double high;
    double error; /* standard error: the standard deviation over rounds */
};

/*
 * The bias-corrected and accelerated interval (BCa: Efron, "Better bootstrap confidence intervals",
 * 1987), its acceleration from the jackknife over units. Rounds in which the figure is undefined
 * are left out.
 *
 * A figure that all rounds agree on, up to what rounding does to sums of so many units, has no
 * spread: low, high and value are one number, error is 0, and a difference that is rounding alone
 * is 0. Otherwise low and high lie around value, unless nearly all rounds are on one side of it:
 * then the figure is one that draws can only raise or only lower, and the correction of that bias
 * may move both ends beyond it.
 */
void bootstrap_interval(struct bootstrap *bootstrap, struct bootstrap_statistic statistic,
                        struct bootstrap_interval *out);

/* The same for statistic - other. */
void bootstrap_difference(struct bootstrap *bootstrap, struct bootstrap_statistic statistic,
                          struct bootstrap_statistic other, struct bootstrap_interval *out);

/*
 * Two-sided p-value of the hypothesis that the true value is 0, from the normal distribution with
 * the bootstrap's standard error: erfc(|value / error| / sqrt 2). 1 where the error is 0 and the
 * value too; 0 where only the error is. NaN where the value or the error is.
 */
double bootstrap_p_value(const struct bootstrap_interval *difference);

/*
 * Adjusts the p-values of a family of count hypotheses so that the chance of rejecting any true one
 * at a level is at most that level, whatever depends on what (Holm, "A simple sequentially
 * rejective multiple test procedure", 1979): the i-th smallest of m becomes the largest of
 * (m - j + 1) p_j over j up to i, at most 1. NaN stays, and does not count. STATUS_NO_MEMORY.
 */
MUST_USE enum status bootstrap_holm(double *p_values, size_t count);

#endif
