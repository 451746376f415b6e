#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ranker/hash.h"
#include "ranker/locale.h"
#include "store/backup.h"
#include "store/carry.h"
#include "store/coder.h"
#include "store/snapshots.h"
#include "store/statistics_keys_row.h"
#include "store/statistics_row.h"
#include "store/store.h"
#include "store/verify.h"
#include "store/video_row.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

/*
 * A directory as the program before retention left it: a log of format 1, without a list of
 * forgotten users, and a state file of version 1.
 */
enum { MAP_BYTES = 64 << 20, SIGNALS = 50, OLD_MARK_SIZE = 61, OLD_FILE_VERSION = 2 };

static void put(MDB_txn *txn, MDB_dbi database, MDB_val key, MDB_val value)
{
    CHECK(mdb_put(txn, database, &key, &value, 0) == 0);
}

static MDB_env *open_env(const char *path, unsigned flags)
{
    MDB_env *env = NULL;
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_set_mapsize(env, MAP_BYTES) == 0);
    CHECK(mdb_env_set_maxdbs(env, 8) == 0);
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

/* ---- the state version before, in which videos had no embeddings ---- */

static struct entry video_entry(struct arena *arena, unsigned number)
{
    char id[16];
    float embedding[2] = {1, (float)number};
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    snprintf(id, sizeof(id), "v%u", number);
    video.video_id = id;
    video.embedding = embedding;
    video.n_embedding = number % 3 > 0 ? 2 : 0;
    return entry_video(arena, &video);
}

static void write_videos_and_watches(struct store *store, unsigned first)
{
    struct arena arena = entries_arena(1 << 20);
    struct entry entries[20];
    for (unsigned i = 0; i < 20; i++) {
        entries[i] =
            i % 2 == 0 ? video_entry(&arena, first + i) : entry_watch(&arena, "", first + i);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, 20).status);
    free(arena.base);
}

static void age_row(MDB_txn *txn, MDB_dbi videos, uint32_t row, MDB_val old)
{
    struct video_row video;
    uint8_t bytes[VIDEO_ROW_SIZE_MAX];
    CHECK_EQ(STATUS_OK, video_row_decode(old.mv_data, old.mv_size, &video));
    video.facts.embedding = (struct embedding){.size = 0};
    size_t size = video_row_encode(&video, bytes);
    put(txn, videos, (MDB_val){sizeof(row), &row}, (MDB_val){size, bytes});
}

static void age_mark(MDB_txn *txn, MDB_dbi meta, MDB_val old)
{
    uint8_t mark[STATE_MARK_MAX];
    CHECK(old.mv_size <= sizeof(mark));
    memcpy(mark, old.mv_data, old.mv_size);
    put_fixed(mark + CODER_HEADER_SIZE, STATE_VERSION_BEFORE, 4);
    CHECK_EQ(old.mv_size, seal_row(mark, OLD_FILE_VERSION, mark + old.mv_size));
    put(txn, meta, (MDB_val){4, "mark"}, (MDB_val){old.mv_size, mark});
}

/* Makes a state file what the version before would have written. */
static void age(const char *path, const char *name)
{
    char file[TEST_PATH_SIZE + 64];
    MDB_txn *txn = NULL;
    MDB_dbi videos;
    MDB_dbi meta;
    MDB_val value;
    snprintf(file, sizeof(file), "%s/%s", path, name);
    MDB_env *env = open_env(file, MDB_NOSUBDIR | MDB_NOLOCK);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, "videos", MDB_INTEGERKEY, &videos) == 0);
    CHECK(mdb_dbi_open(txn, "meta", 0, &meta) == 0);
    for (uint32_t row = 0; mdb_get(txn, videos, &(MDB_val){sizeof(row), &row}, &value) == 0;
         row++) {
        age_row(txn, videos, row, value);
    }
    CHECK(mdb_get(txn, meta, &(MDB_val){4, "mark"}, &value) == 0);
    age_mark(txn, meta, value);
    CHECK(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

static void age_snapshot(const char *path, uint64_t sequence)
{
    char name[SNAPSHOT_NAME_SIZE];
    snapshot_name(sequence, name);
    age(path, name);
}

static uint64_t newest_snapshot(const char *path)
{
    struct snapshots snapshots;
    struct problem problem;
    CHECK_EQ(STATUS_OK, snapshots_list(path, &snapshots, &problem));
    CHECK(snapshots.count > 0);
    return snapshots.sequences[snapshots.count - 1];
}

static void check_opens_with(const char *path, uint64_t digest)
{
    CHECK(verify(path).digests.all == digest);
    for (unsigned i = 0; i < 2; i++) { /* the second time from what the first has saved */
        struct store *store = open_store(path);
        CHECK(opened_digests(store).all == digest);
        store_close(store);
    }
    CHECK(verify(path).digests.all == digest);
}

/* Neither state.mdb nor the snapshot knows embeddings, but the log does. */
static void a_whole_log_gives_videos_their_embeddings(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    write_videos_and_watches(store, 0);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    write_videos_and_watches(store, 10);
    uint64_t digest = opened_digests(store).all;
    store_close(store);
    age(path, "state.mdb");
    age_snapshot(path, 20);
    check_opens_with(path, digest);
}

/* The base is of the version before; videos are in the log behind it, where they were carried. */
static void a_base_of_the_version_before_is_read(void)
{
    char path[TEST_PATH_SIZE];
    _Atomic bool stopping = false;
    struct problem problem = {""};
    test_directory(path);
    struct store *store = open_store(path);
    write_videos_and_watches(store, 0);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    write_videos_and_watches(store, 10);
    CHECK_EQ(STATUS_OK, carry_videos(store, 20, &stopping, &problem));
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    write_videos_and_watches(store, 20);
    uint64_t newest = newest_snapshot(path);
    uint64_t digest = opened_digests(store).all;
    opened_trim(store_log(store), 21);
    store_close(store);
    age(path, "state.mdb");
    age_snapshot(path, 20);
    age_snapshot(path, newest);
    check_opens_with(path, digest);
}

/* In a backup.json of format 2, which is otherwise as one of format 3 without a journal. */
static void describe_as_format_2(const char *backup)
{
    char path[TEST_PATH_SIZE + 32];
    char text[4096] = {0};
    snprintf(path, sizeof(path), "%s/backup.json", backup);
    FILE *file = fopen(path, "r+");
    CHECK(file != NULL);
    CHECK(fread(text, 1, sizeof(text) - 1, file) > 0);
    char *format = strstr(text, "\"format\": 3");
    CHECK(format != NULL);
    format[strlen("\"format\": ")] = '2';
    rewind(file);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

/* The base is written anew without the user, and stays of the version before. */
static void a_user_leaves_the_old_base_of_a_restored_backup_of_format_2(void)
{
    char path[TEST_PATH_SIZE];
    char backup[TEST_PATH_SIZE + 16];
    struct backup_info info;
    struct restored restored;
    _Atomic bool stopping = false;
    struct problem problem = {""};
    struct arena arena = entries_arena(1 << 16);
    struct backup_options options = {.now_ms = 1};
    struct restore_options restore_options = {.now_ms = 1, .map_bytes = MAP_BYTES, .force = true};
    test_directory(path);
    snprintf(backup, sizeof(backup), "%s-backup", path);
    struct store *store = open_store(path);
    write_videos_and_watches(store, 0);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    CHECK_EQ(STATUS_OK, carry_videos(store, 20, &stopping, &problem));
    write_videos_and_watches(store, 20);
    opened_trim(store_log(store), 21);
    store_close(store);
    age(path, "state.mdb");
    age_snapshot(path, 20);
    CHECK_EQ(STATUS_OK, backup_make(path, backup, &options, &info, &problem));
    CHECK_EQ(20, info.base);
    describe_as_format_2(backup);

    store = open_store(path);
    struct entry entry = entry_forget(&arena, "user-7", 2000000); /* who is in the base alone */
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    uint64_t digest = opened_digests(store).all;
    store_close(store);
    CHECK_EQ(STATUS_OK, backup_restore(backup, path, &restore_options, &restored, &problem));
    CHECK_EQ(1, restored.forgotten);
    CHECK(restored.state_digest == digest);
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.snapshot_count);
    CHECK(report.snapshots[0].before);
    check_opens_with(path, digest);
    free(arena.base);
}

/* ---- its codes of languages, of which some had two: "hin" beside "hi" ---- */

enum { LAST_LETTER_N = 14 }; /* of three, as in locale.h */

static uint16_t old_language(uint16_t code)
{
    return code | LAST_LETTER_N;
}

static void age_language_of_video(MDB_txn *txn, MDB_dbi videos, uint32_t row, MDB_val old)
{
    struct video_row video;
    uint8_t bytes[VIDEO_ROW_SIZE_MAX];
    CHECK_EQ(STATUS_OK, video_row_decode(old.mv_data, old.mv_size, &video));
    if (video.known) {
        video.facts.languages[0] = old_language(video.facts.languages[0]);
    }
    put(txn, videos, (MDB_val){sizeof(row), &row},
        (MDB_val){video_row_encode(&video, bytes), bytes});
}

static void age_language_of_statistics(MDB_txn *txn, MDB_dbi statistics, uint32_t row, MDB_val old)
{
    static struct statistics_parts parts;
    struct statistics_row decoded;
    uint8_t bytes[STATISTICS_ROW_SIZE_MAX];
    CHECK_EQ(STATUS_OK, statistics_row_decode(old.mv_data, old.mv_size, &parts, &decoded));
    if (decoded.kind == SCOPE_LANGUAGE) {
        decoded.code = old_language(decoded.code);
    }
    put(txn, statistics, (MDB_val){sizeof(row), &row},
        (MDB_val){statistics_row_encode(&decoded, bytes), bytes});
}

/* As version 1 of these rows was, too, which does not tell what is scoped. */
static void age_language_of_keys(MDB_txn *txn, MDB_dbi keys, uint32_t row, MDB_val old)
{
    struct statistics_key_entry entries[STATE_KEYS_PER_ROW];
    uint8_t bytes[STATISTICS_KEYS_ROW_SIZE_MAX];
    size_t count = 0;
    CHECK_EQ(STATUS_OK, statistics_keys_row_decode(old.mv_data, old.mv_size, entries, &count));
    uint8_t *at = put_varint(bytes + CODER_HEADER_SIZE, count);
    for (size_t i = 0; i < count; i++) {
        uint16_t code = entries[i].code;
        at = put_fixed(at, entries[i].video_key, 8);
        at = put_fixed(at, entries[i].kind, 1);
        if (entries[i].kind != SCOPE_GLOBAL) {
            at = put_fixed(at, entries[i].kind == SCOPE_LANGUAGE ? old_language(code) : code, 2);
        }
        at = put_varint(at, entries[i].last_day);
    }
    put(txn, keys, (MDB_val){sizeof(row), &row}, (MDB_val){seal_row(bytes, 1, at), bytes});
}

static void change_rows(const char *path, uint64_t snapshot, const char *table,
                        void (*change)(MDB_txn *txn, MDB_dbi table, uint32_t row, MDB_val old))
{
    char name[SNAPSHOT_NAME_SIZE];
    char file[TEST_PATH_SIZE + 64];
    MDB_txn *txn = NULL;
    MDB_dbi database;
    MDB_val old;
    uint32_t row = 0;
    snapshot_name(snapshot, name);
    snprintf(file, sizeof(file), "%s/%s", path, name);
    MDB_env *env = open_env(file, MDB_NOSUBDIR | MDB_NOLOCK);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, table, MDB_INTEGERKEY, &database) == 0);
    while (mdb_get(txn, database, &(MDB_val){sizeof(row), &row}, &old) == 0) {
        change(txn, database, row++, old);
    }
    CHECK(row > 0);
    CHECK(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

static uint16_t language_of(const char *tag)
{
    struct locale locale;
    CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
    return locale.language;
}

static void write_video_and_views(struct store *store, unsigned first)
{
    struct arena arena = entries_arena(1 << 20);
    struct entry entries[12];
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    char *language = "hin";
    video.video_id = (char *)"video-0";
    video.languages = &language;
    video.n_languages = 1;
    entries[0] = entry_video(&arena, &video);
    for (unsigned i = 1; i < 12; i++) { /* enough for a row of what is scoped; by other users */
        entries[i] = entry_watch(&arena, "", first + 50 * i);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, 12).status);
    free(arena.base);
}

/* What of it is in the log is read anew; counts under an old code go on under it until they go. */
static void a_base_with_other_codes_of_languages_is_read(void)
{
    char path[TEST_PATH_SIZE];
    _Atomic bool stopping = false;
    struct problem problem = {""};
    struct video_row video;
    test_directory(path);
    struct store *store = open_store(path);
    write_video_and_views(store, 0);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    CHECK_EQ(STATUS_OK, carry_videos(store, 12, &stopping, &problem));
    opened_trim(store_log(store), 13);
    store_close(store);
    age(path, "state.mdb");
    age_snapshot(path, 12);
    change_rows(path, 12, "videos", age_language_of_video);
    change_rows(path, 12, "statistics", age_language_of_statistics);
    change_rows(path, 12, "statistics_keys", age_language_of_keys);
    check_opens_with(path, verify(path).digests.all);

    store = open_store(path);
    uint64_t key = hash_key(text_of("video-0"));
    state_video_at(store_begin(store), 0, &video);
    store_end(store);
    CHECK(video.facts.key == key);
    CHECK_EQ(language_of("hi"), video.facts.languages[0]);
    write_video_and_views(store, 1000);
    const struct state *state = store_begin(store);
    CHECK(state_has_stats(state, key, SCOPE_LANGUAGE, language_of("hi")));
    CHECK(state_has_stats(state, key, SCOPE_LANGUAGE, old_language(language_of("hi"))));
    store_end(store);
    uint64_t digest = opened_digests(store).all;
    store_close(store);
    check_opens_with(path, digest);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(old_directory_is_verified_as_it_is),
        TEST(old_directory_opens_and_goes_on),
        TEST(backup_of_an_old_directory_leaves_it_and_can_be_restored),
        TEST(a_whole_log_gives_videos_their_embeddings),
        TEST(a_base_of_the_version_before_is_read),
        TEST(a_user_leaves_the_old_base_of_a_restored_backup_of_format_2),
        TEST(a_base_with_other_codes_of_languages_is_read),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
