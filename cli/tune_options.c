#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/tune_command.h"

enum { ITEM_SIZE = 256, MINUTE_MS = 60000 };

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
        if (command->options.guard_count == TUNE_GUARDS_MAX) {
            problem_set(&command->problem, "more than %d are given", TUNE_GUARDS_MAX);
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
    if (replay_source_label(command->values->label, &walker->log.label, &command->problem) !=
        STATUS_OK) {
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
    enum status status = replay_source_check_origin(&values->source, log->origin, values->negatives,
                                                    &command->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (log->origin != RANKINGS_DECISIONS && command->walker.estimates.wanted) {
        problem_set(&command->problem,
                    "--objective %s needs decisions with their propensities; --rankings is %s",
                    command->objective, replay_origins[log->origin]);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* What does not depend on the weights. */
enum status tune_options_read(struct tune_command *command)
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
        status = train_file_check_version(command->values->version, &command->problem);
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

enum status tune_options_read_search(struct tune_command *command)
{
    enum status status = read_search(command);
    return status == STATUS_OK
               ? train_file_choose_version(weights_version(command->weights.weights),
                                           command->values->version, "-tuned", command->version,
                                           &command->problem)
               : status;
}

void tune_options_fill(struct tune_command *command)
{
    const struct tune_values *values = command->values;
    struct tune_walker *out = &command->walker;
    out->log = (struct tune_log){.values = &values->source,
                                 .command = command_tune.name,
                                 .origin = replay_source_origin(&values->source, values->rankings),
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
