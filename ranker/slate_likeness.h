#ifndef RANKER_SLATE_LIKENESS_H
#define RANKER_SLATE_LIKENESS_H

#include "ranker/slate.h"

/*
 * How alike videos are, from 0 to 1.
 *   tags       what both have over what either has (Jaccard's index), a tag weighing 1, a category
 *              2 and the creator 2
 *   embedding  the cosine, below 0 as 0; by tags where one has no embedding or the sizes differ
 */
struct likeness {
    enum diversity_by by;
    size_t window;
    struct content *contents; /* by item; in the arena, as is all below */
    struct nearest *nearest;  /* by item */
    uint16_t *placed;         /* items by position */
    size_t placed_count;
};

/* Of up to item_count items, of which up to position_count will be placed. */
MUST_USE enum status likeness_init(struct likeness *likeness, const struct model *model,
                                   size_t item_count, size_t position_count, struct arena *arena);

/* Whether it has been said what an item is, as it must be before it is placed or compared. */
bool likeness_knows(const struct likeness *likeness, size_t item);

/* Says what an item is; creator: a number that only videos of one creator share. */
void likeness_put(struct likeness *likeness, size_t item, const struct slate_facts *facts,
                  uint32_t creator);

/* Nothing is placed any more; what is known of items stays so. */
void likeness_restart(struct likeness *likeness, size_t item_count);

/* The item is at the next position. */
void likeness_place(struct likeness *likeness, size_t item);

/* The greatest likeness of the item to one of the last `window` placed; 0 without any. */
double likeness_most(struct likeness *likeness, size_t item);

#endif
