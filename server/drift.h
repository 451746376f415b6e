#ifndef SERVER_DRIFT_H
#define SERVER_DRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics.h"

/*
 * How far the scores of now are from those when the weights came: the Jensen-Shannon divergence, in
 * bits, between the distribution of scores over the cells of metrics.h in the last whole window and
 * that in the first window after the weights came into force. With p and q the two and m their
 * mean,
 *
 *   D = sum over cells of (p log2(p / m) + q log2(q / m)) / 2
 *
 * which is 0 for the same and 1 for distributions without a common cell, and defined where a cell
 * is empty (J. Lin, Divergence Measures Based on the Shannon Entropy, IEEE Transactions on
 * Information Theory 37(1), 1991). For small differences it is 0.18 times the population stability
 * index, so that index's customary 0.1 and 0.25 are 0.018 and 0.045 here.
 *
 * Chance alone makes two samples of n scores over k cells differ: by about 0.36 (k - 1) / n bits.
 * So a window ends at the first look at least its length after it began, if it has DRIFT_SCORES_MIN
 * scores by then; with 100 cells in use that is 0.002. Looks should come more often than windows
 * end. One thread.
 */
enum { DRIFT_SCORES_MIN = 20000 };

struct drift {
    int64_t window_ms;
    bool began;
    uint64_t weights; /* which are in force */
    int64_t begin_ms; /* of the window */
    uint64_t at_begin[SCORE_CELL_COUNT];
    bool has_first;
    uint64_t first[SCORE_CELL_COUNT];
    double bits; /* NaN until there are two windows */
};

void drift_init(struct drift *drift, int64_t window_ms);

/*
 * A look: scores counted since the start, at now_ms of the monotonic clock, while the weights of
 * this number are in force. Others than at the last look begin anew.
 */
void drift_look(struct drift *drift, const uint64_t scores[SCORE_CELL_COUNT], uint64_t weights,
                int64_t now_ms);

/* As said above, of counts; NaN if all of one are 0. */
double drift_divergence(const uint64_t *a, const uint64_t *b, size_t count);

#endif
