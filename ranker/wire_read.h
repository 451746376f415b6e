#ifndef RANKER_WIRE_READ_H
#define RANKER_WIRE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/arena.h"
#include "ranker/text.h"
#include "ranker/varint.h"
#include "ranker/wire_codec.h"

/*
 * What reading messages by hand has in common. The bytes are copied once, and each string lies in
 * the copy, ended by a zero in the place of what stands behind it, which is read from the bytes
 * that came. Whatever is not foreseen ends the pass: protobuf-c begins anew, and decides. So each
 * step needs to be right about what it takes, and to take what clients send.
 */

enum {
    STRING_SIZE_MAX = 127, /* so that the size is one byte */
    SIZE_BYTES = 5,        /* of another size, as protobuf-c has it */
    VALUE_BYTES = 9        /* of a number, so that it fits 63 bits */
};

struct reading {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *bytes;
    char *copy; /* of all bytes, and one more */
};

/* Copies the bytes into the arena; copy is NULL where they do not fit. */
static inline struct reading reading_of(struct text bytes, struct arena *arena)
{
    const uint8_t *begin = (const uint8_t *)bytes.data;
    char *copy = arena_new_raw(arena, char, bytes.size + 1);
    if (copy != NULL) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return (struct reading){.at = begin, .end = begin + bytes.size, .bytes = begin, .copy = copy};
}

static inline size_t bytes_left(const struct reading *reading)
{
    return (size_t)(reading->end - reading->at);
}

static inline bool read_varint(struct reading *reading, unsigned bytes_max, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < bytes_max && reading->at < reading->end; i++) {
        uint64_t byte = *reading->at++;
        *out |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

/* The size of the string whose size is at `at`; above STRING_SIZE_MAX: none, or none for us. */
static inline size_t string_size(const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    return left > 0 && at[0] < left ? at[0] : STRING_SIZE_MAX + 1;
}

/* The string of these bytes, in the copy. */
static inline char *string_of(const struct reading *reading, const uint8_t *bytes, size_t size)
{
    char *string = reading->copy + (bytes - reading->bytes);
    string[size] = '\0';
    return string;
}

static inline uint64_t load_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Not zero where a byte is zero or above 127. */
static inline uint64_t word_flaws(uint64_t word)
{
    return (word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080);
}

/* Not zero where the text is empty, or a byte of it zero or above 127. */
static inline uint64_t text_flaws(const uint8_t *text, size_t size)
{
    enum { WORD = sizeof(uint64_t) };
    uint64_t found = size == 0;
    if (size >= WORD) { /* its last bytes may be looked at twice */
        found = word_flaws(load_word(text + size - WORD));
        for (size_t at = 0; at + WORD < size; at += WORD) {
            found |= word_flaws(load_word(text + at));
        }
        return found;
    }
    for (size_t i = 0; i < size; i++) {
        found |= word_flaws(UINT64_C(0x0101010101010100) | text[i]);
    }
    return found;
}

/*
 * Reads a RecordSignalsRequest, StreamSignalsRequest or UploadSignalsRequest. NULL: it is none of
 * them, or protobuf-c is to read it.
 */
ProtobufCMessage *wire_read_signals(const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                                    struct arena *arena, struct wire_notes *notes);

#endif
