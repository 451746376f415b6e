#include "tests/fault/calls.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/backup.h"
#include "store/files.h"
#include "store/journal.h"
#include "store/journal_reader.h"
#include "store/keeper.h"
#include "store/verify.h"
#include "store/weights_history.h"
#include "tests/store/contents.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

/*
 * Lives of a store in which one call to the system fails, or all from one on: each call of the life
 * in its turn. Whatever it was, no process ends by it, what was told is true, and the next start
 * finds all that was acknowledged.
 */
enum {
    MAP_BYTES = 16 << 20,
    ARENA_BYTES = 1 << 20,
    LOG_BYTES = 60000, /* kept of the log, so that some of it goes */
    BATCH = 40,
    BATCHES = 6,
    BASE_BATCHES = 20, /* before anything fails */
    DECISIONS = 5,
    HANGS_S = 60
};

static const int64_t now_ms = INT64_C(1700000000000);
static const char *const gone = "user-who-goes";

/* A store with all that works on it. NULL: it did not open. */
struct life {
    struct store *store;
    struct journal *journal;
    struct keeper *keeper;
};

/* What was said to be on disk. */
struct told {
    bool batches[BATCHES];
    bool forgotten;
    bool erased;
    bool weights;
    int decisions; /* in the journal at least */
    bool ended;    /* as it should */
    bool unsure;   /* what was refused may be there */
    bool whole;    /* and nothing failed */
};

static void check_told(enum status status, const struct problem *problem)
{
    CHECK(status == STATUS_OK || problem->text[0] != '\0');
}

static enum status open_store(const char *path, struct store **out, struct problem *problem)
{
    return store_open(&(struct store_options){.log = {.path = path, .map_bytes = MAP_BYTES},
                                              .window_length = 600,
                                              .user_bytes = 1,
                                              .statistics_bytes = 1},
                      out, problem);
}

static struct life begin(const char *path)
{
    struct life life = {.store = NULL};
    struct problem problem = {""};
    enum status status = open_store(path, &life.store, &problem);
    check_told(status, &problem);
    if (status != STATUS_OK) {
        return life;
    }
    const struct journal_options journal = {.data = path, .share_ppm = JOURNAL_SHARE_ALL};
    check_told(journal_open(&journal, &life.journal, &problem), &problem);
    const struct keeper_options keeper = {.store = life.store,
                                          .directory = path,
                                          .journal = life.journal,
                                          .map_bytes = MAP_BYTES,
                                          .log_bytes = LOG_BYTES};
    status = keeper_new(&keeper, &life.keeper);
    CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
    return life;
}

static void end(const struct life *life)
{
    keeper_free(life->keeper);
    journal_close(life->journal);
    store_close(life->store);
}

/* Batch number is of BATCH signals, of which number and place give all. */
static struct batch write_batch(struct store *store, unsigned number, struct entry entries[BATCH])
{
    struct arena arena = entries_arena(ARENA_BYTES);
    for (unsigned i = 0; i < BATCH; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%u-%u", number, i);
        entries[i] = entry_watch(&arena, id, number * BATCH + i);
    }
    struct batch batch = entries_write(store, entries, BATCH);
    free(arena.base);
    return batch;
}

static void write_user(struct store *store, unsigned number)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry entry;
    char id[32];
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    snprintf(id, sizeof(id), "gone-%u", number);
    signal.event_id = id;
    signal.user_id = (char *)gone;
    signal.video_id = (char *)"video-1";
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE;
    signal.time_ms = 1000000 + (int64_t)number;
    entry = entry_signal(&arena, &signal);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    free(arena.base);
}

static void write_videos(struct store *store)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    for (int i = 0; i < 50; i++) {
        char id[32];
        Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
        snprintf(id, sizeof(id), "video-%d", i);
        video.video_id = id;
        video.creator_id = (char *)"creator";
        video.duration_ms = 9000;
        struct entry entry = entry_video(&arena, &video);
        CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    }
    free(arena.base);
}

static void add_decisions(struct journal *journal)
{
    for (unsigned i = 0; i < DECISIONS; i++) {
        char payload[1000] = "a decision";
        journal_add(journal, &(struct decision_record){.time_ms = now_ms + i,
                                                       .state_sequence = i,
                                                       .user_key = i,
                                                       .payload = (const uint8_t *)payload,
                                                       .payload_size = sizeof(payload)});
    }
    journal_flush(journal);
}

static bool add_weights(struct store *store)
{
    static struct weights_change change;
    struct weights_source source = {.yaml = text_of("version: v\n")};
    change = (struct weights_change){.origin = ORIGIN_APPLY, .time_ms = 1000};
    snprintf(change.version, sizeof(change.version), "v@%016llx",
             (unsigned long long)weights_file_key(source.yaml));
    return weights_history_add(store_log(store), &source, true, &change) == STATUS_OK;
}

static bool forget(struct store *store)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry entry = entry_forget(&arena, gone, now_ms);
    struct batch batch = entries_write(store, &entry, 1);
    free(arena.base);
    return batch.status == STATUS_OK;
}

static void prepare(const char *path)
{
    static struct entry entries[BATCH];
    struct life life = begin(path);
    CHECK(life.store != NULL && life.journal != NULL && life.keeper != NULL);
    write_videos(life.store);
    for (unsigned i = 0; i < BASE_BATCHES; i++) {
        write_user(life.store, i);
        CHECK_EQ(STATUS_OK, write_batch(life.store, 1000 + i, entries).status);
    }
    add_decisions(life.journal);
    end(&life);
}

/* A cache: what matters is that the next start believes no other. */
static void check_checkpoint(struct store *store, enum status status)
{
    uint64_t first;
    uint64_t last;
    log_bounds(store_log(store), &first, &last);
    CHECK(status != STATUS_OK || store_checkpoint_sequence(store) == last);
}

/* Everything that writes, each at least once. A step that fails leaves the next ones to be tried.
 */
static void work(const struct life *life, struct told *told)
{
    static struct entry entries[BATCH];
    struct problem problem = {""};
    for (unsigned i = 0; i < BATCHES; i++) {
        told->batches[i] = write_batch(life->store, i, entries).status == STATUS_OK;
        if (i == 1) {
            check_checkpoint(life->store, store_checkpoint(life->store));
        }
        if (i == 2) {
            told->weights = add_weights(life->store);
        }
        if (life->keeper != NULL) {
            keeper_work(life->keeper, now_ms);
        }
    }
    check_checkpoint(life->store, store_snapshot(life->store));
    if (life->journal != NULL) {
        add_decisions(life->journal);
    }
    told->forgotten = forget(life->store);
    if (told->forgotten && life->keeper != NULL) {
        enum status status = keeper_erase(life->keeper, &problem);
        check_told(status, &problem);
        told->erased = status == STATUS_OK;
    }
}

/* A batch is there as a whole, or not at all; nobody is told otherwise, but may not be told. */
static void check_batch(struct store *store, unsigned number, const struct told *told)
{
    static struct entry entries[BATCH];
    CHECK_EQ(STATUS_OK, write_batch(store, number, entries).status);
    enum outcome want = told->batches[number] ? OUTCOME_DUPLICATE : OUTCOME_ACCEPTED;
    if ((!told->ended || told->unsure) && !told->batches[number]) {
        want = entries[0].outcome;
    }
    for (unsigned i = 0; i < BATCH; i++) {
        CHECK_EQ(want, entries[i].outcome);
    }
}

static void check_journal(const char *path, int decisions)
{
    struct journal_reader *reader = NULL;
    struct decision_record record;
    struct problem problem = {""};
    int count = 0;
    CHECK_EQ(STATUS_OK, journal_reader_new(path, JOURNAL_OLDEST_FIRST, &reader, &problem));
    while (journal_reader_next(reader, &record, &problem) == STATUS_OK) {
        count++;
    }
    CHECK_EQ(0, journal_reader_skipped(reader));
    CHECK(count >= decisions);
    journal_reader_free(reader);
}

static void check_whole(const char *path)
{
    static struct verify_report report;
    struct verify_options options = {.every_snapshot = true};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, verify_data(path, &options, &report, &problem));
    CHECK_STR("", report.errors[0].problem.text);
    CHECK_EQ(0, report.error_count);
}

/* The next start, on which nothing fails. */
static void check_after(const char *path, const struct told *told)
{
    struct problem problem = {""};
    CHECK(!told->erased || !contents_have_text(path, gone));
    struct life life = begin(path);
    CHECK(life.store != NULL && life.journal != NULL && life.keeper != NULL);
    for (unsigned i = 0; i < BATCHES; i++) {
        check_batch(life.store, i, told);
    }
    bool weights = weights_history_last(store_log(life.store)) == 1;
    CHECK(weights == told->weights || (weights && told->unsure));
    if (told->ended && !told->unsure) {
        CHECK_EQ(told->forgotten && !told->erased, keeper_pending(life.keeper));
    }
    CHECK(forget(life.store));
    enum status status = keeper_erase(life.keeper, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    keeper_work(life.keeper, now_ms);
    struct state_digests before = opened_digests(life.store);
    end(&life);
    CHECK(!contents_have_text(path, gone));
    check_journal(path, told->decisions);
    check_whole(path);
    life = begin(path);
    CHECK(before.all == opened_digests(life.store).all);
    end(&life);
}

typedef void life_run(const char *path, struct told *told, const struct call_failure *failure);

/* In a process of its own, which must come to an end. Returns how it ended. */
static int in_process(life_run *run, const char *path, struct told *told,
                      const struct call_failure *failure)
{
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(HANGS_S);
        run(path, told, failure);
        _exit(0);
    }
    int state = 0;
    CHECK(waitpid(pid, &state, 0) == pid);
    return state;
}

static void live(const char *path, struct told *told, const struct call_failure *failure)
{
    prepare(path);
    calls_fail(failure);
    struct life life = begin(path);
    if (life.store != NULL) {
        work(&life, told);
        end(&life);
    }
    told->ended = true;
    told->unsure = failure->done;
    told->decisions = DECISIONS;
    told->whole = !calls_end();
}

/* What was refused is not there, and now all is done that is asked for. */
static void work_again(const struct life *life, struct told *told)
{
    struct problem problem = {""};
    for (unsigned i = 0; i < BATCHES; i++) {
        check_batch(life->store, i, told);
        told->batches[i] = true;
    }
    CHECK(told->weights || add_weights(life->store));
    CHECK(forget(life->store));
    CHECK_EQ(STATUS_OK, keeper_erase(life->keeper, &problem));
    CHECK_EQ(STATUS_OK, store_snapshot(life->store));
    add_decisions(life->journal);
    told->weights = told->forgotten = told->erased = true;
    told->decisions = 2 * DECISIONS;
}

/* Something fails in a life that has begun; then nothing does. */
static void recover(const char *path, struct told *told, const struct call_failure *failure)
{
    prepare(path);
    struct life life = begin(path);
    CHECK(life.store != NULL && life.journal != NULL && life.keeper != NULL);
    calls_fail(failure);
    work(&life, told);
    told->whole = !calls_end();
    told->ended = true;
    work_again(&life, told);
    end(&life);
}

static void check_next(const char *path, struct told *told, const struct call_failure *failure)
{
    (void)failure;
    check_after(path, told);
}

/*
 * Where the log has what cannot be applied to the state, the process ends by itself, which loses
 * nothing.
 */
static bool ended_by_itself(int state)
{
    return (WIFSIGNALED(state) && WTERMSIG(state) == SIGABRT);
}

static void check_ends(bool well, int state, const struct call_failure *failure)
{
    if (!well) {
        fprintf(stderr, "call of kind %d, number %u, error %d, lasting %d: ended with %d\n",
                failure->call, failure->number, failure->error, failure->lasting, state);
        abort();
    }
}

/* Whether the life had so many calls. */
static bool survives(life_run *run, const struct call_failure *failure)
{
    char path[TEST_PATH_SIZE];
    struct told *told =
        mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    test_directory(path);
    int state = in_process(run, path, told, failure);
    bool may_end = run == live && !told->ended;
    check_ends(may_end ? ended_by_itself(state) : state == 0, state, failure);
    state = in_process(check_next, path, told, failure);
    check_ends(state == 0, state, failure);
    files_remove(path);
    bool had_so_many = !told->whole;
    munmap(told, sizeof(*told));
    return had_so_many;
}

/* Each of the first calls, then fewer and fewer. */
static unsigned next_number(unsigned number)
{
    return number + 1 + number / 2;
}

static void sweep_all(life_run *run, struct call_failure failure)
{
    for (int lasting = 0; lasting < 2; lasting++) {
        failure.number = 1;
        failure.lasting = lasting == 1;
        while (survives(run, &failure)) {
            failure.number = next_number(failure.number);
        }
    }
}

static void sweep(enum call call, int error)
{
    sweep_all(live, (struct call_failure){.call = call, .error = error});
}

static void sweep_recovery(enum call call, int error)
{
    sweep_all(recover, (struct call_failure){.call = call, .error = error});
}

static void a_store_survives_any_open_that_fails(void)
{
    sweep(CALL_OPEN, EMFILE);
    sweep(CALL_OPEN, EACCES);
}

static void a_store_survives_any_read_that_fails(void)
{
    sweep(CALL_READ, EIO);
    sweep(CALL_READ, 0);
}

static void a_store_survives_any_write_that_fails(void)
{
    sweep(CALL_WRITE, EIO);
    sweep(CALL_WRITE, ENOSPC);
    sweep(CALL_WRITE, 0);
}

static void a_store_survives_any_sync_that_fails(void)
{
    sweep(CALL_SYNC, EIO);
}

static void a_store_survives_any_change_of_size_that_fails(void)
{
    sweep(CALL_SIZE, ENOSPC);
}

static void a_store_survives_any_change_of_names_that_fails(void)
{
    sweep(CALL_NAME, EIO);
}

static void a_store_survives_any_look_that_fails(void)
{
    sweep(CALL_LOOK, EIO);
}

static void a_store_survives_any_lock_that_fails(void)
{
    sweep(CALL_LOCK, ENOLCK);
}

static void a_store_survives_any_map_that_fails(void)
{
    sweep(CALL_MAP, ENOMEM);
}

static void a_store_survives_any_thread_that_fails(void)
{
    sweep(CALL_THREAD, EAGAIN);
}

static void a_store_survives_any_allocation_that_fails(void)
{
    sweep(CALL_MEMORY, ENOMEM);
}

static void a_store_survives_writes_that_are_done_and_fail(void)
{
    sweep_all(live, (struct call_failure){.call = CALL_WRITE, .error = EIO, .done = true});
}

/* The page that ends a commit among them, after which LMDB wants its file opened again. */
static void a_store_goes_on_after_writes_that_failed(void)
{
    sweep_recovery(CALL_WRITE, EIO);
    sweep_recovery(CALL_WRITE, 0);
}

struct looking {
    struct store *store;
    atomic_bool ended;
};

static bool count_record(void *context, uint64_t sequence, const struct record *record)
{
    (void)sequence;
    *(uint64_t *)context += record->kind == EVENT_SIGNAL;
    return true;
}

/* All is there to be read at any time, whoever opens the file again. */
static void *look(void *context)
{
    struct looking *looking = context;
    uint64_t known = 0;
    while (!atomic_load(&looking->ended)) {
        struct problem problem = {""};
        struct log_sizes sizes;
        uint64_t count = 0;
        enum status status = log_poll(store_log(looking->store), 0, count_record, &count, &problem);
        CHECK_STR("", problem.text);
        CHECK_EQ(STATUS_OK, status);
        CHECK(count >= known);
        known = count;
        log_size(store_log(looking->store), &sizes);
        CHECK(sizes.file_bytes > 0);
    }
    return NULL;
}

static void readers_do_not_notice_that_a_write_failed(void)
{
    enum { ROUNDS = 60 };
    static struct entry entries[BATCH];
    char path[TEST_PATH_SIZE];
    pthread_t thread;
    struct problem problem = {""};
    struct looking looking = {.ended = false};
    struct call_failure failure = {.call = CALL_WRITE, .error = EIO};
    test_directory(path);
    CHECK_EQ(STATUS_OK, open_store(path, &looking.store, &problem));
    CHECK(pthread_create(&thread, NULL, look, &looking) == 0);
    unsigned refused = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        failure.number = 1 + i % 6;
        calls_fail(&failure);
        refused += write_batch(looking.store, 2 * i, entries).status != STATUS_OK;
        (void)!calls_end();
        CHECK_EQ(STATUS_OK, write_batch(looking.store, 2 * i + 1, entries).status);
    }
    CHECK(refused >= ROUNDS / 6); /* and not all of them by a page of records */
    CHECK(refused < ROUNDS);
    atomic_store(&looking.ended, true);
    CHECK(pthread_join(thread, NULL) == 0);
    store_close(looking.store);
}

static void a_store_goes_on_after_syncs_that_failed(void)
{
    sweep_recovery(CALL_SYNC, EIO);
}

static void a_store_goes_on_after_files_that_could_not_be_opened(void)
{
    sweep_recovery(CALL_OPEN, EMFILE);
}

static void a_store_goes_on_after_a_want_of_room(void)
{
    sweep_recovery(CALL_SIZE, ENOSPC);
}

static void note_status(void *context, enum status status)
{
    *(enum status *)context = status;
}

static void who_cannot_wait_for_an_erasure_is_told_that_it_goes_on(void)
{
    static enum status status = STATUS_OK;
    const struct call_failure failure = {
        .call = CALL_MEMORY, .number = 1, .error = ENOMEM, .lasting = true};
    char path[TEST_PATH_SIZE];
    struct problem problem = {""};
    test_directory(path);
    prepare(path);
    struct life life = begin(path);
    CHECK_EQ(STATUS_OK, keeper_start(life.keeper));
    calls_fail(&failure);
    keeper_when_erased(life.keeper, note_status, &status);
    if (!calls_end()) {
        test_skip("sanitizers have an allocation of their own");
    }
    CHECK_EQ(STATUS_UNAVAILABLE, status);
    CHECK(forget(life.store));
    keeper_stop(life.keeper);
    end(&life);
    life = begin(path);
    CHECK_EQ(STATUS_OK, keeper_erase(life.keeper, &problem));
    CHECK(!contents_have_text(path, gone));
    end(&life);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_store_survives_any_open_that_fails),
        TEST(a_store_survives_any_read_that_fails),
        TEST(a_store_survives_any_write_that_fails),
        TEST(a_store_survives_any_sync_that_fails),
        TEST(a_store_survives_any_change_of_size_that_fails),
        TEST(a_store_survives_any_change_of_names_that_fails),
        TEST(a_store_survives_any_look_that_fails),
        TEST(a_store_survives_any_lock_that_fails),
        TEST(a_store_survives_any_map_that_fails),
        TEST(a_store_survives_any_thread_that_fails),
        TEST(a_store_survives_any_allocation_that_fails),
        TEST(a_store_survives_writes_that_are_done_and_fail),
        TEST(a_store_goes_on_after_writes_that_failed),
        TEST(readers_do_not_notice_that_a_write_failed),
        TEST(a_store_goes_on_after_syncs_that_failed),
        TEST(a_store_goes_on_after_files_that_could_not_be_opened),
        TEST(a_store_goes_on_after_a_want_of_room),
        TEST(who_cannot_wait_for_an_erasure_is_told_that_it_goes_on),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
