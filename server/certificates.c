#include "server/certificates.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "ranker/check.h"
#include "server/secret_file.h"

/* OpenSSL's last reason. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text != NULL ? text : "no reason given";
}

static enum status refuse(const char *path, const char *what, const char *why,
                          struct problem *problem)
{
    problem_set(problem, "%s: %s (%s)", secret_file_name(path), what, why);
    return STATUS_INVALID;
}

static int64_t ms_of(const ASN1_TIME *time)
{
    struct tm utc;
    return ASN1_TIME_to_tm(time, &utc) == 1 ? (int64_t)timegm(&utc) * 1000 : 0;
}

/* A chain is valid as long as all of it is. */
static void note_times(struct certificates *certificates, const X509 *certificate)
{
    int64_t from_ms = ms_of(X509_get0_notBefore(certificate));
    int64_t expires_ms = ms_of(X509_get0_notAfter(certificate));
    if (from_ms > certificates->from_ms) {
        certificates->from_ms = from_ms;
    }
    if (certificates->expires_ms == 0 || expires_ms < certificates->expires_ms) {
        certificates->expires_ms = expires_ms;
    }
}

static void note_subject(struct certificates *certificates, const X509 *certificate)
{
    BIO *out = BIO_new(BIO_s_mem());
    if (out != NULL && X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0,
                                          XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        int size = BIO_read(out, certificates->subject, sizeof(certificates->subject) - 1);
        certificates->subject[size > 0 ? size : 0] = '\0';
    }
    BIO_free(out);
}

/* A key with a passphrase is refused, not asked for on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

/* The first certificate is one's own. */
static bool add_certificate(SSL_CTX *context, X509 *certificate, bool first,
                            struct certificates *certificates)
{
    note_times(certificates, certificate);
    if (first) {
        note_subject(certificates, certificate);
        return SSL_CTX_use_certificate(context, certificate) == 1;
    }
    return SSL_CTX_add1_chain_cert(context, certificate) == 1;
}

/* Behind the last certificate there may be other text, and nothing else of PEM. */
static bool at_end_of_pem(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static enum status use_chain(SSL_CTX *context, const char *path, struct certificates *certificates,
                             struct problem *problem)
{
    size_t count = 0;
    bool good = true;
    BIO *in = BIO_new_mem_buf(certificates->chain, (int)certificates->chain_size);
    X509 *next = in != NULL ? PEM_read_bio_X509_AUX(in, NULL, no_passphrase, NULL) : NULL;
    while (next != NULL && good) {
        good = add_certificate(context, next, count == 0, certificates);
        count++;
        X509_free(next);
        next = good ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;
    }
    BIO_free(in);
    if (!good || count == 0 || !at_end_of_pem()) {
        return refuse(path, "expected a certificate in PEM form, and what it is signed with",
                      reason(), problem);
    }
    return STATUS_OK;
}

static enum status use_key(SSL_CTX *context, const struct certificates_paths *paths,
                           const struct certificates *certificates, struct problem *problem)
{
    BIO *in = BIO_new_mem_buf(certificates->key, (int)certificates->key_size);
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    if (key == NULL) {
        return refuse(paths->key, "expected a private key in PEM form, without a passphrase",
                      reason(), problem);
    }
    bool fits =
        SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    return fits ? STATUS_OK
                : refuse(paths->key, "it is not the key of the certificate", reason(), problem);
}

static enum status check_ca(const char *path, const struct certificates *certificates,
                            struct problem *problem)
{
    size_t count = 0;
    BIO *in = BIO_new_mem_buf(certificates->ca, (int)certificates->ca_size);
    X509 *next = in != NULL ? PEM_read_bio_X509_AUX(in, NULL, no_passphrase, NULL) : NULL;
    for (; next != NULL; count++) {
        X509_free(next);
        next = PEM_read_bio_X509_AUX(in, NULL, no_passphrase, NULL);
    }
    BIO_free(in);
    if (count == 0 || !at_end_of_pem()) {
        return refuse(path, "expected certificates of CAs in PEM form", reason(), problem);
    }
    return STATUS_OK;
}

static enum status check_in(SSL_CTX *context, const struct certificates_paths *paths,
                            struct certificates *certificates, struct problem *problem)
{
    enum status status = STATUS_OK;
    if (certificates->chain != NULL) {
        status = use_chain(context, paths->certificate, certificates, problem);
    }
    if (status == STATUS_OK && certificates->key != NULL) {
        status = use_key(context, paths, certificates, problem);
    }
    if (status == STATUS_OK && certificates->ca != NULL) {
        ERR_clear_error();
        status = check_ca(paths->ca, certificates, problem);
    }
    return status;
}

static enum status check(const struct certificates_paths *paths, struct certificates *certificates,
                         struct problem *problem)
{
    ERR_clear_error(); /* reasons are of this call */
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        problem_set(problem, "no memory for certificates");
        return STATUS_NO_MEMORY;
    }
    enum status status = check_in(context, paths, certificates, problem);
    SSL_CTX_free(context);
    ERR_clear_error();
    return status;
}

static enum status read_file(const char *path, enum secret_file_rule rule, char **out, size_t *size,
                             struct problem *problem)
{
    return path == NULL ? STATUS_OK
                        : secret_file_read(path, rule, CERTIFICATES_BYTES_MAX, out, size, problem);
}

static enum status read_files(const struct certificates_paths *paths, struct certificates *out,
                              struct problem *problem)
{
    enum status status = read_file(paths->certificate, SECRET_FILE_UNCHANGED, &out->chain,
                                   &out->chain_size, problem);
    if (status == STATUS_OK) {
        status = read_file(paths->key, SECRET_FILE_PRIVATE, &out->key, &out->key_size, problem);
    }
    if (status == STATUS_OK) {
        status = read_file(paths->ca, SECRET_FILE_UNCHANGED, &out->ca, &out->ca_size, problem);
    }
    return status;
}

enum status certificates_read(const struct certificates_paths *paths, struct certificates *out,
                              struct problem *problem)
{
    struct certificates certificates = {.chain = NULL};
    CHECK((paths->certificate == NULL) == (paths->key == NULL));
    enum status status = read_files(paths, &certificates, problem);
    if (status == STATUS_OK) {
        status = check(paths, &certificates, problem);
    }
    if (status != STATUS_OK) {
        certificates_release(&certificates);
        return status;
    }
    *out = certificates;
    return STATUS_OK;
}

void certificates_release(struct certificates *certificates)
{
    secret_file_free(certificates->chain, certificates->chain_size);
    secret_file_free(certificates->key, certificates->key_size);
    secret_file_free(certificates->ca, certificates->ca_size);
    *certificates = (struct certificates){.chain = NULL};
}
