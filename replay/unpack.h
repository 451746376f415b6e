#ifndef REPLAY_UNPACK_H
#define REPLAY_UNPACK_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Reads a file that may be packed with gzip (RFC 1952) or zstd (RFC 8878) as what is in it. Which
 * it is, its first bytes say, not its name; anything else passes through as it is. All members of a
 * gzip file and all frames of a zstd file are read, as if they were one; zeros behind the last
 * member of a gzip file are padding. Works on pipes: nothing is read twice. Memory is bounded: a
 * zstd frame that needs a window of more than UNPACK_WINDOW_BYTES is refused.
 */
struct unpack;

enum { UNPACK_WINDOW_LOG = 27, UNPACK_WINDOW_BYTES = 1 << UNPACK_WINDOW_LOG };

/*
 * Reads the first bytes of file, which is borrowed until unpack_close() and must not be touched
 * until then. STATUS_IO, with problem, when they cannot be read; STATUS_NO_MEMORY.
 */
MUST_USE enum status unpack_open(FILE *file, struct unpack **out, struct problem *problem);

/* Closes the stream of unpack_stream(), but not the file. NULL is allowed. */
void unpack_close(struct unpack *unpack);

/*
 * What to read from. Owned by unpack. It cannot be sought in. What was unpacked before damage was
 * met is read; then reading fails, as ferror() says.
 */
FILE *unpack_stream(struct unpack *unpack);

/* Bytes of the file that have been used, for a display of progress. */
uint64_t unpack_consumed(const struct unpack *unpack);

/*
 * Why reading failed: STATUS_IO, and a problem such as "the gzip data ends early at byte 1234" or
 * what the system said; STATUS_NO_MEMORY. STATUS_OK, and problem as it was, while it has not
 * failed.
 */
MUST_USE enum status unpack_failure(const struct unpack *unpack, struct problem *problem);

#endif
