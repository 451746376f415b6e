#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "store/clock.h"
#include "store/grow.h"

enum {
    QUEUE_BYTES_DEFAULT = 16 << 20,
    SEGMENT_BYTES_MIN = 1 << 16,
    SEGMENT_BYTES_MAX = 16 << 20,
    SEGMENT_SHARE = 16,           /* of the bounds: what goes at once is at most this part */
    SEGMENT_MS_MIN = 3600 * 1000, /* a segment is appended to for at least so long */
    FLUSH_S = 1,
    WARN_AGAIN_MS = 60000,
    GONE_MAX = 2 * JOURNAL_ERASE_MAX /* erasures that are remembered for what was under way */
};

/* Decisions that wait, as they will stand in the file. */
struct buffer {
    uint8_t *bytes; /* owned */
    size_t size;
};

struct segment {
    uint64_t number;
    uint64_t bytes;
    int64_t first_ms; /* time of its first decision */
};

struct journal {
    struct journal_options options; /* set once */
    char *data;                     /* set once; owned */
    size_t buffer_bytes;            /* set once: of each buffer */
    uint64_t segment_bytes;         /* set once: from which on a new one is begun */

    pthread_t thread;
    bool running;

    pthread_mutex_t queue_lock; /* guards what follows */
    pthread_cond_t filled;
    bool stopping;
    struct buffer buffers[2];
    unsigned filling;             /* the buffer that is added to; the other is files_lock's */
    struct journal_counts counts; /* as of the last flush, but for what was dropped */
    struct journal_erasure gone[GONE_MAX]; /* a ring of users erased lately */
    size_t gone_count;                     /* ever */

    pthread_mutex_t files_lock; /* taken before queue_lock, never behind it; guards what follows */
    int fd;                     /* of the last segment; -1: the next decision begins one */
    struct segment *segments;   /* owned; rising */
    size_t segment_count;
    size_t segment_capacity;
    uint64_t next_number;
    uint64_t bytes;  /* of all segments */
    int64_t last_ms; /* time of the last decision */
    uint64_t written;
    uint64_t skipped;
    int64_t warned_ms;
};

/* Once a minute at most: a full disk fails each second. */
static void warn(struct journal *journal, const struct problem *problem)
{
    int64_t now_ms = monotonic_ms();
    if (journal->options.warn != NULL &&
        (journal->warned_ms == 0 || now_ms - journal->warned_ms >= WARN_AGAIN_MS)) {
        journal->warned_ms = now_ms;
        journal->options.warn(journal->options.warn_context, problem->text);
    }
}

/* A segment's place in the list; the count when it is not there. */
static size_t find_segment(const struct journal *journal, uint64_t number)
{
    size_t i = 0;
    while (i < journal->segment_count && journal->segments[i].number != number) {
        i++;
    }
    return i;
}

static void remove_from_list(struct journal *journal, size_t index)
{
    journal->bytes -= journal->segments[index].bytes;
    journal->segment_count--;
    memmove(&journal->segments[index], &journal->segments[index + 1],
            (journal->segment_count - index) * sizeof(journal->segments[0]));
}

static enum status add_to_list(struct journal *journal, const struct segment *segment)
{
    struct segment *segments = grow(journal->segments, journal->segment_count,
                                    &journal->segment_capacity, sizeof(*segments));
    if (segments == NULL) {
        return STATUS_NO_MEMORY;
    }
    journal->segments = segments;
    journal->segments[journal->segment_count++] = *segment;
    journal->bytes += segment->bytes;
    return STATUS_OK;
}

/* The next decision begins a new segment. */
static void end_segment(struct journal *journal)
{
    if (journal->fd >= 0) {
        close(journal->fd);
        journal->fd = -1;
    }
}

static void drop_oldest(struct journal *journal)
{
    char path[FILES_PATH_SIZE];
    if (journal->segment_count == 1) {
        end_segment(journal);
    }
    if (segment_path(journal->data, journal->segments[0].number, path, NULL) == STATUS_OK) {
        (void)unlink(path); /* one that stays is found by an erasure, or at the next start */
    }
    remove_from_list(journal, 0);
}

/* The last decision of the oldest segment is not younger than the first of the next one. */
static int64_t newest_of_oldest(const struct journal *journal)
{
    return journal->segment_count > 1 ? journal->segments[1].first_ms : journal->last_ms;
}

static void drop_old(struct journal *journal, int64_t now_ms)
{
    int64_t age_ms = journal->options.age_ms;
    while (age_ms > 0 && journal->segment_count > 0 &&
           newest_of_oldest(journal) < now_ms - age_ms) {
        drop_oldest(journal);
    }
}

static void make_room(struct journal *journal, size_t size)
{
    uint64_t most = journal->options.bytes_max;
    while (most > 0 && journal->segment_count > 0 && journal->bytes + size > most) {
        drop_oldest(journal);
    }
}

static enum status begin_segment(struct journal *journal, int64_t time_ms, struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    enum status status = segments_directory(journal->data, path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return files_failure("make the directory", path, problem);
    }
    status = segment_path(journal->data, journal->next_number, path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return files_failure("make", path, problem);
    }
    struct segment segment = {.number = journal->next_number, .first_ms = time_ms};
    status = add_to_list(journal, &segment);
    if (status != STATUS_OK) {
        close(fd);
        (void)unlink(path);
        problem_set(problem, "%s: %s", path, status_text(status));
        return status;
    }
    journal->next_number++;
    journal->fd = fd;
    return STATUS_OK;
}

static bool is_full(const struct journal *journal, size_t size, int64_t time_ms)
{
    const struct segment *last = &journal->segments[journal->segment_count - 1];
    int64_t most_ms = journal->options.age_ms / SEGMENT_SHARE;
    most_ms = most_ms > SEGMENT_MS_MIN ? most_ms : SEGMENT_MS_MIN;
    return (last->bytes > 0 && last->bytes + size > journal->segment_bytes) ||
           (journal->options.age_ms > 0 && time_ms - last->first_ms > most_ms);
}

/* Decisions that are written at once: neighbours in the buffer, of one segment. */
struct run {
    const uint8_t *bytes;
    size_t size;
    uint64_t count;
    int64_t first_ms;
    int64_t last_ms;
};

/* Part of it may be in the file already: it is cut off, or the segment ends there. */
static enum status take_back(struct journal *journal, struct problem *problem)
{
    struct segment *last = &journal->segments[journal->segment_count - 1];
    enum status status = files_failure("write to", "the decision journal", problem);
    if (ftruncate(journal->fd, (off_t)last->bytes) != 0) {
        end_segment(journal);
    }
    return status;
}

static enum status write_run(struct journal *journal, const struct run *run,
                             struct problem *problem)
{
    if (journal->fd >= 0 && is_full(journal, run->size, run->first_ms)) {
        end_segment(journal);
    }
    make_room(journal, run->size);
    if (journal->fd < 0) {
        enum status status = begin_segment(journal, run->first_ms, problem);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (!files_write(journal->fd, run->bytes, run->size)) {
        return take_back(journal, problem);
    }
    journal->segments[journal->segment_count - 1].bytes += run->size;
    journal->bytes += run->size;
    journal->written += run->count;
    journal->last_ms = run->last_ms;
    return STATUS_OK;
}

static void drop(struct journal *journal, uint64_t count)
{
    pthread_mutex_lock(&journal->queue_lock);
    journal->counts.dropped += count;
    pthread_mutex_unlock(&journal->queue_lock);
}

static void end_run(struct journal *journal, struct run *run)
{
    struct problem problem = {""};
    if (run->count > 0 && write_run(journal, run, &problem) != STATUS_OK) {
        drop(journal, run->count);
        warn(journal, &problem);
    }
    *run = (struct run){.count = 0};
}

/* A decision from before its user was forgotten, which was under way meanwhile. */
static bool is_gone(const struct journal_erasure *gone, size_t count,
                    const struct decision_record *record)
{
    for (size_t i = 0; i < count && record->user_key != 0; i++) {
        if (gone[i].user_key == record->user_key &&
            record->state_sequence < gone[i].before_sequence) {
            return true;
        }
    }
    return false;
}

/* Runs are cut where a segment would become too large. */
static void add_to_run(struct journal *journal, struct run *run, const uint8_t *bytes,
                       const struct decision_record *record)
{
    size_t size = decision_record_size(record);
    if (run->count > 0 && run->size + size > journal->segment_bytes) {
        end_run(journal, run);
    }
    if (run->count == 0) {
        *run = (struct run){.bytes = bytes, .first_ms = record->time_ms};
    }
    run->size += size;
    run->count++;
    run->last_ms = record->time_ms;
}

/* So that nobody who asks waits for the disk. With files_lock held. */
static void publish_counts(struct journal *journal)
{
    pthread_mutex_lock(&journal->queue_lock);
    struct journal_counts *counts = &journal->counts;
    counts->written = journal->written;
    counts->bytes = journal->bytes;
    counts->bytes_max = journal->options.bytes_max;
    counts->oldest_ms = journal->segment_count > 0 ? journal->segments[0].first_ms : 0;
    counts->skipped = journal->skipped;
    pthread_mutex_unlock(&journal->queue_lock);
}

static void write_buffer(struct journal *journal, const struct buffer *buffer,
                         const struct journal_erasure *gone, size_t gone_count)
{
    struct run run = {.count = 0};
    for (size_t at = 0; at < buffer->size;) {
        struct decision_record record;
        enum status status = decision_record_peek(buffer->bytes + at, &record);
        CHECK(status == STATUS_OK); /* journal_add() wrote it */
        if (is_gone(gone, gone_count, &record)) {
            end_run(journal, &run);
        } else {
            add_to_run(journal, &run, buffer->bytes + at, &record);
        }
        at += decision_record_size(&record);
    }
    end_run(journal, &run);
}

/* With files_lock held. */
static void flush_locked(struct journal *journal)
{
    struct journal_erasure gone[GONE_MAX];
    pthread_mutex_lock(&journal->queue_lock);
    struct buffer *full = &journal->buffers[journal->filling];
    journal->filling = 1 - journal->filling;
    size_t gone_count = journal->gone_count < GONE_MAX ? journal->gone_count : GONE_MAX;
    memcpy(gone, journal->gone, gone_count * sizeof(gone[0]));
    pthread_mutex_unlock(&journal->queue_lock);
    write_buffer(journal, full, gone, gone_count);
    full->size = 0;
    drop_old(journal, wall_clock_ms());
    publish_counts(journal);
}

void journal_flush(struct journal *journal)
{
    pthread_mutex_lock(&journal->files_lock);
    flush_locked(journal);
    pthread_mutex_unlock(&journal->files_lock);
}

bool journal_wants(const struct journal *journal, uint64_t user_key, struct text ranking_id)
{
    uint64_t hash = XXH3_64bits_withSeed(ranking_id.data, ranking_id.size, user_key);
    return hash % JOURNAL_SHARE_ALL < journal->options.share_ppm;
}

void journal_add(struct journal *journal, const struct decision_record *record)
{
    size_t size = decision_record_size(record);
    pthread_mutex_lock(&journal->queue_lock);
    struct buffer *buffer = &journal->buffers[journal->filling];
    if (record->payload_size > DECISION_PAYLOAD_MAX ||
        buffer->size + size > journal->buffer_bytes) {
        journal->counts.dropped++;
    } else {
        decision_record_encode(record, buffer->bytes + buffer->size);
        bool half = buffer->size < journal->buffer_bytes / 2;
        buffer->size += size;
        if (half && buffer->size >= journal->buffer_bytes / 2) {
            pthread_cond_signal(&journal->filled);
        }
    }
    pthread_mutex_unlock(&journal->queue_lock);
}

void journal_miss(struct journal *journal)
{
    drop(journal, 1);
}

void journal_count(struct journal *journal, struct journal_counts *out)
{
    pthread_mutex_lock(&journal->queue_lock);
    *out = journal->counts;
    pthread_mutex_unlock(&journal->queue_lock);
}

/* Reads to the end, for what stands there. */
static enum status read_to_end(struct journal *journal, struct segment_cursor *cursor,
                               uint8_t *buffer)
{
    struct decision_record record;
    enum status status = segment_next(cursor, buffer, &record);
    while (status == STATUS_OK) {
        journal->last_ms = record.time_ms;
        status = segment_next(cursor, buffer, &record);
    }
    journal->skipped = cursor->skipped;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/*
 * The last segment is appended to again, but for one with more behind its last good record than a
 * crash can leave of one that was being written.
 */
static enum status reopen_last(struct journal *journal, struct segment_cursor *cursor,
                               struct segment *segment, struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    if (cursor->torn && cursor->end - cursor->good > DECISION_RECORD_MAX) {
        return STATUS_OK;
    }
    enum status status = segment_path(journal->data, segment->number, path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    journal->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (journal->fd < 0) {
        return files_failure("open", path, problem);
    }
    if (cursor->torn && ftruncate(journal->fd, (off_t)cursor->good) != 0) {
        return files_failure("cut", path, problem);
    }
    segment->bytes = cursor->torn ? cursor->good : cursor->end;
    return STATUS_OK;
}

/* Of a segment before the last, the time of its first decision is all that is asked. */
static enum status read_segment(struct journal *journal, struct segment_cursor *cursor, bool last,
                                uint8_t *buffer, struct segment *segment, struct problem *problem)
{
    struct decision_record record = {.time_ms = 0};
    segment->bytes = cursor->end;
    enum status status = segment_next(cursor, buffer, &record);
    segment->first_ms = status == STATUS_OK ? record.time_ms : cursor->changed_ms;
    if (status == STATUS_NOT_FOUND) {
        status = STATUS_OK;
    }
    if (status == STATUS_OK && last) {
        journal->last_ms = segment->first_ms;
        status = read_to_end(journal, cursor, buffer);
    }
    if (status != STATUS_OK) {
        problem_set(problem, "decisions of %.200s/journal/%" PRIu64 ".seg cannot be read: %s",
                    journal->data, segment->number, status_text(status));
        return status;
    }
    return last ? reopen_last(journal, cursor, segment, problem) : STATUS_OK;
}

static enum status find_segment_on_disk(struct journal *journal, uint64_t number, bool last,
                                        uint8_t *buffer, struct problem *problem)
{
    struct segment_cursor cursor;
    struct segment segment = {.number = number};
    enum status status = segment_open(journal->data, number, &cursor, problem);
    if (status == STATUS_OK) {
        status = read_segment(journal, &cursor, last, buffer, &segment, problem);
        segment_close(&cursor);
    }
    return status == STATUS_OK ? add_to_list(journal, &segment) : status;
}

static enum status find_segments(struct journal *journal, struct problem *problem)
{
    struct segment_list list = {.count = 0};
    uint8_t *buffer = malloc(DECISION_RECORD_MAX);
    enum status status =
        buffer != NULL ? segments_list(journal->data, &list, problem) : STATUS_NO_MEMORY;
    for (size_t i = 0; i < list.count && status == STATUS_OK; i++) {
        bool last = i + 1 == list.count;
        status = find_segment_on_disk(journal, list.numbers[i], last, buffer, problem);
    }
    journal->next_number = list.count > 0 ? list.numbers[list.count - 1] + 1 : 1;
    free(list.numbers);
    free(buffer);
    return status;
}

static enum status open_files(struct journal *journal, struct problem *problem)
{
    segments_clean(journal->data);
    enum status status = find_segments(journal, problem);
    if (status == STATUS_OK) {
        make_room(journal, 0);
        drop_old(journal, wall_clock_ms());
        publish_counts(journal);
    }
    return status;
}

static uint64_t segment_bytes_of(uint64_t bytes_max)
{
    uint64_t bytes = bytes_max > 0 ? bytes_max / SEGMENT_SHARE : SEGMENT_BYTES_MAX;
    bytes = bytes < SEGMENT_BYTES_MAX ? bytes : SEGMENT_BYTES_MAX;
    return bytes > SEGMENT_BYTES_MIN ? bytes : SEGMENT_BYTES_MIN;
}

static bool make_parts(struct journal *journal, const struct journal_options *options)
{
    size_t queue_bytes = options->queue_bytes > 0 ? options->queue_bytes : QUEUE_BYTES_DEFAULT;
    journal->options = *options;
    journal->data = strdup(options->data);
    journal->options.data = journal->data;
    journal->fd = -1;
    journal->segment_bytes = segment_bytes_of(options->bytes_max);
    if (options->share_ppm > 0) { /* else nobody adds */
        journal->buffer_bytes = queue_bytes / 2;
        journal->buffers[0].bytes = malloc(journal->buffer_bytes);
        journal->buffers[1].bytes = malloc(journal->buffer_bytes);
    }
    monotonic_condition_init(&journal->filled);
    pthread_mutex_init(&journal->queue_lock, NULL);
    pthread_mutex_init(&journal->files_lock, NULL);
    return journal->data != NULL &&
           (options->share_ppm == 0 ||
            (journal->buffers[0].bytes != NULL && journal->buffers[1].bytes != NULL));
}

enum status journal_open(const struct journal_options *options, struct journal **out,
                         struct problem *problem)
{
    CHECK(options->share_ppm <= JOURNAL_SHARE_ALL);
    CHECK(options->bytes_max == 0 || options->bytes_max >= JOURNAL_BYTES_MIN);
    struct journal *journal = calloc(1, sizeof(*journal));
    problem_set(problem, "%.120s: the decision journal cannot be opened: %s", options->data,
                status_text(STATUS_NO_MEMORY));
    if (journal == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        make_parts(journal, options) ? open_files(journal, problem) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        journal_close(journal);
        return status;
    }
    problem_set(problem, "%s", "");
    *out = journal;
    return STATUS_OK;
}

/* Returns when there is something to do. */
static bool wait_for_work(struct journal *journal)
{
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += FLUSH_S;
    pthread_mutex_lock(&journal->queue_lock);
    int rc = 0;
    while (!journal->stopping && rc == 0 &&
           journal->buffers[journal->filling].size <= journal->buffer_bytes / 2) {
        rc = pthread_cond_timedwait(&journal->filled, &journal->queue_lock, &until);
    }
    bool stopping = journal->stopping;
    pthread_mutex_unlock(&journal->queue_lock);
    return !stopping;
}

static void *run(void *argument)
{
    struct journal *journal = argument;
    while (wait_for_work(journal)) {
        journal_flush(journal);
    }
    return NULL;
}

enum status journal_start(struct journal *journal)
{
    sigset_t all;
    sigset_t before;
    CHECK(!journal->running);
    sigfillset(&all); /* signals are for the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    journal->running = pthread_create(&journal->thread, NULL, run, journal) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return journal->running ? STATUS_OK : STATUS_IO;
}

static void stop(struct journal *journal)
{
    pthread_mutex_lock(&journal->queue_lock);
    journal->stopping = true;
    pthread_cond_signal(&journal->filled);
    pthread_mutex_unlock(&journal->queue_lock);
    if (journal->running) {
        int rc = pthread_join(journal->thread, NULL);
        CHECK(rc == 0);
    }
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    stop(journal);
    journal_flush(journal);
    if (journal->fd >= 0) {
        (void)fsync(journal->fd); /* nobody was promised these decisions */
    }
    end_segment(journal);
    pthread_cond_destroy(&journal->filled);
    pthread_mutex_destroy(&journal->queue_lock);
    pthread_mutex_destroy(&journal->files_lock);
    free(journal->buffers[0].bytes);
    free(journal->buffers[1].bytes);
    free(journal->segments);
    free(journal->data);
    free(journal);
}

struct erasing {
    struct journal_erasure *users; /* by rising key */
    size_t count;
    uint64_t *found; /* by user: in the segment that is being copied */
};

static int compare_users(const void *a, const void *b)
{
    uint64_t x = ((const struct journal_erasure *)a)->user_key;
    uint64_t y = ((const struct journal_erasure *)b)->user_key;
    return x < y ? -1 : x > y;
}

/* Whose decision it is, if it is to go. */
static struct journal_erasure *find_user(const struct erasing *erasing,
                                         const struct decision_record *record)
{
    struct journal_erasure key = {.user_key = record->user_key};
    struct journal_erasure *user =
        bsearch(&key, erasing->users, erasing->count, sizeof(key), compare_users);
    return user != NULL && record->state_sequence < user->before_sequence ? user : NULL;
}

static bool keeps(void *context, const struct decision_record *record)
{
    return find_user(context, record) == NULL;
}

static void left_out(void *context, const struct decision_record *record)
{
    struct erasing *erasing = context;
    erasing->found[find_user(erasing, record) - erasing->users]++;
}

/* Unless it was dropped meanwhile, by age or size. */
static enum status put_copy(struct journal *journal, uint64_t number, uint64_t bytes,
                            struct problem *problem)
{
    pthread_mutex_lock(&journal->files_lock);
    size_t index = find_segment(journal, number);
    enum status status = STATUS_OK;
    if (index == journal->segment_count) {
        segment_discard(journal->data, number);
    } else {
        status = segment_replace(journal->data, number, bytes == 0, problem);
    }
    if (status == STATUS_OK && index < journal->segment_count) {
        journal->bytes -= journal->segments[index].bytes - bytes;
        journal->segments[index].bytes = bytes;
        if (bytes == 0) {
            remove_from_list(journal, index);
        }
    }
    publish_counts(journal);
    pthread_mutex_unlock(&journal->files_lock);
    return status;
}

static enum status erase_in(struct journal *journal, struct erasing *erasing, uint64_t number,
                            struct problem *problem)
{
    bool changed = false;
    uint64_t bytes = 0;
    const struct segment_filter filter = {keeps, left_out, erasing};
    memset(erasing->found, 0, erasing->count * sizeof(erasing->found[0]));
    enum status status = segment_copy(journal->data, number, &filter, &changed, &bytes, problem);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK; /* dropped meanwhile */
    }
    if (status == STATUS_OK && changed) {
        status = put_copy(journal, number, bytes, problem);
    }
    for (size_t i = 0; i < erasing->count && status == STATUS_OK; i++) {
        erasing->users[i].erased += erasing->found[i];
    }
    return status;
}

static void remember_gone(struct journal *journal, const struct erasing *erasing)
{
    pthread_mutex_lock(&journal->queue_lock);
    for (size_t i = 0; i < erasing->count; i++) {
        journal->gone[journal->gone_count++ % GONE_MAX] = erasing->users[i];
    }
    pthread_mutex_unlock(&journal->queue_lock);
}

/*
 * What was to be dropped, but could not be removed, may be of users who are to be erased. With
 * files_lock held.
 */
static enum status remove_dropped(const struct journal *journal, struct problem *problem)
{
    struct segment_list list = {.count = 0};
    enum status status = segments_list(journal->data, &list, problem);
    for (size_t i = 0; i < list.count && status == STATUS_OK; i++) {
        char path[FILES_PATH_SIZE];
        if (find_segment(journal, list.numbers[i]) < journal->segment_count) {
            continue;
        }
        status = segment_path(journal->data, list.numbers[i], path, problem);
        if (status == STATUS_OK && unlink(path) != 0) {
            status = files_failure("remove", path, problem);
        }
    }
    free(list.numbers);
    return status;
}

/*
 * What was added so far goes into a segment that nobody appends to any more; what comes later is
 * held against the list of those who are gone. numbers: of all segments.
 */
static enum status settle_queue(struct journal *journal, const struct erasing *erasing,
                                struct segment_list *out, struct problem *problem)
{
    pthread_mutex_lock(&journal->files_lock);
    flush_locked(journal);
    remember_gone(journal, erasing);
    end_segment(journal);
    uint64_t *numbers = calloc(journal->segment_count + 1, sizeof(*numbers));
    for (size_t i = 0; i < journal->segment_count && numbers != NULL; i++) {
        numbers[i] = journal->segments[i].number;
    }
    *out = (struct segment_list){.numbers = numbers, .count = journal->segment_count};
    enum status status = numbers != NULL ? remove_dropped(journal, problem) : STATUS_NO_MEMORY;
    pthread_mutex_unlock(&journal->files_lock);
    return status;
}

enum status journal_erase(struct journal *journal, struct journal_erasure *users, size_t count,
                          bool (*go_on)(void *context, uint64_t done, uint64_t total),
                          void *context, struct problem *problem)
{
    CHECK(count <= JOURNAL_ERASE_MAX);
    uint64_t found[JOURNAL_ERASE_MAX];
    struct segment_list list = {.count = 0};
    struct erasing erasing = {.users = users, .count = count, .found = found};
    if (count == 0) {
        return STATUS_OK;
    }
    qsort(users, count, sizeof(*users), compare_users);
    problem_set(problem, "decisions cannot be erased: %s", status_text(STATUS_NO_MEMORY));
    enum status status = settle_queue(journal, &erasing, &list, problem);
    for (size_t i = 0; i < list.count && status == STATUS_OK; i++) {
        if (go_on != NULL && !go_on(context, i, list.count)) {
            problem_set(problem, "told to stop; the next start goes on");
            status = STATUS_UNAVAILABLE;
        } else {
            status = erase_in(journal, &erasing, list.numbers[i], problem);
        }
    }
    free(list.numbers);
    if (status == STATUS_OK) {
        problem_set(problem, "%s", "");
    }
    return status;
}
