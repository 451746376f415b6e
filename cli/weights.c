#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/input.h"
#include "reelrank/v1/admin.pb-c.h"
#include "store/weights_source.h"

enum { PATH_SIZE = 4096 };

struct weights_values {
    struct connection connection;
    const char *models;
    bool json;
};

/* Makes the directories that path names, up to its last "/". */
static bool make_directories(char *path)
{
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *at = '/';
        if (!made) {
            return false;
        }
    }
    return true;
}

static enum status write_model(const char *directory, const Reelrank__V1__ModelFile *model,
                               struct problem *problem)
{
    char path[PATH_SIZE];
    int size = snprintf(path, sizeof(path), "%s/%s", directory, model->name);
    if (!weights_model_name_valid(model->name) || size >= (int)sizeof(path)) {
        problem_set(problem, "model file \"%.128s\" has no name to write it under", model->name);
        return STATUS_INVALID;
    }
    FILE *file = make_directories(path) ? fopen(path, "wbe") : NULL;
    bool written = file != NULL &&
                   fwrite(model->content.data, 1, model->content.len, file) == model->content.len &&
                   fflush(file) == 0;
    int error = errno;
    if (file != NULL) {
        written = fclose(file) == 0 && written;
    }
    if (!written) {
        problem_set(problem, "cannot write %s: %s", input_name(path), strerror(error));
        return STATUS_IO;
    }
    return STATUS_OK;
}

static enum exit_code write_models(const Reelrank__V1__GetWeightsResponse *response,
                                   const char *directory)
{
    struct problem problem = {""};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < response->n_models && status == STATUS_OK; i++) {
        status = write_model(directory, response->models[i], &problem);
    }
    return status == STATUS_OK ? CODE_OK : command_fail("weights", status, &problem);
}

static enum exit_code print_answer(const Reelrank__V1__GetWeightsResponse *response,
                                   const struct weights_values *values)
{
    if (values->json) {
        return command_print_json("weights", &response->base);
    }
    fputs(response->weights_yaml, stdout);
    if (values->models != NULL) {
        return write_models(response, values->models);
    }
    if (response->n_models > 0) {
        fprintf(stderr, "reelrank: weights: %s has %zu model files; --models DIR writes them\n",
                response->weights_version, response->n_models);
    }
    return CODE_OK;
}

static enum exit_code ask(struct backend *backend, struct arena *arena, const char *wanted,
                          const struct weights_values *values)
{
    Reelrank__V1__GetWeightsRequest request = REELRANK__V1__GET_WEIGHTS_REQUEST__INIT;
    request.weights_version = (char *)wanted;
    ProtobufCMessage *message = NULL;
    struct problem problem = {""};
    enum status status = backend_call(backend, &reelrank__v1__admin_service__descriptor,
                                      "GetWeights", &request.base, arena, &message, &problem);
    return status == STATUS_OK ? print_answer((const void *)message, values)
                               : command_fail("weights", status, &problem);
}

static enum exit_code weights_run(const void *raw, const struct operands *operands)
{
    const struct weights_values *values = raw;
    const char *wanted = operands->count > 0 ? operands->items[0] : "";
    struct arena arena = {0};
    struct backend *backend = NULL;
    enum exit_code code = command_arena("weights", &arena);
    if (code == CODE_OK) {
        code = command_connect("weights", &values->connection, false, &backend);
    }
    if (code == CODE_OK) {
        code = ask(backend, &arena, wanted, values);
    }
    backend_close(backend);
    command_arena_release(&arena);
    return code;
}

static const struct argument weights_arguments[] = {
    CONNECTION_ARGUMENTS(struct weights_values),
    {.name = "models",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct weights_values, models),
     .help = "write the model files that the weights name below DIR"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct weights_values, json),
     .help = "print JSON, models in base64"},
};

const struct command command_weights = {
    .name = "weights",
    .operands = "[VERSION]",
    .most_operands = 1,
    .summary = "print the weights in force, or earlier ones",
    .description = "Prints the YAML as it was given, byte for byte. VERSION is as for \"reelrank\n"
                   "rollback\"; without it: the weights in force.\n",
    .examples = "  reelrank weights --target 127.0.0.1:7070 > weights.yaml\n"
                "  reelrank weights 8d1f --data /var/lib/reelrank --models . > weights.yaml\n",
    COMMAND_ARGUMENTS(weights_arguments),
    .values_size = sizeof(struct weights_values),
    .run = weights_run,
};
