#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include <stdbool.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "server/certificates.h"
#include "server/tokens.h"

/* What a command shows a server, and which servers it trusts: the options, and what lies there. */
struct credentials_options {
    const char *tls_ca;     /* file; NULL: plaintext */
    const char *tls_cert;   /* file; NULL: none is shown */
    const char *tls_key;    /* file, with tls_cert */
    const char *tls_name;   /* that the server's certificate must have; NULL: the target's host */
    const char *token_file; /* NULL: the variable REELRANK_TOKEN, if it is set */
    bool allow_plaintext;   /* send a token where others can read it */
};

struct credentials {
    struct certificates certificates;        /* ca NULL: plaintext */
    const char *tls_name;                    /* borrowed from the options */
    char authorization[8 + TOKEN_BYTES_MAX]; /* "Bearer TOKEN"; empty: no token */
};

/*
 * Reads what the options name for calls to target, HOST:PORT. STATUS_NOT_FOUND, STATUS_IO,
 * STATUS_INVALID, STATUS_NO_MEMORY: problem names the option and the file. On STATUS_OK the caller
 * ends *out with credentials_release().
 */
MUST_USE enum status credentials_read(const struct credentials_options *options, const char *target,
                                      struct credentials *out, struct problem *problem);

void credentials_release(struct credentials *credentials);

#endif
