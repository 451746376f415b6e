#ifndef CLI_BACKEND_H
#define CLI_BACKEND_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/credentials.h"
#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Where a command's calls go: to a running server over gRPC, or to the same service code in this
 * process on a data directory nobody else holds.
 */
struct backend;

struct backend_options {
    const char *data;                       /* directory; NULL when target is set */
    const char *target;                     /* HOST:PORT; NULL: data decides */
    const char *weights;                    /* file for in-process calls; NULL: those in force */
    int timeout_ms;                         /* of each remote call */
    bool create;                            /* make the directory when it is not there */
    struct credentials_options credentials; /* for a server */
};

/*
 * With target: connects. With data: if a server holds the directory, connects to the address it
 * announced there; else opens the directory in this process. STATUS_NOT_FOUND: there is no store in
 * the directory, and create is not set; STATUS_UNAVAILABLE: a process that announced no address
 * holds it; STATUS_INVALID: the weights file has problems, problem naming the first; or as
 * credentials_read().
 */
MUST_USE enum status backend_open(const struct backend_options *options, struct backend **out,
                                  struct problem *problem);
void backend_close(struct backend *backend);

/* STATUS_NOT_FOUND, with what to do in problem, when there is no store in the directory. */
MUST_USE enum status backend_check_data(const char *data, struct problem *problem);

/* The address of the server that answers; NULL when this process does. */
const char *backend_address(const struct backend *backend);

/*
 * Makes one unary call. *response lies in arena. On failure status is the method's own, and problem
 * its message.
 */
MUST_USE enum status backend_call(struct backend *backend,
                                  const ProtobufCServiceDescriptor *service, const char *method,
                                  const ProtobufCMessage *request, struct arena *arena,
                                  ProtobufCMessage **response, struct problem *problem);

/* Any return but STATUS_OK ends the call with it. response is borrowed. */
typedef enum status backend_visit(void *context, const ProtobufCMessage *response);

/*
 * Makes a call whose answers are streamed, and visits each as it comes. Status and problem as
 * backend_call(), or as visit says; the problem is the visit's own to set then.
 */
MUST_USE enum status backend_stream(struct backend *backend,
                                    const ProtobufCServiceDescriptor *service, const char *method,
                                    const ProtobufCMessage *request, backend_visit *visit,
                                    void *context, struct problem *problem);

#endif
