#include "store/backup.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ranker/hash.h"
#include "store/keeper.h"
#include "store/snapshots.h"
#include "store/store.h"
#include "store/verify.h"
#include "tests/store/contents.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

enum { MAP_BYTES = 256 << 20, BATCH = 50, NAME_SIZE = TEST_PATH_SIZE + 64 };

/* A directory with room for data, a backup and what is restored. */
struct place {
    char path[TEST_PATH_SIZE];
    char data[NAME_SIZE];
    char backup[NAME_SIZE];
    char other[NAME_SIZE];
};

static struct place make_place(void)
{
    struct place place;
    test_directory(place.path);
    snprintf(place.data, NAME_SIZE, "%s/data", place.path);
    snprintf(place.backup, NAME_SIZE, "%s/backup", place.path);
    snprintf(place.other, NAME_SIZE, "%s/other", place.path);
    return place;
}

/* How many names a directory holds besides its own. */
static int count_names(const char *path)
{
    int count = -2;
    DIR *entries = opendir(path);
    CHECK(entries != NULL);
    while (readdir(entries) != NULL) {
        count++;
    }
    closedir(entries);
    return count;
}

static struct store *open_store(const char *path)
{
    return opened_store(&(struct store_options){.log = {.path = path, .map_bytes = MAP_BYTES}});
}

/* Writes BATCH signals numbered from first on. */
static void write_batch(struct store *store, unsigned first)
{
    struct arena arena = entries_arena(1 << 20);
    struct entry entries[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", first + i);
        entries[i] = entry_watch(&arena, id, first + i);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, BATCH).status);
    free(arena.base);
}

static void fill(const char *path, unsigned first)
{
    struct store *store = open_store(path);
    write_batch(store, first);
    store_close(store);
}

static enum status make(const struct place *place, struct backup_info *info,
                        struct problem *problem)
{
    const struct backup_options options = {.now_ms = 1700000000000};
    *problem = (struct problem){""};
    return backup_make(place->data, place->backup, &options, info, problem);
}

static void must_make(const struct place *place, struct backup_info *info)
{
    struct problem problem;
    enum status status = make(place, info, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
}

static enum status restore(const struct place *place, const char *data, bool force,
                           struct restored *restored, struct problem *problem)
{
    const struct restore_options options = {
        .now_ms = 1700000000000, .force = force, .map_bytes = MAP_BYTES};
    *problem = (struct problem){""};
    return backup_restore(place->backup, data, &options, restored, problem);
}

static void must_restore(const struct place *place, const char *data)
{
    struct restored restored;
    struct problem problem;
    enum status status = restore(place, data, false, &restored, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    CHECK_STR("", restored.aside);
    CHECK_EQ(0, restored.forgotten);
}

static void check_refused(const struct place *place, const char *data, enum status want,
                          const char *words)
{
    struct restored restored;
    struct problem problem;
    CHECK_EQ(want, restore(place, data, false, &restored, &problem));
    CHECK_STR("", restored.aside);
    if (strstr(problem.text, words) == NULL) {
        CHECK_STR(words, problem.text);
    }
}

/* Opens the store at path and compares its state with what a backup says. */
static void check_is(const char *path, const struct backup_info *info)
{
    struct state_digests digests;
    struct store *store = open_store(path);
    const struct state *state = store_begin(store);
    CHECK_EQ(STATUS_OK, state_digest(state, &digests));
    CHECK_EQ(info->sequence, state_sequence(state));
    store_end(store);
    CHECK(digests.all == info->state_digest);
    CHECK(digests.aggregates == info->aggregates_digest);
    store_close(store);
}

static void backup_restores_to_the_same_state(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct backup_info read;
    struct problem problem;
    fill(place.data, 1);
    must_make(&place, &info);
    CHECK_EQ(BATCH, info.sequence);
    CHECK_EQ(1700000000000, info.made_ms);
    check_is(place.data, &info);
    CHECK_EQ(2, count_names(place.backup));
    CHECK_EQ(2, count_names(place.path)); /* nothing beside data and backup */

    CHECK_EQ(STATUS_OK, backup_read(place.backup, &read, &problem));
    CHECK(read.state_digest == info.state_digest);
    CHECK(read.files[0].checksum == info.files[0].checksum);
    CHECK_EQ(info.bytes, read.bytes);

    must_restore(&place, place.other);
    check_is(place.other, &info);
    fill(place.other, 1000); /* and it can be written */
}

static void empty_log_can_be_backed_up(void)
{
    struct place place = make_place();
    struct backup_info info;
    store_close(open_store(place.data));
    must_make(&place, &info);
    CHECK_EQ(0, info.sequence);
    must_restore(&place, place.other);
    check_is(place.other, &info);
}

/* Writes batches until it is killed; says so once each is in. */
static _Noreturn void write_for_ever(const char *path, int told)
{
    struct store *store = open_store(path);
    for (unsigned number = 0;; number += BATCH) {
        write_batch(store, number);
        CHECK(write(told, "w", 1) == 1);
    }
}

static pid_t start(void (*run)(const char *path, int told), const char *path, int *told)
{
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        run(path, pipes[1]);
    }
    close(pipes[1]);
    *told = pipes[0];
    return pid;
}

static void stop_writer(pid_t pid, int told)
{
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(waitpid(pid, NULL, 0) == pid);
    close(told);
}

static void wait_for_batches(int told, int count)
{
    char said;
    for (int i = 0; i < count; i++) {
        CHECK(read(told, &said, 1) == 1);
    }
}

static void backup_beside_a_writer_is_of_one_moment(void)
{
    enum { ROUNDS = 5 };
    struct place place = make_place();
    uint64_t before = 0;
    int told;
    pid_t pid = start(write_for_ever, place.data, &told);
    for (int round = 0; round < ROUNDS; round++) {
        struct backup_info info;
        wait_for_batches(told, 20);
        must_make(&place, &info);
        CHECK(info.sequence >= before + (round == 0 ? 20U : 1U) * BATCH);
        CHECK_EQ(0, info.sequence % BATCH); /* a write is in whole or not at all */
        before = info.sequence;
        must_restore(&place, place.other);
        check_is(place.other, &info);
        files_remove(place.other);
        files_remove(place.backup);
    }
    stop_writer(pid, told);
}

static void directory_that_is_held_is_not_restored_into(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct restored restored;
    struct problem problem;
    int told;
    pid_t pid = start(write_for_ever, place.data, &told);
    wait_for_batches(told, 1);
    must_make(&place, &info);
    CHECK_EQ(STATUS_UNAVAILABLE, restore(&place, place.data, true, &restored, &problem));
    CHECK(strstr(problem.text, "in use by another process") != NULL);
    CHECK_STR("", restored.aside);
    wait_for_batches(told, 1);
    stop_writer(pid, told);
}

static void existing_name_is_refused(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct problem problem;
    fill(place.data, 1);
    CHECK(mkdir(place.backup, 0700) == 0);
    CHECK_EQ(STATUS_DENIED, make(&place, &info, &problem));
    CHECK(strstr(problem.text, "exists already") != NULL);
    CHECK_EQ(0, count_names(place.backup));
}

static void what_is_no_log_is_not_backed_up(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct problem problem;
    CHECK_EQ(STATUS_NOT_FOUND, make(&place, &info, &problem));
    CHECK(problem.text[0] != '\0');
    CHECK(mkdir(place.data, 0700) == 0);
    CHECK_EQ(STATUS_NOT_FOUND, make(&place, &info, &problem));
    CHECK_EQ(1, count_names(place.path));
}

static void damaged_log_is_not_backed_up(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct problem problem;
    fill(place.data, 1);
    tamper_record(place.data, 7, &(MDB_val){4, "what"});
    CHECK_EQ(STATUS_CORRUPT, make(&place, &info, &problem));
    CHECK(strstr(problem.text, "record 7 fails validation") != NULL);
    CHECK_EQ(1, count_names(place.path));
}

static void backup_that_does_not_fit_leaves_nothing(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct problem problem;
    struct rlimit old;
    fill(place.data, 1);
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){8192, old.rlim_max}) == 0);
    enum status status = make(&place, &info, &problem);
    CHECK(status == STATUS_NO_SPACE || status == STATUS_IO); /* LMDB: a write cut short is EIO */
    CHECK_EQ(1, count_names(place.path));
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    must_make(&place, &info);

    CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){8192, old.rlim_max}) == 0);
    check_refused(&place, place.other, STATUS_NO_SPACE, "cannot copy");
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK_EQ(2, count_names(place.path));
}

static void overwrite(const char *directory, const char *name, long at, const char *bytes)
{
    char path[NAME_SIZE + 16];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, at < 0 ? "wb" : "r+b");
    CHECK(file != NULL);
    CHECK(at < 0 || fseek(file, at, SEEK_SET) == 0);
    CHECK(fputs(bytes, file) >= 0);
    CHECK(fclose(file) == 0);
}

static void damaged_backup_changes_nothing(void)
{
    struct place place = make_place();
    struct backup_info info;
    char path[NAME_SIZE + 16];
    fill(place.data, 1);
    must_make(&place, &info);
    overwrite(place.backup, "data.mdb", 9000, "!");
    check_refused(&place, place.other, STATUS_CORRUPT, "is damaged");
    snprintf(path, sizeof(path), "%s/data.mdb", place.backup);
    CHECK(truncate(path, 4096) == 0);
    check_refused(&place, place.other, STATUS_CORRUPT, "is damaged");
    CHECK(unlink(path) == 0);
    check_refused(&place, place.other, STATUS_IO, "cannot open");
    CHECK_EQ(2, count_names(place.path));
}

/* A backup.json with one field as told. */
static void describe(const struct place *place, const char *format, const char *hash)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"format\": %s, \"sequence\": 1, \"bytes\": 2, \"xxh3\": \"%s\", \"made_ms\": 3, "
             "\"state_digest\": \"0000000000000000\", \"aggregates_digest\": \"ffffffffffffffff\"}",
             format, hash);
    overwrite(place->backup, "backup.json", -1, text);
}

/* The backup.json that format 1 had for a backup. */
static void describe_as_format_1(const struct place *place, int sequence,
                                 const struct backup_info *info)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"format\": 1, \"sequence\": %d, \"bytes\": %llu, \"xxh3\": \"%016llx\", "
             "\"made_ms\": 3, \"state_digest\": \"0000000000000000\", "
             "\"aggregates_digest\": \"0000000000000000\"}",
             sequence, (unsigned long long)info->bytes,
             (unsigned long long)info->files[0].checksum);
    overwrite(place->backup, "backup.json", -1, text);
}

static void description_is_checked_before_anything_else(void)
{
    static const char good[] = "0123456789abcdef";
    struct place place = make_place();
    struct backup_info info;
    struct problem problem;
    check_refused(&place, place.other, STATUS_NOT_FOUND, "is that a backup?");
    CHECK(mkdir(place.backup, 0700) == 0);
    describe(&place, "1", good);
    CHECK_EQ(STATUS_OK, backup_read(place.backup, &info, &problem));
    CHECK(info.files[0].checksum == 0x0123456789abcdef && info.aggregates_digest == UINT64_MAX);
    describe(&place, "4", good);
    check_refused(&place, place.other, STATUS_CORRUPT,
                  "format 4; this program reads up to 3: use a newer");
    describe(&place, "2", good);
    check_refused(&place, place.other, STATUS_CORRUPT, "not as a backup writes it");
    describe(&place, "0", good);
    check_refused(&place, place.other, STATUS_CORRUPT, "not as a backup writes it");
    describe(&place, "\"1\"", good);
    check_refused(&place, place.other, STATUS_CORRUPT, "not as a backup writes it");
    describe(&place, "1", "0123456789abcdeg");
    check_refused(&place, place.other, STATUS_CORRUPT, "not as a backup writes it");
    describe(&place, "1", "0123456789abcdef0");
    check_refused(&place, place.other, STATUS_CORRUPT, "not as a backup writes it");
    overwrite(place.backup, "backup.json", -1, "");
    check_refused(&place, place.other, STATUS_CORRUPT, "not as a backup writes it");
    overwrite(place.backup, "backup.json", -1, "[1]");
    check_refused(&place, place.other, STATUS_CORRUPT, "not as a backup writes it");
}

static void description_of_another_log_is_noticed(void)
{
    struct place place = make_place();
    struct backup_info info;
    fill(place.data, 1);
    must_make(&place, &info);
    describe_as_format_1(&place, 49, &info);
    check_refused(&place, place.other, STATUS_CORRUPT, "ends at record 50");
}

static void full_directory_is_kept_unless_forced(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct backup_info second;
    struct restored restored;
    struct problem problem;
    fill(place.data, 1);
    must_make(&place, &info);
    fill(place.data, 1000);
    check_refused(&place, place.data, STATUS_DENIED, "is not empty; --force moves it aside");

    CHECK_EQ(STATUS_OK, restore(&place, place.data, true, &restored, &problem));
    CHECK(strstr(restored.aside, "/data.before-restore-20231114T221320Z") != NULL);
    check_is(place.data, &info);
    files_remove(place.backup);
    snprintf(place.data, NAME_SIZE, "%.*s", NAME_SIZE - 1,
             restored.aside); /* what it was is whole */
    must_make(&place, &second);
    CHECK_EQ(2 * BATCH, second.sequence);
}

static void empty_directories_and_links_are_restored_into(void)
{
    struct place place = make_place();
    struct backup_info info;
    char link[NAME_SIZE];
    struct restored restored;
    struct problem problem;
    struct stat status;
    fill(place.data, 1);
    must_make(&place, &info);
    CHECK(mkdir(place.other, 0700) == 0);
    snprintf(link, sizeof(link), "%s/link", place.path);
    CHECK(symlink("other", link) == 0);
    must_restore(&place, link);
    check_is(place.other, &info);
    CHECK_EQ(STATUS_OK, restore(&place, link, true, &restored, &problem));
    CHECK(strstr(restored.aside, "/other.before-restore-") != NULL);
    CHECK(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));
    check_is(link, &info);

    snprintf(link, sizeof(link), "%s/slashes//", place.path);
    must_restore(&place, link);
    check_is(link, &info);
    overwrite(place.path, "file", -1, "x");
    snprintf(link, sizeof(link), "%s/file", place.path);
    check_refused(&place, link, STATUS_IO, "Not a directory");
    snprintf(link, sizeof(link), "%s/absent/child", place.path);
    check_refused(&place, link, STATUS_IO, "No such file");
}

/* A log whose beginning is removed, with two snapshots. */
enum { CUT = 300, LAST = 400 };

static void fill_trimmed(const char *path)
{
    struct store *store = open_store(path);
    for (unsigned i = 0; i < LAST; i += BATCH) {
        if (i == CUT || i == CUT + BATCH) {
            CHECK_EQ(STATUS_OK, store_snapshot(store));
        }
        write_batch(store, i);
    }
    opened_trim(store_log(store), CUT + 1);
    store_close(store);
}

static void check_whole(const char *path)
{
    struct verify_report report;
    struct verify_options options = {.every_snapshot = true};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, verify_data(path, &options, &report, &problem));
    CHECK_STR("", report.error_count > 0 ? report.errors[0].problem.text : "");
}

static void trimmed_log_is_backed_up_with_its_base(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct backup_info read;
    struct problem problem;
    fill_trimmed(place.data);
    must_make(&place, &info);
    CHECK_EQ(CUT + 1, info.first);
    CHECK_EQ(CUT, info.base);
    CHECK_EQ(LAST, info.sequence);
    CHECK_EQ(2, info.file_count);
    CHECK_EQ(3, count_names(place.backup));
    CHECK_EQ(STATUS_OK, backup_read(place.backup, &read, &problem));
    CHECK_EQ(info.base, read.base);
    CHECK_EQ(info.bytes, read.bytes);
    check_is(place.data, &info);
    must_restore(&place, place.other);
    check_whole(place.other);
    check_is(place.other, &info);
}

static void base_is_checked_like_the_log(void)
{
    static const char base[] = "snapshot-00000000000000000300.mdb";
    struct place place = make_place();
    struct backup_info info;
    char path[NAME_SIZE + 64];
    fill_trimmed(place.data);
    must_make(&place, &info);
    overwrite(place.backup, base, 9000, "!");
    check_refused(&place, place.other, STATUS_CORRUPT, "300.mdb is damaged");
    snprintf(path, sizeof(path), "%s/%s", place.backup, base);
    CHECK(unlink(path) == 0);
    check_refused(&place, place.other, STATUS_IO, "cannot open");
    CHECK_EQ(2, count_names(place.path));
}

static void log_without_its_base_is_not_backed_up(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct problem problem;
    fill_trimmed(place.data);
    snapshots_remove_before(place.data, UINT64_MAX);
    CHECK_EQ(STATUS_BUSY, make(&place, &info, &problem));
    CHECK(strstr(problem.text, "begins at record 301, and there is no snapshot") != NULL);
    CHECK_EQ(1, count_names(place.path));
}

static void log_of_a_newer_format_is_not_backed_up(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct problem problem;
    uint8_t format[4] = {LOG_FORMAT_VERSION + 1};
    fill(place.data, 1);
    tamper(place.data, "meta", 0, (MDB_val){6, "format"}, &(MDB_val){sizeof(format), format});
    CHECK_EQ(STATUS_CORRUPT, make(&place, &info, &problem));
    CHECK(strstr(problem.text, "use a newer reelrank") != NULL);
    CHECK_EQ(1, count_names(place.path));
}

static void backup_of_format_1_can_be_restored(void)
{
    struct place place = make_place();
    struct backup_info info;
    fill(place.data, 1);
    must_make(&place, &info);
    describe_as_format_1(&place, 50, &info);
    must_restore(&place, place.other);
    check_is(place.other, &info);
}

static void forget(struct store *store, const char *user_id, int64_t time_ms)
{
    struct arena arena = entries_arena(1 << 16);
    struct entry entry = entry_forget(&arena, user_id, time_ms);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    free(arena.base);
}

static void erase(struct store *store, const char *path)
{
    struct keeper *keeper = NULL;
    struct problem problem = {""};
    struct keeper_options options = {.store = store, .directory = path, .map_bytes = MAP_BYTES};
    CHECK_EQ(STATUS_OK, keeper_new(&options, &keeper));
    CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
    keeper_free(keeper);
}

static void forget_in(const char *path, const char *user_id, int64_t time_ms)
{
    struct store *store = open_store(path);
    forget(store, user_id, time_ms);
    erase(store, path);
    store_close(store);
}

static uint64_t key_of(const char *user_id)
{
    return hash_key(text_of(user_id));
}

static bool knows(const char *path, const char *user_id)
{
    static char memory[1 << 20];
    struct arena arena;
    const struct user *user = NULL;
    struct store *store = open_store(path);
    arena_init(&arena, memory, sizeof(memory));
    CHECK_EQ(STATUS_OK, state_find_user(store_begin(store), key_of(user_id), &arena, &user));
    store_end(store);
    store_close(store);
    return user != NULL;
}

static struct tombstone tombstone_of(const char *path, const char *user_id)
{
    struct tombstone tombstone;
    struct store *store = open_store(path);
    CHECK_EQ(STATUS_OK, log_find_tombstone(store_log(store), key_of(user_id), &tombstone));
    store_close(store);
    return tombstone;
}

/* The state as it was before an erasure, beside the log as it is afterwards. */
static void user_erased_between_the_copies_leaves_the_base(void)
{
    static const char base[] = "snapshot-00000000000000000300.mdb";
    struct place place = make_place();
    struct backup_info info;
    struct problem problem;
    struct files_sum sum;
    char from[FILES_PATH_SIZE];
    char kept[FILES_PATH_SIZE];
    fill_trimmed(place.data);
    CHECK_EQ(STATUS_OK, files_join(place.data, base, from, &problem));
    CHECK_EQ(STATUS_OK, files_join(place.path, "kept", kept, &problem));
    FILE *file = fopen(kept, "wb");
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, files_read(from, fileno(file), NULL, NULL, &sum, &problem));
    fclose(file);
    forget_in(place.data, "user-7", 5000000);
    CHECK(rename(kept, from) == 0);
    must_make(&place, &info);
    check_whole(place.backup);
    must_restore(&place, place.other);
    check_is(place.other, &info);
    CHECK(!knows(place.other, "user-7"));
    CHECK_EQ(3, count_names(place.backup));
}

static struct restored restore_over(const struct place *place, const char *data,
                                    const struct restore_options *more, enum status want,
                                    const char *words)
{
    struct restored restored;
    struct problem problem = {""};
    struct restore_options options = *more;
    options.now_ms = 1700000000000;
    options.map_bytes = MAP_BYTES;
    options.force = true;
    enum status status = backup_restore(place->backup, data, &options, &restored, &problem);
    if (strstr(problem.text, words) == NULL) {
        CHECK_STR(words, problem.text);
    }
    CHECK_EQ(want, status);
    return restored;
}

static void check_gone(const char *path, const char *user_id, const struct restored *restored)
{
    CHECK(!contents_have_text(path, user_id));
    CHECK(!knows(path, user_id));
    check_whole(path);
    struct backup_info info = {.sequence = restored->sequence,
                               .state_digest = restored->state_digest,
                               .aggregates_digest = restored->aggregates_digest};
    check_is(path, &info);
}

static void users_forgotten_since_stay_forgotten(void)
{
    struct place place = make_place();
    struct backup_info info;
    fill_trimmed(place.data);
    must_make(&place, &info);
    CHECK(contents_have_text(place.backup, "user-77"));
    forget_in(place.data, "user-77", 5000000);
    struct restore_options none = {.now_ms = 0};
    struct restored restored = restore_over(&place, place.data, &none, STATUS_OK, "");
    CHECK_EQ(1, restored.forgotten);
    CHECK_EQ(LAST + 1, restored.sequence);
    CHECK(restored.aggregates_digest == info.aggregates_digest);
    CHECK(restored.state_digest != info.state_digest);
    check_gone(place.data, "user-77", &restored);
    CHECK_EQ(5000000, tombstone_of(place.data, "user-77").time_ms);
    CHECK(!tombstone_of(place.data, "user-77").pending);
    CHECK(knows(place.data, "user-76"));
}

/* The backup was made between the forgetting and the erasure. */
static void an_erasure_that_was_not_finished_is_finished_by_a_restore(void)
{
    struct place place = make_place();
    struct backup_info info;
    fill_trimmed(place.data);
    struct store *store = open_store(place.data);
    forget(store, "user-77", 5000000);
    store_close(store);
    must_make(&place, &info);
    CHECK(contents_have_text(place.backup, "user-77"));
    must_restore(&place, place.other);
    CHECK(!contents_have_text(place.other, "user-77"));
    CHECK(!tombstone_of(place.other, "user-77").pending);
    check_whole(place.other);
    check_is(place.other, &info);
}

/* Forgotten in the backup already, and later once more. */
static void later_forgetting_counts_and_an_earlier_one_does_not(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct restore_options none = {.now_ms = 0};
    fill(place.data, 1);
    forget_in(place.data, "user-7", 900000);
    forget_in(place.data, "user-8", 900000);
    fill(place.data, 100); /* user-7 and user-8 are back */
    must_make(&place, &info);
    forget_in(place.data, "user-8", 5000000);
    struct restored restored = restore_over(&place, place.data, &none, STATUS_OK, "");
    CHECK_EQ(1, restored.forgotten);
    CHECK(knows(place.data, "user-7"));
    check_gone(place.data, "user-8", &restored);
}

static void other_directories_tell_who_is_forgotten_too(void)
{
    struct place place = make_place();
    struct place later = make_place();
    struct backup_info info;
    fill(place.data, 1);
    must_make(&place, &info);
    forget_in(place.data, "user-7", 5000000);
    snprintf(later.data, NAME_SIZE, "%s", place.data);
    must_make(&later, &info); /* a later backup */
    forget_in(place.data, "user-8", 6000000);
    const char *directories[] = {later.backup, place.data};
    struct restore_options both = {.forgotten_in = directories, .forgotten_in_count = 2};
    struct restored restored = restore_over(&place, place.other, &both, STATUS_OK, "");
    CHECK_EQ(2, restored.forgotten);
    check_gone(place.other, "user-7", &restored);
    check_gone(place.other, "user-8", &restored);
    directories[0] = place.path;
    (void)restore_over(&place, place.other, &both, STATUS_NOT_FOUND, "who is forgotten in");
}

static void nobody_comes_back_without_being_told(void)
{
    struct place place = make_place();
    struct backup_info info;
    struct restore_options none = {.now_ms = 0};
    struct restore_options ignore = {.ignore_forgotten = true};
    const char *directories[] = {place.backup};
    struct restore_options named = {.forgotten_in = directories, .forgotten_in_count = 1};
    fill(place.data, 1);
    must_make(&place, &info);
    overwrite(place.data, "data.mdb", -1, "what was here?");
    (void)restore_over(&place, place.data, &none, STATUS_DENIED,
                       "cannot be read (data.mdb is no database, or lost both its meta pages), and "
                       "would come back");
    CHECK_EQ(2, count_names(place.path));
    (void)restore_over(&place, place.data, &ignore, STATUS_OK, "");
    check_is(place.data, &info);
    overwrite(place.data, "data.mdb", -1, "what was here?");
    struct restored restored;
    struct problem problem = {""};
    named.force = true;
    named.now_ms = 1;
    CHECK_EQ(STATUS_OK, backup_restore(place.backup, place.data, &named, &restored, &problem));
    check_is(place.data, &info);
}

/* Writes, removes records, makes snapshots and forgets until it is killed. */
static _Noreturn void keep_for_ever(const char *path, int told)
{
    struct store_options store_options = {.log = {.path = path, .map_bytes = MAP_BYTES},
                                          .window_length = 100};
    struct store *store = opened_store(&store_options);
    struct keeper *keeper = NULL;
    struct keeper_options options = {
        .store = store, .directory = path, .map_bytes = MAP_BYTES, .log_bytes = 60000};
    CHECK_EQ(STATUS_OK, keeper_new(&options, &keeper));
    for (unsigned number = 0;; number += BATCH) {
        char user[16];
        write_batch(store, number);
        if (number % (4 * BATCH) == 0) {
            snprintf(user, sizeof(user), "user-%u", number / BATCH % 100);
            forget(store, user, 1000000 + (int64_t)number);
        }
        keeper_work(keeper, 1);
        CHECK(write(told, "w", 1) == 1);
    }
}

static void backup_beside_retention_and_erasure_is_whole(void)
{
    enum { ROUNDS = 20 };
    struct place place = make_place();
    uint64_t first = 0;
    int told;
    pid_t pid = start(keep_for_ever, place.data, &told);
    for (int round = 0; round < ROUNDS; round++) {
        struct backup_info info;
        wait_for_batches(told, 20);
        must_make(&place, &info);
        first = info.first;
        check_whole(place.backup);
        must_restore(&place, place.other);
        check_is(place.other, &info);
        files_remove(place.other);
        files_remove(place.backup);
    }
    stop_writer(pid, told);
    CHECK(first > 1000);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(backup_restores_to_the_same_state),
        TEST(empty_log_can_be_backed_up),
        TEST(backup_beside_a_writer_is_of_one_moment),
        TEST(directory_that_is_held_is_not_restored_into),
        TEST(existing_name_is_refused),
        TEST(what_is_no_log_is_not_backed_up),
        TEST(damaged_log_is_not_backed_up),
        TEST(backup_that_does_not_fit_leaves_nothing),
        TEST(damaged_backup_changes_nothing),
        TEST(description_is_checked_before_anything_else),
        TEST(description_of_another_log_is_noticed),
        TEST(full_directory_is_kept_unless_forced),
        TEST(empty_directories_and_links_are_restored_into),
        TEST(trimmed_log_is_backed_up_with_its_base),
        TEST(base_is_checked_like_the_log),
        TEST(log_without_its_base_is_not_backed_up),
        TEST(log_of_a_newer_format_is_not_backed_up),
        TEST(backup_of_format_1_can_be_restored),
        TEST(user_erased_between_the_copies_leaves_the_base),
        TEST(users_forgotten_since_stay_forgotten),
        TEST(an_erasure_that_was_not_finished_is_finished_by_a_restore),
        TEST(later_forgetting_counts_and_an_earlier_one_does_not),
        TEST(other_directories_tell_who_is_forgotten_too),
        TEST(nobody_comes_back_without_being_told),
        TEST(backup_beside_retention_and_erasure_is_whole),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
