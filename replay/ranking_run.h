#ifndef REPLAY_RANKING_RUN_H
#define REPLAY_RANKING_RUN_H

#include <stdint.h>
#include <stdio.h>

#include "replay/join.h"
#include "replay/ranking_sums.h"
#include "replay/share.h"
#include "replay/timeline.h"

/*
 * Orders each past ranking of a log by every contender and measures the orders by what users did
 * (list_metrics.h, metrics.h, auc_groups.h, exposure.h).
 *
 * Only what was seen is judged: a candidate counts if the user's signals tell that it was on
 * screen, and a contender's order of those alone is measured (condensed lists: Sakai, "Alternatives
 * to bpref", SIGIR 2007). What the first contender's policy forbids is not judged either, so that
 * orders without a policy gain nothing by it. One that only another contender's policy drops is
 * missing from that one's list, and in the ideal still. A ranking of which fewer than two
 * candidates are judged says nothing and is counted apart.
 *
 * Gains: 1 for a video with the label, else 0. Those of the watch metrics are the quantile of its
 * watch time among views of videos of like length in the request's region, by the distribution of
 * the moment when the ranking's time is over; 0 for a video that was not watched.
 */
struct ranking_run_options {
    const struct contenders *contenders; /* borrowed */
    enum label label;
    size_t k; /* 1 to LIMIT_CANDIDATES */
    int64_t window_ms;
    struct share share;
    uint64_t seed; /* of intervals */
    /* trec_eval's files (trec.h): what was judged, and a run for each contender; or NULL. */
    FILE *qrels;
    FILE *runs[CONTENDERS_MAX];
};

struct ranking_run;

/* options are copied. NULL when memory is short. */
struct ranking_run *ranking_run_new(const struct ranking_run_options *options);
void ranking_run_free(struct ranking_run *run);

/* For struct timeline_options, with the run as context. */
enum status ranking_run_ranking(void *context, const struct past_ranking *ranking,
                                const struct state *state);
enum status ranking_run_signal(void *context, const struct signal *signal, int64_t duration_ms,
                               const struct state *state);

/*
 * After the timeline's end: measures what still waits, and hands the sums over to the caller.
 * STATUS_IO: a file of trec_eval's cannot be written.
 */
MUST_USE enum status ranking_run_end(struct ranking_run *run, const struct state *state,
                                     struct ranking_sums **out);

#endif
