#include "replay/counterfactual_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/replay/scene.h"
#include "tests/test.h"

static const int64_t NOW_MS = INT64_C(1700000000000);
static const int64_t WINDOW_MS = 60000;

enum { SERVED, RANDOM, GREEDY, CONTENDERS };

/* Who contends: the log, chance, and weights that put A before B before C. */
struct tried {
    struct scene scene;
    struct weights *weights;
    struct contenders contenders;
    struct counterfactual_options options;
    struct counterfactual_run *run;
    int64_t now_ms;
};

static void begin(struct tried *tried)
{
    *tried = (struct tried){.now_ms = NOW_MS};
    scene_open(&tried->scene);
    tried->weights = scene_weights(SCENE_WEIGHTS("greedy", "10", ""));
    tried->contenders = (struct contenders){
        .items =
            {[SERVED] = {.kind = CONTENDER_SERVED, .name = "served"},
             [RANDOM] = {.kind = CONTENDER_BASELINE, .name = "random", .baseline = BASELINE_RANDOM},
             [GREEDY] = {.kind = CONTENDER_WEIGHTS, .name = "greedy", .weights = tried->weights}},
        .count = CONTENDERS,
        .seed = 1};
    tried->options = (struct counterfactual_options){.contenders = &tried->contenders,
                                                     .reward = LABEL_LIKE,
                                                     .positions = 5,
                                                     .clip = 10,
                                                     .draws = 50,
                                                     .window_ms = WINDOW_MS,
                                                     .share = {1, 1},
                                                     .seed = 1};
}

static void start(struct tried *tried, bool learning)
{
    tried->now_ms = NOW_MS;
    tried->run = counterfactual_run_new(&tried->options, learning);
    CHECK(tried->run != NULL);
}

static void end(struct tried *tried)
{
    weights_unref(tried->weights);
    scene_close(&tried->scene);
}

/* NULL after learning. */
static struct counterfactual_sums *finish(struct tried *tried)
{
    struct counterfactual_sums *sums = NULL;
    CHECK_EQ(STATUS_OK, counterfactual_run_end(tried->run, tried->scene.state, &sums));
    counterfactual_run_free(tried->run);
    return sums;
}

static void tell(struct tried *tried, const struct past_ranking *ranking)
{
    CHECK_EQ(STATUS_OK, counterfactual_run_ranking(tried->run, ranking, tried->scene.state));
}

/* A second after what came before. Rankings are named by their number. */
static void decide(struct tried *tried, uint64_t user, uint64_t number, const uint32_t *served,
                   size_t count, size_t candidates, const double *propensities)
{
    tried->now_ms += 1000;
    struct rank_request request = scene_request(&tried->scene, user, candidates, tried->now_ms);
    struct past_ranking ranking = scene_ranking(&request, number, served, count);
    ranking.propensities = propensities;
    tell(tried, &ranking);
}

static void like_at(struct tried *tried, uint64_t user, uint64_t number, size_t video,
                    int64_t time_ms)
{
    struct signal signal = scene_signal(&tried->scene, user, number, video, SIGNAL_LIKE, time_ms);
    CHECK_EQ(STATUS_OK, counterfactual_run_signal(tried->run, &signal, 0, tried->scene.state));
}

static void like(struct tried *tried, uint64_t user, uint64_t number, size_t video)
{
    like_at(tried, user, number, video, tried->now_ms + 1);
}

static void check_near(double want, double got)
{
    if (!(fabs(want - got) < 1e-12)) {
        fprintf(stderr, "want %.15g, got %.15g\n", want, got);
        abort();
    }
}

static double estimate(struct counterfactual_sums *sums, uint32_t segment, size_t contender,
                       enum estimator estimator)
{
    double columns[OBSERVATION_SUMS];
    tally_totals(sums->observations, segment, observation_column(contender), OBSERVATION_SUMS,
                 columns);
    return estimator_value(estimator, columns);
}

static double slate_estimate(struct counterfactual_sums *sums, size_t contender,
                             enum slate_estimator estimator)
{
    double columns[1 + 2 * SLATE_ESTIMATOR_POSITIONS * WEIGHING_SUMS];
    const struct slate_figure figure = {estimator, sums->positions, 1, sums->positions};
    tally_totals(sums->slates, 0, slate_column(sums, contender), slate_sum_count(sums->positions),
                 columns);
    return slate_value(&figure, columns);
}

static uint32_t position_segment(const struct counterfactual_sums *sums, const char *name)
{
    for (size_t i = 0; i < segments_count(sums->segments); i++) {
        if (segments_dimension(sums->segments, i) == SEGMENT_POSITION &&
            strcmp(segments_name(sums->segments, i), name) == 0) {
            return (uint32_t)i;
        }
    }
    CHECK(false);
    return 0;
}

/* Lists of one: A thrice, of which two were liked, and B twice, of which one was. */
static void walk_five(struct tried *tried)
{
    const double often[] = {0.75};
    const double seldom[] = {0.25};
    const uint32_t a[] = {0};
    const uint32_t b[] = {1};
    decide(tried, 1, 1, a, 1, 2, often);
    like(tried, 1, 1, 0);
    decide(tried, 1, 2, b, 1, 2, seldom);
    decide(tried, 2, 3, b, 1, 2, seldom);
    like(tried, 2, 3, 1);
    decide(tried, 2, 4, a, 1, 2, often);
    decide(tried, 3, 5, a, 1, 2, often);
    like(tried, 3, 5, 0);
}

/*
 * Chance has weights 2/3 for A and 2 for B, the weights 4/3 and 0. The model, of one fold and a
 * prior of a view: (2 + 0.6) / 4 = 0.65 for A, (1 + 0.6) / 3 = 8/15 for B. Chance: IPS (4/3 + 2) /
 * 5, SNIPS the same by 6 / 5, DM (0.65 + 8/15) / 2 = 71/120, and the errors of the model 2/3 * 0.05
 * - 2 * 1/15 = -0.1. The weights: IPS 4/3 * 2 / 5, and 4/3 * 0.05 = 1/15.
 */
static void five_decisions_worked_out_by_hand(void)
{
    struct tried tried;
    begin(&tried);
    tried.options.model = reward_model_new(1, 1);
    CHECK(tried.options.model != NULL);
    start(&tried, true);
    walk_five(&tried);
    CHECK(finish(&tried) == NULL);
    start(&tried, false);
    walk_five(&tried);
    struct counterfactual_sums *sums = finish(&tried);
    CHECK_EQ(5, sums->counts.used);
    CHECK_EQ(5, sums->counts.found);
    CHECK_EQ(0, sums->counts.without_marginal);
    CHECK_EQ(3, sums->counts.by_ranking_id);
    CHECK_EQ(3, tally_users(sums->observations, 0));
    check_near(0.6, estimate(sums, 0, SERVED, ESTIMATOR_IPS));
    check_near(0.6, estimate(sums, 0, SERVED, ESTIMATOR_REPLAY));
    check_near(0.6, estimate(sums, 0, SERVED, ESTIMATOR_SNDR));
    check_near(2.0 / 3, estimate(sums, 0, RANDOM, ESTIMATOR_IPS));
    check_near(5.0 / 9, estimate(sums, 0, RANDOM, ESTIMATOR_SNIPS));
    check_near(71.0 / 120, estimate(sums, 0, RANDOM, ESTIMATOR_DM));
    check_near(71.0 / 120 - 0.02, estimate(sums, 0, RANDOM, ESTIMATOR_DR));
    check_near(71.0 / 120 - 0.1 / 6, estimate(sums, 0, RANDOM, ESTIMATOR_SNDR));
    check_near(8.0 / 15, estimate(sums, 0, GREEDY, ESTIMATOR_IPS));
    check_near(2.0 / 3, estimate(sums, 0, GREEDY, ESTIMATOR_SNIPS));
    check_near(2.0 / 3, estimate(sums, 0, GREEDY, ESTIMATOR_REPLAY));
    check_near(0.65, estimate(sums, 0, GREEDY, ESTIMATOR_DM));
    check_near(0.65 + 1.0 / 75, estimate(sums, 0, GREEDY, ESTIMATOR_DR));
    check_near(0.65 + 1.0 / 60, estimate(sums, 0, GREEDY, ESTIMATOR_SNDR));
    CHECK_EQ(3, sums->weights[GREEDY][weight_bin(4.0 / 3)]);
    CHECK_EQ(2, sums->weights[GREEDY][0]);
    counterfactual_sums_free(sums);
    reward_model_free(tried.options.model);
    end(&tried);
}

/*
 * Of A, B, C, nothing being drawn: A, B with two likes, then B, A with one at the second position.
 * Chance has 1/3 at each position, and 1/2 for the second given the first.
 */
static void slates_worked_out_by_hand(void)
{
    struct tried tried;
    begin(&tried);
    start(&tried, false);
    decide(&tried, 1, 1, (const uint32_t[]){0, 1}, 2, 3, NULL);
    like(&tried, 1, 1, 0);
    like(&tried, 1, 1, 1);
    decide(&tried, 2, 2, (const uint32_t[]){1, 0}, 2, 3, NULL);
    like(&tried, 2, 2, 0);
    struct counterfactual_sums *sums = finish(&tried);
    uint32_t second = position_segment(sums, "2");
    double firsts = 0;
    CHECK_EQ(2, sums->counts.slates);
    CHECK_EQ(0, sums->counts.without_marginal);
    check_near(1.5, slate_estimate(sums, SERVED, SLATE_ESTIMATOR_ITEM_POSITION_IPS));
    check_near(1.5, slate_estimate(sums, SERVED, SLATE_ESTIMATOR_SEQUENCE_SNIPS));
    check_near(0.5, slate_estimate(sums, RANDOM, SLATE_ESTIMATOR_ITEM_POSITION_IPS));
    check_near(1.5, slate_estimate(sums, RANDOM, SLATE_ESTIMATOR_ITEM_POSITION_SNIPS));
    check_near(1.0 / 3, slate_estimate(sums, RANDOM, SLATE_ESTIMATOR_SEQUENCE_IPS));
    check_near(1, slate_estimate(sums, GREEDY, SLATE_ESTIMATOR_ITEM_POSITION_IPS));
    check_near(1, slate_estimate(sums, GREEDY, SLATE_ESTIMATOR_SEQUENCE_IPS));
    check_near(1.0 / 3, estimate(sums, second, RANDOM, ESTIMATOR_IPS));
    check_near(0.5, estimate(sums, second, GREEDY, ESTIMATOR_IPS));
    check_near(0.25, estimate(sums, 0, RANDOM, ESTIMATOR_IPS));
    tally_totals(sums->observations, 0, CONTENDERS * OBSERVATION_SUMS, 1, &firsts);
    check_near(2, firsts);
    counterfactual_sums_free(sums);
    end(&tried);
}

/* Of a slate with drawn positions only the first one's marginal is known, and all conditionals. */
static void unknown_marginals_leave_first_positions_and_sequences(void)
{
    struct tried tried;
    double observations = 0;
    begin(&tried);
    start(&tried, false);
    decide(&tried, 1, 1, (const uint32_t[]){0, 1}, 2, 3, (const double[]){0.5, 0.5});
    like(&tried, 1, 1, 0);
    like(&tried, 1, 1, 1);
    struct counterfactual_sums *sums = finish(&tried);
    CHECK_EQ(1, sums->counts.slates);
    CHECK_EQ(1, sums->counts.without_marginal);
    tally_totals(sums->observations, 0, WEIGHING_COUNT, 1, &observations);
    check_near(1, observations);
    check_near(2, estimate(sums, 0, GREEDY, ESTIMATOR_IPS));
    check_near(2 + 4, slate_estimate(sums, GREEDY, SLATE_ESTIMATOR_SEQUENCE_IPS));
    CHECK_EQ(0, tally_unit_count(sums->observations, position_segment(sums, "2")));
    counterfactual_sums_free(sums);
    end(&tried);
}

/* One whose second position is known, with its propensity whoever is above: no slate, one row. */
static void a_part_of_a_slate_is_one_observation(void)
{
    struct tried tried;
    begin(&tried);
    start(&tried, false);
    struct rank_request request = scene_request(&tried.scene, 1, 3, NOW_MS);
    struct past_ranking ranking = scene_ranking(&request, 1, (const uint32_t[]){1}, 1);
    ranking.propensities = (const double[]){0.5};
    ranking.first_position = 2;
    ranking.is_part = true;
    tell(&tried, &ranking);
    like(&tried, 1, 1, 1);
    struct counterfactual_sums *sums = finish(&tried);
    CHECK_EQ(0, sums->counts.slates);
    CHECK_EQ(1, sums->counts.used);
    CHECK_EQ(0, tally_unit_count(sums->slates, 0));
    check_near(2, estimate(sums, position_segment(sums, "2"), GREEDY, ESTIMATOR_IPS));
    check_near(2.0 / 3, estimate(sums, 0, RANDOM, ESTIMATOR_IPS));
    counterfactual_sums_free(sums);
    end(&tried);
}

static void what_comes_after_the_window_earns_nothing(void)
{
    struct tried tried;
    begin(&tried);
    start(&tried, false);
    decide(&tried, 1, 1, (const uint32_t[]){0}, 1, 2, NULL);
    like_at(&tried, 1, 1, 0, tried.now_ms + WINDOW_MS + 1);
    decide(&tried, 2, 2, (const uint32_t[]){0}, 1, 2, NULL);
    like_at(&tried, 2, 2, 0, tried.now_ms + WINDOW_MS);
    struct counterfactual_sums *sums = finish(&tried);
    check_near(0.5, estimate(sums, 0, SERVED, ESTIMATOR_IPS));
    counterfactual_sums_free(sums);
    end(&tried);
}

/* The second decision, long after the first, ends the first one's time without any signal. */
static void time_passes_with_decisions_too(void)
{
    struct tried tried;
    begin(&tried);
    start(&tried, false);
    decide(&tried, 1, 1, (const uint32_t[]){0}, 1, 2, NULL);
    int64_t first_ms = tried.now_ms;
    tried.now_ms += 10 * WINDOW_MS;
    decide(&tried, 2, 2, (const uint32_t[]){0}, 1, 2, NULL);
    like_at(&tried, 1, 1, 0, first_ms + 1); /* too late in the log */
    struct counterfactual_sums *sums = finish(&tried);
    check_near(0, estimate(sums, 0, SERVED, ESTIMATOR_IPS));
    counterfactual_sums_free(sums);
    end(&tried);
}

static void each_visitor_s_ranking_is_a_unit(void)
{
    struct tried tried;
    begin(&tried);
    start(&tried, false);
    for (uint64_t i = 1; i <= 4; i++) {
        decide(&tried, 0, i, (const uint32_t[]){0}, 1, 2, NULL);
        like(&tried, 55, i, 0); /* who asked as a visitor may be known when it likes */
    }
    decide(&tried, 0, 0, (const uint32_t[]){0}, 1, 2, NULL);
    struct counterfactual_sums *sums = finish(&tried);
    CHECK_EQ(5, tally_users(sums->observations, 0));
    check_near(0.8, estimate(sums, 0, SERVED, ESTIMATOR_IPS));
    counterfactual_sums_free(sums);
    end(&tried);
}

static void positions_beyond_those_looked_at_do_not_count(void)
{
    struct tried tried;
    begin(&tried);
    tried.options.positions = 2;
    start(&tried, false);
    decide(&tried, 1, 1, (const uint32_t[]){0, 1, 2}, 3, 4, NULL);
    like(&tried, 1, 1, 0);
    like(&tried, 1, 1, 2);
    struct counterfactual_sums *sums = finish(&tried);
    check_near(0.5, estimate(sums, 0, SERVED, ESTIMATOR_IPS));
    check_near(1, slate_estimate(sums, SERVED, SLATE_ESTIMATOR_SEQUENCE_IPS));
    counterfactual_sums_free(sums);
    end(&tried);
}

static void a_decision_without_a_slate_is_passed_over(void)
{
    struct tried tried;
    begin(&tried);
    start(&tried, false);
    decide(&tried, 1, 1, NULL, 0, 3, NULL);
    struct counterfactual_sums *sums = finish(&tried);
    CHECK_EQ(0, sums->counts.found);
    CHECK_EQ(0, sums->counts.used);
    counterfactual_sums_free(sums);
    end(&tried);
}

/* ---- parts ---- */

static void walk_many(struct tried *tried)
{
    static const uint32_t slates[][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 0}};
    struct random random = {4};
    for (uint64_t i = 1; i <= 200; i++) {
        uint64_t user = random_below(&random, 40) * UINT64_C(0x9e3779b97f4a7c15);
        const uint32_t *slate = slates[random_below(&random, 4)];
        bool drawn = random_chance(&random, 0.5);
        decide(tried, user, i, slate, 2, 4, drawn ? (const double[]){0.4, 0.3} : NULL);
        tried->now_ms += random_below(&random, 20000);
        if (random_chance(&random, 0.5)) {
            like(tried, user, i, slate[random_below(&random, 2)]);
        }
    }
}

static struct counterfactual_sums *run_part(struct tried *tried, uint32_t number, uint32_t count)
{
    tried->options.share = (struct share){number, count};
    start(tried, false);
    walk_many(tried);
    return finish(tried);
}

static char *written(struct counterfactual_sums *sums, size_t *size)
{
    char *bytes = NULL;
    FILE *file = open_memstream(&bytes, size);
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, counterfactual_sums_write(sums, file));
    CHECK_EQ(0, fclose(file));
    return bytes;
}

static void parts_of_the_users_add_up_to_all_bit_for_bit(void)
{
    enum { PARTS = 3 };
    struct tried tried;
    struct problem problem;
    size_t whole_size, merged_size;
    begin(&tried);
    tried.options.model = reward_model_new(4, 2);
    CHECK(tried.options.model != NULL);
    start(&tried, true);
    walk_many(&tried);
    CHECK(finish(&tried) == NULL);
    struct counterfactual_sums *whole = run_part(&tried, 1, 1);
    struct counterfactual_sums *merged = run_part(&tried, 1, PARTS);
    CHECK(merged->counts.used > 0 && merged->counts.used < whole->counts.used);
    for (uint32_t i = 2; i <= PARTS; i++) {
        struct counterfactual_sums *part = run_part(&tried, i, PARTS);
        CHECK_EQ(STATUS_OK, counterfactual_sums_merge(merged, part, &problem));
        counterfactual_sums_free(part);
    }
    char *whole_bytes = written(whole, &whole_size);
    char *merged_bytes = written(merged, &merged_size);
    CHECK_EQ(whole_size, merged_size);
    CHECK(memcmp(whole_bytes, merged_bytes, whole_size) == 0);
    free(whole_bytes);
    free(merged_bytes);
    counterfactual_sums_free(whole);
    counterfactual_sums_free(merged);
    reward_model_free(tried.options.model);
    end(&tried);
}

/* All contenders there may be, each drawing slates, of as many candidates as there may be. */
static void the_largest_decision_fits(void)
{
    enum { DRAWN = 12 };
    static uint64_t keys[LIMIT_CANDIDATES];
    static double scores[LIMIT_CANDIDATES];
    static const double propensities[DRAWN] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5,
                                               0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
    uint32_t served[DRAWN];
    struct tried tried;
    begin(&tried);
    struct weights *weights = scene_weights(SCENE_WEIGHTS(
        "all", "10",
        "slate: {explore: plackett_luce, explore_temperature: 0.2, explore_positions: 12, "
        "creator_cap: 2, category_cap: 3, local_share: 0.2, new_video_every: 5, diversity: "
        "0.3}\n"));
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        struct event event = {.kind = EVENT_VIDEO,
                              .u.video = {.key = 1000 + i, .safety = SAFETY_LOW}};
        CHECK_EQ(STATUS_OK, state_apply(tried.scene.state, ++tried.scene.sequence, &event));
        keys[i] = 1000 + i;
        scores[i] = 1.0 / (1 + (double)i);
    }
    for (uint32_t i = 0; i < DRAWN; i++) {
        served[i] = i;
    }
    tried.contenders.count = CONTENDERS_MAX;
    for (size_t i = 0; i < CONTENDERS_MAX; i++) {
        tried.contenders.items[i] =
            (struct contender){.kind = CONTENDER_WEIGHTS, .name = "w", .weights = weights};
    }
    tried.options.positions = DRAWN;
    tried.options.draws = 2;
    start(&tried, false);
    struct rank_request request = scene_request(&tried.scene, 1, LIMIT_CANDIDATES, NOW_MS);
    request.keys = keys;
    request.retrieval_scores = scores;
    struct past_ranking ranking = scene_ranking(&request, 1, served, DRAWN);
    ranking.propensities = propensities;
    tell(&tried, &ranking);
    struct counterfactual_sums *sums = finish(&tried);
    CHECK_EQ(1, sums->counts.used);
    counterfactual_sums_free(sums);
    weights_unref(weights);
    end(&tried);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(five_decisions_worked_out_by_hand),
        TEST(slates_worked_out_by_hand),
        TEST(unknown_marginals_leave_first_positions_and_sequences),
        TEST(a_part_of_a_slate_is_one_observation),
        TEST(what_comes_after_the_window_earns_nothing),
        TEST(time_passes_with_decisions_too),
        TEST(each_visitor_s_ranking_is_a_unit),
        TEST(positions_beyond_those_looked_at_do_not_count),
        TEST(a_decision_without_a_slate_is_passed_over),
        TEST(parts_of_the_users_add_up_to_all_bit_for_bit),
        TEST(the_largest_decision_fits),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
