#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/record.h"
#include "store/scrub.h"
#include "store/tombstone.h"

/*
 * The log: records under rising sequence numbers from 1, without gaps, in LMDB. The truth from
 * which everything else can be rebuilt, as long as nothing was removed. This interface is narrow on
 * purpose: append, poll from a sequence, bounds; a replicated log can stand behind it.
 *
 * On disk: DIR/data.mdb with databases
 *   "log"        key: sequence, 8 bytes native (MDB_INTEGERKEY); value: a record (record.h)
 *   "forgotten"  key: a user's key, 8 bytes native (MDB_INTEGERKEY); value: a tombstone
 *                (tombstone.h). Since format 2; of version 2 since format 3
 *   "weights", "weights_files"   every version of the weights that was in force
 *                (weights_history.h). Made by the first; programs that do not know them leave them
 *   "meta"       key "format": 4 bytes little-endian, FORMAT_VERSION
 * and DIR/lock, under an open-file-description lock (fcntl(2), F_OFD_SETLK) of the process that has
 * the log open; it contains the address of the server, if a server holds it. Unlike flock(2) such a
 * lock can be asked about without taking it.
 *
 * A log of an older format gets this one when it is opened; older programs then refuse it. The
 * first record of a log of format 1 is 1. Later, records are removed from the beginning
 * (log_trim()), and what is left of forgotten users is replaced in place (log_replace()).
 *
 * Threads: one appender at a time; readers anywhere. Those who remove records may be other threads:
 * LMDB lets one write after the other.
 */
struct log;

enum { LOG_FORMAT_VERSION = 3 };

struct log_options {
    const char *path; /* a directory; made if absent, its parent must exist */
    size_t map_bytes; /* budget of the file; beyond it appends give STATUS_NO_SPACE */
    /* After each commit of appended records, by the appender: how long it took, with the wait for
     * the disk. May be NULL. */
    void (*synced)(void *context, uint64_t duration_ns);
    void *synced_context;
};

/*
 * STATUS_UNAVAILABLE: another process holds the directory (problem names its address if it has
 * one); STATUS_CORRUPT: not a log, or of a newer format; STATUS_IO: the system refuses. problem
 * says which.
 */
MUST_USE enum status log_open(const struct log_options *options, struct log **out,
                              struct problem *problem);
void log_close(struct log *log);

/* Writes HOST:PORT into DIR/lock for commands that find the directory in use. */
MUST_USE enum status log_announce(struct log *log, const char *address);

/*
 * Reads what log_announce() wrote into address[0..size), without opening the log. STATUS_NOT_FOUND
 * if nobody holds DIR, STATUS_UNAVAILABLE if the holder announced nothing, STATUS_CORRUPT if what
 * stands there is no address or longer than size - 1.
 */
MUST_USE enum status log_find_server(const char *path, char *address, size_t size);

/*
 * Holds the directory as log_open() does, without opening the log: nobody opens it until *lock_fd
 * is closed. STATUS_UNAVAILABLE: another process holds it, as problem says; STATUS_IO.
 */
MUST_USE enum status log_hold(const char *path, int *lock_fd, struct problem *problem);

/*
 * Writes a consistent, compact copy of the data file of the log in directory path to out_fd. Other
 * processes may hold the log and append meanwhile; this one must not. STATUS_NOT_FOUND: there is no
 * log; STATUS_CORRUPT: it is of a newer format, or none of ours; STATUS_NO_SPACE, STATUS_IO.
 */
MUST_USE enum status log_copy(const char *path, int out_fd, struct problem *problem);

/*
 * Appends count records, at least one, in one transaction and syncs once. On STATUS_OK they are on
 * disk, the first under *first; on anything else none is, and a later append may succeed.
 *
 * STATUS_NO_SPACE already when all that is left of the budget is a reserve (a sixteenth of it, at
 * most 1,024 pages): removing and replacing records takes pages too, before it gives any back.
 * Where records are to be removed, such an append removes some before it is refused.
 *
 * A record of kind EVENT_FORGET puts the user's tombstone in the same transaction: pending, with
 * the record's time and sequence, and as much erased as an older one counted.
 */
MUST_USE enum status log_append(struct log *log, const struct record *records, size_t count,
                                uint64_t *first);

/*
 * First and last sequence held; first > last when empty. The first rises while records are removed.
 */
void log_bounds(struct log *log, uint64_t *first, uint64_t *last);

/* Returns false to stop. record and its payload are borrowed for the call. */
typedef bool log_visit(void *context, uint64_t sequence, const struct record *record);

/*
 * Visits records from sequence on (0: from the first one held), in order, until the end or until
 * visit returns false. Holds one read transaction, which keeps freed pages alive: visitors should
 * be quick. What is removed or replaced meanwhile is visited as it was. STATUS_NOT_FOUND, before
 * any visit, when that record has been removed; problem names the first one held. STATUS_CORRUPT at
 * the first record that fails validation or a gap, with its sequence in problem.
 */
MUST_USE enum status log_poll(struct log *log, uint64_t from, log_visit *visit, void *context,
                              struct problem *problem);

/*
 * STATUS_CORRUPT for a format of the log that this program does not know; path is for the problem.
 */
MUST_USE enum status log_check_format(uint32_t format, const char *path, struct problem *problem);

/*
 * Where the last signal_count signals begin: *from is the sequence of the first of them, or of
 * the first record when there are fewer, or one past the end for 0. Reads their headers only, from
 * the end on. STATUS_CORRUPT where no header can be read.
 */
MUST_USE enum status log_find_tail(struct log *log, uint64_t signal_count, uint64_t *from,
                                   struct problem *problem);

/*
 * Sets what is to go: the records below first, but never the last one, because its number is how
 * the sequence is known after a restart. A target lower than before is none. Removes nothing
 * itself: log_append() removes twice as many as it appends, 64 or more if that many are to go, in
 * the same transaction; log_trim_some() up to 512 in one of its own, for the rest or an idle log.
 * Not stored: to be set again after a restart. Any thread.
 */
void log_trim(struct log *log, uint64_t first);

/* *more: records are left to be removed. Syncs if it removed any. Any thread, beside the appender.
 */
MUST_USE enum status log_trim_some(struct log *log, bool *more);

/*
 * *first is the sequence of the first record appended at before_ms or later, or one past the last.
 * A binary search, which believes that times rise. Whatever the clock did: the record before *first
 * was appended before before_ms, unless *first is the first one held, and so was each record that
 * the search looked at below *first; but others in between may be younger, where the clock was put
 * back. STATUS_CORRUPT: a record that the search looked at fails validation.
 */
MUST_USE enum status log_find_age(struct log *log, int64_t before_ms, uint64_t *first,
                                  struct problem *problem);

/*
 * The sequence from which on the records take about keep_bytes, as if all were of average size; at
 * least the last is kept.
 */
uint64_t log_find_bytes(struct log *log, uint64_t keep_bytes);

struct log_replacement {
    uint64_t sequence;
    struct record record;
};

/*
 * Overwrites records in place, in one transaction with one sync, and puts tombstone, unless that is
 * NULL. Records that are gone meanwhile are passed over. On anything but STATUS_OK nothing has
 * changed. The old bytes are overwritten first, but the page they were on is copied and freed, and
 * pages have gaps: scrub.h is for what the file still has of them. 256 at a time fit into what
 * log_append() leaves alone of a budget of 64 MiB or more. Any thread, beside the appender.
 */
MUST_USE enum status log_replace(struct log *log, const struct log_replacement *replacements,
                                 size_t count, const struct tombstone *tombstone);

/*
 * One transaction and one sync; count may be 0. They replace those of the same users, here and in
 * log_replace(), but for what they count as erased, of users who were forgotten again since:
 * one with a later sequence stays.
 */
MUST_USE enum status log_put_tombstones(struct log *log, const struct tombstone *tombstones,
                                        size_t count);

/* STATUS_NOT_FOUND: there is none; STATUS_CORRUPT: it fails validation. */
MUST_USE enum status log_find_tombstone(struct log *log, uint64_t user_key, struct tombstone *out);

/* Returns false to stop. */
typedef bool log_tombstone_visit(void *context, const struct tombstone *tombstone);

/* Visits all, in the order of keys, as they were at the beginning. STATUS_CORRUPT at a bad one. */
MUST_USE enum status log_visit_tombstones(struct log *log, log_tombstone_visit *visit,
                                          void *context, struct problem *problem);

/* Removes those from before before_ms, but none that is pending. Some may be gone after a failure.
 */
MUST_USE enum status log_drop_tombstones(struct log *log, int64_t before_ms);

/*
 * Begins to scrub the log's file (scrub.h): after the last log_replace() of a user, so that nothing
 * of it is left there. Beside the appender. Status as of scrub_new().
 */
MUST_USE enum status log_scrub(struct log *log, struct scrub **out);

/* As of the last transaction. */
struct log_sizes {
    uint64_t file_bytes;   /* the file never shrinks */
    uint64_t used_bytes;   /* of it; the rest is free and will be used again */
    uint64_t record_bytes; /* of these: pages with records */
    uint64_t budget_bytes; /* what the file may take */
};
void log_size(struct log *log, struct log_sizes *out);

#endif
