#ifndef SERVER_ARM_COUNTS_H
#define SERVER_ARM_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/weights.h"

/*
 * How many rankings each arm of an experiment has had. Counts by name alone: an arm goes on when
 * other weights come that have it too, and stays when they do not.
 *
 * Any thread may call; a lock is held for a search in the names.
 */
struct arm_counts;

enum {
    ARM_COUNTS_MAX = 256,                     /* names; rankings of further ones are "other" */
    ARM_NAME_SIZE = 2 * WEIGHTS_NAME_MAX + 2, /* "experiment/arm" and its zero */
};

struct arm_count {
    char arm[ARM_NAME_SIZE];
    uint64_t rankings;
};

/* NULL when memory is short. */
struct arm_counts *arm_counts_new(void);
void arm_counts_free(struct arm_counts *counts); /* NULL is allowed */

/* Counts a ranking in each of arms, as struct weights_chosen has them; "" costs nothing. */
void arm_counts_add(struct arm_counts *counts, const char *arms);

/* Copies the counts out, by rising name, "other" last if there is any; returns how many. */
size_t arm_counts_get(struct arm_counts *counts, struct arm_count out[ARM_COUNTS_MAX + 1]);

#endif
