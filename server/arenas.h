#ifndef SERVER_ARENAS_H
#define SERVER_ARENAS_H

#include <stddef.h>

#include "ranker/arena.h"

/*
 * The memory of the calls of one worker: arenas of one size, whose pages are touched only as far as
 * a call uses them. The one given back last is taken first, so that hot pages stay hot; idle arenas
 * keep few pages. One thread.
 */
struct arenas {
    size_t arena_size;
    size_t count_max;
    size_t bytes_max;
    size_t count;      /* taken */
    size_t held_bytes; /* in arenas that arenas_hold() was told of */
    size_t free_count;
    struct arenas_block *free;
};

/*
 * At most count_max arenas are out at a time; none is given while those that are held use bytes_max
 * or more. Nothing is allocated yet.
 */
void arenas_init(struct arenas *arenas, size_t arena_size, size_t count_max, size_t bytes_max);

/* Every arena must have been given back. */
void arenas_release(struct arenas *arenas);

/* An empty arena, or NULL when a bound is reached or the system has no memory. */
struct arena *arenas_take(struct arenas *arenas);

/* Counts what arena uses now against bytes_max, until it is given back: for calls that wait. */
void arenas_hold(struct arenas *arenas, struct arena *arena);

/* NULL is allowed. */
void arenas_give(struct arenas *arenas, struct arena *arena);

#endif
