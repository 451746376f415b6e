#ifndef RANKER_WEIGHTS_INTERNAL_H
#define RANKER_WEIGHTS_INTERNAL_H

#include <stdatomic.h>

#include "ranker/weights.h"
#include "ranker/weights_memory.h"
#include "ranker/weights_read.h"

/* A struct weights as it is built (weights_build.c) and looked up in (weights_choose.c). */

/* "experiment/arm" and its zero. */
enum { ARM_LABEL_SIZE = 2 * WEIGHTS_NAME_MAX + 2 };

struct experiment {
    char name[NAME_SIZE];
    uint64_t seed; /* XXH3-64 of the salt */
    unsigned target_count;
    uint64_t targets[WEIGHTS_TARGETS_MAX];
    unsigned arm_count;
    double bounds[WEIGHTS_ARMS_MAX]; /* shares, each added to those before it */
    char labels[WEIGHTS_ARMS_MAX][ARM_LABEL_SIZE];
};

/*
 * The experiments that run in a cell, and its models: one for each combination of arms, where arm 0
 * is none. A combination's number is the sum of arm * stride.
 */
struct plan {
    unsigned count;
    uint8_t experiments[WEIGHTS_EXPERIMENTS_MAX]; /* in file order */
    unsigned strides[WEIGHTS_EXPERIMENTS_MAX];
    size_t combination_count;
    const char **arms; /* by combination, as in struct weights_chosen */
};

/* The models of one locale, or of all locales that rest on the same ones. */
struct cell {
    uint64_t key;
    bool listed; /* the file has a locale that it rests on */
    const struct plan *plan;
    struct model *models; /* by combination */
};

/* Everything lies in memory. Read-only once built, but for the count. */
struct weights {
    atomic_size_t references;
    char version[WEIGHTS_NAME_MAX + 1 + 16 + 1];
    bool has_locales;
    size_t cell_count;
    struct cell *cells; /* sorted by key; the first is of key 0, every other locale's */
    unsigned experiment_count;
    struct experiment experiments[WEIGHTS_EXPERIMENTS_MAX];
    const struct plan *plans[1 << WEIGHTS_EXPERIMENTS_MAX];
    struct weights_memory memory;
};

/* Fills weights, whose memory has what the layers point to. STATUS_INVALID: problems has some. */
MUST_USE enum status weights_build(const struct layers *layers, struct weights *weights,
                                   struct weights_problems *problems);

#endif
