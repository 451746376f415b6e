#include "replay/rescore.h"

#include <string.h>

#include "tests/ranker/world.h"
#include "tests/test.h"

enum { VIDEOS = 60, MODELS = 200 };

static const int64_t NOW_MS = INT64_C(1700000000000);

static double between(struct world *world, double low, double high)
{
    return low + (high - low) * next_unit(world);
}

/* Values of either sign, so that the shift has both its branches. */
static void weigh_at_random(struct world *world)
{
    struct model *model = &world->model;
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model->value[i] = next_unit(world) < 0.3 ? 0 : between(world, -20, 20);
    }
    model->negative_offset = between(world, 0.0001, 1);
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        model->multipliers[i] = next_unit(world) < 0.3 ? 0 : between(world, -1, 10);
    }
}

static void send_views(struct world *world)
{
    for (uint64_t i = 0; i < 400; i++) {
        static const enum signal_type types[] = {SIGNAL_IMPRESSION, SIGNAL_PLAY,
                                                 SIGNAL_WATCH,      SIGNAL_LIKE,
                                                 SIGNAL_SKIP,       SIGNAL_NOT_INTERESTED};
        send_signal(world, (struct signal){.user_key = 1 + next_random(world) % 5,
                                           .video_key = 1 + next_random(world) % VIDEOS,
                                           .type = types[next_random(world) % 6],
                                           .time_ms = NOW_MS - 1000000 + (int64_t)i * 1000,
                                           .watch_ms = (int64_t)(next_random(world) % 20000),
                                           .locale = {.language = HINDI, .region = INDIA}});
    }
}

static struct world new_world(uint64_t keys[VIDEOS])
{
    struct world world = world_of(worthless_model());
    for (size_t i = 0; i < VIDEOS; i++) {
        struct video_facts facts = plain_video(i + 1);
        facts.creator_key = 100 + i % 7;
        facts.quality = (float)next_unit(&world);
        facts.published_ms = NOW_MS - (int64_t)(next_random(&world) % 100000) * 1000;
        put_video(&world, facts);
        keys[i] = i + 1;
    }
    send_views(&world);
    return world;
}

static struct rank_request request_of(const uint64_t keys[VIDEOS])
{
    return (struct rank_request){.user_key = 1,
                                 .locale = {.language = HINDI, .region = INDIA},
                                 .age_years = 30,
                                 .keys = keys,
                                 .count = VIDEOS,
                                 .explain = true,
                                 .now_ms = NOW_MS};
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* The terms are from rank() with other weights than those that are asked for. */
static void scores_made_again_are_those_of_rank(void)
{
    uint64_t keys[VIDEOS];
    struct world world = new_world(keys);
    struct rank_request request = request_of(keys);
    struct rescore_inputs inputs[VIDEOS];
    struct rank_result result = run(&world, &request);
    CHECK_EQ(VIDEOS, result.count);
    for (size_t i = 0; i < result.count; i++) {
        rescore_inputs_of(&result.terms[i * TERM_COUNT], &inputs[result.order[i]]);
    }
    for (int i = 0; i < MODELS; i++) {
        weigh_at_random(&world);
        result = run(&world, &request);
        for (size_t at = 0; at < result.count; at++) {
            double decay = result.terms[at * TERM_COUNT + TERM_COUNT - 1].value;
            double score = result.scores[at] - decay;
            CHECK(same_bits(score, rescore(&world.model, &inputs[result.order[at]])));
        }
    }
    end_world(&world);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {TEST(scores_made_again_are_those_of_rank)};
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
