#ifndef REPLAY_REPORT_ROWS_H
#define REPLAY_REPORT_ROWS_H

#include "replay/report_view.h"

/*
 * Which rows of a report's tables and plots are worth their place. A log of short lists gives every
 * order the same recall, and a metric at k is then that of the whole list: such rows are left out,
 * and a sentence says so. All of them stay in the JSON.
 */

/* Sets row and twin of the view's measures; the headline always has a row. */
void report_rows_find(struct report_view *view);

/*
 * "The same for all: P@10 0.2137. nDCG is nDCG@10: no list is longer.", malloc'ed; "": no row is
 * left out; NULL: no memory.
 */
char *report_rows_left_out(const struct report_view *view);

/* Whether anything of a contender differs from the reference, or does not, by a number. */
bool report_rows_has_differences(const struct report_view *view, size_t contender);

/*
 * The contenders whose groups are told: those with differences that could serve or, where there is
 * none, baselines. Returns how many; all of them stay in the JSON.
 */
size_t report_rows_find_told(const struct report_view *view, size_t told[REPORT_CONTENDERS_MAX]);

/* Whether a group has a row: one that is the only one of its kind is everything once more. */
bool report_rows_has_group(const struct report_view *view, const json_t *segment);

/* How many groups have a row, beside everything. */
size_t report_rows_group_count(const struct report_view *view);

/* How many groups of a kind the report has. */
size_t report_rows_count(const struct report_view *view, const char *dimension);

#endif
