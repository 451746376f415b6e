#ifndef REPLAY_JOIN_H
#define REPLAY_JOIN_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"
#include "replay/outcome.h"
#include "replay/timeline.h"

/*
 * Joins what users did to the rankings that made them do it. A signal that names a ranking
 * (Signal.ranking_id) belongs to that one alone; one that names none belongs to the user's latest
 * ranking, of JOIN_LOOK_BACK, that has the video among its candidates. Neither if it comes more
 * than `window_ms` after the ranking. A ranking is told, with all its outcomes, when the log has
 * come that far past it, in the order in which they were added.
 *
 * Memory is bounded: beyond JOIN_BYTES of rankings that wait, the oldest are told early.
 */
struct join;

enum { JOIN_BYTES = 256 << 20, JOIN_LOOK_BACK = 256 };

/* All of it lives for the call. */
struct joined {
    int64_t time_ms;
    uint64_t user_key;
    uint64_t ranking_key;
    size_t count;                   /* of candidates */
    const uint64_t *keys;           /* of their videos */
    const struct outcome *outcomes; /* by candidate */
    void *payload;                  /* what the caller gave along */
};

struct join_options {
    int64_t window_ms;
    size_t bytes; /* JOIN_BYTES but in tests */
    /* Any return but STATUS_OK ends the join with it. */
    enum status (*joined)(void *context, const struct joined *joined, const struct state *state);
    void *context;
};

struct join_counts {
    uint64_t by_ranking_id; /* signals that named a ranking that was there */
    uint64_t by_window;     /* signals that named none, but whose user and video were there */
    uint64_t told_early;    /* rankings, for want of memory */
};

/* NULL when memory is short. options are copied. */
struct join *join_new(const struct join_options *options);
void join_free(struct join *join);

/*
 * A ranking to wait for, with payload_size bytes for the caller to fill, aligned for any object;
 * *payload lives until it was told. Where the ranking knows its outcomes, it waits for none: the
 * next join_time() tells it after those before it. STATUS_NO_MEMORY.
 */
MUST_USE enum status join_add(struct join *join, const struct past_ranking *ranking,
                              size_t payload_size, void **payload);

/* A signal, and the duration that the catalogue has of its video; 0: unknown. */
void join_signal(struct join *join, const struct signal *signal, int64_t duration_ms);

/* The log has come to that time: tells what has waited for long enough. Status as of joined(). */
MUST_USE enum status join_time(struct join *join, int64_t time_ms, const struct state *state);

/* Both, in the order of a log: its time comes, then the signal. Status as of join_time(). */
MUST_USE enum status join_follow(struct join *join, const struct signal *signal,
                                 int64_t duration_ms, const struct state *state);

/* Tells all that still wait. */
MUST_USE enum status join_end(struct join *join, const struct state *state);

const struct join_counts *join_counts(const struct join *join);

#endif
