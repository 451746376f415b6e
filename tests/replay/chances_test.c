#include "replay/chances.h"

#include <math.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/replay/scene.h"
#include "tests/test.h"

static const int64_t NOW_MS = INT64_C(1700000000000);

#define GREEDY SCENE_WEIGHTS("greedy", "10", "")
#define DRAWING          \
    SCENE_WEIGHTS(       \
        "drawing", "10", \
        "slate: {explore: epsilon_greedy, explore_epsilon: 0.3, explore_positions: 2}\n")
#define PICKING          \
    SCENE_WEIGHTS(       \
        "picking", "10", \
        "slate: {explore: plackett_luce, explore_temperature: 0.2, explore_positions: 2}\n")

enum { CANDIDATES = 3 };

/*
 * Candidates A, B, C, which rank in this order, and what GREEDY's likes drawn with epsilon 0.3 at
 * two positions do with them: the best that is left has 1 - 0.3 more than 0.3 by the number of
 * those left.
 *
 *   first    A 0.8              B 0.1                           C 0.1
 *   second   A 0.2 * 0.85       B 0.8 * 0.85 + 0.1 * 0.15       C 0.8 * 0.15 + 0.1 * 0.15
 *   third    what remains to 1
 */
static const double first_of[CANDIDATES] = {0.8, 0.1, 0.1};
static const double second_of[CANDIDATES] = {0.17, 0.695, 0.135};

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

struct asked {
    struct scene scene;
    struct rank_request request;
    struct past_ranking ranking;
    struct chances_query query;
    struct contenders contenders;
};

static void ask(struct asked *asked, const uint32_t *served, size_t count)
{
    scene_open(&asked->scene);
    asked->request = scene_request(&asked->scene, 7, CANDIDATES, NOW_MS);
    asked->ranking = scene_ranking(&asked->request, 1, served, count);
    asked->query =
        (struct chances_query){.ranking = &asked->ranking, .count = count, .draws = 200, .seed = 1};
    asked->contenders = (struct contenders){.count = 1, .seed = 1};
}

static void contend(struct asked *asked, struct contender contender)
{
    asked->contenders.items[0] = contender;
}

static struct chances logged(struct asked *asked, bool *known)
{
    struct chances out;
    CHECK_EQ(STATUS_OK, chances_logged(&asked->query, asked->scene.state,
                                       scene_arena(&asked->scene), &out, known));
    return out;
}

static struct chances found(struct asked *asked)
{
    bool known;
    struct chances of_log = logged(asked, &known);
    struct chances out;
    CHECK_EQ(STATUS_OK, chances_of(&asked->contenders, 0, &asked->query, &of_log,
                                   asked->scene.state, scene_arena(&asked->scene), &out));
    return out;
}

static struct contender baseline(enum baseline baseline)
{
    return (struct contender){.kind = CONTENDER_BASELINE, .name = "b", .baseline = baseline};
}

static struct contender by_weights(const struct weights *weights)
{
    return (struct contender){.kind = CONTENDER_WEIGHTS, .name = "w", .weights = weights};
}

static void check_three(const double *want, const double *got)
{
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (!near(want[i], got[i])) {
            fprintf(stderr, "%zu: want %g, got %g\n", i, want[i], got[i]);
            abort();
        }
    }
}

/* ---- the log ---- */

static void a_log_that_drew_nothing_was_certain(void)
{
    struct asked asked;
    bool known;
    ask(&asked, (const uint32_t[]){2, 0, 1}, 3);
    asked.query.values = (const double[]){0.5, 0.25, 0.125};
    struct chances chances = logged(&asked, &known);
    CHECK(known);
    check_three((const double[]){1, 1, 1}, chances.conditional);
    check_three((const double[]){1, 1, 1}, chances.marginal);
    check_three((const double[]){0.125, 0.5, 0.25}, chances.expected);
    CHECK(chances.matched[0] && chances.matched[1] && chances.matched[2]);
    scene_close(&asked.scene);
}

static void drawn_positions_behind_the_first_need_the_weights(void)
{
    struct asked asked;
    bool known;
    ask(&asked, (const uint32_t[]){2, 0, 1}, 3);
    asked.ranking.propensities = (const double[]){0.1, 0.85, 1};
    struct chances chances = logged(&asked, &known);
    CHECK(!known);
    check_three((const double[]){0.1, 0.85, 1}, chances.conditional);
    CHECK(near(0.1, chances.marginal[0]));
    asked.query.count = 1;
    (void)logged(&asked, &known);
    CHECK(known);
    scene_close(&asked.scene);
}

/* 200 slates tell a marginal to 0.03, and what was served counts as one more. */
static void weights_that_made_the_log_tell_its_marginals(void)
{
    struct asked asked;
    bool known;
    struct weights *weights = scene_weights(DRAWING);
    ask(&asked, (const uint32_t[]){2, 0, 1}, 3);
    asked.ranking.propensities = (const double[]){0.1, 0.85, 1};
    asked.query.logging = weights;
    asked.query.draws = 20000;
    struct chances chances = logged(&asked, &known);
    CHECK(known);
    check_three((const double[]){0.1, 0.85, 1}, chances.conditional);
    CHECK(near(0.1, chances.marginal[0]));
    CHECK(fabs(second_of[0] - chances.marginal[1]) < 0.01);
    CHECK(fabs(1 - first_of[1] - second_of[1] - chances.marginal[2]) < 0.01);
    weights_unref(weights);
    scene_close(&asked.scene);
}

/*
 * With 2 draws, B at the second position has 0.85 or 0.15 in each, so the marginal is one of
 * (0.85 a + 0.15 (3 - a)) / 3, of which the served slate, with A above it, is one of 0.85.
 */
static void what_was_served_is_one_of_the_draws(void)
{
    struct asked asked;
    bool known;
    size_t counts[4] = {0};
    struct weights *weights = scene_weights(SCENE_WEIGHTS(
        "w", "10",
        "slate: {explore: epsilon_greedy, explore_epsilon: 0.3, explore_positions: 2}\n"));
    ask(&asked, (const uint32_t[]){0, 1}, 2);
    asked.ranking.propensities = (const double[]){0.8, 0.85};
    asked.query.logging = weights;
    asked.query.draws = 2;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        asked.query.seed = seed;
        double marginal = logged(&asked, &known).marginal[1];
        double sum = 3 * marginal - 0.85;
        size_t kind = near(1.7, sum)    ? 0
                      : near(1, sum)    ? 1
                      : near(0.85, sum) ? 2
                                        : 3; /* two of A above; A and C; A and B, which has 0 */
        counts[kind]++;
    }
    /* 640, 160 and 160 expected, with a standard error of at most 15.2. */
    CHECK(counts[0] > 580 && counts[0] < 700);
    CHECK(counts[1] > 110 && counts[1] < 210);
    CHECK(counts[2] > 110 && counts[2] < 210);
    weights_unref(weights);
    scene_close(&asked.scene);
}

/* ---- contenders ---- */

static void served_is_what_the_log_did(void)
{
    struct asked asked;
    bool known;
    ask(&asked, (const uint32_t[]){1, 0}, 2);
    asked.ranking.propensities = (const double[]){0.1, 0.85};
    contend(&asked, (struct contender){.kind = CONTENDER_SERVED, .name = "served"});
    struct chances of_log = logged(&asked, &known);
    struct chances chances = found(&asked);
    CHECK(memcmp(of_log.marginal, chances.marginal, 2 * sizeof(double)) == 0);
    CHECK(memcmp(of_log.conditional, chances.conditional, 2 * sizeof(double)) == 0);
    CHECK(chances.matched[0] && chances.matched[1]);
    scene_close(&asked.scene);
}

static void random_has_all_alike(void)
{
    struct asked asked;
    ask(&asked, (const uint32_t[]){1, 0, 2}, 3);
    asked.query.values = (const double[]){0.6, 0.3, 0};
    contend(&asked, baseline(BASELINE_RANDOM));
    struct chances chances = found(&asked);
    check_three((const double[]){1.0 / 3, 1.0 / 3, 1.0 / 3}, chances.marginal);
    check_three((const double[]){1.0 / 3, 1.0 / 2, 1}, chances.conditional);
    check_three((const double[]){0.3, 0.3, 0.3}, chances.expected);
    scene_close(&asked.scene);
}

/* Nothing was watched, and equal ones keep their order: A, B, C. */
static void another_baseline_is_certain(void)
{
    struct asked asked;
    ask(&asked, (const uint32_t[]){1, 0, 2}, 3);
    asked.query.values = (const double[]){0.6, 0.3, 0};
    contend(&asked, baseline(BASELINE_LIKES));
    struct chances chances = found(&asked);
    check_three((const double[]){0, 0, 1}, chances.marginal);
    check_three((const double[]){0, 1, 1}, chances.conditional);
    check_three((const double[]){0.6, 0.3, 0}, chances.expected);
    CHECK(!chances.matched[0] && !chances.matched[1] && chances.matched[2]);
    scene_close(&asked.scene);
}

static void weights_that_draw_nothing_are_certain(void)
{
    struct asked asked;
    struct weights *weights = scene_weights(GREEDY);
    ask(&asked, (const uint32_t[]){0, 2, 1}, 3);
    asked.query.values = (const double[]){0.6, 0.3, 0};
    contend(&asked, by_weights(weights));
    struct chances chances = found(&asked);
    check_three((const double[]){1, 0, 0}, chances.marginal);
    check_three((const double[]){1, 0, 0}, chances.conditional);
    check_three((const double[]){0.6, 0.3, 0}, chances.expected);
    weights_unref(weights);
    scene_close(&asked.scene);
}

static void epsilon_greedy_agrees_with_enumeration(void)
{
    struct asked asked;
    struct weights *weights = scene_weights(DRAWING);
    for (uint32_t i = 0; i < CANDIDATES; i++) {
        const uint32_t served[] = {i, (i + 1) % CANDIDATES};
        ask(&asked, served, 2);
        asked.query.values = (const double[]){0.6, 0.3, 0};
        asked.query.draws = 20000;
        contend(&asked, by_weights(weights));
        struct chances chances = found(&asked);
        CHECK(near(first_of[i], chances.marginal[0]));
        CHECK(near(first_of[i], chances.conditional[0]));
        CHECK(fabs(second_of[served[1]] - chances.marginal[1]) < 0.01);
        CHECK(near(served[1] == (i == 0 ? 1 : 0) ? 0.85 : 0.15, chances.conditional[1]));
        CHECK(near(0.8 * 0.6 + 0.1 * 0.3, chances.expected[0]));
        CHECK(fabs(0.17 * 0.6 + 0.695 * 0.3 - chances.expected[1]) < 0.01);
        scene_close(&asked.scene);
    }
    weights_unref(weights);
}

/* Scores are 0.6, 13 / 30 and 0.35, so that the first is drawn as e^3, e^(13/6) and e^(7/4) are. */
static void plackett_luce_agrees_with_enumeration(void)
{
    const double parts[CANDIDATES] = {exp(3), exp(13.0 / 6), exp(1.75)};
    double whole = parts[0] + parts[1] + parts[2];
    struct asked asked;
    struct weights *weights = scene_weights(PICKING);
    ask(&asked, (const uint32_t[]){1, 0}, 2);
    asked.query.draws = 20000;
    contend(&asked, by_weights(weights));
    struct chances chances = found(&asked);
    double after_b = parts[0] / (whole - parts[1]);
    double after_c = parts[0] / (whole - parts[2]);
    CHECK(fabs(parts[1] / whole - chances.marginal[0]) < 1e-8);
    CHECK(fabs(after_b - chances.conditional[1]) < 1e-8);
    CHECK(fabs((parts[1] * after_b + parts[2] * after_c) / whole - chances.marginal[1]) < 0.01);
    weights_unref(weights);
    scene_close(&asked.scene);
}

/* Of a part what stands above is not known: B was served at the second position of some slate. */
static void part_of_a_slate_has_marginals_alone(void)
{
    struct asked asked;
    bool known;
    struct weights *weights = scene_weights(DRAWING);
    ask(&asked, (const uint32_t[]){1}, 1);
    asked.ranking.propensities = (const double[]){0.4};
    asked.ranking.first_position = 2;
    asked.ranking.is_part = true;
    asked.query.draws = 20000;
    struct chances chances = logged(&asked, &known);
    CHECK(known);
    CHECK(near(0.4, chances.marginal[0]) && near(0.4, chances.conditional[0]));
    contend(&asked, by_weights(weights));
    chances = found(&asked);
    CHECK(fabs(second_of[1] - chances.marginal[0]) < 0.01);
    CHECK(near(chances.marginal[0], chances.conditional[0]));
    contend(&asked, baseline(BASELINE_LIKES));
    chances = found(&asked);
    CHECK(near(1, chances.marginal[0]) && near(1, chances.conditional[0]));
    contend(&asked, baseline(BASELINE_RANDOM));
    chances = found(&asked);
    CHECK(near(1.0 / 3, chances.marginal[0]) && near(1.0 / 3, chances.conditional[0]));
    weights_unref(weights);
    scene_close(&asked.scene);
}

/* A draw of one's own: a third of the rankings, with a standard error of 0.015 over 1,000. */
static void matches_are_as_likely_as_the_video(void)
{
    struct asked asked;
    double matches = 0;
    ask(&asked, (const uint32_t[]){1}, 1);
    contend(&asked, baseline(BASELINE_RANDOM));
    for (uint64_t i = 0; i < 1000; i++) {
        asked.ranking.ranking_key = i;
        matches += found(&asked).matched[0];
    }
    CHECK(fabs(matches / 1000 - 1.0 / 3) < 0.06);
    scene_close(&asked.scene);
}

/* ---- together ---- */

/* Serves a slate as DRAWING does, with its propensities. */
static void serve(struct asked *asked, const struct weights *weights, uint64_t seed,
                  uint32_t served[CANDIDATES], double propensities[CANDIDATES])
{
    struct rank_result result;
    asked->request.seed = seed;
    CHECK_EQ(STATUS_OK, rank(asked->scene.state, contender_model(weights, &asked->ranking),
                             &asked->request, scene_arena(&asked->scene), &result));
    memcpy(served, result.order, CANDIDATES * sizeof(served[0]));
    memcpy(propensities, result.propensities, CANDIDATES * sizeof(propensities[0]));
}

/*
 * The weights of a log's own policy, by draws of its own: what A's weight adds up to at the second
 * position is A's probability there, 0.17, and the mean of all weights is 1. With one seed for both
 * the first would be about 8 % too small, as (1 - 4 / 50) for A, which has 0.85 or 0; with a plain
 * average in the denominator it would be too large by as much. 40,000 rankings tell it to 1.2 %.
 */
static void weights_are_without_bias_though_marginals_are_drawn(void)
{
    enum { RANKINGS = 40000 };
    struct asked asked;
    struct weights *weights = scene_weights(DRAWING);
    uint32_t served[CANDIDATES];
    double propensities[CANDIDATES];
    double sums[CANDIDATES] = {0};
    ask(&asked, served, CANDIDATES);
    contend(&asked, by_weights(weights));
    asked.query.logging = weights;
    asked.query.draws = 50;
    asked.query.count = 2;
    for (uint64_t i = 0; i < RANKINGS; i++) {
        bool known;
        serve(&asked, weights, i, served, propensities);
        asked.ranking.propensities = propensities;
        struct chances of_log = logged(&asked, &known);
        struct chances chances = found(&asked);
        sums[served[1]] += chances.marginal[1] / of_log.marginal[1] / RANKINGS;
    }
    printf("A %.5f, B %.5f, C %.5f\n", sums[0], sums[1], sums[2]);
    for (size_t i = 0; i < CANDIDATES; i++) {
        CHECK(fabs(sums[i] / second_of[i] - 1) < 0.045);
    }
    CHECK(fabs(sums[0] + sums[1] + sums[2] - 1) < 0.01);
    weights_unref(weights);
    scene_close(&asked.scene);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_log_that_drew_nothing_was_certain),
        TEST(drawn_positions_behind_the_first_need_the_weights),
        TEST(weights_that_made_the_log_tell_its_marginals),
        TEST(what_was_served_is_one_of_the_draws),
        TEST(served_is_what_the_log_did),
        TEST(random_has_all_alike),
        TEST(another_baseline_is_certain),
        TEST(weights_that_draw_nothing_are_certain),
        TEST(epsilon_greedy_agrees_with_enumeration),
        TEST(plackett_luce_agrees_with_enumeration),
        TEST(part_of_a_slate_has_marginals_alone),
        TEST(matches_are_as_likely_as_the_video),
        TEST(weights_are_without_bias_though_marginals_are_drawn),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
