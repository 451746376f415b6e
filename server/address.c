#include "server/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum status address_parse(const char *text, struct address *out, struct problem *problem)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    unsigned long number = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
    if (colon == NULL || colon == text || (size_t)(colon - text) >= ADDRESS_HOST_SIZE ||
        colon[1] < '0' || colon[1] > '9' || *end != '\0' || number > 65535) {
        problem_set(problem,
                    "found \"%.80s\", expected HOST:PORT with a port from 0 to 65535, such as "
                    "127.0.0.1:7070",
                    text);
        return STATUS_INVALID;
    }
    memcpy(out->host, text, (size_t)(colon - text));
    out->host[colon - text] = '\0';
    out->port = (unsigned)number;
    return STATUS_OK;
}

bool address_is_loopback(const struct address *address)
{
    struct in_addr number;
    if (inet_pton(AF_INET, address->host, &number) == 1) {
        return ntohl(number.s_addr) >> 24 == 127;
    }
    return strcmp(address->host, "localhost") == 0 || strcmp(address->host, "[::1]") == 0;
}

const char *address_to_call(const struct address *address)
{
    if (strcmp(address->host, "0.0.0.0") == 0) {
        return "127.0.0.1";
    }
    return strcmp(address->host, "[::]") == 0 ? "[::1]" : address->host;
}
