#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

/* What is behind the last checkpoint, in logs of more records than are decoded ahead. */

enum { MAP_BYTES = 64 << 20, ARENA_BYTES = 16 << 20, WINDOW = 2000, WATCHES = 9000 };

static struct store_options options_of(const char *path)
{
    return (struct store_options){.log = {.path = path, .map_bytes = MAP_BYTES},
                                  .window_length = WINDOW};
}

static void write_watches(struct store *store)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry *entries = calloc(WATCHES, sizeof(*entries));
    CHECK(entries != NULL);
    for (unsigned i = 0; i < WATCHES; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        entries[i] = entry_watch(&arena, id, i);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, WATCHES).status);
    free(entries);
    free(arena.base);
}

/* A directory with a log of WATCHES records and no checkpoint; *digest is of its state. */
static void make_log(char path[TEST_PATH_SIZE], uint64_t *digest)
{
    char file[TEST_PATH_SIZE + 16];
    test_directory(path);
    struct store_options options = options_of(path);
    struct store *store = opened_store(&options);
    write_watches(store);
    *digest = opened_digests(store).all;
    store_close(store);
    snprintf(file, sizeof(file), "%s/state.mdb", path);
    CHECK(remove(file) == 0);
}

static enum outcome outcome_of(struct store *store, const char *event_id)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry entry = entry_watch(&arena, event_id, 1);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    free(arena.base);
    return entry.outcome;
}

static void long_log_is_applied_and_its_last_ids_are_recognised(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t digest;
    make_log(path, &digest);
    struct store_options options = options_of(path);
    struct store *store = opened_store(&options);
    CHECK(opened_digests(store).all == digest);
    CHECK_EQ(OUTCOME_DUPLICATE, outcome_of(store, "8999"));
    CHECK_EQ(OUTCOME_DUPLICATE, outcome_of(store, "7000"));
    CHECK_EQ(OUTCOME_ACCEPTED, outcome_of(store, "6999")); /* the first beyond the window */
    store_close(store);
}

static void damaged_record_far_into_the_log_is_named(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t digest;
    struct store *store = NULL;
    struct problem problem;
    MDB_val garbage = {sizeof("garbage"), (void *)"garbage"};
    make_log(path, &digest);
    tamper_record(path, 5000, &garbage); /* before the window, so that applying alone meets it */
    struct store_options options = options_of(path);
    CHECK_EQ(STATUS_CORRUPT, store_open(&options, &store, &problem));
    CHECK_STR("the log's record 5000 fails validation", problem.text);
}

static void damage_that_only_the_window_meets_is_told(void)
{
    char path[TEST_PATH_SIZE];
    struct store *store;
    struct problem problem;
    MDB_val garbage = {sizeof("garbage"), (void *)"garbage"};
    test_directory(path);
    struct store_options options = options_of(path);
    store = opened_store(&options);
    write_watches(store);
    store_close(store); /* with a checkpoint of all */
    tamper_record(path, 8000, &garbage);
    CHECK_EQ(STATUS_CORRUPT, store_open(&options, &store, &problem));
    CHECK(strstr(problem.text, "the log's tail cannot be read") != NULL);
}

struct heard {
    uint64_t calls;
    uint64_t done;
    uint64_t total;
};

static void hear(void *context, uint64_t done, uint64_t total)
{
    struct heard *heard = context;
    CHECK(done >= heard->done);
    *heard = (struct heard){.calls = heard->calls + 1, .done = done, .total = total};
}

static void progress_ends_with_all_of_the_log(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t digest;
    struct heard heard = {0};
    make_log(path, &digest);
    struct store_options options = options_of(path);
    options.progress = hear;
    options.progress_context = &heard;
    store_close(opened_store(&options));
    CHECK(heard.calls >= 1);
    CHECK_EQ(WATCHES, heard.done);
    CHECK_EQ(WATCHES, heard.total);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(long_log_is_applied_and_its_last_ids_are_recognised),
        TEST(damaged_record_far_into_the_log_is_named),
        TEST(damage_that_only_the_window_meets_is_told),
        TEST(progress_ends_with_all_of_the_log),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
