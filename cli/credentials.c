#include "cli/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/text.h"
#include "server/address.h"
#include "server/secret_file.h"
#include "server/utc.h"
#include "store/clock.h"

static const char token_variable[] = "REELRANK_TOKEN";

static enum status tell(const char *option, enum status status, struct problem *problem)
{
    struct problem why = *problem;
    problem_set(problem, "%s: %s", option, why.text);
    return status;
}

static enum status check_options(const struct credentials_options *options, struct problem *problem)
{
    const char *missing = NULL;
    if ((options->tls_cert == NULL) != (options->tls_key == NULL)) {
        missing = options->tls_cert == NULL ? "--tls-cert, which belongs to --tls-key"
                                            : "--tls-key, which belongs to --tls-cert";
    } else if (options->tls_ca == NULL && options->tls_cert != NULL) {
        missing = "--tls-ca: a certificate is shown only with TLS";
    } else if (options->tls_ca == NULL && options->tls_name != NULL) {
        missing = "--tls-ca: a name is checked only with TLS";
    }
    if (missing != NULL) {
        problem_set(problem, "missing %s", missing);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* The server would only say that it closes the connection. */
static enum status check_end(const struct credentials_options *options,
                             const struct certificates *certificates, struct problem *problem)
{
    if (certificates->chain == NULL || wall_clock_ms() < certificates->expires_ms) {
        return STATUS_OK;
    }
    char expires[UTC_SIZE];
    utc_format(certificates->expires_ms, expires);
    problem_set(problem, "--tls-cert: %s expired at %s", secret_file_name(options->tls_cert),
                expires);
    return STATUS_INVALID;
}

static enum status read_certificates(const struct credentials_options *options,
                                     struct certificates *out, struct problem *problem)
{
    struct certificates_paths paths = {
        .certificate = options->tls_cert, .key = options->tls_key, .ca = options->tls_ca};
    enum status status = certificates_read(&paths, out, problem);
    if (status != STATUS_OK) {
        return tell("TLS", status, problem);
    }
    status = check_end(options, out, problem);
    if (status != STATUS_OK) {
        certificates_release(out);
    }
    return status;
}

/* As a header can have it: RFC 6750 allows less. */
static bool is_token(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.size > 0 && text.size <= TOKEN_BYTES_MAX;
}

/* source: where the token comes from, for the problem, which never has the token. */
static enum status take_token(struct text text, const char *source, struct credentials *out,
                              struct problem *problem)
{
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    if (!is_token(text)) {
        problem_set(problem, "%s: expected one token of 1 to %d printable characters",
                    secret_file_name(source), TOKEN_BYTES_MAX);
        return STATUS_INVALID;
    }
    snprintf(out->authorization, sizeof(out->authorization), "Bearer %.*s", (int)text.size,
             text.data);
    return STATUS_OK;
}

static enum status read_token(const char *path, struct credentials *out, struct problem *problem)
{
    const char *variable = getenv(token_variable);
    char *text = NULL;
    size_t size = 0;
    if (path == NULL) {
        return variable == NULL || *variable == '\0'
                   ? STATUS_OK
                   : take_token(text_of(variable), token_variable, out, problem);
    }
    enum status status = secret_file_read(path, SECRET_FILE_PRIVATE, (size_t)2 * TOKEN_BYTES_MAX,
                                          &text, &size, problem);
    if (status == STATUS_OK) {
        status = take_token((struct text){.data = text, .size = size}, path, out, problem);
        secret_file_free(text, size);
    }
    return status == STATUS_OK ? status : tell("--token-file", status, problem);
}

/* Whoever reads a token on its way can use it. */
static enum status check_plaintext(const struct credentials_options *options, const char *target,
                                   const struct credentials *credentials, struct problem *problem)
{
    struct address address;
    enum status status = address_parse(target, &address, problem);
    if (status != STATUS_OK || credentials->authorization[0] == '\0' || options->tls_ca != NULL ||
        options->allow_plaintext || address_is_loopback(&address)) {
        return status;
    }
    problem_set(problem,
                "the token would travel to %.80s unencrypted: give --tls-ca FILE for TLS, or "
                "--allow-plaintext where nobody else is on the way",
                target);
    return STATUS_INVALID;
}

enum status credentials_read(const struct credentials_options *options, const char *target,
                             struct credentials *out, struct problem *problem)
{
    *out = (struct credentials){.tls_name = options->tls_name};
    enum status status = check_options(options, problem);
    if (status == STATUS_OK) {
        status = read_token(options->token_file, out, problem);
    }
    if (status == STATUS_OK) {
        status = check_plaintext(options, target, out, problem);
    }
    return status == STATUS_OK ? read_certificates(options, &out->certificates, problem) : status;
}

void credentials_release(struct credentials *credentials)
{
    certificates_release(&credentials->certificates);
    explicit_bzero(credentials->authorization, sizeof(credentials->authorization));
}
