#ifndef STORE_CODER_H
#define STORE_CODER_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/varint.h"

/*
 * What rows of a saved state (user_row.h and so on) are made of: little-endian numbers of fixed
 * width, and varints (ranker/varint.h). A signed varint is the varint of (n << 1) ^ (n >> 63).
 *
 * Every row begins with
 *   offset  size  field
 *        0     1  version
 *        1     4  low 32 bits of XXH3-64, seeded with the version, of bytes 5 to the end
 */
enum { CODER_HEADER_SIZE = 5 };

/* Each writes at `at` and returns the place behind. */
static inline uint8_t *put_fixed(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
    return at + size;
}

static inline uint8_t *put_signed(uint8_t *at, int64_t value)
{
    return put_varint(at, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static inline uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Neither infinite nor no number. */
static inline bool float_bits_finite(uint32_t bits)
{
    return (bits & 0x7f800000) != 0x7f800000;
}

/* Writes the header of the row that ends at `end` and returns the row's size. */
size_t seal_row(uint8_t *row, uint8_t version, const uint8_t *end);

/* Bytes to be read. After the first that are missing or wrong, everything reads as 0. */
struct bytes {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

/* size is 1 to 8. Mostly there are 8 bytes to read, of which those that are not meant are cut. */
static inline uint64_t get_fixed(struct bytes *bytes, unsigned size)
{
    uint64_t value = 0;
    size_t left = (size_t)(bytes->end - bytes->at);
    if (bytes->bad || left < size) {
        bytes->bad = true;
        return 0;
    }
    if (left >= sizeof(value)) {
        memcpy(&value, bytes->at, sizeof(value));
        value = le64toh(value) & UINT64_MAX >> (64 - 8 * size);
    } else {
        for (unsigned i = 0; i < size; i++) {
            value |= (uint64_t)bytes->at[i] << (8 * i);
        }
    }
    bytes->at += size;
    return value;
}

/* Of any length; as get_varint(). */
static inline uint64_t get_long_varint(struct bytes *bytes, uint64_t most)
{
    uint64_t value = 0;
    const uint8_t *at = bytes->at;
    for (unsigned shift = 0; shift < 64 && at < bytes->end && !bytes->bad; shift += 7) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            bool longer_than_need_be = byte == 0 && shift > 0;
            bytes->bad = longer_than_need_be || value > most || (shift == 63 && byte > 1);
            bytes->at = at;
            return bytes->bad ? 0 : value;
        }
    }
    bytes->bad = true;
    return 0;
}

/* Above most is wrong. Nearly all numbers of a state are of one byte. */
static inline uint64_t get_varint(struct bytes *bytes, uint64_t most)
{
    if (!bytes->bad && bytes->at < bytes->end && *bytes->at < 0x80 && *bytes->at <= most) {
        return *bytes->at++;
    }
    return get_long_varint(bytes, most);
}

static inline int64_t get_signed(struct bytes *bytes)
{
    uint64_t value = get_varint(bytes, UINT64_MAX);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline float get_float(struct bytes *bytes)
{
    uint32_t bits = (uint32_t)get_fixed(bytes, 4);
    bytes->bad |= !float_bits_finite(bits);
    return float_of_bits(bits);
}

/* Marks the bytes as bad unless what they say holds. */
static inline void expect(struct bytes *bytes, bool holds)
{
    bytes->bad |= !holds;
}

/* What stands behind the header of a row. Bad if version or checksum is another. */
struct bytes open_row(const uint8_t *row, size_t size, uint8_t version);

static inline bool all_read(const struct bytes *bytes)
{
    return !bytes->bad && bytes->at == bytes->end;
}

#endif
