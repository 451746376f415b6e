#ifndef STORE_WEIGHTS_FILE_H
#define STORE_WEIGHTS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/limits.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/weights.h"
#include "store/files.h"
#include "store/weights_source.h"

/*
 * A weights file on disk with the model files it names, which lie at their names below its
 * directory. The one reader for the server and for commands.
 */

/* The model files that a weights file names, also those that cannot be read: they may come. */
struct weights_file_names {
    size_t count;
    char items[LIMIT_MODEL_FILES][WEIGHTS_MODEL_NAME_SIZE];
};

struct weights_file {
    struct weights_source source; /* models in the order in which the file names them */
    struct weights_file_names names;
    /* Private: what source points to. */
    char *yaml;                                          /* owned */
    struct weights_model_file models[LIMIT_MODEL_FILES]; /* content: owned */
    size_t model_bytes;
};

/*
 * Reads and parses. path "-" is standard input, whose models lie in the current directory.
 * STATUS_OK: the caller ends *out with weights_unref(). STATUS_INVALID: problems has at least one.
 * STATUS_NOT_FOUND, STATUS_IO: the YAML cannot be read, as problem says; STATUS_NO_MEMORY. In each
 * case file is the caller's to release; it holds what was read.
 */
MUST_USE enum status weights_file_read(const char *path, struct weights_file *file,
                                       struct weights **out, struct weights_problems *problems,
                                       struct problem *problem);

/* All zero is allowed. */
void weights_file_release(struct weights_file *file);

/* Where a model of the weights file at path lies. STATUS_INVALID: that path is too long. */
MUST_USE enum status weights_file_model_path(const char *path, const char *name,
                                             char out[FILES_PATH_SIZE], struct problem *problem);

/*
 * A number that changes when the file or one of the named models is written, replaced, or comes or
 * goes: made of the names and of what stat(2) says of the files. 0 never comes out.
 */
uint64_t weights_file_stamp(const char *path, const struct weights_file_names *names);

#endif
