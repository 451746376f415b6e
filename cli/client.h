#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Unary calls to a server over plaintext gRPC, one at a time from one thread. Connects when first
 * called; a server that refuses the connection fails the call at once.
 */
struct client;

/* target is HOST:PORT. STATUS_NO_MEMORY when memory is short. */
MUST_USE enum status client_new(const char *target, int timeout_ms, struct client **out);
void client_free(struct client *client);

/*
 * Calls path, "/package.Service/Method", with the bytes of a message; *response lies in arena.
 * Another status than STATUS_OK is the server's own or says that none was reached (UNAVAILABLE,
 * DEADLINE), with the message in problem.
 */
MUST_USE enum status client_call(struct client *client, const char *path, struct text request,
                                 struct arena *arena, struct text *response,
                                 struct problem *problem);

#endif
