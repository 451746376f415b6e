#ifndef STORE_STATISTICS_KEYS_ROW_H
#define STORE_STATISTICS_KEYS_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/state_rows.h"
#include "ranker/status.h"

/*
 * Keys of up to STATE_KEYS_PER_ROW statistics of consecutive rows in a saved state, version 2;
 * numbers as in coder.h:
 *
 *   size     field
 *      5     header
 *   varint   count
 *            for each:
 *      8       video_key, not 0
 *      1       kind: enum scope_kind; and 128 if scoped, which global ones are not
 *      2       code, unless the kind is SCOPE_GLOBAL
 *   varint     last_day
 *
 * In version 1 nothing says whether statistics are scoped: they must be asked themselves, so all
 * but global ones are read as if they were.
 */
enum { STATISTICS_KEYS_ROW_SIZE_MAX = 1 << 12 };

/* Writes a row of at most STATISTICS_KEYS_ROW_SIZE_MAX bytes and returns its size. */
size_t statistics_keys_row_encode(const struct statistics_key_entry *entries, size_t count,
                                  uint8_t *out);

/* STATUS_CORRUPT for anything that is not of these versions. */
MUST_USE enum status statistics_keys_row_decode(const uint8_t *row, size_t size,
                                                struct statistics_key_entry out[STATE_KEYS_PER_ROW],
                                                size_t *count);

#endif
