#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "ranker/check.h"
#include "tests/bench/connection.h"
#include "tests/bench/pool.h"
#include "tests/bench/program.h"
#include "tests/bench/samples.h"

/*
 * A load generator for unary gRPC calls. It goes round a pool of different bodies, so that the
 * server's data is not all in cache, and it takes no error for an answer. Closed loop: keeps every
 * stream busy. Open loop (--rate): requests are due at fixed times, and the latency counts from
 * then, however late they could be sent.
 */

enum { CONNECTIONS_MAX = 256, EVENTS_MAX = 64 };

/* Closer to the next due time than this, wait by looking at the clock. */
#define SPIN_NS INT64_C(2000000)

struct options {
    int64_t port;
    const char *path;
    const char *pool;
    int64_t requests;
    int64_t connections;
    int64_t streams;
    int64_t rate;
    const char *save;
};

static const struct argument arguments[] = {
    {.name = "port",
     .value_name = "N",
     .help = "port of the server on 127.0.0.1",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, port),
     .minimum = 1,
     .maximum = 65535,
     .required = true},
    {.name = "path",
     .value_name = "PATH",
     .help = "the method",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, path),
     .initial = "/reelrank.v1.RankingService/Rank"},
    {.name = "pool",
     .value_name = "FILE",
     .help = "gRPC frames to send, one after another",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, pool),
     .required = true},
    {.name = "requests",
     .value_name = "N",
     .help = "how many in all",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, requests),
     .initial = "10000",
     .minimum = 1,
     .maximum = 1000000000},
    {.name = "connections",
     .value_name = "N",
     .help = "connections",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, connections),
     .initial = "8",
     .minimum = 1,
     .maximum = CONNECTIONS_MAX},
    {.name = "streams",
     .value_name = "N",
     .help = "calls under way on each connection",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, streams),
     .initial = "8",
     .minimum = 1,
     .maximum = CONNECTION_STREAMS_MAX},
    {.name = "rate",
     .value_name = "N",
     .help = "open loop: requests a second; 0: closed loop",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, rate),
     .initial = "0",
     .minimum = 0,
     .maximum = 10000000},
    {.name = "save",
     .value_name = "FILE",
     .help = "where to write the last answer's message",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, save)},
};

static const struct program program = {
    .summary = "Loads a gRPC method over plain HTTP/2 and prints one line of JSON.",
    .examples = "  load --port 7070 --pool ids.pool\n"
                "  load --port 7070 --pool ids.pool --rate 5000 --streams 64\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct load {
    const struct options *options;
    struct pool pool;
    struct connection_options connection_options;
    struct connection *connections[CONNECTIONS_MAX];
    bool waits_writable[CONNECTIONS_MAX];
    size_t connection_count;
    int epoll;
    int64_t start_ns;
    uint64_t total;
    uint64_t started;
    uint64_t ended;
    uint64_t failures;
    int first_failure; /* its grpc-status */
    uint64_t bytes;
    size_t least_bytes;
    size_t most_bytes;
    struct samples latencies_us;
    size_t turn; /* the connection that is next in open loop */
};

static void save(const char *path, struct text frame)
{
    FILE *file = fopen(path, "wb");
    CHECK(frame.size >= POOL_HEADER_SIZE);
    size_t size = frame.size - POOL_HEADER_SIZE;
    if (file == NULL || fwrite(frame.data + POOL_HEADER_SIZE, 1, size, file) != size ||
        fclose(file) != 0) {
        give_up("%s: %s", path, strerror(errno));
    }
}

static void ended(void *context, const struct answer *answer)
{
    struct load *load = context;
    bool good = answer->status == 0 && answer->size >= POOL_HEADER_SIZE;
    samples_add(&load->latencies_us, (double)(program_now_ns() - answer->start_ns) / 1000);
    load->ended++;
    if (!good) {
        load->first_failure = load->failures == 0 ? answer->status : load->first_failure;
        load->failures++;
        return;
    }
    load->bytes += answer->size;
    load->least_bytes = answer->size < load->least_bytes ? answer->size : load->least_bytes;
    load->most_bytes = answer->size > load->most_bytes ? answer->size : load->most_bytes;
    if (load->options->save != NULL) {
        save(load->options->save, answer->kept);
    }
}

static struct text next_body(const struct load *load)
{
    return load->pool.frames[load->started % load->pool.count];
}

static void watch(struct load *load, size_t index, int operation, bool writable)
{
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.u64 = index};
    int rc = epoll_ctl(load->epoll, operation, connection_socket(load->connections[index]), &event);
    CHECK(rc == 0);
    load->waits_writable[index] = writable;
}

static void flush(struct load *load, size_t index)
{
    bool writable = connection_flush(load->connections[index]);
    if (writable != load->waits_writable[index]) {
        watch(load, index, EPOLL_CTL_MOD, writable);
    }
}

static void send_closed(struct load *load)
{
    for (size_t i = 0; i < load->connection_count; i++) {
        struct connection *connection = load->connections[i];
        while (load->started < load->total &&
               connection_is_free(connection, next_body(load).size)) {
            connection_send(connection, next_body(load), program_now_ns());
            load->started++;
        }
        flush(load, i);
    }
}

static int64_t due_ns(const struct load *load)
{
    double seconds = (double)load->started / (double)load->options->rate;
    return load->start_ns + (int64_t)(seconds * 1e9);
}

/* Queues one request on the next connection with room; false when there is none. */
static bool queue_due(struct load *load)
{
    for (size_t i = 0; i < load->connection_count; i++) {
        size_t index = (load->turn + i) % load->connection_count;
        struct connection *connection = load->connections[index];
        if (connection_is_free(connection, next_body(load).size)) {
            connection_send(connection, next_body(load), due_ns(load));
            load->started++;
            load->turn = index + 1;
            return true;
        }
    }
    return false;
}

static void send_open(struct load *load)
{
    uint64_t before = load->started;
    while (load->started < load->total && due_ns(load) <= program_now_ns() && queue_due(load)) {
    }
    for (size_t i = 0; load->started > before && i < load->connection_count; i++) {
        flush(load, i);
    }
}

/* Milliseconds for epoll_wait(). */
static int wait_ms(const struct load *load)
{
    if (load->options->rate == 0 || load->started == load->total) {
        return -1;
    }
    int64_t left = due_ns(load) - program_now_ns();
    return left > SPIN_NS ? (int)((left - SPIN_NS / 2) / 1000000) : 0;
}

static void receive(struct load *load)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(load->epoll, events, EVENTS_MAX, wait_ms(load));
    for (int i = 0; i < count; i++) {
        size_t index = events[i].data.u64;
        connection_receive(load->connections[index]);
        flush(load, index);
    }
}

static void run(struct load *load)
{
    load->start_ns = program_now_ns();
    while (load->ended < load->total) {
        if (load->options->rate > 0) {
            send_open(load);
        } else {
            send_closed(load);
        }
        receive(load);
    }
}

static void check_bodies(const struct pool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->frames[i].size > CONNECTION_BODY_MAX) {
            give_up("body %zu has %zu bytes; at most %d are possible", i, pool->frames[i].size,
                    CONNECTION_BODY_MAX);
        }
    }
}

static void open_load(struct load *load, const struct options *options)
{
    load->options = options;
    load->total = (uint64_t)options->requests;
    load->least_bytes = SIZE_MAX;
    pool_read(&load->pool, options->pool);
    check_bodies(&load->pool);
    load->connection_options = (struct connection_options){
        .port = (uint16_t)options->port,
        .path = options->path,
        .streams = (size_t)options->streams,
        .keep = options->save != NULL,
        .ended = ended,
        .context = load,
    };
    load->epoll = epoll_create1(0);
    CHECK(load->epoll >= 0);
    load->connection_count = (size_t)options->connections;
    for (size_t i = 0; i < load->connection_count; i++) {
        load->connections[i] = connection_open(&load->connection_options);
        watch(load, i, EPOLL_CTL_ADD, false);
        flush(load, i);
    }
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(struct load *load, double cpu)
{
    double seconds = (double)(program_now_ns() - load->start_ns) / 1e9;
    struct samples *us = &load->latencies_us;
    uint64_t answers = load->ended - load->failures;
    printf("{\"requests\": %" PRIu64 ", \"failures\": %" PRIu64 ", \"first_failure\": %d, "
           "\"rps\": %.1f, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f, \"max_us\": %.1f, \"least_bytes\": %zu, \"most_bytes\": %zu, "
           "\"bytes\": %.1f, \"client_cpu_us\": %.2f}\n",
           load->ended, load->failures, load->first_failure, (double)load->ended / seconds,
           samples_quantile(us, 0.5), samples_quantile(us, 0.9), samples_quantile(us, 0.99),
           samples_quantile(us, 0.999), samples_quantile(us, 1),
           answers > 0 ? load->least_bytes : 0, load->most_bytes,
           answers > 0 ? (double)load->bytes / (double)answers : 0,
           cpu * 1e6 / (double)load->ended);
}

int main(int argc, char **argv)
{
    struct options options;
    program_options(&program, argc, argv, &options);
    if (options.save != NULL && options.connections * options.streams != 1) {
        give_up("--save needs --connections 1 --streams 1");
    }
    struct load *load = calloc(1, sizeof(*load));
    CHECK(load != NULL);
    open_load(load, &options);
    double cpu = cpu_seconds();
    run(load);
    report(load, cpu_seconds() - cpu);
    for (size_t i = 0; i < load->connection_count; i++) {
        connection_close(load->connections[i]);
    }
    pool_release(&load->pool);
    samples_release(&load->latencies_us);
    bool failed = load->failures > 0;
    free(load);
    return failed ? 1 : 0;
}
