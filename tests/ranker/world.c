#include "tests/ranker/world.h"

#include <stdlib.h>

#include "tests/test.h"

struct world world_of(struct model model)
{
    struct world world = {.state = state_new(), .model = model, .seed = 1};
    void *memory = malloc(WORLD_MEMORY);
    CHECK(world.state != NULL);
    CHECK(memory != NULL);
    arena_init(&world.arena, memory, WORLD_MEMORY);
    return world;
}

void end_world(struct world *world)
{
    state_free(world->state);
    free(world->arena.base);
}

struct model worthless_model(void)
{
    struct model model = {
        .rate_half_life = HALF_LIFE_14_DAYS,
        .popularity_half_life = HALF_LIFE_1_DAY,
        .popularity_scale = 100,
        .freshness_half_life_ms = 86400000,
        .new_video_views = 10,
        .region_strength = 20,
        .language_strength = 20,
        .fatigue_half_life_ms = 6 * 3600000,
        .fatigue_scale = 5,
        .new_user_signals = 20,
        .negative_offset = 0.25,
        .safety_max = SAFETY_MEDIUM,
        .age_max = LIMIT_MINIMUM_AGE_YEARS,
        .creator_decay = 1,
    };
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        model.affinity_weights[i] = 1;
    }
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model.heads[i] = (struct head_model){.prior = 0.25, .strength = 10, .affinity = 1};
    }
    return model;
}

uint64_t next_random(struct world *world)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return world->seed >> 33;
}

double next_unit(struct world *world)
{
    return (double)next_random(world) * 0x1p-31;
}

struct video_facts plain_video(uint64_t key)
{
    return (struct video_facts){
        .key = key,
        .creator_key = 1000 + key,
        .languages = {HINDI},
        .duration_ms = 20000,
        .safety = SAFETY_LOW,
    };
}

void put_video(struct world *world, struct video_facts facts)
{
    struct event event = {.kind = EVENT_VIDEO, .u.video = facts};
    CHECK_EQ(STATUS_OK, state_apply(world->state, ++world->sequence, &event));
}

void send_signal(struct world *world, struct signal signal)
{
    struct event event = {.kind = EVENT_SIGNAL, .u.signal = signal};
    CHECK_EQ(STATUS_OK, state_apply(world->state, ++world->sequence, &event));
}

struct rank_result run(struct world *world, const struct rank_request *request)
{
    struct rank_result result;
    arena_reset(&world->arena);
    CHECK_EQ(STATUS_OK, rank(world->state, &world->model, request, &world->arena, &result));
    return result;
}
