#include "replay/contender.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "reelrank/v1/decision.pb-c.h"
#include "tests/replay/place.h"
#include "tests/test.h"

enum { ARENA_BYTES = 16 << 20, NOW_MS = 1000000000, DAY_MS = 86400000 };

/* A catalogue of five videos; 6 is unknown and 4 not rated, so that policy drops them. */
struct world {
    struct state *state;
    struct weights *weights;
    struct contenders contenders;
    struct rank_request request;
    struct past_ranking ranking;
    struct arena arena;
    char *memory; /* of the arena */
};

static const uint64_t keys[] = {4, 1, 6, 3, 2, 5};

enum { COUNT = sizeof(keys) / sizeof(keys[0]) };

static uint64_t sequence;

static void apply(struct state *state, const struct event *event)
{
    CHECK_EQ(STATUS_OK, state_apply(state, ++sequence, event));
}

static void add_video(struct state *state, uint64_t key, float quality, int64_t published_ms,
                      const char *language)
{
    struct locale locale = {0};
    CHECK_EQ(STATUS_OK, locale_parse(text_of(language), &locale));
    struct event event = {.kind = EVENT_VIDEO,
                          .u.video = {.key = key,
                                      .creator_key = 100 + key,
                                      .duration_ms = 20000,
                                      .published_ms = published_ms,
                                      .languages = {locale_language(locale)},
                                      .quality = quality,
                                      .safety = key == 4 ? SAFETY_UNRATED : SAFETY_LOW}};
    apply(state, &event);
}

static void add_signals(struct state *state, uint64_t video_key, enum signal_type type,
                        unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct event event = {.kind = EVENT_SIGNAL,
                              .u.signal = {.user_key = 1000 + i,
                                           .video_key = video_key,
                                           .type = type,
                                           .time_ms = NOW_MS - 1000}};
        apply(state, &event);
    }
}

/* By quality: 2, 5, 1, 3. By views: 3 (5), 5 (4), 1 (2), 2. By likes: 1, then all others. */
static void fill(struct state *state)
{
    sequence = 0;
    add_video(state, 1, 0.3F, 40, "ru");
    add_video(state, 2, 0.9F, 10, "hi");
    add_video(state, 3, 0.1F, 20, "ru");
    add_video(state, 4, 1, 50, "ru");
    add_video(state, 5, 0.5F, 30, "hi");
    add_signals(state, 3, SIGNAL_IMPRESSION, 5);
    add_signals(state, 5, SIGNAL_PLAY, 4); /* plays alone, as some logs have it */
    add_signals(state, 1, SIGNAL_IMPRESSION, 2);
    add_signals(state, 1, SIGNAL_LIKE, 1);
}

static struct weights *parse(const char *yaml)
{
    struct weights *weights = NULL;
    struct weights_problems problems;
    CHECK_EQ(STATUS_OK, weights_parse(text_of(yaml), &weights, &problems));
    return weights;
}

static void begin(struct world *world, const char *yaml)
{
    *world = (struct world){.state = state_new(),
                            .weights = parse(yaml),
                            .request = {.keys = keys, .count = COUNT, .now_ms = NOW_MS, .seed = 5},
                            .memory = malloc(ARENA_BYTES)};
    CHECK(world->state != NULL && world->memory != NULL);
    fill(world->state);
    CHECK_EQ(STATUS_OK, locale_parse(text_of("hi-IN"), &world->request.locale));
    world->request.user_key = 77;
    world->ranking = (struct past_ranking){
        .time_ms = NOW_MS, .user_key = 77, .request = &world->request, .first_position = 1};
    world->contenders = (struct contenders){
        .items = {{.kind = CONTENDER_WEIGHTS, .name = "w", .weights = world->weights},
                  {.kind = CONTENDER_SERVED, .name = "served"},
                  {.kind = CONTENDER_BASELINE, .name = "b"}},
        .count = 3,
        .seed = 9};
    arena_init(&world->arena, world->memory, ARENA_BYTES);
}

static void end(struct world *world)
{
    arena_reset(&world->arena);
    state_free(world->state);
    weights_unref(world->weights);
    free(world->memory);
}

static struct contender_order order_of(struct world *world, size_t contender)
{
    struct contender_order order;
    CHECK_EQ(STATUS_OK, contender_rank(&world->contenders, contender, &world->ranking, world->state,
                                       &world->arena, &order));
    return order;
}

/* The videos by position; that order and positions say the same. */
static void check_order(const struct contender_order *order, const uint64_t *want, size_t count)
{
    size_t placed = 0;
    CHECK_EQ(count, order->count);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(want[i], keys[order->order[i]]);
        CHECK_EQ(i, order->positions[order->order[i]]);
        CHECK(i == 0 || order->scores[order->order[i]] <= order->scores[order->order[i - 1]]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        placed += order->positions[i] != CONTENDER_ABSENT;
        CHECK(order->positions[i] != CONTENDER_ABSENT || !(order->scores[i] > 0));
    }
    CHECK_EQ(count, placed);
}

static const char by_quality[] = PLACE_SCORE_OF("0", "0", "1");

static void weights_order_and_drop_as_the_server_does(void)
{
    static const uint64_t want[] = {2, 5, 1, 3};
    struct world world;
    begin(&world, by_quality);
    struct contender_order order = order_of(&world, 0);
    check_order(&order, want, 4);
    struct rank_result result;
    CHECK_EQ(STATUS_OK, rank(world.state, contender_model(world.weights, &world.ranking),
                             &world.request, &world.arena, &result));
    CHECK_EQ(result.count, order.count);
    for (size_t i = 0; i < result.count; i++) {
        double score = order.scores[order.order[i]];
        CHECK_EQ(result.order[i], order.order[i]);
        CHECK(!(score < result.scores[i]) && !(score > result.scores[i]));
    }
    CHECK_EQ(DROP_UNRATED, order.dropped[0]);
    CHECK_EQ(DROP_UNKNOWN_VIDEO, order.dropped[2]);
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_EQ(i == 0 || i == 2, order.dropped[i] != DROP_NONE);
    }
    end(&world);
}

static void a_served_order_is_as_it_was(void)
{
    static const uint32_t served[] = {3, 0, 5};
    static const uint64_t want[] = {3, 4, 5};
    struct world world;
    begin(&world, by_quality);
    world.ranking.served = served;
    world.ranking.served_count = 3;
    struct contender_order order = order_of(&world, 1);
    check_order(&order, want, 3);
    CHECK(order.scores[3] > 2.5 && order.scores[5] < 1.5);
    CHECK(order.dropped == NULL);
    world.ranking.served_count = 0; /* not known */
    order = order_of(&world, 1);
    check_order(&order, want, 0);
    end(&world);
}

/* Equal ones keep the request's order, 4 1 6 3 2 5; what the state does not know comes last. */
static void baselines_order_by_one_fact(void)
{
    static const struct {
        enum baseline baseline;
        uint64_t want[COUNT];
    } cases[] = {
        {BASELINE_POPULARITY, {3, 5, 1, 4, 2, 6}},
        {BASELINE_LANGUAGE_POPULARITY, {5, 2, 3, 1, 4, 6}},
        {BASELINE_LIKES, {1, 4, 3, 2, 5, 6}},
        {BASELINE_RECENCY, {4, 1, 5, 3, 2, 6}},
    };
    struct world world;
    begin(&world, by_quality);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world.contenders.items[2].baseline = cases[i].baseline;
        struct contender_order order = order_of(&world, 2);
        CHECK(order.dropped == NULL);
        CHECK_EQ(COUNT, order.count);
        for (size_t j = 0; j < COUNT; j++) {
            CHECK_EQ(cases[i].want[j], keys[order.order[j]]);
            CHECK_EQ(j, order.positions[order.order[j]]);
        }
    }
    end(&world);
}

static void a_random_order_is_of_its_seed_and_request(void)
{
    enum { ROUNDS = 600 };
    unsigned first[COUNT] = {0};
    struct world world;
    begin(&world, by_quality);
    world.contenders.items[2].baseline = BASELINE_RANDOM;
    for (unsigned i = 0; i < ROUNDS; i++) {
        world.request.seed = i;
        arena_reset(&world.arena);
        struct contender_order order = order_of(&world, 2);
        struct contender_order again = order_of(&world, 2);
        CHECK(memcmp(order.order, again.order, COUNT * sizeof(order.order[0])) == 0);
        first[order.order[0]]++;
    }
    for (size_t i = 0; i < COUNT; i++) { /* 100, give or take 4 standard deviations of 9 */
        CHECK(first[i] > 63 && first[i] < 137);
    }
    end(&world);
}

static void of_no_candidates_all_orders_are_empty(void)
{
    struct world world;
    begin(&world, by_quality);
    world.request.count = 0;
    for (size_t i = 0; i < world.contenders.count; i++) {
        CHECK_EQ(0, order_of(&world, i).count);
    }
    end(&world);
}

static void as_many_candidates_as_a_request_may_have_are_ordered(void)
{
    static uint64_t many[LIMIT_CANDIDATES];
    static uint32_t served[LIMIT_CANDIDATES];
    struct world world;
    begin(&world, by_quality);
    for (uint32_t i = 0; i < LIMIT_CANDIDATES; i++) {
        many[i] = 10 + i;
        served[i] = LIMIT_CANDIDATES - 1 - i;
        add_video(world.state, many[i], (float)i / LIMIT_CANDIDATES, i, "hi");
    }
    world.request.keys = many;
    world.request.count = LIMIT_CANDIDATES;
    world.ranking.served = served;
    world.ranking.served_count = LIMIT_CANDIDATES;
    world.contenders.items[2].baseline = BASELINE_RECENCY;
    for (size_t i = 0; i < world.contenders.count; i++) {
        struct contender_order order = order_of(&world, i);
        CHECK_EQ(LIMIT_CANDIDATES, order.count);
        for (uint32_t j = 0; j < LIMIT_CANDIDATES; j++) {
            CHECK_EQ(LIMIT_CANDIDATES - 1 - j, order.order[j]);
        }
    }
    end(&world);
}

static void any_memory_that_is_too_little_is_refused(void)
{
    struct world world;
    begin(&world, by_quality);
    for (size_t contender = 0; contender < world.contenders.count; contender++) {
        enum status status = STATUS_NO_MEMORY;
        size_t budget = 0;
        for (; status == STATUS_NO_MEMORY; budget += 16) {
            char *memory = malloc(budget + 1);
            struct arena arena;
            struct contender_order order;
            CHECK(memory != NULL);
            CHECK(budget < ARENA_BYTES);
            arena_init(&arena, memory, budget);
            status = contender_rank(&world.contenders, contender, &world.ranking, world.state,
                                    &arena, &order);
            arena_reset(&arena);
            free(memory);
        }
        CHECK_EQ(STATUS_OK, status);
        CHECK(budget > COUNT * sizeof(double));
    }
    end(&world);
}

/* Arm b of the experiment orders by quality turned round; everybody is in a. */
#define EXPERIMENT                                                        \
    "experiments: {e: {arms: {a: {share: 1}, b: {share: 0, multipliers: " \
    "{quality: -1}}}}}\n"

static const char with_arms[] = PLACE_SCORE_OF("0", "0", "1") EXPERIMENT;

static void set_decision(struct world *world, Reelrank__V1__Decision *decision,
                         Reelrank__V1__RankRequest *request, const char *asked, const char *arms)
{
    *decision = (Reelrank__V1__Decision)REELRANK__V1__DECISION__INIT;
    *request = (Reelrank__V1__RankRequest)REELRANK__V1__RANK_REQUEST__INIT;
    request->experiment = (char *)asked;
    decision->request = request;
    decision->experiment_arm = (char *)arms;
    world->ranking.decision = decision;
}

static void the_arm_asked_for_ranks(void)
{
    static const uint64_t plain[] = {2, 5, 1, 3};
    static const uint64_t turned[] = {3, 1, 5, 2};
    Reelrank__V1__Decision decision;
    Reelrank__V1__RankRequest request;
    struct world world;
    begin(&world, with_arms);
    struct contender_order order = order_of(&world, 0);
    check_order(&order, plain, 4);
    set_decision(&world, &decision, &request, "e/b", "e/b");
    order = order_of(&world, 0);
    check_order(&order, turned, 4);
    set_decision(&world, &decision, &request, "other/b", "other/b"); /* which it does not have */
    order = order_of(&world, 0);
    check_order(&order, plain, 4);
    end(&world);
}

static void arms_are_those_served_or_else_the_first_weights(void)
{
    Reelrank__V1__Decision decision;
    Reelrank__V1__RankRequest request;
    struct world world;
    begin(&world, with_arms);
    CHECK_STR("e/a", contenders_arms(&world.contenders, &world.ranking));
    set_decision(&world, &decision, &request, "", "was/served");
    CHECK_STR("was/served", contenders_arms(&world.contenders, &world.ranking));
    world.ranking.decision = NULL;
    world.request.user_key = 0; /* a visitor is in no experiment */
    CHECK_STR("", contenders_arms(&world.contenders, &world.ranking));
    world.request.user_key = 77;
    world.contenders.items[0].kind = CONTENDER_SERVED;
    CHECK_STR("", contenders_arms(&world.contenders, &world.ranking));
    end(&world);
}

static void kinds_have_names(void)
{
    CHECK_STR("weights", contender_kind_name(CONTENDER_WEIGHTS));
    CHECK_STR("served", contender_kind_name(CONTENDER_SERVED));
    CHECK_STR("baseline", contender_kind_name(CONTENDER_BASELINE));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(weights_order_and_drop_as_the_server_does),
        TEST(a_served_order_is_as_it_was),
        TEST(baselines_order_by_one_fact),
        TEST(a_random_order_is_of_its_seed_and_request),
        TEST(of_no_candidates_all_orders_are_empty),
        TEST(as_many_candidates_as_a_request_may_have_are_ordered),
        TEST(any_memory_that_is_too_little_is_refused),
        TEST(the_arm_asked_for_ranks),
        TEST(arms_are_those_served_or_else_the_first_weights),
        TEST(kinds_have_names),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
