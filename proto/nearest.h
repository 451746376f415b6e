#ifndef PROTO_NEAREST_H
#define PROTO_NEAREST_H

#include <stddef.h>

/* Names that lie stride bytes apart, as the name members of a descriptor's array do. */
struct names {
    const char *const *first;
    size_t stride;
    size_t count;
};

/*
 * The name that found was probably meant to be, letters' case aside: one that ends in "_" and
 * found, or the first of those with the fewest edits, at most a third of its length. NULL when none
 * is near.
 */
const char *nearest_name(const char *found, const struct names *names);

enum { NEAREST_LIST_SIZE = 160 };

/* Writes "a, b, c", ending in "..." when not all fit. */
void nearest_list(const struct names *names, char out[NEAREST_LIST_SIZE]);

#endif
