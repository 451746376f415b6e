#ifndef RANKER_FEATURES_H
#define RANKER_FEATURES_H

#include "ranker/profile.h"
#include "ranker/rank.h"

/*
 * Features of candidates, a block at a time, in columns: what heads and multipliers read. weights.h
 * gives their formulas.
 */
enum { FEATURE_BLOCK = 16 };

/* Counts are decayed to now with the model's rate_half_life. */
struct features {
    double taste[FEATURE_BLOCK];
    double views[FEATURE_BLOCK];   /* impressions or plays, whichever is more */
    double watches[FEATURE_BLOCK]; /* plays; 0 where the watch time is unknown */
    double hits[HEAD_COUNT]
               [FEATURE_BLOCK]; /* 0 to watches for watch_quantile, to views for others */
    double multipliers[MULTIPLIER_COUNT][FEATURE_BLOCK]; /* 0 to 1 */
};

/* Which heads and multipliers to work out: those that move this user's scores, or all of them to
 * explain. */
struct selection {
    unsigned head_count;
    unsigned multiplier_count;
    enum head heads[HEAD_COUNT];                   /* rising */
    enum multiplier multipliers[MULTIPLIER_COUNT]; /* rising */
};

struct selection selection_of_weighted(const struct model *model, const struct profile *profile);
struct selection selection_of_all(void);

/* Watch quantiles already worked out for one user's region, by duration bucket and watch bin. */
struct quantiles {
    const struct watch_histogram *histograms[DURATION_BUCKET_COUNT];
    double *known; /* in the arena: quantile + 1, or 0 while unknown */
};

MUST_USE enum status quantiles_init(struct quantiles *quantiles, const struct watch *watch,
                                    uint16_t region, struct arena *arena);

/* One candidate: a video that policy lets pass. */
struct candidate {
    const struct video *video;
    double retrieval_score;
    bool seen; /* by the user, before */
};

/*
 * Fills the selected columns for candidates[0..count), count 1 to FEATURE_BLOCK. Columns that
 * are not selected keep what they hold; rows from count on hold numbers without a meaning.
 */
void features_fill(const struct model *model, const struct profile *profile,
                   struct quantiles *quantiles, const struct selection *selection,
                   const struct candidate *candidates, size_t count, struct features *out);

#endif
