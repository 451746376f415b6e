#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/files.h"
#include "store/store.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

enum {
    ROUNDS = 20,
    BATCH = 37,
    WINDOW_LENGTH = 1 << 16,
    MAP_BYTES = 256 << 20,
    ENTRIES_MAX = 1 << 20
};

static struct store *open_store(const char *path)
{
    return opened_store(&(struct store_options){.log = {.path = path, .map_bytes = MAP_BYTES},
                                                .window_length = WINDOW_LENGTH});
}

/* Writes checkpoints one after the other, so that death comes in the middle of one. */
static void *checkpoint_for_ever(void *argument)
{
    for (;;) {
        CHECK_EQ(STATUS_OK, store_checkpoint(argument));
    }
}

/*
 * Writes batches of new signals numbered from first on, each with one repeat from the batch before,
 * and says so for each acknowledged batch: how many numbers are in. Ends only by a signal.
 */
static _Noreturn void write_for_ever(const char *path, unsigned first, int acknowledge)
{
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, checkpoint_for_ever, store) == 0);
    static struct entry entries[BATCH + 1];
    for (unsigned number = first;; number += BATCH) {
        arena_reset(&arena);
        for (unsigned i = 0; i <= BATCH; i++) {
            char id[16];
            unsigned this = i < BATCH || number == 0 ? number + i % BATCH : number - 1;
            snprintf(id, sizeof(id), "%u", this);
            entries[i] = entry_watch(&arena, id, this);
        }
        struct batch batch = entries_write(store, entries, BATCH + 1);
        CHECK_EQ(STATUS_OK, batch.status);
        unsigned done = number + BATCH;
        CHECK(write(acknowledge, &done, sizeof(done)) == (ssize_t)sizeof(done));
    }
}

/* Lets a child write for a while, kills it, and gives the count of numbers it acknowledged. */
static unsigned write_and_kill(const char *path, unsigned first, long delay_us)
{
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(pipes[0]);
        write_for_ever(path, first, pipes[1]);
    }
    close(pipes[1]);
    struct timespec delay = {.tv_nsec = delay_us * 1000};
    nanosleep(&delay, NULL); /* picks the moment of death; waits for nothing */
    CHECK(kill(pid, SIGKILL) == 0);
    int state;
    CHECK(waitpid(pid, &state, 0) == pid);
    CHECK(WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL);
    unsigned done = first;
    while (read(pipes[0], &done, sizeof(done)) == (ssize_t)sizeof(done)) {
    }
    close(pipes[0]);
    return done;
}

struct found {
    uint8_t times[ENTRIES_MAX];
    uint64_t count;
};

static bool count_entry(void *context, uint64_t sequence, const struct record *record)
{
    static char memory[1 << 16];
    struct found *found = context;
    struct arena arena;
    struct event event;
    arena_init(&arena, memory, sizeof(memory));
    CHECK_EQ(STATUS_OK, record_event(record, &arena, &event));
    size_t number = (size_t)(event.u.signal.time_ms - 1000000); /* as entry_watch() sets it */
    CHECK(number < ENTRIES_MAX);
    CHECK_EQ(0, found->times[number]);
    found->times[number]++;
    found->count++;
    CHECK_EQ(sequence, found->count);
    return true;
}

/* The digest of the state that a copy of the log gives, without a checkpoint. */
static uint64_t rebuilt_digest(const char *path)
{
    char from[FILES_PATH_SIZE];
    char to[FILES_PATH_SIZE];
    char copy[TEST_PATH_SIZE];
    struct files_sum sum;
    test_directory(copy);
    CHECK_EQ(STATUS_OK, files_join(path, "data.mdb", from, NULL));
    CHECK_EQ(STATUS_OK, files_join(copy, "data.mdb", to, NULL));
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(STATUS_OK, files_read(from, fd, NULL, NULL, &sum, NULL));
    close(fd);
    struct store *store = open_store(copy);
    uint64_t digest = opened_digests(store).all;
    store_close(store);
    files_remove(copy);
    return digest;
}

/* Every acknowledged number is in once, and the others at most once; gives how many are in. */
static unsigned check_store(const char *path, unsigned acknowledged, uint64_t *checkpoint)
{
    struct found *found = calloc(1, sizeof(*found));
    struct problem problem = {""};
    CHECK(found != NULL);
    struct store *store = open_store(path);
    enum status status = log_poll(store_log(store), 1, count_entry, found, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    for (unsigned i = 0; i < acknowledged; i++) {
        CHECK_EQ(1, found->times[i]);
    }
    unsigned count = (unsigned)found->count;
    CHECK_EQ(count, state_sequence(store_begin(store)));
    store_end(store);
    /* A batch is in whole or not at all, and only the last may lack its acknowledgement. */
    CHECK_EQ(0, count % BATCH);
    CHECK(count <= acknowledged + BATCH);
    uint64_t digest = opened_digests(store).all;
    *checkpoint = store_checkpoint_sequence(store); /* as the killed process left it */
    store_close(store);
    free(found);
    CHECK(rebuilt_digest(path) == digest);
    return count;
}

static void killed_writer_loses_and_repeats_nothing(void)
{
    char path[TEST_PATH_SIZE];
    unsigned count = 0;
    unsigned torn = 0; /* rounds that left a checkpoint behind the log's end */
    uint64_t random = 20;
    test_directory(path);
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        long delay_us = (long)(random >> 33) % 150000;
        unsigned before = count;
        uint64_t checkpoint;
        unsigned acknowledged = write_and_kill(path, count, delay_us);
        count = check_store(path, acknowledged, &checkpoint);
        torn += checkpoint > before && checkpoint < count;
    }
    CHECK(count > 0);
    CHECK(torn > 0);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {TEST(killed_writer_loses_and_repeats_nothing)};
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
