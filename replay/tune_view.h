#ifndef REPLAY_TUNE_VIEW_H
#define REPLAY_TUNE_VIEW_H

#include <jansson.h>
#include <stddef.h>

#include "replay/report_format.h"

/*
 * What tables and pages read out of a search's report (docs/tune-report.schema.json). What a report
 * does not have reads as nothing: NAN, 0, an empty text or NULL.
 */
enum { TUNE_FIGURES_SHOWN = 24 };

struct tune_view {
    const json_t *report;
    const json_t *figures; /* the columns of trials */
    size_t figure_count;   /* at most TUNE_FIGURES_SHOWN */
    size_t objective;      /* of figures; figure_count: there is none */
    const json_t *start;   /* a trial */
    const json_t *best;    /* NULL: there is none */
};

/* Borrows the report. */
void tune_view_init(struct tune_view *view, const json_t *report);

/* The column of a name; figure_count: there is none. */
size_t tune_view_find(const struct tune_view *view, const char *name);

const char *tune_view_title(const struct tune_view *view, size_t figure);

/* 1: more is better; -1: less. */
int tune_view_better(const struct tune_view *view, size_t figure);

/* NAN where the trial has no figures. */
double tune_view_figure(const json_t *trial, size_t figure);

/* Of the report's languages. */
double tune_view_language_share(const json_t *trial, size_t language);

/* Whether a parameter's best lies at an end of its bounds, so that a wider one may be better. */
int tune_view_at_bound(const json_t *parameter);

/* "skip share", "share of hi", of a guard. */
void tune_view_guard_name(const struct tune_view *view, const json_t *guard,
                          char out[REPORT_NUMBER_SIZE]);

/* How many of an array of guards do not hold. */
size_t tune_view_broken(const json_t *guards);

/* What is said of it all, in a sentence: that of what was held out or, where there is no best, that
 * there is none. */
const char *tune_view_verdict(const struct tune_view *view);

#endif
