#ifndef REPLAY_IMPORT_H
#define REPLAY_IMPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/log.pb-c.h"

/*
 * Readers of foreign and own logs, each a stream of reelrank.v1.LogEntry in bounded memory. The
 * same file gives the same entries each time, so importing it again changes nothing. What a file
 * does not say but a reader concludes is listed in Video.inferred. The formats are described in
 * docs/jsonl.md.
 */
enum import_format {
    IMPORT_JSONL,
    IMPORT_KUAIRAND,
    IMPORT_YOUTUBE,
    IMPORT_OBD,
    IMPORT_MOVIELENS,
    IMPORT_METARANK,
    IMPORT_FORMAT_COUNT
};

enum {
    IMPORT_LIMIT_LINE_BYTES = 1 << 20, /* a longer line or record is rejected and skipped */
    IMPORT_LIMIT_VIDEOS = 10000000     /* beyond so many distinct videos some are told again */
};

/* As the command line and import_format_find() have it. */
const char *import_format_name(enum import_format format);

/* STATUS_NOT_FOUND for an unknown name; problem lists the known ones. */
MUST_USE enum status import_format_find(const char *name, enum import_format *out,
                                        struct problem *problem);

struct import_options {
    enum import_format format;
    const char *name; /* the file's name, for locale hints ("IN_", "RU_") and messages; or NULL */
    /* Rating for catalogues that carry none; SAFETY_RATING_UNRATED leaves them unrated. */
    Reelrank__V1__SafetyRating assume_safety;
    /*
     * Tells decisions too, checked as decision_check() has it and with the request's now_ms set:
     * those of JSON Lines, and what Open Bandit Dataset and Metarank say of what was shown, before
     * its signals. When not set, decisions are passed over without a look at them.
     */
    bool decisions;
};

/* What a reader tells. Any return but STATUS_OK stops the import with it. */
struct import_sink {
    void *context;
    /*
     * entry is borrowed for the call. line counts from 1. update_fields is NULL, or names, up to a
     * NULL, the only fields of entry->video that the file speaks of: the others stay as they are. A
     * mark in Video.inferred then concerns the named fields alone, and those not marked were read.
     */
    enum status (*entry)(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                         const char *const *update_fields);
    /* A line that means nothing; the import goes on. */
    enum status (*reject)(void *context, uint64_t line, const char *reason);
};

/*
 * Reads file to its end. STATUS_INVALID, with problem, when it is not of this format at all (no or
 * unknown header); STATUS_IO when reading fails. A packed file is read through replay/unpack.h,
 * which also tells how far reading has come.
 */
MUST_USE enum status import_read(FILE *file, const struct import_options *options,
                                 const struct import_sink *sink, struct problem *problem);

#endif
