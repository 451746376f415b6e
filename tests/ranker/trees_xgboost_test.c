#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "ranker/trees.h"
#include "tests/test.h"

/* Models that XGBoost trains and saves, and its own predictions, to compare with. */
enum { COLUMNS = 12, TRAIN_ROWS = 4000, ROWS = 100000 };

static const enum feature features[COLUMNS] = {
    FEATURE_FRESHNESS,
    FEATURE_AGE_HOURS,
    FEATURE_QUALITY,
    FEATURE_TASTE,
    FEATURE_AFFINITY_CREATOR,
    FEATURE_LIKE_RATE_REGION_1D,
    FEATURE_SKIP_RATE_LANGUAGE_14D,
    FEATURE_DURATION_S,
    FEATURE_SESSION_DEPTH,
    FEATURE_HOUR_SIN,
    FEATURE_WATCH_QUANTILE,
    FEATURE_RETRIEVAL,
};

#define XGB(call)                                       \
    do {                                                \
        if ((call) != 0) {                              \
            fprintf(stderr, "%s\n", XGBGetLastError()); \
            abort();                                    \
        }                                               \
    } while (0)

static double next_share(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*seed >> 11) * 0x1p-53;
}

/* A fifth of all values is missing; those of a few columns come in steps, so that many are equal to
 * a condition. */
static float *random_rows(size_t count, uint64_t seed)
{
    float *rows = malloc(count * COLUMNS * sizeof(*rows));
    for (size_t i = 0; i < count * COLUMNS; i++) {
        double value = 4 * next_share(&seed) - 2;
        value = i % 3 == 0 ? floor(4 * value) / 4 : value;
        rows[i] = next_share(&seed) < 0.2 ? NAN : (float)value;
    }
    return rows;
}

static float *labels_of(const float *rows, size_t count, uint64_t seed)
{
    float *labels = malloc(count * sizeof(*labels));
    for (size_t i = 0; i < count; i++) {
        const float *row = &rows[i * COLUMNS];
        double margin = 0.3;
        for (unsigned j = 0; j < COLUMNS; j++) {
            margin += isnan(row[j]) ? 0.2 : row[j] * row[(j + 1) % COLUMNS > j ? j : 0] * 0.3;
        }
        labels[i] = 1 / (1 + exp(-margin)) > next_share(&seed);
    }
    return labels;
}

static BoosterHandle train(DMatrixHandle matrix, const char *const (*parameters)[2], int rounds)
{
    const char *names[COLUMNS];
    BoosterHandle booster;
    for (unsigned i = 0; i < COLUMNS; i++) {
        names[i] = feature_name(features[i]);
    }
    XGB(XGBoosterCreate(&matrix, 1, &booster));
    XGB(XGBoosterSetStrFeatureInfo(booster, "feature_name", names, COLUMNS));
    /* Its threads wait for each other by spinning: ten times as long where others have the cores.
     */
    XGB(XGBoosterSetParam(booster, "nthread", "1"));
    XGB(XGBoosterSetParam(booster, "seed", "7"));
    for (; (*parameters)[0] != NULL; parameters++) {
        XGB(XGBoosterSetParam(booster, (*parameters)[0], (*parameters)[1]));
    }
    for (int i = 0; i < rounds; i++) {
        XGB(XGBoosterUpdateOneIter(booster, i, matrix));
    }
    return booster;
}

static struct trees *save_and_parse(BoosterHandle booster)
{
    struct problem problem = {""};
    struct trees *trees = NULL;
    const char *json;
    bst_ulong size;
    XGB(XGBoosterSaveModelToBuffer(booster, "{\"format\": \"json\"}", &size, &json));
    enum status status = trees_parse((struct text){json, size}, &trees, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problem.text);
    }
    CHECK_EQ(STATUS_OK, status);
    return trees;
}

static void predict_block(const struct trees *trees, const float *rows, size_t count, double *out)
{
    static double values[FEATURE_COUNT][TREES_BLOCK];
    const double *columns[FEATURE_COUNT] = {NULL};
    for (unsigned j = 0; j < COLUMNS; j++) {
        for (size_t i = 0; i < count; i++) {
            values[features[j]][i] = rows[i * COLUMNS + j];
        }
        columns[features[j]] = values[features[j]];
    }
    trees_predict(trees, columns, count, out);
}

/* Trains, predicts ROWS rows with both, and demands that they agree within 1e-6. */
static void compare(const char *const (*parameters)[2], int rounds, bool cut)
{
    DMatrixHandle matrix;
    DMatrixHandle test;
    bst_ulong length;
    const float *want;
    float *train_rows = random_rows(TRAIN_ROWS, 1);
    float *labels = labels_of(train_rows, TRAIN_ROWS, 2);
    float *rows = random_rows(ROWS, 3);
    XGB(XGDMatrixCreateFromMat(train_rows, TRAIN_ROWS, COLUMNS, NAN, &matrix));
    XGB(XGDMatrixSetFloatInfo(matrix, "label", labels, TRAIN_ROWS));
    XGB(XGDMatrixCreateFromMat(rows, ROWS, COLUMNS, NAN, &test));
    BoosterHandle booster = train(matrix, parameters, rounds);
    struct trees *trees = save_and_parse(booster);
    XGB(XGBoosterPredict(booster, test, 0, 0, 0, &length, &want));
    CHECK_EQ(ROWS, length);
    double worst = 0;
    for (size_t begin = 0; begin < ROWS; begin += TREES_BLOCK) {
        double got[TREES_BLOCK];
        predict_block(trees, &rows[begin * COLUMNS], TREES_BLOCK, got);
        for (size_t i = 0; i < TREES_BLOCK; i++) {
            double wanted = want[begin + i];
            wanted = cut ? fmin(fmax(wanted, 0), 1) : wanted;
            worst = fmax(worst, fabs(got[i] - wanted));
        }
    }
    printf("%u trees: largest difference %.2g\n", trees_count(trees), worst);
    CHECK(worst <= 1e-6);
    trees_free(trees);
    XGB(XGBoosterFree(booster));
    XGB(XGDMatrixFree(matrix));
    XGB(XGDMatrixFree(test));
    free(train_rows);
    free(labels);
    free(rows);
}
_Static_assert(ROWS % TREES_BLOCK == 0, "blocks are full");

static void logistic_models_agree_with_xgboost(void)
{
    static const char *const parameters[][2] = {
        {"objective", "binary:logistic"}, {"max_depth", "6"}, {"eta", "0.3"}, {NULL, NULL}};
    compare(parameters, 100, false);
}

static void models_with_another_base_score_and_leafwise_growth_agree(void)
{
    static const char *const parameters[][2] = {{"objective", "binary:logistic"},
                                                {"base_score", "0.03"},
                                                {"tree_method", "hist"},
                                                {"grow_policy", "lossguide"},
                                                {"max_leaves", "40"},
                                                {"max_depth", "0"},
                                                {"eta", "0.1"},
                                                {NULL, NULL}};
    compare(parameters, 60, false);
}

static void regressions_and_forests_agree(void)
{
    static const char *const parameters[][2] = {{"objective", "reg:squarederror"},
                                                {"num_parallel_tree", "3"},
                                                {"subsample", "0.5"},
                                                {"max_depth", "4"},
                                                {NULL, NULL}};
    compare(parameters, 20, true);
}

static void three_hundred_trees_agree(void)
{
    static const char *const parameters[][2] = {
        {"objective", "binary:logistic"}, {"max_depth", "6"}, {"eta", "0.1"}, {NULL, NULL}};
    compare(parameters, 300, false);
}

/* The signs go with the columns; what the labels say does not matter here. */
static void monotone_models_of_every_depth_agree(void)
{
    static const char *const depths[] = {"1", "2", "3", "4", "5", "7", "9", "12"};
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        const char *const parameters[][2] = {
            {"objective", "binary:logistic"},
            {"tree_method", "hist"},
            {"max_depth", depths[i]},
            {"monotone_constraints", "(1,-1,0,1,0,0,-1,1,0,0,1,-1)"},
            {NULL, NULL}};
        compare(parameters, 30, false);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(logistic_models_agree_with_xgboost),
        TEST(models_with_another_base_score_and_leafwise_growth_agree),
        TEST(regressions_and_forests_agree),
        TEST(three_hundred_trees_agree),
        TEST(monotone_models_of_every_depth_agree),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
