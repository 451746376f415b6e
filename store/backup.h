#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/backup_info.h"
#include "store/files.h"

/*
 * A backup is a directory with
 *   data.mdb        a compact copy of the log's data file, consistent as of one sequence
 *   snapshot-N.mdb  if the log begins later than at record 1: its base, a copy
 *   journal.seg     if there is a decision journal: all its records (backup_journal.h)
 *   backup.json     what they are (backup_info.h)
 * It appears under its name only when it is complete, checked and on disk.
 */

enum backup_step { BACKUP_COPYING, BACKUP_REPLAYING, BACKUP_CHECKING };

struct backup_options {
    int64_t now_ms; /* wall clock */
    /* May be NULL. done and total are bytes, or records while replaying; total is a guess. */
    void (*progress)(void *context, enum backup_step step, uint64_t done, uint64_t total);
    void *progress_context;
};

/*
 * Copies the log in directory data, and the base it needs, to the new directory out. A server, or
 * any other process but this one, may hold data and write, remove records and forget users
 * meanwhile. The copy is replayed, so that no backup is made of what is damaged: STATUS_CORRUPT,
 * also for a log of a newer format. STATUS_DENIED: out exists; STATUS_NOT_FOUND: there is no log in
 * data; STATUS_BUSY: records were removed again and again before their base was copied;
 * STATUS_NO_SPACE, STATUS_NO_MEMORY, STATUS_IO. After a failure nothing is left.
 */
MUST_USE enum status backup_make(const char *data, const char *out,
                                 const struct backup_options *options, struct backup_info *info,
                                 struct problem *problem);

/*
 * Reads backup.json. STATUS_NOT_FOUND: there is none; STATUS_CORRUPT: it is not as backup_make()
 * writes it, or of a newer format; STATUS_IO.
 */
MUST_USE enum status backup_read(const char *backup, struct backup_info *info,
                                 struct problem *problem);

struct restore_options {
    int64_t now_ms;        /* wall clock */
    bool force;            /* move away what stands in the way */
    bool ignore_forgotten; /* of what is moved away: users forgotten since may come back */
    size_t map_bytes;      /* budget of each file, where users are forgotten */
    /* Directories, of data that nobody holds or of backups, whose forgotten users stay forgotten.
     */
    const char *const *forgotten_in;
    size_t forgotten_in_count;
    void (*progress)(void *context, enum backup_step step, uint64_t done, uint64_t total);
    void *progress_context;
};

struct restored {
    struct backup_info info;     /* of the backup */
    char aside[FILES_PATH_SIZE]; /* where what was there is now; empty: nothing was there */
    uint64_t forgotten;          /* users who were forgotten in what was restored */
    uint64_t sequence;           /* what was restored ends with, and its state's digests */
    uint64_t state_digest;
    uint64_t aggregates_digest;
};

/*
 * Puts a backup's data into directory data, which is made if absent. Nothing of data changes before
 * the copy is complete and its checksums right. What data holds already is moved, with
 * options->force, to out->aside.
 *
 * Users who are forgotten in data or options->forgotten_in, and not, or earlier, in the backup, are
 * forgotten in the copy, and what is left of them is erased, before it gets its name.
 *
 * STATUS_DENIED: data is not empty, or nobody can tell who is forgotten there; STATUS_UNAVAILABLE:
 * a process holds data or one of options->forgotten_in; STATUS_CORRUPT: the backup is damaged or of
 * a newer format; STATUS_NOT_FOUND, STATUS_NO_SPACE, STATUS_NO_MEMORY, STATUS_IO. out->aside is set
 * also after a failure.
 */
MUST_USE enum status backup_restore(const char *backup, const char *data,
                                    const struct restore_options *options, struct restored *out,
                                    struct problem *problem);

#endif
