#ifndef REPLAY_METRICS_H
#define REPLAY_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/*
 * Metrics of rankings, and how sure they are. Undefined values are NaN; whoever averages leaves
 * them out.
 */

/*
 * Normalised discounted cumulative gain at k, as trec_eval's ndcg_cut (Järvelin and Kekäläinen,
 * "Cumulated gain-based evaluation of IR techniques", 2002, with the gains as they are and the
 * discount of every rank): the sum of gains[i] / log2(i + 2) over the first k, divided by the same
 * sum over the k largest gains. gains are by position and at least 0; all count judged documents
 * are among them. NaN when no gain is above 0.
 */
double metrics_ndcg(const double *gains, size_t count, size_t k);

struct metrics_case {
    double score;
    int positive; /* 0 or 1 */
};

/*
 * Area under the ROC curve: the share of pairs of a positive and a negative case in which the
 * positive has the higher score, ties counting half (Mann and Whitney's U, Fawcett 2006). Sorts
 * cases. NaN without both kinds.
 */
double metrics_auc(struct metrics_case *cases, size_t count);

struct metrics_watch {
    double score;
    double watch; /* time or share watched; only the order counts */
};

/*
 * XAUC (Zhan et al., "Deconfounding Duration Bias in Watch-time Prediction for Video
 * Recommendation", 2022): the share of pairs of videos with different watch times in which the one
 * watched longer has the higher score, ties of scores counting half. *pairs is the number of such
 * pairs, by which means over rankings weigh it. Sorts cases; scratch has count places. O(n log n).
 * NaN, with 0 pairs, when all watch times are equal.
 */
double metrics_xauc(struct metrics_watch *cases, struct metrics_watch *scratch, size_t count,
                    double *pairs);

/*
 * What one user adds to a mean: the sum of weighted values and the sum of their weights. Grouped
 * AUC (Zhou et al., "Deep Interest Network", 2018) is the mean of users' AUC weighted by their
 * cases.
 */
struct metrics_unit {
    double sum;
    double weight; /* 0: nothing to say */
};

struct metrics_interval {
    double mean; /* NaN: no unit has a weight */
    double low;  /* of the 95 % interval */
    double high;
};

enum { METRICS_ROUNDS = 2000 };

/*
 * The mean over units, sum of sums over sum of weights, with a percentile bootstrap over them
 * (Efron and Tibshirani 1993): METRICS_ROUNDS times as many units as have a weight are drawn with
 * replacement, and the interval goes from the 2.5th to the 97.5th percentile, by nearest rank. The
 * same seed gives the same interval. STATUS_NO_MEMORY.
 */
MUST_USE enum status metrics_bootstrap(const struct metrics_unit *units, size_t count,
                                       uint64_t seed, struct metrics_interval *out);

/*
 * The difference of two means over the same users, units[i] and others[i] being one user's: paired,
 * each round draws the same users for both.
 */
MUST_USE enum status metrics_bootstrap_paired(const struct metrics_unit *units,
                                              const struct metrics_unit *others, size_t count,
                                              uint64_t seed, struct metrics_interval *out);

#endif
