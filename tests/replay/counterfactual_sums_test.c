#include "replay/counterfactual_sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/test.h"

enum { CONTENDERS = 2, POSITIONS = 3, USERS = 90, SEED = 5 };

static struct counterfactual_sums *new_sums(void)
{
    struct counterfactual_sums *sums = NULL;
    CHECK_EQ(STATUS_OK, counterfactual_sums_new(CONTENDERS, POSITIONS, SEED, &sums));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "hi-IN"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_POSITION, "1"));
    sums->counts.found = USERS;
    return sums;
}

/* Columns of any kind: sums do not ask what they are. */
static void fill(struct random *random, double *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        columns[i] = random_unit(random) * 1000;
    }
}

static void add_user(struct counterfactual_sums *sums, uint64_t user)
{
    double columns[CONTENDERS * (1 + 2 * POSITIONS * WEIGHING_SUMS) + OBSERVATION_SUMS];
    double peaks[CONTENDERS * 2 * POSITIONS * WEIGHING_PEAKS];
    struct random random = random_stream(3, user, 1);
    uint32_t segments[] = {1 + (uint32_t)(user % 2)};
    fill(&random, columns, sizeof(columns) / sizeof(columns[0]));
    fill(&random, peaks, sizeof(peaks) / sizeof(peaks[0]));
    CHECK_EQ(STATUS_OK, tally_add(sums->observations, user, segments, 1, columns, peaks));
    CHECK_EQ(STATUS_OK, tally_add(sums->slates, user, NULL, 0, columns, peaks));
    sums->weights[user % CONTENDERS][user % WEIGHT_BINS]++;
    sums->counts.used++;
    sums->counts.slates += user % 3 == 0;
    sums->counts.without_marginal += user % 4 == 0;
    sums->counts.by_ranking_id += user;
    sums->counts.by_window += user % 5;
    sums->counts.told_early += user % 7 == 0;
}

static char *written(struct counterfactual_sums *sums, size_t *size)
{
    char *bytes = NULL;
    FILE *file = open_memstream(&bytes, size);
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, counterfactual_sums_write(sums, file));
    CHECK_EQ(0, fclose(file));
    return bytes;
}

static enum status read_from(char *bytes, size_t size, struct counterfactual_sums **out)
{
    struct problem problem = {""};
    FILE *file = fmemopen(bytes, size, "r");
    CHECK(file != NULL);
    enum status status = counterfactual_sums_read(file, out, &problem);
    CHECK(status == STATUS_OK || problem.text[0] != '\0');
    CHECK_EQ(0, fclose(file));
    return status;
}

static void check_same_bytes(struct counterfactual_sums *a, struct counterfactual_sums *b)
{
    size_t a_size, b_size;
    char *a_bytes = written(a, &a_size);
    char *b_bytes = written(b, &b_size);
    CHECK_EQ(a_size, b_size);
    CHECK(memcmp(a_bytes, b_bytes, a_size) == 0);
    free(a_bytes);
    free(b_bytes);
}

static struct counterfactual_sums *whole_log(void)
{
    struct counterfactual_sums *sums = new_sums();
    for (uint64_t user = 1; user <= USERS; user++) {
        add_user(sums, user);
    }
    return sums;
}

/* Users are dealt by chance into two to six parts, which are merged in the order of their numbers.
 */
static void random_parts_merge_to_the_whole_bit_for_bit(void)
{
    enum { PARTS = 6 };
    struct counterfactual_sums *whole = whole_log();
    for (uint64_t trial = 0; trial < 20; trial++) {
        struct random random = random_stream(1, 2, trial);
        size_t count = 2 + trial % (PARTS - 1);
        struct counterfactual_sums *parts[PARTS] = {NULL};
        struct problem problem;
        for (size_t i = 0; i < count; i++) {
            parts[i] = new_sums();
        }
        for (uint64_t user = 1; user <= USERS; user++) {
            add_user(parts[random_below(&random, count)], user);
        }
        for (size_t i = 1; i < count; i++) {
            CHECK_EQ(STATUS_OK, counterfactual_sums_merge(parts[0], parts[i], &problem));
        }
        check_same_bytes(whole, parts[0]);
        for (size_t i = 0; i < count; i++) {
            counterfactual_sums_free(parts[i]);
        }
    }
    counterfactual_sums_free(whole);
}

static void parts_of_other_logs_are_refused(void)
{
    struct problem problem = {""};
    struct counterfactual_sums *sums = whole_log();
    struct counterfactual_sums *other = new_sums();
    other->counts.found++;
    CHECK_EQ(STATUS_INVALID, counterfactual_sums_merge(sums, other, &problem));
    CHECK(strstr(problem.text, "not of the same log") != NULL);
    other->counts.found--;
    other->seed++;
    CHECK_EQ(STATUS_INVALID, counterfactual_sums_merge(sums, other, &problem));
    other->seed--;
    CHECK_EQ(STATUS_OK, counterfactual_sums_merge(sums, other, &problem));
    CHECK_EQ(STATUS_OK, segments_add(other->segments, SEGMENT_POSITION, "2"));
    CHECK_EQ(STATUS_INVALID, counterfactual_sums_merge(sums, other, &problem));
    counterfactual_sums_free(other);
    CHECK_EQ(STATUS_OK, counterfactual_sums_new(CONTENDERS + 1, POSITIONS, SEED, &other));
    CHECK_EQ(STATUS_INVALID, counterfactual_sums_merge(sums, other, &problem));
    counterfactual_sums_free(other);
    CHECK_EQ(STATUS_OK, counterfactual_sums_new(CONTENDERS, POSITIONS + 1, SEED, &other));
    CHECK_EQ(STATUS_INVALID, counterfactual_sums_merge(sums, other, &problem));
    counterfactual_sums_free(other);
    counterfactual_sums_free(sums);
}

static void what_is_written_is_read(void)
{
    size_t size;
    struct counterfactual_sums *sums = whole_log();
    struct counterfactual_sums *read = NULL;
    char *bytes = written(sums, &size);
    CHECK_EQ(STATUS_OK, read_from(bytes, size, &read));
    check_same_bytes(sums, read);
    CHECK_EQ(sums->counts.by_ranking_id, read->counts.by_ranking_id);
    CHECK_EQ(sums->weights[1][3], read->weights[1][3]);
    CHECK_STR("hi-IN", segments_name(read->segments, 1));
    free(bytes);
    counterfactual_sums_free(read);
    counterfactual_sums_free(sums);
}

static void cut_or_damaged_bytes_are_refused(void)
{
    size_t size;
    struct counterfactual_sums *sums = new_sums();
    struct counterfactual_sums *read = NULL;
    add_user(sums, 1);
    char *bytes = written(sums, &size);
    for (size_t i = 1; i < size; i++) {
        CHECK_EQ(STATUS_CORRUPT, read_from(bytes, i, &read));
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x55;
        enum status status = read_from(bytes, size, &read);
        CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
        if (status == STATUS_OK) { /* a count may be another, and nothing tells */
            counterfactual_sums_free(read);
        }
        bytes[i] ^= 0x55;
    }
    free(bytes);
    counterfactual_sums_free(sums);
}

/* The bins that the header promises: 0; below 2^-11.5 or so; 1 begins one; two an octave. */
static void weights_fall_into_half_octaves(void)
{
    size_t one = weight_bin(1);
    CHECK_EQ(0, weight_bin(0));
    CHECK_EQ(1, weight_bin(1e-300));
    CHECK_EQ(1 + WEIGHT_BINS_BELOW, one);
    CHECK_EQ(one, weight_bin(1.41));
    CHECK_EQ(one + 1, weight_bin(1.42));
    CHECK_EQ(one + 1, weight_bin(1.99));
    CHECK_EQ(one + 2, weight_bin(2));
    CHECK_EQ(one - 1, weight_bin(0.99));
    CHECK_EQ(one - 2, weight_bin(0.7));
    CHECK_EQ(one - 2, weight_bin(0.5));
    CHECK_EQ(one - 3, weight_bin(0.49));
    CHECK_EQ(WEIGHT_BINS - 1, weight_bin(1e30));
}

static void a_bin_begins_where_it_says(void)
{
    for (size_t bin = 2; bin < WEIGHT_BINS; bin++) {
        double begin = weight_bin_begin(bin);
        CHECK_EQ(bin, weight_bin(begin));
        CHECK_EQ(bin - 1, weight_bin(nextafter(begin, 0)));
    }
    CHECK(!(weight_bin_begin(0) > 0) && !(weight_bin_begin(1) > 0));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(random_parts_merge_to_the_whole_bit_for_bit),
        TEST(parts_of_other_logs_are_refused),
        TEST(what_is_written_is_read),
        TEST(cut_or_damaged_bytes_are_refused),
        TEST(weights_fall_into_half_octaves),
        TEST(a_bin_begins_where_it_says),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
