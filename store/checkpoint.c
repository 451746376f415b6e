#include "store/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ranker/check.h"
#include "ranker/state_rows.h"
#include "store/clock.h"
#include "store/files.h"
#include "store/row_buffer.h"
#include "store/snapshots.h"
#include "store/state_file.h"

enum {
    SLICE_ROWS = 64,        /* saved under one read lock, or dropped under one write lock */
    BACK_ROWS = 16,         /* fetched under one read lock, and put in place under a write lock */
    BACK_TIMES = 16,        /* between rests, each of which costs as much as some rows */
    LOOK_MS = 1000,         /* between looks at how far the log has got */
    REST_FACTOR = 3,        /* rests between checkpoints, in times of the last one's duration */
    BACK_REST_FACTOR = 7,   /* rests between rows that are brought back, likewise */
    REST_MAX_NS = 10000000, /* and no longer than that */
    RETRY_MS = 60000,       /* after a failed one */
    SECOND_MS = 1000
};

struct checkpoint {
    char *directory; /* owned; set once, as are those up to lock */
    struct log *log;
    void (*warn)(void *context, const char *text);
    void *warn_context;
    uint64_t records_ahead;
    size_t user_bytes;
    size_t statistics_bytes;
    struct state *state;    /* the caller's */
    pthread_rwlock_t *lock; /* the caller's; guards the state; NULL before the start */

    /* Rows that were saved: guarded by lock, for writing, or for reading by our thread. */
    struct row_buffer saved;

    /* Owned by our thread once it runs. */
    struct state_file *file; /* NULL: could not be opened */
    struct row_buffer taken;
    struct arena arena;     /* for rows that are brought back; owned */
    enum state_table table; /* of them; STATE_TABLE_COUNT: all are back */
    size_t next_row;
    int64_t written_ms; /* when the last checkpoint ended */
    int64_t rest_ms;    /* from then on */

    _Atomic uint64_t sequence; /* of the file, for any thread */

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Guarded by mutex. */
    bool stopping;
    uint64_t asked;     /* calls of checkpoint_write() so far */
    uint64_t answered;  /* those that are done */
    bool snapshot;      /* one is asked for */
    enum status status; /* of the last checkpoint */
};

__attribute__((format(printf, 2, 3))) static void warn(const struct checkpoint *checkpoint,
                                                       const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (checkpoint->warn != NULL) {
        checkpoint->warn(checkpoint->warn_context, text);
    }
}

static void save(void *context, enum state_table table, size_t row)
{
    struct checkpoint *checkpoint = context;
    row_buffer_add(&checkpoint->saved, checkpoint->state, table, row);
}

static bool hash_record(void *context, uint64_t sequence, const struct record *record)
{
    *(uint64_t *)context = state_mark_hash(sequence, record);
    return false;
}

/* *out is 0 where nothing can be told: of an erased or removed record, and before the first. */
static enum status record_hash(struct log *log, uint64_t sequence, uint64_t *out,
                               struct problem *problem)
{
    *out = 0;
    enum status status =
        sequence > 0 ? log_poll(log, sequence, hash_record, out, problem) : STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status check_log(struct checkpoint *checkpoint, struct problem *problem)
{
    struct state_mark mark = state_file_mark(checkpoint->file);
    uint64_t first;
    uint64_t last;
    uint64_t hash;
    log_bounds(checkpoint->log, &first, &last);
    if (mark.sequence > last) {
        problem_set(problem, "state.mdb: made at record %" PRIu64 ", but the log ends at %" PRIu64,
                    mark.sequence, last);
        return STATUS_CORRUPT;
    }
    if (mark.sequence + 1 < first) {
        problem_set(problem,
                    "state.mdb: made at record %" PRIu64 ", but the log begins at %" PRIu64,
                    mark.sequence, first);
        return STATUS_CORRUPT;
    }
    enum status status = record_hash(checkpoint->log, mark.sequence, &hash, problem);
    if (status == STATUS_OK && hash != 0 && mark.record_hash != 0 && hash != mark.record_hash) {
        problem_set(problem, "state.mdb: made from another log than this one");
        return STATUS_CORRUPT;
    }
    return status;
}

/* Opens the file and fills a new state; neither is there after a failure. */
static enum status load_file(struct checkpoint *checkpoint,
                             const struct checkpoint_options *options, bool before,
                             struct problem *problem)
{
    struct state_file_options file_options = {
        .directory = options->directory, .map_bytes = options->map_bytes, .before = before};
    enum status status = state_file_open(&file_options, &checkpoint->file, problem);
    if (status != STATUS_OK) {
        return status;
    }
    checkpoint->state = state_new();
    if (checkpoint->state == NULL) {
        problem_set(problem, "state.mdb: %s", status_text(STATUS_NO_MEMORY));
        status = STATUS_NO_MEMORY;
    }
    if (status == STATUS_OK) {
        status = check_log(checkpoint, problem);
    }
    if (status == STATUS_OK) {
        status = state_file_load(checkpoint->file, checkpoint->state, problem);
    }
    if (status != STATUS_OK) {
        state_file_close(checkpoint->file);
        state_free(checkpoint->state);
        checkpoint->file = NULL;
        checkpoint->state = NULL;
    }
    return status;
}

/* before: it may be of STATE_VERSION_BEFORE. */
static enum status load(struct checkpoint *checkpoint, const struct checkpoint_options *options,
                        bool before, struct problem *problem)
{
    enum status status = state_file_check_doubt(options->directory, problem);
    return status == STATUS_OK ? load_file(checkpoint, options, before, problem) : status;
}

/* The whole log is enough: without a file there is an empty state and never a checkpoint. */
static enum status go_without(struct checkpoint *checkpoint, const struct problem *cause,
                              struct problem *problem)
{
    uint64_t first;
    uint64_t last;
    log_bounds(checkpoint->log, &first, &last);
    if (first > 1) {
        problem_set(problem,
                    "%.300s; the log begins at record %" PRIu64
                    ", and no snapshot of the state before it can be read: restore a backup",
                    cause->text, first);
        return STATUS_CORRUPT;
    }
    warn(checkpoint, "%s: no checkpoints are written, each start reads the whole log", cause->text);
    checkpoint->state = state_new();
    if (checkpoint->state == NULL) {
        *problem = *cause;
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static enum status load_snapshot(struct checkpoint *checkpoint,
                                 const struct checkpoint_options *options, uint64_t sequence,
                                 bool before, struct problem *cause)
{
    enum status status = snapshots_adopt(options->directory, sequence, cause);
    return status == STATUS_OK ? load(checkpoint, options, before, cause) : status;
}

/*
 * The snapshot from which the state follows that the log gives, even if its rows are of the version
 * before: what they lack of the catalogue's videos is in the log behind it. 0: the log is whole.
 */
static uint64_t find_base(struct checkpoint *checkpoint, const struct snapshots *snapshots)
{
    uint64_t first;
    uint64_t last;
    uint64_t base;
    log_bounds(checkpoint->log, &first, &last);
    return snapshots_find_base(snapshots, first, &base) ? base : 0;
}

/* From the newest snapshot that can be read; from nothing, if there is none. */
static enum status derive_again(struct checkpoint *checkpoint,
                                const struct checkpoint_options *options, struct problem *cause)
{
    struct snapshots snapshots;
    enum status status = snapshots_list(options->directory, &snapshots, cause);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t base = find_base(checkpoint, &snapshots);
    for (size_t i = snapshots.count; i > 0; i--) {
        struct problem unread;
        uint64_t sequence = snapshots.sequences[i - 1];
        status = load_snapshot(checkpoint, options, sequence, sequence == base, &unread);
        if (status != STATUS_CORRUPT) {
            return status;
        }
        warn(checkpoint, "snapshot %" PRIu64 ": %s", sequence, unread.text);
        status = state_file_set_aside(options->directory);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return load(checkpoint, options, false, cause);
}

/* As after a restore: nothing is wrong, and there is nothing to set aside. */
static bool has_no_file(const struct checkpoint_options *options)
{
    char path[FILES_PATH_SIZE];
    return files_join(options->directory, "state.mdb", path, NULL) == STATUS_OK &&
           access(path, F_OK) != 0 && errno == ENOENT;
}

static enum status load_or_derive(struct checkpoint *checkpoint,
                                  const struct checkpoint_options *options, struct problem *problem)
{
    struct problem cause = {""};
    enum status status = has_no_file(options) ? derive_again(checkpoint, options, &cause)
                                              : load(checkpoint, options, false, &cause);
    if (status == STATUS_CORRUPT && state_file_set_aside(options->directory) == STATUS_OK) {
        warn(checkpoint, "%s: set aside as state.mdb.bad, the log is read again instead",
             cause.text);
        status = derive_again(checkpoint, options, &cause);
    }
    if (status == STATUS_NO_MEMORY) {
        *problem = cause;
        return status;
    }
    return status == STATUS_OK ? status : go_without(checkpoint, &cause, problem);
}

static void publish(struct checkpoint *checkpoint)
{
    atomic_store(&checkpoint->sequence, state_file_mark(checkpoint->file).sequence);
}

static enum status open_checkpoint(struct checkpoint *checkpoint,
                                   const struct checkpoint_options *options,
                                   struct problem *problem)
{
    enum status status = load_or_derive(checkpoint, options, problem);
    if (status != STATUS_OK || checkpoint->file == NULL) {
        return status;
    }
    publish(checkpoint);
    status = state_track(checkpoint->state, save, checkpoint);
    if (status == STATUS_OK) {
        struct state_loader loader = {.load_user = state_file_read_user,
                                      .load_statistics = state_file_read_statistics,
                                      .context = checkpoint->file};
        status = state_set_loader(checkpoint->state, &loader);
    }
    if (status != STATUS_OK) {
        problem_set(problem, "state.mdb: %s", status_text(status));
        state_free(checkpoint->state);
    }
    return status;
}

static void free_checkpoint(struct checkpoint *checkpoint)
{
    row_buffer_release(&checkpoint->saved);
    row_buffer_release(&checkpoint->taken);
    state_file_close(checkpoint->file);
    free(checkpoint->arena.base);
    free(checkpoint->directory);
    free(checkpoint);
}

enum status checkpoint_open(const struct checkpoint_options *options, struct checkpoint **out,
                            struct state **state, struct problem *problem)
{
    struct checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    if (checkpoint == NULL) {
        problem_set(problem, "state.mdb: %s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    checkpoint->directory = strdup(options->directory);
    checkpoint->log = options->log;
    checkpoint->warn = options->warn;
    checkpoint->warn_context = options->warn_context;
    checkpoint->records_ahead = options->records;
    checkpoint->user_bytes = options->user_bytes;
    checkpoint->statistics_bytes = options->statistics_bytes;
    enum status status = STATUS_NO_MEMORY;
    if (checkpoint->directory != NULL) {
        snapshots_remove_before(options->directory, 0); /* what was left half made */
        status = open_checkpoint(checkpoint, options, problem);
    } else {
        problem_set(problem, "state.mdb: %s", status_text(status));
    }
    if (status != STATUS_OK) {
        free_checkpoint(checkpoint);
        return status;
    }
    *out = checkpoint;
    *state = checkpoint->state;
    return STATUS_OK;
}

/* Before the start there is no lock, and no other thread. */
static void read_lock(struct checkpoint *checkpoint)
{
    if (checkpoint->lock != NULL) {
        CHECK(pthread_rwlock_rdlock(checkpoint->lock) == 0);
    }
}

static void write_lock(struct checkpoint *checkpoint)
{
    if (checkpoint->lock != NULL) {
        CHECK(pthread_rwlock_wrlock(checkpoint->lock) == 0);
    }
}

static void unlock(struct checkpoint *checkpoint)
{
    if (checkpoint->lock != NULL) {
        CHECK(pthread_rwlock_unlock(checkpoint->lock) == 0);
    }
}

static struct state_counts count_state(struct checkpoint *checkpoint)
{
    struct state_counts counts;
    read_lock(checkpoint);
    state_count(checkpoint->state, &counts);
    unlock(checkpoint);
    return counts;
}

/* Twice round at most: the first time may only find that everything was used. */
static void evict(struct checkpoint *checkpoint, enum state_table table, uint64_t row_count,
                  size_t target_bytes)
{
    bool more = true;
    for (uint64_t looked = 0; more && looked < 2 * row_count; looked += SLICE_ROWS) {
        write_lock(checkpoint);
        more = state_evict(checkpoint->state, table, SLICE_ROWS, target_bytes);
        unlock(checkpoint);
    }
}

static bool too_much_in_memory(const struct checkpoint *checkpoint,
                               const struct state_counts *counts, size_t percent)
{
    return counts->user_bytes > checkpoint->user_bytes / 100 * percent ||
           counts->statistics_bytes > checkpoint->statistics_bytes / 100 * percent;
}

static void evict_all(struct checkpoint *checkpoint)
{
    struct state_counts counts = count_state(checkpoint);
    if (too_much_in_memory(checkpoint, &counts, 100)) {
        evict(checkpoint, STATE_USERS, counts.users, checkpoint->user_bytes);
        evict(checkpoint, STATE_STATISTICS, counts.statistics, checkpoint->statistics_bytes);
    }
}

/* From here on the state's rows are saved as they are now. */
static struct state_mark mark_state(struct checkpoint *checkpoint)
{
    const struct state *state = checkpoint->state;
    read_lock(checkpoint);
    state_mark(checkpoint->state);
    struct state_mark mark = {.sequence = state_sequence(state),
                              .newest_signal_ms = state_newest_signal_ms(state)};
    for (unsigned i = 0; i < STATE_FILE_ROW_COUNTS; i++) {
        mark.row_counts[i] = state_row_count(state, (enum state_table)i);
    }
    unlock(checkpoint);
    return mark;
}

/* Takes what the writer saved and some rows more. False when these were the last. */
static bool take_rows(struct checkpoint *checkpoint)
{
    row_buffer_clear(&checkpoint->taken);
    read_lock(checkpoint);
    bool more = state_save(checkpoint->state, SLICE_ROWS);
    struct row_buffer taken = checkpoint->saved;
    checkpoint->saved = checkpoint->taken;
    unlock(checkpoint);
    checkpoint->taken = taken;
    return more;
}

static enum status put_rows(struct checkpoint *checkpoint)
{
    struct encoded_row row;
    size_t at = 0;
    if (checkpoint->taken.failed) {
        return STATUS_NO_MEMORY;
    }
    while (row_buffer_next(&checkpoint->taken, &at, &row)) {
        enum status status = state_file_put(checkpoint->file, &row);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status save_rows(struct checkpoint *checkpoint)
{
    for (;;) {
        bool more = take_rows(checkpoint);
        enum status status = put_rows(checkpoint);
        if (status != STATUS_OK || !more) {
            return status;
        }
    }
}

/* All of the marked state into one transaction, which stays open if that fails. */
static enum status fill_transaction(struct checkpoint *checkpoint, struct state_mark *mark)
{
    *mark = mark_state(checkpoint);
    enum status status = record_hash(checkpoint->log, mark->sequence, &mark->record_hash, NULL);
    if (status == STATUS_OK) {
        status = state_file_begin(checkpoint->file);
    }
    return status == STATUS_OK ? save_rows(checkpoint) : status;
}

/* What was saved so far is lost, so the next checkpoint has to save everything. */
static void give_up(struct checkpoint *checkpoint, enum status status)
{
    state_file_abort(checkpoint->file);
    read_lock(checkpoint);
    state_unmark(checkpoint->state);
    row_buffer_clear(&checkpoint->saved);
    unlock(checkpoint);
    row_buffer_clear(&checkpoint->taken);
    warn(checkpoint, "state.mdb: the checkpoint failed: %s: the log has everything still",
         status_text(status));
}

static bool log_is_ahead(const struct checkpoint *checkpoint, uint64_t *records)
{
    uint64_t first;
    uint64_t last;
    log_bounds(checkpoint->log, &first, &last);
    *records = last - atomic_load(&checkpoint->sequence);
    return *records > 0;
}

static enum status write_checkpoint(struct checkpoint *checkpoint)
{
    uint64_t records;
    if (!log_is_ahead(checkpoint, &records)) {
        return STATUS_OK;
    }
    int64_t started_ms = monotonic_ms();
    struct state_mark mark;
    enum status status = fill_transaction(checkpoint, &mark);
    if (status == STATUS_OK) {
        status = state_file_commit(checkpoint->file, &mark);
    }
    checkpoint->written_ms = monotonic_ms();
    if (status == STATUS_OK) {
        checkpoint->rest_ms = REST_FACTOR * (checkpoint->written_ms - started_ms);
        publish(checkpoint);
        evict_all(checkpoint);
    } else {
        checkpoint->rest_ms = RETRY_MS;
        give_up(checkpoint, status);
    }
    return status;
}

static bool too_much(struct checkpoint *checkpoint, size_t percent)
{
    struct state_counts counts = count_state(checkpoint);
    return too_much_in_memory(checkpoint, &counts, percent);
}

/*
 * Fetches what is missed of the next rows. False at the end of the table, or if one cannot be read:
 * whoever needs it will be told.
 */
static bool fetch_missed(struct checkpoint *checkpoint, struct state_fetched *fetched,
                         size_t *count)
{
    enum { LOOK_ROWS = 4096 };
    const struct state *state = checkpoint->state;
    enum state_table table = checkpoint->table;
    enum status status = STATUS_OK;
    read_lock(checkpoint);
    size_t end = state_row_count(state, table);
    size_t stop = checkpoint->next_row + LOOK_ROWS < end ? checkpoint->next_row + LOOK_ROWS : end;
    while (checkpoint->next_row < stop && *count < BACK_ROWS && status == STATUS_OK) {
        size_t row = checkpoint->next_row++;
        if (state_is_missed(state, table, row)) {
            arena_reset(&checkpoint->arena);
            status = state_fetch(state, table, row, &checkpoint->arena, &fetched[*count]);
            *count += status == STATUS_OK;
        }
    }
    unlock(checkpoint);
    return checkpoint->next_row < end && status == STATUS_OK;
}

static bool has_room(struct checkpoint *checkpoint)
{
    struct state_counts counts = count_state(checkpoint);
    return checkpoint->table == STATE_USERS
               ? counts.user_bytes < checkpoint->user_bytes / 10 * 9
               : counts.statistics_bytes < checkpoint->statistics_bytes / 10 * 9;
}

/* Nothing leaves memory in between, as that too is this thread's doing. */
static void bring_some_back(struct checkpoint *checkpoint)
{
    struct state_fetched fetched[BACK_ROWS];
    size_t count = 0;
    bool more = has_room(checkpoint) && fetch_missed(checkpoint, fetched, &count);
    if (count > 0) {
        write_lock(checkpoint);
        for (size_t i = 0; i < count; i++) {
            state_bring_back(checkpoint->state, &fetched[i]);
        }
        unlock(checkpoint);
    }
    if (!more) {
        checkpoint->next_row = 0;
        checkpoint->table = checkpoint->table == STATE_USERS ? STATE_STATISTICS : STATE_TABLE_COUNT;
    }
}

static bool is_due(struct checkpoint *checkpoint)
{
    uint64_t records;
    int64_t passed_ms = monotonic_ms() - checkpoint->written_ms;
    if (!log_is_ahead(checkpoint, &records) || passed_ms < checkpoint->rest_ms) {
        return false;
    }
    return records >= checkpoint->records_ahead || passed_ms >= CHECKPOINT_SECONDS * SECOND_MS ||
           too_much(checkpoint, 100);
}

void checkpoint_relieve(struct checkpoint *checkpoint)
{
    CHECK(checkpoint->lock == NULL);
    if (checkpoint->file != NULL && too_much(checkpoint, 150) &&
        monotonic_ms() - checkpoint->written_ms >= checkpoint->rest_ms) {
        (void)write_checkpoint(checkpoint); /* has told what went wrong */
    }
}

static void wait_a_moment(struct checkpoint *checkpoint)
{
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += LOOK_MS / SECOND_MS;
    (void)pthread_cond_timedwait(&checkpoint->changed, &checkpoint->mutex, &until);
}

/* It takes the time of a processor that ranks, so it has an eighth of one at most. */
static void bring_back_and_rest(struct checkpoint *checkpoint)
{
    int64_t start_ns = monotonic_ns();
    for (int i = 0; i < BACK_TIMES && checkpoint->table != STATE_TABLE_COUNT; i++) {
        bring_some_back(checkpoint);
    }
    int64_t rest_ns = BACK_REST_FACTOR * (monotonic_ns() - start_ns);
    struct timespec rest = {.tv_nsec = rest_ns < REST_MAX_NS ? rest_ns : REST_MAX_NS};
    (void)nanosleep(&rest, NULL); /* woken early, it rests less */
}

static void work_or_wait(struct checkpoint *checkpoint)
{
    if (checkpoint->table == STATE_TABLE_COUNT) {
        wait_a_moment(checkpoint);
        return;
    }
    pthread_mutex_unlock(&checkpoint->mutex);
    bring_back_and_rest(checkpoint);
    pthread_mutex_lock(&checkpoint->mutex);
}

static enum status make_snapshot(struct checkpoint *checkpoint)
{
    struct problem problem = {""};
    enum status status = snapshots_make(checkpoint->directory, checkpoint->file, &problem);
    if (status != STATUS_OK) {
        warn(checkpoint, "%s: no snapshot is made, and no record of the log is removed",
             problem.text);
    }
    return status;
}

static void *run(void *argument)
{
    struct checkpoint *checkpoint = argument;
    pthread_mutex_lock(&checkpoint->mutex);
    while (!checkpoint->stopping) {
        uint64_t asked = checkpoint->asked;
        if (asked == checkpoint->answered && !is_due(checkpoint)) {
            work_or_wait(checkpoint);
            continue;
        }
        bool snapshot = checkpoint->snapshot;
        checkpoint->snapshot = false;
        pthread_mutex_unlock(&checkpoint->mutex);
        enum status status = write_checkpoint(checkpoint);
        if (status == STATUS_OK && snapshot) {
            status = make_snapshot(checkpoint);
        }
        pthread_mutex_lock(&checkpoint->mutex);
        checkpoint->status = status;
        checkpoint->answered = asked;
        pthread_cond_broadcast(&checkpoint->changed);
    }
    pthread_mutex_unlock(&checkpoint->mutex);
    (void)write_checkpoint(checkpoint); /* has told what went wrong */
    return NULL;
}

/* Signals are for the program's own threads. */
static bool start_thread(struct checkpoint *checkpoint)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&checkpoint->thread, NULL, run, checkpoint) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

enum status checkpoint_start(struct checkpoint *checkpoint, pthread_rwlock_t *lock)
{
    CHECK(checkpoint->lock == NULL);
    if (checkpoint->file == NULL) {
        return STATUS_OK;
    }
    monotonic_condition_init(&checkpoint->changed);
    pthread_mutex_init(&checkpoint->mutex, NULL);
    void *memory = malloc(STATE_LOAD_BYTES);
    if (memory != NULL) {
        arena_init(&checkpoint->arena, memory, STATE_LOAD_BYTES);
    }
    checkpoint->table = memory != NULL ? STATE_USERS : STATE_TABLE_COUNT;
    checkpoint->lock = lock;
    checkpoint->written_ms = monotonic_ms();
    if (!start_thread(checkpoint)) {
        pthread_cond_destroy(&checkpoint->changed);
        pthread_mutex_destroy(&checkpoint->mutex);
        checkpoint->lock = NULL;
        return STATUS_IO;
    }
    return STATUS_OK;
}

/* Asks the thread for a checkpoint and waits for it. */
static enum status ask(struct checkpoint *checkpoint, bool snapshot)
{
    if (checkpoint->lock == NULL) {
        return STATUS_UNAVAILABLE;
    }
    pthread_mutex_lock(&checkpoint->mutex);
    uint64_t ticket = ++checkpoint->asked;
    checkpoint->snapshot |= snapshot;
    pthread_cond_broadcast(&checkpoint->changed);
    while (checkpoint->answered < ticket) {
        pthread_cond_wait(&checkpoint->changed, &checkpoint->mutex);
    }
    enum status status = checkpoint->status;
    pthread_mutex_unlock(&checkpoint->mutex);
    return status;
}

enum status checkpoint_write(struct checkpoint *checkpoint)
{
    return ask(checkpoint, false);
}

enum status checkpoint_snapshot(struct checkpoint *checkpoint)
{
    return ask(checkpoint, true);
}

struct environment *checkpoint_environment(struct checkpoint *checkpoint)
{
    return checkpoint->file != NULL ? state_file_environment(checkpoint->file) : NULL;
}

uint64_t checkpoint_sequence(const struct checkpoint *checkpoint)
{
    return atomic_load(&checkpoint->sequence);
}

static void stop_thread(struct checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->mutex);
    checkpoint->stopping = true;
    pthread_cond_broadcast(&checkpoint->changed);
    pthread_mutex_unlock(&checkpoint->mutex);
    int rc = pthread_join(checkpoint->thread, NULL);
    CHECK(rc == 0);
    pthread_cond_destroy(&checkpoint->changed);
    pthread_mutex_destroy(&checkpoint->mutex);
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (checkpoint == NULL) {
        return;
    }
    if (checkpoint->lock != NULL) {
        stop_thread(checkpoint);
    }
    free_checkpoint(checkpoint);
}
