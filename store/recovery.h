#ifndef STORE_RECOVERY_H
#define STORE_RECOVERY_H

#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "store/checkpoint.h"
#include "store/log.h"
#include "store/window.h"

/*
 * What a start takes from the log: the event ids of the window, and the records behind the
 * checkpoint. A thread reads the ids while the state is loaded and applied to; another one decodes
 * records ahead of the one that applies them, which is the caller's. While users and statistics
 * come from a disk, some dozens of threads read those of the next records at once. Memory is
 * bounded whatever the log is.
 */
struct recovery;

/* Begins to fill the window, which is nobody else's until the end. STATUS_NO_MEMORY, STATUS_IO. */
MUST_USE enum status recovery_begin(struct log *log, struct window *window, struct recovery **out,
                                    struct problem *problem);

/* May be called with how far it is, in sequences; NULL is allowed. */
struct recovery_progress {
    void (*report)(void *context, uint64_t done, uint64_t total);
    void *context;
};

/*
 * Applies all of the log that the state lacks; the checkpoint is relieved now and then.
 * STATUS_CORRUPT names the record.
 */
MUST_USE enum status recovery_apply(struct recovery *recovery, struct state *state,
                                    struct checkpoint *checkpoint,
                                    const struct recovery_progress *progress,
                                    struct problem *problem);

/*
 * Waits until the window is full, or not for long if status, which is how the rest went, is not
 * STATUS_OK; frees. Returns status, or else how it went with the window.
 */
MUST_USE enum status recovery_end(struct recovery *recovery, enum status status,
                                  struct problem *problem);

#endif
