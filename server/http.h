#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stddef.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * A small HTTP/1.1 server for operators, on a loopback address, by libmicrohttpd: GET and HEAD of
 * fixed paths. Others are answered with 404, other methods with 405. One thread answers one request
 * after the other; at most HTTP_CONNECTIONS_MAX connections are taken, each with 16 KiB and
 * HTTP_TIMEOUT_SECONDS without a byte, and further ones wait.
 *
 * Signals meant for the program are blocked by the caller before http_start().
 */
struct http;

enum { HTTP_CONNECTIONS_MAX = 32, HTTP_TIMEOUT_SECONDS = 10 };

/* A path's page. */
struct http_page {
    const char *path; /* "/metrics" */
    const char *content_type;
    /* Writes the page; returns its HTTP status. On the HTTP thread. */
    unsigned (*write)(void *context, FILE *out);
};

/* STATUS_INVALID: an address that is not HOST:PORT on the loopback interface. */
MUST_USE enum status http_check_listen(const char *listen, struct problem *problem);

/*
 * Serves the pages, which are borrowed until http_free(), as is context. port 0: any free one.
 * Status as of http_check_listen(), and STATUS_UNAVAILABLE: the port is taken.
 */
MUST_USE enum status http_start(const char *listen, const struct http_page *pages, size_t count,
                                void *context, struct http **out, struct problem *problem);

/* HOST:PORT with the port in use. Lives with http. */
const char *http_address(const struct http *http);

/* Ends what is under way. NULL is allowed. */
void http_free(struct http *http);

#endif
