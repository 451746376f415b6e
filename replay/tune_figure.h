#ifndef REPLAY_TUNE_FIGURE_H
#define REPLAY_TUNE_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/metric.h"

/*
 * What a trial of a search is judged by. The first are the metrics of rankings (metric.h) that are
 * means over rankings, each numbered as enum metric has it; then what guard rails are made of.
 */
enum tune_figure {
    TUNE_SKIP_SHARE = METRIC_AUC, /* of the first k judged videos, those that were skipped */
    TUNE_NEW_SHARE,               /* exposure of videos with fewer views than half of what counts */
    TUNE_POLICY_DROPS,            /* share of candidates that policy removes */
    TUNE_ESTIMATE,                /* what an off-policy estimate says */
    TUNE_FIGURE_COUNT,            /* of those with one number; behind it */
    TUNE_LANGUAGE_SHARE = TUNE_FIGURE_COUNT /* exposure of each language by itself */
};

enum { TUNE_LANGUAGES = 24 }; /* told apart; exposure of others is counted nowhere */

/* Means over rankings; NaN where none has the like. */
struct tune_figures {
    double values[TUNE_FIGURE_COUNT];
    double language_shares[TUNE_LANGUAGES]; /* each of tune_set_language() */
};

/* "ndcg@10", as metric_name() with the same k; "skip_share", "estimate", "language_share" ... */
void tune_figure_name(enum tune_figure figure, size_t k, char out[METRIC_NAME_SIZE]);

/* For people: "nDCG@10", "skip share". */
void tune_figure_title(enum tune_figure figure, size_t k, char out[METRIC_TITLE_SIZE]);

/* Whether less is better. Of metrics, new videos and languages more is. */
bool tune_figure_falls(enum tune_figure figure);

/*
 * By its name, but for "estimate", which the names of estimators stand for. STATUS_NOT_FOUND:
 * problem lists the names.
 */
MUST_USE enum status tune_figure_find(const char *name, size_t k, enum tune_figure *out,
                                      struct problem *problem);

/*
 * A figure may not get worse than it is with the weights that the search begins with by more than
 * this: lower, or for those that fall higher; for TUNE_LANGUAGE_SHARE each language's.
 */
struct tune_guard {
    enum tune_figure figure;
    double most; /* at least 0 */
};

/* By how much a guard is broken, languages added up; 0: it holds. What is not known breaks none. */
double tune_guard_violation(const struct tune_guard *guard, const struct tune_figures *start,
                            const struct tune_figures *figures, size_t language_count);

/* "skip_share=0.01". STATUS_INVALID, with problem. */
MUST_USE enum status tune_guard_parse(const char *text, size_t k, struct tune_guard *out,
                                      struct problem *problem);

#endif
