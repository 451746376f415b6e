#ifndef RANKER_SLATE_FILL_H
#define RANKER_SLATE_FILL_H

#include "ranker/slate.h"
#include "ranker/slate_likeness.h"
#include "ranker/slate_plain.h"

/*
 * A slate with rules, filled position by position: at once (slate_fill_positions()), or a step at a
 * time by those who ask how likely each outcome is. It begins with the slate without rules, whose
 * order decides who is looked at, and between equal values. For those who make slates alone.
 */
struct slate_fill {
    const struct slate_input *input;
    struct slate *slate; /* order, scores and factors of the placed are final */
    uint32_t *by_score;  /* candidates by input->scores, best first */
    struct slate_room room;
    size_t position_count; /* how many rules fill */
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

    /* Of the position that slate_fill_weigh() has begun: */
    size_t chance_count; /* how many are eligible */
    double whole;        /* eligible[i] gets it with probability chances[i] / whole */
    size_t best;         /* of the eligible */
};

/* Makes the slate without rules; that and all of *fill lies in the arena. slate is borrowed. */
MUST_USE enum status slate_fill_init(struct slate_fill *fill, const struct slate_input *input,
                                     struct slate *slate, struct arena *arena);

/* Fills the positions that rules fill. */
void slate_fill_positions(struct slate_fill *fill, const double *uniforms);

/* Puts all other candidates behind those, in order of their scores, and apart where caps ask for
 * it. */
void slate_fill_rest(struct slate_fill *fill);

/* As after slate_fill_init(), but for the slate's order, scores and factors of candidates that are
 * placed no more. */
void slate_fill_restart(struct slate_fill *fill);

/* Begins the next of the positions that rules fill, and works out how likely everyone is there. */
void slate_fill_weigh(struct slate_fill *fill);

/* Whether that position is drawn; else one candidate gets it, with probability 1. */
bool slate_fill_is_drawn(const struct slate_fill *fill);

/* Of those who were weighed. */
static inline uint32_t slate_fill_candidate(const struct slate_fill *fill, size_t i)
{
    return fill->left[fill->eligible[i]];
}

/* Gives one of them the position, which ends it. */
void slate_fill_place(struct slate_fill *fill, size_t i);

#endif
