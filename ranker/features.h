#ifndef RANKER_FEATURES_H
#define RANKER_FEATURES_H

#include "ranker/profile_block.h"
#include "ranker/rank.h"
#include "ranker/scoped.h"
#include "ranker/selection.h"

/*
 * Features of candidates, a block at a time, in columns: what heads and multipliers read. feature.c
 * gives their formulas.
 */
enum { FEATURE_BLOCK = VIDEO_BLOCK };

/* Of these only columns that the selection reads are filled. */
struct features {
    double columns[FEATURE_COUNT][FEATURE_BLOCK]; /* NaN: missing */
    /* For heads of kind rate that count everyone's views, decayed to now with the model's
     * rate_half_life. */
    double views[FEATURE_BLOCK];   /* impressions or plays, whichever is more */
    double watches[FEATURE_BLOCK]; /* plays; 0 where the watch time is unknown */
    double hits[HEAD_COUNT]
               [FEATURE_BLOCK]; /* 0 to watches for watch_quantile, to views for others */
};

/* Watch quantiles already worked out for one user's region, by duration bucket and watch bin. */
struct quantiles {
    const struct watch_histogram *histograms[DURATION_BUCKET_COUNT];
    double *known; /* in the arena: quantile + 1, or 0 while unknown */
};

/* What features are worked out from, for one request. */
struct features_source {
    const struct profile *profile;
    const struct video_more *more; /* of all videos */
    const struct scoped_table *scoped;
    struct quantiles quantiles;
};

/* Borrows the profile and the state, and memory of the arena. */
MUST_USE enum status features_source_init(struct features_source *source,
                                          const struct profile *profile, const struct state *state,
                                          struct arena *arena);

/* One candidate: a video that policy lets pass. */
struct candidate {
    const struct video *video;
    double retrieval_score;
    uint64_t source_key; /* 0: none is named */
    bool seen;           /* by the user, before */
};

/*
 * Fills the selected columns for candidates[0..count), count 1 to FEATURE_BLOCK. Columns that
 * are not selected keep what they hold; rows from count on hold numbers without a meaning.
 */
void features_fill(struct features_source *source, const struct selection *selection,
                   const struct candidate *candidates, size_t count, struct features *out);

#endif
