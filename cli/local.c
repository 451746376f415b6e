#include "cli/local.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/input.h"
#include "cli/progress.h"
#include "ranker/check.h"
#include "ranker/wire.h"
#include "server/options.h"
#include "server/service.h"
#include "server/weights_life.h"
#include "store/clock.h"
#include "store/keeper.h"
#include "store/store.h"
#include "store/weights_file.h"

enum { STREAM_ARENA_BYTES = 8 << 20 }; /* for one turn */

struct local {
    char *data; /* owned */
    struct store *store;
    struct keeper *keeper; /* for erasures alone: retention is for servers */
    struct weights_life *life;
    struct service *service;
    struct method methods[SERVICE_METHOD_COUNT];
};

static enum status load_weights(const char *path, struct weights **out, struct problem *problem)
{
    struct weights_file *file = calloc(1, sizeof(*file));
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    enum status status = STATUS_NO_MEMORY;
    if (file != NULL && problems != NULL) {
        status = weights_file_read(path, file, out, problems, problem);
        weights_file_release(file);
    }
    if (status == STATUS_INVALID) {
        const struct weights_problem *first = &problems->items[0];
        problem_set(problem, "%s:%u:%u: %s%s%.110s; \"reelrank check\" tells more",
                    input_name(path), first->line, first->column, first->path,
                    first->path[0] != '\0' ? ": " : "", first->message);
    }
    free(problems);
    free(file);
    return status;
}

static void show_replay(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    progress->total = total;
    progress_show(progress, done);
}

static void warn_of_checkpoint(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "reelrank: warning: %s\n", text);
}

static enum status open_store(const char *data, const struct options *defaults, struct store **out,
                              struct problem *problem)
{
    struct progress progress;
    progress_start(&progress, "opening", "records", 1, 0);
    struct store_options options = {
        .log = {.path = data, .map_bytes = (size_t)defaults->map_mib << 20},
        .window_length = defaults->window_length,
        .user_bytes = (size_t)defaults->user_memory_mib << 20,
        .statistics_bytes = (size_t)defaults->statistics_memory_mib << 20,
        .progress = show_replay,
        .progress_context = &progress,
        .warn = warn_of_checkpoint,
    };
    enum status status = store_open(&options, out, problem);
    progress_clear(&progress);
    return status;
}

/* What is made stays in local also after a failure. */
static enum status make_parts(struct local *local, struct problem *problem)
{
    struct options defaults;
    options_defaults(&defaults);
    enum status status = open_store(local->data, &defaults, &local->store, problem);
    if (status == STATUS_OK) {
        struct keeper_options options = {.store = local->store,
                                         .directory = local->data,
                                         .map_bytes = (size_t)defaults.map_mib << 20};
        status = keeper_new(&options, &local->keeper);
    }
    if (status == STATUS_OK) {
        status = weights_life_new(store_log(local->store), &local->life);
    }
    if (status == STATUS_OK) {
        struct service_options options = {
            .store = local->store, .life = local->life, .directory = local->data};
        status = service_new(&options, &local->service);
    }
    return status;
}

enum status local_open(const char *data, const char *weights, struct local **out,
                       struct problem *problem)
{
    struct weights *parsed = NULL;
    enum status status = weights != NULL ? load_weights(weights, &parsed, problem) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    struct local *local = calloc(1, sizeof(*local));
    if (local != NULL) {
        local->data = strdup(data);
    }
    status = local != NULL && local->data != NULL ? make_parts(local, problem) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        weights_unref(parsed);
        local_close(local);
        return status;
    }
    if (parsed != NULL) {
        weights_life_use(local->life, parsed);
    }
    service_methods(local->service, local->methods);
    *out = local;
    return STATUS_OK;
}

void local_close(struct local *local)
{
    if (local != NULL) {
        service_free(local->service);
        weights_life_free(local->life);
        keeper_free(local->keeper);
        store_close(local->store);
        free(local->data);
        free(local);
    }
}

static const struct method *find_method(const struct local *local,
                                        const ProtobufCServiceDescriptor *service, const char *name)
{
    for (size_t i = 0; i < SERVICE_METHOD_COUNT; i++) {
        const struct method *method = &local->methods[i];
        if (method->service == service && strcmp(method->name, name) == 0) {
            return method;
        }
    }
    return NULL;
}

/* The message as a server would get it: decoded from bytes, not shared with the caller. */
static enum status decode(const struct method *method, struct turn *turn)
{
    turn->request = wire_unpack(method_descriptor(method)->input, turn->request_bytes, turn->arena,
                                &turn->notes);
    if (turn->request == NULL) {
        return arena_full(turn->arena) ? STATUS_NO_MEMORY : STATUS_INVALID;
    }
    return STATUS_OK;
}

static void release_held(struct turn *turn)
{
    if (turn->release != NULL) {
        turn->release(turn->held);
    }
}

static enum status encode(struct turn *turn, struct text *response)
{
    if (turn->response == NULL) {
        *response = turn->response_bytes;
        return STATUS_OK;
    }
    size_t size = wire_packed_size(turn->response);
    uint8_t *bytes = arena_new(turn->arena, uint8_t, size + 1);
    if (bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    wire_pack(turn->response, bytes);
    *response = (struct text){.data = (const char *)bytes, .size = size};
    return STATUS_OK;
}

static enum status find_kind(const struct local *local, const ProtobufCServiceDescriptor *service,
                             const char *name, enum method_kind kind, const struct method **out,
                             struct problem *problem)
{
    const struct method *method = find_method(local, service, name);
    if (method == NULL || method->begin == NULL) {
        problem_set(problem, "this version does not have %s", name);
        return STATUS_UNIMPLEMENTED;
    }
    CHECK(method->kind == kind);
    *out = method;
    return STATUS_OK;
}

/* From the first turn to the last, which leaves the outcome in *turn. */
static void run_unary(struct local *local, const struct method *method, struct turn *turn)
{
    enum turn_step step = method->begin(method->context, turn);
    while (step == TURN_AGAIN) {
        turn->request = NULL;
        turn->now_ms = wall_clock_ms();
        step = method->begin(method->context, turn);
    }
    if (step == TURN_WRITE) {
        store_write(local->store, &turn->batch, 1);
        if (turn->batch->erase && turn->batch->status == STATUS_OK) {
            turn->batch->status = keeper_erase(local->keeper, &turn->problem);
        }
    }
    if (step == TURN_WRITE || step == TURN_WORK) {
        method->finish(method->context, turn);
    }
}

enum status local_call(struct local *local, const ProtobufCServiceDescriptor *service,
                       const char *method_name, struct text request, struct arena *arena,
                       struct text *response, struct problem *problem)
{
    const struct method *method = NULL;
    enum status status = find_kind(local, service, method_name, METHOD_UNARY, &method, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct turn turn = {.arena = arena,
                        .request_bytes = request,
                        .state = arena_alloc(arena, 1, METHOD_STATE_SIZE, _Alignof(max_align_t)),
                        .now_ms = wall_clock_ms()};
    status = turn.state == NULL ? STATUS_NO_MEMORY : decode(method, &turn);
    if (status != STATUS_OK) {
        return status;
    }
    run_unary(local, method, &turn);
    status = turn.status;
    if (status == STATUS_OK) {
        status = encode(&turn, response);
    } else {
        *problem = turn.problem;
    }
    release_held(&turn);
    return status;
}

/* Takes turns until the method is done. The arena is the turns' own. */
static enum status take_turns(const struct method *method, struct text request, struct arena *arena,
                              local_visit *visit, void *context, struct problem *problem)
{
    alignas(max_align_t) char state[METHOD_STATE_SIZE] = {0};
    struct turn turn = {.arena = arena, .request_bytes = request};
    enum status status = decode(method, &turn);
    while (status == STATUS_OK) {
        turn.state = state;
        turn.now_ms = wall_clock_ms();
        enum turn_step step = method->begin(method->context, &turn);
        CHECK(step != TURN_WRITE);
        CHECK(step != TURN_WAIT); /* what this process waits for would never come */
        if (step == TURN_DONE) {
            *problem = turn.problem;
            release_held(&turn);
            return turn.status;
        }
        struct text message = {0};
        status = step == TURN_MORE ? encode(&turn, &message) : STATUS_OK;
        release_held(&turn);
        if (step == TURN_MORE && status == STATUS_OK) {
            status = visit(context, message);
        }
        arena_reset(arena);
        turn = (struct turn){.arena = arena};
    }
    return status;
}

enum status local_stream(struct local *local, const ProtobufCServiceDescriptor *service,
                         const char *method_name, struct text request, local_visit *visit,
                         void *context, struct problem *problem)
{
    const struct method *method = NULL;
    enum status status =
        find_kind(local, service, method_name, METHOD_SERVER_STREAM, &method, problem);
    if (status != STATUS_OK) {
        return status;
    }
    void *memory = malloc(STREAM_ARENA_BYTES);
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct arena arena;
    arena_init(&arena, memory, STREAM_ARENA_BYTES);
    status = take_turns(method, request, &arena, visit, context, problem);
    arena_reset(&arena);
    free(memory);
    return status;
}
