#ifndef RANKER_STATE_INTERNAL_H
#define RANKER_STATE_INTERNAL_H

#include "ranker/changes.h"
#include "ranker/scoped.h"
#include "ranker/state.h"
#include "ranker/state_rows.h"
#include "ranker/table.h"

/* What a state is made of, for the files that apply events to it and digest it. */

/*
 * A place in a table. What has not changed since it was saved may be *cold*: with the loader alone.
 */

/* Statistics of one video in one scope; the hash tells the video. */
struct scope_slot {
    uint64_t hash;       /* state_scope_hash() */
    struct stats *stats; /* owned; NULL: cold */
    uint32_t number;     /* of the row */
    uint32_t last_day;   /* of the newest tick, since 1970 */
    uint16_t code;
    uint8_t kind; /* enum scope_kind */
    bool used;    /* since eviction last came by */
    bool scoped;  /* has a row in the table of that name */
};

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
    struct table stats;    /* struct scope_slot */
    struct scoped_table scoped;
    struct scoped_table restored[STATE_RESTORE_PARTS]; /* empty once all is restored */
    struct watch watch;
    uint64_t live_videos; /* known and not deleted */
    uint64_t sequence;
    int64_t newest_signal_ms;
    struct effect last_effect; /* of the last signal */
    struct changes changes[STATE_TABLE_COUNT];
    state_visit *visit; /* NULL: changes are not noted */
    void *visit_context;
    struct state_loader loader; /* load_user NULL: nothing is cold */
    struct arena load_arena;    /* for the loader while an event is applied; owned */
    /* Of users and of statistics, by enum state_table. */
    struct warmth {
        size_t bytes;         /* of what is in memory */
        size_t cold_count;    /* of what is not */
        size_t next_eviction; /* the row where eviction goes on */
    } warmth[STATE_STATISTICS + 1];
};

/* The user of a slot: in memory, or loaded into arena. */
MUST_USE enum status state_read_slot(const struct state *state, const struct user_slot *slot,
                                     struct arena *arena, const struct user **out);

MUST_USE enum status state_read_scope(const struct state *state, const struct scope_slot *slot,
                                      struct arena *arena, const struct stats **out);

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

/* The video of a scope's hash: the same operation takes the scope out again. */
static inline uint64_t state_scope_video(const struct scope_slot *slot)
{
    return state_scope_hash(slot->hash, (enum scope_kind)slot->kind, slot->code);
}

static inline size_t state_stats_bytes(const struct stats *stats)
{
    return sizeof(*stats) + stats->bucket_capacity * sizeof(struct stats_bucket);
}

enum { SCOPES_MAX = 3 };

/* The scopes one signal counts in, and their statistics; the global one is first. */
struct scopes {
    unsigned count;
    uint8_t kinds[SCOPES_MAX]; /* enum scope_kind */
    uint16_t codes[SCOPES_MAX];
    struct scope_slot *slots[SCOPES_MAX];
};

static inline void state_add_scope(struct scopes *scopes, enum scope_kind kind, uint16_t code)
{
    scopes->kinds[scopes->count] = (uint8_t)kind;
    scopes->codes[scopes->count] = code;
    scopes->count++;
}

static inline struct scopes state_scopes_of(uint16_t region, uint16_t language)
{
    struct scopes scopes = {.count = 0};
    state_add_scope(&scopes, SCOPE_GLOBAL, 0);
    if (region != 0) {
        state_add_scope(&scopes, SCOPE_REGION, region);
    }
    if (language != 0) {
        state_add_scope(&scopes, SCOPE_LANGUAGE, language);
    }
    return scopes;
}

static inline uint64_t state_hash_of(const struct scopes *scopes, unsigned i, uint64_t video_key)
{
    return state_scope_hash(video_key, scopes->kinds[i], scopes->codes[i]);
}

/* The keys in this row of keys are about to change. */
MUST_USE static inline enum status state_touch_statistics_keys(struct state *state, size_t row)
{
    return state_touch(state, STATE_STATISTICS_KEYS, row / STATE_KEYS_PER_ROW);
}

/* The keys in this user's row of keys are about to change. */
MUST_USE static inline enum status state_touch_user_keys(struct state *state, size_t row)
{
    return state_touch(state, STATE_USER_KEYS, row / STATE_KEYS_PER_ROW);
}

/* Bring what is in a slot into memory, where it is not. */
MUST_USE enum status state_load_slot(struct state *state, struct user_slot *slot);
MUST_USE enum status state_load_scope(struct state *state, struct scope_slot *slot);

/* For a slot to own; NULL when memory is short. */
struct stats *state_copy_stats(const struct stats *stats);

/* Makes a video's counts what the statistics of its global scope say. */
static inline void state_decay_video(struct state *state, struct video *video,
                                     const struct stats *stats)
{
    struct stats_decayed decayed;
    stats_decay(stats, &decayed);
    videos_set_decayed(state->videos, video, &decayed);
}

/* NULL is allowed. */
void state_free_stats(struct stats *stats);

/* Applying what drops rows (state_remove.c). */
MUST_USE enum status state_remove_user(struct state *state, uint64_t user_key);
MUST_USE enum status state_apply_retirement(struct state *state, const struct retirement *retire);

#endif
