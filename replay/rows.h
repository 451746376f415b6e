#ifndef REPLAY_ROWS_H
#define REPLAY_ROWS_H

#include "replay/csv.h"
#include "replay/import.h"
#include "replay/lines.h"

/*
 * Goes to each record of csv in turn and calls row; a record that cannot be read is told to sink as
 * rejected. Ends at the end of the file, or with the first return of row or sink that is not
 * STATUS_OK. STATUS_IO, with problem, when reading fails.
 */
MUST_USE enum status rows_each(struct csv *csv, const struct import_sink *sink,
                               enum status (*row)(void *context), void *context,
                               struct problem *problem);

/*
 * The same for each line that is not blank; one that is longer than the limit of lines is told as
 * rejected. row may ask lines->number.
 */
MUST_USE enum status rows_each_line(struct lines *lines, const struct import_sink *sink,
                                    enum status (*row)(void *context, struct text line),
                                    void *context, struct problem *problem);

#endif
