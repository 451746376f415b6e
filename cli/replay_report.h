#ifndef CLI_REPLAY_REPORT_H
#define CLI_REPLAY_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/command.h"
#include "cli/replay_source.h"
#include "cli/replay_weights.h"

/* How a report is shown. */
struct replay_report_values {
    const char *html;
    bool json;
    bool explain_metrics;
};

/* The rows of struct replay_report_values as member `shown` of values. */
#define REPLAY_REPORT_ARGUMENTS(values)                                             \
    {.name = "html",                                                                \
     .value_name = "FILE",                                                          \
     .kind = ARGUMENT_TEXT,                                                         \
     .offset = offsetof(values, shown.html),                                        \
     .help = "write a page with plots too, one file"},                              \
        {.name = "json",                                                            \
         .kind = ARGUMENT_FLAG,                                                     \
         .offset = offsetof(values, shown.json),                                    \
         .help = "print the report as JSON (docs/replay-report.schema.json)"},      \
    {                                                                               \
        .name = "explain_metrics", .kind = ARGUMENT_FLAG,                           \
        .offset = offsetof(values, shown.explain_metrics),                          \
        .help = "print what each number means below the tables; --json always does" \
    }

/* Prints it, and writes the page. Says what is wrong on stderr. */
enum exit_code replay_report_show(const struct replay_report_values *values, const char *command,
                                  const json_t *report);

/* The beginning of a report of a kind: all but its options, notes and figures. NULL when memory is
 * short. */
json_t *replay_report_begin(const char *kind, const struct replay_source *source,
                            const struct timeline_counts *counts,
                            const struct replay_contenders *contenders);

void replay_report_note(json_t *notes, const char *text);

/*
 * Begins a part's file with the report as far as it is without figures. STATUS_IO. The caller
 * writes the sums and ends *out with replay_part_end(), whose status is that of writing them.
 */
MUST_USE enum status replay_part_begin(const char *path, const json_t *report, FILE **out,
                                       struct problem *problem);
MUST_USE enum status replay_part_end(const char *path, FILE *file, enum status status,
                                     struct problem *problem);

#endif
