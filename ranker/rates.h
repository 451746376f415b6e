#ifndef RANKER_RATES_H
#define RANKER_RATES_H

#include "ranker/profile.h"
#include "ranker/scoped.h"
#include "ranker/video_block.h"

/*
 * What was counted of a block of videos, by everyone, in the user's region and in the locale's
 * language, brought to now with each half-life. What several features read is worked out once, when
 * it is first asked for.
 */
struct rates {
    const struct model *model;
    const struct profile *profile;
    const struct scoped_table *scoped;
    const struct video_block *videos;
    bool found[SCOPE_KIND_END];
    bool brought[SCOPE_KIND_END][HALF_LIFE_COUNT];
    unsigned gathered[HALF_LIFE_COUNT]; /* how many of everyone's counters, from the first */
    const struct scoped *rows[SCOPE_KIND_END][VIDEO_BLOCK]; /* where found; NULL: no row */
    float counts[HALF_LIFE_COUNT][COUNTER_SCORED_COUNT][VIDEO_BLOCK];
    double decays[SCOPE_KIND_END][HALF_LIFE_COUNT][VIDEO_BLOCK];
    double views[SCOPE_KIND_END][HALF_LIFE_COUNT][VIDEO_BLOCK];
};

/* A counter of one scope. scope: as an enum rate_scope, the numbers are the same. */
struct rate_place {
    enum scope_kind scope;
    enum half_life half_life;
};

/* All pointers are kept. */
void rates_init(struct rates *rates, const struct model *model, const struct profile *profile,
                const struct scoped_table *scoped, const struct video_block *videos);

/* Impressions or plays, whichever are more. */
const double *rates_views(struct rates *rates, struct rate_place place);

/* A counter, at most as many as views: more (likes whose impressions have decayed) count as one
 * each. */
void rates_hits(struct rates *rates, struct rate_place place, enum counter counter, double *out);

/* Plays, by everyone. */
void rates_plays(struct rates *rates, enum half_life half_life, double *out);

/* The counter of a head of kind rate; not of HEAD_WATCH_QUANTILE. */
enum counter rates_counter(enum head head);

/*
 * The head's rate, shrunk: everyone's to the head's prior, the region's to everyone's, the
 * language's to the region's.
 *   (hits + k * rate before) / (views + k), k: the head's strength, region_strength,
 * language_strength
 */
void rates_smoothed(struct rates *rates, struct rate_place place, enum head head, double *out);

#endif
