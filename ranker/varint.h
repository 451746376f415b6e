#ifndef RANKER_VARINT_H
#define RANKER_VARINT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Varints, as protobuf writes them: 7 bits a byte, lowest first, the uppermost bit set in all but
 * the last byte, in as few bytes as will do.
 */
enum { VARINT_MAX = 10 };

/*
 * A field's key is a varint, too: its number above TYPE_BITS bits of type. These are the types of
 * numbers, and of what a size stands before: texts, bytes, messages, packed numbers.
 */
enum wire_type { TYPE_VARINT = 0, TYPE_BYTES = 2 };

enum { TYPE_BITS = 3, TYPE_MASK = (1 << TYPE_BITS) - 1 };

/* Writes at `at`, where VARINT_MAX bytes are room enough, and returns the place behind. */
static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *at++ = (uint8_t)(value | 0x80);
    }
    *at++ = (uint8_t)value;
    return at;
}

static inline size_t varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7) {
        size++;
    }
    return size;
}

#endif
