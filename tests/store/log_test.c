/* For unshare(2); must precede every include. */
#define _GNU_SOURCE

#include "store/log.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/numbered.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

enum { MAP_BYTES = 1 << 20 };

static struct log *open_log(const char *path)
{
    return numbered_open(path, MAP_BYTES);
}

/* Opens what must not open, and checks that the problem says so. */
static void check_refused(const char *path, enum status want, const char *words)
{
    struct log *log = NULL;
    struct problem problem = {""};
    CHECK_EQ(want,
             log_open(&(struct log_options){.path = path, .map_bytes = MAP_BYTES}, &log, &problem));
    CHECK(log == NULL);
    if (strstr(problem.text, words) == NULL) {
        CHECK_STR(words, problem.text);
    }
}

/* Appends count records whose payload is their number as text, from number on. */
static enum status append(struct log *log, unsigned number, size_t count, uint64_t *first)
{
    enum { WIDTH = 16 };
    struct record *records = calloc(count, sizeof(*records));
    char *payloads = calloc(count, WIDTH);
    CHECK(records != NULL && payloads != NULL);
    for (size_t i = 0; i < count; i++) {
        char *payload = payloads + i * WIDTH;
        int size = snprintf(payload, WIDTH, "%u", number + (unsigned)i);
        records[i] = (struct record){.kind = EVENT_SIGNAL,
                                     .event_key = {.low = number + i},
                                     .payload = (const uint8_t *)payload,
                                     .payload_size = (size_t)size};
    }
    enum status status = log_append(log, records, count, first);
    free(payloads);
    free(records);
    return status;
}

/* Counts records and checks that record n says n. */
struct reader {
    uint64_t next;
    uint64_t stop_at; /* 0: never */
};

static bool count_record(void *context, uint64_t sequence, const struct record *record)
{
    struct reader *reader = context;
    char want[16];
    int size = snprintf(want, sizeof(want), "%u", (unsigned)sequence);
    CHECK_EQ(reader->next, sequence);
    CHECK_EQ(size, record->payload_size);
    CHECK(memcmp(want, record->payload, record->payload_size) == 0);
    CHECK_EQ(sequence, record->event_key.low);
    reader->next++;
    return sequence != reader->stop_at;
}

/* How many records a poll from a sequence visits. */
static uint64_t poll_count(struct log *log, uint64_t from)
{
    struct reader reader = {.next = from > 0 ? from : 1};
    struct problem problem;
    CHECK_EQ(STATUS_OK, log_poll(log, from, count_record, &reader, &problem));
    return reader.next - (from > 0 ? from : 1);
}

static uint64_t last_of(struct log *log)
{
    uint64_t first;
    uint64_t last;
    log_bounds(log, &first, &last);
    CHECK_EQ(1, first);
    return last;
}

static void empty_log_has_nothing_to_visit(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = open_log(path);
    CHECK_EQ(0, last_of(log));
    CHECK_EQ(0, poll_count(log, 0));
    CHECK_EQ(0, poll_count(log, 1));
    CHECK_EQ(0, poll_count(log, 99));
    log_close(log);
    log_close(NULL);
}

static void records_come_back_in_order_after_reopening(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t first = 0;
    test_directory(path);
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, append(log, 1, 3, &first));
    CHECK_EQ(1, first);
    CHECK_EQ(STATUS_OK, append(log, 4, 1, &first));
    CHECK_EQ(4, first);
    log_close(log);

    log = open_log(path);
    CHECK_EQ(4, last_of(log));
    CHECK_EQ(STATUS_OK, append(log, 5, 1, &first));
    CHECK_EQ(5, first);
    CHECK_EQ(5, poll_count(log, 1));
    CHECK_EQ(2, poll_count(log, 4));
    CHECK_EQ(0, poll_count(log, 6));
    log_close(log);
}

static void count_sync(void *context, uint64_t duration_ns)
{
    unsigned *count = context;
    CHECK(duration_ns > 0);
    (*count)++;
}

static void each_append_that_is_on_disk_is_told_once(void)
{
    char path[TEST_PATH_SIZE];
    struct log *log = NULL;
    struct problem problem = {""};
    uint64_t first;
    unsigned count = 0;
    test_directory(path);
    struct log_options options = {
        .path = path, .map_bytes = 1 << 19, .synced = count_sync, .synced_context = &count};
    CHECK_EQ(STATUS_OK, log_open(&options, &log, &problem));
    CHECK_EQ(0, count);
    CHECK_EQ(STATUS_OK, append(log, 1, 10, &first));
    CHECK_EQ(STATUS_OK, append(log, 11, 1, &first));
    CHECK_EQ(2, count);
    CHECK_EQ(STATUS_NO_SPACE, append(log, 12, 20000, &first));
    CHECK_EQ(2, count);
    log_close(log);
}

static void visitor_can_stop(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, append(log, 1, 5, &first));
    struct reader reader = {.next = 1, .stop_at = 2};
    CHECK_EQ(STATUS_OK, log_poll(log, 1, count_record, &reader, NULL));
    CHECK_EQ(3, reader.next);
    log_close(log);
}

static uint64_t find_tail(struct log *log, uint64_t signal_count)
{
    uint64_t from = 0;
    CHECK_EQ(STATUS_OK, log_find_tail(log, signal_count, &from, NULL));
    return from;
}

static void tail_begins_at_the_last_signals(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct log *log = open_log(path);
    CHECK_EQ(1, find_tail(log, 0));
    CHECK_EQ(1, find_tail(log, 5));
    CHECK_EQ(STATUS_OK, append(log, 1, 10, &first));
    struct record videos[] = {{.kind = EVENT_VIDEO}, {.kind = EVENT_VIDEO_DELETED}};
    CHECK_EQ(STATUS_OK, log_append(log, videos, 2, &first)); /* 11 and 12 */
    CHECK_EQ(STATUS_OK, append(log, 13, 1, &first));
    CHECK_EQ(14, find_tail(log, 0));
    CHECK_EQ(13, find_tail(log, 1));
    CHECK_EQ(10, find_tail(log, 2));
    CHECK_EQ(1, find_tail(log, 11));
    CHECK_EQ(1, find_tail(log, 12));
    log_close(log);
}

static void large_batches_and_records_are_kept(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct log *log = numbered_open(path, (size_t)64 << 20);
    CHECK_EQ(STATUS_OK, append(log, 1, 100000, &first));
    CHECK_EQ(100000, poll_count(log, 1));
    uint8_t *payload = calloc(1 << 20, 1);
    CHECK(payload != NULL);
    struct record record = {.kind = EVENT_VIDEO, .payload = payload, .payload_size = 1 << 20};
    CHECK_EQ(STATUS_OK, log_append(log, &record, 1, &first));
    CHECK_EQ(100001, first);
    free(payload);
    log_close(log);
}

static void directory_is_made_private_but_not_its_parent(void)
{
    char parent[TEST_PATH_SIZE];
    char path[TEST_PATH_SIZE + 16];
    struct stat made;
    test_directory(parent);
    snprintf(path, sizeof(path), "%s/log", parent);
    umask(0);
    log_close(open_log(path));
    CHECK(stat(path, &made) == 0);
    CHECK_EQ(0700, made.st_mode & 0777);
    snprintf(path, sizeof(path), "%s/log/data.mdb", parent);
    CHECK(stat(path, &made) == 0);
    CHECK_EQ(0600, made.st_mode & 0777);
    snprintf(path, sizeof(path), "%s/absent/log", parent);
    check_refused(path, STATUS_IO, "cannot make the directory");
}

static void file_in_place_of_the_directory_is_refused(void)
{
    char path[TEST_PATH_SIZE];
    char file[TEST_PATH_SIZE + 16];
    test_directory(path);
    snprintf(file, sizeof(file), "%s/file", path);
    int fd = open(file, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    check_refused(file, STATUS_IO, "Not a directory");
}

/* Another process holds the log, until it is told to end by the closing of its input. */
struct holder {
    pid_t pid;
    int input;
};

static struct holder hold(const char *path, const char *address)
{
    int ready[2];
    int end[2];
    char byte = 0;
    CHECK(pipe(ready) == 0);
    CHECK(pipe(end) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(end[1]);
        struct log *log = open_log(path);
        CHECK(address == NULL || log_announce(log, "[2001:db8::1]:65535") == STATUS_OK);
        CHECK(address == NULL || log_announce(log, address) == STATUS_OK);
        CHECK(write(ready[1], &byte, 1) == 1);
        CHECK(read(end[0], &byte, 1) == 0);
        log_close(log);
        _exit(0);
    }
    close(end[0]);
    close(ready[1]);
    CHECK(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    return (struct holder){.pid = pid, .input = end[1]};
}

static void wait_for(struct holder holder)
{
    int state;
    close(holder.input);
    CHECK(waitpid(holder.pid, &state, 0) == holder.pid);
}

static void log_of_another_process_is_refused_with_its_address(void)
{
    char path[TEST_PATH_SIZE];
    char address[64] = "";
    test_directory(path);
    CHECK_EQ(STATUS_NOT_FOUND, log_find_server(path, address, sizeof(address)));

    struct holder holder = hold(path, "127.0.0.1:7070");
    check_refused(path, STATUS_UNAVAILABLE, "in use by the server at 127.0.0.1:7070");
    CHECK_EQ(STATUS_OK, log_find_server(path, address, sizeof(address)));
    CHECK_STR("127.0.0.1:7070", address);
    CHECK_EQ(STATUS_CORRUPT, log_find_server(path, address, sizeof("127.0.0.1:7070") - 1));
    CHECK_EQ(STATUS_OK, log_find_server(path, address, sizeof("127.0.0.1:7070")));
    wait_for(holder);

    CHECK_EQ(STATUS_NOT_FOUND, log_find_server(path, address, sizeof(address)));
    log_close(open_log(path));
}

static void holder_without_an_address_is_told_from_nobody(void)
{
    char path[TEST_PATH_SIZE];
    char address[64];
    test_directory(path);
    struct holder holder = hold(path, NULL);
    check_refused(path, STATUS_UNAVAILABLE, "in use by another process");
    CHECK_EQ(STATUS_UNAVAILABLE, log_find_server(path, address, sizeof(address)));
    wait_for(holder);
}

static void killed_holder_leaves_no_lock_and_no_address(void)
{
    char path[TEST_PATH_SIZE];
    char address[64];
    test_directory(path);
    struct holder holder = hold(path, "127.0.0.1:7070");
    CHECK(kill(holder.pid, SIGKILL) == 0);
    wait_for(holder);
    CHECK_EQ(STATUS_NOT_FOUND, log_find_server(path, address, sizeof(address)));
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_UNAVAILABLE, log_find_server(path, address, sizeof(address)));
    log_close(log);
}

static void same_process_cannot_open_a_log_twice(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = open_log(path);
    check_refused(path, STATUS_UNAVAILABLE, "in use by another process");
    log_close(log);
}

static void absent_directory_has_no_server(void)
{
    char path[TEST_PATH_SIZE];
    char absent[TEST_PATH_SIZE + 16];
    char address[64];
    test_directory(path);
    snprintf(absent, sizeof(absent), "%s/absent", path);
    CHECK_EQ(STATUS_NOT_FOUND, log_find_server(absent, address, sizeof(address)));
}

static void garbage_in_the_lock_file_is_no_address(void)
{
    char path[TEST_PATH_SIZE];
    char name[TEST_PATH_SIZE + 16];
    char address[64];
    test_directory(path);
    struct log *log = open_log(path);
    snprintf(name, sizeof(name), "%s/lock", path);
    int fd = open(name, O_WRONLY);
    CHECK(fd >= 0);
    CHECK(write(fd, "a\nb", 3) == 3);
    CHECK_EQ(STATUS_CORRUPT, log_find_server(path, address, sizeof(address)));
    close(fd);
    log_close(log);
}

/* A log of five records. */
static void make_log(const char *path)
{
    uint64_t first;
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, append(log, 1, 5, &first));
    log_close(log);
}

static void check_corrupt_at(const char *path, uint64_t good, const char *words)
{
    struct log *log = open_log(path);
    struct reader reader = {.next = 1};
    struct problem problem = {""};
    CHECK_EQ(STATUS_CORRUPT, log_poll(log, 1, count_record, &reader, &problem));
    CHECK_EQ(good + 1, reader.next);
    if (strstr(problem.text, words) == NULL) {
        CHECK_STR(words, problem.text);
    }
    log_close(log);
}

static void damaged_record_is_named(void)
{
    char path[TEST_PATH_SIZE];
    uint8_t bytes[RECORD_HEADER_SIZE + 1];
    test_directory(path);
    make_log(path);
    record_encode(&(struct record){.kind = EVENT_SIGNAL,
                                   .event_key = {.low = 3},
                                   .payload = (const uint8_t *)"3",
                                   .payload_size = 1},
                  bytes);
    bytes[RECORD_HEADER_SIZE] = '4';
    tamper_record(path, 3, &(MDB_val){sizeof(bytes), bytes});
    check_corrupt_at(path, 2, "record 3");
}

static void gap_is_named(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    make_log(path);
    tamper_record(path, 2, NULL);
    check_corrupt_at(path, 1, "lacks record 2");
}

static MDB_val text_key(const char *text)
{
    return (MDB_val){strlen(text), (void *)text};
}

static void format_from_the_future_is_refused(void)
{
    char path[TEST_PATH_SIZE];
    uint8_t format[4] = {LOG_FORMAT_VERSION + 1};
    test_directory(path);
    make_log(path);
    tamper(path, "meta", 0, text_key("format"), &(MDB_val){sizeof(format), format});
    check_refused(path, STATUS_CORRUPT, "format 4; this program reads up to 3");
    format[0] = 0;
    tamper(path, "meta", 0, text_key("format"), &(MDB_val){sizeof(format), format});
    check_refused(path, STATUS_CORRUPT, "format 0");
    tamper(path, "meta", 0, text_key("format"), &(MDB_val){3, format});
    check_refused(path, STATUS_CORRUPT, "not a log");
}

/* As format 1 left it. */
static void make_old_log(const char *path)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    uint8_t format[4] = {1};
    make_log(path);
    tamper(path, "meta", 0, text_key("format"), &(MDB_val){sizeof(format), format});
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_set_maxdbs(env, 1) == 0);
    CHECK(mdb_env_open(env, path, 0, 0600) == 0);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, "forgotten", 0, &dbi) == 0);
    CHECK(mdb_drop(txn, dbi, 1) == 0);
    CHECK(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

static void check_format_on_disk(const char *path, uint8_t want)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = text_key("format");
    MDB_val value;
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_set_maxdbs(env, 1) == 0);
    CHECK(mdb_env_open(env, path, MDB_RDONLY, 0600) == 0);
    CHECK(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    CHECK(mdb_dbi_open(txn, "meta", 0, &dbi) == 0);
    CHECK(mdb_get(txn, dbi, &key, &value) == 0);
    CHECK_EQ(want, *(const uint8_t *)value.mv_data);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

static void log_of_format_1_is_raised_when_it_is_opened(void)
{
    char path[TEST_PATH_SIZE];
    struct tombstone tombstone = {.user_key = 7, .time_ms = 1000};
    test_directory(path);
    make_old_log(path);
    check_format_on_disk(path, 1);
    struct log *log = open_log(path);
    CHECK_EQ(5, poll_count(log, 1));
    CHECK_EQ(STATUS_NOT_FOUND, log_find_tombstone(log, 7, &tombstone));
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, &tombstone, 1));
    log_close(log);
    check_format_on_disk(path, LOG_FORMAT_VERSION);
    log = open_log(path);
    CHECK_EQ(5, poll_count(log, 1));
    CHECK_EQ(STATUS_OK, log_find_tombstone(log, 7, &tombstone));
    log_close(log);
}

static void foreign_database_is_refused(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    tamper(path, "other", MDB_CREATE, text_key("a"), &(MDB_val){1, "b"});
    check_refused(path, STATUS_CORRUPT, "not a log");
}

static int open_data(const char *path)
{
    char name[TEST_PATH_SIZE + 16];
    snprintf(name, sizeof(name), "%s/data.mdb", path);
    int fd = open(name, O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    return fd;
}

static void file_of_another_kind_is_refused(void)
{
    char path[TEST_PATH_SIZE];
    static const char text[16384] = "not a database";
    test_directory(path);
    int fd = open_data(path);
    CHECK(write(fd, text, sizeof(text)) == (ssize_t)sizeof(text));
    close(fd);
    check_refused(path, STATUS_CORRUPT, "cannot open the log");
}

/* The kernel would end the process with SIGBUS at the first touch of a page that is gone. */
static void file_cut_short_is_refused(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, append(log, 1, 1000, &first));
    log_close(log);
    int fd = open_data(path);
    off_t size = lseek(fd, 0, SEEK_END);
    int corrupt = 0;
    for (off_t keep = size - 4096; keep >= 0; keep -= 4096) {
        CHECK(ftruncate(fd, keep) == 0);
        struct problem problem = {""};
        struct reader reader = {.next = 1};
        enum status status =
            log_open(&(struct log_options){.path = path, .map_bytes = MAP_BYTES}, &log, &problem);
        if (status == STATUS_OK) {
            status = log_poll(log, 1, count_record, &reader, &problem);
            log_close(log);
        }
        /* The end may have been of no use; an empty file is an empty log. */
        bool whole = status == STATUS_OK && (reader.next == 1001 || keep == 0);
        CHECK(whole || status == STATUS_CORRUPT);
        CHECK_EQ(status != STATUS_OK, problem.text[0] != '\0');
        corrupt += status == STATUS_CORRUPT;
    }
    CHECK(corrupt > 10);
    close(fd);
}

/* Appends until the log refuses; returns the status and how many are in. */
static enum status fill(struct log *log, size_t batch, uint64_t *last)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        uint64_t first;
        status = append(log, (unsigned)last_of(log) + 1, batch, &first);
    }
    *last = last_of(log);
    return status;
}

static void full_map_refuses_and_survives(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t last;
    struct log_sizes sizes;
    test_directory(path);
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_NO_SPACE, fill(log, 100, &last));
    CHECK(last > 5000);
    CHECK_EQ(last, poll_count(log, 1));
    log_size(log, &sizes);
    CHECK_EQ(MAP_BYTES, sizes.budget_bytes);
    CHECK(sizes.file_bytes <= MAP_BYTES);
    CHECK(sizes.used_bytes <= sizes.file_bytes);
    CHECK(sizes.record_bytes < sizes.used_bytes);
    CHECK(sizes.record_bytes > MAP_BYTES / 2);
    CHECK_EQ(STATUS_NO_SPACE, fill(log, 100, &last));
    log_close(log);

    uint64_t first;
    log = numbered_open(path, 2 * (size_t)MAP_BYTES);
    CHECK_EQ(last, last_of(log));
    CHECK_EQ(STATUS_OK, append(log, (unsigned)last + 1, 100, &first));
    CHECK_EQ(last + 100, poll_count(log, 1));
    log_close(log);
}

/* The log is at its end: nothing more fits. With space again it goes on where it was. */
static void check_refused_append_changed_nothing(struct log *log, uint64_t last)
{
    CHECK_EQ(last, last_of(log));
    CHECK_EQ(last, poll_count(log, 1));
}

static void check_goes_on(struct log *log, const char *path, uint64_t last)
{
    uint64_t first;
    CHECK_EQ(STATUS_OK, append(log, (unsigned)last + 1, 1000, &first));
    CHECK_EQ(last + 1, first);
    log_close(log);
    log = open_log(path);
    CHECK_EQ(last + 1000, poll_count(log, 1));
    log_close(log);
}

static void file_that_may_not_grow_loses_nothing_and_goes_on_later(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t last;
    test_directory(path);
    struct log *log = open_log(path);

    struct rlimit old;
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    struct rlimit low = {.rlim_cur = 300 << 10, .rlim_max = old.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &low) == 0);
    enum status status = fill(log, 25, &last);
    CHECK(status == STATUS_NO_SPACE || status == STATUS_IO); /* LMDB: a write cut short is EIO */
    check_refused_append_changed_nothing(log, last);

    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    check_goes_on(log, path, last);
}

/* A disk of our own, where the system lets us mount one. */
static void mount_disk(const char *path, const char *options)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        test_skip("no mount namespace here");
    }
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", path, "tmpfs", 0, options) != 0) {
        test_skip("no mounts here");
    }
}

static void full_disk_refuses_and_goes_on_when_it_has_space(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t last;
    test_directory(path);
    mount_disk(path, "size=256k,mode=700");
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_NO_SPACE, fill(log, 100, &last));
    check_refused_append_changed_nothing(log, last);
    CHECK_EQ(STATUS_NO_SPACE, fill(log, 100, &last));
    CHECK(mount("none", path, "tmpfs", MS_REMOUNT, "size=4m") == 0);
    check_goes_on(log, path, last);
    CHECK(umount(path) == 0);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_log_has_nothing_to_visit),
        TEST(records_come_back_in_order_after_reopening),
        TEST(each_append_that_is_on_disk_is_told_once),
        TEST(visitor_can_stop),
        TEST(tail_begins_at_the_last_signals),
        TEST(large_batches_and_records_are_kept),
        TEST(directory_is_made_private_but_not_its_parent),
        TEST(file_in_place_of_the_directory_is_refused),
        TEST(log_of_another_process_is_refused_with_its_address),
        TEST(holder_without_an_address_is_told_from_nobody),
        TEST(killed_holder_leaves_no_lock_and_no_address),
        TEST(same_process_cannot_open_a_log_twice),
        TEST(absent_directory_has_no_server),
        TEST(garbage_in_the_lock_file_is_no_address),
        TEST(damaged_record_is_named),
        TEST(gap_is_named),
        TEST(format_from_the_future_is_refused),
        TEST(log_of_format_1_is_raised_when_it_is_opened),
        TEST(foreign_database_is_refused),
        TEST(file_of_another_kind_is_refused),
        TEST(file_cut_short_is_refused),
        TEST(full_map_refuses_and_survives),
        TEST(file_that_may_not_grow_loses_nothing_and_goes_on_later),
        TEST(full_disk_refuses_and_goes_on_when_it_has_space),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
