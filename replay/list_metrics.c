#include "replay/list_metrics.h"

#include <math.h>
#include <stdbool.h>

#include "ranker/check.h"
#include "ranker/exact.h"

void list_metrics_init(struct list_metrics *metrics, size_t k)
{
    CHECK(k >= 1 && k <= LIMIT_CANDIDATES);
    metrics->k = k;
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        metrics->discounts[i] = 1 / exact_log2((double)i + 2);
    }
}

/* Merges two falling runs of from, which end at middle and end, into to. */
static void merge(const double *from, double *to, size_t begin, size_t middle, size_t end)
{
    size_t left = begin;
    size_t right = middle;
    for (size_t i = begin; i < end; i++) {
        if (right == end || (left < middle && from[left] >= from[right])) {
            to[i] = from[left++];
        } else {
            to[i] = from[right++];
        }
    }
}

/* The gains falling, in one of the two scratch arrays, by merging from the bottom up. */
static const double *sort_falling(struct list_metrics *metrics, size_t count)
{
    double *from = metrics->sorted;
    double *to = metrics->merged;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            merge(from, to, begin, middle, end);
        }
        double *swapped = from;
        from = to;
        to = swapped;
    }
    return from;
}

/* Copies the gains above 0 and says how many; *falling tells whether they lie in order already, as
 * labels that are there or not do. */
static size_t copy_relevant(struct list_metrics *metrics, const double *gains, size_t count,
                            bool *falling)
{
    size_t relevant = 0;
    *falling = true;
    for (size_t i = 0; i < count; i++) {
        if (gains[i] > 0) {
            *falling &= relevant == 0 || metrics->sorted[relevant - 1] >= gains[i];
            metrics->sorted[relevant++] = gains[i];
        }
    }
    return relevant;
}

struct list_ideal list_ideal(struct list_metrics *metrics, const double *gains, size_t count)
{
    CHECK(count <= LIMIT_CANDIDATES);
    bool falling;
    struct list_ideal ideal = {.relevant = copy_relevant(metrics, gains, count, &falling)};
    const double *best = falling ? metrics->sorted : sort_falling(metrics, ideal.relevant);
    for (size_t i = 0; i < ideal.relevant; i++) {
        double gain = best[i] * metrics->discounts[i];
        ideal.gain.whole += gain;
        ideal.gain.at_k += i < metrics->k ? gain : 0;
    }
    return ideal;
}

/* What one pass over a list finds. */
struct found {
    struct list_gain gain;
    double precisions; /* sum over relevant ones of the precision at their position */
    size_t relevant;
    size_t relevant_at_k;
    size_t first; /* position of the first relevant one; 0: none */
};

/* Positions from begin to below end; most of them have no gain. */
static void look(const struct list_metrics *metrics, const double *gains, size_t begin, size_t end,
                 struct found *found)
{
    for (size_t i = begin; i < end; i++) {
        if (gains[i] > 0) {
            found->gain.whole += gains[i] * metrics->discounts[i];
            found->relevant++;
            found->precisions += (double)found->relevant / (double)(i + 1);
            found->first = found->first == 0 ? i + 1 : found->first;
        }
    }
}

static struct found look_at_all(const struct list_metrics *metrics, const double *gains,
                                size_t count)
{
    CHECK(count <= LIMIT_CANDIDATES);
    struct found found = {.first = 0};
    size_t k = count < metrics->k ? count : metrics->k;
    look(metrics, gains, 0, k, &found);
    found.relevant_at_k = found.relevant;
    found.gain.at_k = found.gain.whole;
    look(metrics, gains, k, count, &found);
    return found;
}

void list_measure(const struct list_metrics *metrics, const struct list_ideal *ideal,
                  const double *gains, size_t count, double out[METRIC_LIST_COUNT])
{
    if (ideal->relevant == 0) {
        for (size_t i = 0; i < METRIC_LIST_COUNT; i++) {
            out[i] = NAN;
        }
        return;
    }
    struct found found = look_at_all(metrics, gains, count);
    double all = (double)ideal->relevant;
    CHECK(found.relevant <= ideal->relevant);
    out[METRIC_NDCG] = found.gain.whole / ideal->gain.whole;
    out[METRIC_NDCG_AT] = found.gain.at_k / ideal->gain.at_k;
    out[METRIC_MAP] = found.precisions / all;
    out[METRIC_MRR] = found.first > 0 ? 1 / (double)found.first : 0;
    out[METRIC_PRECISION_AT] = (double)found.relevant_at_k / (double)metrics->k;
    out[METRIC_RECALL_AT] = (double)found.relevant_at_k / all;
    out[METRIC_HIT_AT] = found.relevant_at_k > 0;
}

struct list_gain list_ndcg(const struct list_metrics *metrics, const struct list_ideal *ideal,
                           const double *gains, size_t count)
{
    if (ideal->relevant == 0) {
        return (struct list_gain){NAN, NAN};
    }
    struct found found = look_at_all(metrics, gains, count);
    return (struct list_gain){found.gain.whole / ideal->gain.whole,
                              found.gain.at_k / ideal->gain.at_k};
}
