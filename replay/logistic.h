#ifndef REPLAY_LOGISTIC_H
#define REPLAY_LOGISTIC_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/weights.h"
#include "replay/forecast.h"
#include "replay/logistic_data.h"

/*
 * Learns a head of kind "logistic": P(y = 1 | x) = 1 / (1 + e^-(bias + sum of weight * x)), by
 * penalised maximum likelihood (replay/logistic_fit.h has the function that is minimised).
 *
 * Features are standardised inside, so that l2 means the same for each; weights come out in the
 * features' own units. l2 is a penalty on the mean loss: as a prior, each standardised weight is
 * normal with variance 1 / (l2 * sum of example weights). The intercept is not penalised.
 *
 * Positions: where they count, each place has an effect of its own, learnt with the weights
 * (logistic_place()), so that what stood high is not taken for what is liked. Serving does not know
 * the position before it has ranked. Its model has no places, and one constant for all of them:
 * the one with which predictions are right on average over the training rows, as they were placed.
 * A constant for the first position would be as good for the order that one head gives, but heads
 * are added up, and reports compare with what happened: both want the scale of what happens.
 *
 * Classes: where they are balanced, positives weigh as much as all others together while the
 * weights are learnt. Then the intercept goes down by the logarithm of the classes' weights' ratio,
 * which is right where the model is (prior correction: King and Zeng, "Logistic regression in rare
 * events data", 2001).
 *
 * After either, the intercept alone is fitted again with the weights held and without class weights
 * and places: a maximum-likelihood intercept makes the mean prediction the share of positives, as
 * it is anyway without either. So predictions are calibrated in the large however the model fits.
 */

enum { LOGISTIC_GRID = 8 };

enum logistic_stage { LOGISTIC_STAGE_CHOOSE, LOGISTIC_STAGE_FIT, LOGISTIC_STAGE_INTERCEPT };

struct logistic_progress {
    enum logistic_stage stage;
    double l2;
    unsigned fit;             /* which, from 0 */
    unsigned fits_most;       /* how many at most, but for those that bounded weights need */
    unsigned iteration;       /* of this fit, from 1 */
    unsigned iterations_most; /* of one fit */
    double objective;
};

struct logistic_options {
    bool balance;   /* classes */
    bool positions; /* count */
    /*
     * Above 0, or 0: chosen from logistic_grid() by the mean loss of every fifth training user, who
     * sits out meanwhile; then all users' rows are fitted with it. So the held-out rows choose
     * nothing, and their figures are honest. Goes from the strongest penalty to weaker ones, each
     * fit beginning where the last one ended, until two in a row are no better. A weaker one has to
     * be better by 1e-9 of the loss.
     */
    double l2;
    uint64_t seed; /* deals users, draws the bootstrap */
    /* After each iteration; false stops with the best so far. NULL: never. */
    bool (*go_on)(void *context, const struct logistic_progress *progress);
    void *context;
};

struct logistic_model {
    double bias; /* -1000 to 1000 */
    unsigned weight_count;
    /* By rising feature; each within -1000 to 1000; without those that never vary. */
    struct feature_weight weights[FEATURE_COUNT];
};

struct logistic_tried {
    double l2;
    double loss;
};

struct logistic_result {
    struct logistic_model model;
    /* Of model.weights' features over the training rows: a weight times its deviation is how much
     * of the log odds comes and goes with the feature. */
    double deviations[FEATURE_COUNT];
    double l2;
    unsigned tried_count; /* 0: l2 was given */
    struct logistic_tried tried[LOGISTIC_GRID];
    struct feature_set constant; /* never varied */
    /*
     * Would need a weight beyond what a weights file takes, so it has the greatest one, and the
     * others were fitted again beside it.
     */
    struct feature_set bounded;
    bool positions; /* as of the options */
    /* With positions: in log odds, the most frequent place being 0. */
    double places[LOGISTIC_PLACES];
    uint64_t place_rows[LOGISTIC_PLACES];
    double intercept_moved; /* from the fit to the model served: 0 without balance and positions */
    double base_rate;       /* share of positives in training, by weight: the figures' reference */
    unsigned iterations;    /* of all fits */
    bool converged;         /* all fits that the model is of; replay/logistic_fit.h */
    bool stopped;
    struct forecast_figures training;
    struct forecast_figures held_out;
};

/* The penalties that are tried, from the strongest: 10, 1, ... 1e-6. */
double logistic_grid(unsigned index);

/*
 * Both data have the same features; held_out may be NULL. The same arguments give the same bits.
 * STATUS_INVALID with a problem: training has no positives, or nothing else; there are too few
 * users to choose l2 by; or the bias would be beyond 1000. STATUS_NO_MEMORY.
 */
MUST_USE enum status logistic_train(const struct logistic_data *training,
                                    const struct logistic_data *held_out,
                                    const struct logistic_options *options,
                                    struct logistic_result *out, struct problem *problem);

/* As the ranker computes it, bit for bit; features is FEATURE_COUNT, NaN: missing. */
double logistic_predict(const struct logistic_model *model, const double *features);

#endif
