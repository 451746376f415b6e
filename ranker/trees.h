#ifndef RANKER_TREES_H
#define RANKER_TREES_H

#include <stddef.h>

#include "ranker/feature.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Gradient-boosted trees as XGBoost writes them (its JSON model format, versions 1.0 to 2.1), to be
 * evaluated here: the margin of a row is the sum of one leaf of each tree, in single precision and
 * in the trees' order as XGBoost adds them, so that predictions are equal to XGBoost's own within
 * 1e-6.
 *
 * Immutable once parsed; any number of threads may predict.
 */
struct trees;

enum {
    TREES_BYTES_MAX = 16 << 20, /* of a model file */
    TREES_COUNT_MAX = 4096,
    TREES_NODES_MAX = 1 << 20, /* of all trees together */
    TREES_DEPTH_MAX = 64,
    TREES_BLOCK = 16 /* rows that are predicted at once */
};

/*
 * Reads a model: booster gbtree; objective binary:logistic or reg:logistic, whose predictions are
 * probabilities, or reg:squarederror, whose predictions are cut to [0, 1]; one output; numeric
 * splits. Its feature_names must be names of feature.h. The input may be anything: STATUS_INVALID
 * with what is wrong and where; STATUS_NO_MEMORY. STATUS_OK: the caller ends *out with
 * trees_free().
 */
MUST_USE enum status trees_parse(struct text json, struct trees **out, struct problem *problem);

/* NULL is allowed. */
void trees_free(struct trees *trees);

unsigned trees_count(const struct trees *trees);

/* The features that splits read, rising; index below the count. */
unsigned trees_feature_count(const struct trees *trees);
enum feature trees_feature(const struct trees *trees, unsigned index);

/*
 * Predicts count rows, at most TREES_BLOCK, each in [0, 1]. columns are by feature, of which only
 * those that splits read are looked at; NaN is a missing value, which goes where its split says.
 */
void trees_predict(const struct trees *trees, const double *const columns[FEATURE_COUNT],
                   size_t count, double *out);

#endif
