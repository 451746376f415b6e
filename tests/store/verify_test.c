#include "store/verify.h"

#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "tests/store/entries.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

enum { MAP_BYTES = 64 << 20, SIGNALS = 10 };

static struct log_options options_of(const char *path)
{
    return (struct log_options){.path = path, .map_bytes = MAP_BYTES};
}

static struct log *open_log(const char *path)
{
    struct log *log = NULL;
    struct problem problem = {""};
    struct log_options options = options_of(path);
    CHECK_EQ(STATUS_OK, log_open(&options, &log, &problem));
    return log;
}

/* Writes a video and then signals; returns the digest of the store that did. */
static struct state_digests write_some(const char *path)
{
    struct arena arena = entries_arena(1 << 20);
    struct store *store = NULL;
    struct problem problem = {""};
    struct store_options options = {.log = options_of(path)};
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
    CHECK_EQ(STATUS_OK, state_digest(store_begin(store), &digests));
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
    CHECK_EQ(STATUS_OK, verify_data(path, &options, &report, &problem));
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
    log_close(open_log(path));
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
    check_error(&report, 1, 4, "records 4 to 5 are missing");
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

static void write_many(const char *path, unsigned count)
{
    struct arena arena = entries_arena(1 << 20);
    struct store *store = NULL;
    struct problem problem = {""};
    struct store_options options = {.log = options_of(path)};
    struct entry *entries = calloc(count, sizeof(*entries));
    CHECK(entries != NULL);
    CHECK_EQ(STATUS_OK, store_open(&options, &store, &problem));
    for (unsigned i = 0; i < count; i++) {
        entries[i] = entry_watch(&arena, "", i);
    }
    CHECK_EQ(count, entries_write(store, entries, count).sequence);
    store_close(store);
    free(entries);
    free(arena.base);
}

/* The bytes of a log's data file. */
struct bytes {
    char name[TEST_PATH_SIZE + 16];
    uint8_t *data; /* owned */
    size_t size;
};

static struct bytes read_data(const char *path)
{
    struct bytes bytes = {.size = 0};
    snprintf(bytes.name, sizeof(bytes.name), "%s/data.mdb", path);
    FILE *file = fopen(bytes.name, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    bytes.size = (size_t)ftell(file);
    bytes.data = malloc(bytes.size);
    CHECK(bytes.data != NULL && fseek(file, 0, SEEK_SET) == 0);
    CHECK_EQ(bytes.size, fread(bytes.data, 1, bytes.size, file));
    fclose(file);
    return bytes;
}

static void write_data(const struct bytes *bytes, size_t size)
{
    FILE *file = fopen(bytes->name, "wb");
    CHECK(file != NULL);
    CHECK_EQ(size, fwrite(bytes->data, 1, size, file));
    CHECK(fclose(file) == 0);
}

/* A page that was never written, as a disk may lose one: LMDB itself would end the process. */
static void lost_page_costs_its_own_records_only(void)
{
    enum { COUNT = 1000, PAGE = 4096, FEW = 100 };
    char path[TEST_PATH_SIZE];
    size_t damaged = 0;
    test_directory(path);
    write_many(path, COUNT);
    struct bytes bytes = read_data(path);
    for (size_t at = 0; at < bytes.size; at += PAGE) {
        uint8_t kept[PAGE];
        struct verify_report report = {.error_count = 0};
        struct verify_options options = {.progress = NULL};
        struct problem problem = {""};
        memcpy(kept, bytes.data + at, PAGE);
        memset(bytes.data + at, 0, PAGE);
        write_data(&bytes, bytes.size);
        memcpy(bytes.data + at, kept, PAGE);
        enum status status = verify_data(path, &options, &report, &problem);
        if (status != STATUS_OK) { /* the page that says where the others are */
            CHECK_EQ(STATUS_CORRUPT, status);
            CHECK(problem.text[0] != '\0');
            continue;
        }
        if (report.error_count == 0) { /* a page out of use */
            CHECK_EQ(COUNT, report.records);
            continue;
        }
        damaged++;
        check_error(&report, 0, report.errors[0].sequence, "of data.mdb is damaged");
        CHECK(report.records >= COUNT - FEW || report.records == 0); /* 0: the root */
    }
    CHECK(damaged > 10);
    free(bytes.data);
}

static void file_cut_short_is_told_of(void)
{
    enum { COUNT = 1000, PAGE = 4096 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    write_many(path, COUNT);
    struct bytes bytes = read_data(path);
    size_t refused = 0;
    for (size_t size = bytes.size; size > 0; size -= PAGE) {
        struct verify_report report = {.error_count = 0};
        struct verify_options options = {.progress = NULL};
        struct problem problem = {""};
        write_data(&bytes, size - 1);
        enum status status = verify_data(path, &options, &report, &problem);
        CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
        CHECK_EQ(status != STATUS_OK, problem.text[0] != '\0');
        CHECK(status != STATUS_OK || report.error_count > 0 || report.records == COUNT);
        refused += status != STATUS_OK || report.error_count > 0;
    }
    CHECK(refused > 10);
    free(bytes.data);
}

static void what_is_no_log_is_refused(void)
{
    char path[TEST_PATH_SIZE];
    uint8_t format[4] = {LOG_FORMAT_VERSION + 1};
    struct verify_report report;
    struct verify_options options = {.progress = NULL};
    struct problem problem = {""};
    test_directory(path);
    CHECK_EQ(STATUS_NOT_FOUND, verify_data(path, &options, &report, &problem));
    struct bytes bytes = {.data = (uint8_t[100]){0}};
    snprintf(bytes.name, sizeof(bytes.name), "%s/data.mdb", path);
    write_data(&bytes, 100);
    CHECK_EQ(STATUS_CORRUPT, verify_data(path, &options, &report, &problem));
    CHECK(strstr(problem.text, "no database") != NULL);
    write_data(&bytes, 0);
    (void)write_some(path);
    tamper(path, "meta", 0, (MDB_val){6, "format"}, &(MDB_val){sizeof(format), format});
    CHECK_EQ(STATUS_CORRUPT, verify_data(path, &options, &report, &problem));
    CHECK(strstr(problem.text, "format 3; this program reads up to 2") != NULL);
    tamper(path, "meta", 0, (MDB_val){6, "format"}, NULL);
    CHECK_EQ(STATUS_CORRUPT, verify_data(path, &options, &report, &problem));
    CHECK(strstr(problem.text, "not a log of reelrank") != NULL);
}

static void trimmed_log_may_begin_anywhere(void)
{
    char path[TEST_PATH_SIZE];
    bool more = true;
    test_directory(path);
    (void)write_some(path);
    struct log *log = open_log(path);
    log_trim(log, 3);
    CHECK_EQ(STATUS_OK, log_trim_some(log, &more));
    log_close(log);
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    CHECK_EQ(SIGNALS - 2, report.records);
    CHECK_EQ(SIGNALS, report.sequence);
    tamper_record(path, 4, NULL);
    report = verify(path);
    check_error(&report, 0, 4, "records 4 to 4 are missing");
}

static void damaged_tombstone_is_an_error(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    (void)write_some(path);
    struct log *log = open_log(path);
    struct tombstone tombstones[] = {
        {.user_key = 1}, {.user_key = 0xabc}, {.user_key = UINT64_MAX}};
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, tombstones, 3));
    log_close(log);
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    uint64_t key = 0xabc;
    tamper(path, "forgotten", MDB_INTEGERKEY, (MDB_val){sizeof(key), &key}, &(MDB_val){4, "none"});
    report = verify(path);
    CHECK_EQ(1, report.error_count);
    CHECK_EQ(SIGNALS, report.records);
    check_error(&report, 0, SIGNALS + 1, "the tombstone of user key 0000000000000abc");
}

/* Records too large for a page lie on pages of their own. */
static void large_records_are_read(void)
{
    enum { SIZE = 20000 };
    static uint8_t payload[SIZE];
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct log *log = open_log(path);
    struct record record = {.kind = EVENT_VIDEO, .payload = payload, .payload_size = SIZE};
    CHECK_EQ(STATUS_OK, log_append(log, &record, 1, &first));
    log_close(log);
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count); /* the checksum was right: only the contract is broken */
    check_error(&report, 0, 1, "payload of record 1");
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
    log_close(log);
    CHECK_EQ(STATUS_OK, verify_data(path, &options, &report, &problem));
    CHECK_EQ(2, heard.count);
    CHECK_EQ(8192, heard.done);
    CHECK_EQ(COUNT, heard.total);
    free(records);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_log_is_whole),
        TEST(whole_log_gives_the_stores_digests),
        TEST(every_error_is_listed_and_the_rest_counts),
        TEST(errors_beyond_the_list_are_counted),
        TEST(lost_page_costs_its_own_records_only),
        TEST(file_cut_short_is_told_of),
        TEST(what_is_no_log_is_refused),
        TEST(trimmed_log_may_begin_anywhere),
        TEST(damaged_tombstone_is_an_error),
        TEST(large_records_are_read),
        TEST(progress_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
