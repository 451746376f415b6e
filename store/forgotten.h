#ifndef STORE_FORGOTTEN_H
#define STORE_FORGOTTEN_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/tombstone.h"

/* The tombstones of a log, in memory. All zero is an empty list. */
struct forgotten {
    struct tombstone *items; /* owned */
    size_t count;
    size_t capacity;
};

void forgotten_release(struct forgotten *forgotten);

/* STATUS_NO_MEMORY changes nothing. */
MUST_USE enum status forgotten_add(struct forgotten *forgotten, const struct tombstone *tombstone);

/* By user key, as forgotten_find() needs them. */
void forgotten_sort(struct forgotten *forgotten);

/* Of several tombstones of a user only the one with the latest time stays; sorts. */
void forgotten_keep_latest(struct forgotten *forgotten);

/* NULL: there is none. */
const struct tombstone *forgotten_find(const struct forgotten *forgotten, uint64_t user_key);

/*
 * Adds those of the log in a directory that nobody writes, without LMDB (pages.h), and sorts all.
 * STATUS_CORRUPT: the log or its list is damaged, or of a newer format; STATUS_NOT_FOUND: there is
 * no log; STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status forgotten_read(const char *directory, struct forgotten *forgotten,
                                    struct problem *problem);

#endif
