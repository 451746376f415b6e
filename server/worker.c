#include "server/worker.h"

#include <stdlib.h>

#include "ranker/check.h"
#include "server/call.h"
#include "store/clock.h"

enum {
    MANY_REQUESTED = 64, /* calls gRPC may take in while the worker is busy */
    FEW_REQUESTED = 8,   /* of streams, and of methods that are called now and then */
    UNKNOWN_REQUESTED = 1,
    LIVE_MAX = 4096,   /* calls of one lane; more wait in gRPC until one ends */
    AGAIN_EVENTS = 64, /* most events between turns of calls with long work */
    INTAKE_PART = 5,   /* of the time for calls that wait, one part more for those that come */
    REFUSALS_MIN = 1,  /* between the turns of calls that wait */
    QUIET_LOOKS = 2,   /* at the network that bring nothing, in a row */
    RETRY_MS = 100,    /* about when a refused call may try again */
};

/* How long calls may have their turns until what is new is taken in. */
#define SLICE_NS     INT64_C(500000)
#define SLICE_MAX_NS INT64_C(10000000)

/* No more than need be: gRPC as Debian builds it looks through all of them for each that comes. */
static size_t requested_target(const struct lane *lane)
{
    if (lane->route->method == NULL) {
        return UNKNOWN_REQUESTED;
    }
    enum admission_class class = lane->route->class;
    return class == ADMISSION_RANK || class == ADMISSION_SIGNAL ? MANY_REQUESTED : FEW_REQUESTED;
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
                              .connections = options->connections,
                              .degrade = options->degrade,
                              .sending_bytes_max = options->arena_bytes_max,
                              .access = options->access,
                              .draining = options->draining,
                              .spans = options->spans,
                              .lanes = lanes,
                              .lane_count = options->route_count};
    arenas_init(&worker->arenas, options->arena_size, LIVE_MAX, options->arena_bytes_max);
    admission_init(&worker->admission, &options->admission);
    pthread_mutex_init(&worker->lock, NULL);
    worker->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(worker->server, worker->queue, NULL);
    return STATUS_OK;
}

/* The next event. Looks at the network too, but does not wait there while calls want turns. */
static grpc_event next_event(struct worker *worker)
{
    bool idle = worker->again == NULL && worker->admission.waiting == 0;
    gpr_timespec deadline =
        idle ? gpr_inf_future(GPR_CLOCK_MONOTONIC) : gpr_inf_past(GPR_CLOCK_MONOTONIC);
    atomic_fetch_add_explicit(&worker->visits, 1, memory_order_relaxed);
    grpc_event event = grpc_completion_queue_next(worker->queue, deadline, NULL);
    atomic_fetch_add_explicit(&worker->visits, 1, memory_order_relaxed);
    return event;
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
    if (lane->route->class != ADMISSION_NONE) {
        admission_ended(&lane->worker->admission, lane->route->class);
    }
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
    if (lane->route->class == ADMISSION_NONE ||
        admission_arrived(&lane->worker->admission, lane->route->class)) {
        if (call_begin(call)) {
            ended(call);
        }
    } else {
        call_refuse(call);
    }
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

/* Takes it out of the list of those that send. */
static void unlink_sending(struct worker *worker, struct call *call)
{
    struct call_links *links = call_sending(call);
    *(links->before != NULL ? &call_sending(links->before)->after : &worker->sending) =
        links->after;
    *(links->after != NULL ? &call_sending(links->after)->before : &worker->sending_last) =
        links->before;
}

static void link_sending(struct worker *worker, struct call *call)
{
    *call_sending(call) = (struct call_links){.before = worker->sending_last};
    *(worker->sending_last != NULL ? &call_sending(worker->sending_last)->after
                                   : &worker->sending) = call;
    worker->sending_last = call;
}

void worker_sends(struct worker *worker, struct call *call, size_t size)
{
    link_sending(worker, call);
    worker->sending_bytes += size;
    if (worker->sending_bytes > worker->sending_bytes_max && worker->sending != call) {
        struct call *slowest = worker->sending;
        unlink_sending(worker, slowest); /* to its end it stays counted, but behind the others */
        link_sending(worker, slowest);
        call_cancel(slowest);
    }
}

void worker_sent(struct worker *worker, struct call *call, size_t size)
{
    unlink_sending(worker, call);
    worker->sending_bytes -= size;
}

static int64_t queue_time_ns(struct worker *worker)
{
    return admission_time(&worker->admission, monotonic_ns());
}

bool worker_enqueue(struct worker *worker, enum admission_class class, struct waiter *waiter)
{
    if (worker->admission.waiting == 0) {
        worker->ran_cpu_ns = thread_cpu_ns(); /* nothing has taken its time */
    }
    return admission_enter(&worker->admission, class, waiter, queue_time_ns(worker));
}

bool worker_is_hurried(struct worker *worker)
{
    return worker->degrade && admission_is_overloaded(&worker->admission, queue_time_ns(worker));
}

unsigned worker_retry_ms(struct worker *worker)
{
    uint32_t mixed = worker->retries++ * UINT32_C(2654435769); /* Knuth's, spreads evenly */
    return RETRY_MS / 2 + mixed % RETRY_MS;
}

static void run_call(struct call *call, bool late)
{
    if (call_run(call, late)) {
        ended(call);
    }
}

/*
 * Where calls of a kind wait in sockets, because others' take all the time, their kind does not
 * have its share. So what may be there is looked for, for as long as what is here has turns.
 */
static int intake_part(struct worker *worker)
{
    return admission_misses(&worker->admission, queue_time_ns(worker)) ? 1 : INTAKE_PART;
}

/* As long as it takes for its share; one look at the network can take long. */
static int64_t slice_ns(const struct worker *worker, int64_t cpu_ns, int part)
{
    int64_t share_ns = part * (cpu_ns - worker->ran_cpu_ns);
    return share_ns < SLICE_NS ? SLICE_NS : share_ns > SLICE_MAX_NS ? SLICE_MAX_NS : share_ns;
}

/*
 * Calls that wait have their turns, for SLICE_NS of the processor's time. For a fifth of that what
 * is new is taken in then, and what waits for too long refused, however much there is: as in
 * "Eliminating Receive Livelock in an Interrupt-driven Kernel" (Mogul, Ramakrishnan, 1997),
 * refusing must not take the time of answering.
 *
 * What is new comes first. A call that is refused makes room for another one at its client, so
 * refusing before sockets are empty would leave in them, behind all others, the calls that may
 * still be answered in time. One that waits to be refused costs nothing but its memory, and its
 * client sends nothing in its place.
 *
 * A look at the network reads one connection until it is empty. Windows that do not grow bound what
 * that brings, so that connections have turns of about the same length.
 */
static void run_waiting(struct worker *worker)
{
    struct admission *admission = &worker->admission;
    int64_t cpu_ns = thread_cpu_ns();
    int64_t slice_end_ns = cpu_ns + slice_ns(worker, cpu_ns, intake_part(worker));
    while (cpu_ns < slice_end_ns) {
        struct waiter *waiter = admission_next(admission, queue_time_ns(worker));
        if (waiter == NULL) {
            break;
        }
        run_call(waiter->owner, false);
        int64_t end_ns = thread_cpu_ns();
        admission_charge(admission, end_ns - cpu_ns);
        worker->events_since_again++;
        cpu_ns = end_ns;
    }
    worker->ran_cpu_ns = cpu_ns;
    int64_t intake_ns = SLICE_NS / intake_part(worker);
    worker->intake_end_cpu_ns = cpu_ns + intake_ns;
    worker->intake_over_ns = monotonic_ns() + intake_ns;
    worker->refusals_end_cpu_ns = cpu_ns + SLICE_NS / INTAKE_PART;
    worker->quiet_looks = 0;
}

/* Refuses what has waited for too long; false: nothing has. */
static bool refuse_one(struct worker *worker)
{
    struct waiter *waiter = admission_late(&worker->admission, queue_time_ns(worker));
    if (waiter != NULL) {
        run_call(waiter->owner, true);
    }
    return waiter != NULL;
}

/*
 * Whether taking in has had its time. The thread's clock, which costs a system call, is not asked
 * before it can say so: it is no quicker than the other one.
 */
static bool intake_time_is_over(struct worker *worker)
{
    int64_t now_ns = monotonic_ns();
    if (now_ns < worker->intake_over_ns) {
        return false;
    }
    int64_t left_ns = worker->intake_end_cpu_ns - thread_cpu_ns();
    worker->intake_over_ns = now_ns + left_ns;
    return left_ns <= 0;
}

/* In the time that taking in has left, but always some: sockets that are never empty leave none. */
static void refuse_late(struct worker *worker)
{
    for (int i = 0; i < REFUSALS_MIN || thread_cpu_ns() < worker->refusals_end_cpu_ns; i++) {
        if (!refuse_one(worker)) {
            return;
        }
    }
}

/*
 * Whether enough is known of what else has come. One look at the network takes in what one
 * connection has, and may bring nothing whole.
 */
static bool intake_is_over(struct worker *worker, bool looked)
{
    worker->quiet_looks = looked ? worker->quiet_looks + 1 : 0;
    return worker->quiet_looks == QUIET_LOOKS || intake_time_is_over(worker);
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
        if (worker->admission.waiting > 0 &&
            intake_is_over(worker, event.type == GRPC_QUEUE_TIMEOUT)) {
            refuse_late(worker);
            run_waiting(worker);
        }
        if (worker->again != NULL &&
            ((event.type == GRPC_QUEUE_TIMEOUT && worker->admission.waiting == 0) ||
             worker->events_since_again >= AGAIN_EVENTS)) {
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
