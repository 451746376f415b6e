#ifndef SERVER_MONITOR_PAGE_H
#define SERVER_MONITOR_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "server/facts.h"

/* The admin page: one HTML document without scripts, links to other hosts or user data. */
struct monitor_page {
    const struct facts *facts;
    const struct options *options;
    const char *address; /* of the gRPC server */
    int64_t uptime_ms;
    double drift_bits; /* NaN: not known yet */
    bool draining;
};

void monitor_page_write(const struct monitor_page *page, FILE *out);

#endif
