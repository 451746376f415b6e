#ifndef RANKER_RANK_CHANCE_H
#define RANKER_RANK_CHANCE_H

#include "ranker/rank.h"
#include "ranker/slate_chance.h"

/*
 * How likely rank() would answer a request with a slate that is given, such as one that other
 * weights served: what off-policy estimates weigh rewards with. Slates are indices of candidates of
 * the request, from the first position on; a candidate that policy drops, that the slate does not
 * look at, or that comes behind the request's limit has probability 0, as has an index beyond the
 * candidates (SLATE_NOBODY). The request's seed, explain and total_terms mean nothing. Pure, as
 * rank() is; 4 MiB of arena are enough for what explains nothing.
 */

/*
 * Writes, by position, the probability of slate[k] given those before it in the slate; after the
 * first 0 all are 0. Of rank()'s own order they are its propensities, bit for bit.
 * STATUS_NO_MEMORY.
 */
MUST_USE enum status rank_probe(const struct state *state, const struct model *model,
                                const struct rank_request *request, const uint32_t *slate,
                                size_t count, struct arena *arena, double *out);

/*
 * Writes, by position, the probability of slate[k] whoever is above it, as slate_chance.h has it;
 * query's arrays are of the request's candidates. Scores are worked out once, slates are drawn
 * query->draws times, or once where nothing is drawn. STATUS_NO_MEMORY.
 */
MUST_USE enum status rank_marginals(const struct state *state, const struct model *model,
                                    const struct rank_request *request,
                                    const struct slate_marginals_query *query, struct arena *arena,
                                    const struct slate_marginals *out);

#endif
