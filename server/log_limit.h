#ifndef SERVER_LOG_LIMIT_H
#define SERVER_LOG_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Keeps what others can cause from filling the log: one line a second, which tells how many there
 * were not. All zero is one that has told nothing. Any thread.
 */
struct log_limit {
    atomic_int_least64_t next_ms; /* monotonic */
    atomic_uint_least64_t untold;
};

/* True: a line may be logged now, and has to tell of *more others. False: this one is counted. */
bool log_limit_due(struct log_limit *limit, uint64_t *more);

#endif
