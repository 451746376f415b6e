#include "replay/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "ranker/rank.h"
#include "tests/ranker/weights_text.h"
#include "tests/ranker/world.h"
#include "tests/test.h"

/*
 * A world in which users like what a planted file of weights scores highly, with chance in it, and
 * searches that begin elsewhere.
 */
enum { VIDEOS = 200, RANKINGS = 300, CANDIDATES = 15 };

static const int64_t NOW_MS = INT64_C(1700000000000);

#define FILE_OF(quality, fresh)                                     \
    "version: t\n"                                                  \
    "policy: {unknown_age: 18}\n"                                   \
    "value: {like: 4, skip: -2}\n"                                  \
    "multipliers: {quality: " #quality ", freshness: " #fresh "}\n" \
    "slate: {creator_decay: 1}\n"

static const char planted[] = FILE_OF(3, 0.2);
static const char start[] = FILE_OF(0, 2);

struct setting {
    struct world world;
    struct tune_set *set;
    struct weights *weights;
};

static void put_videos(struct world *world)
{
    for (size_t i = 0; i < VIDEOS; i++) {
        struct video_facts facts = plain_video(i + 1);
        facts.creator_key = 1000 + i;
        facts.languages[0] = i % 2 == 0 ? HINDI : TAMIL;
        facts.quality = (float)(0.1 + 0.9 * next_unit(world));
        facts.published_ms = NOW_MS - (int64_t)(next_random(world) % 7) * 86400000;
        put_video(world, facts);
    }
}

/* Likes go to those whose planted score is in the upper half, nine times of ten. */
static void like(struct world *world, const struct rank_result *result, struct outcome *outcomes)
{
    for (size_t i = 0; i < result->count; i++) {
        bool upper = i < result->count / 2;
        bool likes = next_unit(world) < 0.9 ? upper : !upper;
        outcomes[result->order[i]] = (struct outcome){
            .flags = 1U << OUTCOME_SHOWN | 1U << (likes ? OUTCOME_LIKE : OUTCOME_SKIP)};
    }
}

static void add_ranking(struct setting *setting, const struct model *truth, uint64_t user)
{
    uint64_t keys[CANDIDATES];
    struct outcome outcomes[CANDIDATES];
    for (size_t i = 0; i < CANDIDATES; i++) {
        keys[i] = 1 + (next_random(&setting->world) + i * (VIDEOS / CANDIDATES)) % VIDEOS;
    }
    struct rank_request request = {.user_key = user,
                                   .locale = {.language = HINDI, .region = INDIA},
                                   .age_years = 30,
                                   .keys = keys,
                                   .count = CANDIDATES,
                                   .now_ms = NOW_MS};
    setting->world.model = *truth;
    struct rank_result result = run(&setting->world, &request);
    memset(outcomes, 0, sizeof(outcomes));
    like(&setting->world, &result, outcomes);
    struct past_ranking ranking = {.time_ms = NOW_MS,
                                   .user_key = user,
                                   .request = &request,
                                   .first_position = 1,
                                   .outcomes = outcomes};
    CHECK_EQ(STATUS_OK, tune_set_ranking(setting->set, &ranking, setting->world.state));
}

static struct setting new_setting(const char *yaml)
{
    struct setting setting = {.world = world_of(worthless_model()),
                              .weights = weights_accept(yaml)};
    struct weights *truth = weights_accept(planted);
    const struct tune_set_options options = {.weights = setting.weights,
                                             .label = LABEL_LIKE,
                                             .k = 5,
                                             .window_ms = 1000,
                                             .bytes = 64 << 20};
    put_videos(&setting.world);
    setting.set = tune_set_new(&options);
    CHECK(setting.set != NULL);
    for (uint64_t i = 0; i < RANKINGS; i++) {
        add_ranking(&setting, weights_model_of(truth, "hi-IN"), 1 + i % 50);
    }
    CHECK_EQ(STATUS_OK, tune_set_end(setting.set, setting.world.state));
    weights_unref(truth);
    return setting;
}

static void end_setting(struct setting *setting)
{
    tune_set_free(setting->set);
    weights_unref(setting->weights);
    end_world(&setting->world);
}

static enum status parse(void *context, struct text yaml, struct weights **out,
                         struct problem *problem)
{
    struct weights_problems problems;
    (void)context;
    enum status status = weights_parse(yaml, out, &problems);
    if (status == STATUS_INVALID) {
        problem_set(problem, "%s", problems.items[0].message);
    }
    return status;
}

static const struct tune_parameter parameters[] = {{"multipliers.quality", 0, 5},
                                                   {"multipliers.freshness", 0, 3}};

static struct tune_options options_of(const char *yaml)
{
    return (struct tune_options){.yaml = text_of(yaml),
                                 .parameters = parameters,
                                 .parameter_count = 2,
                                 .objective = TUNE_NDCG,
                                 .evaluations = 150,
                                 .seed = 1,
                                 .parse = parse};
}

static struct tune_result search(const struct setting *setting, const struct tune_options *options)
{
    struct tune_result result;
    struct problem problem = {""};
    enum status status = tune_search(setting->set, options, &result, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return result;
}

static double planted_figure(const struct setting *setting)
{
    struct tune_figures figures;
    struct weights *truth = weights_accept(planted);
    tune_set_measure(setting->set, truth, &figures);
    weights_unref(truth);
    return figures.ndcg;
}

static void search_finds_what_was_planted(void)
{
    struct setting setting = new_setting(start);
    struct tune_options options = options_of(start);
    struct tune_result result = search(&setting, &options);
    CHECK(result.best < result.trial_count);
    const struct tune_trial *best = &result.trials[result.best];
    CHECK(best->objective > result.base.objective + 0.05);
    CHECK(best->objective >= planted_figure(&setting) - 0.005);
    CHECK(best->values[0] >= 0 && best->values[0] <= 5);
    CHECK(best->values[1] >= 0 && best->values[1] <= 3);
    struct weights *weights;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK,
             parse(NULL, (struct text){result.yaml, result.yaml_size}, &weights, &problem));
    struct tune_figures figures;
    tune_set_measure(setting.set, weights, &figures);
    CHECK(memcmp(&figures.ndcg, &best->figures.ndcg, sizeof(double)) == 0);
    weights_unref(weights);
    tune_result_release(&result);
    end_setting(&setting);
}

static void same_seed_tries_the_same(void)
{
    struct setting setting = new_setting(start);
    struct tune_options options = options_of(start);
    struct tune_result first = search(&setting, &options);
    struct tune_result second = search(&setting, &options);
    CHECK_EQ(first.trial_count, second.trial_count);
    for (size_t i = 0; i < first.trial_count; i++) {
        CHECK(memcmp(first.trials[i].values, second.trials[i].values, 2 * sizeof(double)) == 0);
    }
    CHECK_STR(first.yaml, second.yaml);
    tune_result_release(&first);
    tune_result_release(&second);
    end_setting(&setting);
}

static void guards_hold(void)
{
    struct setting setting = new_setting(start);
    const struct tune_guard guards[] = {{TUNE_LANGUAGE_SHARE, 0.01}, {TUNE_SKIP_SHARE, 0}};
    struct tune_options options = options_of(start);
    options.guards = guards;
    options.guard_count = 2;
    struct tune_result result = search(&setting, &options);
    CHECK_EQ(2, tune_set_language_count(setting.set));
    for (size_t i = 0; i < result.trial_count; i++) {
        const struct tune_trial *trial = &result.trials[i];
        bool worse = trial->figures.skip_share > result.base.figures.skip_share;
        for (size_t at = 0; at < 2; at++) {
            worse = worse || trial->figures.language_shares[at] <
                                 result.base.figures.language_shares[at] - 0.01;
        }
        CHECK_EQ(worse, trial->violation > 0);
    }
    if (result.best < result.trial_count) {
        CHECK(result.trials[result.best].violation <= 0);
    }
    tune_result_release(&result);
    end_setting(&setting);
}

/* What is best already cannot be bettered, and then there is no file. */
static void nothing_better_leaves_no_file(void)
{
    static const struct tune_parameter worse[] = {{"multipliers.quality", -1, -0.9}};
    struct setting setting = new_setting(planted);
    struct tune_options options = options_of(planted);
    options.parameters = worse;
    options.parameter_count = 1;
    options.evaluations = 20;
    struct tune_result result = search(&setting, &options);
    CHECK_EQ(result.trial_count, result.best);
    CHECK(result.yaml == NULL);
    tune_result_release(&result);
    end_setting(&setting);
}

/* Values that a weights file refuses are tried, count as the worst, and end nothing. */
static void values_that_a_file_refuses_are_no_answer(void)
{
    static const struct tune_parameter beyond[] = {{"multipliers.quality", 0, 40}};
    struct setting setting = new_setting(start);
    struct tune_options options = options_of(start);
    options.parameters = beyond;
    options.parameter_count = 1;
    options.evaluations = 60;
    struct tune_result result = search(&setting, &options);
    bool refused = false;
    for (size_t i = 0; i < result.trial_count; i++) {
        refused = refused || isnan(result.trials[i].objective);
    }
    CHECK(refused);
    CHECK(result.best < result.trial_count);
    CHECK(result.trials[result.best].values[0] <= 10);
    tune_result_release(&result);
    end_setting(&setting);
}

static bool stop_at_ten(void *context, const struct tune_trial *trial, size_t number)
{
    (void)context;
    (void)trial;
    return number < 10;
}

static void stopping_keeps_what_was_tried(void)
{
    struct setting setting = new_setting(start);
    struct tune_options options = options_of(start);
    options.go_on = stop_at_ten;
    struct tune_result result = search(&setting, &options);
    CHECK(result.stopped);
    CHECK_EQ(10, result.trial_count);
    tune_result_release(&result);
    end_setting(&setting);
}

static void only_some_numbers_can_be_searched(void)
{
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, tune_check("value.like", &problem));
    CHECK_EQ(STATUS_OK, tune_check("slate.creator_decay", &problem));
    CHECK_EQ(STATUS_INVALID, tune_check("features.rate_half_life", &problem));
    CHECK_EQ(STATUS_INVALID, tune_check("value", &problem));
    CHECK_EQ(STATUS_INVALID, tune_check("heads.like.prior", &problem));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(search_finds_what_was_planted),
        TEST(same_seed_tries_the_same),
        TEST(guards_hold),
        TEST(nothing_better_leaves_no_file),
        TEST(values_that_a_file_refuses_are_no_answer),
        TEST(stopping_keeps_what_was_tried),
        TEST(only_some_numbers_can_be_searched),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
