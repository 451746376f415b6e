#ifndef REPLAY_FIFO_H
#define REPLAY_FIFO_H

#include <stddef.h>

/*
 * A queue of records of any sizes, first in, first out, in memory that grows and shrinks with it by
 * whole blocks. One thread.
 */
struct fifo_block;

struct fifo {
    struct fifo_block *first; /* owned, each owns the next */
    struct fifo_block *last;
    struct fifo_block *spare; /* owned; emptied last, kept for the next that is needed */
    size_t count;
};

/* All zero is an empty queue. */
void fifo_release(struct fifo *fifo);

/*
 * Adds a record of size bytes, at most FIFO_LIMIT_BYTES, for the caller to fill; it is aligned for
 * any object and stays where it is until it is popped. NULL when memory is short.
 */
enum { FIFO_LIMIT_BYTES = 1 << 16 };
void *fifo_push(struct fifo *fifo, size_t size);

/* The record that was pushed first; NULL when there is none. */
void *fifo_first(const struct fifo *fifo);

/* Removes it; there is one. */
void fifo_pop(struct fifo *fifo);

/* Borrows up to `limit` records, as they were pushed, the first of all first. How many. */
size_t fifo_peek(const struct fifo *fifo, void **out, size_t limit);

#endif
