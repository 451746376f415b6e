#ifndef RANKER_STATE_INTERNAL_H
#define RANKER_STATE_INTERNAL_H

#include "ranker/changes.h"
#include "ranker/state.h"
#include "ranker/state_rows.h"
#include "ranker/table.h"

/* What a state is made of, for the files that apply events to it and digest it. */

/* Statistics of one video in one scope. */
struct scoped_stats {
    uint64_t hash; /* of video, kind and code */
    uint64_t video_key;
    uint32_t number; /* of the row */
    uint16_t code;
    uint8_t kind; /* enum scope_kind */
    struct stats stats;
};

/*
 * A user's place in the table. Cold users, whose row has not changed since it was saved, may be
 * with the loader alone.
 */
struct user_slot {
    uint64_t key;
    struct user *user; /* owned; NULL: cold */
    uint32_t number;   /* of the row */
    uint32_t last_day; /* of the last signal, since 1970 */
    bool used;         /* since eviction last came by */
};

struct state {
    struct videos *videos; /* owned */
    struct table users;    /* struct user_slot */
    struct table stats;    /* struct scoped_stats */
    struct watch watch;
    uint64_t live_videos; /* known and not deleted */
    uint64_t sequence;
    int64_t newest_signal_ms;
    struct effect last_effect; /* of the last signal */
    struct changes changes[STATE_TABLE_COUNT];
    state_visit *visit; /* NULL: changes are not noted */
    void *visit_context;
    state_load_user *load_user; /* NULL: there are no cold users */
    void *load_context;
    struct arena load_arena; /* for load_user while an event is applied; owned */
    size_t user_bytes;       /* of users in memory */
    size_t cold_count;       /* of those that are not */
    size_t next_eviction;    /* the row where eviction goes on */
};

/* A cold slot gets a copy of its user; STATUS_NO_MEMORY leaves it without. */
MUST_USE enum status state_put_user(struct state *state, struct user_slot *slot,
                                    const struct user *user);

/* The user of a slot: in memory, or loaded into arena. */
MUST_USE enum status state_read_slot(const struct state *state, const struct user_slot *slot,
                                     struct arena *arena, const struct user **out);

/* Called before a row changes, or when it is new. */
MUST_USE enum status state_touch(struct state *state, enum state_table table, size_t row);

/*
 * One number for (video, scope): different scopes of a video never meet, since multiplying by an
 * odd constant is a bijection, and those of two videos meet no more often than any two hashes.
 */
static inline uint64_t state_scope_hash(uint64_t video_key, enum scope_kind kind, uint16_t code)
{
    uint64_t scope = (uint64_t)kind << 16 | code;
    return video_key ^ (scope * UINT64_C(0x9fb21c651e98df25));
}

#endif
