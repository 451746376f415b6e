#include "ranker/lookup.h"

enum status lookup_init(struct lookup *lookup, struct arena *arena, size_t capacity)
{
    unsigned bits = 1;
    while (((size_t)1 << bits) < 4 * capacity) {
        bits++;
    }
    /* The key furthest from the last home has all others before it. */
    size_t slot_count = ((size_t)1 << bits) + capacity;
    lookup->shift = 64 - bits;
    lookup->reach = 0;
    lookup->slots = arena_new(arena, struct lookup_slot, slot_count);
    return lookup->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}
