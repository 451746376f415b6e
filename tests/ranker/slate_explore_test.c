#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/slate.h"
#include "ranker/slate_draw.h"
#include "tests/ranker/slow_slate.h"
#include "tests/test.h"

enum { FEW_MAX = 5 };

/* Nearer to the end of what draws an outcome than any test of its probability. */
static const double HAIR = 1e-13;

static bool near(double a, double b, double within)
{
    return fabs(a - b) <= within;
}

/* Below 0.2 in four parts, each of one candidate; above, the best. */
static void epsilon_greedy_draws_any_below_epsilon(void)
{
    struct slate_draw draw = slate_draw_epsilon_greedy(0.2, 0.07, 4, 2);
    CHECK_EQ(1, draw.at);
    CHECK(near(0.05, draw.propensity, 1e-15));
    draw = slate_draw_epsilon_greedy(0.2, 0.11, 4, 2);
    CHECK_EQ(2, draw.at);
    CHECK(near(0.85, draw.propensity, 1e-15));
    draw = slate_draw_epsilon_greedy(0.2, 0.21, 4, 2);
    CHECK_EQ(2, draw.at);
    CHECK(near(0.85, draw.propensity, 1e-15));
    draw = slate_draw_epsilon_greedy(0.2, nextafter(0.2, 0), 4, 2);
    CHECK_EQ(3, draw.at);
    draw = slate_draw_epsilon_greedy(0, 0, 4, 2);
    CHECK_EQ(2, draw.at);
    CHECK(near(1, draw.propensity, 0));
}

static void the_only_candidate_is_certain(void)
{
    double chances[1];
    const double values[] = {-3};
    CHECK(near(1, slate_draw_epsilon_greedy(0.3, 0.1, 1, 0).propensity, 0));
    CHECK(near(1, slate_draw_softmax(7, 0.999, values, 1, 0, chances).propensity, 0));
}

/* 2^1, 2^0 and 2^2: 2/7, 1/7, 4/7. */
static void softmax_draws_in_proportion(void)
{
    double chances[3];
    const double values[] = {1, 0, 2};
    struct slate_draw draw = slate_draw_softmax(1, 0.28, values, 3, 2, chances);
    CHECK_EQ(0, draw.at);
    CHECK(near(2.0 / 7, draw.propensity, 1e-15));
    draw = slate_draw_softmax(1, 0.3, values, 3, 2, chances);
    CHECK_EQ(1, draw.at);
    CHECK(near(1.0 / 7, draw.propensity, 1e-15));
    draw = slate_draw_softmax(1, nextafter(1, 0), values, 3, 2, chances);
    CHECK_EQ(2, draw.at);
    CHECK(near(4.0 / 7, draw.propensity, 1e-15));
}

/* The second is 2^-(10^8) as likely as the first, which no double holds. */
static void softmax_never_draws_what_is_too_unlikely_for_a_double(void)
{
    double chances[2];
    const double values[] = {262144, 0};
    struct slate_draw draw = slate_draw_softmax(400, nextafter(1, 0), values, 2, 0, chances);
    CHECK_EQ(0, draw.at);
    CHECK(near(1, draw.propensity, 0));
    const double unlikely_first[] = {0, 262144};
    CHECK_EQ(1, slate_draw_softmax(400, 0, unlikely_first, 2, 1, chances).at);
}

/* ---- against enumeration ---- */

/* All slates that can come of one input, each built and compared on the way. */
struct enumeration {
    struct made_slate *made;
    struct arena *arena;
    struct slow_slate slow;
    double uniforms[SLATE_POSITIONS_MAX];
    double probability; /* of slow.placed */
    double sum;         /* of all slates so far */
    size_t slates;
};

static void check_leaf(struct enumeration *all, bool first_time)
{
    struct slate slate;
    double product = 1;
    arena_reset(all->arena);
    CHECK_EQ(STATUS_OK, slate_build_drawn(&all->made->input, all->uniforms, all->arena, &slate));
    for (size_t i = 0; i < all->made->input.count; i++) {
        CHECK_EQ(all->slow.placed[i], slate.order[i]);
        product *= slate.propensities != NULL ? slate.propensities[i] : 1;
    }
    CHECK(near(all->probability, product, 1e-12));
    if (first_time) {
        all->sum += product;
        all->slates++;
    }
}

static void enumerate(struct enumeration *all, bool first_time);

/* With a number just inside each end of what draws the outcome. */
static void enumerate_between(struct enumeration *all, double begin, double end, bool first_time)
{
    if (end - begin < 4 * HAIR) {
        return;
    }
    all->uniforms[all->slow.placed_count - 1] = begin > 0 ? begin + HAIR : 0;
    enumerate(all, first_time);
    all->uniforms[all->slow.placed_count - 1] = end - HAIR;
    enumerate(all, false);
}

static void enumerate(struct enumeration *all, bool first_time)
{
    struct slow_outcome outcomes[FEW_MAX];
    if (all->slow.placed_count == all->made->input.count) {
        check_leaf(all, first_time);
        return;
    }
    size_t count = slow_outcomes(&all->slow, outcomes);
    double before = all->probability;
    for (size_t i = 0; i < count; i++) {
        struct slow_outcome *outcome = &outcomes[i];
        bool in_first = outcome->end - outcome->begin >= 4 * HAIR;
        all->slow.placed[all->slow.placed_count++] = outcome->candidate;
        all->probability = before * outcome->probability;
        enumerate_between(all, outcome->begin, outcome->end, first_time);
        enumerate_between(all, outcome->best_begin, outcome->best_end, first_time && !in_first);
        all->slow.placed_count--;
    }
    all->probability = before;
}

static size_t check_enumeration(struct made_slate *made, struct arena *arena)
{
    static struct enumeration all;
    struct model with_rules = made->model;
    struct arena plain_arena = new_arena();
    struct slate plain;
    made->model = (struct model){.creator_decay = with_rules.creator_decay,
                                 .creator_floor = with_rules.creator_floor};
    CHECK_EQ(STATUS_OK, slate_build(&made->input, &plain_arena, &plain));
    made->model = with_rules;
    all = (struct enumeration){.made = made, .arena = arena, .probability = 1};
    all.slow.input = &made->input;
    all.slow.plain = plain.order;
    enumerate(&all, true);
    CHECK(near(1, all.sum, 1e-12));
    free(plain_arena.base);
    return all.slates;
}

static void propensities_are_those_of_full_enumeration(void)
{
    struct arena arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 11};
    size_t slates = 0;
    for (int i = 0; i < 6000; i++) {
        make_candidates(made, &random, 1 + random_below(&random, i % 4 == 0 ? 5 : 4));
        make_rules(made, &random);
        made->model.window = 1 + (int)random_below(&random, 5);
        made->model.explore_positions = 1 + (int)random_below(&random, 5);
        slates += check_enumeration(made, &arena);
    }
    CHECK(slates > 20000);
    free(made);
    free(arena.base);
}

/* ---- against simulation ---- */

enum { RUNS = 200000, SIMULATED = 12, DRAWN = 4 };

/* How often a candidate stood at a position, less how often it had to be expected. */
struct tally {
    double surplus[DRAWN][SIMULATED];
    double variance[DRAWN][SIMULATED];
};

static void count_position(struct tally *tally, const struct slow_slate *slow,
                           const struct slate *slate)
{
    struct slow_outcome outcomes[SIMULATED];
    size_t at = slow->placed_count;
    size_t count = slow_outcomes(slow, outcomes);
    for (size_t i = 0; i < count; i++) {
        uint32_t candidate = outcomes[i].candidate;
        double probability = outcomes[i].probability;
        bool hit = slate->order[at] == candidate;
        tally->surplus[at][candidate] += (hit ? 1 : 0) - probability;
        tally->variance[at][candidate] += probability * (1 - probability);
        CHECK(!hit || near(probability, slate->propensities[at], 1e-12));
    }
}

static void run_once(struct made_slate *made, struct arena *arena, struct slow_slate *slow,
                     struct tally *tally)
{
    struct slate slate;
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, slate_build(&made->input, arena, &slate));
    slow->placed_count = 0;
    for (size_t p = 0; p < DRAWN; p++) {
        count_position(tally, slow, &slate);
        slow->placed[slow->placed_count++] = slate.order[p];
    }
}

/* What is expected at a position, given those above it, is summed up run by run. */
static void check_simulation(struct made_slate *made)
{
    static struct slow_slate slow;
    struct arena arena = new_arena();
    struct arena plain_arena = new_arena();
    struct slate plain;
    struct tally tally = {0};
    enum exploration exploration = made->model.exploration;
    struct model with_rules = made->model;
    made->model = (struct model){.creator_decay = 0.6, .creator_floor = 0.1};
    CHECK_EQ(STATUS_OK, slate_build(&made->input, &plain_arena, &plain));
    made->model = with_rules;
    slow.input = &made->input;
    slow.plain = plain.order;
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        made->input.seed = seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)exploration;
        run_once(made, &arena, &slow, &tally);
    }
    for (size_t p = 0; p < DRAWN; p++) {
        for (size_t i = 0; i < SIMULATED; i++) {
            CHECK(fabs(tally.surplus[p][i]) <= 5 * sqrt(tally.variance[p][i]) + 1e-6);
        }
    }
    free(arena.base);
    free(plain_arena.base);
}

static void simulate(enum exploration exploration)
{
    struct made_slate *made = new_made();
    struct random random = {.state = 12};
    make_candidates(made, &random, SIMULATED);
    made->model = (struct model){
        .creator_decay = 0.6,
        .creator_floor = 0.1,
        .window = 3,
        .creator_cap = 1,
        .category_cap = 2,
        .diversity = 0.3,
        .diversity_positions = 3,
        .exploration = exploration,
        .explore_epsilon = 0.4,
        .explore_temperature = 1.5,
        .explore_positions = DRAWN,
    };
    check_simulation(made);
    free(made);
}

static void epsilon_greedy_is_as_frequent_as_it_says(void)
{
    simulate(EXPLORE_EPSILON_GREEDY);
}

static void plackett_luce_is_as_frequent_as_it_says(void)
{
    simulate(EXPLORE_PLACKETT_LUCE);
}

/* ---- larger slates against the slow reading ---- */

static const struct slow_outcome *drawn_by(const struct slow_outcome *outcomes, size_t count,
                                           double uniform)
{
    for (size_t i = 0; i < count; i++) {
        const struct slow_outcome *outcome = &outcomes[i];
        if ((uniform >= outcome->begin && uniform < outcome->end) ||
            (uniform >= outcome->best_begin && uniform < outcome->best_end)) {
            return outcome;
        }
    }
    return &outcomes[count - 1];
}

static void check_slowly(struct made_slate *made, struct random *random, struct arena *arena)
{
    static struct slow_slate slow;
    static struct slow_outcome outcomes[LIMIT_CANDIDATES];
    double uniforms[SLATE_POSITIONS_MAX];
    struct arena plain_arena = new_arena();
    struct slate plain, slate;
    struct model with_rules = made->model;
    made->model = (struct model){.creator_decay = with_rules.creator_decay,
                                 .creator_floor = with_rules.creator_floor};
    CHECK_EQ(STATUS_OK, slate_build(&made->input, &plain_arena, &plain));
    made->model = with_rules;
    for (size_t i = 0; i < SLATE_POSITIONS_MAX; i++) {
        uniforms[i] = random_unit(random);
    }
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, slate_build_drawn(&made->input, uniforms, arena, &slate));
    slow.input = &made->input;
    slow.plain = plain.order;
    slow.placed_count = 0;
    for (size_t p = 0; p < made->input.count; p++) {
        size_t count = slow_outcomes(&slow, outcomes);
        const struct slow_outcome *outcome = drawn_by(outcomes, count, uniforms[p]);
        CHECK_EQ(outcome->candidate, slate.order[p]);
        CHECK(near(outcome->probability, slate.propensities[p], 1e-12));
        CHECK(near(slow_score(&slow, slate.order[p]), slate.scores[slate.order[p]], 0));
        slow.placed[slow.placed_count++] = slate.order[p];
    }
    free(plain_arena.base);
}

static void every_rule_and_draw_is_what_a_slow_reading_says(void)
{
    struct arena arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 13};
    for (int i = 0; i < 1500; i++) {
        make_candidates(made, &random, random_below(&random, i % 100 == 0 ? 120 : 30));
        make_rules(made, &random);
        made->model.creator_cap += 1; /* so that it is no plain slate, to the end */
        check_slowly(made, &random, &arena);
    }
    free(made);
    free(arena.base);
}

/* ---- seeds ---- */

static void the_seed_decides_and_nothing_else(void)
{
    struct arena arena = new_arena();
    struct arena other = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 14};
    struct slate first, again;
    size_t differing = 0;
    make_candidates(made, &random, 50);
    made->model.exploration = EXPLORE_PLACKETT_LUCE;
    made->model.explore_temperature = 3;
    made->model.explore_positions = 5;
    CHECK_EQ(STATUS_OK, slate_build(&made->input, &arena, &first));
    for (uint64_t seed = 0; seed < 20; seed++) {
        arena_reset(&other);
        made->input.seed = seed;
        CHECK_EQ(STATUS_OK, slate_build(&made->input, &other, &again));
        bool same = memcmp(first.order, again.order, 50 * sizeof(uint32_t)) == 0;
        CHECK(same || seed != 0);
        differing += !same;
    }
    CHECK(differing >= 15);
    free(made);
    free(arena.base);
    free(other.base);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(epsilon_greedy_draws_any_below_epsilon),
        TEST(the_only_candidate_is_certain),
        TEST(softmax_draws_in_proportion),
        TEST(softmax_never_draws_what_is_too_unlikely_for_a_double),
        TEST(propensities_are_those_of_full_enumeration),
        TEST(epsilon_greedy_is_as_frequent_as_it_says),
        TEST(plackett_luce_is_as_frequent_as_it_says),
        TEST(every_rule_and_draw_is_what_a_slow_reading_says),
        TEST(the_seed_decides_and_nothing_else),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
