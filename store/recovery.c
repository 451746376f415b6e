#include "store/recovery.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/state_rows.h"
#include "store/clock.h"
#include "store/crew.h"
#include "store/decoder.h"

enum {
    BLOCK_EVENTS = 1024,
    BLOCKS = 3,       /* one is applied, one waits, and one is filled */
    KEYS_AHEAD = 8,   /* a cold slot of the window costs as much as adding these */
    WARMERS = 32,     /* threads that wait for the disk, so that it has something to do */
    WARMED_EACH = 32, /* events that are worth a thread */
    SLOW_BLOCK_MS = 10,
    PROGRESS_MS = 100
};

/* Events of records that follow each other. */
struct block {
    struct event events[BLOCK_EVENTS];
    const struct event *list[BLOCK_EVENTS]; /* of events, for state_prefetch_ahead() */
    size_t count;
};

/* The records behind a checkpoint, on their way from the thread that decodes to the caller's. */
struct tail {
    struct log *log;
    uint64_t from; /* sequence of the first */
    struct decoder decoder;
    struct block *block; /* which is being filled; NULL: none */
    enum status status;  /* the caller's once it ended */
    struct problem problem;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Guarded by lock. Block number N is blocks[N % BLOCKS]: the decoder's until it is filled. */
    uint64_t filled;  /* blocks so far */
    uint64_t emptied; /* likewise */
    bool ended;       /* no more are filled */
    bool stopping;    /* no more are wanted */
    struct block blocks[BLOCKS];
};

/* One thread's share of what a block will load. */
struct warming {
    const struct state *state;
    const struct block *block;
    size_t first; /* of the events that are `step` apart */
    size_t step;
    struct arena arena;
};

struct recovery {
    struct log *log;
    struct window *window;
    pthread_t thread;
    _Atomic bool stopping;
    /* Of the thread, then the caller's. */
    struct event_key
        keys[KEYS_AHEAD]; /* whose slots are on their way; key N is at N % KEYS_AHEAD */
    uint64_t key_count;
    enum status status;
    struct problem problem;
    struct tail *tail; /* NULL but in recovery_apply() */
};

static enum status remember(struct window *window, struct event_key key)
{
    enum status status = window_add(window, key);
    if (status == STATUS_OK) {
        window_commit(window);
    }
    return status;
}

static bool visit_id(void *context, uint64_t sequence, const struct record *record)
{
    struct recovery *recovery = context;
    (void)sequence;
    if (record->kind == EVENT_SIGNAL) {
        struct event_key *place = &recovery->keys[recovery->key_count % KEYS_AHEAD];
        if (recovery->key_count >= KEYS_AHEAD) {
            recovery->status = remember(recovery->window, *place);
        }
        window_prefetch(recovery->window, record->event_key);
        *place = record->event_key;
        recovery->key_count++;
    }
    return recovery->status == STATUS_OK && !atomic_load(&recovery->stopping);
}

/* The keys that are still on their way. */
static enum status remember_last(struct recovery *recovery)
{
    uint64_t count = recovery->key_count;
    enum status status = STATUS_OK;
    for (uint64_t i = count < KEYS_AHEAD ? 0 : count - KEYS_AHEAD; i < count && status == STATUS_OK;
         i++) {
        status = remember(recovery->window, recovery->keys[i % KEYS_AHEAD]);
    }
    return status;
}

static void *read_ids(void *argument)
{
    struct recovery *recovery = argument;
    struct problem *problem = &recovery->problem;
    uint64_t from = 0;
    enum status status =
        log_find_tail(recovery->log, window_length(recovery->window), &from, problem);
    if (status == STATUS_OK) {
        status = log_poll(recovery->log, from, visit_id, recovery, problem);
    }
    if (status == STATUS_OK) {
        status = recovery->status == STATUS_OK ? remember_last(recovery) : recovery->status;
        problem_set(problem, "the window of event ids: %s", status_text(status));
    }
    recovery->status = status;
    return NULL;
}

enum status recovery_begin(struct log *log, struct window *window, struct recovery **out,
                           struct problem *problem)
{
    struct recovery *recovery = calloc(1, sizeof(*recovery));
    if (recovery == NULL) {
        problem_set(problem, "no memory to read the log");
        return STATUS_NO_MEMORY;
    }
    recovery->log = log;
    recovery->window = window;
    if (pthread_create(&recovery->thread, NULL, read_ids, recovery) != 0) {
        free(recovery);
        problem_set(problem, "no thread to read the log");
        return STATUS_IO;
    }
    *out = recovery;
    return STATUS_OK;
}

enum status recovery_end(struct recovery *recovery, enum status status, struct problem *problem)
{
    atomic_store(&recovery->stopping, status != STATUS_OK);
    int rc = pthread_join(recovery->thread, NULL);
    CHECK(rc == 0);
    if (status == STATUS_OK && recovery->status != STATUS_OK) {
        *problem = recovery->problem;
        status = recovery->status;
    }
    free(recovery);
    return status;
}

/* The next block to be filled; NULL if no more are wanted. */
static struct block *take_empty(struct tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    while (tail->filled - tail->emptied == BLOCKS && !tail->stopping) {
        pthread_cond_wait(&tail->changed, &tail->lock);
    }
    struct block *block = tail->stopping ? NULL : &tail->blocks[tail->filled % BLOCKS];
    pthread_mutex_unlock(&tail->lock);
    return block;
}

static void give_filled(struct tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    tail->filled++;
    pthread_cond_broadcast(&tail->changed);
    pthread_mutex_unlock(&tail->lock);
}

/* The next block to be applied; NULL when there will be none. */
static struct block *take_filled(struct tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    while (tail->filled == tail->emptied && !tail->ended) {
        pthread_cond_wait(&tail->changed, &tail->lock);
    }
    struct block *block =
        tail->filled == tail->emptied ? NULL : &tail->blocks[tail->emptied % BLOCKS];
    pthread_mutex_unlock(&tail->lock);
    return block;
}

static void give_empty(struct tail *tail, struct block *block)
{
    block->count = 0;
    pthread_mutex_lock(&tail->lock);
    tail->emptied++;
    pthread_cond_broadcast(&tail->changed);
    pthread_mutex_unlock(&tail->lock);
}

static void set_flag(struct tail *tail, bool *flag)
{
    pthread_mutex_lock(&tail->lock);
    *flag = true;
    pthread_cond_broadcast(&tail->changed);
    pthread_mutex_unlock(&tail->lock);
}

static void tell_record(uint64_t sequence, enum status status, struct problem *problem)
{
    problem_set(problem, "the log's record %" PRIu64 " cannot be replayed: %s", sequence,
                status_text(status));
}

static bool visit_record(void *context, uint64_t sequence, const struct record *record)
{
    struct tail *tail = context;
    struct block *block = tail->block != NULL ? tail->block : take_empty(tail);
    if (block == NULL) {
        return false;
    }
    tail->block = block;
    tail->status = decoder_event(&tail->decoder, record, &block->events[block->count]);
    if (tail->status != STATUS_OK) {
        tell_record(sequence, tail->status, &tail->problem);
        return false;
    }
    block->list[block->count] = &block->events[block->count];
    block->count++;
    if (block->count == BLOCK_EVENTS) {
        give_filled(tail);
        tail->block = NULL;
    }
    return true;
}

static void *decode(void *argument)
{
    struct tail *tail = argument;
    enum status status = log_poll(tail->log, tail->from, visit_record, tail, &tail->problem);
    if (status != STATUS_OK) {
        tail->status = status;
    }
    if (tail->block != NULL) {
        give_filled(tail);
    }
    set_flag(tail, &tail->ended);
    return NULL;
}

static enum status start_tail(struct recovery *recovery, uint64_t from, struct problem *problem)
{
    struct tail *tail = calloc(1, sizeof(*tail));
    if (tail == NULL) {
        problem_set(problem, "no memory to read the log");
        return STATUS_NO_MEMORY;
    }
    tail->log = recovery->log;
    tail->from = from;
    pthread_mutex_init(&tail->lock, NULL);
    pthread_cond_init(&tail->changed, NULL);
    if (pthread_create(&tail->thread, NULL, decode, tail) != 0) {
        pthread_mutex_destroy(&tail->lock);
        pthread_cond_destroy(&tail->changed);
        free(tail);
        problem_set(problem, "no thread to read the log");
        return STATUS_IO;
    }
    recovery->tail = tail;
    return STATUS_OK;
}

/* Status is how applying went; what was to be decoded counts where that went well. */
static enum status end_tail(struct recovery *recovery, enum status status, struct problem *problem)
{
    struct tail *tail = recovery->tail;
    set_flag(tail, &tail->stopping);
    int rc = pthread_join(tail->thread, NULL);
    CHECK(rc == 0);
    if (status == STATUS_OK && tail->status != STATUS_OK) {
        *problem = tail->problem;
        status = tail->status;
    }
    decoder_release(&tail->decoder);
    pthread_mutex_destroy(&tail->lock);
    pthread_cond_destroy(&tail->changed);
    free(tail);
    recovery->tail = NULL;
    return status;
}

static void warm(void *member)
{
    struct warming *warming = member;
    for (size_t i = warming->first; i < warming->block->count; i += warming->step) {
        state_warm(warming->state, warming->block->list[i], &warming->arena);
    }
}

/* Without memory for it, applying waits for the disk instead. */
static void warm_block(const struct state *state, const struct block *block)
{
    struct warming warmings[WARMERS];
    size_t count = block->count / WARMED_EACH + 1;
    count = count < WARMERS ? count : WARMERS;
    char *memory = malloc(count * STATE_LOAD_BYTES);
    if (memory == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        warmings[i] = (struct warming){.state = state, .block = block, .first = i, .step = count};
        arena_init(&warmings[i].arena, memory + i * STATE_LOAD_BYTES, STATE_LOAD_BYTES);
    }
    crew_run(warm, warmings, sizeof(warmings[0]), count);
    free(memory);
}

static enum status apply_events(struct state *state, const struct block *block,
                                struct problem *problem)
{
    for (size_t i = 0; i < block->count; i++) {
        uint64_t sequence = state_sequence(state) + 1;
        state_prefetch_ahead(state, block->list, block->count, i);
        enum status status = state_apply(state, sequence, &block->events[i]);
        if (status != STATUS_OK) {
            tell_record(sequence, status, problem);
            return status;
        }
    }
    return STATUS_OK;
}

/*
 * Where state.mdb is not in the system's memory, each user that is loaded waits for the disk, and
 * one after the other they would take minutes. *cold tells of the block before, then of this one:
 * whether reading ahead took long, or, without it, applying did.
 */
static enum status apply_block(struct state *state, const struct block *block, bool *cold,
                               struct problem *problem)
{
    int64_t start_ms = monotonic_ms();
    bool warmed = *cold;
    if (warmed) {
        warm_block(state, block);
        *cold = monotonic_ms() - start_ms >= SLOW_BLOCK_MS;
    }
    enum status status = apply_events(state, block, problem);
    *cold = warmed ? *cold : monotonic_ms() - start_ms >= SLOW_BLOCK_MS;
    return status;
}

static void report(const struct recovery_progress *progress, uint64_t done, uint64_t total,
                   int64_t *reported_ms)
{
    int64_t now_ms = monotonic_ms();
    if (progress != NULL && (done == total || now_ms - *reported_ms >= PROGRESS_MS)) {
        *reported_ms = now_ms;
        progress->report(progress->context, done, total);
    }
}

enum status recovery_apply(struct recovery *recovery, struct state *state,
                           struct checkpoint *checkpoint, const struct recovery_progress *progress,
                           struct problem *problem)
{
    uint64_t first;
    uint64_t last;
    struct block *block;
    int64_t reported_ms = monotonic_ms();
    bool cold = true;
    log_bounds(recovery->log, &first, &last);
    enum status status = start_tail(recovery, state_sequence(state) + 1, problem);
    if (status != STATUS_OK) {
        return status;
    }
    while (status == STATUS_OK && (block = take_filled(recovery->tail), block != NULL)) {
        status = apply_block(state, block, &cold, problem);
        give_empty(recovery->tail, block);
        checkpoint_relieve(checkpoint);
        report(progress, state_sequence(state), last, &reported_ms);
    }
    status = end_tail(recovery, status, problem);
    if (status == STATUS_OK) {
        report(progress, last, last, &reported_ms);
    }
    return status;
}
