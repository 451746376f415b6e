#include "tests/fault/calls.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/backup.h"
#include "store/files.h"
#include "store/journal.h"
#include "store/keeper.h"
#include "store/segments.h"
#include "store/verify.h"
#include "store/weights_history.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

/*
 * Verifying, backing up and restoring while calls to the system fail, each in its turn: that is
 * never taken for damage, which somebody would restore a backup for, and never for soundness.
 */
enum { MAP_BYTES = 16 << 20, SIGNALS = 300, DECISIONS = 5, NAME_SIZE = TEST_PATH_SIZE + 16 };

static const int64_t now_ms = INT64_C(1700000000000);

struct place {
    char path[TEST_PATH_SIZE];
    char data[NAME_SIZE];
    char copy[NAME_SIZE];
    char other[NAME_SIZE];
};

static void write_entry(struct store *store, struct entry entry)
{
    CHECK_EQ(STATUS_OK, entries_write(store, &entry, 1).status);
}

static void write_all(struct store *store)
{
    struct arena arena = entries_arena(1 << 20);
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = (char *)"video-1";
    video.creator_id = (char *)"creator";
    video.duration_ms = 9000;
    write_entry(store, entry_video(&arena, &video));
    for (unsigned i = 0; i < SIGNALS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        write_entry(store, entry_watch(&arena, id, i));
    }
    write_entry(store, entry_forget(&arena, "somebody", now_ms));
    free(arena.base);
}

static void write_decisions(const char *data)
{
    struct journal *journal = NULL;
    struct problem problem = {""};
    const struct journal_options options = {.data = data, .share_ppm = JOURNAL_SHARE_ALL};
    CHECK_EQ(STATUS_OK, journal_open(&options, &journal, &problem));
    for (unsigned i = 0; i < DECISIONS; i++) {
        journal_add(journal, &(struct decision_record){.time_ms = now_ms + i,
                                                       .state_sequence = i,
                                                       .user_key = i,
                                                       .payload = (const uint8_t *)"decision",
                                                       .payload_size = sizeof("decision")});
    }
    journal_close(journal);
}

/* So large that it lies on pages of its own. */
static void write_weights(struct store *store)
{
    enum { YAML_BYTES = 10000 };
    char yaml[YAML_BYTES + 1];
    struct weights_change change = {.origin = ORIGIN_APPLY, .time_ms = 1000};
    snprintf(yaml, sizeof(yaml), "%*s", YAML_BYTES, "version: v");
    struct weights_source source = {.yaml = text_of(yaml)};
    snprintf(change.version, sizeof(change.version), "v@%016llx",
             (unsigned long long)weights_file_key(source.yaml));
    CHECK_EQ(STATUS_OK, weights_history_add(store_log(store), &source, true, &change));
}

/* With everything that a directory may have. */
static void fill(const char *data)
{
    struct keeper *keeper = NULL;
    struct problem problem = {""};
    struct store *store =
        opened_store(&(struct store_options){.log = {.path = data, .map_bytes = MAP_BYTES}});
    write_all(store);
    write_weights(store);
    CHECK_EQ(STATUS_OK, store_snapshot(store));
    const struct keeper_options options = {
        .store = store, .directory = data, .map_bytes = MAP_BYTES};
    CHECK_EQ(STATUS_OK, keeper_new(&options, &keeper));
    CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
    keeper_free(keeper);
    store_close(store);
    write_decisions(data);
}

static struct place make_place(void)
{
    struct place place;
    test_directory(place.path);
    snprintf(place.data, NAME_SIZE, "%s/data", place.path);
    snprintf(place.copy, NAME_SIZE, "%s/copy", place.path);
    snprintf(place.other, NAME_SIZE, "%s/other", place.path);
    fill(place.data);
    return place;
}

static int count_names(const char *path)
{
    int count = 0;
    DIR *entries = opendir(path);
    CHECK(entries != NULL);
    while (readdir(entries) != NULL) {
        count++;
    }
    closedir(entries);
    return count;
}

static enum status verify(const char *data, struct verify_report *report, struct problem *problem)
{
    const struct verify_options options = {.every_snapshot = true};
    *problem = (struct problem){""};
    return verify_data(data, &options, report, problem);
}

static uint64_t must_verify(const char *data)
{
    static struct verify_report report;
    struct problem problem;
    CHECK_EQ(STATUS_OK, verify(data, &report, &problem));
    CHECK_EQ(0, report.error_count);
    CHECK_EQ(DECISIONS, report.decisions);
    return report.digests.all;
}

/* Each of the first calls, then fewer and fewer. */
static void go_on(struct call_failure *failure)
{
    failure->number += 1 + failure->number / 12;
}

/* Every failure of a kind. check returns whether there were so many calls. */
static void sweep(const struct place *place, enum call call, int error,
                  bool (*check)(const struct place *place, const struct call_failure *failure))
{
    struct call_failure failure = {.call = call, .number = 1, .error = error};
    while (check(place, &failure)) {
        go_on(&failure);
    }
}

static bool check_verify(const struct place *place, const struct call_failure *failure)
{
    static struct verify_report report;
    struct problem problem;
    uint64_t digest = must_verify(place->data);
    calls_fail(failure);
    enum status status = verify(place->data, &report, &problem);
    bool failed = calls_end();
    CHECK(failed || status == STATUS_OK);
    if (status == STATUS_OK) {
        CHECK_STR("", report.errors[0].problem.text);
        CHECK_EQ(0, report.error_count);
        CHECK(digest == report.digests.all);
    } else {
        CHECK(status != STATUS_CORRUPT);
    }
    return failed;
}

static void verify_takes_no_failure_for_damage(void)
{
    struct place place = make_place();
    sweep(&place, CALL_MEMORY, ENOMEM, check_verify);
    sweep(&place, CALL_OPEN, EMFILE, check_verify);
    sweep(&place, CALL_LOOK, EIO, check_verify);
    sweep(&place, CALL_MAP, ENOMEM, check_verify);
    sweep(&place, CALL_READ, 0, check_verify);
}

static bool check_backup(const struct place *place, const struct call_failure *failure)
{
    struct backup_info info;
    struct problem problem = {""};
    const struct backup_options options = {.now_ms = now_ms};
    calls_fail(failure);
    enum status status = backup_make(place->data, place->copy, &options, &info, &problem);
    bool failed = calls_end();
    CHECK(failed || status == STATUS_OK);
    if (status == STATUS_OK) {
        CHECK(must_verify(place->data) == info.state_digest);
        files_remove(place->copy);
    }
    CHECK_EQ(status == STATUS_OK, problem.text[0] == '\0');
    CHECK(status != STATUS_CORRUPT);
    CHECK_EQ(3, count_names(place->path)); /* . and .. and the data */
    return failed;
}

static void backup_takes_no_failure_for_damage(void)
{
    struct place place = make_place();
    sweep(&place, CALL_MEMORY, ENOMEM, check_backup);
    sweep(&place, CALL_WRITE, ENOSPC, check_backup);
}

static void remove_data(const char *data)
{
    char journal[FILES_PATH_SIZE];
    CHECK_EQ(STATUS_OK, segments_directory(data, journal, NULL));
    files_remove(journal);
    files_remove(data);
}

static bool check_restore(const struct place *place, const struct call_failure *failure)
{
    static struct restored restored;
    struct problem problem = {""};
    const struct restore_options options = {.now_ms = now_ms, .map_bytes = MAP_BYTES};
    calls_fail(failure);
    enum status status = backup_restore(place->copy, place->other, &options, &restored, &problem);
    bool failed = calls_end();
    CHECK(failed || status == STATUS_OK);
    if (status == STATUS_OK) {
        CHECK(must_verify(place->data) == must_verify(place->other));
        remove_data(place->other);
    }
    /* The library of JSON takes some want of memory for bad text. */
    CHECK(status != STATUS_CORRUPT || strstr(problem.text, "backup.json") != NULL);
    CHECK_EQ(4, count_names(place->path)); /* . and .., the data and its backup */
    return failed;
}

static void restore_takes_no_failure_for_damage(void)
{
    struct backup_info info;
    struct problem problem = {""};
    struct place place = make_place();
    const struct backup_options options = {.now_ms = now_ms};
    CHECK_EQ(STATUS_OK, backup_make(place.data, place.copy, &options, &info, &problem));
    sweep(&place, CALL_MEMORY, ENOMEM, check_restore);
    sweep(&place, CALL_WRITE, ENOSPC, check_restore);
    sweep(&place, CALL_NAME, EIO, check_restore);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(verify_takes_no_failure_for_damage),
        TEST(backup_takes_no_failure_for_damage),
        TEST(restore_takes_no_failure_for_damage),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
