#include "replay/tune.h"

#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/weights_edit.h"

enum { GLOBAL_PERCENT = 70 };

/* Worse than any figure, so that what breaks a guard never wins; the less it breaks, the better. */
static const double broken = -1;
static const double refused = -100;

static const char *const figure_names[] = {
    [TUNE_NDCG] = "ndcg",
    [TUNE_WATCH_NDCG] = "watch_ndcg",
    [TUNE_SKIP_SHARE] = "skip_share",
    [TUNE_NEW_SHARE] = "new_share",
    [TUNE_LANGUAGE_SHARE] = "language_share",
};

const char *tune_figure_name(enum tune_figure figure)
{
    return figure_names[figure];
}

enum status tune_figure_find(const char *name, enum tune_figure *out)
{
    for (size_t i = 0; i < sizeof(figure_names) / sizeof(figure_names[0]); i++) {
        if (strcmp(name, figure_names[i]) == 0) {
            *out = (enum tune_figure)i;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

static bool begins_with(const char *path, const char *word)
{
    size_t size = strlen(word);
    return strncmp(path, word, size) == 0 && path[size] == '.' &&
           strchr(path + size + 1, '.') == NULL;
}

enum status tune_check(const char *path, struct problem *problem)
{
    bool known = begins_with(path, "value") || begins_with(path, "multipliers") ||
                 strcmp(path, "slate.creator_decay") == 0 ||
                 strcmp(path, "slate.creator_floor") == 0;
    if (!known) {
        problem_set(problem,
                    "\"%.90s\" cannot be searched; numbers below value and multipliers, "
                    "slate.creator_decay and slate.creator_floor can",
                    path);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

struct search {
    struct tune_set *set;
    const struct tune_options *options;
    struct tune_result *result;
    struct problem *problem;
    enum status status; /* of a failure, which ends it */
    nlopt_opt running;
};

/* ---- texts ---- */

/* The yaml with the values; the caller frees *out. */
static enum status write_values(const struct tune_options *options, const double *values,
                                char **out, size_t *size, struct problem *problem)
{
    struct weights_edit edits[TUNE_PARAMETERS_MAX];
    char paths[TUNE_PARAMETERS_MAX][TUNE_PATH_SIZE];
    char numbers[TUNE_PARAMETERS_MAX][WEIGHTS_NUMBER_SIZE];
    for (size_t i = 0; i < options->parameter_count; i++) {
        memcpy(paths[i], options->parameters[i].path, TUNE_PATH_SIZE);
        char *gap = strchr(paths[i], '.');
        CHECK(gap != NULL);
        *gap = '\0';
        weights_edit_number(values[i], numbers[i]);
        edits[i] = (struct weights_edit){.path = {paths[i], gap + 1}, .value = text_of(numbers[i])};
    }
    return weights_edit(options->yaml, edits, options->parameter_count, out, size, problem);
}

/* ---- trials ---- */

static double objective_of(const struct tune_options *options, const struct tune_figures *figures)
{
    return options->objective == TUNE_NDCG ? figures->ndcg : figures->watch_ndcg;
}

static double excess(double worse_by, double most)
{
    return worse_by > most ? worse_by - most : 0;
}

static double violation_of(const struct search *search, const struct tune_guard *guard,
                           const struct tune_figures *figures)
{
    const struct tune_figures *base = &search->result->base.figures;
    double sum = 0;
    switch (guard->figure) {
    case TUNE_NDCG:
        return excess(base->ndcg - figures->ndcg, guard->most);
    case TUNE_WATCH_NDCG:
        return excess(base->watch_ndcg - figures->watch_ndcg, guard->most);
    case TUNE_SKIP_SHARE:
        return excess(figures->skip_share - base->skip_share, guard->most);
    case TUNE_NEW_SHARE:
        return excess(base->new_share - figures->new_share, guard->most);
    case TUNE_LANGUAGE_SHARE:
        for (size_t i = 0; i < tune_set_language_count(search->set); i++) {
            sum += excess(base->language_shares[i] - figures->language_shares[i], guard->most);
        }
    }
    return sum;
}

static void judge(const struct search *search, struct tune_trial *trial)
{
    const struct tune_options *options = search->options;
    trial->objective = objective_of(options, &trial->figures);
    for (size_t i = 0; i < options->guard_count; i++) {
        trial->violation += violation_of(search, &options->guards[i], &trial->figures);
    }
}

/* Weights that the file refuses are a trial without figures. */
static enum status try_text(struct search *search, struct text yaml, struct tune_trial *trial,
                            struct problem *problem)
{
    struct weights *weights;
    trial->objective = NAN;
    enum status status = search->options->parse(search->options->context, yaml, &weights, problem);
    if (status != STATUS_OK) {
        return status;
    }
    tune_set_measure(search->set, weights, &trial->figures);
    weights_unref(weights);
    return STATUS_OK;
}

static enum status run_trial(struct search *search, struct tune_trial *trial)
{
    char *yaml;
    size_t size;
    struct problem why = {""};
    enum status status =
        write_values(search->options, trial->values, &yaml, &size, search->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = try_text(search, (struct text){yaml, size}, trial, &why);
    free(yaml);
    if (status == STATUS_OK) {
        judge(search, trial);
    }
    return status == STATUS_INVALID ? STATUS_OK : status;
}

static bool is_allowed(const struct tune_trial *trial)
{
    return !isnan(trial->objective) && trial->violation <= 0;
}

static void note_best(struct search *search, size_t at)
{
    struct tune_result *result = search->result;
    const struct tune_trial *trial = &result->trials[at];
    bool some = result->best < at;
    double than = some ? result->trials[result->best].objective : result->base.objective;
    if (is_allowed(trial) && trial->objective > than) {
        result->best = at;
    } else if (!some) {
        result->best = at + 1; /* still none */
    }
}

static void stop(struct search *search)
{
    (void)nlopt_force_stop(search->running); /* which cannot fail on a search that runs */
}

static double worth(const struct tune_trial *trial)
{
    if (isnan(trial->objective)) {
        return refused;
    }
    return trial->violation > 0 ? broken - trial->violation : trial->objective;
}

/* NLopt's question; variables are shares of the way from low to high. */
static double evaluate(unsigned count, const double *shares, double *gradient, void *context)
{
    struct search *search = context;
    struct tune_result *result = search->result;
    const struct tune_options *options = search->options;
    (void)gradient; /* neither method asks for one */
    if (result->trial_count == options->evaluations || result->stopped) {
        stop(search);
        return refused;
    }
    struct tune_trial *trial = &result->trials[result->trial_count];
    *trial = (struct tune_trial){.violation = 0};
    for (unsigned i = 0; i < count; i++) {
        const struct tune_parameter *parameter = &options->parameters[i];
        trial->values[i] = parameter->low + shares[i] * (parameter->high - parameter->low);
    }
    search->status = run_trial(search, trial);
    if (search->status != STATUS_OK) {
        stop(search);
        return refused;
    }
    note_best(search, result->trial_count++);
    result->stopped =
        options->go_on != NULL && !options->go_on(options->context, trial, result->trial_count);
    return worth(trial);
}

/* ---- the search ---- */

static void begin_at_best(const struct search *search, double *shares)
{
    const struct tune_result *result = search->result;
    bool some = result->best < result->trial_count;
    for (size_t i = 0; i < search->options->parameter_count; i++) {
        const struct tune_parameter *parameter = &search->options->parameters[i];
        double value =
            some ? result->trials[result->best].values[i] : (parameter->low + parameter->high) / 2;
        shares[i] = (value - parameter->low) / (parameter->high - parameter->low);
    }
}

static enum status run_method(struct search *search, nlopt_algorithm method, size_t evaluations)
{
    unsigned count = (unsigned)search->options->parameter_count;
    double shares[TUNE_PARAMETERS_MAX];
    double value;
    nlopt_opt opt = nlopt_create(method, count);
    if (opt == NULL) {
        return STATUS_NO_MEMORY;
    }
    begin_at_best(search, shares);
    search->running = opt;
    bool set = nlopt_set_lower_bounds1(opt, 0) > 0 && nlopt_set_upper_bounds1(opt, 1) > 0 &&
               nlopt_set_max_objective(opt, evaluate, search) > 0 &&
               nlopt_set_maxeval(opt, (int)evaluations) > 0 && nlopt_set_xtol_abs1(opt, 1e-4) > 0;
    nlopt_result code = set ? nlopt_optimize(opt, shares, &value) : NLOPT_OUT_OF_MEMORY;
    nlopt_destroy(opt);
    if (code == NLOPT_OUT_OF_MEMORY) {
        return STATUS_NO_MEMORY;
    }
    return search->status; /* any other end is one: what was tried is kept */
}

static enum status measure_base(struct search *search)
{
    struct tune_trial *base = &search->result->base;
    for (size_t i = 0; i < TUNE_PARAMETERS_MAX; i++) {
        base->values[i] = NAN;
    }
    enum status status = try_text(search, search->options->yaml, base, search->problem);
    if (status == STATUS_OK) {
        base->objective = objective_of(search->options, &base->figures);
    }
    return status;
}

static enum status run_methods(struct search *search)
{
    size_t evaluations = search->options->evaluations;
    size_t global = evaluations * GLOBAL_PERCENT / 100;
    enum status status = STATUS_OK;
    nlopt_srand((unsigned long)search->options->seed);
    if (global > 0) {
        status = run_method(search, NLOPT_GN_CRS2_LM, global);
    }
    size_t left = evaluations - search->result->trial_count;
    return status == STATUS_OK && left > 0 && !search->result->stopped
               ? run_method(search, NLOPT_LN_SBPLX, left)
               : status;
}

static enum status write_best(struct search *search)
{
    struct tune_result *result = search->result;
    if (result->best == result->trial_count) {
        return STATUS_OK;
    }
    return write_values(search->options, result->trials[result->best].values, &result->yaml,
                        &result->yaml_size, search->problem);
}

enum status tune_search(struct tune_set *set, const struct tune_options *options,
                        struct tune_result *out, struct problem *problem)
{
    CHECK(options->parameter_count >= 1 && options->parameter_count <= TUNE_PARAMETERS_MAX);
    CHECK(options->evaluations >= 1 && options->evaluations <= TUNE_EVALUATIONS_MAX);
    struct tune_result result = {.best = 0};
    struct search search = {.set = set, .options = options, .result = &result, .problem = problem};
    result.trials = calloc(options->evaluations, sizeof(*result.trials));
    enum status status = result.trials != NULL ? measure_base(&search) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = run_methods(&search);
    }
    if (status == STATUS_OK) {
        status = write_best(&search);
    }
    if (status != STATUS_OK) {
        tune_result_release(&result);
        return status;
    }
    *out = result;
    return STATUS_OK;
}

void tune_result_release(struct tune_result *result)
{
    free(result->trials);
    free(result->yaml);
    *result = (struct tune_result){.best = 0};
}
