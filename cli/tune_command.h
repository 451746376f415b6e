#ifndef CLI_TUNE_COMMAND_H
#define CLI_TUNE_COMMAND_H

#include <jansson.h>

#include "cli/command.h"
#include "cli/train_file.h"
#include "cli/tune_walk.h"
#include "replay/tune.h"

/* One run of "reelrank tune": its options, read and checked in tune_options.c, and its search. */

enum { TUNE_GUARDS_MAX = 16, TUNE_LINE_SIZE = 96 };

struct tune_values {
    struct replay_source_values source;
    struct argument_texts search;
    struct argument_texts guards;
    struct argument_texts support;
    const char *weights;
    const char *rankings;
    const char *label;
    const char *objective;
    const char *front;
    const char *reward;
    const char *out;
    const char *version;
    const char *html;
    int64_t negatives;
    int64_t k;
    int64_t trials;
    int64_t walks;
    int64_t validation_percent;
    int64_t gap_minutes;
    int64_t memory_mib;
    int64_t positions;
    int64_t clip;
    int64_t draws;
    int64_t folds;
    int64_t prior;
    bool force;
    bool json;
};

/* One run of the command. */
struct tune_command {
    const struct tune_values *values;
    struct replay_weights weights; /* of --weights */
    struct tune_walker walker;
    struct tune_parameter parameters[TUNE_PARAMETERS_MAX];
    struct tune_guard guards[TUNE_GUARDS_MAX];
    struct tune_options options;
    struct tune_result result;
    char objective[METRIC_NAME_SIZE];
    char version[WEIGHTS_NAME_MAX + 1];
    char written[TRAIN_VERSION_SIZE];
    enum tune_figure front_x;
    enum tune_figure front_y;
    struct progress progress;
    char progress_text[TUNE_LINE_SIZE];
    bool begun;          /* the start is measured */
    double result_start; /* its objective */
    uint64_t done;       /* trials */
    struct tune_held_out held;
    struct replay_weights best; /* the weights that were found; its text is owned */
    char *best_yaml;
    json_t *report;
    struct problem problem;
};

/* Fills the walker from values that are numbers or need no check. */
void tune_options_fill(struct tune_command *command);

/* What does not depend on the weights. STATUS_INVALID, with the command's problem. */
MUST_USE enum status tune_options_read(struct tune_command *command);

/* What does: the numbers to search and the version to write. STATUS_INVALID likewise. */
MUST_USE enum status tune_options_read_search(struct tune_command *command);

#endif
