#ifndef REPLAY_HEAP_H
#define REPLAY_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/*
 * What waits to be told in the order of its keys: the least is taken first, of equal ones the one
 * that was pushed first. A binary heap in memory that grows and does not shrink. One thread.
 */
struct heap_item {
    uint64_t key;
    uint64_t number; /* of pushing */
    void *value;     /* from malloc */
};

struct heap {
    struct heap_item *items; /* owned, and their values with them */
    size_t count;
    size_t capacity;
    uint64_t pushed;
};

/* All zero is an empty heap. Frees the values that it has. */
void heap_release(struct heap *heap);

/* Takes value. STATUS_NO_MEMORY: the heap is as it was, and value the caller's. */
MUST_USE enum status heap_push(struct heap *heap, uint64_t key, void *value);

/* Removes the first item, of which there is one; its value is the caller's. */
struct heap_item heap_pop(struct heap *heap);

#endif
