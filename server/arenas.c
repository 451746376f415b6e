#include "server/arenas.h"

#include <sys/mman.h>

#include "ranker/asan.h"
#include "ranker/check.h"

enum {
    HEADER_SIZE = 64,     /* of a block, before the arena's memory */
    IDLE_COUNT = 32,      /* blocks kept when free */
    IDLE_BYTES = 1 << 20, /* pages kept of each; a multiple of the page size */
};

/* At the start of its own mapping, whose size is arena_size. */
struct arenas_block {
    struct arena arena; /* first: a struct arena is turned back into its block */
    struct arenas_block *next;
    size_t held_bytes;
};

_Static_assert(sizeof(struct arenas_block) <= HEADER_SIZE, "the header holds a block");

void arenas_init(struct arenas *arenas, size_t arena_size, size_t count_max, size_t bytes_max)
{
    CHECK(arena_size > IDLE_BYTES);
    *arenas =
        (struct arenas){.arena_size = arena_size, .count_max = count_max, .bytes_max = bytes_max};
}

static struct arenas_block *block_map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    struct arenas_block *block = memory;
    arena_init(&block->arena, (char *)memory + HEADER_SIZE, size - HEADER_SIZE);
    return block;
}

static void block_unmap(struct arenas_block *block, size_t size)
{
    UNPOISON(block, size); /* the addresses may be mapped again for something else */
    int rc = munmap(block, size);
    CHECK(rc == 0);
}

void arenas_release(struct arenas *arenas)
{
    CHECK(arenas->count == 0);
    while (arenas->free != NULL) {
        struct arenas_block *block = arenas->free;
        arenas->free = block->next;
        block_unmap(block, arenas->arena_size);
    }
}

struct arena *arenas_take(struct arenas *arenas)
{
    if (arenas->count == arenas->count_max || arenas->held_bytes >= arenas->bytes_max) {
        return NULL;
    }
    struct arenas_block *block = arenas->free;
    if (block != NULL) {
        arenas->free = block->next;
        arenas->free_count--;
    } else {
        block = block_map(arenas->arena_size);
        if (block == NULL) {
            return NULL;
        }
    }
    arenas->count++;
    return &block->arena;
}

void arenas_hold(struct arenas *arenas, struct arena *arena)
{
    struct arenas_block *block = (struct arenas_block *)arena;
    arenas->held_bytes += arena->used - block->held_bytes;
    block->held_bytes = arena->used;
}

void arenas_give(struct arenas *arenas, struct arena *arena)
{
    if (arena == NULL) {
        return;
    }
    struct arenas_block *block = (struct arenas_block *)arena;
    arenas->count--;
    arenas->held_bytes -= block->held_bytes;
    block->held_bytes = 0;
    if (arenas->free_count == IDLE_COUNT) {
        block_unmap(block, arenas->arena_size);
        return;
    }
    if (arena->used + HEADER_SIZE > IDLE_BYTES) {
        /* Failure costs memory, nothing else. */
        (void)madvise((char *)block + IDLE_BYTES, arenas->arena_size - IDLE_BYTES, MADV_DONTNEED);
    }
    arena_reset(arena);
    block->next = arenas->free;
    arenas->free = block;
    arenas->free_count++;
}
