#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/problems.h"
#include "cli/tune_command.h"
#include "cli/tune_report.h"
#include "ranker/slate_chance.h"
#include "replay/tune_page.h"
#include "replay/tune_table.h"

enum { DIGITS = 17 };

static const char page_option[] = "--html";

/* ---- the weights file ---- */

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
        fprintf(stderr, "%" PRIu64 " rankings do not fit into --memory-mib, and are left out\n",
                walker->counts.left_out);
    }
}

/* "walk 4 of 20, best 0.6612, 2:10 in all", for the progress of the next one. */
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
    snprintf(walker->log.doing, sizeof(walker->log.doing),
             "walk %zu of %zu%s, %" PRIu64 ":%02" PRIu64 " in all", done, command->options.walks,
             found, seconds / 60, seconds % 60);
}

/* Trials in memory; how many there will be is known where there is one walk alone. */
static void show_trials(struct tune_command *command, const struct tune_trial *best)
{
    double start = command->result_start;
    snprintf(command->progress_text, sizeof(command->progress_text), "from %.4f, best %.4f", start,
             best != NULL ? best->objective : start);
    progress_show(&command->progress, command->done);
}

static void begin_trials(struct tune_command *command, const struct tune_trial *start)
{
    uint64_t total = count_walked(command) == 0 ? command->options.trials : 0;
    command->result_start = start->objective;
    tell_cost(command);
    progress_start(&command->progress, command->progress_text, "trials", 1, total);
}

static bool go_on(void *context, const struct tune_trial *trial, const struct tune_trial *best)
{
    struct tune_command *command = context;
    if (!command->begun) {
        command->begun = true;
        begin_trials(command, trial); /* the start is none */
    } else {
        command->done++;
    }
    if (count_walked(command) < command->options.parameter_count) {
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
    status = tune_options_read_search(command);
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
        tune_options_fill(command);
        code = tune_options_read(command) == STATUS_OK ? CODE_OK : refuse(command);
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
    REPLAY_RANKINGS_ARGUMENTS(struct tune_values),
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
