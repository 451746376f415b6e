#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/problems.h"
#include "cli/train_file.h"
#include "cli/tune_report.h"
#include "cli/tune_walk.h"
#include "ranker/slate_chance.h"
#include "replay/tune_page.h"
#include "replay/tune_table.h"
#include "store/clock.h"

enum {
    ITEM_SIZE = 256,
    GUARDS_MAX = 16,
    NEGATIVES = 100,
    MINUTE_MS = 60000,
    DIGITS = 17,
    LINE_SIZE = 96
};

static const char page_option[] = "--html";

struct tune_values {
    struct replay_source_values source;
    struct argument_texts search;
    struct argument_texts guards;
    struct argument_texts support;
    const char *weights;
    const char *rankings;
    const char *label;
    const char *objective;
    const char *front;
    const char *reward;
    const char *out;
    const char *version;
    const char *html;
    int64_t negatives;
    int64_t k;
    int64_t trials;
    int64_t walks;
    int64_t validation_percent;
    int64_t gap_minutes;
    int64_t memory_mib;
    int64_t positions;
    int64_t clip;
    int64_t draws;
    int64_t folds;
    int64_t prior;
    bool force;
    bool json;
};

/* One run of the command. */
struct tune_command {
    const struct tune_values *values;
    struct replay_weights weights; /* of --weights */
    struct tune_walker walker;
    struct tune_parameter parameters[TUNE_PARAMETERS_MAX];
    struct tune_guard guards[GUARDS_MAX];
    struct tune_options options;
    struct tune_result result;
    char objective[METRIC_NAME_SIZE];
    char version[WEIGHTS_NAME_MAX + 1];
    char written[TRAIN_VERSION_SIZE];
    enum tune_figure front_x;
    enum tune_figure front_y;
    struct progress progress;
    char progress_text[LINE_SIZE];
    uint64_t done; /* trials, the start among them */
    double start_objective;
    struct tune_held_out held;
    struct replay_weights best; /* the weights that were found; its text is owned */
    char *best_yaml;
    json_t *report;
    struct problem problem;
};

/* In the order of enum ranking_origin. */
static const char *const origins[] = {"decisions", "impressions", "outcomes", NULL};

/* ---- options ---- */

/* Copies the next of a list to out and moves past it; false at the end. */
static bool next_item(const char **list, char out[ITEM_SIZE])
{
    size_t size = strcspn(*list, ",");
    if (**list == '\0') {
        return false;
    }
    snprintf(out, ITEM_SIZE, "%.*s", (int)(size < ITEM_SIZE ? size : ITEM_SIZE), *list);
    *list += (*list)[size] == ',' ? size + 1 : size;
    return true;
}

/* Names the option that a problem is of. */
static enum status name_option(struct tune_command *command, const char *option)
{
    struct problem inner = command->problem;
    problem_set(&command->problem, "%s: %.280s", option, inner.text);
    return STATUS_INVALID;
}

static enum status add_guards(struct tune_command *command, const char *list)
{
    char item[ITEM_SIZE];
    while (next_item(&list, item)) {
        if (command->options.guard_count == GUARDS_MAX) {
            problem_set(&command->problem, "more than %d are given", GUARDS_MAX);
            return name_option(command, "--guard");
        }
        struct tune_guard *guard = &command->guards[command->options.guard_count];
        if (tune_guard_parse(item, command->walker.k, guard, &command->problem) != STATUS_OK) {
            return name_option(command, "--guard");
        }
        command->walker.scores = command->walker.scores ||
                                 guard->figure == (enum tune_figure)METRIC_GAUC ||
                                 guard->figure == (enum tune_figure)METRIC_XAUC;
        command->options.guard_count++;
    }
    return STATUS_OK;
}

static enum status read_guards(struct tune_command *command)
{
    const struct argument_texts *texts = &command->values->guards;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < texts->count; i++) {
        status = add_guards(command, texts->items[i]);
    }
    return status;
}

/* Bandit estimators, but for what is all model: its best is where the model errs most. */
static enum status read_estimator(struct tune_command *command, const char *name)
{
    struct tune_estimates *estimates = &command->walker.estimates;
    if (!estimator_of_name(name, &estimates->estimator)) {
        return STATUS_NOT_FOUND;
    }
    if (estimates->estimator == ESTIMATOR_DM) {
        problem_set(&command->problem, "--objective dm rests on a model alone, and a search would "
                                       "find where the model is wrong; dr and sndr correct it");
        return STATUS_INVALID;
    }
    estimates->wanted = true;
    estimates->has_model =
        estimates->estimator == ESTIMATOR_DR || estimates->estimator == ESTIMATOR_SNDR;
    command->options.objective = TUNE_ESTIMATE;
    command->options.walked = true;
    return STATUS_OK;
}

static enum status read_objective(struct tune_command *command)
{
    const char *name = command->values->objective;
    struct tune_options *options = &command->options;
    metric_name(METRIC_NDCG_AT, command->walker.k, command->objective);
    options->objective = (enum tune_figure)METRIC_NDCG_AT;
    if (name == NULL) {
        return STATUS_OK;
    }
    snprintf(command->objective, sizeof(command->objective), "%s", name);
    enum status status = read_estimator(command, name);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    status = tune_figure_find(name, command->walker.k, &options->objective, &command->problem);
    if (status != STATUS_OK || options->objective >= TUNE_SKIP_SHARE) {
        problem_set(&command->problem,
                    "--objective is \"%.40s\"; it is a metric as \"reelrank replay ranking\" names "
                    "them, such as ndcg@%zu, map, gauc or watch_ndcg@%zu, or an estimator: replay, "
                    "ips, clipped_ips, snips, dr, sndr",
                    name, command->walker.k, command->walker.k);
        return STATUS_INVALID;
    }
    command->walker.scores = options->objective == (enum tune_figure)METRIC_GAUC ||
                             options->objective == (enum tune_figure)METRIC_XAUC;
    return STATUS_OK;
}

static enum status read_front_figure(struct tune_command *command, const char *name,
                                     enum tune_figure *out)
{
    if (strcmp(name, command->objective) == 0) {
        *out = command->options.objective;
        return STATUS_OK;
    }
    enum status status = tune_figure_find(name, command->walker.k, out, &command->problem);
    if (status == STATUS_OK && *out == TUNE_LANGUAGE_SHARE) {
        problem_set(&command->problem, "language_share is one figure for each language, and an "
                                       "axis has one");
        status = STATUS_INVALID;
    }
    command->walker.scores = command->walker.scores || *out == (enum tune_figure)METRIC_GAUC ||
                             *out == (enum tune_figure)METRIC_XAUC;
    return status == STATUS_OK ? STATUS_OK : name_option(command, "--front");
}

static enum status read_front(struct tune_command *command)
{
    const char *list = command->values->front;
    char names[2][ITEM_SIZE];
    command->front_x = command->options.objective;
    command->front_y = TUNE_LANGUAGE_SHARE; /* the report chooses */
    if (list == NULL) {
        return STATUS_OK;
    }
    char rest[ITEM_SIZE];
    if (!next_item(&list, names[0]) || !next_item(&list, names[1]) || next_item(&list, rest)) {
        problem_set(&command->problem,
                    "--front is \"%.80s\"; it names two figures, such as "
                    "%s,skip_share",
                    command->values->front, command->objective);
        return STATUS_INVALID;
    }
    enum status status = read_front_figure(command, names[0], &command->front_x);
    return status == STATUS_OK ? read_front_figure(command, names[1], &command->front_y) : status;
}

static enum status read_support(struct tune_command *command)
{
    const struct argument_texts *texts = &command->values->support;
    struct support_limits *limits = &command->walker.estimates.limits;
    support_limits_init(limits);
    for (size_t i = 0; i < texts->count; i++) {
        if (support_limits_set(limits, texts->items[i], &command->problem) != STATUS_OK) {
            return name_option(command, "--support");
        }
    }
    return STATUS_OK;
}

static enum status read_labels(struct tune_command *command)
{
    struct tune_walker *walker = &command->walker;
    const char *label = command->values->label;
    if (label_find(label, &walker->log.label, &command->problem) != STATUS_OK ||
        !label_is_good(walker->log.label) || walker->log.label == LABEL_WATCH_SECONDS) {
        problem_set(&command->problem,
                    "--label is \"%.40s\"; it can be play, valid_play, long_view, complete, like, "
                    "share, comment or follow",
                    label);
        return STATUS_INVALID;
    }
    if (label_find(command->values->reward, &walker->estimates.reward, &command->problem) !=
        STATUS_OK) {
        return name_option(command, "--reward");
    }
    if (walker->estimates.wanted && !label_is_good(walker->estimates.reward)) {
        problem_set(&command->problem,
                    "--reward is \"%.40s\", of which more is not better; the search looks for more",
                    command->values->reward);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status check_again(struct tune_command *command, const char *option, const char *path)
{
    if (!replay_source_is_read_once(path)) {
        return STATUS_OK;
    }
    problem_set(&command->problem,
                "%s %s: tuning reads the log more than once, so it must be a file, no pipe", option,
                input_name(path));
    return STATUS_INVALID;
}

static enum status check_origin(struct tune_command *command)
{
    const struct tune_values *values = command->values;
    struct tune_log *log = &command->walker.log;
    bool known =
        values->source.age_years != 0 || strcmp(values->source.locale, REPLAY_NO_LOCALE) != 0;
    if (log->origin == RANKINGS_DECISIONS && known) {
        problem_set(&command->problem, "--age and --locale are of impressions and outcomes; "
                                       "decisions say of whom they are");
        return STATUS_INVALID;
    }
    if (log->origin != RANKINGS_OUTCOMES && values->negatives != NEGATIVES) {
        problem_set(&command->problem, "--negatives is of --rankings outcomes alone");
        return STATUS_INVALID;
    }
    if (log->origin != RANKINGS_DECISIONS && command->walker.estimates.wanted) {
        problem_set(&command->problem,
                    "--objective %s needs decisions with their propensities; --rankings is %s",
                    command->objective, origins[log->origin]);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status check_version(struct tune_command *command)
{
    const char *name = command->values->version;
    if (name == NULL || weights_is_name(text_of(name))) {
        return STATUS_OK;
    }
    problem_set(&command->problem,
                "--version is \"%.60s\"; it has 1 to %d characters of A-Z a-z 0-9 . _ -", name,
                WEIGHTS_NAME_MAX);
    return STATUS_INVALID;
}

static enum ranking_origin origin_of(const struct tune_values *values)
{
    if (values->rankings != NULL) {
        return (enum ranking_origin)argument_choice(origins, values->rankings);
    }
    if (replay_source_has_decisions(&values->source)) {
        return RANKINGS_DECISIONS;
    }
    return strcmp(values->source.format, "movielens") == 0 ? RANKINGS_OUTCOMES
                                                           : RANKINGS_IMPRESSIONS;
}

/* What does not depend on the weights. */
static enum status read_options(struct tune_command *command)
{
    const struct tune_values *values = command->values;
    enum status status = read_objective(command);
    if (status == STATUS_OK) {
        status = read_guards(command);
    }
    if (status == STATUS_OK) {
        status = read_front(command);
    }
    if (status == STATUS_OK) {
        status = read_support(command);
    }
    if (status == STATUS_OK) {
        status = read_labels(command);
    }
    if (status == STATUS_OK) {
        status = check_origin(command);
    }
    if (status == STATUS_OK) {
        status = check_version(command);
    }
    if (status == STATUS_OK) {
        status = check_again(command, "--log", values->source.log);
    }
    if (status == STATUS_OK) {
        status = check_again(command, "--catalogue", values->source.catalogue);
    }
    return status == STATUS_OK ? train_file_check(values->out, values->force, &command->problem)
                               : status;
}

/* ---- what is searched ---- */

static enum status add_parameter(struct tune_command *command, const char *text)
{
    struct tune_options *options = &command->options;
    struct tune_parameter *parameter = &command->parameters[options->parameter_count];
    if (options->parameter_count == TUNE_PARAMETERS_MAX) {
        problem_set(&command->problem, "more than %d numbers are named", TUNE_PARAMETERS_MAX);
        return STATUS_INVALID;
    }
    enum status status =
        tune_parameter_parse(text, command->weights.weights, parameter, &command->problem);
    for (size_t i = 0; status == STATUS_OK && i < options->parameter_count; i++) {
        if (strcmp(command->parameters[i].path, parameter->path) == 0) {
            problem_set(&command->problem, "%s is named twice", parameter->path);
            status = STATUS_INVALID;
        }
    }
    if (status == STATUS_OK) {
        options->parameter_count++;
        options->walked = options->walked || parameter->cost == TUNE_REORDERS;
    }
    return status;
}

static enum status read_search(struct tune_command *command)
{
    const struct argument_texts *texts = &command->values->search;
    if (texts->count == 0) {
        return tune_parameters_default(command->weights.yaml, command->weights.weights,
                                       command->parameters, &command->options.parameter_count,
                                       &command->problem);
    }
    for (size_t i = 0; i < texts->count; i++) {
        const char *list = texts->items[i];
        char item[ITEM_SIZE];
        while (next_item(&list, item)) {
            if (add_parameter(command, item) != STATUS_OK) {
                return name_option(command, "--search");
            }
        }
    }
    if (command->options.parameter_count == 0) {
        problem_set(&command->problem, "--search is empty; it names numbers, such as "
                                       "value.like=0:8");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Of the weights before, without its hash, unless one was given. */
static enum status choose_version(struct tune_command *command)
{
    const char *before = weights_version(command->weights.weights);
    size_t size = strcspn(before, "@");
    const char *given = command->values->version;
    int length = given != NULL ? snprintf(command->version, sizeof(command->version), "%s", given)
                               : snprintf(command->version, sizeof(command->version), "%.*s-tuned",
                                          (int)size, before);
    if (length < 0 || length > WEIGHTS_NAME_MAX) {
        problem_set(&command->problem,
                    "\"%.*s-tuned\" is too long for a version, which has at most %d characters; "
                    "give a --version",
                    (int)size, before, WEIGHTS_NAME_MAX);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status write_text(struct tune_command *command, const double *values, char **out,
                              size_t *size)
{
    return tune_parameters_write(command->weights.yaml, command->version, command->parameters,
                                 command->options.parameter_count, values, out, size,
                                 &command->problem);
}

/* What cannot be written is better known before the log is read: the start, within the bounds. */
static enum status try_file(struct tune_command *command)
{
    double values[TUNE_PARAMETERS_MAX];
    char *yaml = NULL;
    size_t size = 0;
    for (size_t i = 0; i < command->options.parameter_count; i++) {
        const struct tune_parameter *parameter = &command->parameters[i];
        values[i] = fmin(fmax(parameter->start, parameter->low), parameter->high);
    }
    enum status status = write_text(command, values, &yaml, &size);
    if (status == STATUS_OK) {
        status = train_file_try(command->values->out, (struct text){yaml, size}, &command->problem);
    }
    free(yaml);
    return status;
}

/* ---- the search ---- */

static enum status parse(void *context, struct text yaml, struct weights **out,
                         struct problem *problem)
{
    const struct tune_command *command = context;
    struct weights_source source = replay_weights_source(&command->weights);
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    source.yaml = yaml;
    enum status status = weights_source_parse(&source, out, problems);
    if (status == STATUS_INVALID) {
        const struct weights_problem *first = &problems->items[0];
        problem_set(problem, "%.120s: %.180s", first->path, first->message);
    }
    free(problems);
    return status;
}

/* Numbers that walks are searched by. */
static size_t count_walked(const struct tune_command *command)
{
    size_t count = 0;
    for (size_t i = 0; i < command->options.parameter_count; i++) {
        count += command->options.walked || command->parameters[i].cost != TUNE_RESCORES;
    }
    return count;
}

/* With the start measured, what all of it will take. */
static void tell_cost(const struct tune_command *command)
{
    const struct tune_walker *walker = &command->walker;
    size_t walked = count_walked(command);
    if (walked > 0) {
        fprintf(stderr,
                "%zu of %zu numbers need a walk along the log for each set of values; one takes "
                "%.1f s, and up to %zu of them, with one for what is held out, %.0f s\n",
                walked, command->options.parameter_count, walker->walk_seconds,
                command->options.walks,
                walker->walk_seconds * (double)(command->options.walks + 1));
    }
    if (walker->counts.left_out > 0) {
        fprintf(stderr, "%llu rankings do not fit into --memory-mib, and are left out\n",
                (unsigned long long)walker->counts.left_out);
    }
}

/* "walk 4 of 20, best 0.6612, 2:10 in all" */
static void say_next_walk(struct tune_command *command, const struct tune_trial *best)
{
    struct tune_walker *walker = &command->walker;
    size_t done = walker->walks_done;
    size_t left = command->options.walks + 1 > done ? command->options.walks + 1 - done : 0;
    uint64_t seconds = (uint64_t)(walker->walk_seconds * (double)(left + 1));
    char found[32] = "";
    if (best != NULL) {
        snprintf(found, sizeof(found), ", best %.4f", best->objective);
    }
    snprintf(walker->log.doing, sizeof(walker->log.doing), "walk %zu of %zu%s, %llu:%02llu in all",
             done, command->options.walks, found, (unsigned long long)(seconds / 60),
             (unsigned long long)(seconds % 60));
}

static void show_trials(struct tune_command *command, const struct tune_trial *best)
{
    double start = command->start_objective;
    snprintf(command->progress_text, sizeof(command->progress_text),
             "tuning, %.4f at first, %.4f "
             "at best",
             start, best != NULL ? best->objective : start);
    progress_show(&command->progress, command->done);
}

static bool go_on(void *context, const struct tune_trial *trial, const struct tune_trial *best)
{
    struct tune_command *command = context;
    bool memory = count_walked(command) < command->options.parameter_count;
    if (command->done == 0) {
        command->start_objective = trial->objective;
        tell_cost(command);
        command->progress.started_ms = 0;
    }
    if (memory && command->progress.started_ms == 0) {
        progress_start(&command->progress, command->progress_text, "trials", 1,
                       command->options.trials);
    }
    command->done++;
    if (memory) {
        show_trials(command, best);
    }
    say_next_walk(command, best);
    return !interrupt_seen();
}

static enum status walk(void *context, struct weights *weights, struct tune_walk *out,
                        struct problem *problem)
{
    struct tune_command *command = context;
    progress_clear(&command->progress);
    return tune_walker_walk(&command->walker, weights, out, problem);
}

static void print_bounds(const struct tune_command *command)
{
    fprintf(stderr, "searched, since no --search says what:\n");
    for (size_t i = 0; i < command->options.parameter_count; i++) {
        const struct tune_parameter *parameter = &command->parameters[i];
        char low[TUNE_VALUE_SIZE];
        char high[TUNE_VALUE_SIZE];
        tune_parameter_text(parameter, parameter->low, low);
        tune_parameter_text(parameter, parameter->high, high);
        fprintf(stderr, "  %s=%s:%s\n", parameter->path, low, high);
    }
}

static enum status search(struct tune_command *command)
{
    struct tune_options *options = &command->options;
    options->yaml = command->weights.yaml;
    options->parameters = command->parameters;
    options->guards = command->guards;
    options->trials = (size_t)command->values->trials;
    options->walks = (size_t)command->values->walks;
    options->seed = (uint64_t)command->values->source.seed;
    options->parse = parse;
    options->walk = walk;
    options->go_on = go_on;
    options->context = command;
    if (command->values->search.count == 0) {
        print_bounds(command);
    }
    interrupt_watch();
    command->walker.log.may_end = true;
    snprintf(command->walker.log.doing, sizeof(command->walker.log.doing), "the first walk");
    enum status status = tune_walker_prepare(&command->walker, &command->problem);
    if (status == STATUS_OK) {
        status = tune_search(options, &command->result, &command->problem);
    }
    progress_clear(&command->progress);
    if (status == STATUS_UNAVAILABLE) {
        problem_set(&command->problem, "ended before anything was tried; nothing is written");
    }
    return status;
}

/* ---- what came of it ---- */

static bool has_best(const struct tune_command *command)
{
    return command->result.best < command->result.trial_count;
}

static enum status write_best(struct tune_command *command)
{
    size_t size = 0;
    const struct tune_trial *best = &command->result.trials[command->result.best];
    enum status status = write_text(command, best->values, &command->best_yaml, &size);
    if (status != STATUS_OK) {
        return status;
    }
    command->best.yaml = (struct text){command->best_yaml, size};
    status = parse(command, command->best.yaml, &command->best.weights, &command->problem);
    return status == STATUS_OK ? train_file_write(command->values->out, command->best.yaml,
                                                  command->written, &command->problem)
                               : status;
}

/* What follows the last slash. */
static const char *file_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : name;
}

/* First the file, so that a Ctrl-C while the rest is measured does not lose it. */
static enum status finish_best(struct tune_command *command)
{
    enum status status = write_best(command);
    return status == STATUS_OK ? tune_walker_hold_out(&command->walker, &command->best,
                                                      file_part(command->values->weights),
                                                      file_part(command->values->out),
                                                      &command->held, &command->problem)
                               : status;
}

static enum status make_report(struct tune_command *command)
{
    bool some = has_best(command);
    const struct tune_report report = {
        .options = &command->options,
        .result = &command->result,
        .walker = &command->walker,
        .objective = command->objective,
        .front_x = command->front_x,
        .front_y = command->front_y,
        .start_name = file_part(command->values->weights),
        .out = some ? command->values->out : NULL,
        .version = command->written,
        .held = some ? &command->held : NULL,
    };
    command->report = tune_report_json(&report);
    return command->report != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status write_page(struct tune_command *command)
{
    const char *path = command->values->html;
    FILE *file;
    enum status status = output_open(page_option, path, &file, &command->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = tune_page_write(file, command->report, &command->problem);
    return output_close(page_option, path, file, status, &command->problem);
}

static enum status print_json(const json_t *report)
{
    bool printed = json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS)) == 0 &&
                   putchar('\n') != EOF;
    return printed || ferror(stdout) != 0 ? STATUS_OK : STATUS_NO_MEMORY; /* main() tells of it */
}

static enum status show(struct tune_command *command)
{
    enum status status = STATUS_OK;
    if (command->values->json) {
        status = print_json(command->report);
    } else {
        status = tune_table_write(stdout, command->report) ? STATUS_OK : STATUS_IO;
    }
    return status == STATUS_OK && command->values->html != NULL ? write_page(command) : status;
}

static enum status check_found(struct tune_command *command)
{
    if (has_best(command)) {
        return STATUS_OK;
    }
    problem_set(&command->problem, "none of %zu trials is better than %.60s%s; no file is written",
                command->result.trial_count, command->values->weights,
                command->options.guard_count > 0 ? " and keeps the guards" : "");
    return STATUS_NOT_FOUND;
}

static enum status run_searched(struct tune_command *command)
{
    enum status status = search(command);
    if (status == STATUS_OK && has_best(command)) {
        status = finish_best(command);
    }
    if (status == STATUS_OK) {
        status = make_report(command);
    }
    if (status == STATUS_OK) {
        status = show(command);
    }
    return status == STATUS_OK ? check_found(command) : status;
}

static enum exit_code fail(const struct tune_command *command, enum status status)
{
    return command_fail(command_tune.name, status, &command->problem);
}

static enum exit_code refuse(const struct tune_command *command)
{
    (void)fail(command, STATUS_INVALID);
    return CODE_USAGE;
}

static enum exit_code run_opened(struct tune_command *command)
{
    struct log *log = feed_log(command->walker.log.source.feed);
    enum status status =
        replay_weights_read(command->values->weights, log, &command->weights, &command->problem);
    if (status != STATUS_OK) {
        return fail(command, status);
    }
    command->walker.start = &command->weights;
    status = read_search(command);
    if (status == STATUS_OK) {
        status = choose_version(command);
    }
    if (status != STATUS_OK) {
        return status == STATUS_INVALID ? refuse(command) : fail(command, status);
    }
    status = try_file(command);
    if (status == STATUS_OK) {
        status = run_searched(command);
    }
    return status == STATUS_OK ? CODE_OK : fail(command, status);
}

static void release(struct tune_command *command)
{
    tune_walker_release(&command->walker);
    tune_result_release(&command->result);
    replay_weights_release(&command->weights);
    weights_unref(command->best.weights);
    free(command->best_yaml);
    json_decref(command->held.report);
    json_decref(command->report);
}

static void fill_walker(const struct tune_values *values, struct tune_walker *out)
{
    out->log = (struct tune_log){.values = &values->source,
                                 .command = command_tune.name,
                                 .origin = origin_of(values),
                                 .negatives = (unsigned)values->negatives};
    out->k = (size_t)values->k;
    out->window_ms = replay_source_window_ms(&values->source);
    out->seed = (uint64_t)values->source.seed;
    out->bytes = (uint64_t)values->memory_mib << 20;
    out->validation_percent = (unsigned)values->validation_percent;
    out->gap_ms = values->gap_minutes > 0 ? values->gap_minutes * MINUTE_MS : out->window_ms;
    out->estimates.positions = (size_t)values->positions;
    out->estimates.clip = (double)values->clip;
    out->estimates.draws = (size_t)values->draws;
    out->estimates.folds = (size_t)values->folds;
    out->estimates.prior = (double)values->prior;
}

static enum exit_code tune_run(const void *raw, const struct operands *operands)
{
    const struct tune_values *values = raw;
    struct tune_command *command = calloc(1, sizeof(*command));
    (void)operands;
    if (command == NULL) {
        return command_fail(command_tune.name, STATUS_NO_MEMORY, NULL);
    }
    command->values = values;
    enum exit_code code = replay_source_check(&values->source, command_tune.name);
    if (code == CODE_OK) {
        fill_walker(values, &command->walker);
        code = read_options(command) == STATUS_OK ? CODE_OK : refuse(command);
    }
    if (code == CODE_OK) {
        code = tune_log_open(&command->walker.log);
    }
    if (code == CODE_OK) {
        code = run_opened(command);
    }
    release(command);
    free(command);
    return code;
}

static const struct argument tune_arguments[] = {
    REPLAY_LOG_ARGUMENTS(struct tune_values),
    REPLAY_PEOPLE_ARGUMENTS(struct tune_values),
    {.name = "weights",
     .value_name = "WEIGHTS",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct tune_values, weights),
     .initial = "default",
     .help = "where the search begins: a file, default, or with --data current"},
    {.name = "search",
     .value_name = "PATH=LOW:HIGH,...",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct tune_values, search),
     .help = "numbers to move, and their bounds; again for more"},
    {.name = "objective",
     .value_name = "NAME",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct tune_values, objective),
     .help = "a metric of rankings (ndcg@K unless given), or snips, dr, sndr, ips, ..."},
    {.name = "guard",
     .value_name = "FIGURE=MOST,...",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct tune_values, guards),
     .help = "how much worse may get: skip_share, new_share, language_share, policy_drops"},
    {.name = "front",
     .value_name = "FIGURE,FIGURE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct tune_values, front),
     .help = "whose trade-off is told; the objective and one that varies unless given"},
    {.name = "trials",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, trials),
     .initial = "1000",
     .minimum = 1,
     .maximum = TUNE_TRIALS_MAX,
     .help = "of numbers that need no walk along the log"},
    {.name = "walks",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, walks),
     .initial = "20",
     .minimum = 1,
     .maximum = TUNE_WALKS_MAX,
     .help = "along the log, for the others and for estimates"},
    {.name = "rankings",
     .value_name = "FROM",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct tune_values, rankings),
     .choices = origins,
     .help = "decisions of a journal, impressions, or outcomes among sampled negatives"},
    {.name = "negatives",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, negatives),
     .initial = "100", /* NEGATIVES */
     .minimum = 1,
     .maximum = TIMELINE_NEGATIVES_MAX,
     .help = "of --rankings outcomes, for each video that earned the label"},
    {.name = "label",
     .value_name = "NAME",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct tune_values, label),
     .initial = "long_view",
     .help = "what makes a video relevant: play, valid_play, long_view, like, ..."},
    {.name = "k",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, k),
     .initial = "10",
     .minimum = 1,
     .maximum = LIMIT_CANDIDATES,
     .help = "how many positions figures look at"},
    {.name = "validation_percent",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, validation_percent),
     .initial = "20",
     .minimum = 1,
     .maximum = 99,
     .help = "how much of the rankings' time is held out"},
    {.name = "gap",
     .value_name = "MINUTES",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, gap_minutes),
     .initial = "0",
     .maximum = 525600,
     .help = "before that, of no side; 0: as --window"},
    {.name = "memory_mib",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, memory_mib),
     .initial = "1024",
     .minimum = 1,
     .maximum = 1048576,
     .help = "for rankings, 256 bytes a candidate; the latest are left out"},
    {.name = "reward",
     .value_name = "NAME",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct tune_values, reward),
     .initial = "long_view",
     .help = "of estimates: what a position earns"},
    {.name = "positions",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, positions),
     .initial = "10",
     .minimum = 1,
     .maximum = SLATE_ESTIMATOR_POSITIONS,
     .help = "of estimates: how many of a slate are looked at"},
    {.name = "clip",
     .value_name = "W",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, clip),
     .initial = "10",
     .minimum = 1,
     .maximum = 1000000,
     .help = "largest weight of clipped_ips"},
    {.name = "draws",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, draws),
     .initial = "200",
     .minimum = 2,
     .maximum = SLATE_DRAWS_MAX,
     .help = "of estimates: slates that are drawn for a decision"},
    {.name = "folds",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, folds),
     .initial = "5",
     .minimum = 1,
     .maximum = REWARD_FOLDS_MAX,
     .help = "of dr and sndr: of users, each predicted from the others"},
    {.name = "prior",
     .value_name = "VIEWS",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, prior),
     .initial = "10",
     .maximum = 1000000,
     .help = "of dr and sndr: how many views the mean of all videos counts"},
    {.name = "support",
     .value_name = "CHECK=VALUE",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct tune_values, support),
     .help = "of estimates: another limit of a check (docs/off-policy.md)"},
    {.name = "seed",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct tune_values, source.seed),
     .initial = "1",
     .maximum = INT32_MAX,
     .help = "of all that is drawn: trials, intervals, negatives"},
    {.name = "out",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct tune_values, out),
     .required = true,
     .help = "the weights file to write: that of --weights with the best numbers"},
    {.name = "version",
     .value_name = "NAME",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct tune_values, version),
     .help = "of the file; that of --weights and \"-tuned\" unless given"},
    {.name = "force",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct tune_values, force),
     .help = "replace --out if it is there"},
    {.name = "html",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct tune_values, html),
     .help = "write a page with plots too, one file"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct tune_values, json),
     .help = "print all trials as JSON (docs/tune-report.schema.json)"},
};

const struct command command_tune = {
    .name = "tune",
    .operands = "",
    .summary = "search weights that would have done better with a log",
    .description =
        "Searches numbers of a weights file within bounds, for a metric of rankings or an\n"
        "off-policy estimate, on the first part of a log, and tells how the best does on the rest\n"
        "of it, with 95 % intervals over users: only that figure says whether it is better. Value\n"
        "weights, multipliers and creator decay are searched in memory; half-lives and whatever\n"
        "else heads and features depend on need a walk along the log for each set of values, and\n"
        "so does each trial of an estimate. Guards say how much worse other figures may get. "
        "Then\n"
        "--weights is written to --out with the best numbers, all else as it is. Ctrl-C ends with\n"
        "the best so far; a second one at once. docs/tuning-search.md tells how to read it.\n",
    .examples =
        "  reelrank tune --log june.jsonl.gz --catalogue videos.jsonl --out new.yaml\n"
        "  reelrank tune --data /tmp/copy --weights current --out new.yaml --html report.html \\\n"
        "      --search value.like=0:40,multipliers.freshness=0:3 \\\n"
        "      --guard skip_share=0.01,language_share=0.02,new_share=0.02\n"
        "  reelrank tune --log june.jsonl --search features.freshness_half_life=6h:14d \\\n"
        "      --search features.rate_half_life=30m:14d --walks 30 --out new.yaml\n"
        "  reelrank tune --data /tmp/copy --weights current --objective snips --reward like \\\n"
        "      --search multipliers.quality=0:3 --walks 40 --out new.yaml\n",
    COMMAND_ARGUMENTS(tune_arguments),
    .values_size = sizeof(struct tune_values),
    .run = tune_run,
};
