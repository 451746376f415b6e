/* For memmem(3); must precede every include. */
#define _GNU_SOURCE

#include "store/page_buffers.h"

#include <stdint.h>
#include <string.h>

#include "tests/test.h"

enum { PAGE = 4096, HEADER = 16, MAP_BYTES = 512 << 20 };

static MDB_env *open_env(const char *path, size_t map_bytes)
{
    MDB_env *env;
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_set_mapsize(env, map_bytes) == 0);
    CHECK(mdb_env_open(env, path, MDB_NOTLS, 0600) == 0);
    return env;
}

static MDB_txn *begin(MDB_env *env, MDB_dbi *main)
{
    MDB_txn *txn;
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, NULL, 0, main) == 0);
    return txn;
}

/* An entry of the tree, so that it has a page. */
static void put_one(MDB_env *env)
{
    MDB_dbi main;
    MDB_txn *txn = begin(env, &main);
    MDB_val key = {1, "a"};
    MDB_val value = {1, "b"};
    CHECK(mdb_put(txn, main, &key, &value, 0) == 0);
    CHECK(mdb_txn_commit(txn) == 0);
}

/* Takes count buffers for values, fills them, and returns how many had been filled before. */
static size_t take_buffers(MDB_env *env, size_t count)
{
    static const char filling[] = "xxxxxxxx";
    size_t found = 0;
    MDB_dbi main;
    MDB_txn *txn = begin(env, &main);
    for (uint32_t i = 0; i < count; i++) {
        MDB_val key = {sizeof(i), &i};
        MDB_val value = {PAGE - HEADER, NULL};
        CHECK(mdb_put(txn, main, &key, &value, MDB_RESERVE) == 0);
        found += memmem(value.mv_data, value.mv_size, filling, 8) != NULL;
        memset(value.mv_data, 'x', value.mv_size);
    }
    mdb_txn_abort(txn);
    return found;
}

/* A page of the tree with something in what will be its gap. */
static void fill_leaf(MDB_env *env)
{
    uint8_t bytes[1500];
    MDB_dbi main;
    MDB_txn *txn = begin(env, &main);
    MDB_val key = {1, "c"};
    MDB_val value = {sizeof(bytes), bytes};
    memset(bytes, 'x', sizeof(bytes));
    CHECK(mdb_put(txn, main, &key, &value, 0) == 0);
    mdb_txn_abort(txn);
}

static bool clean(MDB_env *env)
{
    bool done = false;
    CHECK_EQ(0, page_buffers_clean(env, &done));
    return done;
}

static void check_clean_after(size_t dirty)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    MDB_env *env = open_env(path, MAP_BYTES);
    put_one(env);
    fill_leaf(env);
    (void)take_buffers(env, dirty);
    CHECK(take_buffers(env, dirty) > dirty / 2);
    CHECK(clean(env));
    CHECK_EQ(0, take_buffers(env, dirty + 100));
    mdb_env_close(env);
}

static void used_buffers_are_zeroed(void)
{
    check_clean_after(5);
    check_clean_after(63);
    check_clean_after(64);
    check_clean_after(65);
    check_clean_after(129);
    check_clean_after(1000);
}

static void very_many_buffers_are_zeroed(void)
{
    check_clean_after(20000);
}

static void second_time_finds_nothing_to_do(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    MDB_env *env = open_env(path, MAP_BYTES);
    put_one(env);
    (void)take_buffers(env, 1000);
    CHECK(clean(env));
    CHECK(clean(env));
    mdb_env_close(env);
}

static void lack_of_room_is_told_and_does_no_harm(void)
{
    char path[TEST_PATH_SIZE];
    MDB_dbi main;
    MDB_val key = {1, "a"};
    MDB_val value;
    test_directory(path);
    MDB_env *env = open_env(path, 20 * PAGE);
    put_one(env);
    CHECK(!clean(env));
    put_one(env);
    MDB_txn *txn = begin(env, &main);
    CHECK(mdb_get(txn, main, &key, &value) == 0);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(used_buffers_are_zeroed),
        TEST(very_many_buffers_are_zeroed),
        TEST(second_time_finds_nothing_to_do),
        TEST(lack_of_room_is_told_and_does_no_harm),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
