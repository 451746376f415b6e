#include "tests/bench/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ranker/check.h"
#include "tests/bench/hpack.h"
#include "tests/bench/pool.h"
#include "tests/bench/program.h"

/* RFC 9113. */
enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW = 8,
    FRAME_CONTINUATION = 9
};

enum {
    FLAG_END_STREAM = 0x1, /* of DATA and HEADERS */
    FLAG_ACK = 0x1,        /* of SETTINGS and PING */
    FLAG_END_HEADERS = 0x4,
    FLAG_PADDED = 0x8,
    FLAG_PRIORITY = 0x20
};

enum {
    FRAME_HEADER_SIZE = 9,
    FRAME_PAYLOAD_MAX = 16384,
    SETTING_PUSH = 2,
    SETTING_WINDOW = 4,
    WINDOW_INITIAL = 65535,
    WINDOW_MAX = 0x7fffffff,
    WINDOW_REFILL = 1 << 26, /* bytes received before a window is opened again */
    INPUT_SIZE = 1 << 18,
    HEADERS_SIZE = 512,
    /* Dynamic table after the first request: :path, :authority, content-type, te. */
    HPACK_FIRST = 62,
    HPACK_LAST = 65 /* one more with grpc-timeout */
};

struct buffer {
    uint8_t *data; /* owned */
    size_t size;
    size_t capacity;
};

struct stream {
    uint32_t id; /* 0: free */
    int status;
    int64_t window;    /* what may be sent on it */
    uint32_t received; /* since the last refill */
    size_t size;       /* of the answer so far */
    struct buffer kept;
    /* What is unanswered: a ring. A call has one. */
    int64_t starts_ns[CONNECTION_MESSAGES_MAX];
    size_t first;
    size_t waiting;
};

struct connection {
    const struct connection_options *options;
    int socket;
    SSL *tls; /* NULL: plain */
    uint32_t next_id;
    size_t active;
    size_t broken;
    bool finishing;
    bool leaving; /* the server wants no more calls */
    bool lost;
    int64_t window;         /* what may be sent on the connection */
    int64_t stream_window;  /* and on each new stream */
    uint32_t received;      /* since the last refill */
    struct stream *streams; /* owned; options->streams of them */
    size_t turn;            /* the stream that is next */
    struct hpack hpack;
    struct buffer output;
    size_t sent; /* of output */
    uint8_t input[INPUT_SIZE];
    size_t input_size;
};

struct frame {
    enum frame_type type;
    uint8_t flags;
    uint32_t stream_id;
    struct text payload;
};

static void append(struct buffer *buffer, const void *bytes, size_t size)
{
    if (buffer->size + size > buffer->capacity) {
        buffer->capacity = 2 * (buffer->size + size);
        buffer->data = realloc(buffer->data, buffer->capacity);
        CHECK(buffer->data != NULL);
    }
    memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
}

/* Removes the first size bytes. */
static void drop(struct buffer *buffer, size_t size)
{
    buffer->size -= size;
    memmove(buffer->data, buffer->data + size, buffer->size);
}

static void put_u32(uint8_t *out, uint32_t value)
{
    uint32_t big = htonl(value);
    memcpy(out, &big, sizeof(big));
}

static uint32_t get_u32(const char *bytes)
{
    uint32_t big;
    memcpy(&big, bytes, sizeof(big));
    return ntohl(big);
}

static void put_frame(struct connection *connection, enum frame_type type, uint8_t flags,
                      uint32_t stream_id, const void *payload, size_t size)
{
    uint8_t header[FRAME_HEADER_SIZE];
    put_u32(header, (uint32_t)size << 8 | (uint32_t)type);
    header[4] = flags;
    put_u32(header + 5, stream_id);
    append(&connection->output, header, sizeof(header));
    append(&connection->output, payload, size);
}

/* stream_id 0: the connection's own window. */
static void put_window(struct connection *connection, uint32_t stream_id, uint32_t bytes)
{
    uint8_t payload[4];
    put_u32(payload, bytes);
    put_frame(connection, FRAME_WINDOW, 0, stream_id, payload, sizeof(payload));
}

static void put_preface(struct connection *connection)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    uint8_t settings[12] = {0};
    settings[1] = SETTING_WINDOW;
    put_u32(settings + 2, WINDOW_MAX);
    settings[7] = SETTING_PUSH;
    append(&connection->output, preface, sizeof(preface) - 1);
    put_frame(connection, FRAME_SETTINGS, 0, 0, settings, sizeof(settings));
    put_window(connection, 0, WINDOW_MAX - WINDOW_INITIAL);
}

/* A literal that joins the table; static_index 0: the name follows in letters. */
static size_t put_literal(uint8_t *out, uint8_t static_index, const char *name, const char *value)
{
    size_t size = 0;
    out[size++] = 0x40 | static_index;
    if (static_index == 0) {
        size_t name_size = strlen(name);
        out[size++] = (uint8_t)name_size;
        memcpy(out + size, name, name_size);
        size += name_size;
    }
    size_t value_size = strlen(value);
    CHECK(value_size < 127);
    out[size++] = (uint8_t)value_size;
    memcpy(out + size, value, value_size);
    return size + value_size;
}

static void put_headers(struct connection *connection, uint32_t stream_id)
{
    uint8_t block[HEADERS_SIZE];
    size_t size = 0;
    block[size++] = 0x83;                                  /* :method POST */
    block[size++] = connection->tls != NULL ? 0x87 : 0x86; /* :scheme https, http */
    if (stream_id == 1) {
        char authority[32];
        snprintf(authority, sizeof(authority), "127.0.0.1:%u", connection->options->port);
        size += put_literal(block + size, 4, ":path", connection->options->path);
        size += put_literal(block + size, 1, ":authority", authority);
        size += put_literal(block + size, 31, "content-type", "application/grpc");
        size += put_literal(block + size, 0, "te", "trailers");
        if (connection->options->timeout_ms > 0) {
            char timeout[16];
            snprintf(timeout, sizeof(timeout), "%um", connection->options->timeout_ms);
            size += put_literal(block + size, 0, "grpc-timeout", timeout);
        }
    } else {
        unsigned last = HPACK_LAST + (connection->options->timeout_ms > 0 ? 1 : 0);
        for (unsigned i = last; i >= HPACK_FIRST; i--) {
            block[size++] = (uint8_t)(0x80 | i);
        }
    }
    put_frame(connection, FRAME_HEADERS, FLAG_END_HEADERS, stream_id, block, size);
}

static void put_body(struct connection *connection, uint32_t stream_id, struct text body)
{
    while (body.size > FRAME_PAYLOAD_MAX) {
        put_frame(connection, FRAME_DATA, 0, stream_id, body.data, FRAME_PAYLOAD_MAX);
        body.data += FRAME_PAYLOAD_MAX;
        body.size -= FRAME_PAYLOAD_MAX;
    }
    bool is_last = connection->options->messages == 0;
    put_frame(connection, FRAME_DATA, is_last ? FLAG_END_STREAM : 0, stream_id, body.data,
              body.size);
}

static struct stream *find_stream(struct connection *connection, uint32_t id)
{
    for (size_t i = 0; i < connection->options->streams; i++) {
        if (connection->streams[i].id == id) {
            return &connection->streams[i];
        }
    }
    return NULL;
}

static bool has_room(const struct connection *connection, const struct stream *stream, int64_t need)
{
    if (stream->id == 0) {
        return connection->stream_window >= need;
    }
    return stream->waiting < connection->options->messages && stream->window >= need;
}

/* The index of a stream that may carry size bytes now; options->streams when there is none. */
static size_t find_room(const struct connection *connection, size_t size)
{
    size_t count = connection->options->streams;
    bool busy = connection->options->messages == 0 && connection->active == count;
    if (busy || connection->leaving || connection->lost || connection->window < (int64_t)size) {
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        size_t index = (connection->turn + i) % count;
        if (has_room(connection, &connection->streams[index], (int64_t)size)) {
            return index;
        }
    }
    return count;
}

bool connection_is_free(const struct connection *connection, size_t size)
{
    return find_room(connection, size) < connection->options->streams;
}

static void open_stream(struct connection *connection, struct stream *stream)
{
    *stream = (struct stream){.id = connection->next_id,
                              .status = -1,
                              .window = connection->stream_window,
                              .kept = stream->kept};
    stream->kept.size = 0;
    connection->next_id += 2;
    connection->active++;
    put_headers(connection, stream->id);
}

void connection_send(struct connection *connection, struct text frame, int64_t start_ns)
{
    size_t index = find_room(connection, frame.size);
    CHECK(index < connection->options->streams);
    struct stream *stream = &connection->streams[index];
    connection->turn = index + 1;
    if (stream->id == 0) {
        open_stream(connection, stream);
    }
    stream->starts_ns[(stream->first + stream->waiting) % CONNECTION_MESSAGES_MAX] = start_ns;
    stream->waiting++;
    stream->window -= (int64_t)frame.size;
    connection->window -= (int64_t)frame.size;
    put_body(connection, stream->id, frame);
}

/* Reports the answer of what waits longest on a stream: the first size bytes of what was kept. */
static void report(struct connection *connection, struct stream *stream, int status, size_t size)
{
    bool kept = stream->kept.size >= size;
    struct answer answer = {
        .start_ns = stream->starts_ns[stream->first],
        .status = status,
        .size = size,
        .kept = {.data = (const char *)stream->kept.data, .size = kept ? size : 0},
    };
    stream->first = (stream->first + 1) % CONNECTION_MESSAGES_MAX;
    stream->waiting--;
    connection->options->answered(connection->options->context, &answer);
}

/* A stream both ways ends well when it was told that no message follows and has answered all. */
static void end_messages(struct connection *connection, struct stream *stream)
{
    if (!connection->finishing || stream->status != 0) {
        connection->broken++;
    }
    while (stream->waiting > 0) {
        report(connection, stream, stream->status != 0 ? stream->status : -1, 0);
    }
}

static void end_stream(struct connection *connection, struct stream *stream)
{
    if (connection->options->messages > 0) {
        end_messages(connection, stream);
    } else {
        report(connection, stream, stream->status, stream->size);
    }
    stream->id = 0;
    connection->active--;
}

/* The end of the connection, which was not ours. */
static void lose(struct connection *connection, const char *what, const char *why)
{
    if (!connection->options->survive) {
        give_up("%s: %s", what, why);
    }
    connection->lost = true;
    connection->output.size = 0;
    connection->sent = 0;
    for (size_t i = 0; i < connection->options->streams; i++) {
        struct stream *stream = &connection->streams[i];
        if (stream->id != 0) {
            stream->status = -1;
            end_stream(connection, stream);
        }
    }
}

bool connection_lost(const struct connection *connection)
{
    return connection->lost || (connection->leaving && connection->active == 0);
}

/* What a call of OpenSSL returned, as send() and recv() would say it. */
static ssize_t tls_result(const struct connection *connection, int result)
{
    int error = SSL_get_error(connection->tls, result);
    if (result > 0) {
        return result;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
    } else if (error != SSL_ERROR_SYSCALL || errno == 0) {
        errno = EPROTO;
    }
    return -1;
}

static ssize_t send_bytes(struct connection *connection, const uint8_t *bytes, size_t size)
{
    if (connection->tls == NULL) {
        return send(connection->socket, bytes, size, MSG_NOSIGNAL);
    }
    ERR_clear_error();
    return tls_result(connection, SSL_write(connection->tls, bytes, (int)size));
}

static ssize_t receive_bytes(struct connection *connection, uint8_t *bytes, size_t size)
{
    if (connection->tls == NULL) {
        return recv(connection->socket, bytes, size, 0);
    }
    ERR_clear_error();
    return tls_result(connection, SSL_read(connection->tls, bytes, (int)size));
}

bool connection_flush(struct connection *connection)
{
    struct buffer *output = &connection->output;
    while (connection->sent < output->size) {
        ssize_t size = send_bytes(connection, output->data + connection->sent,
                                  output->size - connection->sent);
        if (size < 0 && errno == EAGAIN) {
            return true;
        }
        if (size < 0) {
            lose(connection, "send", strerror(errno));
            return false;
        }
        connection->sent += (size_t)size;
    }
    connection->sent = 0;
    output->size = 0;
    return false;
}

/* Reports the messages that are whole. */
static void take_messages(struct connection *connection, struct stream *stream)
{
    for (;;) {
        struct text kept = {.data = (const char *)stream->kept.data, .size = stream->kept.size};
        size_t size = pool_frame_size(kept);
        if (size == 0) {
            return;
        }
        if (stream->waiting == 0) {
            give_up("the server answered more messages than it got");
        }
        report(connection, stream, 0, size);
        drop(&stream->kept, size);
    }
}

static void open_windows(struct connection *connection, struct stream *stream, size_t size)
{
    connection->received += (uint32_t)size;
    stream->received += (uint32_t)size;
    if (connection->received > WINDOW_REFILL) {
        put_window(connection, 0, connection->received);
        connection->received = 0;
    }
    if (stream->received > WINDOW_REFILL) {
        put_window(connection, stream->id, stream->received);
        stream->received = 0;
    }
}

static void take_data(struct connection *connection, struct stream *stream,
                      const struct frame *frame)
{
    bool streams = connection->options->messages > 0;
    if ((frame->flags & FLAG_PADDED) != 0) {
        give_up("the server pads its frames, which is not understood here");
    }
    stream->size += frame->payload.size;
    if (streams || connection->options->keep) {
        append(&stream->kept, frame->payload.data, frame->payload.size);
    }
    if (streams) {
        take_messages(connection, stream);
    }
    open_windows(connection, stream, frame->payload.size);
}

static void take_headers(struct connection *connection, struct stream *stream,
                         const struct frame *frame)
{
    if ((frame->flags & FLAG_END_HEADERS) == 0 ||
        (frame->flags & (FLAG_PADDED | FLAG_PRIORITY)) != 0 ||
        !hpack_read(&connection->hpack, frame->payload, &stream->status)) {
        give_up("the server's headers are in a form not understood here");
    }
}

/* New streams begin with this window, and open ones get the difference (RFC 9113, 6.9.2). */
static void set_stream_window(struct connection *connection, int64_t window)
{
    for (size_t i = 0; i < connection->options->streams; i++) {
        connection->streams[i].window += window - connection->stream_window;
    }
    connection->stream_window = window;
}

static uint32_t window_bytes(const struct frame *frame)
{
    return frame->payload.size == 4 ? get_u32(frame->payload.data) : 0;
}

static void take_settings(struct connection *connection, const struct frame *frame)
{
    if ((frame->flags & FLAG_ACK) != 0) {
        return;
    }
    for (size_t i = 0; i + 6 <= frame->payload.size; i += 6) {
        const char *setting = frame->payload.data + i;
        if (setting[0] == 0 && setting[1] == SETTING_WINDOW) {
            set_stream_window(connection, get_u32(setting + 2));
        }
    }
    put_frame(connection, FRAME_SETTINGS, FLAG_ACK, 0, "", 0);
}

/* Frames of the connection itself, and late ones of streams that have ended. */
static void take_control(struct connection *connection, const struct frame *frame)
{
    switch (frame->type) {
    case FRAME_SETTINGS:
        take_settings(connection, frame);
        break;
    case FRAME_PING:
        if ((frame->flags & FLAG_ACK) == 0) {
            put_frame(connection, FRAME_PING, FLAG_ACK, 0, frame->payload.data,
                      frame->payload.size);
        }
        break;
    case FRAME_WINDOW:
        connection->window += frame->stream_id == 0 ? window_bytes(frame) : 0;
        break;
    case FRAME_GOAWAY:
        if (!connection->options->survive) {
            give_up("the server sent GOAWAY");
        }
        connection->leaving = true;
        break;
    default:
        break;
    }
}

static void take_frame(struct connection *connection, const struct frame *frame)
{
    struct stream *stream =
        frame->stream_id != 0 ? find_stream(connection, frame->stream_id) : NULL;
    if (stream == NULL) {
        take_control(connection, frame);
        return;
    }
    if (frame->type == FRAME_DATA) {
        take_data(connection, stream, frame);
    } else if (frame->type == FRAME_HEADERS) {
        take_headers(connection, stream, frame);
    } else if (frame->type == FRAME_RESET) {
        stream->status = -1;
        end_stream(connection, stream);
        return;
    } else if (frame->type == FRAME_WINDOW) {
        stream->window += window_bytes(frame);
        return;
    } else {
        return;
    }
    if ((frame->flags & FLAG_END_STREAM) != 0) {
        end_stream(connection, stream);
    }
}

/* The frame at the front of the input; false while it is not whole. */
static bool next_frame(const struct connection *connection, size_t offset, struct frame *out)
{
    const uint8_t *header = connection->input + offset;
    size_t left = connection->input_size - offset;
    if (left < FRAME_HEADER_SIZE) {
        return false;
    }
    uint32_t size = get_u32((const char *)header) >> 8;
    if (size > FRAME_PAYLOAD_MAX) {
        give_up("the server sent a frame of %u bytes", size);
    }
    *out = (struct frame){
        .type = header[3],
        .flags = header[4],
        .stream_id = get_u32((const char *)header + 5) & WINDOW_MAX,
        .payload = {.data = (const char *)header + FRAME_HEADER_SIZE, .size = size},
    };
    return left >= FRAME_HEADER_SIZE + size;
}

/* False: nothing has come, or the connection is lost. */
static bool read_input(struct connection *connection)
{
    ssize_t size = receive_bytes(connection, connection->input + connection->input_size,
                                 INPUT_SIZE - connection->input_size);
    if (size < 0 && errno == EAGAIN) {
        return false;
    }
    if (size <= 0) {
        lose(connection, "the server closed the connection", size < 0 ? strerror(errno) : "end");
        return false;
    }
    connection->input_size += (size_t)size;
    return true;
}

static void take_frames(struct connection *connection)
{
    size_t offset = 0;
    struct frame frame;
    while (next_frame(connection, offset, &frame)) {
        take_frame(connection, &frame);
        offset += FRAME_HEADER_SIZE + frame.payload.size;
    }
    connection->input_size -= offset;
    memmove(connection->input, connection->input + offset, connection->input_size);
}

/* What OpenSSL has read already, the system tells nobody of. */
void connection_receive(struct connection *connection)
{
    do {
        if (!read_input(connection)) {
            return;
        }
        take_frames(connection);
    } while (connection->tls != NULL && SSL_pending(connection->tls) > 0);
}

void connection_finish(struct connection *connection)
{
    connection->finishing = true;
    for (size_t i = 0; i < connection->options->streams; i++) {
        uint32_t id = connection->streams[i].id;
        if (id != 0 && connection->options->messages > 0) {
            put_frame(connection, FRAME_DATA, FLAG_END_STREAM, id, "", 0);
        }
    }
}

size_t connection_active(const struct connection *connection)
{
    return connection->active;
}

size_t connection_opened(const struct connection *connection)
{
    return connection->next_id / 2; /* odd numbers from 1 on */
}

size_t connection_broken(const struct connection *connection)
{
    return connection->broken;
}

/* -1: nobody accepts. */
static int connect_socket(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* NULL, with survive: the server did not finish the handshake. */
static SSL *shake_hands(const struct connection_options *options, int fd)
{
    static const uint8_t protocols[] = "\x02h2";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *tls = context != NULL ? SSL_new(context) : NULL;
    CHECK(tls != NULL);
    SSL_CTX_free(context);
    SSL_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    CHECK(SSL_set_alpn_protos(tls, protocols, sizeof(protocols) - 1) == 0);
    CHECK(SSL_set_fd(tls, fd) == 1);
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL sends without MSG_NOSIGNAL */
    if (SSL_connect(tls) == 1) {
        return tls;
    }
    if (!options->survive) {
        give_up("127.0.0.1:%u: the TLS handshake failed", options->port);
    }
    SSL_free(tls);
    return NULL;
}

struct connection *connection_open(const struct connection_options *options)
{
    CHECK(options->streams <= CONNECTION_STREAMS_MAX);
    CHECK(options->messages <= CONNECTION_MESSAGES_MAX);
    int fd = connect_socket(options->port);
    if (fd < 0 && options->survive) {
        return NULL;
    }
    if (fd < 0) {
        give_up("127.0.0.1:%u: %s", options->port, strerror(errno));
    }
    SSL *tls = options->tls ? shake_hands(options, fd) : NULL;
    if (options->tls && tls == NULL) {
        close(fd);
        return NULL;
    }
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    struct connection *connection = calloc(1, sizeof(*connection));
    CHECK(connection != NULL);
    connection->tls = tls;
    connection->streams = calloc(options->streams, sizeof(*connection->streams));
    CHECK(connection->streams != NULL);
    connection->options = options;
    connection->socket = fd;
    connection->next_id = 1;
    connection->window = WINDOW_INITIAL;
    connection->stream_window = WINDOW_INITIAL;
    put_preface(connection);
    return connection;
}

void connection_close(struct connection *connection)
{
    SSL_free(connection->tls);
    close(connection->socket);
    for (size_t i = 0; i < connection->options->streams; i++) {
        free(connection->streams[i].kept.data);
    }
    free(connection->streams);
    free(connection->output.data);
    free(connection);
}

int connection_socket(const struct connection *connection)
{
    return connection->socket;
}
