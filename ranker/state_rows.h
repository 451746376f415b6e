#ifndef RANKER_STATE_ROWS_H
#define RANKER_STATE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/state.h"

/*
 * The state as rows, for those who save it and put it back. Rows of users, videos and statistics
 * are numbered from 0 without gaps, in order of arrival; where one goes, the last one takes its
 * number. Those of watch times are numbered by region code, 0 for all regions together. The keys of
 * users are rows of their own, STATE_KEYS_PER_ROW each, since they stay in memory when users do
 * not.
 *
 * What is saved belongs to one sequence although the state goes on: state_mark() says "as of now",
 * state_save() hands out the rows that changed since the last mark some at a time, and
 * state_apply() hands out a row that still waits before it changes it.
 */
enum state_table {
    STATE_USERS,
    STATE_VIDEOS,
    STATE_STATISTICS,
    STATE_USER_KEYS,
    STATE_STATISTICS_KEYS,
    STATE_WATCH,
    STATE_TABLE_COUNT
};

enum { STATE_KEYS_PER_ROW = 128 };

/* How many rows of keys so many users or statistics have. */
static inline uint64_t state_key_rows(uint64_t count)
{
    return (count + STATE_KEYS_PER_ROW - 1) / STATE_KEYS_PER_ROW;
}

/* How many of their keys are in one of these rows: 0 past the last. */
static inline size_t state_keys_in_row(uint64_t count, uint64_t row)
{
    uint64_t first = row * STATE_KEYS_PER_ROW;
    uint64_t left = first < count ? count - first : 0;
    return left < STATE_KEYS_PER_ROW ? (size_t)left : STATE_KEYS_PER_ROW;
}

/*
 * Raise it whenever the same log gives another state than before: saved states of other versions
 * are then not read but derived again.
 */
enum { STATE_VERSION = 3 };

/*
 * The version before, in which videos had no embeddings. Its rows are still read where nothing else
 * stands for the beginning of the log; the catalogue's videos are all in the log behind that.
 */
enum { STATE_VERSION_BEFORE = 2 };

/* The row is as it was at the mark; to be read before the call returns. */
typedef void state_visit(void *context, enum state_table table, size_t row);

/*
 * From now on changes are noted, which takes 2 bits a row. visit is called within state_apply() and
 * state_save(). The rows that are there count as unchanged. STATUS_NO_MEMORY changes nothing.
 */
MUST_USE enum status state_track(struct state *state, state_visit *visit, void *context);

/* Rows that changed since the last mark now wait to be visited as they are now. */
void state_mark(struct state *state);

/* Visits up to count waiting rows. False when none was left. */
bool state_save(struct state *state, size_t count);

/*
 * What was handed out since the mark is lost: every row that is in memory counts as changed, and
 * none waits. What is not in memory is where the loader finds it still.
 */
void state_unmark(struct state *state);

/*
 * Load the user or the statistics of a row that was saved and has not changed since. Lists lie in
 * arena: STATUS_NO_MEMORY when that is too small; STATUS_CORRUPT, STATUS_IO. Any thread that reads
 * the state or applies to it.
 */
typedef enum status state_load_user(void *context, size_t row, struct arena *arena,
                                    struct user *out);
typedef enum status state_load_statistics(void *context, size_t row, struct arena *arena,
                                          struct stats *out);

struct state_loader {
    state_load_user *load_user;
    state_load_statistics *load_statistics;
    void *context;
};

/*
 * Users and statistics may leave memory from now on; the loader brings them back. An arena of
 * STATE_LOAD_BYTES is always large enough for one.
 */
enum { STATE_LOAD_BYTES = 1 << 16 };
MUST_USE enum status state_set_loader(struct state *state, const struct state_loader *loader);

/*
 * Looks at up to count users or statistics, going round, and drops from memory those that have not
 * changed since the last mark and that no event has touched since the last time round, until those
 * that stay take at most target_bytes. Everything that was marked is saved, and the loader finds
 * it. False when the target is reached.
 */
bool state_evict(struct state *state, enum state_table table, size_t count, size_t target_bytes);

/*
 * Whether a row of users or statistics is not in memory, and the newest signals are at most two
 * days newer than its last: it will be asked for.
 */
bool state_is_missed(const struct state *state, enum state_table table, size_t row);

/*
 * A row that is missed, brought into memory in two steps, so that nobody waits while it is read and
 * copied: state_fetch() reads the state; state_bring_back() changes it, which takes no longer than
 * a look-up. In between no row may leave memory: one that is still missed is as it was then.
 */
struct state_fetched {
    enum state_table table;
    size_t row;    /* at that time */
    uint64_t hash; /* of the row in its table */
    union {
        struct user *user; /* of user_copy(); owned */
        struct stats *stats;
    } copy;
};

/* Status as the loader's, which uses arena; STATUS_NO_MEMORY. */
MUST_USE enum status state_fetch(const struct state *state, enum state_table table, size_t row,
                                 struct arena *arena, struct state_fetched *out);

/* Takes what was fetched: frees it if the row has come into memory, or has gone. */
void state_bring_back(struct state *state, const struct state_fetched *fetched);

/* Numbers are below these counts, or are region codes of watch times that are there. */
size_t state_row_count(const struct state *state, enum state_table table);

/* A user that is in memory, as every user is that waits or is visited. */
const struct user *state_user_at(const struct state *state, size_t row);

/* Any user, loaded into arena where it must be. */
MUST_USE enum status state_read_user(const struct state *state, size_t row, struct arena *arena,
                                     const struct user **out);

/* What is known of a user without loading it. */
struct user_key_entry {
    uint64_t key;
    uint32_t last_day; /* of the last signal, since 1970; later ones are cut */
};
static inline uint32_t state_day_of(int64_t time_ms)
{
    enum { DAY_MS = 86400000 };
    return time_ms > 0 ? (uint32_t)(time_ms / DAY_MS) : 0;
}
struct user_key_entry state_user_key_at(const struct state *state, size_t row);

struct statistics_key_entry {
    uint64_t video_key;
    uint32_t last_day; /* of the newest tick, since 1970 */
    uint16_t code;
    uint8_t kind; /* enum scope_kind */
    bool scoped;  /* has a row of scoped.h, for which the statistics are read at a start */
};
struct statistics_key_entry state_statistics_key_at(const struct state *state, size_t row);

/* Adds a copy of a user who is not there yet. Not while changes are noted. */
MUST_USE enum status state_add_user(struct state *state, const struct user *user);

/* What a row of videos holds, but for what its statistics say. */
struct video_row {
    struct video_facts facts; /* only the key counts unless known; keys of categories and tags
                                 have 32 bits; content_hash is 0 once deleted */
    uint64_t log_sequence;
    bool known;
    bool deleted;
};
void state_video_at(const struct state *state, size_t row, struct video_row *out);

struct statistics_row {
    uint64_t video_key;
    enum scope_kind kind;
    uint16_t code;
    const struct stats *stats; /* borrowed */
};
/* Statistics that are in memory, as all are that wait or are visited. */
void state_statistics_at(const struct state *state, size_t row, struct statistics_row *out);

/* Any statistics, loaded into arena where they must be. */
MUST_USE enum status state_read_statistics(const struct state *state, size_t row,
                                           struct arena *arena, struct statistics_row *out);

/* DURATION_BUCKET_COUNT of them, borrowed. */
const struct watch_histogram *state_watch_at(const struct state *state, size_t row);

/*
 * Putting rows back into a new state: first state_restore_begin() for users and for statistics,
 * which makes room for rows 0 to row_count - 1; then every row, copied; then state_restore_end().
 * Videos and watch times come in any number from one thread, videos in order of their numbers.
 * Users and statistics may come from several threads at once, each its own rows; statistics after
 * all videos. STATUS_CORRUPT: a row is there twice or not at all, or is of a video that is not
 * there. After a failure the state is good for nothing but state_free().
 */
MUST_USE enum status state_restore_begin(struct state *state, enum state_table table,
                                         size_t row_count);
MUST_USE enum status state_restore_user(struct state *state, size_t row, const struct user *user);

/* Instead of the user: it stays with the loader until it is asked for. */
void state_restore_user_key(struct state *state, size_t row, struct user_key_entry entry);
MUST_USE enum status state_restore_video(struct state *state, const struct video_row *row);
MUST_USE enum status state_restore_statistics(struct state *state, size_t row,
                                              const struct statistics_row *from);

/* Instead of statistics: they stay with the loader until they are asked for. */
void state_restore_statistics_key(struct state *state, size_t row,
                                  struct statistics_key_entry entry);

/*
 * Of statistics that stay with the loader: what scoring reads of them, up to STATE_RESTORE_MAX at a
 * time, since far memory is asked for ahead; after all videos. Threads that do so at once each name
 * a part of their own, below STATE_RESTORE_PARTS. STATUS_CORRUPT: global ones of a video that is
 * not there.
 */
enum { STATE_RESTORE_MAX = 32, STATE_RESTORE_PARTS = 8 };
MUST_USE enum status state_restore_decayed(struct state *state, unsigned part,
                                           const struct statistics_row *rows, size_t count);
MUST_USE enum status state_restore_watch(struct state *state, uint16_t region,
                                         const struct watch_histogram *histograms);
MUST_USE enum status state_restore_end(struct state *state, uint64_t sequence,
                                       int64_t newest_signal_ms);

/*
 * Or state_restore_end() in steps, of which the second may be shared: says how many rows are to be
 * indexed; indexes rows first to end - 1 of those, by several threads at once, each its own; ends
 * when all are. Status as of state_restore_end().
 */
MUST_USE enum status state_restore_index_begin(struct state *state, size_t *row_count);
MUST_USE enum status state_restore_index_rows(struct state *state, size_t first, size_t end);
void state_restore_indexed(struct state *state, uint64_t sequence, int64_t newest_signal_ms);

#endif
