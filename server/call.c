#include "server/call.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/wire_codec.h"
#include "server/span.h"
#include "store/clock.h"

/* The main operation. */
enum stage {
    STAGE_REQUESTED,
    STAGE_QUEUED, /* waits for its worker to have time */
    STAGE_READING,
    STAGE_SENDING, /* a message of a stream that goes on */
    STAGE_WRITING, /* at the writer, or the admin's thread */
    STAGE_WAITING,
    STAGE_ENDING /* the status */
};

struct call {
    /* Set once. */
    struct lane *lane;
    struct call_tag main_tag;
    struct call_tag close_tag;
    struct waiter waiter;
    struct call_links sending;
    size_t sending_bytes; /* of the response under way */
    /* Owned by the worker's thread; turn also by the writer's, as call.h says. */
    struct call *next;     /* in the free list or worker->again; guarded by worker->lock while
                              waiting */
    struct call *previous; /* guarded by worker->lock */
    bool waiting;          /* guarded by worker->lock */
    uint64_t wakes_seen;   /* worker->wakes before the turn began */
    enum stage stage;
    bool initial_sent;
    grpc_call *call;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_call_details details;
    grpc_byte_buffer *request;
    grpc_byte_buffer *response;
    struct arena *arena;
    int cancelled; /* written by gRPC */
    bool cut;      /* by us */
    struct turn turn;
    struct span span;
    grpc_metadata request_id; /* of the answer */
    bool main_busy;
    bool close_busy;
    bool closed;
    uint64_t state[METHOD_STATE_SIZE / sizeof(uint64_t)];
};

static enum method_kind kind_of(const struct call *call)
{
    const struct method *method = call->lane->route->method;
    return method != NULL ? method->kind : METHOD_UNARY;
}

struct call *call_new(struct lane *lane)
{
    struct call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->lane = lane;
    call->main_tag = (struct call_tag){.call = call};
    call->close_tag = (struct call_tag){.call = call, .is_close = true};
    call->waiter.owner = call;
    grpc_metadata_array_init(&call->metadata);
    grpc_call_details_init(&call->details);
    return call;
}

void call_free(struct call *call)
{
    if (call == NULL) {
        return;
    }
    grpc_metadata_array_destroy(&call->metadata);
    grpc_call_details_destroy(&call->details);
    free(call);
}

void call_push(struct call *call)
{
    call->next = call->lane->free;
    call->lane->free = call;
}

struct call *call_pop(struct lane *lane)
{
    struct call *call = lane->free;
    if (call != NULL) {
        lane->free = call->next;
    }
    return call;
}

struct lane *call_lane(const struct call *call)
{
    return call->lane;
}

bool call_requested(const struct call *call)
{
    return call->stage == STAGE_REQUESTED;
}

bool call_request(struct call *call)
{
    struct worker *worker = call->lane->worker;
    const struct route *route = call->lane->route;
    grpc_call_error error = GRPC_CALL_OK;
    call->stage = STAGE_REQUESTED;
    call->initial_sent = false;
    call->closed = false;
    call->close_busy = false;
    call->cancelled = 0;
    call->cut = false;
    if (route->method == NULL) {
        error =
            grpc_server_request_call(worker->server, &call->call, &call->details, &call->metadata,
                                     worker->queue, worker->queue, &call->main_tag);
    } else {
        error = grpc_server_request_registered_call(worker->server, route->registered, &call->call,
                                                    &call->deadline, &call->metadata,
                                                    route->with_request ? &call->request : NULL,
                                                    worker->queue, worker->queue, &call->main_tag);
    }
    CHECK(error == GRPC_CALL_OK || error == GRPC_CALL_ERROR_COMPLETION_QUEUE_SHUTDOWN);
    return error == GRPC_CALL_OK;
}

struct call_links *call_sending(struct call *call)
{
    return &call->sending;
}

static void cancel(struct call *call, grpc_status_code code, const char *message)
{
    grpc_call_error error = grpc_call_cancel_with_status(call->call, code, message, NULL);
    CHECK(error == GRPC_CALL_OK);
}

void call_cancel(struct call *call)
{
    call->cut = true;
    cancel(call, GRPC_STATUS_RESOURCE_EXHAUSTED, "the answer was not read in time");
}

/* Destroys the messages of the turn before. */
static void clear_messages(struct call *call)
{
    if (call->response != NULL) {
        worker_sent(call->lane->worker, call, call->sending_bytes);
    }
    grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->response);
    call->request = NULL;
    call->response = NULL;
}

static void give_arena(struct call *call)
{
    arenas_give(&call->lane->worker->arenas, call->arena);
    call->arena = NULL;
}

/* What the turn's answer points into is of no more use: it is packed, or nobody gets it. */
static void release_held(struct call *call)
{
    void (*release)(void *held) = call->turn.release;
    call->turn.release = NULL;
    if (release != NULL) {
        release(call->turn.held);
    }
}

static void clean(struct call *call)
{
    release_held(call);
    clear_messages(call);
    give_arena(call);
    if (call->metadata.count > 0 || call->metadata.capacity > 0) {
        grpc_metadata_array_destroy(&call->metadata);
        grpc_metadata_array_init(&call->metadata);
    }
    if (call->lane->route->method == NULL) {
        grpc_call_details_destroy(&call->details);
        grpc_call_details_init(&call->details);
    }
    grpc_call_unref(call->call);
    call->call = NULL;
}

void call_drop(struct call *call)
{
    cancel(call, GRPC_STATUS_UNAVAILABLE, "the server is shutting down");
    clean(call);
}

static void start(struct call *call, enum stage stage, const grpc_op *ops, size_t count)
{
    call->stage = stage;
    grpc_call_error error = grpc_call_start_batch(call->call, ops, count, &call->main_tag, NULL);
    CHECK(error == GRPC_CALL_OK);
}

static void watch_close(struct call *call)
{
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    op.data.recv_close_on_server.cancelled = &call->cancelled;
    call->close_busy = true;
    grpc_call_error error = grpc_call_start_batch(call->call, &op, 1, &call->close_tag, NULL);
    CHECK(error == GRPC_CALL_OK);
}

static void start_read(struct call *call)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &call->request;
    start(call, STAGE_READING, &op, 1);
}

/* Packs the turn's response into call->response. */
static void pack_response(struct call *call)
{
    const struct turn *turn = &call->turn;
    grpc_slice slice;
    if (turn->response != NULL) {
        slice = grpc_slice_malloc(wire_packed_size(turn->response));
        wire_pack(turn->response, GRPC_SLICE_START_PTR(slice));
    } else {
        slice = grpc_slice_from_copied_buffer(turn->response_bytes.data, turn->response_bytes.size);
    }
    call->response = grpc_raw_byte_buffer_create(&slice, 1);
    call->sending_bytes = GRPC_SLICE_LENGTH(slice);
    grpc_slice_unref(slice);
    worker_sends(call->lane->worker, call, call->sending_bytes);
}

/* Tells a client when to try again, as gRPC's retry policy reads it (gRFC A6). */
static grpc_metadata pushback(unsigned retry_ms)
{
    char text[16];
    int size = snprintf(text, sizeof(text), "%u", retry_ms);
    return (grpc_metadata){.key = grpc_slice_from_static_string("grpc-retry-pushback-ms"),
                           .value = grpc_slice_from_copied_buffer(text, (size_t)size)};
}

/* Gives the call's request id back, with the first answer, or with what is wrong with a later one.
 */
static void put_request_id(struct call *call, grpc_op *ops, size_t count, unsigned code)
{
    struct text id =
        span_request_id(&call->lane->worker->spans, &call->span, &call->metadata, code);
    call->request_id =
        (grpc_metadata){.key = grpc_slice_from_static_string("x-request-id"),
                        .value = id.size > 0 ? grpc_slice_from_copied_buffer(id.data, id.size)
                                             : grpc_empty_slice()};
    for (size_t i = 0; i < count && id.size > 0; i++) {
        if (ops[i].op == GRPC_OP_SEND_INITIAL_METADATA) {
            ops[i].data.send_initial_metadata.count = 1;
            ops[i].data.send_initial_metadata.metadata = &call->request_id;
        } else if (ops[i].op == GRPC_OP_SEND_STATUS_FROM_SERVER && code != 0) {
            size_t at = ops[i].data.send_status_from_server.trailing_metadata_count++;
            ops[i].data.send_status_from_server.trailing_metadata[at] = call->request_id;
        } else {
            continue;
        }
        return;
    }
}

/* What a batch that sends is made of; and of trailing metadata, when to try again and the id. */
enum { SEND_MESSAGE = 1, SEND_STATUS = 2, TRAILING_MAX = 2 };

/* Sends the response, the status, or both, in one batch. A unary call's batch also sees its close,
 * unless that is watched already. */
static void send_batch(struct call *call, int what)
{
    grpc_op ops[4];
    memset(ops, 0, sizeof(ops));
    size_t count = 0;
    grpc_slice details = grpc_slice_from_static_buffer(NULL, 0);
    unsigned code = method_code(call->turn.status);
    grpc_metadata trailing[TRAILING_MAX];
    size_t trailing_count = 0;
    if (!call->initial_sent) {
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
        call->initial_sent = true;
    }
    if ((what & SEND_MESSAGE) != 0) {
        pack_response(call);
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = call->response;
    }
    if ((what & SEND_STATUS) != 0) {
        ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[count].data.send_status_from_server.status = (grpc_status_code)code;
        call->span.code = code;
        if (call->turn.status != STATUS_OK) {
            details = grpc_slice_from_copied_string(call->turn.problem.text);
            ops[count].data.send_status_from_server.status_details = &details;
        }
        if (call->turn.retry_ms > 0) { /* so short that the slice needs no freeing */
            trailing[trailing_count++] = pushback(call->turn.retry_ms);
        }
        ops[count].data.send_status_from_server.trailing_metadata = trailing;
        ops[count].data.send_status_from_server.trailing_metadata_count = trailing_count;
        count++;
    }
    if (kind_of(call) == METHOD_UNARY && !call->close_busy && !call->closed) {
        ops[count].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
        ops[count++].data.recv_close_on_server.cancelled = &call->cancelled;
    }
    put_request_id(call, ops, count, code);
    start(call, (what & SEND_STATUS) != 0 ? STAGE_ENDING : STAGE_SENDING, ops, count);
    grpc_slice_unref(call->request_id.value);
    grpc_slice_unref(details);
    span_stage(&call->span, SPAN_ENCODE);
}

/* The turn's answer is sent, or it has none. */
static void end_span(struct call *call)
{
    const struct lane *lane = call->lane;
    struct span_call facts = {.method = lane->route->method,
                              .number = (size_t)(lane - lane->worker->lanes),
                              .metadata = &call->metadata,
                              .code = method_code(call->turn.status)};
    span_end(&lane->worker->spans, &call->span, &facts);
}

/* Sends what the turn ended with. */
static void send_answer(struct call *call)
{
    if (call->turn.status != STATUS_OK) {
        send_batch(call, SEND_STATUS);
        return;
    }
    switch (kind_of(call)) {
    case METHOD_UNARY:
        send_batch(call, SEND_MESSAGE | SEND_STATUS);
        return;
    case METHOD_CLIENT_STREAM:
        if (call->turn.request == NULL) {
            send_batch(call, SEND_MESSAGE | SEND_STATUS);
        } else {
            grpc_byte_buffer_destroy(call->request);
            call->request = NULL;
            end_span(call);
            start_read(call);
        }
        return;
    case METHOD_SERVER_STREAM:
        send_batch(call, SEND_STATUS);
        return;
    case METHOD_BIDI:
        send_batch(call, SEND_MESSAGE);
        return;
    }
}

/* After a TURN_DONE, on the worker's thread, so that the call does not go on before this returns.
 */
static void respond(struct call *call)
{
    send_answer(call);
    release_held(call);
}

static void fail(struct call *call, enum status status, const char *message)
{
    call->turn.status = status;
    problem_set(&call->turn.problem, "%s", message);
    respond(call);
}

/* For want of what others have now: a client may try again, later. */
static void fail_for_now(struct call *call, enum status status, const char *message)
{
    call->turn.retry_ms = worker_retry_ms(call->lane->worker);
    fail(call, status, message);
}

/* On the writer's or the admin's thread, which hand the call back: they have better to do than to
 * send. */
static void written(void *context)
{
    struct call *call = context;
    const struct method *method = call->lane->route->method;
    method->finish(method->context, &call->turn);
    call_post(call);
}

/* Returns true when the call is now at the writer. */
static bool submit(struct call *call)
{
    struct worker *worker = call->lane->worker;
    CHECK(call->turn.batch != NULL);
    CHECK(call->lane->route->method->finish != NULL);
    arenas_hold(&worker->arenas, call->arena);
    call->stage = STAGE_WRITING;
    int64_t cost_ns = writer_cost_ns(worker->writer, call->turn.batch);
    enum status status = writer_submit(worker->writer, call->turn.batch, written, call);
    if (status != STATUS_OK) {
        fail_for_now(call, status, "too many writes wait; try again later");
        return false;
    }
    admission_charge_elsewhere(&worker->admission, call->lane->route->class, cost_ns);
    return true;
}

/* Returns true when the call is now at the admin's thread. */
static bool submit_work(struct call *call)
{
    struct worker *worker = call->lane->worker;
    CHECK(worker->admin != NULL);
    CHECK(call->lane->route->method->finish != NULL);
    CHECK(kind_of(call) == METHOD_UNARY);
    arenas_hold(&worker->arenas, call->arena);
    call->stage = STAGE_WRITING;
    enum status status = admin_submit(worker->admin, written, call);
    if (status != STATUS_OK) {
        fail_for_now(call, status, "too many calls wait for the admin's thread; try again later");
        return false;
    }
    return true;
}

/* Returns false when it was woken since its turn began. */
static bool wait_for_wake(struct call *call)
{
    struct worker *worker = call->lane->worker;
    call->stage = STAGE_WAITING;
    pthread_mutex_lock(&worker->lock);
    bool quiet = worker->wakes == call->wakes_seen;
    if (quiet) {
        call->waiting = true;
        call->previous = NULL;
        call->next = worker->waiting;
        if (call->next != NULL) {
            call->next->previous = call;
        }
        worker->waiting = call;
    }
    pthread_mutex_unlock(&worker->lock);
    return quiet;
}

/* Returns false when the call did not wait, or has been woken already. */
static bool stop_waiting(struct call *call)
{
    struct worker *worker = call->lane->worker;
    pthread_mutex_lock(&worker->lock);
    bool waiting = call->waiting;
    if (waiting) {
        call->waiting = false;
        if (call->previous != NULL) {
            call->previous->next = call->next;
        } else {
            worker->waiting = call->next;
        }
        if (call->next != NULL) {
            call->next->previous = call->previous;
        }
    }
    pthread_mutex_unlock(&worker->lock);
    return waiting;
}

struct call *call_wake_all_locked(struct worker *worker)
{
    struct call *first = worker->waiting;
    for (struct call *call = first; call != NULL; call = call->next) {
        call->waiting = false;
    }
    worker->waiting = NULL;
    return first;
}

struct call *call_next(const struct call *call)
{
    return call->next;
}

void call_set_next(struct call *call, struct call *next)
{
    call->next = next;
}

void call_post(struct call *call)
{
    /* A batch of nothing completes at once, and gRPC allows it from any thread. */
    grpc_call_error error = grpc_call_start_batch(call->call, NULL, 0, &call->main_tag, NULL);
    CHECK(error == GRPC_CALL_OK);
}

static uint64_t wakes(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    uint64_t count = worker->wakes;
    pthread_mutex_unlock(&worker->lock);
    return count;
}

/*
 * On to the next turn once others had theirs. Returns true if the call keeps its arena. A unary
 * call's close is watched from here on, so that its work can end when its client is gone.
 */
static bool go_again(struct call *call)
{
    struct worker *worker = call->lane->worker;
    bool unary = kind_of(call) == METHOD_UNARY;
    CHECK(unary || kind_of(call) == METHOD_SERVER_STREAM);
    if (unary && call->turn.request != NULL) {
        arenas_hold(&worker->arenas, call->arena);
        watch_close(call);
    }
    call->stage = STAGE_WAITING;
    worker_again(worker, call);
    return unary;
}

/* Runs begin() until it is not woken in between. Returns true when the call keeps its arena: it is
 * with another thread, or a unary one that goes on. */
static bool run_turn(struct call *call)
{
    const struct method *method = call->lane->route->method;
    struct worker *worker = call->lane->worker;
    for (;;) {
        if (method->kind == METHOD_SERVER_STREAM) {
            call->wakes_seen = wakes(worker);
        }
        enum turn_step step = method->begin(method->context, &call->turn);
        span_stage(&call->span, SPAN_HANDLE);
        switch (step) {
        case TURN_DONE:
            respond(call);
            return false;
        case TURN_WRITE:
            return submit(call);
        case TURN_WORK:
            return submit_work(call);
        case TURN_MORE:
            CHECK(method->kind == METHOD_SERVER_STREAM);
            send_batch(call, SEND_MESSAGE);
            return false;
        case TURN_AGAIN:
            return go_again(call);
        case TURN_WAIT:
            CHECK(method->kind == METHOD_SERVER_STREAM);
            if (atomic_load(worker->draining)) {
                fail(call, STATUS_UNAVAILABLE, "the server is shutting down");
                return false;
            }
            if (wait_for_wake(call)) {
                return false;
            }
            call->turn.request = NULL;
            break;
        }
    }
}

/*
 * One turn, with what call->request holds or, without, request NULL. The arena goes back at once
 * unless the writer needs it: by then the answer is packed.
 */
static void take_turn(struct call *call, const ProtobufCMessage *request, struct text request_bytes)
{
    call->turn.arena = call->arena;
    call->turn.request = request;
    call->turn.request_bytes = request_bytes;
    call->turn.now_ms = wall_clock_ms();
    call->turn.meter = call->lane->worker->spans.meter;
    call->turn.hurried = worker_is_hurried(call->lane->worker);
    call->turn.stopping = call->closed || atomic_load(call->lane->worker->draining);
    if (!run_turn(call)) {
        give_arena(call);
    }
}

/* Readies the turn; false after the call was failed for want of memory. */
static bool open_turn(struct call *call)
{
    call->turn = (struct turn){.state = call->state};
    call->arena = arenas_take(&call->lane->worker->arenas);
    if (call->arena == NULL) {
        fail_for_now(call, STATUS_NO_MEMORY, "too many calls are in flight; try again later");
        return false;
    }
    return true;
}

/* The message in one piece: in place if gRPC has it so, else copied. False: no room for it. */
static bool flatten(struct call *call, struct text *out)
{
    grpc_slice_buffer *slices = &call->request->data.raw.slice_buffer;
    if (slices->count == 1) {
        out->data = (const char *)GRPC_SLICE_START_PTR(slices->slices[0]);
        out->size = GRPC_SLICE_LENGTH(slices->slices[0]);
        return true;
    }
    size_t size = 0;
    char *copy = arena_new_raw(call->arena, char, grpc_byte_buffer_length(call->request));
    if (copy == NULL) {
        return false;
    }
    for (size_t i = 0; i < slices->count; i++) {
        size_t length = GRPC_SLICE_LENGTH(slices->slices[i]);
        memcpy(copy + size, GRPC_SLICE_START_PTR(slices->slices[i]), length);
        size += length;
    }
    *out = (struct text){.data = copy, .size = size};
    return true;
}

/* A turn with the message in call->request. */
static void take_message(struct call *call)
{
    const ProtobufCMessageDescriptor *input = call->lane->route->input;
    struct text bytes = {0};
    span_queued(&call->lane->worker->spans, &call->span);
    if (!open_turn(call)) {
        return;
    }
    if (call->request->data.raw.compression != GRPC_COMPRESS_NONE) {
        fail(call, STATUS_UNIMPLEMENTED, "compressed messages are not accepted");
    } else if (!flatten(call, &bytes)) {
        fail(call, STATUS_NO_MEMORY, "the request takes more memory than one call may have");
    } else {
        const ProtobufCMessage *request = wire_unpack(input, bytes, call->arena, &call->turn.notes);
        span_stage(&call->span, SPAN_DECODE);
        if (request != NULL) {
            take_turn(call, request, bytes);
            return;
        }
        if (arena_full(call->arena)) {
            fail(call, STATUS_NO_MEMORY, "the request takes more memory than one call may have");
        } else {
            problem_set(&call->turn.problem, "request is not a valid %s", input->name);
            call->turn.status = STATUS_INVALID;
            respond(call);
        }
    }
    give_arena(call);
}

/* A turn with request NULL. */
static void take_empty_turn(struct call *call)
{
    span_begin(&call->span);
    if (open_turn(call)) {
        take_turn(call, NULL, (struct text){0});
    }
}

/* The next turn of a unary call: what it has in its arena stays. */
static void take_next_turn(struct call *call)
{
    take_turn(call, NULL, (struct text){0});
}

static bool deadline_passed(gpr_timespec deadline)
{
    if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) {
        return false;
    }
    return gpr_time_cmp(deadline, gpr_now(deadline.clock_type)) <= 0;
}

static void answer_unknown(struct call *call)
{
    call->turn = (struct turn){.status = STATUS_UNIMPLEMENTED};
    grpc_slice path = call->details.method;
    int size = (int)(GRPC_SLICE_LENGTH(path) < 200 ? GRPC_SLICE_LENGTH(path) : 200);
    problem_set(&call->turn.problem, "this server does not have the method %.*s", size,
                (const char *)GRPC_SLICE_START_PTR(path));
    respond(call);
}

/* The value of the call's one authorization header; data NULL: it has none, or several. */
static struct text find_authorization(const struct call *call)
{
    static const char key[] = "authorization";
    struct text found = {0};
    for (size_t i = 0; i < call->metadata.count; i++) {
        const grpc_metadata *item = &call->metadata.metadata[i];
        if (GRPC_SLICE_LENGTH(item->key) == sizeof(key) - 1 &&
            memcmp(GRPC_SLICE_START_PTR(item->key), key, sizeof(key) - 1) == 0) {
            if (found.data != NULL) {
                return (struct text){0};
            }
            found.data = (const char *)GRPC_SLICE_START_PTR(item->value);
            found.size = GRPC_SLICE_LENGTH(item->value);
        }
    }
    return found;
}

/* An access_peer. */
static void write_peer(void *context, char out[ACCESS_PEER_SIZE])
{
    const struct call *call = context;
    char *peer = grpc_call_get_peer(call->call);
    snprintf(out, ACCESS_PEER_SIZE, "%s", peer);
    gpr_free(peer);
}

/* False: the call may not be made, and has been failed. */
static bool check_access(struct call *call)
{
    struct access *access = call->lane->worker->access;
    struct access_denial denial;
    if (access == NULL) {
        return true;
    }
    enum status status =
        access_check(access, call->lane->route->method, find_authorization(call), &denial);
    if (status != STATUS_OK) {
        access_log(access, call->lane->route->method, &denial, write_peer, call);
        fail(call, status, denial.problem.text);
    }
    return status == STATUS_OK;
}

static void fail_without_request(struct call *call)
{
    fail(call, STATUS_INVALID, "the call carries no request message");
}

static void fail_expired(struct call *call)
{
    fail(call, STATUS_DEADLINE, "the deadline passed before work began");
}

static void refuse(struct call *call)
{
    fail_for_now(call, STATUS_BUSY, "the server is overloaded; try again later");
}

/* Waits with the message in call->request for the worker to have time. */
static void queue_message(struct call *call)
{
    call->stage = STAGE_QUEUED;
    /* Of a unary call that came with its request the span has begun. */
    if (kind_of(call) != METHOD_UNARY || !call->lane->route->with_request) {
        span_begin(&call->span);
    }
    call->waiter.bytes = grpc_byte_buffer_length(call->request);
    connections_message(call->lane->worker->connections, call->call, call->waiter.bytes);
    if (call->lane->route->class == ADMISSION_NONE) {
        take_message(call);
    } else if (!worker_enqueue(call->lane->worker, call->lane->route->class, &call->waiter)) {
        refuse(call);
    }
}

/* What a call is before its first turn. */
static void prepare(struct call *call)
{
    call->main_busy = true;
    span_begin_call(&call->lane->worker->spans, &call->span);
    call->turn = (struct turn){.status = STATUS_OK};
}

/* Calls without a message come in floods, whose rest is not worth an answer once their connection
 * is closed. */
static bool begin_without_message(struct call *call)
{
    bool open = connections_reset(call->lane->worker->connections, call->call);
    if (open || kind_of(call) != METHOD_UNARY) {
        fail_without_request(call);
        return false;
    }
    call->main_busy = false;
    span_end_call(&call->lane->worker->spans, &call->span,
                  (size_t)(call->lane - call->lane->worker->lanes));
    clean(call); /* the unref of an unanswered call cancels it */
    return true;
}

bool call_begin(struct call *call)
{
    prepare(call);
    if (call->lane->route->method == NULL) {
        answer_unknown(call);
        return false;
    }
    if (kind_of(call) != METHOD_UNARY) {
        watch_close(call);
    }
    memset(call->state, 0, sizeof(call->state));
    if (!check_access(call)) {
        return false;
    }
    if (call->lane->route->with_request && call->request == NULL) {
        return begin_without_message(call);
    }
    if (deadline_passed(call->deadline)) {
        fail_expired(call);
    } else if (call->lane->route->with_request) {
        queue_message(call);
    } else {
        start_read(call);
    }
    return false;
}

void call_refuse(struct call *call)
{
    prepare(call);
    if (kind_of(call) != METHOD_UNARY) {
        watch_close(call);
    }
    if (call->request != NULL) {
        connections_message(call->lane->worker->connections, call->call,
                            grpc_byte_buffer_length(call->request));
    }
    refuse(call);
}

/* Tokens may end, or be taken away, while a stream goes on. The one request of other calls was
 * asked for after the check. */
static bool may_go_on(struct call *call)
{
    return method_has_one_request(call->lane->route->method) || check_access(call);
}

/* The client has said all. */
static void end_of_stream(struct call *call)
{
    if (kind_of(call) == METHOD_CLIENT_STREAM) {
        take_empty_turn(call);
    } else if (kind_of(call) == METHOD_BIDI) {
        call->turn.status = STATUS_OK;
        send_batch(call, SEND_STATUS);
    } else {
        fail_without_request(call);
    }
}

/* A unary call between its turns, which gets the next one even if nobody wants its answer: what it
 * holds goes with the last. */
static bool is_owed_a_turn(const struct call *call)
{
    return call->stage == STAGE_WAITING && kind_of(call) == METHOD_UNARY;
}

/* The main operation went well: on to the next. */
static void advance(struct call *call)
{
    switch (call->stage) {
    case STAGE_READING:
        if (call->request == NULL) {
            end_of_stream(call);
        } else if (may_go_on(call)) {
            queue_message(call);
        }
        return;
    case STAGE_SENDING:
        if (kind_of(call) == METHOD_BIDI) {
            start_read(call);
        } else {
            take_empty_turn(call);
        }
        return;
    case STAGE_WRITING:
        span_stage(&call->span, SPAN_WRITE);
        respond(call);
        give_arena(call);
        return;
    case STAGE_WAITING:
        if (is_owed_a_turn(call)) {
            span_stage(&call->span, SPAN_WAIT);
            take_next_turn(call);
        } else {
            take_empty_turn(call);
        }
        return;
    case STAGE_REQUESTED:
    case STAGE_QUEUED:
    case STAGE_ENDING:
        break;
    }
    CHECK(false);
}

/* True when the main operation leaves the call with nothing to do but see its close. */
static bool is_over(struct call *call, bool success)
{
    if (is_owed_a_turn(call)) {
        return false;
    }
    if (!success || call->closed || call->stage == STAGE_ENDING) {
        return true;
    }
    /* A read that fails (a broken message, one too large) has cancelled the call. */
    return call->stage == STAGE_READING && call->request == NULL &&
           grpc_call_failed_before_recv_message(call->call) != 0;
}

/* Whether an answer to a message has been sent, or the call's failure. */
static bool has_answered(const struct call *call)
{
    bool is_answer = kind_of(call) == METHOD_UNARY || kind_of(call) == METHOD_CLIENT_STREAM ||
                     call->turn.status != STATUS_OK;
    return call->stage == STAGE_SENDING || (call->stage == STAGE_ENDING && is_answer);
}

static void main_event(struct call *call, bool success)
{
    if (success && has_answered(call)) {
        end_span(call);
    }
    if (call->stage == STAGE_SENDING) {
        clear_messages(call);
    }
    if (is_over(call, success)) {
        call->main_busy = false;
    } else {
        advance(call);
    }
}

/* Returns true when nothing is under way any more, and the call is clean. */
static bool end_if_idle(struct call *call)
{
    if (call->main_busy || call->close_busy) {
        return false;
    }
    if (call->cancelled && !call->cut && !deadline_passed(call->deadline)) {
        (void)connections_reset(call->lane->worker->connections, call->call);
    }
    span_end_call(&call->lane->worker->spans, &call->span,
                  (size_t)(call->lane - call->lane->worker->lanes));
    clean(call);
    return true;
}

static void close_event(struct call *call)
{
    call->close_busy = false;
    call->closed = true;
    if (stop_waiting(call)) {
        call->main_busy = false;
    }
}

bool call_event(struct call *call, const struct call_tag *tag, bool success)
{
    if (tag->is_close) {
        close_event(call);
    } else {
        main_event(call, success);
    }
    return end_if_idle(call);
}

bool call_run(struct call *call, bool late)
{
    if (call->closed) { /* the client of a stream is gone */
        call->main_busy = false;
        return end_if_idle(call);
    }
    if (late) {
        refuse(call);
    } else if (deadline_passed(call->deadline)) {
        admission_expired(&call->lane->worker->admission);
        fail_expired(call);
    } else {
        take_message(call);
    }
    return false; /* what answers, or waits, is under way */
}

bool call_again(struct call *call)
{
    return call_event(call, &call->main_tag, true);
}
