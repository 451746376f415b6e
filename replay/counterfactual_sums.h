#ifndef REPLAY_COUNTERFACTUAL_SUMS_H
#define REPLAY_COUNTERFACTUAL_SUMS_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/contender.h"
#include "replay/estimator.h"
#include "replay/segments.h"
#include "replay/slate_estimator.h"
#include "replay/tally.h"

/*
 * What a log amounts to for off-policy estimates of a number of contenders. As ranking_sums.h:
 * exact, and parts add up to the whole, bit for bit.
 */
enum {
    WEIGHT_BINS = 48,       /* of importance weights, two an octave, and the first for 0 */
    WEIGHT_BINS_BELOW = 24, /* before the one that begins at weight 1 */
    COUNTERFACTUAL_PEAKS = WEIGHING_PEAKS
};

struct counterfactual_counts {
    uint64_t found;            /* decisions of the whole log with a served slate */
    uint64_t used;             /* of the users of this part */
    uint64_t without_marginal; /* used, but what is not known of them is left out */
    uint64_t slates;           /* used, known from the first position on */
    uint64_t by_ranking_id;
    uint64_t by_window;
    uint64_t told_early;
};

struct counterfactual_sums {
    size_t contenders;
    size_t positions; /* of a slate that are looked at, at most SLATE_ESTIMATOR_POSITIONS */
    uint64_t seed;
    struct segments *segments;
    struct counterfactual_counts counts;
    /* An observation is a served position; the last column is 1 for a decision's first one. */
    struct tally *observations;
    struct tally *slates;
    uint64_t weights[CONTENDERS_MAX][WEIGHT_BINS]; /* how many observations have them */
};

/* The first column of a contender's OBSERVATION_SUMS, and of its slate_sum_count(). */
static inline size_t observation_column(size_t contender)
{
    return contender * OBSERVATION_SUMS;
}

static inline size_t slate_column(const struct counterfactual_sums *sums, size_t contender)
{
    return contender * slate_sum_count(sums->positions);
}

/* The bin of a weight, and where a bin begins. */
size_t weight_bin(double weight);
double weight_bin_begin(size_t bin);

MUST_USE enum status counterfactual_sums_new(size_t contenders, size_t positions, uint64_t seed,
                                             struct counterfactual_sums **out);
void counterfactual_sums_free(struct counterfactual_sums *sums);

/*
 * As bytes of a file: "RRcount" and a zero; 8 bytes of the head's size, lowest first; the head;
 * then observations and slates (tally.h). The head, numbers being varints (numbers.h):
 *
 *   1 byte   version, 1
 *   varints  contenders, positions
 *   8 bytes  seed
 *   varints  the counts, in their order above
 *   varints  WEIGHT_BINS for each contender
 *   varint   segments but the first; of each a byte of dimension, a varint of the size of its name,
 *            and the name
 *
 * Status as of ranking_sums_merge(), ranking_sums_write() and ranking_sums_read().
 */
MUST_USE enum status counterfactual_sums_merge(struct counterfactual_sums *into,
                                               const struct counterfactual_sums *from,
                                               struct problem *problem);
MUST_USE enum status counterfactual_sums_write(struct counterfactual_sums *sums, FILE *file);
MUST_USE enum status counterfactual_sums_read(FILE *file, struct counterfactual_sums **out,
                                              struct problem *problem);

#endif
