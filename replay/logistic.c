#include "replay/logistic.h"

#include <math.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "replay/logistic_fit.h"
#include "replay/logistic_rows.h"

#define BOUND     1000.0 /* of weights and bias in a weights file */
#define NO_BETTER 1e-9

/* Fits that only choose stop where the loss would change by less than what tells penalties apart.
 */
#define TOLERANCE          1e-7
#define CHOOSING_TOLERANCE 1e-5

enum { PATIENCE = 2 };

static const double grid[LOGISTIC_GRID] = {10, 1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};

struct trainer {
    const struct logistic_data *data;
    const struct logistic_options *options;
    struct logistic_counts counts;
    struct logistic_scale scale;
    struct logistic_fit fit;
    enum logistic_stage stage;
    struct logistic_result result;
};

double logistic_grid(unsigned index)
{
    CHECK(index < LOGISTIC_GRID);
    return grid[index];
}

static double natural_log(double x)
{
    const double ln_2 = 0x1.62e42fefa39efp-1;
    return exact_log2(x) * ln_2;
}

/* Those that choose the penalty, then one, then one of the intercept. */
static unsigned fits_before(const struct logistic_options *options, enum logistic_stage stage,
                            unsigned tried)
{
    unsigned choosing = options->l2 > 0 ? 0 : LOGISTIC_GRID;
    return stage == LOGISTIC_STAGE_CHOOSE ? tried
                                          : choosing + (stage == LOGISTIC_STAGE_INTERCEPT ? 1 : 0);
}

static bool tell(void *context, unsigned iteration, double objective)
{
    const struct trainer *trainer = context;
    const struct logistic_options *options = trainer->options;
    bool intercept = options->balance || options->positions;
    const struct logistic_progress progress = {
        .stage = trainer->stage,
        .l2 = trainer->fit.l2,
        .fit = fits_before(options, trainer->stage, trainer->result.tried_count),
        .fits_most = fits_before(options, LOGISTIC_STAGE_INTERCEPT, 0) + (intercept ? 1 : 0),
        .iteration = iteration,
        .iterations_most = LOGISTIC_ITERATIONS,
        .objective = objective,
    };
    return options->go_on == NULL || options->go_on(options->context, &progress);
}

static enum status check_classes(const struct logistic_counts *counts, struct problem *problem)
{
    if (counts->positives > 0 && counts->positives < counts->rows) {
        return STATUS_OK;
    }
    problem_set(problem,
                "%llu training examples, of which %llu are positive; both kinds are needed to "
                "learn what tells them apart",
                (unsigned long long)counts->rows, (unsigned long long)counts->positives);
    return STATUS_INVALID;
}

/* What is known to need no fit is held: features that never vary, and places but for options. */
static void hold(struct trainer *trainer)
{
    struct logistic_fit *fit = &trainer->fit;
    unsigned features = trainer->data->feature_count;
    for (unsigned j = 0; j < features; j++) {
        if (!(trainer->scale.deviation[j] > 0)) {
            fit->held[1 + j] = true;
            feature_set_add(&trainer->result.constant, trainer->data->features[j]);
        }
    }
    unsigned reference = 0;
    for (unsigned i = 0; i < LOGISTIC_PLACES; i++) {
        bool used = trainer->options->positions && trainer->counts.places[i] > 0;
        fit->held[1 + features + i] = !used;
        reference = trainer->counts.places[i] > trainer->counts.places[reference] ? i : reference;
    }
    fit->held[1 + features + reference] = true;
}

static void begin(struct trainer *trainer, const struct logistic_data *data,
                  const struct logistic_options *options)
{
    *trainer = (struct trainer){.data = data, .options = options};
    trainer->result.positions = options->positions;
    logistic_count(data, LOGISTIC_ALL, options->seed, &trainer->counts);
    logistic_scale_of(data, &trainer->scale);
    trainer->fit = (struct logistic_fit){
        .data = data,
        .scale = &trainer->scale,
        .seed = options->seed,
        .class_weights = {1, 1},
        .l2 = options->l2,
        .tolerance = TOLERANCE,
        .go_on = tell,
        .context = trainer,
    };
    hold(trainer);
}

/* With them, and the intercept at the log odds of the classes as they are weighed. */
static void begin_classes(struct trainer *trainer)
{
    struct logistic_fit *fit = &trainer->fit;
    double positives = trainer->counts.positive_weight;
    double others = trainer->counts.weight - positives;
    trainer->result.base_rate = positives / trainer->counts.weight;
    if (trainer->options->balance) {
        fit->class_weights[1] = others / positives;
    }
    fit->variables[0] = natural_log(fit->class_weights[1] * positives / others);
}

/* Counts what was done; once stopped, nothing more is. */
static enum status run(struct trainer *trainer, enum logistic_stage stage)
{
    struct logistic_result *result = &trainer->result;
    trainer->stage = stage;
    if (result->stopped) {
        return STATUS_OK;
    }
    enum status status = logistic_fit(&trainer->fit);
    if (status == STATUS_OK) {
        result->iterations += trainer->fit.iterations;
        result->stopped = trainer->fit.stopped;
        result->converged = result->converged && trainer->fit.converged;
    }
    return status;
}

static enum status check_parts(const struct trainer *trainer, struct problem *problem)
{
    for (enum logistic_part part = LOGISTIC_FITTING; part <= LOGISTIC_CHOOSING; part++) {
        struct logistic_counts counts;
        logistic_count(trainer->data, part, trainer->options->seed, &counts);
        if (counts.positives == 0 || counts.positives == counts.rows) {
            problem_set(problem,
                        "too few users to choose l2 by: of %llu examples of one part of them, "
                        "%llu are positive; give an l2, or more examples",
                        (unsigned long long)counts.rows, (unsigned long long)counts.positives);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

/* Takes the variables of the fit where they are better than the best; how many in a row were not.
 */
static unsigned judge(struct trainer *trainer, unsigned worse, double *best_loss, double *best)
{
    struct logistic_result *result = &trainer->result;
    double loss = logistic_fit_loss(&trainer->fit, LOGISTIC_CHOOSING);
    result->tried[result->tried_count++] =
        (struct logistic_tried){.l2 = trainer->fit.l2, .loss = loss};
    if (!(loss < *best_loss * (1 - NO_BETTER))) {
        return worse + 1;
    }
    *best_loss = loss;
    result->l2 = trainer->fit.l2;
    memcpy(best, trainer->fit.variables, sizeof(trainer->fit.variables));
    return 0;
}

static enum status choose(struct trainer *trainer)
{
    double best[LOGISTIC_VARIABLES];
    double best_loss = DBL_MAX;
    unsigned worse = 0;
    trainer->result.l2 = grid[0];
    memcpy(best, trainer->fit.variables, sizeof(best));
    trainer->fit.part = LOGISTIC_FITTING;
    trainer->fit.tolerance = CHOOSING_TOLERANCE;
    for (unsigned i = 0; i < LOGISTIC_GRID && worse < PATIENCE && !trainer->result.stopped; i++) {
        trainer->fit.l2 = grid[i];
        enum status status = run(trainer, LOGISTIC_STAGE_CHOOSE);
        if (status != STATUS_OK) {
            return status;
        }
        worse = judge(trainer, worse, &best_loss, best);
    }
    trainer->fit.part = LOGISTIC_ALL;
    trainer->fit.tolerance = TOLERANCE;
    trainer->fit.l2 = trainer->result.l2;
    memcpy(trainer->fit.variables, best, sizeof(best));
    return STATUS_OK;
}

static enum status choose_or_take(struct trainer *trainer, struct problem *problem)
{
    trainer->result.l2 = trainer->options->l2;
    if (trainer->options->l2 > 0) {
        return STATUS_OK;
    }
    enum status status = check_parts(trainer, problem);
    return status == STATUS_OK ? choose(trainer) : status;
}

/* Holds at the bound what is beyond it; whether anything new was. */
static bool cut(struct trainer *trainer)
{
    struct logistic_fit *fit = &trainer->fit;
    bool found = false;
    for (unsigned j = 0; j < trainer->data->feature_count; j++) {
        double most = BOUND * trainer->scale.deviation[j];
        if (!fit->held[1 + j] && fabs(fit->variables[1 + j]) > most) {
            fit->variables[1 + j] = fit->variables[1 + j] > 0 ? most : -most;
            fit->held[1 + j] = true;
            feature_set_add(&trainer->result.bounded, trainer->data->features[j]);
            found = true;
        }
    }
    return found;
}

/* Ends since each round but the last holds one more. */
static enum status fit_within_bounds(struct trainer *trainer)
{
    enum status status;
    do {
        trainer->result.converged = true;
        status = run(trainer, LOGISTIC_STAGE_FIT);
    } while (status == STATUS_OK && cut(trainer));
    trainer->result.converged = trainer->result.converged && !trainer->result.stopped;
    return status;
}

/* Drops places and class weights; the intercept becomes that of what is served. */
static enum status serve(struct trainer *trainer)
{
    const struct logistic_options *options = trainer->options;
    struct logistic_fit *fit = &trainer->fit;
    double *places = fit->variables + 1 + trainer->data->feature_count;
    memcpy(trainer->result.places, places, sizeof(trainer->result.places));
    memcpy(trainer->result.place_rows, trainer->counts.places, sizeof(trainer->result.place_rows));
    if (!options->balance && !options->positions) {
        return STATUS_OK;
    }
    double before = fit->variables[0];
    fit->variables[0] -= natural_log(fit->class_weights[1] / fit->class_weights[0]);
    for (unsigned i = 0; i < LOGISTIC_PLACES; i++) {
        fit->variables[0] += places[i] * trainer->counts.place_weights[i] / trainer->counts.weight;
        places[i] = 0;
    }
    fit->class_weights[1] = 1;
    for (unsigned i = 1; i < LOGISTIC_VARIABLES; i++) {
        fit->held[i] = true;
    }
    enum status status = run(trainer, LOGISTIC_STAGE_INTERCEPT);
    trainer->result.intercept_moved = fit->variables[0] - before;
    return status;
}

/* Back to the features' own units. */
static enum status write_model(struct trainer *trainer, struct problem *problem)
{
    struct logistic_model *model = &trainer->result.model;
    model->bias = trainer->fit.variables[0];
    for (unsigned j = 0; j < trainer->data->feature_count; j++) {
        double deviation = trainer->scale.deviation[j];
        if (deviation > 0) {
            double weight = trainer->fit.variables[1 + j] / deviation;
            weight = weight > BOUND ? BOUND : weight < -BOUND ? -BOUND : weight;
            model->bias -= weight * trainer->scale.mean[j];
            trainer->result.deviations[model->weight_count] = deviation;
            model->weights[model->weight_count++] = (struct feature_weight){
                .feature = trainer->data->features[j],
                .weight = weight,
            };
        }
    }
    if (fabs(model->bias) <= BOUND) {
        return STATUS_OK;
    }
    problem_set(problem, "the bias would be %g; allowed: -%g to %g; train with a larger l2",
                model->bias, BOUND, BOUND);
    return STATUS_INVALID;
}

static double probability_of(double margin)
{
    const double log2_e = 0x1.71547652b82fep+0;
    return 1 / (1 + exact_exp2(-margin * log2_e));
}

double logistic_predict(const struct logistic_model *model, const double *features)
{
    double margin = model->bias;
    for (unsigned i = 0; i < model->weight_count; i++) {
        double value = features[model->weights[i].feature];
        margin += model->weights[i].weight * (isnan(value) ? 0 : value);
    }
    return probability_of(margin);
}

static enum status forecast_block(const struct logistic_data *data, size_t number,
                                  const struct logistic_result *result, struct forecast *forecast)
{
    const struct logistic_block *block = data->blocks[number];
    double features[FEATURE_COUNT] = {0};
    for (size_t row = 0; row < block->count; row++) {
        for (unsigned j = 0; j < data->feature_count; j++) {
            features[data->features[j]] = block->columns[j][row];
        }
        const struct forecast_row told = {
            .user_key = block->users[row],
            .probability = logistic_predict(&result->model, features),
            .reference = result->base_rate,
            .weight = block->weights[row],
            .positive = block->positives[row] != 0,
        };
        enum status status = forecast_add(forecast, &told);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status figure(const struct logistic_data *data, const struct trainer *trainer,
                          struct forecast_figures *out)
{
    struct forecast *forecast = forecast_new();
    enum status status = forecast != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; data != NULL && status == STATUS_OK && i < data->block_count; i++) {
        status = forecast_block(data, i, &trainer->result, forecast);
    }
    if (status == STATUS_OK) {
        status = forecast_figures(forecast, trainer->options->seed, out);
    }
    forecast_free(forecast);
    return status;
}

static enum status learn(struct trainer *trainer, struct problem *problem)
{
    enum status status = check_classes(&trainer->counts, problem);
    if (status == STATUS_OK) {
        begin_classes(trainer);
        status = choose_or_take(trainer, problem);
    }
    if (status == STATUS_OK) {
        status = fit_within_bounds(trainer);
    }
    if (status == STATUS_OK) {
        status = serve(trainer);
    }
    return status == STATUS_OK ? write_model(trainer, problem) : status;
}

enum status logistic_train(const struct logistic_data *training,
                           const struct logistic_data *held_out,
                           const struct logistic_options *options, struct logistic_result *out,
                           struct problem *problem)
{
    CHECK(options->l2 >= 0);
    CHECK(held_out == NULL ||
          memcmp(held_out->features, training->features, sizeof(training->features)) == 0);
    struct trainer trainer;
    begin(&trainer, training, options);
    enum status status = learn(&trainer, problem);
    if (status == STATUS_OK) {
        status = figure(training, &trainer, &trainer.result.training);
    }
    if (status == STATUS_OK) {
        status = figure(held_out, &trainer, &trainer.result.held_out);
    }
    if (status == STATUS_OK) {
        *out = trainer.result;
    }
    return status;
}
