#include "cli/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/input.h"
#include "cli/local.h"
#include "ranker/check.h"
#include "ranker/wire.h"
#include "store/log.h"

enum {
    ADDRESS_SIZE = 256,
    PATH_SIZE = 4096,
    METHOD_PATH_SIZE = 128,
    STREAM_ARENA_BYTES = 8 << 20 /* the request of a stream, and one message of it */
};

/* One of client and local is set. */
struct backend {
    struct client *client;
    struct local *local;
    char address[ADDRESS_SIZE]; /* of client */
};

static enum status connect_to(struct backend *backend, const char *address,
                              const struct backend_options *options, struct problem *problem)
{
    snprintf(backend->address, sizeof(backend->address), "%s", address);
    return client_new(address, options->timeout_ms, &options->credentials, &backend->client,
                      problem);
}

enum status backend_check_data(const char *data, struct problem *problem)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/data.mdb", data);
    if (access(path, F_OK) != 0) {
        problem_set(problem,
                    "no data in directory \"%s\"; \"reelrank import\" makes one, --data names "
                    "another",
                    input_name(data));
        return STATUS_NOT_FOUND;
    }
    return STATUS_OK;
}

static enum status open_data(struct backend *backend, const struct backend_options *options,
                             struct problem *problem)
{
    char address[ADDRESS_SIZE] = "";
    enum status found = log_find_server(options->data, address, sizeof(address));
    if (found == STATUS_OK) {
        return connect_to(backend, address, options, problem);
    }
    if (found == STATUS_UNAVAILABLE) {
        problem_set(problem,
                    "directory \"%s\" is in use by another process; wait for it to end, or "
                    "name another directory with --data",
                    input_name(options->data));
        return STATUS_UNAVAILABLE;
    }
    enum status status = options->create ? STATUS_OK : backend_check_data(options->data, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return local_open(options->data, options->weights, &backend->local, problem);
}

enum status backend_open(const struct backend_options *options, struct backend **out,
                         struct problem *problem)
{
    struct backend *backend = calloc(1, sizeof(*backend));
    if (backend == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = options->target != NULL
                             ? connect_to(backend, options->target, options, problem)
                             : open_data(backend, options, problem);
    if (status != STATUS_OK) {
        free(backend);
        return status;
    }
    *out = backend;
    return STATUS_OK;
}

void backend_close(struct backend *backend)
{
    if (backend != NULL) {
        client_free(backend->client);
        local_close(backend->local);
        free(backend);
    }
}

const char *backend_address(const struct backend *backend)
{
    return backend->client != NULL ? backend->address : NULL;
}

static void name_path(const ProtobufCServiceDescriptor *service, const char *method,
                      char path[METHOD_PATH_SIZE])
{
    int size = snprintf(path, METHOD_PATH_SIZE, "/%s/%s", service->name, method);
    CHECK(size < METHOD_PATH_SIZE);
}

static enum status call_remote(struct backend *backend, const ProtobufCServiceDescriptor *service,
                               const char *method, struct text request, struct arena *arena,
                               struct text *response, struct problem *problem)
{
    char path[METHOD_PATH_SIZE];
    name_path(service, method, path);
    return client_call(backend->client, path, request, arena, response, problem);
}

static enum status unpack(const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                          struct arena *arena, ProtobufCMessage **out, struct problem *problem)
{
    ProtobufCAllocator allocator = wire_allocator(arena);
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, bytes.size, (const uint8_t *)bytes.data);
    if (message == NULL) {
        problem_set(problem, "the answer is not a %s", descriptor->name);
        return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
    }
    *out = message;
    return STATUS_OK;
}

static enum status pack(const ProtobufCServiceDescriptor *service, const char *method,
                        const ProtobufCMessage *request, struct arena *arena,
                        const ProtobufCMessageDescriptor **output, struct text *out)
{
    const ProtobufCMethodDescriptor *descriptor =
        protobuf_c_service_descriptor_get_method_by_name(service, method);
    CHECK(descriptor != NULL && request->descriptor == descriptor->input);
    size_t size = protobuf_c_message_get_packed_size(request);
    uint8_t *packed = arena_new(arena, uint8_t, size + 1);
    if (packed == NULL) {
        return STATUS_NO_MEMORY;
    }
    protobuf_c_message_pack(request, packed);
    *out = (struct text){.data = (const char *)packed, .size = size};
    *output = descriptor->output;
    return STATUS_OK;
}

enum status backend_call(struct backend *backend, const ProtobufCServiceDescriptor *service,
                         const char *method, const ProtobufCMessage *request, struct arena *arena,
                         ProtobufCMessage **response, struct problem *problem)
{
    const ProtobufCMessageDescriptor *output = NULL;
    struct text bytes = {0};
    struct text answer = {0};
    enum status status = pack(service, method, request, arena, &output, &bytes);
    if (status != STATUS_OK) {
        return status;
    }
    status = backend->client != NULL
                 ? call_remote(backend, service, method, bytes, arena, &answer, problem)
                 : local_call(backend->local, service, method, bytes, arena, &answer, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return unpack(output, answer, arena, response, problem);
}

/* Between the bytes of a stream and the caller's visitor. */
struct reading {
    const ProtobufCMessageDescriptor *output;
    backend_visit *visit;
    void *context;
    struct arena arena; /* for one message at a time */
    struct problem *problem;
};

static enum status visit_bytes(void *context, struct text bytes)
{
    struct reading *reading = context;
    ProtobufCMessage *message = NULL;
    arena_reset(&reading->arena);
    enum status status =
        unpack(reading->output, bytes, &reading->arena, &message, reading->problem);
    return status == STATUS_OK ? reading->visit(reading->context, message) : status;
}

/* memory[0..2 * STREAM_ARENA_BYTES): the request lives in the first half throughout. */
static enum status stream_in(struct backend *backend, const ProtobufCServiceDescriptor *service,
                             const char *method, const ProtobufCMessage *request, char *memory,
                             struct reading *reading)
{
    struct arena arena;
    struct text bytes = {0};
    arena_init(&arena, memory, STREAM_ARENA_BYTES);
    arena_init(&reading->arena, memory + STREAM_ARENA_BYTES, STREAM_ARENA_BYTES);
    enum status status = pack(service, method, request, &arena, &reading->output, &bytes);
    if (status == STATUS_OK && backend->client != NULL) {
        char path[METHOD_PATH_SIZE];
        name_path(service, method, path);
        status =
            client_stream(backend->client, path, bytes, visit_bytes, reading, reading->problem);
    } else if (status == STATUS_OK) {
        status = local_stream(backend->local, service, method, bytes, visit_bytes, reading,
                              reading->problem);
    }
    arena_reset(&arena);
    arena_reset(&reading->arena);
    return status;
}

enum status backend_stream(struct backend *backend, const ProtobufCServiceDescriptor *service,
                           const char *method, const ProtobufCMessage *request,
                           backend_visit *visit, void *context, struct problem *problem)
{
    struct reading reading = {.visit = visit, .context = context, .problem = problem};
    char *memory = malloc(2 * (size_t)STREAM_ARENA_BYTES);
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = stream_in(backend, service, method, request, memory, &reading);
    free(memory);
    return status;
}
