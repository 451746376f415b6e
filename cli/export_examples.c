#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/example_walk.h"
#include "cli/output.h"
#include "replay/example_text.h"

enum side { SIDE_ALL, SIDE_TRAIN, SIDE_VALIDATION };

struct examples_values {
    struct replay_source_values source;
    struct example_walk_values walk;
    const char *form;
    const char *label;
    const char *split;
};

/* One run of the command. */
struct examples_command {
    const struct examples_values *values;
    const char *name;
    enum example_form form;
    enum head label;
    enum side side;
    struct example_walk walk;
    struct example_split split;
    uint64_t written;
    uint64_t unlabelled; /* rows of the side that lack the label */
    struct problem problem;
};

/* In the order of enum example_form and enum side. */
static const char *const forms[] = {"libsvm", "csv", NULL};
static const char *const sides[] = {"all", "train", "validation", NULL};

/* ---- options ---- */

static enum status read_options(struct examples_command *command)
{
    const struct examples_values *values = command->values;
    command->form = (enum example_form)argument_choice(forms, values->form);
    command->side = (enum side)argument_choice(sides, values->split);
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
    return example_head_find("--label", values->label, &command->label, &command->problem);
}

/* ---- the text ---- */

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
        progress_show(&progress, done);
        status = example_reader_next(reader, &example, &command->problem);
    }
    progress_clear(&progress);
    return status == STATUS_NOT_FOUND || ferror(file) != 0 ? STATUS_OK : status;
}

static enum status copy_rows(struct examples_command *command, FILE *file)
{
    struct example_reader *reader = NULL;
    enum status status = example_reader_open(command->walk.rows, &reader, &command->problem);
    if (status == STATUS_OK) {
        status = write_rows(command, reader, file);
    }
    example_reader_close(reader);
    if (status == STATUS_OK && command->written == 0 && ferror(file) == 0) {
        problem_set(&command->problem,
                    "none of %" PRIu64 " examples is of --split %s and has its label known",
                    examples_counts(command->walk.examples)->examples, sides[command->side]);
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

static void tell(const struct examples_command *command)
{
    const struct examples_counts *counts = examples_counts(command->walk.examples);
    fflush(stdout);
    fprintf(stderr, "%" PRIu64 " examples written, of %" PRIu64 " of %" PRIu64 " rankings\n",
            command->written, counts->examples, counts->rankings);
    if (command->unlabelled > 0) {
        fprintf(stderr, "%" PRIu64 " examples left out, whose label is not known\n",
                command->unlabelled);
    }
    example_walk_tell(&command->walk);
}

static enum status run_all(struct examples_command *command)
{
    enum status status = example_walk_run(&command->walk, &command->problem);
    if (status == STATUS_OK && command->side != SIDE_ALL) {
        status = example_walk_split(&command->walk, &command->split, &command->problem);
    }
    if (status == STATUS_OK) {
        status = write_text(command);
    }
    if (status == STATUS_OK) {
        tell(command);
    }
    return status;
}

static enum exit_code examples_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct examples_values *values = raw;
    struct examples_command command = {.values = values, .name = command_export_examples.name};
    if (read_options(&command) != STATUS_OK) {
        (void)command_fail(command.name, STATUS_INVALID, &command.problem);
        return CODE_USAGE;
    }
    enum exit_code code =
        example_walk_open(&values->source, &values->walk, command.name, &command.walk);
    if (code == CODE_OK) {
        enum status status = run_all(&command);
        code = status == STATUS_OK ? CODE_OK : command_fail(command.name, status, &command.problem);
    }
    example_walk_release(&command.walk);
    return code;
}

static const struct argument examples_arguments[] = {
    EXAMPLE_WALK_ARGUMENTS(struct examples_values),
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
