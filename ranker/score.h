#ifndef RANKER_SCORE_H
#define RANKER_SCORE_H

#include "ranker/features.h"
#include "ranker/rank.h"

/* Largest value on the way to a score and largest score: what passes it is cut back to it. */
#define SCORE_MAX 0x1p18

/*
 * Where what scores are made of goes, as far as it is asked for. The last of TERM_COUNT, the
 * slate's, and what is not selected, which is 0, are left alone.
 */
struct score_detail {
    struct rank_term *terms; /* NULL, or TERM_COUNT for each row */
    int64_t *totals;         /* NULL, or TERM_COUNT sums in units of 2^-32, which grow */
};

/*
 * Scores a block: heads, value, shift and multipliers, as rank.h says. Each score is a multiple of
 * 2^-32 in [0, SCORE_MAX]. What is not selected must weigh 0, so the scores do not depend on the
 * selection. detail is NULL where nobody asks.
 */
void score_block(const struct selection *selection, const struct features *features, size_t count,
                 double scores[FEATURE_BLOCK], const struct score_detail *detail);

#endif
