#ifndef SERVER_WEIGHTS_WATCH_H
#define SERVER_WEIGHTS_WATCH_H

#include "ranker/problem.h"
#include "ranker/status.h"
#include "server/weights_life.h"

/*
 * Follows a weights file and the model files it names: what changes there comes into force, or is
 * refused and told of while the old weights go on. A file is taken once it has not changed for one
 * interval, so that none is half written; it may be written in place or replaced.
 *
 * One thread at a time.
 */
struct weights_watch;

/* Borrows life and path. STATUS_NO_MEMORY. */
MUST_USE enum status weights_watch_new(struct weights_life *life, const char *path,
                                       struct weights_watch **out);
void weights_watch_free(struct weights_watch *watch); /* NULL is allowed */

/*
 * Reads the file at a start, and prints its problems on stderr as FILE:LINE:COLUMN, or logs them as
 * events where the log is JSON. Its weights
 * come into force unless they are what was last taken from a file: then others may have come since,
 * by apply or rollback, and stay. A file with problems is told of, in the log and in the life's
 * facts, and what the history has goes on. STATUS_INVALID: the history has nothing that could;
 * problem says what is wrong with the file. STATUS_NO_MEMORY.
 */
MUST_USE enum status weights_watch_start(struct weights_watch *watch, struct problem *problem);

/* Looks at the file; to be called once an interval. What happens is logged. */
void weights_watch_tick(struct weights_watch *watch);

/* Logs weights that came into force. */
void weights_watch_log_swap(const struct weights_swap *swap);

#endif
