#ifndef REPLAY_EXAMPLES_H
#define REPLAY_EXAMPLES_H

#include "replay/example_file.h"
#include "replay/join.h"
#include "replay/timeline.h"

/*
 * Past rankings as training examples: each video that a ranking showed, with its features as of the
 * state before the ranking, worked out by the code that serves (rank_features.h), and labels by
 * what the user did until the window was over (example_label.h).
 *
 * Videos are shown where any signal of the user's tells so; those skipped are evidence as well.
 * Which will be shown is not known when the features are worked out, so this is done for the first
 * `positions` that were served, or for all candidates where the log has no positions, since they
 * come from impressions then. Signals of videos further down belong to no example. Until the
 * outcomes are known, features wait on disk (spill.h), and keys and outcomes in memory (join.h).
 *
 * A ranking whose window the log cuts off, or that was told early for want of memory, makes no
 * examples: labels that are yet to come would count as absent. Videos that the catalogue did not
 * have at the time have no features and make none either.
 */
struct examples_options {
    const struct weights *weights; /* borrowed; features are of their models */
    size_t positions;              /* 1 to LIMIT_CANDIDATES */
    int64_t window_ms;
    struct example_writer *writer; /* borrowed; takes the examples in the order of their rankings */
};

struct examples_counts {
    uint64_t rankings;  /* that showed something, or may have */
    uint64_t examples;  /* written */
    uint64_t unseen;    /* candidates among the first positions that nothing tells were shown */
    uint64_t unknown;   /* shown, but not in the catalogue of the time */
    uint64_t forbidden; /* examples of videos that the weights' policy forbids */
    uint64_t cut_off;   /* rankings whose window the log does not reach */
    uint64_t early;     /* rankings told early for want of memory */
};

struct examples;

/* options are copied. NULL when memory is short. */
struct examples *examples_new(const struct examples_options *options);
void examples_free(struct examples *examples);

/*
 * For struct timeline_options, with the examples as context; rankings are decisions or impressions.
 * STATUS_IO, of temporary files or the writer's, has examples_problem().
 */
enum status examples_ranking(void *context, const struct past_ranking *ranking,
                             const struct state *state);
enum status examples_signal(void *context, const struct signal *signal, int64_t duration_ms,
                            const struct state *state);

/* After the timeline's end. Status as above. */
MUST_USE enum status examples_end(struct examples *examples, const struct state *state);

const struct examples_counts *examples_counts(const struct examples *examples);

/* What went wrong; empty where nothing did. */
const struct problem *examples_problem(const struct examples *examples);

#endif
