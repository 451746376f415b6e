#ifndef REPLAY_BOOST_H
#define REPLAY_BOOST_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/feature.h"
#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Learns gradient-boosted trees with XGBoost (Chen and Guestrin, "XGBoost: a scalable tree boosting
 * system", KDD 2016) by its histogram method, for a head of kind "trees" (ranker/trees.h).
 *
 * Rows are read a batch at a time, several times over; XGBoost keeps a byte of each feature of a
 * row, and some 20 bytes a row besides. One thread: sums of several come out in another order each
 * time, and the same rows and seed are to give the same model.
 */

/* What trees learn to tell. */
enum boost_objective {
    /* The label's probability: binary:logistic. */
    BOOST_PROBABILITY,
    /*
     * The order within groups: rank:ndcg (LambdaMART: Burges, "From RankNet to LambdaRank to
     * LambdaMART", 2010). What comes out is made a probability by Platt's scaling on the held-out
     * rows ("Probabilistic outputs for support vector machines", 1999): leaves are multiplied by
     * its slope, which is written into the model, so that it is served like any other. Groups
     * whose rows have all the same label teach nothing.
     */
    BOOST_ORDER
};

struct boost_row {
    uint64_t group; /* BOOST_ORDER: rows of one follow each other */
    bool positive;
    double weight; /* above 0; BOOST_ORDER takes all rows as alike */
    /*
     * In log odds: what is known of the row besides, such as its position's effect; 0 none. Trees
     * learn what it leaves to tell, and the model is served without it: its constant is the one
     * with which predictions are right on average over the training rows (BOOST_ORDER: the
     * held-out ones) as they were.
     */
    double offset;
    const float *features; /* FEATURE_COUNT; NaN: missing */
};

/* Rows that can be read again from the beginning. */
struct boost_source {
    enum status (*rewind)(void *context);
    /* The next row, until the next call. STATUS_NOT_FOUND after the last one. */
    enum status (*next)(void *context, struct boost_row *out);
    void *context;
};

struct boost_round {
    unsigned number; /* from 1 */
    /* Mean log loss over the training rows or, BOOST_ORDER, nDCG@10, 1 for groups of no positive.
     */
    double training;
    double held_out;  /* over the others */
    bool best_so_far; /* by held_out */
};

enum { BOOST_ROUNDS_MAX = 1000, BOOST_DEPTH_MAX = 12 };

struct boost_options {
    enum boost_objective objective;
    struct feature_set features; /* not empty */
    unsigned rounds;             /* at most: 1 to BOOST_ROUNDS_MAX */
    unsigned patience;           /* ends after so many rounds in a row that were not better */
    unsigned depth;              /* of a tree: 1 to BOOST_DEPTH_MAX */
    double learning_rate;        /* above 0 to 1 */
    double least_weight;         /* of a leaf: sum of its rows' second derivatives; at least 0 */
    double l2;                   /* of leaves, at least 0 */
    double row_share;            /* drawn for each tree, above 0 to 1 */
    double column_share;         /* of features drawn for each tree, above 0 to 1 */
    /* By feature: 1, it may only raise the prediction; -1, only lower it; 0, either. */
    int8_t monotone[FEATURE_COUNT];
    uint32_t seed; /* below 2^31 */
    /* After each round; false stops, with the best so far. NULL: never. */
    bool (*go_on)(void *context, const struct boost_round *round);
    void *context;
};

struct boost_result {
    char *model; /* XGBoost's JSON, for trees_parse(); from malloc(), the caller's */
    size_t model_size;
    unsigned rounds; /* of the model: up to the best one */
    unsigned ran;    /* rounds in all */
    bool stopped;    /* by go_on */
    double training; /* of the model's last round, as in struct boost_round */
    double held_out;
    double slope;     /* of what leaves say in log odds: BOOST_ORDER Platt's, else 1 */
    double intercept; /* of the model, in log odds: its prediction where leaves say 0 */
};

/*
 * Status of the sources; STATUS_INVALID, with problem: one has no rows, or the training rows no
 * positives, or nothing else; STATUS_NO_MEMORY; STATUS_IO, with what XGBoost says of a failure.
 */
MUST_USE enum status boost_train(const struct boost_source *training,
                                 const struct boost_source *held_out,
                                 const struct boost_options *options, struct boost_result *out,
                                 struct problem *problem);

#endif
