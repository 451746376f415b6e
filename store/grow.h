#ifndef STORE_GROW_H
#define STORE_GROW_H

#include <stddef.h>
#include <stdlib.h>

/*
 * Makes room for one more behind count items of size bytes each, from malloc or NULL. Returns where
 * they are now; NULL when memory is short, and they are where they were.
 */
static inline void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
    enum { FIRST_CAPACITY = 64 };
    if (count < *capacity) {
        return items;
    }
    size_t more = *capacity > 0 ? 2 * *capacity : FIRST_CAPACITY;
    void *moved = realloc(items, more * size);
    if (moved != NULL) {
        *capacity = more;
    }
    return moved;
}

#endif
