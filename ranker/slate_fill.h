#ifndef RANKER_SLATE_FILL_H
#define RANKER_SLATE_FILL_H

#include "ranker/slate.h"
#include "ranker/slate_likeness.h"

/*
 * A slate with rules, filled position by position. For slate.c alone, which makes the slate without
 * rules first: its order decides who is looked at, and between equal values.
 */
struct slate_fill {
    const struct slate_input *input;
    struct slate *slate;      /* order, scores and factors of the placed are final */
    const uint32_t *by_score; /* candidates by input->scores, best first */
    size_t position_count;    /* how many rules fill */
    size_t placed_count;
    bool *placed;          /* by candidate */
    uint16_t *ranks;       /* by candidate: its position without rules */
    uint16_t *creators;    /* by candidate: the first candidate of the same creator */
    double *next_factors;  /* by creator: of its next video */
    uint16_t *left;        /* candidates that may be placed yet, by input->scores */
    size_t left_count;     /* at most SLATE_HEAD_MAX */
    double best_score;     /* of all; 1 where that is 0 */
    unsigned local_target; /* how many of `window` positions in a row are due to local creators */

    /* Of the window - 1 positions before the one to be filled. */
    uint16_t *creator_counts;  /* by creator */
    uint16_t *category_counts; /* by category */
    unsigned local_count;

    uint16_t (*categories)[LIMIT_VIDEO_CATEGORIES]; /* by candidate; 0: none; NULL without a cap */
    struct likeness likeness;                       /* items are ranks */

    /* Of the position to be filled. */
    bool local_due;
    bool new_due;
    bool diverse;
    uint16_t *eligible; /* places in left */
    double *values;     /* of the eligible */
    double *chances;    /* room for as many */
};

/* Takes the slate without rules; all of *fill lies in the arena. */
MUST_USE enum status slate_fill_init(struct slate_fill *fill, const struct slate_input *input,
                                     const uint32_t *by_score, struct slate *slate,
                                     struct arena *arena);

/* Fills the positions that rules fill. */
void slate_fill_positions(struct slate_fill *fill, const double *uniforms);

/* Gives a candidate the factor of its creator's next video, and the score with it. */
void slate_fill_decay(struct slate_fill *fill, uint32_t candidate);

/* The other positions hold all other candidates: moves them apart where caps ask for it. */
void slate_fill_spread(struct slate_fill *fill);

#endif
