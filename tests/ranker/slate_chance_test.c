#include "ranker/slate_chance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ranker/slow_slate.h"
#include "tests/test.h"

static bool near(double a, double b, double within)
{
    return fabs(a - b) <= within;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* ---- one slate ---- */

/* What is built is probed in another arena; then with one position wrong. */
static void check_own_order(struct made_slate *made, struct random *random, struct arena *arena,
                            struct arena *other)
{
    static double chances[LIMIT_CANDIDATES];
    struct slate slate;
    const struct slate_input *input = &made->input;
    size_t shown = input->positions < input->count ? input->positions : input->count;
    arena_reset(arena);
    arena_reset(other);
    CHECK_EQ(STATUS_OK, slate_build(input, arena, &slate));
    CHECK_EQ(STATUS_OK, slate_probe(input, slate.order, shown, other, chances));
    for (size_t k = 0; k < shown; k++) {
        double served = slate.propensities != NULL ? slate.propensities[k] : 1;
        CHECK(same_bits(served, chances[k]));
    }
    if (shown == 0) {
        return;
    }
    size_t wrong = random_below(random, shown);
    slate.order[wrong] = SLATE_NOBODY;
    arena_reset(other);
    CHECK_EQ(STATUS_OK, slate_probe(input, slate.order, shown, other, chances));
    for (size_t k = wrong; k < shown; k++) {
        CHECK(same_bits(0, chances[k]));
    }
    CHECK(wrong == 0 || chances[wrong - 1] > 0);
}

static size_t random_size(struct random *random, int round)
{
    if (round % 50 == 0) {
        return 1 + random_below(random, 1200); /* also more than are looked at */
    }
    return random_below(random, 60);
}

static void a_slate_has_its_own_propensities(void)
{
    struct arena arena = new_arena();
    struct arena other = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 21};
    for (int i = 0; i < 3000; i++) {
        make_candidates(made, &random, random_size(&random, i));
        if (i % 8 != 0) {
            make_rules(made, &random);
        }
        made->input.seed = random_next(&random);
        made->input.positions = i % 3 == 0 ? 1 + random_below(&random, 40) : made->input.count;
        made->input.explain = i % 5 == 0;
        check_own_order(made, &random, &arena, &other);
    }
    free(made);
    free(arena.base);
    free(other.base);
}

/* Candidates 0 to 3 score 4 to 1; the first position is anybody's with probability 0.4. */
static void a_given_slate_is_followed_position_by_position(void)
{
    static const double scores[] = {4, 3, 2, 1};
    static const uint64_t creators[4] = {0};
    static const uint32_t keys[LIMIT_VIDEO_TAGS] = {0};
    struct slate_facts facts[4];
    struct model model = {.creator_decay = 1,
                          .window = 1,
                          .exploration = EXPLORE_EPSILON_GREEDY,
                          .explore_epsilon = 0.4,
                          .explore_positions = 1};
    for (size_t i = 0; i < 4; i++) {
        facts[i] = (struct slate_facts){.categories = keys, .tags = keys};
    }
    struct slate_input input = {.model = &model,
                                .count = 4,
                                .scores = scores,
                                .creators = creators,
                                .facts = facts,
                                .positions = 3};
    struct arena arena = new_arena();
    double chances[5];
    CHECK_EQ(STATUS_OK, slate_probe(&input, (const uint32_t[]){2, 0, 1, 3}, 4, &arena, chances));
    CHECK(near(0.1, chances[0], 1e-15));
    CHECK(same_bits(1, chances[1])); /* the best of those left */
    CHECK(same_bits(1, chances[2]));
    CHECK(same_bits(0, chances[3])); /* three are shown */
    CHECK_EQ(STATUS_OK, slate_probe(&input, (const uint32_t[]){0, 2, 1}, 3, &arena, chances));
    CHECK(near(0.7, chances[0], 1e-15));
    CHECK(same_bits(0, chances[1]));
    CHECK(same_bits(0, chances[2])); /* although it could stand there above another one */
    CHECK_EQ(STATUS_OK, slate_probe(&input, (const uint32_t[]){1, 1}, 2, &arena, chances));
    CHECK(near(0.1, chances[0], 1e-15));
    CHECK(same_bits(0, chances[1])); /* it is above already */
    free(arena.base);
}

/* All score alike, so the first SLATE_HEAD_MAX are looked at, each as likely as any other. */
static void who_is_not_looked_at_has_no_chance(void)
{
    enum { COUNT = SLATE_HEAD_MAX + 2 };
    struct arena arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 28};
    double chance;
    make_candidates(made, &random, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        made->scores[i] = 1;
        made->creators[i] = 0;
    }
    made->model.exploration = EXPLORE_PLACKETT_LUCE;
    made->model.explore_temperature = 1;
    made->model.explore_positions = 1;
    made->input.positions = COUNT;
    const uint32_t last = SLATE_HEAD_MAX - 1;
    const uint32_t next = SLATE_HEAD_MAX;
    CHECK_EQ(STATUS_OK, slate_probe(&made->input, &last, 1, &arena, &chance));
    CHECK(same_bits(1.0 / SLATE_HEAD_MAX, chance));
    CHECK_EQ(STATUS_OK, slate_probe(&made->input, &next, 1, &arena, &chance));
    CHECK(same_bits(0, chance));
    free(made);
    free(arena.base);
}

/* ---- against enumeration ---- */

enum { FEW_MAX = 5 };

/* All slates of one input, weighed. */
struct enumeration {
    struct slow_slate slow;
    double means[FEW_MAX][FEW_MAX];   /* by position and candidate */
    double squares[FEW_MAX][FEW_MAX]; /* of what a draw adds */
    size_t shown;
};

static void enumerate(struct enumeration *all, double probability)
{
    struct slow_outcome outcomes[FEW_MAX];
    struct slow_slate *slow = &all->slow;
    size_t position = slow->placed_count;
    if (position == all->shown) {
        return;
    }
    size_t count = slow_outcomes(slow, outcomes);
    for (size_t i = 0; i < count; i++) {
        const struct slow_outcome *outcome = &outcomes[i];
        double chance = outcome->probability;
        all->means[position][outcome->candidate] += probability * chance;
        all->squares[position][outcome->candidate] += probability * chance * chance;
        slow->placed[slow->placed_count++] = outcome->candidate;
        enumerate(all, probability * chance);
        slow->placed_count--;
    }
}

static void enumerate_all(struct enumeration *all, struct made_slate *made, struct arena *arena)
{
    struct slate plain;
    struct model with_rules = made->model;
    const struct slate_input *input = &made->input;
    made->model = (struct model){.creator_decay = with_rules.creator_decay,
                                 .creator_floor = with_rules.creator_floor};
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, slate_build(input, arena, &plain));
    made->model = with_rules;
    memset(all, 0, sizeof(*all));
    all->slow.input = input;
    all->slow.plain = plain.order;
    all->shown = input->positions < input->count ? input->positions : input->count;
    enumerate(all, 1);
}

/* The chance of the prefix, one position after the other, in the slow reading. */
static void check_probe(struct enumeration *all, const uint32_t *slate, struct arena *arena)
{
    double chances[FEW_MAX];
    struct slow_outcome outcomes[FEW_MAX];
    bool possible = true;
    CHECK_EQ(STATUS_OK, slate_probe(all->slow.input, slate, all->shown, arena, chances));
    all->slow.placed_count = 0;
    for (size_t k = 0; k < all->shown; k++) {
        double want = 0;
        size_t count = possible ? slow_outcomes(&all->slow, outcomes) : 0;
        for (size_t i = 0; i < count; i++) {
            want = outcomes[i].candidate == slate[k] ? outcomes[i].probability : want;
        }
        possible = possible && want > 0;
        CHECK(near(want, chances[k], 1e-12));
        all->slow.placed[all->slow.placed_count++] = slate[k];
    }
    all->slow.placed_count = 0;
}

static void any_given_slate_is_as_likely_as_a_slow_reading_says(void)
{
    static struct enumeration all;
    struct arena arena = new_arena();
    struct arena plain_arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 22};
    for (int i = 0; i < 3000; i++) {
        uint32_t slate[FEW_MAX] = {0, 1, 2, 3, 4};
        make_candidates(made, &random, 1 + random_below(&random, FEW_MAX));
        make_rules(made, &random);
        made->model.explore_positions = 1 + (int)random_below(&random, FEW_MAX);
        made->input.positions = made->input.count;
        enumerate_all(&all, made, &plain_arena);
        for (int j = 0; j < 5; j++) {
            random_shuffle(&random, slate, made->input.count);
            arena_reset(&arena);
            check_probe(&all, slate, &arena);
        }
    }
    free(made);
    free(arena.base);
    free(plain_arena.base);
}

enum { DRAWS = 400 };

/* How estimates lie to their own errors. */
struct calibration {
    size_t estimates;
    size_t beyond_two; /* standard errors */
};

/*
 * How far the mean of DRAWS numbers between 0 and 1 of this variance may be off but once in 10^9
 * times (Bernstein).
 */
static double far_off(double variance)
{
    const double log_odds = 21.4; /* of 2 in 10^9 */
    return sqrt(2 * variance * log_odds / DRAWS) + log_odds / (3.0 * DRAWS) * (variance > 1e-18);
}

static void check_marginal(const struct enumeration *all, size_t k, uint32_t candidate,
                           double estimate, double variance, struct calibration *calibration)
{
    double want = all->means[k][candidate];
    double spread = all->squares[k][candidate] - want * want;
    double off = fabs(estimate - want);
    CHECK(off <= far_off(spread > 0 ? spread : 0) + 1e-9);
    CHECK(variance >= 0 && variance <= 0.25 / (DRAWS - 1) * (1 + 1e-12));
    if (k == 0) {
        CHECK(near(want, estimate, 1e-12));
        CHECK(same_bits(0, variance));
    }
    if (spread > 0.01) {
        calibration->estimates++;
        calibration->beyond_two += off > 2 * sqrt(variance);
    }
}

/* Asks for each candidate at one position or another, and for all values. */
static void check_marginals(struct enumeration *all, struct random *random, struct arena *arena,
                            struct calibration *calibration)
{
    double probabilities[FEW_MAX], variances[FEW_MAX], expected[FEW_MAX], values[FEW_MAX];
    uint32_t slate[FEW_MAX];
    for (size_t k = 0; k < all->shown; k++) {
        slate[k] = random_below(random, all->slow.input->count);
    }
    for (size_t i = 0; i < FEW_MAX; i++) {
        values[i] = random_unit(random);
    }
    struct slate_marginals out = {probabilities, variances, expected};
    struct slate_marginals_query query = {.slate = slate,
                                          .count = all->shown,
                                          .values = values,
                                          .draws = DRAWS,
                                          .seed = random_next(random)};
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, slate_marginals(all->slow.input, &query, arena, &out));
    for (size_t k = 0; k < all->shown; k++) {
        double want = 0;
        for (size_t i = 0; i < FEW_MAX; i++) {
            want += all->means[k][i] * values[i];
        }
        check_marginal(all, k, slate[k], probabilities[k], variances[k], calibration);
        CHECK(near(want, expected[k], far_off(0.25) + 1e-9));
        CHECK(k > 0 || near(want, expected[k], 1e-12));
    }
}

static void marginals_are_those_of_full_enumeration(void)
{
    static struct enumeration all;
    struct arena arena = new_arena();
    struct arena plain_arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 23};
    struct calibration calibration = {0};
    for (int i = 0; i < 1500; i++) {
        make_candidates(made, &random, 1 + random_below(&random, FEW_MAX));
        make_rules(made, &random);
        made->model.explore_positions = 1 + (int)random_below(&random, FEW_MAX);
        made->input.positions = 1 + random_below(&random, FEW_MAX);
        enumerate_all(&all, made, &plain_arena);
        check_marginals(&all, &random, &arena, &calibration);
    }
    CHECK(calibration.estimates > 300);
    CHECK(calibration.beyond_two * 10 < calibration.estimates); /* 4.6 % of a normal's */
    free(made);
    free(arena.base);
    free(plain_arena.base);
}

/* ---- sums, certainty, memory ---- */

/* Over all candidates, the probabilities of a position add up to 1, draw by draw. */
static void somebody_is_at_each_position(void)
{
    enum { COUNT = 30, POSITIONS = 12 };
    struct arena arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 24};
    double sums[POSITIONS] = {0};
    double probabilities[POSITIONS], variances[POSITIONS];
    make_candidates(made, &random, COUNT);
    make_rules(made, &random);
    made->model.exploration = EXPLORE_PLACKETT_LUCE;
    made->model.explore_temperature = 2;
    made->model.explore_positions = 6;
    made->input.positions = POSITIONS - 1;
    struct slate_marginals out = {probabilities, variances, NULL};
    for (uint32_t candidate = 0; candidate < COUNT; candidate++) {
        uint32_t slate[POSITIONS];
        for (size_t k = 0; k < POSITIONS; k++) {
            slate[k] = candidate;
        }
        arena_reset(&arena);
        struct slate_marginals_query query = {
            .slate = slate, .count = POSITIONS, .draws = 50, .seed = 7};
        CHECK_EQ(STATUS_OK, slate_marginals(&made->input, &query, &arena, &out));
        for (size_t k = 0; k < POSITIONS; k++) {
            sums[k] += probabilities[k];
        }
    }
    for (size_t k = 0; k < POSITIONS - 1; k++) {
        CHECK(near(1, sums[k], 1e-12));
    }
    CHECK(same_bits(0, sums[POSITIONS - 1])); /* which is not shown */
    free(made);
    free(arena.base);
}

static void what_is_not_drawn_is_certain(void)
{
    enum { COUNT = 700 };
    static double probabilities[COUNT], variances[COUNT], expected[COUNT], values[COUNT];
    struct arena arena = new_arena();
    struct arena other = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 25};
    struct slate slate;
    for (int i = 0; i < 40; i++) {
        make_candidates(made, &random, COUNT);
        if (i % 4 != 0) {
            make_rules(made, &random);
        }
        made->model.exploration = EXPLORE_NONE;
        for (size_t k = 0; k < COUNT; k++) {
            values[k] = random_unit(&random);
        }
        arena_reset(&arena);
        arena_reset(&other);
        CHECK_EQ(STATUS_OK, slate_build(&made->input, &arena, &slate));
        struct slate_marginals out = {probabilities, variances, expected};
        struct slate_marginals_query query = {
            .slate = slate.order, .count = COUNT, .values = values, .draws = 2};
        CHECK_EQ(STATUS_OK, slate_marginals(&made->input, &query, &other, &out));
        for (size_t k = 0; k < COUNT; k++) {
            CHECK(same_bits(1, probabilities[k]));
            CHECK(same_bits(0, variances[k]));
            CHECK(same_bits(values[slate.order[k]], expected[k]));
        }
    }
    free(made);
    free(arena.base);
    free(other.base);
}

static void more_draws_take_no_more_memory(void)
{
    struct made_slate *made = new_made();
    struct random random = {.state = 26};
    uint32_t slate[70];
    double probabilities[70], variances[70];
    make_candidates(made, &random, 70);
    make_rules(made, &random);
    made->model.diversity = 0.5;
    made->model.category_cap = 2;
    made->model.exploration = EXPLORE_PLACKETT_LUCE;
    for (uint32_t k = 0; k < 70; k++) {
        slate[k] = k;
    }
    struct arena arena = new_arena();
    struct slate_marginals out = {probabilities, variances, NULL};
    size_t successes = 0;
    for (size_t budget = 0; successes < 10; budget += 8) {
        enum status statuses[3];
        CHECK(budget < SLATE_MEMORY);
        for (size_t i = 0; i < 2; i++) {
            struct arena small;
            struct slate_marginals_query query = {
                .slate = slate, .count = 70, .draws = i == 0 ? 2 : 20};
            arena_init(&small, arena.base, budget);
            statuses[i] = slate_marginals(&made->input, &query, &small, &out);
        }
        struct arena small;
        arena_init(&small, arena.base, budget);
        statuses[2] = slate_probe(&made->input, slate, 70, &small, probabilities);
        CHECK_EQ(statuses[0], statuses[1]);
        CHECK_EQ(statuses[0], statuses[2]);
        CHECK(statuses[0] == STATUS_OK || statuses[0] == STATUS_NO_MEMORY);
        successes += statuses[0] == STATUS_OK;
    }
    free(made);
    free(arena.base);
}

static void the_seed_decides_what_is_drawn(void)
{
    struct made_slate *made = new_made();
    struct random random = {.state = 27};
    struct arena arena = new_arena();
    uint32_t slate[10];
    double first[10], again[10], other[10], variances[10];
    make_candidates(made, &random, 40);
    made->model.exploration = EXPLORE_PLACKETT_LUCE;
    made->model.explore_temperature = 3;
    made->model.explore_positions = 10;
    for (uint32_t k = 0; k < 10; k++) {
        slate[k] = k;
    }
    struct slate_marginals_query query = {.slate = slate, .count = 10, .draws = 20, .seed = 1};
    struct slate_marginals out = {first, variances, NULL};
    CHECK_EQ(STATUS_OK, slate_marginals(&made->input, &query, &arena, &out));
    out.probabilities = again;
    CHECK_EQ(STATUS_OK, slate_marginals(&made->input, &query, &arena, &out));
    CHECK(memcmp(first, again, sizeof(first)) == 0);
    out.probabilities = other;
    query.seed = 2;
    CHECK_EQ(STATUS_OK, slate_marginals(&made->input, &query, &arena, &out));
    CHECK(memcmp(first, other, sizeof(first)) != 0);
    free(made);
    free(arena.base);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_slate_has_its_own_propensities),
        TEST(a_given_slate_is_followed_position_by_position),
        TEST(who_is_not_looked_at_has_no_chance),
        TEST(any_given_slate_is_as_likely_as_a_slow_reading_says),
        TEST(marginals_are_those_of_full_enumeration),
        TEST(somebody_is_at_each_position),
        TEST(what_is_not_drawn_is_certain),
        TEST(more_draws_take_no_more_memory),
        TEST(the_seed_decides_what_is_drawn),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
