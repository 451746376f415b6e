#ifndef RANKER_LOOKUP_H
#define RANKER_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/status.h"

/*
 * A small map from 64-bit keys to numbers, for the length of a request: open addressing in the
 * arena, at most half full. Key 0 means "none": it is never stored, and looks up 0.
 */
struct lookup_slot {
    uint64_t key; /* 0: free */
    double value; /* 0 while free */
};

struct lookup {
    struct lookup_slot *slots;
    unsigned shift; /* 64 less the binary logarithm of the slot count */
};

/* Room for capacity keys; more must not be added. STATUS_NO_MEMORY when the arena is full. */
MUST_USE enum status lookup_init(struct lookup *lookup, struct arena *arena, size_t capacity);

/* The slot of key, or the free one where it belongs: the caller may then write both its fields. */
static inline struct lookup_slot *lookup_slot(const struct lookup *lookup, uint64_t key)
{
    const uint64_t golden = 0x9e3779b97f4a7c15; /* 2^64 over the golden ratio: spreads small keys */
    size_t mask = SIZE_MAX >> lookup->shift;
    size_t at = (size_t)((key * golden) >> lookup->shift);
    while (lookup->slots[at].key != key && lookup->slots[at].key != 0) {
        at = (at + 1) & mask;
    }
    return &lookup->slots[at];
}

static inline double lookup_value(const struct lookup *lookup, uint64_t key)
{
    return lookup_slot(lookup, key)->value;
}

static inline void lookup_put(struct lookup *lookup, uint64_t key, double value)
{
    if (key != 0) {
        *lookup_slot(lookup, key) = (struct lookup_slot){.key = key, .value = value};
    }
}

#endif
