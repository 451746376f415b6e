#ifndef STORE_WINDOW_H
#define STORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/status.h"
#include "store/record.h"

/*
 * The event-id window: the keys of the last `length` signals of the log, in which a repeat is
 * recognised. A function of the log's tail. One thread at a time.
 *
 * Keys are added while a write is prepared, before anybody knows whether the log will take it:
 * added keys are pending, and recognised at once, until window_commit() or window_undo(). Only a
 * commit makes old keys leave, so an undone write leaves the window exactly as it was.
 */
struct window;

enum { WINDOW_LENGTH_MAX = 1 << 30 };

/* NULL when memory is short. Takes 28 to 40 bytes a key. length: 1 to WINDOW_LENGTH_MAX. */
struct window *window_new(size_t length);
void window_free(struct window *window);

/* Starts to fetch what window_contains() reads, to be called some keys ahead of it. */
void window_prefetch(const struct window *window, struct event_key key);

/* True for keys of the window and for pending ones. */
bool window_contains(const struct window *window, struct event_key key);

/*
 * Adds a pending key. One that is contained, which only a log written with a shorter window has,
 * counts from its newest place. STATUS_NO_MEMORY leaves the window as it was.
 */
MUST_USE enum status window_add(struct window *window, struct event_key key);

/* The pending keys become the newest; the oldest beyond length leave. */
void window_commit(struct window *window);

/* Takes back the pending keys, none of which may have been contained before it was added. */
void window_undo(struct window *window);

/* Lets go of a key; its place stays taken. */
void window_remove(struct window *window, struct event_key key);

/* Signals in the window, without pending ones. */
size_t window_count(const struct window *window);
size_t window_length(const struct window *window);

#endif
