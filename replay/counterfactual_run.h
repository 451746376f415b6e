#ifndef REPLAY_COUNTERFACTUAL_RUN_H
#define REPLAY_COUNTERFACTUAL_RUN_H

#include <stdint.h>

#include "replay/counterfactual_sums.h"
#include "replay/join.h"
#include "replay/past_weights.h"
#include "replay/reward_model.h"
#include "replay/share.h"
#include "replay/timeline.h"

/*
 * What other policies would have earned, from decisions that a log's policy drew with known
 * propensities: weighs each served position's reward by how much likelier each contender would have
 * put the video there (chances.h), for the estimators of estimator.h and slate_estimator.h.
 *
 * The reward of a position is the label of what the user did with its video within the window; 0
 * where nothing is known to have happened, since a video that was not looked at earned nothing.
 *
 * The log is walked twice where there is a reward model: first to learn it, then to estimate.
 */
struct counterfactual_options {
    const struct contenders *contenders; /* borrowed */
    enum label reward;
    size_t positions; /* 1 to SLATE_ESTIMATOR_POSITIONS */
    double clip;      /* above 0: largest weight of clipped IPS */
    size_t draws;     /* as in struct chances_query */
    int64_t window_ms;
    struct share share;
    uint64_t seed;
    struct reward_model *model; /* borrowed; NULL: none */
    struct past_weights *past;  /* borrowed; finds the weights that made the log; NULL: unknown */
};

struct counterfactual_run;

/* learning: fills the model, and estimates nothing. options are copied. NULL: no memory. */
struct counterfactual_run *counterfactual_run_new(const struct counterfactual_options *options,
                                                  bool learning);
void counterfactual_run_free(struct counterfactual_run *run);

/* For struct timeline_options, with the run as context. */
enum status counterfactual_run_ranking(void *context, const struct past_ranking *ranking,
                                       const struct state *state);
enum status counterfactual_run_signal(void *context, const struct signal *signal,
                                      int64_t duration_ms, const struct state *state);

/*
 * After the timeline's end: takes in what still waits. *out, unless the run was for learning, gets
 * the sums, which are the caller's.
 */
MUST_USE enum status counterfactual_run_end(struct counterfactual_run *run,
                                            const struct state *state,
                                            struct counterfactual_sums **out);

#endif
