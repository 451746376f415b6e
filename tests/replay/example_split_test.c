#include "replay/example_split.h"

#include <string.h>

#include "tests/test.h"

enum { HOUR_MS = 3600000 };

/* 100 hours from hour 1 on: the last 20 begin at hour 81, the gap of one hour at hour 80. */
static void the_last_share_of_the_time_validates_behind_a_gap(void)
{
    struct example_split split;
    CHECK_EQ(STATUS_OK, example_split_by_time(HOUR_MS, 101LL * HOUR_MS, 20, HOUR_MS, &split, NULL));
    CHECK_EQ(80LL * HOUR_MS, split.train_until_ms);
    CHECK_EQ(81LL * HOUR_MS, split.validation_from_ms);
    CHECK_EQ(EXAMPLE_TRAIN, example_side(&split, HOUR_MS));
    CHECK_EQ(EXAMPLE_TRAIN, example_side(&split, 80LL * HOUR_MS - 1));
    CHECK_EQ(EXAMPLE_GAP, example_side(&split, 80LL * HOUR_MS));
    CHECK_EQ(EXAMPLE_GAP, example_side(&split, 81LL * HOUR_MS - 1));
    CHECK_EQ(EXAMPLE_VALIDATION, example_side(&split, 81LL * HOUR_MS));
    CHECK_EQ(EXAMPLE_VALIDATION, example_side(&split, 101LL * HOUR_MS));
}

static void without_a_gap_every_example_is_on_a_side(void)
{
    struct example_split split;
    CHECK_EQ(STATUS_OK, example_split_by_time(0, 10, 35, 0, &split, NULL));
    CHECK_EQ(6, split.validation_from_ms); /* 3.5 ms, rounded towards more, from the end */
    CHECK_EQ(EXAMPLE_TRAIN, example_side(&split, 5));
    CHECK_EQ(EXAMPLE_VALIDATION, example_side(&split, 6));
}

static void nothing_to_train_with_is_refused(void)
{
    struct example_split split = {1, 2};
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID,
             example_split_by_time(HOUR_MS, 6LL * HOUR_MS, 20, 4LL * HOUR_MS, &split, &problem));
    CHECK_EQ(1, split.train_until_ms);
    CHECK_STR("the rankings span 300 minutes; the last 20 % of them and a gap of 240 minutes "
              "before leave nothing to train with",
              problem.text);
    CHECK_EQ(STATUS_OK,
             example_split_by_time(HOUR_MS, 6LL * HOUR_MS, 20, 4LL * HOUR_MS - 1, &split, NULL));
    CHECK_EQ(EXAMPLE_TRAIN, example_side(&split, HOUR_MS));
    CHECK_EQ(STATUS_INVALID, example_split_by_time(5, 5, 1, 0, &split, &problem));
    CHECK_EQ(STATUS_INVALID, example_split_by_time(0, 0, 1, 0, &split, &problem));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_last_share_of_the_time_validates_behind_a_gap),
        TEST(without_a_gap_every_example_is_on_a_side),
        TEST(nothing_to_train_with_is_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
