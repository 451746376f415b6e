#ifndef REPLAY_REPLAY_PAGE_H
#define REPLAY_REPLAY_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Writes the report of a replay (docs/replay-report.schema.json) as a page (page.h), with plots
 * drawn by gnuplot (plot.h). What a report does not have is left out; of contenders and measures
 * what report_view.h holds is shown. The same report gives the same bytes.
 *
 * Nothing is written unless the whole page could be made: STATUS_UNAVAILABLE, with *problem set,
 * when gnuplot is missing or failed; STATUS_INVALID for a report that is neither a ranking's nor a
 * counterfactual one's, or of another schema; STATUS_IO when writing failed; STATUS_NO_MEMORY.
 */
MUST_USE enum status replay_page_write(FILE *file, const json_t *report, struct problem *problem);

#endif
