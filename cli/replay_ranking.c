#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/replay_report.h"
#include "cli/replay_source.h"
#include "cli/replay_weights.h"
#include "ranker/check.h"
#include "replay/ranking_report.h"
#include "replay/ranking_run.h"

enum { PATH_SIZE = 4096, TREC_NAME_SIZE = 32 };

static const char trec_option[] = "--trec";

struct ranking_values {
    struct replay_source_values source;
    struct replay_report_values shown;
    struct argument_texts baselines;
    const char *rankings;
    const char *label;
    const char *trec;
    int64_t k;
    int64_t negatives;
};

/* One run of the command. */
struct ranking_command {
    const struct ranking_values *values;
    const char *name;
    enum ranking_origin origin;
    enum label label;
    struct replay_source source;
    struct replay_contenders contenders;
    struct ranking_run_options options;
    struct ranking_run *run;
    struct timeline *timeline;
    struct ranking_sums *sums;
    json_t *report;
    struct problem problem;
};

/* The files of trec_eval: the qrels first, then a run for each contender. */
static FILE **trec_file(struct ranking_command *command, size_t index)
{
    return index == 0 ? &command->options.qrels : &command->options.runs[index - 1];
}

static enum status trec_path(struct ranking_command *command, size_t index, char path[PATH_SIZE])
{
    char name[TREC_NAME_SIZE] = "qrels";
    if (index > 0) {
        snprintf(name, sizeof(name), "run-%zu", index - 1);
    }
    int size = snprintf(path, PATH_SIZE, "%s/%s", command->values->trec, name);
    if (size < 0 || size >= PATH_SIZE) {
        problem_set(&command->problem, "--trec: the path has more than %d bytes",
                    PATH_SIZE - TREC_NAME_SIZE);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status open_trec(struct ranking_command *command)
{
    if (mkdir(command->values->trec, 0777) != 0 && errno != EEXIST) {
        problem_set(&command->problem, "--trec %s: cannot make the folder: %s",
                    input_name(command->values->trec), strerror(errno));
        return STATUS_IO;
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i <= command->contenders.contenders.count; i++) {
        char path[PATH_SIZE];
        status = trec_path(command, i, path);
        if (status == STATUS_OK) {
            status = output_open(trec_option, path, trec_file(command, i), &command->problem);
        }
    }
    return status;
}

/* Closes what is open, and removes it where the replay failed. */
static enum status close_trec(struct ranking_command *command, enum status status)
{
    for (size_t i = 0; i <= command->contenders.contenders.count; i++) {
        FILE *file = *trec_file(command, i);
        char path[PATH_SIZE];
        if (file != NULL) {
            CHECK(trec_path(command, i, path) == STATUS_OK); /* it was opened with that */
            status = output_close(trec_option, path, file, status, &command->problem);
        }
    }
    return status;
}

static enum status make_timeline(struct ranking_command *command)
{
    const struct ranking_values *values = command->values;
    const struct timeline_options options = {.origin = command->origin,
                                             .label = command->label,
                                             .negatives = (unsigned)values->negatives,
                                             .seed = (uint64_t)values->source.seed,
                                             .ranking = ranking_run_ranking,
                                             .signal = ranking_run_signal,
                                             .context = command->run};
    return replay_source_timeline(&command->source, &options, &command->timeline);
}

static enum status walk(struct ranking_command *command)
{
    const struct ranking_values *values = command->values;
    command->options.contenders = &command->contenders.contenders;
    command->options.label = command->label;
    command->options.k = (size_t)values->k;
    command->options.window_ms = replay_source_window_ms(&values->source);
    command->options.share = command->source.share;
    command->options.seed = (uint64_t)values->source.seed;
    enum status status = values->trec != NULL ? open_trec(command) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    command->run = ranking_run_new(&command->options);
    if (command->run == NULL) {
        return STATUS_NO_MEMORY;
    }
    status = make_timeline(command);
    if (status == STATUS_OK) {
        status = replay_source_run(&command->source, command->timeline, &command->problem);
    }
    return status == STATUS_OK
               ? ranking_run_end(command->run, timeline_state(command->timeline), &command->sums)
               : status;
}

static json_t *notes_json(const struct ranking_command *command)
{
    json_t *notes = json_array();
    switch (command->origin) {
    case RANKINGS_DECISIONS:
        replay_report_note(
            notes, "Rankings are decisions: journaled answers with all their candidates, each "
                   "ranked with the state of its place in the log.");
        break;
    case RANKINGS_IMPRESSIONS:
        replay_report_note(notes,
                           "Rankings are impressions: the videos of one answer that were shown are "
                           "its candidates, ranked with what was known before the first of them. "
                           "What was not shown is not known, so nothing new can come in.");
        break;
    default:
        replay_report_note(notes,
                           "Candidates are sampled: the log has no impressions, so each video that "
                           "earned the label stands among others drawn from the catalogue. Such "
                           "figures compare contenders with each other only, and can order them "
                           "otherwise than all candidates would (Krichene and Rendle, \"On sampled "
                           "metrics for item recommendation\", KDD 2020).");
    }
    replay_report_note(notes,
                       "Only videos that were seen are judged; a contender's order of those is "
                       "measured. Served orders have an advantage: users saw them, and what stands "
                       "higher is seen and watched more.");
    replay_source_notes(&command->source, timeline_counts(command->timeline), notes);
    return notes;
}

static json_t *options_json(const struct ranking_command *command)
{
    const struct ranking_values *values = command->values;
    json_t *options = json_pack("{s:s, s:s, s:I}", "rankings", replay_origins[command->origin],
                                "label", label_name(command->label), "k", (json_int_t)values->k);
    replay_source_options(&values->source, options);
    if (command->origin != RANKINGS_DECISIONS) {
        json_object_set_new(options, "locale", json_string(values->source.locale));
        json_object_set_new(options, "age_years", json_integer(values->source.age_years));
    }
    if (command->origin == RANKINGS_OUTCOMES) {
        json_object_set_new(options, "negatives", json_integer(values->negatives));
    }
    return options;
}

static enum status describe(struct ranking_command *command)
{
    command->report = replay_report_begin("ranking", &command->source,
                                          timeline_counts(command->timeline), &command->contenders);
    if (command->report == NULL) {
        return STATUS_NO_MEMORY;
    }
    json_object_set_new(command->report, "options", options_json(command));
    json_object_set_new(command->report, "notes", notes_json(command));
    return STATUS_OK;
}

static enum status write_part(struct ranking_command *command)
{
    const char *path = command->values->source.out;
    FILE *file;
    enum status status = replay_part_begin(path, command->report, &file, &command->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = ranking_sums_write(command->sums, file);
    return replay_part_end(path, file, status, &command->problem);
}

/* A part may have no user at all: it is the whole that must have some. */
static enum status check_measured(struct ranking_command *command)
{
    const struct ranking_counts *counts = &command->sums->counts;
    const char *origin = replay_origins[command->origin];
    if (counts->found == 0) {
        problem_set(&command->problem,
                    "%s has no %s to rank; --rankings %s would make rankings of other lines",
                    command->values->source.data != NULL ? "the directory" : "the log", origin,
                    command->origin == RANKINGS_IMPRESSIONS ? "outcomes" : "impressions");
        replay_source_add_reject(&command->source, &command->problem);
        return STATUS_NOT_FOUND;
    }
    if (counts->measured == 0 && command->values->source.part == NULL) {
        problem_set(&command->problem,
                    "none of %" PRIu64 " %s can be measured: of each fewer than two videos were "
                    "seen within --window; a longer one, or --rankings outcomes, may do",
                    counts->found, origin);
        return STATUS_NOT_FOUND;
    }
    return STATUS_OK;
}

static enum status finish(struct ranking_command *command)
{
    enum status status = describe(command);
    if (status == STATUS_OK && command->values->source.out != NULL) {
        status = write_part(command);
    }
    if (status == STATUS_OK) {
        status = ranking_report_add(command->sums, timeline_counts(command->timeline)->signals,
                                    command->report);
    }
    return status == STATUS_OK ? check_measured(command) : status;
}

static enum status run_all(struct ranking_command *command, const struct operands *operands)
{
    const struct ranking_values *values = command->values;
    enum served_place served = command->origin != RANKINGS_OUTCOMES ? SERVED_LAST : SERVED_NOT;
    enum status status = replay_contenders_read(
        operands, &values->baselines, served, (uint64_t)values->source.seed,
        feed_log(command->source.feed), &command->contenders, &command->problem);
    if (status == STATUS_OK) {
        status = walk(command);
    }
    status = close_trec(command, status);
    return status == STATUS_OK ? finish(command) : status;
}

static void release(struct ranking_command *command)
{
    ranking_sums_free(command->sums);
    ranking_run_free(command->run);
    timeline_free(command->timeline);
    replay_contenders_release(&command->contenders);
    replay_source_close(&command->source);
    json_decref(command->report);
}

static enum exit_code check(struct ranking_command *command, size_t weights)
{
    enum exit_code code = replay_source_check(&command->values->source, command->name);
    if (code != CODE_OK) {
        return code;
    }
    command->origin = replay_source_origin(&command->values->source, command->values->rankings);
    enum status status =
        replay_source_label(command->values->label, &command->label, &command->problem);
    if (status == STATUS_OK) {
        status = replay_source_check_origin(&command->values->source, command->origin,
                                            command->values->negatives, &command->problem);
    }
    if (status == STATUS_OK) {
        status = replay_baselines_check(&command->values->baselines, weights, &command->problem);
    }
    if (status != STATUS_OK) {
        (void)command_fail(command->name, status, &command->problem);
        return CODE_USAGE;
    }
    return CODE_OK;
}

static enum exit_code ranking_command_run(const void *raw, const struct operands *operands)
{
    const struct ranking_values *values = raw;
    struct ranking_command command = {.values = values, .name = command_replay_ranking.name};
    enum exit_code code = check(&command, operands->count);
    if (code != CODE_OK) {
        return code;
    }
    code = replay_source_open(&values->source, command.name, command.origin == RANKINGS_DECISIONS,
                              &command.source);
    if (code == CODE_OK) {
        enum status status = run_all(&command, operands);
        code = status == STATUS_OK
                   ? replay_report_show(&values->shown, command.name, command.report)
                   : command_fail(command.name, status, &command.problem);
    }
    release(&command);
    return code;
}

static const struct argument ranking_arguments[] = {
    REPLAY_SOURCE_ARGUMENTS(struct ranking_values),
    REPLAY_PEOPLE_ARGUMENTS(struct ranking_values),
    REPLAY_RANKINGS_ARGUMENTS(struct ranking_values),
    {.name = "k",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct ranking_values, k),
     .initial = "10",
     .minimum = 1,
     .maximum = LIMIT_CANDIDATES,
     .help = "how many positions the metrics \"at k\" look at"},
    {.name = "baseline",
     .value_name = "NAME",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct ranking_values, baselines),
     .help = "popularity, language-popularity, likes, recency, random; again for more"},
    {.name = "trec",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct ranking_values, trec),
     .help = "write qrels, and run-0, run-1, ... by contender, for trec_eval -c"},
    REPLAY_REPORT_ARGUMENTS(struct ranking_values),
};

const struct command command_replay_ranking = {
    .name = "replay ranking",
    .operands = "WEIGHTS...",
    .least_operands = 1,
    .most_operands = REPLAY_WEIGHTS_MAX,
    .summary = "measure what weights would have done with a log",
    .description =
        "Walks along a log, ranks each past request with each of the weights as of its moment,\n"
        "joins what users did, and prints metrics of the orders with 95 % intervals over users:\n"
        "overall, by locale, by how long the user is known and by experiment arm, beside what was\n"
        "served, with differences from the first weights. WEIGHTS are files, \"default\" for "
        "those\n"
        "built in or, with --data, \"current\" or a version of \"reelrank history\".\n"
        "docs/replay.md tells what each number means and when to trust it.\n",
    .examples =
        "  reelrank replay ranking old.yaml new.yaml --log june.jsonl.gz --html report.html\n"
        "  reelrank replay ranking current new.yaml --data /tmp/copy --baseline popularity\n"
        "  reelrank replay ranking default --format movielens --catalogue movies.csv \\\n"
        "      --log ratings.csv --assume-safety low --label like\n"
        "  reelrank replay ranking a.yaml b.yaml --log june.jsonl --part 1/4 --out 1.part\n",
    COMMAND_ARGUMENTS(ranking_arguments),
    .values_size = sizeof(struct ranking_values),
    .run = ranking_command_run,
};
