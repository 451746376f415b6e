#include "store/user_keys_row.h"

#include "ranker/check.h"
#include "store/coder.h"

enum { VERSION = 1 };

_Static_assert(CODER_HEADER_SIZE + 2 + STATE_KEYS_PER_ROW * (8 + 5) <= USER_KEYS_ROW_SIZE_MAX,
               "a full row fits");

size_t user_keys_row_encode(const struct user_key_entry *entries, size_t count, uint8_t *out)
{
    CHECK(count <= STATE_KEYS_PER_ROW);
    uint8_t *at = put_varint(out + CODER_HEADER_SIZE, count);
    for (size_t i = 0; i < count; i++) {
        at = put_fixed(at, entries[i].key, 8);
        at = put_varint(at, entries[i].last_day);
    }
    return seal_row(out, VERSION, at);
}

enum status user_keys_row_decode(const uint8_t *row, size_t size,
                                 struct user_key_entry out[STATE_KEYS_PER_ROW], size_t *count)
{
    struct user_key_entry entries[STATE_KEYS_PER_ROW];
    struct bytes bytes = open_row(row, size, VERSION);
    size_t found = (size_t)get_varint(&bytes, STATE_KEYS_PER_ROW);
    for (size_t i = 0; i < found; i++) {
        entries[i].key = get_fixed(&bytes, 8);
        entries[i].last_day = (uint32_t)get_varint(&bytes, UINT32_MAX);
        expect(&bytes, entries[i].key != 0);
    }
    if (!all_read(&bytes)) {
        return STATUS_CORRUPT;
    }
    for (size_t i = 0; i < found; i++) {
        out[i] = entries[i];
    }
    *count = found;
    return STATUS_OK;
}
