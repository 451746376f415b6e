#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "server/method.h"
#include "server/tokens.h"

/*
 * Who may call which method, by a file of tokens (server/tokens.h) that is followed while the
 * server runs. A file that cannot be read, or has a problem, changes nothing: the tokens of before
 * go on, and the log says why.
 *
 * Threads: access_check() and access_log() from any; access_tick() from one.
 */
struct access;

/* path is borrowed. STATUS_INVALID: the file, as problem says; STATUS_NO_MEMORY. */
MUST_USE enum status access_new(const char *path, struct access **out, struct problem *problem);
void access_free(struct access *access); /* NULL is allowed */

/* Looks at the file; to be called once an interval. What happens is logged. */
void access_tick(struct access *access);

/* Why a call is refused. */
struct access_denial {
    struct problem problem;     /* for the client: what is missing, nothing else */
    const char *reason;         /* for the log */
    char name[TOKEN_NAME_SIZE]; /* of the token; empty: it is not known */
};

/*
 * Whether a call with that authorization header may go on; data NULL: it has none, or several.
 * STATUS_UNAUTHENTICATED, STATUS_DENIED: it may not, as *denial says. Takes no memory.
 */
MUST_USE enum status access_check(struct access *access, const struct method *method,
                                  struct text authorization, struct access_denial *denial);

/* Writes where a call came from, cut to what fits. */
enum { ACCESS_PEER_SIZE = 80 };
typedef void access_peer(void *context, char out[ACCESS_PEER_SIZE]);

/* Logs a denial, never the token; one line a second (log_limit.h). peer is asked only then. */
void access_log(struct access *access, const struct method *method,
                const struct access_denial *denial, access_peer *peer, void *context);

#endif
