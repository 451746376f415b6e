/* For memmem(3); must precede every include. */
#define _GNU_SOURCE

#include "store/keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/hash.h"
#include "ranker/state_rows.h"
#include "store/erase.h"
#include "store/files.h"
#include "store/snapshots.h"
#include "tests/store/contents.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

enum { MAP_BYTES = 64 << 20, ARENA_BYTES = 4 << 20, DAY_MS = 86400000 };

static const int64_t START_MS = INT64_C(1700000000000);

static struct store *open_store(const char *path)
{
    return opened_store(&(struct store_options){
        .log = {.path = path, .map_bytes = MAP_BYTES}, .window_length = 100, .user_bytes = 1});
}

static void warn(void *context, const char *text)
{
    (void)context;
    CHECK_STR("", text); /* nothing is to be warned of */
}

static struct keeper *make_keeper(struct store *store, const char *path,
                                  struct keeper_options options)
{
    struct keeper *keeper = NULL;
    options.store = store;
    options.directory = path;
    options.map_bytes = MAP_BYTES;
    options.warn = options.warn != NULL ? options.warn : warn;
    CHECK_EQ(STATUS_OK, keeper_new(&options, &keeper));
    return keeper;
}

static uint64_t first_of(struct store *store)
{
    uint64_t first;
    uint64_t last;
    log_bounds(store_log(store), &first, &last);
    return first;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return *state >> 33;
}

/* Signals of 20 users about 10 videos; number gives all of it. */
static struct entry mixed_signal(struct arena *arena, unsigned number, int64_t time_ms)
{
    char event[24];
    char user[24];
    char video[24];
    uint64_t random = number;
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    next_random(&random);
    snprintf(event, sizeof(event), "event-%u", number);
    snprintf(user, sizeof(user), "user-%u", (unsigned)next_random(&random) % 20);
    snprintf(video, sizeof(video), "video-%u", (unsigned)next_random(&random) % 10);
    signal.event_id = event;
    signal.user_id = user;
    signal.video_id = video;
    signal.type = (Reelrank__V1__SignalType)(1 + next_random(&random) % 14);
    signal.time_ms = time_ms;
    if (signal.type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH) {
        signal.watch_ms = (int64_t)(next_random(&random) % 20000);
    }
    signal.locale = next_random(&random) % 2 == 0 ? "hi-IN" : "ru-RU";
    return entry_signal(arena, &signal);
}

static void write_mixed(struct store *store, unsigned first, unsigned count)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry *entries = calloc(count, sizeof(*entries));
    CHECK(entries != NULL);
    for (unsigned i = 0; i < count; i++) {
        entries[i] = mixed_signal(&arena, first + i, START_MS + (int64_t)(first + i) * 1000);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, count).status);
    free(entries);
    free(arena.base);
}

static void write_videos(struct store *store, unsigned duration_ms)
{
    struct arena arena = entries_arena(ARENA_BYTES);
    struct entry entries[10];
    for (unsigned i = 0; i < 10; i++) {
        char id[16];
        char creator[16];
        Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
        snprintf(id, sizeof(id), "video-%u", i);
        snprintf(creator, sizeof(creator), "creator-%u", i % 3);
        video.video_id = id;
        video.creator_id = creator;
        video.duration_ms = duration_ms + i * 1000;
        entries[i] = entry_video(&arena, &video);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, 10).status);
    free(arena.base);
}

static void forget(struct store *store, const char *user_id)
{
    struct arena arena = entries_arena(1 << 16);
    struct entry entry = entry_forget(&arena, user_id, 1);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    free(arena.base);
}

static void copy_directory(const char *from, const char *to, bool with_state)
{
    DIR *entries = opendir(from);
    const struct dirent *entry;
    CHECK(entries != NULL);
    while (entry = readdir(entries), entry != NULL) {
        bool is_state = strncmp(entry->d_name, "state.mdb", 9) == 0;
        if (strstr(entry->d_name, ".mdb") == NULL || (is_state && !with_state)) {
            continue;
        }
        char path[FILES_PATH_SIZE];
        struct files_sum sum;
        CHECK_EQ(STATUS_OK, files_join(to, entry->d_name, path, NULL));
        FILE *file = fopen(path, "wb");
        CHECK(file != NULL);
        CHECK_EQ(STATUS_OK, files_join(from, entry->d_name, path, NULL));
        CHECK_EQ(STATUS_OK, files_read(path, fileno(file), NULL, NULL, &sum, NULL));
        fclose(file);
    }
    closedir(entries);
}

/* What snapshots and log give without state.mdb. */
static struct state_digests derived_digests(const char *path)
{
    char copy[TEST_PATH_SIZE];
    test_directory(copy);
    copy_directory(path, copy, false);
    struct store *store = open_store(copy);
    struct state_digests digests = opened_digests(store);
    store_close(store);
    files_remove(copy);
    return digests;
}

static void check_derived(const char *path, struct store *store)
{
    struct state_digests want = opened_digests(store);
    struct state_digests got = derived_digests(path);
    CHECK(want.aggregates == got.aggregates);
    CHECK(want.all == got.all);
}

static void old_records_go_and_the_state_stays(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 400000});
    write_videos(store, 5000);
    for (unsigned i = 0; i < 40; i++) {
        write_mixed(store, i * 500, 500);
        keeper_work(keeper, START_MS);
        struct log_sizes sizes;
        log_size(store_log(store), &sizes);
        CHECK(sizes.record_bytes < 700000); /* what is written between two rounds comes on top */
        if (i % 8 == 7) {
            check_derived(path, store);
        }
    }
    CHECK(first_of(store) > 10000);
    for (size_t i = 0; i < 10; i++) {
        const struct videos *videos = state_videos(store_begin(store));
        CHECK(videos_source(videos, videos_at(videos, i)).log_sequence >= first_of(store));
        store_end(store);
    }
    struct state_digests before = opened_digests(store);
    keeper_free(keeper);
    store_close(store);
    store = open_store(path);
    CHECK(before.all == opened_digests(store).all);
    store_close(store);
}

/* Makes a snapshot and removes the records up to it, so that it is needed. */
static void cut_at_snapshot(struct store *store)
{
    uint64_t first;
    uint64_t last;
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    log_bounds(store_log(store), &first, &last);
    opened_trim(store_log(store), last + 1);
}

/* As a restore leaves it. */
static void missing_state_file_is_derived_without_a_warning(void)
{
    char path[TEST_PATH_SIZE];
    char name[FILES_PATH_SIZE];
    struct store_options options = {.log = {.path = path, .map_bytes = MAP_BYTES}, .warn = warn};
    test_directory(path);
    struct store *store = open_store(path);
    write_mixed(store, 0, 1000);
    cut_at_snapshot(store);
    write_mixed(store, 1000, 10);
    struct state_digests before = opened_digests(store);
    store_close(store);
    CHECK_EQ(STATUS_OK, files_join(path, "state.mdb", name, NULL));
    CHECK(unlink(name) == 0);
    store = opened_store(&options);
    CHECK(before.all == opened_digests(store).all);
    store_close(store);
    CHECK_EQ(STATUS_OK, files_join(path, "state.mdb.bad", name, NULL));
    CHECK(access(name, F_OK) != 0);
}

static void records_go_by_age_but_not_those_that_tell_repeats(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_ms = 1000});
    write_mixed(store, 0, 500); /* appended at 1 ms */
    keeper_work(keeper, START_MS);
    write_mixed(store, 500, 500);
    keeper_work(keeper, START_MS);
    CHECK(first_of(store) > 400);
    CHECK(first_of(store) <= 901);
    struct arena arena = entries_arena(1 << 16);
    struct entry repeat = mixed_signal(&arena, 950, START_MS + 950000);
    (void)entries_write(store, &repeat, 1);
    CHECK_EQ(OUTCOME_DUPLICATE, repeat.outcome);
    free(arena.base);
    check_derived(path, store);
    keeper_free(keeper);
    store_close(store);
}

/* Nothing is written any more, so no snapshot will ever leave just half. */
static void a_burst_that_ends_is_cut_to_the_bound_too(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 150000});
    write_videos(store, 5000);
    for (unsigned i = 0; i < 10; i++) {
        write_mixed(store, i * 500, 500);
    }
    keeper_work(keeper, START_MS); /* the snapshot */
    keeper_work(keeper, START_MS); /* the cut, behind which the window stays */
    struct log_sizes sizes;
    log_size(store_log(store), &sizes);
    CHECK(sizes.record_bytes < 160000);
    CHECK(first_of(store) > 3000);
    CHECK(first_of(store) <= 4911);
    check_derived(path, store);
    keeper_free(keeper);
    store_close(store);
}

static void nothing_is_removed_that_nobody_asked_for(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 0});
    write_mixed(store, 0, 2000);
    struct state_digests before = opened_digests(store);
    keeper_work(keeper, START_MS + INT64_C(1000) * DAY_MS);
    CHECK_EQ(1, first_of(store));
    CHECK(before.all == opened_digests(store).all);
    keeper_free(keeper);
    store_close(store);
}

static void a_log_whose_snapshots_are_gone_does_not_open(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 100000});
    for (unsigned i = 0; i < 10; i++) {
        write_mixed(store, i * 500, 500);
        keeper_work(keeper, START_MS);
    }
    CHECK(first_of(store) > 1);
    keeper_free(keeper);
    store_close(store);
    snapshots_remove_before(path, UINT64_MAX);
    char name[FILES_PATH_SIZE];
    CHECK_EQ(STATUS_OK, files_join(path, "state.mdb", name, NULL));
    CHECK(unlink(name) == 0);
    struct problem problem = {""};
    struct store_options options = {.log = {.path = path, .map_bytes = MAP_BYTES}};
    CHECK_EQ(STATUS_CORRUPT, store_open(&options, &store, &problem));
    CHECK(strstr(problem.text, "restore a backup") != NULL);
}

static size_t users_of(struct store *store)
{
    struct state_counts counts;
    state_count(store_begin(store), &counts);
    store_end(store);
    return counts.users;
}

static size_t rows_of(struct store *store, enum state_table table)
{
    size_t count = state_row_count(store_begin(store), table);
    store_end(store);
    return count;
}

static void what_is_idle_is_dropped(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(ARENA_BYTES);
    struct store *store = open_store(path);
    struct keeper *keeper =
        make_keeper(store, path,
                    (struct keeper_options){.user_ms = INT64_C(10) * DAY_MS,
                                            .statistics_ms = INT64_C(20) * DAY_MS});
    write_mixed(store, 0, 1000);
    CHECK_EQ(20, users_of(store));
    CHECK_EQ(10, rows_of(store, STATE_VIDEOS));
    keeper_work(keeper, 1);
    CHECK_EQ(20, users_of(store));
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.user_id = "lonely";
    signal.video_id = "video-3";
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE;
    signal.time_ms = START_MS + INT64_C(12) * DAY_MS;
    struct entry entry = entry_signal(&arena, &signal);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    keeper_work(keeper, 1);
    CHECK_EQ(1, users_of(store));
    CHECK_EQ(10, rows_of(store, STATE_VIDEOS));
    signal.time_ms = START_MS + INT64_C(25) * DAY_MS;
    entry = entry_signal(&arena, &signal);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    keeper_work(keeper, 1);
    keeper_work(keeper, 1);
    CHECK_EQ(1, rows_of(store, STATE_VIDEOS)); /* video-3; none is in the catalogue */
    CHECK_EQ(1, rows_of(store, STATE_STATISTICS));
    check_derived(path, store);
    keeper_free(keeper);
    store_close(store);
    free(arena.base);
}

static void erased_users_leave_their_effect_and_nothing_else(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 0});
    struct problem problem = {""};
    write_videos(store, 5000);
    write_mixed(store, 0, 1000);
    write_videos(store, 12000); /* other durations: labels of the same watch differ */
    write_mixed(store, 1000, 1000);
    CHECK(contents_have_text(path, "user-7"));
    struct state_digests before = opened_digests(store);
    forget(store, "user-7");
    CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
    CHECK(!contents_have_text(path, "user-7"));
    CHECK(contents_have_text(path, "user-8"));
    CHECK_EQ(0, keeper_pending(keeper));
    CHECK(before.aggregates == opened_digests(store).aggregates);
    check_derived(path, store);
    struct tombstone tombstone;
    CHECK_EQ(STATUS_OK,
             log_find_tombstone(store_log(store), hash_key(text_of("user-7")), &tombstone));
    CHECK(!tombstone.pending);
    CHECK(tombstone.signals_erased > 50);
    keeper_free(keeper);
    store_close(store);
}

static void write_like(struct store *store, const char *user_id, int64_t time_ms)
{
    struct arena arena = entries_arena(1 << 16);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.user_id = (char *)user_id;
    signal.video_id = "video-3";
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE;
    signal.time_ms = time_ms;
    struct entry entry = entry_signal(&arena, &signal);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    CHECK_EQ(OUTCOME_ACCEPTED, entry.outcome);
    free(arena.base);
}

/* A snapshot that is made before the erasure comes to it, by which time somebody new is there. */
static void who_comes_back_before_the_erasure_stays_in_snapshots(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 0});
    struct problem problem = {""};
    write_mixed(store, 0, 1000);
    cut_at_snapshot(store);
    forget(store, "user-3");
    write_like(store, "user-3", START_MS + 2000000);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    write_mixed(store, 1000, 10);
    CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
    CHECK_EQ(20, users_of(store));
    check_derived(path, store);
    keeper_free(keeper);
    store_close(store);
}

/* The bytes of the only snapshot of a directory, by name or by a descriptor. */
static bool snapshot_has(int fd, uint64_t user_key)
{
    static char bytes[MAP_BYTES];
    ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
    CHECK(size > 0);
    return memmem(bytes, (size_t)size, &user_key, sizeof(user_key)) != NULL;
}

static int open_snapshot(const char *path)
{
    struct snapshots snapshots;
    char name[SNAPSHOT_NAME_SIZE];
    char file[FILES_PATH_SIZE];
    CHECK_EQ(STATUS_OK, snapshots_list(path, &snapshots, NULL));
    CHECK_EQ(1, snapshots.count);
    snapshot_name(snapshots.sequences[0], name);
    CHECK_EQ(STATUS_OK, files_join(path, name, file, NULL));
    int fd = open(file, O_RDONLY);
    CHECK(fd >= 0);
    return fd;
}

static void who_has_a_snapshot_open_reads_it_as_it_was(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t key = hash_key(text_of("user-3"));
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 0});
    struct problem problem = {""};
    write_mixed(store, 0, 1000);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    int before = open_snapshot(path);
    forget(store, "user-3");
    CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
    int after = open_snapshot(path);
    CHECK(snapshot_has(before, key));
    CHECK(!snapshot_has(after, key));
    close(before);
    close(after);
    keeper_free(keeper);
    store_close(store);
}

struct stopping {
    int left;
};

static bool stop_after(void *context, uint64_t done, uint64_t total)
{
    struct stopping *stopping = context;
    (void)done;
    (void)total;
    return stopping->left-- > 0;
}

/* However often an erasure is broken off, what is left gives the same in the end. */
static void an_erasure_that_is_broken_off_goes_on(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    write_videos(store, 5000);
    write_mixed(store, 0, 20000); /* 1000 of each user: several transactions */
    struct state_digests before = opened_digests(store);
    forget(store, "user-1");
    forget(store, "user-2");
    struct problem problem = {""};
    enum status status = STATUS_UNAVAILABLE;
    struct erased_users users = {0};
    int rounds = 0;
    for (int left = 0; status == STATUS_UNAVAILABLE; left++) {
        struct stopping stopping = {left};
        struct erase_options options = {.log = store_log(store),
                                        .directory = path,
                                        .map_bytes = MAP_BYTES,
                                        .go_on = stop_after,
                                        .context = &stopping};
        status = erase_pending(&options, &users, &problem);
        free(users.tombstones);
        rounds++;
        check_derived(path, store);
    }
    CHECK_EQ(STATUS_OK, status);
    CHECK(rounds > 10);
    CHECK(before.aggregates == opened_digests(store).aggregates);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 0});
    CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
    CHECK(!contents_have_text(path, "user-1\""));
    check_derived(path, store);
    keeper_free(keeper);
    store_close(store);
}

/* Everything at once, with restarts: the state is always that of snapshots and log. */
static void retention_and_erasure_go_together(void)
{
    enum { ROUNDS = 40 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct keeper_options options = {
        .log_bytes = 150000, .user_ms = DAY_MS, .statistics_ms = INT64_C(2) * DAY_MS};
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, options);
    uint64_t random = 5;
    write_videos(store, 5000);
    for (unsigned i = 0; i < ROUNDS; i++) {
        char user[16];
        struct problem problem = {""};
        write_mixed(store, i * 400, 400);
        snprintf(user, sizeof(user), "user-%u", (unsigned)next_random(&random) % 20);
        if (i % 3 == 0) {
            forget(store, user);
            CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
            CHECK(user[6] != '\0' || !contents_have_text(path, user) || strlen(user) == 6);
        }
        keeper_work(keeper, START_MS);
        if (i % 5 == 4) {
            check_derived(path, store);
        }
        if (i % 7 == 6) {
            struct state_digests before = opened_digests(store);
            keeper_free(keeper);
            store_close(store);
            store = open_store(path);
            CHECK(before.all == opened_digests(store).all);
            keeper = make_keeper(store, path, options);
        }
    }
    CHECK(first_of(store) > 3000);
    keeper_free(keeper);
    store_close(store);
}

static void count_done(void *context, enum status status)
{
    int *counts = context;
    __atomic_fetch_add(&counts[status == STATUS_OK], 1, __ATOMIC_SEQ_CST);
}

static void who_waits_is_told_when_it_is_done_or_when_it_stops(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    int counts[2] = {0};
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.log_bytes = 0});
    keeper_when_erased(keeper, count_done, counts); /* no thread works */
    CHECK_EQ(1, counts[0]);
    write_mixed(store, 0, 2000);
    forget(store, "user-3");
    CHECK_EQ(STATUS_OK, keeper_start(keeper));
    keeper_when_erased(keeper, count_done, counts);
    while (__atomic_load_n(&counts[1], __ATOMIC_SEQ_CST) == 0) {
        usleep(1000);
    }
    CHECK(!contents_have_text(path, "user-3"));
    keeper_stop(keeper);
    keeper_when_erased(keeper, count_done, counts);
    CHECK_EQ(2, counts[0]);
    keeper_free(keeper);
    store_close(store);
}

static void tombstones_are_dropped_by_age(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct keeper *keeper = make_keeper(store, path, (struct keeper_options){.tombstone_ms = 1000});
    struct problem problem = {""};
    struct tombstone tombstone;
    uint64_t key = hash_key(text_of("user-3"));
    forget(store, "user-3"); /* at 1 ms */
    keeper_work(keeper, 1001);
    CHECK_EQ(STATUS_OK, log_find_tombstone(store_log(store), key, &tombstone));
    CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
    keeper_work(keeper, 1002);
    CHECK_EQ(STATUS_NOT_FOUND, log_find_tombstone(store_log(store), key, &tombstone));
    keeper_free(keeper);
    store_close(store);
}

/* On a busy machine a reader may stand still for longer than a scrub waits for it. */
static void warn_of_readers(void *context, const char *text)
{
    (void)context;
    CHECK(strstr(text, "a backup is being made") != NULL);
}

/* What threads share that do everything at once. */
struct crowd {
    struct store *store;
    struct keeper *keeper;
    _Atomic bool done;
};

static bool look_at_record(void *context, uint64_t sequence, const struct record *record)
{
    uint64_t *bytes = context;
    *bytes += record->payload_size;
    return sequence % 256 != 0;
}

static void look_at_users(struct store *store, struct arena *arena)
{
    const struct state *state = store_begin(store);
    for (unsigned i = 0; i < 20; i++) {
        char id[16];
        const struct user *user = NULL;
        snprintf(id, sizeof(id), "user-%u", i);
        arena_reset(arena);
        CHECK_EQ(STATUS_OK, state_find_user(state, hash_key(text_of(id)), arena, &user));
    }
    store_end(store);
}

/* Users who are on disk, records that may be going, and what a status asks for. */
static void *read_on(void *argument)
{
    struct crowd *crowd = argument;
    struct arena arena = entries_arena(ARENA_BYTES);
    uint64_t bytes = 0;
    while (!atomic_load(&crowd->done)) {
        uint64_t length;
        uint64_t count;
        look_at_users(crowd->store, &arena);
        CHECK_EQ(STATUS_OK, log_poll(store_log(crowd->store), 0, look_at_record, &bytes, NULL));
        (void)first_of(crowd->store);
        (void)keeper_pending(crowd->keeper);
        (void)store_checkpoint_sequence(crowd->store);
        store_window(crowd->store, &length, &count);
    }
    CHECK(bytes > 0);
    free(arena.base);
    return NULL;
}

static void *checkpoint_on(void *argument)
{
    struct crowd *crowd = argument;
    while (!atomic_load(&crowd->done)) {
        CHECK_EQ(STATUS_OK, store_checkpoint(crowd->store));
    }
    return NULL;
}

/* Until all is erased and records have gone. Returns how many users were forgotten. */
static int write_and_forget(struct crowd *crowd, int counts[2])
{
    enum { ROUNDS = 30 };
    int forgotten = 0;
    for (unsigned i = 0; i < ROUNDS || first_of(crowd->store) == 1 ||
                         __atomic_load_n(&counts[1], __ATOMIC_SEQ_CST) < forgotten;
         i++) {
        write_mixed(crowd->store, i * 300, 300);
        if (i >= ROUNDS) {
            usleep(1000);
            continue;
        }
        if (i % 3 == 0) {
            char user[16];
            snprintf(user, sizeof(user), "user-%u", i / 3 % 20);
            forget(crowd->store, user);
            keeper_when_erased(crowd->keeper, count_done, counts);
            forgotten++;
        }
    }
    return forgotten;
}

/* Users leave memory at each checkpoint (open_store()), while others read and change them. */
static void writer_readers_checkpoints_and_keeper_work_at_once(void)
{
    enum { READERS = 2 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    int counts[2] = {0};
    pthread_t threads[READERS + 1];
    struct crowd crowd = {.store = open_store(path)};
    crowd.keeper = make_keeper(
        crowd.store, path, (struct keeper_options){.log_bytes = 150000, .warn = warn_of_readers});
    write_videos(crowd.store, 5000);
    CHECK_EQ(STATUS_OK, keeper_start(crowd.keeper));
    for (size_t i = 0; i < READERS; i++) {
        CHECK_EQ(0, pthread_create(&threads[i], NULL, read_on, &crowd));
    }
    CHECK_EQ(0, pthread_create(&threads[READERS], NULL, checkpoint_on, &crowd));
    int forgotten = write_and_forget(&crowd, counts);
    atomic_store(&crowd.done, true);
    for (size_t i = 0; i < READERS + 1; i++) {
        CHECK_EQ(0, pthread_join(threads[i], NULL));
    }
    keeper_stop(crowd.keeper);
    CHECK_EQ(0, counts[0]);
    CHECK_EQ(forgotten, counts[1]);
    CHECK_EQ(0, keeper_pending(crowd.keeper));
    check_derived(path, crowd.store);
    keeper_free(crowd.keeper);
    store_close(crowd.store);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(old_records_go_and_the_state_stays),
        TEST(missing_state_file_is_derived_without_a_warning),
        TEST(records_go_by_age_but_not_those_that_tell_repeats),
        TEST(a_burst_that_ends_is_cut_to_the_bound_too),
        TEST(nothing_is_removed_that_nobody_asked_for),
        TEST(a_log_whose_snapshots_are_gone_does_not_open),
        TEST(what_is_idle_is_dropped),
        TEST(erased_users_leave_their_effect_and_nothing_else),
        TEST(who_comes_back_before_the_erasure_stays_in_snapshots),
        TEST(who_has_a_snapshot_open_reads_it_as_it_was),
        TEST(an_erasure_that_is_broken_off_goes_on),
        TEST(retention_and_erasure_go_together),
        TEST(who_waits_is_told_when_it_is_done_or_when_it_stops),
        TEST(tombstones_are_dropped_by_age),
        TEST(writer_readers_checkpoints_and_keeper_work_at_once),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
