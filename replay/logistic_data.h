#ifndef REPLAY_LOGISTIC_DATA_H
#define REPLAY_LOGISTIC_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/feature.h"
#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Examples of one head in memory: of each row the chosen features as floats, the outcome, a weight,
 * the user and the place. A fit looks at all of them a hundred times over, so they are kept in
 * columns rather than read again.
 *
 * Memory: 4 bytes for each chosen feature of a row, and 18 bytes besides.
 */
struct logistic_data;

enum { LOGISTIC_BLOCK = 256 }; /* rows that are kept, and summed up, together */

/*
 * Where a video stood, as far as outcomes are told apart by it: unknown, 1, 2, 3, 4 to 5, 6 to 8, 9
 * to 12, 13 to 20, 21 to 50, 51 and more.
 */
enum { LOGISTIC_PLACES = 10 };

/* So that squares of them add up exactly enough. */
#define LOGISTIC_WEIGHT_MAX  0x1p20
#define LOGISTIC_FEATURE_MAX 0x1p40
#define LOGISTIC_BYTES       (UINT64_C(1) << 31) /* a sound limit: 8 million rows of 60 features */

/*
 * An outcome that is a share q, such as a watch quantile, is two rows: a positive one of weight q
 * and another of weight 1 - q, leaving out a weight of 0. Their likelihood is that of the share
 * (Papke and Wooldridge, "Econometric methods for fractional response variables", 1996).
 */
struct logistic_row {
    uint64_t user_key; /* hash_key(), not 0; of a visitor, the request's */
    bool positive;
    double weight;         /* above 0, up to LOGISTIC_WEIGHT_MAX; 1 where nothing is known */
    unsigned position;     /* as served, from 1; 0: unknown */
    const float *features; /* FEATURE_COUNT; NaN: missing, which counts as 0, as when serving */
};

/* features is not empty. bytes_max bounds the rows' memory. NULL: no memory. */
struct logistic_data *logistic_data_new(const struct feature_set *features, uint64_t bytes_max);
void logistic_data_free(struct logistic_data *data);

/*
 * Copies a row. STATUS_INVALID: the user, the weight or a chosen feature is out of range.
 * STATUS_NO_SPACE: bytes_max would be passed. STATUS_NO_MEMORY. Each with a problem, and nothing
 * changed.
 */
MUST_USE enum status logistic_data_add(struct logistic_data *data, const struct logistic_row *row,
                                       struct problem *problem);

uint64_t logistic_data_rows(const struct logistic_data *data);
uint64_t logistic_data_positives(const struct logistic_data *data);

/*
 * The weight of an example that was there with a known probability, such as its position's in
 * Decision.ranked: 1 / propensity, clipped (Horvitz and Thompson 1952; clipping: Ionides,
 * "Truncated importance sampling", 2008). What was likely to be where it was counts less, so the
 * weighted examples are as if positions had been dealt evenly. propensity is above 0, clip at least
 * 1.
 */
double logistic_inverse_weight(double propensity, double clip);

/* Which of the places a position is, below LOGISTIC_PLACES, and its name: "4 to 5". */
unsigned logistic_place(unsigned position);
const char *logistic_place_name(unsigned place);

#endif
