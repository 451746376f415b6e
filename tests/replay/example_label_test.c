#include "replay/example_label.h"

#include <math.h>

#include "tests/test.h"

#define BIT(head) (1U << HEAD_##head)

/* Known of whatever was shown. */
enum {
    ACTIONS = BIT(LIKE) | BIT(SHARE) | BIT(FOLLOW) | BIT(SKIP) | BIT(NOT_INTERESTED) | BIT(REPORT)
};
enum { WATCHES = BIT(VALID_PLAY) | BIT(LONG_VIEW) | BIT(COMPLETE) | BIT(WATCH_QUANTILE) };

/* 100 views: 40 of 1 s, 40 of 10 s, 20 of 20 s, of videos of 20 s. */
static struct watch_histogram histogram_of_views(void)
{
    struct watch_histogram histogram = {.count = 100};
    histogram.bins[watch_bin(1000)] = 40;
    histogram.bins[watch_bin(10000)] = 40;
    histogram.bins[watch_bin(20000)] = 20;
    return histogram;
}

struct act {
    enum signal_type type;
    int64_t watch_ms;
};

/* Labels of what a user did with a video of that length; acts end with type 0. */
static struct example labelled(int64_t duration_ms, const struct act *acts)
{
    struct watch_histogram histogram = histogram_of_views();
    struct outcome outcome = {.flags = 0};
    struct example example = {.known = 12345};
    for (; acts->type != 0; acts++) {
        struct signal signal = {.type = acts->type, .watch_ms = acts->watch_ms};
        outcome_add(&outcome, &signal, duration_ms);
    }
    example_label_all(&outcome, &histogram, &example);
    return example;
}

#define ACTS(...) ((const struct act[]){__VA_ARGS__, {0, 0}})

static void check_quantile(double want, const struct example *example)
{
    CHECK(fabs(want - example->watch_quantile) < 1e-12);
}

static void a_partial_view_has_every_label(void)
{
    struct example example =
        labelled(20000, ACTS({SIGNAL_IMPRESSION, 0}, {SIGNAL_PLAY, 0}, {SIGNAL_WATCH, 4000},
                             {SIGNAL_WATCH, 10000}, {SIGNAL_LIKE, 0}));
    CHECK_EQ(ACTIONS | WATCHES, example.known);
    CHECK_EQ(BIT(VALID_PLAY) | BIT(LIKE), example.positive); /* 10 s: above 7, below 18 */
    check_quantile(0.6, &example);                           /* 40 below and half of 40 beside it */
    CHECK_EQ(10000, example.watch_ms);
    CHECK_EQ(20000, example.duration_ms);
    CHECK(!example.censored);
}

static void a_view_to_the_end_is_censored_and_has_its_quantile(void)
{
    struct example example = labelled(20000, ACTS({SIGNAL_PLAY, 0}, {SIGNAL_COMPLETE, 0}));
    CHECK_EQ(ACTIONS | WATCHES, example.known);
    CHECK_EQ(BIT(VALID_PLAY) | BIT(LONG_VIEW) | BIT(COMPLETE), example.positive);
    check_quantile(0.9, &example); /* 80 below and half of 20 */
    CHECK_EQ(20000, example.watch_ms);
    CHECK(example.censored);
}

static void a_looped_view_counts_its_loops(void)
{
    struct example example = labelled(20000, ACTS({SIGNAL_WATCH, 65000}));
    CHECK(example.censored);
    CHECK_EQ(65000, example.watch_ms);
    check_quantile(1, &example);
}

static void an_impression_alone_is_evidence_against(void)
{
    struct example example = labelled(20000, ACTS({SIGNAL_IMPRESSION, 0}));
    CHECK_EQ(ACTIONS | WATCHES, example.known);
    CHECK_EQ(0, example.positive);
    check_quantile(0, &example);
    CHECK(!example.censored);
}

static void a_skip_is_evidence_against_even_after_a_play(void)
{
    struct example example = labelled(20000, ACTS({SIGNAL_PLAY, 0}, {SIGNAL_SKIP, 0}));
    CHECK_EQ(ACTIONS | WATCHES, example.known);
    CHECK_EQ(BIT(SKIP), example.positive);
    check_quantile(0, &example);
}

static void without_a_watch_time_a_play_says_nothing_of_watching(void)
{
    struct example example = labelled(20000, ACTS({SIGNAL_PLAY, 0}));
    CHECK_EQ(ACTIONS, example.known);
    CHECK_EQ(0, example.positive);
    CHECK(isnan(example.watch_quantile));
    example = labelled(20000, ACTS({SIGNAL_IMPRESSION, 0}, {SIGNAL_LIKE, 0}));
    CHECK_EQ(ACTIONS, example.known);
    CHECK_EQ(BIT(LIKE), example.positive);
}

static void of_a_video_of_unknown_length_the_end_is_not_known(void)
{
    struct example example = labelled(0, ACTS({SIGNAL_WATCH, 30000}));
    CHECK_EQ(ACTIONS | BIT(VALID_PLAY) | BIT(LONG_VIEW) | BIT(WATCH_QUANTILE), example.known);
    CHECK_EQ(BIT(VALID_PLAY) | BIT(LONG_VIEW), example.positive);
    CHECK_EQ(0, example.duration_ms);
    example = labelled(0, ACTS({SIGNAL_IMPRESSION, 0}));
    CHECK_EQ(ACTIONS | WATCHES, example.known);
}

/* The player told of the end: it is known, and that 3 s were not all. */
static void what_was_earned_is_known_whatever_is_missing(void)
{
    struct example example = labelled(0, ACTS({SIGNAL_WATCH, 3000}, {SIGNAL_COMPLETE, 0}));
    CHECK_EQ(ACTIONS | BIT(COMPLETE), example.known);
    CHECK_EQ(BIT(COMPLETE), example.positive);
    CHECK(example.censored);
    example = labelled(0, ACTS({SIGNAL_WATCH, 8000}, {SIGNAL_COMPLETE, 0}));
    CHECK_EQ(ACTIONS | BIT(COMPLETE) | BIT(VALID_PLAY), example.known);
}

static void actions_that_are_taken_back_are_not_labels(void)
{
    struct example example =
        labelled(20000, ACTS({SIGNAL_WATCH, 1000}, {SIGNAL_LIKE, 0}, {SIGNAL_UNLIKE, 0},
                             {SIGNAL_FOLLOW_CREATOR, 0}, {SIGNAL_SHARE, 0},
                             {SIGNAL_HIDE_CREATOR, 0}, {SIGNAL_REPORT, 0}));
    CHECK_EQ(BIT(FOLLOW) | BIT(SHARE) | BIT(NOT_INTERESTED) | BIT(REPORT), example.positive);
    check_quantile(0.2, &example);
}

static void a_thin_distribution_gives_no_quantile(void)
{
    struct watch_histogram histogram = histogram_of_views();
    struct outcome outcome = {.flags = 1U << OUTCOME_SHOWN};
    struct example example;
    histogram.bins[watch_bin(1000)]--;
    histogram.count--;
    example_label_all(&outcome, &histogram, &example);
    CHECK_EQ((ACTIONS | WATCHES) & ~BIT(WATCH_QUANTILE), example.known);
    CHECK(isnan(example.watch_quantile));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_partial_view_has_every_label),
        TEST(a_view_to_the_end_is_censored_and_has_its_quantile),
        TEST(a_looped_view_counts_its_loops),
        TEST(an_impression_alone_is_evidence_against),
        TEST(a_skip_is_evidence_against_even_after_a_play),
        TEST(without_a_watch_time_a_play_says_nothing_of_watching),
        TEST(of_a_video_of_unknown_length_the_end_is_not_known),
        TEST(what_was_earned_is_known_whatever_is_missing),
        TEST(actions_that_are_taken_back_are_not_labels),
        TEST(a_thin_distribution_gives_no_quantile),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
