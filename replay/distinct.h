#ifndef REPLAY_DISTINCT_H
#define REPLAY_DISTINCT_H

#include <stdint.h>

/*
 * About how many different keys there were, in 4 KB: HyperLogLog (Flajolet, Fusy, Gandouet and
 * Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", 2007),
 * read with Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog sketches",
 * 2017), which has no range that needs a correction. The standard error is 1.04 / sqrt(4,096), 1.6
 * %. Registers follow from the set of keys, and merge by maximum.
 */
enum { DISTINCT_REGISTERS = 4096, DISTINCT_REGISTER_MAX = 53 };

struct distinct {
    uint8_t registers[DISTINCT_REGISTERS]; /* all 0: no key */
};

void distinct_add(struct distinct *distinct, uint64_t key);
void distinct_merge(struct distinct *into, const struct distinct *from);

double distinct_estimate(const struct distinct *distinct);

#endif
