#include "replay/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/rank.h"
#include "tests/ranker/weights_text.h"
#include "tests/ranker/world.h"
#include "tests/test.h"

/*
 * A world in which users like what a planted file of weights scores highly, with chance in it, and
 * searches that begin elsewhere. A walk tells a new set of the same rankings.
 */
enum { VIDEOS = 200, RANKINGS = 300, CANDIDATES = 15, SEEN = 3, K = 5 };

static const int64_t NOW_MS = INT64_C(1700000000000);
static const int64_t DAY_MS = 86400000;

#define FILE_OF(quality, fresh, half_life)                          \
    "version: t\n"                                                  \
    "features: {freshness_half_life: " half_life "}\n"              \
    "policy: {unknown_age: 18}\n"                                   \
    "value: {like: 4, skip: -2}\n"                                  \
    "multipliers: {quality: " #quality ", freshness: " #fresh "}\n" \
    "slate: {creator_decay: 1}\n"

static const char planted[] = FILE_OF(3, 0.2, "3d");
static const char start[] = FILE_OF(0, 2, "3d");

struct told {
    uint64_t keys[CANDIDATES];
    struct outcome outcomes[CANDIDATES];
};

struct setting {
    struct world world;
    struct told *told; /* RANKINGS */
    struct weights *start;
    struct tune_set *set; /* of the last walk */
    size_t walks;
    size_t end_in; /* a walk that does not come to its end; 0: none */
    bool refuses;  /* estimates of what likes fresh videos */
    bool exclude_seen;
};

static void put_videos(struct world *world)
{
    for (size_t i = 0; i < VIDEOS; i++) {
        struct video_facts facts = plain_video(i + 1);
        facts.creator_key = 1000 + i;
        facts.languages[0] = i % 2 == 0 ? HINDI : TAMIL;
        facts.quality = (float)(0.1 + 0.9 * next_unit(world));
        facts.published_ms = NOW_MS - (int64_t)(next_unit(world) * 7 * (double)DAY_MS);
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
            .flags = 1U << OUTCOME_SHOWN | 1U << (likes ? OUTCOME_LIKE : OUTCOME_SKIP),
            .watch_ms = likes ? 20000 : 1000,
            .duration_ms = 20000};
    }
}

static struct rank_request request_of(const uint64_t *keys, uint64_t user)
{
    return (struct rank_request){.user_key = user,
                                 .locale = {.language = HINDI, .region = INDIA},
                                 .age_years = 30,
                                 .keys = keys,
                                 .count = CANDIDATES,
                                 .now_ms = NOW_MS};
}

static void make_ranking(struct setting *setting, const struct model *truth, size_t at)
{
    struct told *told = &setting->told[at];
    for (size_t i = 0; i < CANDIDATES; i++) {
        told->keys[i] = 1 + (next_random(&setting->world) + i * (VIDEOS / CANDIDATES)) % VIDEOS;
    }
    struct rank_request request = request_of(told->keys, 1 + at % 50);
    setting->world.model = *truth;
    struct rank_result result = run(&setting->world, &request);
    like(&setting->world, &result, told->outcomes);
}

static struct setting new_setting(const char *truth_yaml, const char *yaml)
{
    struct setting setting = {.world = world_of(worthless_model()),
                              .told = calloc(RANKINGS, sizeof(*setting.told)),
                              .start = weights_accept(yaml)};
    struct weights *truth = weights_accept(truth_yaml);
    put_videos(&setting.world);
    for (size_t i = 0; i < RANKINGS; i++) {
        make_ranking(&setting, weights_model_of(truth, "hi-IN"), i);
    }
    weights_unref(truth);
    return setting;
}

static void end_setting(struct setting *setting)
{
    tune_set_free(setting->set);
    weights_unref(setting->start);
    free(setting->told);
    end_world(&setting->world);
}

static struct tune_set_options set_options(const struct setting *setting, struct weights *weights)
{
    return (struct tune_set_options){.weights = weights,
                                     .reference = setting->start,
                                     .label = LABEL_LIKE,
                                     .k = K,
                                     .window_ms = 1000,
                                     .until_ms = INT64_MAX,
                                     .bytes = 64 << 20,
                                     .scores = true};
}

/* Times are a second apart, from NOW_MS on; the state is one. */
static void tell_rankings(struct setting *setting, struct tune_set *set)
{
    for (size_t i = 0; i < RANKINGS; i++) {
        struct told *told = &setting->told[i];
        struct rank_request request = request_of(told->keys, 1 + i % 50);
        request.exclude_seen = setting->exclude_seen;
        struct past_ranking ranking = {.time_ms = NOW_MS + (int64_t)i * 1000,
                                       .user_key = request.user_key,
                                       .request = &request,
                                       .first_position = 1,
                                       .outcomes = told->outcomes};
        CHECK_EQ(STATUS_OK, tune_set_ranking(set, &ranking, setting->world.state));
    }
    CHECK_EQ(STATUS_OK, tune_set_end(set, setting->world.state));
}

static struct tune_set *new_set(struct setting *setting, const struct tune_set_options *options)
{
    struct tune_set *set = tune_set_new(options);
    CHECK(set != NULL);
    tell_rankings(setting, set);
    return set;
}

/* The estimate is that freshness is good, but for what is told to have no support. */
static enum status walk(void *context, struct weights *weights, struct tune_walk *out,
                        struct problem *problem)
{
    struct setting *setting = context;
    const struct tune_set_options options = set_options(setting, weights);
    (void)problem;
    if (++setting->walks == setting->end_in) {
        return STATUS_UNAVAILABLE;
    }
    tune_set_free(setting->set);
    setting->set = new_set(setting, &options);
    double fresh = weights_model_of(weights, "hi-IN")->multipliers[MULTIPLIER_FRESHNESS];
    bool refused = setting->refuses && fresh > 1;
    *out = (struct tune_walk){.set = setting->set, .estimate = refused ? NAN : fresh};
    snprintf(out->refused, sizeof(out->refused), "%s", refused ? "poor" : "");
    return STATUS_OK;
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

/* A search, its parameters in the options' own order. */
struct searching {
    struct tune_parameter parameters[4];
    struct tune_options options;
};

static void begin(struct searching *out, struct setting *setting, const char *yaml,
                  const char *const *texts, size_t count)
{
    struct problem problem = {""};
    for (size_t i = 0; i < count; i++) {
        enum status status =
            tune_parameter_parse(texts[i], setting->start, &out->parameters[i], &problem);
        CHECK_STR("", problem.text);
        CHECK_EQ(STATUS_OK, status);
    }
    out->options = (struct tune_options){.yaml = text_of(yaml),
                                         .parameters = out->parameters,
                                         .parameter_count = count,
                                         .objective = (enum tune_figure)METRIC_NDCG_AT,
                                         .trials = 150,
                                         .walks = 12,
                                         .seed = 1,
                                         .parse = parse,
                                         .walk = walk,
                                         .context = setting};
}

static const char *const usual[] = {"multipliers.quality=0:5", "multipliers.freshness=0:3"};

static struct tune_result search(const struct tune_options *options)
{
    struct tune_result result;
    struct problem problem = {""};
    enum status status = tune_search(options, &result, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return result;
}

static const struct tune_trial *best_of(const struct tune_result *result)
{
    CHECK(result->best < result->trial_count);
    return &result->trials[result->best];
}

static double ndcg_of(const struct tune_figures *figures)
{
    return figures->values[METRIC_NDCG_AT];
}

static double planted_figure(struct setting *setting, const char *yaml)
{
    struct tune_figures figures;
    struct weights *truth = weights_accept(yaml);
    const struct tune_set_options options = set_options(setting, truth);
    struct tune_set *set = new_set(setting, &options);
    tune_set_measure(set, NULL, &figures);
    tune_set_free(set);
    weights_unref(truth);
    return ndcg_of(&figures);
}

static void search_finds_what_was_planted(void)
{
    struct setting setting = new_setting(planted, start);
    struct searching searching;
    begin(&searching, &setting, start, usual, 2);
    struct tune_result result = search(&searching.options);
    const struct tune_trial *best = best_of(&result);
    CHECK(best->objective > result.start.objective + 0.05);
    CHECK(best->objective >= planted_figure(&setting, planted) - 0.005);
    for (size_t i = 0; i < result.trial_count; i++) {
        const struct tune_trial *trial = &result.trials[i];
        CHECK(trial->values[0] >= 0 && trial->values[0] <= 5);
        CHECK(trial->values[1] >= 0 && trial->values[1] <= 3);
    }
    CHECK_EQ(1, result.walks);
    CHECK_EQ(1, setting.walks);
    CHECK_EQ(2, result.memory_count);
    tune_result_release(&result);
    end_setting(&setting);
}

/* What is rescored in memory is what the server would make of the file that is written. */
static void figures_of_the_best_are_those_of_its_file(void)
{
    struct setting setting = new_setting(planted, start);
    struct searching searching;
    begin(&searching, &setting, start, usual, 2);
    struct tune_result result = search(&searching.options);
    const struct tune_trial *best = best_of(&result);
    char *yaml;
    size_t size;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, tune_parameters_write(text_of(start), "new", searching.parameters, 2,
                                              best->values, &yaml, &size, &problem));
    double figure = planted_figure(&setting, yaml);
    double found = ndcg_of(&best->figures);
    CHECK(memcmp(&figure, &found, sizeof(figure)) == 0);
    free(yaml);
    tune_result_release(&result);
    end_setting(&setting);
}

static void same_seed_tries_the_same(void)
{
    static const char *const both[] = {"multipliers.quality=0:5",
                                       "features.freshness_half_life=1h:14d"};
    struct setting setting = new_setting(planted, start);
    struct searching searching;
    begin(&searching, &setting, start, both, 2);
    struct tune_result first = search(&searching.options);
    struct tune_result second = search(&searching.options);
    CHECK_EQ(first.trial_count, second.trial_count);
    CHECK_EQ(first.best, second.best);
    for (size_t i = 0; i < first.trial_count; i++) {
        CHECK(memcmp(first.trials[i].values, second.trials[i].values, 2 * sizeof(double)) == 0);
    }
    tune_result_release(&first);
    tune_result_release(&second);
    end_setting(&setting);
}

static void guards_hold(void)
{
    struct setting setting = new_setting(planted, start);
    const struct tune_guard guards[] = {{TUNE_LANGUAGE_SHARE, 0.01}, {TUNE_SKIP_SHARE, 0}};
    struct searching searching;
    begin(&searching, &setting, start, usual, 2);
    searching.options.guards = guards;
    searching.options.guard_count = 2;
    struct tune_result result = search(&searching.options);
    size_t broken = 0;
    CHECK_EQ(2, tune_set_language_count(setting.set));
    for (size_t i = 0; i < result.trial_count; i++) {
        const struct tune_figures *trial = &result.trials[i].figures;
        const struct tune_figures *from = &result.start.figures;
        bool worse = trial->values[TUNE_SKIP_SHARE] > from->values[TUNE_SKIP_SHARE];
        for (size_t at = 0; at < 2; at++) {
            worse = worse || trial->language_shares[at] < from->language_shares[at] - 0.01;
        }
        CHECK_EQ(worse, result.trials[i].violation > 0);
        broken += worse;
    }
    CHECK(broken > 0);
    CHECK(best_of(&result)->violation <= 0);
    tune_result_release(&result);
    end_setting(&setting);
}

/* What is best already cannot be bettered. */
static void nothing_better_is_no_answer(void)
{
    static const char *const worse[] = {"multipliers.quality=-1:-0.9"};
    struct setting setting = new_setting(planted, planted);
    struct searching searching;
    begin(&searching, &setting, planted, worse, 1);
    searching.options.trials = 20;
    struct tune_result result = search(&searching.options);
    CHECK_EQ(result.trial_count, result.best);
    tune_result_release(&result);
    end_setting(&setting);
}

/* Scores that could leave exact arithmetic: the file refuses what its bounds allow. */
static void values_that_a_file_refuses_are_no_answer(void)
{
    static const char *const beyond[] = {"multipliers.quality=0:10", "multipliers.freshness=0:10",
                                         "multipliers.popularity=0:10"};
    static const char high[] = "version: t\npolicy: {unknown_age: 18}\nvalue: {like: 100}\n"
                               "multipliers: {quality: 0, freshness: 2, local_creator: 5}\n"
                               "slate: {creator_decay: 1}\n";
    struct setting setting = new_setting(planted, high);
    struct searching searching;
    begin(&searching, &setting, high, beyond, 3);
    struct tune_result result = search(&searching.options);
    bool refused = false;
    for (size_t i = 0; i < result.trial_count; i++) {
        bool is_refused = isnan(result.trials[i].objective);
        CHECK_EQ(is_refused, result.trials[i].refused[0] != '\0');
        refused = refused || is_refused;
    }
    CHECK(refused);
    CHECK(!isnan(best_of(&result)->objective));
    tune_result_release(&result);
    end_setting(&setting);
}

static bool stop_at_ten(void *context, const struct tune_trial *trial,
                        const struct tune_trial *best)
{
    static size_t count;
    (void)context;
    (void)trial;
    (void)best;
    return ++count < 11; /* the start among them */
}

static void stopping_keeps_what_was_tried(void)
{
    struct setting setting = new_setting(planted, start);
    struct searching searching;
    begin(&searching, &setting, start, usual, 2);
    searching.options.go_on = stop_at_ten;
    struct tune_result result = search(&searching.options);
    CHECK(result.stopped);
    CHECK_EQ(10, result.trial_count);
    tune_result_release(&result);
    end_setting(&setting);
}

/* ---- by walks ---- */

static const char short_lived[] = FILE_OF(3, 9, "1d");
static const char long_lived[] = FILE_OF(3, 9, "90d");

static void half_life_that_was_planted_is_found(void)
{
    static const char *const half_life[] = {"features.freshness_half_life=1h:90d"};
    struct setting setting = new_setting(short_lived, long_lived);
    struct searching searching;
    begin(&searching, &setting, long_lived, half_life, 1);
    struct tune_result result = search(&searching.options);
    const struct tune_trial *best = best_of(&result);
    CHECK(best->objective > result.start.objective + 0.02);
    CHECK(best->objective >= planted_figure(&setting, short_lived) - 0.01);
    CHECK(best->values[0] > 6 * 3600e3);
    CHECK(best->values[0] < 4 * 86400e3);
    CHECK_EQ(setting.walks, result.walks);
    CHECK(result.walks <= 13);
    CHECK_EQ(0, result.memory_count);
    tune_result_release(&result);
    end_setting(&setting);
}

static void half_life_and_multiplier_are_found_together(void)
{
    static const char *const both[] = {"multipliers.freshness=0:10",
                                       "features.freshness_half_life=1h:90d"};
    static const char weak[] = FILE_OF(3, 0.1, "90d");
    struct setting setting = new_setting(short_lived, weak);
    struct searching searching;
    begin(&searching, &setting, weak, both, 2);
    struct tune_result result = search(&searching.options);
    const struct tune_trial *best = best_of(&result);
    CHECK(best->objective >= planted_figure(&setting, short_lived) - 0.01);
    CHECK(best->values[1] < 7 * 86400e3);
    CHECK_EQ(1, result.memory_count);
    CHECK_EQ(setting.walks, result.walks);
    CHECK(result.walks <= 13);
    CHECK(result.trial_count > 150);
    for (size_t i = 0; i < result.trial_count; i++) {
        CHECK(result.trials[i].walk < result.walks);
    }
    tune_result_release(&result);
    end_setting(&setting);
}

/* Three half-lives are all there are: each is walked once at most. */
static void half_lives_of_statistics_are_walked_once_each(void)
{
    static const char *const choice[] = {"features.rate_half_life=30m:14d"};
    struct setting setting = new_setting(planted, start);
    struct searching searching;
    begin(&searching, &setting, start, choice, 1);
    struct tune_result result = search(&searching.options);
    CHECK(result.walks <= 3);
    for (size_t i = 0; i < result.trial_count; i++) {
        double ms = result.trials[i].values[0];
        CHECK(ms == 30 * 60e3 || ms == 86400e3);
    }
    tune_result_release(&result);
    end_setting(&setting);
}

static void walk_that_is_ended_leaves_the_best_so_far(void)
{
    static const char *const half_life[] = {"features.freshness_half_life=1h:90d"};
    struct setting setting = new_setting(short_lived, long_lived);
    struct searching searching;
    begin(&searching, &setting, long_lived, half_life, 1);
    setting.end_in = 6;
    struct tune_result result = search(&searching.options);
    CHECK(result.stopped);
    CHECK_EQ(4, result.trial_count);
    CHECK_EQ(5, result.walks);
    tune_result_release(&result);
    setting.end_in = setting.walks + 1;
    struct problem problem = {""};
    CHECK_EQ(STATUS_UNAVAILABLE, tune_search(&searching.options, &result, &problem));
    end_setting(&setting);
}

/* The more freshness, the better the estimate says, and from 1 on it has no support. */
static void estimate_without_support_never_wins(void)
{
    static const char *const fresh[] = {"multipliers.freshness=0:3"};
    static const char half[] = FILE_OF(0, 0.5, "3d");
    struct setting setting = new_setting(planted, half);
    struct searching searching;
    begin(&searching, &setting, half, fresh, 1);
    setting.refuses = true;
    searching.options.walked = true;
    searching.options.objective = TUNE_ESTIMATE;
    struct tune_result result = search(&searching.options);
    size_t refused = 0;
    for (size_t i = 0; i < result.trial_count; i++) {
        const struct tune_trial *trial = &result.trials[i];
        CHECK_EQ(trial->values[0] > 1, isnan(trial->objective));
        CHECK_STR(trial->values[0] > 1 ? "poor" : "", trial->refused);
        refused += trial->values[0] > 1;
    }
    CHECK(refused > 0);
    CHECK(best_of(&result)->values[0] > 0.5);
    CHECK(best_of(&result)->values[0] <= 1);
    tune_result_release(&result);
    end_setting(&setting);
}

/* ---- policy ---- */

/* Each user saw the first videos of each of its rankings ten days ago. */
static void show_ten_days_ago(struct setting *setting)
{
    for (size_t i = 0; i < RANKINGS; i++) {
        for (size_t j = 0; j < SEEN; j++) {
            send_signal(&setting->world, (struct signal){.user_key = 1 + i % 50,
                                                         .video_key = setting->told[i].keys[j],
                                                         .type = SIGNAL_IMPRESSION,
                                                         .time_ms = NOW_MS - 10 * DAY_MS});
        }
    }
    setting->exclude_seen = true;
}

static void policy_drops_are_guarded(void)
{
    static const char *const seen[] = {"policy.seen_within=0d:30d"};
    const struct tune_guard guard = {TUNE_POLICY_DROPS, 0.01};
    struct setting setting = new_setting(planted, start);
    show_ten_days_ago(&setting);
    struct searching searching;
    begin(&searching, &setting, start, seen, 1);
    searching.options.walked = true;
    searching.options.guards = &guard;
    searching.options.guard_count = 1;
    struct tune_result result = search(&searching.options);
    CHECK(result.start.figures.values[TUNE_POLICY_DROPS] < 0.1); /* repeated candidates */
    size_t broken = 0;
    for (size_t i = 0; i < result.trial_count; i++) {
        const struct tune_trial *trial = &result.trials[i];
        bool drops = trial->values[0] > 10 * (double)DAY_MS;
        CHECK_EQ(drops, trial->violation > 0);
        broken += drops;
    }
    CHECK(broken > 0);
    tune_result_release(&result);
    end_setting(&setting);
}

/* What only the tried weights drop is missing from the list, and counts still. */
static void dropping_what_was_liked_gains_nothing(void)
{
    struct setting setting = new_setting(planted, start);
    show_ten_days_ago(&setting);
    struct weights *strict = weights_accept("version: t\n"
                                            "policy: {unknown_age: 18, seen_within: 30d}\n"
                                            "value: {like: 4, skip: -2}\n"
                                            "multipliers: {quality: 0, freshness: 2}\n"
                                            "slate: {creator_decay: 1}\n");
    struct tune_figures figures[2];
    struct weights *both[] = {setting.start, strict};
    for (size_t i = 0; i < 2; i++) {
        const struct tune_set_options options = set_options(&setting, both[i]);
        struct tune_set *set = new_set(&setting, &options);
        CHECK_EQ(RANKINGS, tune_set_counts(set).rankings);
        tune_set_measure(set, NULL, &figures[i]);
        tune_set_free(set);
    }
    CHECK(figures[1].values[TUNE_POLICY_DROPS] > figures[0].values[TUNE_POLICY_DROPS] + 0.15);
    CHECK(figures[1].values[METRIC_RECALL_AT] < 1);
    CHECK(figures[1].values[METRIC_NDCG] < figures[0].values[METRIC_NDCG]);
    CHECK(figures[1].values[METRIC_MAP] < figures[0].values[METRIC_MAP]);
    weights_unref(strict);
    end_setting(&setting);
}

/* ---- the set ---- */

static void bytes_are_bounded_and_what_is_left_out_is_counted(void)
{
    struct setting setting = new_setting(planted, start);
    struct tune_set_options options = set_options(&setting, setting.start);
    options.bytes = 100 << 10;
    struct tune_set *set = new_set(&setting, &options);
    struct tune_set_counts counts = tune_set_counts(set);
    CHECK(counts.rankings > 0);
    CHECK_EQ(RANKINGS, counts.rankings + counts.left_out);
    CHECK(counts.candidates * 200 < options.bytes);
    tune_set_free(set);
    options.bytes = 0;
    set = new_set(&setting, &options);
    CHECK_EQ(RANKINGS, tune_set_counts(set).left_out);
    struct tune_figures figures;
    tune_set_measure(set, NULL, &figures);
    CHECK(isnan(figures.values[METRIC_NDCG]));
    tune_set_free(set);
    end_setting(&setting);
}

static void time_that_is_not_asked_for_is_passed_over(void)
{
    struct setting setting = new_setting(planted, start);
    struct tune_set_options options = set_options(&setting, setting.start);
    options.from_ms = NOW_MS + 100 * 1000;
    options.until_ms = NOW_MS + 200 * 1000;
    struct tune_set *set = new_set(&setting, &options);
    CHECK_EQ(100, tune_set_counts(set).rankings);
    CHECK_EQ(options.from_ms, tune_set_counts(set).first_ms);
    CHECK_EQ(options.until_ms - 1000, tune_set_counts(set).last_ms);
    tune_set_cut(set, NOW_MS + 150 * 1000);
    CHECK_EQ(50, tune_set_counts(set).rankings);
    tune_set_free(set);
    end_setting(&setting);
}

/* The set's own weights give the same order whether they are asked again or not. */
static void rescored_figures_are_those_as_ranked(void)
{
    struct setting setting = new_setting(planted, start);
    const struct tune_set_options options = set_options(&setting, setting.start);
    struct tune_set *set = new_set(&setting, &options);
    struct tune_figures ranked;
    struct tune_figures rescored;
    tune_set_measure(set, NULL, &ranked);
    tune_set_measure(set, setting.start, &rescored);
    for (size_t i = 0; i < TUNE_ESTIMATE; i++) {
        bool ties = i == METRIC_GAUC || i == METRIC_XAUC; /* places have none, scores may */
        CHECK(!isnan(ranked.values[i]));
        CHECK(fabs(ranked.values[i] - rescored.values[i]) < (ties ? 0.01 : 1e-12));
    }
    tune_set_free(set);
    end_setting(&setting);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(search_finds_what_was_planted),
        TEST(figures_of_the_best_are_those_of_its_file),
        TEST(same_seed_tries_the_same),
        TEST(guards_hold),
        TEST(nothing_better_is_no_answer),
        TEST(values_that_a_file_refuses_are_no_answer),
        TEST(stopping_keeps_what_was_tried),
        TEST(half_life_that_was_planted_is_found),
        TEST(half_life_and_multiplier_are_found_together),
        TEST(half_lives_of_statistics_are_walked_once_each),
        TEST(walk_that_is_ended_leaves_the_best_so_far),
        TEST(estimate_without_support_never_wins),
        TEST(policy_drops_are_guarded),
        TEST(dropping_what_was_liked_gains_nothing),
        TEST(bytes_are_bounded_and_what_is_left_out_is_counted),
        TEST(time_that_is_not_asked_for_is_passed_over),
        TEST(rescored_figures_are_those_as_ranked),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
