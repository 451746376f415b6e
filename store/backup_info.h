#ifndef STORE_BACKUP_INFO_H
#define STORE_BACKUP_INFO_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/snapshots.h"

/*
 * What backup.json says of a backup, format 3: a JSON object of numbers, and hashes as 16
 * hexadecimal digits:
 *
 *   {"format": 3, "first", "base", "sequence", "made_ms", "state_digest", "aggregates_digest",
 *    "files": [{"name", "bytes", "xxh3"}, ...]}
 *
 * The files are data.mdb, if base is not 0 the snapshot of that record, and, if there is a decision
 * journal, journal.seg: the last is new in format 3. Format 1 has data.mdb alone, its "bytes" and
 * "xxh3" beside "format", and neither "first" nor "base".
 */
enum { BACKUP_FORMAT_VERSION = 3, BACKUP_FILES_MAX = 3, BACKUP_INFO_BYTES_MAX = 4096 };

extern const char backup_journal_name[]; /* "journal.seg" */

struct backup_file {
    char name[SNAPSHOT_NAME_SIZE];
    uint64_t bytes;
    uint64_t checksum; /* XXH3-64 */
};

struct backup_info {
    uint64_t first;    /* record of the log; 0: there is none, or the format does not say */
    uint64_t base;     /* record of the snapshot from which the state is derived; 0: from nothing */
    uint64_t sequence; /* the last record of the log */
    uint64_t bytes;    /* of all files */
    int64_t made_ms;
    /* Of the state they give, as state_digest() of the program that made the backup says. */
    uint64_t state_digest;
    uint64_t aggregates_digest;
    struct backup_file files[BACKUP_FILES_MAX];
    size_t file_count;
};

/* The text, to be freed; NULL when memory is short. */
char *backup_info_format(const struct backup_info *info);

/* STATUS_CORRUPT for anything else, and for a newer format; path is for the problem. */
MUST_USE enum status backup_info_parse(const char *text, size_t size, const char *path,
                                       struct backup_info *out, struct problem *problem);

#endif
