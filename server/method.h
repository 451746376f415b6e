#ifndef SERVER_METHOD_H
#define SERVER_METHOD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/wire_codec.h"
#include "server/roles.h"
#include "store/store.h"

/*
 * A method of the contract, as its transport sees it: the gRPC server (rpc.h) and the command
 * line's in-process calls run the same table. A handler takes turns; it does not know who calls it,
 * and it must not block.
 */
enum method_kind { METHOD_UNARY, METHOD_CLIENT_STREAM, METHOD_SERVER_STREAM, METHOD_BIDI };

/* What the transport does after a turn. */
enum turn_step {
    TURN_DONE,  /* unary, bidi: send response or fail. Client stream: read on, or send the response
                   at the end */
    TURN_WRITE, /* give batch to the writer, then call method->finish, which ends in TURN_DONE */
    TURN_WORK,  /* unary: call method->finish on the admin's thread, where it may take its time and
                   wait for the disk; it ends in TURN_DONE */
    TURN_MORE,  /* server stream: send response, then begin() again with request NULL */
    TURN_AGAIN, /* unary, server stream: nothing to send yet; begin() again with request NULL, once
                   other calls have had their turns. Keeps long work from holding a worker. A unary
                   call keeps its arena, with its request and what it used so far, and always gets
                   its next turn, until it is done */
    TURN_WAIT   /* server stream: nothing now; begin() again with request NULL after rpc_wake() */
};

enum { METHOD_STATE_SIZE = 1536 };

struct meter;

/*
 * One turn. A message of a bidi stream is one turn; so is each response of a server stream, which
 * may also take turns without one. A client stream has one for each message and a last one with
 * request NULL.
 *
 * On TURN_DONE with status not STATUS_OK the call fails with that status and problem.text.
 * Otherwise response or response_bytes is sent, whichever is set; a server stream's TURN_DONE sends
 * nothing and ends the call well, as does half-close on a bidi stream.
 */
struct turn {
    struct arena *arena;             /* lives until the turn's answer is sent */
    const ProtobufCMessage *request; /* decoded, in arena; NULL as said above */
    struct wire_notes notes;         /* of request, or of what it contains */
    struct text request_bytes;       /* as received */
    void *state;                     /* METHOD_STATE_SIZE bytes of this call, zero at first */
    int64_t now_ms;                  /* wall clock */
    struct meter *meter; /* what counts at this worker (metrics.h); NULL: nothing does */
    bool hurried;        /* others wait for too long: an answer that costs less is welcome */
    bool stopping;       /* the server shuts down or the client is gone: long work should end */
    ProtobufCMessage *response; /* set before the end, it is sent if the status is STATUS_OK */
    struct text response_bytes; /* packed already; must live in arena */
    struct batch *batch;        /* for TURN_WRITE, in arena */
    enum status status;
    struct problem problem;
    /* Of a failure that may pass: when a client may try again, sent as grpc-retry-pushback-ms. 0:
     * nothing is said. */
    unsigned retry_ms;
    /*
     * What the answer may point into: release(held) is called once it is packed, or the turn has
     * failed, whatever its status. NULL: nothing.
     */
    void (*release)(void *held);
    void *held;
};

struct method {
    const ProtobufCServiceDescriptor *service;
    const char *name; /* "Rank" */
    enum method_kind kind;
    unsigned roles; /* who may call it, as server/roles.h says; never 0 */
    /* NULL: answered with UNIMPLEMENTED. */
    enum turn_step (*begin)(void *context, struct turn *turn);
    /* After a TURN_WRITE, on the writer's thread, or after a TURN_WORK; NULL without either. */
    void (*finish)(void *context, struct turn *turn);
    void *context;
};

/*
 * The gRPC status code of a status; the one place where they meet.
 *
 *   OK                         0  OK
 *   INVALID                    3  INVALID_ARGUMENT
 *   DEADLINE                   4  DEADLINE_EXCEEDED
 *   NOT_FOUND                  5  NOT_FOUND
 *   DENIED                     7  PERMISSION_DENIED
 *   NO_MEMORY, NO_SPACE, BUSY  8  RESOURCE_EXHAUSTED
 *   UNIMPLEMENTED             12  UNIMPLEMENTED
 *   IO                        13  INTERNAL: the server's disk or system; never what a client sent
 *   UNAVAILABLE               14  UNAVAILABLE: a retry, here or elsewhere, may help
 *   CORRUPT                   15  DATA_LOSS
 *   UNAUTHENTICATED           16  UNAUTHENTICATED
 *   any other                  2  UNKNOWN
 */
unsigned method_code(enum status status);

/* One message comes from the client. */
bool method_has_one_request(const struct method *method);

/* Input and output descriptors by name; CHECKs that the service has the method. */
const ProtobufCMethodDescriptor *method_descriptor(const struct method *method);

#endif
