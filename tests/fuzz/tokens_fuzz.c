#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "server/roles.h"
#include "server/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A token that was read is found, and written it is read again as it was. */
static void check_token(const struct tokens *tokens, const struct token *token)
{
    static struct tokens again;
    char file[sizeof(TOKENS_VERSION_LINE) + TOKEN_LINE_SIZE] = TOKENS_VERSION_LINE;
    struct problem problem;
    CHECK(tokens_find(tokens, token->hash) == token);
    CHECK(tokens_named(tokens, token->name) == token);
    token_format(token, file + strlen(file));
    CHECK(tokens_parse(text_of(file), &again, &problem) == STATUS_OK);
    CHECK(again.count == 1);
    CHECK(strcmp(token->name, again.items[0].name) == 0);
    CHECK(token->roles == again.items[0].roles);
    CHECK(token->expires_ms == again.items[0].expires_ms);
    CHECK(memcmp(token->hash, again.items[0].hash, TOKEN_HASH_SIZE) == 0);
}

static void check_file(struct text file)
{
    static struct tokens tokens;
    struct problem problem = {""};
    if (tokens_parse(file, &tokens, &problem) != STATUS_OK) {
        CHECK(strncmp(problem.text, "line ", 5) == 0);
        return;
    }
    for (size_t i = 0; i < tokens.count; i++) {
        CHECK(tokens.items[i].roles != 0 && (tokens.items[i].roles & ~(unsigned)ROLES_ANY) == 0);
        check_token(&tokens, &tokens.items[i]);
    }
}

static void check_header(struct text value)
{
    struct text token = {0};
    uint8_t hash[TOKEN_HASH_SIZE];
    if (token_of_header(value, &token) == STATUS_OK) {
        CHECK(token.size > 0 && token.size <= TOKEN_BYTES_MAX);
        CHECK(token.data > value.data && token.data + token.size == value.data + value.size);
        token_hash(token, hash);
    }
}

static void check_roles(struct text names)
{
    unsigned roles = 0;
    char text[ROLES_SIZE];
    struct problem problem = {""};
    if (roles_parse(names, &roles, &problem) == STATUS_OK) {
        roles_format(roles, ",", text);
        CHECK(strlen(text) == names.size); /* the same names, maybe in another order */
    }
}

/* The file and the header that the same bytes make. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size > 0 ? size : 1); /* of its own, so that reading past it is noticed */
    CHECK(bytes != NULL);
    memcpy(bytes, data, size);
    struct text text = {.data = bytes, .size = size};
    check_file(text);
    check_header(text);
    check_roles(text);
    free(bytes);
    return 0;
}
