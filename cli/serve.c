#include "cli/command.h"
#include "server/options.h"
#include "server/server.h"

/* The server's own table as this command's options. */
struct serve_values {
#define TEXT(name, value, min, max, text)   const char *name;
#define NUMBER(name, value, min, max, text) int64_t name;
#define FLAG(name, text)                    bool name;
    OPTIONS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
};

static const struct argument serve_arguments[] = {
#define TEXT(field, value, min, max, text)           \
    {.name = #field,                                 \
     .value_name = "TEXT",                           \
     .help = text,                                   \
     .kind = ARGUMENT_TEXT,                          \
     .offset = offsetof(struct serve_values, field), \
     .initial = value},
#define NUMBER(field, value, min, max, text)         \
    {.name = #field,                                 \
     .value_name = "N",                              \
     .help = text,                                   \
     .kind = ARGUMENT_NUMBER,                        \
     .offset = offsetof(struct serve_values, field), \
     .initial = #value,                              \
     .minimum = min,                                 \
     .maximum = max},
#define FLAG(field, text)   \
    {.name = #field,        \
     .help = text,          \
     .kind = ARGUMENT_FLAG, \
     .offset = offsetof(struct serve_values, field)},
    OPTIONS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
};

static enum status set_options(const struct serve_values *values, struct options *options,
                               struct problem *problem)
{
    enum status status = STATUS_OK;
    options_defaults(options);
#define TEXT(name, value, min, max, text)                            \
    if (status == STATUS_OK) {                                       \
        status = options_set(options, #name, values->name, problem); \
    }
#define NUMBER(name, value, min, max, text) options->name = (uint32_t)values->name;
#define FLAG(name, text)                    options->name = values->name;
    OPTIONS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
    return status;
}

static enum exit_code serve_run(const void *values, const struct operands *operands)
{
    (void)operands;
    struct options options;
    struct problem problem = {""};
    enum status status = set_options(values, &options, &problem);
    if (status != STATUS_OK) {
        (void)command_fail("serve", status, &problem);
        return CODE_USAGE;
    }
    status = server_run(&options, &problem);
    return status == STATUS_OK ? CODE_OK : command_fail("serve", status, &problem);
}

const struct command command_serve = {
    .name = "serve",
    .operands = "",
    .summary = "serve the API over gRPC",
    .description =
        "Serves reelrank.v1 on the store in the data directory until SIGTERM or SIGINT, then\n"
        "finishes the calls in flight. Prints \"listening on HOST:PORT\" once it serves. While\n"
        "it runs, other commands with the same --data ask it.\n\n"
        "Without --tls-cert it is plaintext, on a loopback address; without --tokens any client\n"
        "may call everything. Certificates and tokens are read again when their files change.\n",
    .examples =
        "  reelrank serve --data /var/lib/reelrank --listen 127.0.0.1:7070\n"
        "  reelrank serve --data /tmp/reels --listen 127.0.0.1:0 --weights my-weights.yaml\n"
        "  reelrank serve --listen 0.0.0.0:7070 --tls-cert server.pem --tls-key server.key \\\n"
        "      --tls-client-ca ca.pem --tokens tokens\n",
    COMMAND_ARGUMENTS(serve_arguments),
    .values_size = sizeof(struct serve_values),
    .run = serve_run,
};
