#ifndef REPLAY_TUNE_PAGE_H
#define REPLAY_TUNE_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Writes the report of a search (docs/tune-report.schema.json) as a page, as replay_page_write()
 * does that of a replay: the verdict of what was held out first, then how the search went, the
 * front between two figures, the numbers, guards, and the replay of what was held out. Status as
 * there.
 */
MUST_USE enum status tune_page_write(FILE *file, const json_t *report, struct problem *problem);

#endif
