#include "server/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"

enum { TEXT_SIZE = 4096 };

static unsigned write_greeting(void *context, FILE *out)
{
    fprintf(out, "hello %s", (const char *)context);
    return 200;
}

static unsigned write_refusal(void *context, FILE *out)
{
    (void)context;
    fputs("not now", out);
    return 503;
}

static const struct http_page pages[] = {{"/", "text/html", write_greeting},
                                         {"/no", "text/plain", write_refusal}};
static char name[] = "you";

static struct http *start(void)
{
    struct http *http = NULL;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, http_start("127.0.0.1:0", pages, 2, name, &http, &problem));
    return http;
}

static int connect_to(const struct http *http)
{
    const char *address = http_address(http);
    CHECK(strncmp(address, "127.0.0.1:", 10) == 0);
    unsigned long port = strtoul(address + 10, NULL, 10);
    CHECK(port > 0);
    struct sockaddr_in place = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&place, sizeof(place)) == 0);
    return fd;
}

/* All that comes until the server closes. */
static const char *answer_to(const struct http *http, const char *request)
{
    static char text[TEXT_SIZE];
    size_t size = 0;
    int fd = connect_to(http);
    CHECK(write(fd, request, strlen(request)) == (ssize_t)strlen(request));
    /* So that it does not wait for more; one that has answered and closed does not. */
    CHECK(shutdown(fd, SHUT_WR) == 0 || errno == ENOTCONN);
    for (;;) {
        ssize_t more = read(fd, text + size, sizeof(text) - 1 - size);
        if (more <= 0) {
            break;
        }
        size += (size_t)more;
    }
    text[size] = '\0';
    close(fd);
    return text;
}

#define REQUEST(method, path) method " " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    CHECK(end != NULL);
    return end + 4;
}

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void page_is_answered_with_its_type_and_status(void)
{
    struct http *http = start();
    const char *answer = answer_to(http, REQUEST("GET", "/"));
    CHECK(begins(answer, "HTTP/1.1 200 OK\r\n"));
    CHECK(strstr(answer, "\r\nContent-Type: text/html\r\n") != NULL);
    CHECK(strstr(answer, "\r\nCache-Control: no-store\r\n") != NULL);
    CHECK(strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n") != NULL);
    CHECK_STR("hello you", body_of(answer));
    answer = answer_to(http, REQUEST("GET", "/no?with=arguments"));
    CHECK(begins(answer, "HTTP/1.1 503 "));
    CHECK_STR("not now", body_of(answer));
    http_free(http);
}

static void head_has_no_body(void)
{
    struct http *http = start();
    const char *answer = answer_to(http, REQUEST("HEAD", "/"));
    CHECK(begins(answer, "HTTP/1.1 200 OK\r\n"));
    CHECK(strstr(answer, "\r\nContent-Length: 9\r\n") != NULL);
    CHECK_STR("", body_of(answer));
    http_free(http);
}

static void other_paths_are_not_found(void)
{
    struct http *http = start();
    CHECK(begins(answer_to(http, REQUEST("GET", "/nowhere")), "HTTP/1.1 404 "));
    CHECK(begins(answer_to(http, REQUEST("GET", "/../no")), "HTTP/1.1 404 "));
    CHECK(begins(answer_to(http, REQUEST("GET", "//")), "HTTP/1.1 404 "));
    http_free(http);
}

static void other_methods_are_refused_whatever_they_carry(void)
{
    struct http *http = start();
    const char *answer = answer_to(http, REQUEST("DELETE", "/"));
    CHECK(begins(answer, "HTTP/1.1 405 "));
    CHECK(strstr(answer, "\r\nAllow: GET, HEAD\r\n") != NULL);
    answer = answer_to(http, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                             "Content-Length: 1000000\r\n\r\nthe beginning");
    CHECK(begins(answer, "HTTP/1.1 405 "));
    http_free(http);
}

static void a_body_on_get_closes_the_connection(void)
{
    struct http *http = start();
    CHECK_STR("", answer_to(http, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"));
    CHECK(begins(answer_to(http, REQUEST("GET", "/")), "HTTP/1.1 200 OK\r\n"));
    http_free(http);
}

static void headers_beyond_a_connections_memory_are_refused(void)
{
    static char request[40000];
    struct http *http = start();
    size_t size = (size_t)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: x\r\nA: ");
    memset(request + size, 'a', sizeof(request) - size - 5);
    memcpy(request + sizeof(request) - 5, "\r\n\r\n", 5);
    const char *answer = answer_to(http, request);
    CHECK(answer[0] == '\0' || begins(answer, "HTTP/1.1 431 ") || begins(answer, "HTTP/1.1 413 "));
    CHECK(begins(answer_to(http, REQUEST("GET", "/")), "HTTP/1.1 200 OK\r\n"));
    http_free(http);
}

static bool answers_within(int fd, long us)
{
    char byte;
    struct timeval wait = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0);
    return read(fd, &byte, 1) == 1;
}

/* Idle ones do not keep the server from ending either. */
static void connection_beyond_the_limit_waits_for_another_to_end(void)
{
    static const char request[] = REQUEST("GET", "/");
    int fds[HTTP_CONNECTIONS_MAX + 1];
    struct http *http = start();
    for (size_t i = 0; i <= HTTP_CONNECTIONS_MAX; i++) {
        fds[i] = connect_to(http);
    }
    int last = fds[HTTP_CONNECTIONS_MAX];
    CHECK(write(last, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1);
    CHECK(!answers_within(last, 200000));
    close(fds[0]);
    CHECK(answers_within(last, 60000000));
    http_free(http);
    for (size_t i = 1; i <= HTTP_CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
}

static void refuse_listen(const char *listen, const char *want)
{
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, http_check_listen(listen, &problem));
    if (strstr(problem.text, want) == NULL) {
        fprintf(stderr, "%s: %s\n", listen, problem.text);
        CHECK(false);
    }
}

static void addresses_that_others_reach_are_refused(void)
{
    refuse_listen("0.0.0.0:1", "admin_listen: found \"0.0.0.0:1\", expected a loopback address");
    refuse_listen("10.0.0.1:80", "expected a loopback address");
    refuse_listen("[::]:80", "expected a loopback address");
    refuse_listen("127.0.0.1", "expected HOST:PORT");
    refuse_listen("127.0.0.1:65536", "expected HOST:PORT");
    CHECK_EQ(STATUS_OK, http_check_listen("127.3.2.1:0", NULL));
    CHECK_EQ(STATUS_OK, http_check_listen("localhost:9", NULL));
    CHECK_EQ(STATUS_OK, http_check_listen("[::1]:65535", NULL));
}

static void taken_port_is_told(void)
{
    struct http *first = start();
    struct http *second = NULL;
    struct problem problem = {""};
    CHECK_EQ(STATUS_UNAVAILABLE,
             http_start(http_address(first), pages, 2, name, &second, &problem));
    CHECK(second == NULL);
    CHECK(strstr(problem.text, "the port is taken") != NULL);
    http_free(first);
}

static const struct test tests[] = {
    TEST(page_is_answered_with_its_type_and_status),
    TEST(head_has_no_body),
    TEST(other_paths_are_not_found),
    TEST(other_methods_are_refused_whatever_they_carry),
    TEST(a_body_on_get_closes_the_connection),
    TEST(headers_beyond_a_connections_memory_are_refused),
    TEST(connection_beyond_the_limit_waits_for_another_to_end),
    TEST(addresses_that_others_reach_are_refused),
    TEST(taken_port_is_told),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
