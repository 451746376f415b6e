#include "ranker/block.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* In front of an aligned block: what calloc() gave. */
static void **origin_of(void *block)
{
    return (void **)block - 1;
}

/*
 * calloc() rather than aligned_alloc() and memset(): it knows of memory that is new from the system
 * that it is zero, so threads that fill parts of a block share the work of clearing its pages.
 */
void *block_new(size_t size)
{
    if (size < BLOCK_HUGE) {
        return calloc(1, size);
    }
    if (size > SIZE_MAX - 2 * (size_t)BLOCK_HUGE) {
        return NULL;
    }
    char *memory = calloc(1, size + BLOCK_HUGE + sizeof(void *));
    if (memory == NULL) {
        return NULL;
    }
    size_t place = (size_t)(uintptr_t)memory + sizeof(void *);
    size_t skip = (BLOCK_HUGE - place % BLOCK_HUGE) % BLOCK_HUGE;
    void *block = memory + sizeof(void *) + skip;
    *origin_of(block) = memory;
    (void)madvise(block, size / BLOCK_HUGE * BLOCK_HUGE, MADV_HUGEPAGE);
    return block;
}

void block_free(void *block, size_t size)
{
    free(block != NULL && size >= BLOCK_HUGE ? *origin_of(block) : block);
}
