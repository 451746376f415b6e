#include "cli/example_walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/column.h"
#include "replay/temporary.h"

enum { MINUTE_MS = 60000 };

const char *const example_origins[] = {"decisions", "impressions", NULL};

enum status example_head_find(const char *option, const char *name, enum head *out,
                              struct problem *problem)
{
    char known[200] = "";
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        if (strcmp(name, head_name(i)) == 0) {
            *out = (enum head)i;
            return STATUS_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", head_name(i));
    }
    problem_set(problem, "%s \"%.40s\" is no head; there are %s", option, name, known);
    return STATUS_INVALID;
}

/* ---- opening ---- */

enum exit_code example_walk_open(const struct replay_source_values *source,
                                 const struct example_walk_values *values, const char *command,
                                 struct example_walk *out)
{
    *out = (struct example_walk){.source_values = source, .values = values};
    enum exit_code code = replay_source_check(source, command);
    if (code != CODE_OK) {
        return code;
    }
    bool decisions = replay_source_has_decisions(source);
    out->origin = decisions ? RANKINGS_DECISIONS : RANKINGS_IMPRESSIONS;
    if (values->rankings != NULL) {
        out->origin = (enum ranking_origin)argument_choice(example_origins, values->rankings);
    }
    code = replay_source_open(source, command, out->origin == RANKINGS_DECISIONS, &out->source);
    if (code != CODE_OK) {
        return code;
    }
    struct problem problem = {""};
    enum status status =
        replay_weights_read(values->weights, feed_log(out->source.feed), &out->weights, &problem);
    return status == STATUS_OK ? CODE_OK : command_fail(command, status, &problem);
}

void example_walk_release(struct example_walk *walk)
{
    timeline_free(walk->timeline);
    examples_free(walk->examples);
    example_writer_close(walk->writer);
    if (walk->rows != NULL) {
        fclose(walk->rows); /* nothing of it is needed */
    }
    replay_weights_release(&walk->weights);
    replay_source_close(&walk->source);
}

/* ---- the walk ---- */

static enum status open_rows(struct example_walk *walk, struct problem *problem)
{
    walk->rows = temporary_open();
    enum status status =
        walk->rows != NULL ? example_writer_open(walk->rows, &walk->writer) : STATUS_IO;
    if (status == STATUS_IO) {
        problem_set(problem, "a temporary file in $TMPDIR, or /tmp, cannot be made: %s",
                    strerror(errno));
    }
    return status;
}

static enum status make_timeline(struct example_walk *walk)
{
    const struct timeline_options options = {.origin = walk->origin,
                                             .singles = true,
                                             .ranking = examples_ranking,
                                             .signal = examples_signal,
                                             .context = walk->examples};
    return replay_source_timeline(&walk->source, &options, &walk->timeline);
}

static enum status run_through(struct example_walk *walk, struct problem *problem)
{
    enum status status = replay_source_run(&walk->source, walk->timeline, problem);
    if (status == STATUS_OK) {
        status = examples_end(walk->examples, timeline_state(walk->timeline));
    }
    if (status != STATUS_OK && examples_problem(walk->examples)->text[0] != '\0') {
        *problem = *examples_problem(walk->examples);
    }
    return status;
}

static enum status make_examples(struct example_walk *walk, struct problem *problem)
{
    walk->examples = examples_new(
        &(struct examples_options){.weights = walk->weights.weights,
                                   .positions = (size_t)walk->values->positions,
                                   .window_ms = replay_source_window_ms(walk->source_values),
                                   .writer = walk->writer});
    enum status status = walk->examples != NULL ? make_timeline(walk) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = run_through(walk, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = example_writer_finish(walk->writer);
    if (status != STATUS_OK) {
        problem_set(problem, "a temporary file cannot be written: %s", strerror(errno));
    }
    return status;
}

static enum status check_found(const struct example_walk *walk, struct problem *problem)
{
    const struct examples_counts *counts = examples_counts(walk->examples);
    if (counts->examples > 0) {
        return STATUS_OK;
    }
    if (counts->rankings == 0) {
        problem_set(problem, "the log has no %s; --rankings says where rankings come from",
                    example_origins[walk->origin]);
    } else {
        problem_set(problem,
                    "none of %" PRIu64 " rankings makes an example: %" PRIu64
                    " end after the log less --window, and %" PRIu64
                    " videos that were shown are not in the catalogue",
                    counts->rankings, counts->cut_off, counts->unknown);
    }
    return STATUS_NOT_FOUND;
}

enum status example_walk_run(struct example_walk *walk, struct problem *problem)
{
    enum status status = open_rows(walk, problem);
    if (status == STATUS_OK) {
        status = make_examples(walk, problem);
    }
    return status == STATUS_OK ? check_found(walk, problem) : status;
}

enum status example_walk_split(const struct example_walk *walk, struct example_split *out,
                               struct problem *problem)
{
    const struct example_walk_values *values = walk->values;
    struct example_counts counts = example_writer_counts(walk->writer);
    int64_t window_minutes = walk->source_values->window_minutes;
    int64_t gap = values->gap_minutes > 0 ? values->gap_minutes : window_minutes;
    return example_split_by_time(counts.first_ms, counts.last_ms,
                                 (unsigned)values->validation_percent, gap * MINUTE_MS, out,
                                 problem);
}

/* ---- what is told ---- */

static void note(uint64_t count, const char *text)
{
    if (count > 0) {
        fprintf(stderr, "%" PRIu64 " %s\n", count, text);
    }
}

static void tell_source(const struct example_walk *walk)
{
    json_t *notes = json_array();
    size_t index;
    json_t *text;
    replay_source_notes(&walk->source, timeline_counts(walk->timeline), notes);
    json_array_foreach(notes, index, text)
    {
        column_print_all(stderr, json_string_value(text));
        fputc('\n', stderr);
    }
    json_decref(notes);
}

void example_walk_tell(const struct example_walk *walk)
{
    const struct examples_counts *counts = examples_counts(walk->examples);
    note(counts->unknown, "videos left out that were shown, but were not in the catalogue then");
    note(counts->forbidden, "examples are of videos that the policy of --weights forbids");
    note(counts->cut_off, "rankings left out, whose --window the log does not reach");
    note(counts->early, "rankings left out for want of memory; a shorter --window needs less");
    tell_source(walk);
}
