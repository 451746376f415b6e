#include "ranker/rank_chance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ranker/world.h"
#include "tests/test.h"

enum { VIDEOS = 40, CREATORS = 7, SHOWN = 12 };

static const int64_t NOW_MS = INT64_C(1700000000000);

/* Keys 1 to VIDEOS in order, of which each fifth is unrated and so dropped: its index is 4, 9, ...
 */
struct asked {
    uint64_t keys[VIDEOS];
    double retrieval_scores[VIDEOS];
    struct rank_request request;
};

static struct model exploring_model(void)
{
    struct model model = worthless_model();
    model.value[HEAD_VALID_PLAY] = 1;
    model.multipliers[MULTIPLIER_RETRIEVAL] = 2;
    model.creator_decay = 0.5;
    model.creator_floor = 0.1;
    model.window = 4;
    model.creator_cap = 1;
    model.exploration = EXPLORE_PLACKETT_LUCE;
    model.explore_temperature = 0.3;
    model.explore_positions = 5;
    return model;
}

static struct world new_world(struct asked *asked)
{
    struct world world = world_of(exploring_model());
    for (size_t i = 0; i < VIDEOS; i++) {
        struct video_facts facts = plain_video(i + 1);
        facts.creator_key = 100 + i % CREATORS;
        facts.safety = i % 5 == 4 ? SAFETY_UNRATED : SAFETY_LOW;
        put_video(&world, facts);
        asked->keys[i] = i + 1;
        asked->retrieval_scores[i] = next_unit(&world);
    }
    asked->request = (struct rank_request){
        .user_key = 1,
        .locale = {.language = HINDI, .region = INDIA},
        .age_years = 30,
        .keys = asked->keys,
        .retrieval_scores = asked->retrieval_scores,
        .count = VIDEOS,
        .limit = SHOWN,
        .now_ms = NOW_MS,
    };
    return world;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void probe(struct world *world, const struct rank_request *request, const uint32_t *slate,
                  size_t count, double *out)
{
    arena_reset(&world->arena);
    CHECK_EQ(STATUS_OK,
             rank_probe(world->state, &world->model, request, slate, count, &world->arena, out));
}

static void what_is_served_has_its_propensities(void)
{
    struct asked asked;
    struct world world = new_world(&asked);
    for (uint64_t seed = 0; seed < 200; seed++) {
        uint32_t order[SHOWN];
        double served[SHOWN], chances[SHOWN];
        world.model.exploration = (enum exploration)(seed % 3);
        world.model.creator_cap = (int)(seed % 2);
        asked.request.seed = seed;
        asked.request.explain = seed % 4 == 0;
        struct rank_result result = run(&world, &asked.request);
        CHECK_EQ(SHOWN, result.count);
        memcpy(order, result.order, sizeof(order));
        memcpy(served, result.propensities, sizeof(served));
        probe(&world, &asked.request, order, SHOWN, chances);
        CHECK(memcmp(served, chances, sizeof(served)) == 0);
    }
    end_world(&world);
}

/* Index 4 is unrated, VIDEOS is no candidate, and behind the limit nobody is shown. */
static void what_cannot_be_served_has_probability_0(void)
{
    struct asked asked;
    struct world world = new_world(&asked);
    double chances[SHOWN + 1];
    uint32_t order[SHOWN + 1];
    struct rank_result result = run(&world, &asked.request);
    memcpy(order, result.order, SHOWN * sizeof(order[0]));
    order[SHOWN] = result.dropped[result.dropped_count - 1];
    probe(&world, &asked.request, order, SHOWN + 1, chances);
    CHECK(chances[SHOWN - 1] > 0);
    CHECK(same_bits(0, chances[SHOWN]));
    probe(&world, &asked.request, (const uint32_t[]){4, order[0]}, 2, chances);
    CHECK(same_bits(0, chances[0]));
    CHECK(same_bits(0, chances[1]));
    probe(&world, &asked.request, (const uint32_t[]){order[0], VIDEOS, order[1]}, 3, chances);
    CHECK(chances[0] > 0);
    CHECK(same_bits(0, chances[1]));
    CHECK(same_bits(0, chances[2]));
    end_world(&world);
}

/* At the first position both ways of asking agree, and the mean value follows from the chances. */
static void marginals_begin_with_the_chances_of_the_first_position(void)
{
    struct asked asked;
    struct world world = new_world(&asked);
    double values[VIDEOS];
    double want = 0, sum = 0;
    double probabilities[2], variances[2], expected[2];
    for (size_t i = 0; i < VIDEOS; i++) {
        values[i] = next_unit(&world);
    }
    for (uint32_t i = 0; i < VIDEOS; i++) {
        double chance;
        probe(&world, &asked.request, &i, 1, &chance);
        CHECK(i % 5 == 4 ? same_bits(0, chance) : chance > 0);
        sum += chance;
        want += chance * values[i];
        struct slate_marginals out = {probabilities, variances, expected};
        struct slate_marginals_query query = {
            .slate = (const uint32_t[]){i, i}, .count = 2, .values = values, .draws = 10};
        arena_reset(&world.arena);
        CHECK_EQ(STATUS_OK, rank_marginals(world.state, &world.model, &asked.request, &query,
                                           &world.arena, &out));
        CHECK(same_bits(chance, probabilities[0]));
        CHECK(same_bits(0, variances[0]));
        CHECK(i % 5 == 4 ? same_bits(0, probabilities[1]) : variances[1] > 0);
    }
    CHECK(fabs(sum - 1) < 1e-12);
    CHECK(fabs(want - expected[0]) < 1e-12);
    end_world(&world);
}

static void a_request_without_candidates_shows_nobody(void)
{
    struct asked asked;
    struct world world = new_world(&asked);
    double values[1], probabilities[1], variances[1], expected[1] = {7};
    asked.request.count = 0;
    probe(&world, &asked.request, (const uint32_t[]){0}, 1, probabilities);
    CHECK(same_bits(0, probabilities[0]));
    struct slate_marginals out = {probabilities, variances, expected};
    struct slate_marginals_query query = {
        .slate = (const uint32_t[]){0}, .count = 1, .values = values, .draws = 2};
    CHECK_EQ(STATUS_OK,
             rank_marginals(world.state, &world.model, &asked.request, &query, &world.arena, &out));
    CHECK(same_bits(0, probabilities[0]));
    CHECK(same_bits(0, expected[0]));
    end_world(&world);
}

static enum status ask_within(struct world *world, const struct asked *asked, void *memory,
                              size_t size, double *out)
{
    static const uint32_t slate[] = {0, 1, 2, 3};
    double variances[4], values[VIDEOS] = {0}, expected[4];
    struct arena arena;
    struct slate_marginals marginals = {out, variances, expected};
    struct slate_marginals_query query = {.slate = slate, .count = 4, .values = values, .draws = 5};
    arena_init(&arena, memory, size);
    enum status status =
        rank_probe(world->state, &world->model, &asked->request, slate, 4, &arena, out);
    if (status != STATUS_OK) {
        return status;
    }
    arena_init(&arena, memory, size);
    return rank_marginals(world->state, &world->model, &asked->request, &query, &arena, &marginals);
}

static void every_budget_gives_no_memory_or_the_same(void)
{
    struct asked asked;
    struct world world = new_world(&asked);
    char *memory = malloc(WORLD_MEMORY);
    double want[4], got[4];
    size_t successes = 0;
    CHECK(memory != NULL);
    CHECK_EQ(STATUS_OK, ask_within(&world, &asked, memory, WORLD_MEMORY, want));
    for (size_t size = 0; successes < 10; size += 7) {
        CHECK(size <= WORLD_MEMORY);
        enum status status = ask_within(&world, &asked, memory, size, got);
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
        CHECK(status != STATUS_OK || memcmp(want, got, sizeof(want)) == 0);
        successes += status == STATUS_OK;
    }
    free(memory);
    end_world(&world);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(what_is_served_has_its_propensities),
        TEST(what_cannot_be_served_has_probability_0),
        TEST(marginals_begin_with_the_chances_of_the_first_position),
        TEST(a_request_without_candidates_shows_nobody),
        TEST(every_budget_gives_no_memory_or_the_same),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
