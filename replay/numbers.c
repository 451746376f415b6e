#include "replay/numbers.h"

#include <stdlib.h>

enum { WORD_BYTES = 8, FIRST_CAPACITY = 256, VARINT_BITS = 7, VARINT_MORE = 0x80 };

/* Room for size bytes more, or NULL. */
static uint8_t *grow(struct numbers_writer *writer, size_t size)
{
    if (!writer->full && writer->capacity - writer->size < size) {
        size_t capacity = writer->capacity > 0 ? 2 * writer->capacity : FIRST_CAPACITY;
        uint8_t *bytes = realloc(writer->bytes, capacity);
        writer->full = bytes == NULL;
        if (bytes != NULL) {
            writer->bytes = bytes;
            writer->capacity = capacity;
        }
    }
    return writer->full ? NULL : writer->bytes + writer->size;
}

void numbers_put_byte(struct numbers_writer *writer, uint8_t byte)
{
    uint8_t *at = grow(writer, 1);
    if (at != NULL) {
        *at = byte;
        writer->size++;
    }
}

void numbers_put_word(struct numbers_writer *writer, uint64_t word)
{
    uint8_t *at = grow(writer, WORD_BYTES);
    for (size_t i = 0; at != NULL && i < WORD_BYTES; i++) {
        at[i] = (uint8_t)(word >> (8 * i));
    }
    writer->size += at != NULL ? WORD_BYTES : 0;
}

void numbers_put(struct numbers_writer *writer, uint64_t number)
{
    while (number >= VARINT_MORE) {
        numbers_put_byte(writer, (uint8_t)(number | VARINT_MORE));
        number >>= VARINT_BITS;
    }
    numbers_put_byte(writer, (uint8_t)number);
}

uint8_t numbers_get_byte(struct numbers_reader *reader)
{
    if (reader->damaged || reader->at == reader->end) {
        reader->damaged = true;
        return 0;
    }
    return *reader->at++;
}

uint64_t numbers_get_word(struct numbers_reader *reader)
{
    if (reader->damaged || numbers_left(reader) < WORD_BYTES) {
        reader->damaged = true;
        return 0;
    }
    uint64_t word = 0;
    for (size_t i = 0; i < WORD_BYTES; i++) {
        word |= (uint64_t)*reader->at++ << (8 * i);
    }
    return word;
}

/* The tenth byte holds the one bit that is left of 64; a last byte of 0 behind others is longer
 * than need be. */
uint64_t numbers_get(struct numbers_reader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += VARINT_BITS) {
        uint8_t byte = numbers_get_byte(reader);
        uint64_t bits = byte & (VARINT_MORE - 1);
        if ((bits << shift) >> shift != bits || (byte == 0 && shift > 0)) {
            break;
        }
        number |= bits << shift;
        if (byte < VARINT_MORE) {
            return reader->damaged ? 0 : number;
        }
    }
    reader->damaged = true;
    return 0;
}
