#ifndef TESTS_BENCH_POOL_H
#define TESTS_BENCH_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/text.h"

/* A file of gRPC frames, one after another, which senders go round in. */
struct pool {
    struct text *frames; /* with their five bytes of header */
    size_t count;        /* at least 1 */
    struct text file;
};

enum { POOL_HEADER_SIZE = 5 };

/* Writes the header of a message that is not compressed: its size is big-endian. */
void pool_put_header(uint8_t frame[POOL_HEADER_SIZE], size_t message_size);

/* Size of the frame at the front of rest, with its header; 0 when it is not whole. */
size_t pool_frame_size(struct text rest);

/* Stops the program on a file that is empty or ends within a frame. */
void pool_read(struct pool *pool, const char *path);
void pool_release(struct pool *pool);

#endif
