/* For PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP; must precede every include. */
#define _GNU_SOURCE

#include "store/store.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/state_rows.h"
#include "ranker/table.h"
#include "store/checkpoint.h"
#include "store/edits.h"
#include "store/recovery.h"
#include "store/scrub.h"
#include "store/window.h"

enum {
    WINDOW_LENGTH_DEFAULT = 1 << 20,
    CHECKPOINT_RECORDS_DEFAULT = 1 << 19,
    USER_BYTES_DEFAULT = 1 << 30,
    STATISTICS_BYTES_DEFAULT = 1 << 30,
    PREFETCH_AHEAD = 8,  /* entries; a cold window slot costs as much as admitting these */
    APPLY_CHUNK = 32,    /* entries applied under one lock: some 50 us */
    WRITES_UNDER_WAY = 2 /* one is applied while the next one is appended */
};

/* What one call of store_append() appends; memory is kept for the next one. */
struct write {
    uint64_t number;             /* of the writes that had something to append, from 0 */
    uint64_t first;              /* sequence of its first record */
    struct edits edits;          /* what it does to the catalogue */
    struct record *records;      /* owned */
    const struct event **events; /* owned; the batches' own */
    size_t accepted;
    size_t capacity;
};

struct store {
    struct log *log;               /* set once */
    struct checkpoint *checkpoint; /* set once */
    struct state *state;           /* guarded by lock; the writer alone may read it without */
    pthread_rwlock_t lock; /* prefers the writer, or a steady stream of readers would starve it */
    bool lock_made;
    pthread_mutex_t write_lock; /* held while one thread appends; guards what follows */
    bool write_lock_made;
    struct window *window;
    struct table forgotten;                /* struct forgotten_user */
    uint64_t sequence;                     /* of the last record appended */
    int64_t newest_ms;                     /* of the signals appended, and of this write so far */
    uint64_t appended;                     /* writes so far that had something to append */
    struct write writes[WRITES_UNDER_WAY]; /* write N is in writes[N % WRITES_UNDER_WAY] */

    pthread_mutex_t turn_lock; /* guards what follows */
    pthread_cond_t turn_over;
    bool turn_made;
    uint64_t applied; /* writes so far */

    struct arena warm_arena;       /* owned; of the thread that applies */
    _Atomic uint64_t window_count; /* a copy for other threads */

    void (*warn)(void *context, const char *text); /* may be NULL; set once */
    void *warn_context;
};

/* A row of forgotten. */
struct forgotten_user {
    uint64_t user_key; /* first: the table's hash */
    int64_t time_ms;
};

static bool make_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    if (pthread_rwlockattr_init(&attributes) != 0) {
        return false;
    }
    bool made = pthread_rwlockattr_setkind_np(&attributes,
                                              PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0 &&
                pthread_rwlock_init(lock, &attributes) == 0;
    pthread_rwlockattr_destroy(&attributes);
    return made;
}

static bool make_turn(struct store *store)
{
    if (pthread_mutex_init(&store->turn_lock, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&store->turn_over, NULL) != 0) {
        pthread_mutex_destroy(&store->turn_lock);
        return false;
    }
    return true;
}

static enum status make_parts(struct store *store, size_t length, struct problem *problem)
{
    store->lock_made = make_lock(&store->lock);
    store->write_lock_made = pthread_mutex_init(&store->write_lock, NULL) == 0;
    store->turn_made = make_turn(store);
    store->forgotten = table_of(sizeof(struct forgotten_user));
    store->window = window_new(length);
    void *warm = malloc(STATE_LOAD_BYTES);
    if (warm != NULL) {
        arena_init(&store->warm_arena, warm, STATE_LOAD_BYTES);
    }
    if (!store->lock_made || !store->write_lock_made || !store->turn_made ||
        store->window == NULL || warm == NULL) {
        problem_set(problem, "no memory for a window of %zu event ids", length);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static enum status note_forgotten(struct store *store, uint64_t user_key, int64_t time_ms)
{
    void *row;
    enum status status = table_need(&store->forgotten, user_key, &row);
    if (status == STATUS_OK) {
        ((struct forgotten_user *)row)->time_ms = time_ms;
    }
    return status;
}

struct noting {
    struct store *store;
    enum status status;
};

static bool note_tombstone(void *context, const struct tombstone *tombstone)
{
    struct noting *noting = context;
    noting->status = note_forgotten(noting->store, tombstone->user_key, tombstone->time_ms);
    return noting->status == STATUS_OK;
}

static enum status read_tombstones(struct store *store, struct problem *problem)
{
    struct noting noting = {.store = store};
    enum status status = log_visit_tombstones(store->log, note_tombstone, &noting, problem);
    if (status == STATUS_OK && noting.status != STATUS_OK) {
        problem_set(problem, "the list of forgotten users: %s", status_text(noting.status));
        status = noting.status;
    }
    return status;
}

static enum status open_checkpoint(struct store *store, const struct store_options *options,
                                   struct problem *problem)
{
    struct checkpoint_options checkpoint_options = {
        .directory = options->log.path,
        .map_bytes = options->log.map_bytes,
        .records = options->checkpoint_records > 0 ? options->checkpoint_records
                                                   : CHECKPOINT_RECORDS_DEFAULT,
        .user_bytes = options->user_bytes > 0 ? options->user_bytes : USER_BYTES_DEFAULT,
        .statistics_bytes =
            options->statistics_bytes > 0 ? options->statistics_bytes : STATISTICS_BYTES_DEFAULT,
        .log = store->log,
        .warn = options->warn,
        .warn_context = options->warn_context,
    };
    return checkpoint_open(&checkpoint_options, &store->checkpoint, &store->state, problem);
}

/* The state as of the last checkpoint, then all that the log has behind it. */
static enum status apply_log(struct store *store, struct recovery *recovery,
                             const struct store_options *options, struct problem *problem)
{
    struct recovery_progress progress = {.report = options->progress,
                                         .context = options->progress_context};
    enum status status = open_checkpoint(store, options, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return recovery_apply(recovery, store->state, store->checkpoint,
                          options->progress != NULL ? &progress : NULL, problem);
}

static enum status recover(struct store *store, const struct store_options *options,
                           struct problem *problem)
{
    struct recovery *recovery;
    enum status status = recovery_begin(store->log, store->window, &recovery, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return recovery_end(recovery, apply_log(store, recovery, options, problem), problem);
}

static enum status open_store(struct store *store, const struct store_options *options,
                              struct problem *problem)
{
    size_t length = options->window_length > 0 ? options->window_length : WINDOW_LENGTH_DEFAULT;
    if (length > WINDOW_LENGTH_MAX) {
        problem_set(problem, "window_length is %zu; at most %d is possible", length,
                    WINDOW_LENGTH_MAX);
        return STATUS_INVALID;
    }
    store->warn = options->warn;
    store->warn_context = options->warn_context;
    enum status status = log_open(&options->log, &store->log, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = make_parts(store, length, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = read_tombstones(store, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = recover(store, options, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = checkpoint_start(store->checkpoint, &store->lock);
    if (status != STATUS_OK) {
        problem_set(problem, "%s: no thread for checkpoints", options->log.path);
        return status;
    }
    atomic_store(&store->window_count, window_count(store->window));
    store->sequence = state_sequence(store->state);
    store->newest_ms = state_newest_signal_ms(store->state);
    return STATUS_OK;
}

enum status store_open(const struct store_options *options, struct store **out,
                       struct problem *problem)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        problem_set(problem, "%s: %s", options->log.path, status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    enum status status = open_store(store, options, problem);
    if (status != STATUS_OK) {
        store_close(store);
        return status;
    }
    *out = store;
    return STATUS_OK;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    checkpoint_close(store->checkpoint);
    for (unsigned i = 0; i < WRITES_UNDER_WAY; i++) {
        edits_release(&store->writes[i].edits);
        free(store->writes[i].records);
        free(store->writes[i].events);
    }
    window_free(store->window);
    state_free(store->state);
    table_release(&store->forgotten);
    free(store->warm_arena.base);
    if (store->lock_made) {
        pthread_rwlock_destroy(&store->lock);
    }
    if (store->write_lock_made) {
        pthread_mutex_destroy(&store->write_lock);
    }
    if (store->turn_made) {
        pthread_mutex_destroy(&store->turn_lock);
        pthread_cond_destroy(&store->turn_over);
    }
    log_close(store->log);
    free(store);
}

static enum status grow_write(struct write *write)
{
    size_t capacity = write->capacity > 0 ? 2 * write->capacity : 1024;
    struct record *records = realloc(write->records, capacity * sizeof(*records));
    if (records == NULL) {
        return STATUS_NO_MEMORY;
    }
    write->records = records;
    const struct event **events = realloc(write->events, capacity * sizeof(struct event *));
    if (events == NULL) {
        return STATUS_NO_MEMORY;
    }
    write->events = events;
    write->capacity = capacity;
    return STATUS_OK;
}

/* The write that is being put together, and the one before it, which may not be applied yet. */
static struct write *write_now(struct store *store)
{
    return &store->writes[store->appended % WRITES_UNDER_WAY];
}

static struct write *write_before(struct store *store)
{
    return &store->writes[(store->appended + 1) % WRITES_UNDER_WAY];
}

/* What the state says of a video. */
static struct edit stored_video(struct store *store, uint64_t video_key)
{
    const struct state *state = store_begin(store);
    const struct videos *videos = state_videos(state);
    const struct video *video = NULL;
    struct edit edit = {.video_key = video_key, .deleted = true};
    videos_find_many(videos, &video_key, 1, &video);
    if (video_is_live(video)) {
        edit.deleted = false;
        edit.content_hash = videos_source(videos, video).content_hash;
    }
    store_end(store);
    return edit;
}

/*
 * What the catalogue says of a video once all earlier entries are in. All writes before the last
 * two are in the state.
 */
static struct edit catalogue_now(struct store *store, uint64_t video_key)
{
    const struct edit *edit = edits_find(&write_now(store)->edits, video_key);
    if (edit == NULL) {
        edit = edits_find(&write_before(store)->edits, video_key);
    }
    return edit != NULL ? *edit : stored_video(store, video_key);
}

static enum status reject(struct entry *entry, enum rejection rejection)
{
    entry->outcome = OUTCOME_REJECTED;
    entry->rejection = rejection;
    return STATUS_OK;
}

static enum status admit_signal(struct store *store, struct entry *entry)
{
    if (window_contains(store->window, entry->record.event_key)) {
        entry->outcome = OUTCOME_DUPLICATE;
        return STATUS_OK;
    }
    if (entry->rejection == REJECTION_FUTURE) {
        return reject(entry, REJECTION_FUTURE);
    }
    int64_t time_ms = entry->event.u.signal.time_ms;
    if (time_ms < store->newest_ms - LIMIT_LATE_MS) {
        return reject(entry, REJECTION_LATE);
    }
    const struct forgotten_user *forgotten =
        table_find(&store->forgotten, entry->event.u.signal.user_key);
    if (forgotten != NULL && time_ms <= forgotten->time_ms) {
        return reject(entry, REJECTION_FORGOTTEN);
    }
    enum status status = window_add(store->window, entry->record.event_key);
    if (status == STATUS_OK) {
        entry->outcome = OUTCOME_ACCEPTED;
        int64_t tick_ms = stats_tick_ms(stats_tick(time_ms));
        store->newest_ms = tick_ms > store->newest_ms ? tick_ms : store->newest_ms;
    }
    return status;
}

static enum status admit_video(struct store *store, struct entry *entry)
{
    const struct video_facts *facts = &entry->event.u.video;
    /* Replay computes it so: a different one would recognise repeats only until a restart. */
    CHECK(facts->content_hash == XXH3_64bits(entry->record.payload, entry->record.payload_size));

    struct edit now = catalogue_now(store, facts->key);
    if (!entry->carry && !now.deleted && now.content_hash == facts->content_hash) {
        entry->outcome = OUTCOME_DUPLICATE;
        return STATUS_OK;
    }
    if (entry->has_base && entry->base_hash != (now.deleted ? 0 : now.content_hash)) {
        entry->outcome = OUTCOME_REJECTED;
        return STATUS_OK;
    }
    entry->outcome = OUTCOME_ACCEPTED;
    return edits_put(&write_now(store)->edits,
                     &(struct edit){.video_key = facts->key, .content_hash = facts->content_hash});
}

static enum status admit_deletion(struct store *store, struct entry *entry)
{
    uint64_t video_key = entry->event.u.deleted_video_key;
    if (catalogue_now(store, video_key).deleted) {
        entry->outcome = OUTCOME_DUPLICATE;
        return STATUS_OK;
    }
    entry->outcome = OUTCOME_ACCEPTED;
    return edits_put(&write_now(store)->edits,
                     &(struct edit){.video_key = video_key, .deleted = true});
}

/* A forgetting that the log refuses keeps signals from before it out all the same. */
static enum status admit_forget(struct store *store, struct entry *entry)
{
    const struct forgetting *forget = &entry->event.u.forget;
    entry->outcome = OUTCOME_ACCEPTED;
    return note_forgotten(store, forget->user_key, forget->time_ms);
}

/* Decides the outcome of one entry and lists it if it is to be appended. */
static enum status admit(struct store *store, struct entry *entry)
{
    CHECK(entry->record.kind == entry->event.kind);

    enum status status = STATUS_OK;
    switch (entry->event.kind) {
    case EVENT_SIGNAL:
        status = admit_signal(store, entry);
        break;
    case EVENT_VIDEO:
        status = admit_video(store, entry);
        break;
    case EVENT_VIDEO_DELETED:
        status = admit_deletion(store, entry);
        break;
    case EVENT_FORGET:
        status = admit_forget(store, entry);
        break;
    case EVENT_RETIRE:
        entry->outcome = OUTCOME_ACCEPTED;
        break;
    case EVENT_ERASED: /* takes the place of a record, and never comes as a new one */
    case EVENT_KIND_END:
        CHECK(false);
    }
    if (status != STATUS_OK || entry->outcome != OUTCOME_ACCEPTED) {
        return status;
    }
    struct write *write = write_now(store);
    if (write->accepted == write->capacity) {
        status = grow_write(write);
        if (status != STATUS_OK) {
            return status;
        }
    }
    write->records[write->accepted] = entry->record;
    write->events[write->accepted] = &entry->event;
    write->accepted++;
    return STATUS_OK;
}

static enum status admit_batch(struct store *store, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (i + PREFETCH_AHEAD < batch->count) {
            window_prefetch(store->window, batch->entries[i + PREFETCH_AHEAD].record.event_key);
        }
        if (batch->entries[i].outcome == OUTCOME_REJECTED) {
            continue;
        }
        enum status status = admit(store, &batch->entries[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    batch->status = STATUS_OK;
    batch->sequence = store->sequence + write_now(store)->accepted;
    return STATUS_OK;
}

static enum status admit_all(struct store *store, struct batch *const *batches, size_t count)
{
    struct write *write = write_now(store);
    edits_clear(&write->edits);
    write->accepted = 0;
    for (size_t i = 0; i < count; i++) {
        enum status status = admit_batch(store, batches[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status append_accepted(struct store *store)
{
    struct write *write = write_now(store);
    if (write->accepted == 0) {
        return STATUS_OK;
    }
    enum status status = log_append(store->log, write->records, write->accepted, &write->first);
    CHECK(status != STATUS_OK || write->first == store->sequence + 1);
    return status;
}

static void refuse_all(struct store *store, struct batch *const *batches, size_t count,
                       enum status status)
{
    window_undo(store->window);
    for (size_t i = 0; i < count; i++) {
        batches[i]->status = status;
        batches[i]->sequence = store->sequence;
    }
}

/*
 * What is on disk already cannot be applied: memory is out, or a user's row cannot be read. The
 * state may have half of it, so only a restart puts that right. Nothing is lost by it.
 */
_Noreturn static void stop_half_applied(const struct store *store, uint64_t sequence,
                                        enum status status)
{
    struct problem problem;
    problem_set(&problem,
                "record %" PRIu64 " cannot be applied to the state: %s; the next start applies it",
                sequence, status_text(status));
    if (store->warn != NULL) {
        store->warn(store->warn_context, problem.text);
    }
    abort();
}

/*
 * Readers get in between chunks: glibc's lock lets waiting readers go first when a writer leaves,
 * and then makes new ones wait for the writer that is back.
 */
static void apply_chunk(struct store *store, const struct write *write, size_t from, size_t to)
{
    CHECK(pthread_rwlock_wrlock(&store->lock) == 0);
    uint64_t sequence = state_sequence(store->state);
    for (size_t i = from; i < to; i++) {
        state_prefetch_ahead(store->state, write->events, write->accepted, i);
        enum status status = state_apply(store->state, ++sequence, write->events[i]);
        if (status != STATUS_OK) {
            stop_half_applied(store, sequence, status);
        }
    }
    CHECK(pthread_rwlock_unlock(&store->lock) == 0);
}

/* Reads once what applying will load, so that readers do not wait for the disk behind the lock. */
static void warm_chunk(struct store *store, const struct write *write, size_t from, size_t to)
{
    const struct state *state = store_begin(store);
    for (size_t i = from; i < to; i++) {
        state_warm(state, write->events[i], &store->warm_arena);
    }
    store_end(store);
}

static void apply_accepted(struct store *store, const struct write *write)
{
    for (size_t i = 0; i < write->accepted; i += APPLY_CHUNK) {
        size_t left = write->accepted - i;
        size_t end = i + (left < APPLY_CHUNK ? left : APPLY_CHUNK);
        warm_chunk(store, write, i, end);
        apply_chunk(store, write, i, end);
    }
}

/* Waits until all writes before number are applied. */
static void wait_for_turn(struct store *store, uint64_t number)
{
    CHECK(pthread_mutex_lock(&store->turn_lock) == 0);
    while (store->applied < number) {
        CHECK(pthread_cond_wait(&store->turn_over, &store->turn_lock) == 0);
    }
    CHECK(pthread_mutex_unlock(&store->turn_lock) == 0);
}

static void end_turn(struct store *store)
{
    CHECK(pthread_mutex_lock(&store->turn_lock) == 0);
    store->applied++;
    CHECK(pthread_cond_broadcast(&store->turn_over) == 0);
    CHECK(pthread_mutex_unlock(&store->turn_lock) == 0);
}

/* What was admitted is on disk: it is the window's, and the next write's past. */
static struct write *finish_append(struct store *store)
{
    struct write *write = write_now(store);
    window_commit(store->window);
    atomic_store(&store->window_count, window_count(store->window));
    if (write->accepted == 0) {
        return NULL;
    }
    store->sequence += write->accepted;
    write->number = store->appended++;
    return write;
}

static struct write *append(struct store *store, struct batch *const *batches, size_t count)
{
    int64_t newest_ms = store->newest_ms;
    if (store->appended >= WRITES_UNDER_WAY) {
        wait_for_turn(store, store->appended - WRITES_UNDER_WAY + 1); /* whose memory is used */
    }
    enum status status = admit_all(store, batches, count);
    if (status == STATUS_OK) {
        status = append_accepted(store);
    }
    if (status != STATUS_OK) {
        edits_clear(&write_now(store)->edits);
        store->newest_ms = newest_ms;
        refuse_all(store, batches, count, status);
        return NULL;
    }
    return finish_append(store);
}

struct write *store_append(struct store *store, struct batch *const *batches, size_t count)
{
    CHECK(pthread_mutex_lock(&store->write_lock) == 0);
    struct write *write = append(store, batches, count);
    CHECK(pthread_mutex_unlock(&store->write_lock) == 0);
    return write;
}

void store_apply(struct store *store, struct write *write)
{
    wait_for_turn(store, write->number);
    CHECK(state_sequence(store->state) + 1 == write->first);
    apply_accepted(store, write);
    end_turn(store);
}

void store_write(struct store *store, struct batch *const *batches, size_t count)
{
    struct write *write = store_append(store, batches, count);
    if (write != NULL) {
        store_apply(store, write);
    }
}

void store_forget_event(struct store *store, struct event_key key)
{
    CHECK(pthread_mutex_lock(&store->write_lock) == 0);
    window_remove(store->window, key);
    CHECK(pthread_mutex_unlock(&store->write_lock) == 0);
}

const struct state *store_begin(struct store *store)
{
    CHECK(pthread_rwlock_rdlock(&store->lock) == 0);
    return store->state;
}

void store_end(struct store *store)
{
    CHECK(pthread_rwlock_unlock(&store->lock) == 0);
}

enum status store_checkpoint(struct store *store)
{
    return checkpoint_write(store->checkpoint);
}

enum status store_snapshot(struct store *store)
{
    return checkpoint_snapshot(store->checkpoint);
}

/* Takes all steps of a scrub that was begun with this status, and ends it. */
static enum status finish_scrub(enum status status, struct scrub *scrub,
                                bool (*go_on)(void *context, uint64_t done, uint64_t total),
                                void *context)
{
    bool more = true;
    while (status == STATUS_OK && more) {
        status = go_on(context, 0, 0) ? scrub_step(scrub, &more) : STATUS_UNAVAILABLE;
    }
    if (status == STATUS_OK && scrub_pages_left(scrub) > 0) {
        status = STATUS_BUSY;
    }
    scrub_free(scrub);
    return status;
}

enum status store_scrub(struct store *store,
                        bool (*go_on)(void *context, uint64_t done, uint64_t total), void *context)
{
    struct scrub *scrub = NULL;
    struct environment *state = checkpoint_environment(store->checkpoint);
    enum status status = STATUS_OK;
    if (state != NULL) {
        status = checkpoint_write(store->checkpoint);
        if (status == STATUS_OK) {
            status = scrub_new(state, &scrub);
            status = finish_scrub(status, scrub, go_on, context);
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    scrub = NULL;
    status = log_scrub(store->log, &scrub);
    return finish_scrub(status, scrub, go_on, context);
}

uint64_t store_checkpoint_sequence(struct store *store)
{
    return checkpoint_sequence(store->checkpoint);
}

struct log *store_log(struct store *store)
{
    return store->log;
}

void store_window(struct store *store, uint64_t *length, uint64_t *count)
{
    *length = window_length(store->window);
    *count = atomic_load(&store->window_count);
}
