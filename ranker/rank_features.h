#ifndef RANKER_RANK_FEATURES_H
#define RANKER_RANK_FEATURES_H

#include "ranker/rank.h"

/*
 * Every feature of every candidate of a request, as rank() works them out for the heads that read
 * them: what training learns from. Pure, as rank() is.
 *
 * Models decide by which half-lives, priors and clips features are made, so features are of the
 * weights that will read them. One candidate's features do not depend on the others.
 */

/* Arrays lie in the arena. */
struct rank_features {
    /*
     * FEATURE_COUNT for each candidate; NaN: missing. All are missing of videos that the catalogue
     * does not have (DROP_UNKNOWN_VIDEO) or has no more (DROP_DELETED), which nothing can rank.
     */
    double *values;
    /*
     * By candidate, enum drop_rule: what the model's policy says of it. Training takes what was
     * shown, whatever today's policy is; who wants only what may be shown looks here. Repeated
     * candidates and the limit are not looked at.
     */
    uint8_t *rules;
};

/*
 * The request is as rank() asks for it; limit, explain, total_terms and seed mean nothing.
 * STATUS_NO_MEMORY: LIMIT_CANDIDATES need 4 MiB of arena.
 */
MUST_USE enum status rank_features(const struct state *state, const struct model *model,
                                   const struct rank_request *request, struct arena *arena,
                                   struct rank_features *out);

#endif
