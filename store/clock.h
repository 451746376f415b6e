#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "ranker/check.h"

static inline int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds since the epoch. It may jump; durations want the monotonic clock. */
static inline int64_t wall_clock_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

/* Milliseconds since some moment before the process; it never goes back. */
static inline int64_t monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

/* The same in nanoseconds. */
static inline int64_t monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* Nanoseconds that this thread has had on a processor; a system call, 0.2 us. */
static inline int64_t thread_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* A condition whose waits end by the monotonic clock. */
static inline void monotonic_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(condition, &monotonic) == 0);
    CHECK(pthread_condattr_destroy(&monotonic) == 0);
}

#endif
