#include "replay/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "replay/exact_sum.h"
#include "tests/test.h"

struct bytes {
    char *data; /* owned */
    size_t size;
};

static struct bytes written(struct tally *tally)
{
    struct bytes bytes = {NULL, 0};
    FILE *file = open_memstream(&bytes.data, &bytes.size);
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, tally_write(tally, file));
    fclose(file);
    return bytes;
}

static enum status read_back(struct bytes bytes, struct tally **out, struct problem *problem)
{
    FILE *file = fmemopen(bytes.data, bytes.size, "r");
    CHECK(file != NULL);
    enum status status = tally_read(file, out, problem);
    fclose(file);
    return status;
}

static void check_same(struct tally *a, struct tally *b)
{
    struct bytes left = written(a);
    struct bytes right = written(b);
    CHECK_EQ(left.size, right.size);
    CHECK(memcmp(left.data, right.data, left.size) == 0);
    free(left.data);
    free(right.data);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void merge(struct tally *into, const struct tally *from)
{
    struct problem problem;
    CHECK_EQ(STATUS_OK, tally_merge(into, from, &problem));
}

static void add(struct tally *tally, uint64_t user, uint32_t segment, double a, double b,
                double peak)
{
    const double sums[] = {a, b};
    CHECK_EQ(STATUS_OK, tally_add(tally, user, &segment, segment != 0, sums, &peak));
}

static struct tally *new_tally(void)
{
    struct tally *tally = tally_new(2, 1);
    CHECK(tally != NULL);
    return tally;
}

/* User 9 is in segments 5 and 0, user 4 in 0 alone. */
static void sums_and_peaks_are_kept_by_user_and_segment(void)
{
    struct tally *tally = new_tally();
    double rows[4];
    double totals[2];
    double peak;
    add(tally, 9, 5, 1.5, -1, 3);
    add(tally, 4, 0, 0.25, 2, 1);
    add(tally, 9, 5, 1, 7, 2);
    CHECK_EQ(2, tally_unit_count(tally, 0));
    CHECK_EQ(1, tally_unit_count(tally, 5));
    tally_rows(tally, 0, 0, 2, rows);
    CHECK(near(0.25, rows[0]) && near(2, rows[1]));
    CHECK(near(2.5, rows[2]) && near(6, rows[3]));
    tally_totals(tally, 0, 0, 2, totals);
    CHECK(near(2.75, totals[0]) && near(8, totals[1]));
    tally_totals(tally, 5, 1, 1, totals);
    CHECK(near(6, totals[0]));
    tally_peaks(tally, 0, 0, 1, &peak);
    CHECK(near(3, peak));
    tally_free(tally);
}

static void an_empty_tally_has_no_units_and_no_sums(void)
{
    struct tally *tally = new_tally();
    double totals[2] = {1, 1};
    double peak = 1;
    CHECK_EQ(0, tally_unit_count(tally, 0));
    CHECK_EQ(0, tally_users(tally, 4095));
    tally_totals(tally, 0, 0, 2, totals);
    tally_peaks(tally, 3, 0, 1, &peak);
    CHECK(near(0, totals[0]) && near(0, totals[1]) && near(0, peak));
    tally_free(tally);
    tally_free(NULL);
}

static void nothing_merges_with_nothing_and_with_something(void)
{
    struct tally *nothing = new_tally();
    struct tally *other = new_tally();
    struct tally *something = new_tally();
    add(something, 4, 1, 1, 2, 3);
    merge(other, nothing);
    check_same(nothing, other);
    merge(other, something);
    check_same(something, other);
    merge(other, nothing);
    check_same(something, other);
    tally_free(nothing);
    tally_free(other);
    tally_free(something);
}

static void check_refused(struct tally *tally, double sum, double peak)
{
    const double sums[] = {1, sum};
    CHECK_EQ(STATUS_INVALID, tally_add(tally, 7, NULL, 0, sums, &peak));
}

static void values_that_do_not_fit_are_refused_and_change_nothing(void)
{
    struct tally *tally = new_tally();
    check_refused(tally, (double)NAN, 0);
    check_refused(tally, (double)INFINITY, 0);
    check_refused(tally, -2 * EXACT_SUM_ADDEND_MAX, 0);
    check_refused(tally, 0, -0x1p-52);
    check_refused(tally, 0, (double)NAN);
    CHECK_EQ(0, tally_unit_count(tally, 0));
    tally_free(tally);
}

enum { EVENTS = 60000 };

struct event {
    uint64_t user;
    uint32_t segments[2];
    size_t segment_count;
    double sums[2];
    double peak;
};

/* Keys are spread like hashes; some users come often, some once. */
static struct event *make_events(uint64_t seed, uint64_t user_count)
{
    struct event *events = calloc(EVENTS, sizeof(*events));
    struct random random = {seed};
    CHECK(events != NULL);
    for (size_t i = 0; i < EVENTS; i++) {
        uint32_t number = random_below(&random, user_count);
        struct random key = random_stream(99, 0, number);
        struct event *event = &events[i];
        event->user = random_next(&key) | 1;
        event->segments[0] = 1 + number % 3;
        event->segments[1] = 1000 + random_below(&random, 3000);
        event->segment_count = random_below(&random, 3);
        event->sums[0] = random_normal(&random) / 3;
        event->sums[1] = 1;
        event->peak = random_unit(&random);
    }
    return events;
}

static void add_event(struct tally *tally, const struct event *event)
{
    CHECK_EQ(STATUS_OK, tally_add(tally, event->user, event->segments, event->segment_count,
                                  event->sums, &event->peak));
}

/* By user when by_user, as a log is cut, and otherwise anyhow. */
static void check_split(const struct event *events, struct tally *whole, size_t part_count,
                        bool by_user, struct random *random)
{
    struct tally *parts[8] = {NULL};
    CHECK(part_count > 0 && part_count <= sizeof(parts) / sizeof(parts[0]));
    for (size_t i = 0; i < part_count; i++) {
        parts[i] = new_tally();
    }
    size_t turn = random_below(random, EVENTS);
    for (size_t i = 0; i < EVENTS; i++) {
        const struct event *event = &events[(i + turn) % EVENTS];
        size_t part = by_user ? event->user / 2 % part_count : random_below(random, part_count);
        add_event(parts[part], event);
    }
    for (size_t i = 1; i < part_count; i++) {
        merge(parts[0], parts[i]);
    }
    check_same(whole, parts[0]);
    for (size_t i = 0; i < part_count; i++) {
        tally_free(parts[i]);
    }
}

static void check_splits(uint64_t seed, uint64_t user_count, bool users)
{
    struct event *events = make_events(seed, user_count);
    struct tally *whole = new_tally();
    struct random random = {seed};
    for (size_t i = 0; i < EVENTS; i++) {
        add_event(whole, &events[i]);
    }
    CHECK_EQ(users, tally_units_are_users(whole));
    for (size_t part_count = 1; part_count <= 8; part_count += 1 + part_count / 3) {
        check_split(events, whole, part_count, true, &random);
        check_split(events, whole, part_count, false, &random);
    }
    free(events);
    tally_free(whole);
}

static void any_split_merges_to_the_whole_bit_for_bit(void)
{
    check_splits(1, 3000, true);
}

/* 40,000 users: parts of an eighth are still of users, the whole is not. */
static void units_of_many_users_merge_to_the_whole_bit_for_bit(void)
{
    check_splits(2, 40000, false);
    check_splits(3, 17000, false);
}

/* One part with a handful of users, and one with so many that it has none by themselves. */
static void check_unequal(const struct event *events, struct tally *whole, bool small_first)
{
    struct tally *small = new_tally();
    struct tally *large = new_tally();
    for (size_t i = 0; i < EVENTS; i++) {
        add_event(events[i].user % 5000 < 2 ? small : large, &events[i]);
    }
    CHECK(tally_units_are_users(small));
    CHECK(!tally_units_are_users(large));
    merge(small_first ? small : large, small_first ? large : small);
    check_same(whole, small_first ? small : large);
    tally_free(small);
    tally_free(large);
}

static void unequal_parts_merge_to_the_whole_bit_for_bit(void)
{
    struct event *events = make_events(4, 40000);
    struct tally *whole = new_tally();
    for (size_t i = 0; i < EVENTS; i++) {
        add_event(whole, &events[i]);
    }
    check_unequal(events, whole, true);
    check_unequal(events, whole, false);
    free(events);
    tally_free(whole);
}

/* Users as far apart as keys can be, 16,384 of them, then one more. */
static void one_user_too_many_makes_units_of_several_users(void)
{
    struct tally *tally = new_tally();
    for (uint64_t i = 0; i < TALLY_UNITS_MAX; i++) {
        add(tally, (i << 50) + 1, 1, 1, 1, 0);
    }
    CHECK(tally_units_are_users(tally));
    CHECK_EQ(TALLY_UNITS_MAX, tally_users(tally, 1));
    add(tally, 2, 1, 1, 1, 0);
    CHECK(!tally_units_are_users(tally));
    CHECK_EQ(TALLY_UNITS_MAX, tally_unit_count(tally, 1));
    CHECK(fabs((double)tally_users(tally, 1) / (TALLY_UNITS_MAX + 1) - 1) < 0.05);
    double rows[TALLY_UNITS_MAX];
    tally_rows(tally, 1, 1, 1, rows);
    CHECK(near(2, rows[0]) && near(1, rows[1]) && near(1, rows[TALLY_UNITS_MAX - 1]));
    tally_free(tally);
}

/* Keys that share all but their last bits cannot be told apart by their first ones. */
static void users_that_share_their_first_bits_are_one_unit_at_worst(void)
{
    struct tally *tally = new_tally();
    for (uint64_t i = 1; i <= TALLY_UNITS_MAX + 1; i++) {
        add(tally, i, 0, 1, 1, 0);
    }
    double totals[2];
    tally_totals(tally, 0, 0, 2, totals);
    CHECK(near(TALLY_UNITS_MAX + 1, totals[0]));
    CHECK(tally_unit_count(tally, 0) > TALLY_UNITS_MAX / 4);
    tally_free(tally);
}

/* The widest rows: 4,096 columns leave room for 4,096 rows, one for each segment. */
static void wide_rows_stay_within_the_cells(void)
{
    static double sums[TALLY_COLUMNS_MAX];
    struct tally *tally = tally_new(TALLY_COLUMNS_MAX, 0);
    struct random random = {4};
    CHECK(tally != NULL);
    sums[TALLY_COLUMNS_MAX - 1] = 1;
    size_t rows = 0;
    for (uint32_t i = 1; i < TALLY_SEGMENTS_MAX; i++) {
        CHECK_EQ(STATUS_OK, tally_add(tally, random_next(&random), &i, 1, sums, NULL));
    }
    for (uint32_t i = 0; i < TALLY_SEGMENTS_MAX; i++) {
        rows += tally_unit_count(tally, i);
    }
    CHECK(rows <= TALLY_CELLS_MAX / TALLY_COLUMNS_MAX);
    double total;
    tally_totals(tally, 0, TALLY_COLUMNS_MAX - 1, 1, &total);
    CHECK(near(TALLY_SEGMENTS_MAX - 1, total));
    tally_free(tally);
}

enum { WIDE = 2048, WIDE_EVENTS = 18000 };

static void add_wide(struct tally *tally, const struct event *event)
{
    static double sums[WIDE];
    sums[event->user % WIDE] = event->sums[0];
    CHECK_EQ(STATUS_OK,
             tally_add(tally, event->user, event->segments, event->segment_count, sums, NULL));
    sums[event->user % WIDE] = 0;
}

/* Few users in many segments: it is the rows that make units larger. */
static void units_of_wide_rows_merge_to_the_whole_bit_for_bit(void)
{
    struct event *events = make_events(6, 1500);
    struct tally *whole = tally_new(WIDE, 0);
    struct tally *parts[2] = {tally_new(WIDE, 0), tally_new(WIDE, 0)};
    for (size_t i = 0; i < WIDE_EVENTS; i++) {
        add_wide(whole, &events[i]);
        add_wide(parts[events[i].user / 2 % 2], &events[i]);
    }
    CHECK(!tally_units_are_users(whole));
    merge(parts[0], parts[1]);
    check_same(whole, parts[0]);
    free(events);
    tally_free(whole);
    tally_free(parts[0]);
    tally_free(parts[1]);
}

static void a_user_of_two_parts_counts_once(void)
{
    struct tally *into = new_tally();
    struct tally *from = new_tally();
    double totals[2];
    add(into, 8, 1, 1, 1, 1);
    add(from, 8, 1, 2, 1, 5);
    merge(into, from);
    CHECK_EQ(1, tally_users(into, 1));
    tally_totals(into, 1, 0, 2, totals);
    CHECK(near(3, totals[0]) && near(2, totals[1]));
    tally_free(into);
    tally_free(from);
}

static void other_columns_do_not_merge(void)
{
    struct tally *into = tally_new(2, 1);
    struct tally *from = tally_new(1, 2);
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, tally_merge(into, from, &problem));
    CHECK_STR("one part has 2 sums and 1 peaks, another 1 and 2: make all parts with the same "
              "options",
              problem.text);
    tally_free(into);
    tally_free(from);
}

static void check_read_back(struct tally *tally)
{
    struct bytes bytes = written(tally);
    struct tally *again = NULL;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, read_back(bytes, &again, &problem));
    check_same(tally, again);
    free(bytes.data);
    tally_free(again);
}

static void a_tally_is_read_back_as_it_was(void)
{
    struct event *events = make_events(5, 20000);
    struct tally *tally = new_tally();
    check_read_back(tally);
    for (size_t i = 0; i < EVENTS; i++) {
        add_event(tally, &events[i]);
        if (i == 0 || i == 1000) {
            check_read_back(tally);
        }
    }
    check_read_back(tally);
    free(events);
    tally_free(tally);
}

static void tallies_behind_each_other_are_read_one_by_one(void)
{
    struct bytes bytes = {NULL, 0};
    struct problem problem;
    FILE *file = open_memstream(&bytes.data, &bytes.size);
    for (int i = 1; i <= 2; i++) {
        struct tally *tally = new_tally();
        add(tally, 3, 0, i, 0, 0);
        CHECK_EQ(STATUS_OK, tally_write(tally, file));
        tally_free(tally);
    }
    fclose(file);
    file = fmemopen(bytes.data, bytes.size, "r");
    for (int i = 1; i <= 2; i++) {
        struct tally *tally = NULL;
        double total;
        CHECK_EQ(STATUS_OK, tally_read(file, &tally, &problem));
        tally_totals(tally, 0, 0, 1, &total);
        CHECK(near(i, total));
        tally_free(tally);
    }
    fclose(file);
    free(bytes.data);
}

static void damaged_and_cut_bytes_are_told(void)
{
    struct tally *tally = new_tally();
    struct tally *out = NULL;
    add(tally, 3, 2, 1, 0, 0.5);
    struct bytes bytes = written(tally);
    for (size_t i = 0; i < bytes.size; i++) {
        struct problem problem = {""};
        CHECK_EQ(STATUS_CORRUPT, read_back((struct bytes){bytes.data, i}, &out, &problem));
        CHECK(strstr(problem.text, "cut off") != NULL);
        bytes.data[i] ^= 1;
        CHECK_EQ(STATUS_CORRUPT, read_back(bytes, &out, &problem));
        CHECK(problem.text[0] != '\0');
        bytes.data[i] ^= 1;
    }
    CHECK(out == NULL);
    free(bytes.data);
    tally_free(tally);
}

static void a_full_disk_is_told(void)
{
    struct tally *tally = new_tally();
    FILE *file = fopen("/dev/full", "w");
    if (file == NULL) {
        test_skip("there is no /dev/full");
    }
    add(tally, 3, 2, 1, 0, 0.5);
    CHECK_EQ(STATUS_IO, tally_write(tally, file));
    fclose(file);
    tally_free(tally);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(sums_and_peaks_are_kept_by_user_and_segment),
        TEST(an_empty_tally_has_no_units_and_no_sums),
        TEST(nothing_merges_with_nothing_and_with_something),
        TEST(values_that_do_not_fit_are_refused_and_change_nothing),
        TEST(any_split_merges_to_the_whole_bit_for_bit),
        TEST(units_of_many_users_merge_to_the_whole_bit_for_bit),
        TEST(unequal_parts_merge_to_the_whole_bit_for_bit),
        TEST(one_user_too_many_makes_units_of_several_users),
        TEST(users_that_share_their_first_bits_are_one_unit_at_worst),
        TEST(wide_rows_stay_within_the_cells),
        TEST(units_of_wide_rows_merge_to_the_whole_bit_for_bit),
        TEST(a_user_of_two_parts_counts_once),
        TEST(other_columns_do_not_merge),
        TEST(a_tally_is_read_back_as_it_was),
        TEST(tallies_behind_each_other_are_read_one_by_one),
        TEST(damaged_and_cut_bytes_are_told),
        TEST(a_full_disk_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
