#ifndef REPLAY_TRAIN_PAGE_H
#define REPLAY_TRAIN_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Writes the report of a training, as `reelrank train --json` prints it, as a page (page.h), with
 * plots drawn by gnuplot (plot.h). What a report does not have is left out. The same report gives
 * the same bytes.
 *
 * Nothing is written unless the whole page could be made: STATUS_UNAVAILABLE, with *problem set,
 * when gnuplot is missing or failed; STATUS_INVALID for another kind of report or another schema;
 * STATUS_IO when writing failed; STATUS_NO_MEMORY.
 */
MUST_USE enum status train_page_write(FILE *file, const json_t *report, struct problem *problem);

#endif
