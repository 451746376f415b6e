#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/* clang-format off */
/*
 * Reads the records and tombstones of a log's data file page by page, without LMDB, which trusts its pages and
 * ends the process, or worse, where they contradict themselves. Nobody may write meanwhile.
 *
 * What is read of LMDB 0.9's format, little-endian:
 *
 *   meta page     0 and 1; at 16: magic, version, address 8, map size 8, two databases, last page 8,
 *                 transaction 8. The one with the later transaction counts. Page size: the first
 *                 database's pad
 *   database      48 bytes: pad 4, flags 2, depth 2, branch, leaf and overflow pages 8 each,
 *                 entries 8, root page 8 (all ones: empty)
 *   page          number 8, pad 2, flags 2, lower 2, upper 2 (overflow pages: page count 4), then
 *                 the offsets of (lower - 16) / 2 nodes, 2 bytes each
 *   branch node   child page 6, key size 2, key
 *   leaf node     data size 4, flags 2, key size 2, key, data, or the number of its overflow page
 *
 * The second database of the meta page names the others: "log", "meta" and "forgotten" are leaf nodes
 * of it that hold a database.
 */
/* clang-format on */
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
