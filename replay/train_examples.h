#ifndef REPLAY_TRAIN_EXAMPLES_H
#define REPLAY_TRAIN_EXAMPLES_H

#include "replay/train.h"

/* What kinds of heads have in common when they learn; private to replay/train*.c. */

/*
 * Counts, and begins again with the first example. STATUS_INVALID, with a problem: one of the sides
 * has none.
 */
MUST_USE enum status train_count(struct example_reader *reader,
                                 const struct logistic_examples *options, struct train_counts *out,
                                 struct problem *problem);

#endif
