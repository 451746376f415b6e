#include "server/writer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "server/logline.h"

enum { WRITE_MAX = 1024 }; /* batches under one sync: bounds how long the first of them waits */

struct job {
    struct batch *batch;
    void (*done)(void *context);
    void *context;
};

struct writer {
    struct store *store;   /* set once */
    struct keeper *keeper; /* likewise */
    size_t length;         /* set once; of jobs */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    /* Guarded by lock. */
    struct job *jobs; /* a ring */
    size_t first;
    size_t count;
    bool stopping;
    /* Owned by the writer's thread. */
    struct job taken[WRITE_MAX];
    struct batch *batches[WRITE_MAX];
    enum status status; /* of the last write that had something to append */
    uint64_t sequence;  /* after it */
};

/* Waits for work; 0 only when stopping and all is written. */
static size_t take(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->count == 0 && !writer->stopping) {
        pthread_cond_wait(&writer->filled, &writer->lock);
    }
    size_t count = writer->count < WRITE_MAX ? writer->count : WRITE_MAX;
    for (size_t i = 0; i < count; i++) {
        writer->taken[i] = writer->jobs[(writer->first + i) % writer->length];
        writer->batches[i] = writer->taken[i].batch;
    }
    writer->first = (writer->first + count) % writer->length;
    writer->count -= count;
    pthread_mutex_unlock(&writer->lock);
    return count;
}

static void erased(void *context, enum status status)
{
    struct job *job = context;
    job->batch->status = status;
    job->done(job->context);
    free(job);
}

/* The keeper calls back later. */
static void wait_for_erasure(struct writer *writer, const struct job *job)
{
    struct job *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        job->batch->status = STATUS_NO_MEMORY;
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

/* A full disk needs a person, who is told when it begins and when it is over, not with each call.
 */
static void note(struct writer *writer, const struct batch *last)
{
    enum status status = last->status;
    bool only_repeats = status == STATUS_OK && last->sequence == writer->sequence;
    writer->sequence = last->sequence;
    if (only_repeats || status == writer->status) {
        return;
    }
    writer->status = status;
    if (status == STATUS_OK) {
        logline(LOG_INFO, "write", "status=ok");
    } else {
        logline(LOG_ERROR, "write", "problem=\"nothing is written: %s\"", status_text(status));
    }
}

static void *run(void *argument)
{
    struct writer *writer = argument;
    for (;;) {
        size_t count = take(writer);
        if (count == 0) {
            return NULL;
        }
        store_write(writer->store, writer->batches, count);
        note(writer, writer->batches[count - 1]); /* all are written, or none is */
        for (size_t i = 0; i < count; i++) {
            finish(writer, &writer->taken[i]);
        }
    }
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
    if (pthread_create(&writer->thread, NULL, run, writer) != 0) {
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
    pthread_cond_destroy(&writer->filled);
    pthread_mutex_destroy(&writer->lock);
    free(writer->jobs);
    free(writer);
}

enum status writer_submit(struct writer *writer, struct batch *batch, void (*done)(void *context),
                          void *context)
{
    pthread_mutex_lock(&writer->lock);
    CHECK(!writer->stopping);
    bool full = writer->count == writer->length;
    if (!full) {
        size_t last = (writer->first + writer->count) % writer->length;
        writer->jobs[last] = (struct job){.batch = batch, .done = done, .context = context};
        writer->count++;
        pthread_cond_signal(&writer->filled);
    }
    pthread_mutex_unlock(&writer->lock);
    return full ? STATUS_BUSY : STATUS_OK;
}
