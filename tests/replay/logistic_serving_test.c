#include <math.h>
#include <stdlib.h>

#include "config/default_weights.h"
#include "ranker/random.h"
#include "replay/logistic.h"
#include "replay/weights_edit.h"
#include "tests/ranker/world.h"
#include "tests/test.h"

/* What is trained is what is served: through the weights file, to the last bit. */

enum { ROWS = 3000, VIDEOS = 60 };
#define NOW_MS INT64_C(1704088800000)

static void fill_row(struct random *random, float features[FEATURE_COUNT])
{
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        const struct feature_facts *facts = feature_facts(i);
        double most = facts->max < 100 ? facts->max : 100;
        features[i] = (float)(facts->min + (most - facts->min) * random_unit(random));
        if (facts->missing != NULL && random_chance(random, 0.1)) {
            features[i] = NAN;
        }
    }
}

static struct logistic_model train(void)
{
    struct feature_set all = {{0}};
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        feature_set_add(&all, i);
    }
    struct logistic_data *data = logistic_data_new(&all, LOGISTIC_BYTES);
    CHECK(data != NULL);
    struct random random = {31};
    struct problem problem;
    for (uint64_t i = 0; i < ROWS; i++) {
        float features[FEATURE_COUNT];
        fill_row(&random, features);
        const struct logistic_row row = {
            .user_key = 1 + i,
            .positive = random_chance(&random, 0.2 + 0.2 * (double)features[FEATURE_QUALITY]),
            .weight = 1,
            .features = features,
        };
        CHECK_EQ(STATUS_OK, logistic_data_add(data, &row, &problem));
    }
    struct logistic_result result;
    const struct logistic_options options = {.l2 = 1e-3};
    CHECK_EQ(STATUS_OK, logistic_train(data, NULL, &options, &result, &problem));
    logistic_data_free(data);
    return result.model;
}

/* The shipped weights with the head. */
static struct weights *write_weights(const struct logistic_model *model)
{
    char *head = NULL;
    char *yaml = NULL;
    size_t size = 0;
    struct problem problem;
    static struct weights_problems problems;
    struct weights *weights = NULL;
    CHECK_EQ(STATUS_OK, weights_edit_logistic(model->bias, model->weights, model->weight_count,
                                              &head, &problem));
    const struct weights_edit edits[] = {{.path = {"heads", "like"}, .value = text_of(head)}};
    const struct text shipped = {default_weights, default_weights_size};
    CHECK_EQ(STATUS_OK, weights_edit(shipped, edits, 1, &yaml, &size, &problem));
    CHECK_EQ(STATUS_OK, weights_parse((struct text){yaml, size}, &weights, &problems));
    free(head);
    free(yaml);
    return weights;
}

static void fill_world(struct world *world)
{
    for (uint64_t key = 1; key <= VIDEOS; key++) {
        struct video_facts facts = plain_video(key);
        facts.published_ms = NOW_MS - (int64_t)key * 3600000;
        facts.duration_ms = (uint32_t)key * 1700;
        put_video(world, facts);
    }
    for (uint64_t i = 0; i < 900; i++) {
        uint64_t video = 1 + next_random(world) % VIDEOS;
        send_signal(world, (struct signal){.user_key = 1 + i % 30,
                                           .video_key = video,
                                           .type = i % 4 == 0 ? SIGNAL_LIKE : SIGNAL_PLAY,
                                           .watch_ms = (int64_t)(next_random(world) % 20000),
                                           .time_ms = NOW_MS - 1000000 + (int64_t)i * 1000,
                                           .locale = {.language = HINDI, .region = INDIA}});
    }
}

static void check_position(const struct rank_result *result, size_t position,
                           const struct logistic_model *model)
{
    double features[FEATURE_COUNT];
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        features[i] = NAN;
    }
    for (size_t i = 0; i < result->feature_count; i++) {
        features[result->features[i]] =
            result->feature_values[position * result->feature_count + i];
    }
    double served = result->terms[position * TERM_COUNT + HEAD_LIKE].input;
    CHECK(fabs(served - logistic_predict(model, features)) <= 1e-9);
    CHECK(served > 0 && served < 1);
}

static void a_trained_head_serves_what_it_predicted(void)
{
    struct logistic_model model = train();
    struct weights *weights = write_weights(&model);
    struct world world = world_of(*weights_model(weights, (struct locale){0}));
    world.model.unrated_shown = true;
    fill_world(&world);
    uint64_t keys[VIDEOS];
    for (uint64_t i = 0; i < VIDEOS; i++) {
        keys[i] = 1 + i;
    }
    const struct rank_request request = {
        .user_key = 3,
        .locale = {.language = HINDI, .region = INDIA},
        .age_years = 30,
        .count = VIDEOS,
        .keys = keys,
        .explain = true,
        .now_ms = NOW_MS,
    };
    struct rank_result result = run(&world, &request);
    CHECK_EQ(VIDEOS, result.count);
    CHECK(result.feature_count >= model.weight_count);
    for (size_t i = 0; i < result.count; i++) {
        check_position(&result, i, &model);
    }
    end_world(&world);
    weights_unref(weights);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_trained_head_serves_what_it_predicted),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
