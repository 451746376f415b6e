#ifndef REPLAY_TUNE_SET_H
#define REPLAY_TUNE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"
#include "ranker/weights.h"
#include "replay/join.h"
#include "replay/outcome.h"
#include "replay/timeline.h"
#include "replay/tune_figure.h"

/*
 * Past rankings in memory, each candidate with what its score is made of (rescore.h), so that a
 * search can ask thousands of times what other value weights and multipliers would make of them.
 *
 * What is judged, and what counts as new, is by the reference, so that no weights gain by dropping
 * what is hard, or by calling more of it new: as in ranking_run.h, a candidate is judged that was
 * seen and that the reference's policy passes; one that only the set's weights drop is missing from
 * the list, and in the ideal still. Rankings with fewer than two judged candidates are left out.
 *
 * Orders are those of rank(), with all rules of the slate, or, of other weights, by score and
 * creator decay alone, as a slate without rules has them (slate.h).
 *
 * Memory: 256 bytes a candidate.
 */
struct tune_set;

struct tune_set_options {
    const struct weights *weights;   /* borrowed; what heads predict and features say is theirs */
    const struct weights *reference; /* borrowed; may be the same */
    enum label label;                /* that makes a video relevant */
    size_t k;                        /* positions that are looked at */
    int64_t window_ms;
    int64_t from_ms;  /* rankings before that are passed over, */
    int64_t until_ms; /* and those at or after that */
    uint64_t bytes;   /* most memory of rankings; later ones are left out */
    bool scores;      /* METRIC_GAUC and METRIC_XAUC are wanted, which take as long as all else */
};

/* options are copied. NULL when memory is short. */
struct tune_set *tune_set_new(const struct tune_set_options *options);
void tune_set_free(struct tune_set *set);

/* For struct timeline_options, with the set as context. */
enum status tune_set_ranking(void *context, const struct past_ranking *ranking,
                             const struct state *state);
enum status tune_set_signal(void *context, const struct signal *signal, int64_t duration_ms,
                            const struct state *state);

/* After the timeline's end. */
MUST_USE enum status tune_set_end(struct tune_set *set, const struct state *state);

/* Forgets rankings at or after that. */
void tune_set_cut(struct tune_set *set, int64_t until_ms);

struct tune_set_counts {
    uint64_t rankings;   /* that count: with two judged candidates or more */
    uint64_t candidates; /* of those */
    uint64_t left_out;   /* for want of memory */
    int64_t first_ms;    /* of all rankings of its time, whether they count or not; 0: none */
    int64_t last_ms;
};
struct tune_set_counts tune_set_counts(const struct tune_set *set);

size_t tune_set_language_count(const struct tune_set *set);
uint16_t tune_set_language(const struct tune_set *set, size_t index);

/*
 * What the rankings would be by other weights, whose heads and features are taken to be the same;
 * TUNE_ESTIMATE is NaN. weights NULL: as the set's own weights rank them.
 */
void tune_set_measure(struct tune_set *set, const struct weights *weights,
                      struct tune_figures *out);

#endif
