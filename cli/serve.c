#include <stdlib.h>

#include "cli/command.h"
#include "cli/input.h"
#include "server/options.h"
#include "server/options_file.h"
#include "server/server.h"

/* The server's own table as this command's options, each row at its own index. */
struct serve_values {
#define TEXT(name, value, min, max, text)   const char *name;
#define NUMBER(name, value, min, max, text) int64_t name;
#define FLAG(name, text)                    bool name;
    OPTIONS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
    const char *config;
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
        {.name = "config",
         .value_name = "FILE",
         .help = "file of options, which the command line overrides",
         .kind = ARGUMENT_TEXT,
         .offset = offsetof(struct serve_values, config)},
};

static enum status read_config(const char *path, struct options *options, struct problem *problem)
{
    char *data = NULL;
    size_t size = 0;
    enum status status = input_read(path, OPTIONS_FILE_BYTES, &data, &size, problem);
    if (status == STATUS_OK) {
        struct text text = {.data = data, .size = size};
        status = options_file_apply(options, text, input_name(path), problem);
        free(data);
    }
    return status;
}

/* What is on the command line, whatever the file says. */
static enum status set_given(const struct serve_values *values, uint64_t given,
                             struct options *options, struct problem *problem)
{
    struct problem what = {""};
    enum status status = STATUS_OK;
#define TEXT(name, value, min, max, text)                           \
    if (status == STATUS_OK && (given >> OPTION_##name & 1) != 0) { \
        status = options_set(options, #name, values->name, &what);  \
    }
#define NUMBER(name, value, min, max, text)     \
    if ((given >> OPTION_##name & 1) != 0) {    \
        options->name = (uint32_t)values->name; \
    }
#define FLAG(name, text)                     \
    if ((given >> OPTION_##name & 1) != 0) { \
        options->name = true;                \
    }
    OPTIONS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
    if (status != STATUS_OK) {
        problem_set(problem, "--%s", what.text);
    }
    return status;
}

static enum exit_code serve_run(const void *raw, const struct operands *operands)
{
    const struct serve_values *values = raw;
    struct options options;
    struct problem problem = {""};
    enum status status = STATUS_OK;
    options_defaults(&options);
    if (values->config != NULL) {
        status = read_config(values->config, &options, &problem);
    }
    if (status != STATUS_OK) {
        return command_fail("serve", status, &problem);
    }
    status = set_given(values, operands->given, &options, &problem);
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
        "finishes the calls in flight. Prints \"listening on HOST:PORT\" once it serves, and "
        "where\n"
        "its admin page and metrics are. While it runs, other commands with the same --data ask\n"
        "it. Its log is on stderr.\n\n"
        "Without --tls-cert it is plaintext, on a loopback address; without --tokens any client\n"
        "may call everything. Certificates and tokens are read again when their files change.\n",
    .examples =
        "  reelrank serve --data /var/lib/reelrank --listen 127.0.0.1:7070\n"
        "  reelrank serve --data /tmp/reels --listen 127.0.0.1:0 --weights my-weights.yaml\n"
        "  reelrank serve --listen 0.0.0.0:7070 --tls-cert server.pem --tls-key server.key \\\n"
        "      --tls-client-ca ca.pem --tokens tokens\n"
        "  reelrank serve --config /etc/reelrank/reelrank.conf --workers 2\n",
    COMMAND_ARGUMENTS(serve_arguments),
    .values_size = sizeof(struct serve_values),
    .run = serve_run,
};
