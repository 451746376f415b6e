#include "store/verify.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/state_rows.h"
#include "store/coder.h"
#include "store/files.h"
#include "store/payload.h"
#include "store/snapshots.h"
#include "store/store.h"
#include "store/user_keys_row.h"
#include "store/video_row.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
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
    struct store *store = opened_store(&(struct store_options){.log = options_of(path)});
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = (char *)"video-1";
    struct entry entries[SIGNALS] = {entry_video(&arena, &video)};
    for (unsigned i = 1; i < SIGNALS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        entries[i] = entry_watch(&arena, i % 2 == 0 ? id : "", i); /* named and unnamed */
    }
    CHECK_EQ(SIGNALS, entries_write(store, entries, SIGNALS).sequence);
    struct state_digests digests = opened_digests(store);
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
    struct store *store = opened_store(&(struct store_options){.log = options_of(path)});
    struct entry *entries = calloc(count, sizeof(*entries));
    CHECK(entries != NULL);
    for (unsigned i = 0; i < count; i++) {
        entries[i] = entry_watch(&arena, "", i);
    }
    CHECK_EQ(count, entries_write(store, entries, count).sequence);
    store_close(store);
    free(entries);
    free(arena.base);
}

/* The bytes of a file. */
struct file_bytes {
    char name[TEST_PATH_SIZE + SNAPSHOT_NAME_SIZE];
    uint8_t *data; /* owned */
    size_t size;
};

static struct file_bytes read_file(const char *path, const char *name)
{
    struct file_bytes bytes = {.size = 0};
    snprintf(bytes.name, sizeof(bytes.name), "%s/%s", path, name);
    FILE *file = fopen(bytes.name, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    bytes.size = (size_t)ftell(file);
    bytes.data = malloc(bytes.size);
    CHECK(bytes.data != NULL && fseek(file, 0, SEEK_SET) == 0);
    CHECK_EQ(bytes.size, fread(bytes.data, 1, bytes.size, file));
    fclose(file);
    return bytes;
}

static void write_data(const struct file_bytes *bytes, size_t size)
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
    struct file_bytes bytes = read_file(path, "data.mdb");
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
    struct file_bytes bytes = read_file(path, "data.mdb");
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
    struct file_bytes bytes = {.data = (uint8_t[100]){0}};
    snprintf(bytes.name, sizeof(bytes.name), "%s/data.mdb", path);
    write_data(&bytes, 100);
    CHECK_EQ(STATUS_CORRUPT, verify_data(path, &options, &report, &problem));
    CHECK(strstr(problem.text, "no database") != NULL);
    write_data(&bytes, 0);
    (void)write_some(path);
    tamper(path, "meta", 0, (MDB_val){6, "format"}, &(MDB_val){sizeof(format), format});
    CHECK_EQ(STATUS_CORRUPT, verify_data(path, &options, &report, &problem));
    CHECK(strstr(problem.text, "format 4; this program reads up to 3") != NULL);
    tamper(path, "meta", 0, (MDB_val){6, "format"}, NULL);
    CHECK_EQ(STATUS_CORRUPT, verify_data(path, &options, &report, &problem));
    CHECK(strstr(problem.text, "not a log of reelrank") != NULL);
}

static struct store *open_store(const char *path)
{
    return opened_store(&(struct store_options){.log = options_of(path), .window_length = 100});
}

static void write_signals(struct store *store, unsigned first, unsigned count)
{
    struct arena arena = entries_arena(1 << 20);
    struct entry *entries = calloc(count, sizeof(*entries));
    CHECK(entries != NULL);
    for (unsigned i = 0; i < count; i++) {
        entries[i] = entry_watch(&arena, "", first + i);
    }
    CHECK_EQ(STATUS_OK, entries_write(store, entries, count).status);
    free(entries);
    free(arena.base);
}

static void write_video(struct store *store, const char *title)
{
    struct arena arena = entries_arena(1 << 16);
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = (char *)"video-1";
    video.title = (char *)title;
    struct entry entry = entry_video(&arena, &video);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    free(arena.base);
}

enum { FIRST_SNAPSHOT = 300, SECOND_SNAPSHOT = 351, LAST = 400 };

/* 400 records of which 300 are removed, and two snapshots. */
static struct state_digests write_trimmed(const char *path)
{
    struct store *store = open_store(path);
    write_signals(store, 0, FIRST_SNAPSHOT);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    write_video(store, "video");
    write_signals(store, 1000, SECOND_SNAPSHOT - FIRST_SNAPSHOT - 1);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    write_signals(store, 2000, LAST - SECOND_SNAPSHOT);
    opened_trim(store_log(store), FIRST_SNAPSHOT + 1);
    struct state_digests digests = opened_digests(store);
    store_close(store);
    return digests;
}

static void name_file(const char *path, uint64_t sequence, char out[FILES_PATH_SIZE])
{
    char name[SNAPSHOT_NAME_SIZE];
    snapshot_name(sequence, name);
    CHECK_EQ(STATUS_OK, files_join(path, sequence > 0 ? name : "state.mdb", out, NULL));
}

static void tamper_row(const char *path, uint64_t snapshot, const char *table, uint32_t row,
                       MDB_val *value)
{
    char name[FILES_PATH_SIZE];
    name_file(path, snapshot, name);
    tamper_file(name, table, MDB_INTEGERKEY, (MDB_val){sizeof(row), &row}, value);
}

static void snapshot_stands_for_the_records_that_are_removed(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct state_digests digests = write_trimmed(path);
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    CHECK_EQ(FIRST_SNAPSHOT + 1, report.first);
    CHECK_EQ(FIRST_SNAPSHOT, report.base);
    CHECK_EQ(LAST, report.sequence);
    CHECK_EQ(LAST - FIRST_SNAPSHOT, report.records);
    CHECK(digests.all == report.digests.all);
    CHECK_EQ(2, report.snapshot_count);
    CHECK_EQ(SECOND_SNAPSHOT, report.snapshots[1].sequence);
    CHECK_EQ(100, report.snapshots[1].users);
    CHECK(report.has_state && report.state.sequence == LAST);
}

static void records_that_the_base_contains_are_checked_and_not_applied(void)
{
    char path[TEST_PATH_SIZE];
    char name[FILES_PATH_SIZE];
    test_directory(path);
    struct state_digests digests = write_trimmed(path);
    name_file(path, FIRST_SNAPSHOT, name);
    CHECK(unlink(name) == 0);
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    CHECK_EQ(SECOND_SNAPSHOT, report.base);
    CHECK_EQ(LAST - FIRST_SNAPSHOT, report.records);
    CHECK(digests.all == report.digests.all);
    tamper_record(path, SECOND_SNAPSHOT - 1, &(MDB_val){4, "what"});
    report = verify(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, SECOND_SNAPSHOT - 1, "record 350 fails validation");
}

static void records_that_are_removed_without_a_snapshot_are_an_error(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    (void)write_trimmed(path);
    snapshots_remove_before(path, UINT64_MAX);
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, FIRST_SNAPSHOT + 1,
                "records before 301 are removed and no snapshot stands for them");
    CHECK_EQ(LAST - FIRST_SNAPSHOT, report.records);
    CHECK_EQ(0, report.base);
}

static void damaged_snapshot_is_an_error_and_the_next_one_is_the_base(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct state_digests digests = write_trimmed(path);
    tamper_row(path, FIRST_SNAPSHOT, "users", 3, &(MDB_val){4, "what"});
    tamper_row(path, FIRST_SNAPSHOT, "videos", 7, NULL);
    struct verify_report report = verify(path);
    check_error(&report, 0, FIRST_SNAPSHOT, "row 3 of users fails validation");
    check_error(&report, 1, FIRST_SNAPSHOT, "rows 7 to 7 of videos are missing");
    check_error(&report, 2, FIRST_SNAPSHOT, "of statistics is of a video that is not there");
    CHECK_EQ(SECOND_SNAPSHOT, report.base);
    CHECK(report.snapshots[0].error_count == report.error_count);
    CHECK(digests.all == report.digests.all);
}

/* A row of another user, or of a user twice, has the right checksum. */
static void rows_that_contradict_each_other_are_errors(void)
{
    char path[TEST_PATH_SIZE];
    uint8_t bytes[USER_KEYS_ROW_SIZE_MAX];
    struct user_key_entry entries[100];
    test_directory(path);
    struct store *store = open_store(path);
    write_signals(store, 0, 100);
    for (size_t i = 0; i < 100; i++) {
        entries[i] = state_user_key_at(store_begin(store), i);
        store_end(store);
    }
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    store_close(store);
    entries[5].key = entries[6].key;
    size_t size = user_keys_row_encode(entries, 100, bytes);
    tamper_row(path, 100, "user_keys", 0, &(MDB_val){size, bytes});
    struct verify_report report = verify(path);
    CHECK_EQ(2, report.error_count);
    check_error(&report, 0, 100, "users are there twice");
    check_error(&report, 1, 100, "row 5 of users is not the one its key says");
}

/* Retirement takes its tables in turn, some rows at a time: a video may go before its regions. */
static void statistics_of_a_region_may_outlive_their_video(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    struct arena arena = entries_arena(1 << 16);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.user_id = "user";
    signal.video_id = "video";
    signal.locale = "hi-IN";
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE;
    signal.time_ms = 1000000;
    struct entry entry = entry_signal(&arena, &signal);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    uint64_t video_key = videos_at(state_videos(store_begin(store)), 0)->key;
    store_end(store);

    struct retirement retire = {
        .statistics_count = 1,
        .video_count = 1,
        .statistics = {{.video_key = video_key, .kind = SCOPE_GLOBAL}},
        .video_keys = {video_key},
    };
    uint8_t payload[PAYLOAD_SIZE_MAX];
    entry = (struct entry){
        .record = {.kind = EVENT_RETIRE,
                   .appended_ms = 1,
                   .payload = payload,
                   .payload_size = payload_put_retire(&retire, payload)},
        .event = {.kind = EVENT_RETIRE, .u.retire = retire},
    };
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    CHECK_EQ(0, state_row_count(store_begin(store), STATE_VIDEOS));
    store_end(store);
    CHECK_EQ(2, state_row_count(store_begin(store), STATE_STATISTICS));
    store_end(store);
    struct state_digests digests = opened_digests(store);
    store_close(store);
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    CHECK(memcmp(&digests, &report.digests, sizeof(digests)) == 0);
    free(arena.base);
}

static void snapshot_under_a_wrong_name_is_an_error(void)
{
    char path[TEST_PATH_SIZE];
    char from[FILES_PATH_SIZE];
    char to[FILES_PATH_SIZE];
    test_directory(path);
    (void)write_trimmed(path);
    name_file(path, FIRST_SNAPSHOT, from);
    name_file(path, FIRST_SNAPSHOT + 5, to);
    CHECK(rename(from, to) == 0);
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, FIRST_SNAPSHOT + 5, "is the state as of record 300");
    name_file(path, LAST + 1, from);
    CHECK(rename(to, from) == 0);
    report = verify(path);
    check_error(&report, 1, LAST + 1, "is ahead of the log, which ends at record 400");
}

static void snapshot_of_another_log_is_an_error(void)
{
    char path[TEST_PATH_SIZE];
    char other[TEST_PATH_SIZE];
    char from[FILES_PATH_SIZE];
    char to[FILES_PATH_SIZE];
    test_directory(path);
    test_directory(other);
    struct store *store = open_store(path);
    write_signals(store, 0, LAST);
    store_close(store);
    store = open_store(other);
    write_signals(store, 7, FIRST_SNAPSHOT);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    store_close(store);
    name_file(other, FIRST_SNAPSHOT, from);
    name_file(path, FIRST_SNAPSHOT, to);
    CHECK(rename(from, to) == 0);
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, FIRST_SNAPSHOT, "the snapshot of record 300 was made from another log");
}

/* As a store leaves it that had nothing to save, or was killed before it saved anything. */
static void state_file_that_was_never_written_is_no_error(void)
{
    char path[TEST_PATH_SIZE];
    char killed[TEST_PATH_SIZE];
    char from[FILES_PATH_SIZE];
    char to[FILES_PATH_SIZE];
    test_directory(path);
    test_directory(killed);
    store_close(opened_store(&(struct store_options){.log = options_of(path)}));
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    CHECK(report.has_state);

    write_some(killed);
    name_file(path, 0, from);
    name_file(killed, 0, to);
    CHECK_EQ(0, rename(from, to));
    report = verify(killed);
    CHECK_EQ(0, report.error_count);
    CHECK_EQ(SIGNALS, report.records);
}

static void rows_without_a_mark_are_an_error(void)
{
    char path[TEST_PATH_SIZE];
    uint8_t row[4] = {1};
    test_directory(path);
    store_close(opened_store(&(struct store_options){.log = options_of(path)}));
    tamper_row(path, 0, "videos", 0, &(MDB_val){sizeof(row), row});
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, 0, "state.mdb: there are rows, but no mark");
}

static void damaged_state_file_is_one_error_that_heals(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct state_digests digests = write_trimmed(path);
    tamper_row(path, 0, "users", 3, &(MDB_val){4, "what"});
    tamper_row(path, 0, "users", 4, &(MDB_val){4, "what"});
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, LAST,
                "state.mdb: row 3 of users fails validation; the next start sets it aside");
    CHECK(digests.all == report.digests.all);
}

static void state_file_of_another_version_is_no_error(void)
{
    char path[TEST_PATH_SIZE];
    char name[FILES_PATH_SIZE];
    uint8_t mark[] = {[56] = 0};
    test_directory(path);
    (void)write_some(path);
    (void)seal_row(mark, 1, mark + sizeof(mark));
    name_file(path, 0, name);
    tamper_file(name, "meta", 0, (MDB_val){4, "mark"}, &(MDB_val){sizeof(mark), mark});
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count);
    CHECK(report.has_state && report.state.other_version);
}

/* As if the erasure had forgotten about the snapshot. */
static void users_who_are_forgotten_but_not_gone_are_errors(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 16);
    struct store *store = open_store(path);
    write_signals(store, 0, 200);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    struct entry entry = entry_forget(&arena, "user-42", 5);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    store_close(store);
    struct verify_report report = verify(path);
    CHECK_EQ(0, report.error_count); /* it goes on at the next start */
    CHECK_EQ(1, report.tombstones);
    struct log *log = open_log(path);
    struct tombstone tombstone;
    CHECK_EQ(STATUS_OK, log_find_tombstone(log, entry.event.u.forget.user_key, &tombstone));
    tombstone.pending = false;
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, &tombstone, 1));
    log_close(log);
    report = verify(path);
    CHECK_EQ(3, report.error_count);
    check_error(&report, 0, 200, "still has 1 users who are forgotten");
    check_error(&report, 1, 43, "record 43 is a signal of a user who is forgotten");
    check_error(&report, 2, 143, "record 143 is a signal of a user who is forgotten");
    CHECK_EQ(1, report.snapshots[0].forgotten);
    free(arena.base);
}

static void forgetting_without_its_tombstone_is_an_error(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 16);
    struct store *store = open_store(path);
    struct entry entry = entry_forget(&arena, "user-42", 5);
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
    store_close(store);
    struct log *log = open_log(path);
    struct tombstone tombstone = {.user_key = entry.event.u.forget.user_key};
    uint8_t bytes[TOMBSTONE_SIZE];
    log_close(log);
    tombstone_encode(&tombstone, bytes);
    tamper(path, "forgotten", MDB_INTEGERKEY, (MDB_val){8, &tombstone.user_key},
           &(MDB_val){sizeof(bytes), bytes});
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, 1, "is of record 0, but record 1 forgets the user too");
    free(arena.base);
}

static void video_whose_record_is_gone_is_an_error(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    write_video(store, "video");
    write_signals(store, 0, 100);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    opened_trim(store_log(store), 50);
    store_close(store);
    struct verify_report report = verify(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, 1, "record 1 is not the one of video key");
}

static struct verify_report verify_every(const char *path)
{
    struct verify_report report;
    struct verify_options options = {.every_snapshot = true};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, verify_data(path, &options, &report, &problem));
    return report;
}

/* Rows that are right by themselves, and still not those of the log. */
static void every_snapshot_has_to_give_the_same_state(void)
{
    char path[TEST_PATH_SIZE];
    uint8_t bytes[VIDEO_ROW_SIZE_MAX];
    struct video_row video;
    test_directory(path);
    (void)write_trimmed(path);
    struct verify_report report = verify_every(path);
    CHECK_EQ(0, report.error_count);
    struct store *store = open_store(path);
    state_video_at(store_begin(store), 2, &video);
    store_end(store);
    store_close(store);
    video.deleted = true;
    size_t size = video_row_encode(&video, bytes);
    tamper_row(path, SECOND_SNAPSHOT, "videos", 2, &(MDB_val){size, bytes});
    CHECK_EQ(0, verify(path).error_count);
    report = verify_every(path);
    CHECK_EQ(1, report.error_count);
    check_error(&report, 0, SECOND_SNAPSHOT,
                "the snapshot of record 351 gives a state with digest");
}

/* Page by page, as a disk may lose them. */
static void lost_page_of_a_snapshot_is_told_of(void)
{
    enum { PAGE = 4096 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct state_digests digests = write_trimmed(path);
    char name[SNAPSHOT_NAME_SIZE];
    snapshot_name(FIRST_SNAPSHOT, name);
    struct file_bytes bytes = read_file(path, name);
    size_t told = 0;
    for (size_t at = 0; at < bytes.size; at += PAGE) {
        uint8_t kept[PAGE];
        memcpy(kept, bytes.data + at, PAGE);
        memset(bytes.data + at, 0, PAGE);
        write_data(&bytes, bytes.size);
        memcpy(bytes.data + at, kept, PAGE);
        struct verify_report report = verify(path);
        CHECK(report.error_count == 0 || report.base != FIRST_SNAPSHOT);
        CHECK(digests.all == report.digests.all);
        told += report.error_count > 0;
    }
    CHECK(told > 10);
    free(bytes.data);
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
    check_error(&report, 0, 0, "the tombstone of user key 0000000000000abc");
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
        TEST(snapshot_stands_for_the_records_that_are_removed),
        TEST(records_that_the_base_contains_are_checked_and_not_applied),
        TEST(records_that_are_removed_without_a_snapshot_are_an_error),
        TEST(damaged_snapshot_is_an_error_and_the_next_one_is_the_base),
        TEST(rows_that_contradict_each_other_are_errors),
        TEST(statistics_of_a_region_may_outlive_their_video),
        TEST(snapshot_under_a_wrong_name_is_an_error),
        TEST(snapshot_of_another_log_is_an_error),
        TEST(state_file_that_was_never_written_is_no_error),
        TEST(rows_without_a_mark_are_an_error),
        TEST(damaged_state_file_is_one_error_that_heals),
        TEST(state_file_of_another_version_is_no_error),
        TEST(users_who_are_forgotten_but_not_gone_are_errors),
        TEST(forgetting_without_its_tombstone_is_an_error),
        TEST(video_whose_record_is_gone_is_an_error),
        TEST(every_snapshot_has_to_give_the_same_state),
        TEST(lost_page_of_a_snapshot_is_told_of),
        TEST(damaged_tombstone_is_an_error),
        TEST(large_records_are_read),
        TEST(progress_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
