#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/fields.h"
#include "cli/progress.h"
#include "server/options.h"
#include "store/store.h"
#include "store/verify.h"

struct verify_values {
    const char *data;
    bool json;
    bool rebuild;
};

/* What was found out. */
struct verdict {
    struct verify_report report;
    struct state_digests opened; /* of the state as a server would open it */
    bool has_opened;
};

static void show(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    progress->total = total;
    progress_show(progress, done);
}

static struct log_options log_options(const char *data)
{
    struct options defaults;
    options_defaults(&defaults);
    return (struct log_options){.path = data, .map_bytes = (size_t)defaults.map_mib << 20};
}

/* Holds the directory meanwhile: what is read must not change. */
static enum status check_log(const struct verify_values *values, struct verdict *verdict,
                             struct problem *problem)
{
    const char *data = values->data;
    int lock_fd = -1;
    enum status status = log_hold(data, &lock_fd, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct progress progress;
    progress_start(&progress, "verifying", "records", 1, 0);
    struct verify_options options = {
        .every_snapshot = values->rebuild, .progress = show, .progress_context = &progress};
    status = verify_data(data, &options, &verdict->report, problem);
    progress_clear(&progress);
    close(lock_fd);
    return status;
}

/* Opens the store as a server does and compares. */
static enum status check_opened(const char *data, struct verdict *verdict, struct problem *problem)
{
    struct progress progress;
    struct store *store = NULL;
    progress_start(&progress, "opening", "records", 1, 0);
    struct store_options options = {
        .log = log_options(data), .progress = show, .progress_context = &progress};
    enum status status = store_open(&options, &store, problem);
    progress_clear(&progress);
    if (status != STATUS_OK) {
        return status;
    }
    status = state_digest(store_begin(store), &verdict->opened);
    store_end(store);
    store_close(store);
    if (status != STATUS_OK) {
        problem_set(problem, "%s: the state cannot be read: %s", data, status_text(status));
        return status;
    }
    verdict->has_opened = true;
    struct verify_report *report = &verdict->report;
    if (verdict->opened.all != report->digests.all) {
        verify_add_error(report, report->sequence,
                         "the state as opened has digest %016" PRIx64
                         ", the one rebuilt from the log %016" PRIx64,
                         verdict->opened.all, report->digests.all);
    }
    return STATUS_OK;
}

static json_t *hex(uint64_t number)
{
    char text[17];
    snprintf(text, sizeof(text), "%016" PRIx64, number);
    return json_string(text);
}

static size_t listed(const struct verify_report *report)
{
    return report->error_count < VERIFY_ERRORS_MAX ? (size_t)report->error_count
                                                   : VERIFY_ERRORS_MAX;
}

static json_t *errors_of(const struct verify_report *report)
{
    json_t *errors = json_array();
    for (size_t i = 0; i < listed(report); i++) {
        json_array_append_new(errors, json_pack("{s:I, s:s}", "sequence",
                                                (json_int_t)report->errors[i].sequence, "problem",
                                                report->errors[i].problem.text));
    }
    return errors;
}

static json_t *state_file_of(const char *name, const struct verify_file *file)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "name", name, "bytes",
                     (json_int_t)file->bytes, "sequence", (json_int_t)file->sequence, "users",
                     (json_int_t)file->users, "videos", (json_int_t)file->videos, "statistics",
                     (json_int_t)file->statistics, "error_count", (json_int_t)file->error_count,
                     "other_version", file->other_version);
}

static json_t *files_of(const struct verify_report *report)
{
    json_t *files = json_pack("[{s:s, s:I, s:I, s:I, s:I}]", "name", "data.mdb", "bytes",
                              (json_int_t)report->bytes, "records", (json_int_t)report->records,
                              "tombstones", (json_int_t)report->tombstones, "weights_changes",
                              (json_int_t)report->weights_changes);
    for (size_t i = 0; i < report->snapshot_count; i++) {
        char name[SNAPSHOT_NAME_SIZE];
        snapshot_name(report->snapshots[i].sequence, name);
        json_array_append_new(files, state_file_of(name, &report->snapshots[i]));
    }
    if (report->has_state) {
        json_array_append_new(files, state_file_of("state.mdb", &report->state));
    }
    if (report->decisions > 0) {
        json_array_append_new(files, json_pack("{s:s, s:I, s:I}", "name", "journal", "bytes",
                                               (json_int_t)report->journal_bytes, "decisions",
                                               (json_int_t)report->decisions));
    }
    return files;
}

static enum exit_code print_json(const struct verdict *verdict)
{
    const struct verify_report *report = &verdict->report;
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:I, s:o}", "digest",
                  hex(report->digests.all), "aggregates_digest", hex(report->digests.aggregates),
                  "users_digest", hex(report->digests.users), "first", (json_int_t)report->first,
                  "base", (json_int_t)report->base, "sequence", (json_int_t)report->sequence,
                  "records", (json_int_t)report->records, "files", files_of(report), "error_count",
                  (json_int_t)report->error_count, "errors", errors_of(report));
    if (verdict->has_opened) {
        json_object_set_new(object, "opened_digest", hex(verdict->opened.all));
    }
    char *text = object != NULL ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    if (text == NULL) {
        return command_fail("verify", STATUS_NO_MEMORY, NULL);
    }
    puts(text);
    free(text);
    return CODE_OK;
}

static void print_errors(const struct verify_report *report)
{
    fields_number("errors", report->error_count);
    for (size_t i = 0; i < listed(report); i++) {
        printf("  %" PRIu64 ": ", report->errors[i].sequence);
        column_print_all(stdout, report->errors[i].problem.text);
        printf("\n");
    }
    if (report->error_count > listed(report)) {
        printf("  and %" PRIu64 " more\n", report->error_count - listed(report));
    }
}

static void print_table(const char *data, const struct verdict *verdict)
{
    const struct verify_report *report = &verdict->report;
    fields_text("directory", data);
    fields_number("first record", report->first);
    fields_number("good records", report->records);
    fields_number("forgotten users", report->tombstones);
    fields_number("weights changes", report->weights_changes);
    fields_number("snapshots", report->snapshot_count);
    fields_number("decisions", report->decisions);
    fields_number("base", report->base);
    fields_number("state sequence", report->sequence);
    fields_hash("state digest", report->digests.all);
    fields_hash("aggregates digest", report->digests.aggregates);
    fields_hash("users digest", report->digests.users);
    if (verdict->has_opened) {
        fields_hash("digest as opened", verdict->opened.all);
    }
    if (report->state.other_version) {
        fields_text("state.mdb", "of another version; the next start derives it again");
    }
    print_errors(report);
}

static enum exit_code check(const struct verify_values *values, struct verdict *verdict)
{
    struct problem problem = {""};
    enum status status = backend_check_data(values->data, &problem);
    if (status == STATUS_OK) {
        status = check_log(values, verdict, &problem);
    }
    /* A damaged log does not open; the errors say so already. */
    if (status == STATUS_OK && values->rebuild && verdict->report.error_count == 0) {
        status = check_opened(values->data, verdict, &problem);
    }
    if (status != STATUS_OK) {
        return command_fail("verify", status, &problem);
    }
    enum exit_code code = CODE_OK;
    if (values->json) {
        code = print_json(verdict);
    } else {
        print_table(values->data, verdict);
    }
    return code == CODE_OK && verdict->report.error_count > 0 ? CODE_FAILED : code;
}

static enum exit_code verify_run(const void *values, const struct operands *operands)
{
    (void)operands;
    struct verdict *verdict = calloc(1, sizeof(*verdict));
    if (verdict == NULL) {
        return command_fail("verify", STATUS_NO_MEMORY, NULL);
    }
    enum exit_code code = check(values, verdict);
    free(verdict);
    return code;
}

static const struct argument verify_arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct verify_values, data),
     .required = true,
     .help = "data directory that no server holds"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct verify_values, json),
     .help = "print JSON"},
    {.name = "rebuild",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct verify_values, rebuild),
     .help = "compare what a server would open and what each snapshot gives"},
};

const struct command command_verify = {
    .name = "verify",
    .operands = "",
    .summary = "check every record and row of a data directory",
    .description =
        "Checks the whole log, record by record: checksum, version, sequence without gaps,\n"
        "payload, event key; the snapshots and state.mdb, row by row. Goes on behind what is\n"
        "bad, lists up to 100 errors, and derives the state from the rest. The exit code is 1\n"
        "when there are errors. Changes nothing.\n",
    .examples = "  reelrank verify --data /var/lib/reelrank\n"
                "  reelrank verify --data /var/lib/reelrank --rebuild --json\n",
    COMMAND_ARGUMENTS(verify_arguments),
    .values_size = sizeof(struct verify_values),
    .run = verify_run,
};
