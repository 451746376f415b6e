#ifndef RANKER_RANDOM_H
#define RANKER_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014): the
 * same numbers for a seed on every machine.
 */
struct random {
    uint64_t state; /* begins as the seed */
};

static inline uint64_t random_next(struct random *random)
{
    random->state += 0x9e3779b97f4a7c15;
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* A stream of its own for each name and index, so that one more draw here changes nothing there. */
static inline struct random random_stream(uint64_t seed, uint64_t name, uint64_t index)
{
    struct random random = {seed};
    random.state = random_next(&random) ^ name;
    random.state = random_next(&random) ^ index;
    random.state = random_next(&random);
    return random;
}

/* 0 <= x < 1, in steps of 2^-53. */
static inline double random_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* 0 <= x < count, for count from 1 to 2^32; the bias is below count / 2^32. */
static inline uint32_t random_below(struct random *random, uint64_t count)
{
    return (uint32_t)(((random_next(random) >> 32) * count) >> 32);
}

static inline bool random_chance(struct random *random, double probability)
{
    return random_unit(random) < probability;
}

/* Every order is as likely as any other. */
static inline void random_shuffle(struct random *random, uint32_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = random_below(random, i);
        uint32_t swapped = items[i - 1];
        items[i - 1] = items[j];
        items[j] = swapped;
    }
}

/* About a standard normal, between -6 and 6: the sum of twelve uniforms, less its mean. */
static inline double random_normal(struct random *random)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += random_unit(random);
    }
    return sum;
}

#endif
