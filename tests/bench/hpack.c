#include "tests/bench/hpack.h"

#include <string.h>

enum { STATIC_COUNT = 61, INTEGER_SHIFT_MAX = 21 };

/* Lengths of the static table's names (RFC 7541, appendix A), which entries made from them need. */
static const uint8_t static_name_sizes[STATIC_COUNT + 1] = {
    0, 10, 7,  7,  5,  5,  7,  7,  7,  7,  7,  7,  7, 7,  7,  14, 15, 15, 13, 6,  27,
    3, 5,  13, 13, 19, 16, 16, 14, 16, 13, 12, 6,  4, 4,  6,  7,  4,  4,  8,  17, 13,
    8, 19, 13, 4,  8,  12, 18, 19, 5,  7,  7,  11, 6, 10, 25, 17, 10, 4,  3,  16,
};

static bool read_byte(struct text *rest, uint8_t *out)
{
    if (rest->size == 0) {
        return false;
    }
    *out = (uint8_t)rest->data[0];
    rest->data++;
    rest->size--;
    return true;
}

/* An integer whose first byte has been read and keeps prefix bits for it. */
static bool read_integer(struct text *rest, uint8_t first, unsigned prefix, size_t *out)
{
    size_t most = ((size_t)1 << prefix) - 1;
    size_t value = first & most;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; value >= most && (byte & 0x80) != 0; shift += 7) {
        if (shift > INTEGER_SHIFT_MAX || !read_byte(rest, &byte)) {
            return false;
        }
        value += (size_t)(byte & 0x7f) << shift;
    }
    *out = value;
    return true;
}

static bool read_string(struct text *rest, struct text *out)
{
    uint8_t first;
    size_t size;
    if (!read_byte(rest, &first) || !read_integer(rest, first, 7, &size)) {
        return false;
    }
    bool huffman = (first & 0x80) != 0;
    if (huffman || size > rest->size) {
        return false;
    }
    *out = (struct text){.data = rest->data, .size = size};
    rest->data += size;
    rest->size -= size;
    return true;
}

static int parse_status(struct text value)
{
    int status = 0;
    for (size_t i = 0; i < value.size && i < 3; i++) {
        status = 10 * status + (value.data[i] - '0');
    }
    return status;
}

static const struct hpack_entry *find_dynamic(const struct hpack *hpack, size_t index)
{
    size_t place = index - STATIC_COUNT - 1;
    return index > STATIC_COUNT && place < hpack->count ? &hpack->entries[place] : NULL;
}

static size_t entry_bytes(const struct hpack_entry *entry)
{
    return HPACK_ENTRY_BYTES + entry->name_size + entry->value_size;
}

static void evict(struct hpack *hpack, size_t limit)
{
    while (hpack->count > 0 && hpack->bytes > limit) {
        hpack->bytes -= entry_bytes(&hpack->entries[--hpack->count]);
    }
}

static void insert(struct hpack *hpack, const struct hpack_entry *entry)
{
    size_t size = entry_bytes(entry);
    evict(hpack, size < HPACK_TABLE_BYTES ? HPACK_TABLE_BYTES - size : 0);
    if (size > HPACK_TABLE_BYTES) {
        return;
    }
    memmove(&hpack->entries[1], &hpack->entries[0], hpack->count * sizeof(*entry));
    hpack->entries[0] = *entry;
    hpack->count++;
    hpack->bytes += size;
}

/* The name of a literal, by index or in letters. */
static bool read_name(const struct hpack *hpack, struct text *rest, size_t index,
                      struct hpack_entry *entry, bool *is_status)
{
    struct text name;
    *is_status = false;
    if (index == 0) {
        if (!read_string(rest, &name)) {
            return false;
        }
        entry->name_size = name.size;
        *is_status = text_equal(name, text_of("grpc-status"));
        return true;
    }
    if (index <= STATIC_COUNT) {
        entry->name_size = static_name_sizes[index];
        return true;
    }
    const struct hpack_entry *named = find_dynamic(hpack, index);
    if (named == NULL) {
        return false;
    }
    entry->name_size = named->name_size;
    *is_status = named->status != HPACK_OTHER;
    return true;
}

static bool read_literal(struct hpack *hpack, struct text *rest, uint8_t first, int *status)
{
    bool indexed = (first & 0x40) != 0;
    size_t index;
    struct hpack_entry entry = {.status = HPACK_OTHER};
    bool is_status;
    struct text value;
    if (!read_integer(rest, first, indexed ? 6 : 4, &index) ||
        !read_name(hpack, rest, index, &entry, &is_status) || !read_string(rest, &value)) {
        return false;
    }
    entry.value_size = value.size;
    if (is_status) {
        entry.status = parse_status(value);
        *status = entry.status;
    }
    if (indexed) {
        insert(hpack, &entry);
    }
    return true;
}

static bool read_indexed(const struct hpack *hpack, struct text *rest, uint8_t first, int *status)
{
    size_t index;
    if (!read_integer(rest, first, 7, &index) || index == 0) {
        return false;
    }
    if (index <= STATIC_COUNT) {
        return true;
    }
    const struct hpack_entry *entry = find_dynamic(hpack, index);
    if (entry != NULL && entry->status != HPACK_OTHER) {
        *status = entry->status;
    }
    return entry != NULL;
}

/* Servers may shrink their table; growing it past HPACK_TABLE_BYTES is not allowed to them. */
static bool read_table_size(struct hpack *hpack, struct text *rest, uint8_t first)
{
    size_t limit;
    if (!read_integer(rest, first, 5, &limit) || limit > HPACK_TABLE_BYTES) {
        return false;
    }
    evict(hpack, limit);
    return true;
}

bool hpack_read(struct hpack *hpack, struct text block, int *status)
{
    uint8_t first;
    while (read_byte(&block, &first)) {
        bool good;
        if ((first & 0x80) != 0) {
            good = read_indexed(hpack, &block, first, status);
        } else if ((first & 0xe0) == 0x20) {
            good = read_table_size(hpack, &block, first);
        } else {
            good = read_literal(hpack, &block, first, status);
        }
        if (!good) {
            return false;
        }
    }
    return true;
}
