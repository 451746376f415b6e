#ifndef TESTS_BENCH_HPACK_H
#define TESTS_BENCH_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/text.h"

/*
 * As much of HPACK (RFC 7541) as it takes to read grpc-status out of a server's headers: all
 * representations and the dynamic table, of which only the sizes and that one header are kept.
 * Strings in Huffman code are refused; gRPC's C core does not send them.
 */
enum { HPACK_TABLE_BYTES = 4096, HPACK_ENTRY_BYTES = 32 };

struct hpack_entry {
    size_t name_size;
    size_t value_size;
    int status; /* value of grpc-status; HPACK_OTHER for any other header */
};

enum { HPACK_OTHER = -1 };

/* One for each connection, zero at first. */
struct hpack {
    struct hpack_entry entries[HPACK_TABLE_BYTES / HPACK_ENTRY_BYTES]; /* newest first */
    size_t count;
    size_t bytes;
};

/*
 * Reads a whole header block. *status becomes the value of grpc-status, and is untouched where
 * there is none. False: the block is malformed or in Huffman code.
 */
bool hpack_read(struct hpack *hpack, struct text block, int *status);

#endif
