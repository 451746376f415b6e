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
#include "server/arenas.h"
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
    bool with_request; /* gRPC reads the one request before it gives the call */
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
    const atomic_bool *draining;
    struct span_options spans;
    struct lane *lanes;
    size_t lane_count;
    /* Owned by the thread. */
    struct arenas arenas;
    atomic_size_t live; /* calls of all lanes; changed by the thread, read by whoever drains */
    bool down;          /* the server has shut down; new calls are dropped */
    bool queue_closed;  /* nothing may be started on the queue any more */
    struct call *again; /* calls after a TURN_AGAIN; the first is the next to have a turn */
    struct call *again_last;
    unsigned events_since_again;
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
    struct access *access;
    const atomic_bool *draining;
    const struct route *routes;
    size_t route_count;
    size_t arena_size;
    size_t arena_bytes_max;
    struct span_options spans; /* the meter is the worker's own */
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

/* Gives a call another turn when there is nothing else to do, and now and then when there is. The
 * worker's thread. */
void worker_again(struct worker *worker, struct call *call);

/* Lets streams that wait take another turn. Any thread. */
void worker_wake(struct worker *worker);

#endif
