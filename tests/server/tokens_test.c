#include "server/tokens.h"

#include <string.h>

#include "server/roles.h"
#include "tests/test.h"

/* SHA-256 of "reelrank_a" and "reelrank_b", as sha256sum says. */
#define HASH_A "368246dc64fcceedc7a546a35e85bee28ab1a10582c5e1742d6e50ada00a6b62"
#define HASH_B "fefac13fda9992b2611ee3ba2c929d7394b8ef92f85ab09e970f4316c53979b9"
#define HEAD   "reelrank-tokens 1\n"

static struct tokens tokens;

static void parse(const char *file)
{
    struct problem problem = {""};
    enum status status = tokens_parse(text_of(file), &tokens, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
}

static const struct token *find(const char *text)
{
    uint8_t hash[TOKEN_HASH_SIZE];
    token_hash(text_of(text), hash);
    return tokens_find(&tokens, hash);
}

static void lines_become_tokens_and_comments_do_not(void)
{
    parse(HEAD "# name roles hash expires\n"
               "\n"
               "feed-1 feed,catalog sha256:" HASH_A "\r\n"
               "  analyst\tdata   sha256:" HASH_B "   2027-01-31T00:00:00Z  ");
    CHECK_EQ(2, tokens.count);
    CHECK_STR("feed-1", tokens.items[0].name);
    CHECK_EQ(ROLE_FEED | ROLE_CATALOG, tokens.items[0].roles);
    CHECK_EQ(0, tokens.items[0].expires_ms);
    CHECK_EQ(4, tokens.items[0].line);
    CHECK_STR("analyst", tokens.items[1].name);
    CHECK_EQ(1801353600000, tokens.items[1].expires_ms);
    CHECK_EQ(5, tokens.items[1].line);
    CHECK(tokens_named(&tokens, "analyst") == &tokens.items[1]);
    CHECK(tokens_named(&tokens, "nobody") == NULL);
}

static void token_is_found_by_its_hash_alone(void)
{
    parse(HEAD "a feed sha256:" HASH_A "\nb data sha256:" HASH_B "\n");
    CHECK(find("reelrank_a") == &tokens.items[0]);
    CHECK(find("reelrank_b") == &tokens.items[1]);
    CHECK(find("reelrank_c") == NULL);
    CHECK(find("reelrank_") == NULL);
    CHECK(find("") == NULL);
    parse(HEAD);
    CHECK_EQ(0, tokens.count);
    CHECK(find("reelrank_a") == NULL);
}

/* One bit, of any byte, is enough. */
static void hash_that_differs_by_a_bit_is_another(void)
{
    uint8_t hash[TOKEN_HASH_SIZE];
    parse(HEAD "a feed sha256:" HASH_A "\n");
    token_hash(text_of("reelrank_a"), hash);
    for (size_t bit = 0; bit < 8 * sizeof(hash); bit++) {
        hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(tokens_find(&tokens, hash) == NULL);
        hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CHECK(tokens_find(&tokens, hash) == &tokens.items[0]);
}

static void check_refused(const char *file, const char *message)
{
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, tokens_parse(text_of(file), &tokens, &problem));
    CHECK_STR(message, problem.text);
}

static void bad_lines_are_refused_with_their_number(void)
{
    check_refused("", "line 1: expected \"reelrank-tokens 1\"");
    check_refused("reelrank-tokens 2\n", "line 1: expected \"reelrank-tokens 1\"");
    check_refused("\n" HEAD, "line 1: expected \"reelrank-tokens 1\"");
    check_refused(HEAD "\na feed\n",
                  "line 3: 2 fields, expected 3 or 4: name, roles, hash, expires");
    check_refused(HEAD "a feed sha256:" HASH_A " 2027-01-31T00:00:00Z x\n",
                  "line 2: 5 fields, expected 3 or 4: name, roles, hash, expires");
    check_refused(HEAD "a/b feed sha256:" HASH_A "\n",
                  "line 2: name \"a/b\", expected 1 to 64 letters, digits, \".\", \"_\" and \"-\"");
    check_refused(
        HEAD "a root sha256:" HASH_A "\n",
        "line 2: role \"root\", expected some of feed, catalog, data and admin, with commas "
        "between");
    check_refused(HEAD "a feed sha256:" HASH_A " soon\n",
                  "line 2: expires \"soon\", expected a time such as 2027-01-31T00:00:00Z");
    check_refused(HEAD "a feed sha256:" HASH_A "\na data sha256:" HASH_B "\n",
                  "line 3: the name of this token is in line 2 already");
    check_refused(HEAD "a feed sha256:" HASH_A "\nb data sha256:" HASH_A "\n",
                  "line 3: the hash of this token is in line 2 already");
}

/* Somebody may put the token itself there: it must not come out in a log. */
static void what_is_no_hash_is_refused_and_not_repeated(void)
{
    static const char message[] =
        "line 2: the third field is no hash, expected sha256: and 64 digits 0 to f";
    check_refused(HEAD "a feed reelrank_a\n", message);
    check_refused(HEAD "a feed " HASH_A "\n", message);
    check_refused(HEAD "a feed sha512:" HASH_A "\n", message);
    check_refused(HEAD "a feed sha256:" HASH_A "0\n", message);
    check_refused(HEAD "a feed sha256:G" HASH_A "\n", message);
}

static void longest_name_is_taken_and_one_more_refused(void)
{
    char file[512];
    struct problem problem = {""};
    snprintf(file, sizeof(file), HEAD "%064d feed sha256:" HASH_A "\n", 7);
    parse(file);
    CHECK_EQ(64, strlen(tokens.items[0].name));
    snprintf(file, sizeof(file), HEAD "%065d feed sha256:" HASH_A "\n", 7);
    CHECK_EQ(STATUS_INVALID, tokens_parse(text_of(file), &tokens, &problem));
}

static void most_tokens_are_taken_and_one_more_refused(void)
{
    static char file[(TOKENS_MAX + 2) * TOKEN_LINE_SIZE] = HEAD;
    size_t used = strlen(file);
    for (unsigned i = 0; i <= TOKENS_MAX; i++) {
        if (i == TOKENS_MAX) {
            parse(file);
            CHECK_EQ(TOKENS_MAX, tokens.count);
        }
        used += (size_t)snprintf(file + used, sizeof(file) - used, "t%u feed sha256:%064x\n", i, i);
    }
    check_refused(file, "line 258: there are more than 256 tokens");
}

static void written_line_is_read_back(void)
{
    char file[TOKEN_LINE_SIZE + sizeof(HEAD)] = HEAD;
    struct token token = {.roles = ROLES_ANY, .expires_ms = INT64_C(253402300799000)};
    memset(token.name, 'n', TOKEN_NAME_SIZE - 1);
    token_hash(text_of("reelrank_a"), token.hash);
    token_format(&token, file + strlen(HEAD));
    parse(file);
    CHECK_EQ(1, tokens.count);
    CHECK_STR(token.name, tokens.items[0].name);
    CHECK_EQ(ROLES_ANY, tokens.items[0].roles);
    CHECK_EQ(token.expires_ms, tokens.items[0].expires_ms);
    CHECK(memcmp(token.hash, tokens.items[0].hash, TOKEN_HASH_SIZE) == 0);
}

static void made_tokens_are_43_digits_of_base64url_and_never_the_same(void)
{
    char first[TOKEN_TEXT_SIZE];
    char second[TOKEN_TEXT_SIZE];
    CHECK_EQ(STATUS_OK, token_make(first));
    CHECK_EQ(STATUS_OK, token_make(second));
    CHECK_EQ(52, strlen(first));
    CHECK(strncmp(first, "reelrank_", 9) == 0);
    CHECK_EQ(43,
             strspn(first + 9, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"));
    CHECK(strcmp(first, second) != 0);
}

static void check_header(const char *value, const char *want)
{
    struct text token = {0};
    enum status status = token_of_header(text_of(value), &token);
    CHECK_EQ(want != NULL ? STATUS_OK : STATUS_INVALID, status);
    if (want != NULL) {
        CHECK(text_equal(text_of(want), token));
    }
}

static void header_is_bearer_and_a_token(void)
{
    char longest[7 + TOKEN_BYTES_MAX + 2] = "Bearer ";
    check_header("Bearer abc", "abc");
    check_header("bearer abc", "abc");
    check_header("BEARER   abc", "abc");
    check_header("Bearer a b", "a b"); /* which no file has */
    check_header("", NULL);
    check_header("Bearer", NULL);
    check_header("Bearer ", NULL);
    check_header("Bearerabc", NULL);
    check_header("Bearer\tabc", NULL);
    check_header(" Bearer abc", NULL);
    check_header("Basic abc", NULL);
    check_header("abc", NULL);
    memset(longest + 7, 'x', TOKEN_BYTES_MAX);
    check_header(longest, longest + 7);
    longest[7 + TOKEN_BYTES_MAX] = 'x';
    check_header(longest, NULL);
}

static const struct test tests[] = {
    TEST(lines_become_tokens_and_comments_do_not),
    TEST(token_is_found_by_its_hash_alone),
    TEST(hash_that_differs_by_a_bit_is_another),
    TEST(bad_lines_are_refused_with_their_number),
    TEST(what_is_no_hash_is_refused_and_not_repeated),
    TEST(longest_name_is_taken_and_one_more_refused),
    TEST(most_tokens_are_taken_and_one_more_refused),
    TEST(written_line_is_read_back),
    TEST(made_tokens_are_43_digits_of_base64url_and_never_the_same),
    TEST(header_is_bearer_and_a_token),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
