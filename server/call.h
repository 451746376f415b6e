#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include <stdbool.h>

#include "server/worker.h"

/*
 * One call, from the moment gRPC is asked for it to its end. Private to the server; see rpc.h.
 *
 * A call has at most two operations under way: the main one (the request for the call, a read, a
 * send, a write at the writer, or waiting to be woken) and, on streams, the watch for its close.
 * All happens on the worker's thread but for method->finish, which runs on the writer's while the
 * main operation is the write, and call_post(), which completes a write or a wait from any thread.
 */
struct call;

/* The tag of an operation; gRPC hands it back. */
struct call_tag {
    struct call *call;
    bool is_close;
};

/* NULL when memory is short. Belongs to lane. */
struct call *call_new(struct lane *lane);
void call_free(struct call *call);

/* The lane's list of free calls. call_pop() returns NULL when it is empty. */
void call_push(struct call *call);
struct call *call_pop(struct lane *lane);

struct lane *call_lane(const struct call *call);

/* True until the call has come. */
bool call_requested(const struct call *call);

/* Asks gRPC for a call. False when the queue is shut down. */
bool call_request(struct call *call);

/* The call has come: starts serving it, which may mean to wait for its turn (worker_enqueue()).
 * Returns as call_event(). */
bool call_begin(struct call *call);

/* The call has come, and its class has as many as it may. */
void call_refuse(struct call *call);

/*
 * A call's turn has come, or, late, it has waited for too long for it. Returns as call_event().
 */
bool call_run(struct call *call, bool late);

/* The call has come, but too late to be served: it ends as UNAVAILABLE. */
void call_drop(struct call *call);

/* An operation has completed. Returns true when it was the last: the call has ended and is clean.
 */
bool call_event(struct call *call, const struct call_tag *tag, bool success);

/*
 * The next turn of a call that took a TURN_AGAIN and was passed to worker_again(). Returns as
 * call_event().
 */
bool call_again(struct call *call);

/*
 * Takes calls off the list of those that wait, worker->waiting; their main operation completes once
 * each has been passed to call_post(). The list is linked through call_next().
 */
struct call *call_wake_all_locked(struct worker *worker);
struct call *call_next(const struct call *call);

/* Where the worker keeps a call that sends: its neighbours in the list. */
struct call_links {
    struct call *before;
    struct call *after;
};
struct call_links *call_sending(struct call *call);

/* Ends a call whose answer nobody takes. */
void call_cancel(struct call *call);
void call_set_next(struct call *call, struct call *next);
void call_post(struct call *call);

#endif
