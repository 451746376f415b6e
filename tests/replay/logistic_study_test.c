#include <stdio.h>

#include "ranker/random.h"
#include "replay/logistic.h"
#include "tests/test.h"

/*
 * What is trained on noise shows no held-out gain: its interval lies above 0 no more often than a
 * 95 % interval may, though the penalty was chosen among several. It lies below more often, since
 * what was learnt from noise is a little worse than nothing.
 */

enum { STUDIES = 200, FEATURES = 12, TRAINING = 1200, HELD_OUT = 600, ROWS_A_USER = 4 };

/* Features that tell nothing of the outcome; users who differ, so that their rows belong together.
 */
static struct logistic_data *noise(struct random *random, uint64_t first_user, uint64_t rows)
{
    struct feature_set set = {{0}};
    for (unsigned i = 0; i < FEATURES; i++) {
        feature_set_add(&set, i);
    }
    struct logistic_data *data = logistic_data_new(&set, LOGISTIC_BYTES);
    CHECK(data != NULL);
    double share = 0;
    for (uint64_t i = 0; i < rows; i++) {
        share = i % ROWS_A_USER == 0 ? 0.1 + 0.4 * random_unit(random) : share;
        float features[FEATURE_COUNT] = {0};
        for (unsigned j = 0; j < FEATURES; j++) {
            features[j] = (float)random_normal(random);
        }
        const struct logistic_row row = {
            .user_key = first_user + i / ROWS_A_USER,
            .positive = random_chance(random, share),
            .weight = 1,
            .features = features,
        };
        struct problem problem;
        CHECK_EQ(STATUS_OK, logistic_data_add(data, &row, &problem));
    }
    return data;
}

static struct bootstrap_interval gain_of(uint64_t seed, const struct logistic_options *options)
{
    struct random random = {seed};
    struct logistic_data *training = noise(&random, 1, TRAINING);
    struct logistic_data *held_out = noise(&random, 1000000, HELD_OUT);
    struct logistic_result result;
    struct problem problem;
    CHECK_EQ(STATUS_OK, logistic_train(training, held_out, options, &result, &problem));
    logistic_data_free(training);
    logistic_data_free(held_out);
    return result.held_out.gain;
}

struct study {
    int inside;
    int above; /* would claim a gain */
    int below;
};

static struct study run(const struct logistic_options *options)
{
    struct study study = {0, 0, 0};
    for (uint64_t i = 0; i < STUDIES; i++) {
        struct bootstrap_interval gain = gain_of(1000 + i, options);
        study.above += gain.low > 0 ? 1 : 0;
        study.below += gain.high < 0 ? 1 : 0;
        study.inside += gain.low <= 0 && gain.high >= 0 ? 1 : 0;
    }
    printf("of %d intervals %d contain 0, %d are above, %d below\n", STUDIES, study.inside,
           study.above, study.below);
    return study;
}

/* 2.5 % of 200 are 5, with a standard deviation of 2.2. */
static void noise_shows_no_gain_with_a_penalty_that_is_chosen(void)
{
    const struct logistic_options options = {.seed = 5};
    struct study study = run(&options);
    CHECK(study.above <= 5 + 3 * 2.2);
    CHECK(study.inside >= STUDIES * 0.88);
}

/* Without one, overfitting costs what it costs, and is never taken for a gain. */
static void noise_shows_no_gain_without_a_penalty(void)
{
    const struct logistic_options options = {.seed = 5, .l2 = 1e-6};
    struct study study = run(&options);
    CHECK(study.above <= 5);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(noise_shows_no_gain_with_a_penalty_that_is_chosen),
        TEST(noise_shows_no_gain_without_a_penalty),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
