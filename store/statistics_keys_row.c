#include "store/statistics_keys_row.h"

#include <string.h>

#include "ranker/check.h"
#include "store/coder.h"

enum { FIRST_VERSION = 1, VERSION = 2, SCOPED = 128 };

_Static_assert(CODER_HEADER_SIZE + 2 + STATE_KEYS_PER_ROW * (8 + 1 + 2 + 5) <=
                   STATISTICS_KEYS_ROW_SIZE_MAX,
               "a full row fits");

size_t statistics_keys_row_encode(const struct statistics_key_entry *entries, size_t count,
                                  uint8_t *out)
{
    CHECK(count <= STATE_KEYS_PER_ROW);
    uint8_t *at = put_varint(out + CODER_HEADER_SIZE, count);
    for (size_t i = 0; i < count; i++) {
        at = put_fixed(at, entries[i].video_key, 8);
        at = put_fixed(at, entries[i].kind | (entries[i].scoped ? SCOPED : 0), 1);
        if (entries[i].kind != SCOPE_GLOBAL) {
            at = put_fixed(at, entries[i].code, 2);
        }
        at = put_varint(at, entries[i].last_day);
    }
    return seal_row(out, VERSION, at);
}

static struct statistics_key_entry get_entry(struct bytes *bytes, uint8_t version)
{
    struct statistics_key_entry entry = {.video_key = get_fixed(bytes, 8)};
    uint8_t kind = (uint8_t)get_fixed(bytes, 1);
    entry.scoped = version == FIRST_VERSION ? kind != SCOPE_GLOBAL : kind >= SCOPED;
    entry.kind = version == FIRST_VERSION ? kind : kind % SCOPED;
    expect(bytes, entry.kind != SCOPE_GLOBAL || !entry.scoped);
    if (entry.kind != SCOPE_GLOBAL) {
        entry.code = (uint16_t)get_fixed(bytes, 2);
        expect(bytes, entry.code != 0);
    }
    entry.last_day = (uint32_t)get_varint(bytes, UINT32_MAX);
    expect(bytes, entry.video_key != 0);
    expect(bytes, entry.kind < SCOPE_KIND_END);
    return entry;
}

enum status statistics_keys_row_decode(const uint8_t *row, size_t size,
                                       struct statistics_key_entry out[STATE_KEYS_PER_ROW],
                                       size_t *count)
{
    struct statistics_key_entry entries[STATE_KEYS_PER_ROW];
    uint8_t version = size > 0 && row[0] == FIRST_VERSION ? FIRST_VERSION : VERSION;
    struct bytes bytes = open_row(row, size, version);
    size_t found = (size_t)get_varint(&bytes, STATE_KEYS_PER_ROW);
    for (size_t i = 0; i < found; i++) {
        entries[i] = get_entry(&bytes, version);
    }
    if (!all_read(&bytes)) {
        return STATUS_CORRUPT;
    }
    memcpy(out, entries, found * sizeof(*out));
    *count = found;
    return STATUS_OK;
}
