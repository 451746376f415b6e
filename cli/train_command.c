#include "cli/train_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/column.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/train_report.h"
#include "replay/train_page.h"

enum { DIGITS = 17 };

/* ---- options ---- */

enum status train_number(const char *option, const char *text, double most, double *out,
                         struct problem *problem)
{
    char *end = NULL;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number > 0) || number > most) {
        problem_set(problem, "%s is \"%.40s\"; it is a number above 0, up to %g", option, text,
                    most);
        return STATUS_INVALID;
    }
    *out = number;
    return STATUS_OK;
}

bool train_next_name(const char **list, char out[TRAIN_NAME_SIZE])
{
    if (**list == '\0') {
        return false;
    }
    size_t size = strcspn(*list, ",");
    snprintf(out, TRAIN_NAME_SIZE, "%.*s", (int)(size < TRAIN_NAME_SIZE ? size : TRAIN_NAME_SIZE),
             *list);
    *list += (*list)[size] == ',' ? size + 1 : size;
    return true;
}

static enum status read_labels(struct train_command *command)
{
    const char *list = command->values->label;
    char name[TRAIN_NAME_SIZE];
    bool taken[HEAD_COUNT] = {false};
    while (train_next_name(&list, name)) {
        enum head head;
        enum status status = example_head_find("--label", name, &head, &command->problem);
        if (status != STATUS_OK) {
            return status;
        }
        if (taken[head]) {
            problem_set(&command->problem, "--label names %s twice", name);
            return STATUS_INVALID;
        }
        taken[head] = true;
        command->labels[command->label_count++] = head;
    }
    if (command->label_count == 0) {
        problem_set(&command->problem, "--label is empty; it names heads, such as like,long_view");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status train_feature_find(const char *option, const char *name, enum feature *out,
                               struct problem *problem)
{
    enum feature feature = feature_find(text_of(name));
    if (feature < FEATURE_COUNT) {
        *out = feature;
        return STATUS_OK;
    }
    const char *nearest = feature_nearest(name);
    problem_set(problem, "%s: there is no feature \"%s\"; %s%s%s", option, name,
                nearest != NULL ? "did you mean \"" : "\"reelrank features\" lists them",
                nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    return STATUS_INVALID;
}

static enum status read_features(struct train_command *command)
{
    const char *list = command->values->features;
    char name[TRAIN_NAME_SIZE];
    for (unsigned i = 0; list == NULL && i < FEATURE_COUNT; i++) {
        feature_set_add(&command->features, (enum feature)i);
    }
    while (list != NULL && train_next_name(&list, name)) {
        enum feature feature;
        enum status status = train_feature_find("--features", name, &feature, &command->problem);
        if (status != STATUS_OK) {
            return status;
        }
        feature_set_add(&command->features, feature);
    }
    if (feature_set_next(&command->features, 0) == FEATURE_COUNT) {
        problem_set(&command->problem, "--features is empty; \"reelrank features\" lists them");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status check_clip(struct train_command *command)
{
    if (command->values->clip == 0 || command->walk.origin == RANKINGS_DECISIONS) {
        return STATUS_OK;
    }
    problem_set(&command->problem,
                "--propensity-weights needs --rankings decisions: impressions do not say how "
                "likely they were");
    return STATUS_INVALID;
}

static enum status check_labels(struct train_command *command)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && command->check != NULL && i < command->label_count;
         i++) {
        status = command->check(command, command->labels[i], &command->problem);
    }
    return status;
}

static enum status read_options(struct train_command *command)
{
    enum status status = read_labels(command);
    if (status == STATUS_OK) {
        status = check_labels(command);
    }
    if (status == STATUS_OK) {
        status = read_features(command);
    }
    if (status == STATUS_OK) {
        status = train_file_check_version(command->values->version, &command->problem);
    }
    return status == STATUS_OK
               ? train_file_check(command->values->out, command->values->force, &command->problem)
               : status;
}

/* ---- the weights file ---- */

static enum status edit(struct train_command *command, const struct train_head *heads, size_t count,
                        char **out, size_t *size)
{
    return train_edit(command->walk.weights.yaml, command->version, heads, count, out, size,
                      &command->problem);
}

/* What cannot be written is better known before the log is read: heads that say nothing yet. */
static enum status try_file(struct train_command *command)
{
    char *yaml = NULL;
    size_t size = 0;
    for (size_t i = 0; i < command->label_count; i++) {
        struct train_head *head = &command->heads[i];
        head->head = command->labels[i];
        head->logistic.model.weight_count = 1;
        head->logistic.model.weights[0].feature = feature_set_next(&command->features, 0);
    }
    enum status status = edit(command, command->heads, command->label_count, &yaml, &size);
    if (status == STATUS_OK) {
        status = train_file_try(command->values->out, (struct text){yaml, size}, &command->problem);
    }
    free(yaml);
    return status;
}

static enum status write_models(struct train_command *command, bool *is_new)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < command->head_count; i++) {
        const struct train_trees *trees = &command->heads[i].trees;
        if (command->heads[i].kind == TRAIN_TREES) {
            status = train_file_write_model(command->values->out, trees->model_name,
                                            (struct text){trees->model, trees->model_size},
                                            &is_new[i], &command->problem);
        }
    }
    return status;
}

static enum status write_weights(struct train_command *command)
{
    char *yaml = NULL;
    size_t size = 0;
    enum status status = edit(command, command->heads, command->head_count, &yaml, &size);
    if (status == STATUS_OK) {
        status = train_file_write(command->values->out, (struct text){yaml, size}, command->written,
                                  &command->problem);
    }
    free(yaml);
    return status;
}

/* Models come first, so that no weights file ever names one that is not there. */
static enum status write_files(struct train_command *command)
{
    bool is_new[HEAD_COUNT] = {false};
    enum status status = write_models(command, is_new);
    if (status == STATUS_OK) {
        status = write_weights(command);
    }
    for (size_t i = 0; status != STATUS_OK && i < command->head_count; i++) {
        if (is_new[i]) {
            train_file_remove_model(command->values->out, command->heads[i].trees.model_name);
        }
    }
    return status;
}

/* ---- learning ---- */

bool train_command_go_on(struct train_command *command, const struct train_step *step)
{
    if (command->unit == NULL || strcmp(command->unit, step->unit) != 0) {
        progress_clear(&command->progress);
        progress_start(&command->progress, command->title, step->unit, step->scale, step->total);
        command->unit = step->unit;
    }
    progress_show(&command->progress, step->done);
    return !interrupt_seen();
}

bool train_command_go_on_logistic(struct train_command *command,
                                  const struct logistic_progress *progress)
{
    const uint64_t most = progress->iterations_most;
    uint64_t iteration = progress->iteration < most ? progress->iteration : most;
    const struct train_step step = {.unit = "fits",
                                    .scale = most,
                                    .done = progress->fit * most + iteration,
                                    .total = progress->fits_most * most};
    return train_command_go_on(command, &step);
}

struct logistic_examples train_command_examples(const struct train_command *command, enum head head)
{
    return (struct logistic_examples){
        .head = head, .split = command->split, .clip = (double)command->values->clip};
}

static enum status learn(struct train_command *command, enum head head)
{
    struct problem why = {""};
    command->unit = NULL;
    snprintf(command->title, sizeof(command->title), "%s (%zu of %zu)", head_name(head),
             command->head_count + 1, command->label_count);
    enum status status = command->learn(command, head, &command->heads[command->head_count], &why);
    progress_clear(&command->progress);
    if (status != STATUS_OK && why.text[0] != '\0') {
        problem_set(&command->problem, "%s: %.290s", head_name(head), why.text);
    }
    return status;
}

/* In turn. Once somebody wants it to end, what has not begun is left as it was. */
static enum status learn_all(struct train_command *command)
{
    enum status status = STATUS_OK;
    interrupt_watch();
    for (size_t i = 0; status == STATUS_OK && i < command->label_count; i++) {
        if (i > 0 && interrupt_seen()) {
            break;
        }
        status = learn(command, command->labels[i]);
        command->head_count += status == STATUS_OK;
    }
    return status;
}

/* ---- what is told ---- */

static void print_option(const char *option, const char *value)
{
    if (value != NULL) {
        printf(" %s ", option);
        column_print_all(stdout, value);
    }
}

static void print_command(const char *words, const struct train_values *values)
{
    printf("  reelrank %s ", words);
    column_print_all(stdout, values->walk.weights);
    printf(" ");
    column_print_all(stdout, values->out);
    print_option("--data", values->source.data);
    print_option("--catalogue", values->source.catalogue);
    print_option("--log", values->source.log);
}

/* A diff reads logs in JSON Lines that have their catalogue in them. */
static void print_hint(const struct train_values *values)
{
    const char *format = values->source.format;
    bool is_jsonl = strcmp(format, replay_formats[0]) == 0;
    printf("what it changes, and whether it is better:\n");
    if (values->source.catalogue == NULL && is_jsonl) {
        print_command("diff", values);
        printf("\n");
    }
    print_command("replay ranking", values);
    print_option("--format", is_jsonl ? NULL : format);
    print_option("--assume-safety", values->source.assume_safety);
    printf("\n");
}

static enum status print_json(const json_t *json)
{
    bool printed = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS)) == 0 &&
                   putchar('\n') != EOF;
    return printed || ferror(stdout) != 0 ? STATUS_OK : STATUS_NO_MEMORY; /* main() tells of it */
}

static enum status write_page(const char *path, const json_t *json, struct problem *problem)
{
    static const char option[] = "--html";
    FILE *file;
    enum status status = output_open(option, path, &file, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = train_page_write(file, json, problem);
    return output_close(option, path, file, status, problem);
}

/* A Ctrl-C that came after the last fit changed nothing. */
static bool is_stopped(const struct train_command *command)
{
    return command->head_count < command->label_count ||
           train_report_stopped(&command->heads[command->head_count - 1]);
}

static struct train_report report_of(const struct train_command *command)
{
    const struct examples_counts *counts = examples_counts(command->walk.examples);
    struct example_counts written = example_writer_counts(command->walk.writer);
    return (struct train_report){
        .heads = command->heads,
        .head_count = command->head_count,
        .stopped = is_stopped(command),
        .first_ms = written.first_ms,
        .last_ms = written.last_ms,
        .split = command->split,
        .rankings = counts->rankings,
        .examples = counts->examples,
        .weights = weights_version(command->walk.weights.weights),
        .version = command->written,
        .out = command->values->out,
    };
}

/* The weights are written by now, whatever comes of the page. */
static enum status tell_json(const struct train_command *command, const json_t *json,
                             struct problem *problem)
{
    enum status status = command->values->json ? print_json(json) : STATUS_OK;
    if (status == STATUS_OK && command->values->html != NULL) {
        status = write_page(command->values->html, json, problem);
    }
    return status;
}

static enum status tell(struct train_command *command)
{
    const struct train_report report = report_of(command);
    example_walk_tell(&command->walk);
    if (!command->values->json) {
        train_report_print(&report);
        print_hint(command->values);
    }
    json_t *json = train_report_json(&report);
    enum status status =
        json != NULL ? tell_json(command, json, &command->problem) : STATUS_NO_MEMORY;
    json_decref(json);
    return status;
}

static enum status run_all(struct train_command *command)
{
    enum status status = train_file_choose_version(weights_version(command->walk.weights.weights),
                                                   command->values->version, "-trained",
                                                   command->version, &command->problem);
    if (status == STATUS_OK) {
        status = try_file(command);
    }
    if (status == STATUS_OK) {
        status = example_walk_run(&command->walk, &command->problem);
    }
    if (status == STATUS_OK) {
        status = example_walk_split(&command->walk, &command->split, &command->problem);
    }
    if (status == STATUS_OK) {
        status = learn_all(command);
    }
    if (status == STATUS_OK) {
        status = write_files(command);
    }
    return status == STATUS_OK ? tell(command) : status;
}

static enum exit_code refuse(const struct train_command *command)
{
    (void)command_fail(command->name, STATUS_INVALID, &command->problem);
    return CODE_USAGE;
}

static enum exit_code run_opened(struct train_command *command)
{
    if (check_clip(command) != STATUS_OK) {
        return refuse(command);
    }
    command->heads = calloc(HEAD_COUNT, sizeof(*command->heads));
    enum status status = command->heads != NULL ? run_all(command) : STATUS_NO_MEMORY;
    for (size_t i = 0; i < command->head_count; i++) {
        train_head_release(&command->heads[i]);
    }
    free(command->heads);
    return status == STATUS_OK ? CODE_OK : command_fail(command->name, status, &command->problem);
}

enum exit_code train_command_run(struct train_command *command)
{
    const struct train_values *values = command->values;
    if (read_options(command) != STATUS_OK) {
        return refuse(command);
    }
    enum exit_code code =
        example_walk_open(&values->source, &values->walk, command->name, &command->walk);
    if (code == CODE_OK) {
        code = run_opened(command);
    }
    example_walk_release(&command->walk);
    return code;
}
