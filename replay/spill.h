#ifndef REPLAY_SPILL_H
#define REPLAY_SPILL_H

#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * A queue of records of any sizes, first in, first out, on disk: for what waits in greater number
 * than memory holds. Records lie in files without a name (temporary.h), each of which goes when its
 * last record was taken, so the disk holds what waits and at most two files more. One thread.
 */
struct spill;

enum { SPILL_FILE_BYTES = 64 << 20 };

/* file_bytes is SPILL_FILE_BYTES but in tests. NULL when memory is short. */
struct spill *spill_new(size_t file_bytes);
void spill_free(struct spill *spill);

/* STATUS_NO_MEMORY; STATUS_IO, with problem: after that nothing but spill_free() may follow. */
MUST_USE enum status spill_push(struct spill *spill, const void *bytes, size_t size,
                                struct problem *problem);

/* Takes the oldest record, which there is and which has that size. STATUS_IO, as above. */
MUST_USE enum status spill_pop(struct spill *spill, void *out, size_t size,
                               struct problem *problem);

#endif
