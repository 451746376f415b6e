#ifndef REPLAY_EXAMPLE_FILE_H
#define REPLAY_EXAMPLE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ranker/feature.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/weights.h"

/*
 * Training examples as rows of one size in a file, for more of them than memory holds: written
 * once, read as often as training needs, a block at a time. Files are for the program that wrote
 * them: one with other features or heads is refused.
 */

/* One video that was shown, and what became of it. docs/training.md tells what each means. */
struct example {
    int64_t time_ms;   /* of the ranking, above 0 */
    uint64_t user_key; /* 0: a visitor */
    uint64_t video_key;
    uint64_t group;        /* the ranking: running, from 1; rows of one follow each other */
    uint32_t position;     /* as served, from 1; 0: unknown */
    double propensity;     /* of the position's video, above 0, at most 1; NaN: unknown */
    double weight;         /* above 0, finite; 1 but where somebody weighs */
    uint32_t known;        /* 1 << enum head: whether the label is known */
    uint32_t positive;     /* of the known ones; never of HEAD_WATCH_QUANTILE */
    double watch_quantile; /* label of HEAD_WATCH_QUANTILE, in [0, 1]; NaN where it is not known */
    uint32_t watch_ms;
    uint32_t duration_ms; /* 0: unknown */
    bool censored;        /* the view reached the end: watch_ms and watch_quantile say "at least" */
    /*
     * Finite, or NaN: missing. What rank() reads is double; the nearest float is kept, with a
     * relative error of at most 2^-24. Trees compare floats, so to them nothing changes.
     */
    float features[FEATURE_COUNT];
};

static inline bool example_knows(const struct example *example, enum head head)
{
    return (example->known >> head & 1) != 0;
}

/* The label of a known head: 1 or 0, or the watch quantile. */
static inline double example_label(const struct example *example, enum head head)
{
    return head == HEAD_WATCH_QUANTILE ? example->watch_quantile : example->positive >> head & 1;
}

struct example_counts {
    uint64_t rows;
    uint64_t groups;
    int64_t first_ms; /* the least and the largest time_ms; 0: there are no rows */
    int64_t last_ms;
};

/*
 * Layout; numbers are little-endian.
 *
 *   size  field of the header
 *      1  version, 1; 0: the writer did not finish
 *      1  FEATURE_COUNT
 *      8  XXH3-64 of the names of all features, then of all heads, each with a zero byte
 *      8  rows, then 8 of groups, 8 of the least time, 8 of the largest
 *      8  XXH3-64 of the header so far
 *
 * then blocks of EXAMPLE_BLOCK_ROWS rows, the last with what is left, each followed by 8 bytes of
 * XXH3-64 of its rows. Doubles and floats are IEEE 754, NaN always the quiet one without a sign.
 *
 *   size  field of a row
 *      8  time_ms, then 8 of user_key, 8 of video_key, 8 of group
 *      4  position
 *      8  propensity, a double, then 8 of weight, 8 of watch_quantile
 *      2  known, then 2 of positive
 *      4  watch_ms, then 4 of duration_ms
 *      1  1 if censored, else 0
 *      4  for each feature: a float
 */
enum {
    EXAMPLE_HEADER_BYTES = 50,
    EXAMPLE_ROW_BYTES = 73 + 4 * FEATURE_COUNT,
    EXAMPLE_BLOCK_ROWS = 64
};

struct example_writer;

/*
 * Writes to a file from its beginning, which must be open for writing and able to seek, such as
 * temporary_open()'s. It is borrowed, and nobody else's until example_writer_close().
 * STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status example_writer_open(FILE *file, struct example_writer **out);

/* After a failure nothing but example_writer_close() may follow. STATUS_IO. */
MUST_USE enum status example_writer_add(struct example_writer *writer,
                                        const struct example *example);

/* After the last row: completes the file, which can be read from then on. STATUS_IO. */
MUST_USE enum status example_writer_finish(struct example_writer *writer);

/* Without example_writer_finish() no reader takes the file. */
void example_writer_close(struct example_writer *writer);

/* Of what was added so far. */
struct example_counts example_writer_counts(const struct example_writer *writer);

struct example_reader;

/*
 * Reads a file, open for reading and able to seek, from its beginning; it is borrowed, and nobody
 * else's until example_reader_close(). STATUS_CORRUPT, with problem: it was not written, or not to
 * its end, by this version of the program. STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status example_reader_open(FILE *file, struct example_reader **out,
                                         struct problem *problem);
void example_reader_close(struct example_reader *reader);

struct example_counts example_reader_counts(const struct example_reader *reader);

/*
 * The next row, in the order of writing, until the next call. STATUS_NOT_FOUND after the last one.
 * STATUS_CORRUPT, with problem, for bytes that no writer has written, which may show as late as at
 * the end; STATUS_IO.
 */
MUST_USE enum status example_reader_next(struct example_reader *reader, const struct example **out,
                                         struct problem *problem);

/* Begins again with the first row. STATUS_IO. */
MUST_USE enum status example_reader_rewind(struct example_reader *reader);

#endif
