#ifndef RANKER_STATE_H
#define RANKER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/effect.h"
#include "ranker/limits.h"
#include "ranker/signal.h"
#include "ranker/status.h"
#include "ranker/user.h"
#include "ranker/video.h"
#include "ranker/watch.h"

/*
 * Everything ranking knows, as a function of the log: apply the same entries in the same order to
 * an empty state and the bytes are the same. Holds no clock, no I/O and no lock; its owner lets one
 * thread write at a time, and readers in only between writes.
 */
struct state;

enum event_kind {
    EVENT_SIGNAL = 1,
    EVENT_VIDEO = 2,
    EVENT_VIDEO_DELETED = 3,
    EVENT_FORGET = 4, /* a user asked for it */
    EVENT_RETIRE = 5, /* rows that have been idle for long */
    EVENT_ERASED = 6, /* stands where a forgotten user's signal stood */
    EVENT_KIND_END
};

/* Scope of a video's statistics. */
enum scope_kind { SCOPE_GLOBAL = 0, SCOPE_REGION = 1, SCOPE_LANGUAGE = 2, SCOPE_KIND_END };

struct retired_statistics {
    uint64_t video_key;
    uint16_t code;
    uint8_t kind; /* enum scope_kind */
};

/* Rows to be dropped. Those that are not there are passed over, as are videos of the catalogue. */
struct retirement {
    uint8_t user_count;
    uint8_t statistics_count;
    uint8_t video_count;
    uint64_t user_keys[LIMIT_RETIRED];
    struct retired_statistics statistics[LIMIT_RETIRED];
    uint64_t video_keys[LIMIT_RETIRED];
};

struct forgetting {
    uint64_t user_key;
    int64_t time_ms;
};

/* One decoded entry of the log. */
struct event {
    enum event_kind kind;
    union {
        struct signal signal;
        struct video_facts video;
        uint64_t deleted_video_key;
        struct forgetting forget;
        struct retirement retire;
        struct effect erased;
    } u;
};

/* NULL when memory is short. */
struct state *state_new(void);
void state_free(struct state *state);

/*
 * Applies the entry at sequence, which must be above state_sequence(). Fails for want of memory, or
 * when a user cannot be loaded; after that the state must be rebuilt.
 */
MUST_USE enum status state_apply(struct state *state, uint64_t sequence, const struct event *event);

/*
 * Loads into arena what applying the event will have to load, and forgets it: then it is near. Does
 * nothing where all is in memory; what fails fails again when the event is applied.
 */
void state_warm(const struct state *state, const struct event *event, struct arena *arena);

/*
 * Every place an event touches is far away in memory, and each is known only when the one before
 * has arrived. Called for an event some time before it is applied, step by step with other events
 * in between, this makes the waits overlap. It changes nothing.
 */
enum state_prefetch_step {
    STATE_PREFETCH_INDEX,
    STATE_PREFETCH_ROWS,
    STATE_PREFETCH_PARTS,
    STATE_PREFETCH_LISTS
};
void state_prefetch(const struct state *state, const struct event *event,
                    enum state_prefetch_step step);

/*
 * Called before event `at` of count that are applied in turn: takes the steps that are due for
 * those behind it.
 */
void state_prefetch_ahead(const struct state *state, const struct event *const *events,
                          size_t count, size_t at);

/* Sequence of the last entry applied; 0 at first. */
uint64_t state_sequence(const struct state *state);

/*
 * Latest time of any signal applied, whatever any clock says, rounded down to a tick of stats.h,
 * since that much stays of a signal that is erased; 0 before the first.
 */
int64_t state_newest_signal_ms(const struct state *state);

/* What the signal that was applied last added to the aggregates. */
const struct effect *state_last_effect(const struct state *state);

const struct videos *state_videos(const struct state *state);
const struct watch *state_watch(const struct state *state);

/*
 * *out is NULL when nothing is known of the user. A user that is not in memory is loaded into
 * arena: STATUS_NO_MEMORY when it does not fit, or as the loader says (state_rows.h).
 */
MUST_USE enum status state_find_user(const struct state *state, uint64_t user_key,
                                     struct arena *arena, const struct user **out);

/*
 * Statistics of a video in a scope (code 0 for global); *out is NULL when there are none. Loaded
 * into arena like a user.
 */
MUST_USE enum status state_find_stats(const struct state *state, uint64_t video_key,
                                      enum scope_kind kind, uint16_t code, struct arena *arena,
                                      const struct stats **out);
bool state_has_stats(const struct state *state, uint64_t video_key, enum scope_kind kind,
                     uint16_t code);

struct state_counts {
    uint64_t videos; /* known and not deleted */
    uint64_t users;
    uint64_t statistics; /* (video, scope) pairs */
    /* Memory of those users and statistics that are in memory. */
    uint64_t user_bytes;
    uint64_t statistics_bytes;
    uint64_t scoped; /* of statistics, those that have a row of scoped.h */
    uint64_t scoped_bytes;
};
void state_count(const struct state *state, struct state_counts *out);

struct state_digests {
    uint64_t all; /* users, videos, statistics, watch times, newest signal, sequence */
    /* Statistics, watch times and newest signal alone: the same for any order across users. */
    uint64_t aggregates;
    /* Users alone: the same wherever each user's own order is, and their videos are known alike. */
    uint64_t users;
};

/*
 * Digests do not depend on addresses or on the order inside tables. Takes time: reads everything,
 * also the users that are not in memory, which may fail as their loader says.
 */
MUST_USE enum status state_digest(const struct state *state, struct state_digests *out);

#endif
