#ifndef RANKER_LOOKUP_H
#define RANKER_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/status.h"

/*
 * Where keys stand in an array of at most 65,535: open addressing, at most a sixteenth full, so
 * that hardly any key finds its home taken by another, which no processor foretells. A slot holds a
 * key's position + 1, or 0 while free; small slots stay in the nearest cache. Key 0 is stored like
 * any other.
 */
struct positions {
    const uint64_t *keys; /* borrowed */
    uint16_t *slots;
    unsigned shift; /* 64 less the binary logarithm of the number of slots */
};

/* For an array of count keys. STATUS_NO_MEMORY when the arena is full. */
MUST_USE enum status positions_init(struct positions *positions, const uint64_t *keys, size_t count,
                                    struct arena *arena);

/* By 2^64 over the golden ratio, which spreads small keys. */
static inline size_t lookup_spread(uint64_t key, unsigned shift)
{
    return (key * UINT64_C(0x9e3779b97f4a7c15)) >> shift;
}

/* The slot of key, or the free one where it belongs. */
static inline uint16_t *positions_slot(const struct positions *positions, uint64_t key)
{
    size_t mask = SIZE_MAX >> positions->shift;
    size_t at = lookup_spread(key, positions->shift);
    while (positions->slots[at] != 0 && positions->keys[positions->slots[at] - 1] != key) {
        at = (at + 1) & mask;
    }
    return &positions->slots[at];
}

#endif
