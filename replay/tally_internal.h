#ifndef REPLAY_TALLY_INTERNAL_H
#define REPLAY_TALLY_INTERNAL_H

#include "replay/distinct.h"
#include "replay/exact_sum.h"
#include "replay/tally.h"

/* What tally.c keeps and tally_file.c reads and writes. */

struct tally_row {
    uint64_t unit; /* the first bits of its users' keys */
    uint32_t segment;
    uint32_t cells; /* number of its cells, see tally_cells() */
};

enum {
    TALLY_ROWS_ROOM = TALLY_ROW_SEGMENTS_MAX + 1, /* for one addition beyond the limits */
    TALLY_CHUNK_BITS = 6,                         /* 64 rows of cells at most, ... */
    TALLY_CHUNK_CELLS = 4096                      /* ... and so many cells, or one row */
};

struct tally {
    size_t sum_count;
    size_t column_count; /* sums and peaks */
    size_t row_limit;
    uint64_t additions;
    unsigned unit_bits; /* 64: units are users */
    size_t unit_count;  /* rows of segment 0 */

    struct tally_row *rows; /* owned */
    size_t row_count;
    size_t row_capacity;
    bool sorted; /* by segment and unit */

    uint32_t *slots;   /* owned; row + 1, or 0: open addressing, at most half full */
    size_t slot_count; /* a power of 2, twice row_capacity or more */

    struct exact_sum **chunks; /* owned, and each; 2^chunk_bits rows of cells */
    size_t chunk_count;
    unsigned chunk_bits;
    uint32_t *free_cells; /* owned; row_capacity: cells all zero that no row has */
    size_t free_count;

    struct distinct **users;  /* owned, and each; by segment; NULL: no row */
    size_t user_room;         /* segments that users has a place for */
    struct exact_sum *addend; /* owned; column_count */
};

static inline struct exact_sum *tally_cells(const struct tally *tally, uint32_t number)
{
    size_t in_chunk = number & ((1U << tally->chunk_bits) - 1);
    return tally->chunks[number >> tally->chunk_bits] + in_chunk * tally->column_count;
}

/* Makes room for that many rows in all, so that tally_need() cannot fail. STATUS_NO_MEMORY. */
MUST_USE enum status tally_reserve(struct tally *tally, size_t row_count);

/* Makes sure that users are counted in a segment. STATUS_NO_MEMORY. */
MUST_USE enum status tally_reserve_users(struct tally *tally, uint32_t segment);

/* Finds or adds a row, for which there is room; its cells. */
struct exact_sum *tally_need(struct tally *tally, uint64_t unit, uint32_t segment);

/* Sorts rows by segment and unit. */
void tally_sort(struct tally *tally);

/* Of sorted rows, the first one behind those of the segment that row is in. */
size_t tally_segment_end(const struct tally *tally, size_t row);

#endif
