#include "tests/bench/samples.h"

#include <stdlib.h>

#include "ranker/check.h"

enum { CAPACITY_MIN = 4096 };

void samples_add(struct samples *samples, double value)
{
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity > 0 ? 2 * samples->capacity : CAPACITY_MIN;
        samples->values = realloc(samples->values, samples->capacity * sizeof(*samples->values));
        CHECK(samples->values != NULL);
    }
    samples->values[samples->count++] = (float)value;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

double samples_quantile(struct samples *samples, double share)
{
    if (samples->count == 0) {
        return 0;
    }
    qsort(samples->values, samples->count, sizeof(*samples->values), compare);
    return (double)samples->values[(size_t)((double)(samples->count - 1) * share)];
}

void samples_release(struct samples *samples)
{
    free(samples->values);
    *samples = (struct samples){0};
}
