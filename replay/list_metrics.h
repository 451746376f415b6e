#ifndef REPLAY_LIST_METRICS_H
#define REPLAY_LIST_METRICS_H

#include <stddef.h>

#include "ranker/limits.h"
#include "replay/metric.h"

/*
 * Metrics of one ranking, each defined as trec_eval defines it (NIST, version 9): the list is what
 * was ranked, the judged documents are what is known of the request, and some of these may be
 * missing from the list since policy dropped them.
 *
 *   nDCG         sum of gain / log2(position + 1), positions from 1 and gains as they are, over the
 *                same sum of all judged documents in their best order (trec_eval: ndcg)
 *   nDCG@k       both sums over the first k (ndcg_cut)
 *   MAP          mean over the relevant documents of the precision at each one's position, 0 for
 *                those missing (map)
 *   MRR          1 / position of the first relevant one, 0 without (recip_rank)
 *   P@k          share of relevant ones among the first k; a shorter list is divided by k too (P)
 *   R@k          share of the relevant ones that are among the first k (recall)
 *   hit@k        1 when there is one among the first k, else 0 (success)
 *
 * A document is relevant when its gain is above 0. Documents without a judgement have gain 0.
 *
 * A request without any relevant document says nothing about the order, so all its metrics are NaN
 * and whoever averages leaves it out. trec_eval counts it as 0 if qrels name it; trec.h therefore
 * writes no qrels for it. A request whose whole list is empty has 0 everywhere, as with
 * trec_eval -c.
 */
struct list_gain {
    double whole; /* discounted cumulative gain of all */
    double at_k;  /* of the first k */
};

/* Of all judged documents of a request: the same for every order of them. */
struct list_ideal {
    struct list_gain gain;
    size_t relevant;
};

/* Discounts and scratch memory; one thread at a time. 48 KiB, held by value. */
struct list_metrics {
    size_t k;
    double discounts[LIMIT_CANDIDATES]; /* 1 / log2(i + 2) */
    double sorted[LIMIT_CANDIDATES];
    double merged[LIMIT_CANDIDATES];
};

/* k from 1 to LIMIT_CANDIDATES. */
void list_metrics_init(struct list_metrics *metrics, size_t k);

/*
 * The best that can be had: gains of all judged documents in any order, finite and at least 0, at
 * most LIMIT_CANDIDATES. Those of 0 may be left out.
 */
struct list_ideal list_ideal(struct list_metrics *metrics, const double *gains, size_t count);

/*
 * All metrics of a list at once, into places METRIC_NDCG to METRIC_HIT_AT. gains by position, each
 * of which is one of those that made the ideal, or 0; count at most LIMIT_CANDIDATES.
 */
void list_measure(const struct list_metrics *metrics, const struct list_ideal *ideal,
                  const double *gains, size_t count, double out[METRIC_LIST_COUNT]);

/*
 * nDCG of the whole list and at k alone. With quantiles of watch time in [0, 1] for gains this is
 * watch-quantile-weighted nDCG: trec_eval's definition with real gains. NaN as above.
 */
struct list_gain list_ndcg(const struct list_metrics *metrics, const struct list_ideal *ideal,
                           const double *gains, size_t count);

#endif
