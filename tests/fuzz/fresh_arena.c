#include "tests/fuzz/fresh_arena.h"

#include <stddef.h>

enum { ARENA_BYTES = 4 << 20 };

/* Made once: to poison all of it takes longer than most inputs. */
struct arena *fresh_arena(void)
{
    static char memory[ARENA_BYTES];
    static struct arena arena;
    if (arena.base == NULL) {
        arena_init(&arena, memory, sizeof(memory));
    }
    arena_reset(&arena);
    return &arena;
}
