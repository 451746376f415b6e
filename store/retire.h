#ifndef STORE_RETIRE_H
#define STORE_RETIRE_H

#include <stdint.h>

#include "ranker/status.h"
#include "store/store.h"

/*
 * Finds users, statistics and videos that nobody has touched for long, and writes to the log that
 * they are dropped, so that dropping them is a part of the state's history. Time is that of the
 * newest signal, whatever any clock says: importing an old log drops nothing that is new in it.
 */
struct retire;

/* 0: never. */
struct retire_bounds {
    int64_t user_ms;       /* from a user's last signal, to a day */
    int64_t statistics_ms; /* from the last signal of a video in a scope, to a day */
};

/* NULL when memory is short. Borrows store. */
struct retire *retire_new(struct store *store);
void retire_free(struct retire *retire); /* NULL is allowed */

/*
 * Looks at some rows of each table, going on where the last call stopped, and drops what is idle.
 * Readers and writers wait for a few thousand rows at most. Status as store_write().
 */
MUST_USE enum status retire_idle(struct retire *retire, const struct retire_bounds *bounds,
                                 int64_t now_ms);

#endif
