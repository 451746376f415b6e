#include "replay/outcome.h"

#include <math.h>
#include <string.h>

#include "tests/test.h"

static struct signal signal_of(enum signal_type type, int64_t watch_ms, int64_t duration_ms)
{
    return (struct signal){.type = type, .watch_ms = watch_ms, .video_duration_ms = duration_ms};
}

static struct outcome outcome_after(enum signal_type type, int64_t watch_ms, int64_t duration_ms)
{
    struct outcome outcome = {0};
    struct signal signal = signal_of(type, watch_ms, duration_ms);
    outcome_add(&outcome, &signal, 0);
    return outcome;
}

#define BIT(flag) (1U << (flag))

static void nothing_has_no_value(void)
{
    struct outcome outcome = {0};
    for (int i = 0; i < LABEL_COUNT; i++) {
        CHECK(outcome_value(&outcome, (enum label)i) <= 0);
    }
    CHECK(!outcome_has(&outcome, OUTCOME_SHOWN));
}

static void each_signal_tells_that_it_was_shown_and_what_was_done(void)
{
    static const struct {
        enum signal_type type;
        uint32_t flags;
    } cases[] = {
        {SIGNAL_IMPRESSION, 0},
        {SIGNAL_PLAY, BIT(OUTCOME_PLAY)},
        {SIGNAL_WATCH, BIT(OUTCOME_PLAY)},
        {SIGNAL_COMPLETE, BIT(OUTCOME_PLAY) | BIT(OUTCOME_COMPLETE)},
        {SIGNAL_SKIP, BIT(OUTCOME_SKIP)},
        {SIGNAL_LIKE, BIT(OUTCOME_LIKE)},
        {SIGNAL_UNLIKE, 0},
        {SIGNAL_SHARE, BIT(OUTCOME_SHARE)},
        {SIGNAL_COMMENT, BIT(OUTCOME_COMMENT)},
        {SIGNAL_FOLLOW_CREATOR, BIT(OUTCOME_FOLLOW)},
        {SIGNAL_UNFOLLOW_CREATOR, 0},
        {SIGNAL_NOT_INTERESTED, BIT(OUTCOME_NOT_INTERESTED)},
        {SIGNAL_HIDE_CREATOR, BIT(OUTCOME_NOT_INTERESTED)},
        {SIGNAL_REPORT, BIT(OUTCOME_REPORT)},
    };
    CHECK_EQ(SIGNAL_TYPE_END - 1, sizeof(cases) / sizeof(cases[0]));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome outcome = outcome_after(cases[i].type, 0, 0);
        CHECK_EQ(cases[i].flags | BIT(OUTCOME_SHOWN), outcome.flags);
    }
}

/* Of 20 s: more than 7 s is a valid play, 18 s a long view, all of it complete. */
static void labels_of_watch_time_have_thresholds(void)
{
    static const struct {
        int64_t watch_ms;
        int64_t duration_ms;
        bool valid_play;
        bool long_view;
        bool complete;
    } cases[] = {
        {7000, 20000, false, false, false}, {7001, 20000, true, false, false},
        {17999, 20000, true, false, false}, {18000, 20000, true, true, false},
        {20000, 20000, true, true, true},   {9999, 10000, true, false, false},
        {10000, 10000, true, true, true},   {4999, 5000, false, false, false},
        {5000, 5000, true, true, true},     {18000, 0, true, true, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome outcome =
            outcome_after(SIGNAL_WATCH, cases[i].watch_ms, cases[i].duration_ms);
        CHECK_EQ(cases[i].valid_play, outcome_has(&outcome, OUTCOME_VALID_PLAY));
        CHECK_EQ(cases[i].long_view, outcome_has(&outcome, OUTCOME_LONG_VIEW));
        CHECK_EQ(cases[i].complete, outcome_has(&outcome, OUTCOME_COMPLETE));
        CHECK_EQ(cases[i].watch_ms, outcome.watch_ms);
    }
}

static void the_longest_view_counts(void)
{
    struct outcome outcome = outcome_after(SIGNAL_WATCH, 9000, 20000);
    struct signal shorter = signal_of(SIGNAL_WATCH, 2500, 0);
    outcome_add(&outcome, &shorter, 0);
    CHECK_EQ(9000, outcome.watch_ms);
    CHECK_EQ(20000, outcome.duration_ms);
    CHECK(outcome_value(&outcome, LABEL_WATCH_SECONDS) > 8.999);
    CHECK(outcome_value(&outcome, LABEL_WATCH_SECONDS) < 9.001);
}

static void the_end_reached_is_the_whole_video_watched(void)
{
    struct outcome outcome = outcome_after(SIGNAL_COMPLETE, 0, 12000);
    CHECK_EQ(12000, outcome.watch_ms);
    CHECK(outcome_has(&outcome, OUTCOME_LONG_VIEW));
    CHECK(outcome_has(&outcome, OUTCOME_COMPLETE));
    outcome = outcome_after(SIGNAL_COMPLETE, 13000, 12000); /* seen again in part */
    CHECK_EQ(13000, outcome.watch_ms);
}

static void what_is_taken_back_is_gone(void)
{
    struct outcome outcome = outcome_after(SIGNAL_LIKE, 0, 0);
    struct signal follow = signal_of(SIGNAL_FOLLOW_CREATOR, 0, 0);
    struct signal unlike = signal_of(SIGNAL_UNLIKE, 0, 0);
    struct signal unfollow = signal_of(SIGNAL_UNFOLLOW_CREATOR, 0, 0);
    outcome_add(&outcome, &follow, 0);
    outcome_add(&outcome, &unlike, 0);
    CHECK_EQ(BIT(OUTCOME_SHOWN) | BIT(OUTCOME_FOLLOW), outcome.flags);
    outcome_add(&outcome, &unfollow, 0);
    CHECK_EQ(BIT(OUTCOME_SHOWN), outcome.flags);
}

static void the_signal_knows_a_duration_better_than_the_catalogue(void)
{
    struct outcome outcome = {0};
    struct signal signal = signal_of(SIGNAL_WATCH, 10000, 10000);
    outcome_add(&outcome, &signal, 60000);
    CHECK_EQ(10000, outcome.duration_ms);
    CHECK(outcome_has(&outcome, OUTCOME_COMPLETE));
    outcome = (struct outcome){0};
    signal.video_duration_ms = 0;
    outcome_add(&outcome, &signal, 60000);
    CHECK_EQ(60000, outcome.duration_ms);
    CHECK(!outcome_has(&outcome, OUTCOME_LONG_VIEW));
}

/* Whatever the duration, and whenever it gets known, the labels are the same. */
static void a_duration_may_get_known_later(void)
{
    static const enum signal_type types[] = {SIGNAL_IMPRESSION, SIGNAL_PLAY, SIGNAL_WATCH,
                                             SIGNAL_COMPLETE, SIGNAL_LIKE};
    for (size_t type = 0; type < sizeof(types) / sizeof(types[0]); type++) {
        for (int64_t duration = 0; duration <= 30000; duration += 1000) {
            struct signal signal = signal_of(types[type], 9000, 0);
            struct outcome early = {0};
            struct outcome late = {0};
            outcome_add(&early, &signal, duration);
            outcome_add(&late, &signal, 0);
            outcome_know_duration(&late, duration);
            CHECK_EQ(early.flags, late.flags);
            CHECK_EQ(early.watch_ms, late.watch_ms);
            CHECK_EQ(early.duration_ms, late.duration_ms);
        }
    }
}

static void a_known_duration_stays(void)
{
    struct outcome outcome = outcome_after(SIGNAL_WATCH, 9000, 20000);
    outcome_know_duration(&outcome, 9000);
    CHECK_EQ(20000, outcome.duration_ms);
    CHECK(!outcome_has(&outcome, OUTCOME_COMPLETE));
}

static void labels_are_found_by_their_names(void)
{
    struct problem problem = {""};
    for (int i = 0; i < LABEL_COUNT; i++) {
        enum label found;
        CHECK_EQ(STATUS_OK, label_find(label_name((enum label)i), &found, &problem));
        CHECK_EQ(i, found);
    }
    enum label untouched = LABEL_LIKE;
    CHECK_EQ(STATUS_NOT_FOUND, label_find("long view", &untouched, &problem));
    CHECK_EQ(LABEL_LIKE, untouched);
    CHECK(strstr(problem.text, "\"long view\"") != NULL);
    CHECK(strstr(problem.text, "play, valid_play, long_view") != NULL);
    CHECK(strstr(problem.text, "watch_seconds") != NULL); /* the list is whole */
}

static void view(struct watch *watch, uint16_t region, int64_t duration_ms, int64_t watch_ms,
                 int times)
{
    for (int i = 0; i < times; i++) {
        CHECK_EQ(STATUS_OK, watch_move(watch, region, signal_duration_bucket(duration_ms), -1,
                                       watch_bin(watch_ms)));
    }
}

/* Among 20 s videos; those of a minute are another matter, and so are regions with enough views. */
static void watch_times_compare_with_views_of_like_videos(void)
{
    enum { FEW = 1, MANY };
    struct watch watch = {.region_count = 0};
    struct outcome outcome = outcome_after(SIGNAL_WATCH, 9000, 20000);
    struct outcome unwatched = outcome_after(SIGNAL_SKIP, 0, 20000);
    view(&watch, FEW, 20000, 18000, OUTCOME_VIEWS_MINIMUM - 1);
    view(&watch, MANY, 20000, 2000, OUTCOME_VIEWS_MINIMUM);
    view(&watch, MANY, 60000, 50000, OUTCOME_VIEWS_MINIMUM);
    CHECK_EQ(2 * OUTCOME_VIEWS_MINIMUM - 1, outcome_views(&outcome, &watch, FEW)->count);
    CHECK_EQ(OUTCOME_VIEWS_MINIMUM, outcome_views(&outcome, &watch, MANY)->count);
    CHECK(fabs(outcome_watch_quantile(&outcome, &watch, FEW) - 100.0 / 199) < 1e-12);
    CHECK(fabs(outcome_watch_quantile(&outcome, &watch, MANY) - 1) < 1e-12);
    CHECK(outcome_watch_quantile(&unwatched, &watch, MANY) <= 0);
    watch_release(&watch);
}

static void what_drives_users_away_is_not_good(void)
{
    for (int i = 0; i < LABEL_COUNT; i++) {
        bool bad = i == LABEL_SKIP || i == LABEL_NOT_INTERESTED || i == LABEL_REPORT;
        CHECK_EQ(!bad, label_is_good((enum label)i));
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(nothing_has_no_value),
        TEST(each_signal_tells_that_it_was_shown_and_what_was_done),
        TEST(labels_of_watch_time_have_thresholds),
        TEST(the_longest_view_counts),
        TEST(the_end_reached_is_the_whole_video_watched),
        TEST(what_is_taken_back_is_gone),
        TEST(the_signal_knows_a_duration_better_than_the_catalogue),
        TEST(a_duration_may_get_known_later),
        TEST(a_known_duration_stays),
        TEST(labels_are_found_by_their_names),
        TEST(watch_times_compare_with_views_of_like_videos),
        TEST(what_drives_users_away_is_not_good),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
