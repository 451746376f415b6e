#ifndef SERVER_WRITER_H
#define SERVER_WRITER_H

#include <stddef.h>

#include "ranker/status.h"
#include "store/keeper.h"
#include "store/store.h"

/*
 * Writes the store. Batches wait in a bounded queue; a thread takes all that wait and appends them
 * under one sync, so that calls share it when there are many and a single call waits for no other.
 * A second thread applies them while the first one appends the next ones.
 *
 * Threads: writer_submit() from any thread.
 */
struct writer;

/*
 * Borrows store and keeper, which may be NULL if no batch is to erase. queue_length: batches that
 * may wait, at least 1. STATUS_NO_MEMORY or STATUS_IO.
 */
MUST_USE enum status writer_new(struct store *store, struct keeper *keeper, size_t queue_length,
                                struct writer **out);

struct writer_counts {
    size_t waiting;     /* batches in the queue */
    size_t length;      /* of the queue */
    uint64_t batches;   /* since the start, written or failed */
    uint64_t groups;    /* in which they were appended */
    enum status status; /* of the last write that had something to append */
    int64_t failed_ms;  /* monotonic clock: when it failed; means something if it did */
};
void writer_count(struct writer *writer, struct writer_counts *out); /* any thread */

/* What a batch will take of the processor in the writer's threads, by what the last ones took for
 * an entry. Any thread. */
int64_t writer_cost_ns(const struct writer *writer, const struct batch *batch);

/* Writes what still waits, calling every callback, then ends the thread. NULL is allowed. */
void writer_free(struct writer *writer);

/*
 * Queues a batch. Once it is written or has failed (batch->status), done(context) is called on one
 * of the writer's threads, or, of a batch that erases, on the keeper's once that is done, which
 * does not hold up other batches; STATUS_UNAVAILABLE is the status of one that is written, but
 * whose erasure nobody could wait for. Until then batch is the writer's. done must not block.
 * STATUS_BUSY: the queue is full, or its first batch has waited for more than a second, as behind a
 * disk that hangs; done is not called.
 */
MUST_USE enum status writer_submit(struct writer *writer, struct batch *batch,
                                   void (*done)(void *context), void *context);

#endif
