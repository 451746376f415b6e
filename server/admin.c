#include "server/admin.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "store/clock.h"

struct job {
    void (*run)(void *context);
    void *context;
};

struct admin {
    struct admin_options options; /* set once */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    /* Guarded by lock. */
    struct job jobs[ADMIN_JOBS_MAX]; /* a ring */
    size_t first;
    size_t count;
    bool stopping;
};

static struct timespec time_of(int64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

/* Until there is a job, it is time to tick, or the end. tick_ms 0: it is never time. */
static void wait_locked(struct admin *admin, int64_t tick_ms)
{
    struct timespec until = time_of(tick_ms);
    int rc = 0;
    while (admin->count == 0 && !admin->stopping && rc == 0) {
        rc = tick_ms > 0 ? pthread_cond_timedwait(&admin->filled, &admin->lock, &until)
                         : pthread_cond_wait(&admin->filled, &admin->lock);
    }
    CHECK(rc == 0 || rc == ETIMEDOUT);
}

/* Takes the next job, if there is one; false when there will be none any more. */
static bool take(struct admin *admin, int64_t tick_ms, struct job *out)
{
    CHECK(pthread_mutex_lock(&admin->lock) == 0);
    wait_locked(admin, tick_ms);
    bool over = admin->count == 0 && admin->stopping;
    *out = (struct job){.run = NULL};
    if (admin->count > 0) {
        *out = admin->jobs[admin->first];
        admin->first = (admin->first + 1) % ADMIN_JOBS_MAX;
        admin->count--;
    }
    CHECK(pthread_mutex_unlock(&admin->lock) == 0);
    return !over;
}

/* When the next tick is due; 0: never. */
static int64_t next_tick(const int64_t due_ms[ADMIN_TICKS_MAX])
{
    int64_t next_ms = 0;
    for (size_t i = 0; i < ADMIN_TICKS_MAX; i++) {
        if (due_ms[i] > 0 && (next_ms == 0 || due_ms[i] < next_ms)) {
            next_ms = due_ms[i];
        }
    }
    return next_ms;
}

static void run_ticks(const struct admin *admin, int64_t due_ms[ADMIN_TICKS_MAX])
{
    for (size_t i = 0; i < ADMIN_TICKS_MAX; i++) {
        const struct admin_tick *tick = &admin->options.ticks[i];
        if (due_ms[i] > 0 && monotonic_ms() >= due_ms[i]) {
            tick->run(tick->context);
            due_ms[i] = monotonic_ms() + tick->interval_ms;
        }
    }
}

static void *run(void *argument)
{
    struct admin *admin = argument;
    int64_t due_ms[ADMIN_TICKS_MAX] = {0};
    struct job job;
    for (size_t i = 0; i < ADMIN_TICKS_MAX; i++) {
        unsigned interval_ms = admin->options.ticks[i].interval_ms;
        due_ms[i] = interval_ms > 0 ? monotonic_ms() + interval_ms : 0;
    }
    while (take(admin, next_tick(due_ms), &job)) {
        if (job.run != NULL) {
            job.run(job.context);
        }
        run_ticks(admin, due_ms);
    }
    return NULL;
}

enum status admin_new(const struct admin_options *options, struct admin **out)
{
    for (size_t i = 0; i < ADMIN_TICKS_MAX; i++) {
        CHECK(options->ticks[i].interval_ms == 0 || options->ticks[i].run != NULL);
    }
    struct admin *admin = calloc(1, sizeof(*admin));
    if (admin == NULL) {
        return STATUS_NO_MEMORY;
    }
    admin->options = *options;
    monotonic_condition_init(&admin->filled);
    CHECK(pthread_mutex_init(&admin->lock, NULL) == 0);
    if (pthread_create(&admin->thread, NULL, run, admin) != 0) {
        free(admin);
        return STATUS_IO;
    }
    *out = admin;
    return STATUS_OK;
}

void admin_free(struct admin *admin)
{
    if (admin == NULL) {
        return;
    }
    CHECK(pthread_mutex_lock(&admin->lock) == 0);
    admin->stopping = true;
    CHECK(pthread_cond_signal(&admin->filled) == 0);
    CHECK(pthread_mutex_unlock(&admin->lock) == 0);
    CHECK(pthread_join(admin->thread, NULL) == 0);
    CHECK(pthread_cond_destroy(&admin->filled) == 0);
    CHECK(pthread_mutex_destroy(&admin->lock) == 0);
    free(admin);
}

enum status admin_submit(struct admin *admin, void (*run_job)(void *context), void *context)
{
    CHECK(pthread_mutex_lock(&admin->lock) == 0);
    CHECK(!admin->stopping);
    bool full = admin->count == ADMIN_JOBS_MAX;
    if (!full) {
        size_t last = (admin->first + admin->count) % ADMIN_JOBS_MAX;
        admin->jobs[last] = (struct job){.run = run_job, .context = context};
        admin->count++;
        CHECK(pthread_cond_signal(&admin->filled) == 0);
    }
    CHECK(pthread_mutex_unlock(&admin->lock) == 0);
    return full ? STATUS_BUSY : STATUS_OK;
}

size_t admin_waiting(struct admin *admin)
{
    CHECK(pthread_mutex_lock(&admin->lock) == 0);
    size_t count = admin->count;
    CHECK(pthread_mutex_unlock(&admin->lock) == 0);
    return count;
}
