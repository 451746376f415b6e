#ifndef STORE_LOG_INTERNAL_H
#define STORE_LOG_INTERNAL_H

#include <lmdb.h>
#include <stdatomic.h>

#include "store/environment.h"
#include "store/log.h"

/* What the sources of the log share: log.c, log_trim.c, log_forget.c and weights_history.c. */
struct log {
    int lock_fd; /* -1: not open. Set once, read-only after */
    char *path;  /* owned; set once, as is map_bytes */
    size_t map_bytes;
    struct environment environment;
    /* For those within it. */
    MDB_dbi main;
    MDB_dbi meta;
    MDB_dbi records;
    MDB_dbi forgotten;
    _Atomic MDB_dbi weights; /* of the weights' history; both mean something if has_weights */
    _Atomic MDB_dbi weights_files;
    atomic_bool has_weights; /* its first row makes them */
    size_t page_size;
    uint64_t page_max;                                   /* of the budget */
    void (*synced)(void *context, uint64_t duration_ns); /* as in log_options */
    void *synced_context;

    _Atomic uint64_t first; /* written by who commits */
    _Atomic uint64_t last;  /* written by the appender */
    _Atomic uint64_t trim_to;
    _Atomic uint64_t record_pages;
    _Atomic uint64_t used_pages;
    _Atomic uint64_t file_pages;
    _Atomic uint64_t budget_bytes;
    _Atomic uint64_t weights_last; /* number of the last change; 0: none */
};

/*
 * 0 when the writing transaction may take so many pages, MDB_MAP_FULL when that would touch the
 * reserve, or an error number.
 */
int log_check_room(const struct log *log, MDB_txn *txn, uint64_t needed_pages);

/* Pages of a database, as the transaction sees it. */
uint64_t log_pages_of(MDB_txn *txn, MDB_dbi dbi);

/* What log_make_room() frees is of use two commits later. */
enum { LOG_TRIMS_FOR_ROOM = 4 };

/* Removes some of what retention would remove anyway. False when there is nothing to be had. */
bool log_make_room(struct log *log);

/*
 * Opens the history's databases if they are there, and finds its last change. Returns 0 or an error
 * number.
 */
int log_open_weights(struct log *log, MDB_txn *txn);

/*
 * Ends a writing transaction: commits when rc is 0, else aborts it. Returns what the caller of the
 * write is told. The caller leaves the environment, once what it knows of the contents is as they
 * are.
 */
enum status log_end(struct log *log, MDB_txn *txn, int rc);

/* log_end() for what only the file knows: leaves the environment. */
enum status log_finish(struct log *log, MDB_txn *txn, int rc);

/* Sets problem, and the status that goes with it. */
enum status log_read_failure(int rc, struct problem *problem);

/* Keys in the map are not aligned. Returns 0 or MDB_CORRUPTED. */
int log_get_number(const MDB_val *key, uint64_t *number);

/* Of a transaction; both stay as they are when there are no records. Returns 0 or an error number.
 */
int log_read_bounds(const struct log *log, MDB_txn *txn, uint64_t *first, uint64_t *last);

/* How many records are to go. */
uint64_t log_trim_pending(struct log *log);

/*
 * Removes up to `most` of the records that are to go, in the writing transaction txn. *first is
 * the first one that stays; log_trimmed() makes it known after the commit.
 */
int log_trim_in(struct log *log, MDB_txn *txn, uint64_t most, uint64_t *first);
void log_trimmed(struct log *log, uint64_t first);

/* Both write in txn and return 0 or an error number. */
int log_put_tombstone(const struct log *log, MDB_txn *txn, const struct tombstone *tombstone);

/* Puts the tombstones of users whom the records, numbered from first on, say are to be forgotten.
 */
int log_note_forgotten(const struct log *log, MDB_txn *txn, const struct record *records,
                       size_t count, uint64_t first);

#endif
