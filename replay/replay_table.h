#ifndef REPLAY_REPLAY_TABLE_H
#define REPLAY_REPLAY_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Writes the report of a replay (docs/replay-report.schema.json), of either kind, as text for a
 * terminal of about 100 columns; with more than four contenders tables go on below. With
 * definitions, what each measure means stands at the end. column_init() (column.h) comes first.
 * Returns false when writing failed.
 */
bool replay_table_write(FILE *file, const json_t *report, bool definitions);

#endif
