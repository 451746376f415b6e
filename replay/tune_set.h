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

/*
 * Past rankings in memory, each candidate with what its score is made of (rescore.h), so that a
 * search can ask thousands of times what other value weights and multipliers would make of them.
 *
 * What it knows of orders: by score and creator decay, as a slate without rules (slate.h). Rules of
 * the slate are not applied here; a replay of the outcome applies all.
 *
 * Memory: 250 bytes a candidate.
 */
struct tune_set;

enum { TUNE_LANGUAGES = 24 };

struct tune_set_options {
    const struct weights *weights; /* borrowed; what heads predict and features say is theirs */
    enum label label;              /* that makes a video relevant */
    size_t k;                      /* positions that are looked at */
    int64_t window_ms;
    uint64_t bytes; /* most memory of rankings; later ones are left out */
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

/* From now on only rankings before that count. */
void tune_set_until(struct tune_set *set, int64_t until_ms);

struct tune_set_counts {
    uint64_t rankings;   /* that count: with two judged candidates or more */
    uint64_t candidates; /* of those */
    uint64_t left_out;   /* for want of memory, whenever they were */
};
struct tune_set_counts tune_set_counts(const struct tune_set *set);

/* Means over rankings; NaN where none has the like. */
struct tune_figures {
    double ndcg;       /* nDCG@k of the label (list_metrics.h) among judged candidates */
    double watch_ndcg; /* the same of quantiles of watch time */
    double skip_share; /* of the first k judged ones */
    /* Share of exposure of the first k candidates, judged or not, that goes to */
    double new_share;                       /* videos with fewer views than half of what counts */
    double language_shares[TUNE_LANGUAGES]; /* each of tune_set_language() */
};

size_t tune_set_language_count(const struct tune_set *set);
uint16_t tune_set_language(const struct tune_set *set, size_t index);

/* What the rankings would be by other weights, whose heads and features are taken to be the same.
 */
void tune_set_measure(struct tune_set *set, const struct weights *weights,
                      struct tune_figures *out);

#endif
