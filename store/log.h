#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/record.h"

/*
 * The log: records under rising sequence numbers from 1, without gaps, in LMDB. The truth from
 * which everything else can be rebuilt. This interface is narrow on purpose: append, poll from a
 * sequence, bounds; a replicated log can stand behind it.
 *
 * On disk: DIR/data.mdb with databases
 *   "log"   key: sequence, 8 bytes native (MDB_INTEGERKEY); value: a record (record.h)
 *   "meta"  key "format": 4 bytes little-endian, FORMAT_VERSION
 * and DIR/lock, under an open-file-description lock (fcntl(2), F_OFD_SETLK) of the process that has
 * the log open; it contains the address of the server, if a server holds it. Unlike flock(2) such a
 * lock can be asked about without taking it.
 *
 * Threads: one appender at a time; readers anywhere.
 */
struct log;

enum { LOG_FORMAT_VERSION = 1 };

struct log_options {
    const char *path; /* a directory; made if absent, its parent must exist */
    size_t map_bytes; /* budget of the file; beyond it appends give STATUS_NO_SPACE */
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
 * log; STATUS_NO_SPACE, STATUS_IO.
 */
MUST_USE enum status log_copy(const char *path, int out_fd, struct problem *problem);

/*
 * Appends count records, at least one, in one transaction and syncs once. On STATUS_OK they are on
 * disk, the first under *first; on anything else none is, and a later append may succeed.
 */
MUST_USE enum status log_append(struct log *log, const struct record *records, size_t count,
                                uint64_t *first);

/* First and last sequence held; first > last when empty. */
void log_bounds(struct log *log, uint64_t *first, uint64_t *last);

/* Returns false to stop. record and its payload are borrowed for the call. */
typedef bool log_visit(void *context, uint64_t sequence, const struct record *record);

/*
 * Visits records from sequence on, in order, until the end or until visit returns false. Holds one
 * read transaction, which keeps freed pages alive: visitors should be quick. STATUS_CORRUPT at the
 * first record that fails validation or a gap, with its sequence in problem.
 */
MUST_USE enum status log_poll(struct log *log, uint64_t from, log_visit *visit, void *context,
                              struct problem *problem);

/*
 * STATUS_CORRUPT for a format of the log that this program does not know; path is for the problem.
 */
MUST_USE enum status log_check_format(uint32_t format, const char *path, struct problem *problem);

/*
 * Where the last signal_count signals begin: *from is the sequence of the first of them, or 1 when
 * there are fewer, or one past the end for 0. Reads their headers only, from the end on.
 * STATUS_CORRUPT where no header can be read.
 */
MUST_USE enum status log_find_tail(struct log *log, uint64_t signal_count, uint64_t *from,
                                   struct problem *problem);

/* Bytes the file takes and may take. */
void log_size(struct log *log, uint64_t *bytes, uint64_t *budget_bytes);

#endif
