#ifndef CLI_TRAIN_REPORT_H
#define CLI_TRAIN_REPORT_H

#include <jansson.h>

#include "replay/train.h"

/* What training tells: as a table for people, and as JSON with all of its figures. */
struct train_report {
    const struct train_head *heads;
    size_t head_count;
    bool stopped; /* by the user: the last head is the best so far, and others are left as they were
                   */
    int64_t first_ms; /* of the examples, and the last */
    int64_t last_ms;
    struct example_split split;
    uint64_t rankings;
    uint64_t examples;
    const char *weights; /* versions, before and after */
    const char *version;
    const char *out; /* the path */
};

/* Whether somebody ended its learning. */
bool train_report_stopped(const struct train_head *head);

/* On stdout. */
void train_report_print(const struct train_report *report);

/* As docs/train-report.schema.json has it. NULL when memory is short. */
json_t *train_report_json(const struct train_report *report);

#endif
