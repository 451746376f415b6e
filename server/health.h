#ifndef SERVER_HEALTH_H
#define SERVER_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/status.h"
#include "server/method.h"

/*
 * grpc.health.v1: whether the server serves, for "" and for each of its services, which are up and
 * down together. Starts as SERVING.
 *
 * Threads: health_set() from any thread; rpc_wake() afterwards tells those who watch.
 */
struct health;

/* Borrows the services' descriptors that methods name. STATUS_NO_MEMORY. */
MUST_USE enum status health_new(const struct method *methods, size_t count, struct health **out);
void health_free(struct health *health);

void health_set(struct health *health, bool serving);

/* The rows Check and Watch, which borrow health. */
enum { HEALTH_METHOD_COUNT = 2 };
void health_methods(struct health *health, struct method out[HEALTH_METHOD_COUNT]);

#endif
