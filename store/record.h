#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/state.h"
#include "ranker/status.h"

/* clang-format off */
/*
 * A record of the log, version 1, little-endian:
 *
 *   offset  size  field
 *        0     1  version, 1
 *        1     1  kind: enum event_kind
 *        2     2  zero
 *        4     4  checksum: low 32 bits of XXH3-64 over bytes 8 to the end, seeded with bytes 0
 *                 to 3 as a number, so that a damaged version or kind is noticed too
 *        8     8  appended_ms, the server's clock
 *       16    16  event key: of signals, recognises a repeat; of forgets, the user's key and 8
 *                 zero bytes; zero for other kinds
 *       32     -  payload: the packed reelrank.v1 message: Signal, Video, DeleteVideo,
 *                 ForgottenUser, Retirement or ErasedSignal
 *
 * The payload is the contract's own bytes, so a new field costs no new layout.
 */
/* clang-format on */
enum { RECORD_HEADER_SIZE = 32 };

struct event_key {
    uint64_t low;
    uint64_t high;
};

struct record {
    enum event_kind kind;
    int64_t appended_ms;
    struct event_key event_key;
    const uint8_t *payload; /* borrowed */
    size_t payload_size;
};

static inline size_t record_size(const struct record *record)
{
    return RECORD_HEADER_SIZE + record->payload_size;
}

/*
 * The key of a signal: a 128-bit hash of its event_id, or of its packed bytes when that is empty.
 * Part of the stored format.
 */
struct event_key record_signal_key(const char *event_id, const uint8_t *payload, size_t size);

/* Writes record_size(record) bytes. The event key must be one that the table allows. */
void record_encode(const struct record *record, uint8_t *out);

/* STATUS_CORRUPT for anything record_encode() does not write. *out points into bytes. */
MUST_USE enum status record_decode(const uint8_t *bytes, size_t size, struct record *out);

/* The kind alone, without validating the rest. STATUS_CORRUPT when that is no kind. */
MUST_USE enum status record_kind(const uint8_t *bytes, size_t size, enum event_kind *out);

/*
 * The key of the user of a signal's payload, without decoding the rest. STATUS_CORRUPT when there
 * is none.
 */
MUST_USE enum status record_user_key(const struct record *record, uint64_t *out);

/*
 * Turns a payload into the event it stands for, using arena for the time of the call only.
 * STATUS_CORRUPT when the payload breaks the contract, STATUS_NO_MEMORY when the arena is too
 * small.
 */
MUST_USE enum status record_event(const struct record *record, struct arena *arena,
                                  struct event *out);

#endif
