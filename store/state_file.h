#ifndef STORE_STATE_FILE_H
#define STORE_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state_rows.h"
#include "ranker/status.h"
#include "store/environment.h"
#include "store/record.h"
#include "store/row_buffer.h"

/*
 * The state as of one sequence, in an LMDB environment of its own, so that writing it never stands
 * in the way of the log. Derived: it may be deleted while nobody has it open.
 *
 * On disk: DIR/state.mdb with databases
 *   "users", "videos", "statistics"   key: row number, 4 bytes native (MDB_INTEGERKEY), from 0
 *                                     without gaps; value: user_row.h, video_row.h,
 *                                     statistics_row.h
 *   "user_keys"                       key: row number / STATE_KEYS_PER_ROW; value:
 *                                     user_keys_row.h
 *   "statistics_keys"                 likewise; value: statistics_keys_row.h
 *   "watch"                           key: region code, likewise; value: watch_row.h
 *   "meta"                            key "mark": what the rows are, version 3, or 2 with keys of
 *                                     statistics of version 1; as in coder.h:
 *
 *   size     field
 *      5     header
 *      4     STATE_VERSION of the program that wrote it, or STATE_VERSION_BEFORE
 *      8     sequence
 *      8     record_hash
 *      8     newest_signal_ms
 *   3 x 8    rows of users, videos, statistics
 *
 * A commit writes rows and mark in one transaction. The holder of the log's lock may open it. One
 * thread at a time, but for state_file_read_user().
 */
struct state_file;

enum { STATE_FILE_ROW_COUNTS = 3 };

struct state_mark {
    uint64_t sequence;        /* of the last record that the rows contain; 0: the file is new */
    uint64_t record_hash;     /* tells that record from another log's */
    int64_t newest_signal_ms; /* state_newest_signal_ms() */
    uint64_t row_counts[STATE_FILE_ROW_COUNTS];
    bool before; /* the rows are of STATE_VERSION_BEFORE */
};

/* Of the record at sequence; 0 where nothing can be told: one that was erased could be any. */
uint64_t state_mark_hash(uint64_t sequence, const struct record *record);

/*
 * For those who read the file without LMDB. STATUS_CORRUPT: it fails validation; STATUS_INVALID: it
 * is of another version of file, or of state and not the one before, as problem says.
 */
enum { STATE_MARK_MAX = 64 };
MUST_USE enum status state_mark_decode(const uint8_t *bytes, size_t size, struct state_mark *out,
                                       struct problem *problem);

struct state_file_options {
    const char *directory;
    const char *name; /* in the directory, borrowed until the file is closed; NULL: state.mdb */
    size_t map_bytes; /* budget of the file */
    bool read_only;   /* nobody writes the file meanwhile */
    bool alone;       /* nobody reads it meanwhile */
    bool before;      /* it may be of STATE_VERSION_BEFORE: a snapshot, or a copy of the base */
};

/*
 * Opens or, unless read_only, makes the file in the directory. STATUS_CORRUPT: it is none of ours,
 * or damaged, or of another version of state or file; STATUS_NOT_FOUND: there is none to be read;
 * STATUS_NO_SPACE, STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status state_file_open(const struct state_file_options *options,
                                     struct state_file **out, struct problem *problem);
void state_file_close(struct state_file *file); /* NULL is allowed */

/*
 * LMDB trusts its pages: damaged ones may end the process. DIR/state.mdb.doubt is made when that
 * happens (fault.h), and when a user's row turns out to be damaged; a process that is killed leaves
 * none. STATUS_CORRUPT: it was there; it is no more.
 */
MUST_USE enum status state_file_check_doubt(const char *directory, struct problem *problem);

/* Renames the file of a directory to state.mdb.bad, over what is there of that name. */
MUST_USE enum status state_file_set_aside(const char *directory);

struct state_mark state_file_mark(const struct state_file *file);

/*
 * Puts all rows into a new state, with a thread for each processor, STATE_RESTORE_PARTS at
 * most; of users and statistics only the keys, and what scoring reads of statistics. STATUS_CORRUPT
 * names the row.
 */
MUST_USE enum status state_file_load(struct state_file *file, struct state *state,
                                     struct problem *problem);

/* As struct state_loader has them, from the last commit; context is the file. Any thread. */
MUST_USE enum status state_file_read_user(void *context, size_t row, struct arena *arena,
                                          struct user *out);
MUST_USE enum status state_file_read_statistics(void *context, size_t row, struct arena *arena,
                                                struct stats *out);

/*
 * Writes a compact copy of the last commit to out_fd. No transaction is open. STATUS_NO_SPACE,
 * STATUS_IO.
 */
MUST_USE enum status state_file_copy(struct state_file *file, int out_fd);

/*
 * What the last commit has of the users and videos with these keys, count of each kind at most:
 * visitors are called with rows that live until they return. Reads all keys and all videos, no
 * other users. STATUS_CORRUPT, STATUS_NO_MEMORY, STATUS_IO; a visitor's failure ends it.
 */
struct state_file_search {
    bool (*wants_user)(void *context, uint64_t user_key);
    bool (*wants_video)(void *context, uint64_t video_key);
    enum status (*user)(void *context, const struct user *user);
    enum status (*video)(void *context, const struct video_row *video);
    void *context;
};
MUST_USE enum status state_file_search(struct state_file *file,
                                       const struct state_file_search *search);

/* How many users wants_user says yes to. Reads all keys. STATUS_CORRUPT, STATUS_NO_MEMORY. */
MUST_USE enum status state_file_count_users(struct state_file *file,
                                            bool (*wants_user)(void *context, uint64_t user_key),
                                            void *context, uint64_t *count);

/*
 * Takes users out of a file that is the state of the past: in the place of each, the last user
 * gets its row. One transaction, synced. wants_user says which.
 */
MUST_USE enum status state_file_remove_users(struct state_file *file,
                                             bool (*wants_user)(void *context, uint64_t user_key),
                                             void *context);

/* For scrub.h. */
struct environment *state_file_environment(struct state_file *file);

/*
 * A transaction: begin, put any number of rows, each new or over an older one, then commit, which
 * syncs, or abort. All by one thread. After a failed put only abort may follow; a failed commit has
 * aborted. Until the commit the file is what it was.
 */
MUST_USE enum status state_file_begin(struct state_file *file);
MUST_USE enum status state_file_put(struct state_file *file, const struct encoded_row *row);
MUST_USE enum status state_file_commit(struct state_file *file, const struct state_mark *mark);
void state_file_abort(struct state_file *file);

#endif
