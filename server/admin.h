#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include <stddef.h>

#include "ranker/status.h"

/*
 * The thread for what takes longer than a worker may be held, such as parsing weights, one job
 * after the other, and for what is to be looked at now and then.
 */
struct admin;

enum { ADMIN_JOBS_MAX = 16 };

enum { ADMIN_TICKS_MAX = 4 };

/* What is to be done now and then. */
struct admin_tick {
    unsigned interval_ms; /* between two calls of run; 0: it is never called */
    void (*run)(void *context);
    void *context;
};

struct admin_options {
    struct admin_tick ticks[ADMIN_TICKS_MAX];
};

/* STATUS_NO_MEMORY, or STATUS_IO: there is no thread. */
MUST_USE enum status admin_new(const struct admin_options *options, struct admin **out);

/* Does what still waits, then ends the thread. NULL is allowed. */
void admin_free(struct admin *admin);

/* Queues a call of run(context) on the thread. STATUS_BUSY: ADMIN_JOBS_MAX wait. Any thread. */
MUST_USE enum status admin_submit(struct admin *admin, void (*run)(void *context), void *context);

/* How many jobs wait. Any thread. */
size_t admin_waiting(struct admin *admin);

#endif
