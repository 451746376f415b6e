#include "ranker/trees.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#define HEAD_OF(objective, base, names)                                              \
    "{\"learner\": {\"objective\": {\"name\": \"" objective "\"},"                   \
    "\"learner_model_param\": {\"base_score\": \"" base "\", \"num_class\": \"0\"}," \
    "\"feature_names\": [" names "],"                                                \
    "\"gradient_booster\": {\"name\": \"gbtree\", \"model\": {\"trees\": ["
#define TAIL "]}}}}"

/* freshness < 0.5 ? -1 : (quality < 0.25 ? 1 : 2); missing freshness right, missing quality left */
#define TREE                                                                           \
    "{\"left_children\": [1, -1, 3, -1, -1], \"right_children\": [2, -1, 4, -1, -1],"  \
    "\"split_conditions\": [0.5, -1, 0.25, 1, 2], \"split_indices\": [0, 0, 1, 0, 0]," \
    "\"default_left\": [0, 0, 1, 0, 0], \"split_type\": [0, 0, 0, 0, 0]}"
#define NAMES "\"freshness\", \"quality\""

static struct trees *accept(const char *json)
{
    struct problem problem = {""};
    struct trees *trees = NULL;
    enum status status = trees_parse(text_of(json), &trees, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problem.text);
    }
    CHECK_EQ(STATUS_OK, status);
    return trees;
}

static void refuse(const char *json, const char *why)
{
    struct problem problem = {""};
    struct trees *trees = NULL;
    CHECK_EQ(STATUS_INVALID, trees_parse(text_of(json), &trees, &problem));
    CHECK(trees == NULL);
    CHECK_STR(why, problem.text);
}

static double predict(const struct trees *trees, double freshness, double quality)
{
    const double *columns[FEATURE_COUNT] = {NULL};
    double out;
    columns[FEATURE_FRESHNESS] = &freshness;
    columns[FEATURE_QUALITY] = &quality;
    trees_predict(trees, columns, 1, &out);
    return out;
}

static bool near(double want, double got)
{
    return got > want - 1e-7 && got < want + 1e-7;
}

static double logistic(double margin)
{
    return 1 / (1 + exp(-margin));
}

static void a_row_goes_left_when_its_value_is_below_the_condition(void)
{
    struct trees *trees = accept(HEAD_OF("binary:logistic", "5E-1", NAMES) TREE TAIL);
    CHECK_EQ(1, trees_count(trees));
    CHECK(near(logistic(-1), predict(trees, 0.4, 0.9)));
    CHECK(near(logistic(1), predict(trees, 0.5, 0.2))); /* equal is not below */
    CHECK(near(logistic(2), predict(trees, 0.9, 0.25)));
    trees_free(trees);
}

static void a_missing_value_goes_where_its_split_says(void)
{
    struct trees *trees = accept(HEAD_OF("binary:logistic", "5E-1", NAMES) TREE TAIL);
    CHECK(near(logistic(2), predict(trees, NAN, 0.9)));
    CHECK(near(logistic(1), predict(trees, 0.9, NAN)));
    CHECK(near(logistic(1), predict(trees, NAN, NAN)));
    trees_free(trees);
}

static void infinite_values_end_in_a_leaf_too(void)
{
    struct trees *trees = accept(HEAD_OF("binary:logistic", "5E-1", NAMES) TREE TAIL);
    CHECK(near(logistic(2), predict(trees, INFINITY, 1e300)));
    CHECK(near(logistic(-1), predict(trees, -INFINITY, 0)));
    trees_free(trees);
}

static void trees_add_up_on_the_base_scores_margin(void)
{
    /* The log-odds of 0.8 are ln 4. */
    struct trees *trees = accept(HEAD_OF("reg:logistic", "8E-1", NAMES) TREE "," TREE TAIL);
    CHECK_EQ(2, trees_count(trees));
    CHECK(near(logistic(log(4) - 2), predict(trees, 0, 0)));
    trees_free(trees);
}

static void squared_error_predicts_the_sum_cut_to_probabilities(void)
{
    struct trees *trees = accept(HEAD_OF("reg:squarederror", "[1.25E0]", NAMES) TREE TAIL);
    CHECK(near(0.25, predict(trees, 0, 0)));
    CHECK(near(1, predict(trees, 1, 1)));
    trees_free(trees);
    trees = accept(HEAD_OF("reg:squarederror", "0.5", NAMES) TREE TAIL);
    CHECK(near(0, predict(trees, 0, 0)));
    trees_free(trees);
}

static void a_model_without_trees_predicts_its_base_score(void)
{
    struct trees *trees = accept(HEAD_OF("binary:logistic", "0.3", NAMES) TAIL);
    CHECK_EQ(0, trees_feature_count(trees));
    CHECK(near(0.3, predict(trees, 0, 0)));
    trees_free(trees);
    trees_free(NULL);
}

static void only_features_of_splits_are_read_in_rising_order(void)
{
    struct trees *trees = accept(HEAD_OF(
        "binary:logistic", "0.5", "\"quality\", \"freshness\", \"like_rate_region_1d\"") TREE TAIL);
    CHECK_EQ(2, trees_feature_count(trees));
    CHECK_EQ(FEATURE_FRESHNESS, trees_feature(trees, 0));
    CHECK_EQ(FEATURE_QUALITY, trees_feature(trees, 1));
    /* The file's feature 0 is quality here. */
    CHECK(near(logistic(-1), predict(trees, 0.9, 0.4)));
    trees_free(trees);
}

static void rows_of_a_block_do_not_touch_each_other(void)
{
    struct trees *trees = accept(HEAD_OF("binary:logistic", "5E-1", NAMES) TREE TAIL);
    double freshness[TREES_BLOCK];
    double quality[TREES_BLOCK];
    double out[TREES_BLOCK] = {0};
    const double *columns[FEATURE_COUNT] = {NULL};
    columns[FEATURE_FRESHNESS] = freshness;
    columns[FEATURE_QUALITY] = quality;
    for (unsigned i = 0; i < TREES_BLOCK; i++) {
        freshness[i] = i % 2;
        quality[i] = i % 3;
    }
    trees_predict(trees, columns, TREES_BLOCK - 1, out);
    for (unsigned i = 0; i < TREES_BLOCK - 1; i++) {
        CHECK(near(predict(trees, freshness[i], quality[i]), out[i]));
    }
    CHECK(near(0, out[TREES_BLOCK - 1]));
    trees_free(trees);
}

#define NODES(left, right, conditions, indices)                                 \
    HEAD_OF("binary:logistic", "0.5", NAMES)                                    \
    "{\"left_children\": [" left "], \"right_children\": [" right "],"          \
    "\"split_conditions\": [" conditions "], \"split_indices\": [" indices "]," \
    "\"default_left\": [0, 0, 0]}" TAIL

static void what_is_no_tree_is_refused_with_its_place(void)
{
    refuse(NODES("1, -1, -1", "2, -1, -1", "1, 2, 3", "5, 0, 0"),
           "tree 0, node 0: its split_index names no feature");
    refuse(NODES("1, -1, -1", "3, -1, -1", "1, 2, 3", "0, 0, 0"),
           "tree 0, node 0: a child is no node of the tree");
    refuse(NODES("1, -1, -1", "1, -1, -1", "1, 2, 3", "0, 0, 0"),
           "tree 0, node 1: has two parents, or is its own ancestor");
    refuse(NODES("1, 0, -1", "2, 0, -1", "1, 2, 3", "0, 0, 0"),
           "tree 0, node 0: has two parents, or is its own ancestor");
    refuse(NODES("1, -1, -1", "2, -1, -1", "1e39, 2, 3", "0, 0, 0"),
           "tree 0, node 0: its split_condition is beyond 3e38");
    refuse(NODES("1, -1, -1", "2, -1, -1", "1, 1e31, 3", "0, 0, 0"),
           "tree 0, node 1: its leaf is beyond 1e30");
    refuse(NODES("1, -1, -1", "2, -1, -1", "1, \"x\", 3", "0, 0, 0"),
           "tree 0, node 1: its left_child or split_condition is no number");
    refuse(NODES("1, -1", "2, -1, -1", "1, 2, 3", "0, 0, 0"),
           "tree 0: left_children, right_children, split_conditions, split_indices and "
           "default_left must be lists of one length above 0");
    refuse(HEAD_OF("binary:logistic", "0.5",
                   NAMES) "{\"left_children\": [1, -1, -1], \"right_children\": [2, -1, -1],"
                          "\"split_conditions\": [1, 2, 3], \"split_indices\": [0, 0, 0],"
                          "\"default_left\": [0, 0, 0], \"split_type\": [1, 0, 0]}" TAIL,
           "tree 0, node 0: splits by category, which is not supported");
}

static void models_of_another_kind_are_refused(void)
{
    refuse("{", "line 1, column 1: string or '}' expected near end of file");
    refuse("{}", "learner.objective.name is missing; expected XGBoost's JSON");
    refuse(
        HEAD_OF("multi:softprob", "0.5", NAMES) TAIL,
        "learner.objective.name is \"multi:softprob\"; expected binary:logistic, reg:logistic or "
        "reg:squarederror");
    refuse(HEAD_OF("binary:logistic", "1", NAMES) TAIL,
           "learner.learner_model_param.base_score is 1; expected above 0 and below 1");
    refuse(HEAD_OF("binary:logistic", "x", NAMES) TAIL,
           "learner.learner_model_param.base_score is no number");
    refuse(
        HEAD_OF("binary:logistic", "0.5", "") TAIL,
        "learner.feature_names is missing or empty; name the features before the model is saved, "
        "as \"reelrank features\" lists them");
    refuse(HEAD_OF("binary:logistic", "0.5", "\"freshnes\"") TAIL,
           "learner.feature_names[0] is \"freshnes\", which is no feature; did you mean "
           "\"freshness\"?");
    refuse("{\"learner\": {\"objective\": {\"name\": \"binary:logistic\"}, \"learner_model_param\":"
           "{\"base_score\": \"0.5\", \"num_class\": \"3\"}}}",
           "num_class is above 1; only models of one output are supported");
    refuse("{\"learner\": {\"objective\": {\"name\": \"binary:logistic\"}, \"learner_model_param\":"
           "{\"base_score\": \"0.5\"}, \"feature_names\": [\"quality\"],"
           "\"gradient_booster\": {\"name\": \"dart\"}}}",
           "learner.gradient_booster.name is \"dart\"; expected gbtree");
    refuse("{\"learner\": {\"objective\": {\"name\": \"binary:logistic\"}, \"learner_model_param\":"
           "{\"base_score\": \"0.5\"}, \"feature_names\": [\"quality\"],"
           "\"gradient_booster\": {\"name\": \"gbtree\", \"model\": {\"trees\": 7}}}}",
           "learner.gradient_booster.model.trees must be a list of at most 4096 trees");
    refuse(HEAD_OF("binary:logistic", "0.5", "\"quality\", 7") TAIL,
           "learner.feature_names[1] is no string");
    refuse(HEAD_OF("binary:logistic", "0.5", "\"xyzzyxyzzy\"") TAIL,
           "learner.feature_names[0] is \"xyzzyxyzzy\", which is no feature");
}

/* A tree that is a chain of splits, each with a leaf to the left. */
static char *chain(unsigned splits)
{
    enum { SIZE = 1 << 16 };
    const char *names[4] = {"left_children", "right_children", "split_conditions", "split_indices"};
    char *json = malloc(SIZE);
    size_t used = (size_t)snprintf(json, SIZE, "%s{", HEAD_OF("binary:logistic", "0.5", NAMES));
    for (unsigned list = 0; list < 4; list++) {
        used += (size_t)snprintf(json + used, SIZE - used, "\"%s\": [", names[list]);
        for (unsigned i = 0; i <= 2 * splits; i++) {
            bool leaf = i % 2 == 1 || i == 2 * splits;
            int value = list == 0   ? (leaf ? -1 : (int)i + 1)
                        : list == 1 ? (leaf ? -1 : (int)i + 2)
                                    : 0;
            used += (size_t)snprintf(json + used, SIZE - used, "%s%d", i > 0 ? "," : "", value);
        }
        used += (size_t)snprintf(json + used, SIZE - used, "],");
    }
    used += (size_t)snprintf(json + used, SIZE - used, "\"default_left\": [0");
    for (unsigned i = 0; i < 2 * splits; i++) {
        used += (size_t)snprintf(json + used, SIZE - used, ",0");
    }
    snprintf(json + used, SIZE - used, "]}%s", TAIL);
    return json;
}

static void trees_may_be_64_splits_deep(void)
{
    char *json = chain(TREES_DEPTH_MAX);
    struct trees *trees = accept(json);
    CHECK(near(0.5, predict(trees, 1, 1)));
    trees_free(trees);
    free(json);
    json = chain(TREES_DEPTH_MAX + 1);
    refuse(json, "tree 0, node 129: lies deeper than 64 splits");
    free(json);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_row_goes_left_when_its_value_is_below_the_condition),
        TEST(a_missing_value_goes_where_its_split_says),
        TEST(infinite_values_end_in_a_leaf_too),
        TEST(trees_add_up_on_the_base_scores_margin),
        TEST(squared_error_predicts_the_sum_cut_to_probabilities),
        TEST(a_model_without_trees_predicts_its_base_score),
        TEST(only_features_of_splits_are_read_in_rising_order),
        TEST(rows_of_a_block_do_not_touch_each_other),
        TEST(what_is_no_tree_is_refused_with_its_place),
        TEST(models_of_another_kind_are_refused),
        TEST(trees_may_be_64_splits_deep),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
