#include "store/weights_history.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/backup.h"
#include "store/verify.h"
#include "tests/store/numbered.h"
#include "tests/store/opened.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

enum { MAP_BYTES = 8 << 20 };

/* A version as a parser would name it, without model files. */
static void name_version(const char *name, struct text yaml, char out[WEIGHTS_VERSION_SIZE])
{
    snprintf(out, WEIGHTS_VERSION_SIZE, "%s@%016llx", name,
             (unsigned long long)weights_file_key(yaml));
}

static enum status add(struct log *log, const char *name, struct text yaml, const char *note,
                       uint64_t *number)
{
    struct weights_source source = {.yaml = yaml};
    struct weights_change *change = calloc(1, sizeof(*change));
    CHECK(change != NULL);
    change->origin = ORIGIN_APPLY;
    change->time_ms = 1000;
    name_version(name, yaml, change->version);
    snprintf(change->note, sizeof(change->note), "%s", note);
    enum status status = weights_history_add(log, &source, false, change);
    *number = change->number;
    free(change);
    return status;
}

static void add_text(struct log *log, const char *name, const char *yaml, uint64_t want)
{
    uint64_t number = 0;
    CHECK_EQ(STATUS_OK, add(log, name, text_of(yaml), name, &number));
    CHECK_EQ(want, number);
    CHECK_EQ(want, weights_history_last(log));
}

static void check_change(struct log *log, uint64_t number, const char *name, const char *yaml)
{
    struct weights_change *change = calloc(1, sizeof(*change));
    struct weights_kept kept = {.bytes = NULL};
    struct problem problem = {""};
    char version[WEIGHTS_VERSION_SIZE];
    CHECK(change != NULL);
    name_version(name, text_of(yaml), version);
    CHECK_EQ(STATUS_OK, weights_history_get(log, number, change));
    CHECK_EQ(number, change->number);
    CHECK_STR(version, change->version);
    CHECK_STR(name, change->note);
    CHECK_EQ(STATUS_OK, weights_history_load(log, change, &kept, &problem));
    CHECK(text_equal(text_of(yaml), kept.source.yaml));
    CHECK_EQ(0, kept.source.model_count);
    weights_kept_release(&kept);
    free(change);
}

static struct log *open_log(char path[TEST_PATH_SIZE])
{
    test_directory(path);
    return numbered_open(path, MAP_BYTES);
}

static void verify(const char *path, struct verify_report *report)
{
    struct verify_options options = {.every_snapshot = true};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, verify_data(path, &options, report, &problem));
}

static void check_verified(const char *path, uint64_t changes)
{
    struct verify_report *report = calloc(1, sizeof(*report));
    CHECK(report != NULL);
    verify(path, report);
    CHECK_STR("", report->errors[0].problem.text);
    CHECK_EQ(0, report->error_count);
    CHECK_EQ(changes, report->weights_changes);
    free(report);
}

static void check_error(const char *path, uint64_t count, const char *text)
{
    struct verify_report *report = calloc(1, sizeof(*report));
    CHECK(report != NULL);
    verify(path, report);
    if (strstr(report->errors[0].problem.text, text) == NULL) {
        fprintf(stderr, "want %s in %s\n", text, report->errors[0].problem.text);
        abort();
    }
    CHECK_EQ(count, report->error_count);
    free(report);
}

static void empty_history_has_nothing_and_makes_nothing(void)
{
    char path[TEST_PATH_SIZE];
    struct weights_change *change = calloc(1, sizeof(*change));
    uint64_t hash;
    struct log *log = open_log(path);
    struct log_sizes before;
    struct log_sizes after;
    log_size(log, &before);
    CHECK_EQ(0, weights_history_last(log));
    CHECK_EQ(STATUS_NOT_FOUND, weights_history_get(log, 1, change));
    CHECK_EQ(STATUS_NOT_FOUND, weights_history_get(log, 0, change));
    CHECK_EQ(STATUS_NOT_FOUND, weights_history_get_mark(log, &hash));
    log_close(log);
    log = numbered_open(path, MAP_BYTES); /* as an old directory is */
    log_size(log, &after);
    CHECK_EQ(before.file_bytes, after.file_bytes);
    log_close(log);
    check_verified(path, 0);
    free(change);
}

static void changes_come_back_in_order_after_a_restart(void)
{
    char path[TEST_PATH_SIZE];
    struct log *log = open_log(path);
    add_text(log, "a", "version: a\n", 1);
    add_text(log, "b", "version: b\n", 2);
    add_text(log, "a", "version: a\n", 3);
    log_close(log);
    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(3, weights_history_last(log));
    check_change(log, 1, "a", "version: a\n");
    check_change(log, 2, "b", "version: b\n");
    check_change(log, 3, "a", "version: a\n");
    add_text(log, "c", "", 4);
    check_change(log, 4, "c", "");
    log_close(log);
    check_verified(path, 4);
}

/* The row of 200 KiB is on pages of its own. */
static void content_is_kept_once(void)
{
    enum { SIZE = 200 << 10 };
    char path[TEST_PATH_SIZE];
    struct log_sizes before;
    struct log_sizes after;
    uint64_t number = 0;
    char *yaml = malloc(SIZE);
    CHECK(yaml != NULL);
    memset(yaml, 'y', SIZE);
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, add(log, "a", (struct text){yaml, SIZE}, "", &number));
    log_size(log, &before);
    CHECK(before.used_bytes > SIZE);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(STATUS_OK, add(log, "a", (struct text){yaml, SIZE}, "", &number));
    }
    log_size(log, &after);
    CHECK(after.used_bytes < before.used_bytes + SIZE / 4);
    log_close(log);
    check_verified(path, 11);
    free(yaml);
}

static void models_come_back_with_their_names(void)
{
    char path[TEST_PATH_SIZE];
    struct problem problem = {""};
    struct weights_kept kept = {.bytes = NULL};
    struct weights_model_file models[] = {{.name = "b.json", .content = text_of("{}")},
                                          {.name = "dir/a.json", .content = text_of("")},
                                          {.name = "c.json", .content = text_of("{}")}};
    struct weights_source source = {
        .yaml = text_of("version: m\n"), .models = models, .model_count = 3};
    struct weights_change *change = calloc(1, sizeof(*change));
    CHECK(change != NULL);
    change->origin = ORIGIN_FILE;
    snprintf(change->version, sizeof(change->version), "m@0000000000000001");
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, weights_history_add(log, &source, false, change));
    CHECK_EQ(change->models[0].key, change->models[2].key);
    CHECK_EQ(STATUS_OK, weights_history_load(log, change, &kept, &problem));
    CHECK_EQ(3, kept.source.model_count);
    for (size_t i = 0; i < 3; i++) {
        CHECK_STR(models[i].name, kept.source.models[i].name);
        CHECK(text_equal(models[i].content, kept.source.models[i].content));
    }
    CHECK(weights_source_hash(&source) == weights_source_hash(&kept.source));
    weights_kept_release(&kept);
    log_close(log);
    check_verified(path, 1);
    free(change);
}

static void mark_tells_what_a_file_held(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t hash = 0;
    struct weights_source source = {.yaml = text_of("version: f\n")};
    struct weights_change *change = calloc(1, sizeof(*change));
    CHECK(change != NULL);
    change->origin = ORIGIN_FILE;
    name_version("f", source.yaml, change->version);
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, weights_history_add(log, &source, true, change));
    add_text(log, "other", "version: other\n", 2);
    log_close(log);
    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, weights_history_get_mark(log, &hash));
    CHECK(hash == weights_source_hash(&source));
    CHECK_EQ(STATUS_OK, weights_history_set_mark(log, 77));
    CHECK_EQ(STATUS_OK, weights_history_get_mark(log, &hash));
    CHECK_EQ(77, hash);
    CHECK_EQ(2, weights_history_last(log));
    log_close(log);
    check_verified(path, 2);
    free(change);
}

static void mark_may_come_before_any_change(void)
{
    char path[TEST_PATH_SIZE];
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, weights_history_set_mark(log, 5));
    CHECK_EQ(0, weights_history_last(log));
    add_text(log, "a", "version: a\n", 1);
    log_close(log);
    check_verified(path, 1);
}

/* Texts that no other has, of 16 KiB. */
static enum status add_numbered(struct log *log, unsigned i)
{
    enum { SIZE = 16 << 10 };
    char *yaml = calloc(1, SIZE);
    uint64_t number = 0;
    CHECK(yaml != NULL);
    snprintf(yaml, SIZE, "version: %u\n", i);
    enum status status = add(log, "n", (struct text){yaml, SIZE}, "", &number);
    free(yaml);
    return status;
}

static void history_has_its_share_of_the_budget_and_no_more(void)
{
    char path[TEST_PATH_SIZE];
    struct log_sizes sizes;
    struct log *log = open_log(path);
    unsigned count = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = add_numbered(log, count);
        count += status == STATUS_OK;
    }
    CHECK_EQ(STATUS_NO_SPACE, status);
    CHECK_EQ(count, weights_history_last(log));
    log_size(log, &sizes);
    CHECK(sizes.used_bytes > MAP_BYTES / 10);
    CHECK(sizes.used_bytes < MAP_BYTES / 6);
    CHECK_EQ(STATUS_OK, numbered_append(log, 1000)); /* signals have the rest */
    add_text(log, "small", "version: small\n", count + 1);
    log_close(log);
    log = numbered_open(path, MAP_BYTES);
    check_change(log, count + 1, "small", "version: small\n");
    log_close(log);
}

static void full_log_refuses_weights_and_keeps_its_reserve(void)
{
    char path[TEST_PATH_SIZE];
    struct log *log = open_log(path);
    while (numbered_append(log, 1000) == STATUS_OK) {
    }
    while (numbered_append(log, 1) == STATUS_OK) {
    }
    CHECK_EQ(STATUS_NO_SPACE, add_numbered(log, 0));
    CHECK_EQ(0, weights_history_last(log));
    uint64_t first;
    uint64_t last;
    log_bounds(log, &first, &last);
    log_trim(log, last / 2); /* as retention would */
    CHECK_EQ(STATUS_OK, add_numbered(log, 0));
    CHECK_EQ(1, weights_history_last(log));
    log_close(log);
}

static void retention_leaves_the_history_alone(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t first;
    uint64_t last;
    struct log *log = open_log(path);
    add_text(log, "a", "version: a\n", 1);
    CHECK_EQ(STATUS_OK, numbered_append(log, 2000));
    log_bounds(log, &first, &last);
    opened_trim(log, last);
    check_change(log, 1, "a", "version: a\n");
    log_close(log);
}

static void damaged_row_is_told_of_and_the_others_stay(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t key = 2;
    struct weights_change *change = calloc(1, sizeof(*change));
    struct log *log = open_log(path);
    add_text(log, "a", "version: a\n", 1);
    add_text(log, "b", "version: b\n", 2);
    add_text(log, "c", "version: c\n", 3);
    log_close(log);
    tamper(path, "weights", MDB_INTEGERKEY, (MDB_val){sizeof(key), &key}, &(MDB_val){4, "none"});
    check_error(path, 1, "change 2 of the weights fails validation");
    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_CORRUPT, weights_history_get(log, 2, change));
    check_change(log, 1, "a", "version: a\n");
    check_change(log, 3, "c", "version: c\n");
    log_close(log);
    free(change);
}

static void missing_row_is_told_of(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t key = 1;
    struct log *log = open_log(path);
    add_text(log, "a", "version: a\n", 1);
    add_text(log, "a", "version: a\n", 2);
    log_close(log);
    tamper(path, "weights", MDB_INTEGERKEY, (MDB_val){sizeof(key), &key}, NULL);
    check_error(path, 1, "changes 1 to 1 of the weights are missing");
}

static void damaged_mark_is_told_of(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t key = 0;
    struct log *log = open_log(path);
    add_text(log, "a", "version: a\n", 1);
    CHECK_EQ(STATUS_OK, weights_history_set_mark(log, 5));
    log_close(log);
    tamper(path, "weights", MDB_INTEGERKEY, (MDB_val){sizeof(key), &key}, &(MDB_val){4, "none"});
    check_error(path, 1, "the mark of the weights file fails validation");
    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_CORRUPT, weights_history_get_mark(log, &key));
    log_close(log);
}

static void damaged_text_is_told_of_and_mended_by_adding_it_again(void)
{
    char path[TEST_PATH_SIZE];
    struct problem problem = {""};
    struct weights_kept kept = {.bytes = NULL};
    struct weights_change *change = calloc(1, sizeof(*change));
    uint64_t key = weights_file_key(text_of("version: a\n"));
    struct log *log = open_log(path);
    add_text(log, "a", "version: a\n", 1);
    log_close(log);
    tamper(path, "weights_files", MDB_INTEGERKEY, (MDB_val){sizeof(key), &key},
           &(MDB_val){12, "\1version: b\n"});
    check_error(path, 2, "of the weights' history fails validation");
    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, weights_history_get(log, 1, change));
    CHECK_EQ(STATUS_CORRUPT, weights_history_load(log, change, &kept, &problem));
    CHECK(strstr(problem.text, "is missing or damaged") != NULL);
    add_text(log, "a", "version: a\n", 2);
    check_change(log, 1, "a", "version: a\n");
    log_close(log);
    check_verified(path, 2);
    free(change);
}

static void text_without_a_change_is_told_of(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t key = weights_file_key(text_of("lost"));
    struct log *log = open_log(path);
    add_text(log, "a", "version: a\n", 1);
    log_close(log);
    tamper(path, "weights_files", MDB_INTEGERKEY, (MDB_val){sizeof(key), &key},
           &(MDB_val){5, "\1lost"});
    check_error(path, 1, "is of no change");
}

static void version_of_another_text_is_told_of(void)
{
    char path[TEST_PATH_SIZE];
    struct weights_source source = {.yaml = text_of("version: a\n")};
    struct weights_change *change = calloc(1, sizeof(*change));
    CHECK(change != NULL);
    change->origin = ORIGIN_APPLY;
    name_version("a", text_of("version: b\n"), change->version);
    struct log *log = open_log(path);
    CHECK_EQ(STATUS_OK, weights_history_add(log, &source, false, change));
    log_close(log);
    check_error(path, 1, "change 1 of the weights calls the text");
    free(change);
}

static void backup_and_restore_carry_the_history_along(void)
{
    char path[TEST_PATH_SIZE];
    char backup[TEST_PATH_SIZE + 8];
    char restored[TEST_PATH_SIZE + 8];
    struct backup_info info;
    struct restored out;
    struct problem problem = {""};
    struct backup_options options = {.now_ms = 1};
    struct restore_options restoring = {.now_ms = 1, .map_bytes = MAP_BYTES};
    struct log *log = open_log(path);
    add_text(log, "a", "version: a\n", 1);
    add_text(log, "b", "version: b\n", 2);
    CHECK_EQ(STATUS_OK, weights_history_set_mark(log, 9));
    log_close(log);
    snprintf(backup, sizeof(backup), "%s-backup", path);
    snprintf(restored, sizeof(restored), "%s-new", path);
    CHECK_EQ(STATUS_OK, backup_make(path, backup, &options, &info, &problem));
    CHECK_EQ(STATUS_OK, backup_restore(backup, restored, &restoring, &out, &problem));
    log = numbered_open(restored, MAP_BYTES);
    uint64_t hash = 0;
    CHECK_EQ(2, weights_history_last(log));
    check_change(log, 1, "a", "version: a\n");
    check_change(log, 2, "b", "version: b\n");
    CHECK_EQ(STATUS_OK, weights_history_get_mark(log, &hash));
    CHECK_EQ(9, hash);
    log_close(log);
    check_verified(restored, 2);
}

enum { THREADS = 4, CHANGES_EACH = 25 };

static void *add_many(void *argument)
{
    for (unsigned i = 0; i < CHANGES_EACH; i++) {
        uint64_t number = 0;
        CHECK_EQ(STATUS_OK, add(argument, "t", text_of("version: t\n"), "", &number));
        CHECK(number > 0 && number <= THREADS * CHANGES_EACH);
        CHECK(weights_history_last(argument) >= number);
    }
    return NULL;
}

static void threads_that_add_at_once_get_numbers_without_gaps(void)
{
    char path[TEST_PATH_SIZE];
    pthread_t threads[THREADS];
    struct log *log = open_log(path);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, add_many, log) == 0);
    }
    CHECK_EQ(STATUS_OK, numbered_append(log, 100)); /* beside the appender */
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK_EQ(THREADS * CHANGES_EACH, weights_history_last(log));
    log_close(log);
    struct verify_report *report = calloc(1, sizeof(*report));
    verify(path, report);
    CHECK_EQ(THREADS * CHANGES_EACH, report->weights_changes);
    free(report);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_history_has_nothing_and_makes_nothing),
        TEST(changes_come_back_in_order_after_a_restart),
        TEST(content_is_kept_once),
        TEST(models_come_back_with_their_names),
        TEST(mark_tells_what_a_file_held),
        TEST(mark_may_come_before_any_change),
        TEST(history_has_its_share_of_the_budget_and_no_more),
        TEST(full_log_refuses_weights_and_keeps_its_reserve),
        TEST(retention_leaves_the_history_alone),
        TEST(damaged_row_is_told_of_and_the_others_stay),
        TEST(missing_row_is_told_of),
        TEST(damaged_mark_is_told_of),
        TEST(damaged_text_is_told_of_and_mended_by_adding_it_again),
        TEST(text_without_a_change_is_told_of),
        TEST(version_of_another_text_is_told_of),
        TEST(backup_and_restore_carry_the_history_along),
        TEST(threads_that_add_at_once_get_numbers_without_gaps),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
