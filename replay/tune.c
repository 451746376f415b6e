#include "replay/tune.h"

#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "store/grow.h"

enum {
    GLOBAL_PERCENT = 70,     /* of trials, or of walks, that look all over the bounds */
    NEAR_PERCENT = 10,       /* of trials, after each walk */
    ASKED_FOR_EACH_WALK = 20 /* how often NLopt may ask for values that were walked before */
};

/* Worse than any figure, so that what breaks a guard never wins; the less it breaks, the better. */
static const double broken = -1e3;
static const double refused = -1e6;

/* Of Subplex, as a share of the bounds: the others do not look near what they begin with. */
static const double first_step = 0.1;

bool tune_trial_is_allowed(const struct tune_trial *trial)
{
    return !isnan(trial->objective) && trial->violation <= 0;
}

/* How far from the start, by the bounds: what is refused there may not be nearer. */
static double distance(const struct tune_options *options, const struct tune_trial *trial)
{
    double sum = 0;
    for (size_t i = 0; i < options->parameter_count; i++) {
        const struct tune_parameter *parameter = &options->parameters[i];
        sum += fabs(tune_parameter_share(parameter, trial->values[i]) -
                    tune_parameter_share(parameter, parameter->start));
    }
    return sum;
}

static double worth(const struct tune_options *options, const struct tune_trial *trial)
{
    CHECK(trial != NULL);
    if (isnan(trial->objective)) {
        return refused * (1 + distance(options, trial));
    }
    return trial->violation > 0 ? broken - trial->violation : trial->objective;
}

/* Parameters of one kind, as NLopt has them: variables are shares of the way from low to high. */
struct part {
    size_t indices[TUNE_PARAMETERS_MAX];
    size_t count;
};

struct search {
    const struct tune_options *options;
    struct tune_result *result;
    struct problem *problem;
    struct part memory; /* searched in the set of a walk */
    struct part walked; /* searched by walks */
    struct tune_walk walk;
    size_t capacity;
    enum status status;                 /* of a failure, which ends it */
    nlopt_opt running;                  /* the innermost */
    size_t trials_left;                 /* of the method that runs in memory */
    size_t walks_kept;                  /* for what comes after the method that walks */
    double values[TUNE_PARAMETERS_MAX]; /* of the trial that is made */
};

/* ---- one trial ---- */

static void judge(const struct search *search, struct tune_trial *trial)
{
    const struct tune_options *options = search->options;
    double value = trial->figures.values[options->objective];
    trial->objective = tune_figure_falls(options->objective) ? -value : value;
    for (size_t i = 0; i < options->guard_count; i++) {
        trial->violation +=
            tune_guard_violation(&options->guards[i], &search->result->start.figures,
                                 &trial->figures, tune_set_language_count(search->walk.set));
    }
}

/* After a walk, or with the set that is there. */
static void measure(struct search *search, const struct weights *weights, struct tune_trial *trial)
{
    tune_set_measure(search->walk.set, search->options->walked ? NULL : weights, &trial->figures);
    trial->figures.values[TUNE_ESTIMATE] = search->walk.estimate;
    memcpy(trial->refused, search->walk.refused, sizeof(trial->refused));
}

static enum status walk_with(struct search *search, struct weights *weights,
                             struct tune_trial *trial)
{
    const struct tune_options *options = search->options;
    enum status status = options->walk(options->context, weights, &search->walk, search->problem);
    if (status == STATUS_OK) {
        trial->walk = search->result->walks++;
    }
    return status;
}

/* Weights that the file refuses are a trial without figures. */
static enum status try_text(struct search *search, struct text yaml, bool walks,
                            struct tune_trial *trial)
{
    const struct tune_options *options = search->options;
    struct weights *weights;
    struct problem why = {""};
    trial->objective = NAN;
    enum status status = options->parse(options->context, yaml, &weights, &why);
    if (status != STATUS_OK) {
        memcpy(trial->refused, why.text, sizeof(trial->refused));
        trial->refused[sizeof(trial->refused) - 1] = '\0';
        return status;
    }
    status = walks ? walk_with(search, weights, trial) : STATUS_OK;
    if (status == STATUS_OK) {
        measure(search, weights, trial);
    }
    weights_unref(weights);
    return status;
}

/* STATUS_OK also where the file refuses the values. */
static enum status run_trial(struct search *search, bool walks, struct tune_trial *trial)
{
    const struct tune_options *options = search->options;
    char *yaml;
    size_t size;
    enum status status =
        tune_parameters_write(options->yaml, NULL, options->parameters, options->parameter_count,
                              trial->values, &yaml, &size, search->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = try_text(search, (struct text){yaml, size}, walks, trial);
    free(yaml);
    if (status == STATUS_OK) {
        judge(search, trial);
    }
    return status == STATUS_INVALID ? STATUS_OK : status;
}

static const struct tune_trial *best_of(const struct tune_result *result)
{
    return result->best < result->trial_count ? &result->trials[result->best] : NULL;
}

static void note_best(struct search *search, size_t at)
{
    struct tune_result *result = search->result;
    CHECK(result->trials != NULL);
    const struct tune_trial *trial = &result->trials[at];
    const struct tune_trial *best = result->best < at ? &result->trials[result->best] : NULL;
    double than = best != NULL ? best->objective : result->start.objective;
    /* A start without support is beaten by whatever has some. */
    bool better = isnan(than) || trial->objective > than;
    if (tune_trial_is_allowed(trial) && better) {
        result->best = at;
    } else if (best == NULL) {
        result->best = at + 1; /* still none */
    }
}

static void tell(struct search *search, const struct tune_trial *trial)
{
    const struct tune_options *options = search->options;
    if (options->go_on != NULL &&
        !options->go_on(options->context, trial, best_of(search->result))) {
        search->result->stopped = true;
    }
}

/* What a failure, or somebody, ends. */
static bool is_over(const struct search *search)
{
    return search->status != STATUS_OK || search->result->stopped;
}

static struct tune_trial *new_trial(struct search *search)
{
    struct tune_result *result = search->result;
    struct tune_trial *trials =
        grow(result->trials, result->trial_count, &search->capacity, sizeof(*trials));
    if (trials == NULL) {
        search->status = STATUS_NO_MEMORY;
        return NULL;
    }
    result->trials = trials;
    struct tune_trial *trial = &trials[result->trial_count];
    *trial = (struct tune_trial){.walk = result->walks - 1};
    memcpy(trial->values, search->values, sizeof(trial->values));
    return trial;
}

/* With search->values; returns what it is worth. */
static double make_trial(struct search *search, bool walks)
{
    struct tune_trial *trial = new_trial(search);
    if (trial == NULL) {
        return refused;
    }
    search->status = run_trial(search, walks, trial);
    if (search->status == STATUS_UNAVAILABLE) {
        search->status = STATUS_OK;
        search->result->stopped = true;
        return refused;
    }
    if (search->status != STATUS_OK) {
        return refused;
    }
    note_best(search, search->result->trial_count++);
    tell(search, trial);
    return worth(search->options, trial);
}

/* ---- methods ---- */

static void take_shares(struct search *search, const struct part *part, const double *shares)
{
    for (size_t i = 0; i < part->count; i++) {
        size_t index = part->indices[i];
        search->values[index] =
            tune_parameter_value(&search->options->parameters[index], shares[i]);
    }
}

/* Where the best is or, as long as there is none, the start. */
static void take_best(struct search *search, const struct part *part)
{
    const struct tune_trial *best = best_of(search->result);
    const double *values = best != NULL ? best->values : search->result->start.values;
    for (size_t i = 0; i < part->count; i++) {
        size_t index = part->indices[i];
        const struct tune_parameter *parameter = &search->options->parameters[index];
        search->values[index] = fmin(fmax(values[index], parameter->low), parameter->high);
    }
}

static void begin_at_values(const struct search *search, const struct part *part, double *shares)
{
    for (size_t i = 0; i < part->count; i++) {
        size_t index = part->indices[i];
        shares[i] =
            tune_parameter_share(&search->options->parameters[index], search->values[index]);
    }
}

/* NLopt's questions; neither method asks for slopes. */
typedef double question(unsigned count, const double *shares, double *gradient, void *context);

/* From the values that are there; asked at most so often. */
static void run_method(struct search *search, nlopt_algorithm method, const struct part *part,
                       question *ask, size_t evaluations)
{
    double shares[TUNE_PARAMETERS_MAX];
    double value;
    nlopt_opt outer = search->running;
    nlopt_opt opt = nlopt_create(method, (unsigned)part->count);
    if (opt == NULL) {
        search->status = STATUS_NO_MEMORY;
        return;
    }
    begin_at_values(search, part, shares);
    search->running = opt;
    bool set = nlopt_set_lower_bounds1(opt, 0) > 0 && nlopt_set_upper_bounds1(opt, 1) > 0 &&
               nlopt_set_max_objective(opt, ask, search) > 0 &&
               nlopt_set_initial_step1(opt, first_step) > 0 &&
               nlopt_set_maxeval(opt, (int)evaluations) > 0 && nlopt_set_xtol_abs1(opt, 1e-4) > 0;
    nlopt_result code = set ? nlopt_optimize(opt, shares, &value) : NLOPT_OUT_OF_MEMORY;
    nlopt_destroy(opt);
    search->running = outer;
    if (code == NLOPT_OUT_OF_MEMORY) {
        search->status = STATUS_NO_MEMORY; /* any other end is one: what was tried is kept */
    }
}

static void stop(struct search *search)
{
    (void)nlopt_force_stop(search->running); /* which cannot fail on a search that runs */
}

/* ---- in memory ---- */

static double ask_memory(unsigned count, const double *shares, double *gradient, void *context)
{
    struct search *search = context;
    (void)count;
    (void)gradient;
    if (search->trials_left == 0 || is_over(search)) {
        stop(search);
        return refused;
    }
    search->trials_left--;
    take_shares(search, &search->memory, shares);
    double value = make_trial(search, false);
    if (is_over(search)) {
        stop(search);
    }
    return value;
}

static void search_memory(struct search *search, nlopt_algorithm method, size_t trials)
{
    if (search->memory.count == 0 || trials == 0 || is_over(search)) {
        return;
    }
    search->trials_left = trials;
    take_best(search, &search->memory);
    run_method(search, method, &search->memory, ask_memory, trials);
}

static void search_memory_whole(struct search *search)
{
    size_t trials = search->options->trials;
    size_t before = search->result->trial_count;
    search_memory(search, NLOPT_GN_CRS2_LM, trials * GLOBAL_PERCENT / 100);
    size_t done = search->result->trial_count - before;
    search_memory(search, NLOPT_LN_SBPLX, trials > done ? trials - done : 0);
}

/* ---- by walks ---- */

static bool same_values(const struct part *part, const double *a, const double *b)
{
    for (size_t i = 0; i < part->count; i++) {
        double difference = a[part->indices[i]] - b[part->indices[i]];
        if (difference < 0 || difference > 0) {
            return false;
        }
    }
    return true;
}

/* The best that trials with the same walked values came to; false: they were not walked yet. */
static bool find_walked(const struct search *search, double *out)
{
    const struct tune_result *result = search->result;
    bool found = same_values(&search->walked, result->start.values, search->values);
    *out = found ? worth(search->options, &result->start) : -INFINITY;
    for (size_t i = 0; i < result->trial_count; i++) {
        const struct tune_trial *trial = &result->trials[i];
        if (same_values(&search->walked, trial->values, search->values)) {
            *out = fmax(*out, worth(search->options, trial));
            found = true;
        }
    }
    return found;
}

static size_t walks_left(const struct search *search)
{
    return search->options->walks + 1 - search->result->walks;
}

/* A walk with the best of the numbers in memory, which are then searched near by. */
static double walk_and_search(struct search *search)
{
    size_t trials = search->options->trials * NEAR_PERCENT / 100;
    size_t before = search->result->trial_count;
    double walked[TUNE_PARAMETERS_MAX];
    take_best(search, &search->memory);
    double best = make_trial(search, true);
    memcpy(walked, search->values, sizeof(walked));
    if (search->memory.count > 0 && trials > 0 && !is_over(search)) {
        search->trials_left = trials;
        run_method(search, NLOPT_LN_SBPLX, &search->memory, ask_memory, trials);
        memcpy(search->values, walked, sizeof(walked));
    }
    for (size_t i = before; i < search->result->trial_count; i++) {
        best = fmax(best, worth(search->options, &search->result->trials[i]));
    }
    return best;
}

static double ask_walks(unsigned count, const double *shares, double *gradient, void *context)
{
    struct search *search = context;
    double value;
    (void)count;
    (void)gradient;
    take_shares(search, &search->walked, shares);
    if (is_over(search)) {
        stop(search);
        return refused;
    }
    if (find_walked(search, &value)) {
        return value;
    }
    if (search->walks_kept >= walks_left(search)) {
        stop(search);
        return refused;
    }
    value = walk_and_search(search);
    if (is_over(search)) {
        stop(search);
    }
    return value;
}

/* Until only so many walks are left. */
static void search_walks(struct search *search, nlopt_algorithm method, size_t kept)
{
    if (is_over(search) || walks_left(search) <= kept) {
        return;
    }
    size_t walks = walks_left(search) - kept;
    search->walks_kept = kept;
    take_best(search, &search->walked);
    run_method(search, method, &search->walked, ask_walks, walks * ASKED_FOR_EACH_WALK);
}

/* The numbers in memory have been searched near the best alone since the first walk. */
static void search_memory_again(struct search *search)
{
    const struct tune_trial *best = best_of(search->result);
    if (search->memory.count == 0 || best == NULL || best->walk == 0 || is_over(search)) {
        return;
    }
    memcpy(search->values, best->values, sizeof(search->values));
    (void)make_trial(search, true);
    search_memory_whole(search);
}

static void search_all(struct search *search)
{
    memcpy(search->values, search->result->start.values, sizeof(search->values));
    nlopt_srand((unsigned long)search->options->seed);
    search_memory_whole(search);
    if (search->walked.count == 0) {
        return;
    }
    size_t last = search->memory.count > 0 && search->options->walks > 1 ? 1 : 0;
    size_t walks = search->options->walks - last;
    search_walks(search, NLOPT_GN_DIRECT_L, last + walks - walks * GLOBAL_PERCENT / 100);
    search_walks(search, NLOPT_LN_SBPLX, last);
    if (walks_left(search) > 0) {
        search_memory_again(search);
    }
}

/* ---- the search ---- */

static void split_parameters(struct search *search)
{
    for (size_t i = 0; i < search->options->parameter_count; i++) {
        bool walks =
            search->options->walked || search->options->parameters[i].cost != TUNE_RESCORES;
        struct part *part = walks ? &search->walked : &search->memory;
        part->indices[part->count++] = i;
    }
    search->result->memory_count = search->memory.count;
}

static enum status measure_start(struct search *search)
{
    struct tune_trial *start = &search->result->start;
    for (size_t i = 0; i < search->options->parameter_count; i++) {
        start->values[i] = search->options->parameters[i].start;
    }
    enum status status = try_text(search, search->options->yaml, true, start);
    if (status == STATUS_INVALID && search->problem->text[0] == '\0') {
        problem_set(search->problem, "%s", start->refused);
    }
    if (status == STATUS_OK) {
        judge(search, start);
        tell(search, start);
    }
    return status;
}

enum status tune_search(const struct tune_options *options, struct tune_result *out,
                        struct problem *problem)
{
    CHECK(options->parameter_count >= 1 && options->parameter_count <= TUNE_PARAMETERS_MAX);
    CHECK(options->trials >= 1 && options->trials <= TUNE_TRIALS_MAX);
    CHECK(options->walks >= 1 && options->walks <= TUNE_WALKS_MAX);
    struct tune_result result = {.best = 0};
    struct search search = {.options = options, .result = &result, .problem = problem};
    split_parameters(&search);
    search.status = measure_start(&search);
    if (search.status == STATUS_OK) {
        search_all(&search);
    }
    if (search.status != STATUS_OK) {
        tune_result_release(&result);
        return search.status;
    }
    *out = result;
    return STATUS_OK;
}

void tune_result_release(struct tune_result *result)
{
    free(result->trials);
    *result = (struct tune_result){.best = 0};
}
