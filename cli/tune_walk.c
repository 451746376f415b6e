#include "cli/tune_walk.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/replay_counterfactual.h"
#include "cli/replay_report.h"
#include "ranker/check.h"
#include "replay/counterfactual_report.h"
#include "replay/ranking_report.h"
#include "replay/ranking_run.h"
#include "store/clock.h"

enum { TRAINING, HELD_OUT };

void tune_walker_release(struct tune_walker *walker)
{
    tune_set_free(walker->set);
    reward_model_free(walker->models[TRAINING]);
    reward_model_free(walker->models[HELD_OUT]);
    tune_log_close(&walker->log);
}

/* ---- walks ---- */

static void say(struct tune_walker *walker, const char *what)
{
    snprintf(walker->log.doing, sizeof(walker->log.doing), "%s", what);
}

static enum status walk(struct tune_walker *walker, const struct tune_listener *listeners,
                        size_t count, struct problem *problem)
{
    int64_t from = monotonic_ms();
    enum status status = tune_log_walk(&walker->log, listeners, count, problem);
    walker->walk_seconds = (double)(monotonic_ms() - from) / 1000;
    return status;
}

static const struct state *state_of(const struct tune_walker *walker)
{
    return timeline_state(walker->log.timeline);
}

static struct tune_languages languages_of(const struct tune_set *set)
{
    struct tune_languages languages = {.count = tune_set_language_count(set)};
    for (size_t i = 0; i < languages.count; i++) {
        languages.codes[i] = tune_set_language(set, i);
    }
    return languages;
}

static struct tune_listener listen_with_set(struct tune_set *set)
{
    return (struct tune_listener){.ranking = tune_set_ranking,
                                  .signal = tune_set_signal,
                                  .context = set,
                                  .until_ms = INT64_MAX};
}

static struct tune_set *new_set(const struct tune_walker *walker, const struct weights *weights,
                                int64_t from_ms, int64_t until_ms)
{
    return tune_set_new(&(struct tune_set_options){.weights = weights,
                                                   .reference = walker->start->weights,
                                                   .label = walker->log.label,
                                                   .k = walker->k,
                                                   .window_ms = walker->window_ms,
                                                   .from_ms = from_ms,
                                                   .until_ms = until_ms,
                                                   .bytes = walker->bytes,
                                                   .scores = walker->scores});
}

/* ---- the split ---- */

static enum status split_at(struct tune_walker *walker, int64_t first_ms, int64_t last_ms,
                            struct problem *problem)
{
    if (first_ms == 0) {
        problem_set(problem,
                    "%s has no rankings of that kind; --rankings says where they come "
                    "from",
                    walker->log.values->data != NULL ? "the directory" : "the log");
        replay_source_add_reject(&walker->log.source, problem);
        return STATUS_NOT_FOUND;
    }
    walker->is_split = true;
    return example_split_by_time(first_ms, last_ms, walker->validation_percent, walker->gap_ms,
                                 &walker->split, problem);
}

struct span {
    int64_t first_ms; /* 0: nothing */
    int64_t last_ms;
};

static enum status note_ranking(void *context, const struct past_ranking *ranking,
                                const struct state *state)
{
    struct span *span = context;
    int64_t time_ms = ranking->time_ms;
    (void)state;
    span->first_ms = span->first_ms == 0 || time_ms < span->first_ms ? time_ms : span->first_ms;
    span->last_ms = time_ms > span->last_ms ? time_ms : span->last_ms;
    return STATUS_OK;
}

static enum status pass_signal(void *context, const struct signal *signal, int64_t duration_ms,
                               const struct state *state)
{
    (void)context;
    (void)signal;
    (void)duration_ms;
    (void)state;
    return STATUS_OK;
}

static enum status find_split(struct tune_walker *walker, struct problem *problem)
{
    struct span span = {0, 0};
    const struct tune_listener listener = {
        .ranking = note_ranking, .signal = pass_signal, .context = &span, .until_ms = INT64_MAX};
    say(walker, "looking for the split");
    enum status status = walk(walker, &listener, 1, problem);
    return status == STATUS_OK ? split_at(walker, span.first_ms, span.last_ms, problem) : status;
}

/* ---- estimates ---- */

static struct counterfactual_options estimate_options(const struct tune_walker *walker,
                                                      const struct contenders *contenders,
                                                      struct past_weights *past, size_t part)
{
    const struct tune_estimates *estimates = &walker->estimates;
    return (struct counterfactual_options){.contenders = contenders,
                                           .reward = estimates->reward,
                                           .positions = estimates->positions,
                                           .clip = estimates->clip,
                                           .draws = estimates->draws,
                                           .window_ms = walker->window_ms,
                                           .share = {.number = 1, .count = 1},
                                           .seed = walker->seed,
                                           .model = walker->models[part],
                                           .past = past};
}

static struct tune_listener listen_with_run(const struct tune_walker *walker,
                                            struct counterfactual_run *run, size_t part)
{
    const struct example_split *split = &walker->split;
    return (struct tune_listener){.ranking = counterfactual_run_ranking,
                                  .signal = counterfactual_run_signal,
                                  .context = run,
                                  .from_ms = part == TRAINING ? 0 : split->validation_from_ms,
                                  .until_ms = part == TRAINING ? split->train_until_ms : INT64_MAX};
}

static enum status learn_with(struct tune_walker *walker, struct counterfactual_run *runs[2],
                              struct problem *problem)
{
    const struct tune_listener listeners[] = {listen_with_run(walker, runs[TRAINING], TRAINING),
                                              listen_with_run(walker, runs[HELD_OUT], HELD_OUT)};
    struct counterfactual_sums *none;
    say(walker, "learning rewards");
    enum status status = walk(walker, listeners, 2, problem);
    for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
        status = counterfactual_run_end(runs[i], state_of(walker), &none);
    }
    return status;
}

/* Each part's rewards are predicted by what is known of that part alone. */
static enum status learn(struct tune_walker *walker, struct problem *problem)
{
    const struct contenders nobody = {.count = 0};
    struct counterfactual_run *runs[2] = {NULL, NULL};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
        walker->models[i] = reward_model_new(walker->estimates.folds, walker->estimates.prior);
        const struct counterfactual_options options = estimate_options(walker, &nobody, NULL, i);
        runs[i] = walker->models[i] != NULL ? counterfactual_run_new(&options, true) : NULL;
        status = runs[i] != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (status == STATUS_OK) {
        status = learn_with(walker, runs, problem);
    }
    counterfactual_run_free(runs[TRAINING]);
    counterfactual_run_free(runs[HELD_OUT]);
    return status;
}

enum status tune_walker_prepare(struct tune_walker *walker, struct problem *problem)
{
    if (!walker->estimates.wanted) {
        return STATUS_OK; /* the first walk finds the split */
    }
    enum status status = find_split(walker, problem);
    return status == STATUS_OK && walker->estimates.has_model ? learn(walker, problem) : status;
}

/* Of weights against what was served. */
struct estimating {
    struct contenders contenders;
    struct past_weights *past;
    struct counterfactual_run *run;
    struct counterfactual_sums *sums;
};

static void estimating_release(struct estimating *estimating)
{
    counterfactual_sums_free(estimating->sums);
    counterfactual_run_free(estimating->run);
    past_weights_free(estimating->past);
}

/* The log is open, so that its weights can be found. */
static enum status begin_estimates(struct tune_walker *walker, size_t part, struct estimating *out)
{
    struct log *log = feed_log(walker->log.source.feed);
    enum status status = log != NULL ? past_weights_new(log, &out->past) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    const struct counterfactual_options options =
        estimate_options(walker, &out->contenders, out->past, part);
    out->run = counterfactual_run_new(&options, false);
    return out->run != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static struct contender contender_of(const struct weights *weights, const char *name)
{
    return (struct contender){.kind = CONTENDER_WEIGHTS, .name = name, .weights = weights};
}

static const struct contender as_served = {.kind = CONTENDER_SERVED, .name = "served"};

static enum status read_estimate(const struct tune_walker *walker, struct estimating *estimating,
                                 struct tune_walk *out)
{
    enum { TRIED = 1 };
    struct problem refused = {""};
    enum status status =
        counterfactual_run_end(estimating->run, state_of(walker), &estimating->sums);
    if (status == STATUS_OK) {
        status =
            counterfactual_estimate(estimating->sums, &walker->estimates.limits,
                                    walker->estimates.estimator, TRIED, &out->estimate, &refused);
    }
    snprintf(out->refused, sizeof(out->refused), "%.*s", (int)sizeof(out->refused) - 1,
             refused.text);
    return status;
}

static enum status walk_and_estimate(struct tune_walker *walker, const struct weights *weights,
                                     struct tune_walk *out, struct problem *problem)
{
    struct estimating estimating = {
        .contenders = {.items = {as_served, contender_of(weights, "tried")}, .count = 2}};
    enum status status = tune_log_rewind(&walker->log, problem);
    if (status == STATUS_OK) {
        status = begin_estimates(walker, TRAINING, &estimating);
    }
    if (status == STATUS_OK) {
        const struct tune_listener listeners[] = {
            listen_with_set(walker->set), listen_with_run(walker, estimating.run, TRAINING)};
        status = walk(walker, listeners, 2, problem);
    }
    if (status == STATUS_OK) {
        status = read_estimate(walker, &estimating, out);
    }
    estimating_release(&estimating);
    return status;
}

/* ---- a trial's walk ---- */

static enum status walk_alone(struct tune_walker *walker, struct problem *problem)
{
    const struct tune_listener listener = listen_with_set(walker->set);
    return walk(walker, &listener, 1, problem);
}

/* Once it is known where the split is, what is beyond need not be kept. */
static enum status end_set(struct tune_walker *walker, struct problem *problem)
{
    enum status status = tune_set_end(walker->set, state_of(walker));
    if (status == STATUS_OK && !walker->is_split) {
        struct tune_set_counts counts = tune_set_counts(walker->set);
        status = split_at(walker, counts.first_ms, counts.last_ms, problem);
        if (status == STATUS_OK) {
            tune_set_cut(walker->set, walker->split.train_until_ms);
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    walker->counts = tune_set_counts(walker->set);
    walker->languages = languages_of(walker->set);
    if (walker->counts.rankings == 0 && walker->counts.left_out == 0) {
        problem_set(problem, "none of the rankings to tune with can be measured: of each fewer "
                             "than two videos were seen within --window");
        return STATUS_NOT_FOUND;
    }
    return STATUS_OK;
}

enum status tune_walker_walk(void *context, struct weights *weights, struct tune_walk *out,
                             struct problem *problem)
{
    struct tune_walker *walker = context;
    struct tune_walk found = {.estimate = NAN};
    tune_set_free(walker->set);
    walker->set =
        new_set(walker, weights, 0, walker->is_split ? walker->split.train_until_ms : INT64_MAX);
    if (walker->set == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = walker->estimates.wanted
                             ? walk_and_estimate(walker, weights, &found, problem)
                             : walk_alone(walker, problem);
    if (status == STATUS_OK) {
        status = end_set(walker, problem);
    }
    if (status == STATUS_OK) {
        walker->walks_done++;
        found.set = walker->set;
        *out = found;
    }
    return status;
}

/* ---- what is held out ---- */

enum { START, BEST, SIDES };

struct holding {
    struct replay_contenders contenders;
    struct tune_set *sets[SIDES];
    struct ranking_run *run; /* or */
    struct estimating estimating;
    struct ranking_sums *sums;
};

static void holding_release(struct holding *holding)
{
    tune_set_free(holding->sets[START]);
    tune_set_free(holding->sets[BEST]);
    ranking_run_free(holding->run);
    ranking_sums_free(holding->sums);
    estimating_release(&holding->estimating);
}

/* The start is what differences are from. */
static void name_contenders(const struct tune_walker *walker, const struct replay_weights *best,
                            const char *start_name, const char *best_name, struct holding *out)
{
    struct replay_contenders *contenders = &out->contenders;
    contenders->contenders.items[START] = contender_of(walker->start->weights, start_name);
    contenders->contenders.items[BEST] = contender_of(best->weights, best_name);
    contenders->contenders.items[SIDES] = as_served;
    contenders->contenders.count =
        SIDES + (walker->log.origin != RANKINGS_OUTCOMES); /* which were not served */
    contenders->contenders.seed = walker->seed;
    contenders->weights[START] = *walker->start;
    contenders->weights[BEST] = *best;
    contenders->weights_count = SIDES;
}

static enum status begin_holding(struct tune_walker *walker, struct holding *out)
{
    int64_t from_ms = walker->split.validation_from_ms;
    for (size_t i = 0; i < SIDES; i++) {
        out->sets[i] = new_set(walker, out->contenders.weights[i].weights, from_ms, INT64_MAX);
        if (out->sets[i] == NULL) {
            return STATUS_NO_MEMORY;
        }
    }
    if (walker->estimates.wanted) {
        out->estimating.contenders = out->contenders.contenders;
        return begin_estimates(walker, HELD_OUT, &out->estimating);
    }
    out->run =
        ranking_run_new(&(struct ranking_run_options){.contenders = &out->contenders.contenders,
                                                      .label = walker->log.label,
                                                      .k = walker->k,
                                                      .window_ms = walker->window_ms,
                                                      .share = {.number = 1, .count = 1},
                                                      .seed = walker->seed});
    return out->run != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status walk_held_out(struct tune_walker *walker, struct holding *holding,
                                 struct problem *problem)
{
    struct tune_listener judge = listen_with_run(walker, holding->estimating.run, HELD_OUT);
    if (!walker->estimates.wanted) {
        judge.ranking = ranking_run_ranking;
        judge.signal = ranking_run_signal;
        judge.context = holding->run;
    }
    const struct tune_listener listeners[] = {listen_with_set(holding->sets[START]),
                                              listen_with_set(holding->sets[BEST]), judge};
    say(walker, "measuring what is held out");
    enum status status = walk(walker, listeners, 3, problem);
    for (size_t i = 0; status == STATUS_OK && i < SIDES; i++) {
        status = tune_set_end(holding->sets[i], state_of(walker));
    }
    return status;
}

static json_t *options_json(const struct tune_walker *walker)
{
    const struct replay_source_values *values = walker->log.values;
    json_t *options = json_pack("{s:s, s:s, s:I}", "rankings", replay_origins[walker->log.origin],
                                "label", label_name(walker->log.label), "k", (json_int_t)walker->k);
    replay_source_options(values, options);
    if (walker->log.origin != RANKINGS_DECISIONS) {
        json_object_set_new(options, "locale", json_string(values->locale));
        json_object_set_new(options, "age_years", json_integer(values->age_years));
    }
    return options;
}

static json_t *estimate_options_json(const struct tune_walker *walker)
{
    const struct tune_estimates *estimates = &walker->estimates;
    json_t *options = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:[]}", "reward", label_name(estimates->reward), "reward_model",
        estimates->has_model ? "video" : "none", "positions", (json_int_t)estimates->positions,
        "clip", (json_int_t)estimates->clip, "draws", (json_int_t)estimates->draws, "support");
    replay_source_options(walker->log.values, options);
    for (unsigned i = 0; i < SUPPORT_CHECK_COUNT; i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s=%.17g", support_check_name((enum support_check)i),
                 estimates->limits.of[i]);
        json_array_append_new(json_object_get(options, "support"), json_string(text));
    }
    if (estimates->has_model) {
        json_object_set_new(options, "folds", json_integer((json_int_t)estimates->folds));
        json_object_set_new(options, "prior", json_integer((json_int_t)estimates->prior));
    }
    return options;
}

static enum status begin_report(struct tune_walker *walker, const struct holding *holding,
                                json_t **out)
{
    bool estimates = walker->estimates.wanted;
    json_t *report =
        replay_report_begin(estimates ? "counterfactual" : "ranking", &walker->log.source,
                            timeline_counts(walker->log.timeline), &holding->contenders);
    json_t *notes = json_array();
    if (report == NULL || notes == NULL) {
        json_decref(report);
        json_decref(notes);
        return STATUS_NO_MEMORY;
    }
    replay_report_note(notes, "These are rankings of the time that is held out: nothing was "
                              "searched with them.");
    replay_source_notes(&walker->log.source, timeline_counts(walker->log.timeline), notes);
    json_object_set_new(report, "options",
                        estimates ? estimate_options_json(walker) : options_json(walker));
    json_object_set_new(report, "notes", notes);
    *out = report;
    return STATUS_OK;
}

static enum status add_figures(struct tune_walker *walker, struct holding *holding, json_t *report,
                               struct problem *problem)
{
    const struct state *state = state_of(walker);
    if (walker->estimates.wanted) {
        struct estimating *estimating = &holding->estimating;
        enum status status = counterfactual_run_end(estimating->run, state, &estimating->sums);
        return status == STATUS_OK ? replay_counterfactual_report(estimating->sums, report, problem)
                                   : status;
    }
    enum status status = ranking_run_end(holding->run, state, &holding->sums);
    return status == STATUS_OK
               ? ranking_report_add(holding->sums, timeline_counts(walker->log.timeline)->signals,
                                    report)
               : status;
}

static enum status make_report(struct tune_walker *walker, struct holding *holding, json_t **out,
                               struct problem *problem)
{
    json_t *report;
    enum status status = begin_report(walker, holding, &report);
    if (status != STATUS_OK) {
        return status;
    }
    status = add_figures(walker, holding, report, problem);
    if (status != STATUS_OK) {
        json_decref(report);
        return status;
    }
    *out = report;
    return STATUS_OK;
}

static enum status hold_out(struct tune_walker *walker, struct holding *holding,
                            struct tune_held_out *out, struct problem *problem)
{
    enum status status = tune_log_rewind(&walker->log, problem);
    if (status == STATUS_OK) {
        status = begin_holding(walker, holding);
    }
    if (status == STATUS_OK) {
        status = walk_held_out(walker, holding, problem);
    }
    if (status == STATUS_OK) {
        status = make_report(walker, holding, &out->report, problem);
    }
    if (status == STATUS_OK) {
        tune_set_measure(holding->sets[START], NULL, &out->start);
        tune_set_measure(holding->sets[BEST], NULL, &out->best);
        out->counts = tune_set_counts(holding->sets[START]);
        out->languages = languages_of(holding->sets[START]);
    }
    return status;
}

enum status tune_walker_hold_out(struct tune_walker *walker, const struct replay_weights *best,
                                 const char *start_name, const char *best_name,
                                 struct tune_held_out *out, struct problem *problem)
{
    struct holding holding = {.run = NULL};
    tune_set_free(walker->set); /* its memory is wanted now */
    walker->set = NULL;
    walker->log.may_end = false;
    name_contenders(walker, best, start_name, best_name, &holding);
    enum status status = hold_out(walker, &holding, out, problem);
    holding_release(&holding);
    return status;
}
