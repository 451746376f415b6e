#ifndef RANKER_EMBEDDING_H
#define RANKER_EMBEDDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/limits.h"

/*
 * A video's embedding, 8 bits a component: the largest component in absolute value becomes 127 or
 * -127 and the others follow in proportion, rounded to nearest, ties to even. Only the direction
 * counts, so the length is not kept.
 */
struct embedding {
    int8_t values[LIMIT_VIDEO_EMBEDDING]; /* -127 to 127; 0 from size on */
    uint8_t size;                         /* 0: none */
};

/*
 * Of count finite numbers, at most LIMIT_VIDEO_EMBEDDING. None or only zeros give no embedding. The
 * same on every machine.
 */
struct embedding embedding_of(const float *values, size_t count);

/* Whether embedding_of() can have made it. */
bool embedding_is_sound(const struct embedding *embedding);

/* 1 over the length. Of one that is there. */
double embedding_scale(const struct embedding *embedding);

/* The sum of products; sizes may differ, what is missing counts as 0. */
static inline int embedding_dot(const struct embedding *a, const struct embedding *b)
{
    int sum = 0;
    for (size_t i = 0; i < LIMIT_VIDEO_EMBEDDING; i++) {
        sum += a->values[i] * b->values[i];
    }
    return sum;
}

#endif
