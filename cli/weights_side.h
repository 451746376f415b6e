#ifndef CLI_WEIGHTS_SIDE_H
#define CLI_WEIGHTS_SIDE_H

#include "cli/backend.h"
#include "store/weights_file.h"

/*
 * Weights as a command line names them: a file, "current" for what is in force, or a version of the
 * history as GetWeights takes it.
 */
struct weights_side {
    const char *name;
    struct weights_source source; /* borrowed from file, or from the arena */
    struct weights *weights;      /* a reference */
    struct weights_file *file;    /* owned; NULL: a server told them */
};

/*
 * Reads side->name, the rest of *side being zero, and parses. A name is a file if there is one;
 * others are asked of backend, NULL for none. What is wrong with a file is printed on stderr, line
 * by line. Whatever the status, the caller ends *side with weights_side_release().
 */
MUST_USE enum status weights_side_read(struct weights_side *side, struct backend *backend,
                                       struct arena *arena, struct problem *problem);
void weights_side_release(struct weights_side *side);

#endif
