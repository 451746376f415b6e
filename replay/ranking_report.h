#ifndef REPLAY_RANKING_REPORT_H
#define REPLAY_RANKING_REPORT_H

#include <jansson.h>

#include "replay/ranking_sums.h"

/*
 * Adds to report what the sums say: "rankings", "join", "metrics", "segments" and "exposure" of
 * docs/replay-report.schema.json. signals is how many the log has. Means and differences from the
 * first contender have 95 % intervals over users (bootstrap.h; of "auc" auc_groups.h); p-values are
 * adjusted for the comparisons of their dimension (all, locale, ...) together, by Holm's method.
 * The same sums give the same report. STATUS_NO_MEMORY.
 */
MUST_USE enum status ranking_report_add(struct ranking_sums *sums, uint64_t signals,
                                        json_t *report);

#endif
