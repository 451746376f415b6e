#ifndef SERVER_SECRET_FILE_H
#define SERVER_SECRET_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Files that keys, certificates and tokens lie in: small, and not to be used where the wrong people
 * could read or write them. The check is of the file that is read, through any links.
 */
enum secret_file_rule {
    SECRET_FILE_PRIVATE,  /* others than owner and group may not read it, nor write it */
    SECRET_FILE_UNCHANGED /* others may read it, and not write it */
};

/*
 * Reads a regular file of 1 to limit bytes; *out ends in a zero that is not counted, and is freed
 * with secret_file_free(). STATUS_NOT_FOUND, STATUS_IO: it cannot be read; STATUS_INVALID: what it
 * is, its size, or who may read or write it; STATUS_NO_MEMORY. problem begins with the path.
 */
MUST_USE enum status secret_file_read(const char *path, enum secret_file_rule rule, size_t limit,
                                      char **out, size_t *size, struct problem *problem);

/* The end of a path, short enough to leave room in a problem for what is wrong there. */
const char *secret_file_name(const char *path);

/* Overwrites and frees. NULL is allowed. */
void secret_file_free(char *data, size_t size);

#endif
