#ifndef REPLAY_REPORT_FAMILY_H
#define REPLAY_REPORT_FAMILY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"
#include "replay/bootstrap.h"
#include "replay/segments.h"

/* Parts that reports on rankings, on estimates and on training have in common. */

/* A number, or null where it is not finite. */
json_t *report_real(double value);

/* How many, of a sum that is a whole number, which a part from a file need not be: at most 2^53. */
json_t *report_count(double value);

/* The object "join": how signals, of which there are so many in all, found what they belong to. */
json_t *report_join(uint64_t by_ranking_id, uint64_t by_window, uint64_t signals);

/* Sets name, "low" and "high". */
void report_interval(json_t *object, const char *name, const struct bootstrap_interval *interval);

/*
 * The p-value of a difference; NaN also where it is 0 in every round, as of metrics that no order
 * can change: nothing is tested there, so it must not count among the comparisons.
 */
double report_p_of(const struct bootstrap_interval *difference);

/* Comparisons whose p-values are adjusted together (Holm). */
struct report_family {
    double *p;        /* owned */
    json_t **objects; /* owned; borrowed each */
    size_t count;
    size_t capacity;
};

/* The object gets "p" now, and "p_adjusted" when all are there. It outlives the family. */
MUST_USE enum status report_family_add(struct report_family *family, json_t *object, double p);

/*
 * The families of a report: all comparisons of everything are one and, of each other kind of group,
 * those of one measure, since it is by one measure that groups are looked through. All zero is
 * none.
 */
enum { REPORT_FAMILY_MEASURES = 16 };

struct report_families {
    struct report_family items[SEGMENT_DIMENSIONS][REPORT_FAMILY_MEASURES];
};

/* measure < REPORT_FAMILY_MEASURES. */
struct report_family *report_families_find(struct report_families *families,
                                           enum segment_dimension dimension, size_t measure);
MUST_USE enum status report_families_end(struct report_families *families);
void report_families_release(struct report_families *families);

#endif
