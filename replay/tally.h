#ifndef REPLAY_TALLY_H
#define REPLAY_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Sums by unit and segment in bounded memory: what a log amounts to, ready for a bootstrap over
 * units, and the same whether the log was read whole or in parts that were merged, bit for bit
 * (replay/exact_sum.h).
 *
 * A unit is a user while there are at most TALLY_UNITS_MAX users. Beyond, all users whose keys
 * agree in their first bits are one unit. Users do not depend on each other, nor do disjoint groups
 * of them, so a bootstrap over such units is as valid; there are still thousands. The number of
 * bits is the largest with which the units, and the rows, are within their limits. It follows from
 * the set of users and their segments alone, not from the order in which they came.
 *
 * A segment is a number below TALLY_SEGMENTS_MAX that the caller gives a meaning; segment 0 is
 * everything. A row, a unit's part of a segment, has columns of two kinds: sums, and peaks, which
 * keep the largest value.
 */
struct tally;

enum {
    TALLY_UNITS_MAX = 16384,
    TALLY_SEGMENTS_MAX = 4096,
    TALLY_COLUMNS_MAX = 4096,    /* sums and peaks together */
    TALLY_ROWS_MAX = 1 << 20,    /* of all units and segments */
    TALLY_CELLS_MAX = 1 << 24,   /* rows times columns, 16 bytes each */
    TALLY_ROW_SEGMENTS_MAX = 16, /* of one tally_add() */
};

/* sum_count is at least 1. NULL when memory is short. */
struct tally *tally_new(size_t sum_count, size_t peak_count);
void tally_free(struct tally *tally);

/*
 * Adds one observation of a user (hash_key(), not 0) to segment 0 and to the segments given, which
 * are different from each other and from 0. sums has sum_count values, peaks has peak_count, none
 * of them below 0 (NULL where there are none).
 * STATUS_INVALID: a value is not finite or beyond EXACT_SUM_ADDEND_MAX, a peak is below 0, or there
 * were EXACT_SUM_COUNT_MAX additions. STATUS_NO_MEMORY. A failure changes nothing.
 */
MUST_USE enum status tally_add(struct tally *tally, uint64_t user_key, const uint32_t *segments,
                               size_t segment_count, const double *sums, const double *peaks);

/*
 * Adds all that from knows. Of two parts of a log, cut by user, this makes what the whole log would
 * have made. A user who is in both counts as one; observations are not compared, so what was added
 * to both counts twice. STATUS_INVALID: the columns differ, or there are too many additions.
 * STATUS_NO_MEMORY. A failure changes nothing.
 */
MUST_USE enum status tally_merge(struct tally *into, const struct tally *from,
                                 struct problem *problem);

size_t tally_sum_count(const struct tally *tally);
size_t tally_peak_count(const struct tally *tally);

/* Whether units are still users. */
bool tally_units_are_users(const struct tally *tally);

size_t tally_unit_count(struct tally *tally, uint32_t segment);

/*
 * The users of a segment: counted while units are users; after that estimated with a standard error
 * of 1.6 % (HyperLogLog with 4,096 registers, Flajolet et al. 2007, estimated as by Ertl, "New
 * cardinality estimation algorithms for HyperLogLog sketches", 2017), the same for merged parts.
 */
uint64_t tally_users(struct tally *tally, uint32_t segment);

/* The sums of column_count columns from first_column on, over all units of a segment. */
void tally_totals(struct tally *tally, uint32_t segment, size_t first_column, size_t column_count,
                  double *out);

/* The same of each unit by itself, in rising order of unit: tally_unit_count() rows. */
void tally_rows(struct tally *tally, uint32_t segment, size_t first_column, size_t column_count,
                double *out);

/* The largest values of the peaks from first_peak on; 0 where there is no unit. */
void tally_peaks(struct tally *tally, uint32_t segment, size_t first_peak, size_t peak_count,
                 double *out);

/*
 * A tally as bytes, the same for the same contents; numbers are little-endian.
 *
 *   size  field
 *      1  version, 1
 *      1  bits of a unit, 0 to 64; 64 where there are no rows
 *      4  number of sums, then 4 of peaks
 *      8  additions
 *      4  number of rows, then rows in rising order of segment and unit, each
 *           4  segment
 *           8  unit: the first bits of its users' keys
 *           one bit for each column, lowest first, filled up to bytes: whether it is not 0
 *           16 for each column that is not 0: low, then high of its exact sum
 *      4  number of segments, then the registers of each in rising order of segment
 *           4  segment
 *         512  one bit for each of the 4,096 registers: whether it is not 0
 *           1  for each register that is not 0
 *      8  XXH3-64 of all bytes before
 *
 * Several may lie behind each other in a file. tally_write(): STATUS_IO. tally_read() leaves the
 * file behind the tally's last byte; STATUS_CORRUPT for bytes that tally_write() cannot have
 * written, STATUS_NO_MEMORY, STATUS_IO, each with a problem.
 */
MUST_USE enum status tally_write(struct tally *tally, FILE *file);
MUST_USE enum status tally_read(FILE *file, struct tally **out, struct problem *problem);

#endif
