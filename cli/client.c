#include "cli/client.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "server/method.h"

/* An explained ranking of LIMIT_CANDIDATES takes about 2 MiB. */
enum { RESPONSE_BYTES_MAX = 64 << 20 };

/* What of a connection's failure fits in a problem beside our own words. */
enum { DETAILS_MAX = 160 };

struct client {
    char *target;
    int timeout_ms;
    struct credentials credentials;
    grpc_channel *channel;
    grpc_completion_queue *queue;
};

/* What one call sends and gets; lives until the call's one batch is complete. */
struct exchange {
    grpc_metadata sent[1];
    size_t sent_count;
    grpc_byte_buffer *request;
    grpc_byte_buffer *response;
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_status_code code;
    grpc_slice details;
};

static grpc_channel_credentials *channel_credentials(const struct certificates *certificates)
{
    if (certificates->ca == NULL) {
        return grpc_insecure_credentials_create();
    }
    grpc_ssl_pem_key_cert_pair pair = {.private_key = certificates->key,
                                       .cert_chain = certificates->chain};
    return grpc_ssl_credentials_create_ex(certificates->ca, pair.cert_chain != NULL ? &pair : NULL,
                                          NULL, NULL);
}

static grpc_channel *connect_to(const char *target, const struct credentials *trust)
{
    /* A service of one's own network is not reached through the proxy meant for the outside. */
    grpc_arg items[] = {
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_HTTP_PROXY, .value.integer = 0},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         .value.integer = RESPONSE_BYTES_MAX},
        {.type = GRPC_ARG_STRING,
         .key = GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
         .value.string = (char *)(uintptr_t)trust->tls_name},
    };
    size_t count = sizeof(items) / sizeof(items[0]) - (trust->tls_name == NULL ? 1 : 0);
    grpc_channel_args args = {.num_args = count, .args = items};
    grpc_channel_credentials *credentials = channel_credentials(&trust->certificates);
    grpc_channel *channel = grpc_channel_create(target, credentials, &args);
    grpc_channel_credentials_release(credentials);
    return channel;
}

static void start_client(struct client *client, int timeout_ms)
{
    /* The core's own log repeats what the call's status says; the variable brings it back. */
    setenv("GRPC_VERBOSITY", "NONE", 0);
    grpc_init();
    client->timeout_ms = timeout_ms;
    client->channel = connect_to(client->target, &client->credentials);
    client->queue = grpc_completion_queue_create_for_pluck(NULL);
}

enum status client_new(const char *target, int timeout_ms,
                       const struct credentials_options *credentials, struct client **out,
                       struct problem *problem)
{
    struct client *client = calloc(1, sizeof(*client));
    char *copy = strdup(target);
    enum status status = STATUS_NO_MEMORY;
    if (client != NULL && copy != NULL) {
        status = credentials_read(credentials, target, &client->credentials, problem);
    }
    if (status != STATUS_OK) {
        free(client);
        free(copy);
        return status;
    }
    client->target = copy;
    start_client(client, timeout_ms);
    *out = client;
    return STATUS_OK;
}

void client_free(struct client *client)
{
    if (client == NULL) {
        return;
    }
    grpc_channel_destroy(client->channel);
    grpc_completion_queue_shutdown(client->queue);
    grpc_completion_queue_destroy(client->queue);
    grpc_shutdown();
    credentials_release(&client->credentials);
    free(client->target);
    free(client);
}

static void exchange_init(struct exchange *exchange, const struct client *client,
                          struct text request)
{
    *exchange = (struct exchange){.code = GRPC_STATUS_UNKNOWN, .details = grpc_empty_slice()};
    grpc_slice slice = grpc_slice_from_copied_buffer(request.data, request.size);
    exchange->request = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_metadata_array_init(&exchange->initial);
    grpc_metadata_array_init(&exchange->trailing);
    if (client->credentials.authorization[0] != '\0') {
        exchange->sent[exchange->sent_count++] = (grpc_metadata){
            .key = grpc_slice_from_static_string("authorization"),
            .value = grpc_slice_from_static_string(client->credentials.authorization)};
    }
}

static grpc_op send_metadata(struct exchange *exchange)
{
    return (grpc_op){
        .op = GRPC_OP_SEND_INITIAL_METADATA,
        .data.send_initial_metadata = {.count = exchange->sent_count, .metadata = exchange->sent}};
}

static void exchange_release(struct exchange *exchange)
{
    grpc_byte_buffer_destroy(exchange->request);
    grpc_byte_buffer_destroy(exchange->response);
    grpc_metadata_array_destroy(&exchange->initial);
    grpc_metadata_array_destroy(&exchange->trailing);
    grpc_slice_unref(exchange->details);
}

/* Sends and receives everything in one batch, and waits for it. */
static void run(grpc_call *call, grpc_completion_queue *queue, struct exchange *exchange)
{
    grpc_op ops[] = {
        send_metadata(exchange),
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = exchange->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &exchange->initial},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &exchange->response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &exchange->trailing,
                                        .status = &exchange->code,
                                        .status_details = &exchange->details}},
    };
    grpc_call_error error =
        grpc_call_start_batch(call, ops, sizeof(ops) / sizeof(ops[0]), call, NULL);
    CHECK(error == GRPC_CALL_OK);
    /* The call's deadline bounds the wait. */
    gpr_timespec forever = gpr_inf_future(GPR_CLOCK_REALTIME);
    grpc_event event = grpc_completion_queue_pluck(queue, call, forever, NULL);
    CHECK(event.type == GRPC_OP_COMPLETE);
}

/* The way back of method_code(). Several statuses share a code; each code has one here, and what
 * our servers never send is IO, as INTERNAL is. */
static enum status status_of(grpc_status_code code)
{
    static const enum status statuses[] = {
        STATUS_INVALID,       STATUS_NOT_FOUND,   STATUS_BUSY,
        STATUS_CORRUPT,       STATUS_UNAVAILABLE, STATUS_DEADLINE,
        STATUS_UNIMPLEMENTED, STATUS_DENIED,      STATUS_UNAUTHENTICATED,
    };
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (method_code(statuses[i]) == (unsigned)code) {
            return statuses[i];
        }
    }
    return STATUS_IO;
}

/* What the core says where TLS fails, and what to do about it. */
static const struct {
    const char *part;
    const char *advice;
} tls_failures[] = {
    {"certificate verify failed",
     "no CA of --tls-ca has signed its certificate, or that is not valid now"},
    {"is not in peer certificate",
     "its certificate has another name, which --tls-name can give instead"},
    {"wrong version number", "it does not speak TLS: leave out --tls-ca"},
    {"Socket closed",
     "it closed the connection: it may want a certificate (--tls-cert, --tls-key), or another one"},
};

static const char *find_advice(struct text details)
{
    enum { DETAILS_SIZE = 512 };
    char text[DETAILS_SIZE];
    snprintf(text, sizeof(text), "%.*s", (int)(details.size < INT_MAX ? details.size : 0),
             details.data);
    for (size_t i = 0; i < sizeof(tls_failures) / sizeof(tls_failures[0]); i++) {
        if (strstr(text, tls_failures[i].part) != NULL) {
            return tls_failures[i].advice;
        }
    }
    return NULL;
}

/* Why there is no connection, or no more; details are the core's. */
static void describe_unavailable(const struct client *client, struct text details,
                                 struct problem *problem)
{
    int size = (int)(details.size < DETAILS_MAX ? details.size : DETAILS_MAX);
    bool tls = client->credentials.certificates.ca != NULL;
    const char *advice = tls ? find_advice(details) : NULL;
    if (advice != NULL) {
        problem_set(problem, "no TLS with the server at %.60s: %s", client->target, advice);
        return;
    }
    problem_set(
        problem,
        "no server answers at %.60s (%.*s); start one with \"reelrank serve\", or check the "
        "address%s",
        client->target, size, details.data, tls ? "" : "; one with TLS needs --tls-ca");
}

static void describe(const struct client *client, const struct exchange *exchange,
                     enum status status, struct problem *problem)
{
    struct text details = {.data = (const char *)GRPC_SLICE_START_PTR(exchange->details),
                           .size = GRPC_SLICE_LENGTH(exchange->details)};
    bool has_token = client->credentials.authorization[0] != '\0';
    if (status == STATUS_UNAVAILABLE) {
        describe_unavailable(client, details, problem);
    } else if (status == STATUS_DEADLINE) {
        problem_set(problem, "%.60s did not answer within %d ms; --timeout-ms gives it longer",
                    client->target, client->timeout_ms);
    } else if (details.size == 0) {
        problem_set(problem, "%.80s answered with gRPC status %d", client->target,
                    (int)exchange->code);
    } else {
        problem_set(problem, "%.*s%s", (int)details.size, details.data,
                    status == STATUS_UNAUTHENTICATED && !has_token
                        ? "; --token-file names a file with one"
                        : "");
    }
}

static enum status copy_response(grpc_byte_buffer *buffer, struct arena *arena,
                                 struct text *response, struct problem *problem)
{
    grpc_byte_buffer_reader reader;
    if (buffer == NULL || !grpc_byte_buffer_reader_init(&reader, buffer)) {
        problem_set(problem, "the server sent no message");
        return STATUS_CORRUPT;
    }
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    size_t size = GRPC_SLICE_LENGTH(slice);
    char *copy = arena_new(arena, char, size + 1);
    if (copy != NULL) {
        memcpy(copy, GRPC_SLICE_START_PTR(slice), size);
        *response = (struct text){.data = copy, .size = size};
    }
    grpc_slice_unref(slice);
    if (copy == NULL) {
        problem_set(problem, "the answer of %zu bytes is too large", size);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static grpc_call *make_call(struct client *client, const char *path, gpr_timespec deadline)
{
    grpc_slice method = grpc_slice_from_copied_string(path);
    grpc_call *call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                               client->queue, method, NULL, deadline, NULL);
    grpc_slice_unref(method);
    return call;
}

static gpr_timespec timeout_of(const struct client *client)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis(client->timeout_ms, GPR_TIMESPAN));
}

enum status client_call(struct client *client, const char *path, struct text request,
                        struct arena *arena, struct text *response, struct problem *problem)
{
    grpc_call *call = make_call(client, path, timeout_of(client));
    struct exchange exchange;
    exchange_init(&exchange, client, request);
    run(call, client->queue, &exchange);
    enum status status = exchange.code == GRPC_STATUS_OK ? STATUS_OK : status_of(exchange.code);
    if (status != STATUS_OK) {
        describe(client, &exchange, status, problem);
    } else {
        status = copy_response(exchange.response, arena, response, problem);
    }
    grpc_call_unref(call);
    exchange_release(&exchange);
    return status;
}

/* A streaming call under way. Its operations are told apart by the addresses of their tags. */
struct stream {
    struct client *client;
    grpc_call *call;
    struct exchange exchange;
    bool late; /* a message took longer than the client waits */
    char sent_tag;
    char message_tag;
    char status_tag;
};

static void start(struct stream *stream, const grpc_op *ops, size_t count, void *tag)
{
    grpc_call_error error = grpc_call_start_batch(stream->call, ops, count, tag, NULL);
    CHECK(error == GRPC_CALL_OK);
}

/* Waits for an operation; one that takes too long ends by cancelling the call. */
static void await(struct stream *stream, void *tag)
{
    grpc_completion_queue *queue = stream->client->queue;
    grpc_event event = grpc_completion_queue_pluck(queue, tag, timeout_of(stream->client), NULL);
    if (event.type == GRPC_QUEUE_TIMEOUT) {
        stream->late = true;
        grpc_call_cancel(stream->call, NULL);
        gpr_timespec forever = gpr_inf_future(GPR_CLOCK_REALTIME);
        event = grpc_completion_queue_pluck(queue, tag, forever, NULL);
    }
    CHECK(event.type == GRPC_OP_COMPLETE);
}

static void start_stream(struct stream *stream)
{
    struct exchange *exchange = &stream->exchange;
    grpc_op send[] = {
        send_metadata(exchange),
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = exchange->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &exchange->initial},
    };
    grpc_op end = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                   .data.recv_status_on_client = {.trailing_metadata = &exchange->trailing,
                                                  .status = &exchange->code,
                                                  .status_details = &exchange->details}};
    start(stream, send, sizeof(send) / sizeof(send[0]), &stream->sent_tag);
    start(stream, &end, 1, &stream->status_tag);
}

static enum status visit_message(grpc_byte_buffer *buffer, client_visit *visit, void *context,
                                 struct problem *problem)
{
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
        problem_set(problem, "the server sent a message that cannot be read");
        return STATUS_CORRUPT;
    }
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    struct text message = {.data = (const char *)GRPC_SLICE_START_PTR(slice),
                           .size = GRPC_SLICE_LENGTH(slice)};
    enum status status = visit(context, message);
    grpc_slice_unref(slice);
    return status;
}

/* Visits messages until there are no more. */
static enum status read_messages(struct stream *stream, client_visit *visit, void *context,
                                 struct problem *problem)
{
    grpc_byte_buffer **message = &stream->exchange.response;
    grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = message};
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        start(stream, &receive, 1, &stream->message_tag);
        await(stream, &stream->message_tag);
        if (*message == NULL) {
            break;
        }
        status = visit_message(*message, visit, context, problem);
        grpc_byte_buffer_destroy(*message);
        *message = NULL;
    }
    if (status != STATUS_OK) {
        grpc_call_cancel(stream->call, NULL);
    }
    return status;
}

enum status client_stream(struct client *client, const char *path, struct text request,
                          client_visit *visit, void *context, struct problem *problem)
{
    gpr_timespec forever = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    struct stream stream = {.client = client, .call = make_call(client, path, forever)};
    exchange_init(&stream.exchange, client, request);
    start_stream(&stream);
    enum status status = read_messages(&stream, visit, context, problem);
    await(&stream, &stream.status_tag);
    await(&stream, &stream.sent_tag);
    if (status == STATUS_OK && stream.exchange.code != GRPC_STATUS_OK) {
        status = stream.late ? STATUS_DEADLINE : status_of(stream.exchange.code);
        describe(client, &stream.exchange, status, problem);
    }
    grpc_call_unref(stream.call);
    exchange_release(&stream.exchange);
    return status;
}
