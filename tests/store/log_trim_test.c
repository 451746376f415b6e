#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/log.h"
#include "tests/store/numbered.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

enum { MAP_BYTES = 1 << 20, LARGE_MAP_BYTES = 64 << 20 };

static void trim_all(struct log *log)
{
    bool more = true;
    while (more) {
        CHECK_EQ(STATUS_OK, log_trim_some(log, &more));
    }
}

/* Polls from a record that was removed, and checks that the problem says so. */
static void check_removed(struct log *log, uint64_t from, const char *want)
{
    struct problem problem = {""};
    CHECK_EQ(STATUS_NOT_FOUND, log_poll(log, from, NULL, NULL, &problem));
    CHECK_STR(want, problem.text);
}

static void trimmed_records_are_gone_and_the_others_stay(void)
{
    char path[TEST_PATH_SIZE];
    bool more = true;
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 2000));
    CHECK_EQ(STATUS_OK, log_trim_some(log, &more));
    CHECK(!more);
    log_trim(log, 1001);
    CHECK_EQ(1, numbered_first(log)); /* as long as nobody removes them */
    CHECK_EQ(STATUS_OK, log_trim_some(log, &more));
    CHECK(more);
    CHECK_EQ(513, numbered_first(log));
    CHECK_EQ(STATUS_OK, log_trim_some(log, &more));
    CHECK(!more);
    CHECK_EQ(1001, numbered_first(log));
    CHECK_EQ(1000, numbered_check(log, 0));
    CHECK_EQ(1000, numbered_check(log, 1001));
    CHECK_EQ(0, numbered_check(log, 2001));
    check_removed(log, 1, "records before 1001 have been removed by retention");
    check_removed(log, 1000, "records before 1001 have been removed by retention");
    log_close(log);

    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(1001, numbered_first(log));
    CHECK_EQ(2000, numbered_last(log));
    CHECK_EQ(1000, numbered_check(log, 0));
    CHECK_EQ(STATUS_OK, numbered_append(log, 1));
    CHECK_EQ(1001, numbered_first(log)); /* the target was not stored */
    log_close(log);
}

static void last_record_is_never_trimmed(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    log_trim(log, 5);
    trim_all(log);
    CHECK_EQ(STATUS_OK, numbered_append(log, 10)); /* a target beyond the end is forgotten */
    CHECK_EQ(STATUS_OK, numbered_append(log, 1));
    CHECK_EQ(1, numbered_first(log));
    log_trim(log, 1000);
    trim_all(log);
    CHECK_EQ(11, numbered_first(log));
    CHECK_EQ(11, numbered_last(log));
    log_close(log);

    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 1));
    CHECK_EQ(2, numbered_check(log, 0));
    log_close(log);
}

static void lower_target_changes_nothing(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 100));
    log_trim(log, 50);
    log_trim(log, 20);
    trim_all(log);
    log_trim(log, 30);
    trim_all(log);
    CHECK_EQ(50, numbered_first(log));
    log_close(log);
}

static void appends_trim_faster_than_they_add(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, LARGE_MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 2000));
    log_trim(log, 1001);
    CHECK_EQ(STATUS_OK, numbered_append(log, 1));
    CHECK_EQ(65, numbered_first(log));
    CHECK_EQ(STATUS_OK, numbered_append(log, 100));
    CHECK_EQ(265, numbered_first(log));
    CHECK_EQ(STATUS_OK, numbered_append(log, 1000));
    CHECK_EQ(1001, numbered_first(log));
    CHECK_EQ(2101, numbered_check(log, 0));
    log_close(log);
}

static void steady_log_stays_within_its_budget(void)
{
    char path[TEST_PATH_SIZE];
    struct log_sizes sizes;
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    for (unsigned i = 0; i < 200; i++) { /* several times what it holds */
        CHECK_EQ(STATUS_OK, numbered_append(log, 100));
        log_trim(log, numbered_last(log) < 2000 ? 1 : numbered_last(log) - 2000);
    }
    CHECK(numbered_check(log, 0) < 2300);
    log_size(log, &sizes);
    CHECK(sizes.file_bytes < MAP_BYTES / 2);
    CHECK(sizes.record_bytes < MAP_BYTES / 4);
    log_close(log);
}

/* Takes a reader's snapshot, then lets the log be trimmed and filled beneath it. */
static bool trim_beneath(void *context, uint64_t sequence, const struct record *record)
{
    struct log *log = context;
    CHECK_EQ(sequence, record->event_key.low);
    if (sequence == 1) {
        log_trim(log, 1000);
        trim_all(log);
        for (unsigned i = 0; i < 50; i++) {
            CHECK_EQ(STATUS_OK, numbered_append(log, 100));
        }
    }
    return true;
}

static void reader_keeps_what_is_trimmed_beneath_it(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, LARGE_MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 1000));
    CHECK_EQ(STATUS_OK, log_poll(log, 1, trim_beneath, log, NULL));
    CHECK_EQ(5001, numbered_check(log, 1000));
    log_close(log);
}

static uint64_t fill(struct log *log, size_t batch)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = numbered_append(log, batch);
    }
    CHECK_EQ(STATUS_NO_SPACE, status);
    return numbered_last(log);
}

static void full_log_can_be_trimmed_and_then_goes_on(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    uint64_t last = fill(log, 100);
    last = fill(log, 1) > last ? numbered_last(log) : last;
    log_trim(log, last - 10);
    trim_all(log);
    CHECK_EQ(11, numbered_check(log, 0));
    uint64_t again = fill(log, 100);
    CHECK(again - last > (last * 8) / 10);
    log_close(log);
}

static void full_log_goes_on_by_itself_when_records_may_go(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    uint64_t last = fill(log, 10);
    for (unsigned i = 0; i < 100; i++) {
        log_trim(log, numbered_last(log) - last / 2);
        CHECK_EQ(STATUS_OK, numbered_append(log, 200));
    }
    CHECK(numbered_first(log) > last);
    (void)numbered_check(log, 0);
    log_close(log);
}

/* What a backup does to a full log: pages that are freed stay as they are until it ends. */
static bool trim_full_beneath(void *context, uint64_t sequence, const struct record *record)
{
    struct log *log = context;
    bool more = false;
    (void)sequence;
    (void)record;
    log_trim(log, numbered_last(log) / 2);
    CHECK_EQ(STATUS_OK, log_trim_some(log, &more)); /* from the reserve */
    CHECK_EQ(STATUS_NO_SPACE, numbered_append(log, 1000));
    return false;
}

static void reader_of_a_full_log_delays_trimming_no_longer_than_it_lasts(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    uint64_t last = fill(log, 100);
    CHECK_EQ(STATUS_OK, log_poll(log, 0, trim_full_beneath, log, NULL));
    trim_all(log);
    CHECK_EQ(last / 2, numbered_first(log));
    CHECK_EQ(STATUS_OK, numbered_append(log, 1000));
    log_close(log);
}

struct trimmer {
    struct log *log;
    _Atomic bool stop;
};

static void *run_trimmer(void *argument)
{
    struct trimmer *trimmer = argument;
    while (!atomic_load(&trimmer->stop)) {
        bool more = false;
        uint64_t last = numbered_last(trimmer->log);
        log_trim(trimmer->log, last > 1000 ? last - 1000 : 1);
        CHECK_EQ(STATUS_OK, log_trim_some(trimmer->log, &more));
    }
    return NULL;
}

static void trims_beside_appends_and_reads_lose_nothing(void)
{
    char path[TEST_PATH_SIZE];
    pthread_t thread;
    test_directory(path);
    struct trimmer trimmer = {.log = numbered_open(path, LARGE_MAP_BYTES)};
    CHECK(pthread_create(&thread, NULL, run_trimmer, &trimmer) == 0);
    for (unsigned i = 0; i < 150; i++) {
        CHECK_EQ(STATUS_OK, numbered_append(trimmer.log, 50));
        CHECK(numbered_check(trimmer.log, 0) >= (i < 20 ? 50 * (i + 1) : 1000));
    }
    atomic_store(&trimmer.stop, true);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_EQ(7500, numbered_last(trimmer.log));
    log_close(trimmer.log);
}

static uint64_t find_age(struct log *log, int64_t before_ms)
{
    uint64_t first = 0;
    CHECK_EQ(STATUS_OK, log_find_age(log, before_ms, &first, NULL));
    return first;
}

static void age_finds_the_first_young_record(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(1, find_age(log, 100));
    for (uint64_t i = 1; i <= 9; i++) { /* records 10 i - 9 to 10 i at 100 i */
        CHECK_EQ(STATUS_OK, numbered_append_at(log, 10 * i - 9, 10, 100 * (int64_t)i));
    }
    CHECK_EQ(1, find_age(log, INT64_MIN));
    CHECK_EQ(1, find_age(log, 100));
    CHECK_EQ(11, find_age(log, 101));
    CHECK_EQ(11, find_age(log, 200));
    CHECK_EQ(81, find_age(log, 900));
    CHECK_EQ(91, find_age(log, 901));
    log_trim(log, 46);
    trim_all(log);
    CHECK_EQ(46, find_age(log, 100));
    CHECK_EQ(46, find_age(log, 500));
    CHECK_EQ(51, find_age(log, 600));
    log_close(log);
}

/* Whatever the order of times, what stands before the answer is old. */
static void clock_that_went_back_does_not_confuse_the_search(void)
{
    static const int64_t times[] = {500, 600, 700, 100, 110, 120, 800, 90, 900, 910};
    enum { COUNT = sizeof(times) / sizeof(times[0]) };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(STATUS_OK, numbered_append_at(log, i + 1, 1, times[i]));
    }
    for (int64_t before_ms = 0; before_ms < 1000; before_ms += 10) {
        uint64_t first = find_age(log, before_ms);
        CHECK(first >= 1 && first <= COUNT + 1);
        CHECK(first == 1 || times[first - 2] < before_ms);
    }
    log_close(log);
}

static void damaged_record_stops_the_search(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t first;
    struct problem problem = {""};
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 3));
    log_close(log);
    tamper_record(path, 2, &(MDB_val){4, "none"});
    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_CORRUPT, log_find_age(log, 100, &first, &problem));
    CHECK_STR("the log's record 2 fails validation", problem.text);
    log_close(log);
}

static void bytes_find_about_what_takes_them(void)
{
    char path[TEST_PATH_SIZE];
    struct log_sizes sizes;
    test_directory(path);
    struct log *log = numbered_open(path, LARGE_MAP_BYTES);
    CHECK_EQ(1, log_find_bytes(log, 0));
    CHECK_EQ(STATUS_OK, numbered_append(log, 10000));
    log_size(log, &sizes);
    CHECK_EQ(1, log_find_bytes(log, sizes.record_bytes));
    CHECK_EQ(10000, log_find_bytes(log, 0));
    CHECK_EQ(10000, log_find_bytes(log, 1));
    uint64_t first = log_find_bytes(log, sizes.record_bytes / 4);
    CHECK(first > 7400 && first < 7600);
    log_trim(log, first);
    trim_all(log);
    log_size(log, &sizes);
    CHECK_EQ(first, log_find_bytes(log, sizes.record_bytes));
    first = log_find_bytes(log, sizes.record_bytes / 2);
    CHECK(first > 8600 && first < 8900);
    log_close(log);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(trimmed_records_are_gone_and_the_others_stay),
        TEST(last_record_is_never_trimmed),
        TEST(lower_target_changes_nothing),
        TEST(appends_trim_faster_than_they_add),
        TEST(steady_log_stays_within_its_budget),
        TEST(reader_keeps_what_is_trimmed_beneath_it),
        TEST(full_log_can_be_trimmed_and_then_goes_on),
        TEST(full_log_goes_on_by_itself_when_records_may_go),
        TEST(reader_of_a_full_log_delays_trimming_no_longer_than_it_lasts),
        TEST(trims_beside_appends_and_reads_lose_nothing),
        TEST(age_finds_the_first_young_record),
        TEST(clock_that_went_back_does_not_confuse_the_search),
        TEST(damaged_record_stops_the_search),
        TEST(bytes_find_about_what_takes_them),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
