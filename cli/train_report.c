#include "cli/train_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cli/column.h"
#include "cli/fields.h"
#include "replay/report_family.h"

enum { WEIGHTS_SHOWN = 12, NAME_WIDTH = 26, FEATURE_WIDTH = 34, FIGURE_WIDTH = 32, TEXT_SIZE = 64 };

/* ---- the table ---- */

static void print_cells(const char *name, const char *training, const char *validation)
{
    printf("  ");
    column_print(stdout, name, NAME_WIDTH);
    column_print(stdout, training, FIGURE_WIDTH);
    column_print_all(stdout, validation);
    printf("\n");
}

static void print_counts(const char *name, uint64_t training, uint64_t validation)
{
    char texts[2][TEXT_SIZE];
    snprintf(texts[0], TEXT_SIZE, "%" PRIu64, training);
    snprintf(texts[1], TEXT_SIZE, "%" PRIu64, validation);
    print_cells(name, texts[0], texts[1]);
}

static void format_number(double value, char out[TEXT_SIZE])
{
    if (isnan(value)) {
        snprintf(out, TEXT_SIZE, "–");
    } else {
        snprintf(out, TEXT_SIZE, "%.5f", value);
    }
}

static void format_interval(double value, double low, double high, char out[TEXT_SIZE])
{
    format_number(value, out);
    if (!isnan(low) && !isnan(high)) {
        snprintf(out, TEXT_SIZE, "%.5f [%.5f, %.5f]", value, low, high);
    }
}

static void print_numbers(const char *name, double training, double validation)
{
    char texts[2][TEXT_SIZE];
    format_number(training, texts[0]);
    format_number(validation, texts[1]);
    print_cells(name, texts[0], texts[1]);
}

static void print_gain(const struct forecast_figures *training,
                       const struct forecast_figures *validation)
{
    char texts[2][TEXT_SIZE];
    format_interval(training->gain.value, training->gain.low, training->gain.high, texts[0]);
    format_interval(validation->gain.value, validation->gain.low, validation->gain.high, texts[1]);
    print_cells("gain over the base rate", texts[0], texts[1]);
}

static void print_auc(const struct forecast_figures *training,
                      const struct forecast_figures *validation)
{
    char texts[2][TEXT_SIZE];
    format_interval(training->auc.value, training->auc.low, training->auc.high, texts[0]);
    format_interval(validation->auc.value, validation->auc.low, validation->auc.high, texts[1]);
    print_cells("AUC", texts[0], texts[1]);
}

static const struct forecast_figures *training_of(const struct train_head *head)
{
    return head->kind == TRAIN_TREES ? &head->trees.training : &head->logistic.training;
}

static const struct forecast_figures *validation_of(const struct train_head *head)
{
    return head->kind == TRAIN_TREES ? &head->trees.held_out : &head->logistic.held_out;
}

static void print_figures(const struct train_head *head)
{
    const struct forecast_figures *training = training_of(head);
    const struct forecast_figures *validation = validation_of(head);
    print_cells("", "training", "validation");
    print_counts("examples", head->counts.training, head->counts.validation);
    print_counts("positives", training->positives, validation->positives);
    print_numbers("share of positives", training->observed, validation->observed);
    print_numbers("mean prediction", training->predicted, validation->predicted);
    print_numbers("log loss", training->log_loss, validation->log_loss);
    print_numbers("log loss of the base rate", training->reference_log_loss,
                  validation->reference_log_loss);
    print_gain(training, validation);
    print_auc(training, validation);
    print_numbers("calibration error", training->calibration_error, validation->calibration_error);
}

static void print_counted(const struct train_head *head)
{
    printf("  %" PRIu64 " examples in the gap, %" PRIu64 " whose label is not known; %" PRIu64
           " views reached the end\n",
           head->counts.gap, head->counts.unknown, head->counts.censored);
}

static void print_fit(const struct logistic_result *result)
{
    printf("  penalty %g", result->l2);
    if (result->tried_count > 0) {
        printf(", the best of %u that were tried", result->tried_count);
    }
    printf("; %u iterations%s\n", result->iterations,
           result->converged ? "" : "; the fit has not converged");
}

/* How much of the log odds comes and goes with a feature. */
static double effect_of(const struct logistic_result *result, unsigned index)
{
    return result->model.weights[index].weight * result->deviations[index];
}

/* The index of the largest among those that are not taken, or count. */
static unsigned next_largest(const double *values, unsigned count, const bool *taken)
{
    unsigned best = count;
    for (unsigned i = 0; i < count; i++) {
        bool larger = best == count || values[i] > values[best];
        best = !taken[i] && larger ? i : best;
    }
    return best;
}

static void print_weights(const struct logistic_result *result)
{
    unsigned count = result->model.weight_count;
    double sizes[FEATURE_COUNT] = {0};
    bool taken[FEATURE_COUNT] = {false};
    for (unsigned i = 0; i < count; i++) {
        sizes[i] = fabs(effect_of(result, i));
    }
    printf("\n  %-*s%14s%24s\n", FEATURE_WIDTH, "largest effects", "weight",
           "x standard deviation");
    for (unsigned i = 0; i < WEIGHTS_SHOWN && i < count; i++) {
        unsigned next = next_largest(sizes, count, taken);
        taken[next] = true;
        printf("  %-*s%14.6g%24.4f\n", FEATURE_WIDTH,
               feature_name(result->model.weights[next].feature),
               result->model.weights[next].weight, effect_of(result, next));
    }
}

static void print_features(const char *text, const struct feature_set *set)
{
    enum feature feature = feature_set_next(set, 0);
    if (feature == FEATURE_COUNT) {
        return;
    }
    printf("  %s:", text);
    for (; feature < FEATURE_COUNT; feature = feature_set_next(set, feature + 1)) {
        printf(" %s", feature_name(feature));
    }
    printf("\n");
}

static void print_reliability(const struct forecast_figures *figures)
{
    printf("\n  validation, in the order of the predictions\n");
    printf("  %10s%14s%14s\n", "examples", "predicted", "observed");
    for (unsigned i = 0; i < figures->bin_count; i++) {
        printf("  %10" PRIu64 "%14.5f%14.5f\n", figures->bins[i].count, figures->bins[i].predicted,
               figures->bins[i].observed);
    }
}

static void print_gains(const struct train_trees *trees)
{
    bool taken[FEATURE_COUNT] = {false};
    double total = 0;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        total += trees->gain[i];
        taken[i] = !(trees->gain[i] > 0); /* the trees do not read it */
    }
    printf("\n  %-*s%14s\n", FEATURE_WIDTH, "largest gains", "share");
    for (unsigned i = 0; i < WEIGHTS_SHOWN; i++) {
        unsigned next = next_largest(trees->gain, FEATURE_COUNT, taken);
        if (next == FEATURE_COUNT) {
            return;
        }
        taken[next] = true;
        printf("  %-*s%12.1f %%\n", FEATURE_WIDTH, feature_name((enum feature)next),
               100 * trees->gain[next] / total);
    }
}

static void print_places(const double *effects, const uint64_t *rows)
{
    printf("\n  %-*s%14s%14s\n", FEATURE_WIDTH, "effect of the position, log odds", "examples",
           "effect");
    for (unsigned i = 0; i < LOGISTIC_PLACES; i++) {
        if (rows[i] > 0) {
            printf("  %-*s%14" PRIu64 "%14.4f\n", FEATURE_WIDTH, logistic_place_name(i), rows[i],
                   effects[i]);
        }
    }
}

static void print_logistic(const struct logistic_result *result)
{
    print_fit(result);
    print_features("never vary, and got no weight", &result->constant);
    print_features("would need more than the largest weight", &result->bounded);
    print_weights(result);
    if (result->positions) {
        print_places(result->places, result->place_rows);
    }
}

static void count_signs(const struct train_trees *trees, unsigned *raise, unsigned *lower)
{
    *raise = 0;
    *lower = 0;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        *raise += trees->monotone[i] > 0;
        *lower += trees->monotone[i] < 0;
    }
}

static const char *objective_name(enum boost_objective objective)
{
    return objective == BOOST_ORDER ? "order" : "probability";
}

static void print_trees(const struct train_trees *trees)
{
    unsigned raise;
    unsigned lower;
    count_signs(trees, &raise, &lower);
    printf("  %u trees, the best of %u; the model is %s, %zu bytes\n", trees->rounds, trees->ran,
           trees->model_name, trees->model_size);
    printf("  learnt: %s; %u features may only raise the prediction, %u only lower it\n",
           objective_name(trees->objective), raise, lower);
    print_gains(trees);
    if (trees->positions) {
        print_places(trees->places, trees->place_rows);
    }
}

static void print_head(const struct train_head *head)
{
    printf("%s\n", head_name(head->head));
    print_figures(head);
    print_counted(head);
    if (head->kind == TRAIN_TREES) {
        print_trees(&head->trees);
    } else {
        print_logistic(&head->logistic);
    }
    print_reliability(validation_of(head));
    printf("\n");
}

bool train_report_stopped(const struct train_head *head)
{
    return head->kind == TRAIN_TREES ? head->trees.stopped : head->logistic.stopped;
}

void train_report_print(const struct train_report *report)
{
    printf("%" PRIu64 " examples of %" PRIu64 " rankings\n\n", report->examples, report->rankings);
    for (size_t i = 0; i < report->head_count; i++) {
        print_head(&report->heads[i]);
    }
    if (report->stopped) {
        printf("stopped: the last head is the best so far; those not begun are as they were\n");
    }
    column_print_all(stdout, report->out);
    printf(": written, version %s; before: %s\n", report->version, report->weights);
}

/* ---- JSON ---- */

static json_t *interval_json(double value, double low, double high)
{
    return json_pack("{s:o, s:o, s:o}", "value", report_real(value), "low", report_real(low),
                     "high", report_real(high));
}

static json_t *bins_json(const struct forecast_figures *figures)
{
    json_t *bins = json_array();
    for (unsigned i = 0; i < figures->bin_count; i++) {
        const struct forecast_bin *bin = &figures->bins[i];
        json_array_append_new(bins, json_pack("{s:I, s:o, s:o}", "count", (json_int_t)bin->count,
                                              "predicted", report_real(bin->predicted), "observed",
                                              report_real(bin->observed)));
    }
    return bins;
}

static json_t *figures_json(const struct forecast_figures *figures, uint64_t examples)
{
    const struct bootstrap_interval *gain = &figures->gain;
    const struct auc_estimate *auc = &figures->auc;
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "examples",
                     (json_int_t)examples, "positives", (json_int_t)figures->positives,
                     "effective_examples", report_real(figures->effective), "observed",
                     report_real(figures->observed), "predicted", report_real(figures->predicted),
                     "log_loss", report_real(figures->log_loss), "base_rate_log_loss",
                     report_real(figures->reference_log_loss), "gain",
                     interval_json(gain->value, gain->low, gain->high), "auc",
                     interval_json(auc->value, auc->low, auc->high), "calibration_error",
                     report_real(figures->calibration_error), "reliability", bins_json(figures));
}

static json_t *tried_json(const struct logistic_result *result)
{
    json_t *tried = json_array();
    for (unsigned i = 0; i < result->tried_count; i++) {
        json_array_append_new(tried, json_pack("{s:f, s:o}", "l2", result->tried[i].l2, "log_loss",
                                               report_real(result->tried[i].loss)));
    }
    return tried;
}

static json_t *weights_json(const struct logistic_result *result)
{
    json_t *weights = json_array();
    for (unsigned i = 0; i < result->model.weight_count; i++) {
        const struct feature_weight *weight = &result->model.weights[i];
        json_array_append_new(weights,
                              json_pack("{s:s, s:f, s:f}", "feature", feature_name(weight->feature),
                                        "weight", weight->weight, "effect", effect_of(result, i)));
    }
    return weights;
}

static json_t *features_json(const struct feature_set *set)
{
    json_t *names = json_array();
    for (enum feature feature = feature_set_next(set, 0); feature < FEATURE_COUNT;
         feature = feature_set_next(set, feature + 1)) {
        json_array_append_new(names, json_string(feature_name(feature)));
    }
    return names;
}

/* By place of replay/logistic_data.h, in log odds; none where they were not learnt. */
static json_t *places_json(bool learnt, const double *effects, const uint64_t *rows)
{
    json_t *places = json_array();
    for (unsigned i = 0; learnt && i < LOGISTIC_PLACES; i++) {
        json_array_append_new(places,
                              json_pack("{s:s, s:I, s:o}", "place", logistic_place_name(i), "rows",
                                        (json_int_t)rows[i], "effect", report_real(effects[i])));
    }
    return places;
}

static json_t *monotone_json(const struct train_trees *trees)
{
    json_t *signs = json_array();
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        if (trees->monotone[i] != 0) {
            json_array_append_new(signs,
                                  json_pack("{s:s, s:i}", "feature", feature_name((enum feature)i),
                                            "sign", (int)trees->monotone[i]));
        }
    }
    return signs;
}

static json_t *rounds_json(const struct train_trees *trees)
{
    json_t *rounds = json_array();
    for (unsigned i = 0; i < trees->ran; i++) {
        json_array_append_new(rounds, json_pack("{s:o, s:o}", "training",
                                                report_real(trees->curve[i].training), "held_out",
                                                report_real(trees->curve[i].held_out)));
    }
    return rounds;
}

static json_t *gains_json(const struct train_trees *trees)
{
    json_t *gains = json_array();
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        if (trees->gain[i] > 0) {
            json_array_append_new(gains,
                                  json_pack("{s:s, s:f}", "feature", feature_name((enum feature)i),
                                            "gain", trees->gain[i]));
        }
    }
    return gains;
}

static json_t *logistic_json(const struct logistic_result *result)
{
    return json_pack("{s:s, s:f, s:o, s:i, s:b, s:b, s:f, s:o, s:o, s:o, s:o}", "kind", "logistic",
                     "l2", result->l2, "tried", tried_json(result), "iterations",
                     (int)result->iterations, "converged", result->converged, "stopped",
                     result->stopped, "bias", result->model.bias, "weights", weights_json(result),
                     "constant", features_json(&result->constant), "bounded",
                     features_json(&result->bounded), "places",
                     places_json(result->positions, result->places, result->place_rows));
}

static json_t *trees_json(const struct train_trees *trees)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:b, s:s, s:I, s:o, s:o, s:o, s:o}", "kind", "trees",
                     "objective", objective_name(trees->objective), "trees", (int)trees->rounds,
                     "tried", (int)trees->ran, "stopped", trees->stopped, "model",
                     trees->model_name, "model_bytes", (json_int_t)trees->model_size, "gains",
                     gains_json(trees), "monotone", monotone_json(trees), "rounds",
                     rounds_json(trees), "places",
                     places_json(trees->positions, trees->places, trees->place_rows));
}

static json_t *head_json(const struct train_head *head)
{
    json_t *json =
        json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "head", head_name(head->head), "training",
                  figures_json(training_of(head), head->counts.training), "validation",
                  figures_json(validation_of(head), head->counts.validation), "gap",
                  (json_int_t)head->counts.gap, "unknown", (json_int_t)head->counts.unknown,
                  "censored", (json_int_t)head->counts.censored);
    json_t *learnt =
        head->kind == TRAIN_TREES ? trees_json(&head->trees) : logistic_json(&head->logistic);
    if (json == NULL || json_object_update_new(json, learnt) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

json_t *train_report_json(const struct train_report *report)
{
    json_t *heads = json_array();
    for (size_t i = 0; i < report->head_count; i++) {
        json_array_append_new(heads, head_json(&report->heads[i]));
    }
    return json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:s, s:o, s:o}", "schema",
                     1, "kind", "training", "rankings", (json_int_t)report->rankings, "examples",
                     (json_int_t)report->examples, "first_ms", (json_int_t)report->first_ms,
                     "last_ms", (json_int_t)report->last_ms, "train_until_ms",
                     (json_int_t)report->split.train_until_ms, "validation_from_ms",
                     (json_int_t)report->split.validation_from_ms, "stopped", report->stopped,
                     "weights", report->weights, "version", report->version, "out",
                     fields_json(report->out), "heads", heads);
}
