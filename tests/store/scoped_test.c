#include "ranker/scoped.h"

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "store/coder.h"
#include "store/files.h"
#include "store/statistics_keys_row.h"
#include "store/verify.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

/*
 * Rows of scoped.h however a state came about. opened_digests() compares each with its statistics,
 * wherever they are.
 */

enum {
    MAP_BYTES = 64 << 20,
    ARENA_BYTES = 16 << 20,
    VIDEOS = 200,
    INDIA = 9 << 5 | 14,
    DAY_MS = 86400000
};

/* A store whose statistics all leave memory at each checkpoint. */
static struct store *open_cold(const char *path)
{
    return opened_store(&(struct store_options){.log = {.path = path, .map_bytes = MAP_BYTES},
                                                .window_length = 1 << 10,
                                                .user_bytes = 1,
                                                .statistics_bytes = 1});
}

static uint64_t digest_of(struct store *store)
{
    return opened_digests(store).all;
}

static struct state_counts counts_of(struct store *store)
{
    struct state_counts counts;
    state_count(store_begin(store), &counts);
    store_end(store);
    return counts;
}

static struct entry make_impression(struct arena *arena, unsigned user, unsigned video,
                                    int64_t time_ms)
{
    static const char *const locales[] = {"hi-IN", "ta-IN", "ru-RU"};
    char user_id[16];
    char video_id[16];
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    snprintf(user_id, sizeof(user_id), "user-%u", user);
    snprintf(video_id, sizeof(video_id), "video-%u", video);
    signal.user_id = user_id;
    signal.video_id = video_id;
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION;
    signal.time_ms = time_ms;
    signal.locale = (char *)locales[user % 3];
    return entry_signal(arena, &signal);
}

/* Impressions of one video to users first to first + count - 1, in India and Hindi. */
static void write_impressions(struct store *store, unsigned video, unsigned first, unsigned count,
                              int64_t time_ms)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry *entries = calloc(count, sizeof(*entries));
    CHECK(entries != NULL);
    for (unsigned i = 0; i < count; i++) {
        entries[i] = make_impression(&arena, 3 * (first + i), video, time_ms);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, count).status);
    free(entries);
    free(arena.base);
}

/* Impressions of many videos, low numbers more often, in three locales, over some hours. */
static void write_mixed(struct store *store, unsigned first, unsigned end)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry *entries = calloc(end - first, sizeof(*entries));
    CHECK(entries != NULL);
    for (unsigned i = first; i < end; i++) {
        uint64_t random = XXH3_64bits(&i, sizeof(i));
        unsigned video = (unsigned)(random % VIDEOS * (random >> 32 & 63) / 63);
        entries[i - first] = make_impression(&arena, i, video, DAY_MS + (int64_t)i * 20000);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, end - first).status);
    free(entries);
    free(arena.base);
}

static void copy_file(const char *from, const char *to, const char *name)
{
    char from_path[FILES_PATH_SIZE];
    char to_path[FILES_PATH_SIZE];
    struct files_sum sum;
    CHECK_EQ(STATUS_OK, files_join(from, name, from_path, NULL));
    CHECK_EQ(STATUS_OK, files_join(to, name, to_path, NULL));
    FILE *file = fopen(to_path, "wb");
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, files_read(from_path, fileno(file), NULL, NULL, &sum, NULL));
    fclose(file);
}

/* Opens a copy of the log, with or without its checkpoint. */
static struct store *open_copy(const char *path, bool checkpoint)
{
    char copy[TEST_PATH_SIZE];
    test_directory(copy);
    copy_file(path, copy, "data.mdb");
    if (checkpoint) {
        copy_file(path, copy, "state.mdb");
    }
    struct store *store = open_cold(copy);
    CHECK(!checkpoint || store_checkpoint_sequence(store) > 0);
    return store;
}

/* The row of a video in India; hits must be its impressions within the day. */
static void check_row(struct store *store, unsigned video, int hits)
{
    char id[16];
    const struct video *found;
    const struct scoped *row;
    snprintf(id, sizeof(id), "video-%u", video);
    uint64_t key = hash_key(text_of(id));
    const struct state *state = store_begin(store);
    videos_find_many(state_videos(state), &key, 1, &found);
    scoped_find_many(state_scoped(state), SCOPE_REGION, INDIA, &found, 1, &row);
    CHECK_EQ(hits > 0, row != NULL);
    if (row != NULL) {
        CHECK_EQ(hits, (int)scoped_count(row, HALF_LIFE_14_DAYS, COUNTER_IMPRESSIONS));
    }
    store_end(store);
}

static void rows_are_the_same_live_cold_restarted_and_replayed(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_cold(path);
    write_mixed(store, 0, 4000);
    uint64_t digest = digest_of(store);
    uint64_t rows = counts_of(store).scoped;
    CHECK(rows > 100 && rows < counts_of(store).statistics / 2);
    CHECK_EQ(STATUS_OK, store_checkpoint(store));
    CHECK_EQ(0, counts_of(store).statistics_bytes);
    CHECK(digest == digest_of(store));
    CHECK_EQ(rows, counts_of(store).scoped);
    write_mixed(store, 4000, 6000); /* brings statistics back */
    digest = digest_of(store);
    CHECK(counts_of(store).scoped > rows);
    rows = counts_of(store).scoped;
    for (unsigned i = 0; i < 2; i++) {
        struct store *copy = open_copy(path, i == 1); /* replayed, or with the log's tail */
        CHECK(digest == digest_of(copy));
        CHECK_EQ(rows, counts_of(copy).scoped);
        store_close(copy);
    }
    store_close(store);
    store = open_cold(path);
    CHECK_EQ(0, counts_of(store).statistics_bytes);
    CHECK(digest == digest_of(store));
    CHECK_EQ(rows, counts_of(store).scoped);
    store_close(store);
}

/* One impression of each of these videos. */
static void write_once(struct store *store, unsigned first, unsigned end)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry *entries = calloc(end - first, sizeof(*entries));
    CHECK(entries != NULL);
    for (unsigned i = first; i < end; i++) {
        entries[i - first] = make_impression(&arena, i, i, DAY_MS);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, end - first).status);
    free(entries);
    free(arena.base);
}

/* A start hands out statistics to its threads 32,768 at a time. */
static void rows_that_two_threads_restore_are_all_there(void)
{
    enum { MANY = 12000 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_cold(path);
    write_mixed(store, 0, 2000);
    write_once(store, VIDEOS, VIDEOS + MANY);
    for (unsigned i = 0; i < 20; i++) {
        write_impressions(store, VIDEOS + MANY + i, 0, 8, DAY_MS);
    }
    struct state_counts counts = counts_of(store);
    CHECK(counts.statistics > 32768);
    uint64_t digest = digest_of(store);
    store_close(store);
    store = open_cold(path);
    CHECK(digest == digest_of(store));
    CHECK_EQ(counts.scoped, counts_of(store).scoped);
    store_close(store);
}

/* The key of statistics is saved again when they get a row, though it is the same day. */
static void eighth_view_of_cold_statistics_outlives_a_restart(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_cold(path);
    write_impressions(store, 1, 0, 7, DAY_MS);
    write_impressions(store, 2, 0, 7, DAY_MS);
    CHECK_EQ(STATUS_OK, store_checkpoint(store));
    check_row(store, 1, 0);
    write_impressions(store, 1, 7, 1, DAY_MS);
    check_row(store, 1, 8);
    store_close(store);
    store = open_cold(path);
    check_row(store, 1, 8);
    check_row(store, 2, 0);
    write_impressions(store, 1, 8, 1, DAY_MS);
    check_row(store, 1, 9);
    CHECK_EQ(2, counts_of(store).scoped); /* region and language */
    store_close(store);
}

/* A key of the first version does not say what is scoped: as the program before rows left it. */
static size_t encode_old_keys(const struct statistics_key_entry *entries, size_t count,
                              uint8_t *out)
{
    uint8_t *at = put_varint(out + CODER_HEADER_SIZE, count);
    for (size_t i = 0; i < count; i++) {
        at = put_fixed(at, entries[i].video_key, 8);
        at = put_fixed(at, entries[i].kind, 1);
        at = entries[i].kind != SCOPE_GLOBAL ? put_fixed(at, entries[i].code, 2) : at;
        at = put_varint(at, entries[i].last_day);
    }
    return seal_row(out, 1, at);
}

/* A row of keys anew: of version 1, or saying that nothing is scoped. */
static void rewrite_row(MDB_txn *txn, MDB_dbi dbi, uint32_t row, bool old)
{
    struct statistics_key_entry entries[STATE_KEYS_PER_ROW];
    uint8_t bytes[STATISTICS_KEYS_ROW_SIZE_MAX];
    MDB_val key = {sizeof(row), &row};
    MDB_val value;
    size_t count;
    CHECK_EQ(0, mdb_get(txn, dbi, &key, &value));
    CHECK_EQ(STATUS_OK, statistics_keys_row_decode(value.mv_data, value.mv_size, entries, &count));
    for (size_t i = 0; i < count; i++) {
        entries[i].scoped = false;
    }
    size_t size = old ? encode_old_keys(entries, count, bytes)
                      : statistics_keys_row_encode(entries, count, bytes);
    value = (MDB_val){size, bytes};
    CHECK_EQ(0, mdb_put(txn, dbi, &key, &value, 0));
}

/* The mark of version 2, which is otherwise the same. */
static void rewrite_mark(MDB_txn *txn)
{
    uint8_t bytes[64];
    MDB_dbi dbi;
    MDB_val key = {4, (void *)"mark"};
    MDB_val value;
    CHECK_EQ(0, mdb_dbi_open(txn, "meta", 0, &dbi));
    CHECK_EQ(0, mdb_get(txn, dbi, &key, &value));
    CHECK(value.mv_size <= sizeof(bytes));
    memcpy(bytes, value.mv_data, value.mv_size);
    CHECK_EQ(3, bytes[0]);
    value = (MDB_val){seal_row(bytes, 2, bytes + value.mv_size), bytes};
    CHECK_EQ(0, mdb_put(txn, dbi, &key, &value, 0));
}

/* Writes the keys of a closed store anew: as of file version 2, or saying that nothing is scoped.
 */
static void rewrite_keys(const char *path, bool old)
{
    char name[FILES_PATH_SIZE];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_stat stat;
    CHECK_EQ(STATUS_OK, files_join(path, "state.mdb", name, NULL));
    CHECK_EQ(0, mdb_env_create(&env));
    CHECK_EQ(0, mdb_env_set_maxdbs(env, 2));
    CHECK_EQ(0, mdb_env_open(env, name, MDB_NOSUBDIR | MDB_NOLOCK, 0600));
    CHECK_EQ(0, mdb_txn_begin(env, NULL, 0, &txn));
    CHECK_EQ(0, mdb_dbi_open(txn, "statistics_keys", MDB_INTEGERKEY, &dbi));
    CHECK_EQ(0, mdb_stat(txn, dbi, &stat));
    CHECK(stat.ms_entries > 0);
    for (uint32_t row = 0; row < stat.ms_entries; row++) {
        rewrite_row(txn, dbi, row, old);
    }
    if (old) {
        rewrite_mark(txn);
    }
    CHECK_EQ(0, mdb_txn_commit(txn));
    mdb_env_close(env);
}

static struct verify_report verify(const char *path)
{
    struct verify_report report;
    struct verify_options options = {.every_snapshot = true};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, verify_data(path, &options, &report, &problem));
    return report;
}

static void checkpoint_of_before_there_were_rows_has_them(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_cold(path);
    write_mixed(store, 0, 4000);
    uint64_t digest = digest_of(store);
    uint64_t rows = counts_of(store).scoped;
    store_close(store);
    rewrite_keys(path, true);
    CHECK_EQ(0, verify(path).error_count);
    store = open_cold(path);
    CHECK(store_checkpoint_sequence(store) > 0); /* it was not set aside */
    CHECK(digest == digest_of(store));
    CHECK_EQ(rows, counts_of(store).scoped);
    write_mixed(store, 4000, 4100); /* some keys are written in today's version */
    digest = digest_of(store);
    rows = counts_of(store).scoped;
    store_close(store);
    CHECK_EQ(0, verify(path).error_count);
    store = open_cold(path);
    CHECK(digest == digest_of(store));
    CHECK_EQ(rows, counts_of(store).scoped);
    store_close(store);
}

static void verify_finds_a_key_that_hides_a_row(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_cold(path);
    write_impressions(store, 1, 0, 8, DAY_MS);
    store_close(store);
    CHECK_EQ(0, verify(path).error_count);
    rewrite_keys(path, false);
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count);
    CHECK(strstr(report.errors[0].problem.text,
                 "row 1 of statistics is not the one its key says") != NULL);
}

static void row_that_is_not_its_keys_is_set_aside_at_the_start(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_cold(path);
    char name[FILES_PATH_SIZE];
    uint32_t row = 1; /* of India */
    write_impressions(store, 1, 0, 8, DAY_MS);
    uint64_t digest = digest_of(store);
    store_close(store);
    CHECK_EQ(STATUS_OK, files_join(path, "state.mdb", name, NULL));
    tamper_file(name, "statistics", MDB_INTEGERKEY, (MDB_val){sizeof(row), &row},
                &(MDB_val){4, "what"});
    store = open_cold(path); /* the log is read again */
    CHECK(digest == digest_of(store));
    check_row(store, 1, 8);
    store_close(store);
}

static void snapshot_gives_rows_when_the_log_behind_it_is_gone(void)
{
    enum { LAST = 3000 };
    char path[TEST_PATH_SIZE];
    char name[FILES_PATH_SIZE];
    test_directory(path);
    struct store *store = open_cold(path);
    write_mixed(store, 0, LAST);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    write_mixed(store, LAST, LAST + 100);
    opened_trim(store_log(store), LAST + 1);
    uint64_t digest = digest_of(store);
    uint64_t rows = counts_of(store).scoped;
    store_close(store);
    CHECK_EQ(STATUS_OK, files_join(path, "state.mdb", name, NULL));
    CHECK_EQ(0, remove(name));
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    store = open_cold(path);
    CHECK(digest == digest_of(store));
    CHECK_EQ(rows, counts_of(store).scoped);
    store_close(store);
}

static void forgetting_a_user_leaves_the_rows(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_cold(path);
    struct arena arena = entries_arena(1 << 16);
    write_impressions(store, 1, 0, 8, DAY_MS);
    CHECK_EQ(STATUS_OK, store_checkpoint(store));
    struct entry forget = entry_forget(&arena, "user-3", 2 * (int64_t)DAY_MS);
    CHECK_EQ(STATUS_OK, entries_write(store, &forget, 1).status);
    check_row(store, 1, 8);
    uint64_t digest = digest_of(store);
    struct store *copy = open_copy(path, false);
    CHECK(digest == digest_of(copy));
    check_row(copy, 1, 8);
    store_close(copy);
    store_close(store);
    free(arena.base);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(rows_are_the_same_live_cold_restarted_and_replayed),
        TEST(rows_that_two_threads_restore_are_all_there),
        TEST(eighth_view_of_cold_statistics_outlives_a_restart),
        TEST(checkpoint_of_before_there_were_rows_has_them),
        TEST(verify_finds_a_key_that_hides_a_row),
        TEST(row_that_is_not_its_keys_is_set_aside_at_the_start),
        TEST(snapshot_gives_rows_when_the_log_behind_it_is_gone),
        TEST(forgetting_a_user_leaves_the_rows),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
