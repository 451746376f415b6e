#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/problems.h"
#include "reelrank/v1/admin.pb-c.h"
#include "server/weights_message.h"
#include "store/weights_file.h"

struct apply_values {
    struct connection connection;
    const char *note;
    bool json;
};

/* A weights file on its way from disk to the service. */
struct applying {
    const struct apply_values *values;
    const char *path;
    struct weights_file file;
    struct weights_problems problems;
};

/* Read and parsed here, so that all problems are told of, with the file's name. */
static enum exit_code read_file(struct applying *applying)
{
    struct problem problem = {""};
    struct weights *weights = NULL;
    enum status status =
        weights_file_read(applying->path, &applying->file, &weights, &applying->problems, &problem);
    weights_unref(weights);
    if (status == STATUS_INVALID) {
        problems_print(stderr, applying->path, &applying->problems);
        problem_set(&problem, "nothing was applied: %u problem%s", applying->problems.count,
                    applying->problems.count == 1 ? "" : "s");
    }
    return status == STATUS_OK ? CODE_OK : command_fail("apply", status, &problem);
}

static enum status make_request(const struct applying *applying, struct arena *arena,
                                Reelrank__V1__ApplyWeightsRequest *request)
{
    struct weights_message fields;
    enum status status = weights_message_of(&applying->file.source, arena, &fields);
    if (status == STATUS_OK) {
        request->weights_yaml = fields.yaml;
        request->models = fields.models;
        request->n_models = fields.model_count;
        request->note = (char *)applying->values->note;
    }
    return status;
}

static enum exit_code print_answer(const Reelrank__V1__ApplyWeightsResponse *response, bool json)
{
    if (json) {
        return command_print_json("apply", &response->base);
    }
    command_print_swap(response->weights_version, response->previous_weights_version,
                       response->unchanged);
    return CODE_OK;
}

static enum exit_code send(const struct applying *applying, struct backend *backend,
                           struct arena *arena)
{
    Reelrank__V1__ApplyWeightsRequest request = REELRANK__V1__APPLY_WEIGHTS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    struct problem problem = {""};
    enum status status = make_request(applying, arena, &request);
    if (status == STATUS_OK) {
        status = backend_call(backend, &reelrank__v1__admin_service__descriptor, "ApplyWeights",
                              &request.base, arena, &message, &problem);
    }
    if (status != STATUS_OK) {
        return command_fail("apply", status, &problem);
    }
    return print_answer((const void *)message, applying->values->json);
}

static enum exit_code apply_to(const struct applying *applying)
{
    struct arena arena = {0};
    struct backend *backend = NULL;
    enum exit_code code = command_arena("apply", &arena);
    if (code == CODE_OK) {
        code = command_connect("apply", &applying->values->connection, false, &backend);
    }
    if (code == CODE_OK) {
        code = send(applying, backend, &arena);
    }
    backend_close(backend);
    command_arena_release(&arena);
    return code;
}

static enum exit_code apply_run(const void *raw, const struct operands *operands)
{
    struct applying *applying = calloc(1, sizeof(*applying));
    if (applying == NULL) {
        return command_fail("apply", STATUS_NO_MEMORY, NULL);
    }
    applying->values = raw;
    applying->path = operands->items[0];
    enum exit_code code = read_file(applying);
    if (code == CODE_OK) {
        code = apply_to(applying);
    }
    weights_file_release(&applying->file);
    free(applying);
    return code;
}

static const struct argument apply_arguments[] = {
    CONNECTION_ARGUMENTS(struct apply_values),
    {.name = "note",
     .value_name = "TEXT",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct apply_values, note),
     .initial = "",
     .help = "why; kept with the change; at most 256 bytes"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct apply_values, json),
     .help = "print JSON"},
};

const struct command command_apply = {
    .name = "apply",
    .operands = "FILE",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "put a file of weights in force",
    .description =
        "Checks a weights file, with the model files it names, keeps it in the history and\n"
        "puts it in force, without a restart: every request is answered by one version, from\n"
        "start to end. A file with problems changes nothing: each is printed as\n"
        "FILE:LINE:COLUMN: KEY: MESSAGE, and the exit code is 4. Applying what is in force\n"
        "changes nothing and says so. \"-\" reads standard input.\n",
    .examples =
        "  reelrank apply weights.yaml --target 127.0.0.1:7070 --note \"more fresh videos\"\n"
        "  reelrank apply weights.yaml --data /var/lib/reelrank\n",
    COMMAND_ARGUMENTS(apply_arguments),
    .values_size = sizeof(struct apply_values),
    .run = apply_run,
};
