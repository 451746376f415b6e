#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/fields.h"
#include "reelrank/v1/admin.pb-c.h"

enum { ARM_TEXT_SIZE = 128 }; /* a server of another version may have longer names */

struct status_values {
    struct connection connection;
    bool json;
    bool digest;
};

static void print_text(const char *address, const Reelrank__V1__GetStatusResponse *status)
{
    fields_text("server", address != NULL ? address : "none; read in this process");
    fields_text("build", status->build_version);
    if (address != NULL) {
        fields_time("started", status->started_ms);
    }
    fields_text("weights", status->weights_version);
    fields_text("weights from", status->weights_origin);
    fields_time("weights since", status->weights_time_ms);
    if (status->weights_problem[0] != '\0') {
        fields_text("weights problem", status->weights_problem);
    }
    fields_number("state sequence", status->state_sequence);
    fields_number("log starts at", status->log_first_sequence);
    if (status->state_digest[0] != '\0') {
        fields_text("state digest", status->state_digest);
        fields_text("aggregates digest", status->aggregates_digest);
    }
    fields_number("checkpoint at", status->checkpoint_sequence);
    fields_number("videos", status->video_count);
    fields_number("users", status->user_count);
    fields_share("store bytes", status->store_bytes, status->store_budget_bytes);
    fields_number("log bytes", status->log_bytes);
    fields_number("user memory bytes", status->user_memory_bytes);
    fields_number("forgets pending", status->forgets_pending);
    fields_share("event ids", status->event_id_count, status->event_id_window);
    if (status->journal_budget_bytes > 0) {
        fields_share("journal bytes", status->journal_bytes, status->journal_budget_bytes);
        fields_number("decisions written", status->journal_written);
        fields_number("decisions dropped", status->journal_dropped);
    }
    if (status->journal_oldest_ms > 0) {
        fields_time("oldest decision", status->journal_oldest_ms);
    }
    for (size_t i = 0; i < status->n_arms; i++) {
        char text[ARM_TEXT_SIZE];
        snprintf(text, sizeof(text), "%" PRIu64 " in %s", status->arms[i]->rankings,
                 status->arms[i]->arm);
        fields_text("rankings", text);
    }
}

static enum exit_code ask(struct backend *backend, struct arena *arena,
                          const struct status_values *values)
{
    Reelrank__V1__GetStatusRequest request = REELRANK__V1__GET_STATUS_REQUEST__INIT;
    request.state_digest = values->digest;
    ProtobufCMessage *message = NULL;
    struct problem problem = {""};
    enum status status = backend_call(backend, &reelrank__v1__admin_service__descriptor,
                                      "GetStatus", &request.base, arena, &message, &problem);
    if (status != STATUS_OK) {
        return command_fail("status", status, &problem);
    }
    const Reelrank__V1__GetStatusResponse *response = (const void *)message;
    if (values->json) {
        return command_print_json("status", message);
    }
    print_text(backend_address(backend), response);
    return CODE_OK;
}

static enum exit_code status_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct status_values *values = raw;
    struct arena arena = {0};
    struct backend *backend = NULL;
    enum exit_code code = command_arena("status", &arena);
    if (code == CODE_OK) {
        code = command_connect("status", &values->connection, false, &backend);
    }
    if (code == CODE_OK) {
        code = ask(backend, &arena, values);
    }
    backend_close(backend);
    command_arena_release(&arena);
    return code;
}

static const struct argument status_arguments[] = {
    CONNECTION_ARGUMENTS(struct status_values),
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct status_values, json),
     .help = "print JSON"},
    {.name = "digest",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct status_values, digest),
     .help = "add the state's digest"},
};

const struct command command_status = {
    .name = "status",
    .operands = "",
    .summary = "tell what a server or a data directory holds",
    .description =
        "Prints versions, the state's sequence, counts and sizes; of a server also how many\n"
        "rankings each arm of an experiment has had since the start.\n\n"
        "--digest adds a hash over all of the state: two servers that applied the same log\n"
        "agree in it. Signals wait while it is computed.\n",
    .examples = "  reelrank status --data /var/lib/reelrank\n"
                "  reelrank status --target 127.0.0.1:7070 --digest --json\n",
    COMMAND_ARGUMENTS(status_arguments),
    .values_size = sizeof(struct status_values),
    .run = status_run,
};
