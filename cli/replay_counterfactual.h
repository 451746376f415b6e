#ifndef CLI_REPLAY_COUNTERFACTUAL_H
#define CLI_REPLAY_COUNTERFACTUAL_H

#include <jansson.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/counterfactual_sums.h"

/* Adds the sums' figures to a report that has its "source" and "options". */
MUST_USE enum status replay_counterfactual_report(struct counterfactual_sums *sums, json_t *report,
                                                  struct problem *problem);

#endif
