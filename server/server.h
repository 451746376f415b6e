#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "ranker/problem.h"
#include "ranker/status.h"
#include "server/options.h"

/*
 * The whole server: opens the store, reads the weights, serves until SIGTERM or SIGINT, drains and
 * returns. Prints "listening on HOST:PORT" on stdout once it serves, and its log on stderr.
 *
 * Called by the main thread, before the process has others; leaves SIGTERM and SIGINT blocked.
 * STATUS_INVALID: an option or the weights file; STATUS_UNAVAILABLE: the port or the data directory
 * is taken; else what store_open() gives. problem says which.
 */
MUST_USE enum status server_run(const struct options *options, struct problem *problem);

#endif
