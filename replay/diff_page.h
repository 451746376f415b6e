#ifndef REPLAY_DIFF_PAGE_H
#define REPLAY_DIFF_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Writes the report of two weights (docs/diff.md) as a page (page.h). Fields that are missing show
 * as nothing: a report of a newer program can be shown too. Returns false when writing failed.
 */
bool diff_page_write(FILE *file, const json_t *report);

#endif
