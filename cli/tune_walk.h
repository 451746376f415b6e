#ifndef CLI_TUNE_WALK_H
#define CLI_TUNE_WALK_H

#include <jansson.h>

#include "cli/replay_weights.h"
#include "cli/tune_log.h"
#include "replay/counterfactual_run.h"
#include "replay/example_split.h"
#include "replay/support.h"
#include "replay/tune.h"

/* What a search asks of a log: sets of its training part, and what became of it all afterwards. */

/* As tune_set_language() tells them. */
struct tune_languages {
    size_t count;
    uint16_t codes[TUNE_LANGUAGES];
};

/* Off-policy estimates, as "reelrank replay counterfactual" makes them. */
struct tune_estimates {
    bool wanted;
    enum estimator estimator;
    bool has_model; /* it needs one */
    enum label reward;
    size_t positions;
    double clip;
    size_t draws;
    size_t folds;
    double prior;
    struct support_limits limits;
};

struct tune_walker {
    /* Set by the caller. */
    struct tune_log log;
    struct tune_estimates estimates;
    const struct replay_weights *start;
    size_t k;
    int64_t window_ms;
    uint64_t seed;
    uint64_t bytes; /* of a set */
    bool scores;    /* see struct tune_set_options */
    unsigned validation_percent;
    int64_t gap_ms;
    /* Read by the caller. */
    struct example_split split;
    struct tune_set_counts counts; /* of the training part */
    struct tune_languages languages;
    double walk_seconds; /* of the last walk */
    size_t walks_done;   /* of trials, the start among them */
    /* Private. */
    bool is_split;
    struct tune_set *set;
    struct reward_model *models[2]; /* of the training part, and of the part that is held out */
};

void tune_walker_release(struct tune_walker *walker);

/*
 * What is needed before the first walk for estimates: where the split is, and models of rewards.
 * STATUS_NOT_FOUND: there is nothing to rank. STATUS_INVALID: the split leaves nothing.
 */
MUST_USE enum status tune_walker_prepare(struct tune_walker *walker, struct problem *problem);

/* For struct tune_options, with the walker as context. The first finds the split. */
enum status tune_walker_walk(void *context, struct weights *weights, struct tune_walk *out,
                             struct problem *problem);

/* What the part that is held out says. */
struct tune_held_out {
    struct tune_figures start; /* as ranked, without estimate */
    struct tune_figures best;
    struct tune_set_counts counts;
    struct tune_languages languages;
    json_t *report; /* a reference: that of a replay of the start, the best and what was served */
};

/* best: the weights to compare with the start, with their text and name. */
MUST_USE enum status tune_walker_hold_out(struct tune_walker *walker,
                                          const struct replay_weights *best, const char *start_name,
                                          const char *best_name, struct tune_held_out *out,
                                          struct problem *problem);

#endif
