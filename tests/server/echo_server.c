/* clang-format off */
/*
 * A server with small methods in place of the real ones, for rpc_test.py: each answers at once,
 * fails, waits, streams or writes to a real store as the test asks.
 *
 * Use: echo_server DIRECTORY WORKERS DRAIN_MS
 *
 *   Rank            echoes the request's bytes; with request_id set fails with the status of that
 *                   number
 *   RankStream      echoes; correlation_id 13 fails with NOT_FOUND
 *   RecordSignals   writes the signals, answers the counts
 *   StreamSignals   the same for each message
 *   UploadSignals   the same for the whole stream
 *   ExportUser      user_id "N": N answers; "+N": N answers, each after two turns without one;
 *                   "wait": one now and one more at each wake; "spin": turns without end
 *   DiffWeights     new_weights_yaml "spin": turns until it should stop; decision_limit N: so many
 *                   turns; answers how many calls of it there are now in decisions
 *   GetStatus       wakes the waiting streams
 *
 * Everything else has no begin().
 */
/* clang-format on */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/wire.h"
#include "reelrank/v1/admin.pb-c.h"
#include "reelrank/v1/user.pb-c.h"
#include "server/health.h"
#include "server/reflection.h"
#include "server/rpc.h"

struct echo {
    struct store *store;
    atomic_uint diffs; /* that go on */
    struct rpc *rpc;
};

static enum turn_step echo(void *context, struct turn *turn)
{
    (void)context;
    char *copy = arena_new(turn->arena, char, turn->request_bytes.size + 1);
    CHECK(copy != NULL);
    memcpy(copy, turn->request_bytes.data, turn->request_bytes.size);
    turn->response_bytes = (struct text){.data = copy, .size = turn->request_bytes.size};
    return TURN_DONE;
}

static enum turn_step echo_rank(void *context, struct turn *turn)
{
    const Reelrank__V1__RankRequest *request = (const void *)turn->request;
    if (*request->request_id != '\0') {
        turn->status = (enum status)strtoul(request->request_id, NULL, 10);
        problem_set(&turn->problem, "asked to fail: %s \xe2\x82\xac", status_text(turn->status));
    }
    return echo(context, turn);
}

static enum turn_step echo_stream(void *context, struct turn *turn)
{
    const Reelrank__V1__RankStreamRequest *request = (const void *)turn->request;
    if (request->correlation_id == 13) {
        turn->status = STATUS_NOT_FOUND;
        problem_set(&turn->problem, "unlucky");
    }
    return echo(context, turn);
}

static struct batch *make_batch(struct turn *turn, Reelrank__V1__Signal *const *signals,
                                size_t count)
{
    struct batch *batch = arena_new(turn->arena, struct batch, 1);
    struct entry *entries = arena_new(turn->arena, struct entry, count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = reelrank__v1__signal__get_packed_size(signals[i]);
        uint8_t *payload = arena_new(turn->arena, uint8_t, size + 1);
        CHECK(payload != NULL);
        reelrank__v1__signal__pack(signals[i], payload);
        entries[i].record = (struct record){
            .kind = EVENT_SIGNAL,
            .appended_ms = turn->now_ms,
            .event_key = {.low = hash_key(text_of(signals[i]->event_id)), .high = 1},
            .payload = payload,
            .payload_size = size};
        entries[i].event.kind = EVENT_SIGNAL;
        if (wire_signal(signals[i], turn->now_ms, &entries[i].event.u.signal, &turn->problem) !=
            STATUS_OK) {
            entries[i].outcome = OUTCOME_REJECTED;
        }
    }
    *batch = (struct batch){.entries = entries, .count = count};
    return batch;
}

static uint32_t accepted(const struct batch *batch)
{
    uint32_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        count += batch->entries[i].outcome == OUTCOME_ACCEPTED ? 1 : 0;
    }
    return count;
}

static enum turn_step record_signals(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__RecordSignalsRequest *request = (const void *)turn->request;
    turn->batch = make_batch(turn, request->signals, request->n_signals);
    return TURN_WRITE;
}

static void recorded(void *context, struct turn *turn)
{
    (void)context;
    Reelrank__V1__RecordSignalsResponse *response =
        arena_new(turn->arena, Reelrank__V1__RecordSignalsResponse, 1);
    reelrank__v1__record_signals_response__init(response);
    response->accepted = accepted(turn->batch);
    turn->status = turn->batch->status;
    turn->response = &response->base;
}

static enum turn_step stream_signals(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__StreamSignalsRequest *request = (const void *)turn->request;
    turn->batch = make_batch(turn, request->signals, request->n_signals);
    return TURN_WRITE;
}

static void streamed(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__StreamSignalsRequest *request = (const void *)turn->request;
    Reelrank__V1__StreamSignalsResponse *response =
        arena_new(turn->arena, Reelrank__V1__StreamSignalsResponse, 1);
    reelrank__v1__stream_signals_response__init(response);
    response->batch_id = request->batch_id;
    response->accepted = accepted(turn->batch);
    turn->status = turn->batch->status;
    turn->response = &response->base;
}

static enum turn_step upload_signals(void *context, struct turn *turn)
{
    (void)context;
    uint64_t *total = turn->state;
    if (turn->request != NULL) {
        const Reelrank__V1__UploadSignalsRequest *request = (const void *)turn->request;
        turn->batch = make_batch(turn, request->signals, request->n_signals);
        return TURN_WRITE;
    }
    Reelrank__V1__UploadSignalsResponse *response =
        arena_new(turn->arena, Reelrank__V1__UploadSignalsResponse, 1);
    reelrank__v1__upload_signals_response__init(response);
    response->accepted = *total;
    turn->response = &response->base;
    return TURN_DONE;
}

static void uploaded(void *context, struct turn *turn)
{
    (void)context;
    uint64_t *total = turn->state;
    *total += accepted(turn->batch);
    turn->status = turn->batch->status;
}

struct diff_state {
    uint32_t left;
    bool spins;
};

struct export_state {
    unsigned long left;
    unsigned skips; /* turns without an answer before each */
    unsigned skipped;
    bool waits;
    bool spins;
};

static enum turn_step export_user(void *context, struct turn *turn)
{
    (void)context;
    struct export_state *state = turn->state;
    Reelrank__V1__ExportUserResponse *response =
        arena_new(turn->arena, Reelrank__V1__ExportUserResponse, 1);
    reelrank__v1__export_user_response__init(response);
    turn->response = &response->base;
    if (turn->request != NULL) {
        const Reelrank__V1__ExportUserRequest *request = (const void *)turn->request;
        state->waits = strcmp(request->user_id, "wait") == 0;
        state->spins = strcmp(request->user_id, "spin") == 0;
        state->skips = request->user_id[0] == '+' ? 2 : 0;
        state->left = strtoul(request->user_id, NULL, 10);
        if (state->waits) {
            return TURN_MORE;
        }
    }
    if (state->spins || state->skipped < state->skips) {
        state->skipped++;
        return TURN_AGAIN;
    }
    state->skipped = 0;
    if (state->waits) { /* one turn waits, the next sends */
        state->left = !state->left;
        return state->left ? TURN_WAIT : TURN_MORE;
    }
    return state->left-- > 0 ? TURN_MORE : TURN_DONE;
}

/* As long work does, it keeps something between its turns that only a last turn gives back. */
static enum turn_step diff_weights(void *context, struct turn *turn)
{
    struct echo *server = context;
    struct diff_state *state = turn->state;
    if (turn->request != NULL) {
        const Reelrank__V1__DiffWeightsRequest *request = (const void *)turn->request;
        state->spins = strcmp(request->new_weights_yaml, "spin") == 0;
        state->left = request->decision_limit;
        atomic_fetch_add(&server->diffs, 1);
    }
    if (!turn->stopping && (state->spins || state->left > 0)) {
        state->left -= state->left > 0;
        return TURN_AGAIN;
    }
    Reelrank__V1__DiffWeightsResponse *response =
        arena_new(turn->arena, Reelrank__V1__DiffWeightsResponse, 1);
    reelrank__v1__diff_weights_response__init(response);
    response->decisions = atomic_fetch_sub(&server->diffs, 1);
    turn->response = &response->base;
    return TURN_DONE;
}

static enum turn_step get_status(void *context, struct turn *turn)
{
    struct echo *server = context;
    (void)turn;
    rpc_wake(server->rpc);
    return TURN_DONE;
}

static const struct method handlers[] = {
    {.service = &reelrank__v1__ranking_service__descriptor,
     .name = "Rank",
     .kind = METHOD_UNARY,
     .begin = echo_rank},
    {.service = &reelrank__v1__ranking_service__descriptor,
     .name = "RankStream",
     .kind = METHOD_BIDI,
     .begin = echo_stream},
    {.service = &reelrank__v1__signal_service__descriptor,
     .name = "RecordSignals",
     .kind = METHOD_UNARY,
     .begin = record_signals,
     .finish = recorded},
    {.service = &reelrank__v1__signal_service__descriptor,
     .name = "StreamSignals",
     .kind = METHOD_BIDI,
     .begin = stream_signals,
     .finish = streamed},
    {.service = &reelrank__v1__signal_service__descriptor,
     .name = "UploadSignals",
     .kind = METHOD_CLIENT_STREAM,
     .begin = upload_signals,
     .finish = uploaded},
    {.service = &reelrank__v1__user_service__descriptor,
     .name = "ExportUser",
     .kind = METHOD_SERVER_STREAM,
     .begin = export_user},
    {.service = &reelrank__v1__user_service__descriptor,
     .name = "GetUser",
     .kind = METHOD_UNARY,
     .begin = NULL},
    {.service = &reelrank__v1__admin_service__descriptor,
     .name = "GetStatus",
     .kind = METHOD_UNARY,
     .begin = get_status},
    {.service = &reelrank__v1__admin_service__descriptor,
     .name = "DiffWeights",
     .kind = METHOD_UNARY,
     .begin = diff_weights},
};

enum { HANDLER_COUNT = sizeof(handlers) / sizeof(handlers[0]) };

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    struct problem problem = {0};
    struct echo server = {0};
    struct writer *writer = NULL;
    struct health *health = NULL;
    struct descriptors *descriptors = NULL;
    struct method methods[HANDLER_COUNT + HEALTH_METHOD_COUNT + REFLECTION_METHOD_COUNT];
    struct store_options store_options = {.log = {.path = argv[1], .map_bytes = 1u << 30}};
    struct rpc_options options = {.listen = "127.0.0.1:0",
                                  .worker_count = strtoul(argv[2], NULL, 10),
                                  .max_message_bytes = 4 << 20,
                                  .memory_quota_bytes = 256 << 20,
                                  .calls_max = 2048,
                                  .connections_max = 1000,
                                  .streams_max = 2048};

    CHECK(store_open(&store_options, &server.store, &problem) == STATUS_OK);
    CHECK(writer_new(server.store, NULL, 4096, &writer) == STATUS_OK);
    memcpy(methods, handlers, sizeof(handlers));
    for (size_t i = 0; i < HANDLER_COUNT; i++) {
        methods[i].context = &server;
        methods[i].roles = ROLES_ANY;
    }
    CHECK(health_new(methods, HANDLER_COUNT, &health) == STATUS_OK);
    health_methods(health, methods + HANDLER_COUNT);
    CHECK(reflection_descriptors(&descriptors) == STATUS_OK);
    reflection_methods(descriptors, methods + HANDLER_COUNT + HEALTH_METHOD_COUNT);
    enum status status = rpc_start(&options, methods, sizeof(methods) / sizeof(methods[0]), writer,
                                   &server.rpc, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problem.text);
        return 1;
    }
    printf("listening on %s\n", rpc_address(server.rpc));
    fflush(stdout);

    int signal_number = 0;
    sigwait(&signals, &signal_number);
    health_set(health, false);
    rpc_wake(server.rpc);
    rpc_drain(server.rpc, (unsigned)strtoul(argv[3], NULL, 10));
    rpc_free(server.rpc);
    writer_free(writer);
    health_free(health);
    descriptors_free(descriptors);
    store_close(server.store);
    return 0;
}
