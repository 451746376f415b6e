#include "replay/distinct.h"

#include <math.h>
#include <stddef.h>

#include "ranker/random.h"

/* A hash's first bits name its register, the others say how rare it is. */
enum { NAME_BITS = 12, REST_BITS = 64 - NAME_BITS };

void distinct_add(struct distinct *distinct, uint64_t key)
{
    /* Keys share their first bits within a part of a log, and could be any numbers. */
    struct random mixer = {key};
    uint64_t hash = random_next(&mixer);
    uint64_t rest = hash << NAME_BITS;
    unsigned rank = rest == 0 ? REST_BITS + 1 : (unsigned)__builtin_clzll(rest) + 1;
    uint8_t *place = &distinct->registers[hash >> REST_BITS];
    if (*place < rank) {
        *place = (uint8_t)rank;
    }
}

void distinct_merge(struct distinct *into, const struct distinct *from)
{
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++) {
        if (into->registers[i] < from->registers[i]) {
            into->registers[i] = from->registers[i];
        }
    }
}

/* Ertl's sigma: x + sum over k of x^(2^k) 2^(k-1), for the share of empty registers. */
static double of_empty(double share)
{
    double power = share;
    double scale = 1;
    double sum = share;
    double before;
    if (share >= 1) {
        return INFINITY;
    }
    do {
        before = sum;
        power *= power;
        sum += power * scale;
        scale += scale;
    } while (sum > before);
    return sum;
}

/* Ertl's tau: (1 - x - sum over k of (1 - x^(2^-k))^2 2^-k) / 3, for the share not yet full. */
static double of_full(double share)
{
    double root = share;
    double scale = 1;
    double sum = 1 - share;
    double before;
    if (share <= 0 || share >= 1) {
        return 0;
    }
    do {
        before = sum;
        root = sqrt(root);
        scale *= 0.5;
        sum -= (1 - root) * (1 - root) * scale;
    } while (sum < before);
    return sum / 3;
}

double distinct_estimate(const struct distinct *distinct)
{
    const double m = DISTINCT_REGISTERS;
    const double alpha = 0.72134752044448170; /* 1 / (2 ln 2) */
    double counts[DISTINCT_REGISTER_MAX + 1] = {0};
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++) {
        counts[distinct->registers[i]]++;
    }
    double sum = m * of_full(1 - counts[DISTINCT_REGISTER_MAX] / m);
    for (size_t rank = DISTINCT_REGISTER_MAX - 1; rank >= 1; rank--) {
        sum = (sum + counts[rank]) * 0.5;
    }
    return alpha * m * m / (sum + m * of_empty(counts[0] / m));
}
