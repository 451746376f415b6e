#include "server/rpc.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ranker/asan.h"
#include "ranker/check.h"
#include "server/address.h"
#include "server/connections.h"
#include "server/logline.h"
#include "server/worker.h"
#include "store/clock.h"

/*
 * Debian builds abseil with its mutexes' deadlock detection on, which costs a twentieth of a small
 * call. Weak: another abseil spells the name differently, and then nothing is changed.
 */
extern void set_deadlock_detection(int mode) __asm__(
    "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE") __attribute__((weak));

enum {
    ARENA_BYTES_MIN = 4 << 20,
    /* Much more than users who come back into memory take. A sanitizer remembers what was freed,
     * and puts much beside what is not. */
    SWELL_BYTES_MIN = (ASAN_BUILD ? 8 : 1) * (64 << 20),
    ADDRESS_SIZE = ADDRESS_HOST_SIZE + 16, /* with ":", a port and a zero */
    PATH_SIZE = 256,
    BURST_FACTOR = 5, /* times the queue delay, a burst may wait */
    QUEUE_SHARE = 4,  /* one of so many parts of the memory may wait for its turn in each class */
    SWELL_SHARE = 4,  /* likewise, the process may grow by in a second while a flood comes */
    FLOOD_SHARE = 8,  /* likewise, may come on one connection without being whole messages */
    STRANGER_MESSAGES = 2,        /* of the longest, may come so at first */
    HANDSHAKE_MS = 10000,         /* until a client's SETTINGS have come */
    METADATA_BYTES = 8192,        /* of one call */
    PING_INTERVAL_MS = 10000,     /* least time between a client's pings; more often is a strike */
    PING_STRIKES = 2,             /* then the connection is closed */
    KEEPALIVE_MS = 60000,         /* until a silent client is sent a ping */
    KEEPALIVE_TIMEOUT_MS = 20000, /* until it must have answered */
    OVERLOAD_LOG_MS = 10000,      /* between two reports of refusals */
    AGE_GRACE_MS = 60000,         /* for calls on a connection that has reached its age */
};

/* On a processor; what clients may have on its way is read in a tenth of that. */
#define BUSY_NS INT64_C(50000000)

/* One thread and its worker. */
struct seat {
    struct worker worker;
    struct rpc *rpc;
    pthread_t thread;
    bool has_thread;
    /* Owned by the connections' thread: the worker's visit to the core at the last look, and the
     * time on a processor it had had when that began, or as far as is known. */
    unsigned visit;
    int64_t visit_cpu_ns;
};

struct rpc {
    /* Set once. */
    grpc_server *server;
    struct connections *connections;
    struct access *access; /* NULL: none */
    struct route *routes;  /* the last one: unknown methods */
    size_t route_count;
    struct seat *seats;
    size_t seat_count;
    char address[ADDRESS_SIZE];
    atomic_bool draining;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    /* Guarded by lock. */
    size_t running; /* threads */
    /* Owned by the connections' thread. */
    uint64_t refusals_logged;
    int64_t overload_logged_ms;
    /* Owned by the thread that drains. */
    bool started;
    bool drained;
};

static grpc_arg integer_arg(const char *key, int value)
{
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static int64_t cpu_ns(pthread_t thread)
{
    clockid_t clock;
    struct timespec time = {0};
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &time) != 0) {
        return 0;
    }
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/*
 * Whether a worker has worked in the core for BUSY_NS without coming back. This thread may have to
 * wait anywhere, while the worker comes back and works on: so the visit must be the same when the
 * clock has been looked at.
 */
static bool is_busy(struct rpc *rpc)
{
    bool busy = false;
    for (size_t i = 0; i < rpc->seat_count; i++) {
        struct seat *seat = &rpc->seats[i];
        unsigned visit = atomic_load(&seat->worker.visits);
        int64_t now_ns = cpu_ns(seat->thread);
        if (visit != seat->visit) {
            seat->visit = visit;
            seat->visit_cpu_ns = now_ns;
        }
        busy = busy || (visit % 2 == 1 && now_ns - seat->visit_cpu_ns > BUSY_NS &&
                        atomic_load(&seat->worker.visits) == visit);
    }
    return busy;
}

/* What became of the calls of a class, at all workers. */
static struct admission_counts counts_of(const struct rpc *rpc, enum admission_class class)
{
    struct admission_counts counts = {0};
    for (size_t i = 0; i < rpc->seat_count; i++) {
        admission_counts(&rpc->seats[i].worker.admission, class, &counts);
    }
    return counts;
}

static uint64_t refusals(const struct rpc *rpc)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ADMISSION_CLASS_COUNT; i++) {
        struct admission_counts counts = counts_of(rpc, (enum admission_class)i);
        sum += counts.late + counts.full + counts.expired;
    }
    return sum;
}

/* Totals since the start. */
static void log_calls(const struct rpc *rpc, enum log_level level, const char *event)
{
    for (unsigned i = 0; i < ADMISSION_CLASS_COUNT; i++) {
        struct admission_counts counts = counts_of(rpc, (enum admission_class)i);
        if (counts.begun + counts.late + counts.full + counts.expired > 0) {
            logline(level, event,
                    "kind=%s begun=%" PRIu64 " late=%" PRIu64 " full=%" PRIu64 " expired=%" PRIu64,
                    admission_class_name((enum admission_class)i), counts.begun, counts.late,
                    counts.full, counts.expired);
        }
    }
}

/* Once in ten seconds, while calls are refused. */
static void log_overload(struct rpc *rpc)
{
    int64_t now_ms = monotonic_ms();
    uint64_t refused = refusals(rpc);
    if (refused > rpc->refusals_logged && now_ms - rpc->overload_logged_ms >= OVERLOAD_LOG_MS) {
        rpc->refusals_logged = refused;
        rpc->overload_logged_ms = now_ms;
        log_calls(rpc, LOG_WARN, "overload");
    }
}

/* A connections_options.tick. */
static bool tick(void *context)
{
    struct rpc *rpc = context;
    log_overload(rpc);
    return is_busy(rpc);
}

static void log_end(struct rpc *rpc)
{
    struct connections_counts counts;
    connections_counts(rpc->connections, &counts);
    log_calls(rpc, LOG_INFO, "calls");
    logline(LOG_INFO, "connections",
            "accepted=%" PRIu64 " refused=%" PRIu64 " evicted=%" PRIu64 " flooded=%" PRIu64
            " failed=%" PRIu64,
            counts.accepted, counts.refused, counts.evicted, counts.flooded, counts.failed);
}

static int milliseconds(unsigned seconds)
{
    return seconds > 0 && seconds < INT_MAX / 1000 ? (int)seconds * 1000 : INT_MAX;
}

static grpc_server *create_server(const struct rpc_options *options,
                                  struct connections *connections)
{
    grpc_resource_quota *quota = grpc_resource_quota_create("reelrank");
    grpc_resource_quota_resize(quota, options->memory_quota_bytes);
    int max_message =
        options->max_message_bytes < INT_MAX ? (int)options->max_message_bytes : INT_MAX;
    grpc_arg args[] = {
        integer_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
        integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, max_message),
        integer_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, (int)options->streams_max),
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        integer_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
        integer_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS),
        integer_arg(GRPC_ARG_MAX_METADATA_SIZE, METADATA_BYTES),
        integer_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0), /* no window grows: see run_waiting() */
        integer_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MS),
        integer_arg(GRPC_ARG_HTTP2_MAX_PING_STRIKES, PING_STRIKES),
        integer_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        integer_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer_arg(GRPC_ARG_MAX_CONNECTION_IDLE_MS, milliseconds(options->connection_idle_s)),
        integer_arg(GRPC_ARG_MAX_CONNECTION_AGE_MS, milliseconds(options->connection_age_s)),
        integer_arg(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, AGE_GRACE_MS),
        connections_arg(connections),
        {.type = GRPC_ARG_POINTER,
         .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {.p = quota, .vtable = grpc_resource_quota_arg_vtable()}},
    };
    grpc_channel_args channel_args = {.num_args = sizeof(args) / sizeof(args[0]), .args = args};
    grpc_server *server = grpc_server_create(&channel_args, NULL);
    grpc_resource_quota_unref(quota);
    return server;
}

static void register_route(struct rpc *rpc, const struct method *method)
{
    char path[PATH_SIZE];
    int size = snprintf(path, sizeof(path), "/%s/%s", method->service->name, method->name);
    CHECK(size > 0 && size < PATH_SIZE);
    bool with_request = rpc->access == NULL && method_has_one_request(method);
    CHECK(method->roles != 0);
    struct route *route = &rpc->routes[rpc->route_count++];
    route->method = method;
    route->with_request = with_request;
    route->input = method_descriptor(method)->input;
    route->class = admission_class_of(method);
    route->registered = grpc_server_register_method(
        rpc->server, path, NULL,
        with_request ? GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER : GRPC_SRM_PAYLOAD_NONE, 0);
    CHECK(route->registered != NULL); /* NULL: the table names a method twice */
}

static void register_routes(struct rpc *rpc, const struct method *methods, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (methods[i].begin != NULL) {
            register_route(rpc, &methods[i]);
        }
    }
    rpc->routes[rpc->route_count++].class = ADMISSION_NONE;
}

static enum status init_workers(struct rpc *rpc, const struct rpc_options *options,
                                struct writer *writer)
{
    /* Room for a message in pieces joined, decoded, and an answer of its size. */
    size_t arena_size = 4 * options->max_message_bytes;
    struct worker_options worker_options = {
        .server = rpc->server,
        .writer = writer,
        .admin = options->admin,
        .connections = rpc->connections,
        .degrade = options->degrade,
        .access = options->access,
        .draining = &rpc->draining,
        .routes = rpc->routes,
        .route_count = rpc->route_count,
        .arena_size = arena_size > ARENA_BYTES_MIN ? arena_size : ARENA_BYTES_MIN,
        .arena_bytes_max = options->memory_quota_bytes / options->worker_count,
        .spans = {.slow_ns = (uint64_t)options->slow_call_ms * 1000000},
        .admission =
            {
                .delay_ns = (int64_t)options->queue_delay_ms * 1000000,
                .interval_ns = (int64_t)options->queue_delay_ms * 1000000 * BURST_FACTOR,
                .calls_max = options->calls_max,
                .bytes_max = options->memory_quota_bytes / options->worker_count / QUEUE_SHARE,
            },
    };
    for (size_t i = 0; i < options->worker_count; i++) {
        if (options->metrics != NULL) {
            worker_options.spans.meter = metrics_meter(options->metrics, i);
        }
        enum status status = worker_init(&rpc->seats[i].worker, &worker_options);
        if (status != STATUS_OK) {
            return status;
        }
        rpc->seats[i].rpc = rpc;
        rpc->seat_count++;
    }
    return STATUS_OK;
}

static uint64_t swell_bytes(uint64_t memory_quota_bytes)
{
    uint64_t bytes = memory_quota_bytes / SWELL_SHARE;
    return bytes > SWELL_BYTES_MIN ? bytes : SWELL_BYTES_MIN;
}

/* Takes the port, and makes the server whose connections come from there. */
static enum status bind_port(struct rpc *rpc, const struct rpc_options *options,
                             const struct address *address, struct problem *problem)
{
    struct connections_options connections_options = {
        .count_max = options->connections_max,
        .tick = tick,
        .context = rpc,
        .stranger_bytes = STRANGER_MESSAGES * options->max_message_bytes,
        .flood_bytes = options->memory_quota_bytes / FLOOD_SHARE,
        .flood_bytes_total = options->memory_quota_bytes / 2,
        .swell_bytes = swell_bytes(options->memory_quota_bytes),
    };
    unsigned bound = 0;
    enum status status = connections_new(&connections_options, address->host, address->port,
                                         &rpc->connections, &bound, problem);
    if (status != STATUS_OK) {
        return status;
    }
    rpc->server = create_server(options, rpc->connections);
    grpc_server_credentials *credentials = options->tls != NULL
                                               ? tls_credentials(options->tls)
                                               : grpc_insecure_server_credentials_create();
    (void)grpc_server_add_http2_port(rpc->server, CONNECTIONS_ADDRESS, credentials);
    grpc_server_credentials_release(credentials);
    if (!connections_are_expected(rpc->connections)) {
        problem_set(problem, "gRPC does not take these certificates");
        return STATUS_INVALID;
    }
    snprintf(rpc->address, sizeof(rpc->address), "%s:%u", address->host, bound);
    return STATUS_OK;
}

static void *run_seat(void *argument)
{
    struct seat *seat = argument;
    struct rpc *rpc = seat->rpc;
    struct meter *meter = seat->worker.spans.meter;
    if (meter != NULL) {
        meter_begin_thread(meter);
    }
    worker_run(&seat->worker);
    if (meter != NULL) {
        meter_end_thread(meter);
    }
    pthread_mutex_lock(&rpc->lock);
    rpc->running--;
    pthread_cond_signal(&rpc->stopped);
    pthread_mutex_unlock(&rpc->lock);
    return NULL;
}

static enum status start_threads(struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->seat_count; i++) {
        struct seat *seat = &rpc->seats[i];
        pthread_mutex_lock(&rpc->lock);
        bool started = pthread_create(&seat->thread, NULL, run_seat, seat) == 0;
        rpc->running += started ? 1 : 0;
        pthread_mutex_unlock(&rpc->lock);
        if (!started) {
            return STATUS_NO_MEMORY;
        }
        seat->has_thread = true;
    }
    return STATUS_OK;
}

static enum status serve(struct rpc *rpc)
{
    grpc_server_start(rpc->server);
    rpc->started = true;
    for (size_t i = 0; i < rpc->seat_count; i++) {
        enum status status = worker_request(&rpc->seats[i].worker);
        if (status != STATUS_OK) {
            return status;
        }
    }
    enum status status = start_threads(rpc);
    return status == STATUS_OK ? connections_start(rpc->connections) : status;
}

static struct rpc *rpc_new(size_t method_count, size_t worker_count)
{
    struct rpc *rpc = calloc(1, sizeof(*rpc));
    if (rpc == NULL) {
        return NULL;
    }
    rpc->routes = calloc(method_count + 1, sizeof(*rpc->routes));
    rpc->seats = calloc(worker_count, sizeof(*rpc->seats));
    if (rpc->routes == NULL || rpc->seats == NULL) {
        free(rpc->routes);
        free(rpc->seats);
        free(rpc);
        return NULL;
    }
    monotonic_condition_init(&rpc->stopped);
    pthread_mutex_init(&rpc->lock, NULL);
    if (set_deadlock_detection != NULL) {
        set_deadlock_detection(0);
    }
    grpc_init();
    return rpc;
}

static enum status check_address(const char *listen, bool plaintext_allowed, struct address *out,
                                 struct problem *problem)
{
    struct problem why = {""};
    enum status status = address_parse(listen, out, &why);
    if (status != STATUS_OK) {
        problem_set(problem, "listen: %s", why.text);
        return status;
    }
    if (!plaintext_allowed && !address_is_loopback(out)) {
        problem_set(problem,
                    "listen: \"%s\" is no loopback address (127.0.0.1, [::1], localhost), and "
                    "connections are not encrypted: give --tls-cert and --tls-key, or "
                    "--allow-plaintext",
                    listen);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status rpc_check_listen(const char *listen, bool plaintext_allowed, struct problem *problem)
{
    struct address address;
    return check_address(listen, plaintext_allowed, &address, problem);
}

enum status rpc_start(const struct rpc_options *options, const struct method *methods, size_t count,
                      struct writer *writer, struct rpc **out, struct problem *problem)
{
    CHECK(options->worker_count > 0);
    struct address address;
    bool plaintext_allowed = options->tls != NULL || options->allow_plaintext;
    enum status status = check_address(options->listen, plaintext_allowed, &address, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct rpc *rpc = rpc_new(count, options->worker_count);
    if (rpc == NULL) {
        problem_set(problem, "no memory for the gRPC server");
        return STATUS_NO_MEMORY;
    }
    rpc->access = options->access;
    status = bind_port(rpc, options, &address, problem);
    if (status == STATUS_OK) {
        register_routes(rpc, methods, count);
        if (options->metrics != NULL) {
            metrics_methods(options->metrics, methods, count);
        }
        status = init_workers(rpc, options, writer);
    }
    if (status == STATUS_OK) {
        status = serve(rpc);
    }
    if (status != STATUS_OK) {
        if (status == STATUS_NO_MEMORY) {
            problem_set(problem, "no memory or threads for %zu workers", options->worker_count);
        }
        rpc_free(rpc);
        return status;
    }
    *out = rpc;
    return STATUS_OK;
}

void rpc_count(const struct rpc *rpc, struct rpc_counts *out)
{
    *out = (struct rpc_counts){.connections = {0}};
    for (size_t i = 0; i < rpc->seat_count; i++) {
        for (unsigned class = 0; class < ADMISSION_CLASS_COUNT; class ++) {
            admission_counts(&rpc->seats[i].worker.admission, (enum admission_class) class,
                             &out->admission[class]);
        }
    }
    connections_counts(rpc->connections, &out->connections);
}

const char *rpc_address(const struct rpc *rpc)
{
    return rpc->address;
}

void rpc_wake(struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->seat_count; i++) {
        worker_wake(&rpc->seats[i].worker);
    }
}

static struct timespec time_after(unsigned timeout_ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += timeout_ms / 1000;
    time.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* Returns whether every worker's thread has ended by then. */
static bool wait_until(struct rpc *rpc, struct timespec time)
{
    int rc = 0;
    pthread_mutex_lock(&rpc->lock);
    while (rpc->running > 0 && rc == 0) {
        rc = pthread_cond_timedwait(&rpc->stopped, &rpc->lock, &time);
    }
    bool stopped = rpc->running == 0;
    pthread_mutex_unlock(&rpc->lock);
    return stopped;
}

static bool is_idle(const struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->seat_count; i++) {
        if (atomic_load(&rpc->seats[i].worker.live) > 0) {
            return false;
        }
    }
    return true;
}

/*
 * Waits until the threads have ended, at most timeout_ms. Without a live call there is nothing to
 * wait for but clients that keep their connections open; after IDLE_MS of that they are cut off
 * too. (The core tells a client to go away, and an idle one may take seconds to look.)
 */
static bool wait_for_calls(struct rpc *rpc, unsigned timeout_ms)
{
    enum { SLICE_MS = 20, IDLE_MS = 200 };
    unsigned idle_ms = 0;
    for (unsigned waited_ms = 0; waited_ms < timeout_ms; waited_ms += SLICE_MS) {
        if (wait_until(rpc, time_after(SLICE_MS))) {
            return true;
        }
        idle_ms = is_idle(rpc) ? idle_ms + SLICE_MS : 0;
        if (idle_ms >= IDLE_MS) {
            return false;
        }
    }
    return wait_until(rpc, time_after(0));
}

void rpc_drain(struct rpc *rpc, unsigned timeout_ms)
{
    CHECK(!rpc->drained);
    rpc->drained = true;
    atomic_store(&rpc->draining, true);
    rpc_wake(rpc);
    connections_stop(rpc->connections);
    for (size_t i = 0; i < rpc->seat_count; i++) {
        grpc_server_shutdown_and_notify(rpc->server, rpc->seats[i].worker.queue, NULL);
    }
    if (!wait_for_calls(rpc, timeout_ms)) {
        grpc_server_cancel_all_calls(rpc->server);
    }
    for (size_t i = 0; i < rpc->seat_count; i++) {
        struct seat *seat = &rpc->seats[i];
        if (seat->has_thread) {
            int rc = pthread_join(seat->thread, NULL);
            CHECK(rc == 0);
        } else {
            worker_run(&seat->worker); /* takes back what it requested */
        }
    }
    log_end(rpc);
}

void rpc_free(struct rpc *rpc)
{
    if (rpc == NULL) {
        return;
    }
    if (rpc->started && !rpc->drained) {
        rpc_drain(rpc, 0);
    }
    if (rpc->server != NULL) {
        grpc_server_destroy(rpc->server);
    }
    connections_free(rpc->connections);
    for (size_t i = 0; i < rpc->seat_count; i++) {
        worker_release(&rpc->seats[i].worker);
    }
    grpc_shutdown();
    pthread_mutex_destroy(&rpc->lock);
    pthread_cond_destroy(&rpc->stopped);
    free(rpc->routes);
    free(rpc->seats);
    free(rpc);
}
