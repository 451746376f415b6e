#include "cli/weights_side.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/problems.h"
#include "reelrank/v1/admin.pb-c.h"
#include "server/weights_message.h"

static const char current[] = "current";

static enum status read_file(struct weights_side *side, struct weights_problems *problems,
                             struct problem *problem)
{
    side->file = calloc(1, sizeof(*side->file));
    if (side->file == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        weights_file_read(side->name, side->file, &side->weights, problems, problem);
    side->source = side->file->source;
    return status;
}

/* What the server, or the data directory, has in force or in its history. */
static enum status ask(struct weights_side *side, struct backend *backend, struct arena *arena,
                       struct weights_problems *problems, struct problem *problem)
{
    Reelrank__V1__GetWeightsRequest request = REELRANK__V1__GET_WEIGHTS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    if (strcmp(side->name, current) != 0) {
        request.weights_version = (char *)side->name;
    }
    enum status status = backend_call(backend, &reelrank__v1__admin_service__descriptor,
                                      "GetWeights", &request.base, arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__GetWeightsResponse *response = (const void *)message;
    struct weights_message fields = {.yaml = response->weights_yaml,
                                     .models = response->models,
                                     .model_count = response->n_models};
    status = weights_message_source(&fields, arena, &side->source, problem);
    return status == STATUS_OK ? weights_source_parse(&side->source, &side->weights, problems)
                               : status;
}

static enum status read_any(struct weights_side *side, struct backend *backend, struct arena *arena,
                            struct weights_problems *problems, struct problem *problem)
{
    bool is_current = strcmp(side->name, current) == 0;
    bool is_file = !is_current && (strcmp(side->name, "-") == 0 || access(side->name, F_OK) == 0);
    if (is_file || (!is_current && backend == NULL)) {
        return read_file(side, problems, problem);
    }
    if (backend == NULL) {
        problem_set(problem,
                    "\"%s\" is what a server has in force: name it with --target or --data",
                    current);
        return STATUS_INVALID;
    }
    return ask(side, backend, arena, problems, problem);
}

enum status weights_side_read(struct weights_side *side, struct backend *backend,
                              struct arena *arena, struct problem *problem)
{
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = read_any(side, backend, arena, problems, problem);
    if (status == STATUS_INVALID && problems->count > 0) {
        status = problems_refuse(side->name, problems, problem);
    }
    free(problems);
    return status;
}

void weights_side_release(struct weights_side *side)
{
    weights_unref(side->weights);
    if (side->file != NULL) {
        weights_file_release(side->file);
        free(side->file);
    }
    *side = (struct weights_side){.name = side->name};
}
