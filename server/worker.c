#include "server/worker.h"

#include <stdlib.h>

#include "ranker/check.h"
#include "server/call.h"

enum {
    UNARY_REQUESTED = 64, /* calls gRPC may take in while the worker is busy */
    STREAM_REQUESTED = 8,
    UNKNOWN_REQUESTED = 1,
    LIVE_MAX = 2048,   /* calls of one lane; more wait in gRPC until one ends */
    AGAIN_EVENTS = 64, /* most events between turns of calls with long work */
};

static size_t requested_target(const struct lane *lane)
{
    const struct method *method = lane->route->method;
    if (method == NULL) {
        return UNKNOWN_REQUESTED;
    }
    return method->kind == METHOD_UNARY ? UNARY_REQUESTED : STREAM_REQUESTED;
}

enum status worker_init(struct worker *worker, const struct worker_options *options)
{
    struct lane *lanes = calloc(options->route_count, sizeof(*lanes));
    if (lanes == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < options->route_count; i++) {
        lanes[i].worker = worker;
        lanes[i].route = &options->routes[i];
    }
    *worker = (struct worker){.server = options->server,
                              .writer = options->writer,
                              .admin = options->admin,
                              .access = options->access,
                              .draining = options->draining,
                              .spans = options->spans,
                              .lanes = lanes,
                              .lane_count = options->route_count};
    arenas_init(&worker->arenas, options->arena_size, LIVE_MAX, options->arena_bytes_max);
    pthread_mutex_init(&worker->lock, NULL);
    worker->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(worker->server, worker->queue, NULL);
    return STATUS_OK;
}

/* The next event. Looks at the network too, but does not wait there while streams want turns. */
static grpc_event next_event(struct worker *worker)
{
    gpr_timespec deadline = worker->again == NULL ? gpr_inf_future(GPR_CLOCK_MONOTONIC)
                                                  : gpr_inf_past(GPR_CLOCK_MONOTONIC);
    return grpc_completion_queue_next(worker->queue, deadline, NULL);
}

void worker_release(struct worker *worker)
{
    if (!worker->queue_closed) { /* never served: nothing but the end can come */
        grpc_completion_queue_shutdown(worker->queue);
        CHECK(next_event(worker).type == GRPC_QUEUE_SHUTDOWN);
    }
    grpc_completion_queue_destroy(worker->queue);
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct call *call = call_pop(&worker->lanes[i]);
        while (call != NULL) {
            call_free(call);
            call = call_pop(&worker->lanes[i]);
        }
    }
    free(worker->lanes);
    arenas_release(&worker->arenas);
    pthread_mutex_destroy(&worker->lock);
}

/* Keeps gRPC supplied with calls to fill. False when memory is short. */
static bool top_up(struct lane *lane)
{
    size_t target = requested_target(lane);
    while (!lane->worker->down && lane->requested < target && lane->live < LIVE_MAX) {
        struct call *call = call_pop(lane);
        if (call == NULL) {
            call = call_new(lane);
        }
        if (call == NULL) {
            return false;
        }
        if (!call_request(call)) {
            call_push(call);
            return true;
        }
        lane->requested++;
    }
    return true;
}

enum status worker_request(struct worker *worker)
{
    for (size_t i = 0; i < worker->lane_count; i++) {
        if (!top_up(&worker->lanes[i])) {
            return STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

static void ended(struct call *call)
{
    struct lane *lane = call_lane(call);
    lane->live--;
    atomic_fetch_sub(&lane->worker->live, 1);
    call_push(call);
    (void)top_up(lane); /* takes the call just pushed, so memory cannot be short of it */
}

static void arrived(struct call *call, bool success)
{
    struct lane *lane = call_lane(call);
    lane->requested--;
    if (!success || lane->worker->down) {
        if (success) {
            call_drop(call);
        }
        call_push(call);
        return;
    }
    lane->live++;
    atomic_fetch_add(&lane->worker->live, 1);
    (void)top_up(lane); /* short of memory, the lane waits for a call to end */
    call_begin(call);
}

static void handle(struct worker *worker, const grpc_event *event)
{
    const struct call_tag *tag = event->tag;
    if (tag == NULL) {
        worker->down = true;
    } else if (call_requested(tag->call)) {
        arrived(tag->call, event->success != 0);
    } else if (call_event(tag->call, tag, event->success != 0)) {
        ended(tag->call);
    }
}

void worker_again(struct worker *worker, struct call *call)
{
    call_set_next(call, NULL);
    if (worker->again == NULL) {
        worker->again = call;
    } else {
        call_set_next(worker->again_last, call);
    }
    worker->again_last = call;
}

/*
 * Turns of long work come from a list of their own: a queue that is never empty keeps gRPC from
 * looking at the network.
 */
static void run_again(struct worker *worker)
{
    struct call *call = worker->again;
    worker->again = call_next(call);
    worker->events_since_again = 0;
    if (call_again(call)) {
        ended(call);
    }
}

/*
 * The notice of shutdown can come before a new call's event, or while another thread is still to
 * post a call back; whatever is started on a closed queue aborts the process. So the queue's own
 * thread closes it, once no call lives, and from the notice on new calls are dropped.
 */
void worker_run(struct worker *worker)
{
    for (;;) {
        grpc_event event = next_event(worker);
        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            return;
        }
        if (event.type == GRPC_OP_COMPLETE) {
            handle(worker, &event);
            worker->events_since_again++;
        }
        if (worker->again != NULL &&
            (event.type == GRPC_QUEUE_TIMEOUT || worker->events_since_again >= AGAIN_EVENTS)) {
            run_again(worker);
        }
        if (worker->down && atomic_load(&worker->live) == 0 && !worker->queue_closed) {
            worker->queue_closed = true;
            grpc_completion_queue_shutdown(worker->queue);
        }
    }
}

void worker_wake(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->wakes++;
    struct call *call = call_wake_all_locked(worker);
    pthread_mutex_unlock(&worker->lock);
    while (call != NULL) {
        struct call *next = call_next(call); /* once posted, it may wait again */
        call_post(call);
        call = next;
    }
}
