#include "tests/replay/scene.h"

#include <stdlib.h>

#include "tests/test.h"

enum { DURATION_MS = 20000 };

static void put_video(struct scene *scene, size_t i)
{
    struct event event = {.kind = EVENT_VIDEO,
                          .u.video = {.key = scene->keys[i],
                                      .creator_key = 900 + scene->keys[i],
                                      .duration_ms = DURATION_MS,
                                      .safety = SAFETY_LOW}};
    CHECK_EQ(STATUS_OK, state_apply(scene->state, ++scene->sequence, &event));
}

void scene_open(struct scene *scene)
{
    void *memory = malloc(SCENE_ARENA_BYTES);
    *scene = (struct scene){.state = state_new()};
    CHECK(memory != NULL);
    CHECK(scene->state != NULL);
    arena_init(&scene->arena, memory, SCENE_ARENA_BYTES);
    for (size_t i = 0; i < SCENE_VIDEOS; i++) {
        scene->keys[i] = 100 + i;
        scene->retrieval_scores[i] = 1 / (1.0 + (double)i);
        put_video(scene, i);
    }
}

void scene_close(struct scene *scene)
{
    state_free(scene->state);
    arena_reset(&scene->arena);
    free(scene->arena.base);
}

struct arena *scene_arena(struct scene *scene)
{
    arena_reset(&scene->arena);
    return &scene->arena;
}

struct weights *scene_weights(const char *yaml)
{
    struct weights *weights = NULL;
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    CHECK(problems != NULL);
    enum status status = weights_parse(text_of(yaml), &weights, problems);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problems->items[0].message);
    }
    CHECK_EQ(STATUS_OK, status);
    free(problems);
    return weights;
}

struct rank_request scene_request(const struct scene *scene, uint64_t user_key, size_t count,
                                  int64_t time_ms)
{
    return (struct rank_request){.user_key = user_key,
                                 .age_years = 30,
                                 .count = count,
                                 .keys = scene->keys,
                                 .retrieval_scores = scene->retrieval_scores,
                                 .now_ms = time_ms,
                                 .seed = (uint64_t)time_ms ^ user_key << 32};
}

struct past_ranking scene_ranking(const struct rank_request *request, uint64_t ranking_key,
                                  const uint32_t *served, size_t served_count)
{
    return (struct past_ranking){.time_ms = request->now_ms,
                                 .user_key = request->user_key,
                                 .ranking_key = ranking_key,
                                 .request = request,
                                 .served = served,
                                 .served_count = served_count,
                                 .first_position = 1};
}

struct signal scene_signal(const struct scene *scene, uint64_t user_key, uint64_t ranking_key,
                           size_t video, enum signal_type type, int64_t time_ms)
{
    return (struct signal){.user_key = user_key,
                           .video_key = scene->keys[video],
                           .ranking_key = ranking_key,
                           .type = type,
                           .time_ms = time_ms};
}
