#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"
#include "server/access.h"
#include "server/admin.h"
#include "server/admission.h"
#include "server/arenas.h"
#include "server/connections.h"
#include "server/method.h"
#include "server/span.h"
#include "server/writer.h"

/*
 * A worker of the gRPC server: one completion queue and the one thread that serves it, which also
 * does the work of its calls. Private to the server; see rpc.h.
 */

/* What gRPC knows of a method. method NULL: whatever is not in the table. Read-only once served. */
struct route {
    const struct method *method;
    const ProtobufCMessageDescriptor *input;
    enum admission_class class; /* NONE: does not wait */
    bool with_request;          /* gRPC reads the one request before it gives the call */
    void *registered;
};

/* The calls of one route at one worker. Owned by the worker's thread. */
struct lane {
    struct worker *worker;
    const struct route *route;
    struct call *free;
    size_t requested; /* calls gRPC has been asked for */
    size_t live;      /* calls that came and have not ended */
};

struct worker {
    /* Set once. */
    grpc_server *server;
    grpc_completion_queue *queue;
    struct writer *writer;
    struct admin *admin;   /* NULL: no method needs it */
    struct access *access; /* NULL: whoever connects may call everything */
    struct connections *connections;
    bool degrade; /* in overload, calls are told to hurry */
    const atomic_bool *draining;
    struct span_options spans;
    struct lane *lanes;
    size_t lane_count;
    /* Owned by the thread. */
    struct arenas arenas;
    struct admission admission;
    uint32_t retries;     /* how many were told when to try again */
    atomic_uint visits;   /* to the core's queue, twice each; odd: the thread is there. Any thread
                             reads it */
    struct call *sending; /* those whose answers the core has; the first for longest */
    struct call *sending_last;
    size_t sending_bytes;
    size_t sending_bytes_max;
    atomic_size_t live; /* calls of all lanes; changed by the thread, read by whoever drains */
    bool down;          /* the server has shut down; new calls are dropped */
    bool queue_closed;  /* nothing may be started on the queue any more */
    struct call *again; /* calls after a TURN_AGAIN; the first is the next to have a turn */
    struct call *again_last;
    unsigned events_since_again;
    unsigned quiet_looks; /* at the network, in a row */
    /* By the thread's own clock, so that others on its processor change no shares. */
    int64_t ran_cpu_ns;          /* when the last turns of calls that wait were over */
    int64_t intake_end_cpu_ns;   /* when they have turns again, */
    int64_t intake_over_ns;      /* which is not before this, by monotonic_ns() */
    int64_t refusals_end_cpu_ns; /* until when late calls are refused */
    /* Guarded by lock. */
    pthread_mutex_t lock;
    struct call *waiting; /* streams after a TURN_WAIT, doubly linked */
    uint64_t wakes;       /* how often worker_wake() was called */
};

/* What all workers of a server share. */
struct worker_options {
    grpc_server *server;
    struct writer *writer;
    struct admin *admin;
    struct connections *connections;
    bool degrade;
    struct access *access;
    const atomic_bool *draining;
    const struct route *routes;
    size_t route_count;
    size_t arena_size;
    size_t arena_bytes_max;
    struct span_options spans; /* the meter is the worker's own */
    struct admission_options admission;
};

/* Makes the queue and registers it; before grpc_server_start(). STATUS_NO_MEMORY. */
MUST_USE enum status worker_init(struct worker *worker, const struct worker_options *options);

/* After worker_run() has returned, or without it, and after grpc_server_destroy(). */
void worker_release(struct worker *worker);

/* Asks gRPC for calls; after grpc_server_start(), before worker_run(). STATUS_NO_MEMORY. */
MUST_USE enum status worker_request(struct worker *worker);

/* Serves until the queue has been told of the server's shutdown (tag NULL) and the last call is
 * over. */
void worker_run(struct worker *worker);

/*
 * The core has got size bytes to send for the call, or has sent them. While all such bytes are more
 * than they may be, those calls are cancelled that have not got rid of theirs for longest: their
 * clients do not read. The worker's thread.
 */
void worker_sends(struct worker *worker, struct call *call, size_t size);
void worker_sent(struct worker *worker, struct call *call, size_t size);

/* Lets a call, or a stream's message, wait for its turn (call_run()). False: it is to be refused.
 * The worker's thread. */
bool worker_enqueue(struct worker *worker, enum admission_class class, struct waiter *waiter);

/* Whether the calls it degrades have queued without an end (turn.hurried). */
bool worker_is_hurried(struct worker *worker);

/* When a client that is refused now should try again, in milliseconds: not all at the same time. */
unsigned worker_retry_ms(struct worker *worker);

/* Gives a call another turn when there is nothing else to do, and now and then when there is. The
 * worker's thread. */
void worker_again(struct worker *worker, struct call *call);

/* Lets streams that wait take another turn. Any thread. */
void worker_wake(struct worker *worker);

#endif
