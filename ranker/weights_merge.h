#ifndef RANKER_WEIGHTS_MERGE_H
#define RANKER_WEIGHTS_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/weights_read.h"

/* One layer put over a model: each key that it says, and what that means for the heads' kinds. */

struct merge {
    const struct layers *layers;
    struct weights_memory *memory;
    struct weights_problems *problems;
    size_t merged_count;                          /* feature weights made so far */
    bool used[LAYERS_MAX][WEIGHTS_ROWS_MAX];      /* which head's keys some model's kind uses */
    enum head_kind kinds[LAYERS_MAX][HEAD_COUNT]; /* of the model made last with the layer */
};

/* Overrides what the layer says in the model, which is the layer's predecessors' so far. */
void merge_layer(struct merge *merge, unsigned layer, struct model *model);

/* Complains of keys that no model uses since its heads' kinds do not. */
void merge_complain_unused(const struct merge *merge);

#endif
