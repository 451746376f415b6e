#ifndef SERVER_RPC_H
#define SERVER_RPC_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "server/access.h"
#include "server/admin.h"
#include "server/admission.h"
#include "server/connections.h"
#include "server/method.h"
#include "server/metrics.h"
#include "server/tls.h"
#include "server/writer.h"

/*
 * The gRPC server: runs a table of methods on gRPC's C core. One completion queue and one thread
 * for each worker; a call belongs to the worker that accepted it, which does its work inline.
 *
 * Memory is bounded whatever clients send: messages as received by gRPC's resource quota, calls
 * that wait (for the writer) by the same figure again; beyond that calls fail with
 * RESOURCE_EXHAUSTED. Who may call what is asked (access.h) before a message is read, and again
 * before each further message of a stream. A stream reads its next message only after the answer to
 * the last has been sent.
 *
 * Signals meant for the program are blocked by the caller before rpc_start(), as gRPC's threads
 * inherit the mask.
 */
struct rpc;

struct rpc_options {
    const char *listen;         /* HOST:PORT; port 0: any free one */
    size_t worker_count;        /* at least 1 */
    size_t max_message_bytes;   /* of one request; larger ones: RESOURCE_EXHAUSTED */
    size_t memory_quota_bytes;  /* see above */
    size_t calls_max;           /* of each class in progress at a worker; more are refused */
    size_t connections_max;     /* see connections.h */
    unsigned connection_idle_s; /* until one without calls is told to go; 0: never */
    unsigned connection_age_s;  /* likewise, any; it has a minute to finish its calls; 0: never */
    unsigned streams_max;       /* calls under way on one connection, as its client is told */
    bool degrade;               /* in overload, calls are told to hurry (turn.hurried) */
    unsigned queue_delay_ms;    /* see admission.h; 0: calls wait for any time */
    /* Borrowed until rpc_free(). */
    struct admin *admin;     /* NULL if no method takes a TURN_WORK */
    struct tls *tls;         /* NULL: plaintext, on a loopback address unless allow_plaintext */
    struct access *access;   /* NULL: whoever connects may call everything */
    struct metrics *metrics; /* of the same methods and workers; NULL: none */
    bool allow_plaintext;    /* also where others can read and change it */
    unsigned slow_call_ms;   /* calls that take longer are logged; 0: none */
};

/*
 * STATUS_INVALID when rpc_start() would refuse the address before it tries it; plaintext_allowed:
 * with TLS, or where it need not be on the loopback interface.
 */
MUST_USE enum status rpc_check_listen(const char *listen, bool plaintext_allowed,
                                      struct problem *problem);

/*
 * Starts to serve. methods, their contexts and writer are borrowed until rpc_free(). Rows without
 * begin(), and paths not in the table, are answered with UNIMPLEMENTED. STATUS_INVALID: an address
 * that is not HOST:PORT, or plaintext where it is not allowed; STATUS_UNAVAILABLE: the port is
 * taken; STATUS_NO_MEMORY.
 */
MUST_USE enum status rpc_start(const struct rpc_options *options, const struct method *methods,
                               size_t count, struct writer *writer, struct rpc **out,
                               struct problem *problem);

/* What has become of calls and connections so far. Any thread. */
struct rpc_counts {
    struct admission_counts admission[ADMISSION_CLASS_COUNT];
    struct connections_counts connections;
};
void rpc_count(const struct rpc *rpc, struct rpc_counts *out);

/* HOST:PORT with the port in use. Lives with rpc. */
const char *rpc_address(const struct rpc *rpc);

/* Gives server streams that wait (TURN_WAIT) another turn. Any thread, until rpc_drain() returns.
 */
void rpc_wake(struct rpc *rpc);

/*
 * Takes no new calls, ends streams that wait (after one more turn) with UNAVAILABLE, gives the
 * others timeout_ms to finish and cancels what is left. Returns when every call has ended. Once.
 */
void rpc_drain(struct rpc *rpc, unsigned timeout_ms);

/* Drains at once if that has not been done. NULL is allowed. */
void rpc_free(struct rpc *rpc);

#endif
