#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <grpc/grpc_security.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "server/certificates.h"

/*
 * TLS for the gRPC server, 1.2 or newer, from files that are followed while the server runs. New
 * ones are used for connections from then on; those there are go on with what they began with.
 * Files that cannot be used change nothing: those of before go on, and the log says why.
 *
 * Threads: gRPC's ask for certificates; tls_tick() from one.
 */
struct tls;

/*
 * paths, with what they point to, is borrowed. STATUS_INVALID: the files, as problem says;
 * STATUS_NO_MEMORY. A certificate that has expired, or soon will, is told of in the log.
 */
MUST_USE enum status tls_new(const struct certificates_paths *paths, struct tls **out,
                             struct problem *problem);

/* After the server that uses its credentials has been destroyed. NULL is allowed. */
void tls_free(struct tls *tls);

/* For grpc_server_add_http2_port(), once; the caller's to release. Borrows tls. */
grpc_server_credentials *tls_credentials(struct tls *tls);

/*
 * Looks at the files, and once a day at how long the certificate is still valid; to be called once
 * an interval. What happens is logged.
 */
void tls_tick(struct tls *tls);

#endif
