#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ranker/arena.h"
#include "ranker/block_code.h"
#include "ranker/check.h"
#include "ranker/features.h"
#include "ranker/state.h"
#include "tests/bench/program.h"
#include "tests/bench/small_state.h"

/*
 * What each feature costs a candidate whose row is in the cache, for the column of costs in
 * ranker/feature.c: blocks of candidates are filled with one feature and with none, in turns, and
 * the least times compared.
 */

enum { ARENA_BYTES = 8 << 20 };

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
    const struct block_code *code; /* as ranking has it on this processor */
    struct state *state;
    struct arena arena;
    struct model model;
    struct profile profile;
    struct features_source source;
    struct candidate candidates[SMALL_STATE_VIDEOS];
    struct features features;
};

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
    struct rank_request request = {
        .user_key = SMALL_STATE_USER,
        .locale = {.language = SMALL_STATE_HINDI, .region = SMALL_STATE_INDIA},
        .now_ms = SMALL_STATE_NOW_MS,
        .exclude_seen = true};
    struct selection all = selection_of_all(&bench->model);
    const struct user *user = NULL;
    CHECK(state_find_user(bench->state, SMALL_STATE_USER, &bench->arena, &user) == STATUS_OK);
    CHECK(user != NULL);
    CHECK(profile_init(&bench->profile, user, &all, &request, state_videos(bench->state),
                       &bench->arena) == STATUS_OK);
    CHECK(features_source_init(&bench->source, &bench->profile, bench->state, &bench->arena) ==
          STATUS_OK);
    const struct videos *videos = state_videos(bench->state);
    for (size_t i = 0; i < SMALL_STATE_VIDEOS; i++) {
        bench->candidates[i] = (struct candidate){
            .video = videos_at(videos, i), .retrieval_score = 1, .source_key = 1 + i % 5};
    }
}

static double ns_a_candidate(struct bench *bench, const struct selection *selection)
{
    int64_t start_ns = program_now_ns();
    for (size_t i = 0; i < SMALL_STATE_VIDEOS; i += FEATURE_BLOCK) {
        bench->code->fill(&bench->source, selection, &bench->candidates[i], FEATURE_BLOCK,
                          &bench->features);
    }
    return (double)(program_now_ns() - start_ns) / SMALL_STATE_VIDEOS;
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
    bench->code = block_code_choose();
    bench->state = small_state_new();
    arena_init(&bench->arena, memory, ARENA_BYTES);
    bench->model = plain_model();
    prepare(bench);
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        time_feature(bench, i, options.rounds);
    }
    state_free(bench->state);
    free(memory);
    free(bench);
    return 0;
}
