#ifndef REPLAY_FORECAST_H
#define REPLAY_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/status.h"
#include "replay/auc_groups.h"
#include "replay/bootstrap.h"

/*
 * Predicted probabilities against what happened: how good they are, and how much better than those
 * of a reference, such as the base rate or the weights in force.
 *
 * Memory: 24 bytes a row, a tally (replay/tally.h) and what replay/auc_groups.h needs.
 */
struct forecast;

enum { FORECAST_BINS = 20 };

#define FORECAST_WEIGHT_MAX 0x1p20

/* NULL when memory is short. */
struct forecast *forecast_new(void);
void forecast_free(struct forecast *forecast);

struct forecast_row {
    uint64_t user_key; /* hash_key(), not 0; of a visitor, the request's */
    double probability;
    double reference; /* the probability it is compared with */
    double weight;    /* above 0, up to FORECAST_WEIGHT_MAX */
    bool positive;    /* what happened */
};

/*
 * STATUS_INVALID: a number is out of range, or there are 2^32 rows; nothing changed.
 * STATUS_NO_MEMORY: the row may count in some figures only; there is nothing to do but to free.
 */
MUST_USE enum status forecast_add(struct forecast *forecast, const struct forecast_row *row);

/* Of a reliability table; rows in the order of their probabilities, as many in each as in others.
 */
struct forecast_bin {
    uint64_t count;
    double weight;
    double predicted; /* mean probability */
    double observed;  /* share of positives */
};

/*
 * All means are weighted. A row's log loss is -ln of the probability of what happened, which
 * counts as 2^-40 where it is less, and as 1 - 2^-40 where it is more.
 */
struct forecast_figures {
    uint64_t rows;
    uint64_t positives;
    double weight;    /* sum */
    double effective; /* rows of equal weight that would tell as much: (sum w)^2 / sum w^2 (Kish) */
    double log_loss;  /* NaN without rows, and so are the others */
    double reference_log_loss;
    double predicted; /* mean probability */
    double observed;  /* share of positives */
    /*
     * reference_log_loss - log_loss, with the interval over users; above 0 is better. By
     * replay/bootstrap.h.
     */
    struct bootstrap_interval gain;
    struct auc_estimate auc; /* not weighted, by odds; see replay/auc_groups.h */
    /*
     * Expected calibration error: mean of |observed - predicted| over the bins by their weight
     * (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
     * binning", AAAI 2015), with bins of equal count. Chance alone makes it some
     * sqrt(2 / pi * p (1 - p) / n) with n rows a bin, so it is 0 for no finite sample.
     */
    double calibration_error;
    unsigned bin_count; /* FORECAST_BINS, or the rows where they are fewer */
    struct forecast_bin bins[FORECAST_BINS];
};

/* The same rows, in the same order, and the same seed give the same bits. STATUS_NO_MEMORY. */
MUST_USE enum status forecast_figures(struct forecast *forecast, uint64_t seed,
                                      struct forecast_figures *out);

#endif
