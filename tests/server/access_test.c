#include "server/access.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/roles.h"
#include "store/clock.h"
#include "tests/test.h"

#define HASH_A \
    "368246dc64fcceedc7a546a35e85bee28ab1a10582c5e1742d6e50ada00a6b62" /* of "reelrank_a" */
#define HASH_B "fefac13fda9992b2611ee3ba2c929d7394b8ef92f85ab09e970f4316c53979b9"
#define HEAD   "reelrank-tokens 1\n"

static const struct method rank_row = {.name = "Rank", .roles = ROLE_FEED | ROLE_DATA};
static const struct method user_row = {.name = "GetUser", .roles = ROLE_ADMIN};
static const struct method reflection_row = {.name = "ServerReflectionInfo", .roles = ROLES_ANY};
static const struct method health_row = {.name = "Check", .roles = ROLES_OPEN};

static char path[TEST_PATH_SIZE + 16];

static void put(const char *text)
{
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
    CHECK(chmod(path, 0600) == 0);
}

static struct access *start(const char *text)
{
    char directory[TEST_PATH_SIZE];
    struct access *access = NULL;
    struct problem problem = {""};
    test_directory(directory);
    snprintf(path, sizeof(path), "%s/tokens", directory);
    put(text);
    CHECK_EQ(STATUS_OK, access_new(path, &access, &problem));
    return access;
}

static void check(struct access *access, const struct method *method, const char *header,
                  enum status want, const char *message, const char *name)
{
    struct access_denial denial = {.reason = ""};
    struct text value = header != NULL ? text_of(header) : (struct text){0};
    CHECK_EQ(want, access_check(access, method, value, &denial));
    if (want != STATUS_OK) {
        CHECK_STR(message, denial.problem.text);
        CHECK_STR(name, denial.name);
    }
}

static void allowed(struct access *access, const struct method *method, const char *header)
{
    check(access, method, header, STATUS_OK, NULL, NULL);
}

static void unknown(struct access *access, const char *header)
{
    check(access, &rank_row, header, STATUS_UNAUTHENTICATED, "the token is not known", "");
}

static void token_with_one_of_the_roles_may_call(void)
{
    struct access *access = start(HEAD "a feed sha256:" HASH_A "\nb admin sha256:" HASH_B "\n");
    allowed(access, &rank_row, "Bearer reelrank_a");
    allowed(access, &user_row, "bearer reelrank_b");
    allowed(access, &reflection_row, "Bearer reelrank_a");
    allowed(access, &reflection_row, "Bearer reelrank_b");
    access_free(access);
}

static void open_method_needs_no_token(void)
{
    struct access *access = start(HEAD);
    allowed(access, &health_row, NULL);
    allowed(access, &health_row, "Bearer nonsense");
    access_free(access);
    access_free(NULL);
}

static void wrong_role_is_told_what_is_needed_and_nothing_else(void)
{
    struct access *access = start(HEAD "a feed sha256:" HASH_A "\nb admin sha256:" HASH_B "\n");
    check(access, &user_row, "Bearer reelrank_a", STATUS_DENIED,
          "GetUser needs a token with the role admin", "a");
    check(access, &rank_row, "Bearer reelrank_b", STATUS_DENIED,
          "Rank needs a token with the role feed or data", "b");
    access_free(access);
}

static void call_without_a_known_token_is_unauthenticated(void)
{
    struct access *access = start(HEAD "a feed sha256:" HASH_A "\n");
    check(access, &rank_row, NULL, STATUS_UNAUTHENTICATED,
          "a token is needed: one header authorization: Bearer TOKEN", "");
    check(access, &rank_row, "Basic reelrank_a", STATUS_UNAUTHENTICATED,
          "the authorization header is not \"Bearer TOKEN\"", "");
    unknown(access, "Bearer reelrank_b");
    unknown(access, "Bearer reelrank_a ");
    unknown(access, "Bearer Reelrank_a");
    unknown(access, "Bearer " HASH_A); /* the hash is no token */
    access_free(access);
}

static void expired_token_is_unauthenticated(void)
{
    struct access *access = start(HEAD "a feed sha256:" HASH_A " 2020-01-31T00:00:00Z\n"
                                       "b feed sha256:" HASH_B " 2200-01-31T00:00:00Z\n");
    check(access, &rank_row, "Bearer reelrank_a", STATUS_UNAUTHENTICATED, "the token has expired",
          "a");
    allowed(access, &rank_row, "Bearer reelrank_b");
    access_free(access);
}

static void look_twice(struct access *access)
{
    access_tick(access);
    access_tick(access);
}

static void changed_file_comes_into_force(void)
{
    struct access *access = start(HEAD "a feed sha256:" HASH_A "\n");
    put(HEAD "b feed sha256:" HASH_B "\n");
    allowed(access, &rank_row, "Bearer reelrank_a");
    look_twice(access);
    unknown(access, "Bearer reelrank_a");
    allowed(access, &rank_row, "Bearer reelrank_b");
    access_free(access);
}

static void bad_or_missing_file_changes_nothing(void)
{
    struct access *access = start(HEAD "a feed sha256:" HASH_A "\n");
    put(HEAD "b feed\n");
    look_twice(access);
    allowed(access, &rank_row, "Bearer reelrank_a");
    CHECK(unlink(path) == 0);
    look_twice(access);
    allowed(access, &rank_row, "Bearer reelrank_a");
    put(HEAD "b feed sha256:" HASH_B "\n");
    CHECK(chmod(path, 0606) == 0);
    look_twice(access);
    allowed(access, &rank_row, "Bearer reelrank_a");
    CHECK(chmod(path, 0600) == 0);
    look_twice(access);
    unknown(access, "Bearer reelrank_a");
    access_free(access);
}

static void check_start_fails(const char *message)
{
    struct access *access = NULL;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, access_new(path, &access, &problem));
    CHECK(access == NULL);
    CHECK(strncmp(problem.text, "tokens: ", 8) == 0);
    CHECK(strstr(problem.text, message) != NULL);
}

static void start_with_a_bad_or_missing_file_fails(void)
{
    access_free(start(HEAD));
    put(HEAD "a feed\n");
    check_start_fails("/tokens: line 2: 2 fields");
    CHECK(unlink(path) == 0);
    check_start_fails("/tokens: cannot be read: No such file");
}

static void count_peer(void *context, char out[ACCESS_PEER_SIZE])
{
    ++*(unsigned *)context;
    snprintf(out, ACCESS_PEER_SIZE, "ipv4:127.0.0.1:1");
}

static void denials_are_logged_once_a_second_at_most(void)
{
    unsigned lines = 0;
    int64_t begin_ms = monotonic_ms();
    struct access *access = start(HEAD);
    struct access_denial denial = {.reason = "unknown"};
    for (unsigned i = 0; i < 1000; i++) {
        access_log(access, &rank_row, &denial, count_peer, &lines);
    }
    CHECK(lines >= 1);
    CHECK(lines <= 1 + (monotonic_ms() - begin_ms) / 1000);
    access_free(access);
}

static const struct test tests[] = {
    TEST(token_with_one_of_the_roles_may_call),
    TEST(open_method_needs_no_token),
    TEST(wrong_role_is_told_what_is_needed_and_nothing_else),
    TEST(call_without_a_known_token_is_unauthenticated),
    TEST(expired_token_is_unauthenticated),
    TEST(changed_file_comes_into_force),
    TEST(bad_or_missing_file_changes_nothing),
    TEST(start_with_a_bad_or_missing_file_fails),
    TEST(denials_are_logged_once_a_second_at_most),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
