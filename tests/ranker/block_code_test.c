#include "ranker/block_code.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "ranker/state.h"
#include "tests/test.h"

/*
 * Features of made-up videos, worked out with the code for each kind of processor: the same bits;
 * and those that are looked up in the user's lists, worked out here in the simplest way.
 */
enum { VIDEOS = FEATURE_BLOCK, NAMES = 40, USER_SEEN = 60, LANGUAGES = 6 };
#define NOW_MS INT64_C(1704088800000)

struct scene {
    struct state *state;
    struct model model;
    struct user user;
    struct affinity affinities[AFFINITY_KIND_COUNT][USER_AFFINITIES_MAX];
    struct seen seen[USER_SEEN];
    struct profile profile;
    struct features_source source;
    struct selection everything;
    struct video videos[VIDEOS];
    struct video_more more[VIDEOS + 1]; /* of the video before; the first is all zero */
    struct candidate candidates[VIDEOS];
    struct arena arena;
    uint64_t dice;
    char memory[1 << 20]; /* the arena's, which may not be written to but through it */
};

static uint64_t roll(struct scene *scene, uint64_t sides)
{
    scene->dice = scene->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (scene->dice >> 33) % sides;
}

/* One of few names, so that users and videos share some. */
static uint64_t name(struct scene *scene)
{
    return (1 + roll(scene, NAMES)) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint16_t language(struct scene *scene)
{
    return (uint16_t)((1 + roll(scene, LANGUAGES)) * 32);
}

/* One video in four has nothing more than its row, one in four no counters there. */
static void make_more(struct scene *scene, struct video *video)
{
    uint32_t number = (uint32_t)(video - scene->videos) + 1;
    struct video_more *more = &scene->more[number];
    *more = (struct video_more){.counts = {{0}}};
    video->more = roll(scene, 4) > 0 ? number : 0;
    if (video->more == 0) {
        return;
    }
    for (size_t i = 0; i < LIMIT_VIDEO_TAGS - VIDEO_TAGS; i++) {
        more->tag_keys[i] = roll(scene, 8) > 0 ? (uint32_t)name(scene) : 0;
    }
    for (size_t i = 0; number % 4 > 0 && i < sizeof(more->counts) / sizeof(float); i++) {
        (&more->counts[0][0])[i] = (float)roll(scene, 1000000) / 1000;
    }
}

static void make_video(struct scene *scene, struct video *video)
{
    float *counts = &video->decayed.counts[0][0];
    *video = (struct video){
        .creator_key = roll(scene, 8) > 0 ? name(scene) : 0,
        .published_ms = roll(scene, 5) > 0 ? NOW_MS - (int64_t)roll(scene, 1u << 31) * 20 : 0,
        .duration_ms = (uint32_t)roll(scene, 90000),
        .creator_region = (uint16_t)(9 * 32 + roll(scene, 20)),
        .curated = (uint8_t)roll(scene, 4),
        .duration_bucket = (uint8_t)roll(scene, DURATION_BUCKET_COUNT),
        .premium = roll(scene, 2) == 0,
        .quality = (float)roll(scene, 100) / 100,
    };
    for (size_t i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) { /* holes too */
        video->category_keys[i] = roll(scene, 3) > 0 ? (uint32_t)name(scene) : 0;
    }
    for (size_t i = 0; i < VIDEO_TAGS; i++) {
        video->tag_keys[i] = roll(scene, 8) > 0 ? (uint32_t)name(scene) : 0;
    }
    for (size_t i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        video->languages[i] = roll(scene, 3) == 0 ? language(scene) : 0;
        video->caption_languages[i] = roll(scene, 3) == 0 ? language(scene) : 0;
    }
    for (size_t i = 0; i < HALF_LIFE_COUNT * VIDEO_RARE; i++) {
        counts[i] = (float)roll(scene, 1000000) / 1000;
    }
    video->decayed.newest_tick = stats_tick(NOW_MS) + 3 - (uint32_t)roll(scene, 300000);
    video->decayed.mean_watch_ms = roll(scene, 4) > 0 ? (uint32_t)roll(scene, 1u << 25) : 0;
    make_more(scene, video);
}

static void make_user(struct scene *scene, unsigned tastes)
{
    struct user *user = &scene->user;
    *user =
        (struct user){.key = 1, .signal_count = 20, .seen_count = USER_SEEN, .seen = scene->seen};
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        user->affinities[kind] = scene->affinities[kind];
        user->affinity_count[kind] = (uint16_t)tastes;
        for (unsigned i = 0; i < tastes; i++) {
            uint64_t key = kind == AFFINITY_LANGUAGE   ? (i + UINT64_C(1)) * 32
                           : kind == AFFINITY_DURATION ? i + UINT64_C(1)
                                                       : (i * 2 + 1) * UINT64_C(0x9e3779b97f4a7c15);
            scene->affinities[kind][i] = (struct affinity){
                .key = kind == AFFINITY_CREATOR ? key : (uint32_t)key,
                .value = (float)roll(scene, 2000) / 100 - 10,
                .time_s = (uint32_t)(NOW_MS / 1000 - (int64_t)roll(scene, 1000000)),
            };
        }
    }
    for (unsigned i = 0; i < USER_SEEN; i++) {
        scene->seen[i] = (struct seen){
            .video_key = 1000 + i,
            .time_s = (uint32_t)(NOW_MS / 1000) - (USER_SEEN - i) * 300,
        };
    }
}

/* What the user has seen is in the catalogue. */
static void put_seen_videos(struct scene *scene)
{
    struct videos *videos = videos_new();
    CHECK(videos != NULL);
    for (unsigned i = 0; i < USER_SEEN; i++) {
        struct video_facts facts = {.key = 1000 + i, .creator_key = name(scene)};
        for (size_t at = 0; at < LIMIT_VIDEO_CATEGORIES; at++) {
            facts.category_keys[at] = roll(scene, 2) > 0 ? name(scene) : 0;
        }
        CHECK_EQ(STATUS_OK, videos_put(videos, &facts));
    }
    struct rank_request request = {.user_key = 1,
                                   .locale = {.language = 32, .region = 9 * 32 + 14},
                                   .language_count = 1,
                                   .languages = {64},
                                   .exclude_seen = true,
                                   .now_ms = NOW_MS};
    CHECK_EQ(STATUS_OK, profile_init(&scene->profile, &scene->user, &scene->everything, &request,
                                     videos, &scene->arena));
    videos_free(videos);
}

static struct model new_model(void)
{
    struct model model = {
        .freshness_half_life_ms = 3 * 86400e3,
        .rate_half_life = HALF_LIFE_14_DAYS,
        .popularity_half_life = HALF_LIFE_1_DAY,
        .popularity_scale = 1000,
        .new_video_views = 50,
        .region_strength = 20,
        .language_strength = 20,
        .fatigue_half_life_ms = 6 * 3600e3,
        .fatigue_scale = 5,
        .new_user_signals = 20,
    };
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model.heads[i] = (struct head_model){.prior = 0.1, .strength = 20, .affinity = 1.5};
        model.value[i] = 1;
    }
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        model.affinity_weights[i] = 0.3 + i;
    }
    return model;
}

static void scene_init(struct scene *scene, uint64_t seed, unsigned tastes)
{
    memset(scene, 0, offsetof(struct scene, memory));
    scene->dice = seed;
    scene->state = state_new();
    CHECK(scene->state != NULL);
    arena_init(&scene->arena, scene->memory, sizeof(scene->memory));
    scene->model = new_model();
    scene->everything = selection_of_all(&scene->model);
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        feature_set_add(&scene->everything.features, i);
    }
    make_user(scene, tastes);
    put_seen_videos(scene);
    CHECK_EQ(STATUS_OK,
             features_source_init(&scene->source, &scene->profile, scene->state, &scene->arena));
    scene->source.more = scene->more;
    for (size_t i = 0; i < VIDEOS; i++) {
        make_video(scene, &scene->videos[i]);
        scene->candidates[i] = (struct candidate){.video = &scene->videos[i],
                                                  .retrieval_score = (double)roll(scene, 9),
                                                  .seen = roll(scene, 2) == 0};
    }
}

static void fill(struct scene *scene, const struct block_code *code, struct features *out)
{
    memset(out, 0, sizeof(*out));
    code->fill(&scene->source, &scene->everything, scene->candidates, VIDEOS, out);
}

static void all_codes_fill_features_with_the_same_bits(void)
{
    static struct scene scene;
    static struct features plain;
    static struct features other;
    const struct block_code *codes[BLOCK_CODE_COUNT + 1];
    block_codes(codes);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        scene_init(&scene, seed, 1 + (unsigned)seed % USER_AFFINITIES_MAX);
        fill(&scene, codes[0], &plain);
        for (size_t i = 1; codes[i] != NULL; i++) {
            fill(&scene, codes[i], &other);
            CHECK(memcmp(&plain, &other, sizeof(plain)) == 0);
        }
        state_free(scene.state);
    }
}

static double taste_of(const struct scene *scene, enum affinity_kind kind, uint64_t key)
{
    double value = 0;
    for (unsigned i = 0; key != 0 && i < scene->user.affinity_count[kind]; i++) {
        const struct affinity *affinity = &scene->affinities[kind][i];
        value = affinity->key == key ? affinity_strength(affinity, NOW_MS) : value;
    }
    return value;
}

/* Up to the first 0. */
static double mean_of(const struct scene *scene, enum affinity_kind kind, const uint32_t *keys,
                      unsigned limit)
{
    double sum = 0;
    unsigned count = 0;
    for (; count < limit && keys[count] != 0; count++) {
        sum += taste_of(scene, kind, keys[count]);
    }
    return count > 0 ? sum / count : 0;
}

static double language_mean(const struct scene *scene, const uint16_t *languages)
{
    double sum = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        sum += taste_of(scene, AFFINITY_LANGUAGE, languages[i]);
        count += languages[i] != 0;
    }
    return count > 0 ? sum / count : 0;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

/* Of counters that lie apart from the row. */
static void check_rare_hits(const struct scene *scene, const struct video *video,
                            const struct features *features, size_t i)
{
    static const enum head heads[] = {HEAD_SHARE, HEAD_FOLLOW, HEAD_NOT_INTERESTED, HEAD_REPORT};
    const float *counts = video_more_of(scene->more, video)->counts[HALF_LIFE_14_DAYS];
    double decay =
        stats_decay_factor(stats_moment_of(NOW_MS, HALF_LIFE_14_DAYS), video->decayed.newest_tick);
    double views = video_most_views(video, HALF_LIFE_14_DAYS) * decay;
    for (size_t h = 0; h < sizeof(heads) / sizeof(heads[0]); h++) {
        double hits = (double)counts[h] * decay;
        CHECK((hits < views ? hits : views) == features->hits[heads[h]][i]);
    }
}

static void check_look_ups(struct scene *scene)
{
    static struct features features;
    fill(scene, block_code_choose(), &features);
    for (size_t i = 0; i < VIDEOS; i++) {
        const struct video *video = &scene->videos[i];
        CHECK(near(taste_of(scene, AFFINITY_CREATOR, video->creator_key),
                   features.columns[FEATURE_AFFINITY_CREATOR][i]));
        CHECK(near(mean_of(scene, AFFINITY_CATEGORY, video->category_keys, LIMIT_VIDEO_CATEGORIES),
                   features.columns[FEATURE_AFFINITY_CATEGORY][i]));
        uint32_t tags[LIMIT_VIDEO_TAGS];
        video_tags(video, video_more_of(scene->more, video), tags);
        CHECK(near(mean_of(scene, AFFINITY_TAG, tags, LIMIT_VIDEO_TAGS),
                   features.columns[FEATURE_AFFINITY_TAG][i]));
        CHECK(near(language_mean(scene, video->languages),
                   features.columns[FEATURE_AFFINITY_LANGUAGE][i]));
        double decay = stats_decay_factor(stats_moment_of(NOW_MS, HALF_LIFE_1_DAY),
                                          video->decayed.newest_tick);
        double views = video_most_views(video, HALF_LIFE_1_DAY) * decay;
        CHECK(views / (views + 1000) == features.columns[FEATURE_POPULARITY][i]);
        check_rare_hits(scene, video, &features, i);
    }
}

static void look_ups_find_what_the_users_lists_hold(void)
{
    static struct scene scene;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        scene_init(&scene, seed, (unsigned)seed % (USER_AFFINITIES_MAX + 1));
        check_look_ups(&scene);
        state_free(scene.state);
    }
}

/* As with keys that somebody chose so that no multiplier tells them apart. */
static void maps_that_are_not_sealed_give_the_same(void)
{
    static struct scene scene;
    static struct features sealed;
    static struct features open;
    scene_init(&scene, 7, USER_AFFINITIES_MAX);
    fill(&scene, block_code_choose(), &sealed);
    for (unsigned kind = 0; kind < AFFINITY_DURATION; kind++) {
        CHECK(scene.profile.tastes[kind].sealed);
        scene.profile.tastes[kind].sealed = false;
    }
    fill(&scene, block_code_choose(), &open);
    CHECK(memcmp(&sealed, &open, sizeof(open)) == 0);
    check_look_ups(&scene);
    state_free(scene.state);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(all_codes_fill_features_with_the_same_bits),
        TEST(look_ups_find_what_the_users_lists_hold),
        TEST(maps_that_are_not_sealed_give_the_same),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
