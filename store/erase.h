#ifndef STORE_ERASE_H
#define STORE_ERASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/log.h"

/*
 * Takes forgotten users out of the log and of the snapshots. In the place of each signal the log
 * gets what the signal had added to the statistics, which follows from the user's own signals and
 * from what the catalogue said of their videos: the base (snapshots.h) and the log are read twice,
 * and a state of those users and videos alone is derived by the same code as everything else.
 *
 * A user's signals are replaced from the last to the first, so after a crash those that are left
 * still follow from what is left. Snapshots come after the log, which needs them.
 */
struct erase_options {
    struct log *log;
    const char *directory;
    size_t map_bytes; /* budget of a snapshot */
    /* Called every few thousand records; false to stop. May be NULL. */
    bool (*go_on)(void *context, uint64_t done, uint64_t total);
    /* Called with the event key of each signal that is erased. May be NULL. */
    void (*erased)(void *context, struct event_key key);
    void *context;
};

/* At most so many users at once: what their signals added is in memory meanwhile. */
enum { ERASE_USERS_MAX = 512 };

/* The tombstones that are dealt with, as they were and with what was erased now. */
struct erased_users {
    struct tombstone *tombstones; /* owned by the caller: free() */
    size_t count;
};

/*
 * Deals with pending tombstones of which the record is in the log; none: *out is empty. They stay
 * pending: the caller knows when nothing else is left of the users. STATUS_UNAVAILABLE: told to
 * stop; STATUS_CORRUPT, STATUS_NO_SPACE, STATUS_NO_MEMORY, STATUS_IO. After a failure some of it
 * may be done; the next call does the rest.
 */
MUST_USE enum status erase_pending(const struct erase_options *options, struct erased_users *out,
                                   struct problem *problem);

#endif
