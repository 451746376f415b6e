#include "server/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "server/logline.h"
#include "store/clock.h"

enum {
    WRITE_MAX = 1024, /* batches under one sync: bounds how long the first of them waits */
    GROUP_COUNT = 3,
    WAIT_MAX_MS = 1000, /* that the first in the queue has waited; no more come then */
    COST_PART = 8       /* of a group's cost that goes into the mean */
};

struct job {
    struct batch *batch;
    void (*done)(void *context);
    void *context;
    int64_t queued_ms; /* monotonic */
};

/* Jobs that are appended together. */
struct group {
    struct job jobs[WRITE_MAX];
    struct batch *batches[WRITE_MAX];
    size_t count;
    struct write *write; /* NULL: there is nothing to apply */
    int64_t append_ns;   /* of the processor */
};

struct writer {
    struct store *store;   /* set once */
    struct keeper *keeper; /* likewise */
    size_t length;         /* set once; of jobs */
    pthread_t thread;      /* appends */
    pthread_t applier;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_cond_t handed_over;
    pthread_cond_t taken_over;
    /* Guarded by lock. */
    struct job *jobs; /* a ring */
    size_t first;
    size_t count;
    bool stopping;
    bool appending_ended;
    struct group *waiting;       /* for the applier; NULL: none */
    struct writer_counts counts; /* but for those of the queue */
    /* Owned by the thread that appends; a group by that which applies, once it is handed over. */
    struct group
        groups[GROUP_COUNT]; /* one that is applied, one that waits, and one that is appended */
    uint64_t sequence;       /* after the last write that had something to append */
    /* Written by the applier. */
    atomic_int_fast64_t entry_ns; /* mean of late, of the processor, for an entry */
};

/* Waits for work; 0 only when stopping and all is written. */
static size_t take(struct writer *writer, struct group *group)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->count == 0 && !writer->stopping) {
        pthread_cond_wait(&writer->filled, &writer->lock);
    }
    size_t count = writer->count < WRITE_MAX ? writer->count : WRITE_MAX;
    for (size_t i = 0; i < count; i++) {
        group->jobs[i] = writer->jobs[(writer->first + i) % writer->length];
        group->batches[i] = group->jobs[i].batch;
    }
    writer->first = (writer->first + count) % writer->length;
    writer->count -= count;
    pthread_mutex_unlock(&writer->lock);
    group->count = count;
    return count;
}

static void erased(void *context, enum status status)
{
    struct job *job = context;
    job->batch->status = status;
    job->done(job->context);
    free(job);
}

/* The keeper calls back later. What nobody can wait for is erased all the same. */
static void wait_for_erasure(struct writer *writer, const struct job *job)
{
    struct job *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        job->batch->status = STATUS_UNAVAILABLE;
        job->done(job->context);
        return;
    }
    *copy = *job;
    keeper_when_erased(writer->keeper, erased, copy);
}

static void finish(struct writer *writer, const struct job *job)
{
    if (job->batch->erase && job->batch->status == STATUS_OK) {
        wait_for_erasure(writer, job);
    } else {
        job->done(job->context);
    }
}

/* Counts a group. Returns whether its status is another than that of the write before. */
static bool count_group(struct writer *writer, size_t count, bool only_repeats, enum status status)
{
    pthread_mutex_lock(&writer->lock);
    struct writer_counts *counts = &writer->counts;
    bool news = !only_repeats && status != counts->status;
    counts->batches += count;
    counts->groups++;
    if (!only_repeats) {
        counts->status = status;
        counts->failed_ms = monotonic_ms();
    }
    pthread_mutex_unlock(&writer->lock);
    return news;
}

/* A full disk needs a person, who is told when it begins and when it is over, not with each call.
 */
static void note(struct writer *writer, const struct batch *last, size_t count)
{
    enum status status = last->status;
    bool only_repeats = status == STATUS_OK && last->sequence == writer->sequence;
    writer->sequence = last->sequence;
    if (!count_group(writer, count, only_repeats, status)) {
        return;
    }
    if (status == STATUS_OK) {
        logline(LOG_INFO, "write", "status=ok");
    } else {
        logline(LOG_ERROR, "write", "problem=\"nothing is written: %s\"", status_text(status));
    }
}

/* A mean that forgets: groups are large under load, when an entry costs little. */
static void note_cost(struct writer *writer, const struct group *group, int64_t spent_ns)
{
    size_t entries = 0;
    for (size_t i = 0; i < group->count; i++) {
        entries += group->batches[i]->count;
    }
    int64_t mean_ns = atomic_load_explicit(&writer->entry_ns, memory_order_relaxed);
    int64_t entry_ns = entries > 0 ? spent_ns / (int64_t)entries : mean_ns;
    atomic_store_explicit(&writer->entry_ns, mean_ns + (entry_ns - mean_ns) / COST_PART,
                          memory_order_relaxed);
}

static void apply(struct writer *writer, struct group *group)
{
    int64_t begin_ns = thread_cpu_ns();
    if (group->write != NULL) {
        store_apply(writer->store, group->write);
    }
    note_cost(writer, group, group->append_ns + thread_cpu_ns() - begin_ns);
    for (size_t i = 0; i < group->count; i++) {
        finish(writer, &group->jobs[i]);
    }
}

/*
 * Also when nobody waits: all of the state that signals make is allocated by one thread, and so in
 * one of malloc's arenas. Of two that take turns, each keeps what became free in it from the other.
 */
static void hand_over(struct writer *writer, struct group *group)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->waiting != NULL) {
        pthread_cond_wait(&writer->taken_over, &writer->lock);
    }
    writer->waiting = group;
    pthread_cond_signal(&writer->handed_over);
    pthread_mutex_unlock(&writer->lock);
}

static void end_appending(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->appending_ended = true;
    pthread_cond_signal(&writer->handed_over);
    pthread_mutex_unlock(&writer->lock);
}

static void *run(void *argument)
{
    struct writer *writer = argument;
    for (size_t next = 0;; next = (next + 1) % GROUP_COUNT) {
        struct group *group = &writer->groups[next];
        size_t count = take(writer, group);
        if (count == 0) {
            end_appending(writer);
            return NULL;
        }
        int64_t begin_ns = thread_cpu_ns();
        group->write = store_append(writer->store, group->batches, count);
        group->append_ns = thread_cpu_ns() - begin_ns;
        note(writer, group->batches[count - 1], count); /* all are written, or none is */
        hand_over(writer, group);
    }
}

/* The next group; NULL when there will be none. */
static struct group *take_over(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->waiting == NULL && !writer->appending_ended) {
        pthread_cond_wait(&writer->handed_over, &writer->lock);
    }
    struct group *group = writer->waiting;
    writer->waiting = NULL;
    pthread_cond_signal(&writer->taken_over);
    pthread_mutex_unlock(&writer->lock);
    return group;
}

static void *run_applier(void *argument)
{
    struct writer *writer = argument;
    struct group *group;
    while (group = take_over(writer), group != NULL) {
        apply(writer, group);
    }
    return NULL;
}

/* Both threads, or none. */
static bool start_threads(struct writer *writer)
{
    if (pthread_create(&writer->applier, NULL, run_applier, writer) != 0) {
        return false;
    }
    if (pthread_create(&writer->thread, NULL, run, writer) != 0) {
        end_appending(writer);
        pthread_join(writer->applier, NULL);
        return false;
    }
    return true;
}

enum status writer_new(struct store *store, struct keeper *keeper, size_t queue_length,
                       struct writer **out)
{
    CHECK(queue_length > 0);
    struct writer *writer = calloc(1, sizeof(*writer));
    struct job *jobs = calloc(queue_length, sizeof(*jobs));
    if (writer == NULL || jobs == NULL) {
        free(writer);
        free(jobs);
        return STATUS_NO_MEMORY;
    }
    writer->store = store;
    writer->keeper = keeper;
    writer->length = queue_length;
    writer->jobs = jobs;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->filled, NULL);
    pthread_cond_init(&writer->handed_over, NULL);
    pthread_cond_init(&writer->taken_over, NULL);
    if (!start_threads(writer)) {
        free(writer);
        free(jobs);
        return STATUS_IO;
    }
    *out = writer;
    return STATUS_OK;
}

void writer_free(struct writer *writer)
{
    if (writer == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->filled);
    pthread_mutex_unlock(&writer->lock);
    int rc = pthread_join(writer->thread, NULL);
    CHECK(rc == 0);
    rc = pthread_join(writer->applier, NULL);
    CHECK(rc == 0);
    pthread_cond_destroy(&writer->filled);
    pthread_cond_destroy(&writer->handed_over);
    pthread_cond_destroy(&writer->taken_over);
    pthread_mutex_destroy(&writer->lock);
    free(writer->jobs);
    free(writer);
}

enum status writer_submit(struct writer *writer, struct batch *batch, void (*done)(void *context),
                          void *context)
{
    pthread_mutex_lock(&writer->lock);
    CHECK(!writer->stopping);
    int64_t now_ms = monotonic_ms();
    bool full = writer->count == writer->length ||
                (writer->count > 0 && now_ms - writer->jobs[writer->first].queued_ms > WAIT_MAX_MS);
    if (!full) {
        size_t last = (writer->first + writer->count) % writer->length;
        writer->jobs[last] =
            (struct job){.batch = batch, .done = done, .context = context, .queued_ms = now_ms};
        writer->count++;
        pthread_cond_signal(&writer->filled);
    }
    pthread_mutex_unlock(&writer->lock);
    return full ? STATUS_BUSY : STATUS_OK;
}

void writer_count(struct writer *writer, struct writer_counts *out)
{
    pthread_mutex_lock(&writer->lock);
    *out = writer->counts;
    out->waiting = writer->count;
    out->length = writer->length;
    pthread_mutex_unlock(&writer->lock);
}

int64_t writer_cost_ns(const struct writer *writer, const struct batch *batch)
{
    return (int64_t)batch->count * atomic_load_explicit(&writer->entry_ns, memory_order_relaxed);
}
