#ifndef STORE_STATISTICS_KEYS_ROW_H
#define STORE_STATISTICS_KEYS_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/state_rows.h"
#include "ranker/status.h"

/*
 * Keys of up to STATE_KEYS_PER_ROW statistics of consecutive rows in a saved state, version 1;
 * numbers as in coder.h:
 *
 *   size     field
 *      5     header
 *   varint   count
 *            for each:
 *      8       video_key, not 0
 *      1       kind: enum scope_kind
 *      2       code, unless the kind is SCOPE_GLOBAL
 *   varint     last_day
 */
enum { STATISTICS_KEYS_ROW_SIZE_MAX = 1 << 12 };

/* Writes a row of at most STATISTICS_KEYS_ROW_SIZE_MAX bytes and returns its size. */
size_t statistics_keys_row_encode(const struct statistics_key_entry *entries, size_t count,
                                  uint8_t *out);

/* STATUS_CORRUPT for anything statistics_keys_row_encode() does not write. */
MUST_USE enum status statistics_keys_row_decode(const uint8_t *row, size_t size,
                                                struct statistics_key_entry out[STATE_KEYS_PER_ROW],
                                                size_t *count);

#endif
