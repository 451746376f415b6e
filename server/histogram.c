#include "server/histogram.h"

#include <math.h>

#include "ranker/check.h"

size_t histogram_index(const struct histogram_scale *scale, uint64_t value)
{
    size_t index = 0;
    while (index < scale->count && scale->bounds[index] < value) {
        index++;
    }
    return index;
}

void histogram_observe(struct histogram *histogram, const struct histogram_scale *scale,
                       uint64_t value)
{
    cell_add(&histogram->counts[histogram_index(scale, value)], 1);
    cell_add(&histogram->sum, value);
}

void histogram_add_to(const struct histogram *histogram, struct histogram_sums *sums)
{
    sums->sum += cell_get(&histogram->sum);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++) {
        sums->counts[i] += cell_get(&histogram->counts[i]);
    }
}

uint64_t histogram_total(const struct histogram_sums *sums)
{
    uint64_t total = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++) {
        total += sums->counts[i];
    }
    return total;
}

double histogram_quantile(const struct histogram_sums *sums, const struct histogram_scale *scale,
                          double share)
{
    CHECK(share > 0 && share <= 1);
    uint64_t total = histogram_total(sums);
    uint64_t below = 0;
    if (total == 0) {
        return 0;
    }
    for (size_t i = 0; i < scale->count; i++) {
        below += sums->counts[i];
        if ((double)below >= share * (double)total) {
            return (double)scale->bounds[i] * scale->unit;
        }
    }
    return INFINITY;
}
