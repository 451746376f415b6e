#include "ranker/lookup.h"

enum { LOOKUP_SLOTS_PER_KEY = 4, POSITIONS_SLOTS_PER_KEY = 16 };

/* Binary logarithm of the number of homes for so many keys. */
static unsigned home_bits(size_t capacity, size_t homes_per_key)
{
    unsigned bits = 1;
    while (((size_t)1 << bits) < homes_per_key * capacity) {
        bits++;
    }
    return bits;
}

enum status lookup_init(struct lookup *lookup, struct arena *arena, size_t capacity)
{
    unsigned bits = home_bits(capacity, LOOKUP_SLOTS_PER_KEY);
    /* The key furthest from the last home has all others before it. */
    size_t slot_count = ((size_t)1 << bits) + capacity;
    lookup->shift = 64 - bits;
    lookup->slots = arena_new(arena, struct lookup_slot, slot_count);
    return lookup->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status positions_init(struct positions *positions, const uint64_t *keys, size_t count,
                           struct arena *arena)
{
    unsigned bits = home_bits(count, POSITIONS_SLOTS_PER_KEY);
    positions->keys = keys;
    positions->shift = 64 - bits;
    positions->slots = arena_new(arena, uint16_t, (size_t)1 << bits);
    return positions->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}
