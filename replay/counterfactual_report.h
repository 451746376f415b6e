#ifndef REPLAY_COUNTERFACTUAL_REPORT_H
#define REPLAY_COUNTERFACTUAL_REPORT_H

#include <jansson.h>

#include "replay/counterfactual_sums.h"
#include "replay/support.h"

/*
 * Adds to report what the sums say: "decisions", "join", "logged", "estimators", "segments",
 * "positions" and "weight_histograms" of docs/replay-report.schema.json. An estimate that the log
 * does not support (support.h) is null, with the first reason; one that only passes since a limit
 * was set has "overridden". Decisions are counted as such, whatever the number of their positions,
 * and the standard error of a mean weight is that over users. Differences are those from the first
 * contender, where both have an estimate. Intervals are of 95 % over users (bootstrap.h), p-values
 * are adjusted for the comparisons of their dimension (Holm). model: whether there was a reward
 * model, for DM, DR and SNDR. STATUS_NO_MEMORY.
 */
MUST_USE enum status counterfactual_report_add(struct counterfactual_sums *sums,
                                               const struct support_limits *limits, bool model,
                                               uint64_t signals, json_t *report);

/*
 * One of the estimates of all decisions, with the same checks. NaN, with the first reason in
 * refused, where the log does not support it; else refused is empty. STATUS_NO_MEMORY.
 */
MUST_USE enum status counterfactual_estimate(struct counterfactual_sums *sums,
                                             const struct support_limits *limits,
                                             enum estimator estimator, size_t contender,
                                             double *out, struct problem *refused);

#endif
