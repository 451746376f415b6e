#ifndef RANKER_BLOCK_H
#define RANKER_BLOCK_H

#include <stddef.h>

/*
 * Large blocks of memory that are read at random. With pages of 4 KiB nearly every such read misses
 * the TLB, so a block of at least BLOCK_HUGE bytes begins on a huge page and asks the kernel for
 * huge ones (madvise). That is a hint: refused, all works the same. Memory is the system's first
 * when a page of it is written, so what a block's end does not use costs nothing.
 */
enum { BLOCK_HUGE = 2 << 20 };

/* All zero. NULL when memory is short. */
void *block_new(size_t size);

/* size as it was asked for. NULL is allowed. */
void block_free(void *block, size_t size);

#endif
