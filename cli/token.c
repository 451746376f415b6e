#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/token_file.h"
#include "server/roles.h"
#include "server/utc.h"
#include "store/clock.h"

enum { DAY_MS = 86400000, EXPIRES_DAYS_MAX = 36500 };

struct token_values {
    const char *file;
    const char *name;
    const char *role;
    int64_t expires;
    bool json;
};

#define FILE_ARGUMENT                                                                  \
    {                                                                                  \
        .name = "file", .value_name = "FILE", .kind = ARGUMENT_TEXT, .required = true, \
        .offset = offsetof(struct token_values, file), .help = "of serve --tokens"     \
    }

#define NAME_ARGUMENT                                                                     \
    {                                                                                     \
        .name = "name", .value_name = "NAME", .kind = ARGUMENT_TEXT, .required = true,    \
        .offset = offsetof(struct token_values, name), .help = "of the token, as in logs" \
    }

/* A failure here says in which option it is. */
static enum status fill(const struct token_values *values, struct token *out,
                        struct problem *problem)
{
    struct problem why = {""};
    enum status status = token_check_name(text_of(values->name), &why);
    if (status != STATUS_OK) {
        problem_set(problem, "--name: %s", why.text);
        return status;
    }
    status = roles_parse(text_of(values->role), &out->roles, &why);
    if (status != STATUS_OK) {
        problem_set(problem, "--role: %s", why.text);
        return status;
    }
    snprintf(out->name, sizeof(out->name), "%s", values->name);
    /* In whole seconds, as the file has it. */
    int64_t now_ms = wall_clock_ms() / 1000 * 1000;
    out->expires_ms = values->expires > 0 ? now_ms + values->expires * DAY_MS : 0;
    return STATUS_OK;
}

/* The token itself alone is on standard output, so that it can be piped into a file. */
static void print_new(const struct token *token, const char *text)
{
    char roles[ROLES_SIZE];
    char expires[UTC_SIZE] = "never";
    if (token->expires_ms != 0) {
        utc_format(token->expires_ms, expires);
    }
    roles_format(token->roles, ",", roles);
    printf("%s\n", text);
    fprintf(stderr, "token \"%s\": roles %s, expires %s; it is shown this once\n", token->name,
            roles, expires);
}

static enum exit_code new_run(const void *values, const struct operands *operands)
{
    (void)operands;
    const struct token_values *token_values = values;
    struct problem problem = {""};
    struct token token = {.line = 0};
    char text[TOKEN_TEXT_SIZE];
    enum status status = fill(token_values, &token, &problem);
    if (status != STATUS_OK) {
        (void)command_fail("token new", status, &problem);
        return CODE_USAGE;
    }
    status = token_make(text);
    if (status == STATUS_OK) {
        token_hash(text_of(text), token.hash);
        status = token_file_add(token_values->file, &token, &problem);
    }
    if (status != STATUS_OK) {
        return command_fail("token new", status, &problem);
    }
    print_new(&token, text);
    explicit_bzero(text, sizeof(text));
    return CODE_OK;
}

static bool has_expired(const struct token *token)
{
    return token->expires_ms != 0 && token->expires_ms <= wall_clock_ms();
}

static void print_list(const struct tokens *tokens)
{
    printf("%-24s %-24s %s\n", "name", "roles", "expires");
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token *token = &tokens->items[i];
        char roles[ROLES_SIZE];
        char expires[UTC_SIZE] = "never";
        roles_format(token->roles, ",", roles);
        if (token->expires_ms != 0) {
            utc_format(token->expires_ms, expires);
        }
        printf("%-24s %-24s %s%s\n", token->name, roles, expires,
               has_expired(token) ? " (expired)" : "");
    }
}

static json_t *token_json(const struct token *token)
{
    char roles[ROLES_SIZE];
    roles_format(token->roles, ",", roles);
    return json_pack("{s:s, s:s, s:I, s:b}", "name", token->name, "roles", roles, "expires_ms",
                     (json_int_t)token->expires_ms, "expired", has_expired(token) ? 1 : 0);
}

static enum status print_json(const struct tokens *tokens)
{
    json_t *list = json_array();
    for (size_t i = 0; i < tokens->count && list != NULL; i++) {
        if (json_array_append_new(list, token_json(&tokens->items[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    if (list == NULL) {
        return STATUS_NO_MEMORY;
    }
    (void)json_dumpf(list, stdout, JSON_INDENT(2)); /* main() looks at the stream's errors */
    putchar('\n');
    json_decref(list);
    return STATUS_OK;
}

static enum exit_code list_run(const void *values, const struct operands *operands)
{
    (void)operands;
    const struct token_values *token_values = values;
    struct problem problem = {""};
    struct tokens *tokens = malloc(sizeof(*tokens));
    enum status status = STATUS_NO_MEMORY;
    if (tokens != NULL) {
        status = token_file_read(token_values->file, tokens, &problem);
    }
    if (status == STATUS_OK && token_values->json) {
        status = print_json(tokens);
    } else if (status == STATUS_OK) {
        print_list(tokens);
    }
    free(tokens);
    return status == STATUS_OK ? CODE_OK : command_fail("token list", status, &problem);
}

static enum exit_code revoke_run(const void *values, const struct operands *operands)
{
    (void)operands;
    const struct token_values *token_values = values;
    struct problem problem = {""};
    enum status status = token_file_remove(token_values->file, token_values->name, &problem);
    if (status != STATUS_OK) {
        return command_fail("token revoke", status, &problem);
    }
    printf("token \"%s\" is revoked\n", token_values->name);
    return CODE_OK;
}

static const struct argument new_arguments[] = {
    FILE_ARGUMENT,
    NAME_ARGUMENT,
    {.name = "role",
     .value_name = "ROLES",
     .kind = ARGUMENT_TEXT,
     .required = true,
     .offset = offsetof(struct token_values, role),
     .help = "some of feed, catalog, data and admin, with commas between"},
    {.name = "expires",
     .value_name = "DAYS",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct token_values, expires),
     .initial = "0",
     .maximum = EXPIRES_DAYS_MAX,
     .help = "days from now until it is refused; 0: never"},
};

static const struct argument list_arguments[] = {
    FILE_ARGUMENT,
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct token_values, json),
     .help = "print JSON"},
};

static const struct argument revoke_arguments[] = {FILE_ARGUMENT, NAME_ARGUMENT};

const struct command command_token_new = {
    .name = "token new",
    .operands = "",
    .summary = "make a token for callers of a server",
    .description =
        "Prints a new token, and adds its name, roles and hash to the file that servers read\n"
        "(serve --tokens), which is made if there is none. The token itself is written nowhere.\n"
        "A server that runs takes the file within seconds.\n",
    .examples = "  reelrank token new --file tokens --name feed-1 --role feed > feed-1.token\n"
                "  reelrank token new --file tokens --name analyst --role data --expires 90\n",
    COMMAND_ARGUMENTS(new_arguments),
    .values_size = sizeof(struct token_values),
    .run = new_run,
};

const struct command command_token_list = {
    .name = "token list",
    .operands = "",
    .summary = "list a file's tokens",
    .description = "Prints each token's name, roles, and when it expires.\n",
    .examples = "  reelrank token list --file tokens\n",
    COMMAND_ARGUMENTS(list_arguments),
    .values_size = sizeof(struct token_values),
    .run = list_run,
};

const struct command command_token_revoke = {
    .name = "token revoke",
    .operands = "",
    .summary = "take a token away",
    .description =
        "Takes a token's line out of the file. A server that runs takes the file within seconds;\n"
        "then calls with the token are refused, and streams end with their next message.\n",
    .examples = "  reelrank token revoke --file tokens --name feed-1\n",
    COMMAND_ARGUMENTS(revoke_arguments),
    .values_size = sizeof(struct token_values),
    .run = revoke_run,
};
