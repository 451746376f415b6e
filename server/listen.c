#include "server/listen.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum status listen_parse(const char *option, const char *listen, char host[LISTEN_HOST_SIZE],
                         unsigned *port, struct problem *problem)
{
    const char *colon = strrchr(listen, ':');
    char *end = NULL;
    unsigned long number = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
    if (colon == NULL || colon == listen || (size_t)(colon - listen) >= LISTEN_HOST_SIZE - 8 ||
        colon[1] < '0' || colon[1] > '9' || *end != '\0' || number > 65535) {
        problem_set(problem,
                    "%s: found \"%s\", expected HOST:PORT with a port from 0 to 65535, "
                    "such as 127.0.0.1:7070",
                    option, listen);
        return STATUS_INVALID;
    }
    memcpy(host, listen, (size_t)(colon - listen));
    host[colon - listen] = '\0';
    *port = (unsigned)number;
    return STATUS_OK;
}

bool listen_is_loopback(const char *host)
{
    struct in_addr address;
    if (inet_pton(AF_INET, host, &address) == 1) {
        return ntohl(address.s_addr) >> 24 == 127;
    }
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}
