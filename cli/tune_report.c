#include "cli/tune_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fields.h"
#include "ranker/locale.h"
#include "replay/report_family.h"
#include "replay/report_view.h"

enum { SCHEMA = 1, START = 0, BEST = 1, EVIDENCE_SIZE = 400, SENTENCE_SIZE = 1024 };

/* ---- what was searched ---- */

static const struct tune_trial *best_of(const struct tune_result *result)
{
    return result->best < result->trial_count ? &result->trials[result->best] : NULL;
}

static json_t *value_text(const struct tune_parameter *parameter, double value)
{
    char text[TUNE_VALUE_SIZE];
    tune_parameter_text(parameter, value, text);
    return json_string(text);
}

/* Where it lies within the bounds. */
static json_t *share_json(const struct tune_parameter *parameter, double value)
{
    return report_real(tune_parameter_share(parameter, value));
}

static json_t *parameter_json(const struct tune_report *report, size_t at)
{
    const struct tune_parameter *parameter = &report->options->parameters[at];
    const struct tune_trial *best = best_of(report->result);
    bool walked = report->options->walked || parameter->cost != TUNE_RESCORES;
    json_t *object = json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o}", "path", parameter->path,
                               "unit", tune_parameter_is_duration(parameter) ? "ms" : "", "scale",
                               parameter->scale == TUNE_RATIOS ? "ratios" : "linear", "walked",
                               walked, "low", value_text(parameter, parameter->low), "high",
                               value_text(parameter, parameter->high), "start",
                               value_text(parameter, parameter->start));
    json_object_set_new(object, "best",
                        best != NULL ? value_text(parameter, best->values[at]) : json_null());
    json_object_set_new(object, "start_share", share_json(parameter, parameter->start));
    json_object_set_new(object, "best_share",
                        best != NULL ? share_json(parameter, best->values[at]) : json_null());
    return object;
}

static json_t *parameters_json(const struct tune_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->options->parameter_count; i++) {
        json_array_append_new(list, parameter_json(report, i));
    }
    return list;
}

/* ---- figures ---- */

static json_t *figure_json(const struct tune_report *report, enum tune_figure figure)
{
    char name[METRIC_NAME_SIZE];
    char title[METRIC_TITLE_SIZE];
    tune_figure_name(figure, report->walker->k, name);
    tune_figure_title(figure, report->walker->k, title);
    bool estimate = figure == TUNE_ESTIMATE;
    return json_pack("{s:s, s:s, s:s}", "name", estimate ? report->objective : name, "title",
                     estimate ? estimator_title(report->walker->estimates.estimator) : title,
                     "better", tune_figure_falls(figure) ? "lower" : "higher");
}

/* Which of the figures a search has: estimates, and what scores take, only where asked for. */
static bool has_figure(const struct tune_report *report, enum tune_figure figure)
{
    if (figure == TUNE_ESTIMATE) {
        return report->walker->estimates.wanted;
    }
    bool scores =
        figure == (enum tune_figure)METRIC_GAUC || figure == (enum tune_figure)METRIC_XAUC;
    return !scores || report->walker->scores;
}

static json_t *figures_json(const struct tune_report *report)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < TUNE_FIGURE_COUNT; i++) {
        if (has_figure(report, (enum tune_figure)i)) {
            json_array_append_new(list, figure_json(report, (enum tune_figure)i));
        }
    }
    return list;
}

static json_t *languages_json(const struct tune_languages *languages)
{
    json_t *list = json_array();
    for (size_t i = 0; i < languages->count; i++) {
        char text[LOCALE_TEXT_SIZE];
        locale_format_language(languages->codes[i], text);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

static json_t *reals(const double *values, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, report_real(values[i]));
    }
    return list;
}

static json_t *figure_values(const struct tune_report *report, const struct tune_figures *figures)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < TUNE_FIGURE_COUNT; i++) {
        if (has_figure(report, (enum tune_figure)i)) {
            json_array_append_new(list, report_real(figures->values[i]));
        }
    }
    return list;
}

/* Of a trial that has no objective, figures are those that are known, which may be none. */
static json_t *trial_json(const struct tune_report *report, const struct tune_trial *trial)
{
    bool has_figures = trial->refused[0] == '\0' || report->walker->estimates.wanted;
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:f, s:I}", "values",
        reals(trial->values, report->options->parameter_count), "figures",
        has_figures ? figure_values(report, &trial->figures) : json_array(), "language_shares",
        reals(trial->figures.language_shares, has_figures ? report->walker->languages.count : 0),
        "violation", trial->violation, "walk", (json_int_t)trial->walk);
    json_object_set_new(object, "refused",
                        trial->refused[0] != '\0' ? fields_json(trial->refused) : json_null());
    return object;
}

static json_t *trials_json(const struct tune_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->result->trial_count; i++) {
        json_array_append_new(list, trial_json(report, &report->result->trials[i]));
    }
    return list;
}

/* ---- the front ---- */

/* The more the better. */
static double height(const struct tune_trial *trial, enum tune_figure figure)
{
    double value = trial->figures.values[figure];
    return tune_figure_falls(figure) ? -value : value;
}

struct place {
    double x;
    double y;
    size_t trial;
};

static int by_x_then_y(const void *a, const void *b)
{
    const struct place *one = a;
    const struct place *other = b;
    int x = (one->x < other->x) - (one->x > other->x);
    int y = (one->y < other->y) - (one->y > other->y);
    int trial = (one->trial > other->trial) - (one->trial < other->trial);
    return x != 0 ? x : y != 0 ? y : trial;
}

static bool varies(const struct tune_report *report, enum tune_figure figure)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < report->result->trial_count; i++) {
        double value = report->result->trials[i].figures.values[figure];
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    return high - low > 1e-6;
}

/* Lists as short as k are skipped alike in any order: that says nothing of a trade-off. */
static enum tune_figure choose_y(const struct tune_report *report)
{
    static const unsigned choices[] = {TUNE_SKIP_SHARE, TUNE_NEW_SHARE, METRIC_WATCH_NDCG_AT,
                                       METRIC_NDCG_AT};
    if (report->front_y != TUNE_LANGUAGE_SHARE) {
        return report->front_y;
    }
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        enum tune_figure figure = (enum tune_figure)choices[i];
        if (figure != report->front_x && varies(report, figure)) {
            return figure;
        }
    }
    return TUNE_SKIP_SHARE;
}

static size_t find_places(const struct tune_report *report, enum tune_figure figure_y,
                          struct place *out)
{
    size_t count = 0;
    for (size_t i = 0; i < report->result->trial_count; i++) {
        const struct tune_trial *trial = &report->result->trials[i];
        double x = height(trial, report->front_x);
        double y = height(trial, figure_y);
        if (tune_trial_is_allowed(trial) && !isnan(x) && !isnan(y)) {
            out[count++] = (struct place){x, y, i};
        }
    }
    return count;
}

/* Trials that keep the guards and that no other beats in one figure without losing in the other. */
static json_t *front_trials(const struct tune_report *report, enum tune_figure figure_y)
{
    struct place *places = calloc(report->result->trial_count + 1, sizeof(*places));
    json_t *list = json_array();
    double best = -INFINITY;
    size_t count = places != NULL ? find_places(report, figure_y, places) : 0;
    if (count > 0) {
        qsort(places, count, sizeof(*places), by_x_then_y);
    }
    for (size_t i = 0; i < count; i++) {
        if (places[i].y > best) {
            best = places[i].y;
            json_array_append_new(list, json_integer((json_int_t)places[i].trial));
        }
    }
    free(places);
    return list;
}

static json_t *front_json(const struct tune_report *report)
{
    enum tune_figure figure_y = choose_y(report);
    json_t *x = figure_json(report, report->front_x);
    json_t *y = figure_json(report, figure_y);
    json_t *front = json_pack("{s:O, s:O, s:o}", "x", json_object_get(x, "name"), "y",
                              json_object_get(y, "name"), "trials", front_trials(report, figure_y));
    json_decref(x);
    json_decref(y);
    return front;
}

/* ---- guards ---- */

static json_t *guard_json(const struct tune_report *report, const struct tune_guard *guard,
                          const char *language, double start, double best)
{
    char name[METRIC_NAME_SIZE];
    tune_figure_name(guard->figure, report->walker->k, name);
    double change = best - start;
    bool falls = tune_figure_falls(guard->figure);
    double worse = falls ? change : -change;
    json_t *object =
        json_pack("{s:s, s:f, s:o, s:o, s:b}", "figure", name, "most", guard->most, "start",
                  report_real(start), "best", report_real(best), "holds", !(worse > guard->most));
    if (language != NULL) {
        json_object_set_new(object, "language", json_string(language));
    }
    return object;
}

/* Each guard by itself, each language by itself. */
static json_t *guards_json(const struct tune_report *report, const struct tune_languages *languages,
                           const struct tune_figures *start, const struct tune_figures *best)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->options->guard_count; i++) {
        const struct tune_guard *guard = &report->options->guards[i];
        if (guard->figure != TUNE_LANGUAGE_SHARE) {
            json_array_append_new(list,
                                  guard_json(report, guard, NULL, start->values[guard->figure],
                                             best->values[guard->figure]));
            continue;
        }
        for (size_t at = 0; at < languages->count; at++) {
            char text[LOCALE_TEXT_SIZE];
            locale_format_language(languages->codes[at], text);
            json_array_append_new(list, guard_json(report, guard, text, start->language_shares[at],
                                                   best->language_shares[at]));
        }
    }
    return list;
}

/* ---- what is held out ---- */

static json_t *interval_json(const json_t *element, const char *value)
{
    return json_pack("{s:o, s:o, s:o}", "value", report_real(report_number(element, value)), "low",
                     report_real(report_number(element, "low")), "high",
                     report_real(report_number(element, "high")));
}

/* One comparison was meant beforehand, so its interval speaks for itself. */
static const char *verdict_of(const json_t *difference)
{
    double low = report_number(difference, "low");
    double high = report_number(difference, "high");
    if (isnan(low) || isnan(high)) {
        return "unknown";
    }
    return low > 0 ? "better" : high < 0 ? "worse" : "unclear";
}

/* evidence: the difference or, where there is none, why. */
static void format_sentence(const char *verdict, const char *title, const char *evidence,
                            char out[SENTENCE_SIZE])
{
    if (strcmp(verdict, "better") == 0) {
        snprintf(out, SENTENCE_SIZE,
                 "On the time that was held out the tuned weights are better: %s %s.", title,
                 evidence);
    } else if (strcmp(verdict, "worse") == 0) {
        snprintf(
            out, SENTENCE_SIZE,
            "On the time that was held out the tuned weights are WORSE: %s %s. What the search "
            "gained on its training part does not last; do not apply them.",
            title, evidence);
    } else if (strcmp(verdict, "unclear") == 0) {
        snprintf(out, SENTENCE_SIZE,
                 "On the time that was held out no difference can be told: %s %s includes 0. What "
                 "the search gained on its training part may be chance.",
                 title, evidence);
    } else {
        snprintf(out, SENTENCE_SIZE,
                 "What was held out does not support a comparison by %s, so how the tuned weights "
                 "do on another time is not known%s%s.",
                 title, evidence[0] != '\0' ? ": " : "", evidence);
    }
}

struct comparison {
    const struct report_measure *measure;
    const json_t *start;
    const json_t *best;
    const json_t *difference;
};

static void format_evidence(const struct comparison *compared, const char *verdict,
                            char out[EVIDENCE_SIZE])
{
    char number[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    if (strcmp(verdict, "unknown") == 0) {
        const char *reason = report_refusal(compared->best);
        snprintf(out, EVIDENCE_SIZE, "%.320s",
                 reason[0] != '\0' ? reason : report_refusal(compared->start));
        return;
    }
    report_format(report_number(compared->difference, "difference"), compared->measure->digits,
                  true, number);
    report_format_interval(compared->difference, compared->measure->digits, interval);
    snprintf(out, EVIDENCE_SIZE, "%s %s", number, interval);
}

static json_t *sentence_json(const struct comparison *compared, const char *verdict)
{
    char text[SENTENCE_SIZE];
    char evidence[EVIDENCE_SIZE];
    format_evidence(compared, verdict, evidence);
    format_sentence(verdict, compared->measure->title, evidence, text);
    return json_string(text);
}

static struct comparison find_comparison(const struct report_view *view, size_t measure)
{
    return (struct comparison){.measure = &view->measures[measure],
                               .start = report_find_value(view, view->whole, measure, START),
                               .best = report_find_value(view, view->whole, measure, BEST),
                               .difference =
                                   report_find_difference(view, view->whole, measure, BEST)};
}

static void add_comparison(const struct tune_report *report, json_t *object)
{
    struct report_view view;
    report_view_init(&view, report->held->report);
    const struct report_measure unknown = {.title = report->objective, .digits = 4};
    struct comparison compared = {.measure = &unknown};
    size_t measure = report_find_measure(&view, report->objective);
    if (measure < view.measure_count) {
        compared = find_comparison(&view, measure);
    }
    const char *value = report->walker->estimates.wanted ? "value" : "mean";
    const char *verdict = verdict_of(compared.difference);
    json_object_set_new(object, "verdict", json_string(verdict));
    json_object_set_new(object, "sentence", sentence_json(&compared, verdict));
    json_object_set_new(object, "start", interval_json(compared.start, value));
    json_object_set_new(object, "best", interval_json(compared.best, value));
    json_object_set_new(object, "difference", interval_json(compared.difference, "difference"));
}

static json_t *held_out_json(const struct tune_report *report)
{
    const struct tune_held_out *held = report->held;
    json_t *object = json_pack("{s:I, s:I}", "rankings", (json_int_t)held->counts.rankings,
                               "left_out", (json_int_t)held->counts.left_out);
    if (object != NULL) {
        add_comparison(report, object);
        json_object_set_new(object, "guards",
                            guards_json(report, &held->languages, &held->start, &held->best));
        json_object_set(object, "report", held->report);
    }
    return object;
}

/* ---- all of it ---- */

static json_t *notes_json(const struct tune_report *report)
{
    const struct tune_walker *walker = report->walker;
    json_t *notes = json_array();
    json_array_append_new(
        notes, json_string("Figures of trials are of the training part, on which the best was "
                           "chosen, and so flatter it; what is held out does not."));
    if (!report->options->walked) {
        json_array_append_new(
            notes, json_string("Trials order by score and creator decay; other rules of the slate "
                               "are applied to what is held out alone."));
    }
    if (walker->counts.left_out > 0) {
        char text[160];
        snprintf(text, sizeof(text),
                 "%" PRIu64
                 " rankings of the training part did not fit into --memory-mib and were left "
                 "out, the latest ones.",
                 walker->counts.left_out);
        json_array_append_new(notes, json_string(text));
    }
    return notes;
}

static json_t *options_json(const struct tune_report *report)
{
    const struct tune_options *options = report->options;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "objective", report->objective, "label",
                     label_name(report->walker->log.label), "k", (json_int_t)report->walker->k,
                     "trials", (json_int_t)options->trials, "walks", (json_int_t)options->walks,
                     "seed", (json_int_t)options->seed);
}

static json_t *training_json(const struct tune_report *report)
{
    const struct tune_set_counts *counts = &report->walker->counts;
    const struct tune_trial *best = best_of(report->result);
    return json_pack("{s:I, s:I, s:I, s:o}", "rankings", (json_int_t)counts->rankings, "candidates",
                     (json_int_t)counts->candidates, "left_out", (json_int_t)counts->left_out,
                     "guards",
                     best != NULL ? guards_json(report, &report->walker->languages,
                                                &report->result->start.figures, &best->figures)
                                  : json_array());
}

static json_t *out_json(const struct tune_report *report)
{
    return report->out != NULL ? json_pack("{s:o, s:s}", "path", fields_json(report->out),
                                           "version", report->version)
                               : json_null();
}

static void add_search(const struct tune_report *report, json_t *object)
{
    const struct tune_result *result = report->result;
    bool some = result->best < result->trial_count;
    json_object_set_new(object, "parameters", parameters_json(report));
    json_object_set_new(object, "figures", figures_json(report));
    json_object_set_new(object, "languages", languages_json(&report->walker->languages));
    json_object_set_new(object, "walks", json_integer((json_int_t)result->walks));
    json_object_set_new(object, "stopped", json_boolean(result->stopped));
    json_object_set_new(object, "start", trial_json(report, &result->start));
    json_object_set_new(object, "best",
                        some ? json_integer((json_int_t)result->best) : json_null());
    json_object_set_new(object, "front", front_json(report));
    json_object_set_new(object, "held_out",
                        some && report->held != NULL ? held_out_json(report) : json_null());
    json_object_set_new(object, "notes", notes_json(report));
    json_object_set_new(object, "trials", trials_json(report));
}

json_t *tune_report_json(const struct tune_report *report)
{
    const struct tune_walker *walker = report->walker;
    json_t *object =
        json_pack("{s:i, s:s, s:{s:o, s:s}, s:o, s:o, s:{s:I, s:I}, s:o}", "schema", SCHEMA, "kind",
                  "tune", "weights", "name", fields_json(report->start_name), "version",
                  weights_version(walker->start->weights), "out", out_json(report), "options",
                  options_json(report), "split", "train_until_ms",
                  (json_int_t)walker->split.train_until_ms, "validation_from_ms",
                  (json_int_t)walker->split.validation_from_ms, "training", training_json(report));
    if (object != NULL) {
        json_object_set_new(
            object, "source",
            replay_source_json(&walker->log.source, timeline_counts(walker->log.timeline)));
        add_search(report, object);
    }
    return object;
}
