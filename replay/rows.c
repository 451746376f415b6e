#include "replay/rows.h"

#include <inttypes.h>

enum status rows_each(struct csv *csv, const struct import_sink *sink,
                      enum status (*row)(void *context), void *context, struct problem *problem)
{
    for (;;) {
        struct problem wrong;
        enum status status = csv_next(csv, &wrong);
        if (status == STATUS_NOT_FOUND) {
            return STATUS_OK;
        }
        if (status == STATUS_OK) {
            status = row(context);
        } else if (status == STATUS_INVALID) {
            status = sink->reject(sink->context, csv_line(csv), wrong.text);
        } else {
            *problem = wrong;
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
}

static enum status tell_line(const struct lines *lines, const struct import_sink *sink,
                             const struct line *line,
                             enum status (*row)(void *context, struct text line), void *context)
{
    if (line->too_long) {
        struct problem problem;
        problem_set(&problem, "the line is longer than %zu MiB", lines->limit >> 20);
        return sink->reject(sink->context, lines->number, problem.text);
    }
    return line_is_blank(line->text) ? STATUS_OK : row(context, line->text);
}

enum status rows_each_line(struct lines *lines, const struct import_sink *sink,
                           enum status (*row)(void *context, struct text line), void *context,
                           struct problem *problem)
{
    struct line line;
    do {
        line = lines_next(lines);
        enum status status = tell_line(lines, sink, &line, row, context);
        if (status != STATUS_OK) {
            return status;
        }
    } while (!line.last);
    if (ferror(lines->file)) {
        problem_set(problem, "reading failed at line %" PRIu64, lines->number);
        return STATUS_IO;
    }
    return STATUS_OK;
}
