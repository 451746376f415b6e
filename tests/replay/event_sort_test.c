#include "replay/event_sort.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ranker/random.h"
#include "tests/test.h"

enum { TINY_BYTES = 4096 };

static struct problem problem;

static struct event_sort *begin(size_t run_bytes)
{
    struct event_sort *sort = event_sort_new(run_bytes);
    CHECK(sort != NULL);
    return sort;
}

static void add(struct event_sort *sort, int64_t time_ms, const void *bytes, size_t size)
{
    struct sorted_record record = {time_ms, bytes, size};
    CHECK_EQ(STATUS_OK, event_sort_add(sort, &record, &problem));
}

static void check_next(struct event_sort *sort, int64_t time_ms, const void *bytes, size_t size)
{
    struct sorted_record record;
    CHECK_EQ(STATUS_OK, event_sort_next(sort, &record, &problem));
    CHECK_EQ(time_ms, record.time_ms);
    CHECK_EQ(size, record.size);
    CHECK(size == 0 || memcmp(bytes, record.bytes, size) == 0);
}

static void check_end(struct event_sort *sort)
{
    struct sorted_record record;
    CHECK_EQ(STATUS_NOT_FOUND, event_sort_next(sort, &record, &problem));
    CHECK_EQ(STATUS_NOT_FOUND, event_sort_next(sort, &record, &problem));
    event_sort_free(sort);
}

static void nothing_sorts_to_nothing(void)
{
    struct event_sort *sort = begin(TINY_BYTES);
    CHECK_EQ(STATUS_OK, event_sort_finish(sort, &problem));
    check_end(sort);
    event_sort_free(NULL);
}

static void records_come_by_time_and_equal_ones_as_added(void)
{
    struct event_sort *sort = begin(TINY_BYTES);
    add(sort, 30, "c", 1);
    add(sort, -5, "", 0);
    add(sort, 10, "a1", 2);
    add(sort, 10, "a2", 2);
    add(sort, INT64_MAX, "z", 1);
    add(sort, 10, "a3", 2);
    add(sort, INT64_MIN, "first", 5);
    CHECK_EQ(STATUS_OK, event_sort_finish(sort, &problem));
    check_next(sort, INT64_MIN, "first", 5);
    check_next(sort, -5, "", 0);
    check_next(sort, 10, "a1", 2);
    check_next(sort, 10, "a2", 2);
    check_next(sort, 10, "a3", 2);
    check_next(sort, 30, "c", 1);
    check_next(sort, INT64_MAX, "z", 1);
    check_end(sort);
}

/*
 * Records of up to 500 bytes in runs of 4 KiB: some 12 a run. Each of ten times comes again and
 * again, so that what is of one time lies in all runs. A record says when it was added.
 */
static void sort_many(uint32_t count)
{
    struct random random = {count};
    struct event_sort *sort = begin(TINY_BYTES);
    uint8_t bytes[512] = {0};
    uint32_t *last = calloc(10, sizeof(*last)); /* number + 1 of the last told of each time */
    uint32_t *times = calloc(count, sizeof(*times));
    CHECK(last != NULL && times != NULL);
    for (uint32_t i = 0; i < count; i++) {
        times[i] = random_below(&random, 10);
        memcpy(bytes, &i, sizeof(i));
        add(sort, times[i], bytes, 100 + i % 400);
    }
    CHECK_EQ(STATUS_OK, event_sort_finish(sort, &problem));
    int64_t time_ms = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct sorted_record record;
        uint32_t number;
        CHECK_EQ(STATUS_OK, event_sort_next(sort, &record, &problem));
        memcpy(&number, record.bytes, sizeof(number));
        CHECK(record.time_ms >= time_ms);
        CHECK(number < count);
        CHECK_EQ(times[number], record.time_ms);
        CHECK_EQ(100 + number % 400, record.size);
        CHECK(number >= last[record.time_ms]);
        last[record.time_ms] = number + 1;
        time_ms = record.time_ms;
    }
    check_end(sort);
    free(last);
    free(times);
}

static void runs_on_disk_are_merged(void)
{
    sort_many(500);
}

/* Some 400 runs, of which at most 128 are open: three times they become one. */
static void more_runs_than_may_be_open_are_merged_too(void)
{
    sort_many(5000);
}

/* Whatever the last run holds, also just one record, or one run fewer than all. */
static void any_number_of_records_is_sorted_whole(void)
{
    for (uint32_t count = 1; count < 60; count++) {
        sort_many(count);
    }
    for (uint32_t runs = EVENT_SORT_RUNS - 2; runs <= EVENT_SORT_RUNS + 2; runs++) {
        struct event_sort *sort = begin(64); /* one record a run */
        for (uint32_t i = 0; i < runs; i++) {
            add(sort, runs - i, "0123456789", 10);
        }
        CHECK_EQ(STATUS_OK, event_sort_finish(sort, &problem));
        for (uint32_t i = 0; i < runs; i++) {
            check_next(sort, i + 1, "0123456789", 10);
        }
        check_end(sort);
    }
}

static void the_largest_record_fits_a_run_of_commands(void)
{
    struct event_sort *sort = begin(EVENT_SORT_BYTES);
    uint8_t *bytes = calloc(1, EVENT_SORT_RECORD_BYTES);
    CHECK(bytes != NULL);
    for (uint8_t i = 0; i < 20; i++) { /* 80 MiB: two runs */
        bytes[EVENT_SORT_RECORD_BYTES - 1] = i;
        add(sort, 20 - i, bytes, EVENT_SORT_RECORD_BYTES);
    }
    CHECK_EQ(STATUS_OK, event_sort_finish(sort, &problem));
    for (uint8_t i = 0; i < 20; i++) {
        bytes[EVENT_SORT_RECORD_BYTES - 1] = (uint8_t)(19 - i);
        check_next(sort, i + 1, bytes, EVENT_SORT_RECORD_BYTES);
    }
    check_end(sort);
    free(bytes);
}

/* The status of the first call that fails, of many. */
static enum status fill(struct event_sort *sort)
{
    uint8_t bytes[1000] = {0};
    struct sorted_record record = {1, bytes, sizeof(bytes)};
    enum status status = STATUS_OK;
    for (unsigned i = 0; status == STATUS_OK && i < 10000; i++) {
        status = event_sort_add(sort, &record, &problem);
    }
    return status == STATUS_OK ? event_sort_finish(sort, &problem) : status;
}

static void a_folder_that_is_missing_is_told_of(void)
{
    CHECK_EQ(0, setenv("TMPDIR", "/nonexistent/folder", 1));
    struct event_sort *sort = begin(TINY_BYTES);
    CHECK_EQ(STATUS_IO, fill(sort));
    CHECK(strstr(problem.text, "cannot be made: No such file or directory") != NULL);
    CHECK(strstr(problem.text, "TMPDIR") != NULL);
    event_sort_free(sort);
}

static void a_folder_s_name_that_is_too_long_is_told_of(void)
{
    char name[8192];
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    CHECK_EQ(0, setenv("TMPDIR", name, 1));
    struct event_sort *sort = begin(TINY_BYTES);
    CHECK_EQ(STATUS_IO, fill(sort));
    CHECK(strstr(problem.text, "File name too long") != NULL);
    event_sort_free(sort);
}

/* The disk is full after 40,000 bytes. */
static void a_full_disk_is_told_of(void)
{
    const struct rlimit limit = {40000, 40000};
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
    struct event_sort *sort = begin(100000);
    CHECK_EQ(STATUS_IO, fill(sort));
    CHECK(strstr(problem.text, "cannot be written: File too large") != NULL);
    event_sort_free(sort);
}

/* A run has 97 records of 1,024 bytes with their headers, and the disk room for all but the last.
 */
static void a_disk_that_is_full_at_the_last_block_is_told_of(void)
{
    const struct rlimit limit = {99000, 99000};
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
    struct event_sort *sort = begin(100000);
    CHECK_EQ(STATUS_IO, fill(sort));
    CHECK(strstr(problem.text, "cannot be written: File too large") != NULL);
    event_sort_free(sort);
}

/* Each run fits, and what they are merged into does not. */
static void a_disk_that_gets_full_in_a_merge_is_told_of(void)
{
    const struct rlimit limit = {40000, 40000};
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
    struct event_sort *sort = begin(TINY_BYTES);
    CHECK_EQ(STATUS_IO, fill(sort));
    CHECK(strstr(problem.text, "cannot be written: File too large") != NULL);
    event_sort_free(sort);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(nothing_sorts_to_nothing),
        TEST(records_come_by_time_and_equal_ones_as_added),
        TEST(runs_on_disk_are_merged),
        TEST(more_runs_than_may_be_open_are_merged_too),
        TEST(any_number_of_records_is_sorted_whole),
        TEST(the_largest_record_fits_a_run_of_commands),
        TEST(a_folder_that_is_missing_is_told_of),
        TEST(a_folder_s_name_that_is_too_long_is_told_of),
        TEST(a_full_disk_is_told_of),
        TEST(a_disk_that_is_full_at_the_last_block_is_told_of),
        TEST(a_disk_that_gets_full_in_a_merge_is_told_of),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
