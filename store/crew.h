#ifndef STORE_CREW_H
#define STORE_CREW_H

#include <stddef.h>

/* Threads that share one piece of work, and end with it. */

/* How many are worth while here: the processors this process may use, at most `most`. */
size_t crew_size(size_t most);

/*
 * Calls work with each of count members of an array at once, and returns when all are done: the
 * first on this thread, the others each on one of its own, or after it where there can be none.
 */
void crew_run(void (*work)(void *member), void *members, size_t member_size, size_t count);

#endif
