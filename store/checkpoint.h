#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "store/environment.h"
#include "store/log.h"

/*
 * Keeps DIR/state.mdb (state_file.h) near the end of the log, so that a start reads the state and
 * the log's tail instead of the whole log. It is a cache: whatever is wrong with it is told to
 * warn(), and costs time at the next start, nothing else: the state is derived again, from the log
 * alone or, where its beginning was removed, from a snapshot (snapshots.h) and the log.
 *
 * A thread of its own writes a checkpoint when the log is so many records ahead of the last one, or
 * ahead at all after CHECKPOINT_SECONDS, or when users take too much memory, but rests three times
 * as long as the last one took, so that it takes a quarter of a core and of the disk at most. It
 * saves the rows that changed a few at a time under the read lock; a row that changes before its
 * turn is saved first, by the writer. Both put off the other for as long as it takes to encode
 * those rows: a tenth of a millisecond. Memory for rows saved by the writer is at most what changed
 * since the checkpoint before.
 *
 * After a checkpoint, users beyond user_bytes leave memory, those that no signal has touched for
 * longest first; state.mdb has them. So users take at most user_bytes and what changes between two
 * checkpoints. The same holds for statistics. After a start, which reads neither, the thread brings
 * back those that the last two days' signals were about, as far as there is room.
 */
struct checkpoint;

enum { CHECKPOINT_SECONDS = 300 };

struct checkpoint_options {
    const char *directory;
    size_t map_bytes; /* budget of the file */
    uint64_t records; /* the log may be ahead */
    size_t user_bytes;
    size_t statistics_bytes;
    struct log *log; /* open until checkpoint_close() returns */
    /* One line about what went wrong; by the thread that opens, then by the checkpoint's. */
    void (*warn)(void *context, const char *text); /* may be NULL */
    void *warn_context;
};

/*
 * Gives the state of the last checkpoint, which may be that of an empty log, and begins to note its
 * changes. A file that is damaged, of another version, or of another log than this one is set
 * aside, and the newest snapshot that can be read takes its place. STATUS_NO_MEMORY;
 * STATUS_CORRUPT: the log's beginning was removed and there is nothing that stands for it. The
 * caller owns *state and frees it after the checkpoint.
 */
MUST_USE enum status checkpoint_open(const struct checkpoint_options *options,
                                     struct checkpoint **out, struct state **state,
                                     struct problem *problem);

/*
 * Begins to write checkpoints: the state contains all of the log. state_apply() is called under
 * lock for writing, once its entry is in the log. Called once. STATUS_IO: there is no thread.
 */
MUST_USE enum status checkpoint_start(struct checkpoint *checkpoint, pthread_rwlock_t *lock);

/*
 * For the thread that applies the log before checkpoint_start(): writes a checkpoint if users or
 * statistics take half as much again as they may.
 */
void checkpoint_relieve(struct checkpoint *checkpoint);

/*
 * Writes a checkpoint of all that is applied now and returns when it is on disk, or why it is not.
 * Any thread but the one that applies, between checkpoint_start() and checkpoint_close().
 */
MUST_USE enum status checkpoint_write(struct checkpoint *checkpoint);

/* The same, and makes a snapshot of it. */
MUST_USE enum status checkpoint_snapshot(struct checkpoint *checkpoint);

/* Of state.mdb, for scrub.h; NULL if there is none. */
struct environment *checkpoint_environment(struct checkpoint *checkpoint);

/* The sequence of the last checkpoint; 0 if there is none. Any thread. */
uint64_t checkpoint_sequence(const struct checkpoint *checkpoint);

/* Writes the last checkpoint, if it was started, and ends. NULL is allowed. */
void checkpoint_close(struct checkpoint *checkpoint);

#endif
