#ifndef REPLAY_METRIC_H
#define REPLAY_METRIC_H

#include <stddef.h>

/*
 * What can be said of rankings, with the names and definitions that reports print. How each is
 * computed stands in the header named behind it.
 */
enum metric {
    METRIC_NDCG, /* list_metrics.h, as all up to METRIC_HIT_AT */
    METRIC_NDCG_AT,
    METRIC_MAP,
    METRIC_MRR,
    METRIC_PRECISION_AT,
    METRIC_RECALL_AT,
    METRIC_HIT_AT,
    METRIC_LIST_COUNT,               /* of those above, which list_measure() fills at once */
    METRIC_GAUC = METRIC_LIST_COUNT, /* metrics_auc() within a ranking */
    METRIC_WATCH_NDCG,               /* list_ndcg() of quantiles of watch time */
    METRIC_WATCH_NDCG_AT,
    METRIC_XAUC,        /* metrics_xauc() */
    METRIC_AUC,         /* auc_groups.h */
    METRIC_COVERAGE_AT, /* exposure.h, as all that follow */
    METRIC_GINI_AT,
    METRIC_CREATOR_GINI_AT,
    METRIC_CREATOR_TOP_1_AT,
    METRIC_CREATOR_TOP_10_AT,
    METRIC_COUNT
};

enum metric_better { METRIC_HIGHER, METRIC_LOWER, METRIC_NEITHER };

enum { METRIC_NAME_SIZE = 32, METRIC_TITLE_SIZE = 48 };

/* For machines: "ndcg@10", with the k given where the metric looks at the first k. */
void metric_name(enum metric metric, size_t k, char out[METRIC_NAME_SIZE]);

/* For people: "nDCG@10". */
void metric_title(enum metric metric, size_t k, char out[METRIC_TITLE_SIZE]);

/* A few plain sentences with the source; a constant. */
const char *metric_definition(enum metric metric);

enum metric_better metric_better(enum metric metric);

/* "higher", "lower" or "neither"; a constant. */
const char *metric_better_name(enum metric_better better);

#endif
