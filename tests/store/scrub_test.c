/* For memmem(3); must precede every include. */
#define _GNU_SOURCE

#include "store/scrub.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/log.h"
#include "tests/store/numbered.h"
#include "tests/store/opened.h"
#include "tests/test.h"

enum { MAP_BYTES = 64 << 20 };

static const char needle[] = "a-user-to-be-forgotten";

static bool holds_needle(const char *bytes, size_t size, size_t *count)
{
    const char *at = bytes;
    *count = 0;
    while ((at = memmem(at, size - (size_t)(at - bytes), needle, sizeof(needle) - 1)) != NULL) {
        at++;
        ++*count;
    }
    return *count > 0;
}

/* How often the needle stands in a file. */
static size_t count_in(const char *name)
{
    struct stat info;
    size_t count;
    int fd = open(name, O_RDONLY);
    CHECK(fd >= 0 && fstat(fd, &info) == 0);
    char *bytes = malloc((size_t)info.st_size);
    CHECK(bytes != NULL && read(fd, bytes, (size_t)info.st_size) == info.st_size);
    (void)holds_needle(bytes, (size_t)info.st_size, &count);
    free(bytes);
    close(fd);
    return count;
}

static size_t count_needles(const char *path)
{
    char name[TEST_PATH_SIZE + 16];
    snprintf(name, sizeof(name), "%s/data.mdb", path);
    return count_in(name);
}

/* Appends count signals whose payload has the needle in every `every`th and size bytes. */
static void append_mixed(struct log *log, size_t count, unsigned every, size_t size)
{
    struct record *records = calloc(count, sizeof(*records));
    uint8_t *payloads = calloc(count, size);
    uint64_t first;
    CHECK(records != NULL && payloads != NULL && (every == 0 || size >= sizeof(needle)));
    for (size_t i = 0; i < count; i++) {
        uint8_t *payload = payloads + i * size;
        memset(payload, 'a' + (int)(i % 26), size);
        if (every > 0 && i % every == 0) {
            memcpy(payload + (size - sizeof(needle)) / 2, needle, sizeof(needle) - 1);
        }
        records[i] = (struct record){.kind = EVENT_SIGNAL,
                                     .event_key = {.low = i + 1},
                                     .payload = payload,
                                     .payload_size = size};
    }
    CHECK_EQ(STATUS_OK, log_append(log, records, count, &first));
    free(payloads);
    free(records);
}

/* The sequences of records with the needle. */
struct search {
    uint64_t *sequences;
    size_t count;
    size_t records;
};

static bool look_for_needle(void *context, uint64_t sequence, const struct record *record)
{
    struct search *search = context;
    size_t count;
    search->records++;
    if (holds_needle((const char *)record->payload, record->payload_size, &count)) {
        search->sequences[search->count++] = sequence;
    }
    return true;
}

static struct search find_needles(struct log *log)
{
    struct search search = {.sequences = calloc(numbered_last(log) + 1, sizeof(uint64_t))};
    struct problem problem = {""};
    CHECK(search.sequences != NULL);
    enum status status = log_poll(log, 0, look_for_needle, &search, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return search;
}

/* Erases all records with the needle; returns how many. */
static size_t erase_needles(struct log *log)
{
    static const uint8_t counts[8] = {1, 2, 3};
    struct search search = find_needles(log);
    struct log_replacement replacements[256];
    for (size_t done = 0; done < search.count;) {
        size_t count = 0;
        while (count < 256 && done < search.count) {
            replacements[count++] = (struct log_replacement){
                .sequence = search.sequences[done++],
                .record = {.kind = EVENT_ERASED, .payload = counts, .payload_size = 8}};
        }
        CHECK_EQ(STATUS_OK, log_replace(log, replacements, count, NULL));
    }
    free(search.sequences);
    return search.count;
}

static void check_content(struct log *log, size_t records)
{
    struct search search = find_needles(log);
    CHECK_EQ(0, search.count);
    CHECK_EQ(records, search.records);
    free(search.sequences);
}

static uint64_t scrub(struct log *log)
{
    struct scrub *scrub = NULL;
    bool more = true;
    CHECK_EQ(STATUS_OK, log_scrub(log, &scrub));
    while (more) {
        CHECK_EQ(STATUS_OK, scrub_step(scrub, &more));
    }
    uint64_t left = scrub_pages_left(scrub);
    scrub_free(scrub);
    return left;
}

static void empty_log_is_scrubbed(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(STATUS_OK, numbered_append(log, 10));
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(10, numbered_check(log, 1));
    scrub_free(NULL);
    log_close(log);
}

/* Forgets in logs with records of a size, appended in batches. */
static void check_forgetting(size_t batch, size_t batches, unsigned every, size_t size)
{
    enum { LARGE = 2000 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    for (size_t i = 0; i < batches; i++) {
        append_mixed(log, batch, every, size);
    }
    size_t erased = erase_needles(log);
    CHECK(erased > 0);
    CHECK(count_needles(path) > 0);
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(0, count_needles(path));
    check_content(log, batch * batches);
    for (unsigned i = 0; i < 30; i++) { /* nothing comes back out of memory */
        append_mixed(log, i + 1, 0, 100);
    }
    append_mixed(log, LARGE, 0, 1500); /* two to a page, with a large gap */
    CHECK_EQ(0, count_needles(path));
    log_close(log);

    log = numbered_open(path, MAP_BYTES);
    check_content(log, batch * batches + 30 * 31 / 2 + LARGE);
    log_close(log);
}

static void nothing_is_left_of_small_records(void)
{
    check_forgetting(20, 50, 7, 100);
}

static void nothing_is_left_of_a_few_records_among_many(void)
{
    check_forgetting(1000, 10, 500, 60);
}

static void nothing_is_left_of_records_on_pages_of_their_own(void)
{
    check_forgetting(10, 10, 3, 3000);
    check_forgetting(10, 5, 3, 20000);
}

static void nothing_is_left_in_memory_of_a_large_transaction(void)
{
    check_forgetting(100000, 1, 1, 100);
}

static void trimmed_records_leave_nothing_either(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    append_mixed(log, 5000, 1, 100);
    append_mixed(log, 100, 0, 100);
    opened_trim(log, 5001);
    CHECK(count_needles(path) > 0);
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(0, count_needles(path));
    check_content(log, 100);
    log_close(log);
}

static void bytes_behind_the_last_page_go(void)
{
    char path[TEST_PATH_SIZE];
    char name[TEST_PATH_SIZE + 16];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 10));
    snprintf(name, sizeof(name), "%s/data.mdb", path);
    int fd = open(name, O_WRONLY);
    off_t far = lseek(fd, 0, SEEK_END) + 100000;
    CHECK(fd >= 0 && pwrite(fd, needle, sizeof(needle), far) == sizeof(needle));
    close(fd);
    CHECK_EQ(1, count_needles(path));
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(0, count_needles(path));
    CHECK_EQ(10, numbered_check(log, 1));
    log_close(log);
}

/* A reader's snapshot from before the forgetting: what it sees stays until it ends. */
struct snapshot {
    struct log *log;
    const char *path;
    size_t seen;
};

static bool forget_beneath(void *context, uint64_t sequence, const struct record *record)
{
    struct snapshot *snapshot = context;
    size_t count;
    if (sequence == 1) {
        CHECK(erase_needles(snapshot->log) > 0);
        CHECK(scrub(snapshot->log) > 0);
        CHECK(count_needles(snapshot->path) > 0);
    }
    snapshot->seen += holds_needle((const char *)record->payload, record->payload_size, &count);
    return true;
}

static void reader_keeps_its_snapshot_and_delays_the_scrub(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    for (unsigned i = 0; i < 20; i++) {
        append_mixed(log, 100, 10, 100);
    }
    struct snapshot snapshot = {.log = log, .path = path};
    CHECK_EQ(STATUS_OK, log_poll(log, 1, forget_beneath, &snapshot, NULL));
    CHECK_EQ(200, snapshot.seen);
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(0, count_needles(path));
    check_content(log, 2000);
    log_close(log);
}

struct appender {
    struct log *log;
    _Atomic bool stop;
    uint64_t count;
};

/* Appends and trims all the time. */
static void *run_appender(void *argument)
{
    struct appender *appender = argument;
    while (!atomic_load(&appender->stop)) {
        append_mixed(appender->log, 50, 0, 100);
        log_trim(appender->log, numbered_last(appender->log) - 5000);
        appender->count += 50;
    }
    return NULL;
}

static int64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void scrubs_beside_appends_damage_nothing(void)
{
    enum { BEFORE = 20000 };
    char path[TEST_PATH_SIZE];
    pthread_t thread;
    test_directory(path);
    struct appender appender = {.log = numbered_open(path, MAP_BYTES)};
    append_mixed(appender.log, BEFORE, 10, 100);
    CHECK_EQ(BEFORE / 10, erase_needles(appender.log));
    CHECK(pthread_create(&thread, NULL, run_appender, &appender) == 0);
    for (int64_t until_ms = now_ms() + 1000; now_ms() < until_ms;) {
        CHECK_EQ(0, scrub(appender.log));
        CHECK_EQ(0, count_needles(path));
    }
    atomic_store(&appender.stop, true);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(appender.count > 0);
    CHECK_EQ(BEFORE + appender.count, numbered_last(appender.log));
    check_content(appender.log, numbered_last(appender.log) - numbered_first(appender.log) + 1);
    log_close(appender.log);
    struct log *log = numbered_open(path, MAP_BYTES);
    check_content(log, numbered_last(log) - numbered_first(log) + 1);
    log_close(log);
}

static void copy_holds_nothing_that_was_forgotten(void)
{
    char path[TEST_PATH_SIZE];
    char name[TEST_PATH_SIZE + 16];
    struct problem problem = {""};
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    for (unsigned i = 0; i < 20; i++) {
        append_mixed(log, 200, 3, 100);
        append_mixed(log, 2, 2, 3000);
    }
    CHECK(erase_needles(log) > 0);
    CHECK_EQ(0, scrub(log));
    log_close(log);
    snprintf(name, sizeof(name), "%s/copy", path);
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(STATUS_OK, log_copy(path, fd, &problem));
    close(fd);
    CHECK_EQ(0, count_in(name));
}

/* Left half-way, as by a crash. */
static void scrub_can_be_given_up(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    append_mixed(log, 20000, 10, 100);
    CHECK(erase_needles(log) > 0);
    for (unsigned steps = 0; steps < 4; steps++) {
        struct scrub *scrub = NULL;
        bool more = true;
        CHECK_EQ(STATUS_OK, log_scrub(log, &scrub));
        for (unsigned i = 0; i < steps && more; i++) {
            CHECK_EQ(STATUS_OK, scrub_step(scrub, &more));
        }
        scrub_free(scrub);
        check_content(log, 20000);
    }
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(0, count_needles(path));
    log_close(log);
}

/* The reserve is enough for a scrub. */
static void full_log_is_scrubbed(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, 8 << 20);
    append_mixed(log, 100, 1, 100);
    while (numbered_append(log, 100) == STATUS_OK) {
    }
    CHECK_EQ(100, erase_needles(log));
    CHECK_EQ(0, scrub(log));
    CHECK_EQ(0, count_needles(path));
    check_content(log, numbered_last(log));
    log_close(log);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_log_is_scrubbed),
        TEST(nothing_is_left_of_small_records),
        TEST(nothing_is_left_of_a_few_records_among_many),
        TEST(nothing_is_left_of_records_on_pages_of_their_own),
        TEST(nothing_is_left_in_memory_of_a_large_transaction),
        TEST(trimmed_records_leave_nothing_either),
        TEST(bytes_behind_the_last_page_go),
        TEST(reader_keeps_its_snapshot_and_delays_the_scrub),
        TEST(scrubs_beside_appends_damage_nothing),
        TEST(copy_holds_nothing_that_was_forgotten),
        TEST(scrub_can_be_given_up),
        TEST(full_log_is_scrubbed),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
