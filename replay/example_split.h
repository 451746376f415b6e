#ifndef REPLAY_EXAMPLE_SPLIT_H
#define REPLAY_EXAMPLE_SPLIT_H

#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Cuts examples in two by time: what came first trains, what came last tells how good that is, and
 * a gap between them belongs to neither, so that what users did after the last ranking of the
 * former is over before the first of the latter.
 */
struct example_split {
    int64_t train_until_ms;     /* rankings before that train */
    int64_t validation_from_ms; /* at or after that they validate */
};

enum example_side { EXAMPLE_TRAIN, EXAMPLE_GAP, EXAMPLE_VALIDATION };

/*
 * Of examples from first_ms to last_ms (struct example_counts) the last `percent` of their time, 1
 * to 99, rounded to a millisecond towards more, validates. The gap, at least 0, is taken out of
 * what comes before. STATUS_INVALID: nothing, of time, would be left to train with.
 */
MUST_USE enum status example_split_by_time(int64_t first_ms, int64_t last_ms, unsigned percent,
                                           int64_t gap_ms, struct example_split *out,
                                           struct problem *problem);

enum example_side example_side(const struct example_split *split, int64_t time_ms);

#endif
