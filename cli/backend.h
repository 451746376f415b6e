#ifndef CLI_BACKEND_H
#define CLI_BACKEND_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Where a command's calls go: to a running server over gRPC, or to the same service code in this
 * process on a data directory nobody else holds.
 */
struct backend;

struct backend_options {
    const char *data;    /* directory; NULL when target is set */
    const char *target;  /* HOST:PORT; NULL: data decides */
    const char *weights; /* file for in-process calls; NULL: the built-in defaults */
    int timeout_ms;      /* of each remote call */
};

/*
 * With target: connects. With data: if a server holds the directory, connects to the address it
 * announced there; else opens the directory in this process.
 */
MUST_USE enum status backend_open(const struct backend_options *options, struct backend **out,
                                  struct problem *problem);
void backend_close(struct backend *backend);

/*
 * Makes one unary call. *response lies in arena. On failure status is the method's own, and problem
 * its message.
 */
MUST_USE enum status backend_call(struct backend *backend,
                                  const ProtobufCServiceDescriptor *service, const char *method,
                                  const ProtobufCMessage *request, struct arena *arena,
                                  ProtobufCMessage **response, struct problem *problem);

#endif
