#include "server/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/text.h"
#include "server/address.h"

enum { CONNECTION_BYTES = 16384, ADDRESS_SIZE = ADDRESS_HOST_SIZE + 16 };

struct http {
    /* Set once. */
    const struct http_page *pages;
    size_t count;
    void *context;
    struct MHD_Daemon *daemon;
    char address[ADDRESS_SIZE];
};

/* An address to bind. */
struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address;
    bool is_six;
};

static enum status check_address(const char *listen, struct address *out, struct problem *problem)
{
    struct problem why = {""};
    enum status status = address_parse(listen, out, &why);
    if (status != STATUS_OK) {
        problem_set(problem, "admin_listen: %s", why.text);
        return status;
    }
    if (!address_is_loopback(out)) {
        problem_set(problem,
                    "admin_listen: found \"%.120s\", expected a loopback address (127.0.0.1, "
                    "[::1] or localhost): whoever reaches it may read it",
                    listen);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status http_check_listen(const char *listen, struct problem *problem)
{
    struct address address;
    return check_address(listen, &address, problem);
}

static struct place place_of(const struct address *address)
{
    uint16_t port = htons((uint16_t)address->port);
    struct place place = {.is_six = strcmp(address->host, "[::1]") == 0};
    if (place.is_six) {
        place.address.six = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = in6addr_loopback};
        return place;
    }
    place.address.four = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)inet_pton(AF_INET, address->host,
                    &place.address.four.sin_addr); /* "localhost" stays as it is */
    return place;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              const char *content_type, struct MHD_Response *response)
{
    if (response == NULL) {
        return MHD_NO; /* closes the connection */
    }
    enum MHD_Result result =
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, status, response);
    }
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    return answer(connection, status, "text/plain; charset=utf-8", response);
}

static enum MHD_Result answer_page(const struct http *http, const struct http_page *page,
                                   struct MHD_Connection *connection)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return MHD_NO;
    }
    unsigned status = page->write(http->context, out);
    bool whole = fclose(out) == 0;
    if (!whole) {
        free(text);
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
    }
    return answer(connection, status, page->content_type, response);
}

/*
 * Called once when the headers are read, again for each piece of a body, and then with size 0. A
 * body is nobody's business here: what it was sent with is refused before it is read.
 */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    static const char seen = 0;
    const struct http *http = context;
    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        *upload_size = 0;
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are served\n");
    }
    if (*state == NULL) { /* the headers alone; answering here would close the connection */
        *state = (void *)(uintptr_t)&seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        return MHD_NO;
    }
    for (size_t i = 0; i < http->count; i++) {
        if (strcmp(url, http->pages[i].path) == 0) {
            return answer_page(http, &http->pages[i], connection);
        }
    }
    return refuse(connection, MHD_HTTP_NOT_FOUND,
                  "there is no such page; there are /, /metrics, /healthz and /readyz\n");
}

static void drop_message(void *context, const char *format, va_list arguments)
{
    (void)context; /* what clients do wrong is none of the log's business */
    (void)format;
    (void)arguments;
}

static bool start_daemon(struct http *http, struct place *place)
{
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ERROR_LOG;
    http->daemon = MHD_start_daemon(
        flags | (place->is_six ? MHD_USE_IPv6 : 0), 0, NULL, NULL, handle, http,
        MHD_OPTION_EXTERNAL_LOGGER, drop_message, NULL, MHD_OPTION_SOCK_ADDR, &place->address.any,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HTTP_TIMEOUT_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    return http->daemon != NULL;
}

static void put_address(struct http *http, const char *host)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    CHECK(info != NULL);
    snprintf(http->address, sizeof(http->address), "%s:%u", host, (unsigned)info->port);
}

enum status http_start(const char *listen, const struct http_page *pages, size_t count,
                       void *context, struct http **out, struct problem *problem)
{
    struct address address;
    enum status status = check_address(listen, &address, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct http *http = calloc(1, sizeof(*http));
    if (http == NULL) {
        problem_set(problem, "no memory for the admin page");
        return STATUS_NO_MEMORY;
    }
    *http = (struct http){.pages = pages, .count = count, .context = context};
    struct place place = place_of(&address);
    if (!start_daemon(http, &place)) {
        problem_set(problem,
                    "admin_listen: cannot listen on %s: the port is taken or not allowed; "
                    "--admin-listen %s:0 takes any free one, and an empty one none",
                    listen, address.host);
        free(http);
        return STATUS_UNAVAILABLE;
    }
    put_address(http, address.host);
    *out = http;
    return STATUS_OK;
}

const char *http_address(const struct http *http)
{
    return http->address;
}

void http_free(struct http *http)
{
    if (http == NULL) {
        return;
    }
    MHD_stop_daemon(http->daemon);
    free(http);
}
