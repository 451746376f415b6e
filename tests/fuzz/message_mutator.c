#include "tests/fuzz/message_mutator.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

/* libFuzzer's; absent where a corpus is replayed, which changes nothing. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

enum { FIELDS_MAX = 256, DEPTH_MAX = 4, VARINT_MAX = 10 };

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* One field: key and value, and of bytes where these begin. */
struct field {
    size_t begin;
    size_t value;
    size_t end;
    enum wire_type type;
};

static bool read_varint(const uint8_t *bytes, size_t size, size_t *at, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < VARINT_MAX && *at < size; i++) {
        uint8_t byte = bytes[(*at)++];
        *out |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static size_t write_varint(uint64_t value, uint8_t out[VARINT_MAX])
{
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) {
        out[size++] = (uint8_t)(value | 0x80);
    }
    out[size++] = (uint8_t)value;
    return size;
}

static bool read_field(const uint8_t *bytes, size_t size, size_t *at, struct field *out)
{
    uint64_t key;
    uint64_t length = 0;
    out->begin = *at;
    if (!read_varint(bytes, size, at, &key)) {
        return false;
    }
    out->type = (enum wire_type)(key & 7);
    out->value = *at;
    switch (out->type) {
    case WIRE_VARINT:
        if (!read_varint(bytes, size, at, &length)) {
            return false;
        }
        length = 0;
        break;
    case WIRE_64:
        length = 8;
        break;
    case WIRE_32:
        length = 4;
        break;
    case WIRE_BYTES:
        if (!read_varint(bytes, size, at, &length)) {
            return false;
        }
        out->value = *at;
        break;
    default:
        return false;
    }
    if (length > size - *at) {
        return false;
    }
    *at += length;
    out->end = *at;
    return true;
}

/* The fields, or 0 when the bytes are no message or have too many. */
static size_t read_fields(const uint8_t *bytes, size_t size, struct field fields[FIELDS_MAX])
{
    size_t count = 0;
    for (size_t at = 0; at < size; count++) {
        if (count == FIELDS_MAX || !read_field(bytes, size, &at, &fields[count])) {
            return 0;
        }
    }
    return count;
}

/* Puts with[0..with_size) in the place of bytes[from..to). Returns the new size; too long: size. */
static size_t splice(uint8_t *bytes, size_t size, size_t most, size_t from, size_t to,
                     const uint8_t *with, size_t with_size)
{
    if (size - (to - from) + with_size > most) {
        return size;
    }
    memmove(bytes + from + with_size, bytes + to, size - to);
    if (with_size > 0) {
        memcpy(bytes + from, with, with_size);
    }
    return size - (to - from) + with_size;
}

static size_t change(uint8_t *bytes, size_t size, size_t most, unsigned seed, unsigned depth);

/* Changes what a field of bytes holds, and its length with it. */
static size_t change_inside(uint8_t *bytes, size_t size, size_t most, const struct field *field,
                            unsigned seed, unsigned depth)
{
    size_t length = field->end - field->value;
    size_t room = length + (most - size);
    uint8_t *inside = malloc(VARINT_MAX + room);
    CHECK(inside != NULL);
    memcpy(inside + VARINT_MAX, bytes + field->value, length);
    length = change(inside + VARINT_MAX, length, room, seed, depth + 1);

    uint8_t prefix[VARINT_MAX];
    size_t prefix_size = write_varint(length, prefix);
    uint8_t *whole = inside + VARINT_MAX - prefix_size;
    memcpy(whole, prefix, prefix_size);

    uint64_t key;
    size_t after_key = field->begin;
    CHECK(read_varint(bytes, size, &after_key, &key));
    size = splice(bytes, size, most, after_key, field->end, whole, prefix_size + length);
    free(inside);
    return size;
}

size_t mutate_bytes(uint8_t *bytes, size_t size, size_t most)
{
    return LLVMFuzzerMutate != NULL && most > 0 ? LLVMFuzzerMutate(bytes, size, most) : size;
}

/* A number near what lengths and enums break at, or any. */
static size_t change_number(uint8_t *bytes, size_t size, size_t most, const struct field *field,
                            unsigned seed)
{
    static const uint64_t edges[] = {0,    1,    2,          127,       128,
                                     1000, 1001, UINT32_MAX, INT64_MAX, UINT64_MAX};
    uint8_t number[VARINT_MAX];
    size_t count = sizeof(edges) / sizeof(edges[0]);
    uint64_t value = seed % 2 == 0 ? edges[seed / 2 % count] : seed / 2;
    return splice(bytes, size, most, field->value, field->end, number, write_varint(value, number));
}

/* The field a second time, at the message's end. */
static size_t repeat(uint8_t *bytes, size_t size, size_t most, const struct field *field)
{
    size_t length = field->end - field->begin;
    if (size + length <= most) {
        memcpy(bytes + size, bytes + field->begin, length);
        size += length;
    }
    return size;
}

static size_t change(uint8_t *bytes, size_t size, size_t most, unsigned seed, unsigned depth)
{
    struct field fields[FIELDS_MAX];
    size_t count = depth < DEPTH_MAX && seed % 16 != 0 ? read_fields(bytes, size, fields) : 0;
    if (count == 0) {
        return mutate_bytes(bytes, size, most);
    }
    const struct field *field = &fields[seed / 16 % count];
    unsigned further = seed / 16 / (unsigned)count;
    switch (further % 8) {
    case 0:
        return splice(bytes, size, most, field->begin, field->end, NULL, 0);
    case 1:
        return repeat(bytes, size, most, field);
    default:
        break;
    }
    if (field->type == WIRE_BYTES) {
        return change_inside(bytes, size, most, field, further / 8 * 2654435761U, depth);
    }
    if (field->type == WIRE_VARINT) {
        return change_number(bytes, size, most, field, further / 8);
    }
    (void)mutate_bytes(bytes + field->value, field->end - field->value, field->end - field->value);
    return size;
}

size_t mutate_message(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    return change(bytes, size, most, seed, 0);
}
