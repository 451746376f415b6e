#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/fields.h"
#include "proto/json.h"
#include "reelrank/v1/log.pb-c.h"
#include "reelrank/v1/user.pb-c.h"

/* The commands about one user: user and export. */
struct user_values {
    struct connection connection;
    const char *user;
    bool json;
};

/* Strongest first, whichever the sign. */
static int by_strength(const void *a, const void *b)
{
    const Reelrank__V1__Affinity *const *x = a;
    const Reelrank__V1__Affinity *const *y = b;
    double left = (*x)->value < 0 ? -(*x)->value : (*x)->value;
    double right = (*y)->value < 0 ? -(*y)->value : (*y)->value;
    return (left < right) - (left > right);
}

static void print_affinities(const Reelrank__V1__GetUserResponse *user)
{
    if (user->n_affinities == 0) {
        return;
    }
    qsort(user->affinities, user->n_affinities, sizeof(user->affinities[0]), by_strength);
    printf("\naffinity  value   name or key\n");
    for (size_t i = 0; i < user->n_affinities; i++) {
        const Reelrank__V1__Affinity *affinity = user->affinities[i];
        printf("%-9s %+.3f  ", affinity->kind, affinity->value);
        if (affinity->name[0] != '\0') {
            column_print_all(stdout, affinity->name);
            printf("\n");
        } else {
            printf("%016" PRIx64 "\n", affinity->key);
        }
    }
}

static void print_user(const Reelrank__V1__GetUserResponse *user)
{
    fields_text("user", user->user_id);
    fields_number("signals", user->signal_count);
    fields_time("first signal", user->first_signal_ms);
    fields_time("last signal", user->last_signal_ms);
    fields_number("videos seen", user->n_seen);
    fields_number("creators followed", user->n_followed_creator_keys);
    fields_number("creators hidden", user->n_hidden_creator_keys);
    fields_number("state sequence", user->state_sequence);
    print_affinities(user);
}

static enum exit_code print_json(const char *what, const ProtobufCMessage *message,
                                 enum json_style style)
{
    char *json = json_format(message, style);
    if (json == NULL) {
        return command_fail(what, STATUS_NO_MEMORY, NULL);
    }
    puts(json);
    free(json);
    return CODE_OK;
}

static enum exit_code ask(struct backend *backend, struct arena *arena,
                          const struct user_values *values)
{
    Reelrank__V1__GetUserRequest request = REELRANK__V1__GET_USER_REQUEST__INIT;
    request.user_id = (char *)values->user;
    ProtobufCMessage *message = NULL;
    struct problem problem = {""};
    enum status status = backend_call(backend, &reelrank__v1__user_service__descriptor, "GetUser",
                                      &request.base, arena, &message, &problem);
    if (status != STATUS_OK) {
        return command_fail("user", status, &problem);
    }
    if (values->json) {
        return print_json("user", message, JSON_PRETTY);
    }
    print_user((const Reelrank__V1__GetUserResponse *)(const void *)message);
    return CODE_OK;
}

static enum exit_code user_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct user_values *values = raw;
    struct arena arena = {0};
    struct backend *backend = NULL;
    enum exit_code code = command_arena("user", &arena);
    if (code == CODE_OK) {
        code = command_connect("user", &values->connection, false, &backend);
    }
    if (code == CODE_OK) {
        code = ask(backend, &arena, values);
    }
    backend_close(backend);
    command_arena_release(&arena);
    return code;
}

/* One line for each piece of an export, as import reads it. */
static enum status print_piece(void *context, const ProtobufCMessage *message)
{
    struct problem *problem = context;
    const Reelrank__V1__ExportUserResponse *piece = (const void *)message;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    switch (piece->item_case) {
    case REELRANK__V1__EXPORT_USER_RESPONSE__ITEM_USER:
        entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_USER;
        entry.user = piece->user;
        break;
    case REELRANK__V1__EXPORT_USER_RESPONSE__ITEM_SIGNAL:
        entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL;
        entry.signal = piece->signal;
        break;
    case REELRANK__V1__EXPORT_USER_RESPONSE__ITEM_DECISION:
        entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_DECISION;
        entry.decision = piece->decision;
        break;
    default: /* of a newer server */
        return STATUS_OK;
    }
    char *json = json_format(&entry.base, JSON_LINE);
    if (json == NULL) {
        return STATUS_NO_MEMORY;
    }
    bool printed = puts(json) >= 0;
    free(json);
    if (!printed) {
        problem_set(problem, "cannot write the output");
        return STATUS_IO;
    }
    return STATUS_OK;
}

static enum exit_code export_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct user_values *values = raw;
    struct backend *backend = NULL;
    enum exit_code code = command_connect("export", &values->connection, false, &backend);
    if (code != CODE_OK) {
        return code;
    }
    Reelrank__V1__ExportUserRequest request = REELRANK__V1__EXPORT_USER_REQUEST__INIT;
    request.user_id = (char *)values->user;
    struct problem problem = {""};
    enum status status =
        backend_stream(backend, &reelrank__v1__user_service__descriptor, "ExportUser",
                       &request.base, print_piece, &problem, &problem);
    backend_close(backend);
    return status == STATUS_OK ? CODE_OK : command_fail("export", status, &problem);
}

static const struct argument user_arguments[] = {
    CONNECTION_ARGUMENTS(struct user_values),
    {.name = "user",
     .value_name = "ID",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct user_values, user),
     .required = true,
     .help = "the user"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct user_values, json),
     .help = "print JSON"},
};

const struct command command_user = {
    .name = "user",
    .operands = "",
    .summary = "tell what is known of one user",
    .description =
        "Prints counts, times and tastes, strongest first. Tastes are between -1 and 1, decayed\n"
        "to now. Creators, categories and tags show as keys: their names are not kept.\n",
    .examples = "  reelrank user --data /var/lib/reelrank --user u1\n"
                "  reelrank user --target 127.0.0.1:7070 --user u1 --json\n",
    COMMAND_ARGUMENTS(user_arguments),
    .values_size = sizeof(struct user_values),
    .run = user_run,
};

static const struct argument export_arguments[] = {
    CONNECTION_ARGUMENTS(struct user_values),
    {.name = "user",
     .value_name = "ID",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct user_values, user),
     .required = true,
     .help = "the user"},
};

const struct command command_export = {
    .name = "export",
    .operands = "",
    .summary = "print all that is stored of one user",
    .description =
        "Prints JSON Lines: first {\"user\": ...} with what \"reelrank user\" tells, then a line\n"
        "{\"signal\": ...} for each signal of the user, in the order of the log, and a line\n"
        "{\"decision\": ...} for each answer of Rank that the journal has. Import reads them.\n"
        "The whole log is searched, so it may take some seconds.\n",
    .examples = "  reelrank export --data /var/lib/reelrank --user u1 > u1.jsonl\n",
    COMMAND_ARGUMENTS(export_arguments),
    .values_size = sizeof(struct user_values),
    .run = export_run,
};

static void print_receipt(const Reelrank__V1__ForgetUserResponse *receipt)
{
    fields_time("forgotten at", receipt->time_ms);
    fields_text("state", receipt->state_erased ? "erased" : "there was none");
    fields_number("signals erased", receipt->signals_erased);
    fields_number("decisions erased", receipt->decisions_erased);
    fields_number("state sequence", receipt->state_sequence);
}

static enum exit_code forget(struct backend *backend, struct arena *arena,
                             const struct user_values *values)
{
    Reelrank__V1__ForgetUserRequest request = REELRANK__V1__FORGET_USER_REQUEST__INIT;
    request.user_id = (char *)values->user;
    ProtobufCMessage *message = NULL;
    struct problem problem = {""};
    enum status status = backend_call(backend, &reelrank__v1__user_service__descriptor,
                                      "ForgetUser", &request.base, arena, &message, &problem);
    if (status != STATUS_OK) {
        return command_fail("forget", status, &problem);
    }
    if (values->json) {
        return print_json("forget", message, JSON_PRETTY);
    }
    print_receipt((const Reelrank__V1__ForgetUserResponse *)(const void *)message);
    return CODE_OK;
}

static enum exit_code forget_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct user_values *values = raw;
    struct arena arena = {0};
    struct backend *backend = NULL;
    enum exit_code code = command_arena("forget", &arena);
    if (code == CODE_OK) {
        code = command_connect("forget", &values->connection, false, &backend);
    }
    if (code == CODE_OK) {
        code = forget(backend, &arena, values);
    }
    backend_close(backend);
    command_arena_release(&arena);
    return code;
}

const struct command command_forget = {
    .name = "forget",
    .operands = "",
    .summary = "erase one user from all files",
    .description =
        "Erases the user's state, signals, journaled decisions and ids, and prints a receipt once\n"
        "nothing is left. The log is read twice, so it may take a while: raise --timeout-ms for a\n"
        "large one; what is under way goes on without the command. Counts over many users stay.\n"
        "Backups made before still have the user; restoring one erases the user again (see\n"
        "docs/operations.md).\n",
    .examples = "  reelrank forget --data /var/lib/reelrank --user u1\n"
                "  reelrank forget --target 127.0.0.1:7070 --user u1 --json --timeout-ms 600000\n",
    COMMAND_ARGUMENTS(user_arguments),
    .values_size = sizeof(struct user_values),
    .run = forget_run,
};
