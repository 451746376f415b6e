#ifndef SERVER_CERTIFICATES_H
#define SERVER_CERTIFICATES_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * A certificate of one's own with its chain and key, and the CAs of the other side's certificates,
 * read from PEM files and checked as a TLS handshake would: so gRPC gets only what it can use.
 */
enum { CERTIFICATES_BYTES_MAX = 1 << 20 }; /* of one file */

struct certificates_paths {
    const char *certificate; /* one's own first, then what leads to its CA; NULL: none */
    const char *key;         /* without a passphrase; others than owner and group may not read it;
                                NULL as certificate is */
    const char *ca;          /* of the other side; NULL: none */
};

struct certificates {
    char *chain; /* PEM, as in the files; each ends in a zero; NULL as the path is */
    char *key;
    char *ca;
    size_t chain_size;
    size_t key_size;
    size_t ca_size;
    char subject[128];  /* of the certificate, as "CN=rank.example" */
    int64_t from_ms;    /* all of the chain is valid from then on */
    int64_t expires_ms; /* until then */
};

/*
 * Reads and checks: each file is PEM, holds what it should, and key and certificate belong
 * together. Times are told, not judged. STATUS_NOT_FOUND, STATUS_IO, STATUS_INVALID: problem names
 * the file, or certificate and key, and the reason; STATUS_NO_MEMORY. *out is written on STATUS_OK
 * alone, and ended with certificates_release().
 */
MUST_USE enum status certificates_read(const struct certificates_paths *paths,
                                       struct certificates *out, struct problem *problem);

/* Overwrites the key. All zero is allowed. */
void certificates_release(struct certificates *certificates);

#endif
