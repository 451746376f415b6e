#include "store/keeper.h"

#include <pthread.h>
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
#include "store/carry.h"
#include "store/clock.h"
#include "store/erase.h"
#include "store/files.h"
#include "store/forgotten.h"
#include "store/retire.h"
#include "store/snapshots.h"

_Static_assert((int)ERASE_USERS_MAX <= (int)JOURNAL_ERASE_MAX, "one erasure for both");

enum {
    ROUND_MS = 1000,
    RETRY_MS = 5000, /* after an erasure that could not be finished */
    SECOND_MS = 1000,
    WARN_AGAIN_MS = 60000,
    TAIL_SHARE = 64 /* of the window's signals: so many have it looked for anew */
};

/* Who waits for the erasures that are asked for by now. */
struct waiter {
    struct waiter *next;
    void (*done)(void *context, enum status status);
    void *context;
};

struct keeper {
    struct keeper_options options;
    char *directory;       /* owned */
    struct retire *retire; /* owned */
    _Atomic bool stopping;
    _Atomic uint64_t pending;
    int64_t erase_after_ms; /* monotonic; of the thread that works */
    int64_t warned_ms;
    uint64_t tail;      /* where the window of event ids began when tail_last was the last record */
    uint64_t tail_last; /* 0: it is to be looked for; as is tail, of the thread that works */

    pthread_t thread;
    bool running;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct waiter *waiters; /* guarded by mutex; newest first */
};

/* Once a minute at most: what fails is tried again every second. */
__attribute__((format(printf, 2, 3))) static void warn(struct keeper *keeper, const char *format,
                                                       ...)
{
    char text[512];
    va_list arguments;
    int64_t now_ms = monotonic_ms();
    if (keeper->options.warn == NULL ||
        (keeper->warned_ms != 0 && now_ms - keeper->warned_ms < WARN_AGAIN_MS)) {
        return;
    }
    keeper->warned_ms = now_ms;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    keeper->options.warn(keeper->options.warn_context, text);
}

static bool count_pending(void *context, const struct tombstone *tombstone)
{
    uint64_t *count = context;
    *count += tombstone->pending;
    return true;
}

static void update_pending(struct keeper *keeper)
{
    uint64_t count = 0;
    struct log *log = store_log(keeper->options.store);
    if (log_visit_tombstones(log, count_pending, &count, NULL) == STATUS_OK) {
        atomic_store(&keeper->pending, count);
    }
}

enum status keeper_new(const struct keeper_options *options, struct keeper **out)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    if (keeper == NULL) {
        return STATUS_NO_MEMORY;
    }
    keeper->options = *options;
    keeper->directory = strdup(options->directory);
    keeper->retire = retire_new(options->store);
    monotonic_condition_init(&keeper->changed);
    pthread_mutex_init(&keeper->mutex, NULL);
    if (keeper->directory == NULL || keeper->retire == NULL) {
        keeper_free(keeper);
        return STATUS_NO_MEMORY;
    }
    keeper->options.directory = keeper->directory;
    update_pending(keeper);
    *out = keeper;
    return STATUS_OK;
}

static bool go_on(void *context, uint64_t done, uint64_t total)
{
    struct keeper *keeper = context;
    (void)done;
    (void)total;
    return !atomic_load(&keeper->stopping);
}

static void forget_event(void *context, struct event_key key)
{
    struct keeper *keeper = context;
    store_forget_event(keeper->options.store, key);
}

/* Removes what is to be removed already, so that the log's beginning stays where it is. */
static enum status finish_trim(struct keeper *keeper)
{
    bool more = true;
    enum status status = STATUS_OK;
    while (more && status == STATUS_OK && go_on(keeper, 0, 0)) {
        status = log_trim_some(store_log(keeper->options.store), &more);
    }
    return status == STATUS_OK && more ? STATUS_UNAVAILABLE : status;
}

/* A state file that was set aside still has everybody in it, and is of use to nobody. */
static void remove_set_aside(const struct keeper *keeper)
{
    char path[FILES_PATH_SIZE];
    if (files_join(keeper->directory, "state.mdb.bad", path, NULL) == STATUS_OK) {
        (void)unlink(path);
    }
}

/* What is left of users in free space, once they are gone from all that is in use. */
static enum status wipe(struct keeper *keeper, struct problem *problem)
{
    remove_set_aside(keeper);
    enum status status = store_scrub(keeper->options.store, go_on, keeper);
    if (status == STATUS_BUSY) {
        problem_set(problem, "a backup is being made and may have them; tried again later");
    } else if (status != STATUS_OK) {
        problem_set(problem, "free space cannot be overwritten: %s", status_text(status));
    }
    return status;
}

static enum status settle(struct keeper *keeper, struct erased_users *users,
                          struct problem *problem)
{
    for (size_t i = 0; i < users->count; i++) {
        users->tombstones[i].pending = false;
    }
    enum status status =
        log_put_tombstones(store_log(keeper->options.store), users->tombstones, users->count);
    if (status != STATUS_OK) {
        problem_set(problem, "the list of forgotten users: %s", status_text(status));
    }
    return status;
}

static enum status erase_in_journal(struct keeper *keeper, struct journal_erasure *users,
                                    size_t count, struct problem *problem)
{
    struct journal *opened = NULL;
    struct journal *journal = keeper->options.journal;
    enum status status = STATUS_OK;
    if (journal == NULL) {
        struct journal_options options = {.data = keeper->directory};
        status = journal_open(&options, &opened, problem);
        journal = opened;
    }
    if (status == STATUS_OK) {
        status = journal_erase(journal, users, count, go_on, keeper, problem);
    }
    journal_close(opened);
    return status;
}

/*
 * Takes the users' decisions out of the journal; tombstones, and users, of at most
 * ERASE_USERS_MAX. A crash in between costs the count of what was erased so far.
 */
static enum status erase_decisions(struct keeper *keeper, struct erased_users *erased,
                                   struct problem *problem)
{
    struct journal_erasure users[ERASE_USERS_MAX];
    struct forgotten tombstones = {.items = erased->tombstones, .count = erased->count};
    for (size_t i = 0; i < erased->count; i++) {
        users[i] = (struct journal_erasure){
            .user_key = erased->tombstones[i].user_key,
            .before_sequence = erased->tombstones[i].sequence,
        };
    }
    enum status status = erase_in_journal(keeper, users, erased->count, problem);
    forgotten_sort(&tombstones); /* as the users are by now */
    uint64_t count = 0;
    for (size_t i = 0; i < erased->count; i++) {
        erased->tombstones[i].decisions_erased += users[i].erased;
        count += users[i].erased;
    }
    if (count > 0 && log_put_tombstones(store_log(keeper->options.store), erased->tombstones,
                                        erased->count) != STATUS_OK) {
        warn(keeper, "erased decisions cannot be counted");
    }
    return status;
}

/* Erases some users; *count is 0 when there were none. */
static enum status erase_some(struct keeper *keeper, size_t *count, struct problem *problem)
{
    struct erased_users users;
    struct erase_options options = {
        .log = store_log(keeper->options.store),
        .directory = keeper->directory,
        .map_bytes = keeper->options.map_bytes,
        .go_on = go_on,
        .erased = forget_event,
        .context = keeper,
    };
    enum status status = erase_pending(&options, &users, problem);
    *count = users.count;
    if (status != STATUS_OK || users.count > 0) {
        keeper->tail_last = 0; /* with fewer signals the window begins earlier */
    }
    if (status == STATUS_OK && users.count > 0) {
        status = erase_decisions(keeper, &users, problem);
        if (status == STATUS_OK) {
            status = wipe(keeper, problem);
        }
        if (status == STATUS_OK) {
            status = settle(keeper, &users, problem);
        }
    }
    free(users.tombstones);
    return status;
}

enum status keeper_erase(struct keeper *keeper, struct problem *problem)
{
    size_t count = 1;
    enum status status = finish_trim(keeper);
    problem_set(problem, "old records cannot be removed: %s", status_text(status));
    while (count > 0 && status == STATUS_OK) {
        status = erase_some(keeper, &count, problem);
        update_pending(keeper);
    }
    if (status == STATUS_OK) {
        problem->text[0] = '\0';
    }
    return status;
}

/*
 * Where the window of event ids begins, or somewhat before. It is as long as a million signals, and
 * finding its beginning is to read the head of each, so it is not looked for in every round.
 */
static enum status find_tail(struct keeper *keeper, uint64_t last, uint64_t *out,
                             struct problem *problem)
{
    struct store *store = keeper->options.store;
    uint64_t length;
    uint64_t count;
    store_window(store, &length, &count);
    if (keeper->tail_last == 0 || last - keeper->tail_last > length / TAIL_SHARE) {
        enum status status = log_find_tail(store_log(store), length, &keeper->tail, problem);
        if (status != STATUS_OK) {
            return status;
        }
        keeper->tail_last = last;
    }
    *out = keeper->tail;
    return STATUS_OK;
}

/* Where what is to be kept begins: with halves / 2 of the bounds. */
static enum status find_cut(struct keeper *keeper, int64_t now_ms, unsigned halves, uint64_t *cut,
                            struct problem *problem)
{
    const struct keeper_options *options = &keeper->options;
    struct log *log = store_log(options->store);
    uint64_t first;
    uint64_t last;
    uint64_t tail;
    enum status status = STATUS_OK;
    log_bounds(log, &first, &last);
    *cut = first;
    if (options->log_ms > 0) {
        status = log_find_age(log, now_ms - options->log_ms / 2 * halves, cut, problem);
    }
    if (status == STATUS_OK && options->log_bytes > 0) {
        uint64_t by_bytes = log_find_bytes(log, options->log_bytes / 2 * halves);
        *cut = by_bytes > *cut ? by_bytes : *cut;
    }
    if (status == STATUS_OK && *cut > first) {
        status = find_tail(keeper, last, &tail, problem);
        *cut = status == STATUS_OK && tail < *cut ? tail : *cut;
    }
    return status;
}

/* Where the log would begin with half of what is allowed, and with all of it. */
struct cuts {
    uint64_t half;
    uint64_t all;
};

/*
 * The newest snapshot that leaves half of what is allowed, so that what is left can be replayed
 * from its beginning; where a burst left none, the next one, which stands for all that is too much.
 * *first: where the log is to begin. False: nothing is to go, or no snapshot stands for it.
 */
static bool choose_snapshot(const struct snapshots *snapshots, const struct cuts *cuts,
                            uint64_t *first, uint64_t *base)
{
    bool found = false;
    for (size_t i = 0; i < snapshots->count; i++) {
        uint64_t sequence = snapshots->sequences[i];
        if (sequence >= *first && (!found || sequence < cuts->half)) {
            *base = sequence;
            found = true;
        }
    }
    if (!found || cuts->all <= *first) {
        return false;
    }
    *first = *base < cuts->half ? *base + 1 : cuts->all;
    return true;
}

/* Removes the records before first, for which base stands. */
static enum status trim(struct keeper *keeper, uint64_t first, uint64_t base,
                        struct problem *problem)
{
    struct store *store = keeper->options.store;
    CHECK(first <= base + 1);
    enum status status = carry_videos(store, first - 1, &keeper->stopping, problem);
    if (status != STATUS_OK) {
        return status;
    }
    log_trim(store_log(store), first);
    status = finish_trim(keeper);
    if (status == STATUS_OK) {
        snapshots_remove_before(keeper->directory, base);
    } else {
        problem_set(problem, "old records cannot be removed: %s", status_text(status));
    }
    return status;
}

static enum status find_cuts(struct keeper *keeper, int64_t now_ms, struct cuts *cuts,
                             struct problem *problem)
{
    enum status status = find_cut(keeper, now_ms, 1, &cuts->half, problem);
    if (status == STATUS_OK) {
        status = find_cut(keeper, now_ms, 2, &cuts->all, problem);
    }
    return status;
}

static bool is_snapshot_due(const struct snapshots *snapshots, uint64_t first, uint64_t half)
{
    uint64_t newest = snapshots->count > 0 ? snapshots->sequences[snapshots->count - 1] : 0;
    return half > first && half > newest + 1;
}

static enum status keep_log(struct keeper *keeper, int64_t now_ms, struct problem *problem)
{
    uint64_t first;
    uint64_t last;
    struct cuts cuts;
    struct snapshots snapshots;
    log_bounds(store_log(keeper->options.store), &first, &last);
    if ((keeper->options.log_ms == 0 && keeper->options.log_bytes == 0) || last <= first) {
        return STATUS_OK;
    }
    enum status status = find_cuts(keeper, now_ms, &cuts, problem);
    if (status == STATUS_OK) {
        status = snapshots_list(keeper->directory, &snapshots, problem);
    }
    if (status == STATUS_OK && is_snapshot_due(&snapshots, first, cuts.half)) {
        problem_set(problem, "no snapshot can be made");
        status = store_snapshot(keeper->options.store);
    }
    uint64_t base = 0;
    if (status == STATUS_OK && choose_snapshot(&snapshots, &cuts, &first, &base)) {
        status = trim(keeper, first, base, problem);
    }
    return status;
}

static enum status keep_tombstones(struct keeper *keeper, int64_t now_ms)
{
    if (keeper->options.tombstone_ms == 0) {
        return STATUS_OK;
    }
    return log_drop_tombstones(store_log(keeper->options.store),
                               now_ms - keeper->options.tombstone_ms);
}

static void tell(struct keeper *keeper, const char *what, enum status status,
                 const struct problem *problem)
{
    if (status != STATUS_OK && status != STATUS_UNAVAILABLE) {
        warn(keeper, "%s: %s", what,
             problem->text[0] != '\0' ? problem->text : status_text(status));
    }
}

/* Answers those who waited when a round of erasures began. */
static void answer(struct waiter *waiters, enum status status)
{
    while (waiters != NULL) {
        struct waiter *next = waiters->next;
        waiters->done(waiters->context, status);
        free(waiters);
        waiters = next;
    }
}

static struct waiter *take_waiters(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    struct waiter *waiters = keeper->waiters;
    keeper->waiters = NULL;
    pthread_mutex_unlock(&keeper->mutex);
    return waiters;
}

static void put_back(struct keeper *keeper, struct waiter *waiters)
{
    struct waiter **end = &waiters;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    pthread_mutex_lock(&keeper->mutex);
    *end = keeper->waiters;
    keeper->waiters = waiters;
    pthread_mutex_unlock(&keeper->mutex);
}

static void erase_round(struct keeper *keeper)
{
    struct problem problem = {""};
    if (monotonic_ms() < keeper->erase_after_ms) {
        return;
    }
    struct waiter *waiters = take_waiters(keeper);
    update_pending(keeper);
    if (waiters == NULL && atomic_load(&keeper->pending) == 0) {
        return;
    }
    enum status status = keeper_erase(keeper, &problem);
    if (status == STATUS_OK) {
        answer(waiters, STATUS_OK);
        return;
    }
    tell(keeper, "erasure of forgotten users", status, &problem);
    keeper->erase_after_ms = monotonic_ms() + RETRY_MS;
    put_back(keeper, waiters);
}

void keeper_work(struct keeper *keeper, int64_t now_ms)
{
    struct problem problem = {""};
    erase_round(keeper);
    enum status status = keep_log(keeper, now_ms, &problem);
    tell(keeper, "retention of the log", status, &problem);
    struct retire_bounds bounds = {.user_ms = keeper->options.user_ms,
                                   .statistics_ms = keeper->options.statistics_ms};
    status = retire_idle(keeper->retire, &bounds, now_ms);
    tell(keeper, "retention of idle rows", status, &problem);
    tell(keeper, "retention of tombstones", keep_tombstones(keeper, now_ms), &problem);
}

static void wait_for_work(struct keeper *keeper)
{
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += ROUND_MS / SECOND_MS;
    pthread_mutex_lock(&keeper->mutex);
    int rc = 0;
    while (!atomic_load(&keeper->stopping) && rc == 0 &&
           (keeper->waiters == NULL || monotonic_ms() < keeper->erase_after_ms)) {
        rc = pthread_cond_timedwait(&keeper->changed, &keeper->mutex, &until);
    }
    pthread_mutex_unlock(&keeper->mutex);
}

static void *run(void *argument)
{
    struct keeper *keeper = argument;
    while (!atomic_load(&keeper->stopping)) {
        keeper_work(keeper, wall_clock_ms());
        wait_for_work(keeper);
    }
    return NULL;
}

enum status keeper_start(struct keeper *keeper)
{
    sigset_t all;
    sigset_t before;
    CHECK(!keeper->running);
    sigfillset(&all); /* signals are for the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    keeper->running = pthread_create(&keeper->thread, NULL, run, keeper) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return keeper->running ? STATUS_OK : STATUS_IO;
}

void keeper_stop(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    atomic_store(&keeper->stopping, true);
    pthread_cond_signal(&keeper->changed);
    bool running = keeper->running;
    pthread_mutex_unlock(&keeper->mutex);
    if (running) {
        int rc = pthread_join(keeper->thread, NULL);
        CHECK(rc == 0);
    }
    pthread_mutex_lock(&keeper->mutex);
    keeper->running = false;
    pthread_mutex_unlock(&keeper->mutex);
    answer(take_waiters(keeper), STATUS_UNAVAILABLE);
}

void keeper_free(struct keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    keeper_stop(keeper);
    retire_free(keeper->retire);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->mutex);
    free(keeper->directory);
    free(keeper);
}

void keeper_when_erased(struct keeper *keeper, void (*done)(void *context, enum status status),
                        void *context)
{
    struct waiter *waiter = malloc(sizeof(*waiter));
    if (waiter == NULL) {
        done(context, STATUS_UNAVAILABLE); /* it is erased all the same */
        return;
    }
    *waiter = (struct waiter){.done = done, .context = context};
    pthread_mutex_lock(&keeper->mutex);
    bool working = keeper->running && !atomic_load(&keeper->stopping);
    if (working) {
        waiter->next = keeper->waiters;
        keeper->waiters = waiter;
        pthread_cond_signal(&keeper->changed);
    }
    pthread_mutex_unlock(&keeper->mutex);
    if (!working) {
        answer(waiter, STATUS_UNAVAILABLE);
    }
}

uint64_t keeper_pending(struct keeper *keeper)
{
    return atomic_load(&keeper->pending);
}
