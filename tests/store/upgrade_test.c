#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/backup.h"
#include "store/coder.h"
#include "store/store.h"
#include "store/verify.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

/*
 * A directory as the program before retention left it: a log of format 1, without a list of
 * forgotten users, and a state file of version 1.
 */
enum { MAP_BYTES = 64 << 20, SIGNALS = 50, OLD_MARK_SIZE = 61 };

static void put(MDB_txn *txn, MDB_dbi database, MDB_val key, MDB_val value)
{
    CHECK(mdb_put(txn, database, &key, &value, 0) == 0);
}

static MDB_env *open_env(const char *path, unsigned flags)
{
    MDB_env *env = NULL;
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_set_mapsize(env, MAP_BYTES) == 0);
    CHECK(mdb_env_set_maxdbs(env, 6) == 0);
    CHECK(mdb_env_open(env, path, flags, 0600) == 0);
    return env;
}

static void put_record(MDB_txn *txn, MDB_dbi log, uint64_t sequence, const struct record *record)
{
    uint8_t bytes[1024];
    CHECK(record_size(record) <= sizeof(bytes));
    record_encode(record, bytes);
    put(txn, log, (MDB_val){sizeof(sequence), &sequence}, (MDB_val){record_size(record), bytes});
}

static void write_old_log(const char *path, const struct entry *entries)
{
    MDB_txn *txn = NULL;
    MDB_dbi meta;
    MDB_dbi log;
    uint8_t format[4] = {1};
    MDB_env *env = open_env(path, 0);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, "meta", MDB_CREATE, &meta) == 0);
    CHECK(mdb_dbi_open(txn, "log", MDB_CREATE | MDB_INTEGERKEY, &log) == 0);
    put(txn, meta, (MDB_val){6, "format"}, (MDB_val){sizeof(format), format});
    for (uint64_t i = 0; i < SIGNALS; i++) {
        put_record(txn, log, i + 1, &entries[i].record);
    }
    CHECK(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

static void write_old_state(const char *path)
{
    static const char *const tables[] = {"users", "videos", "statistics", "watch"};
    char name[TEST_PATH_SIZE + 16];
    MDB_txn *txn = NULL;
    MDB_dbi database;
    uint32_t row = 0;
    uint8_t mark[OLD_MARK_SIZE] = {[CODER_HEADER_SIZE] = 1};
    (void)seal_row(mark, 1, mark + sizeof(mark));
    snprintf(name, sizeof(name), "%s/state.mdb", path);
    MDB_env *env = open_env(name, MDB_NOSUBDIR);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    for (unsigned i = 0; i < 4; i++) {
        CHECK(mdb_dbi_open(txn, tables[i], MDB_CREATE | MDB_INTEGERKEY, &database) == 0);
        put(txn, database, (MDB_val){sizeof(row), &row}, (MDB_val){3, "old"});
    }
    CHECK(mdb_dbi_open(txn, "meta", MDB_CREATE, &database) == 0);
    put(txn, database, (MDB_val){4, "mark"}, (MDB_val){sizeof(mark), mark});
    CHECK(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

static struct store *open_store(const char *path)
{
    return opened_store(&(struct store_options){.log = {.path = path, .map_bytes = MAP_BYTES}});
}

/* An old directory, and what a new one of the same entries gives. */
struct old {
    char path[TEST_PATH_SIZE];
    struct state_digests digests;
};

static struct old make_old(void)
{
    struct old old;
    char other[TEST_PATH_SIZE];
    struct entry entries[SIGNALS];
    struct arena arena = entries_arena(1 << 20);
    test_directory(old.path);
    test_directory(other);
    for (unsigned i = 0; i < SIGNALS; i++) {
        entries[i] = entry_watch(&arena, "", i);
    }
    write_old_log(old.path, entries);
    write_old_state(old.path);
    struct store *store = open_store(other);
    CHECK_EQ(SIGNALS, entries_write(store, entries, SIGNALS).sequence);
    old.digests = opened_digests(store);
    store_close(store);
    free(arena.base);
    return old;
}

static struct verify_report verify(const char *path)
{
    struct verify_report report;
    struct verify_options options = {.every_snapshot = true};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, verify_data(path, &options, &report, &problem));
    CHECK_STR("", report.error_count > 0 ? report.errors[0].problem.text : "");
    return report;
}

static void old_directory_is_verified_as_it_is(void)
{
    struct old old = make_old();
    struct verify_report report = verify(old.path);
    CHECK_EQ(1, report.first);
    CHECK_EQ(SIGNALS, report.records);
    CHECK(report.digests.all == old.digests.all);
    CHECK(report.has_state && report.state.other_version);
}

static void old_directory_opens_and_goes_on(void)
{
    struct old old = make_old();
    struct arena arena = entries_arena(1 << 16);
    struct store *store = open_store(old.path);
    CHECK(opened_digests(store).all == old.digests.all);
    struct entry entry = entry_forget(&arena, "user-7", 2000000);
    CHECK_EQ(SIGNALS + 1, entries_write(store, &entry, 1).sequence);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    struct state_digests digests = opened_digests(store);
    store_close(store);
    struct verify_report report = verify(old.path);
    CHECK(report.digests.all == digests.all);
    CHECK(report.has_state && !report.state.other_version);
    CHECK_EQ(1, report.tombstones);
    free(arena.base);
}

static void backup_of_an_old_directory_leaves_it_and_can_be_restored(void)
{
    struct old old = make_old();
    char backup[TEST_PATH_SIZE + 16];
    char data[TEST_PATH_SIZE + 16];
    struct backup_info info;
    struct restored restored;
    struct problem problem = {""};
    struct backup_options options = {.now_ms = 1};
    struct restore_options restore_options = {.now_ms = 1, .map_bytes = MAP_BYTES};
    snprintf(backup, sizeof(backup), "%s-backup", old.path);
    snprintf(data, sizeof(data), "%s-restored", old.path);
    CHECK_EQ(STATUS_OK, backup_make(old.path, backup, &options, &info, &problem));
    CHECK_EQ(0, info.base);
    CHECK(info.state_digest == old.digests.all);
    CHECK_EQ(STATUS_OK, backup_restore(backup, data, &restore_options, &restored, &problem));
    CHECK(verify(data).digests.all == old.digests.all);
    CHECK(verify(old.path).state.other_version); /* nobody changed it */
    struct store *store = open_store(data);
    CHECK(opened_digests(store).all == old.digests.all);
    store_close(store);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(old_directory_is_verified_as_it_is),
        TEST(old_directory_opens_and_goes_on),
        TEST(backup_of_an_old_directory_leaves_it_and_can_be_restored),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
