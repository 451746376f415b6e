#ifndef CLI_TRAIN_COMMAND_H
#define CLI_TRAIN_COMMAND_H

#include "cli/example_walk.h"
#include "cli/train_file.h"
#include "replay/train.h"

/* What the commands that train have in common: all but how a head is learnt. */
struct train_values {
    struct replay_source_values source;
    struct example_walk_values walk;
    const char *label;
    const char *features;
    const char *version;
    const char *out;
    int64_t clip;
    bool position_effects;
    bool force;
    bool json;
    const char *html;
};

enum { TRAIN_CLIP_MAX = 1000000 };

/* The rows of struct train_values as the first member of values. */
#define TRAIN_ARGUMENTS                                                                       \
    EXAMPLE_WALK_ARGUMENTS(struct train_values),                                              \
        {.name = "label",                                                                     \
         .value_name = "HEAD,...",                                                            \
         .kind = ARGUMENT_TEXT,                                                               \
         .offset = offsetof(struct train_values, label),                                      \
         .required = true,                                                                    \
         .help = "heads to learn: like, or long_view,skip"},                                  \
        {.name = "features",                                                                  \
         .value_name = "NAME,...",                                                            \
         .kind = ARGUMENT_TEXT,                                                               \
         .offset = offsetof(struct train_values, features),                                   \
         .help = "that heads may read; all of \"reelrank features\" unless given"},           \
        {.name = "propensity_weights",                                                        \
         .value_name = "CLIP",                                                                \
         .kind = ARGUMENT_NUMBER,                                                             \
         .offset = offsetof(struct train_values, clip),                                       \
         .initial = "0",                                                                      \
         .maximum = TRAIN_CLIP_MAX,                                                           \
         .help = "of decisions: examples count 1 / propensity, up to this; 0: as 1"},         \
        {.name = "position_effects",                                                          \
         .kind = ARGUMENT_FLAG,                                                               \
         .offset = offsetof(struct train_values, position_effects),                           \
         .help = "learn what standing high does, and leave it out when serving"},             \
        {.name = "seed",                                                                      \
         .value_name = "N",                                                                   \
         .kind = ARGUMENT_NUMBER,                                                             \
         .offset = offsetof(struct train_values, source.seed),                                \
         .initial = "1",                                                                      \
         .maximum = INT32_MAX,                                                                \
         .help = "of what is drawn: who sits out, and intervals"},                            \
        {.name = "out",                                                                       \
         .value_name = "FILE",                                                                \
         .kind = ARGUMENT_TEXT,                                                               \
         .offset = offsetof(struct train_values, out),                                        \
         .required = true,                                                                    \
         .help = "the weights file to write: that of --weights with the heads learnt"},       \
        {.name = "version",                                                                   \
         .value_name = "NAME",                                                                \
         .kind = ARGUMENT_TEXT,                                                               \
         .offset = offsetof(struct train_values, version),                                    \
         .help = "of the file; that of --weights and \"-trained\" unless given"},             \
        {.name = "force",                                                                     \
         .kind = ARGUMENT_FLAG,                                                               \
         .offset = offsetof(struct train_values, force),                                      \
         .help = "replace --out if it is there"},                                             \
        {.name = "html",                                                                      \
         .value_name = "FILE",                                                                \
         .kind = ARGUMENT_TEXT,                                                               \
         .offset = offsetof(struct train_values, html),                                       \
         .help = "write the report as a page for browsers and paper (needs gnuplot)"},        \
    {                                                                                         \
        .name = "json", .kind = ARGUMENT_FLAG, .offset = offsetof(struct train_values, json), \
        .help = "print all figures as JSON (docs/train-report.schema.json)"                   \
    }

enum { TRAIN_TITLE_SIZE = 48, TRAIN_NAME_SIZE = 64 };

/* How far learning is. */
struct train_step {
    const char *unit; /* "trees"; with another one time is counted anew */
    uint64_t scale;   /* what a unit is of done and total */
    uint64_t done;
    uint64_t total; /* at most */
};

/* One run of a command. */
struct train_command {
    /* Set by the caller. */
    const struct train_values *values;
    const char *name;
    enum status (*learn)(struct train_command *command, enum head head, struct train_head *out,
                         struct problem *problem);
    /* Whether a head can be learnt with the options; STATUS_INVALID, with a problem. NULL: any. */
    enum status (*check)(const struct train_command *command, enum head head,
                         struct problem *problem);
    const void *context; /* the caller's, for learn */
    /* For learn. */
    struct feature_set features;
    struct example_split split;
    struct example_walk walk;
    /* Private. */
    enum head labels[HEAD_COUNT]; /* to be learnt, in the order of the option */
    size_t label_count;
    char version[WEIGHTS_NAME_MAX + 1];
    char written[TRAIN_VERSION_SIZE];
    struct train_head *heads; /* owned: those that were learnt */
    size_t head_count;
    struct progress progress;
    char title[TRAIN_TITLE_SIZE]; /* of the head that is being learnt */
    const char *unit;             /* of its steps now; NULL: none was made */
    struct problem problem;
};

/* Checks the options, walks along the log, learns, writes, tells. */
enum exit_code train_command_run(struct train_command *command);

/* For learn: shows how far it is. False: somebody wants it to end. */
bool train_command_go_on(struct train_command *command, const struct train_step *step);

/* The same of a step of a logistic head. */
bool train_command_go_on_logistic(struct train_command *command,
                                  const struct logistic_progress *progress);

/* Copies the next name of a list with commas to out and moves past it; false at the end. Long ones
 * are cut. */
bool train_next_name(const char **list, char out[TRAIN_NAME_SIZE]);

/* The feature of a name; STATUS_INVALID with a problem that begins with the option and offers the
 * nearest name. */
MUST_USE enum status train_feature_find(const char *option, const char *name, enum feature *out,
                                        struct problem *problem);

/* For learn: which examples, and what of them. */
struct logistic_examples train_command_examples(const struct train_command *command,
                                                enum head head);

/* The number that an option's text is, above 0 and up to most. STATUS_INVALID, with a problem. */
MUST_USE enum status train_number(const char *option, const char *text, double most, double *out,
                                  struct problem *problem);

#endif
