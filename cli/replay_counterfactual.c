#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/replay_counterfactual.h"
#include "cli/replay_report.h"
#include "cli/replay_source.h"
#include "cli/replay_weights.h"
#include "ranker/slate_chance.h"
#include "replay/chances.h"
#include "replay/counterfactual_report.h"
#include "replay/counterfactual_run.h"

struct counterfactual_values {
    struct replay_source_values source;
    struct replay_report_values shown;
    struct argument_texts baselines;
    struct argument_texts support;
    const char *reward;
    const char *reward_model;
    int64_t positions;
    int64_t clip;
    int64_t draws;
    int64_t folds;
    int64_t prior;
};

/* One run of the command. */
struct counterfactual_command {
    const struct counterfactual_values *values;
    const char *name;
    enum label reward;
    struct replay_source source;
    struct replay_contenders contenders;
    struct reward_model *model;
    struct past_weights *past;
    struct timeline *timeline;
    struct counterfactual_sums *sums;
    json_t *report;
    struct problem problem;
};

static const char *const models[] = {"video", "none", NULL};

static bool has_model(const struct counterfactual_values *values)
{
    return strcmp(values->reward_model, "video") == 0;
}

static enum status make_timeline(struct counterfactual_command *command,
                                 struct counterfactual_run *run)
{
    const struct timeline_options options = {.origin = RANKINGS_DECISIONS,
                                             .ranking = counterfactual_run_ranking,
                                             .signal = counterfactual_run_signal,
                                             .context = run};
    timeline_free(command->timeline); /* that of learning */
    command->timeline = NULL;
    return replay_source_timeline(&command->source, &options, &command->timeline);
}

static enum status walk(struct counterfactual_command *command, bool learning)
{
    const struct counterfactual_values *values = command->values;
    const struct counterfactual_options options = {.contenders = &command->contenders.contenders,
                                                   .reward = command->reward,
                                                   .positions = (size_t)values->positions,
                                                   .clip = (double)values->clip,
                                                   .draws = (size_t)values->draws,
                                                   .window_ms =
                                                       replay_source_window_ms(&values->source),
                                                   .share = command->source.share,
                                                   .seed = (uint64_t)values->source.seed,
                                                   .model = command->model,
                                                   .past = command->past};
    struct counterfactual_run *run = counterfactual_run_new(&options, learning);
    enum status status = run != NULL ? make_timeline(command, run) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = replay_source_run(&command->source, command->timeline, &command->problem);
    }
    if (status == STATUS_OK) {
        status = counterfactual_run_end(run, timeline_state(command->timeline), &command->sums);
    }
    counterfactual_run_free(run);
    return status;
}

static enum status find_past(struct counterfactual_command *command)
{
    struct log *log = feed_log(command->source.feed);
    return log != NULL ? past_weights_new(log, &command->past) : STATUS_OK;
}

/* The same source once more, from its beginning. */
static enum exit_code learn(struct counterfactual_command *command)
{
    const struct counterfactual_values *values = command->values;
    command->model = reward_model_new((size_t)values->folds, (double)values->prior);
    enum status status = command->model != NULL ? walk(command, true) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        return command_fail(command->name, status, &command->problem);
    }
    replay_source_close(&command->source);
    return replay_source_open(&values->source, command->name, true, &command->source);
}

static enum status estimate(struct counterfactual_command *command)
{
    enum status status = find_past(command);
    return status == STATUS_OK ? walk(command, false) : status;
}

static json_t *notes_json(const struct counterfactual_command *command)
{
    json_t *notes = json_array();
    replay_report_note(
        notes, "Estimates weigh what was observed by how much likelier each contender would "
               "have done what the log did. They are right only if the propensities of the "
               "log are, and if it could have done all that the contender does.");
    if (has_model(command->values)) {
        replay_report_note(notes,
                           "DM rests on the model alone: its interval does not tell how wrong the "
                           "model is, so there are no differences of it.");
    }
    replay_source_notes(&command->source, timeline_counts(command->timeline), notes);
    return notes;
}

static json_t *support_json(const struct argument_texts *texts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < texts->count; i++) {
        json_array_append_new(list, json_string(texts->items[i]));
    }
    return list;
}

static json_t *options_json(const struct counterfactual_command *command)
{
    const struct counterfactual_values *values = command->values;
    json_t *options =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "reward", label_name(command->reward),
                  "reward_model", values->reward_model, "positions", (json_int_t)values->positions,
                  "clip", (json_int_t)values->clip, "draws", (json_int_t)values->draws, "support",
                  support_json(&values->support));
    replay_source_options(&values->source, options);
    if (has_model(values)) {
        json_object_set_new(options, "folds", json_integer(values->folds));
        json_object_set_new(options, "prior", json_integer(values->prior));
    }
    return options;
}

static enum status describe(struct counterfactual_command *command)
{
    command->report = replay_report_begin("counterfactual", &command->source,
                                          timeline_counts(command->timeline), &command->contenders);
    if (command->report == NULL) {
        return STATUS_NO_MEMORY;
    }
    json_object_set_new(command->report, "options", options_json(command));
    json_object_set_new(command->report, "notes", notes_json(command));
    return STATUS_OK;
}

static enum status write_part(struct counterfactual_command *command)
{
    const char *path = command->values->source.out;
    FILE *file;
    enum status status = replay_part_begin(path, command->report, &file, &command->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = counterfactual_sums_write(command->sums, file);
    return replay_part_end(path, file, status, &command->problem);
}

/* What follows from the sums, and so from all parts together. */
static void add_notes_on_slates(const struct counterfactual_counts *counts, json_t *notes)
{
    if (counts->slates > 0) {
        replay_report_note(notes, "IPS to SNDR are per served position; item-position and sequence "
                                  "estimates are per slate, the sum over its positions.");
    }
    if (counts->without_marginal > 0) {
        replay_report_note(
            notes, "The weights that made the log are not known: beyond the first position of "
                   "slates with drawn positions, how likely a video was at its position "
                   "cannot be told, so only first positions, lists of one and sequences "
                   "count.");
    }
}

enum status replay_counterfactual_report(struct counterfactual_sums *sums, json_t *report,
                                         struct problem *problem)
{
    const json_t *options = json_object_get(report, "options");
    const json_t *support = json_object_get(options, "support");
    const char *model = json_string_value(json_object_get(options, "reward_model"));
    json_int_t signals =
        json_integer_value(json_object_get(json_object_get(report, "source"), "signals"));
    struct support_limits limits;
    support_limits_init(&limits);
    for (size_t i = 0; i < json_array_size(support); i++) {
        const char *text = json_string_value(json_array_get(support, i));
        enum status status = support_limits_set(&limits, text != NULL ? text : "", problem);
        if (status != STATUS_OK) {
            return status;
        }
    }
    add_notes_on_slates(&sums->counts, json_object_get(report, "notes"));
    return counterfactual_report_add(sums, &limits, model != NULL && strcmp(model, "video") == 0,
                                     (uint64_t)signals, report);
}

static enum status finish(struct counterfactual_command *command)
{
    enum status status = describe(command);
    if (status == STATUS_OK && command->values->source.out != NULL) {
        status = write_part(command);
    }
    if (status == STATUS_OK) {
        status = replay_counterfactual_report(command->sums, command->report, &command->problem);
    }
    bool whole = command->values->source.part == NULL || command->sums->counts.found == 0;
    if (status == STATUS_OK && whole && command->sums->counts.used == 0) {
        problem_set(&command->problem,
                    "no decision with a served slate is in %s; decisions come from a server's "
                    "journal (--journal-share-ppm), or from formats that have propensities",
                    command->values->source.data != NULL ? "the journal" : "the log");
        replay_source_add_reject(&command->source, &command->problem);
        return STATUS_NOT_FOUND;
    }
    return status;
}

static enum exit_code run_all(struct counterfactual_command *command,
                              const struct operands *operands)
{
    const struct counterfactual_values *values = command->values;
    enum status status = replay_contenders_read(
        operands, &values->baselines, SERVED_FIRST, (uint64_t)values->source.seed,
        feed_log(command->source.feed), &command->contenders, &command->problem);
    if (status != STATUS_OK) {
        return command_fail(command->name, status, &command->problem);
    }
    enum exit_code code = has_model(values) ? learn(command) : CODE_OK;
    if (code != CODE_OK) {
        return code;
    }
    status = estimate(command);
    if (status == STATUS_OK) {
        status = finish(command);
    }
    return status == STATUS_OK ? replay_report_show(&values->shown, command->name, command->report)
                               : command_fail(command->name, status, &command->problem);
}

static void release(struct counterfactual_command *command)
{
    counterfactual_sums_free(command->sums);
    timeline_free(command->timeline);
    past_weights_free(command->past);
    reward_model_free(command->model);
    replay_contenders_release(&command->contenders);
    replay_source_close(&command->source);
    json_decref(command->report);
}

static enum exit_code refuse(const struct counterfactual_command *command)
{
    (void)command_fail(command->name, STATUS_INVALID, &command->problem);
    return CODE_USAGE;
}

static enum status check_twice(struct counterfactual_command *command, const char *option,
                               const char *path)
{
    if (replay_source_is_read_once(path)) {
        problem_set(&command->problem,
                    "%s %s: the reward model reads the log twice, so it must be a file, no pipe; "
                    "--reward-model none does without DM, DR and SNDR",
                    option, input_name(path));
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Names the option that a problem is of. */
static enum exit_code refuse_option(struct counterfactual_command *command, const char *option)
{
    struct problem inner = command->problem;
    problem_set(&command->problem, "%s: %.280s", option, inner.text);
    return refuse(command);
}

static enum exit_code check(struct counterfactual_command *command, size_t weights)
{
    const struct counterfactual_values *values = command->values;
    struct support_limits limits;
    enum exit_code code = replay_source_check(&values->source, command->name);
    if (code != CODE_OK) {
        return code;
    }
    if (label_find(values->reward, &command->reward, &command->problem) != STATUS_OK) {
        return refuse_option(command, "--reward");
    }
    if (replay_baselines_check(&values->baselines, weights, &command->problem) != STATUS_OK) {
        return refuse(command);
    }
    if (has_model(values) &&
        (check_twice(command, "--log", values->source.log) != STATUS_OK ||
         check_twice(command, "--catalogue", values->source.catalogue) != STATUS_OK)) {
        return refuse(command);
    }
    support_limits_init(&limits);
    for (size_t i = 0; i < values->support.count; i++) {
        if (support_limits_set(&limits, values->support.items[i], &command->problem) != STATUS_OK) {
            return refuse_option(command, "--support");
        }
    }
    return CODE_OK;
}

static enum exit_code counterfactual_command_run(const void *raw, const struct operands *operands)
{
    struct counterfactual_command command = {.values = raw,
                                             .name = command_replay_counterfactual.name};
    enum exit_code code = check(&command, operands->count);
    if (code != CODE_OK) {
        return code;
    }
    code = replay_source_open(&command.values->source, command.name, true, &command.source);
    if (code == CODE_OK) {
        code = run_all(&command, operands);
    }
    release(&command);
    return code;
}

static const struct argument counterfactual_arguments[] = {
    REPLAY_SOURCE_ARGUMENTS(struct counterfactual_values),
    {.name = "reward",
     .value_name = "NAME",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct counterfactual_values, reward),
     .initial = "long_view",
     .help = "what a position earns: play, long_view, like, skip, watch_seconds, ..."},
    {.name = "baseline",
     .value_name = "NAME",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct counterfactual_values, baselines),
     .help = "popularity, language-popularity, likes, recency, random; again for more"},
    {.name = "positions",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct counterfactual_values, positions),
     .initial = "10",
     .minimum = 1,
     .maximum = SLATE_ESTIMATOR_POSITIONS,
     .help = "of a slate that are looked at, from the first"},
    {.name = "clip",
     .value_name = "W",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct counterfactual_values, clip),
     .initial = "10",
     .minimum = 1,
     .maximum = 1000000,
     .help = "largest weight of clipped IPS"},
    {.name = "draws",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct counterfactual_values, draws),
     .initial = "200",
     .minimum = 2,
     .maximum = SLATE_DRAWS_MAX,
     .help = "slates drawn to tell how likely a video is at a position"},
    {.name = "reward_model",
     .value_name = "NAME",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct counterfactual_values, reward_model),
     .initial = "video",
     .choices = models,
     .help = "video: mean reward of each video; none: no DM, DR and SNDR"},
    {.name = "folds",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct counterfactual_values, folds),
     .initial = "5",
     .minimum = 1,
     .maximum = REWARD_FOLDS_MAX,
     .help = "of users, each predicted from the others; 1: from all"},
    {.name = "prior",
     .value_name = "VIEWS",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct counterfactual_values, prior),
     .initial = "10",
     .maximum = 1000000,
     .help = "how many views the mean of all videos counts in each one's"},
    {.name = "support",
     .value_name = "CHECK=VALUE",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct counterfactual_values, support),
     .help = "another limit of a check (docs/replay.md); again for more"},
    REPLAY_REPORT_ARGUMENTS(struct counterfactual_values),
};

const struct command command_replay_counterfactual = {
    .name = "replay counterfactual",
    .operands = "WEIGHTS...",
    .least_operands = 0,
    .most_operands = REPLAY_WEIGHTS_MAX,
    .summary = "estimate what other weights would have earned",
    .description =
        "Off-policy estimates from decisions whose positions were drawn with known propensities\n"
        "(slate.explore): replay method, IPS, clipped IPS, SNIPS, DM, DR, SNDR, and over slates\n"
        "item-position and sequence estimates, with 95 % intervals over users, as differences\n"
        "from what was served. An estimate that the log does not support is refused, with the "
        "reason and the\n"
        "--support CHECK=VALUE that overrides it. WEIGHTS as of \"reelrank replay ranking\".\n",
    .examples = "  reelrank replay counterfactual current new.yaml --data /tmp/copy --reward like\n"
                "  reelrank replay counterfactual --baseline random --format obd --log men.csv \\\n"
                "      --reward play --folds 1 --prior 0\n"
                "  reelrank replay counterfactual new.yaml --data /tmp/copy --html report.html \\\n"
                "      --support min-effective-sample-size=50\n",
    COMMAND_ARGUMENTS(counterfactual_arguments),
    .values_size = sizeof(struct counterfactual_values),
    .run = counterfactual_command_run,
};
