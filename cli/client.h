#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli/credentials.h"
#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Unary and server-streaming calls to a server over gRPC, one at a time from one thread.
 * Connects when first called; a server that refuses the connection fails the call at once.
 */
struct client;

/*
 * target is HOST:PORT. Reads the credentials; problem and status as credentials_read(), which see.
 */
MUST_USE enum status client_new(const char *target, int timeout_ms,
                                const struct credentials_options *credentials, struct client **out,
                                struct problem *problem);
void client_free(struct client *client);

/*
 * Calls path, "/package.Service/Method", with the bytes of a message; *response lies in arena.
 * Another status than STATUS_OK is the server's own or says that none was reached (UNAVAILABLE,
 * DEADLINE), with the message in problem.
 */
MUST_USE enum status client_call(struct client *client, const char *path, struct text request,
                                 struct arena *arena, struct text *response,
                                 struct problem *problem);

/* Any return but STATUS_OK ends the call with it. message is borrowed. */
typedef enum status client_visit(void *context, struct text message);

/*
 * Calls a method that streams its answers, and visits each as it comes. timeout_ms is the longest
 * wait for one. Status as client_call(), or as visit says, which then has set the problem itself.
 */
MUST_USE enum status client_stream(struct client *client, const char *path, struct text request,
                                   client_visit *visit, void *context, struct problem *problem);

#endif
