#ifndef REPLAY_TRUTH_H
#define REPLAY_TRUTH_H

#include <stdio.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/rank.h"
#include "ranker/status.h"
#include "replay/truth.pb-c.h"
#include "replay/view_event.h"

/* What a truth tells of a candidate; the names are those of its fields in truth.proto. */
#define TRUTH_VALUE_MAP(X) \
    X(UTILITY, utility)    \
    VIEW_EVENT_MAP(X)

enum truth_value {
#define X(name, text) TRUTH_##name,
    TRUTH_VALUE_MAP(X)
#undef X
        TRUTH_VALUE_COUNT
};

const char *truth_value_name(enum truth_value value);

/* A chance, in [0, 1]. */
double truth_value_of(const Reelrank__Replay__TestCandidate *candidate, enum truth_value value);

enum { TRUTH_LIMIT_LINE_BYTES = 2 << 20 /* twice the largest that a simulation writes */ };

/*
 * Reads the truth that `reelrank simulate` wrote, and tells sink of each test ranking; what was
 * shown is passed over. The message is borrowed for the call; its ids are 1 to 128 bytes, it has at
 * most 2,000 candidates, its probabilities lie in [0, 1] and its time is above 0. Any return of
 * sink but STATUS_OK ends the reading with it. STATUS_INVALID: problem names line and field.
 * STATUS_IO, STATUS_NO_MEMORY.
 */
MUST_USE enum status truth_read(FILE *file,
                                enum status (*sink)(void *context,
                                                    const Reelrank__Replay__TestRanking *test),
                                void *context, struct problem *problem);

/*
 * The request that a feed server would send for the ranking. It borrows test and lies in the arena.
 * STATUS_INVALID: problem names the field. STATUS_NO_MEMORY.
 */
MUST_USE enum status truth_request(const Reelrank__Replay__TestRanking *test, struct arena *arena,
                                   struct rank_request *out, struct problem *problem);

#endif
