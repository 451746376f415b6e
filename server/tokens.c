/* SHA256_Init() and its like work on the stack; what OpenSSL has in their place takes memory. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "server/tokens.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "ranker/check.h"
#include "server/roles.h"
#include "server/utc.h"

#define HASH_PREFIX  "sha256:"
#define TOKEN_PREFIX "reelrank_"

enum { FIELDS_MAX = 4, SECRET_BYTES = 32, SHOWN = 32 };

/* What problems show of a text. */
static int shown(struct text text)
{
    return (int)(text.size < SHOWN ? text.size : SHOWN);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes what stands before the next "\n" off the front of rest. */
static struct text take_line(struct text *rest)
{
    const char *end = memchr(rest->data, '\n', rest->size);
    struct text line = {.data = rest->data,
                        .size = end != NULL ? (size_t)(end - rest->data) : rest->size};
    size_t used = line.size + (end != NULL ? 1 : 0);
    rest->data += used;
    rest->size -= used;
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    return line;
}

/* Fields that are one too many are counted, and not kept. */
static size_t split(struct text line, struct text fields[FIELDS_MAX])
{
    size_t count = 0;
    size_t at = 0;
    while (at < line.size) {
        size_t first = at;
        while (at < line.size && !is_blank(line.data[at])) {
            at++;
        }
        if (at > first) {
            if (count < FIELDS_MAX) {
                fields[count] = (struct text){.data = line.data + first, .size = at - first};
            }
            count++;
        }
        at++;
    }
    return count;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

enum status token_check_name(struct text name, struct problem *problem)
{
    bool valid = name.size > 0 && name.size < TOKEN_NAME_SIZE;
    for (size_t i = 0; i < name.size && valid; i++) {
        valid = is_name_byte(name.data[i]);
    }
    if (!valid) {
        problem_set(problem,
                    "name \"%.*s\", expected 1 to %d letters, digits, \".\", \"_\" and \"-\"",
                    shown(name), name.data, TOKEN_NAME_SIZE - 1);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* -1: it is no hexadecimal digit. */
static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum status parse_hash(struct text field, uint8_t out[TOKEN_HASH_SIZE],
                              struct problem *problem)
{
    size_t prefix = strlen(HASH_PREFIX);
    bool valid = field.size == prefix + (size_t)2 * TOKEN_HASH_SIZE &&
                 memcmp(field.data, HASH_PREFIX, prefix) == 0;
    for (size_t i = 0; i < TOKEN_HASH_SIZE && valid; i++) {
        int high = digit_of(field.data[prefix + 2 * i]);
        int low = digit_of(field.data[prefix + 2 * i + 1]);
        valid = high >= 0 && low >= 0;
        out[i] = valid ? (uint8_t)(16 * high + low) : 0;
    }
    if (!valid) { /* what stands there may be a token itself, so it is not repeated */
        problem_set(problem, "the third field is no hash, expected sha256: and %d digits 0 to f",
                    2 * TOKEN_HASH_SIZE);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status parse_time(struct text field, int64_t *out, struct problem *problem)
{
    if (!utc_parse(field, out)) {
        problem_set(problem, "expires \"%.*s\", expected a time such as 2027-01-31T00:00:00Z",
                    shown(field), field.data);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status parse_fields(const struct text *fields, size_t count, struct token *out,
                                struct problem *problem)
{
    enum status status = token_check_name(fields[0], problem);
    if (status == STATUS_OK) {
        memcpy(out->name, fields[0].data, fields[0].size);
        out->name[fields[0].size] = '\0';
        status = roles_parse(fields[1], &out->roles, problem);
    }
    if (status == STATUS_OK) {
        status = parse_hash(fields[2], out->hash, problem);
    }
    if (status == STATUS_OK && count > 3) {
        status = parse_time(fields[3], &out->expires_ms, problem);
    }
    return status;
}

const struct token *tokens_named(const struct tokens *tokens, const char *name)
{
    for (size_t i = 0; i < tokens->count; i++) {
        if (strcmp(tokens->items[i].name, name) == 0) {
            return &tokens->items[i];
        }
    }
    return NULL;
}

static enum status add(struct tokens *tokens, const struct token *token, struct problem *problem)
{
    const struct token *named = tokens_named(tokens, token->name);
    const struct token *same = tokens_find(tokens, token->hash);
    if (named != NULL || same != NULL) {
        problem_set(problem, "the %s of this token is in line %u already",
                    named != NULL ? "name" : "hash", named != NULL ? named->line : same->line);
        return STATUS_INVALID;
    }
    if (tokens->count == TOKENS_MAX) {
        problem_set(problem, "there are more than %d tokens", TOKENS_MAX);
        return STATUS_INVALID;
    }
    tokens->items[tokens->count++] = *token;
    return STATUS_OK;
}

static enum status parse_line(struct text line, unsigned number, struct tokens *out,
                              struct problem *problem)
{
    struct text fields[FIELDS_MAX];
    struct token token = {.line = number};
    size_t count = split(line, fields);
    if (count == 0 || fields[0].data[0] == '#') {
        return STATUS_OK;
    }
    if (count < 3 || count > FIELDS_MAX) {
        problem_set(problem, "%zu fields, expected 3 or 4: name, roles, hash, expires", count);
        return STATUS_INVALID;
    }
    enum status status = parse_fields(fields, count, &token, problem);
    return status == STATUS_OK ? add(out, &token, problem) : status;
}

static enum status tell_line(unsigned number, enum status status, struct problem *problem)
{
    struct problem why = *problem;
    problem_set(problem, "line %u: %s", number, why.text);
    return status;
}

enum status tokens_parse(struct text file, struct tokens *out, struct problem *problem)
{
    struct text first = {.data = "", .size = 0};
    struct text rest = file;
    out->count = 0;
    if (file.size > 0) {
        first = take_line(&rest);
    }
    if (!text_equal(first, (struct text){TOKENS_VERSION_LINE, strlen(TOKENS_VERSION_LINE) - 1})) {
        problem_set(problem, "line 1: expected \"%.*s\"", (int)strlen(TOKENS_VERSION_LINE) - 1,
                    TOKENS_VERSION_LINE);
        return STATUS_INVALID;
    }
    for (unsigned number = 2; rest.size > 0; number++) {
        enum status status = parse_line(take_line(&rest), number, out, problem);
        if (status != STATUS_OK) {
            return tell_line(number, status, problem);
        }
    }
    return STATUS_OK;
}

/* All ones where the hashes are the same, else 0, in the same time. */
static uint64_t same_mask(const uint8_t a[TOKEN_HASH_SIZE], const uint8_t b[TOKEN_HASH_SIZE])
{
    uint64_t left[TOKEN_HASH_SIZE / 8];
    uint64_t right[TOKEN_HASH_SIZE / 8];
    memcpy(left, a, sizeof(left));
    memcpy(right, b, sizeof(right));
    uint64_t different =
        (left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]);
    /* The compiler is not to know what it is, or it might find a quicker way for some hashes. */
    __asm__("" : "+r"(different));
    return ((different | (0 - different)) >> 63) - 1;
}

const struct token *tokens_find(const struct tokens *tokens, const uint8_t hash[TOKEN_HASH_SIZE])
{
    uint64_t found = 0; /* its number, from 1 */
    for (size_t i = 0; i < tokens->count; i++) {
        found |= same_mask(tokens->items[i].hash, hash) & (i + 1);
    }
    return found > 0 ? &tokens->items[found - 1] : NULL;
}

/* Without "=" at the end. */
static void write_base64url(const uint8_t bytes[SECRET_BYTES], char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t held = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < SECRET_BYTES; i++) {
        held = held << 8 | bytes[i];
        bits += 8;
        for (; bits >= 6; bits -= 6) {
            *out++ = digits[held >> (bits - 6) & 63];
        }
    }
    *out++ = digits[held << (6 - bits) & 63];
    *out = '\0';
}

enum status token_make(char out[TOKEN_TEXT_SIZE])
{
    uint8_t secret[SECRET_BYTES];
    ssize_t got = getrandom(secret, sizeof(secret), 0); /* whole: it is short */
    if (got != (ssize_t)sizeof(secret)) {
        return STATUS_IO;
    }
    memcpy(out, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
    write_base64url(secret, out + strlen(TOKEN_PREFIX));
    explicit_bzero(secret, sizeof(secret));
    return STATUS_OK;
}

void token_hash(struct text token, uint8_t out[TOKEN_HASH_SIZE])
{
    SHA256_CTX state;
    CHECK(SHA256_Init(&state) == 1);
    CHECK(SHA256_Update(&state, token.data, token.size) == 1);
    CHECK(SHA256_Final(out, &state) == 1);
}

void token_format(const struct token *token, char out[TOKEN_LINE_SIZE])
{
    char roles[ROLES_SIZE];
    char hash[2 * TOKEN_HASH_SIZE + 1];
    char expires[UTC_SIZE] = "";
    roles_format(token->roles, ",", roles);
    for (size_t i = 0; i < TOKEN_HASH_SIZE; i++) {
        snprintf(hash + 2 * i, 3, "%02x", token->hash[i]);
    }
    if (token->expires_ms != 0) {
        utc_format(token->expires_ms, expires);
    }
    int size = snprintf(out, TOKEN_LINE_SIZE, "%s %s " HASH_PREFIX "%s%s%s\n", token->name, roles,
                        hash, expires[0] != '\0' ? " " : "", expires);
    CHECK(size < TOKEN_LINE_SIZE);
}

enum status token_of_header(struct text value, struct text *out)
{
    static const char scheme[] = "bearer";
    size_t at = strlen(scheme);
    if (value.size <= at || strncasecmp(value.data, scheme, at) != 0 || value.data[at] != ' ') {
        return STATUS_INVALID;
    }
    while (at < value.size && value.data[at] == ' ') {
        at++;
    }
    size_t size = value.size - at;
    if (size == 0 || size > TOKEN_BYTES_MAX) {
        return STATUS_INVALID;
    }
    *out = (struct text){.data = value.data + at, .size = size};
    return STATUS_OK;
}
