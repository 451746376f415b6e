#include "replay/monotone.h"

#include "tests/test.h"

static void a_heads_own_rates_never_lower_it(void)
{
    for (unsigned i = 0; i < 9; i++) {
        CHECK_EQ(1, monotone_known(HEAD_LIKE, FEATURE_LIKE_RATE_GLOBAL_30M + i));
        CHECK_EQ(1, monotone_known(HEAD_SKIP, FEATURE_SKIP_RATE_GLOBAL_30M + i));
        CHECK_EQ(1, monotone_known(HEAD_REPORT, FEATURE_REPORT_RATE_GLOBAL_30M + i));
        CHECK_EQ(1, monotone_known(HEAD_VALID_PLAY, FEATURE_VALID_PLAY_RATE_GLOBAL_30M + i));
    }
    CHECK_EQ(0, monotone_known(HEAD_LIKE, FEATURE_SKIP_RATE_LANGUAGE_14D));
    CHECK_EQ(0, monotone_known(HEAD_LIKE, FEATURE_SHARE_RATE_GLOBAL_30M));
    CHECK_EQ(0, monotone_known(HEAD_SHARE, FEATURE_LIKE_RATE_LANGUAGE_14D));
}

static void skips_and_views_are_opposites(void)
{
    CHECK_EQ(-1, monotone_known(HEAD_LONG_VIEW, FEATURE_SKIP_RATE_REGION_1D));
    CHECK_EQ(-1, monotone_known(HEAD_WATCH_QUANTILE, FEATURE_SKIP_RATE_REGION_1D));
    CHECK_EQ(-1, monotone_known(HEAD_SKIP, FEATURE_VALID_PLAY_RATE_REGION_1D));
}

static void tastes_raise_what_is_wanted_and_lower_what_is_not(void)
{
    CHECK_EQ(1, monotone_known(HEAD_LIKE, FEATURE_TASTE));
    CHECK_EQ(1, monotone_known(HEAD_COMPLETE, FEATURE_AFFINITY_CREATOR));
    CHECK_EQ(-1, monotone_known(HEAD_NOT_INTERESTED, FEATURE_TASTE));
    CHECK_EQ(-1, monotone_known(HEAD_REPORT, FEATURE_FOLLOWS_CREATOR));
    CHECK_EQ(0, monotone_known(HEAD_FOLLOW, FEATURE_FOLLOWS_CREATOR)); /* cannot do so again */
    CHECK_EQ(0, monotone_known(HEAD_FOLLOW, FEATURE_TASTE));
}

static void a_longer_video_is_not_easier_to_complete(void)
{
    CHECK_EQ(-1, monotone_known(HEAD_COMPLETE, FEATURE_DURATION_S));
    CHECK_EQ(0, monotone_known(HEAD_LONG_VIEW, FEATURE_DURATION_S));
    CHECK_EQ(0, monotone_known(HEAD_COMPLETE, FEATURE_DURATION_BUCKET)); /* 8 is unknown */
}

static void what_may_go_either_way_is_left_free(void)
{
    static const enum feature free_ones[] = {
        FEATURE_FRESHNESS,    FEATURE_AGE_HOURS,       FEATURE_CURATED,  FEATURE_PREMIUM,
        FEATURE_POPULARITY,   FEATURE_NEW_VIDEO,       FEATURE_SOURCE,   FEATURE_RETRIEVAL,
        FEATURE_SEEN_BEFORE,  FEATURE_FATIGUE_CREATOR, FEATURE_NEW_USER, FEATURE_HOUR_SIN,
        FEATURE_SESSION_DEPTH};
    for (unsigned head = 0; head < HEAD_COUNT; head++) {
        for (size_t i = 0; i < sizeof(free_ones) / sizeof(free_ones[0]); i++) {
            CHECK_EQ(0, monotone_known((enum head)head, free_ones[i]));
        }
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_heads_own_rates_never_lower_it),
        TEST(skips_and_views_are_opposites),
        TEST(tastes_raise_what_is_wanted_and_lower_what_is_not),
        TEST(a_longer_video_is_not_easier_to_complete),
        TEST(what_may_go_either_way_is_left_free),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
