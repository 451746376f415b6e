#ifndef REPLAY_IMPORT_H
#define REPLAY_IMPORT_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/log.pb-c.h"

/*
 * Readers of foreign and own logs, each a stream of reelrank.v1.LogEntry in bounded memory.
 */
enum import_format { IMPORT_JSONL, IMPORT_KUAIRAND, IMPORT_YOUTUBE };

/* STATUS_NOT_FOUND for an unknown name; problem lists the known ones. */
MUST_USE enum status import_format_find(const char *name, enum import_format *out,
                                        struct problem *problem);

struct import_options {
    enum import_format format;
    const char *name; /* the file's name, for locale hints ("IN_", "RU_") and messages */
    /* Rating for catalogues that carry none; SAFETY_RATING_UNRATED leaves them unrated. */
    Reelrank__V1__SafetyRating assume_safety;
};

/* What a reader tells. Any return but STATUS_OK stops the import with it. */
struct import_sink {
    void *context;
    /* entry is borrowed for the call. line counts from 1. */
    enum status (*entry)(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry);
    /* A line that means nothing; the import goes on. */
    enum status (*reject)(void *context, uint64_t line, const char *reason);
};

/*
 * Reads file to its end. STATUS_INVALID, with problem, when it is not of this format at all (no or
 * unknown header). Bytes consumed so far can be asked with ftell() by a progress display.
 */
MUST_USE enum status import_read(FILE *file, const struct import_options *options,
                                 const struct import_sink *sink, struct problem *problem);

#endif
