#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "tests/bench/program.h"

/*
 * The null RPC: what Rank would cost if ranking cost nothing. Takes the request's bytes without
 * looking at them and answers with as many bytes as it is told to. Uses gRPC's C core as server/
 * does, with the same channel options and one completion queue and thread for each worker, but
 * nothing of server/'s code: each request is one event for its arrival, one batch of four
 * operations, and one event for their end. With --stream a call is a stream both ways, and each
 * message is a batch that reads and one that answers.
 */

enum { REQUESTED_PER_WORKER = 64, WORKERS_MAX = 64 };

/* As in server/rpc.c: abseil's deadlock detection is switched off where its name is this one. */
extern void set_deadlock_detection(int mode) __asm__(
    "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE") __attribute__((weak));

struct options {
    int64_t response_bytes;
    int64_t workers;
    const char *method;
    bool stream;
    const char *tls_certificate;
    const char *tls_key;
};

static const struct argument arguments[] = {
    {.name = "response-bytes",
     .value_name = "N",
     .help = "size of every answer's message",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, response_bytes),
     .initial = "0",
     .minimum = 0,
     .maximum = 1 << 24},
    {.name = "workers",
     .value_name = "N",
     .help = "completion queues, each with its thread",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, workers),
     .initial = "1",
     .minimum = 1,
     .maximum = WORKERS_MAX},
    {.name = "method",
     .value_name = "PATH",
     .help = "the method that is answered",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, method),
     .initial = "/reelrank.v1.RankingService/Rank"},
    {.name = "stream",
     .help = "the method streams both ways",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, stream)},
    {.name = "tls-cert",
     .value_name = "FILE",
     .help = "certificate, PEM; with --tls-key; without: plaintext",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, tls_certificate)},
    {.name = "tls-key",
     .value_name = "FILE",
     .help = "its key, PEM",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, tls_key)},
};

static const struct program program = {
    .summary = "Answers one gRPC method with zeros, until SIGTERM or SIGINT.",
    .examples = "  null_server --response-bytes 3000\n"
                "  null_server --response-bytes 3000 --stream "
                "--method /reelrank.v1.RankingService/RankStream\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

/* What a call's batch under way does. */
enum stage { STAGE_REQUESTED, STAGE_READING, STAGE_SENDING, STAGE_ENDING };

struct call {
    enum stage stage;
    bool initial_sent;
    grpc_call *call;
    grpc_metadata_array metadata;
    gpr_timespec deadline;
    grpc_byte_buffer *request;
    grpc_byte_buffer *response;
    int cancelled;
};

struct worker {
    const struct null_server *server;
    grpc_completion_queue *queue;
    pthread_t thread;
    bool down;
    struct call calls[REQUESTED_PER_WORKER];
};

struct null_server {
    grpc_server *server;
    void *method;
    bool stream;
    uint8_t *response;
    size_t response_size;
    size_t worker_count;
    struct worker *workers;
};

static void request_call(struct worker *worker, struct call *call)
{
    const struct null_server *server = worker->server;
    call->stage = STAGE_REQUESTED;
    call->initial_sent = false;
    grpc_call_error error = grpc_server_request_registered_call(
        server->server, server->method, &call->call, &call->deadline, &call->metadata,
        server->stream ? NULL : &call->request, worker->queue, worker->queue, call);
    CHECK(error == GRPC_CALL_OK || error == GRPC_CALL_ERROR_COMPLETION_QUEUE_SHUTDOWN);
}

static void start_batch(struct call *call, enum stage stage, const grpc_op *ops, size_t count)
{
    call->stage = stage;
    CHECK(grpc_call_start_batch(call->call, ops, count, call, NULL) == GRPC_CALL_OK);
}

static grpc_op message_op(const struct null_server *server, struct call *call)
{
    grpc_slice slice = grpc_slice_from_static_buffer(server->response, server->response_size);
    call->response = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    op.data.send_message.send_message = call->response;
    return op;
}

static void answer(const struct null_server *server, struct call *call)
{
    grpc_op ops[4];
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[1] = message_op(server, call);
    ops[2].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[2].data.send_status_from_server.status = GRPC_STATUS_OK;
    ops[3].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[3].data.recv_close_on_server.cancelled = &call->cancelled;
    start_batch(call, STAGE_ENDING, ops, 4);
}

static void read_message(struct call *call)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &call->request;
    start_batch(call, STAGE_READING, &op, 1);
}

static void answer_message(const struct null_server *server, struct call *call)
{
    grpc_op ops[2];
    memset(ops, 0, sizeof(ops));
    size_t count = 0;
    if (!call->initial_sent) {
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
        call->initial_sent = true;
    }
    ops[count++] = message_op(server, call);
    start_batch(call, STAGE_SENDING, ops, count);
}

/* After the client's last message. */
static void end_stream(struct call *call)
{
    grpc_op ops[3];
    memset(ops, 0, sizeof(ops));
    size_t count = 0;
    if (!call->initial_sent) {
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    }
    ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[count++].data.send_status_from_server.status = GRPC_STATUS_OK;
    ops[count].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[count++].data.recv_close_on_server.cancelled = &call->cancelled;
    start_batch(call, STAGE_ENDING, ops, count);
}

static void clear_messages(struct call *call)
{
    grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->response);
    call->request = NULL;
    call->response = NULL;
}

/* The unref of a call that has not ended cancels it. */
static void clean(struct call *call)
{
    clear_messages(call);
    grpc_metadata_array_destroy(&call->metadata);
    grpc_metadata_array_init(&call->metadata);
    grpc_call_unref(call->call);
}

static void go_on(const struct null_server *server, struct call *call)
{
    if (call->stage == STAGE_REQUESTED && !server->stream) {
        answer(server, call);
    } else if (call->stage == STAGE_REQUESTED) {
        read_message(call);
    } else if (call->stage == STAGE_SENDING) {
        clear_messages(call);
        read_message(call);
    } else if (call->request != NULL) {
        answer_message(server, call);
    } else {
        end_stream(call);
    }
}

static void handle(struct worker *worker, struct call *call, bool success)
{
    if (call->stage == STAGE_REQUESTED && !success) {
        return; /* no call came, and none will */
    }
    if (success && !worker->down && call->stage != STAGE_ENDING) {
        go_on(worker->server, call);
        return;
    }
    clean(call);
    if (!worker->down) {
        request_call(worker, call);
    }
}

/* The thread shuts its own queue down, as no batch may be started on a queue that is shut down. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(worker->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            return NULL;
        }
        if (event.tag == NULL) {
            worker->down = true;
            grpc_completion_queue_shutdown(worker->queue);
        } else {
            handle(worker, event.tag, event.success != 0);
        }
    }
}

static grpc_arg integer_arg(const char *key, int value)
{
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

/* The options of server/rpc.c, so that the two servers differ in nothing but the work. */
static grpc_server *create_server(void)
{
    grpc_resource_quota *quota = grpc_resource_quota_create("null");
    grpc_resource_quota_resize(quota, (size_t)256 << 20);
    grpc_arg args[] = {
        integer_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
        integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, 4 << 20),
        integer_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, 2048),
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        integer_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
        integer_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        {.type = GRPC_ARG_POINTER,
         .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {.p = quota, .vtable = grpc_resource_quota_arg_vtable()}},
    };
    grpc_channel_args channel_args = {.num_args = sizeof(args) / sizeof(args[0]), .args = args};
    grpc_server *server = grpc_server_create(&channel_args, NULL);
    grpc_resource_quota_unref(quota);
    return server;
}

static void start_workers(struct null_server *server)
{
    for (size_t i = 0; i < server->worker_count; i++) {
        struct worker *worker = &server->workers[i];
        for (size_t j = 0; j < REQUESTED_PER_WORKER; j++) {
            grpc_metadata_array_init(&worker->calls[j].metadata);
            request_call(worker, &worker->calls[j]);
        }
        CHECK(pthread_create(&worker->thread, NULL, work, worker) == 0);
    }
}

static grpc_server_credentials *credentials(const struct options *options)
{
    if (options->tls_certificate == NULL || options->tls_key == NULL) {
        return grpc_insecure_server_credentials_create();
    }
    struct text certificate = program_read_file(options->tls_certificate);
    struct text key = program_read_file(options->tls_key);
    grpc_ssl_pem_key_cert_pair pair = {.private_key = key.data, .cert_chain = certificate.data};
    grpc_server_credentials *made = grpc_ssl_server_credentials_create_ex(
        NULL, &pair, 1, GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, NULL);
    free((char *)(uintptr_t)certificate.data);
    free((char *)(uintptr_t)key.data);
    return made;
}

static void start(struct null_server *server, const struct options *options)
{
    if (set_deadlock_detection != NULL) {
        set_deadlock_detection(0);
    }
    grpc_init();
    server->stream = options->stream;
    server->response_size = (size_t)options->response_bytes;
    server->response = calloc(1, server->response_size + 1);
    server->worker_count = (size_t)options->workers;
    server->workers = calloc(server->worker_count, sizeof(*server->workers));
    CHECK(server->response != NULL && server->workers != NULL);
    server->server = create_server();
    for (size_t i = 0; i < server->worker_count; i++) {
        server->workers[i].server = server;
        server->workers[i].queue = grpc_completion_queue_create_for_next(NULL);
        grpc_server_register_completion_queue(server->server, server->workers[i].queue, NULL);
    }
    server->method = grpc_server_register_method(
        server->server, options->method, NULL,
        options->stream ? GRPC_SRM_PAYLOAD_NONE : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    grpc_server_credentials *made = credentials(options);
    int port = grpc_server_add_http2_port(server->server, "127.0.0.1:0", made);
    grpc_server_credentials_release(made);
    if (port <= 0) {
        give_up("no port is free");
    }
    grpc_server_start(server->server);
    start_workers(server);
    printf("listening on 127.0.0.1:%d\n", port);
    fflush(stdout);
}

static void stop(struct null_server *server)
{
    for (size_t i = 0; i < server->worker_count; i++) {
        grpc_server_shutdown_and_notify(server->server, server->workers[i].queue, NULL);
    }
    grpc_server_cancel_all_calls(server->server);
    for (size_t i = 0; i < server->worker_count; i++) {
        pthread_join(server->workers[i].thread, NULL);
    }
    grpc_server_destroy(server->server);
    for (size_t i = 0; i < server->worker_count; i++) {
        grpc_completion_queue_destroy(server->workers[i].queue);
    }
    grpc_shutdown();
    free(server->workers);
    free(server->response);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    program_options(&program, argc, argv, &options);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    /* gRPC's threads inherit the mask. */
    CHECK(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    struct null_server server = {0};
    start(&server, &options);
    int received;
    CHECK(sigwait(&signals, &received) == 0);
    stop(&server);
    return 0;
}
