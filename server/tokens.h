#ifndef SERVER_TOKENS_H
#define SERVER_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Bearer tokens, and the file that lists them, which holds their hashes alone:
 *
 *   reelrank-tokens 1
 *   # name    roles          hash                  expires
 *   feed-1    feed,catalog   sha256:64 hex digits
 *   analyst   data           sha256:64 hex digits  2027-01-31T00:00:00Z
 *
 * The first line is the version. Others are empty, begin with "#", or are a token: fields with
 * blanks between, the time in UTC; without one the token does not expire. Names are of 1 to 64
 * letters, digits, ".", "_" and "-", each once. Lines end in "\n" or "\r\n".
 *
 * A token is "reelrank_" and 32 random bytes in base64url. So the hash is a plain SHA-256: a slow
 * hash protects what people can remember, and nobody can go through 2^256 tokens.
 */
enum {
    TOKENS_MAX = 256,
    TOKENS_BYTES_MAX = 1 << 18, /* of the file */
    TOKEN_NAME_SIZE = 65,
    TOKEN_HASH_SIZE = 32,
    TOKEN_TEXT_SIZE = 9 + 43 + 1, /* as token_make() writes it, with the zero at the end */
    TOKEN_BYTES_MAX = 512,        /* of one that a client sends; longer ones are unknown */
    TOKEN_LINE_SIZE = 256
};

#define TOKENS_VERSION_LINE "reelrank-tokens 1\n"

struct token {
    char name[TOKEN_NAME_SIZE];
    unsigned roles;     /* server/roles.h; at least one */
    int64_t expires_ms; /* 0: never; else valid before that time */
    unsigned line;      /* of the file, from 1 */
    uint8_t hash[TOKEN_HASH_SIZE];
};

struct tokens {
    size_t count;
    struct token items[TOKENS_MAX];
};

/* STATUS_INVALID: problem says "line N: ..." and what is allowed; out is then half filled. */
MUST_USE enum status tokens_parse(struct text file, struct tokens *out, struct problem *problem);

/*
 * The token with that hash; NULL: there is none. Looks at every entry whole, so the time it takes
 * tells nothing of what the hashes are, nor which entry it was.
 */
const struct token *tokens_find(const struct tokens *tokens, const uint8_t hash[TOKEN_HASH_SIZE]);

/* NULL: no token has that name. */
const struct token *tokens_named(const struct tokens *tokens, const char *name);

/* STATUS_INVALID: no token may have that name. */
MUST_USE enum status token_check_name(struct text name, struct problem *problem);

/* A new token, from the system's random numbers. STATUS_IO: there are none. */
MUST_USE enum status token_make(char out[TOKEN_TEXT_SIZE]);

/* Takes no memory. */
void token_hash(struct text token, uint8_t out[TOKEN_HASH_SIZE]);

/* The file's line of a token, with its "\n". */
void token_format(const struct token *token, char out[TOKEN_LINE_SIZE]);

/*
 * The token in the value of an authorization header: "Bearer TOKEN", the scheme in any case.
 * STATUS_INVALID: it is none of that form.
 */
MUST_USE enum status token_of_header(struct text value, struct text *out);

#endif
