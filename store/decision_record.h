#ifndef STORE_DECISION_RECORD_H
#define STORE_DECISION_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/* clang-format off */
/*
 * A record of the decision journal, version 1, little-endian:
 *
 *   offset  size  field
 *        0     4  marker: the bytes 'D', 'c', 0xf5, 'n', by which records are found behind damage;
 *                 0xf5 is in no UTF-8 text
 *        4     1  version, 1
 *        5     3  zero
 *        8     4  size of the payload, at most DECISION_PAYLOAD_MAX
 *       12     4  checksum: low 32 bits of XXH3-64 over bytes 16 to the end, seeded with bytes 4 to
 *                 11 as a number
 *       16     8  time_ms, the server's clock
 *       24     8  sequence of the state that was ranked against
 *       32     8  the user's key; 0: a visitor
 *       40     -  payload: a packed reelrank.v1.Decision
 *
 * What erasing and retention ask for stands in the header, so that they unpack nothing.
 */
/* clang-format on */
enum {
    DECISION_HEADER_SIZE = 40,
    DECISION_MARKER_SIZE = 4,
    DECISION_PAYLOAD_MAX = 1 << 20,
    DECISION_RECORD_MAX = DECISION_HEADER_SIZE + DECISION_PAYLOAD_MAX
};

extern const uint8_t decision_marker[DECISION_MARKER_SIZE];

struct decision_record {
    int64_t time_ms;
    uint64_t state_sequence;
    uint64_t user_key;
    const uint8_t *payload; /* borrowed */
    size_t payload_size;
};

static inline size_t decision_record_size(const struct decision_record *record)
{
    return DECISION_HEADER_SIZE + record->payload_size;
}

/* Writes decision_record_size(record) bytes; the payload must be within its limit. */
void decision_record_encode(const struct decision_record *record, uint8_t *out);

/*
 * Reads what the header of a record says, unchecked but for marker, version and size; payload is
 * left NULL. STATUS_CORRUPT when these are not as the table says.
 */
MUST_USE enum status decision_record_peek(const uint8_t header[DECISION_HEADER_SIZE],
                                          struct decision_record *out);

/*
 * STATUS_CORRUPT for anything decision_record_encode() does not write. *out points into bytes; of
 * the payload only the checksum is known to be right.
 */
MUST_USE enum status decision_record_decode(const uint8_t *bytes, size_t size,
                                            struct decision_record *out);

#endif
