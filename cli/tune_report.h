#ifndef CLI_TUNE_REPORT_H
#define CLI_TUNE_REPORT_H

#include <jansson.h>

#include "cli/tune_walk.h"

/* What a search found, as docs/tune-report.schema.json has it. */
struct tune_report {
    const struct tune_options *options;
    const struct tune_result *result;
    const struct tune_walker *walker;
    const char *objective; /* "ndcg@10", "snips" */
    enum tune_figure front_x;
    enum tune_figure front_y;         /* TUNE_LANGUAGE_SHARE: the first of some that varies */
    const char *start_name;           /* of the weights */
    const char *out;                  /* the path; NULL: nothing was written */
    const char *version;              /* of what was written */
    const struct tune_held_out *held; /* NULL: there is no best */
};

/*
 * NULL when memory is short. Trials, and all that is told of the training part, are those of the
 * search; "held_out" is measured on the time behind it.
 */
json_t *tune_report_json(const struct tune_report *report);

#endif
