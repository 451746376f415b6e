#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ranker/hash.h"
#include "store/backup.h"
#include "store/journal.h"
#include "store/journal_reader.h"
#include "store/keeper.h"
#include "store/verify.h"
#include "tests/store/contents.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

/* The decision journal beside a store: forgetting, backup, restore, verify. */
enum { MAP_BYTES = 64 << 20, FORGOTTEN_MS = 2000000 };

struct place {
    char data[TEST_PATH_SIZE];
    char backup[TEST_PATH_SIZE + 16];
    char other[TEST_PATH_SIZE + 16];
    struct store *store;
    struct journal *journal;
};

static uint64_t key_of(const char *user_id)
{
    return hash_key(text_of(user_id));
}

/* The payload says the user's name. */
static void add(struct place *place, const char *user_id, uint64_t sequence)
{
    journal_add(place->journal, &(struct decision_record){.time_ms = 1000,
                                                          .state_sequence = sequence,
                                                          .user_key = key_of(user_id),
                                                          .payload = (const uint8_t *)user_id,
                                                          .payload_size = strlen(user_id)});
}

static void open_place(struct place *place)
{
    struct problem problem = {""};
    struct store_options options = {.log = {.path = place->data, .map_bytes = MAP_BYTES}};
    struct journal_options journal = {.data = place->data, .share_ppm = JOURNAL_SHARE_ALL};
    place->store = opened_store(&options);
    CHECK_EQ(STATUS_OK, journal_open(&journal, &place->journal, &problem));
}

static void close_place(struct place *place)
{
    journal_close(place->journal);
    store_close(place->store);
}

/* Ten signals, and decisions of two users made with the states up to them. */
static struct place filled_place(void)
{
    struct place place;
    char memory[TEST_PATH_SIZE];
    struct arena arena = entries_arena(1 << 20);
    test_directory(place.data);
    test_directory(memory);
    snprintf(place.backup, sizeof(place.backup), "%s/backup", memory);
    snprintf(place.other, sizeof(place.other), "%s/other", memory);
    open_place(&place);
    struct entry entries[10];
    for (unsigned i = 0; i < 10; i++) {
        entries[i] = entry_watch(&arena, "", i);
    }
    (void)entries_write(place.store, entries, 10);
    for (uint64_t i = 1; i <= 10; i++) {
        add(&place, i % 2 == 0 ? "the-forgotten" : "the-remembered", i);
    }
    journal_flush(place.journal);
    free(arena.base);
    return place;
}

static void forget(struct place *place, const char *user_id)
{
    struct arena arena = entries_arena(1 << 16);
    struct entry entry = entry_forget(&arena, user_id, FORGOTTEN_MS);
    CHECK_EQ(STATUS_OK, entries_write(place->store, &entry, 1).status);
    free(arena.base);
}

static struct keeper *keeper_of(const struct place *place, struct journal *journal)
{
    struct keeper *keeper = NULL;
    struct keeper_options options = {.store = place->store,
                                     .directory = place->data,
                                     .journal = journal,
                                     .map_bytes = MAP_BYTES};
    CHECK_EQ(STATUS_OK, keeper_new(&options, &keeper));
    return keeper;
}

static void erase(const struct place *place, struct journal *journal)
{
    struct problem problem = {""};
    struct keeper *keeper = keeper_of(place, journal);
    CHECK_EQ(STATUS_OK, keeper_erase(keeper, &problem));
    keeper_free(keeper);
}

static struct tombstone tombstone_of(const struct place *place, const char *user_id)
{
    struct tombstone tombstone;
    CHECK_EQ(STATUS_OK, log_find_tombstone(store_log(place->store), key_of(user_id), &tombstone));
    return tombstone;
}

static size_t count_decisions(const char *data)
{
    struct journal_reader *reader = NULL;
    struct decision_record record;
    struct problem problem = {""};
    size_t count = 0;
    CHECK_EQ(STATUS_OK, journal_reader_new(data, JOURNAL_OLDEST_FIRST, &reader, &problem));
    while (journal_reader_next(reader, &record, &problem) == STATUS_OK) {
        count++;
    }
    journal_reader_free(reader);
    return count;
}

static bool journal_has(const char *data, const char *text)
{
    char path[FILES_PATH_SIZE];
    CHECK_EQ(STATUS_OK, segments_directory(data, path, NULL));
    return contents_have_text(path, text);
}

static void forgetting_erases_decisions_and_counts_them(void)
{
    struct place place = filled_place();
    CHECK(journal_has(place.data, "the-forgotten"));
    forget(&place, "the-forgotten");
    erase(&place, place.journal);
    CHECK(!journal_has(place.data, "the-forgotten"));
    CHECK_EQ(5, count_decisions(place.data));
    struct tombstone tombstone = tombstone_of(&place, "the-forgotten");
    CHECK_EQ(5, tombstone.decisions_erased);
    CHECK(!tombstone.pending);
    close_place(&place);
}

static void what_comes_after_is_somebody_new_and_counts_on(void)
{
    struct place place = filled_place();
    forget(&place, "the-forgotten");
    erase(&place, place.journal);
    uint64_t sequence = tombstone_of(&place, "the-forgotten").sequence;
    add(&place, "the-forgotten", sequence - 1); /* was under way */
    add(&place, "the-forgotten", sequence);
    journal_flush(place.journal);
    CHECK_EQ(6, count_decisions(place.data));
    forget(&place, "the-forgotten");
    erase(&place, place.journal);
    CHECK_EQ(5, count_decisions(place.data));
    CHECK_EQ(6, tombstone_of(&place, "the-forgotten").decisions_erased);
    close_place(&place);
}

/* As a command does in whose process nobody adds decisions. */
static void journal_that_nobody_has_open_is_erased_too(void)
{
    struct place place = filled_place();
    journal_close(place.journal);
    place.journal = NULL;
    forget(&place, "the-forgotten");
    erase(&place, NULL);
    CHECK(!journal_has(place.data, "the-forgotten"));
    CHECK_EQ(5, tombstone_of(&place, "the-forgotten").decisions_erased);
    close_place(&place);
}

/* The process ended after the record of the forgetting was on disk. */
static void next_start_goes_on_with_the_erasure(void)
{
    struct place place = filled_place();
    forget(&place, "the-forgotten");
    close_place(&place);
    open_place(&place);
    CHECK(tombstone_of(&place, "the-forgotten").pending);
    erase(&place, place.journal);
    CHECK(!journal_has(place.data, "the-forgotten"));
    close_place(&place);
}

static void make_backup(const struct place *place, const char *out)
{
    struct backup_info info;
    struct problem problem = {""};
    struct backup_options options = {.now_ms = 3000000};
    CHECK_EQ(STATUS_OK, backup_make(place->data, out, &options, &info, &problem));
    CHECK_EQ(2, info.file_count);
    CHECK_STR("journal.seg", info.files[1].name);
}

static void restore(const struct place *place, const char *forgotten_in)
{
    struct restored restored;
    struct problem problem = {""};
    struct restore_options options = {.now_ms = 3000000,
                                      .map_bytes = MAP_BYTES,
                                      .forgotten_in = &forgotten_in,
                                      .forgotten_in_count = forgotten_in != NULL};
    enum status status = backup_restore(place->backup, place->other, &options, &restored, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
}

static void journal_comes_back_from_a_backup(void)
{
    struct place place = filled_place();
    close_place(&place);
    make_backup(&place, place.backup);
    restore(&place, NULL);
    CHECK_EQ(10, count_decisions(place.other));
    struct stat info;
    char path[2 * TEST_PATH_SIZE];
    snprintf(path, sizeof(path), "%s/journal.seg", place.other);
    CHECK(stat(path, &info) != 0);
}

static void backup_has_no_decisions_of_those_it_lists_as_forgotten(void)
{
    struct place place = filled_place();
    forget(&place, "the-forgotten"); /* and not erased yet */
    close_place(&place);
    make_backup(&place, place.backup);
    CHECK(!contents_have_text(place.backup, "the-forgotten"));
    CHECK(contents_have_text(place.backup, "the-remembered"));
}

static void users_forgotten_elsewhere_leave_a_restored_journal(void)
{
    struct place place = filled_place();
    close_place(&place);
    make_backup(&place, place.backup);
    open_place(&place);
    forget(&place, "the-forgotten");
    close_place(&place);
    restore(&place, place.data);
    CHECK(!journal_has(place.other, "the-forgotten"));
    CHECK_EQ(5, count_decisions(place.other));
}

static struct verify_report *verify(const struct place *place)
{
    struct verify_report *report = calloc(1, sizeof(*report));
    struct verify_options options = {.progress = NULL};
    struct problem problem = {""};
    CHECK(report != NULL);
    CHECK_EQ(STATUS_OK, verify_data(place->data, &options, report, &problem));
    return report;
}

static void whole_journal_is_counted_by_verify(void)
{
    struct place place = filled_place();
    close_place(&place);
    struct verify_report *report = verify(&place);
    CHECK_EQ(0, report->error_count);
    CHECK_EQ(10, report->decisions);
    free(report);
}

static void decision_that_should_be_gone_is_an_error(void)
{
    struct place place = filled_place();
    forget(&place, "the-forgotten");
    erase(&place, place.journal);
    close_place(&place);
    open_place(&place); /* and remembers nobody who was erased */
    add(&place, "the-forgotten", 3);
    close_place(&place);
    struct verify_report *report = verify(&place);
    CHECK_EQ(1, report->error_count);
    CHECK(strstr(report->errors[0].problem.text, "1 decisions of users who are forgotten") != NULL);
    free(report);
}

static void damage_of_the_journal_is_an_error(void)
{
    char path[FILES_PATH_SIZE];
    struct place place = filled_place();
    close_place(&place);
    CHECK_EQ(STATUS_OK, segment_path(place.data, 1, path, NULL));
    FILE *file = fopen(path, "r+b");
    CHECK(file != NULL);
    CHECK_EQ(0, fseek(file, 50, SEEK_SET));
    fputs("?", file);
    fclose(file);
    struct verify_report *report = verify(&place);
    CHECK_EQ(1, report->error_count);
    CHECK_EQ(9, report->decisions);
    CHECK(strstr(report->errors[0].problem.text, "damaged in 1 places") != NULL);
    free(report);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(forgetting_erases_decisions_and_counts_them),
        TEST(what_comes_after_is_somebody_new_and_counts_on),
        TEST(journal_that_nobody_has_open_is_erased_too),
        TEST(next_start_goes_on_with_the_erasure),
        TEST(journal_comes_back_from_a_backup),
        TEST(backup_has_no_decisions_of_those_it_lists_as_forgotten),
        TEST(users_forgotten_elsewhere_leave_a_restored_journal),
        TEST(whole_journal_is_counted_by_verify),
        TEST(decision_that_should_be_gone_is_an_error),
        TEST(damage_of_the_journal_is_an_error),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
