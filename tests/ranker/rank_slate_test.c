#include <stdlib.h>
#include <string.h>

#include "ranker/rank.h"
#include "tests/test.h"

/* The slate's rules from the catalogue and the weights to the answer. */
enum { MEMORY = 4 << 20, VIDEOS = 12 }; /* MEMORY: what rank.h promises to be enough */
enum { HINDI = (8 * 32 + 9) * 32, INDIA = 9 * 32 + 14, RUSSIA = 18 * 32 + 21 };

static const int64_t NOW_MS = INT64_C(1700000000000);
static const int64_t HOUR_MS = 3600000;

/* Videos of keys 1 to VIDEOS, scores falling with their keys by their retrieval scores. */
struct world {
    struct state *state;
    struct model model;
    struct arena arena;
    struct video_facts videos[VIDEOS];
    uint64_t keys[VIDEOS];
    double retrieval_scores[VIDEOS];
    struct rank_request request;
    uint64_t sequence;
};

/* The defaults of the program. */
static struct model default_model(void)
{
    static struct weights_problems problems;
    struct weights *weights = NULL;
    CHECK_EQ(STATUS_OK, weights_parse(text_of("version: test\n"), &weights, &problems));
    struct model model = *weights_model(weights, (struct locale){.language = HINDI});
    weights_unref(weights);
    return model;
}

static struct world *new_world(void)
{
    struct world *world = calloc(1, sizeof(*world));
    void *memory = malloc(MEMORY);
    CHECK(world != NULL);
    CHECK(memory != NULL);
    arena_init(&world->arena, memory, MEMORY);
    world->state = state_new();
    CHECK(world->state != NULL);
    world->model = default_model();
    world->model.multipliers[MULTIPLIER_RETRIEVAL] = 5;
    world->model.multipliers[MULTIPLIER_LOCAL_CREATOR] = 0;
    world->model.multipliers[MULTIPLIER_FRESHNESS] = 0;
    world->request = (struct rank_request){
        .locale = {.language = HINDI, .region = INDIA},
        .age_years = 30,
        .keys = world->keys,
        .retrieval_scores = world->retrieval_scores,
        .count = VIDEOS,
        .now_ms = NOW_MS,
        .explain = true,
    };
    for (size_t i = 0; i < VIDEOS; i++) {
        world->keys[i] = i + 1;
        world->retrieval_scores[i] = (double)(VIDEOS - i);
        world->videos[i] = (struct video_facts){
            .key = i + 1, .creator_key = 100 + i, .languages = {HINDI}, .safety = SAFETY_LOW};
    }
    return world;
}

static void end_world(struct world *world)
{
    state_free(world->state);
    free(world->arena.base);
    free(world);
}

static void apply(struct world *world, const struct event *event)
{
    CHECK_EQ(STATUS_OK, state_apply(world->state, ++world->sequence, event));
}

static struct rank_result run(struct world *world)
{
    struct rank_result result;
    for (size_t i = 0; i < VIDEOS; i++) {
        apply(world, &(struct event){.kind = EVENT_VIDEO, .u.video = world->videos[i]});
    }
    arena_reset(&world->arena);
    CHECK_EQ(STATUS_OK, rank(world->state, &world->model, &world->request, &world->arena, &result));
    return result;
}

static void check_order(const struct rank_result *result, const uint32_t *want, size_t count)
{
    CHECK_EQ(count, result->count);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(want[i], result->order[i]);
    }
}

static void check_move(const struct rank_result *result, size_t position, enum slate_rule rule,
                       uint32_t from_position)
{
    const struct slate_moves *moves = &result->moves[position - 1];
    CHECK_EQ(1, moves->count);
    CHECK_EQ(rule, moves->items[0].rule);
    CHECK_EQ(from_position, moves->items[0].from_position);
}

static void without_rules_nothing_moves(void)
{
    struct world *world = new_world();
    struct rank_result result = run(world);
    CHECK_EQ(VIDEOS, result.count);
    CHECK(result.moves == NULL);
    for (uint32_t i = 0; i < VIDEOS; i++) {
        CHECK_EQ(i, result.order[i]);
    }
    end_world(world);
}

static void creators_of_the_users_region_get_their_share(void)
{
    static const uint32_t want[] = {0, 10, 1, 11};
    struct world *world = new_world();
    world->model.window = 2;
    world->model.local_share = 0.5;
    world->request.limit = 4;
    world->videos[3].creator_region = RUSSIA;
    world->videos[10].creator_region = world->videos[11].creator_region = INDIA;
    struct rank_result result = run(world);
    check_order(&result, want, 4);
    check_move(&result, 2, SLATE_LOCAL_SHARE, 11);
    CHECK_EQ(0, result.moves[0].count);
    CHECK_EQ(8, result.dropped_count);
    for (size_t i = 0; i < 8; i++) {
        CHECK_EQ(2 + i, result.dropped[i]);
        CHECK_EQ(DROP_BELOW_LIMIT, result.dropped_rules[i]);
    }
    end_world(world);
}

static void without_a_region_nobody_is_local(void)
{
    struct world *world = new_world();
    world->model.window = 2;
    world->model.local_share = 1;
    world->request.locale.region = 0;
    struct rank_result result = run(world);
    for (uint32_t i = 0; i < VIDEOS; i++) {
        CHECK_EQ(i, result.order[i]);
    }
    end_world(world);
}

static void see(struct world *world, uint64_t video_key, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        struct event event = {.kind = EVENT_SIGNAL,
                              .u.signal = {.user_key = 1000 + i,
                                           .video_key = video_key,
                                           .type = SIGNAL_IMPRESSION,
                                           .time_ms = NOW_MS,
                                           .locale = {.language = HINDI, .region = INDIA}}};
        apply(world, &event);
    }
}

/* 8 is too old by a millisecond, 9 has too many views, of 11 nothing is known; 10 is of tomorrow.
 */
static void slots_are_for_what_is_young_and_little_seen(void)
{
    static const uint32_t want[] = {0, 7, 1, 10};
    struct world *world = new_world();
    world->model.new_video_every = 2;
    world->model.new_video_age_ms = 24.0 * (double)HOUR_MS;
    world->model.new_video_views = 3;
    world->request.limit = 4;
    world->videos[7].published_ms = NOW_MS - 24 * HOUR_MS;
    world->videos[8].published_ms = NOW_MS - 24 * HOUR_MS - 1;
    world->videos[9].published_ms = NOW_MS - HOUR_MS;
    world->videos[10].published_ms = NOW_MS + 24 * HOUR_MS;
    see(world, 8, 2);
    see(world, 10, 4);
    struct rank_result result = run(world);
    check_order(&result, want, 4);
    check_move(&result, 2, SLATE_NEW_VIDEO_EVERY, 9); /* two views for nothing cost it a place */
    end_world(world);
}

static void use_every_rule(struct model *model)
{
    model->window = 5;
    model->creator_cap = 1;
    model->category_cap = 2;
    model->local_share = 0.4;
    model->diversity = 0.4;
    model->new_video_every = 3;
    model->exploration = EXPLORE_PLACKETT_LUCE;
    model->explore_temperature = 2;
}

static void check_terms(const struct rank_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        double sum = 0;
        for (size_t term = 0; term < TERM_COUNT; term++) {
            sum += result->terms[i * TERM_COUNT + term].value;
        }
        CHECK(memcmp(&sum, &result->scores[i], sizeof(sum)) == 0);
        CHECK(result->propensities[i] > 0 && result->propensities[i] <= 1);
    }
}

/* 0 and 1 look the same way, 2 another; without embeddings nobody is like anybody. */
static void embeddings_of_the_catalogue_keep_apart_what_is_alike(void)
{
    static const uint32_t want[] = {0, 2, 3};
    struct world *world = new_world();
    world->model.diversity = 0.9;
    world->model.diversity_by = DIVERSITY_BY_EMBEDDING;
    world->request.limit = 3;
    world->videos[0].embedding = (struct embedding){.size = 2, .values = {127, 10}};
    world->videos[1].embedding = (struct embedding){.size = 2, .values = {127, 11}};
    world->videos[2].embedding = (struct embedding){.size = 2, .values = {-127, 10}};
    struct rank_result result = run(world);
    check_order(&result, want, 3);
    check_move(&result, 2, SLATE_DIVERSITY, 3);
    end_world(world);
}

static void terms_add_up_to_the_score_wherever_a_video_was_moved(void)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world *world = new_world();
        use_every_rule(&world->model);
        world->request.seed = seed;
        world->model.creator_decay = 0.5;
        for (size_t i = 0; i < VIDEOS; i++) {
            world->videos[i].creator_key = 100 + i % 4;
            world->videos[i].category_keys[0] = 1 + i % 3;
            world->videos[i].creator_region = i % 2 == 0 ? INDIA : RUSSIA;
        }
        struct rank_result result = run(world);
        CHECK_EQ(VIDEOS, result.count);
        check_terms(&result);
        end_world(world);
    }
}

static void explaining_does_not_change_the_answer(void)
{
    struct world *world = new_world();
    uint32_t order[VIDEOS];
    use_every_rule(&world->model);
    struct rank_result result = run(world);
    memcpy(order, result.order, sizeof(order));
    world->request.explain = false;
    result = run(world);
    CHECK(result.moves == NULL && result.terms == NULL);
    check_order(&result, order, VIDEOS);
    end_world(world);
}

static void every_budget_gives_an_answer_or_no_memory(void)
{
    struct world *world = new_world();
    use_every_rule(&world->model);
    (void)run(world);
    enum status status = STATUS_NO_MEMORY;
    for (size_t budget = 0; status != STATUS_OK; budget += 16) {
        struct arena small;
        struct rank_result result;
        CHECK(budget < MEMORY);
        arena_init(&small, world->arena.base, budget);
        status = rank(world->state, &world->model, &world->request, &small, &result);
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
    }
    end_world(world);
}

/* A head that reads every feature, so that explanations list them all. */
static void read_every_feature(struct model *model)
{
    static struct feature_weight weights[FEATURE_COUNT];
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        weights[i] = (struct feature_weight){.feature = i, .weight = 0.01};
    }
    model->heads[HEAD_FOLLOW] = (struct head_model){
        .kind = HEAD_KIND_LINEAR, .weight_count = FEATURE_COUNT, .weights = weights};
    model->value[HEAD_FOLLOW] = 1;
}

/* Each of another creator and with as many categories, tags and numbers as the catalogue keeps. */
static struct video_facts full_video(uint64_t key)
{
    struct video_facts facts = {.key = key,
                                .creator_key = 10000 + key,
                                .languages = {HINDI},
                                .safety = SAFETY_LOW,
                                .embedding = {.size = LIMIT_VIDEO_EMBEDDING}};
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        facts.category_keys[i] = (uint32_t)(1 + key * LIMIT_VIDEO_CATEGORIES + i);
    }
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        facts.tag_keys[i] = (uint32_t)(1 + key * LIMIT_VIDEO_TAGS + i);
    }
    facts.embedding.values[key % LIMIT_VIDEO_EMBEDDING] = 127;
    return facts;
}

/* With every rule, every feature, an explanation, and as many videos as a request may have. */
static void check_largest(struct world *world, enum diversity_by diversity_by)
{
    static uint64_t keys[LIMIT_CANDIDATES];
    static double retrieval_scores[LIMIT_CANDIDATES];
    use_every_rule(&world->model);
    read_every_feature(&world->model);
    world->model.diversity_by = diversity_by;
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        keys[i] = 1000 + i;
        retrieval_scores[i] = (double)i;
        apply(world, &(struct event){.kind = EVENT_VIDEO, .u.video = full_video(keys[i])});
    }
    for (uint64_t i = 0; i < 600; i++) {
        apply(world, &(struct event){.kind = EVENT_SIGNAL,
                                     .u.signal = {.user_key = 7,
                                                  .video_key = 1000 + i,
                                                  .type = SIGNAL_LIKE,
                                                  .time_ms = NOW_MS - HOUR_MS,
                                                  .locale = world->request.locale}});
    }
    world->request.user_key = 7;
    world->request.keys = keys;
    world->request.retrieval_scores = retrieval_scores;
    world->request.source_keys = keys;
    world->request.count = LIMIT_CANDIDATES;
    struct rank_result result;
    arena_reset(&world->arena);
    CHECK_EQ(STATUS_OK, rank(world->state, &world->model, &world->request, &world->arena, &result));
    CHECK_EQ(LIMIT_CANDIDATES, result.count);
    CHECK_EQ(FEATURE_COUNT, result.feature_count);
    check_terms(&result);
}

static void the_largest_request_fits_what_rank_promises(void)
{
    for (unsigned by = DIVERSITY_BY_TAGS; by <= DIVERSITY_BY_EMBEDDING; by++) {
        struct world *world = new_world();
        check_largest(world, by);
        end_world(world);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(without_rules_nothing_moves),
        TEST(creators_of_the_users_region_get_their_share),
        TEST(without_a_region_nobody_is_local),
        TEST(slots_are_for_what_is_young_and_little_seen),
        TEST(embeddings_of_the_catalogue_keep_apart_what_is_alike),
        TEST(terms_add_up_to_the_score_wherever_a_video_was_moved),
        TEST(explaining_does_not_change_the_answer),
        TEST(every_budget_gives_an_answer_or_no_memory),
        TEST(the_largest_request_fits_what_rank_promises),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
