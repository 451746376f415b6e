#include "store/tombstone.h"

#include "store/coder.h"

enum { TOMBSTONE_VERSION = 2, TOMBSTONE_VERSION_1 = 1, TOMBSTONE_SIZE_1 = 30 };

void tombstone_encode(const struct tombstone *tombstone, uint8_t out[TOMBSTONE_SIZE])
{
    uint8_t *at = out + CODER_HEADER_SIZE;
    at = put_fixed(at, tombstone->pending, 1);
    at = put_fixed(at, (uint64_t)tombstone->time_ms, 8);
    at = put_fixed(at, tombstone->sequence, 8);
    at = put_fixed(at, tombstone->signals_erased, 8);
    at = put_fixed(at, tombstone->decisions_erased, 8);
    (void)seal_row(out, TOMBSTONE_VERSION, at);
}

enum status tombstone_decode(const uint8_t *bytes, size_t size, uint64_t user_key,
                             struct tombstone *out)
{
    bool first = size == TOMBSTONE_SIZE_1;
    struct bytes row = open_row(bytes, size, first ? TOMBSTONE_VERSION_1 : TOMBSTONE_VERSION);
    uint64_t pending = get_fixed(&row, 1);
    expect(&row, pending <= 1);
    struct tombstone tombstone = {.user_key = user_key, .pending = pending == 1};
    tombstone.time_ms = (int64_t)get_fixed(&row, 8);
    tombstone.sequence = get_fixed(&row, 8);
    tombstone.signals_erased = get_fixed(&row, 8);
    tombstone.decisions_erased = first ? 0 : get_fixed(&row, 8);
    if (!all_read(&row)) {
        return STATUS_CORRUPT;
    }
    *out = tombstone;
    return STATUS_OK;
}
