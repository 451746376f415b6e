#ifndef STORE_USER_KEYS_ROW_H
#define STORE_USER_KEYS_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/state_rows.h"
#include "ranker/status.h"

/*
 * Keys of up to STATE_KEYS_PER_ROW users of consecutive rows in a saved state, version 1; numbers
 * as in coder.h:
 *
 *   size     field
 *      5     header
 *   varint   count
 *            for each:
 *      8       key, not 0
 *   varint     last_day
 */
enum { USER_KEYS_ROW_SIZE_MAX = 1 << 11 };

/* Writes a row of at most USER_KEYS_ROW_SIZE_MAX bytes and returns its size. */
size_t user_keys_row_encode(const struct user_key_entry *entries, size_t count, uint8_t *out);

/* STATUS_CORRUPT for anything user_keys_row_encode() does not write. */
MUST_USE enum status user_keys_row_decode(const uint8_t *row, size_t size,
                                          struct user_key_entry out[STATE_KEYS_PER_ROW],
                                          size_t *count);

#endif
