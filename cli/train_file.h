#ifndef CLI_TRAIN_FILE_H
#define CLI_TRAIN_FILE_H

#include <stdbool.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/weights.h"

/*
 * The weights file that training writes: complete and valid, or not at all. Problems begin with
 * "--out" and the path. Those of the weights themselves are printed on stderr, line by line.
 */

/* STATUS_INVALID: there is one, and force is not given, or something that is no regular file. */
MUST_USE enum status train_file_check(const char *path, bool force, struct problem *problem);

enum { TRAIN_VERSION_SIZE = 64 };

/*
 * The name of the new weights: the one that --version gives or, where that is NULL, that of the
 * weights before, without its hash, and a suffix. STATUS_INVALID: it is none, or too long.
 */
MUST_USE enum status train_file_check_version(const char *given, struct problem *problem);
MUST_USE enum status train_file_choose_version(const char *before, const char *given,
                                               const char *suffix, char out[WEIGHTS_NAME_MAX + 1],
                                               struct problem *problem);

/*
 * Whether the text could be written there, and what the server's loader says of it with the model
 * files beside it. Leaves nothing. STATUS_INVALID, STATUS_IO, STATUS_NO_MEMORY.
 */
MUST_USE enum status train_file_try(const char *path, struct text yaml, struct problem *problem);

/*
 * The same, and puts it there: under another name first, so that whoever watches the path sees the
 * whole file. Writes the version, with its hash.
 */
MUST_USE enum status train_file_write(const char *path, struct text yaml,
                                      char version[TRAIN_VERSION_SIZE], struct problem *problem);

/*
 * A model file of that name beside the path; *is_new: there was none, as there may be since names
 * are of the content. STATUS_IO.
 */
MUST_USE enum status train_file_write_model(const char *path, const char *name, struct text model,
                                            bool *is_new, struct problem *problem);

/* Takes a new one away again. */
void train_file_remove_model(const char *path, const char *name);

#endif
