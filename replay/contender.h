#ifndef REPLAY_CONTENDER_H
#define REPLAY_CONTENDER_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/weights.h"
#include "replay/baseline.h"
#include "replay/timeline.h"

/*
 * Who orders the candidates of a past ranking: weights, the order that was served, or an order that
 * needs no weights (baseline.h).
 */
enum contender_kind { CONTENDER_WEIGHTS, CONTENDER_SERVED, CONTENDER_BASELINE };

enum { CONTENDERS_MAX = 9, CONTENDER_ABSENT = UINT16_MAX };

struct contender {
    enum contender_kind kind;
    const char *name;              /* borrowed; as reports show it */
    const struct weights *weights; /* CONTENDER_WEIGHTS: borrowed */
    enum baseline baseline;        /* CONTENDER_BASELINE */
};

struct contenders {
    struct contender items[CONTENDERS_MAX];
    size_t count;
    uint64_t seed; /* of BASELINE_RANDOM */
};

/* An order; all arrays lie in the arena. */
struct contender_order {
    size_t count;           /* 0: the contender has no order of this ranking */
    uint32_t *order;        /* candidate by position */
    uint16_t *positions;    /* by candidate, from 0; CONTENDER_ABSENT: not in it */
    double *scores;         /* by candidate, as ordered by; 0 for those not in it */
    const uint8_t *dropped; /* by candidate: enum drop_rule; NULL: the contender has no policy */
};

/*
 * Orders all candidates as the server would have, in the arms that the user falls into. An order
 * that was served has its positions for scores, falling. Weights whose experiments lack the arm
 * that a request asked for put it where its user falls. STATUS_NO_MEMORY, or as rank().
 */
MUST_USE enum status contender_rank(const struct contenders *contenders, size_t contender,
                                    const struct past_ranking *ranking, const struct state *state,
                                    struct arena *arena, struct contender_order *out);

/*
 * The experiments' arms of a ranking: those it was served with or, where that is not known, those
 * that the first contender's weights put its user into. "" for none.
 */
const char *contenders_arms(const struct contenders *contenders,
                            const struct past_ranking *ranking);

/*
 * The model by which weights rank, in the arms that the user falls into, or that the request asked
 * for. Never NULL.
 */
const struct model *contender_model(const struct weights *weights,
                                    const struct past_ranking *ranking);

/* "weights", "served" or "baseline". */
const char *contender_kind_name(enum contender_kind kind);

#endif
