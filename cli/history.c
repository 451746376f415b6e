#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/fields.h"
#include "proto/json.h"
#include "reelrank/v1/admin.pb-c.h"

enum { PAGE_SIZE = 1000, NUMBER_WIDTH = 7, ORIGIN_WIDTH = 8, VERSION_WIDTH = 34 };

struct history_values {
    struct connection connection;
    int64_t limit;
    bool json;
};

static void print_head(void)
{
    printf("%*s  %-*s  %-*s  %-*s  note\n", NUMBER_WIDTH, "change", FIELDS_TIME_SIZE - 1, "when",
           ORIGIN_WIDTH, "origin", VERSION_WIDTH, "version");
}

static void print_row(const Reelrank__V1__WeightsChange *change)
{
    char when[FIELDS_TIME_SIZE];
    fields_format_time(change->time_ms, when);
    printf("%c%*" PRIu64 "  %-*s  ", change->current ? '*' : ' ', NUMBER_WIDTH - 1, change->number,
           FIELDS_TIME_SIZE - 1, when);
    column_print(stdout, change->origin, ORIGIN_WIDTH);
    printf("  ");
    /* Never cut: it is what other commands are given. */
    column_print_all(stdout, change->weights_version);
    int left = VERSION_WIDTH - column_width(change->weights_version);
    printf("%*s  ", left > 0 ? left : 0, "");
    column_print_all(stdout, change->note);
    printf("\n");
}

static enum status print_line(const Reelrank__V1__WeightsChange *change)
{
    char *json = json_format(&change->base, JSON_LINE_FULL);
    if (json == NULL) {
        return STATUS_NO_MEMORY;
    }
    puts(json);
    free(json);
    return STATUS_OK;
}

static enum status print_page(const Reelrank__V1__ListWeightsResponse *page, bool json)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < page->n_changes && status == STATUS_OK; i++) {
        if (json) {
            status = print_line(page->changes[i]);
        } else {
            print_row(page->changes[i]);
        }
    }
    return status;
}

/* Where the listing is. */
struct listing {
    int64_t left;    /* changes that may still be printed */
    uint64_t before; /* 0: from the newest on */
    bool more;
};

static enum status take_page(struct backend *backend, struct arena *arena, bool json,
                             struct listing *listing, struct problem *problem)
{
    Reelrank__V1__ListWeightsRequest request = REELRANK__V1__LIST_WEIGHTS_REQUEST__INIT;
    request.limit = listing->left < PAGE_SIZE ? (uint32_t)listing->left : PAGE_SIZE;
    request.before_number = listing->before;
    ProtobufCMessage *message = NULL;
    arena_reset(arena);
    enum status status = backend_call(backend, &reelrank__v1__admin_service__descriptor,
                                      "ListWeights", &request.base, arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__ListWeightsResponse *page = (const void *)message;
    listing->left -= (int64_t)page->n_changes;
    listing->more = page->more && page->n_changes > 0;
    if (page->n_changes > 0) {
        listing->before = page->changes[page->n_changes - 1]->number;
    }
    return print_page(page, json);
}

static enum exit_code list(struct backend *backend, struct arena *arena,
                           const struct history_values *values)
{
    struct listing listing = {.left = values->limit > 0 ? values->limit : INT64_MAX};
    struct problem problem = {""};
    enum status status = STATUS_OK;
    if (!values->json) {
        print_head();
    }
    do {
        status = take_page(backend, arena, values->json, &listing, &problem);
    } while (status == STATUS_OK && listing.more && listing.left > 0);
    if (status == STATUS_OK && listing.more && !values->json) {
        printf("older ones follow; --limit 0 lists all\n");
    }
    return status == STATUS_OK ? CODE_OK : command_fail("history", status, &problem);
}

static enum exit_code history_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct history_values *values = raw;
    struct arena arena = {0};
    struct backend *backend = NULL;
    enum exit_code code = command_arena("history", &arena);
    if (code == CODE_OK) {
        code = command_connect("history", &values->connection, false, &backend);
    }
    if (code == CODE_OK) {
        code = list(backend, &arena, values);
    }
    backend_close(backend);
    command_arena_release(&arena);
    return code;
}

static const struct argument history_arguments[] = {
    CONNECTION_ARGUMENTS(struct history_values),
    {.name = "limit",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct history_values, limit),
     .initial = "20",
     .minimum = 0,
     .maximum = INT64_MAX,
     .help = "how many at most; 0: all"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct history_values, json),
     .help = "print JSON Lines"},
};

const struct command command_history = {
    .name = "history",
    .operands = "",
    .summary = "list the weights that were in force",
    .description =
        "Prints each change of the weights in force, newest first: when, how it came (built-in,\n"
        "file, apply or rollback), the version, and the note given with it. \"*\" marks the\n"
        "one in force.\n",
    .examples = "  reelrank history --target 127.0.0.1:7070\n"
                "  reelrank history --data /var/lib/reelrank --limit 0 --json\n",
    COMMAND_ARGUMENTS(history_arguments),
    .values_size = sizeof(struct history_values),
    .run = history_run,
};
