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
#include "cli/input.h"
#include "cli/progress.h"
#include "cli/weights_changes.h"
#include "ranker/limits.h"
#include "ranker/weights.h"
#include "reelrank/v1/admin.pb-c.h"
#include "replay/diff_log.h"
#include "replay/diff_page.h"
#include "store/diff.h"

enum { WHAT_SIZE = 320 };

static const char current[] = "current";

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

/* Weights as the command line names them. */
struct side {
    const char *name;
    char *text; /* owned; NULL: those in force, whose text the server does not tell */
    size_t size;
};

/* One run of the command. */
struct run {
    const struct diff_values *values;
    struct side old_side;
    struct side new_side;
    struct backend *backend; /* NULL: none is named, nor needed */
    struct arena arena;
    json_t *report; /* owned */
    struct problem problem;
};

static struct text text_of_side(const struct side *side)
{
    return (struct text){.data = side->text, .size = side->size};
}

static enum status copy_text(const char *text, struct side *side)
{
    side->size = strlen(text);
    side->text = strdup(text);
    return side->text != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

/* Where the server does not tell its weights, it can still rank with them as the old ones. */
static enum status read_current(struct run *run, struct side *side)
{
    Reelrank__V1__GetWeightsRequest request = REELRANK__V1__GET_WEIGHTS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    if (run->backend == NULL) {
        problem_set(&run->problem,
                    "\"current\" is what a server has in force: name it with --target or --data");
        return STATUS_INVALID;
    }
    enum status status =
        backend_call(run->backend, &reelrank__v1__admin_service__descriptor, "GetWeights",
                     &request.base, &run->arena, &message, &run->problem);
    if (status == STATUS_UNIMPLEMENTED && side == &run->old_side && run->values->log == NULL) {
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__GetWeightsResponse *response = (const void *)message;
    return copy_text(response->weights_yaml, side);
}

/* The text that a name on the command line stands for. */
static enum status read_side(struct run *run, struct side *side)
{
    if (strcmp(side->name, current) == 0) {
        return read_current(run, side);
    }
    return input_read(side->name, LIMIT_WEIGHTS_BYTES, &side->text, &side->size, &run->problem);
}

static enum status parse_side(struct run *run, const struct side *side, struct weights **out)
{
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = weights_parse(text_of_side(side), out, problems);
    if (status == STATUS_INVALID) {
        const struct weights_problem *first = &problems->items[0];
        problem_set(&run->problem, "%s:%u:%u: %s%s%.110s; \"reelrank check\" tells more",
                    input_name(side->name), first->line, first->column, first->path,
                    first->path[0] != '\0' ? ": " : "", first->message);
    }
    free(problems);
    return status;
}

/* Told here, with the files' names, before anything else is done. */
static enum status check_side(struct run *run, const struct side *side)
{
    struct weights *weights = NULL;
    if (side->text == NULL) {
        return STATUS_OK;
    }
    enum status status = parse_side(run, side, &weights);
    weights_free(weights);
    return status;
}

static enum status ask_server(struct run *run)
{
    Reelrank__V1__DiffWeightsRequest request = REELRANK__V1__DIFF_WEIGHTS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    if (run->old_side.text != NULL) {
        request.old_weights_yaml = run->old_side.text;
    }
    request.new_weights_yaml = run->new_side.text;
    request.decision_limit = (uint32_t)run->values->limit;
    enum status status =
        backend_call(run->backend, &reelrank__v1__admin_service__descriptor, "DiffWeights",
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
    struct weights *old_weights = NULL;
    struct weights *new_weights = NULL;
    struct diff *diff = NULL;
    enum status status = parse_side(run, &run->old_side, &old_weights);
    if (status == STATUS_OK) {
        status = parse_side(run, &run->new_side, &new_weights);
    }
    if (status == STATUS_OK) {
        diff = diff_new(old_weights, new_weights);
        status = diff != NULL ? open_log(run, diff) : STATUS_NO_MEMORY;
    }
    diff_free(diff);
    weights_free(old_weights);
    weights_free(new_weights);
    return status;
}

/* What the report says of the files, which only this command knows. */
static void add_files(struct run *run)
{
    json_object_set_new(json_object_get(run->report, "old"), "name",
                        json_string(run->old_side.name));
    json_object_set_new(json_object_get(run->report, "new"), "name",
                        json_string(run->new_side.name));
    if (run->old_side.text != NULL) {
        json_t *changes =
            weights_changes(text_of_side(&run->old_side), text_of_side(&run->new_side));
        if (changes != NULL) {
            json_object_set_new(run->report, "changes", changes);
        }
    }
    if (run->values->log == NULL) {
        add_note(run,
                 "Requests are a sample of the journal, newest first, ranked with the state of "
                 "now: both sides know what happened since they were served.");
    }
}

static enum status write_page(struct run *run)
{
    const char *path = run->values->html;
    FILE *file = fopen(path, "we");
    bool written = file != NULL && diff_page_write(file, run->report);
    if (file != NULL && fclose(file) != 0) {
        written = false;
    }
    if (!written) {
        problem_set(&run->problem, "--html %.160s: cannot write: %s", path, strerror(errno));
        return STATUS_IO;
    }
    return STATUS_OK;
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
    enum status status = read_side(run, &run->old_side);
    if (status == STATUS_OK) {
        status = read_side(run, &run->new_side);
    }
    if (status == STATUS_OK) {
        status = check_side(run, &run->old_side);
    }
    if (status == STATUS_OK) {
        status = check_side(run, &run->new_side);
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
    free(run.old_side.text);
    free(run.new_side.text);
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
        "and movers, with intervals. OLD and NEW are files, or \"current\" for what is in\n"
        "force. The requests come from the decision journal of a server or a data directory,\n"
        "ranked with the state of now, or with --log from impressions in a log, each ranked\n"
        "with the state of its time. Changes nothing.\n",
    .examples = "  reelrank diff current new.yaml --target 127.0.0.1:7070\n"
                "  reelrank diff old.yaml new.yaml --data /var/lib/reelrank --html diff.html\n"
                "  reelrank diff old.yaml new.yaml --log june.jsonl --limit 5000 --json\n",
    COMMAND_ARGUMENTS(diff_arguments),
    .values_size = sizeof(struct diff_values),
    .run = diff_run,
};
