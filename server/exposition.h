#ifndef SERVER_EXPOSITION_H
#define SERVER_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/histogram.h"

/*
 * Writes metrics in Prometheus' text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). A family is its head and then its samples,
 * without others between.
 */
#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A name as [a-z_]+, and any value, which is escaped. */
struct label {
    const char *name;
    const char *value;
};

enum { EXPOSITION_LABELS_MAX = 3 };

struct labels {
    size_t count;
    struct label items[EXPOSITION_LABELS_MAX];
};

/* kind: "counter", "gauge" or "histogram". help is one line without a backslash. */
void exposition_head(FILE *out, const char *name, const char *kind, const char *help);

/* labels NULL: none. */
void exposition_whole(FILE *out, const char *name, const struct labels *labels, uint64_t value);
void exposition_real(FILE *out, const char *name, const struct labels *labels, double value);

/* A family of one sample without labels. */
void exposition_counter(FILE *out, const char *name, const char *help, uint64_t value);
void exposition_gauge(FILE *out, const char *name, const char *help, double value);

/* Of a histogram: how many values are not above bound. */
void exposition_bucket(FILE *out, const char *name, const struct labels *labels, double bound,
                       uint64_t count);

/* What comes behind a histogram's buckets: the last one, with all, the sum and the count. */
void exposition_end(FILE *out, const char *name, const struct labels *labels, double sum,
                    uint64_t count);

/* All samples of one histogram: cumulative counts with the label "le", sum and count. */
void exposition_histogram(FILE *out, const char *name, const struct labels *labels,
                          const struct histogram_scale *scale, const struct histogram_sums *sums);

#endif
