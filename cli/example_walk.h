#ifndef CLI_EXAMPLE_WALK_H
#define CLI_EXAMPLE_WALK_H

#include "cli/replay_source.h"
#include "cli/replay_weights.h"
#include "replay/example_split.h"
#include "replay/examples.h"

/* What the commands that make training examples of a log have in common. */
struct example_walk_values {
    const char *weights;
    const char *rankings;
    int64_t positions;
    int64_t validation_percent;
    int64_t gap_minutes;
};

/* What --rankings can be; in the order of enum ranking_origin, ends in NULL. */
extern const char *const example_origins[];

/*
 * The rows of struct replay_source_values as member `source` of values, but for what draws and
 * what is written, and those of struct example_walk_values as member `walk`.
 */
#define EXAMPLE_WALK_ARGUMENTS(values)                                                   \
    REPLAY_LOG_ARGUMENTS(values), REPLAY_PEOPLE_ARGUMENTS(values),                       \
        {.name = "weights",                                                              \
         .value_name = "WEIGHTS",                                                        \
         .kind = ARGUMENT_TEXT,                                                          \
         .offset = offsetof(values, walk.weights),                                       \
         .initial = "default",                                                           \
         .help = "whose features: a file, default, or with --data current"},             \
        {.name = "rankings",                                                             \
         .value_name = "FROM",                                                           \
         .kind = ARGUMENT_CHOICE,                                                        \
         .offset = offsetof(values, walk.rankings),                                      \
         .choices = example_origins,                                                     \
         .help = "decisions of a journal, or impressions"},                              \
        {.name = "positions",                                                            \
         .value_name = "N",                                                              \
         .kind = ARGUMENT_NUMBER,                                                        \
         .offset = offsetof(values, walk.positions),                                     \
         .initial = "50",                                                                \
         .minimum = 1,                                                                   \
         .maximum = LIMIT_CANDIDATES,                                                    \
         .help = "how many from the top of each answer may be examples"},                \
        {.name = "validation_percent",                                                   \
         .value_name = "N",                                                              \
         .kind = ARGUMENT_NUMBER,                                                        \
         .offset = offsetof(values, walk.validation_percent),                            \
         .initial = "20",                                                                \
         .minimum = 1,                                                                   \
         .maximum = 99,                                                                  \
         .help = "how much of the examples' time validates"},                            \
    {                                                                                    \
        .name = "gap", .value_name = "MINUTES", .kind = ARGUMENT_NUMBER,                 \
        .offset = offsetof(values, walk.gap_minutes), .initial = "0", .maximum = 525600, \
        .help = "before validation, of no side; 0: as --window"                          \
    }

/* A log, and the file of its examples. */
struct example_walk {
    const struct replay_source_values *source_values; /* borrowed */
    const struct example_walk_values *values;         /* borrowed */
    enum ranking_origin origin;
    struct replay_source source;
    struct replay_weights weights; /* of --weights, once it was read */
    FILE *rows;                    /* owned: a file without a name */
    struct example_writer *writer;
    struct examples *examples;
    struct timeline *timeline;
};

/*
 * Checks the options, opens the log and reads the weights. CODE_OK, or what was said on stderr.
 * Whatever comes of it, the caller ends *out with example_walk_release().
 */
enum exit_code example_walk_open(const struct replay_source_values *source,
                                 const struct example_walk_values *values, const char *command,
                                 struct example_walk *out);
void example_walk_release(struct example_walk *walk);

/* Makes the examples; afterwards walk->rows can be read. STATUS_NOT_FOUND: there are none. */
MUST_USE enum status example_walk_run(struct example_walk *walk, struct problem *problem);

/* As --validation-percent and --gap say. */
MUST_USE enum status example_walk_split(const struct example_walk *walk, struct example_split *out,
                                        struct problem *problem);

/* Says on stderr what was left out. */
void example_walk_tell(const struct example_walk *walk);

/* STATUS_INVALID: there is no such head; the problem begins with the option, such as "--label". */
MUST_USE enum status example_head_find(const char *option, const char *name, enum head *out,
                                       struct problem *problem);

#endif
