#ifndef REPLAY_TRAIN_H
#define REPLAY_TRAIN_H

#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "replay/boost.h"
#include "replay/logistic.h"
#include "replay/logistic_examples.h"

/* Heads learnt from a file of examples, and put into the text of a weights file. */

/* Examples as a head and a split have them. */
struct train_counts {
    uint64_t training; /* with a label that is known */
    uint64_t gap;      /* of neither side, whatever their labels */
    uint64_t validation;
    uint64_t unknown;  /* of both sides, with a label that is not known */
    uint64_t censored; /* of training and validation: views that reached the end */
};

struct train_logistic_options {
    struct logistic_examples examples; /* which head, and from what */
    struct feature_set features;       /* not empty */
    struct logistic_options logistic;
};

struct train_trees_options {
    struct logistic_examples examples; /* clip 0 with BOOST_ORDER */
    /* How; its seed also deals users. BOOST_ORDER is not for HEAD_WATCH_QUANTILE, whose label is a
     * share. */
    struct boost_options boost;
    /*
     * Places have effects: those that a logistic head of the same features and training examples
     * learns beside its weights (replay/logistic.h) are known when the trees learn, and left out
     * when they are served.
     */
    bool positions;
    /* After each step of the logistic head; false stops it. NULL: never. With boost.context. */
    bool (*places_go_on)(void *context, const struct logistic_progress *progress);
};

enum { TRAIN_MODEL_NAME_SIZE = 64 };

/* What a round of trees said; struct boost_round tells what the figures are. */
struct train_round {
    double training; /* over the users who are learnt from */
    double held_out; /* over those who sit out */
};

/* What was learnt as trees. */
struct train_trees {
    char *model; /* owned; XGBoost's JSON */
    size_t model_size;
    char model_name[TRAIN_MODEL_NAME_SIZE]; /* of the head and the model's hash: "like-HASH.json" */
    unsigned rounds;                        /* of the model */
    unsigned ran;                           /* in all */
    bool stopped;
    double gain[FEATURE_COUNT]; /* of all splits that read a feature: XGBoost's loss change */
    enum boost_objective objective;
    int8_t monotone[FEATURE_COUNT]; /* of the features that could be read */
    struct train_round *curve;      /* owned; ran of them */
    /* With positions: in log odds, the most frequent place being 0. */
    bool positions;
    double places[LOGISTIC_PLACES];
    uint64_t place_rows[LOGISTIC_PLACES];
    struct forecast_figures training;
    struct forecast_figures held_out;
};

enum train_kind { TRAIN_LOGISTIC, TRAIN_TREES };

/* A head that was learnt, for train_head_release(). All zero is allowed. */
struct train_head {
    enum head head;
    enum train_kind kind;
    struct train_counts counts;
    struct logistic_result logistic; /* TRAIN_LOGISTIC */
    struct train_trees trees;        /* TRAIN_TREES */
};

void train_head_release(struct train_head *head);

/*
 * Learns a head of kind logistic from a file of replay/example_file.h. Rows are kept in memory
 * while this is done, up to LOGISTIC_BYTES for each side.
 *
 * STATUS_INVALID, STATUS_NO_SPACE, each with a problem: as logistic_train() and
 * logistic_data_add() say. STATUS_NO_MEMORY, STATUS_IO, STATUS_CORRUPT.
 */
MUST_USE enum status train_logistic(FILE *examples, const struct train_logistic_options *options,
                                    struct train_head *out, struct problem *problem);

/*
 * The same for a head of kind trees. Every fifth training user sits out, and the rounds end where
 * the outcomes of these are predicted best; so validation chooses nothing, and measures honestly.
 * Statuses as of boost_train(), trees_parse() and the example reader.
 */
MUST_USE enum status train_trees(FILE *examples, const struct train_trees_options *options,
                                 struct train_head *out, struct problem *problem);

/*
 * The text with the heads in the place of those it had, and with another version. *out is the
 * caller's, from malloc(). Statuses and problems are those of weights_edit().
 */
MUST_USE enum status train_edit(struct text yaml, const char *version,
                                const struct train_head *heads, size_t count, char **out,
                                size_t *size, struct problem *problem);

#endif
