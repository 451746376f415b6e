#ifndef STORE_TOMBSTONE_H
#define STORE_TOMBSTONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/* clang-format off */
/*
 * What stays of a user who was forgotten, version 2, little-endian:
 *
 *   offset  size  field
 *        0     5  version, checksum (coder.h)
 *        5     1  pending: 1, or 0 once nothing of the user is left
 *        6     8  time_ms of the forgetting, the server's clock
 *       14     8  sequence of its EVENT_FORGET record; 0: none yet
 *       22     8  signals erased so far
 *       30     8  decisions of the journal erased so far; version 1 ends before it
 *
 * The user's key is the key in the log's database "forgotten".
 */
/* clang-format on */
enum { TOMBSTONE_SIZE = 38 };

struct tombstone {
    uint64_t user_key;
    int64_t time_ms;
    uint64_t sequence;
    uint64_t signals_erased;
    uint64_t decisions_erased;
    bool pending;
};

void tombstone_encode(const struct tombstone *tombstone, uint8_t out[TOMBSTONE_SIZE]);

/* STATUS_CORRUPT for anything tombstone_encode() of this or an earlier version does not write.
 * user_key is the caller's to know.
 */
MUST_USE enum status tombstone_decode(const uint8_t *bytes, size_t size, uint64_t user_key,
                                      struct tombstone *out);

#endif
