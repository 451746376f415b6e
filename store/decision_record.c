#include "store/decision_record.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "store/coder.h"

enum { DECISION_VERSION = 1, SEED_AT = 4, SIZE_AT = 8, CHECKSUM_AT = 12, CHECKED_AT = 16 };

const uint8_t decision_marker[DECISION_MARKER_SIZE] = {'D', 'c', 0xf5, 'n'};

static uint32_t checksum(const uint8_t *record, size_t size)
{
    struct bytes seed = {.at = record + SEED_AT, .end = record + CHECKSUM_AT};
    return (uint32_t)XXH3_64bits_withSeed(record + CHECKED_AT, size - CHECKED_AT,
                                          get_fixed(&seed, 8));
}

void decision_record_encode(const struct decision_record *record, uint8_t *out)
{
    CHECK(record->payload_size <= DECISION_PAYLOAD_MAX);
    memcpy(out, decision_marker, sizeof(decision_marker));
    uint8_t *at = out + SEED_AT;
    at = put_fixed(at, DECISION_VERSION, 4); /* with three zeros behind it */
    at = put_fixed(at, record->payload_size, 4);
    at = put_fixed(at, 0, 4);
    at = put_fixed(at, (uint64_t)record->time_ms, 8);
    at = put_fixed(at, record->state_sequence, 8);
    at = put_fixed(at, record->user_key, 8);
    if (record->payload_size > 0) {
        memcpy(at, record->payload, record->payload_size);
    }
    (void)put_fixed(out + CHECKSUM_AT, checksum(out, decision_record_size(record)), 4);
}

enum status decision_record_peek(const uint8_t header[DECISION_HEADER_SIZE],
                                 struct decision_record *out)
{
    if (memcmp(header, decision_marker, sizeof(decision_marker)) != 0) {
        return STATUS_CORRUPT;
    }
    struct bytes bytes = {.at = header + SEED_AT, .end = header + DECISION_HEADER_SIZE};
    expect(&bytes, get_fixed(&bytes, 4) == DECISION_VERSION);
    struct decision_record record = {.payload_size = get_fixed(&bytes, 4)};
    expect(&bytes, record.payload_size <= DECISION_PAYLOAD_MAX);
    (void)get_fixed(&bytes, 4);
    record.time_ms = (int64_t)get_fixed(&bytes, 8);
    record.state_sequence = get_fixed(&bytes, 8);
    record.user_key = get_fixed(&bytes, 8);
    if (!all_read(&bytes)) {
        return STATUS_CORRUPT;
    }
    *out = record;
    return STATUS_OK;
}

enum status decision_record_decode(const uint8_t *bytes, size_t size, struct decision_record *out)
{
    struct decision_record record;
    if (size < DECISION_HEADER_SIZE || decision_record_peek(bytes, &record) != STATUS_OK ||
        decision_record_size(&record) != size) {
        return STATUS_CORRUPT;
    }
    struct bytes sum = {.at = bytes + CHECKSUM_AT, .end = bytes + CHECKED_AT};
    if (get_fixed(&sum, 4) != checksum(bytes, size)) {
        return STATUS_CORRUPT;
    }
    record.payload = bytes + DECISION_HEADER_SIZE;
    *out = record;
    return STATUS_OK;
}
