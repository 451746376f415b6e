#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/* HOST:PORT, where HOST is a name, an IPv4 address, or an IPv6 address in brackets. */
enum { ADDRESS_HOST_SIZE = 120 };

struct address {
    char host[ADDRESS_HOST_SIZE]; /* with its brackets */
    unsigned port;                /* 0 to 65535 */
};

/* STATUS_INVALID: it is none, as problem says. */
MUST_USE enum status address_parse(const char *text, struct address *out, struct problem *problem);

/* Whether what is sent there stays on this machine: 127.0.0.0/8, [::1] and localhost. */
bool address_is_loopback(const struct address *address);

/* Where to reach a server of this machine that listens there: not at "all addresses". */
const char *address_to_call(const struct address *address);

#endif
