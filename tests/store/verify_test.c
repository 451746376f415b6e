#include "store/verify.h"

#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "tests/store/entries.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

enum { MAP_BYTES = 64 << 20, SIGNALS = 10 };

static const struct log_options *options_of(const char *path)
{
    static struct log_options options;
    options = (struct log_options){.path = path, .map_bytes = MAP_BYTES};
    return &options;
}

static struct log *open_log(const char *path)
{
    struct log *log = NULL;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, log_open(options_of(path), &log, &problem));
    return log;
}

/* Writes a video and then signals; returns the digest of the store that did. */
static struct state_digests write_some(const char *path)
{
    struct arena arena = entries_arena(1 << 20);
    struct store *store = NULL;
    struct problem problem = {""};
    struct store_options options = {.log = *options_of(path)};
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = (char *)"video-1";
    CHECK_EQ(STATUS_OK, store_open(&options, &store, &problem));
    struct entry entries[SIGNALS] = {entry_video(&arena, &video)};
    for (unsigned i = 1; i < SIGNALS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        entries[i] = entry_watch(&arena, i % 2 == 0 ? id : "", i); /* named and unnamed */
    }
    CHECK_EQ(SIGNALS, entries_write(store, entries, SIGNALS).sequence);
    struct state_digests digests;
    state_digest(store_begin(store), &digests);
    store_end(store);
    store_close(store);
    free(arena.base);
    return digests;
}

static struct verify_report verify(const char *path)
{
    struct verify_report report;
    struct verify_options options = {.progress = NULL};
    struct problem problem = {""};
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, verify_log(log, &options, &report, &problem));
    log_close(log);
    return report;
}

static void check_error(const struct verify_report *report, size_t index, uint64_t sequence,
                        const char *words)
{
    CHECK(index < report->error_count);
    CHECK_EQ(sequence, report->errors[index].sequence);
    if (strstr(report->errors[index].problem.text, words) == NULL) {
        CHECK_STR(words, report->errors[index].problem.text);
    }
}

static void empty_log_is_whole(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    CHECK_EQ(0, report.records);
    CHECK_EQ(0, report.sequence);
}

static void whole_log_gives_the_stores_digests(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct state_digests digests = write_some(path);
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    CHECK_EQ(SIGNALS, report.records);
    CHECK_EQ(SIGNALS, report.sequence);
    CHECK(digests.all == report.digests.all);
    CHECK(digests.aggregates == report.digests.aggregates);
}

/* Puts a record with a right checksum whose payload or event key is another. */
static void put_record(const char *path, uint64_t sequence, const char *payload, uint64_t key_low)
{
    uint8_t bytes[256];
    struct record record = {.kind = EVENT_SIGNAL,
                            .event_key = {.low = key_low},
                            .payload = (const uint8_t *)payload,
                            .payload_size = strlen(payload)};
    CHECK(record_size(&record) <= sizeof(bytes));
    record_encode(&record, bytes);
    tamper_record(path, sequence, &(MDB_val){record_size(&record), bytes});
}

static void every_error_is_listed_and_the_rest_counts(void)
{
    /* user_id "u" (field 2), video_id "v" (3), type like (4), time_ms 1 (5). */
    static const char signal[] = "\x12\x01u\x1a\x01v\x20\x06\x28\x01";
    char path[TEST_PATH_SIZE];
    test_directory(path);
    (void)write_some(path);
    tamper_record(path, 2, &(MDB_val){4, "what"}); /* no record */
    tamper_record(path, 4, NULL);                  /* a gap of two */
    tamper_record(path, 5, NULL);
    put_record(path, 7, "\x12\x01u", 1); /* a signal without a video */
    put_record(path, 8, signal, 1);      /* a key that is not the signal's */
    tamper_record(path, 10, &(MDB_val){0, ""});
    struct verify_report report = verify(path);
    CHECK_EQ(5, report.error_count);
    check_error(&report, 0, 2, "record 2 fails validation");
    check_error(&report, 1, 4, "lacks record 4: it goes on with 6");
    check_error(&report, 2, 7, "payload of record 7");
    check_error(&report, 3, 8, "event key of record 8");
    check_error(&report, 4, 10, "record 10 fails validation");
    CHECK_EQ(4, report.records); /* 1, 3, 6 and 9 */
    CHECK_EQ(9, report.sequence);
}

static void errors_beyond_the_list_are_counted(void)
{
    enum { COUNT = VERIFY_ERRORS_MAX + 1 };
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct log *log = open_log(path);
    struct record *records = calloc(COUNT, sizeof(*records));
    CHECK(records != NULL);
    for (int i = 0; i < COUNT; i++) {
        records[i] = (struct record){.kind = EVENT_VIDEO}; /* a video without an id */
    }
    CHECK_EQ(STATUS_OK, log_append(log, records, COUNT, &first));
    free(records);
    log_close(log);
    struct verify_report report = verify(path);
    CHECK_EQ(COUNT, report.error_count);
    CHECK_EQ(0, report.records);
    check_error(&report, VERIFY_ERRORS_MAX - 1, VERIFY_ERRORS_MAX, "payload of record 100");
}

struct heard {
    uint64_t done;
    uint64_t total;
    int count;
};

static void hear(void *context, uint64_t done, uint64_t total)
{
    struct heard *heard = context;
    *heard = (struct heard){done, total, heard->count + 1};
}

static void progress_is_told(void)
{
    enum { COUNT = 9000 };
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct log *log = open_log(path);
    struct record *records = calloc(COUNT, sizeof(*records));
    CHECK(records != NULL);
    for (int i = 0; i < COUNT; i++) {
        records[i] = (struct record){.kind = EVENT_VIDEO};
    }
    CHECK_EQ(STATUS_OK, log_append(log, records, COUNT, &first));
    struct heard heard = {.count = 0};
    struct verify_report report;
    struct problem problem;
    struct verify_options options = {.progress = hear, .progress_context = &heard};
    CHECK_EQ(STATUS_OK, verify_log(log, &options, &report, &problem));
    CHECK_EQ(2, heard.count);
    CHECK_EQ(8192, heard.done);
    CHECK_EQ(COUNT, heard.total);
    free(records);
    log_close(log);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_log_is_whole),
        TEST(whole_log_gives_the_stores_digests),
        TEST(every_error_is_listed_and_the_rest_counts),
        TEST(errors_beyond_the_list_are_counted),
        TEST(progress_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
