#ifndef REPLAY_TREC_H
#define REPLAY_TREC_H

#include <stddef.h>
#include <stdio.h>

#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Files that trec_eval reads, so that anybody can check our metrics: a run for each contender and
 * one file of qrels.
 *
 *   run    QUERY Q0 DOCUMENT RANK SCORE TAG
 *   qrels  QUERY 0 DOCUMENT LEVEL
 *
 * trec_eval ignores the rank and sorts by the score, falling, ties by the document's id. Some
 * versions keep scores as 32-bit floats. So the score of a line is not the ranker's: it is the
 * number of lines of the query from this one on, a whole number below 2^24, which falls strictly
 * and is exact.
 *
 * trec_eval splits lines at white space and takes '#' for a comment. Bytes of ids that are not
 * printable ASCII, blanks, '%' and '#' are written as '%' and two upper-case hexadecimal digits, as
 * in URLs (RFC 3986); an empty id is written as a single '%'. Different ids stay different.
 *
 * Averages agree with ours with trec_eval -c, which counts a query whose list is empty as 0. A
 * query without any gain has no qrels, so trec_eval leaves it out as we do.
 */

enum { TREC_SCALE_MAX = 1 << 20 };

/* The lines of one ranking, documents by position. STATUS_IO: see errno. */
MUST_USE enum status trec_write_run(FILE *file, struct text query, const struct text *documents,
                                    size_t count, struct text tag);

/*
 * The judgements of one query: gains at least 0, each times scale rounded to a whole level, since
 * qrels have whole levels only; a gain above 0 is at least level 1, so that it stays relevant.
 * Whole gains, as of a label that is there or not, are exact with scale 1; real gains in [0, 1] are
 * exact to 5e-7 with scale 1,000,000, and nDCG does not depend on the scale. Writes nothing when no
 * gain is above 0. gain times scale is at most TREC_SCALE_MAX. STATUS_IO: see errno.
 */
MUST_USE enum status trec_write_qrels(FILE *file, struct text query, const struct text *documents,
                                      const double *gains, size_t count, unsigned scale);

/* One id as the lines have it. STATUS_IO. */
MUST_USE enum status trec_write_id(FILE *file, struct text id);

#endif
