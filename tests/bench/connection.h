#ifndef TESTS_BENCH_CONNECTION_H
#define TESTS_BENCH_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/text.h"

/*
 * One client connection for gRPC calls, over HTTP/2 on loopback, plain or in TLS: unary ones, or
 * streams both ways that answer message by message. Knows just what a load generator needs and
 * costs little, so that what is measured is the server. Anything else than HTTP/2 from the server
 * stops the program, and so does the end of a connection, unless it is asked to survive that.
 */
struct connection;

enum { CONNECTION_STREAMS_MAX = 1024, CONNECTION_MESSAGES_MAX = 64, CONNECTION_BODY_MAX = 65535 };

/* How a call ended, or what a message of a stream was answered with. */
struct answer {
    int64_t start_ns; /* as given to connection_send() */
    int status;       /* grpc-status, 0 with a message; -1: none came, or the stream was reset */
    size_t size;      /* bytes of DATA: the gRPC frame with its header */
    struct text kept; /* those bytes; of unary calls only with connection_options.keep. Lives during
                         the call back */
};

struct connection_options {
    uint16_t port;
    const char *path;    /* "/package.Service/Method", at most 126 bytes */
    size_t streams;      /* most calls under way at once */
    size_t messages;     /* most unanswered messages of each stream; 0: the method is unary */
    bool tls;            /* whatever the certificate */
    bool keep;           /* keep what the server answers */
    bool survive;        /* a connection may end: see connection_lost() */
    unsigned timeout_ms; /* each call's deadline, at most 99,999,999; 0: none */
    void (*answered)(void *context, const struct answer *answer);
    void *context;
};

/* options is borrowed until connection_close(). NULL, with survive: the server did not accept. */
struct connection *connection_open(const struct connection_options *options);
void connection_close(struct connection *connection);

int connection_socket(const struct connection *connection);

/* True when a body of that size may be sent now: there is a stream for it, the windows are open. */
bool connection_is_free(const struct connection *connection, size_t size);

/*
 * Starts a call, or sends a message on the next stream that has room; connection_is_free() must
 * hold. frame is copied.
 */
void connection_send(struct connection *connection, struct text frame, int64_t start_ns);

/* Hands what connection_send() queued to the system. True when some is left: wait until writable.
 */
bool connection_flush(struct connection *connection);

/* Reads once what has arrived and reports what was answered. */
void connection_receive(struct connection *connection);

/* Tells the server that no stream gets another message; they end once it has answered all. */
void connection_finish(struct connection *connection);

/*
 * With survive: the connection has ended, or its server has told it to go and its last call is
 * over. What was under way has been reported with status -1; connection_close() is all that is left
 * to do.
 */
bool connection_lost(const struct connection *connection);

/* Calls or streams under way. */
size_t connection_active(const struct connection *connection);

/* Calls or streams so far. */
size_t connection_opened(const struct connection *connection);

/*
 * Streams that the server ended before connection_finish(), or with an error. Their unanswered
 * messages are reported with that error; the next message opens another stream.
 */
size_t connection_broken(const struct connection *connection);

#endif
