#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/replay_source.h"
#include "cli/replay_weights.h"
#include "replay/example_split.h"
#include "replay/example_text.h"
#include "replay/examples.h"
#include "replay/temporary.h"

enum { MINUTE_MS = 60000, PROGRESS_ROWS = 1024 };

enum side { SIDE_ALL, SIDE_TRAIN, SIDE_VALIDATION };

struct examples_values {
    struct replay_source_values source;
    const char *weights;
    const char *rankings;
    const char *form;
    const char *label;
    const char *split;
    int64_t positions;
    int64_t validation_percent;
    int64_t gap_minutes;
};

/* One run of the command. */
struct examples_command {
    const struct examples_values *values;
    const char *name;
    enum ranking_origin origin;
    enum example_form form;
    enum head label;
    enum side side;
    struct replay_source source;
    struct replay_contenders weights;
    FILE *rows; /* owned: a file without a name */
    struct example_writer *writer;
    struct examples *examples;
    struct timeline *timeline;
    struct example_split split;
    uint64_t written;
    uint64_t unlabelled; /* rows of the side that lack the label */
    struct problem problem;
};

/* In the order of enum ranking_origin, enum example_form and enum side. */
static const char *const origins[] = {"decisions", "impressions", NULL};
static const char *const forms[] = {"libsvm", "csv", NULL};
static const char *const sides[] = {"all", "train", "validation", NULL};

/* Of a choice that was made; arguments.c has checked it. */
static unsigned index_of(const char *const *names, const char *name)
{
    unsigned index = 0;
    while (names[index + 1] != NULL && strcmp(names[index], name) != 0) {
        index++;
    }
    return index;
}

/* ---- options ---- */

static enum status find_head(const char *name, enum head *out, struct problem *problem)
{
    char known[200] = "";
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        if (strcmp(name, head_name(i)) == 0) {
            *out = (enum head)i;
            return STATUS_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", head_name(i));
    }
    problem_set(problem, "--label \"%.40s\" is no head; there are %s", name, known);
    return STATUS_INVALID;
}

static enum status read_options(struct examples_command *command)
{
    const struct examples_values *values = command->values;
    bool decisions = replay_source_has_decisions(&values->source);
    command->origin = decisions ? RANKINGS_DECISIONS : RANKINGS_IMPRESSIONS;
    if (values->rankings != NULL) {
        command->origin = (enum ranking_origin)index_of(origins, values->rankings);
    }
    command->form = (enum example_form)index_of(forms, values->form);
    command->side = (enum side)index_of(sides, values->split);
    if (command->form == EXAMPLE_CSV && values->label != NULL) {
        problem_set(&command->problem, "--label is of --as libsvm alone; CSV has all labels");
        return STATUS_INVALID;
    }
    if (command->form == EXAMPLE_CSV) {
        return STATUS_OK;
    }
    if (values->label == NULL) {
        problem_set(&command->problem, "--as libsvm needs --label HEAD, such as long_view");
        return STATUS_INVALID;
    }
    return find_head(values->label, &command->label, &command->problem);
}

/* ---- the walk ---- */

static enum status read_weights(struct examples_command *command)
{
    static const struct argument_texts no_baselines;
    char *name = (char *)(uintptr_t)command->values->weights; /* it is not written */
    struct operands operands = {.items = &name, .count = 1};
    return replay_contenders_read(&operands, &no_baselines, false, 0,
                                  feed_log(command->source.feed), &command->weights,
                                  &command->problem);
}

static enum status open_rows(struct examples_command *command)
{
    command->rows = temporary_open();
    enum status status =
        command->rows != NULL ? example_writer_open(command->rows, &command->writer) : STATUS_IO;
    if (status == STATUS_IO) {
        problem_set(&command->problem, "a temporary file in $TMPDIR, or /tmp, cannot be made: %s",
                    strerror(errno));
    }
    return status;
}

static enum status make_timeline(struct examples_command *command)
{
    const struct timeline_options options = {.origin = command->origin,
                                             .locale = command->source.locale,
                                             .age_years =
                                                 (unsigned)command->values->source.age_years,
                                             .ahead_events = TIMELINE_AHEAD_EVENTS,
                                             .singles = true,
                                             .ranking = examples_ranking,
                                             .signal = examples_signal,
                                             .context = command->examples};
    struct state *state = feed_take_state(command->source.feed);
    command->timeline = state != NULL ? timeline_new(state, &options) : NULL;
    if (command->timeline == NULL) {
        state_free(state);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static enum status run_through(struct examples_command *command)
{
    enum status status = replay_source_run(&command->source, command->timeline, &command->problem);
    if (status == STATUS_OK) {
        status = examples_end(command->examples, timeline_state(command->timeline));
    }
    if (status != STATUS_OK && examples_problem(command->examples)->text[0] != '\0') {
        command->problem = *examples_problem(command->examples);
    }
    return status;
}

static enum status walk(struct examples_command *command)
{
    enum status status = open_rows(command);
    if (status != STATUS_OK) {
        return status;
    }
    command->examples = examples_new(
        &(struct examples_options){.weights = command->weights.weights[0].weights,
                                   .positions = (size_t)command->values->positions,
                                   .window_ms = command->values->source.window_minutes * MINUTE_MS,
                                   .writer = command->writer});
    status = command->examples != NULL ? make_timeline(command) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = run_through(command);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = example_writer_finish(command->writer);
    if (status != STATUS_OK) {
        problem_set(&command->problem, "a temporary file cannot be written: %s", strerror(errno));
    }
    return status;
}

/* ---- the text ---- */

static enum status find_split(struct examples_command *command)
{
    const struct examples_values *values = command->values;
    struct example_counts counts = example_writer_counts(command->writer);
    int64_t gap = values->gap_minutes > 0 ? values->gap_minutes : values->source.window_minutes;
    return command->side != SIDE_ALL
               ? example_split_by_time(counts.first_ms, counts.last_ms,
                                       (unsigned)values->validation_percent, gap * MINUTE_MS,
                                       &command->split, &command->problem)
               : STATUS_OK;
}

static bool is_wanted(const struct examples_command *command, const struct example *example)
{
    if (command->side == SIDE_ALL) {
        return true;
    }
    enum example_side wanted = command->side == SIDE_TRAIN ? EXAMPLE_TRAIN : EXAMPLE_VALIDATION;
    return example_side(&command->split, example->time_ms) == wanted;
}

static enum status write_rows(struct examples_command *command, struct example_reader *reader,
                              FILE *file)
{
    struct progress progress;
    const struct example *example;
    uint64_t done = 0;
    progress_start(&progress, "writing", "examples", 1, example_reader_counts(reader).rows);
    example_text_begin(file, command->form, command->label);
    enum status status = example_reader_next(reader, &example, &command->problem);
    while (status == STATUS_OK && ferror(file) == 0) {
        if (is_wanted(command, example)) {
            bool written = example_text_row(file, command->form, command->label, example);
            command->written += written;
            command->unlabelled += !written;
        }
        done++;
        if (done % PROGRESS_ROWS == 0) {
            progress_show(&progress, done);
        }
        status = example_reader_next(reader, &example, &command->problem);
    }
    progress_clear(&progress);
    return status == STATUS_NOT_FOUND || ferror(file) != 0 ? STATUS_OK : status;
}

static enum status copy_rows(struct examples_command *command, FILE *file)
{
    struct example_reader *reader = NULL;
    enum status status = example_reader_open(command->rows, &reader, &command->problem);
    if (status == STATUS_OK) {
        status = write_rows(command, reader, file);
    }
    example_reader_close(reader);
    if (status == STATUS_OK && command->written == 0 && ferror(file) == 0) {
        problem_set(&command->problem,
                    "none of %" PRIu64 " examples is of --split %s and has its label known",
                    examples_counts(command->examples)->examples, sides[command->side]);
        return STATUS_NOT_FOUND;
    }
    return status;
}

static enum status write_file(struct examples_command *command)
{
    const char *path = command->values->source.out;
    FILE *file;
    enum status status = output_open("--out", path, &file, &command->problem);
    return status == STATUS_OK
               ? output_close("--out", path, file, copy_rows(command, file), &command->problem)
               : status;
}

/* What is wrong with standard output is found, and told of, at the end of the program. */
static enum status write_text(struct examples_command *command)
{
    return command->values->source.out != NULL ? write_file(command) : copy_rows(command, stdout);
}

/* ---- what is told ---- */

static void note(uint64_t count, const char *text)
{
    if (count > 0) {
        fprintf(stderr, "%" PRIu64 " %s\n", count, text);
    }
}

static void tell_source(const struct examples_command *command)
{
    json_t *notes = json_array();
    size_t index;
    json_t *text;
    replay_source_notes(&command->source, timeline_counts(command->timeline), notes);
    json_array_foreach(notes, index, text)
    {
        column_print_all(stderr, json_string_value(text));
        fputc('\n', stderr);
    }
    json_decref(notes);
}

static void tell(const struct examples_command *command)
{
    const struct examples_counts *counts = examples_counts(command->examples);
    fflush(stdout);
    fprintf(stderr, "%" PRIu64 " examples written, of %" PRIu64 " of %" PRIu64 " rankings\n",
            command->written, counts->examples, counts->rankings);
    note(command->unlabelled, "examples left out, whose label is not known");
    note(counts->unknown, "videos left out that were shown, but were not in the catalogue then");
    note(counts->forbidden, "examples are of videos that the policy of --weights forbids");
    note(counts->cut_off, "rankings left out, whose --window the log does not reach");
    note(counts->early, "rankings left out for want of memory; a shorter --window needs less");
    tell_source(command);
}

static enum status check_found(struct examples_command *command)
{
    const struct examples_counts *counts = examples_counts(command->examples);
    if (counts->examples > 0) {
        return STATUS_OK;
    }
    if (counts->rankings == 0) {
        problem_set(&command->problem,
                    "the log has no %s; --rankings says where rankings come from",
                    origins[command->origin]);
    } else {
        problem_set(&command->problem,
                    "none of %" PRIu64 " rankings makes an example: %" PRIu64
                    " end after the log less --window, and %" PRIu64
                    " videos that were shown are not in the catalogue",
                    counts->rankings, counts->cut_off, counts->unknown);
    }
    return STATUS_NOT_FOUND;
}

static enum status run_all(struct examples_command *command)
{
    enum status status = read_weights(command);
    if (status == STATUS_OK) {
        status = walk(command);
    }
    if (status == STATUS_OK) {
        status = check_found(command);
    }
    if (status == STATUS_OK) {
        status = find_split(command);
    }
    if (status == STATUS_OK) {
        status = write_text(command);
    }
    if (status == STATUS_OK) {
        tell(command);
    }
    return status;
}

static void release(struct examples_command *command)
{
    timeline_free(command->timeline);
    examples_free(command->examples);
    example_writer_close(command->writer);
    if (command->rows != NULL) {
        fclose(command->rows); /* nothing of it is needed */
    }
    replay_contenders_release(&command->weights);
    replay_source_close(&command->source);
}

static enum exit_code examples_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct examples_values *values = raw;
    struct examples_command command = {.values = values, .name = command_export_examples.name};
    enum exit_code code = replay_source_check(&values->source, command.name);
    if (code != CODE_OK) {
        return code;
    }
    if (read_options(&command) != STATUS_OK) {
        (void)command_fail(command.name, STATUS_INVALID, &command.problem);
        return CODE_USAGE;
    }
    code = replay_source_open(&values->source, command.name, command.origin == RANKINGS_DECISIONS,
                              &command.source);
    if (code == CODE_OK) {
        enum status status = run_all(&command);
        code = status == STATUS_OK ? CODE_OK : command_fail(command.name, status, &command.problem);
    }
    release(&command);
    return code;
}

static const struct argument examples_arguments[] = {
    REPLAY_LOG_ARGUMENTS(struct examples_values),
    REPLAY_PEOPLE_ARGUMENTS(struct examples_values),
    {.name = "weights",
     .value_name = "WEIGHTS",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct examples_values, weights),
     .initial = "default",
     .help = "whose features: a file, default, or with --data current"},
    {.name = "rankings",
     .value_name = "FROM",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct examples_values, rankings),
     .choices = origins,
     .help = "decisions of a journal, or impressions"},
    {.name = "positions",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct examples_values, positions),
     .initial = "50",
     .minimum = 1,
     .maximum = LIMIT_CANDIDATES,
     .help = "how many from the top of each answer may be examples"},
    {.name = "as",
     .value_name = "FORM",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct examples_values, form),
     .initial = "csv",
     .choices = forms,
     .help = "libsvm, or csv"},
    {.name = "label",
     .value_name = "HEAD",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct examples_values, label),
     .help = "of --as libsvm: valid_play, long_view, watch_quantile, like, ..."},
    {.name = "split",
     .value_name = "SIDE",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct examples_values, split),
     .initial = "all",
     .choices = sides,
     .help = "all, train (the first of the time), or validation (the last)"},
    {.name = "validation_percent",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct examples_values, validation_percent),
     .initial = "20",
     .minimum = 1,
     .maximum = 99,
     .help = "how much of the examples' time validates"},
    {.name = "gap",
     .value_name = "MINUTES",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct examples_values, gap_minutes),
     .initial = "0",
     .maximum = 525600,
     .help = "before validation, of no side; 0: as --window"},
    {.name = "out",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct examples_values, source.out),
     .help = "write there, not to standard output"},
};

const struct command command_export_examples = {
    .name = "export examples",
    .operands = "",
    .summary = "write what a log teaches, for other tools to train with",
    .description =
        "Walks along a log and writes a row for each video that a ranking showed: the features\n"
        "of the moment before the ranking, worked out as the server does, and labels by what the\n"
        "user did within --window. Features depend on weights (half-lives, priors), so name those\n"
        "that the model will be part of. LibSVM has one label, the ranking as qid, and features\n"
        "numbered from 1 in the order of \"reelrank features\"; CSV has a header and everything.\n"
        "What is left out is told on standard error. docs/training.md tells what each column\n"
        "means, and how to train with them.\n",
    .examples =
        "  reelrank export examples --data /tmp/copy --weights current --out examples.csv\n"
        "  reelrank export examples --log june.jsonl.gz --catalogue videos.jsonl \\\n"
        "      --as libsvm --label long_view --split train --out train.libsvm\n"
        "  reelrank export examples --log log.csv --catalogue videos.csv --format kuairand \\\n"
        "      --assume-safety low | zstd > examples.csv.zst\n",
    COMMAND_ARGUMENTS(examples_arguments),
    .values_size = sizeof(struct examples_values),
    .run = examples_run,
};
