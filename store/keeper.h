#ifndef STORE_KEEPER_H
#define STORE_KEEPER_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/journal.h"
#include "store/store.h"

/*
 * Keeps a store within its bounds: removes old records of the log, drops users, statistics and
 * videos that have been idle, and erases what is left of forgotten users. All of it in small steps,
 * so that nobody who writes or reads waits longer than for one of them.
 *
 * The log is removed up to a snapshot, so that the state can be derived from what is kept. A
 * snapshot is made whenever half of what is kept has come since the last one; so between half and
 * all of it is there. After a burst there may be no snapshot in time; then records go for which a
 * later one stands. Before that the videos of the catalogue that were last written in what goes
 * are written again. The signals in which repeats are recognised always stay.
 */
struct keeper;

/* 0: without bound. */
struct keeper_options {
    struct store *store; /* outlives the keeper */
    const char *directory;
    struct journal
        *journal;       /* outlives the keeper; NULL: nobody has the directory's journal open */
    size_t map_bytes;   /* budget of a snapshot */
    uint64_t log_bytes; /* of the log's records */
    int64_t log_ms;     /* since a record was appended */
    /* How long before the newest signal the last one of a user or a video may be. */
    int64_t user_ms;
    int64_t statistics_ms;
    int64_t tombstone_ms; /* since a user was forgotten */
    /* One line about what could not be done, and will be tried again; may be NULL. */
    void (*warn)(void *context, const char *text);
    void *warn_context;
};

/* STATUS_NO_MEMORY. */
MUST_USE enum status keeper_new(const struct keeper_options *options, struct keeper **out);

/* Begins to work in a thread of its own. STATUS_IO: there is none. */
MUST_USE enum status keeper_start(struct keeper *keeper);

/*
 * Stops the thread, if there is one, within one step; what waits for keeper_when_erased() is told
 * STATUS_UNAVAILABLE. Pending erasures go on when a keeper works on the store again.
 */
void keeper_stop(struct keeper *keeper);

/* Stops first. NULL is allowed. */
void keeper_free(struct keeper *keeper);

/* One round of everything, by the caller, while no thread works. now_ms is the wall clock. */
void keeper_work(struct keeper *keeper, int64_t now_ms);

/* Erases what is left of all users that are forgotten by now, by the caller; no thread works. */
MUST_USE enum status keeper_erase(struct keeper *keeper, struct problem *problem);

/*
 * Calls done, from the keeper's thread, once nothing is left of the users whose EVENT_FORGET is in
 * the log by now; or at once, with STATUS_UNAVAILABLE, if no thread works or there is no memory to
 * wait with. Any thread.
 */
void keeper_when_erased(struct keeper *keeper, void (*done)(void *context, enum status status),
                        void *context);

/* Users who wait to be erased. Any thread. */
uint64_t keeper_pending(struct keeper *keeper);

#endif
