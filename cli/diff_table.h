#ifndef CLI_DIFF_TABLE_H
#define CLI_DIFF_TABLE_H

#include <jansson.h>

/* Prints the report of two weights (docs/diff.md) on stdout. */
void diff_table_print(const json_t *report);

#endif
