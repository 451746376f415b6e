#ifndef REPLAY_CSV_H
#define REPLAY_CSV_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Tables of separated values with a header line, read record by record in bounded memory. Tabs
 * separate when the header has one, commas otherwise. Between commas a field may be quoted as RFC
 * 4180 has it, with commas, line breaks and doubled quotes inside; between tabs quotes mean
 * themselves. Lines end in LF or CRLF; blank lines are skipped, a byte order mark too.
 */
struct csv;

enum {
    CSV_LIMIT_BYTES = 1 << 20, /* of a record */
    CSV_LIMIT_FIELDS = 128
};

#define CSV_NO_COLUMN SIZE_MAX

/*
 * Reads the header. The file is borrowed until csv_close(). STATUS_INVALID when there is no header,
 * STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status csv_open(FILE *file, struct csv **out, struct problem *problem);
void csv_close(struct csv *csv);

/* The column of that name, or CSV_NO_COLUMN. */
size_t csv_column(const struct csv *csv, const char *name);

/*
 * Goes to the next record. STATUS_NOT_FOUND at the end of the file; STATUS_INVALID, with problem,
 * for a record that cannot be read or has not as many fields as the header, after which reading
 * goes on at the next line; STATUS_IO.
 */
MUST_USE enum status csv_next(struct csv *csv, struct problem *problem);

/* The line on which the present record begins, from 1. */
uint64_t csv_line(const struct csv *csv);

/*
 * A field of the present record, until the next csv_next(); empty for CSV_NO_COLUMN. A zero follows
 * its last byte, and none is inside.
 */
struct text csv_field(const struct csv *csv, size_t column);

#endif
