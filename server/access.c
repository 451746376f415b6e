/* For the adaptive mutex; must precede every include. */
#define _GNU_SOURCE

#include "server/access.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "server/file_watch.h"
#include "server/log_limit.h"
#include "server/logline.h"
#include "server/roles.h"
#include "server/secret_file.h"
#include "store/clock.h"

struct access {
    const char *path;        /* set once */
    struct file_watch watch; /* owned by the thread that ticks */
    pthread_mutex_t lock;    /* who finds it taken spins: it is held for a look through the table */
    struct tokens *tokens;   /* guarded by lock */
    struct log_limit denials;
};

/* *out is the caller's to free, on STATUS_OK alone. */
static enum status read_tokens(const char *path, struct tokens **out, struct problem *problem)
{
    char *text = NULL;
    size_t size = 0;
    enum status status =
        secret_file_read(path, SECRET_FILE_UNCHANGED, TOKENS_BYTES_MAX, &text, &size, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct tokens *tokens = malloc(sizeof(*tokens));
    status = STATUS_NO_MEMORY;
    if (tokens != NULL) {
        struct problem why = {""};
        status = tokens_parse((struct text){.data = text, .size = size}, tokens, &why);
        problem_set(problem, "%s: %s", secret_file_name(path), why.text);
    }
    secret_file_free(text, size);
    if (status != STATUS_OK) {
        free(tokens);
        return status;
    }
    *out = tokens;
    return STATUS_OK;
}

static void log_tokens(const struct tokens *tokens)
{
    int64_t now_ms = wall_clock_ms();
    size_t expired = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        int64_t expires_ms = tokens->items[i].expires_ms;
        expired += expires_ms != 0 && expires_ms <= now_ms ? 1 : 0;
    }
    logline(tokens->count > expired ? LOG_INFO : LOG_WARN, "tokens", "count=%zu expired=%zu",
            tokens->count, expired);
}

static void init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t spinning;
    CHECK(pthread_mutexattr_init(&spinning) == 0);
    CHECK(pthread_mutexattr_settype(&spinning, PTHREAD_MUTEX_ADAPTIVE_NP) == 0);
    CHECK(pthread_mutex_init(lock, &spinning) == 0);
    CHECK(pthread_mutexattr_destroy(&spinning) == 0);
}

enum status access_new(const char *path, struct access **out, struct problem *problem)
{
    struct access *access = calloc(1, sizeof(*access));
    if (access == NULL) {
        problem_set(problem, "no memory for tokens");
        return STATUS_NO_MEMORY;
    }
    struct problem why = {""};
    file_watch_init(&access->watch, &path, 1);
    enum status status = read_tokens(path, &access->tokens, &why);
    if (status != STATUS_OK) {
        problem_set(problem, "tokens: %s", why.text);
        free(access);
        return status == STATUS_NO_MEMORY ? status : STATUS_INVALID;
    }
    access->path = path;
    init_lock(&access->lock);
    log_tokens(access->tokens);
    *out = access;
    return STATUS_OK;
}

void access_free(struct access *access)
{
    if (access == NULL) {
        return;
    }
    CHECK(pthread_mutex_destroy(&access->lock) == 0);
    free(access->tokens);
    free(access);
}

static void swap_tokens(struct access *access, struct tokens *tokens)
{
    CHECK(pthread_mutex_lock(&access->lock) == 0);
    struct tokens *before = access->tokens;
    access->tokens = tokens;
    CHECK(pthread_mutex_unlock(&access->lock) == 0);
    free(before);
}

void access_tick(struct access *access)
{
    struct tokens *tokens = NULL;
    struct problem problem = {""};
    if (!file_watch_look(&access->watch)) {
        return;
    }
    enum status status = read_tokens(access->path, &tokens, &problem);
    if (status == STATUS_OK) {
        log_tokens(tokens);
        swap_tokens(access, tokens);
    } else {
        logline(LOG_WARN, "tokens_refused", "problem=\"%s\" kept=\"the tokens of before\"",
                problem.text);
    }
}

/* False: there is no such token. */
static bool find(struct access *access, struct text text, struct token *out)
{
    uint8_t hash[TOKEN_HASH_SIZE];
    token_hash(text, hash);
    CHECK(pthread_mutex_lock(&access->lock) == 0);
    const struct token *token = tokens_find(access->tokens, hash);
    if (token != NULL) {
        *out = *token;
    }
    CHECK(pthread_mutex_unlock(&access->lock) == 0);
    return token != NULL;
}

static enum status refuse(struct access_denial *denial, const char *reason, const char *text)
{
    denial->reason = reason;
    problem_set(&denial->problem, "%s", text);
    return STATUS_UNAUTHENTICATED;
}

static enum status check_token(const struct token *token, const struct method *method,
                               struct access_denial *denial)
{
    if (token->expires_ms != 0 && wall_clock_ms() >= token->expires_ms) {
        return refuse(denial, "expired", "the token has expired");
    }
    if ((token->roles & method->roles) == 0) {
        char roles[ROLES_SIZE];
        roles_format(method->roles, " or ", roles);
        denial->reason = "role";
        problem_set(&denial->problem, "%s needs a token with the role %s", method->name, roles);
        return STATUS_DENIED;
    }
    return STATUS_OK;
}

enum status access_check(struct access *access, const struct method *method,
                         struct text authorization, struct access_denial *denial)
{
    struct text text = {0};
    struct token token;
    if (method->roles == ROLES_OPEN) {
        return STATUS_OK;
    }
    denial->name[0] = '\0';
    if (authorization.data == NULL) {
        return refuse(denial, "missing",
                      "a token is needed: one header authorization: Bearer TOKEN");
    }
    if (token_of_header(authorization, &text) != STATUS_OK) {
        return refuse(denial, "malformed", "the authorization header is not \"Bearer TOKEN\"");
    }
    if (!find(access, text, &token)) {
        return refuse(denial, "unknown", "the token is not known");
    }
    enum status status = check_token(&token, method, denial);
    if (status != STATUS_OK) {
        memcpy(denial->name, token.name, sizeof(denial->name));
    }
    return status;
}

void access_log(struct access *access, const struct method *method,
                const struct access_denial *denial, access_peer *peer, void *context)
{
    uint64_t more = 0;
    char address[ACCESS_PEER_SIZE] = "";
    if (log_limit_due(&access->denials, &more)) {
        peer(context, address);
        logline(LOG_WARN, "denied", "method=%s reason=%s token=\"%s\" peer=\"%s\" more=%" PRIu64,
                method->name, denial->reason, denial->name, address, more);
    }
}
