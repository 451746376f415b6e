#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Reads the records and tombstones of a log's data file page by page (page_format.h), without LMDB,
 * which trusts its pages and ends the process, or worse, where they contradict themselves. Nobody
 * may write meanwhile. The databases are "log", "meta" and "forgotten".
 */
struct pages_visitor {
    void *context;
    uint64_t *record_count; /* out, before the first record: how many the log says it has */
    /* One record, under its key. bytes are borrowed for the call. False stops the walk. */
    bool (*record)(void *context, uint64_t sequence, const uint8_t *bytes, size_t size);
    /* One tombstone of a forgotten user, likewise, after the records. */
    bool (*tombstone)(void *context, uint64_t user_key, const uint8_t *bytes, size_t size);
    /* A place that cannot be read; the walk goes on behind it. False stops it. */
    bool (*damage)(void *context, const struct problem *problem);
};

/*
 * Visits all records of the log in directory data, in the order of their keys, then tombstones.
 * STATUS_CORRUPT when the file is no log, is of a newer format, or says nothing of where its
 * records are; STATUS_NOT_FOUND: there is no file; STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status pages_walk(const char *data, const struct pages_visitor *visitor,
                                struct problem *problem);

#endif
