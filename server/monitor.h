#ifndef SERVER_MONITOR_H
#define SERVER_MONITOR_H

#include "ranker/problem.h"
#include "ranker/status.h"
#include "server/facts.h"

/*
 * What an operator sees of a server by HTTP (http.h): "/" a page to read, "/metrics" for
 * Prometheus, "/healthz" whether the process is alive, and "/readyz" whether it should be sent
 * traffic: it serves, does not drain, and writes. After a write has failed it is not ready for
 * MONITOR_RETRY_MS, and then until the next one fails, since without traffic none would be tried.
 */
struct monitor;

enum { MONITOR_RETRY_MS = 30000 };

/* STATUS_INVALID when monitor_start() would refuse the address before it tries it. */
MUST_USE enum status monitor_check_listen(const struct options *options, struct problem *problem);

/*
 * Begins to answer at options->admin_listen; until monitor_serve() all but /healthz says that the
 * server starts. "auto" is 127.0.0.1 with the port after that of options->listen, or any free one
 * if that is 0. *out is NULL where the option is empty. Status as http_start().
 */
MUST_USE enum status monitor_start(const struct options *options, struct monitor **out,
                                   struct problem *problem);

/* All below: NULL is allowed. */

/* HOST:PORT; "" for NULL. */
const char *monitor_address(const struct monitor *monitor);

/* The server serves at address. sources' parts outlive the monitor. */
void monitor_serve(struct monitor *monitor, const struct facts_sources *sources,
                   const char *address);

/* The server drains. */
void monitor_drain(struct monitor *monitor);

void monitor_free(struct monitor *monitor);

#endif
