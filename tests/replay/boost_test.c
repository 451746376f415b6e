#include "replay/boost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "ranker/random.h"
#include "ranker/trees.h"
#include "tests/test.h"

/* Made-up rows whose truth is known: it lies in two features, and in no other. */
enum { GROUP_ROWS = 10 };

struct world {
    uint64_t seed;
    size_t rows;
    double signal; /* of the truth; 0: noise */
    size_t next;
    bool all_positive;
    float features[FEATURE_COUNT];
};

static double truth_of(const struct world *world, double quality, double skip)
{
    double z = world->signal * (3 * (quality - 0.5) - 4 * (skip - 0.5) * (quality > 0.3));
    return 1 / (1 + exp(-z + 1));
}

static enum status rewind_world(void *context)
{
    struct world *world = context;
    world->next = 0;
    return STATUS_OK;
}

static enum status next_row(void *context, struct boost_row *out)
{
    struct world *world = context;
    if (world->next == world->rows) {
        return STATUS_NOT_FOUND;
    }
    struct random random = random_stream(world->seed, 1, world->next);
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        world->features[i] = (float)random_unit(&random);
    }
    double p = truth_of(world, world->features[FEATURE_QUALITY],
                        world->features[FEATURE_SKIP_RATE_GLOBAL_14D]);
    bool missing = random_chance(&random, 0.1);
    *out = (struct boost_row){.group = 1 + world->next / GROUP_ROWS,
                              .positive = world->all_positive || random_chance(&random, p),
                              .weight = 1,
                              .features = world->features};
    world->features[FEATURE_TASTE] = missing ? NAN : world->features[FEATURE_TASTE];
    world->next++;
    return STATUS_OK;
}

static struct boost_source source_of(struct world *world)
{
    return (struct boost_source){.rewind = rewind_world, .next = next_row, .context = world};
}

static struct boost_options options_of(enum boost_objective objective)
{
    struct boost_options options = {.objective = objective,
                                    .rounds = 60,
                                    .patience = 10,
                                    .depth = 4,
                                    .learning_rate = 0.2,
                                    .least_weight = 5,
                                    .l2 = 1,
                                    .row_share = 0.8,
                                    .column_share = 1,
                                    .seed = 7};
    feature_set_add(&options.features, FEATURE_QUALITY);
    feature_set_add(&options.features, FEATURE_TASTE);
    feature_set_add(&options.features, FEATURE_SKIP_RATE_GLOBAL_14D);
    return options;
}

static struct boost_result train(struct world *training, struct world *held_out,
                                 const struct boost_options *options)
{
    struct boost_source from = source_of(training);
    struct boost_source to = source_of(held_out);
    struct boost_result result;
    struct problem problem = {""};
    enum status status = boost_train(&from, &to, options, &result, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return result;
}

static struct trees *parse(const struct boost_result *result)
{
    struct trees *trees;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK,
             trees_parse((struct text){result->model, result->model_size}, &trees, &problem));
    return trees;
}

static double predict(const struct trees *trees, const float *features)
{
    double values[FEATURE_COUNT][TREES_BLOCK];
    const double *columns[FEATURE_COUNT];
    double out[TREES_BLOCK];
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        values[i][0] = features[i];
        columns[i] = values[i];
    }
    trees_predict(trees, columns, 1, out);
    return out[0];
}

/* Mean squared distance to the truth over fresh rows. */
static double error_of(const struct trees *trees, double signal)
{
    struct world fresh = {.seed = 99, .rows = 2000, .signal = signal};
    struct boost_row row;
    double sum = 0;
    while (next_row(&fresh, &row) == STATUS_OK) {
        double p = truth_of(&fresh, row.features[FEATURE_QUALITY],
                            row.features[FEATURE_SKIP_RATE_GLOBAL_14D]);
        double distance = predict(trees, row.features) - p;
        sum += distance * distance;
    }
    return sum / (double)fresh.rows;
}

static void trees_learn_what_the_rows_tell(void)
{
    struct world training = {.seed = 1, .rows = 20000, .signal = 1};
    struct world held_out = {.seed = 2, .rows = 5000, .signal = 1};
    struct boost_options options = options_of(BOOST_PROBABILITY);
    struct boost_result result = train(&training, &held_out, &options);
    struct trees *trees = parse(&result);
    CHECK_EQ(result.rounds, trees_count(trees));
    CHECK(error_of(trees, 1) < 0.002); /* a standard error of 0.045; a constant has 0.05 */
    trees_free(trees);
    free(result.model);
}

static void same_rows_and_seed_give_the_same_bytes(void)
{
    struct world training = {.seed = 1, .rows = 6000, .signal = 1};
    struct world held_out = {.seed = 2, .rows = 2000, .signal = 1};
    struct boost_options options = options_of(BOOST_PROBABILITY);
    struct boost_result first = train(&training, &held_out, &options);
    struct boost_result second = train(&training, &held_out, &options);
    CHECK_STR(first.model, second.model);
    options.seed = 8;
    struct boost_result other = train(&training, &held_out, &options);
    CHECK(strcmp(first.model, other.model) != 0);
    free(first.model);
    free(second.model);
    free(other.model);
}

static void noise_ends_early_and_says_little(void)
{
    struct world training = {.seed = 1, .rows = 6000};
    struct world held_out = {.seed = 2, .rows = 6000};
    struct boost_options options = options_of(BOOST_PROBABILITY);
    struct boost_result result = train(&training, &held_out, &options);
    struct trees *trees = parse(&result);
    CHECK(result.ran < options.rounds);
    CHECK(error_of(trees, 0) < 0.002);
    trees_free(trees);
    free(result.model);
}

static void monotone_features_only_raise_or_only_lower(void)
{
    struct world training = {.seed = 1, .rows = 8000, .signal = 0.3};
    struct world held_out = {.seed = 2, .rows = 2000, .signal = 0.3};
    struct boost_options options = options_of(BOOST_PROBABILITY);
    options.monotone[FEATURE_QUALITY] = 1;
    options.monotone[FEATURE_SKIP_RATE_GLOBAL_14D] = -1;
    struct boost_result result = train(&training, &held_out, &options);
    struct trees *trees = parse(&result);
    struct random random = {5};
    for (int i = 0; i < 300; i++) {
        float features[FEATURE_COUNT] = {0};
        features[FEATURE_TASTE] = (float)random_unit(&random);
        features[FEATURE_SKIP_RATE_GLOBAL_14D] = (float)random_unit(&random);
        double last = 0;
        for (int step = 0; step <= 20; step++) {
            features[FEATURE_QUALITY] = (float)step / 20;
            double p = predict(trees, features);
            CHECK(p >= last);
            last = p;
        }
        features[FEATURE_SKIP_RATE_GLOBAL_14D] = 1;
        CHECK(predict(trees, features) <= last);
    }
    trees_free(trees);
    free(result.model);
}

static void order_comes_out_as_a_probability(void)
{
    struct world training = {.seed = 1, .rows = 20000, .signal = 1};
    struct world held_out = {.seed = 2, .rows = 6000, .signal = 1};
    struct boost_options options = options_of(BOOST_ORDER);
    struct boost_result result = train(&training, &held_out, &options);
    struct trees *trees = parse(&result);
    CHECK(result.held_out > result.training - 0.1);
    CHECK(result.slope > 0);
    CHECK(error_of(trees, 1) < 0.01);
    trees_free(trees);
    free(result.model);
}

/* An offset that explains the label leaves trees nothing to learn. */
static enum status next_explained(void *context, struct boost_row *out)
{
    enum status status = next_row(context, out);
    if (status == STATUS_OK) {
        double p = truth_of(context, out->features[FEATURE_QUALITY],
                            out->features[FEATURE_SKIP_RATE_GLOBAL_14D]);
        out->offset = log(p / (1 - p));
    }
    return status;
}

static void offsets_are_taken_as_known(void)
{
    struct world training = {.seed = 1, .rows = 20000, .signal = 1};
    struct world held_out = {.seed = 2, .rows = 5000, .signal = 1};
    struct boost_source from = {rewind_world, next_explained, &training};
    struct boost_source to = {rewind_world, next_explained, &held_out};
    struct boost_options options = options_of(BOOST_PROBABILITY);
    struct boost_result result;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, boost_train(&from, &to, &options, &result, &problem));
    struct trees *trees = parse(&result);
    float features[FEATURE_COUNT] = {0};
    features[FEATURE_QUALITY] = 0.9F;
    double high = predict(trees, features);
    features[FEATURE_QUALITY] = 0.1F;
    CHECK(fabs(high - predict(trees, features)) < 0.1);
    trees_free(trees);
    free(result.model);
}

/* The share of positives is right on average, though offsets that pull all rows up are not served.
 */
static enum status next_pulled(void *context, struct boost_row *out)
{
    enum status status = next_row(context, out);
    if (status == STATUS_OK) {
        out->offset = 2;
    }
    return status;
}

static double mean_of(const struct trees *trees, const struct world *of)
{
    struct world world = *of;
    struct boost_row row;
    double sum = 0;
    world.next = 0;
    while (next_row(&world, &row) == STATUS_OK) {
        sum += predict(trees, row.features);
    }
    return sum / (double)world.rows;
}

static double share_of(const struct world *of)
{
    struct world world = *of;
    struct boost_row row;
    double sum = 0;
    world.next = 0;
    while (next_row(&world, &row) == STATUS_OK) {
        sum += row.positive ? 1 : 0;
    }
    return sum / (double)world.rows;
}

static void what_is_served_without_offsets_is_right_on_average(void)
{
    for (enum boost_objective objective = BOOST_PROBABILITY; objective <= BOOST_ORDER;
         objective++) {
        struct world training = {.seed = 1, .rows = 12000, .signal = 1};
        struct world held_out = {.seed = 2, .rows = 4000, .signal = 1};
        struct boost_source from = {rewind_world, next_pulled, &training};
        struct boost_source to = {rewind_world, next_pulled, &held_out};
        struct boost_options options = options_of(objective);
        struct boost_result result;
        struct problem problem = {""};
        CHECK_EQ(STATUS_OK, boost_train(&from, &to, &options, &result, &problem));
        struct trees *trees = parse(&result);
        const struct world *right = objective == BOOST_ORDER ? &held_out : &training;
        CHECK(fabs(mean_of(trees, right) - share_of(right)) < 1e-4);
        trees_free(trees);
        free(result.model);
    }
}

/* Offsets of a place that only every other row of a group has leave the order to the features. */
static enum status next_placed(void *context, struct boost_row *out)
{
    struct world *world = context;
    enum status status = next_row(world, out);
    if (status == STATUS_OK) {
        struct random random = random_stream(world->seed, 2, world->next);
        double pull = world->next % 2 == 0 ? 3 : -3;
        double p = truth_of(world, out->features[FEATURE_QUALITY],
                            out->features[FEATURE_SKIP_RATE_GLOBAL_14D]);
        double z = log(p / (1 - p)) + pull;
        out->positive = random_chance(&random, 1 / (1 + exp(-z)));
        out->offset = pull;
        /* Stands in for the place: without the offset the trees would learn it. */
        world->features[FEATURE_TASTE] = (float)(pull + random_unit(&random));
    }
    return status;
}

static enum status next_unplaced(void *context, struct boost_row *out)
{
    enum status status = next_placed(context, out);
    out->offset = 0;
    return status;
}

static double taste_moves(const struct trees *trees)
{
    float features[FEATURE_COUNT] = {0};
    features[FEATURE_QUALITY] = 0.7F;
    features[FEATURE_SKIP_RATE_GLOBAL_14D] = 0.5F;
    features[FEATURE_TASTE] = 3.5F;
    double high = predict(trees, features);
    features[FEATURE_TASTE] = -2.5F;
    double low = predict(trees, features);
    return log(high / (1 - high)) - log(low / (1 - low));
}

static void an_order_is_learnt_beside_offsets(void)
{
    for (int with = 0; with < 2; with++) {
        struct world training = {.seed = 1, .rows = 12000, .signal = 1};
        struct world held_out = {.seed = 2, .rows = 4000, .signal = 1};
        struct boost_source from = {rewind_world, next_placed, &training};
        struct boost_source to = {rewind_world, next_placed, &held_out};
        struct boost_options options = options_of(BOOST_ORDER);
        struct boost_result result;
        struct problem problem = {""};
        if (with == 0) {
            from.next = next_unplaced;
            to.next = next_unplaced;
        }
        CHECK_EQ(STATUS_OK, boost_train(&from, &to, &options, &result, &problem));
        struct trees *trees = parse(&result);
        /* The truth of the place alone is 6. */
        CHECK(with == 0 ? taste_moves(trees) > 4 : fabs(taste_moves(trees)) < 1);
        trees_free(trees);
        free(result.model);
    }
}

#define XGB(call)                                       \
    do {                                                \
        if ((call) != 0) {                              \
            fprintf(stderr, "%s\n", XGBGetLastError()); \
            abort();                                    \
        }                                               \
    } while (0)

/* XGBoost's own predictions of what was written, over rows of the three features in their order. */
static void compare_with_xgboost(const struct boost_result *result)
{
    enum { ROWS = 100000, COLUMNS = 3 };
    static const enum feature columns[COLUMNS] = {FEATURE_QUALITY, FEATURE_TASTE,
                                                  FEATURE_SKIP_RATE_GLOBAL_14D};
    float *rows = malloc((size_t)ROWS * COLUMNS * sizeof(*rows));
    struct random random = {11};
    BoosterHandle booster;
    DMatrixHandle matrix;
    bst_ulong count;
    const float *want;
    CHECK(rows != NULL);
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) {
        rows[i] = random_chance(&random, 0.2) ? NAN : (float)random_unit(&random);
    }
    XGB(XGBoosterCreate(NULL, 0, &booster));
    XGB(XGBoosterLoadModelFromBuffer(booster, result->model, result->model_size));
    XGB(XGDMatrixCreateFromMat(rows, ROWS, COLUMNS, NAN, &matrix));
    XGB(XGBoosterPredict(booster, matrix, 0, 0, 0, &count, &want));
    CHECK_EQ(ROWS, count);
    struct trees *trees = parse(result);
    for (size_t i = 0; i < ROWS; i++) {
        float features[FEATURE_COUNT] = {0};
        for (size_t j = 0; j < COLUMNS; j++) {
            features[columns[j]] = rows[i * COLUMNS + j];
        }
        CHECK(fabs(predict(trees, features) - (double)want[i]) <= 1e-6);
    }
    trees_free(trees);
    XGB(XGBoosterFree(booster));
    XGB(XGDMatrixFree(matrix));
    free(rows);
}

static void what_is_written_is_what_xgboost_predicts(void)
{
    for (int i = 0; i < 4; i++) {
        struct world training = {.seed = 1, .rows = 8000, .signal = 1};
        struct world held_out = {.seed = 2, .rows = 3000, .signal = 1};
        struct boost_source from = {rewind_world, next_row, &training};
        struct boost_source to = {rewind_world, next_row, &held_out};
        struct boost_options options = options_of(i % 2 == 0 ? BOOST_PROBABILITY : BOOST_ORDER);
        struct boost_result result;
        struct problem problem = {""};
        if (i >= 2) {
            from.next = next_pulled;
            to.next = next_pulled;
            options.monotone[FEATURE_QUALITY] = 1;
            options.monotone[FEATURE_SKIP_RATE_GLOBAL_14D] = -1;
        }
        CHECK_EQ(STATUS_OK, boost_train(&from, &to, &options, &result, &problem));
        compare_with_xgboost(&result);
        free(result.model);
    }
}

static void the_first_tree_begins_at_the_base_rate(void)
{
    struct world training = {.seed = 1, .rows = 12000};
    struct world held_out = {.seed = 2, .rows = 4000};
    struct boost_options options = options_of(BOOST_PROBABILITY);
    options.rounds = 1;
    struct boost_result result = train(&training, &held_out, &options);
    struct trees *trees = parse(&result);
    double share = share_of(&training);
    CHECK(fabs(result.intercept - log(share / (1 - share))) < 1e-6);
    CHECK(fabs(mean_of(trees, &training) - share) < 0.005);
    trees_free(trees);
    free(result.model);
}

static bool stop_at_three(void *context, const struct boost_round *round)
{
    (void)context;
    return round->number < 3;
}

static void stopping_leaves_the_best_so_far(void)
{
    struct world training = {.seed = 1, .rows = 3000, .signal = 1};
    struct world held_out = {.seed = 2, .rows = 1000, .signal = 1};
    struct boost_options options = options_of(BOOST_PROBABILITY);
    options.go_on = stop_at_three;
    struct boost_result result = train(&training, &held_out, &options);
    CHECK(result.stopped);
    CHECK_EQ(3, result.ran);
    struct trees *trees = parse(&result);
    CHECK_EQ(result.rounds, trees_count(trees));
    trees_free(trees);
    free(result.model);
}

static void check_refusal(struct world *training, struct world *held_out, const char *text)
{
    struct boost_source from = source_of(training);
    struct boost_source to = source_of(held_out);
    struct boost_options options = options_of(BOOST_PROBABILITY);
    struct boost_result result;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, boost_train(&from, &to, &options, &result, &problem));
    CHECK_STR(text, problem.text);
}

static void rows_that_tell_nothing_are_refused(void)
{
    struct world none = {.seed = 1};
    struct world some = {.seed = 1, .rows = 100, .signal = 1};
    struct world all = {.seed = 1, .rows = 100, .all_positive = true};
    check_refusal(&none, &some, "there are no training rows");
    check_refusal(&some, &none, "there are no held-out rows");
    check_refusal(&all, &some, "of 100 training rows 100 are positive: nothing can be told");
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(trees_learn_what_the_rows_tell),
        TEST(same_rows_and_seed_give_the_same_bytes),
        TEST(noise_ends_early_and_says_little),
        TEST(monotone_features_only_raise_or_only_lower),
        TEST(order_comes_out_as_a_probability),
        TEST(offsets_are_taken_as_known),
        TEST(what_is_served_without_offsets_is_right_on_average),
        TEST(an_order_is_learnt_beside_offsets),
        TEST(what_is_written_is_what_xgboost_predicts),
        TEST(the_first_tree_begins_at_the_base_rate),
        TEST(stopping_leaves_the_best_so_far),
        TEST(rows_that_tell_nothing_are_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
