#ifndef REPLAY_PART_FILE_H
#define REPLAY_PART_FILE_H

#include <jansson.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * A part of a replay as a file: what the report will say of log, options and contenders, before the
 * sums, which follow in a form of their own.
 *
 *   size  field
 *      8  "RRpart1" and a zero
 *      8  size of what follows, little-endian
 *      n  JSON: the report without its figures
 */
MUST_USE enum status part_file_write(FILE *file, const json_t *about);

/* For json_decref(). STATUS_CORRUPT: this is no such file; STATUS_NO_MEMORY. */
MUST_USE enum status part_file_read(FILE *file, json_t **out, struct problem *problem);

#endif
