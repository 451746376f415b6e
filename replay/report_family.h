#ifndef REPLAY_REPORT_FAMILY_H
#define REPLAY_REPORT_FAMILY_H

#include <jansson.h>
#include <stddef.h>

#include "ranker/status.h"
#include "replay/bootstrap.h"

/* Parts that reports on rankings and on estimates have in common. */

/* A number, or null for NaN. */
json_t *report_real(double value);

/* How many, of a sum that is a whole number, which a part from a file need not be: at most 2^53. */
json_t *report_count(double value);

/* Sets name, "low" and "high". */
void report_interval(json_t *object, const char *name, const struct bootstrap_interval *interval);

/* Comparisons whose p-values are adjusted together (Holm). */
struct report_family {
    double *p;        /* owned */
    json_t **objects; /* owned; borrowed each */
    size_t count;
    size_t capacity;
};

/* The object gets "p" now, and "p_adjusted" when all are there. It outlives the family. */
MUST_USE enum status report_family_add(struct report_family *family, json_t *object, double p);
MUST_USE enum status report_family_end(struct report_family *family);
void report_family_release(struct report_family *family);

#endif
