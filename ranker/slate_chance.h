#ifndef RANKER_SLATE_CHANCE_H
#define RANKER_SLATE_CHANCE_H

#include "ranker/slate.h"

/*
 * How likely a slate that is given would come of an input: what off-policy estimates ask of a
 * policy that did not serve. Positions that are not drawn have probabilities of 0 and 1; positions
 * behind input->positions show nobody.
 */

/* Stands for a video that is no candidate. */
#define SLATE_NOBODY UINT32_MAX

/*
 * Writes the probability of each candidate slate[k], k from 0 below count, to be at position k + 1,
 * given that those before it are above it: 0 too for one that is above already, or SLATE_NOBODY.
 * After the first 0 all are 0. Of the slate that slate_build() makes they are its propensities, bit
 * for bit. STATUS_NO_MEMORY.
 */
MUST_USE enum status slate_probe(const struct slate_input *input, const uint32_t *slate,
                                 size_t count, struct arena *arena, double *out);

enum { SLATE_DRAWS_MAX = 1 << 20 };

struct slate_marginals_query {
    const uint32_t *slate; /* count candidates, or SLATE_NOBODY, each for its position */
    size_t count;          /* at most LIMIT_CANDIDATES */
    const double *values;  /* by candidate; NULL: none */
    size_t draws;          /* 2 to SLATE_DRAWS_MAX */
    uint64_t seed;
};

/*
 * By position; the arrays are the caller's, of query->count. What is drawn is averaged over
 * simulated slates: at each position not the draw itself, but what it is drawn by, given those that
 * were drawn above it, is what counts (Rao and Blackwell). That has no bias, and less variance than
 * counting: at the first position none at all.
 */
struct slate_marginals {
    double *probabilities; /* of slate[k] to be at position k + 1, whoever is above it */
    /* Of the probability as an estimate: the square of its standard error, which is at most 1 / (2
     * * sqrt(draws - 1)). 0 where the probability is exact. */
    double *variances;
    double *expected; /* with values: the mean value of who is at the position; 0 where nobody is */
};

/* STATUS_NO_MEMORY; what it takes of the arena does not depend on draws. */
MUST_USE enum status slate_marginals(const struct slate_input *input,
                                     const struct slate_marginals_query *query, struct arena *arena,
                                     const struct slate_marginals *out);

#endif
