#ifndef REPLAY_LOAD_H
#define REPLAY_LOAD_H

#include "ranker/state.h"
#include "replay/import.h"

/*
 * Reads a file in JSON Lines into a state, as a server would that is sent its entries in order, but
 * without a clock and without looking for repeats. *sequence is that of the last entry applied
 * before, and then of the last one of the file. STATUS_INVALID: problem names the line. After any
 * failure the state is of no use.
 */
MUST_USE enum status load_jsonl(FILE *file, struct state *state, uint64_t *sequence,
                                struct problem *problem);

#endif
