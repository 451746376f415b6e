#ifndef REPLAY_TRAIN_H
#define REPLAY_TRAIN_H

#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
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

struct train_options {
    struct logistic_examples examples; /* which head, and from what */
    struct feature_set features;       /* not empty */
    struct logistic_options logistic;
};

/* A head that was learnt. */
struct train_head {
    enum head head;
    struct train_counts counts;
    struct logistic_result result;
};

/*
 * Learns a head of kind logistic from a file of replay/example_file.h. Rows are kept in memory
 * while this is done, up to LOGISTIC_BYTES for each side.
 *
 * STATUS_INVALID, STATUS_NO_SPACE, each with a problem: as logistic_train() and
 * logistic_data_add() say. STATUS_NO_MEMORY, STATUS_IO, STATUS_CORRUPT.
 */
MUST_USE enum status train_logistic(FILE *examples, const struct train_options *options,
                                    struct train_head *out, struct problem *problem);

/*
 * The text with the heads in the place of those it had, and with another version. *out is the
 * caller's, from malloc(). Statuses and problems are those of weights_edit().
 */
MUST_USE enum status train_edit(struct text yaml, const char *version,
                                const struct train_head *heads, size_t count, char **out,
                                size_t *size, struct problem *problem);

#endif
