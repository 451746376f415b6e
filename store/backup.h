#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/files.h"

/*
 * A backup is a directory with
 *   data.mdb     a compact copy of the log's data file, consistent as of one sequence
 *   backup.json  {"format", "sequence", "bytes", "xxh3", "made_ms", "state_digest",
 *                "aggregates_digest"}: numbers, but hashes as 16 hexadecimal digits
 * It appears under its name only when it is complete, checked and on disk.
 */
enum { BACKUP_FORMAT_VERSION = 1 };

struct backup_info {
    uint64_t sequence; /* the last of the log */
    uint64_t bytes;    /* of data.mdb */
    uint64_t checksum; /* XXH3-64 of data.mdb */
    int64_t made_ms;
    /* Of the state the log gives, as state_digest() of the program that made the backup says. */
    uint64_t state_digest;
    uint64_t aggregates_digest;
};

enum backup_step { BACKUP_COPYING, BACKUP_REPLAYING, BACKUP_CHECKING };

struct backup_options {
    int64_t now_ms; /* wall clock */
    bool force;     /* restore: move away what stands in the way */
    /* May be NULL. done and total are bytes, or records while replaying; total is a guess. */
    void (*progress)(void *context, enum backup_step step, uint64_t done, uint64_t total);
    void *progress_context;
};

/*
 * Copies the log in directory data to the new directory out. A server, or any other process but
 * this one, may hold data and write meanwhile. The copy is replayed, so that no backup is made of a
 * damaged log: STATUS_CORRUPT. STATUS_DENIED: out exists; STATUS_NOT_FOUND: there is no log in
 * data; STATUS_NO_SPACE, STATUS_NO_MEMORY, STATUS_IO. After a failure nothing is left.
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

/*
 * Puts a backup's data into directory data, which is made if absent. Nothing of data changes before
 * the copy is complete and its checksum right. What data holds already is moved, with
 * options->force, to the path written to aside, which is empty otherwise. STATUS_DENIED: data is
 * not empty; STATUS_UNAVAILABLE: a process holds it; STATUS_CORRUPT: the backup is damaged or of a
 * newer format; STATUS_NOT_FOUND, STATUS_NO_SPACE, STATUS_IO.
 */
MUST_USE enum status backup_restore(const char *backup, const char *data,
                                    const struct backup_options *options, struct backup_info *info,
                                    char aside[FILES_PATH_SIZE], struct problem *problem);

#endif
