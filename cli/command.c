#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/column.h"
#include "proto/json.h"
#include "ranker/nearest.h"

/* Twice what the largest ranking and the largest batch of an import take. */
enum { ARENA_BYTES = 64 << 20 };

/* clang-format off */
const struct command *const commands[] = {
    &command_serve,
    &command_import,
    &command_rank,
    &command_explain,
    &command_features,
    &command_check,
    &command_diff,
    &command_apply,
    &command_rollback,
    &command_history,
    &command_weights,
    &command_status,
    &command_videos,
    &command_user,
    &command_export,
    &command_export_examples,
    &command_verify,
    &command_backup,
    &command_restore,
    &command_forget,
    &command_token_new,
    &command_token_list,
    &command_token_revoke,
    &command_simulate,
    &command_replay_parity,
    &command_replay_ranking,
    &command_replay_counterfactual,
    &command_replay_merge,
    &command_train_logistic,
    &command_train_trees,
    &command_tune,
    &command_help,
};
/* clang-format on */
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const char *const exit_code_meanings[CODE_COUNT] = {
    "done\n",
    "failed: the operation could not be done\n",
    "usage: the command line is wrong\n",
    "unavailable: no server answers, or another process holds the data directory\n",
    "invalid input: weights with problems, a request the service refuses, or an\n"
    "import that rejected every line, with --strict any line\n",
};

const char *command_second(const struct command *command, const char *word)
{
    size_t size = strlen(word);
    bool first = strncmp(command->name, word, size) == 0 && command->name[size] == ' ';
    return first ? command->name + size + 1 : NULL;
}

/* How many of the words make up the name; 0: they do not. */
static size_t match(const struct command *command, char *const *words, size_t count)
{
    if (count == 0) {
        return 0;
    }
    if (strchr(command->name, ' ') == NULL) {
        return strcmp(command->name, words[0]) == 0;
    }
    const char *second = command_second(command, words[0]);
    return second != NULL && count > 1 && strcmp(second, words[1]) == 0 ? 2 : 0;
}

/* Of "export" and "export examples" the longer one that fits is meant. */
const struct command *command_find(char *const *words, size_t count, size_t *used)
{
    const struct command *found = NULL;
    *used = 0;
    for (size_t i = 0; i < command_count; i++) {
        size_t matched = match(commands[i], words, count);
        if (matched > *used) {
            found = commands[i];
            *used = matched;
        }
    }
    return found;
}

static enum exit_code code_of(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return CODE_OK;
    case STATUS_UNAVAILABLE:
    case STATUS_DEADLINE:
        return CODE_UNAVAILABLE;
    case STATUS_INVALID:
        return CODE_INVALID;
    default:
        return CODE_FAILED;
    }
}

enum exit_code command_fail(const char *what, enum status status, const struct problem *problem)
{
    const char *why =
        problem != NULL && problem->text[0] != '\0' ? problem->text : status_text(status);
    fflush(stdout);
    fprintf(stderr, "reelrank: %s: ", what);
    column_print_all(stderr, why);
    fputc('\n', stderr);
    return code_of(status);
}

/* The words as one name, as far as there is a command that begins with the first of them. */
static void join_words(char *const *words, size_t count, char *out, size_t size)
{
    snprintf(out, size, "%s", words[0]);
    for (size_t i = 0; i < command_count && count > 1; i++) {
        if (command_second(commands[i], words[0]) != NULL) {
            snprintf(out, size, "%.60s %.60s", words[0], words[1]);
        }
    }
}

enum exit_code command_unknown(char *const *words, size_t count)
{
    enum { NAME_SIZE = 128 };
    char name[NAME_SIZE];
    const char *list[sizeof(commands) / sizeof(commands[0])];
    for (size_t i = 0; i < command_count; i++) {
        list[i] = commands[i]->name;
    }
    join_words(words, count, name, sizeof(name));
    struct names names = {.first = list, .stride = sizeof(list[0]), .count = command_count};
    const char *nearest = nearest_name(name, &names);
    struct problem problem;
    problem_set(&problem, "%s \"%.60s\"; %s%s%s",
                name[0] == '-' ? "unknown option" : "unknown command", name,
                nearest != NULL ? "did you mean \"reelrank " : "\"reelrank help",
                nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "\" lists the commands");
    (void)command_fail("usage", STATUS_INVALID, &problem);
    return CODE_USAGE;
}

static bool is_host_and_port(const char *target)
{
    const char *colon = strrchr(target, ':');
    if (colon == NULL || colon == target) {
        return false;
    }
    size_t digits = strspn(colon + 1, "0123456789");
    return digits > 0 && colon[1 + digits] == '\0';
}

static enum status check_connection(const struct connection *connection, struct problem *problem)
{
    if ((connection->data == NULL) == (connection->target == NULL)) {
        problem_set(problem, "give one of --data DIR and --target HOST:PORT");
        return STATUS_INVALID;
    }
    if (connection->target != NULL && !is_host_and_port(connection->target)) {
        problem_set(problem, "--target: \"%.80s\" is not HOST:PORT, such as 127.0.0.1:7070",
                    connection->target);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum exit_code command_connect(const char *what, const struct connection *connection, bool create,
                               struct backend **out)
{
    struct problem problem = {""};
    enum status status = check_connection(connection, &problem);
    if (status != STATUS_OK) {
        (void)command_fail(what, status, &problem);
        return CODE_USAGE;
    }
    struct backend_options options = {.data = connection->data,
                                      .target = connection->target,
                                      .weights = connection->weights,
                                      .timeout_ms = (int)connection->timeout_ms,
                                      .create = create,
                                      .credentials = connection->credentials};
    struct backend *backend = NULL;
    status = backend_open(&options, &backend, &problem);
    if (status != STATUS_OK) {
        return command_fail(what, status, &problem);
    }
    if (connection->weights != NULL && backend_address(backend) != NULL) {
        problem_set(
            &problem,
            "--weights has no say over the server at %.80s, which has its own; leave it out",
            backend_address(backend));
        backend_close(backend);
        (void)command_fail(what, STATUS_INVALID, &problem);
        return CODE_USAGE;
    }
    *out = backend;
    return CODE_OK;
}

enum exit_code command_print_json(const char *what, const ProtobufCMessage *message)
{
    char *json = json_format(message, JSON_PRETTY);
    if (json == NULL) {
        return command_fail(what, STATUS_NO_MEMORY, NULL);
    }
    puts(json);
    free(json);
    return CODE_OK;
}

void command_print_swap(const char *version, const char *previous, bool unchanged)
{
    column_print_all(stdout, version);
    if (unchanged) {
        printf(" was in force already; nothing has changed\n");
        return;
    }
    printf(" is in force; before: ");
    column_print_all(stdout, previous);
    printf("\n");
}

enum exit_code command_arena(const char *what, struct arena *out)
{
    void *memory = malloc(ARENA_BYTES);
    if (memory == NULL) {
        return command_fail(what, STATUS_NO_MEMORY, NULL);
    }
    arena_init(out, memory, ARENA_BYTES);
    return CODE_OK;
}

void command_arena_release(struct arena *arena)
{
    if (arena->base != NULL) {
        arena_reset(arena);
        free(arena->base);
        arena->base = NULL;
    }
}
