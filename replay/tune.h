#ifndef REPLAY_TUNE_H
#define REPLAY_TUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "replay/tune_set.h"

/*
 * Searches numbers of a weights file that make past rankings better (tune_set.h), within bounds and
 * guard rails, with NLopt: first all over the bounds by controlled random search (NLOPT_GN_CRS2_LM:
 * Price 1983, Kaelo and Ali 2006), then near the best by Subplex (NLOPT_LN_SBPLX: Rowan 1990), as
 * metrics of orders have steps and no slopes. The same set, options and seed try the same.
 */
enum { TUNE_PARAMETERS_MAX = 32, TUNE_EVALUATIONS_MAX = 100000, TUNE_PATH_SIZE = 96 };

/* Only numbers that heads and features do not depend on can be searched: see tune_check(). */
struct tune_parameter {
    char path[TUNE_PATH_SIZE]; /* "value.like" */
    double low;
    double high; /* above low */
};

enum tune_figure {
    TUNE_NDCG,
    TUNE_WATCH_NDCG,
    TUNE_SKIP_SHARE,
    TUNE_NEW_SHARE,
    TUNE_LANGUAGE_SHARE
};

/* "ndcg", "watch_ndcg", "skip_share", "new_share", "language_share". */
const char *tune_figure_name(enum tune_figure figure);
MUST_USE enum status tune_figure_find(const char *name, enum tune_figure *out);

/*
 * A figure may not get worse than it is with the weights that the search begins with by more than
 * this: lower for all but TUNE_SKIP_SHARE, and for TUNE_LANGUAGE_SHARE each language's.
 */
struct tune_guard {
    enum tune_figure figure;
    double most; /* at least 0 */
};

struct tune_trial {
    double values[TUNE_PARAMETERS_MAX];
    double objective; /* NaN: the weights file refuses the values */
    double violation; /* of guards, in all; 0: none */
    struct tune_figures figures;
};

struct tune_options {
    struct text yaml; /* the search begins with it */
    const struct tune_parameter *parameters;
    size_t parameter_count;     /* 1 to TUNE_PARAMETERS_MAX */
    enum tune_figure objective; /* TUNE_NDCG or TUNE_WATCH_NDCG: the more the better */
    const struct tune_guard *guards;
    size_t guard_count;
    size_t evaluations; /* 1 to TUNE_EVALUATIONS_MAX */
    uint64_t seed;
    /* Parses a text that differs from yaml in those numbers. */
    enum status (*parse)(void *context, struct text yaml, struct weights **out,
                         struct problem *problem);
    /* After each trial; false ends the search with the best so far. NULL: never. */
    bool (*go_on)(void *context, const struct tune_trial *trial, size_t number);
    void *context;
};

struct tune_result {
    struct tune_trial base; /* as the file stands; its values are NaN where it does not say them */
    struct tune_trial *trials; /* owned */
    size_t trial_count;
    size_t best; /* of trials; trial_count: none is better than the base and keeps the guards */
    char *yaml;  /* owned: with the best values, or NULL */
    size_t yaml_size;
    bool stopped;
};

void tune_result_release(struct tune_result *result);

/*
 * Whether a path can be searched: a number below "value" or "multipliers", or slate.creator_decay
 * or slate.creator_floor, at the top of the file. STATUS_INVALID, with problem.
 */
MUST_USE enum status tune_check(const char *path, struct problem *problem);

/*
 * Status of the calls above; STATUS_INVALID, with problem, when the yaml as it stands is refused,
 * or a path of it cannot be edited. STATUS_NO_MEMORY.
 */
MUST_USE enum status tune_search(struct tune_set *set, const struct tune_options *options,
                                 struct tune_result *out, struct problem *problem);

#endif
