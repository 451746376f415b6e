#ifndef REPLAY_EXACT_SUM_H
#define REPLAY_EXACT_SUM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A sum that does not depend on the order or grouping of what is added: a whole number of units of
 * 2^-52 in 128 bits of two's complement. A double is rounded to it once, when it is added; from
 * then on nothing is lost, so sums of parts add up to the sum of the whole, bit for bit.
 *
 * What is added is at most EXACT_SUM_ADDEND_MAX in magnitude, so EXACT_SUM_COUNT_MAX additions
 * cannot leave the 128 bits. 52 bits of fraction are what a double near 1 has; more of them would
 * leave less room above.
 */
struct exact_sum {
    uint64_t low;
    int64_t high; /* the sum is (high * 2^64 + low) * 2^-52 */
};

#define EXACT_SUM_ADDEND_MAX 0x1p42 /* the square of a weight of two millions */
#define EXACT_SUM_COUNT_MAX  (UINT64_C(1) << 32)

/* Finite and within EXACT_SUM_ADDEND_MAX. */
static inline bool exact_sum_takes(double value)
{
    return fabs(value) <= EXACT_SUM_ADDEND_MAX;
}

static inline void exact_sum_add(struct exact_sum *to, struct exact_sum sum)
{
    uint64_t low = to->low + sum.low;
    to->high = (int64_t)((uint64_t)to->high + (uint64_t)sum.high + (low < sum.low));
    to->low = low;
}

static inline struct exact_sum exact_sum_negative(struct exact_sum sum)
{
    return (struct exact_sum){
        .low = ~sum.low + 1,
        .high = (int64_t)(~(uint64_t)sum.high + (sum.low == 0)),
    };
}

/* value, for which exact_sum_takes(), to the nearest unit; halves go away from zero. */
static inline struct exact_sum exact_sum_of(double value)
{
    double units = fabs(value) * 0x1p52;
    uint64_t high = (uint64_t)(units * 0x1p-64);
    double rest = units - (double)high * 0x1p64;
    uint64_t low = (uint64_t)rest;
    low += rest - (double)low >= 0.5;
    struct exact_sum sum = {.low = low, .high = (int64_t)high};
    return value < 0 ? exact_sum_negative(sum) : sum;
}

/* The nearest double, or the one beside it: the same one for the same sum. */
static inline double exact_sum_value(struct exact_sum sum)
{
    bool negative = sum.high < 0;
    struct exact_sum size = negative ? exact_sum_negative(sum) : sum;
    double value = (double)(uint64_t)size.high * 0x1p12 + (double)size.low * 0x1p-52;
    return negative ? -value : value;
}

static inline bool exact_sum_less(struct exact_sum a, struct exact_sum b)
{
    return a.high < b.high || (a.high == b.high && a.low < b.low);
}

static inline bool exact_sum_zero(struct exact_sum sum)
{
    return sum.high == 0 && sum.low == 0;
}

#endif
