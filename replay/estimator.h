#ifndef REPLAY_ESTIMATOR_H
#define REPLAY_ESTIMATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/weighing.h"

/*
 * What a policy would have earned, from a log of another policy's decisions of one action each.
 * Every estimator is a function of sums over observations: observation_columns() gives what one
 * observation adds, and estimator_value() makes the figure of the sums. In between they may be
 * added in any grouping, by users (replay/tally.h), and drawn again (replay/bootstrap.h).
 */

/* clang-format off */
/*
 * With r the reward, p the logging policy's probability of the logged action, e the target
 * policy's, w = e / p, q the model's reward of the logged action, Q the model's reward under the
 * target policy, and sums over the n observations:
 *
 *   replay       sum of r over the matches / matches: Li, Chu, Langford and Wang, "Unbiased offline
 *                evaluation of contextual-bandit-based news article recommendation algorithms",
 *                2011
 *   ips          sum(w r) / n: Horvitz and Thompson 1952
 *   clipped_ips  sum(min(w, clip) r) / n: Ionides, "Truncated importance sampling", 2008
 *   snips        sum(w r) / sum(w): Swaminathan and Joachims, "The self-normalized estimator for
 *                counterfactual learning", 2015
 *   dm           sum(Q) / n
 *   dr           sum(Q + w (r - q)) / n: Dudik, Langford and Li, "Doubly robust policy evaluation
 *                and learning", 2011
 *   sndr         sum(Q) / n + sum(w (r - q)) / sum(w): Thomas and Brunskill, "Data-efficient
 *                off-policy policy evaluation for reinforcement learning", 2016
 */
/* clang-format on */
#define ESTIMATOR_MAP(X)                                                                       \
    X(REPLAY, "replay", "replay method",                                                       \
      "mean reward of the decisions in which the policy would have made the logged choice; "   \
      "unbiased where the log chose uniformly (Li et al. 2011)")                               \
    X(IPS, "ips", "IPS",                                                                       \
      "mean of reward times weight, the weight being how much likelier the policy makes the "  \
      "logged choice than the log did (Horvitz and Thompson 1952)")                            \
    X(CLIPPED_IPS, "clipped_ips", "clipped IPS",                                               \
      "IPS with weights cut at a limit: less variance, and a bias (Ionides 2008)")             \
    X(SNIPS, "snips", "SNIPS",                                                                 \
      "mean reward, weighted: IPS divided by the mean weight (Swaminathan and Joachims 2015)") \
    X(DM, "dm", "DM", "mean of the reward that a model predicts for the policy's choices")     \
    X(DR, "dr", "DR",                                                                          \
      "the model's mean reward, corrected by the weighted errors of the model on the log "     \
      "(Dudik et al. 2011)")                                                                   \
    X(SNDR, "sndr", "SNDR",                                                                    \
      "DR with the correction divided by the mean weight (Thomas and Brunskill 2016)")

enum estimator {
#define X(id, name, title, definition) ESTIMATOR_##id,
    ESTIMATOR_MAP(X)
#undef X
        ESTIMATOR_COUNT
};

const char *estimator_name(enum estimator estimator);
const char *estimator_title(enum estimator estimator);
const char *estimator_definition(enum estimator estimator);

/* False when there is no estimator of that name. */
bool estimator_of_name(const char *name, enum estimator *out);

struct observation {
    double reward;          /* within WEIGHING_REWARD_MAX of 0, as are model rewards */
    double logged;          /* the log's probability of the logged action, in (0, 1] */
    double target;          /* the target's, in [0, 1] */
    bool matched;           /* the target's own choice, one draw, is the logged action */
    double modelled_logged; /* the model's reward of the logged action; 0 without a model */
    double modelled_target; /* sum over actions of target probability and model's reward */
};

/* Columns of sums behind WEIGHING_SUMS. Peaks are those of weighing. */
enum {
    OBSERVATION_MATCHES = WEIGHING_SUMS,
    OBSERVATION_MATCHED_REWARD,
    OBSERVATION_CLIPPED_WEIGHT,
    OBSERVATION_CLIPPED_REWARD,
    OBSERVATION_MODELLED,
    OBSERVATION_RESIDUAL,
    OBSERVATION_SUMS
};

/*
 * What an observation adds: OBSERVATION_SUMS sums, WEIGHING_PEAKS peaks. clip is above 0.
 * STATUS_INVALID: a field is out of its range, which problem names.
 */
MUST_USE enum status observation_columns(const struct observation *observation, double clip,
                                         double *sums, double *peaks, struct problem *problem);

/* NaN where the figure is undefined: no observations, no matches or no weight. */
double estimator_value(enum estimator estimator, const double *sums);

/* The same for struct bootstrap_statistic: context is a const enum estimator *. */
double estimator_statistic(const double *sums, const void *context);

/* The mean reward of the log itself, for the same use. The context is not used. */
double estimator_logged(const double *sums, const void *context);

#endif
