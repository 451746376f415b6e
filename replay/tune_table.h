#ifndef REPLAY_TUNE_TABLE_H
#define REPLAY_TUNE_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Writes the report of a search (docs/tune-report.schema.json) as text for a terminal of about 100
 * columns; trials are in the JSON alone. column_init() (column.h) comes first. False: writing
 * failed.
 */
bool tune_table_write(FILE *file, const json_t *report);

#endif
