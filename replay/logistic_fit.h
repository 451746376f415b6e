#ifndef REPLAY_LOGISTIC_FIT_H
#define REPLAY_LOGISTIC_FIT_H

#include <stdbool.h>

#include "replay/logistic_data.h"

/*
 * One fit of logistic.h's model by L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for
 * large scale optimization", 1989; libLBFGS). With variables a, v and c, x a row's features, m and
 * s their means and standard deviations, and w the row's weight times its class's, it minimises
 *
 *   sum of w ln(1 + e^-(y z)) / sum of w + l2 / 2 sum of v^2 + LOGISTIC_PLACE_L2 / 2 sum of c^2
 *   z = a + sum of v (x - m) / s + c of the row's place;  y = 1 or -1
 *
 * Sums go over blocks, rows and features in the order of the data, in lanes of a fixed number, with
 * the exponential of ranker/exact.h: the same data gives the same bits.
 */

/* An l2 for places, only so that one without positives, or without others, has a finite effect. */
#define LOGISTIC_PLACE_L2 1e-6

enum {
    LOGISTIC_VARIABLES = 1 + FEATURE_COUNT + LOGISTIC_PLACES,
    LOGISTIC_ITERATIONS = 300, /* of one fit at most */
    LOGISTIC_FOLDS = 5
};

/* Users are dealt into LOGISTIC_FOLDS folds; those of the first one choose, the others fit. */
enum logistic_part { LOGISTIC_ALL, LOGISTIC_FITTING, LOGISTIC_CHOOSING };

struct logistic_scale {
    double mean[FEATURE_COUNT];      /* by number of the column */
    double deviation[FEATURE_COUNT]; /* 0: the feature never varies */
};

struct logistic_fit {
    const struct logistic_data *data;
    const struct logistic_scale *scale;
    enum logistic_part part;
    uint64_t seed;           /* deals the users */
    double class_weights[2]; /* of the others and of positives */
    double l2;
    double tolerance; /* above 0 */
    /* a, v of each column, c of each place. What is held stays as it is given. */
    double variables[LOGISTIC_VARIABLES];
    bool held[LOGISTIC_VARIABLES];
    /* Called after each iteration; false stops with the best so far. NULL: never. */
    bool (*go_on)(void *context, unsigned iteration, double objective);
    void *context;
    unsigned iterations; /* set by the fit, and so are those below */
    bool converged;
    bool stopped;
};

/*
 * Converged: the gradient's norm is within the tolerance of the larger of 1 and the variables'
 * norm, or, where rounding lets no line search succeed any more, within a hundred times that.
 * STATUS_NO_MEMORY.
 */
MUST_USE enum status logistic_fit(struct logistic_fit *fit);

/* Mean loss without penalties over another part, with the fit's variables. */
double logistic_fit_loss(const struct logistic_fit *fit, enum logistic_part part);

/* Weighted by the rows' weights; a deviation over all rows. */
void logistic_scale_of(const struct logistic_data *data, struct logistic_scale *out);

/* Positive and other rows of a part. */
struct logistic_counts {
    uint64_t rows;
    uint64_t positives;
    double weight;          /* of all */
    double positive_weight; /* of the positives */
    uint64_t places[LOGISTIC_PLACES];
    double place_weights[LOGISTIC_PLACES];
};

void logistic_count(const struct logistic_data *data, enum logistic_part part, uint64_t seed,
                    struct logistic_counts *out);

#endif
