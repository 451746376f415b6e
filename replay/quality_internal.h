#ifndef REPLAY_QUALITY_INTERNAL_H
#define REPLAY_QUALITY_INTERNAL_H

#include "ranker/rank.h"
#include "replay/baseline.h"
#include "replay/quality.h"

/* What quality.c and quality_kuairand.c share: orders of one request's candidates. */
enum { CONTENDERS_MAX = QUALITY_WEIGHTS_MAX + BASELINE_COUNT + 1 };

struct quality {
    const struct quality_contenders *contenders;
    const char *names[CONTENDERS_MAX];
    struct panel *panel;
    char *memory;
    struct arena arena;                                /* of one request */
    bool kept[LIMIT_CANDIDATES];                       /* policy lets it pass under all weights */
    double gains[LIMIT_CANDIDATES];                    /* by candidate */
    double values[LIMIT_CANDIDATES];                   /* of a baseline, by candidate */
    uint32_t orders[CONTENDERS_MAX][LIMIT_CANDIDATES]; /* of the kept ones, best first */
    double scores[CONTENDERS_MAX][LIMIT_CANDIDATES];   /* by candidate */
    size_t kept_count;
};

/* Indices of struct quality's contenders; the weights come first. */
static inline size_t quality_baseline(const struct quality *quality, enum baseline baseline)
{
    return quality->contenders->count + (size_t)baseline;
}
static inline size_t quality_ideal(const struct quality *quality)
{
    return quality->contenders->count + BASELINE_COUNT;
}
static inline size_t quality_count(const struct quality *quality)
{
    return quality->contenders->count + BASELINE_COUNT + 1;
}

/*
 * Fills kept, orders and scores for the request; gains are the ideal's values. Everything but the
 * gains lives until the next call. STATUS_NO_MEMORY.
 */
MUST_USE enum status quality_order(struct quality *quality, const struct state *state,
                                   const struct rank_request *request);

/* nDCG of a contender's order among the candidates that subset, NULL: all, has. */
double quality_ndcg(const struct quality *quality, size_t contender, const bool *subset);

#endif
