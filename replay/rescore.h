#ifndef REPLAY_RESCORE_H
#define REPLAY_RESCORE_H

#include "ranker/rank.h"

/*
 * A score made again, from what its explanation says it was made of, by other value weights and
 * multipliers: for searches that try thousands of them on the same candidates. What heads predict
 * and features say does not depend on these weights.
 */
struct rescore_inputs {
    double heads[HEAD_COUNT];             /* predictions */
    double multipliers[MULTIPLIER_COUNT]; /* features; 0 where missing */
};

/* Of one position of rank(explain): TERM_COUNT terms. */
void rescore_inputs_of(const struct rank_term *terms, struct rescore_inputs *out);

/*
 * The score before the slate (rank.h) by the model's value, negative_offset and multipliers: of the
 * model that explained it the same bits.
 */
double rescore(const struct model *model, const struct rescore_inputs *inputs);

#endif
