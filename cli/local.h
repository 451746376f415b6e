#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include <protobuf-c/protobuf-c.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

/*
 * The service in this process, on a data directory that nobody else holds: the methods a server
 * would run, without a network. One thread.
 */
struct local;

/*
 * Opens the store in data, replaying its log with progress on a terminal. weights is a file, or
 * NULL for those that are in force there: what the history has, or the built-in ones.
 * STATUS_UNAVAILABLE: another process holds data; STATUS_INVALID: the weights have problems; else
 * as store_open() and weights_file_read().
 */
MUST_USE enum status local_open(const char *data, const char *weights, struct local **out,
                                struct problem *problem);
void local_close(struct local *local);

/* Runs a unary method on the bytes of its request; *response lies in arena. */
MUST_USE enum status local_call(struct local *local, const ProtobufCServiceDescriptor *service,
                                const char *method, struct text request, struct arena *arena,
                                struct text *response, struct problem *problem);

/* Any return but STATUS_OK ends the call with it. message is borrowed. */
typedef enum status local_visit(void *context, struct text message);

/* Runs a method that streams its answers, and visits each. The problem is set, if not by visit. */
MUST_USE enum status local_stream(struct local *local, const ProtobufCServiceDescriptor *service,
                                  const char *method, struct text request, local_visit *visit,
                                  void *context, struct problem *problem);

#endif
