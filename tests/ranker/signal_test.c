#include "ranker/signal.h"

#include "ranker/limits.h"
#include "tests/test.h"

static void valid_play_is_the_whole_of_a_short_video(void)
{
    CHECK(!signal_is_valid_play(4999, 5000));
    CHECK(signal_is_valid_play(5000, 5000));
    CHECK(!signal_is_valid_play(6999, 7000));
    CHECK(signal_is_valid_play(7000, 7000));
}

static void valid_play_is_more_than_seven_seconds_of_a_longer_video(void)
{
    CHECK(!signal_is_valid_play(7000, 7001));
    CHECK(signal_is_valid_play(7001, 7001));
    CHECK(!signal_is_valid_play(7000, 0));
    CHECK(signal_is_valid_play(7001, 0));
    CHECK(signal_is_valid_play(LIMIT_DURATION_MS, LIMIT_DURATION_MS));
}

static void long_view_is_the_whole_or_eighteen_seconds(void)
{
    CHECK(!signal_is_long_view(17999, 18000));
    CHECK(signal_is_long_view(18000, 18000));
    CHECK(!signal_is_long_view(9999, 10000));
    CHECK(signal_is_long_view(10000, 10000));
    CHECK(!signal_is_long_view(17999, 60000));
    CHECK(signal_is_long_view(18000, 60000));
    CHECK(!signal_is_long_view(17999, 0));
    CHECK(signal_is_long_view(18000, 0));
}

static void short_play_is_below_three_seconds_and_below_the_duration(void)
{
    CHECK(signal_is_short_play(0, 2000));
    CHECK(signal_is_short_play(1999, 2000));
    CHECK(!signal_is_short_play(2000, 2000));
    CHECK(signal_is_short_play(2999, 60000));
    CHECK(!signal_is_short_play(3000, 60000));
    CHECK(signal_is_short_play(2999, 0));
    CHECK(!signal_is_short_play(3000, 0));
}

static void complete_needs_a_known_duration(void)
{
    CHECK(!signal_is_complete(9999, 10000));
    CHECK(signal_is_complete(10000, 10000));
    CHECK(signal_is_complete(30000, 10000));
    CHECK(!signal_is_complete(0, 0));
    CHECK(!signal_is_complete(LIMIT_DURATION_MS, 0));
}

static void duration_buckets_end_at_their_upper_bounds(void)
{
    static const int64_t upper_ms[] = {7000, 15000, 30000, 60000, 120000, 300000, 600000};
    CHECK_EQ(0, signal_duration_bucket(1));
    for (unsigned i = 0; i < 7; i++) {
        CHECK_EQ(i, signal_duration_bucket(upper_ms[i]));
        CHECK_EQ(i + 1, signal_duration_bucket(upper_ms[i] + 1));
    }
    CHECK_EQ(7, signal_duration_bucket(LIMIT_DURATION_MS));
    CHECK_EQ(8, signal_duration_bucket(0));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(valid_play_is_the_whole_of_a_short_video),
        TEST(valid_play_is_more_than_seven_seconds_of_a_longer_video),
        TEST(long_view_is_the_whole_or_eighteen_seconds),
        TEST(short_play_is_below_three_seconds_and_below_the_duration),
        TEST(complete_needs_a_known_duration),
        TEST(duration_buckets_end_at_their_upper_bounds),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
