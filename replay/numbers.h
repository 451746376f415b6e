#ifndef REPLAY_NUMBERS_H
#define REPLAY_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of parts of reports: single bytes, 64-bit words in little-endian order, and varints of 7
 * bits a byte, lowest first, the top bit set in all but the last; the shortest form is the only one
 * that is read.
 */

/* Begins as all zero. */
struct numbers_writer {
    uint8_t *bytes; /* from malloc() */
    size_t size;
    size_t capacity;
    bool full; /* memory was short; sticky */
};

void numbers_put_byte(struct numbers_writer *writer, uint8_t byte);
void numbers_put_word(struct numbers_writer *writer, uint64_t word);
void numbers_put(struct numbers_writer *writer, uint64_t number);

/* Borrows the bytes. */
struct numbers_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool damaged; /* more was asked for than is there, or not in the shortest form; sticky */
};

/* 0 once the reader is damaged. */
uint8_t numbers_get_byte(struct numbers_reader *reader);
uint64_t numbers_get_word(struct numbers_reader *reader);
uint64_t numbers_get(struct numbers_reader *reader);

static inline size_t numbers_left(const struct numbers_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

#endif
