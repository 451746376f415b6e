#ifndef REPLAY_DECISION_CHECK_H
#define REPLAY_DECISION_CHECK_H

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "reelrank/v1/decision.pb-c.h"

/*
 * Whether a decision of a file can be worked with: its request is one that Rank takes, order and
 * dropped_index name candidates of it, each once, scores and propensities belong to the positions
 * of order, propensities are in (0, 1]. What other systems do not know may be missing:
 * state_sequence, weights_version, scores. STATUS_INVALID: problem names the field;
 * STATUS_NO_MEMORY when arena is too small.
 */
MUST_USE enum status decision_check(const Reelrank__V1__Decision *decision, struct arena *arena,
                                    struct problem *problem);

#endif
