#include "store/checkpoint.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ranker/hash.h"
#include "ranker/state_rows.h"
#include "store/coder.h"
#include "store/files.h"
#include "store/store.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

enum { MAP_BYTES = 64 << 20, ARENA_BYTES = 16 << 20 };

/* What a store warned of last. */
struct warned {
    unsigned count;
    char text[512];
};

static void warn(void *context, const char *text)
{
    struct warned *warned = context;
    warned->count++;
    snprintf(warned->text, sizeof(warned->text), "%s", text);
}

static struct store *open_warned(const char *path, size_t map_bytes, struct warned *warned)
{
    struct store_options options = {.log = {.path = path, .map_bytes = map_bytes},
                                    .window_length = 1 << 10,
                                    .warn = warned != NULL ? warn : NULL,
                                    .warn_context = warned};
    return opened_store(&options);
}

/* A store that must have nothing to warn of. */
static struct store *open_store(const char *path)
{
    struct warned warned = {0};
    struct store *store = open_warned(path, MAP_BYTES, &warned);
    CHECK_STR("", warned.text);
    store_close(store);
    return open_warned(path, MAP_BYTES, NULL);
}

static uint64_t digest_of(struct store *store)
{
    return opened_digests(store).all;
}

static uint64_t sequence_of(struct store *store)
{
    uint64_t sequence = state_sequence(store_begin(store));
    store_end(store);
    return sequence;
}

static void path_in(const char *directory, const char *name, char out[FILES_PATH_SIZE])
{
    CHECK_EQ(STATUS_OK, files_join(directory, name, out, NULL));
}

static bool has_file(const char *directory, const char *name)
{
    char path[FILES_PATH_SIZE];
    path_in(directory, name, path);
    return access(path, F_OK) == 0;
}

static void remove_file(const char *directory, const char *name)
{
    char path[FILES_PATH_SIZE];
    path_in(directory, name, path);
    CHECK(unlink(path) == 0);
}

static void copy_file(const char *from_directory, const char *to_directory, const char *name)
{
    char from[FILES_PATH_SIZE];
    char to[FILES_PATH_SIZE];
    struct files_sum sum;
    path_in(from_directory, name, from);
    path_in(to_directory, name, to);
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(STATUS_OK, files_read(from, fd, NULL, NULL, &sum, NULL));
    close(fd);
}

/* What the log of a directory gives without its checkpoint. */
static uint64_t rebuilt_digest(const char *directory)
{
    char copy[TEST_PATH_SIZE];
    test_directory(copy);
    copy_file(directory, copy, "data.mdb");
    struct store *store = open_warned(copy, MAP_BYTES, NULL);
    CHECK_EQ(0, store_checkpoint_sequence(store));
    uint64_t digest = digest_of(store);
    store_close(store);
    files_remove(copy);
    return digest;
}

/* Writes watches first to end - 1, as one write. */
static void write_watches(struct store *store, unsigned first, unsigned end)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry *entries = calloc(end - first, sizeof(*entries));
    CHECK(entries != NULL);
    for (unsigned i = first; i < end; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        entries[i - first] = entry_watch(&arena, id, i);
    }
    struct batch batch = entries_write(store, entries, end - first);
    CHECK_EQ(STATUS_OK, batch.status);
    free(entries);
    free(arena.base);
}

static struct entry make_video(struct arena *arena, unsigned number, unsigned version)
{
    char id[16];
    char creator[16];
    char *languages[] = {(char *)"hi", (char *)"ta"};
    char *tags[] = {(char *)"cricket", (char *)"music"};
    char *regions[] = {(char *)"RU", (char *)"IN"};
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    snprintf(id, sizeof(id), "video-%u", number);
    snprintf(creator, sizeof(creator), "creator-%u", number % 7);
    video.video_id = id;
    video.creator_id = creator;
    video.duration_ms = 1000 + version;
    video.languages = languages;
    video.n_languages = number % 3;
    video.tags = tags;
    video.n_tags = version % 3;
    video.regions_allowed = regions;
    video.n_regions_allowed = number % 2 * 2;
    return entry_video(arena, &video);
}

static struct entry make_signal(struct arena *arena, unsigned number, uint64_t random)
{
    static const char *const locales[] = {"hi-IN", "ru-RU", "id", "und"};
    char id[16];
    char user[16];
    char video[16];
    char ranking[16];
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    snprintf(id, sizeof(id), "s%u", number);
    snprintf(user, sizeof(user), "user-%u", (unsigned)(random >> 8) % 40);
    snprintf(video, sizeof(video), "video-%u", (unsigned)(random >> 16) % 60);
    snprintf(ranking, sizeof(ranking), "r%u", (unsigned)(random >> 24) % 5);
    signal.event_id = id;
    signal.user_id = user;
    signal.video_id = video;
    signal.type = (Reelrank__V1__SignalType)(1 + random % 14);
    signal.time_ms = INT64_C(1700000000000) + (int64_t)number * 977000;
    signal.watch_ms = signal.type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH
                          ? (int64_t)(random >> 32) % 20000
                          : 0;
    signal.video_duration_ms = 9000;
    signal.locale = (char *)locales[(random >> 40) % 4];
    signal.ranking_id = ranking;
    return entry_signal(arena, &signal);
}

/* Writes 50 entries of every kind; from one number the same always. */
static void write_mixed(struct store *store, unsigned first)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry entries[50];
    uint64_t random = first;
    for (unsigned i = 0; i < 50; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        unsigned choice = (unsigned)(random >> 56) % 10;
        unsigned number = (unsigned)(random >> 48) % 60;
        if (choice == 0) {
            char id[16];
            snprintf(id, sizeof(id), "video-%u", number);
            entries[i] = entry_deletion(&arena, id);
        } else if (choice < 3) {
            entries[i] = make_video(&arena, number, first + i);
        } else {
            entries[i] = make_signal(&arena, first + i, random >> 3);
        }
    }
    struct batch batch = entries_write(store, entries, 50);
    CHECK_EQ(STATUS_OK, batch.status);
    free(arena.base);
}

static void closed_store_opens_from_its_checkpoint(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    CHECK_EQ(0, store_checkpoint_sequence(store));
    write_mixed(store, 0);
    uint64_t sequence = sequence_of(store);
    uint64_t digest = digest_of(store);
    store_close(store);
    store = open_store(path);
    CHECK_EQ(sequence, store_checkpoint_sequence(store));
    CHECK_EQ(sequence, sequence_of(store));
    CHECK(digest == digest_of(store));
    store_close(store);
    CHECK(digest == rebuilt_digest(path));
}

/* A copy of both files as they are now is what a crash would leave. */
static void crash(const char *path, char copy[TEST_PATH_SIZE])
{
    test_directory(copy);
    copy_file(path, copy, "data.mdb");
    copy_file(path, copy, "state.mdb");
}

static void log_behind_the_checkpoint_is_applied_again(void)
{
    char path[TEST_PATH_SIZE];
    char copy[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    for (unsigned round = 0; round < 30; round++) {
        write_mixed(store, round * 100);
        if (round % 3 == 0) {
            CHECK_EQ(STATUS_OK, store_checkpoint(store));
            CHECK_EQ(sequence_of(store), store_checkpoint_sequence(store));
        }
        if (round % 5 == 4) {
            crash(path, copy);
            struct store *opened = open_warned(copy, MAP_BYTES, NULL);
            CHECK_EQ(store_checkpoint_sequence(store), store_checkpoint_sequence(opened));
            CHECK_EQ(sequence_of(store), sequence_of(opened));
            CHECK(digest_of(store) == digest_of(opened));
            CHECK(rebuilt_digest(copy) == digest_of(opened));
            write_mixed(opened, 5000); /* and goes on as any other */
            uint64_t digest = digest_of(opened);
            store_close(opened);
            CHECK(rebuilt_digest(copy) == digest);
        }
    }
    store_close(store);
}

static void checkpoint_of_nothing_new_succeeds(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    CHECK_EQ(STATUS_OK, store_checkpoint(store));
    write_mixed(store, 0);
    CHECK_EQ(STATUS_OK, store_checkpoint(store));
    CHECK_EQ(STATUS_OK, store_checkpoint(store));
    store_close(store);
}

static void repeats_are_recognised_across_a_checkpoint(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t length;
    uint64_t count;
    test_directory(path);
    struct arena arena = entries_arena(ARENA_BYTES);
    struct store *store = open_store(path);
    write_watches(store, 0, 1500);
    struct entry videos[] = {make_video(&arena, 1, 1), make_video(&arena, 2, 1)};
    CHECK_EQ(STATUS_OK, entries_write(store, videos, 2).status);
    store_close(store);
    store = open_store(path);
    store_window(store, &length, &count);
    CHECK_EQ(1 << 10, length);
    CHECK_EQ(1 << 10, count);
    struct entry entries[] = {entry_watch(&arena, "1499", 1), entry_watch(&arena, "476", 1),
                              entry_watch(&arena, "475", 1), make_video(&arena, 1, 1)};
    CHECK_EQ(STATUS_OK, entries_write(store, entries, 4).status);
    CHECK_EQ(OUTCOME_DUPLICATE, entries[0].outcome);
    CHECK_EQ(OUTCOME_DUPLICATE, entries[1].outcome);
    CHECK_EQ(OUTCOME_ACCEPTED, entries[2].outcome); /* the first beyond the window */
    CHECK_EQ(OUTCOME_DUPLICATE, entries[3].outcome);
    store_close(store);
    free(arena.base);
}

/* Opens a directory whose checkpoint must be set aside for this reason. */
static void check_set_aside(const char *path, const char *reason)
{
    struct warned warned = {0};
    struct store *store = open_warned(path, MAP_BYTES, &warned);
    CHECK_EQ(1, warned.count);
    if (strstr(warned.text, reason) == NULL) {
        CHECK_STR(reason, warned.text);
    }
    CHECK(has_file(path, "state.mdb.bad"));
    CHECK(rebuilt_digest(path) == digest_of(store));
    uint64_t sequence = sequence_of(store);
    store_close(store);
    store = open_store(path); /* has a sound one now */
    CHECK_EQ(sequence, store_checkpoint_sequence(store));
    store_close(store);
}

static void checkpoint_ahead_of_the_log_is_set_aside(void)
{
    char path[TEST_PATH_SIZE];
    char copy[TEST_PATH_SIZE];
    test_directory(path);
    test_directory(copy);
    struct store *store = open_store(path);
    write_mixed(store, 0);
    copy_file(path, copy, "data.mdb");
    write_mixed(store, 100);
    store_close(store);
    copy_file(path, copy, "state.mdb");
    check_set_aside(copy, "but the log ends at");
}

static void checkpoint_of_another_log_is_set_aside(void)
{
    char paths[2][TEST_PATH_SIZE];
    for (unsigned i = 0; i < 2; i++) {
        test_directory(paths[i]);
        struct store *store = open_store(paths[i]);
        write_watches(store, i * 100, i * 100 + 10);
        store_close(store);
    }
    copy_file(paths[0], paths[1], "state.mdb");
    check_set_aside(paths[1], "another log");
}

/* A directory with a checkpoint. */
static void make_checkpoint(char path[TEST_PATH_SIZE])
{
    test_directory(path);
    struct store *store = open_store(path);
    for (unsigned i = 0; i < 10; i++) {
        write_mixed(store, i * 100);
    }
    store_close(store);
}

/* Overwrites size bytes of the checkpoint's entry; a size of 0 deletes it. */
static void change_entry(const char *directory, const char *table, MDB_val key, const void *bytes,
                         size_t size)
{
    char path[FILES_PATH_SIZE];
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_val value = {size, (void *)bytes};
    path_in(directory, "state.mdb", path);
    CHECK_EQ(0, mdb_env_create(&env));
    CHECK_EQ(0, mdb_env_set_maxdbs(env, 8));
    CHECK_EQ(0, mdb_env_set_mapsize(env, MAP_BYTES));
    CHECK_EQ(0, mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600));
    CHECK_EQ(0, mdb_txn_begin(env, NULL, 0, &txn));
    CHECK_EQ(0, mdb_dbi_open(txn, table, 0, &dbi));
    CHECK_EQ(0, size > 0 ? mdb_put(txn, dbi, &key, &value, 0) : mdb_del(txn, dbi, &key, NULL));
    CHECK_EQ(0, mdb_txn_commit(txn));
    mdb_env_close(env);
}

static const MDB_val mark_key = {4, (void *)"mark"};

static void checkpoint_of_another_state_version_is_set_aside(void)
{
    char path[TEST_PATH_SIZE];
    uint8_t mark[64];
    make_checkpoint(path);
    uint8_t *at = put_fixed(mark + CODER_HEADER_SIZE, STATE_VERSION + 1, 4);
    for (unsigned i = 0; i < 6; i++) {
        at = put_fixed(at, 1, 8);
    }
    change_entry(path, "meta", mark_key, mark, seal_row(mark, 3, at));
    check_set_aside(path, "state version 4, this program's is 3");
}

static void checkpoint_of_a_later_file_version_is_set_aside(void)
{
    char path[TEST_PATH_SIZE];
    uint8_t mark[64] = {0};
    make_checkpoint(path);
    change_entry(path, "meta", mark_key, mark, seal_row(mark, 4, mark + CODER_HEADER_SIZE + 52));
    check_set_aside(path, "file version 4, this program's is 3");
}

static void damaged_mark_is_set_aside(void)
{
    char path[TEST_PATH_SIZE];
    make_checkpoint(path);
    change_entry(path, "meta", mark_key, "nonsense", 8);
    check_set_aside(path, "mark fails validation");
    change_entry(path, "meta", mark_key, NULL, 0);
    check_set_aside(path, "no mark");
}

static void damaged_or_missing_rows_are_set_aside(void)
{
    static const char *const tables[] = {"user_keys", "videos", "statistics_keys", "watch"};
    char path[TEST_PATH_SIZE];
    make_checkpoint(path);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t row = 0;
        MDB_val key = {sizeof(row), &row};
        change_entry(path, tables[i], key, "nonsense", 8);
        check_set_aside(path, tables[i]);
        if (i < 3) {
            row = i == 1 ? 3 : 0;
            change_entry(path, tables[i], key, NULL, 0);
            check_set_aside(path, i == 1 ? "row 3" : "row 0");
        }
    }
}

/* Overwrites the checkpoint with these bytes, or cuts it to that size when bytes is NULL. */
static void overwrite(const char *directory, const char *bytes, off_t size)
{
    char path[FILES_PATH_SIZE];
    path_in(directory, "state.mdb", path);
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    CHECK(bytes == NULL || pwrite(fd, bytes, (size_t)size, 0) == size);
    CHECK(ftruncate(fd, size) == 0);
    close(fd);
}

static void file_of_garbage_is_set_aside(void)
{
    char path[TEST_PATH_SIZE];
    static char garbage[20000];
    memset(garbage, 0x5a, sizeof(garbage));
    make_checkpoint(path);
    overwrite(path, garbage, sizeof(garbage));
    check_set_aside(path, "set aside");
}

static void file_cut_short_is_set_aside(void)
{
    char path[TEST_PATH_SIZE];
    make_checkpoint(path);
    overwrite(path, NULL, 4096 * 4);
    check_set_aside(path, "set aside");
}

/* Opens in a process of its own, which damage may end, and checks the digest. */
static bool opens_right(const char *path, uint64_t digest)
{
    enum { WRONG_DIGEST = 3 };
    int state;
    fflush(stderr);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct rlimit no_core = {0};
        CHECK(setrlimit(RLIMIT_CORE, &no_core) == 0);
        CHECK(freopen("/dev/null", "w", stderr) != NULL);
        struct store *store = open_warned(path, MAP_BYTES, NULL);
        _exit(digest_of(store) == digest ? 0 : WRONG_DIGEST);
    }
    CHECK(waitpid(pid, &state, 0) == pid);
    CHECK(!WIFEXITED(state) || WEXITSTATUS(state) != WRONG_DIGEST);
    return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

static void wherever_the_damage_the_second_start_is_right(void)
{
    enum { ROUNDS = 16, RUN = 64 };
    char path[TEST_PATH_SIZE];
    char copy[TEST_PATH_SIZE];
    char name[FILES_PATH_SIZE];
    char run[RUN];
    struct stat stat;
    uint64_t random = 4;
    make_checkpoint(path);
    uint64_t digest = rebuilt_digest(path);
    for (unsigned round = 0; round < ROUNDS; round++) {
        crash(path, copy);
        path_in(copy, "state.mdb", name);
        int fd = open(name, O_WRONLY);
        CHECK(fd >= 0 && fstat(fd, &stat) == 0);
        for (unsigned i = 0; i < 8; i++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            off_t at = (off_t)((random >> 33) % (uint64_t)(stat.st_size - RUN));
            memset(run, (int)(random >> 20), RUN);
            CHECK(pwrite(fd, run, RUN, at) == RUN);
        }
        close(fd);
        CHECK(opens_right(copy, digest) || opens_right(copy, digest));
        files_remove(copy);
    }
}

static void file_that_was_found_damaged_is_set_aside(void)
{
    char path[TEST_PATH_SIZE];
    char name[FILES_PATH_SIZE];
    make_checkpoint(path);
    path_in(path, "state.mdb.doubt", name);
    int fd = open(name, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    close(fd);
    check_set_aside(path, "found it damaged");
    CHECK(!has_file(path, "state.mdb.doubt"));
}

static void missing_or_empty_file_is_made_again(void)
{
    char path[TEST_PATH_SIZE];
    make_checkpoint(path);
    remove_file(path, "state.mdb");
    uint64_t digest = rebuilt_digest(path);
    struct store *store = open_store(path);
    CHECK(digest == digest_of(store));
    store_close(store);
    overwrite(path, NULL, 0);
    store = open_store(path);
    CHECK(digest == digest_of(store));
    store_close(store);
}

static void store_works_where_no_checkpoint_can_be_made(void)
{
    char path[TEST_PATH_SIZE];
    char name[FILES_PATH_SIZE];
    struct warned warned = {0};
    test_directory(path);
    path_in(path, "state.mdb", name);
    CHECK(mkdir(name, 0700) == 0);
    struct store *store = open_warned(path, MAP_BYTES, &warned);
    CHECK_EQ(1, warned.count);
    write_mixed(store, 0);
    uint64_t digest = digest_of(store);
    CHECK_EQ(STATUS_UNAVAILABLE, store_checkpoint(store));
    CHECK_EQ(0, store_checkpoint_sequence(store));
    store_close(store);
    store = open_warned(path, MAP_BYTES, &warned);
    CHECK(digest == digest_of(store));
    store_close(store);
}

/* Each signal is of a new user and a new video, which takes more room in the state than the log. */
static enum status write_wide(struct store *store, unsigned first)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry entries[100];
    for (unsigned i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", first + i);
        Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
        signal.event_id = id;
        signal.user_id = id;
        signal.video_id = id;
        signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY;
        signal.time_ms = 1000;
        signal.locale = (char *)"hi-IN";
        entries[i] = entry_signal(&arena, &signal);
    }
    enum status status = entries_write(store, entries, 100).status;
    free(arena.base);
    return status;
}

static void full_state_file_loses_nothing_and_heals(void)
{
    char path[TEST_PATH_SIZE];
    struct warned warned = {0};
    test_directory(path);
    struct store *store = open_warned(path, 1 << 20, &warned);
    unsigned written = 0;
    while (warned.count == 0) {
        CHECK_EQ(STATUS_OK, write_wide(store, written));
        written += 100;
        enum status status = store_checkpoint(store);
        CHECK_EQ(warned.count == 0 ? STATUS_OK : STATUS_NO_SPACE, status);
    }
    uint64_t before = store_checkpoint_sequence(store);
    CHECK_EQ(written - 100, before);
    CHECK_EQ(STATUS_OK, write_wide(store, written)); /* signals are taken still */
    uint64_t digest = digest_of(store);
    store_close(store);
    store = open_warned(path, MAP_BYTES, NULL);
    CHECK_EQ(before, store_checkpoint_sequence(store));
    CHECK(digest == digest_of(store));
    CHECK_EQ(STATUS_OK, store_checkpoint(store));
    CHECK_EQ(sequence_of(store), store_checkpoint_sequence(store));
    store_close(store);
    CHECK(digest == rebuilt_digest(path));
}

static void everything_is_saved_again_after_a_failure(void)
{
    char path[TEST_PATH_SIZE];
    struct warned warned = {0};
    test_directory(path);
    struct store *store = open_warned(path, 1 << 20, &warned);
    for (unsigned written = 0; warned.count == 0; written += 100) {
        CHECK_EQ(STATUS_OK, write_wide(store, written));
        (void)!store_checkpoint(store);
    }
    write_watches(store, 1 << 30, (1 << 30) + 10);
    (void)!store_checkpoint(store); /* fails again, with rows of both */
    store_close(store);
    store = open_warned(path, MAP_BYTES, NULL);
    uint64_t digest = digest_of(store);
    store_close(store);
    store = open_store(path);
    CHECK(digest == digest_of(store));
    store_close(store);
    CHECK(digest == rebuilt_digest(path));
}

struct checkpointing {
    struct store *store;
    atomic_bool stop;
    unsigned count;
};

static void *checkpoint_on(void *argument)
{
    struct checkpointing *checkpointing = argument;
    while (!atomic_load(&checkpointing->stop)) {
        CHECK_EQ(STATUS_OK, store_checkpoint(checkpointing->store));
        checkpointing->count++;
    }
    return NULL;
}

static void checkpoints_while_others_write_are_of_one_sequence(void)
{
    char path[TEST_PATH_SIZE];
    char copy[TEST_PATH_SIZE];
    pthread_t thread;
    test_directory(path);
    struct checkpointing checkpointing = {.store = open_store(path)};
    struct store *store = checkpointing.store;
    for (unsigned round = 0; round < 5; round++) {
        atomic_store(&checkpointing.stop, false);
        CHECK(pthread_create(&thread, NULL, checkpoint_on, &checkpointing) == 0);
        for (unsigned i = 0; i < 40; i++) {
            write_mixed(store, round * 10000 + i * 100);
        }
        atomic_store(&checkpointing.stop, true);
        CHECK(pthread_join(thread, NULL) == 0);
        write_mixed(store, round * 10000 + 9000); /* the last checkpoint lies behind */
        crash(path, copy);
        struct store *opened = open_warned(copy, MAP_BYTES, NULL);
        CHECK(store_checkpoint_sequence(opened) < sequence_of(opened));
        CHECK(digest_of(store) == digest_of(opened));
        store_close(opened);
        CHECK(rebuilt_digest(copy) == digest_of(store));
    }
    CHECK(checkpointing.count > 0);
    store_close(store);
}

static size_t user_bytes_of(struct store *store)
{
    struct state_counts counts;
    state_count(store_begin(store), &counts);
    store_end(store);
    return counts.user_bytes;
}

static struct store *open_with_users_on_disk(const char *path)
{
    return opened_store(
        &(struct store_options){.log = {.path = path, .map_bytes = MAP_BYTES}, .user_bytes = 1});
}

static void find_and_check(struct store *store, const char *user_id, uint64_t signals)
{
    struct arena arena = entries_arena(STATE_LOAD_BYTES);
    const struct user *user = NULL;
    const struct state *state = store_begin(store);
    CHECK_EQ(STATUS_OK, state_find_user(state, hash_key(text_of(user_id)), &arena, &user));
    CHECK_EQ(signals, user != NULL ? user->signal_count : 0);
    store_end(store);
    free(arena.base);
}

static void users_beyond_their_memory_are_found_on_disk(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_with_users_on_disk(path);
    write_watches(store, 0, 1000); /* ten of each of 100 users */
    CHECK(user_bytes_of(store) > 10000);
    find_and_check(store, "user-7", 10);
    CHECK_EQ(STATUS_OK, store_checkpoint(store));
    CHECK_EQ(0, user_bytes_of(store));
    find_and_check(store, "user-7", 10);
    find_and_check(store, "nobody", 0);
    uint64_t digest = digest_of(store);
    CHECK(digest == rebuilt_digest(path));
    write_watches(store, 1000, 1007); /* brings back seven */
    CHECK(user_bytes_of(store) > 0);
    find_and_check(store, "user-6", 11);
    find_and_check(store, "user-7", 10);
    digest = digest_of(store);
    store_close(store);
    store = open_with_users_on_disk(path);
    CHECK_EQ(0, user_bytes_of(store)); /* none is read at a start */
    CHECK(digest == digest_of(store));
    store_close(store);
}

/* What the last signals were about is brought back after a start, by and by. */
static void recent_users_come_back_after_a_start(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    write_watches(store, 0, 1000);
    struct state_counts before;
    state_count(store_begin(store), &before);
    store_end(store);
    uint64_t digest = digest_of(store);
    store_close(store);
    store = open_warned(path, MAP_BYTES, NULL);
    struct state_counts now = {.user_bytes = 0};
    while (now.user_bytes < before.user_bytes / 2 ||
           now.statistics_bytes < before.statistics_bytes / 2) { /* lists are of other capacity */
        state_count(store_begin(store), &now);
        store_end(store);
        usleep(1000);
    }
    CHECK(digest == digest_of(store));
    store_close(store);
}

/* Users come and go, in memory or not, and the state is that of the log. */
static void users_on_disk_come_and_go_as_those_in_memory(void)
{
    enum { ROUNDS = 30 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_with_users_on_disk(path);
    uint64_t random = 9;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct arena arena = entries_arena(1 << 20);
        write_watches(store, round * 60, round * 60 + 60);
        for (unsigned i = 0; i < 7; i++) {
            char user[16];
            random = random * 6364136223846793005U + 1442695040888963407U;
            snprintf(user, sizeof(user), "user-%u", (unsigned)(random >> 33) % 100);
            struct entry forget = entry_forget(&arena, user, 1);
            CHECK_EQ(STATUS_OK, entries_write(store, &forget, 1).status);
            find_and_check(store, user, 0);
        }
        if (round % 3 != 0) {
            CHECK_EQ(STATUS_OK, store_checkpoint(store));
        }
        if (round % 7 == 3) {
            store_close(store);
            store = open_with_users_on_disk(path);
        }
        free(arena.base);
    }
    CHECK(digest_of(store) == rebuilt_digest(path));
    store_close(store);
}

/*
 * If this fails because the same log now gives another state, raise STATE_VERSION and put the new
 * number here, so that checkpoints of before are not taken for today's.
 */
static void state_version_stands_for_this_state(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    for (unsigned i = 0; i < 20; i++) {
        write_mixed(store, i * 100);
    }
    uint64_t digest = digest_of(store);
    store_close(store);
    CHECK_EQ(3, STATE_VERSION);
    CHECK_EQ(-4217351206964602049, (int64_t)digest);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(closed_store_opens_from_its_checkpoint),
        TEST(log_behind_the_checkpoint_is_applied_again),
        TEST(checkpoint_of_nothing_new_succeeds),
        TEST(repeats_are_recognised_across_a_checkpoint),
        TEST(checkpoint_ahead_of_the_log_is_set_aside),
        TEST(checkpoint_of_another_log_is_set_aside),
        TEST(checkpoint_of_another_state_version_is_set_aside),
        TEST(checkpoint_of_a_later_file_version_is_set_aside),
        TEST(damaged_mark_is_set_aside),
        TEST(damaged_or_missing_rows_are_set_aside),
        TEST(file_of_garbage_is_set_aside),
        TEST(file_cut_short_is_set_aside),
        TEST(wherever_the_damage_the_second_start_is_right),
        TEST(file_that_was_found_damaged_is_set_aside),
        TEST(missing_or_empty_file_is_made_again),
        TEST(store_works_where_no_checkpoint_can_be_made),
        TEST(full_state_file_loses_nothing_and_heals),
        TEST(everything_is_saved_again_after_a_failure),
        TEST(checkpoints_while_others_write_are_of_one_sequence),
        TEST(users_beyond_their_memory_are_found_on_disk),
        TEST(recent_users_come_back_after_a_start),
        TEST(users_on_disk_come_and_go_as_those_in_memory),
        TEST(state_version_stands_for_this_state),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
