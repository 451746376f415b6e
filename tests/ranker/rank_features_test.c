#include "ranker/rank_features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ranker/world.h"
#include "tests/test.h"

enum { VIDEOS = 60, USERS = 40, SIGNALS = 3000, SOURCES = 3 };

static const int64_t NOW_MS = INT64_C(1704088800000);

struct asked {
    uint64_t keys[VIDEOS];
    double retrieval_scores[VIDEOS];
    uint64_t source_keys[VIDEOS];
    struct rank_request request;
};

/* With heads of kind rate, as the shipped weights have them. */
static struct model rating_model(void)
{
    struct model model = worthless_model();
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model.value[i] = 1;
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        model.multipliers[i] = 0.5;
    }
    model.rate_scope = RATE_SCOPE_LANGUAGE;
    model.source_count = 1;
    model.sources[0] = (struct source_value){.key = 2, .value = 0.5};
    return model;
}

/* A head weighs every feature, so explanations list them all. */
static struct model reading_model(void)
{
    static struct feature_weight weights[FEATURE_COUNT];
    struct model model = rating_model();
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        weights[i].feature = i;
    }
    model.heads[HEAD_FOLLOW].kind = HEAD_KIND_LINEAR;
    model.heads[HEAD_FOLLOW].weight_count = FEATURE_COUNT;
    model.heads[HEAD_FOLLOW].weights = weights;
    return model;
}

/* Each fifth is unrated, so policy drops it. */
static struct video_facts random_video(struct world *world, uint64_t key)
{
    struct video_facts facts = plain_video(key);
    facts.creator_key = 100 + key % 7;
    facts.category_keys[0] = 200 + key % 4;
    facts.tag_keys[0] = 300 + key % 5;
    facts.languages[0] = key % 3 == 0 ? HINDI : TAMIL;
    facts.creator_region = key % 2 == 0 ? INDIA : RUSSIA;
    facts.quality = (float)next_unit(world);
    facts.published_ms = NOW_MS - (int64_t)(next_unit(world) * 1e10);
    facts.safety = key % 5 == 0 ? SAFETY_UNRATED : SAFETY_LOW;
    return facts;
}

static void random_signal(struct world *world)
{
    static const enum signal_type types[] = {SIGNAL_IMPRESSION, SIGNAL_PLAY, SIGNAL_WATCH,
                                             SIGNAL_LIKE,       SIGNAL_SKIP, SIGNAL_FOLLOW_CREATOR};
    enum signal_type type = types[next_random(world) % 6];
    send_signal(world, (struct signal){.user_key = 1 + next_random(world) % USERS,
                                       .video_key = 1 + next_random(world) % VIDEOS,
                                       .type = type,
                                       .time_ms = NOW_MS - (int64_t)(next_unit(world) * 1e9),
                                       .watch_ms = type == SIGNAL_WATCH ? 9000 : 0,
                                       .locale = {.language = HINDI, .region = INDIA}});
}

static struct world new_world(struct model model, struct asked *asked)
{
    struct world world = world_of(model);
    for (size_t i = 0; i < VIDEOS; i++) {
        put_video(&world, random_video(&world, i + 1));
        asked->keys[i] = i + 1;
        asked->retrieval_scores[i] = next_unit(&world);
        asked->source_keys[i] = i % SOURCES;
    }
    for (size_t i = 0; i < SIGNALS; i++) {
        random_signal(&world);
    }
    asked->request = (struct rank_request){
        .user_key = 1,
        .locale = {.language = HINDI, .region = INDIA},
        .age_years = 30,
        .keys = asked->keys,
        .retrieval_scores = asked->retrieval_scores,
        .source_keys = asked->source_keys,
        .count = VIDEOS,
        .now_ms = NOW_MS,
    };
    return world;
}

static struct rank_features take(struct world *world, const struct rank_request *request)
{
    struct rank_features features;
    arena_reset(&world->arena);
    CHECK_EQ(STATUS_OK,
             rank_features(world->state, &world->model, request, &world->arena, &features));
    return features;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

/* Every value that an explanation shows is the one that was taken. Returns how many it shows. */
static size_t check_same(struct world *world, struct asked *asked)
{
    double *taken = malloc(VIDEOS * FEATURE_COUNT * sizeof(*taken));
    CHECK(taken != NULL);
    memcpy(taken, take(world, &asked->request).values, VIDEOS * FEATURE_COUNT * sizeof(*taken));
    asked->request.explain = true;
    struct rank_result result = run(world, &asked->request);
    CHECK_EQ(VIDEOS - VIDEOS / 5, result.count);
    for (size_t i = 0; i < result.count * result.feature_count; i++) {
        uint32_t candidate = result.order[i / result.feature_count];
        enum feature feature = result.features[i % result.feature_count];
        CHECK(same_bits(result.feature_values[i], taken[candidate * FEATURE_COUNT + feature]));
    }
    free(taken);
    return result.feature_count;
}

static void features_are_those_that_a_model_of_all_features_reads(void)
{
    struct asked asked;
    struct world world = new_world(reading_model(), &asked);
    CHECK_EQ(FEATURE_COUNT, check_same(&world, &asked));
    asked.request.user_key = 0; /* and of a visitor */
    CHECK_EQ(FEATURE_COUNT, check_same(&world, &asked));
    end_world(&world);
}

static void features_are_those_that_a_model_of_few_features_reads(void)
{
    struct asked asked;
    struct world world = new_world(rating_model(), &asked);
    size_t count = check_same(&world, &asked);
    CHECK(count > 10);
    CHECK(count < FEATURE_COUNT);
    end_world(&world);
}

static void one_candidate_alone_has_the_features_it_has_among_others(void)
{
    struct asked asked;
    struct world world = new_world(rating_model(), &asked);
    double all[VIDEOS * FEATURE_COUNT];
    memcpy(all, take(&world, &asked.request).values, sizeof(all));
    for (size_t i = 0; i < VIDEOS; i++) {
        struct rank_request alone = asked.request;
        alone.keys = &asked.keys[i];
        alone.retrieval_scores = &asked.retrieval_scores[i];
        alone.source_keys = &asked.source_keys[i];
        alone.count = 1;
        struct rank_features features = take(&world, &alone);
        for (size_t feature = 0; feature < FEATURE_COUNT; feature++) {
            CHECK(same_bits(all[i * FEATURE_COUNT + feature], features.values[feature]));
        }
    }
    end_world(&world);
}

static void what_policy_drops_has_its_rule_and_features_still(void)
{
    struct asked asked;
    struct world world = new_world(rating_model(), &asked);
    struct rank_features features = take(&world, &asked.request);
    CHECK_EQ(DROP_NONE, features.rules[3]);
    CHECK_EQ(DROP_UNRATED, features.rules[4]);
    CHECK(!isnan(features.values[4 * FEATURE_COUNT + FEATURE_FRESHNESS]));
    end_world(&world);
}

static void what_the_catalogue_does_not_have_has_no_features(void)
{
    struct asked asked;
    struct world world = new_world(rating_model(), &asked);
    struct event event = {.kind = EVENT_VIDEO_DELETED, .u.deleted_video_key = 2};
    CHECK_EQ(STATUS_OK, state_apply(world.state, ++world.sequence, &event));
    asked.keys[2] = 12345;
    asked.keys[3] = 0;
    struct rank_features features = take(&world, &asked.request);
    CHECK_EQ(DROP_DELETED, features.rules[1]);
    CHECK_EQ(DROP_UNKNOWN_VIDEO, features.rules[2]);
    CHECK_EQ(DROP_UNKNOWN_VIDEO, features.rules[3]);
    for (size_t i = FEATURE_COUNT; i < 4 * FEATURE_COUNT; i++) {
        CHECK(isnan(features.values[i]));
    }
    CHECK(!isnan(features.values[0]));
    CHECK(!isnan(features.values[5 * FEATURE_COUNT]));
    end_world(&world);
}

static void a_request_without_candidates_has_no_features(void)
{
    struct asked asked;
    struct world world = new_world(rating_model(), &asked);
    asked.request.count = 0;
    CHECK(take(&world, &asked.request).values != NULL);
    end_world(&world);
}

static void the_largest_request_fits_four_mebibytes(void)
{
    static uint64_t keys[LIMIT_CANDIDATES];
    struct asked asked;
    struct world world = new_world(reading_model(), &asked);
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        keys[i] = i + 1;
        put_video(&world, plain_video(i + 1));
    }
    asked.request.keys = keys;
    asked.request.retrieval_scores = NULL;
    asked.request.source_keys = NULL;
    asked.request.count = LIMIT_CANDIDATES;
    struct rank_features features = take(&world, &asked.request);
    CHECK(!isnan(features.values[(LIMIT_CANDIDATES - 1) * FEATURE_COUNT]));
    end_world(&world);
}

static void every_budget_gives_no_memory_or_the_same_bytes(void)
{
    struct asked asked;
    struct world world = new_world(rating_model(), &asked);
    double want[VIDEOS * FEATURE_COUNT];
    size_t failures = 0, successes = 0;
    memcpy(want, take(&world, &asked.request).values, sizeof(want));
    char *memory = malloc(WORLD_MEMORY);
    CHECK(memory != NULL);
    for (size_t size = 0; successes < 10; size += 101) {
        struct arena arena;
        struct rank_features got = {.values = NULL};
        CHECK(size <= WORLD_MEMORY);
        arena_init(&arena, memory, size);
        enum status status = rank_features(world.state, &world.model, &asked.request, &arena, &got);
        if (status == STATUS_OK) {
            CHECK(memcmp(want, got.values, sizeof(want)) == 0);
            successes++;
        } else {
            CHECK_EQ(STATUS_NO_MEMORY, status);
            CHECK(got.values == NULL);
            CHECK_EQ(0, successes);
            failures++;
        }
    }
    CHECK(failures > 100);
    arena_init(&world.arena, world.arena.base, WORLD_MEMORY);
    free(memory);
    end_world(&world);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(features_are_those_that_a_model_of_all_features_reads),
        TEST(features_are_those_that_a_model_of_few_features_reads),
        TEST(one_candidate_alone_has_the_features_it_has_among_others),
        TEST(what_policy_drops_has_its_rule_and_features_still),
        TEST(what_the_catalogue_does_not_have_has_no_features),
        TEST(a_request_without_candidates_has_no_features),
        TEST(the_largest_request_fits_four_mebibytes),
        TEST(every_budget_gives_no_memory_or_the_same_bytes),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
