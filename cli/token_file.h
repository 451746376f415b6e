#ifndef CLI_TOKEN_FILE_H
#define CLI_TOKEN_FILE_H

#include "ranker/problem.h"
#include "ranker/status.h"
#include "server/tokens.h"

/*
 * Changes of a file of tokens (server/tokens.h), which servers may be reading: each is whole or not
 * at all, keeps the comments, and waits for another that is under way. Problems begin with the
 * path.
 */

/* STATUS_NOT_FOUND, STATUS_IO, STATUS_INVALID, STATUS_NO_MEMORY. */
MUST_USE enum status token_file_read(const char *path, struct tokens *out, struct problem *problem);

/*
 * Adds a line, in a new file if there is none, which its owner alone may read. STATUS_DENIED: there
 * is a token of that name; else as token_file_read().
 */
MUST_USE enum status token_file_add(const char *path, const struct token *token,
                                    struct problem *problem);

/* Takes the line of that name out. STATUS_NOT_FOUND: there is none; else as token_file_read(). */
MUST_USE enum status token_file_remove(const char *path, const char *name, struct problem *problem);

#endif
