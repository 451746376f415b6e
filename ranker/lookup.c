#include "ranker/lookup.h"

/* Binary logarithm of a number of slots that capacity keys fill to a sixteenth at most. */
static unsigned slot_bits(size_t capacity)
{
    unsigned bits = 1;
    while (((size_t)1 << bits) < 16 * capacity) {
        bits++;
    }
    return bits;
}

enum status positions_init(struct positions *positions, const uint64_t *keys, size_t count,
                           struct arena *arena)
{
    unsigned bits = slot_bits(count);
    positions->keys = keys;
    positions->shift = 64 - bits;
    positions->slots = arena_new(arena, uint16_t, (size_t)1 << bits);
    return positions->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}
