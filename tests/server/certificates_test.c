#include "server/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/test.h"

enum { PATH_SIZE = TEST_PATH_SIZE + 16, DAY_S = 86400 };

/* 2100-01-01 and 2200-01-01. */
static const int64_t END_MS = INT64_C(4102444800000);
static const int64_t LATE_MS = INT64_C(7258118400000);

static char directory[TEST_PATH_SIZE];
static char cert_path[PATH_SIZE];
static char key_path[PATH_SIZE];
static char ca_path[PATH_SIZE];
static struct certificates_paths paths = {cert_path, key_path, NULL};

static X509 *make_certificate(EVP_PKEY *key, const char *name, int64_t end_ms)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    CHECK(X509_set_version(certificate, 2) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
    CHECK(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                     -1, 0) == 1);
    CHECK(X509_set_issuer_name(certificate, subject) == 1);
    CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate), DAY_S) != NULL);
    CHECK(ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(end_ms / 1000)) != NULL);
    CHECK(X509_set_pubkey(certificate, key) == 1);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    CHECK(file != NULL);
    CHECK(chmod(path, 0600) == 0);
    return file;
}

static void put_text(const char *path, const char *text, const char *mode)
{
    FILE *file = open_file(path, mode);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

static void put_certificate(const char *path, X509 *certificate, const char *mode)
{
    FILE *file = open_file(path, mode);
    CHECK(PEM_write_X509(file, certificate) == 1);
    CHECK(fclose(file) == 0);
    X509_free(certificate);
}

static void put_key(EVP_PKEY *key, const char *passphrase)
{
    FILE *file = open_file(key_path, "we");
    int size = passphrase != NULL ? (int)strlen(passphrase) : 0;
    CHECK(PEM_write_PKCS8PrivateKey(file, key, passphrase != NULL ? EVP_aes_256_cbc() : NULL,
                                    passphrase, size, NULL, NULL) == 1);
    CHECK(fclose(file) == 0);
}

/* A certificate "rank.example" and its key, at their paths. */
static EVP_PKEY *start(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    CHECK(key != NULL);
    test_directory(directory);
    snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", directory);
    snprintf(key_path, sizeof(key_path), "%s/key.pem", directory);
    snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", directory);
    paths.ca = NULL;
    put_certificate(cert_path, make_certificate(key, "rank.example", END_MS), "we");
    put_key(key, NULL);
    return key;
}

static void check_taken(const char *subject, int64_t expires_ms)
{
    struct certificates certificates;
    struct problem problem = {""};
    enum status status = certificates_read(&paths, &certificates, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    CHECK_STR(subject, certificates.subject);
    CHECK_EQ(INT64_C(1000) * DAY_S, certificates.from_ms);
    CHECK_EQ(expires_ms, certificates.expires_ms);
    CHECK_EQ(paths.ca != NULL, certificates.ca != NULL);
    certificates_release(&certificates);
    CHECK(certificates.key == NULL);
}

static void check_refused(enum status want, const char *message)
{
    struct certificates certificates;
    struct problem problem = {""};
    CHECK_EQ(want, certificates_read(&paths, &certificates, &problem));
    if (strstr(problem.text, message) == NULL) {
        CHECK_STR(message, problem.text);
    }
}

static void certificate_with_its_key_is_taken(void)
{
    EVP_PKEY *key = start();
    check_taken("CN=rank.example", END_MS);
    EVP_PKEY_free(key);
}

static void chain_ends_with_the_first_that_ends(void)
{
    EVP_PKEY *key = start();
    put_certificate(cert_path, make_certificate(key, "rank.example", LATE_MS), "we");
    put_certificate(cert_path, make_certificate(key, "between", END_MS), "ae");
    put_text(cert_path, "what follows is no PEM\n", "ae");
    check_taken("CN=rank.example", END_MS);
    EVP_PKEY_free(key);
}

static void client_ca_may_have_several(void)
{
    EVP_PKEY *key = start();
    paths.ca = ca_path;
    put_certificate(ca_path, make_certificate(key, "one", END_MS), "we");
    put_certificate(ca_path, make_certificate(key, "two", END_MS), "ae");
    check_taken("CN=rank.example", END_MS);
    EVP_PKEY_free(key);
}

static void ca_alone_is_enough_for_a_client(void)
{
    static const struct certificates_paths ca_alone = {.ca = ca_path};
    struct certificates certificates;
    struct problem problem = {""};
    EVP_PKEY *key = start();
    put_certificate(ca_path, make_certificate(key, "one", END_MS), "we");
    CHECK_EQ(STATUS_OK, certificates_read(&ca_alone, &certificates, &problem));
    CHECK(certificates.chain == NULL && certificates.key == NULL && certificates.ca != NULL);
    certificates_release(&certificates);
    EVP_PKEY_free(key);
}

static void key_of_another_certificate_is_refused(void)
{
    EVP_PKEY *key = start();
    EVP_PKEY *other = EVP_EC_gen("P-256");
    put_key(other, NULL);
    check_refused(STATUS_INVALID, "/key.pem: it is not the key of the certificate (key values "
                                  "mismatch)");
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

static void key_with_a_passphrase_is_refused_without_asking(void)
{
    EVP_PKEY *key = start();
    put_key(key, "secret");
    check_refused(STATUS_INVALID,
                  "/key.pem: expected a private key in PEM form, without a passphrase");
    EVP_PKEY_free(key);
}

static void key_that_everybody_reads_is_refused(void)
{
    EVP_PKEY *key = start();
    CHECK(chmod(key_path, 0644) == 0);
    CHECK(chmod(cert_path, 0644) == 0);
    check_refused(STATUS_INVALID, "/key.pem: everybody may read it");
    EVP_PKEY_free(key);
}

/* TLS itself refuses it: the checks are those of a handshake. */
static void key_too_short_for_tls_is_refused(void)
{
    EVP_PKEY *key = start();
    EVP_PKEY *small = EVP_RSA_gen(1024);
    CHECK(small != NULL);
    put_certificate(cert_path, make_certificate(small, "small", END_MS), "we");
    put_key(small, NULL);
    check_refused(STATUS_INVALID, "/cert.pem: expected a certificate in PEM form");
    EVP_PKEY_free(small);
    EVP_PKEY_free(key);
}

static void what_is_no_certificate_is_refused(void)
{
    EVP_PKEY *key = start();
    static const char message[] = "/cert.pem: expected a certificate in PEM form";
    put_text(cert_path, "nonsense\n", "we");
    check_refused(STATUS_INVALID, message);
    put_text(cert_path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "we");
    check_refused(STATUS_INVALID, message);
    put_certificate(cert_path, make_certificate(key, "rank.example", END_MS), "we");
    put_text(cert_path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ae");
    check_refused(STATUS_INVALID, message);
    EVP_PKEY_free(key);
}

static void what_is_no_client_ca_is_refused(void)
{
    EVP_PKEY *key = start();
    paths.ca = ca_path;
    check_refused(STATUS_NOT_FOUND, "/ca.pem: cannot be read");
    put_text(ca_path, "nonsense\n", "we");
    check_refused(STATUS_INVALID, "/ca.pem: expected certificates of CAs in PEM form");
    EVP_PKEY_free(key);
}

static const struct test tests[] = {
    TEST(certificate_with_its_key_is_taken),
    TEST(chain_ends_with_the_first_that_ends),
    TEST(client_ca_may_have_several),
    TEST(ca_alone_is_enough_for_a_client),
    TEST(key_of_another_certificate_is_refused),
    TEST(key_with_a_passphrase_is_refused_without_asking),
    TEST(key_that_everybody_reads_is_refused),
    TEST(key_too_short_for_tls_is_refused),
    TEST(what_is_no_certificate_is_refused),
    TEST(what_is_no_client_ca_is_refused),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
