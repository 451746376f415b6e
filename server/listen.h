#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdbool.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/* Addresses to listen on: HOST:PORT, as options give them. */

enum { LISTEN_HOST_SIZE = 128 };

/*
 * Splits HOST:PORT; [::1] keeps its brackets. STATUS_INVALID: it is none, or its port is not from 0
 * to 65535; option is for the problem.
 */
MUST_USE enum status listen_parse(const char *option, const char *listen,
                                  char host[LISTEN_HOST_SIZE], unsigned *port,
                                  struct problem *problem);

/* Whether only this machine can reach it: 127.0.0.0/8, [::1] or localhost. */
bool listen_is_loopback(const char *host);

#endif
