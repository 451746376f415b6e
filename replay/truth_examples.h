#ifndef REPLAY_TRUTH_EXAMPLES_H
#define REPLAY_TRUTH_EXAMPLES_H

#include "ranker/state.h"
#include "ranker/weights.h"
#include "replay/example_file.h"
#include "replay/truth.h"

/*
 * The simulator's truth as training examples: the best that a model of the features can be taught.
 * A log has one draw of what a user did, of what the feed of then had chosen; here each candidate
 * that policy lets pass comes with the chance itself. What a head that learns from it still misses,
 * the features do not know.
 *
 * A chance p is two examples of one label, a positive one with weight p and another with 1 - p.
 * All rankings are of one moment, so times are running numbers, by which they can be split.
 */
struct truth_examples_options {
    const struct state *state;     /* as of the truth's rankings */
    const struct weights *weights; /* features are of their models */
    enum truth_value value;        /* what is taught ... */
    enum head head;                /* ... as the label of this head, not HEAD_WATCH_QUANTILE */
    struct example_writer *writer;
};

/*
 * Writes them; the caller finishes. Everything is borrowed. STATUS_INVALID, with a problem, for
 * lines as of truth_read(); STATUS_IO, STATUS_NO_MEMORY.
 */
MUST_USE enum status truth_examples_write(FILE *truth, const struct truth_examples_options *options,
                                          struct problem *problem);

#endif
