#ifndef TESTS_BENCH_SAMPLES_H
#define TESTS_BENCH_SAMPLES_H

#include <stddef.h>

/* Measured values, kept singly, for exact quantiles. All zero when empty. */
struct samples {
    float *values; /* owned */
    size_t count;
    size_t capacity;
};

void samples_add(struct samples *samples, double value);

/* The value below which share of the samples lies; 0 when there are none. Sorts. */
double samples_quantile(struct samples *samples, double share);

void samples_release(struct samples *samples);

#endif
