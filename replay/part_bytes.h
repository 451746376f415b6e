#ifndef REPLAY_PART_BYTES_H
#define REPLAY_PART_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/numbers.h"
#include "replay/segments.h"
#include "replay/tally.h"

/*
 * What the sums of all kinds of replays have in common when they are written as parts: blocks of
 * bytes with their sizes, heads, counts, and segments. Readers believe nothing; a writer's and a
 * reader's failure is sticky (numbers.h).
 */

/* Set as problem for what cannot be read of a part; STATUS_CORRUPT. */
MUST_USE enum status part_spoilt(struct problem *problem, const char *what);

/* The size first, as 8 bytes, lowest first. STATUS_IO. */
MUST_USE enum status part_write_block(FILE *file, const uint8_t *bytes, size_t size);

/*
 * *out is for free(). STATUS_CORRUPT: the size is above limit, or not all of it is there;
 * STATUS_NO_MEMORY, and no more of it than a MiB beyond what is there.
 */
MUST_USE enum status part_read_block(FILE *file, size_t limit, uint8_t **out, size_t *size,
                                     struct problem *problem);

/* How the bytes of a kind of sums begin. */
enum { PART_MAGIC_SIZE = 8 };

struct part_kind {
    char magic[PART_MAGIC_SIZE];
    const char *other; /* the problem where they begin otherwise */
};

/* The magic, and a block of what the writer has, which is freed. STATUS_NO_MEMORY, STATUS_IO. */
MUST_USE enum status part_write_head(FILE *file, const struct part_kind *kind,
                                     struct numbers_writer *writer);

/* That block; as part_read_block(). */
MUST_USE enum status part_read_head(FILE *file, const struct part_kind *kind, uint8_t **out,
                                    size_t *size, struct problem *problem);

/* counts[0..size) is a struct of 64-bit numbers. */
void part_put_counts(struct numbers_writer *writer, const void *counts, size_t size);
void part_get_counts(struct numbers_reader *reader, void *counts, size_t size);

void part_put_segments(struct numbers_writer *writer, const struct segments *segments);

/* Into segments that have only the first one. */
void part_get_segments(struct numbers_reader *reader, struct segments *segments);

/* Replaces *tally by one from the file, which must have the same columns. */
MUST_USE enum status part_read_tally(FILE *file, struct tally **tally, struct problem *problem);

#endif
