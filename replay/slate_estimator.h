#ifndef REPLAY_SLATE_ESTIMATOR_H
#define REPLAY_SLATE_ESTIMATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/weighing.h"

/*
 * What a policy's slates would have earned, position by position, from a log of another policy's
 * slates. The value of a slate is the sum of the rewards of its positions. The target's slates are
 * taken to be as long as the logged ones.
 *
 * With r_k the reward of position k and w_k its weight, the sums being over the n decisions, of
 * which n_k have a position k:
 *
 *   plain            sum over k of sum(w_k r_k) / n
 *   self-normalised  sum over k of (n_k / n) (sum(w_k r_k) / sum(w_k))
 *
 * Weights come in two kinds.
 * Item-position: the target's probability of the item at k, whatever is above it, over the log's;
 * unbiased where a reward depends on item and position alone (Li, Abbasi-Yadkori, Kveton,
 * Muthukrishnan, Vinay and Wen, "Offline evaluation of ranking policies with click models", 2018).
 * Sequence: the product, over positions 1 to k, of the target's probability of the item given those
 * above it over the log's; unbiased where a reward depends on what stands at and above it
 * (reward interaction: McInerney, Brost, Chandar, Mehrotra and Carterette, "Counterfactual
 * evaluation of slate recommendations with sequential reward interactions", 2020).
 */
#define SLATE_ESTIMATOR_MAP(X)                                                                     \
    X(ITEM_POSITION_IPS, "item_position_ips", "item-position IPS",                                 \
      "sum over positions of the mean of reward times weight, the weight being how much likelier " \
      "the policy puts the item at its position (Li et al. 2018)")                                 \
    X(ITEM_POSITION_SNIPS, "item_position_snips", "item-position SNIPS",                           \
      "item-position IPS with each position divided by its mean weight")                           \
    X(SEQUENCE_IPS, "sequence_ips", "sequence IPS",                                                \
      "sum over positions of the mean of reward times weight, the weight being how much likelier " \
      "the policy makes the slate down to the position (McInerney et al. 2020)")                   \
    X(SEQUENCE_SNIPS, "sequence_snips", "sequence SNIPS",                                          \
      "sequence IPS with each position divided by its mean weight (McInerney et al. 2020)")

enum slate_estimator {
#define X(id, name, title, definition) SLATE_ESTIMATOR_##id,
    SLATE_ESTIMATOR_MAP(X)
#undef X
        SLATE_ESTIMATOR_COUNT
};

const char *slate_estimator_name(enum slate_estimator estimator);
const char *slate_estimator_title(enum slate_estimator estimator);
const char *slate_estimator_definition(enum slate_estimator estimator);

/* False when there is no estimator of that name. */
bool slate_estimator_of_name(const char *name, enum slate_estimator *out);

/* Whether its weights are of an item at a position, whatever is above; else of a sequence. */
bool slate_estimator_by_item(enum slate_estimator estimator);

enum { SLATE_ESTIMATOR_POSITIONS = 20 };

struct slate_position {
    double reward;             /* within WEIGHING_REWARD_MAX of 0 */
    double logged_marginal;    /* of the item at this position, whatever is above; in (0, 1] */
    double target_marginal;    /* in [0, 1] */
    double logged_conditional; /* of the item given those above it; in (0, 1] */
    double target_conditional; /* in [0, 1] */
};

/*
 * What a slate of position_count positions adds, in columns for position_limit positions, both at
 * most SLATE_ESTIMATOR_POSITIONS; what stands beyond the limit is left out.
 */
static inline size_t slate_sum_count(size_t position_limit)
{
    return 1 + 2 * position_limit * WEIGHING_SUMS;
}

static inline size_t slate_peak_count(size_t position_limit)
{
    return 2 * position_limit * WEIGHING_PEAKS;
}

/* STATUS_INVALID: a field is out of its range; problem names it and its position, from 1. */
MUST_USE enum status slate_columns(const struct slate_position *positions, size_t position_count,
                                   size_t position_limit, double *sums, double *peaks,
                                   struct problem *problem);

/* Which figure: of positions first to last, from 1, of columns for position_limit positions. */
struct slate_figure {
    enum slate_estimator estimator;
    size_t position_limit;
    size_t first;
    size_t last;
};

/*
 * NaN where the figure is undefined: no decisions, or no weight at a position that slates have.
 */
double slate_value(const struct slate_figure *figure, const double *sums);

/* The same for struct bootstrap_statistic: context is a const struct slate_figure *. */
double slate_statistic(const double *sums, const void *context);

/*
 * The columns of a position, from 1, for support_measure(): the same for all estimators of one kind
 * of weights.
 */
const double *slate_position_sums(const struct slate_figure *figure, size_t position,
                                  const double *sums);
const double *slate_position_peaks(const struct slate_figure *figure, size_t position,
                                   const double *peaks);

#endif
