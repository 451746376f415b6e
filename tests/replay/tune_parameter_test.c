#include "replay/tune_parameter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/tune_figure.h"
#include "tests/ranker/weights_text.h"
#include "tests/test.h"

static const char file[] = "# ours\n"
                           "version: old   # of May\n"
                           "value:\n"
                           "  like: 8   # tuned\n"
                           "  skip: -2\n"
                           "  share: 0\n"
                           "  negative_offset: 0.2\n"
                           "multipliers: {quality: 0.5, seen_before: -0.6, source: 0}\n"
                           "locales:\n"
                           "  hi-IN: {value: {like: 4}}\n";

static struct tune_parameter accept(const char *text)
{
    struct weights *weights = weights_accept(file);
    struct tune_parameter parameter;
    struct problem problem = {""};
    enum status status = tune_parameter_parse(text, weights, &parameter, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    weights_unref(weights);
    return parameter;
}

static void refuse(const char *text, const char *why)
{
    struct weights *weights = weights_accept(file);
    struct tune_parameter parameter;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, tune_parameter_parse(text, weights, &parameter, &problem));
    if (strstr(problem.text, why) == NULL) {
        CHECK_STR(why, problem.text);
    }
    weights_unref(weights);
}

static void numbers_have_bounds_and_a_start(void)
{
    struct tune_parameter like = accept("value.like=0:8");
    CHECK_STR("value.like", like.path);
    CHECK(like.low == 0 && like.high == 8 && like.start == 8);
    CHECK_EQ(TUNE_RESCORES, like.cost);
    CHECK_EQ(TUNE_LINEAR, like.scale);
    struct tune_parameter here = accept("locales.hi-IN.value.like=1:10");
    CHECK(here.start == 4);
    CHECK_EQ(TUNE_RATIOS, here.scale);
}

static void costs_follow_from_the_place(void)
{
    CHECK_EQ(TUNE_RESCORES, accept("multipliers.freshness=-1:3").cost);
    CHECK_EQ(TUNE_RESCORES, accept("slate.creator_decay=0.2:1").cost);
    CHECK_EQ(TUNE_RANKS, accept("features.fatigue_half_life=1h:2d").cost);
    CHECK_EQ(TUNE_RANKS, accept("features.affinity.creator=0:2").cost);
    CHECK_EQ(TUNE_RANKS, accept("heads.like.prior=0.001:0.1").cost);
    CHECK_EQ(TUNE_REORDERS, accept("slate.diversity=0:0.5").cost);
    CHECK_EQ(TUNE_REORDERS, accept("policy.seen_within=1d:30d").cost);
}

/* Those that decide when a view, a video's age or a glance counts half. */
static void every_half_life_can_be_searched(void)
{
    CHECK(accept("features.rate_half_life=30m:14d").start == 14 * 86400e3);
    CHECK(accept("features.popularity_half_life=30m:1d").start == 86400e3);
    CHECK(accept("features.freshness_half_life=12h:14d").start == 3 * 86400e3);
    CHECK(accept("features.fatigue_half_life=10m:30d").start == 6 * 3600e3);
}

static void what_cannot_be_searched_is_refused_with_the_reason(void)
{
    refuse("value.like", "no PATH=LOW:HIGH");
    refuse("", "no PATH=LOW:HIGH");
    refuse("value.like=3", "they are LOW:HIGH");
    refuse("value.like=3:3", "not below the second");
    refuse("value.like=8:0", "not below the second");
    refuse("value.like=0:800", "allowed: -100 to 100");
    refuse("value.like=0:x", "allowed: a number from -100 to 100");
    refuse("value.like=0:nan", "allowed: a number from -100 to 100");
    refuse("value.love=0:8", "\"value.love\" is no number that can be searched");
    refuse("value=0:8", "is no number that can be searched");
    refuse("version=0:8", "is no number that can be searched");
    refuse("heads.like.kind=0:1", "is no number that can be searched");
    refuse("features.rate_scope=global:region", "is no number that can be searched");
    refuse("features.utc_offset_minutes=0:60", "is no number that can be searched");
    refuse("features.freshness_half_life=1:5", "allowed: a duration from 1h to 365d");
    refuse("features.rate_half_life=30m:2d", "allowed: 30m, 1d, 14d");
    refuse("policy.unknown_age=0:18", "what may be shown is not for figures to decide");
    refuse("locales.hi-IN=0:1", "is no number that can be searched");
    refuse("locales.!.value.like=0:1", "is no number that can be searched");
    refuse("experiments.a.arms.b.value.like=0:1", "is no number that can be searched");
    refuse("languages.hi=0:1", "is no number that can be searched");
}

static void values_lie_between_by_difference_or_ratio(void)
{
    struct tune_parameter even = accept("value.like=0:8");
    CHECK(tune_parameter_value(&even, 0.25) == 2);
    CHECK(tune_parameter_value(&even, 0.33333333) == 2.667);
    struct tune_parameter ratio = accept("heads.like.strength=1:100");
    CHECK(tune_parameter_value(&ratio, 0.5) == 10);
    struct tune_parameter below = accept("value.skip=-16:-1");
    CHECK(tune_parameter_value(&below, 0.5) == -4);
    CHECK(tune_parameter_value(&below, 0) == -16 && tune_parameter_value(&below, 1) == -1);
    struct tune_parameter whole = accept("slate.window=1:200");
    CHECK(tune_parameter_value(&whole, 0.5) == 14);
    for (int i = 0; i <= 10; i++) {
        CHECK(fabs(tune_parameter_share(&below, tune_parameter_value(&below, i / 10.0)) -
                   i / 10.0) < 1e-3);
    }
    CHECK(tune_parameter_share(&even, 99) == 1 && tune_parameter_share(&even, -99) == 0);
}

static void durations_stand_as_people_write_them(void)
{
    char text[TUNE_VALUE_SIZE];
    struct tune_parameter fresh = accept("features.freshness_half_life=1h:100d");
    tune_parameter_text(&fresh, tune_parameter_value(&fresh, 0), text);
    CHECK_STR("1h", text);
    tune_parameter_text(&fresh, tune_parameter_value(&fresh, 1), text);
    CHECK_STR("100d", text);
    tune_parameter_text(&fresh, tune_parameter_value(&fresh, 0.5), text);
    CHECK_STR("49h", text); /* sqrt(1 h * 2400 h) = 48.99 h */
    struct tune_parameter rate = accept("features.rate_half_life=30m:14d");
    tune_parameter_text(&rate, tune_parameter_value(&rate, 0.6), text);
    CHECK_STR("1d", text); /* 30 m * 672^0.6 = 24.8 h */
    tune_parameter_text(&rate, tune_parameter_value(&rate, 0.2), text);
    CHECK_STR("30m", text);
    struct tune_parameter narrow = accept("features.rate_half_life=1d:14d");
    CHECK(tune_parameter_value(&narrow, 0) == 86400e3);
    CHECK(tune_parameter_value(&narrow, 1) == 14 * 86400e3);
}

static void unless_told_what_the_file_states_is_searched(void)
{
    struct weights *weights = weights_accept(file);
    struct tune_parameter found[TUNE_PARAMETERS_MAX];
    size_t count;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, tune_parameters_default(text_of(file), weights, found, &count, &problem));
    CHECK_EQ(4, count);
    CHECK_STR("value.like", found[0].path);
    CHECK(found[0].low == 2 && found[0].high == 32);
    CHECK_STR("value.skip", found[1].path);
    CHECK(found[1].low == -8 && found[1].high == -0.5);
    CHECK_STR("multipliers.quality", found[2].path);
    CHECK(found[2].low == 0 && found[2].high == 1.5);
    CHECK_STR("multipliers.seen_before", found[3].path);
    CHECK(found[3].low == -1 && found[3].high == 0);
    weights_unref(weights);
    weights = weights_accept("version: a\n");
    CHECK_EQ(STATUS_INVALID,
             tune_parameters_default(text_of("version: a\n"), weights, found, &count, &problem));
    CHECK(strstr(problem.text, "--search PATH=LOW:HIGH") != NULL);
    weights_unref(weights);
}

static void all_else_of_the_text_stays(void)
{
    struct tune_parameter parameters[] = {accept("value.like=0:8"),
                                          accept("features.fatigue_half_life=1h:2d"),
                                          accept("locales.hi-IN.value.like=1:10")};
    const double values[] = {2.5, 12 * 3600e3, 3};
    char *out;
    size_t size;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, tune_parameters_write(text_of(file), "2024", parameters, 3, values, &out,
                                              &size, &problem));
    CHECK_STR("# ours\n"
              "version: \"2024\"   # of May\n"
              "value:\n"
              "  like: 2.5   # tuned\n"
              "  skip: -2\n"
              "  share: 0\n"
              "  negative_offset: 0.2\n"
              "multipliers: {quality: 0.5, seen_before: -0.6, source: 0}\n"
              "locales:\n"
              "  hi-IN: {value: {like: 3}}\n"
              "features:\n"
              "  fatigue_half_life: 12h\n",
              out);
    free(out);
}

/* ---- guards ---- */

static void guards_are_read(void)
{
    struct tune_guard guard;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, tune_guard_parse("skip_share=0.01", 10, &guard, &problem));
    CHECK(guard.figure == TUNE_SKIP_SHARE && guard.most == 0.01);
    CHECK_EQ(STATUS_OK, tune_guard_parse("ndcg@10=0", 10, &guard, &problem));
    CHECK(guard.figure == (enum tune_figure)METRIC_NDCG_AT && guard.most == 0);
    static const char *const wrong[] = {
        "",           "skip_share",     "skip_share=", "skips=0.1", "skip_share=x", "skip_share=-1",
        "ndcg@5=0.1", "skip_share=nan", "estimate=0.1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_EQ(STATUS_INVALID, tune_guard_parse(wrong[i], 10, &guard, &problem));
    }
}

static void guards_break_in_the_worse_direction_alone(void)
{
    struct tune_figures from = {.language_shares = {0.6, 0.4}};
    struct tune_figures to = {.language_shares = {0.65, 0.3}};
    from.values[TUNE_SKIP_SHARE] = 0.2;
    to.values[TUNE_SKIP_SHARE] = 0.25;
    from.values[METRIC_MAP] = 0.5;
    to.values[METRIC_MAP] = 0.4;
    const struct tune_guard skips = {TUNE_SKIP_SHARE, 0.02};
    const struct tune_guard map = {(enum tune_figure)METRIC_MAP, 0.04};
    const struct tune_guard languages = {TUNE_LANGUAGE_SHARE, 0.02};
    CHECK(fabs(tune_guard_violation(&skips, &from, &to, 2) - 0.03) < 1e-12);
    CHECK(tune_guard_violation(&skips, &to, &from, 2) == 0);
    CHECK(fabs(tune_guard_violation(&map, &from, &to, 2) - 0.06) < 1e-12);
    CHECK(tune_guard_violation(&map, &to, &from, 2) == 0);
    CHECK(fabs(tune_guard_violation(&languages, &from, &to, 2) - 0.08) < 1e-12);
    CHECK(fabs(tune_guard_violation(&languages, &to, &from, 2) - 0.03) < 1e-12);
    to.values[METRIC_MAP] = NAN;
    CHECK(tune_guard_violation(&map, &from, &to, 2) == 0);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(numbers_have_bounds_and_a_start),
        TEST(costs_follow_from_the_place),
        TEST(every_half_life_can_be_searched),
        TEST(what_cannot_be_searched_is_refused_with_the_reason),
        TEST(values_lie_between_by_difference_or_ratio),
        TEST(durations_stand_as_people_write_them),
        TEST(unless_told_what_the_file_states_is_searched),
        TEST(all_else_of_the_text_stays),
        TEST(guards_are_read),
        TEST(guards_break_in_the_worse_direction_alone),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
