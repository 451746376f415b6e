#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ranker/arena.h"
#include "ranker/check.h"
#include "ranker/features.h"
#include "ranker/state.h"
#include "tests/bench/dataset.h"
#include "tests/bench/program.h"

/*
 * What each feature costs a candidate whose row is in the cache, for the column of costs in
 * ranker/feature.c: blocks of candidates are filled with one feature and with none, in turns, and
 * the least times compared.
 */

enum { VIDEOS = 512, VIEWERS = 20, ARENA_BYTES = 8 << 20 };
enum { HINDI = 8 * 32 + 9, INDIA = 9 * 32 + 14 };
#define NOW_MS INT64_C(1704088800000)

struct options {
    int64_t rounds;
};

static const struct argument arguments[] = {
    {.name = "rounds",
     .value_name = "N",
     .help = "how often all videos are filled with each feature",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, rounds),
     .initial = "300",
     .minimum = 1,
     .maximum = 1000000000},
};

static const struct program program = {
    .summary = "Times features and prints a line for each: name, ns a candidate.",
    .examples = "  feature_bench\n  feature_bench --rounds 3000 | sort -k2 -n\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct bench {
    struct state *state;
    struct arena arena;
    struct model model;
    struct profile profile;
    struct features_source source;
    struct candidate candidates[VIDEOS];
    struct features features;
    uint64_t sequence;
    uint64_t seed;
};

static uint64_t draw(struct bench *bench, uint64_t below)
{
    bench->seed = bench->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (bench->seed >> 33) % below;
}

/* Tables are made for keys that are hashes. */
static uint64_t key_of(uint64_t number)
{
    return dataset_mix(number + 1);
}

static void apply(struct bench *bench, const struct event *event)
{
    CHECK(state_apply(bench->state, ++bench->sequence, event) == STATUS_OK);
}

static void put_video(struct bench *bench, uint64_t number)
{
    struct event event = {.kind = EVENT_VIDEO};
    event.u.video = (struct video_facts){
        .key = key_of(number),
        .creator_key = key_of(draw(bench, 60)),
        .languages = {HINDI},
        .duration_ms = (uint32_t)(1000 + draw(bench, 90000)),
        .published_ms = NOW_MS - (int64_t)draw(bench, 1000) * 3600000,
        .creator_region = INDIA,
        .quality = 0.5F,
    };
    for (unsigned i = 0; i < 2; i++) {
        event.u.video.category_keys[i] = key_of(draw(bench, 30));
        event.u.video.tag_keys[i] = key_of(draw(bench, 100));
    }
    apply(bench, &event);
}

static void send(struct bench *bench, uint64_t user, uint64_t video, enum signal_type type)
{
    struct event event = {.kind = EVENT_SIGNAL};
    event.u.signal = (struct signal){
        .user_key = user,
        .video_key = video,
        .type = type,
        .watch_ms = (int64_t)draw(bench, 30000),
        .time_ms = NOW_MS - (int64_t)draw(bench, 86400000),
        .locale = {.language = HINDI, .region = INDIA},
    };
    apply(bench, &event);
}

/* Every video has views in the region; user 1 has seen, liked and followed. */
static void fill_state(struct bench *bench)
{
    for (uint64_t number = 0; number < VIDEOS; number++) {
        uint64_t key = key_of(number);
        put_video(bench, number);
        for (uint64_t user = 2; user < 2 + VIEWERS; user++) {
            send(bench, user, key, SIGNAL_WATCH);
            send(bench, user, key, draw(bench, 8) == 0 ? SIGNAL_LIKE : SIGNAL_IMPRESSION);
        }
        send(bench, 1, key, draw(bench, 4) == 0 ? SIGNAL_LIKE : SIGNAL_WATCH);
        if (draw(bench, 16) == 0) {
            send(bench, 1, key, SIGNAL_FOLLOW_CREATOR);
        }
    }
}

static struct model plain_model(void)
{
    struct model model = {
        .rate_half_life = HALF_LIFE_14_DAYS,
        .popularity_scale = 1000,
        .freshness_half_life_ms = 86400e3,
        .new_video_views = 50,
        .region_strength = 20,
        .language_strength = 20,
        .fatigue_half_life_ms = 6 * 3600e3,
        .fatigue_scale = 5,
        .new_user_signals = 20,
        .source_count = 4,
        .sources = {{1, 0.1}, {2, 0.2}, {3, 0.3}, {4, 0.4}},
    };
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model.heads[i] = (struct head_model){.prior = 0.1, .strength = 20};
    }
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        model.affinity_weights[i] = 1;
    }
    return model;
}

static void prepare(struct bench *bench)
{
    struct rank_request request = {.user_key = 1,
                                   .locale = {.language = HINDI, .region = INDIA},
                                   .now_ms = NOW_MS,
                                   .exclude_seen = true};
    struct selection all = selection_of_all(&bench->model);
    const struct user *user = NULL;
    CHECK(state_find_user(bench->state, 1, &bench->arena, &user) == STATUS_OK);
    CHECK(user != NULL);
    CHECK(profile_init(&bench->profile, user, &all, &request, &bench->arena) == STATUS_OK);
    CHECK(profile_tire(&bench->profile, state_videos(bench->state), 6 * 3600e3, &bench->arena) ==
          STATUS_OK);
    CHECK(features_source_init(&bench->source, &bench->profile, bench->state, &bench->arena) ==
          STATUS_OK);
    const struct videos *videos = state_videos(bench->state);
    for (size_t i = 0; i < VIDEOS; i++) {
        bench->candidates[i] = (struct candidate){
            .video = videos_at(videos, i), .retrieval_score = 1, .source_key = 1 + i % 5};
    }
}

static double ns_a_candidate(struct bench *bench, const struct selection *selection)
{
    int64_t start_ns = program_now_ns();
    for (size_t i = 0; i < VIDEOS; i += FEATURE_BLOCK) {
        features_fill(&bench->source, selection, &bench->candidates[i], FEATURE_BLOCK,
                      &bench->features);
    }
    return (double)(program_now_ns() - start_ns) / VIDEOS;
}

static void time_feature(struct bench *bench, enum feature feature, int64_t rounds)
{
    struct selection none = {.model = &bench->model};
    struct selection one = none;
    double least_none = 1e9;
    double least_one = 1e9;
    feature_set_add(&one.features, feature);
    for (int64_t i = 0; i < rounds; i++) {
        double without = ns_a_candidate(bench, &none);
        double with = ns_a_candidate(bench, &one);
        least_none = without < least_none ? without : least_none;
        least_one = with < least_one ? with : least_one;
    }
    printf("%-31s %.1f\n", feature_name(feature), least_one - least_none);
}

int main(int argc, char **argv)
{
    struct options options;
    program_options(&program, argc, argv, &options);
    struct bench *bench = calloc(1, sizeof(*bench));
    void *memory = malloc(ARENA_BYTES);
    CHECK(bench != NULL);
    CHECK(memory != NULL);
    bench->state = state_new();
    CHECK(bench->state != NULL);
    arena_init(&bench->arena, memory, ARENA_BYTES);
    bench->model = plain_model();
    fill_state(bench);
    prepare(bench);
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        time_feature(bench, i, options.rounds);
    }
    state_free(bench->state);
    free(memory);
    free(bench);
    return 0;
}
