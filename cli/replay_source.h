#ifndef CLI_REPLAY_SOURCE_H
#define CLI_REPLAY_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "replay/feed.h"
#include "replay/share.h"

/* What the commands that replay have in common: where the events come from. */
struct replay_source_values {
    const char *data;
    const char *log;
    const char *catalogue;
    const char *format;
    const char *assume_safety;
    const char *locale; /* NULL: none */
    const char *part;
    const char *out;
    int64_t age_years;
    int64_t window_minutes;
    int64_t seed;
    bool sort;
};

enum { REPLAY_NEGATIVES = 100 }; /* unless an option says otherwise */

/* Formats and ratings as options name them; end in NULL. */
extern const char *const replay_formats[];
extern const char *const replay_ratings[];

/* What --rankings can be, in the order of enum ranking_origin. */
extern const char *const replay_origins[];

/* What one of replay_ratings names; NULL: unrated. */
Reelrank__V1__SafetyRating replay_rating(const char *name);

/*
 * The rows of struct replay_source_values as member `source` of values: those of the events, then
 * also those of what draws, and of measurements in parts.
 */
#define REPLAY_LOG_ARGUMENTS(values)                                                      \
    {.name = "data",                                                                      \
     .value_name = "DIR",                                                                 \
     .kind = ARGUMENT_TEXT,                                                               \
     .offset = offsetof(values, source.data),                                             \
     .help = "data directory that no server holds, such as a restored backup"},           \
        {.name = "log",                                                                   \
         .value_name = "FILE",                                                            \
         .kind = ARGUMENT_TEXT,                                                           \
         .offset = offsetof(values, source.log),                                          \
         .help = "a log instead; packed with gzip or zstd, or not; - is standard input"}, \
        {.name = "catalogue",                                                             \
         .value_name = "FILE",                                                            \
         .kind = ARGUMENT_TEXT,                                                           \
         .offset = offsetof(values, source.catalogue),                                    \
         .help = "of the same format, read before --log"},                                \
        {.name = "format",                                                                \
         .value_name = "NAME",                                                            \
         .kind = ARGUMENT_CHOICE,                                                         \
         .offset = offsetof(values, source.format),                                       \
         .initial = "jsonl",                                                              \
         .choices = replay_formats,                                                       \
         .help = "of the files (docs/jsonl.md)"},                                         \
        {.name = "assume_safety",                                                         \
         .value_name = "RATING",                                                          \
         .kind = ARGUMENT_CHOICE,                                                         \
         .offset = offsetof(values, source.assume_safety),                                \
         .choices = replay_ratings,                                                       \
         .help = "of videos of formats that carry none: low, medium, high, floor"},       \
        {.name = "sort",                                                                  \
         .kind = ARGUMENT_FLAG,                                                           \
         .offset = offsetof(values, source.sort),                                         \
         .help = "the files are in no order of time; kuairand, movielens: always"},       \
    {                                                                                     \
        .name = "window", .value_name = "MINUTES", .kind = ARGUMENT_NUMBER,               \
        .offset = offsetof(values, source.window_minutes), .initial = "60", .minimum = 1, \
        .maximum = 10080, .help = "how long after a ranking what users do counts for it"  \
    }

/* Of commands whose rankings may be impressions or outcomes, which say less than decisions do. */
#define REPLAY_NO_LOCALE "und"
#define REPLAY_PEOPLE_ARGUMENTS(values)                                                           \
    {.name = "locale",                                                                            \
     .value_name = "TAG",                                                                         \
     .kind = ARGUMENT_TEXT,                                                                       \
     .offset = offsetof(values, source.locale),                                                   \
     .initial = REPLAY_NO_LOCALE,                                                                 \
     .help = "of impressions that name none, and of outcomes"},                                   \
    {                                                                                             \
        .name = "age", .value_name = "YEARS", .kind = ARGUMENT_NUMBER,                            \
        .offset = offsetof(values, source.age_years), .initial = "0", .maximum = LIMIT_AGE_YEARS, \
        .help = "of the users of impressions and outcomes; 0: unknown"                            \
    }

/* What rankings are made of, as members rankings, negatives and label of values. */
#define REPLAY_RANKINGS_ARGUMENTS(values)                                                 \
    {.name = "rankings",                                                                  \
     .value_name = "FROM",                                                                \
     .kind = ARGUMENT_CHOICE,                                                             \
     .offset = offsetof(values, rankings),                                                \
     .choices = replay_origins,                                                           \
     .help = "decisions of a journal, impressions, or outcomes among sampled negatives"}, \
        {.name = "negatives",                                                             \
         .value_name = "N",                                                               \
         .kind = ARGUMENT_NUMBER,                                                         \
         .offset = offsetof(values, negatives),                                           \
         .initial = "100", /* REPLAY_NEGATIVES */                                         \
         .minimum = 1,                                                                    \
         .maximum = TIMELINE_NEGATIVES_MAX,                                               \
         .help = "of --rankings outcomes, for each video that earned the label"},         \
    {                                                                                     \
        .name = "label", .value_name = "NAME", .kind = ARGUMENT_TEXT,                     \
        .offset = offsetof(values, label), .initial = "long_view",                        \
        .help = "what makes a video relevant: play, valid_play, long_view, like, ..."     \
    }

#define REPLAY_SOURCE_ARGUMENTS(values)                                       \
    REPLAY_LOG_ARGUMENTS(values),                                             \
        {.name = "seed",                                                      \
         .value_name = "N",                                                   \
         .kind = ARGUMENT_NUMBER,                                             \
         .offset = offsetof(values, source.seed),                             \
         .initial = "1",                                                      \
         .maximum = INT64_MAX,                                                \
         .help = "of all that is drawn: intervals, negatives, random order"}, \
        {.name = "part",                                                      \
         .value_name = "I/N",                                                 \
         .kind = ARGUMENT_TEXT,                                               \
         .offset = offsetof(values, source.part),                             \
         .help = "replay the I-th of N parts of the users; needs --out"},     \
    {                                                                         \
        .name = "out", .value_name = "FILE", .kind = ARGUMENT_TEXT,           \
        .offset = offsetof(values, source.out),                               \
        .help = "write the sums there, for \"reelrank replay merge\""         \
    }

/* An open source. */
struct replay_source {
    const struct replay_source_values *values; /* borrowed */
    const char *command;                       /* for messages */
    struct log_input inputs[2];
    FILE *files[2]; /* owned, but standard input */
    size_t input_count;
    struct locale locale;
    struct share share;
    struct feed *feed;
    const char *doing; /* what progress says; NULL: "replaying". Set after opening */
    struct progress progress;
    json_t *rejects; /* the first lines that were passed over, with reasons */
};

/* Checks the options. CODE_OK, or what was said on stderr. */
enum exit_code replay_source_check(const struct replay_source_values *values, const char *command);

/* Opens files or directory; decisions: they are wanted. Says what is wrong on stderr. */
enum exit_code replay_source_open(const struct replay_source_values *values, const char *command,
                                  bool decisions, struct replay_source *out);
void replay_source_close(struct replay_source *source);

/* Whether what an option names cannot be read again from its beginning, being a pipe. NULL: no. */
bool replay_source_is_read_once(const char *path);

/* Whether what is told of is decisions, unless an option says otherwise. */
bool replay_source_has_decisions(const struct replay_source_values *values);

/* Where rankings come from: as an option says, unless it is NULL, or else as the events are. */
enum ranking_origin replay_source_origin(const struct replay_source_values *values,
                                         const char *rankings);

/*
 * Refuses options that would change nothing with rankings of this origin: of whom they are, and
 * how many negatives other than REPLAY_NEGATIVES. STATUS_INVALID, with problem.
 */
MUST_USE enum status replay_source_check_origin(const struct replay_source_values *values,
                                                enum ranking_origin origin, int64_t negatives,
                                                struct problem *problem);

/* What makes a video relevant. STATUS_INVALID, with problem: no label that is good. */
MUST_USE enum status replay_source_label(const char *name, enum label *out,
                                         struct problem *problem);

/*
 * The timeline of its events, once: as options say, but for locale, age_years and ahead_events,
 * which are filled in. The caller ends *out with timeline_free(). STATUS_NO_MEMORY.
 */
MUST_USE enum status replay_source_timeline(struct replay_source *source,
                                            const struct timeline_options *options,
                                            struct timeline **out);

/* Runs it through a timeline, with progress. */
MUST_USE enum status replay_source_run(struct replay_source *source, struct timeline *timeline,
                                       struct problem *problem);

int64_t replay_source_window_ms(const struct replay_source_values *values);

/* Adds what replays have in common to "options" of a report: all that changes its figures, and the
 * part. */
void replay_source_options(const struct replay_source_values *values, json_t *options);
/* Appends the first line that was passed over, if any was, to what a log lacks. */
void replay_source_add_reject(const struct replay_source *source, struct problem *problem);

/* "source" of a report. */
json_t *replay_source_json(const struct replay_source *source,
                           const struct timeline_counts *counts);

/* Notes on what the source left out, for people. */
void replay_source_notes(const struct replay_source *source, const struct timeline_counts *counts,
                         json_t *notes);

#endif
