#ifndef RANKER_BLOCK_CODE_H
#define RANKER_BLOCK_CODE_H

#include "ranker/features.h"
#include "ranker/score.h"

/*
 * What is done with each block of candidates, compiled from the same source for several kinds of
 * processors: the same operations, more of them at a time. None is fused or reordered, so the bits
 * are equal.
 */
struct block_code {
    const char *name; /* "plain", "avx2", "avx512" */
    void (*fill)(struct features_source *source, const struct selection *selection,
                 const struct candidate *candidates, size_t count, struct features *out);
    void (*score)(const struct selection *selection, const struct features *features, size_t count,
                  double scores[FEATURE_BLOCK], const struct score_detail *detail);
};

/* The quickest that this processor runs. */
const struct block_code *block_code_choose(void);

/* All of them, plain first; NULL behind the last. Those that this processor does not run are left
 * out. */
enum { BLOCK_CODE_COUNT = 3 };
void block_codes(const struct block_code *codes[BLOCK_CODE_COUNT + 1]);

#endif
