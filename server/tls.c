#include "server/tls.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "server/file_watch.h"
#include "server/logline.h"
#include "server/secret_file.h"
#include "server/utc.h"
#include "store/clock.h"

enum { DAY_MS = 86400000, WARN_DAYS = 30 };

struct tls {
    const struct certificates_paths *paths; /* set once */
    /* Owned by the thread that ticks. */
    struct file_watch watch;
    int64_t told_ms; /* monotonic; when the log was last told of an end that comes near */
    pthread_mutex_t lock;
    /* Guarded by lock. */
    struct certificates certificates;
    bool is_new; /* gRPC does not have them yet */
};

static void log_certificates(const struct certificates *certificates)
{
    char expires[UTC_SIZE];
    utc_format(certificates->expires_ms, expires);
    logline(LOG_INFO, "tls", "subject=\"%s\" expires=%s clients=%s", certificates->subject, expires,
            certificates->ca != NULL ? "certificate" : "any");
}

/* True when clients will take it for valid, as far as the clock goes. */
static bool is_valid_now(const struct certificates *certificates, int64_t now_ms)
{
    return certificates->from_ms <= now_ms && now_ms < certificates->expires_ms;
}

/* Once a day, while there is something to tell. */
static void log_end(struct tls *tls)
{
    const struct certificates *certificates = &tls->certificates; /* this thread swaps them */
    int64_t now_ms = wall_clock_ms();
    int64_t left_ms = certificates->expires_ms - now_ms;
    if (is_valid_now(certificates, now_ms) && left_ms > (int64_t)WARN_DAYS * DAY_MS) {
        return;
    }
    if (tls->told_ms != 0 && monotonic_ms() - tls->told_ms < DAY_MS) {
        return;
    }
    tls->told_ms = monotonic_ms();
    char from[UTC_SIZE];
    char expires[UTC_SIZE];
    utc_format(certificates->from_ms, from);
    utc_format(certificates->expires_ms, expires);
    if (is_valid_now(certificates, now_ms)) {
        logline(LOG_WARN, "tls_expires", "file=\"%s\" expires=%s days=%" PRId64,
                tls->paths->certificate, expires, left_ms / DAY_MS);
    } else {
        logline(LOG_ERROR, "tls_expires",
                "file=\"%s\" from=%s expires=%s problem=\"clients refuse a certificate that is not "
                "valid now\"",
                tls->paths->certificate, from, expires);
    }
}

enum status tls_new(const struct certificates_paths *paths, struct tls **out,
                    struct problem *problem)
{
    const char *files[] = {paths->certificate, paths->key, paths->ca};
    struct problem why = {""};
    struct tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL) {
        problem_set(problem, "no memory for TLS");
        return STATUS_NO_MEMORY;
    }
    tls->paths = paths;
    tls->is_new = true;
    file_watch_init(&tls->watch, files, paths->ca != NULL ? 3 : 2);
    enum status status = certificates_read(paths, &tls->certificates, &why);
    if (status != STATUS_OK) {
        problem_set(problem, "TLS: %s", why.text);
        free(tls);
        return status == STATUS_NO_MEMORY ? status : STATUS_INVALID;
    }
    CHECK(pthread_mutex_init(&tls->lock, NULL) == 0);
    log_certificates(&tls->certificates);
    log_end(tls);
    *out = tls;
    return STATUS_OK;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL) {
        return;
    }
    CHECK(pthread_mutex_destroy(&tls->lock) == 0);
    certificates_release(&tls->certificates);
    free(tls);
}

/* gRPC asks before each handshake. */
static grpc_ssl_certificate_config_reload_status fetch(void *context,
                                                       grpc_ssl_server_certificate_config **out)
{
    struct tls *tls = context;
    grpc_ssl_certificate_config_reload_status status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    CHECK(pthread_mutex_lock(&tls->lock) == 0);
    if (tls->is_new) {
        grpc_ssl_pem_key_cert_pair pair = {.private_key = tls->certificates.key,
                                           .cert_chain = tls->certificates.chain};
        /* gRPC wants some, though it asks for no certificate without --tls-client-ca. */
        const char *roots =
            tls->certificates.ca != NULL ? tls->certificates.ca : tls->certificates.chain;
        *out = grpc_ssl_server_certificate_config_create(roots, &pair, 1);
        tls->is_new = false;
        status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
    }
    CHECK(pthread_mutex_unlock(&tls->lock) == 0);
    return status;
}

grpc_server_credentials *tls_credentials(struct tls *tls)
{
    grpc_ssl_client_certificate_request_type request =
        tls->paths->ca != NULL ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                               : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, fetch, tls));
}

/* Certificates that clients would refuse do not take the place of ones they take. */
static enum status check_times(const struct tls *tls, const struct certificates *next,
                               struct problem *problem)
{
    int64_t now_ms = wall_clock_ms();
    if (is_valid_now(next, now_ms) || !is_valid_now(&tls->certificates, now_ms)) {
        return STATUS_OK;
    }
    char from[UTC_SIZE];
    char expires[UTC_SIZE];
    utc_format(next->from_ms, from);
    utc_format(next->expires_ms, expires);
    problem_set(problem, "%s: it is valid from %s to %s, which is not now",
                secret_file_name(tls->paths->certificate), from, expires);
    return STATUS_INVALID;
}

static void swap(struct tls *tls, const struct certificates *next)
{
    CHECK(pthread_mutex_lock(&tls->lock) == 0);
    struct certificates before = tls->certificates;
    tls->certificates = *next;
    tls->is_new = true;
    CHECK(pthread_mutex_unlock(&tls->lock) == 0);
    certificates_release(&before);
    tls->told_ms = 0;
}

static void reload(struct tls *tls)
{
    struct certificates next = {.chain = NULL};
    struct problem problem = {""};
    enum status status = certificates_read(tls->paths, &next, &problem);
    if (status == STATUS_OK) {
        status = check_times(tls, &next, &problem);
    }
    if (status == STATUS_OK) {
        log_certificates(&next);
        swap(tls, &next);
    } else {
        certificates_release(&next);
        logline(LOG_WARN, "tls_refused", "problem=\"%s\" kept=\"%s\"", problem.text,
                tls->certificates.subject);
    }
}

void tls_tick(struct tls *tls)
{
    if (file_watch_look(&tls->watch)) {
        reload(tls);
    }
    log_end(tls);
}
