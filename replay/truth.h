#ifndef REPLAY_TRUTH_H
#define REPLAY_TRUTH_H

#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/truth.pb-c.h"

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

#endif
