#ifndef RANKER_NEAREST_H
#define RANKER_NEAREST_H

#include <stddef.h>

/*
 * Which known name was probably meant by one that is not known. Letters' case and "-" for "_" are
 * no difference. An edit inserts, removes or replaces one letter, or swaps two neighbours. A known
 * name is near when it ends in "_" and what was found, or when the edits are at most a third of the
 * longer one's length. The least edits win, the first offered among equals. Names longer than
 * NEAREST_NAME_MAX are near to none.
 */
enum { NEAREST_NAME_MAX = 64 };

/* Start with {.found = what was written}, then offer every known name. */
struct nearest {
    const char *found;
    const char *best; /* borrowed from the offers; NULL: none is near */
    size_t edits;     /* of best */
};

void nearest_offer(struct nearest *nearest, const char *name);

/* Names that lie stride bytes apart, as the name members of an array of structs do. */
struct names {
    const char *const *first;
    size_t stride;
    size_t count;
};

/* The near one of all names, or NULL. */
const char *nearest_name(const char *found, const struct names *names);

enum { NEAREST_LIST_SIZE = 160 };

/* Writes "a, b, c", ending in "..." when not all fit. */
void nearest_list(const struct names *names, char out[NEAREST_LIST_SIZE]);

#endif
