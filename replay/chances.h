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
 */
struct chances_query {
    const struct past_ranking *ranking; /* served_count at least 1 */
    size_t count;         /* of its first served positions to look at, at most the estimator's */
    const double *values; /* modelled reward by candidate; NULL: there is no model */
    size_t draws;         /* of slates, where positions are drawn: 2 to SLATE_DRAWS_MAX */
    uint64_t seed;
    /*
     * The weights that made the log, where they are known: they tell how likely a video was at its
     * position, whoever stood above it. NULL: what the log says serves for the first position, for
     * lists of one, and where nothing was drawn.
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
