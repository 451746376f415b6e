#ifndef RANKER_SELECTION_H
#define RANKER_SELECTION_H

#include "ranker/rank.h"

/*
 * What of a model is worked out for a request: the heads and multipliers that move scores, or all
 * of them to explain, and the features that these read.
 */
struct selection {
    const struct model *model; /* borrowed */
    unsigned head_count;
    unsigned multiplier_count;
    enum head heads[HEAD_COUNT];                   /* rising */
    enum multiplier multipliers[MULTIPLIER_COUNT]; /* rising */
    /* Of a head of kind rate: the smoothed rate it starts from, or FEATURE_COUNT for one that
     * counts everyone's views. */
    enum feature rates[HEAD_COUNT];
    struct feature_set features;
};

/* Those with a weight other than 0. */
struct selection selection_of_weighted(const struct model *model);

/* The same without multipliers whose feature is 0 or missing for whatever video. user may be NULL.
 */
struct selection selection_of_moving(const struct model *model, const struct user *user,
                                     const struct rank_request *request);

struct selection selection_of_all(const struct model *model);

/*
 * What the selection reads, for people: besides its features the smoothed rates of heads that count
 * everyone's views.
 */
struct feature_set selection_listed(const struct selection *selection);

/* The feature a multiplier scales with. */
static inline enum feature selection_feature(enum multiplier multiplier)
{
    static const enum feature features[MULTIPLIER_COUNT] = {
#define X(name, text) [MULTIPLIER_##name] = FEATURE_##name,
        MULTIPLIER_MAP(X)
#undef X
    };
    return features[multiplier];
}

#endif
