#ifndef RANKER_SCORE_H
#define RANKER_SCORE_H

#include "ranker/features.h"
#include "ranker/rank.h"

/* Largest value on the way to a score and largest score: what passes it is cut back to it. */
#define SCORE_MAX 0x1p18

/*
 * Scores a block: heads, value, shift and multipliers, as rank.h says. Each score is a multiple of
 * 2^-32 in [0, SCORE_MAX]. What is not selected must weigh 0, so the scores do not depend on the
 * selection. terms is NULL or has TERM_COUNT for each of the count rows; the last of each, the
 * slate's, is left alone.
 */
void score_block(const struct selection *selection, const struct features *features, size_t count,
                 double scores[FEATURE_BLOCK], struct rank_term *terms);

/*
 * The same for processors with AVX2, compiled from the same source: additions, multiplications and
 * divisions four at a time instead of two. No operation is fused or reordered, so the bits are
 * equal.
 */
void score_block_avx2(const struct selection *selection, const struct features *features,
                      size_t count, double scores[FEATURE_BLOCK], struct rank_term *terms);

typedef void score_block_function(const struct selection *selection,
                                  const struct features *features, size_t count,
                                  double scores[FEATURE_BLOCK], struct rank_term *terms);

/* The quicker of the two that this processor runs. */
score_block_function *score_block_choose(void);

#endif
