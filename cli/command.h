#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "cli/arguments.h"
#include "cli/backend.h"
#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"

/* Exit codes, as the help documents them. */
enum exit_code {
    CODE_OK = 0,
    CODE_FAILED = 1,
    CODE_USAGE = 2,
    CODE_UNAVAILABLE = 3,
    CODE_INVALID = 4,
    CODE_COUNT
};

/* What each means, in lines. */
extern const char *const exit_code_meanings[CODE_COUNT];

/* One command of reelrank: what the dispatch, the help and the completion need to know. */
struct command {
    const char *name;     /* one word, or two */
    const char *operands; /* "FILE..."; empty: takes none */
    size_t least_operands;
    size_t most_operands;
    const char *summary;     /* one line, no full stop */
    const char *description; /* lines of at most 80 columns */
    const char *examples;    /* the same, each indented by two */
    const struct argument *arguments;
    size_t argument_count;
    size_t values_size; /* of the struct that arguments describe; at most COMMAND_VALUES_SIZE */
    enum exit_code (*run)(const void *values, const struct operands *operands);
};

enum { COMMAND_VALUES_SIZE = 1024, COMMAND_OPERANDS_ANY = 1 << 30 };

#define COMMAND_ARGUMENTS(table) \
    .arguments = (table), .argument_count = sizeof(table) / sizeof((table)[0])

extern const struct command *const commands[];
extern const size_t command_count;

/* The second word of a name of two, of which word is the first; NULL: it is not. */
const char *command_second(const struct command *command, const char *word);

/*
 * The command that the first words name: one word, or two ("replay parity"). *used is how many.
 * NULL when there is none.
 */
const struct command *command_find(char *const *words, size_t count, size_t *used);

/* Says that there is no such command, with the nearest there is; returns CODE_USAGE. */
enum exit_code command_unknown(char *const *words, size_t count);

/*
 * Says "reelrank: WHAT: WHY" on stderr, from problem, or from status when problem is empty, and
 * returns the exit code for status.
 */
enum exit_code command_fail(const char *what, enum status status, const struct problem *problem);

/* Where the answers come from: options that most commands share. */
struct connection {
    const char *data;
    const char *target;
    const char *weights;
    int64_t timeout_ms;
    struct credentials_options credentials;
};

#define CREDENTIALS_TEXT(values, field, value, text)                              \
    {                                                                             \
        .name = #field, .value_name = value, .help = text, .kind = ARGUMENT_TEXT, \
        .offset = offsetof(values, connection.credentials.field)                  \
    }

/* The rows of struct connection as member `connection` of values. */
#define CONNECTION_ARGUMENTS(values)                                                          \
    {.name = "data",                                                                          \
     .value_name = "DIR",                                                                     \
     .kind = ARGUMENT_TEXT,                                                                   \
     .offset = offsetof(values, connection.data),                                             \
     .help = "data directory; a server that holds it is asked instead"},                      \
        {.name = "target",                                                                    \
         .value_name = "HOST:PORT",                                                           \
         .kind = ARGUMENT_TEXT,                                                               \
         .offset = offsetof(values, connection.target),                                       \
         .help = "a running server, instead of --data"},                                      \
        CREDENTIALS_TEXT(values, tls_ca, "FILE",                                              \
                         "CAs, one of which must have signed the server's certificate: TLS"), \
        CREDENTIALS_TEXT(values, tls_cert, "FILE", "certificate to show the server"),         \
        CREDENTIALS_TEXT(values, tls_key, "FILE", "its key"),                                 \
        CREDENTIALS_TEXT(values, tls_name, "NAME",                                            \
                         "name in the server's certificate, if not the target's"),            \
        CREDENTIALS_TEXT(values, token_file, "FILE", "token to show; else $REELRANK_TOKEN"),  \
        {.name = "allow_plaintext",                                                           \
         .kind = ARGUMENT_FLAG,                                                               \
         .offset = offsetof(values, connection.credentials.allow_plaintext),                  \
         .help = "send the token without TLS beyond this machine"},                           \
    {                                                                                         \
        .name = "timeout_ms", .value_name = "MS", .kind = ARGUMENT_NUMBER,                    \
        .offset = offsetof(values, connection.timeout_ms), .initial = "30000", .minimum = 1,  \
        .maximum = 3600000, .help = "longest wait for one answer of a server"                 \
    }

#define WEIGHTS_ARGUMENT(values)                                        \
    {                                                                   \
        .name = "weights", .value_name = "FILE", .kind = ARGUMENT_TEXT, \
        .offset = offsetof(values, connection.weights),                 \
        .help = "weights to use with --data while no server runs"       \
    }

/*
 * Opens the backend a command's options name; create makes a missing directory. Says what is wrong
 * on stderr. CODE_OK: the caller ends *out with backend_close().
 */
enum exit_code command_connect(const char *what, const struct connection *connection, bool create,
                               struct backend **out);

/* Prints a message as indented JSON; says on stderr when there is no memory for that. */
enum exit_code command_print_json(const char *what, const ProtobufCMessage *message);

/* Says which weights are in force now, and which were. */
void command_print_swap(const char *version, const char *previous, bool unchanged);

/* Memory for a command's messages; says so on stderr when there is none. */
enum exit_code command_arena(const char *what, struct arena *out);
void command_arena_release(struct arena *arena);

extern const struct command command_apply;
extern const struct command command_backup;
extern const struct command command_check;
extern const struct command command_diff;
extern const struct command command_explain;
extern const struct command command_export;
extern const struct command command_export_examples;
extern const struct command command_features;
extern const struct command command_forget;
extern const struct command command_help;
extern const struct command command_history;
extern const struct command command_import;
extern const struct command command_rank;
extern const struct command command_replay_counterfactual;
extern const struct command command_replay_merge;
extern const struct command command_replay_parity;
extern const struct command command_replay_ranking;
extern const struct command command_restore;
extern const struct command command_rollback;
extern const struct command command_serve;
extern const struct command command_simulate;
extern const struct command command_status;
extern const struct command command_token_list;
extern const struct command command_token_new;
extern const struct command command_token_revoke;
extern const struct command command_train_logistic;
extern const struct command command_train_trees;
extern const struct command command_tune;
extern const struct command command_user;
extern const struct command command_verify;
extern const struct command command_videos;
extern const struct command command_weights;

#endif
