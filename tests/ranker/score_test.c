#include "ranker/score.h"

#include <math.h>
#include <string.h>

#include "ranker/block_code.h"
#include "ranker/trees.h"
#include "tests/test.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

/* A number in [0, 1) with all its bits in use. */
static double next_share(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*seed >> 11) * 0x1p-53;
}

static void fill(double *column, uint64_t *seed, double least, double most)
{
    for (unsigned i = 0; i < FEATURE_BLOCK; i++) {
        column[i] = least + (most - least) * next_share(seed);
    }
}

static struct model random_model(uint64_t *seed)
{
    struct model model = {.negative_offset = 0.1};
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model.heads[i] = (struct head_model){
            .prior = 0.01 + 0.9 * next_share(seed),
            .strength = 1 + 100 * next_share(seed),
            .affinity = 4 * next_share(seed) - 2,
        };
        model.value[i] = 20 * next_share(seed) - 10;
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        model.multipliers[i] = 3 * next_share(seed) - 1;
    }
    return model;
}

/* Columns with a missing value here and there, where the catalogue of features allows it. */
static void fill_columns(struct features *features, uint64_t *seed)
{
    for (unsigned feature = 0; feature < FEATURE_COUNT; feature++) {
        const struct feature_facts *facts = feature_facts(feature);
        double *column = features->columns[feature];
        fill(column, seed, facts->min, facts->max);
        for (unsigned i = 0; facts->missing != NULL && i < FEATURE_BLOCK; i++) {
            column[i] = next_share(seed) < 0.2 ? NAN : column[i];
        }
    }
}

static void fill_features(struct features *features, uint64_t *seed)
{
    fill_columns(features, seed);
    fill(features->views, seed, 100, 1000);
    fill(features->watches, seed, 100, 1000);
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        fill(features->hits[i], seed, 0, 100);
    }
}

/* What a block's scores are made of, worked out with one processor's code. */
struct scored {
    double scores[FEATURE_BLOCK];
    struct rank_term terms[FEATURE_BLOCK * TERM_COUNT];
    int64_t totals[TERM_COUNT];
};

static void score_with(const struct block_code *code, const struct selection *selection,
                       const struct features *features, struct scored *out)
{
    memset(out, 0, sizeof(*out));
    code->score(selection, features, FEATURE_BLOCK, out->scores,
                &(struct score_detail){.terms = out->terms, .totals = out->totals});
}

static void check_terms(const struct scored *scored)
{
    int64_t totals[TERM_COUNT];
    memcpy(totals, scored->totals, sizeof(totals));
    for (unsigned i = 0; i < FEATURE_BLOCK * TERM_COUNT; i++) {
        totals[i % TERM_COUNT] -= rank_term_units(scored->terms[i].value);
    }
    for (unsigned term = 0; term < TERM_COUNT; term++) {
        CHECK_EQ(0, totals[term]);
    }
    for (unsigned i = 0; i < FEATURE_BLOCK; i++) {
        double sum = 0;
        for (unsigned term = 0; term < TERM_COUNT; term++) {
            sum += scored->terms[i * TERM_COUNT + term].value;
        }
        CHECK(memcmp(&sum, &scored->scores[i], sizeof(sum)) == 0);
        CHECK(scored->scores[i] >= 0);
        CHECK(scored->scores[i] <= SCORE_MAX);
    }
}

/* Scores a block in every way; fails unless all bits are equal, of the terms and of their sums too.
 */
static void check_same_bits(const struct model *model, const struct features *features)
{
    static struct scored plain;
    static struct scored other;
    const struct block_code *codes[BLOCK_CODE_COUNT + 1];
    struct selection all = selection_of_all(model);
    block_codes(codes);
    score_with(codes[0], &all, features, &plain);
    check_terms(&plain);
    for (size_t i = 1; codes[i] != NULL; i++) {
        score_with(codes[i], &all, features, &other);
        CHECK(memcmp(&plain, &other, sizeof(plain)) == 0);
    }
}

static void need_avx2(void)
{
    if (!__builtin_cpu_supports("avx2")) {
        test_skip("this processor has no AVX2");
    }
}

static void plain_avx2_and_avx512_scores_have_the_same_bits(void)
{
    need_avx2();
    static struct features features;
    uint64_t seed = 1;
    for (unsigned round = 0; round < 5000; round++) {
        struct model model = random_model(&seed);
        model.rate_scope = round % 3;
        fill_features(&features, &seed);
        check_same_bits(&model, &features);
    }
}

enum { WEIGHT_COUNT = 20 };

/* Sparse weights by rising feature, from small to the largest that a file may hold. */
static unsigned random_weights(uint64_t *seed, struct feature_weight weights[WEIGHT_COUNT])
{
    unsigned feature = 0;
    unsigned count = 0;
    double largest = next_share(seed) < 0.5 ? 0.1 : 1000;
    while (count < WEIGHT_COUNT && feature < FEATURE_COUNT) {
        weights[count++] = (struct feature_weight){.feature = feature,
                                                   .weight = largest * (2 * next_share(seed) - 1)};
        feature += 1 + (unsigned)(10 * next_share(seed));
    }
    return count;
}

static struct trees *some_trees(void)
{
    static const char json[] =
        "{\"learner\": {\"feature_names\": [\"quality\", \"taste\"], \"gradient_booster\": "
        "{\"model\": {\"gbtree_model_param\": {\"num_trees\": \"1\", "
        "\"size_leaf_vector\": \"0\"}, \"tree_info\": [0], \"trees\": [{\"base_weights\": "
        "[0.0, 0.0, 0.0, 0.0, 0.0], \"categories\": [], \"categories_nodes\": [], "
        "\"categories_segments\": [], \"categories_sizes\": [], \"default_left\": "
        "[1, 0, 0, 0, 0], \"id\": 0, \"left_children\": [1, 3, -1, -1, -1], "
        "\"loss_changes\": [1.0, 1.0, 0.0, 0.0, 0.0], \"parents\": [2147483647, 0, 0, 1, 1], "
        "\"right_children\": [2, 4, -1, -1, -1], \"split_conditions\": "
        "[0.5, 0.0, 1.25, -2.0, 0.5], \"split_indices\": [0, 1, 0, 0, 0], \"split_type\": "
        "[0, 0, 0, 0, 0], \"sum_hessian\": [4.0, 3.0, 1.0, 2.0, 1.0], \"tree_param\": "
        "{\"num_deleted\": \"0\", \"num_feature\": \"2\", \"num_nodes\": \"5\", "
        "\"size_leaf_vector\": \"0\"}}]}, \"name\": \"gbtree\"}, \"learner_model_param\": "
        "{\"base_score\": \"5E-1\", \"num_class\": \"0\", \"num_feature\": \"2\", "
        "\"num_target\": \"1\"}, \"objective\": {\"name\": \"binary:logistic\", "
        "\"reg_loss_param\": {\"scale_pos_weight\": \"1\"}}}, \"version\": [1, 7, 4]}";
    struct trees *trees = NULL;
    struct problem problem = {""};
    enum status status = trees_parse(text_of(json), &trees, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return trees;
}

static void heads_of_all_kinds_have_the_same_bits(void)
{
    need_avx2();
    static struct features features;
    struct feature_weight weights[HEAD_COUNT][WEIGHT_COUNT];
    struct trees *trees = some_trees();
    uint64_t seed = 2;
    for (unsigned round = 0; round < 5000; round++) {
        struct model model = random_model(&seed);
        for (unsigned i = 0; i < HEAD_COUNT; i++) {
            struct head_model *head = &model.heads[i];
            head->kind = (enum head_kind)((i + round) % 4);
            head->bias = 10 * next_share(&seed) - 5;
            head->weights = weights[i];
            head->weight_count = random_weights(&seed, weights[i]);
            head->trees = trees;
        }
        fill_features(&features, &seed);
        check_same_bits(&model, &features);
    }
    trees_free(trees);
}

/* ---- values by hand ---- */

/* The probability of a like for rows 0 to 2, whose quality is 0.5, missing and 1, whose taste -1.
 */
static void predict_like(const struct head_model *head, double out[3])
{
    static struct features features;
    struct model model = {.negative_offset = 0.1};
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model.heads[i] = (struct head_model){.prior = 0.5, .strength = 1};
    }
    model.heads[HEAD_LIKE] = *head;
    model.value[HEAD_LIKE] = 1;
    struct selection selection = selection_of_weighted(&model);
    features.columns[FEATURE_QUALITY][0] = 0.5;
    features.columns[FEATURE_QUALITY][1] = NAN;
    features.columns[FEATURE_QUALITY][2] = 1;
    for (unsigned i = 0; i < 3; i++) {
        features.columns[FEATURE_TASTE][i] = -1;
    }
    double scores[FEATURE_BLOCK];
    struct rank_term terms[3 * TERM_COUNT];
    memset(terms, 0, sizeof(terms));
    score_block(&selection, &features, 3, scores, &(struct score_detail){.terms = terms});
    for (unsigned i = 0; i < 3; i++) {
        out[i] = terms[i * TERM_COUNT + HEAD_LIKE].input;
        CHECK(near(out[i], terms[i * TERM_COUNT + HEAD_LIKE].value));
        CHECK(near(out[i] + 0.1, scores[i]));
    }
}

static const struct feature_weight two_weights[] = {{FEATURE_QUALITY, 2}, {FEATURE_TASTE, 0.25}};

static void a_linear_head_is_a_sum_cut_to_probabilities(void)
{
    struct head_model head = {.kind = HEAD_KIND_LINEAR, .bias = -0.5, .weight_count = 2};
    head.weights = two_weights;
    double p[3];
    predict_like(&head, p);
    CHECK(near(0.25, p[0])); /* -0.5 + 2 * 0.5 - 0.25 */
    CHECK(near(0, p[1]));    /* -0.75, missing as 0 */
    CHECK(near(1, p[2]));    /* 1.25 */
}

static void a_logistic_head_is_the_logistic_of_a_sum(void)
{
    struct head_model head = {.kind = HEAD_KIND_LOGISTIC, .bias = -0.5, .weight_count = 2};
    head.weights = two_weights;
    double p[3];
    predict_like(&head, p);
    CHECK(near(0.5621765008857981, p[0])); /* 1 / (1 + e^-0.25) */
    CHECK(near(0.3208213008246071, p[1])); /* 1 / (1 + e^0.75) */
    CHECK(near(0.7772998611746911, p[2])); /* 1 / (1 + e^-1.25) */
    head.bias = 1000;
    predict_like(&head, p);
    CHECK(near(1, p[0]));
    head.bias = -1000;
    predict_like(&head, p);
    CHECK(near(0, p[0]));
}

static void a_head_of_trees_sees_what_is_missing(void)
{
    struct trees *trees = some_trees();
    struct head_model head = {.kind = HEAD_KIND_TREES, .trees = trees};
    double p[3];
    predict_like(&head, p);
    CHECK(fabs(0.7772998611746911 - p[0]) < 1e-6);  /* quality 0.5 is not below: 1.25 */
    CHECK(fabs(0.11920292202211755 - p[1]) < 1e-6); /* missing goes left, taste -1 left: -2 */
    CHECK(fabs(0.7772998611746911 - p[2]) < 1e-6);
    trees_free(trees);
}

static void a_missing_feature_multiplies_by_one(void)
{
    static struct features features;
    struct model model = {.negative_offset = 0.1};
    model.multipliers[MULTIPLIER_QUALITY] = 10;
    struct selection selection = selection_of_weighted(&model);
    features.columns[FEATURE_QUALITY][0] = NAN;
    features.columns[FEATURE_QUALITY][1] = 0.5;
    double scores[FEATURE_BLOCK];
    score_block(&selection, &features, 2, scores, NULL);
    CHECK(near(0.1, scores[0]));
    CHECK(near(0.6, scores[1]));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(plain_avx2_and_avx512_scores_have_the_same_bits),
        TEST(heads_of_all_kinds_have_the_same_bits),
        TEST(a_linear_head_is_a_sum_cut_to_probabilities),
        TEST(a_logistic_head_is_the_logistic_of_a_sum),
        TEST(a_head_of_trees_sees_what_is_missing),
        TEST(a_missing_feature_multiplies_by_one),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
