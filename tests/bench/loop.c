#include "tests/bench/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ranker/check.h"
#include "tests/bench/program.h"

enum { EVENTS_MAX = 64 };

/* Closer to the next due time than this, wait by looking at the clock. */
#define SPIN_NS INT64_C(2000000)

/* Between two attempts to open connections again. */
#define REOPEN_NS INT64_C(10000000)

struct loop {
    const struct loop_options *options;
    struct loop_result *result;
    struct connection_options connection_options;
    struct connection *connections[LOOP_CONNECTIONS_MAX];
    bool waits_writable[LOOP_CONNECTIONS_MAX];
    int epoll;
    int64_t start_ns;
    int64_t stop_ns; /* of sending */
    uint64_t total;  /* to send; becomes what was sent once the time is over */
    uint64_t started;
    int64_t reopened_ns;      /* when lost connections were last opened again */
    size_t turn;              /* the connection that is next in open loop */
    struct samples second_us; /* latencies of the second at hand */
    int64_t second;           /* its number, since the start */
};

static void count_status(struct loop_result *result, int status)
{
    bool known = status >= 0 && status < LOOP_STATUSES;
    result->statuses[known ? status : LOOP_STATUSES]++;
}

/* A machine with other work has bad seconds, which say nothing of the others. */
static void add_latency(struct loop *loop, int64_t start_ns)
{
    int64_t now_ns = program_now_ns();
    int64_t second = (now_ns - loop->start_ns) / 1000000000;
    double us = (double)(now_ns - start_ns) / 1000;
    if (second != loop->second && loop->second_us.count > 0) {
        samples_add(&loop->result->p99s_us, samples_quantile(&loop->second_us, 0.99));
        loop->second_us.count = 0;
    }
    loop->second = second;
    samples_add(&loop->second_us, us);
    samples_add(&loop->result->latencies_us, us);
}

static void answered(void *context, const struct answer *answer)
{
    struct loop *loop = context;
    struct loop_result *result = loop->result;
    result->answers++;
    count_status(result, answer->status);
    bool good = answer->status == 0 && loop->options->check(loop->options->context, answer);
    if (good) {
        add_latency(loop, answer->start_ns);
    } else {
        result->refused += answer->status == LOOP_REFUSED ? 1 : 0;
        result->first_failure = result->failures == 0 ? answer->status : result->first_failure;
        result->failures++;
    }
}

static void watch(struct loop *loop, size_t index, int operation, bool writable)
{
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.u64 = index};
    int rc = epoll_ctl(loop->epoll, operation, connection_socket(loop->connections[index]), &event);
    CHECK(rc == 0);
    loop->waits_writable[index] = writable;
}

static void flush(struct loop *loop, size_t index)
{
    if (loop->connections[index] == NULL) {
        return;
    }
    bool writable = connection_flush(loop->connections[index]);
    if (writable != loop->waits_writable[index]) {
        watch(loop, index, EPOLL_CTL_MOD, writable);
    }
}

static void open_one(struct loop *loop, size_t index)
{
    loop->connections[index] = connection_open(&loop->connection_options);
    if (loop->connections[index] != NULL) {
        watch(loop, index, EPOLL_CTL_ADD, false);
        flush(loop, index);
    }
}

static bool may_send(const struct loop *loop, const struct connection *connection)
{
    return connection != NULL && loop->started < loop->total &&
           connection_is_free(connection, loop->options->body_max);
}

static void send_one(struct loop *loop, struct connection *connection, int64_t start_ns)
{
    struct text body = loop->options->next(loop->options->context);
    CHECK(body.size <= loop->options->body_max);
    connection_send(connection, body, start_ns);
    loop->started++;
}

static void send_closed(struct loop *loop)
{
    for (size_t i = 0; i < loop->options->connections; i++) {
        while (may_send(loop, loop->connections[i])) {
            send_one(loop, loop->connections[i], program_now_ns());
        }
        flush(loop, i);
    }
}

static int64_t due_ns(const struct loop *loop)
{
    double seconds = (double)loop->started / (double)loop->options->rate;
    return loop->start_ns + (int64_t)(seconds * 1e9);
}

/* Sends one message on the next connection with room; false when there is none. */
static bool send_due(struct loop *loop)
{
    size_t count = loop->options->connections;
    for (size_t i = 0; i < count; i++) {
        size_t index = (loop->turn + i) % count;
        if (may_send(loop, loop->connections[index])) {
            send_one(loop, loop->connections[index], due_ns(loop));
            loop->turn = index + 1;
            return true;
        }
    }
    return false;
}

/* What has been due for too long; a client's own deadline is over before it can be sent. */
static void give_up_late(struct loop *loop)
{
    int64_t patience_ns = (int64_t)(loop->options->patience_seconds * 1e9);
    while (patience_ns > 0 && loop->started < loop->total &&
           program_now_ns() - due_ns(loop) > patience_ns) {
        loop->started++;
        loop->result->given_up++;
    }
}

static void send_open(struct loop *loop)
{
    give_up_late(loop);
    uint64_t before = loop->started;
    while (loop->started < loop->total && due_ns(loop) <= program_now_ns() && send_due(loop)) {
    }
    for (size_t i = 0; loop->started > before && i < loop->options->connections; i++) {
        flush(loop, i);
    }
}

/* Milliseconds for epoll_wait(). */
static int wait_ms(const struct loop *loop)
{
    if (loop->options->rate == 0 || loop->started == loop->total) {
        return loop->options->connection.survive ? 10 : -1;
    }
    int64_t left = due_ns(loop) - program_now_ns();
    if (loop->options->relaxed) {
        return left > 0 ? (int)(left / 1000000) + 1 : 0;
    }
    return left > SPIN_NS ? (int)((left - SPIN_NS / 2) / 1000000) : 0;
}

static void receive(struct loop *loop)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(loop->epoll, events, EVENTS_MAX, wait_ms(loop));
    for (int i = 0; i < count; i++) {
        size_t index = events[i].data.u64;
        connection_receive(loop->connections[index]);
        flush(loop, index);
    }
}

/* Opens the connections that have ended again, as soon as the server accepts them. */
static void replace_lost(struct loop *loop)
{
    if (!loop->options->connection.survive || program_now_ns() - loop->reopened_ns < REOPEN_NS) {
        return;
    }
    loop->reopened_ns = program_now_ns();
    for (size_t i = 0; i < loop->options->connections; i++) {
        struct connection *connection = loop->connections[i];
        if (connection != NULL && connection_lost(connection)) {
            loop->result->opened += connection_opened(connection);
            connection_close(connection);
            loop->connections[i] = NULL;
            loop->result->lost++;
        }
        if (loop->connections[i] == NULL) {
            open_one(loop, i);
        }
    }
}

/* Whether what is to be sent and to be answered is. */
static bool is_done(const struct loop *loop)
{
    return loop->result->answers + loop->result->given_up >= loop->total;
}

static void send_all(struct loop *loop)
{
    while (!is_done(loop)) {
        replace_lost(loop);
        if (program_now_ns() >= loop->stop_ns) {
            loop->total = loop->started;
        }
        if (loop->options->rate > 0) {
            send_open(loop);
        } else {
            send_closed(loop);
        }
        if (!is_done(loop)) {
            receive(loop);
        }
    }
}

/* Streams end once the server has seen that no message follows. */
static void finish(struct loop *loop)
{
    for (size_t i = 0; i < loop->options->connections; i++) {
        struct connection *connection = loop->connections[i];
        if (connection == NULL) {
            continue;
        }
        connection_finish(connection);
        flush(loop, i);
        while (connection_active(connection) > 0 && !connection_lost(connection)) {
            receive(loop);
        }
        loop->result->opened += connection_opened(connection);
        loop->result->broken += connection_broken(connection);
    }
}

static void open_connections(struct loop *loop)
{
    loop->connection_options = loop->options->connection;
    loop->connection_options.answered = answered;
    loop->connection_options.context = loop;
    loop->epoll = epoll_create1(0);
    CHECK(loop->epoll >= 0);
    for (size_t i = 0; i < loop->options->connections; i++) {
        open_one(loop, i);
    }
}

static void set_bounds(struct loop *loop)
{
    const struct loop_options *options = loop->options;
    loop->start_ns = program_now_ns();
    loop->total = options->messages > 0 ? options->messages : UINT64_MAX;
    loop->stop_ns =
        options->seconds > 0 ? loop->start_ns + (int64_t)(options->seconds * 1e9) : INT64_MAX;
}

void loop_run(const struct loop_options *options, struct loop_result *out)
{
    CHECK(options->messages > 0 || options->seconds > 0);
    CHECK(options->body_max <= CONNECTION_BODY_MAX);
    CHECK(options->connections <= LOOP_CONNECTIONS_MAX);
    struct loop *loop = calloc(1, sizeof(*loop));
    CHECK(loop != NULL);
    *out = (struct loop_result){0};
    loop->options = options;
    loop->result = out;
    open_connections(loop);
    double cpu_seconds = program_cpu_seconds();
    set_bounds(loop);
    send_all(loop);
    out->seconds = (double)(program_now_ns() - loop->start_ns) / 1e9;
    out->cpu_seconds = program_cpu_seconds() - cpu_seconds;
    finish(loop);
    for (size_t i = 0; i < options->connections; i++) {
        if (loop->connections[i] != NULL) {
            connection_close(loop->connections[i]);
        }
    }
    close(loop->epoll);
    samples_release(&loop->second_us);
    free(loop);
}

void loop_release(struct loop_result *result)
{
    samples_release(&result->latencies_us);
    samples_release(&result->p99s_us);
}

/* As {"0": N, ...}, with "none" for answers without one. */
static void print_statuses(const struct loop_result *result)
{
    const char *before = "";
    printf("\"calls\": %" PRIu64 ", \"statuses\": {", result->opened);
    for (int i = 0; i < LOOP_STATUSES; i++) {
        if (result->statuses[i] > 0) {
            printf("%s\"%d\": %" PRIu64, before, i, result->statuses[i]);
            before = ", ";
        }
    }
    if (result->statuses[LOOP_STATUSES] > 0) {
        printf("%s\"none\": %" PRIu64, before, result->statuses[LOOP_STATUSES]);
    }
    printf("}, ");
}

void loop_print(struct loop_result *result)
{
    struct samples *us = &result->latencies_us;
    print_statuses(result);
    printf("\"good\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"given_up\": %" PRIu64 ", ",
           result->answers - result->failures, result->refused, result->given_up);
    printf("\"failures\": %" PRIu64 ", \"first_failure\": %d, \"p50_us\": %.1f, \"p90_us\": %.1f, "
           "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"second_p99_us\": %.1f",
           result->failures, result->first_failure, samples_quantile(us, 0.5),
           samples_quantile(us, 0.9), samples_quantile(us, 0.99), samples_quantile(us, 0.999),
           samples_quantile(us, 1), samples_quantile(&result->p99s_us, 0.5));
}
