#include "store/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/journal_reader.h"
#include "store/segments.h"
#include "tests/store/contents.h"
#include "tests/test.h"

enum { PAYLOAD_BYTES = 1000, DAY_MS = 86400000 };

static const int64_t start_ms = 1700000000000;

static char data[TEST_PATH_SIZE];

static struct journal *open_with(const struct journal_options *wanted)
{
    struct journal_options options = *wanted;
    struct journal *journal = NULL;
    struct problem problem = {""};
    options.data = data;
    CHECK_EQ(STATUS_OK, journal_open(&options, &journal, &problem));
    return journal;
}

static struct journal *open_journal(void)
{
    return open_with(&(struct journal_options){.share_ppm = JOURNAL_SHARE_ALL});
}

/* A decision that says its number, and names its user. */
static void add(struct journal *journal, uint64_t number, uint64_t user_key)
{
    char payload[PAYLOAD_BYTES];
    memset(payload, 'x', sizeof(payload));
    snprintf(payload, sizeof(payload), "decision %llu of user-%llu", (unsigned long long)number,
             (unsigned long long)user_key);
    journal_add(journal, &(struct decision_record){.time_ms = start_ms + (int64_t)number,
                                                   .state_sequence = number,
                                                   .user_key = user_key,
                                                   .payload = (const uint8_t *)payload,
                                                   .payload_size = sizeof(payload)});
}

static void add_many(struct journal *journal, uint64_t first, uint64_t count, uint64_t user_key)
{
    for (uint64_t i = 0; i < count; i++) {
        add(journal, first + i, user_key);
    }
    journal_flush(journal);
}

/* Reads all there is; the numbers go to out, at most `most`. Returns how many there are. */
static size_t read_all(enum journal_order order, uint64_t *out, size_t most, uint64_t *skipped)
{
    struct journal_reader *reader = NULL;
    struct decision_record record;
    struct problem problem = {""};
    size_t count = 0;
    CHECK_EQ(STATUS_OK, journal_reader_new(data, order, &reader, &problem));
    enum status status = journal_reader_next(reader, &record, &problem);
    while (status == STATUS_OK) {
        CHECK_EQ(PAYLOAD_BYTES, record.payload_size);
        CHECK(count < most);
        out[count++] = record.state_sequence;
        status = journal_reader_next(reader, &record, &problem);
    }
    CHECK_EQ(STATUS_NOT_FOUND, status);
    if (skipped != NULL) {
        *skipped = journal_reader_skipped(reader);
    }
    journal_reader_free(reader);
    return count;
}

static void check_numbers(const uint64_t *want, size_t count)
{
    static uint64_t numbers[1 << 16];
    CHECK_EQ(count, read_all(JOURNAL_OLDEST_FIRST, numbers, 1 << 16, NULL));
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(want[i], numbers[i]);
    }
    CHECK_EQ(count, read_all(JOURNAL_NEWEST_FIRST, numbers, 1 << 16, NULL));
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(want[count - 1 - i], numbers[i]);
    }
}

static void path_of(uint64_t number, char out[FILES_PATH_SIZE])
{
    CHECK_EQ(STATUS_OK, segment_path(data, number, out, NULL));
}

static uint64_t size_of(uint64_t number)
{
    char path[FILES_PATH_SIZE];
    struct stat info;
    path_of(number, path);
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static size_t segment_count(void)
{
    struct segment_list list;
    CHECK_EQ(STATUS_OK, segments_list(data, &list, NULL));
    free(list.numbers);
    return list.count;
}

/* Overwrites bytes of a segment. */
static void spoil(uint64_t number, off_t offset, const char *bytes)
{
    char path[FILES_PATH_SIZE];
    path_of(number, path);
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    CHECK_EQ(strlen(bytes), pwrite(fd, bytes, strlen(bytes), offset));
    close(fd);
}

static struct journal_counts counts_of(struct journal *journal)
{
    struct journal_counts counts;
    journal_count(journal, &counts);
    return counts;
}

static void what_is_added_is_read_in_both_orders(void)
{
    test_directory(data);
    check_numbers(NULL, 0);
    struct journal *journal = open_journal();
    add_many(journal, 1, 3, 7);
    const uint64_t want[] = {1, 2, 3};
    check_numbers(want, 3);
    struct journal_counts counts = counts_of(journal);
    CHECK_EQ(3, counts.written);
    CHECK_EQ(0, counts.dropped);
    CHECK_EQ(3 * (DECISION_HEADER_SIZE + PAYLOAD_BYTES), counts.bytes);
    CHECK_EQ(start_ms + 1, counts.oldest_ms);
    journal_close(journal);
}

static void next_start_goes_on_in_the_same_segment(void)
{
    test_directory(data);
    struct journal *journal = open_journal();
    add_many(journal, 1, 1, 7);
    journal_close(journal);
    journal = open_journal();
    CHECK_EQ(0, counts_of(journal).written);
    CHECK_EQ(start_ms + 1, counts_of(journal).oldest_ms);
    add_many(journal, 2, 1, 7);
    journal_close(journal);
    const uint64_t want[] = {1, 2};
    check_numbers(want, 2);
    CHECK_EQ(1, segment_count());
}

static void bytes_are_as_the_table_says(void)
{
    const uint8_t payload[] = {0xaa, 0xbb};
    uint8_t bytes[DECISION_HEADER_SIZE + 2];
    decision_record_encode(&(struct decision_record){.time_ms = 0x0102030405060708,
                                                     .state_sequence = 0x1112131415161718,
                                                     .user_key = 0x2122232425262728,
                                                     .payload = payload,
                                                     .payload_size = 2},
                           bytes);
    CHECK_EQ('D', bytes[0]);
    CHECK_EQ(0xf5, bytes[2]);
    CHECK_EQ(1, bytes[4]);
    CHECK_EQ(2, bytes[8]);
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(0x08 - i, bytes[16 + i]);
        CHECK_EQ(0x18 - i, bytes[24 + i]);
        CHECK_EQ(0x28 - i, bytes[32 + i]);
    }
    CHECK_EQ(0xbb, bytes[41]);
}

static void every_damaged_bit_of_a_record_is_noticed(void)
{
    const uint8_t payload[] = {1, 2, 3};
    uint8_t bytes[DECISION_HEADER_SIZE + 3];
    struct decision_record out;
    decision_record_encode(&(struct decision_record){.payload = payload, .payload_size = 3}, bytes);
    CHECK_EQ(STATUS_OK, decision_record_decode(bytes, sizeof(bytes), &out));
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQ(STATUS_CORRUPT, decision_record_decode(bytes, sizeof(bytes), &out));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t size = 0; size < sizeof(bytes); size++) {
        CHECK_EQ(STATUS_CORRUPT, decision_record_decode(bytes, size, &out));
    }
}

/* Wherever a crash cut the last record. */
static void torn_tail_is_cut_at_the_next_start(void)
{
    const off_t record = DECISION_HEADER_SIZE + PAYLOAD_BYTES;
    const off_t cuts[] = {1, DECISION_HEADER_SIZE - 1, DECISION_HEADER_SIZE, record - 1};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        char path[FILES_PATH_SIZE];
        test_directory(data);
        struct journal *journal = open_journal();
        add_many(journal, 1, 3, 7);
        journal_close(journal);
        path_of(1, path);
        CHECK_EQ(0, truncate(path, 2 * record + cuts[i]));
        journal = open_journal();
        CHECK_EQ(2 * record, size_of(1));
        add_many(journal, 4, 1, 7);
        journal_close(journal);
        const uint64_t want[] = {1, 2, 4};
        check_numbers(want, 3);
    }
}

static void damaged_record_is_skipped_and_counted(void)
{
    const off_t record = DECISION_HEADER_SIZE + PAYLOAD_BYTES;
    const off_t places[] = {0, 8, 20, DECISION_HEADER_SIZE + 5};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint64_t numbers[3];
        uint64_t skipped = 0;
        test_directory(data);
        struct journal *journal = open_journal();
        add_many(journal, 1, 3, 7);
        journal_close(journal);
        spoil(1, record + places[i], "???");
        CHECK_EQ(2, read_all(JOURNAL_OLDEST_FIRST, numbers, 3, &skipped));
        CHECK_EQ(1, skipped);
        CHECK_EQ(3, numbers[1]);
        journal = open_journal();
        CHECK_EQ(1, counts_of(journal).skipped);
        journal_close(journal);
        const uint64_t want[] = {1, 3};
        check_numbers(want, 2);
    }
}

static void marker_within_a_payload_is_no_record(void)
{
    uint8_t payload[PAYLOAD_BYTES] = {0};
    uint64_t numbers[2];
    uint64_t skipped = 0;
    test_directory(data);
    struct journal *journal = open_journal();
    memcpy(payload + 10, decision_marker, sizeof(decision_marker));
    journal_add(journal, &(struct decision_record){.state_sequence = 1,
                                                   .payload = payload,
                                                   .payload_size = sizeof(payload)});
    add_many(journal, 2, 1, 7);
    journal_close(journal);
    spoil(1, 30, "?");
    CHECK_EQ(1, read_all(JOURNAL_OLDEST_FIRST, numbers, 2, &skipped));
    CHECK_EQ(2, numbers[0]);
    CHECK_EQ(1, skipped);
}

static void oldest_segments_go_when_there_are_too_many_bytes(void)
{
    static uint64_t numbers[1 << 14];
    enum { COUNT = 10000 };
    test_directory(data);
    struct journal *journal = open_with(
        &(struct journal_options){.share_ppm = JOURNAL_SHARE_ALL, .bytes_max = JOURNAL_BYTES_MIN});
    for (uint64_t i = 0; i < COUNT; i += 100) {
        add_many(journal, i, 100, 7);
        CHECK(counts_of(journal).bytes <= JOURNAL_BYTES_MIN);
    }
    size_t left = read_all(JOURNAL_NEWEST_FIRST, numbers, 1 << 14, NULL);
    /* All but a sixteenth of the bound, and what did not fit a segment, is used. */
    CHECK(left * (DECISION_HEADER_SIZE + PAYLOAD_BYTES) > JOURNAL_BYTES_MIN / 8 * 7);
    CHECK_EQ(COUNT - 1, numbers[0]);
    CHECK_EQ(COUNT - left, numbers[left - 1]);
    CHECK_EQ(start_ms + (int64_t)(COUNT - left), counts_of(journal).oldest_ms);
    CHECK_EQ(COUNT, counts_of(journal).written);
    journal_close(journal);
}

static void smaller_bound_holds_from_the_next_start_on(void)
{
    test_directory(data);
    struct journal *journal = open_with(&(struct journal_options){
        .share_ppm = JOURNAL_SHARE_ALL, .bytes_max = 4 * JOURNAL_BYTES_MIN});
    for (uint64_t i = 0; i < 10000; i += 1000) {
        add_many(journal, i, 1000, 7);
    }
    CHECK(counts_of(journal).bytes > JOURNAL_BYTES_MIN);
    journal_close(journal);
    journal = open_with(&(struct journal_options){.bytes_max = JOURNAL_BYTES_MIN});
    CHECK(counts_of(journal).bytes <= JOURNAL_BYTES_MIN);
    journal_close(journal);
}

/* Decisions of test time are years old, whatever the clock says. */
static void decisions_beyond_their_age_go(void)
{
    test_directory(data);
    struct journal *journal = open_journal();
    add_many(journal, 1, 3, 7);
    journal_close(journal);
    journal = open_with(&(struct journal_options){.age_ms = (int64_t)36500 * DAY_MS});
    CHECK_EQ(1, segment_count());
    journal_close(journal);
    journal = open_with(&(struct journal_options){.age_ms = DAY_MS});
    CHECK_EQ(0, segment_count());
    CHECK_EQ(0, counts_of(journal).bytes);
    CHECK_EQ(0, counts_of(journal).oldest_ms);
    journal_close(journal);
}

static void full_queue_drops_and_counts(void)
{
    enum { FIT = 10 };
    test_directory(data);
    struct journal *journal = open_with(
        &(struct journal_options){.share_ppm = JOURNAL_SHARE_ALL,
                                  .queue_bytes = 2 * FIT * (DECISION_HEADER_SIZE + PAYLOAD_BYTES)});
    for (uint64_t i = 0; i < FIT + 5; i++) {
        add(journal, i, 7);
    }
    CHECK_EQ(5, counts_of(journal).dropped);
    journal_flush(journal);
    CHECK_EQ(FIT, counts_of(journal).written);
    add_many(journal, 100, 1, 7);
    CHECK_EQ(FIT + 1, counts_of(journal).written);
    journal_close(journal);
}

static void decision_that_is_too_large_is_dropped(void)
{
    test_directory(data);
    struct journal *journal = open_journal();
    uint8_t *payload = calloc(1, DECISION_PAYLOAD_MAX + 1);
    CHECK(payload != NULL);
    struct decision_record record = {.payload = payload, .payload_size = DECISION_PAYLOAD_MAX};
    journal_add(journal, &record);
    record.payload_size++;
    journal_add(journal, &record);
    journal_flush(journal);
    CHECK_EQ(1, counts_of(journal).written);
    CHECK_EQ(1, counts_of(journal).dropped);
    free(payload);
    journal_close(journal);
}

static unsigned warnings;

static void count_warning(void *context, const char *text)
{
    (void)context;
    CHECK(strstr(text, "journal") != NULL);
    warnings++;
}

/* A file stands where the directory is to be. */
static void failing_disk_is_told_and_counted(void)
{
    char path[FILES_PATH_SIZE];
    test_directory(data);
    CHECK_EQ(STATUS_OK, segments_directory(data, path, NULL));
    struct journal *journal =
        open_with(&(struct journal_options){.share_ppm = JOURNAL_SHARE_ALL, .warn = count_warning});
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    close(fd);
    add_many(journal, 1, 2, 7);
    add_many(journal, 3, 1, 7);
    CHECK_EQ(3, counts_of(journal).dropped);
    CHECK_EQ(1, warnings);
    CHECK_EQ(0, unlink(path));
    add_many(journal, 4, 1, 7);
    CHECK_EQ(1, counts_of(journal).written);
    journal_close(journal);
}

static void share_is_of_names_and_the_same_for_all_servers(void)
{
    test_directory(data);
    struct journal *some = open_with(&(struct journal_options){.share_ppm = 250000});
    struct journal *more = open_with(&(struct journal_options){.share_ppm = 500000});
    struct journal *none = open_with(&(struct journal_options){.share_ppm = 0});
    struct journal *all = open_journal();
    unsigned wanted = 0;
    for (unsigned i = 0; i < 100000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "ranking %u", i);
        bool wants = journal_wants(some, 5, text_of(name));
        wanted += wants;
        CHECK(!wants || journal_wants(more, 5, text_of(name)));
        CHECK(journal_wants(all, 5, text_of(name)));
        CHECK(!journal_wants(none, 5, text_of(name)));
    }
    /* Four standard deviations of 100,000 draws at 1/4 are 548. */
    CHECK(wanted > 25000 - 548);
    CHECK(wanted < 25000 + 548);
    journal_close(some);
    journal_close(more);
    journal_close(none);
    journal_close(all);
}

static enum status erase(struct journal *journal, uint64_t user_key, uint64_t before,
                         uint64_t *erased)
{
    struct journal_erasure user = {.user_key = user_key, .before_sequence = before};
    struct problem problem = {""};
    enum status status = journal_erase(journal, &user, 1, NULL, NULL, &problem);
    *erased = user.erased;
    return status;
}

/* As when the disk would not let it go. */
static void segment_that_stayed_though_it_was_dropped_goes_with_an_erasure(void)
{
    char path[FILES_PATH_SIZE];
    char kept[FILES_PATH_SIZE];
    uint64_t erased = 0;
    uint64_t number = 1;
    test_directory(data);
    path_of(1, path);
    CHECK_EQ(STATUS_OK, files_join(data, "kept", kept, NULL));
    struct journal *journal = open_with(
        &(struct journal_options){.share_ppm = JOURNAL_SHARE_ALL, .bytes_max = JOURNAL_BYTES_MIN});
    add_many(journal, number++, 1, 7);
    CHECK_EQ(0, link(path, kept));
    for (; access(path, F_OK) == 0; number += 100) {
        add_many(journal, number, 100, 8);
    }
    CHECK_EQ(0, rename(kept, path));
    CHECK_EQ(STATUS_OK, erase(journal, 7, number, &erased));
    CHECK(access(path, F_OK) != 0);
    CHECK_EQ(0, erased); /* they were dropped, and counted as such */
    journal_close(journal);
}

static void erased_user_leaves_files_and_queue(void)
{
    uint64_t erased = 0;
    test_directory(data);
    struct journal *journal = open_journal();
    add_many(journal, 1, 2, 7);
    add_many(journal, 3, 2, 8);
    add(journal, 5, 7);
    add(journal, 6, 8);
    CHECK_EQ(STATUS_OK, erase(journal, 7, UINT64_MAX, &erased));
    CHECK_EQ(3, erased);
    char path[FILES_PATH_SIZE];
    CHECK_EQ(STATUS_OK, segments_directory(data, path, NULL));
    CHECK(!contents_have_text(path, "user-7"));
    CHECK(contents_have_text(path, "user-8"));
    CHECK_EQ(3 * (DECISION_HEADER_SIZE + PAYLOAD_BYTES), counts_of(journal).bytes);
    add_many(journal, 7, 1, 8);
    journal_close(journal);
    const uint64_t want[] = {3, 4, 6, 7};
    check_numbers(want, 4);
}

static void segment_of_nobody_else_is_removed(void)
{
    uint64_t erased = 0;
    test_directory(data);
    struct journal *journal = open_journal();
    add_many(journal, 1, 5, 7);
    CHECK_EQ(STATUS_OK, erase(journal, 7, UINT64_MAX, &erased));
    CHECK_EQ(5, erased);
    CHECK_EQ(0, segment_count());
    CHECK_EQ(0, counts_of(journal).bytes);
    journal_close(journal);
}

static void decisions_from_after_the_forgetting_stay(void)
{
    uint64_t erased = 0;
    test_directory(data);
    struct journal *journal = open_journal();
    add_many(journal, 1, 5, 7);
    CHECK_EQ(STATUS_OK, erase(journal, 7, 4, &erased));
    CHECK_EQ(3, erased);
    add(journal, 3, 7); /* was under way */
    add(journal, 3, 8);
    add_many(journal, 4, 1, 7);
    journal_close(journal);
    const uint64_t want[] = {4, 5, 3, 4};
    check_numbers(want, 4);
}

static void erasing_where_there_is_nothing_changes_nothing(void)
{
    uint64_t erased = 0;
    test_directory(data);
    struct journal *journal = open_with(&(struct journal_options){.share_ppm = 0});
    CHECK_EQ(STATUS_OK, erase(journal, 7, UINT64_MAX, &erased));
    CHECK_EQ(0, erased);
    journal_close(journal);
    journal = open_journal();
    add_many(journal, 1, 3, 8);
    uint64_t bytes = size_of(1);
    CHECK_EQ(STATUS_OK, erase(journal, 7, UINT64_MAX, &erased));
    CHECK_EQ(0, erased);
    CHECK_EQ(bytes, size_of(1));
    journal_close(journal);
}

/* Bytes that are no record may have been the user's. */
static void erasing_takes_damage_along(void)
{
    uint64_t erased = 0;
    char path[FILES_PATH_SIZE];
    test_directory(data);
    struct journal *journal = open_journal();
    add_many(journal, 1, 1, 7);
    add_many(journal, 2, 1, 8);
    spoil(1, 30, "?");
    CHECK_EQ(STATUS_OK, erase(journal, 7, UINT64_MAX, &erased));
    CHECK_EQ(STATUS_OK, segments_directory(data, path, NULL));
    CHECK(!contents_have_text(path, "user-7"));
    journal_close(journal);
    const uint64_t want[] = {2};
    check_numbers(want, 1);
}

static struct journal *fill_segments(void)
{
    test_directory(data);
    struct journal *journal = open_with(
        &(struct journal_options){.share_ppm = JOURNAL_SHARE_ALL, .bytes_max = JOURNAL_BYTES_MIN});
    for (uint64_t i = 0; i < 1200; i++) {
        add(journal, i, 7 + i % 2);
    }
    journal_flush(journal);
    CHECK_EQ(5, segment_count());
    return journal;
}

/* Ends the process when it is asked for the given time. */
static bool die_at(void *context, uint64_t done, uint64_t total)
{
    (void)total;
    if (done == *(const uint64_t *)context) {
        _exit(0);
    }
    return true;
}

static void crash_in_an_erasure_is_made_good_by_the_next(void)
{
    for (uint64_t at = 0; at < 5; at++) {
        struct journal *journal = fill_segments();
        uint64_t erased = 0;
        int wait_status = 0;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            struct journal_erasure user = {.user_key = 7, .before_sequence = UINT64_MAX};
            struct problem problem;
            enum status status = journal_erase(journal, &user, 1, die_at, &at, &problem);
            _exit(status == STATUS_OK ? 1 : 2);
        }
        CHECK_EQ(child, waitpid(child, &wait_status, 0));
        CHECK_EQ(0, wait_status);
        journal_close(journal);
        char copy[FILES_PATH_SIZE + 8];
        char path[FILES_PATH_SIZE];
        path_of(2, path); /* a crash in the middle of a copy */
        snprintf(copy, sizeof(copy), "%s.tmp", path);
        int fd = open(copy, O_WRONLY | O_CREAT, 0600);
        CHECK_EQ(6, write(fd, "user-7", 6));
        close(fd);

        journal = open_journal();
        CHECK_EQ(STATUS_OK, erase(journal, 7, UINT64_MAX, &erased));
        journal_close(journal);
        CHECK_EQ(STATUS_OK, segments_directory(data, path, NULL));
        CHECK(!contents_have_text(path, "user-7"));
        static uint64_t numbers[1200];
        CHECK_EQ(600, read_all(JOURNAL_OLDEST_FIRST, numbers, 1200, NULL));
    }
}

static bool refuse(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)total;
    return done < 2;
}

static void erasing_stops_when_it_is_told_to(void)
{
    struct journal *journal = fill_segments();
    struct journal_erasure user = {.user_key = 7, .before_sequence = UINT64_MAX};
    struct problem problem = {""};
    CHECK_EQ(STATUS_UNAVAILABLE, journal_erase(journal, &user, 1, refuse, NULL, &problem));
    uint64_t first = user.erased;
    CHECK(first > 0);
    CHECK_EQ(STATUS_OK, journal_erase(journal, &user, 1, NULL, NULL, &problem));
    CHECK_EQ(600, user.erased);
    journal_close(journal);
}

static void *add_for_a_while(void *argument)
{
    for (uint64_t i = 0; i < 20000; i++) {
        add(argument, 1, 7 + i % 2);
    }
    return NULL;
}

/* Decisions of before the forgetting come in all the time; none may stay. */
static void erasing_while_decisions_come_leaves_nothing(void)
{
    char path[FILES_PATH_SIZE];
    pthread_t threads[2];
    test_directory(data);
    struct journal *journal = open_with(
        &(struct journal_options){.share_ppm = JOURNAL_SHARE_ALL, .queue_bytes = 1 << 20});
    CHECK_EQ(STATUS_OK, journal_start(journal));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(0, pthread_create(&threads[i], NULL, add_for_a_while, journal));
    }
    for (unsigned i = 0; i < 5; i++) {
        uint64_t erased = 0;
        CHECK_EQ(STATUS_OK, erase(journal, 7, 2, &erased));
    }
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(0, pthread_join(threads[i], NULL));
    }
    journal_flush(journal);
    struct journal_counts counts = counts_of(journal);
    CHECK(counts.written > 0);
    journal_close(journal);
    CHECK_EQ(STATUS_OK, segments_directory(data, path, NULL));
    CHECK(!contents_have_text(path, "user-7"));
    CHECK(contents_have_text(path, "user-8"));
}

static void users_decisions_are_found_in_pieces(void)
{
    uint8_t *buffer = malloc(DECISION_RECORD_MAX);
    struct journal_place place = {.segment = 0};
    struct decision_record record;
    struct problem problem = {""};
    bool found = false;
    bool more = true;
    unsigned count = 0;
    struct journal *journal = fill_segments();
    CHECK(buffer != NULL);
    while (more) {
        CHECK_EQ(STATUS_OK,
                 journal_find_user(data, &place, 8, 3, buffer, &record, &found, &more, &problem));
        if (found) {
            CHECK_EQ(2 * count + 1, record.state_sequence);
            count++;
        }
    }
    CHECK_EQ(600, count);
    journal_close(journal);
    free(buffer);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(what_is_added_is_read_in_both_orders),
        TEST(next_start_goes_on_in_the_same_segment),
        TEST(bytes_are_as_the_table_says),
        TEST(every_damaged_bit_of_a_record_is_noticed),
        TEST(torn_tail_is_cut_at_the_next_start),
        TEST(damaged_record_is_skipped_and_counted),
        TEST(marker_within_a_payload_is_no_record),
        TEST(oldest_segments_go_when_there_are_too_many_bytes),
        TEST(smaller_bound_holds_from_the_next_start_on),
        TEST(decisions_beyond_their_age_go),
        TEST(full_queue_drops_and_counts),
        TEST(decision_that_is_too_large_is_dropped),
        TEST(failing_disk_is_told_and_counted),
        TEST(share_is_of_names_and_the_same_for_all_servers),
        TEST(segment_that_stayed_though_it_was_dropped_goes_with_an_erasure),
        TEST(erased_user_leaves_files_and_queue),
        TEST(segment_of_nobody_else_is_removed),
        TEST(decisions_from_after_the_forgetting_stay),
        TEST(erasing_where_there_is_nothing_changes_nothing),
        TEST(erasing_takes_damage_along),
        TEST(crash_in_an_erasure_is_made_good_by_the_next),
        TEST(erasing_stops_when_it_is_told_to),
        TEST(erasing_while_decisions_come_leaves_nothing),
        TEST(users_decisions_are_found_in_pieces),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
