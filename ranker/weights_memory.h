#ifndef RANKER_WEIGHTS_MEMORY_H
#define RANKER_WEIGHTS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/text.h"
#include "ranker/trees.h"
#include "ranker/weights.h"

/* What lives as long as a struct weights, from the moment its file is read. */

/* A model file, parsed once however many heads name it. */
struct model_file {
    struct model_file *next; /* by rising name */
    char name[WEIGHTS_FILE_NAME_MAX + 1];
    struct text bytes;      /* the loader's; gone when parsing ends */
    struct trees *trees;    /* NULL: problem says why */
    struct problem problem; /* empty when there is none */
};

struct memory_block;

struct weights_memory {
    struct memory_block *blocks;
    struct model_file *files;
    unsigned file_count;
    bool failed; /* some allocation has failed: the parse ends in STATUS_NO_MEMORY */
};

/* Zeroed space for count objects, or NULL. */
void *weights_memory_add(struct weights_memory *memory, size_t count, size_t size);

#define weights_memory_new(memory, type, count) \
    ((type *)weights_memory_add((memory), (count), sizeof(type)))

/*
 * The file of that name, loaded and parsed unless it was before. NULL: no memory, or more than
 * WEIGHTS_FILES_MAX.
 */
const struct model_file *weights_memory_file(struct weights_memory *memory,
                                             const struct weights_loader *loader, struct text name);

void weights_memory_release(struct weights_memory *memory);

#endif
