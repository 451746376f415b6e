#include "replay/ranking_sums.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/test.h"

enum { CONTENDERS = 3, K = 2, USERS = 90, SEED = 5, WITH_AUC = 5 /* the first and the last */ };

static struct ranking_sums *new_sums(void)
{
    struct ranking_sums *sums = NULL;
    CHECK_EQ(STATUS_OK, ranking_sums_new(CONTENDERS, WITH_AUC, K, SEED, &sums));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "hi-IN"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_ARM, "try/b"));
    CHECK_EQ(0, ranking_language(sums, 77));
    CHECK_EQ(1, ranking_language(sums, 5));
    sums->counts.found = USERS;
    return sums;
}

static void fill(struct random *random, double *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        columns[i] = random_unit(random);
    }
}

static void add_user(struct ranking_sums *sums, uint64_t user)
{
    double columns[CONTENDERS * EXPOSED_COLUMNS + CONTENDERS * RANKING_METRICS * 2 + 1];
    struct random random = random_stream(3, user, 1);
    uint32_t segments[] = {1 + (uint32_t)(user % 2)};
    const struct exposure_video shown[] = {{1 + user % 7, 50 + user % 3}, {20 + user % 5, 0}};
    fill(&random, columns, sizeof(columns) / sizeof(columns[0]));
    CHECK_EQ(STATUS_OK, tally_add(sums->metrics, user, segments, 1, columns, NULL));
    CHECK_EQ(STATUS_OK, tally_add(sums->exposures, user, NULL, 0, columns, NULL));
    CHECK_EQ(STATUS_OK, exposure_candidates(sums->spread, shown, 2));
    for (size_t i = 0; i < CONTENDERS; i++) {
        CHECK_EQ(STATUS_OK, exposure_slate(sums->spread, i, shown, 2));
        if (sums->auc[i] != NULL) {
            CHECK_EQ(STATUS_OK,
                     auc_groups_add(sums->auc[i], user, random_unit(&random), user % 3 == 0));
        }
    }
    sums->counts.measured++;
    sums->counts.without_outcome += user % 2;
    sums->counts.sampled += user % 3;
    sums->counts.by_ranking_id += user;
    sums->counts.by_window += user % 5;
    sums->counts.told_early += user % 7;
}

static char *written(struct ranking_sums *sums, size_t *size)
{
    char *bytes = NULL;
    FILE *file = open_memstream(&bytes, size);
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, ranking_sums_write(sums, file));
    CHECK_EQ(0, fclose(file));
    return bytes;
}

static enum status read_from(char *bytes, size_t size, struct ranking_sums **out)
{
    struct problem problem = {""};
    FILE *file = fmemopen(bytes, size, "r");
    CHECK(file != NULL);
    enum status status = ranking_sums_read(file, out, &problem);
    CHECK(status == STATUS_OK || problem.text[0] != '\0');
    CHECK_EQ(0, fclose(file));
    return status;
}

static void check_same_bytes(struct ranking_sums *a, struct ranking_sums *b)
{
    size_t a_size, b_size;
    char *a_bytes = written(a, &a_size);
    char *b_bytes = written(b, &b_size);
    CHECK_EQ(a_size, b_size);
    CHECK(memcmp(a_bytes, b_bytes, a_size) == 0);
    free(a_bytes);
    free(b_bytes);
}

static struct ranking_sums *whole_log(void)
{
    struct ranking_sums *sums = new_sums();
    for (uint64_t user = 1; user <= USERS; user++) {
        add_user(sums, user);
    }
    return sums;
}

static void random_parts_merge_to_the_whole_bit_for_bit(void)
{
    enum { PARTS = 6 };
    struct ranking_sums *whole = whole_log();
    for (uint64_t trial = 0; trial < 10; trial++) {
        struct random random = random_stream(1, 2, trial);
        size_t count = 2 + trial % (PARTS - 1);
        struct ranking_sums *parts[PARTS] = {NULL};
        struct problem problem;
        for (size_t i = 0; i < count; i++) {
            parts[i] = new_sums();
        }
        for (uint64_t user = 1; user <= USERS; user++) {
            add_user(parts[random_below(&random, count)], user);
        }
        for (size_t i = 1; i < count; i++) {
            CHECK_EQ(STATUS_OK, ranking_sums_merge(parts[0], parts[i], &problem));
        }
        check_same_bytes(whole, parts[0]);
        for (size_t i = 0; i < count; i++) {
            ranking_sums_free(parts[i]);
        }
    }
    ranking_sums_free(whole);
}

static void check_refused(struct ranking_sums *sums, const struct ranking_sums *other)
{
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, ranking_sums_merge(sums, other, &problem));
    CHECK(strstr(problem.text, "not of the same log") != NULL);
}

static void parts_of_other_logs_are_refused(void)
{
    struct problem problem;
    struct ranking_sums *sums = whole_log();
    struct ranking_sums *other = new_sums();
    other->counts.found++;
    check_refused(sums, other);
    other->counts.found--;
    other->k++;
    check_refused(sums, other);
    other->k--;
    CHECK_EQ(STATUS_OK, ranking_sums_merge(sums, other, &problem));
    CHECK_EQ(2, ranking_language(other, 9));
    check_refused(sums, other);
    ranking_sums_free(other);
    CHECK_EQ(STATUS_OK, ranking_sums_new(CONTENDERS, WITH_AUC ^ 1, K, SEED, &other));
    check_refused(sums, other);
    ranking_sums_free(other);
    ranking_sums_free(sums);
}

static void what_is_written_is_read(void)
{
    size_t size;
    struct ranking_sums *sums = whole_log();
    struct ranking_sums *read = NULL;
    char *bytes = written(sums, &size);
    CHECK_EQ(STATUS_OK, read_from(bytes, size, &read));
    check_same_bytes(sums, read);
    CHECK_EQ(2, read->language_count);
    CHECK_EQ(77, read->languages[0]);
    CHECK(read->auc[1] == NULL && read->auc[2] != NULL);
    CHECK_STR("try/b", segments_name(read->segments, 2));
    free(bytes);
    ranking_sums_free(read);
    ranking_sums_free(sums);
}

/* A few of them: each takes milliseconds, since a part's memory is of the size of a log's. */
static void cut_or_damaged_bytes_are_refused(void)
{
    enum { STEP = 23 };
    size_t size;
    struct ranking_sums *sums = new_sums();
    struct ranking_sums *read = NULL;
    add_user(sums, 1);
    char *bytes = written(sums, &size);
    for (size_t i = 1; i < size; i += STEP) {
        CHECK_EQ(STATUS_CORRUPT, read_from(bytes, i, &read));
    }
    for (size_t i = 0; i < size; i += STEP) {
        bytes[i] ^= 0x55;
        enum status status = read_from(bytes, size, &read);
        CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
        if (status == STATUS_OK) { /* a count may be another, and nothing tells */
            ranking_sums_free(read);
        }
        bytes[i] ^= 0x55;
    }
    free(bytes);
    ranking_sums_free(sums);
}

/* Beyond those told apart they are one. */
static void languages_are_numbered_as_they_come(void)
{
    struct ranking_sums *sums = NULL;
    CHECK_EQ(STATUS_OK, ranking_sums_new(1, 0, K, SEED, &sums));
    for (size_t i = 0; i < RANKING_LANGUAGES; i++) {
        CHECK_EQ(i, ranking_language(sums, (uint16_t)(900 - i)));
    }
    CHECK_EQ(RANKING_LANGUAGES, ranking_language(sums, 1));
    CHECK_EQ(RANKING_LANGUAGES, ranking_language(sums, 2));
    CHECK_EQ(3, ranking_language(sums, 897));
    ranking_sums_free(sums);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(random_parts_merge_to_the_whole_bit_for_bit),
        TEST(parts_of_other_logs_are_refused),
        TEST(what_is_written_is_read),
        TEST(cut_or_damaged_bytes_are_refused),
        TEST(languages_are_numbered_as_they_come),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
