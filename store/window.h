#ifndef STORE_WINDOW_H
#define STORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/status.h"
#include "store/record.h"

/*
 * The event-id window: the keys of the last `length` signals of the log, in which a repeat is
 * recognised. A function of the log's tail. One thread at a time.
 */
struct window;

/* NULL when memory is short. Takes about 48 bytes a key. length at least 1. */
struct window *window_new(size_t length);
void window_free(struct window *window);

bool window_contains(const struct window *window, struct event_key key);

/* Adds a key that is not contained; the oldest makes room. */
void window_add(struct window *window, struct event_key key);

/* Takes back the last count added, newest first, for a commit that failed. What they displaced is gone. */
void window_undo(struct window *window, size_t count);

size_t window_count(const struct window *window);
size_t window_length(const struct window *window);

#endif
