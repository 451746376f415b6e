#include "replay/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/random.h"

static int falling(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? 1 : left > right ? -1 : 0;
}

static double discounted(const double *gains, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += gains[i] / exact_log2((double)i + 2);
    }
    return sum;
}

/* Puts gain into the falling list of the largest k; the least falls out. */
static void keep_largest(double *largest, size_t *count, size_t k, double gain)
{
    if (*count == k && gain <= largest[k - 1]) {
        return;
    }
    size_t at = *count < k ? (*count)++ : k - 1;
    while (at > 0 && largest[at - 1] < gain) {
        largest[at] = largest[at - 1];
        at--;
    }
    largest[at] = gain;
}

double metrics_ndcg(const double *gains, size_t count, size_t k)
{
    enum { K_MAX = 100 };
    double largest[K_MAX];
    size_t kept = 0;
    CHECK(k >= 1 && k <= K_MAX);
    for (size_t i = 0; i < count; i++) {
        keep_largest(largest, &kept, k, gains[i]);
    }
    double ideal = discounted(largest, kept);
    return ideal > 0 ? discounted(gains, count < k ? count : k) / ideal : NAN;
}

static int by_score(const void *a, const void *b)
{
    double left = ((const struct metrics_case *)a)->score;
    double right = ((const struct metrics_case *)b)->score;
    return left < right ? -1 : left > right;
}

/* Twice the pairs won, so that ties are whole numbers; runs of equal scores are taken together. */
double metrics_auc(struct metrics_case *cases, size_t count)
{
    if (count == 0) {
        return NAN;
    }
    qsort(cases, count, sizeof(*cases), by_score);
    double won_twice = 0;
    double positives = 0;
    double negatives = 0;
    for (size_t begin = 0; begin < count;) {
        size_t end = begin;
        double run_positives = 0;
        while (end < count && cases[end].score <= cases[begin].score) {
            run_positives += cases[end].positive;
            end++;
        }
        double run_negatives = (double)(end - begin) - run_positives;
        won_twice += run_positives * (2 * negatives + run_negatives);
        positives += run_positives;
        negatives += run_negatives;
        begin = end;
    }
    double pairs = positives * negatives;
    return pairs > 0 ? won_twice / 2 / pairs : NAN;
}

/* By rising score; the same score by rising watch time, so that ties of scores hold no inversion.
 */
static int by_score_and_watch(const void *a, const void *b)
{
    const struct metrics_watch *left = a;
    const struct metrics_watch *right = b;
    if (left->score < right->score || left->score > right->score) {
        return left->score < right->score ? -1 : 1;
    }
    return left->watch < right->watch ? -1 : left->watch > right->watch;
}

/* Pairs of a sorted array that are equal by same(), which holds within runs only. */
static double tied(const struct metrics_watch *cases, size_t count,
                   bool (*same)(const struct metrics_watch *a, const struct metrics_watch *b))
{
    double pairs = 0;
    for (size_t begin = 0; begin < count;) {
        size_t end = begin;
        while (end < count && same(&cases[begin], &cases[end])) {
            end++;
        }
        pairs += (double)(end - begin) * (double)(end - begin - 1) / 2;
        begin = end;
    }
    return pairs;
}

/* Of cases in rising order, where the later one is never below. */
static bool same_score(const struct metrics_watch *a, const struct metrics_watch *b)
{
    return b->score <= a->score;
}

static bool same_watch(const struct metrics_watch *a, const struct metrics_watch *b)
{
    return b->watch <= a->watch;
}

static bool same_both(const struct metrics_watch *a, const struct metrics_watch *b)
{
    return same_score(a, b) && same_watch(a, b);
}

/* Merges two runs of rising watch time into one and counts the pairs in the wrong order. */
static double merge_watch(const struct metrics_watch *from, struct metrics_watch *to, size_t middle,
                          size_t count)
{
    double inversions = 0;
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        if (right == count || (left < middle && from[left].watch <= from[right].watch)) {
            to[i] = from[left++];
        } else {
            to[i] = from[right++];
            inversions += (double)(middle - left);
        }
    }
    return inversions;
}

/* Sorts by watch time and counts the inversions, from the bottom up. */
static double sort_watch(struct metrics_watch *cases, struct metrics_watch *scratch, size_t count)
{
    double inversions = 0;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t left = count - begin < 2 * width ? count - begin : 2 * width;
            inversions +=
                merge_watch(cases + begin, scratch + begin, left < width ? left : width, left);
        }
        memcpy(cases, scratch, count * sizeof(*cases));
    }
    return inversions;
}

/* Of pairs with different watch times: those not inverted won, but those of one score half. */
double metrics_xauc(struct metrics_watch *cases, struct metrics_watch *scratch, size_t count,
                    double *pairs)
{
    *pairs = 0;
    if (count < 2) {
        return NAN;
    }
    qsort(cases, count, sizeof(*cases), by_score_and_watch);
    double of_one_score = tied(cases, count, same_score) - tied(cases, count, same_both);
    double inverted = sort_watch(cases, scratch, count);
    *pairs = (double)count * (double)(count - 1) / 2 - tied(cases, count, same_watch);
    return *pairs > 0 ? (*pairs - inverted - of_one_score / 2) / *pairs : NAN;
}

static double mean_of(struct metrics_unit sum)
{
    return sum.weight > 0 ? sum.sum / sum.weight : NAN;
}

static void add(struct metrics_unit *to, struct metrics_unit unit)
{
    to->sum += unit.sum;
    to->weight += unit.weight;
}

/* others NULL: a mean of its own. */
static double draw_mean(const struct metrics_unit *units, const struct metrics_unit *others,
                        size_t count, struct random *random)
{
    struct metrics_unit sum = {0, 0};
    struct metrics_unit other = {0, 0};
    for (size_t i = 0; i < count; i++) {
        uint32_t drawn = random_below(random, count);
        add(&sum, units[drawn]);
        if (others != NULL) {
            add(&other, others[drawn]);
        }
    }
    return others != NULL ? mean_of(sum) - mean_of(other) : mean_of(sum);
}

static double whole_mean(const struct metrics_unit *units, const struct metrics_unit *others,
                         size_t count)
{
    struct metrics_unit sum = {0, 0};
    struct metrics_unit other = {0, 0};
    for (size_t i = 0; i < count; i++) {
        add(&sum, units[i]);
        if (others != NULL) {
            add(&other, others[i]);
        }
    }
    return others != NULL ? mean_of(sum) - mean_of(other) : mean_of(sum);
}

/* Users that have something to say, of two when others is not NULL; all arrays are one block. */
struct sample {
    struct metrics_unit *units;
    struct metrics_unit *others; /* NULL: one mean alone */
    double *means;               /* METRICS_ROUNDS */
    size_t count;
};

static enum status sample_init(struct sample *sample, const struct metrics_unit *units,
                               const struct metrics_unit *others, size_t count)
{
    *sample = (struct sample){
        .units = calloc(1, 2 * (count + 1) * sizeof(*units) + METRICS_ROUNDS * sizeof(double)),
    };
    if (sample->units == NULL) {
        return STATUS_NO_MEMORY;
    }
    sample->others = others != NULL ? sample->units + count : NULL;
    sample->means = (double *)(sample->units + 2 * count);
    for (size_t i = 0; i < count; i++) {
        if (units[i].weight > 0 || (others != NULL && others[i].weight > 0)) {
            sample->units[sample->count] = units[i];
            if (others != NULL) {
                sample->others[sample->count] = others[i];
            }
            sample->count++;
        }
    }
    return STATUS_OK;
}

/* A draw without any weight on one side has no mean and is left out. */
static struct metrics_interval interval_of(struct sample *sample, uint64_t seed)
{
    struct random random = {seed};
    struct metrics_interval interval = {whole_mean(sample->units, sample->others, sample->count),
                                        NAN, NAN};
    size_t kept = 0;
    for (int round = 0; round < METRICS_ROUNDS && !isnan(interval.mean); round++) {
        double mean = draw_mean(sample->units, sample->others, sample->count, &random);
        if (!isnan(mean)) {
            sample->means[kept++] = mean;
        }
    }
    if (kept > 0) {
        qsort(sample->means, kept, sizeof(*sample->means), falling);
        interval.high = sample->means[kept / 40];
        interval.low = sample->means[kept - 1 - kept / 40];
    }
    return interval;
}

static enum status bootstrap(const struct metrics_unit *units, const struct metrics_unit *others,
                             size_t count, uint64_t seed, struct metrics_interval *out)
{
    struct sample sample;
    enum status status = sample_init(&sample, units, others, count);
    if (status == STATUS_OK) {
        *out = interval_of(&sample, seed);
        free(sample.units);
    }
    return status;
}

enum status metrics_bootstrap(const struct metrics_unit *units, size_t count, uint64_t seed,
                              struct metrics_interval *out)
{
    return bootstrap(units, NULL, count, seed, out);
}

enum status metrics_bootstrap_paired(const struct metrics_unit *units,
                                     const struct metrics_unit *others, size_t count, uint64_t seed,
                                     struct metrics_interval *out)
{
    return bootstrap(units, others, count, seed, out);
}
