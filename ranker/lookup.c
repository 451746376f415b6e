#include "ranker/lookup.h"

enum status lookup_init(struct lookup *lookup, struct arena *arena, size_t capacity)
{
    unsigned bits = 1;
    while (((size_t)1 << bits) < 2 * capacity) {
        bits++;
    }
    lookup->shift = 64 - bits;
    lookup->slots = arena_new(arena, struct lookup_slot, (size_t)1 << bits);
    return lookup->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}
