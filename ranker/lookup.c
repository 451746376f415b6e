#include "ranker/lookup.h"

/* Binary logarithm of a number of homes that capacity keys fill to a quarter at most. */
static unsigned home_bits(size_t capacity)
{
    unsigned bits = 1;
    while (((size_t)1 << bits) < 4 * capacity) {
        bits++;
    }
    return bits;
}

enum status lookup_init(struct lookup *lookup, struct arena *arena, size_t capacity)
{
    unsigned bits = home_bits(capacity);
    /* The key furthest from the last home has all others before it. */
    size_t slot_count = ((size_t)1 << bits) + capacity;
    lookup->shift = 64 - bits;
    lookup->slots = arena_new(arena, struct lookup_slot, slot_count);
    return lookup->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status positions_init(struct positions *positions, const uint64_t *keys, size_t count,
                           struct arena *arena)
{
    unsigned bits = home_bits(count);
    positions->keys = keys;
    positions->shift = 64 - bits;
    positions->slots = arena_new(arena, uint16_t, (size_t)1 << bits);
    return positions->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}
