#ifndef STORE_STATISTICS_ROW_H
#define STORE_STATISTICS_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/state_rows.h"
#include "ranker/status.h"

/*
 * The statistics of a video in a scope in a saved state, version 1; numbers as in coder.h. Counts
 * are a varint with bit N set if counter N (enum counter) is not 0, then each that is not 0 as a
 * signed varint.
 *
 *   size     field
 *      5     header
 *      8     video_key, not 0
 *      1     kind: enum scope_kind
 *      2     code
 *   counts   total
 *   signed   watch_ms
 *   varint   newest_tick
 *   varint   count of buckets, at most STATS_BUCKETS_MAX
 *            for each bucket, oldest first:
 *      1       level
 *   varint     newest_tick less start_tick
 *   counts     counts
 */
enum { STATISTICS_ROW_SIZE_MAX = 1 << 12 };

/* Writes a row of at most STATISTICS_ROW_SIZE_MAX bytes and returns its size. */
size_t statistics_row_encode(const struct statistics_row *statistics, uint8_t *out);

/* What decoded statistics point to. */
struct statistics_parts {
    struct stats stats;
    struct stats_bucket buckets[STATS_BUCKETS_MAX];
};

/* STATUS_CORRUPT for anything statistics_row_encode() does not write. *out borrows parts. */
MUST_USE enum status statistics_row_decode(const uint8_t *row, size_t size,
                                           struct statistics_parts *parts,
                                           struct statistics_row *out);

#endif
