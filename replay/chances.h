#ifndef REPLAY_CHANCES_H
#define REPLAY_CHANCES_H

#include <stdbool.h>

#include "ranker/weights.h"
#include "replay/contender.h"
#include "replay/slate_estimator.h"

/*
 * How likely a contender would have done what a log did, position by position: what rewards are
 * weighed by.
 *
 *   weights    by their own rules of exploration (ranker/rank_chance.h)
 *   served     as the log says: the policy that made it
 *   random     any candidate at any position, all alike
 *   other baselines   0 or 1: nothing is drawn
 *
 * A conditional is how likely a video is at its position given the served ones above it, a marginal
 * how likely it is there whoever is above. They are the same at the first position, in a list of
 * one and where nothing is drawn. Beyond, marginals of weights are averages over `draws` slates, of
 * what each position is drawn by (ranker/slate_chance.h).
 *
 * Such an average has no bias, but its inverse has. The log's marginal is therefore the average
 * over the D slates that were drawn and the one that was served. With c_0 the video's chance in the
 * served slate and c_1 to c_D those in the others, which are all alike in distribution, the
 * expectation of (D + 1) / (c_0 + ... + c_D), counted where the video is served, is the probability
 * that any of these sees a chance for it: 1, but for videos so rare that D slates have none. So
 * weights are without bias as long as a contender's slates are drawn apart from the log's, as they
 * are here, and what is lost with the rare shows in the mean weight. All contenders see the same
 * random numbers, so that differences are theirs. Each ranking has its own, so that errors average
 * out over rankings, and intervals know of them.
 */
struct chances_query {
    const struct past_ranking *ranking; /* served_count at least 1 */
    size_t count;         /* of its first served positions to look at, at most the estimator's */
    const double *values; /* modelled reward by candidate; NULL: there is no model */
    size_t draws;         /* of slates, where positions are drawn: 2 to SLATE_DRAWS_MAX */
    uint64_t seed;
    /*
     * The weights that made the log, where they are known: they tell its marginals. NULL: those of
     * the first position, of lists of one, and of a log that drew nothing are known without.
     */
    const struct weights *logging;
};

/* By served position. */
struct chances {
    double conditional[SLATE_ESTIMATOR_POSITIONS]; /* given the served videos above it */
    double marginal[SLATE_ESTIMATOR_POSITIONS];    /* whoever is above it */
    double expected[SLATE_ESTIMATOR_POSITIONS];    /* modelled reward of the position */
    bool matched[SLATE_ESTIMATOR_POSITIONS];       /* a draw of the contender's puts it there */
};

/*
 * Of the log itself; known is false where marginals beyond the first position cannot be told.
 * expected and matched are those of what was served. STATUS_NO_MEMORY, or as rank_marginals().
 */
MUST_USE enum status chances_logged(const struct chances_query *query, const struct state *state,
                                    struct arena *arena, struct chances *out, bool *known);

/* Of a contender. logged is what chances_logged() gave. Status likewise. */
MUST_USE enum status chances_of(const struct contenders *contenders, size_t contender,
                                const struct chances_query *query, const struct chances *logged,
                                const struct state *state, struct arena *arena,
                                struct chances *out);

#endif
