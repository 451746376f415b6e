#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/diff_table.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/weights_changes.h"
#include "cli/weights_side.h"
#include "ranker/limits.h"
#include "reelrank/v1/admin.pb-c.h"
#include "replay/diff_log.h"
#include "replay/diff_page.h"
#include "server/weights_message.h"
#include "store/diff.h"

enum { WHAT_SIZE = 320 };

struct diff_values {
    struct connection connection;
    const char *log;
    const char *html;
    const char *locale;
    int64_t age_years;
    int64_t limit;
    bool journal;
    bool json;
};

/* One run of the command. */
struct run {
    const struct diff_values *values;
    struct weights_side old_side;
    struct weights_side new_side;
    struct backend *backend; /* NULL: none is named, nor needed */
    struct arena arena;
    json_t *report; /* owned */
    struct problem problem;
};

static enum status make_request(struct run *run, Reelrank__V1__DiffWeightsRequest *request)
{
    struct weights_message before;
    struct weights_message after;
    enum status status = weights_message_of(&run->old_side.source, &run->arena, &before);
    if (status == STATUS_OK) {
        status = weights_message_of(&run->new_side.source, &run->arena, &after);
    }
    if (status == STATUS_OK) {
        request->old_weights_yaml = before.yaml;
        request->old_models = before.models;
        request->n_old_models = before.model_count;
        request->new_weights_yaml = after.yaml;
        request->new_models = after.models;
        request->n_new_models = after.model_count;
        request->decision_limit = (uint32_t)run->values->limit;
    }
    return status;
}

static enum status ask_server(struct run *run)
{
    Reelrank__V1__DiffWeightsRequest request = REELRANK__V1__DIFF_WEIGHTS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    enum status status = make_request(run, &request);
    if (status != STATUS_OK) {
        return status;
    }
    status = backend_call(run->backend, &reelrank__v1__admin_service__descriptor, "DiffWeights",
                          &request.base, &run->arena, &message, &run->problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__DiffWeightsResponse *response = (const void *)message;
    run->report = json_loads(response->report_json, 0, NULL);
    if (run->report == NULL) {
        problem_set(&run->problem, "the server's report is no JSON");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static void show_progress(void *context, uint64_t bytes)
{
    progress_show(context, bytes);
}

static void add_note(struct run *run, const char *note)
{
    json_t *notes = json_object_get(run->report, "notes");
    if (notes == NULL) {
        json_object_set_new(run->report, "notes", json_array());
        notes = json_object_get(run->report, "notes");
    }
    json_array_append_new(notes, json_string(note));
}

static void note_log(struct run *run, const struct diff_log_counts *counts)
{
    char note[WHAT_SIZE];
    add_note(run, "The candidates of a request are the videos whose impressions belong together: "
                  "same user and ranking_id, or within 5 minutes. What was not shown is not "
                  "known, so nothing new can come in, and changes look smaller than they are.");
    add_note(run, "Each request was ranked with what stood in the log before its first "
                  "impression; nothing after that was known.");
    snprintf(note, sizeof(note),
             "The log tells of %" PRIu64 " requests; %" PRIu64
             " of the newest have one candidate only and were passed over. %" PRIu64
             " lines were rejected, %" PRIu64 " came too late to be put in their place.",
             counts->found, counts->single, counts->rejected, counts->late);
    add_note(run, note);
}

static enum status read_log(struct run *run, FILE *file, struct diff *diff)
{
    struct stat info = {.st_size = 0};
    struct progress progress;
    struct diff_log_counts counts;
    (void)fstat(fileno(file), &info); /* of which the size alone is of use, for the progress */
    progress_start(&progress, "ranking", "MB", 1000000, 2 * (uint64_t)info.st_size);
    struct diff_log_options options = {.file = file,
                                       .limit = (uint64_t)run->values->limit,
                                       .locale = run->values->locale,
                                       .age_years = (uint32_t)run->values->age_years,
                                       .progress = show_progress,
                                       .progress_context = &progress};
    enum status status = diff_log(diff, &options, &counts, &run->problem);
    progress_clear(&progress);
    if (status != STATUS_OK) {
        return status;
    }
    struct diff_about about = {.source = "log",
                               .old_name = "",
                               .new_name = "",
                               .limit = options.limit,
                               .state_sequence = counts.sequence};
    run->report = diff_report(diff, &about, NULL);
    if (run->report == NULL) {
        return STATUS_NO_MEMORY;
    }
    note_log(run, &counts);
    return STATUS_OK;
}

static enum status open_log(struct run *run, struct diff *diff)
{
    FILE *file = fopen(run->values->log, "rbe");
    if (file == NULL) {
        problem_set(&run->problem, "--log %.160s: cannot open: %s", run->values->log,
                    strerror(errno));
        return STATUS_IO;
    }
    enum status status = read_log(run, file, diff);
    fclose(file);
    return status;
}

static enum status rank_log(struct run *run)
{
    struct diff *diff = diff_new(run->old_side.weights, run->new_side.weights);
    enum status status = diff != NULL ? open_log(run, diff) : STATUS_NO_MEMORY;
    diff_free(diff);
    return status;
}

/* What the report says of the files, which only this command knows. */
static void add_files(struct run *run)
{
    json_object_set_new(json_object_get(run->report, "old"), "name",
                        json_string(run->old_side.name));
    json_object_set_new(json_object_get(run->report, "new"), "name",
                        json_string(run->new_side.name));
    json_t *changes = weights_changes(run->old_side.source.yaml, run->new_side.source.yaml);
    if (changes != NULL) {
        json_object_set_new(run->report, "changes", changes);
    }
    if (run->values->log == NULL) {
        add_note(run,
                 "Requests are a sample of the journal, newest first, ranked with the state of "
                 "now: both sides know what happened since they were served.");
    }
}

static enum status write_page(struct run *run)
{
    static const char option[] = "--html";
    const char *path = run->values->html;
    FILE *file;
    enum status status = output_open(option, path, &file, &run->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = diff_page_write(file, run->report) ? STATUS_OK : STATUS_IO;
    return output_close(option, path, file, status, &run->problem);
}

static enum status print_json(const struct run *run)
{
    bool printed =
        json_dumpf(run->report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIFF_DIGITS)) == 0;
    return printed && putchar('\n') != EOF ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status show(struct run *run)
{
    add_files(run);
    enum status status = run->values->html != NULL ? write_page(run) : STATUS_OK;
    if (status == STATUS_OK && run->values->json) {
        status = print_json(run);
    } else if (status == STATUS_OK) {
        diff_table_print(run->report);
    }
    if (status == STATUS_OK && json_integer_value(json_object_get(run->report, "requests")) == 0) {
        problem_set(&run->problem,
                    run->values->log == NULL
                        ? "the journal has no decisions yet; --journal-share-ppm of \"reelrank "
                          "serve\" says how many are kept, and --log FILE reads a log instead"
                        : "the log has no request of two candidates or more");
        status = STATUS_NOT_FOUND;
    }
    return status;
}

static enum status diff_all(struct run *run)
{
    enum status status =
        weights_side_read(&run->old_side, run->backend, &run->arena, &run->problem);
    if (status == STATUS_OK) {
        status = weights_side_read(&run->new_side, run->backend, &run->arena, &run->problem);
    }
    if (status == STATUS_OK) {
        status = run->values->log != NULL ? rank_log(run) : ask_server(run);
    }
    return status == STATUS_OK ? show(run) : status;
}

static enum exit_code connect(struct run *run)
{
    const struct connection *connection = &run->values->connection;
    bool named = connection->data != NULL || connection->target != NULL;
    if (run->values->log != NULL && !named) {
        return CODE_OK;
    }
    return command_connect("diff", connection, false, &run->backend);
}

static enum exit_code refuse_usage(const char *text)
{
    struct problem problem;
    problem_set(&problem, "%s", text);
    (void)command_fail("diff", STATUS_INVALID, &problem);
    return CODE_USAGE;
}

static enum exit_code diff_run(const void *raw, const struct operands *operands)
{
    struct run run = {.values = raw};
    if (run.values->journal && run.values->log != NULL) {
        return refuse_usage("give one of --journal and --log FILE");
    }
    run.old_side.name = operands->items[0];
    run.new_side.name = operands->items[1];
    enum exit_code code = command_arena("diff", &run.arena);
    if (code == CODE_OK) {
        code = connect(&run);
    }
    if (code == CODE_OK) {
        enum status status = diff_all(&run);
        code = status == STATUS_OK ? CODE_OK : command_fail("diff", status, &run.problem);
    }
    json_decref(run.report);
    weights_side_release(&run.old_side);
    weights_side_release(&run.new_side);
    backend_close(run.backend);
    command_arena_release(&run.arena);
    return code;
}

static const struct argument diff_arguments[] = {
    CONNECTION_ARGUMENTS(struct diff_values),
    WEIGHTS_ARGUMENT(struct diff_values),
    {.name = "journal",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct diff_values, journal),
     .help = "rank what the decision journal has; so it is without --log"},
    {.name = "log",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct diff_values, log),
     .help = "rank the requests that a log in JSON Lines tells of"},
    {.name = "limit",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct diff_values, limit),
     .initial = "1000",
     .minimum = 1,
     .maximum = DIFF_REQUESTS_MAX,
     .help = "requests to rank, the newest ones"},
    {.name = "locale",
     .value_name = "TAG",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct diff_values, locale),
     .initial = "und",
     .help = "of a log's impressions that name none"},
    {.name = "age",
     .value_name = "YEARS",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct diff_values, age_years),
     .initial = "0",
     .minimum = 0,
     .maximum = LIMIT_AGE_YEARS,
     .help = "of a log's users; 0: unknown, the strictest"},
    {.name = "html",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct diff_values, html),
     .help = "write a page with bars too, one file"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct diff_values, json),
     .help = "print the report as JSON (docs/diff.md)"},
};

const struct command command_diff = {
    .name = "diff",
    .operands = "OLD NEW",
    .least_operands = 2,
    .most_operands = 2,
    .summary = "tell what other weights would change",
    .description =
        "Ranks past requests with two weights and tells what changes: first video, top 10,\n"
        "rank correlation, exposure by language, region, creator's size, tier and age, drops\n"
        "and movers, with intervals. OLD and NEW are files, \"current\" for what is in force, or\n"
        "a version of \"reelrank history\". The requests come from the decision journal of a\n"
        "server or a data directory, ranked with the state of now, or with --log from\n"
        "impressions in a log, each ranked with the state of its time. Changes nothing.\n",
    .examples = "  reelrank diff current new.yaml --target 127.0.0.1:7070\n"
                "  reelrank diff old.yaml new.yaml --data /var/lib/reelrank --html diff.html\n"
                "  reelrank diff old.yaml new.yaml --log june.jsonl --limit 5000 --json\n",
    COMMAND_ARGUMENTS(diff_arguments),
    .values_size = sizeof(struct diff_values),
    .run = diff_run,
};
