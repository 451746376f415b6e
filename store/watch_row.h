#ifndef STORE_WATCH_ROW_H
#define STORE_WATCH_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"
#include "ranker/watch.h"

/*
 * A region's watch times in a saved state, version 1; numbers as in coder.h:
 *
 *   size     field
 *      5     header
 *            for each of DURATION_BUCKET_COUNT histograms:
 *      8       bit N set if bin N is not 0
 *   varint     each bin that is not 0; their sum is below 2^64
 */
enum { WATCH_ROW_SIZE_MAX = 1 << 13 };

/* Writes a row of at most WATCH_ROW_SIZE_MAX bytes and returns its size. */
size_t watch_row_encode(const struct watch_histogram *histograms, uint8_t *out);

/*
 * Writes DURATION_BUCKET_COUNT histograms. STATUS_CORRUPT for anything watch_row_encode() does not
 * write.
 */
MUST_USE enum status watch_row_decode(const uint8_t *row, size_t size, struct watch_histogram *out);

#endif
