#ifndef SERVER_HISTOGRAM_H
#define SERVER_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many values fell between which bounds. A value is a whole number of a small unit, such as a
 * nanosecond.
 *
 * Threads: one adds, without a lock or a locked instruction; any thread reads meanwhile. Each cell
 * only grows, so a reader sees no value twice, and misses at most what is added just then.
 */
enum { HISTOGRAM_BOUNDS_MAX = 24 };

/* Set once. */
struct histogram_scale {
    double unit; /* what 1 of a value is, in the unit that is told: 1e-9 for seconds of ns */
    size_t count;
    uint64_t bounds[HISTOGRAM_BOUNDS_MAX]; /* rising; a value belongs to the first that is not below
                                              it, or to none */
};

/* All zero at first. */
struct histogram {
    _Atomic uint64_t sum;
    _Atomic uint64_t
        counts[HISTOGRAM_BOUNDS_MAX + 1]; /* the one behind the last bound: above all */
};

/* What several histograms of one scale come to. */
struct histogram_sums {
    uint64_t sum;
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
};

/* Adds to a cell that one thread alone adds to. */
static inline void cell_add(_Atomic uint64_t *cell, uint64_t more)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static inline uint64_t cell_get(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* The index of a value's count. */
size_t histogram_index(const struct histogram_scale *scale, uint64_t value);

void histogram_observe(struct histogram *histogram, const struct histogram_scale *scale,
                       uint64_t value);

void histogram_add_to(const struct histogram *histogram, struct histogram_sums *sums);

/* How many values there are. */
uint64_t histogram_total(const struct histogram_sums *sums);

/*
 * The bound that a share of the values, in (0, 1], does not pass, in the unit that is told: the
 * least there is. Infinite when that is behind the last, 0 when there are no values.
 */
double histogram_quantile(const struct histogram_sums *sums, const struct histogram_scale *scale,
                          double share);

#endif
