#ifndef REPLAY_LOGISTIC_EXAMPLES_H
#define REPLAY_LOGISTIC_EXAMPLES_H

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/example_file.h"
#include "replay/example_split.h"
#include "replay/logistic_data.h"

/* Examples of a file as rows that a head learns from, and rows that it is measured by. */

struct logistic_examples {
    enum head head;
    struct example_split split;
    /*
     * At least 1: an example whose propensity is known is weighed by its inverse, up to this, and
     * weights of examples that came beside it are multiplied. 0: propensities are not looked at.
     */
    double clip;
};

/*
 * Writes what an example tells of the head, with the example's features borrowed, and returns how
 * many rows that is: 0 where its label is not known; two where it is a share (logistic_data.h)
 * neither 0 nor 1; else one. Visitors count as users of their ranking.
 */
unsigned logistic_rows_of(const struct example *example, const struct logistic_examples *options,
                          struct logistic_row out[2]);

/*
 * Adds the file's examples to training and held_out, by the split; those in its gap to neither.
 * A failure, with a problem, is that of logistic_data_add() or example_reader_next(), and leaves
 * what was added before it.
 */
MUST_USE enum status logistic_examples_read(struct example_reader *reader,
                                            const struct logistic_examples *options,
                                            struct logistic_data *training,
                                            struct logistic_data *held_out,
                                            struct problem *problem);

#endif
