#ifndef RANKER_SLATE_H
#define RANKER_SLATE_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/status.h"

/*
 * The order of the answer: by score, where a creator's j-th best video (j from 0) counts
 * max(floor, decay^j) of its score. Equal scores keep the order of the candidates.
 *
 * This is the greedy slate, which fills each position with the candidate whose score, multiplied by
 * the factor for its creator's videos already placed, is best. For greedy takes each creator's
 * videos in the order of their scores, so the j-th it takes is the j-th best, and its factor is
 * known beforehand. Multiplied scores of one creator do not rise with j, since neither scores nor
 * factors do, so taking the best head of all creators' lists is merging sorted lists: a sort.
 */
struct slate {
    uint32_t *order; /* candidate by position */
    double *scores;  /* by candidate, multiplied */
    double *factors; /* by candidate */
};

struct slate_rules {
    double creator_decay; /* 0 to 1 */
    double creator_floor; /* 0 to 1 */
};

/*
 * Orders count candidates, at most LIMIT_CANDIDATES. creators: keys, 0 for unknown, which is never
 * decayed. scores: multiples of 2^-32 from 0 below 2^19. All of *out lies in the arena.
 */
MUST_USE enum status slate_build(struct slate_rules rules, const uint64_t *creators,
                                 const double *scores, size_t count, struct arena *arena,
                                 struct slate *out);

#endif
