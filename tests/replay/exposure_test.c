#include "replay/exposure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/test.h"

/* Shares are rounded down to 2^-32. */
static bool near(double a, double b)
{
    return fabs(a - b) < 1e-8;
}

static struct exposure *fresh(size_t contenders, size_t k, size_t limit)
{
    struct exposure *exposure = exposure_new(contenders, k, limit);
    CHECK(exposure != NULL);
    return exposure;
}

static struct exposure_figures sum_up(const struct exposure *exposure, size_t contender)
{
    struct exposure_figures figures;
    CHECK_EQ(STATUS_OK, exposure_sum_up(exposure, contender, &figures));
    return figures;
}

/* Four candidates of three creators; the first two are of one. */
static const struct exposure_video a = {1, 11};
static const struct exposure_video b = {2, 11};
static const struct exposure_video c = {3, 12};
static const struct exposure_video d = {4, 13};

static struct exposure *two_slates(void)
{
    struct exposure *exposure = fresh(1, 2, 100);
    const struct exposure_video all[] = {a, b, c, d};
    const struct exposure_video first[] = {a, b, d};
    const struct exposure_video second[] = {a, c};
    CHECK_EQ(STATUS_OK, exposure_candidates(exposure, all, 4));
    CHECK_EQ(STATUS_OK, exposure_slate(exposure, 0, first, 3));
    CHECK_EQ(STATUS_OK, exposure_slate(exposure, 0, second, 2));
    return exposure;
}

/*
 * The first of two positions has x = 1 / (1 + 1 / log2 3) of its slate, the second y = 1 - x: a has
 * 2 x, b and c have y each, d at the third position nothing. Gini by rising values 0, y, y, 2 x:
 * 2 (2 y + 3 y + 4 * 2 x) / (4 * 2) - 5 / 4.
 */
static void figures_are_those_worked_out_by_hand(void)
{
    struct exposure *exposure = two_slates();
    struct exposure_figures got = sum_up(exposure, 0);
    double x = 1 / (1 + 1 / log2(3));
    double y = 1 - x;
    CHECK_EQ(2, got.slates);
    CHECK_EQ(4, got.videos.count);
    CHECK_EQ(3, got.videos.shown);
    CHECK(near(0.75, got.videos.coverage));
    CHECK(near((5 * y + 8 * x) / 4 - 1.25, got.videos.gini));
    CHECK(near(x, got.videos.top_1_percent));
    CHECK(near(1, got.videos.kept));
    exposure_free(exposure);
}

/* Creators have 2 x + y, y and 0: 2 (2 y + 3 (2 x + y)) / (3 * 2) - 4 / 3. */
static void creators_have_the_exposure_of_their_videos(void)
{
    struct exposure *exposure = two_slates();
    struct exposure_spread got = sum_up(exposure, 0).creators;
    double x = 1 / (1 + 1 / log2(3));
    double y = 1 - x;
    CHECK_EQ(3, got.count);
    CHECK_EQ(2, got.shown);
    CHECK(near((5 * y + 6 * x) / 3 - 4.0 / 3, got.gini));
    CHECK(near((2 * x + y) / 2, got.top_1_percent));
    CHECK(near((2 * x + y) / 2, got.top_10_percent));
    exposure_free(exposure);
}

/* Half a step into the third of four: at 0.6 of the videos, 0.4 of the third's y. */
static void the_lorenz_curve_is_straight_between_videos(void)
{
    struct exposure *exposure = two_slates();
    struct exposure_spread got = sum_up(exposure, 0).videos;
    double x = 1 / (1 + 1 / log2(3));
    double y = 1 - x;
    CHECK(near(0, got.lorenz[0]));
    CHECK(near(0, got.lorenz[12]));
    CHECK(near(y / 2, got.lorenz[25]));
    CHECK(near((y + 0.4 * y) / 2, got.lorenz[30]));
    CHECK(near((2 * y + 0.2 * 2 * x) / 2, got.lorenz[40]));
    CHECK(near(1, got.lorenz[50]));
    exposure_free(exposure);
}

static void equal_exposure_has_no_gini_and_a_monopoly_nearly_all(void)
{
    struct exposure *exposure = fresh(2, 1, 100);
    const struct exposure_video all[] = {a, b, c, d};
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(STATUS_OK, exposure_slate(exposure, 0, &all[i], 1));
        CHECK_EQ(STATUS_OK, exposure_slate(exposure, 1, &all[0], 1));
    }
    CHECK(near(0, sum_up(exposure, 0).videos.gini));
    CHECK(near(0.24, sum_up(exposure, 0).videos.lorenz[12]));
    CHECK(near(0.75, sum_up(exposure, 1).videos.gini));
    CHECK(near(0.25, sum_up(exposure, 1).videos.coverage));
    exposure_free(exposure);
}

/* 250 creators: 1 % are 3, rounded up; 10 % are 25. The first 20 have 3 slates, the others 1. */
static void the_top_creators_are_rounded_up(void)
{
    struct exposure *exposure = fresh(1, 10, 1000);
    for (uint64_t i = 1; i <= 250; i++) {
        struct exposure_video video = {i, 1000 + i};
        for (int n = i <= 20 ? 3 : 1; n > 0; n--) {
            CHECK_EQ(STATUS_OK, exposure_slate(exposure, 0, &video, 1));
        }
    }
    struct exposure_spread got = sum_up(exposure, 0).creators;
    CHECK(near(9.0 / 290, got.top_1_percent));
    CHECK(near(65.0 / 290, got.top_10_percent));
    exposure_free(exposure);
}

static void nothing_shown_has_no_spread(void)
{
    struct exposure *exposure = fresh(1, 10, 10);
    CHECK(isnan(sum_up(exposure, 0).videos.coverage));
    CHECK_EQ(STATUS_OK, exposure_slate(exposure, 0, NULL, 0));
    CHECK_EQ(STATUS_OK, exposure_candidates(exposure, &a, 1));
    struct exposure_figures got = sum_up(exposure, 0);
    CHECK_EQ(1, got.slates);
    CHECK(near(0, got.videos.coverage));
    CHECK(isnan(got.videos.gini) && isnan(got.videos.lorenz[50]));
    CHECK(isnan(got.creators.top_1_percent));
    exposure_free(exposure);
}

static void an_unknown_creator_is_nobody(void)
{
    struct exposure *exposure = fresh(1, 10, 10);
    const struct exposure_video orphan = {5, 0};
    CHECK_EQ(STATUS_OK, exposure_slate(exposure, 0, &orphan, 1));
    CHECK_EQ(1, sum_up(exposure, 0).videos.count);
    CHECK_EQ(0, sum_up(exposure, 0).creators.count);
    exposure_free(exposure);
}

struct bytes {
    uint8_t *at;
    size_t size;
};

static struct bytes encoded(const struct exposure *exposure)
{
    struct bytes bytes;
    CHECK_EQ(STATUS_OK, exposure_encode(exposure, &bytes.at, &bytes.size));
    return bytes;
}

static void check_same_bytes(const struct exposure *want, const struct exposure *got)
{
    struct bytes left = encoded(want);
    struct bytes right = encoded(got);
    CHECK_EQ(left.size, right.size);
    CHECK_EQ(0, memcmp(left.at, right.at, left.size));
    free(left.at);
    free(right.at);
}

/* The numbered request of a made-up log: 30 candidates of 2,000, two contenders show some. */
enum { LOG = 400, CANDIDATES = 30, CATALOGUE = 2000 };

static void take(struct exposure *exposure, uint64_t number)
{
    struct random random = {number};
    struct exposure_video videos[CANDIDATES];
    for (size_t i = 0; i < CANDIDATES; i++) {
        uint64_t video = random_below(&random, CATALOGUE) + 1;
        struct random key = {video};
        videos[i] = (struct exposure_video){random_next(&key), video % 300 + 1};
    }
    CHECK_EQ(STATUS_OK, exposure_candidates(exposure, videos, CANDIDATES));
    CHECK_EQ(STATUS_OK, exposure_slate(exposure, 0, videos, random_below(&random, CANDIDATES)));
    CHECK_EQ(STATUS_OK, exposure_slate(exposure, 1, videos + 5, 20));
}

/* In whatever order, cut in whatever parts, with all kept or few. */
static void check_parts(size_t limit)
{
    enum { PARTS = 3 };
    struct exposure *whole = fresh(2, 10, limit);
    struct exposure *joined = fresh(2, 10, limit);
    struct exposure *parts[PARTS];
    for (size_t i = 0; i < PARTS; i++) {
        parts[i] = fresh(2, 10, limit);
    }
    for (uint64_t i = 0; i < LOG; i++) {
        take(whole, i);
        take(parts[(i * i) % 7 % PARTS], LOG - 1 - i);
    }
    for (size_t i = 0; i < PARTS; i++) {
        struct bytes bytes = encoded(parts[i]);
        struct exposure *part;
        CHECK_EQ(STATUS_OK, exposure_decode(bytes.at, bytes.size, &part));
        check_same_bytes(parts[i], part);
        CHECK_EQ(STATUS_OK, exposure_merge(joined, part));
        exposure_free(part);
        exposure_free(parts[i]);
        free(bytes.at);
    }
    check_same_bytes(whole, joined);
    struct exposure_figures want = sum_up(whole, 1);
    struct exposure_figures got = sum_up(joined, 1);
    CHECK_EQ(0, memcmp(&want, &got, sizeof(want)));
    exposure_free(whole);
    exposure_free(joined);
}

static void parts_merge_to_exactly_the_whole(void)
{
    check_parts(CATALOGUE);
    check_parts(1000);
    check_parts(120);
    check_parts(1);
}

/* Nearly all 2,000 videos are met; at most 1,200 may be kept, so half of them are. */
static void beyond_the_limit_a_known_share_of_the_videos_is_kept(void)
{
    struct exposure *all = fresh(2, 10, CATALOGUE);
    struct exposure *some = fresh(2, 10, 1200);
    for (uint64_t i = 0; i < LOG; i++) {
        take(all, i);
        take(some, i);
    }
    struct exposure_figures want = sum_up(all, 1);
    struct exposure_figures got = sum_up(some, 1);
    CHECK(near(0.5, got.videos.kept));
    CHECK(near(1, got.creators.kept));
    CHECK(got.videos.count > 900 && got.videos.count < 1100);
    CHECK(fabs(want.videos.coverage - got.videos.coverage) < 0.05);
    CHECK(fabs(want.videos.gini - got.videos.gini) < 0.05);
    CHECK(near(want.creators.gini, got.creators.gini));
    exposure_free(all);
    exposure_free(some);
}

static void others_contenders_positions_or_limits_do_not_merge(void)
{
    struct exposure *exposure = two_slates();
    struct exposure *others[] = {fresh(2, 2, 100), fresh(1, 3, 100), fresh(1, 2, 99)};
    struct bytes before = encoded(exposure);
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(STATUS_INVALID, exposure_merge(exposure, others[i]));
        exposure_free(others[i]);
    }
    struct bytes after = encoded(exposure);
    CHECK_EQ(before.size, after.size);
    CHECK_EQ(0, memcmp(before.at, after.at, before.size));
    free(before.at);
    free(after.at);
    exposure_free(exposure);
}

static void check_corrupt(const uint8_t *bytes, size_t size)
{
    struct exposure *exposure = NULL;
    CHECK_EQ(STATUS_CORRUPT, exposure_decode(bytes, size, &exposure));
    CHECK(exposure == NULL);
}

static void bytes_that_were_not_written_are_corrupt(void)
{
    struct exposure *exposure = two_slates();
    struct bytes bytes = encoded(exposure);
    for (size_t size = 0; size < bytes.size; size++) {
        check_corrupt(bytes.at, size);
    }
    bytes.at[0] = 2;
    check_corrupt(bytes.at, bytes.size);
    bytes.at[0] = 1;
    bytes.at[1] = EXPOSURE_CONTENDERS_MAX + 1;
    check_corrupt(bytes.at, bytes.size);
    exposure_free(exposure);
    free(bytes.at);
}

/* One contender, k 1, limit 2, one slate; no creators. */
static void rows_out_of_order_or_of_too_much_exposure_are_corrupt(void)
{
    const uint8_t good[] = {1, 1, 1, 2, 1, 0, 2, 7, 0, 0, 0, 0, 0, 0,
                            0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const uint8_t whole[] = {1, 1, 1, 2, 1,    0,    1,    7,    0,    0, 0,
                             0, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0};
    uint8_t bytes[sizeof(good)];
    uint8_t more[sizeof(whole)];
    struct exposure *exposure;
    CHECK_EQ(STATUS_OK, exposure_decode(good, sizeof(good), &exposure));
    exposure_free(exposure);
    CHECK_EQ(STATUS_OK, exposure_decode(whole, sizeof(whole), &exposure));
    CHECK(near(1, sum_up(exposure, 0).videos.coverage));
    exposure_free(exposure);
    memcpy(bytes, good, sizeof(good));
    bytes[16] = 7; /* the same key twice */
    check_corrupt(bytes, sizeof(bytes));
    memcpy(bytes, good, sizeof(good));
    bytes[3] = 1; /* more rows than the limit */
    check_corrupt(bytes, sizeof(bytes));
    memcpy(more, whole, sizeof(whole));
    more[15] = 0x81; /* 2^-32 more than one slate has */
    check_corrupt(more, sizeof(more));
}

/* 2^32 - 1 slates that showed nothing. */
static void one_slate_too_many_is_refused(void)
{
    const uint8_t full[] = {1, 1, 1, 2, 0xff, 0xff, 0xff, 0xff, 0xf, 0, 0, 0, 0};
    struct exposure *exposure;
    struct exposure *one = fresh(1, 1, 2);
    CHECK_EQ(STATUS_OK, exposure_decode(full, sizeof(full), &exposure));
    CHECK_EQ(STATUS_OK, exposure_slate(one, 0, &a, 1));
    CHECK_EQ(STATUS_INVALID, exposure_slate(exposure, 0, &a, 1));
    CHECK_EQ(STATUS_INVALID, exposure_merge(exposure, one));
    CHECK_EQ(STATUS_INVALID, exposure_merge(one, exposure));
    CHECK_EQ(0, sum_up(exposure, 0).videos.count);
    exposure_free(exposure);
    exposure_free(one);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(figures_are_those_worked_out_by_hand),
        TEST(creators_have_the_exposure_of_their_videos),
        TEST(the_lorenz_curve_is_straight_between_videos),
        TEST(equal_exposure_has_no_gini_and_a_monopoly_nearly_all),
        TEST(the_top_creators_are_rounded_up),
        TEST(nothing_shown_has_no_spread),
        TEST(an_unknown_creator_is_nobody),
        TEST(parts_merge_to_exactly_the_whole),
        TEST(beyond_the_limit_a_known_share_of_the_videos_is_kept),
        TEST(others_contenders_positions_or_limits_do_not_merge),
        TEST(bytes_that_were_not_written_are_corrupt),
        TEST(rows_out_of_order_or_of_too_much_exposure_are_corrupt),
        TEST(one_slate_too_many_is_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
