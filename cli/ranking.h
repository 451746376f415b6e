#ifndef CLI_RANKING_H
#define CLI_RANKING_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "ranker/limits.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"

/* One call of Rank from the command line, as `rank` and `explain` make it. */
struct ranking_options {
    struct connection connection;
    const char *user;
    const char *locale;
    const char *candidates;
    const char *region;
    const char *languages; /* "hi,ta" */
    const char *request_id;
    const char *experiment; /* "experiment/arm" */
    const char *video;      /* explain: only this one */
    int64_t limit;
    int64_t age;
    int64_t now_ms;
    bool exclude_seen;
    bool explain;
    bool json;
};

/* The rows that both commands have. */
#define RANKING_ARGUMENTS                                                                        \
    CONNECTION_ARGUMENTS(struct ranking_options), WEIGHTS_ARGUMENT(struct ranking_options),      \
        {.name = "user",                                                                         \
         .value_name = "ID",                                                                     \
         .kind = ARGUMENT_TEXT,                                                                  \
         .offset = offsetof(struct ranking_options, user),                                       \
         .initial = "",                                                                          \
         .help = "who it is for; without it a visitor nothing is known of"},                     \
        {.name = "locale",                                                                       \
         .value_name = "TAG",                                                                    \
         .kind = ARGUMENT_TEXT,                                                                  \
         .offset = offsetof(struct ranking_options, locale),                                     \
         .required = true,                                                                       \
         .help = "language tag of the app, such as hi-IN"},                                      \
        {.name = "candidates",                                                                   \
         .value_name = "FILE",                                                                   \
         .kind = ARGUMENT_TEXT,                                                                  \
         .offset = offsetof(struct ranking_options, candidates),                                 \
         .required = true,                                                                       \
         .help = "the videos to choose from; - reads standard input"},                           \
        {.name = "age",                                                                          \
         .value_name = "N",                                                                      \
         .kind = ARGUMENT_NUMBER,                                                                \
         .offset = offsetof(struct ranking_options, age),                                        \
         .maximum = LIMIT_AGE_YEARS,                                                             \
         .help = "age of the user in years; 0, unknown, is treated strictly"},                   \
        {.name = "region",                                                                       \
         .value_name = "CODE",                                                                   \
         .kind = ARGUMENT_TEXT,                                                                  \
         .offset = offsetof(struct ranking_options, region),                                     \
         .initial = "",                                                                          \
         .help = "country of the user, such as IN; without it the locale's"},                    \
        {.name = "languages",                                                                    \
         .value_name = "A,B",                                                                    \
         .kind = ARGUMENT_TEXT,                                                                  \
         .offset = offsetof(struct ranking_options, languages),                                  \
         .initial = "",                                                                          \
         .help = "languages the user reads besides the locale's"},                               \
        {.name = "limit",                                                                        \
         .value_name = "N",                                                                      \
         .kind = ARGUMENT_NUMBER,                                                                \
         .offset = offsetof(struct ranking_options, limit),                                      \
         .maximum = LIMIT_CANDIDATES,                                                            \
         .help = "length of the slate; 0 is all that may be shown"},                             \
        {.name = "exclude_seen",                                                                 \
         .kind = ARGUMENT_FLAG,                                                                  \
         .offset = offsetof(struct ranking_options, exclude_seen),                               \
         .help = "drop what the user has seen lately"},                                          \
        {.name = "now_ms",                                                                       \
         .value_name = "T",                                                                      \
         .kind = ARGUMENT_NUMBER,                                                                \
         .offset = offsetof(struct ranking_options, now_ms),                                     \
         .maximum = INT64_MAX,                                                                   \
         .help = "rank as of this time, in ms since 1970; 0 is now"},                            \
        {.name = "request_id",                                                                   \
         .value_name = "ID",                                                                     \
         .kind = ARGUMENT_TEXT,                                                                  \
         .offset = offsetof(struct ranking_options, request_id),                                 \
         .initial = "",                                                                          \
         .help = "names the request; a repeat gets the same answer"},                            \
        {.name = "experiment",                                                                   \
         .value_name = "EXP/ARM",                                                                \
         .kind = ARGUMENT_TEXT,                                                                  \
         .offset = offsetof(struct ranking_options, experiment),                                 \
         .initial = "",                                                                          \
         .help = "an arm of the weights' experiments to be in, whoever asks"},                   \
    {                                                                                            \
        .name = "json", .kind = ARGUMENT_FLAG, .offset = offsetof(struct ranking_options, json), \
        .help = "print JSON"                                                                     \
    }

/* What the candidates may look like, for both descriptions. */
#define RANKING_CANDIDATES_HELP                                                      \
    "Candidates are one video id a line, or a JSON array of ids, or JSON Lines of\n" \
    "objects with video_id and, if wanted, retrieval_score and source; at most 2,000.\n"

/* A request and its answer; both lie in arena. */
struct ranking {
    struct arena arena;
    struct backend *backend;
    char *file; /* of the candidates */
    Reelrank__V1__RankRequest request;
    const Reelrank__V1__RankResponse *response;
};

/*
 * Reads the candidates and calls Rank. Says what goes wrong on stderr. End ranking with
 * ranking_release(), whatever the result.
 */
enum exit_code ranking_run(const char *what, const struct ranking_options *options, bool explain,
                           struct ranking *ranking);
void ranking_release(struct ranking *ranking);

/* What a rule of DroppedVideo means, in a sentence. */
const char *ranking_rule_meaning(const char *rule);

/* Prints how many videos each rule dropped; nothing when none was. */
void ranking_print_dropped(const Reelrank__V1__RankResponse *response);

/* Prints one video's contributions, largest first, with their sum; zeros are only counted. */
void ranking_print_terms(const Reelrank__V1__RankedVideo *video);

/* Prints the features that one video's heads and multipliers read; nothing when there are none. */
void ranking_print_features(const Reelrank__V1__RankedVideo *video);

/* Prints where the video's score alone would put it and which rules moved it; nothing if none. */
void ranking_print_moves(const Reelrank__V1__RankedVideo *video);

/* The contributions' sum, exact by contract: equal to the score, or the server is wrong. */
double ranking_sum(const Reelrank__V1__RankedVideo *video);

#endif
