#ifndef SERVER_CONNECTIONS_H
#define SERVER_CONNECTIONS_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * The server's connections: a thread accepts them, hands them to gRPC's core and watches what they
 * bring. Private to the server; see rpc.h. The core cannot do this itself: its listener never
 * accepts again once the process has run out of descriptors (CVE-2023-4785), it has no limit of
 * connections, and it buffers headers without end (CVE-2023-33953) and opens streams that are reset
 * at once (CVE-2023-44487) for as long as a client likes.
 *
 * A connection is closed
 * - to make room, when there are as many as there may be: the one that has been without a whole
 *   message for longest, if that is more than ten seconds, or one second where there never was one;
 *   without such a one the new connection is closed;
 * - when more than stranger_bytes have come on it that are not part of whole messages or of the
 *   headers of their calls; with each byte of whole messages it may be one more, up to flood_bytes.
 *   A call that is taken back before its deadline, or comes without a message, counts as 8 KiB of
 *   them, a whole message as 4 KiB less, so that it may be every second one; and 64 KiB a second
 *   are forgotten, for what is due to the protocol itself;
 * - when the core does not come back from reading (tick): then the one with most of these bytes,
 *   for it goes on reading as long as there is something to read;
 * - when the process's own memory has grown within a second by more than swell_bytes and 4 bytes
 *   for each that came on any connection: likewise, for the core keeps some 16 KiB for each stream,
 *   which its client opens with 15 bytes, and before a client has acknowledged how many it may open
 *   it may open any number;
 * - when all connections together have more than flood_bytes_total of these bytes: then the one
 *   with most.
 *
 * Calls on a connection that is closed end as UNAVAILABLE at its client.
 */
struct connections;

struct connections_options {
    size_t count_max;
    uint64_t stranger_bytes; /* room for the longest message at least */
    uint64_t flood_bytes;
    uint64_t flood_bytes_total;
    uint64_t swell_bytes;
    /* Called on the thread, a hundred times a second and more. Returns whether the core is busy, as
     * above. */
    bool (*tick)(void *context);
    void *context;
};

/* What has become of connections since the start. */
struct connections_counts {
    uint64_t accepted;
    uint64_t refused; /* there were as many as there may be */
    uint64_t evicted; /* closed to make room */
    uint64_t flooded; /* closed for what it sent */
    uint64_t failed;  /* accept() failed, as without descriptors */
    size_t open;
};

/*
 * Binds host (brackets of IPv6 are allowed) and port, 0: any free one, which *bound tells.
 * STATUS_UNAVAILABLE: the port is taken or not allowed; STATUS_NO_MEMORY.
 */
MUST_USE enum status connections_new(const struct connections_options *options, const char *host,
                                     unsigned port, struct connections **out, unsigned *bound,
                                     struct problem *problem);

/*
 * An argument for grpc_server_create(), without which connections_start() must not be called, and
 * the address for grpc_server_add_http2_port(). The argument points into connections.
 */
grpc_arg connections_arg(struct connections *connections);
#define CONNECTIONS_ADDRESS "external:reelrank"

/* Whether grpc_server_add_http2_port() went well, which for this address it does not tell. */
bool connections_are_expected(const struct connections *connections);

/* Starts to accept; after grpc_server_start(). STATUS_NO_MEMORY: no thread. */
MUST_USE enum status connections_start(struct connections *connections);

/*
 * A whole message of size bytes, of a call that came with it or before, has come on the call's
 * connection. Any thread.
 */
void connections_message(struct connections *connections, grpc_call *call, size_t size);

/* A call has been taken back, or has come without a message. Returns whether its connection is
 * still there. Any thread. */
bool connections_reset(struct connections *connections, grpc_call *call);

/* Any thread. */
void connections_counts(struct connections *connections, struct connections_counts *out);

/* Accepts no more; before grpc_server_shutdown_and_notify(). Connections stay open. */
void connections_stop(struct connections *connections);

/* After connections_stop() and grpc_server_destroy(). NULL is allowed. */
void connections_free(struct connections *connections);

#endif
