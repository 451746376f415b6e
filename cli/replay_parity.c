#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/fields.h"
#include "cli/progress.h"
#include "replay/parity.h"
#include "server/options.h"

enum { DIFFERENCES_MAX = 20 };

struct parity_values {
    const char *data;
    bool json;
};

/* What there is to tell. */
struct parity_run {
    const struct parity_values *values;
    struct progress progress;
    struct parity_report report;
    json_t *differences; /* owned; the first DIFFERENCES_MAX */
};

/* The terms that differ, where that is known: NULL otherwise. */
static json_t *terms_of(const struct parity_difference *difference)
{
    json_t *terms = difference->has_totals ? json_array() : NULL;
    for (size_t i = 0; terms != NULL && i < difference->term_count; i++) {
        const struct parity_term *term = &difference->terms[i];
        json_array_append_new(terms, json_pack("{s:s, s:f, s:f}", "name", term->name, "served",
                                               rank_term_value(term->served), "now",
                                               rank_term_value(term->now)));
    }
    return terms;
}

static json_t *parts_of(const struct parity_difference *difference)
{
    json_t *parts = difference->part_count > 0 ? json_array() : NULL;
    for (size_t i = 0; parts != NULL && i < difference->part_count; i++) {
        const struct parity_part *part = &difference->parts[i];
        json_array_append_new(parts,
                              json_pack("{s:s, s:f}", "name", part->name, "value", part->value));
    }
    return parts;
}

static void note_difference(void *context, const struct parity_difference *difference)
{
    struct parity_run *run = context;
    if (json_array_size(run->differences) == DIFFERENCES_MAX) {
        return;
    }
    char time[FIELDS_TIME_SIZE];
    fields_format_time(difference->time_ms, time);
    json_t *item =
        json_pack("{s:s, s:s, s:I, s:s, s:s}", "ranking_id", difference->ranking_id, "time", time,
                  "state_sequence", (json_int_t)difference->state_sequence, "weights_version",
                  difference->weights_version, "difference", difference->text);
    if (difference->candidate != UINT32_MAX) {
        json_object_set_new(item, "candidate", json_integer(difference->candidate));
        json_object_set_new(item, "video_id", json_string(difference->video_id));
    }
    json_object_set_new(item, "terms", terms_of(difference)); /* none where that is NULL */
    json_object_set_new(item, "largest", parts_of(difference));
    json_array_append_new(run->differences, item);
}

static void show(void *context, uint64_t record, uint64_t last)
{
    struct parity_run *run = context;
    run->progress.total = last;
    progress_show(&run->progress, record);
}

static uint64_t lost(const struct parity_report *report)
{
    return report->before_base + report->behind_log + report->unknown_weights + report->unreadable;
}

static const char *text_in(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text != NULL ? text : "";
}

static double number_in(const json_t *item, const char *name)
{
    return json_real_value(json_object_get(item, name));
}

static void print_terms(const json_t *terms)
{
    size_t index;
    json_t *term;
    if (terms != NULL && json_array_size(terms) == 0) {
        printf("    no term's total over the slate differs\n");
    }
    json_array_foreach(terms, index, term)
    {
        double served = number_in(term, "served");
        double now = number_in(term, "now");
        printf("    %s %s: its total over the slate was %.17g; now it is %.17g, %+.17g\n",
               json_array_size(terms) == 1 ? "only the term" : "term", text_in(term, "name"),
               served, now, now - served);
    }
}

static void print_largest(const json_t *parts)
{
    size_t index;
    json_t *part;
    json_array_foreach(parts, index, part)
    {
        printf("%s %s %+.6f", index == 0 ? "    its largest terms now:" : ",",
               text_in(part, "name"), number_in(part, "value"));
    }
    printf("%s", json_array_size(parts) > 0 ? "\n" : "");
}

static void print_differences(const struct parity_run *run)
{
    size_t index;
    json_t *item;
    json_array_foreach(run->differences, index, item)
    {
        printf("  ranking %s of %s, state %" JSON_INTEGER_FORMAT ", weights ",
               text_in(item, "ranking_id"), text_in(item, "time"),
               json_integer_value(json_object_get(item, "state_sequence")));
        column_print_all(stdout, text_in(item, "weights_version"));
        if (json_object_get(item, "candidate") != NULL) {
            printf(", candidate %" JSON_INTEGER_FORMAT " ",
                   json_integer_value(json_object_get(item, "candidate")));
            column_print_all(stdout, text_in(item, "video_id"));
        }
        printf(":\n    %s\n", text_in(item, "difference"));
        print_terms(json_object_get(item, "terms"));
        print_largest(json_object_get(item, "largest"));
    }
    if (run->report.different > json_array_size(run->differences)) {
        printf("  and %" PRIu64 " more\n",
               run->report.different - (uint64_t)json_array_size(run->differences));
    }
}

static void print_text(const struct parity_run *run)
{
    const struct parity_report *report = &run->report;
    fields_number("decisions", report->decisions);
    fields_number("equal, bit for bit", report->equal);
    fields_number("different", report->different);
    fields_number("  of both, with terms", report->with_totals);
    fields_number("not to be computed", lost(report));
    fields_number("  log begins later", report->before_base);
    fields_number("  beyond the log", report->behind_log);
    fields_number("  unknown weights", report->unknown_weights);
    fields_number("  unreadable", report->unreadable);
    fields_number("candidates", report->candidates);
    fields_number("base", report->base);
    fields_number("last record", report->last);
    print_differences(run);
}

static enum exit_code print_json(struct parity_run *run)
{
    const struct parity_report *report = &run->report;
    json_t *object =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "decisions",
                  (json_int_t)report->decisions, "equal", (json_int_t)report->equal, "different",
                  (json_int_t)report->different, "with_totals", (json_int_t)report->with_totals,
                  "before_base", (json_int_t)report->before_base, "behind_log",
                  (json_int_t)report->behind_log, "unknown_weights",
                  (json_int_t)report->unknown_weights, "unreadable", (json_int_t)report->unreadable,
                  "candidates", (json_int_t)report->candidates, "base", (json_int_t)report->base,
                  "last", (json_int_t)report->last, "differences", run->differences);
    if (object == NULL) {
        return command_fail(command_replay_parity.name, STATUS_NO_MEMORY, NULL);
    }
    json_dumpf(object, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(object);
    return CODE_OK;
}

/* Whoever asks whether all is equal must not be told so by a journal in which there is nothing. */
static enum exit_code judge(const struct parity_run *run)
{
    const struct parity_report *report = &run->report;
    struct problem problem = {""};
    if (report->different > 0) {
        return CODE_FAILED;
    }
    if (report->equal > 0) {
        return CODE_OK;
    }
    if (report->decisions == 0) {
        problem_set(&problem, "nothing was compared: the journal has no decisions; "
                              "--journal-share-ppm of \"reelrank serve\" says how many are kept");
    } else {
        problem_set(&problem,
                    "nothing was compared: none of %" PRIu64
                    " decisions can be computed from this log",
                    report->decisions);
    }
    return command_fail(command_replay_parity.name, STATUS_NOT_FOUND, &problem);
}

static enum exit_code check_parity(struct parity_run *run)
{
    struct options defaults;
    struct problem problem = {""};
    options_defaults(&defaults);
    struct parity_options options = {.data = run->values->data,
                                     .map_bytes = (size_t)defaults.map_mib << 20,
                                     .different = note_difference,
                                     .progress = show,
                                     .context = run};
    enum status status = backend_check_data(run->values->data, &problem);
    if (status == STATUS_OK) {
        progress_start(&run->progress, "replaying", "records", 1, 0);
        status = parity_check(&options, &run->report, &problem);
        progress_clear(&run->progress);
    }
    if (status != STATUS_OK) {
        return command_fail(command_replay_parity.name, status, &problem);
    }
    enum exit_code code = CODE_OK;
    if (run->values->json) {
        code = print_json(run);
    } else {
        print_text(run);
    }
    return code == CODE_OK ? judge(run) : code;
}

static enum exit_code parity_command(const void *values, const struct operands *operands)
{
    struct parity_run run = {.values = values, .differences = json_array()};
    (void)operands;
    if (run.differences == NULL) {
        return command_fail(command_replay_parity.name, STATUS_NO_MEMORY, NULL);
    }
    enum exit_code code = check_parity(&run);
    json_decref(run.differences);
    return code;
}

static const struct argument parity_arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct parity_values, data),
     .required = true,
     .help = "data directory that no server holds, such as a restored backup"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct parity_values, json),
     .help = "print JSON"},
};

const struct command command_replay_parity = {
    .name = "replay parity",
    .operands = "",
    .summary = "compute again what was served, and compare bit for bit",
    .description =
        "Derives the state from the log anew, record by record, and ranks each request\n"
        "of the decision journal with the state and the weights that it was served with. Order,\n"
        "scores, propensities, drops, arms and ids must be the same, bit for bit. Decisions\n"
        "whose part of the log, or whose weights, are gone are counted apart. The exit code is\n"
        "1 where any is different; the first 20 are told of, with the terms of the scores whose\n"
        "totals over the slate are others than they were.\n",
    .examples = "  reelrank replay parity --data /var/lib/reelrank\n"
                "  reelrank backup --data /var/lib/reelrank backup-1 &&\n"
                "      reelrank restore backup-1 --data /tmp/copy &&\n"
                "      reelrank replay parity --data /tmp/copy --json\n",
    COMMAND_ARGUMENTS(parity_arguments),
    .values_size = sizeof(struct parity_values),
    .run = parity_command,
};
