#ifndef REPLAY_TUNE_H
#define REPLAY_TUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "replay/tune_figure.h"
#include "replay/tune_parameter.h"
#include "replay/tune_set.h"

/*
 * Searches numbers of a weights file that make past rankings better, within bounds and guard rails,
 * with NLopt. Metrics of orders have steps and no slopes, so no method asks for any.
 *
 * Numbers that scores follow from in memory (TUNE_RESCORES) are searched in a set of rankings
 * (tune_set.h): all over the bounds by controlled random search (NLOPT_GN_CRS2_LM: Price 1983,
 * Kaelo and Ali 2006), then near the best by Subplex (NLOPT_LN_SBPLX: Rowan 1990).
 *
 * Numbers that change what is in memory cost a walk along the log for each set of values. Those are
 * searched around the others: all over by dividing rectangles (NLOPT_GN_DIRECT_L: Gablonsky and
 * Kelley 2001), then near the best by Subplex; after each walk the numbers in memory are searched
 * near the best for a while, and at last all over once more with the best of the walks.
 *
 * With `walked` every trial is a walk, and its figures are those of that walk: for estimates, and
 * for rules that scores do not tell.
 *
 * The same events, options and seed try the same.
 */
enum { TUNE_TRIALS_MAX = 100000, TUNE_WALKS_MAX = 10000, TUNE_REFUSED_SIZE = 256 };

struct tune_trial {
    double values[TUNE_PARAMETERS_MAX];
    double objective; /* the more the better; NaN: the weights file refuses the values, or the log
                       * does not support the estimate */
    double violation; /* of guards, in all; 0: none */
    size_t walk;      /* 0: the first */
    struct tune_figures figures;
    char refused[TUNE_REFUSED_SIZE]; /* why there is no objective; "": there is one */
};

/* What a walk along the log's training part makes of weights. */
struct tune_walk {
    struct tune_set *set; /* the caller's, until the next walk */
    double estimate;      /* NaN: none was asked for, or it is refused */
    char refused[TUNE_REFUSED_SIZE];
};

struct tune_options {
    struct text yaml; /* the search begins with it */
    const struct tune_parameter *parameters;
    size_t parameter_count;     /* 1 to TUNE_PARAMETERS_MAX */
    enum tune_figure objective; /* not TUNE_LANGUAGE_SHARE */
    const struct tune_guard *guards;
    size_t guard_count;
    size_t trials; /* in memory, with the weights of one walk: 1 to TUNE_TRIALS_MAX */
    size_t walks;  /* besides the first: 1 to TUNE_WALKS_MAX */
    bool walked;   /* each trial is a walk */
    uint64_t seed;
    /* Parses a text that differs from yaml in those numbers. */
    enum status (*parse)(void *context, struct text yaml, struct weights **out,
                         struct problem *problem);
    /* STATUS_UNAVAILABLE: somebody wants the search to end. */
    enum status (*walk)(void *context, struct weights *weights, struct tune_walk *out,
                        struct problem *problem);
    /* After each trial, and the start; false ends the search with the best so far. NULL: never. */
    bool (*go_on)(void *context, const struct tune_trial *trial, const struct tune_trial *best);
    void *context;
};

struct tune_result {
    struct tune_trial start;   /* as the file stands */
    struct tune_trial *trials; /* owned */
    size_t trial_count;
    size_t best;         /* of trials; trial_count: none is better and keeps the guards */
    size_t walks;        /* that were done, the first among them */
    size_t memory_count; /* of parameters that are searched in memory */
    bool stopped;
};

void tune_result_release(struct tune_result *result);

/* Whether a trial may be taken: it has an objective, and keeps the guards. */
bool tune_trial_is_allowed(const struct tune_trial *trial);

/*
 * Status of the calls above; STATUS_INVALID, with problem, when the yaml as it stands is refused,
 * or a path of it cannot be edited. STATUS_UNAVAILABLE: it was ended before there was anything.
 * STATUS_NO_MEMORY. A start without support for its estimate is beaten by whatever has some.
 */
MUST_USE enum status tune_search(const struct tune_options *options, struct tune_result *out,
                                 struct problem *problem);

#endif
