#ifndef REPLAY_REPORT_VIEW_H
#define REPLAY_REPORT_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "replay/report_format.h"

/*
 * What pages and tables read out of a replay's report (docs/replay-report.schema.json), of both
 * kinds alike: a measure is a metric of rankings or an estimator of rewards. Whatever a report does
 * not have reads as nothing: NAN, 0, an empty text or NULL, which all functions here take.
 * Everything found belongs to the report.
 */

enum { REPORT_CONTENDERS_MAX = 9, REPORT_MEASURES_MAX = 32 };

/* Whether a measure has a row in tables and plots, and if not, why (report_rows.h). */
enum report_row {
    REPORT_ROW_SHOWN,
    REPORT_ROW_EMPTY,   /* no contender has a value */
    REPORT_ROW_EQUAL,   /* all contenders have the same one */
    REPORT_ROW_TWIN,    /* a measure above it has the same values */
    REPORT_ROW_REFUSED, /* for all contenders */
};

struct report_measure {
    const char *name;
    const char *title;
    const char *definition;
    int better; /* 1: more is better; -1: less; 0: neither */
    int digits; /* behind the point, as its values have use for */
    enum report_row row;
    size_t twin; /* REPORT_ROW_TWIN: the measure above */
};

/* Held by value; valid as long as the report. Beyond the limits above nothing is shown. */
struct report_view {
    const json_t *report;
    bool counterfactual;
    size_t contender_count;
    const char *contenders[REPORT_CONTENDERS_MAX];
    size_t measure_count;
    struct report_measure measures[REPORT_MEASURES_MAX];
    size_t headline; /* of measures: what verdicts rest on; below measure_count unless that is 0 */
    size_t weights;  /* the first contender that is weights, with which others' keys are
                        compared; 0: none */
    size_t comparisons;  /* differences of everything with a corrected p */
    const json_t *whole; /* the segment of everything; NULL: none */
};

void report_view_init(struct report_view *view, const json_t *report);

/* The measure of a name; view->measure_count where there is none. */
size_t report_find_measure(const struct report_view *view, const char *name);

/* The element of a segment's values or estimates, and what its mean is; and of its differences. */
const json_t *report_find_value(const struct report_view *view, const json_t *segment,
                                size_t measure, size_t contender);
double report_mean(const struct report_view *view, const json_t *value);
const json_t *report_find_difference(const struct report_view *view, const json_t *segment,
                                     size_t measure, size_t contender);

/* The element of an array that is a contender's; NULL: none. */
const json_t *report_find_contender(const json_t *array, size_t contender);

/* The contender an element is of; view->contender_count where it is none of those shown. */
size_t report_contender_of(const struct report_view *view, const json_t *element);

/* Whether a segment is of a dimension: "all", "locale", "user_age", "arm". */
bool report_in_dimension(const json_t *segment, const char *dimension);

/* What a segment is called in print. */
const char *report_segment_name(const json_t *segment);

enum report_verdict {
    REPORT_UNKNOWN, /* there is no interval */
    REPORT_UNCLEAR, /* 0 is in the interval, or p after correction is 0.05 or more */
    REPORT_BETTER,
    REPORT_WORSE,
    REPORT_OTHER /* certainly another value, of a measure where neither is better */
};

enum report_verdict report_judge(const json_t *difference, int better);

/* Of a contender's difference in a segment; measure < measure_count. */
enum report_verdict report_verdict_of(const struct report_view *view, const json_t *segment,
                                      size_t measure, size_t contender);

/* Whether a contender is of a kind: "weights", "served", "baseline". */
bool report_is_kind(const struct report_view *view, size_t contender, const char *kind);

/*
 * "B ranks better than A: nDCG@10 +0.0121 [0.0084, 0.0158], corrected p = 0.0003", malloc'ed; NULL:
 * no memory. contender < contender_count.
 */
char *report_sentence(const struct report_view *view, size_t contender);

/*
 * The contender other than the reference with the best difference in the headline: of those that
 * are weights, and could serve, if any has one. 0: none has one.
 */
size_t report_best(const struct report_view *view);

/* Why an estimate is none; "": it is one. */
const char *report_refusal(const json_t *value);

/* p after correction, or the plain one where there is none. */
double report_p(const json_t *difference);

/* What a dimension is called in print. */
const char *report_dimension_title(const char *dimension);

enum { REPORT_COUNTS_MAX = 5 };

/* What became of so many rankings or signals: "had sampled negatives". */
struct report_count {
    const char *kind; /* those of one kind go together */
    json_int_t count;
    const char *text;
};

/* Those above 0 of a report of rankings. Returns how many. */
size_t report_find_counts(const struct report_view *view,
                          struct report_count out[REPORT_COUNTS_MAX]);

/* The languages of the first contender that has any: they come with the largest first. */
const json_t *report_find_languages(const struct report_view *view);

/* A contender's exposure of a language. */
const json_t *report_find_language(const struct report_view *view, size_t contender,
                                   const char *name);

#endif
