#include <stdio.h>

#include "cli/command.h"
#include "reelrank/v1/admin.pb-c.h"

struct rollback_values {
    struct connection connection;
    const char *note;
    bool json;
};

static enum exit_code print_answer(const Reelrank__V1__RollbackWeightsResponse *response, bool json)
{
    if (json) {
        return command_print_json("rollback", &response->base);
    }
    command_print_swap(response->weights_version, response->previous_weights_version,
                       response->unchanged);
    return CODE_OK;
}

static enum exit_code send(struct backend *backend, struct arena *arena, const char *wanted,
                           const struct rollback_values *values)
{
    Reelrank__V1__RollbackWeightsRequest request = REELRANK__V1__ROLLBACK_WEIGHTS_REQUEST__INIT;
    request.weights_version = (char *)wanted;
    request.note = (char *)values->note;
    ProtobufCMessage *message = NULL;
    struct problem problem = {""};
    enum status status = backend_call(backend, &reelrank__v1__admin_service__descriptor,
                                      "RollbackWeights", &request.base, arena, &message, &problem);
    return status == STATUS_OK ? print_answer((const void *)message, values->json)
                               : command_fail("rollback", status, &problem);
}

static enum exit_code rollback_run(const void *raw, const struct operands *operands)
{
    const struct rollback_values *values = raw;
    const char *wanted = operands->count > 0 ? operands->items[0] : "";
    struct arena arena = {0};
    struct backend *backend = NULL;
    enum exit_code code = command_arena("rollback", &arena);
    if (code == CODE_OK) {
        code = command_connect("rollback", &values->connection, false, &backend);
    }
    if (code == CODE_OK) {
        code = send(backend, &arena, wanted, values);
    }
    backend_close(backend);
    command_arena_release(&arena);
    return code;
}

static const struct argument rollback_arguments[] = {
    CONNECTION_ARGUMENTS(struct rollback_values),
    {.name = "note",
     .value_name = "TEXT",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct rollback_values, note),
     .initial = "",
     .help = "why; kept with the change; at most 256 bytes"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct rollback_values, json),
     .help = "print JSON"},
};

const struct command command_rollback = {
    .name = "rollback",
    .operands = "[VERSION]",
    .most_operands = 1,
    .summary = "put earlier weights in force again",
    .description =
        "Without VERSION: the last weights in force before the current ones. Else VERSION is\n"
        "a name, the beginning of a hash, of at least 4 digits, or NAME@HASH, as \"reelrank\n"
        "history\" lists them. Going back is a change of its own, so it can be undone.\n",
    .examples =
        "  reelrank rollback --target 127.0.0.1:7070\n"
        "  reelrank rollback 8d1f --data /var/lib/reelrank --note \"spring2 hid new videos\"\n",
    COMMAND_ARGUMENTS(rollback_arguments),
    .values_size = sizeof(struct rollback_values),
    .run = rollback_run,
};
