#include "replay/logistic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/exact.h"
#include "ranker/random.h"
#include "tests/test.h"

#define MANY UINT64_MAX

static bool near(double want, double got, double within)
{
    bool fits = fabs(want - got) <= within;
    if (!fits) {
        fprintf(stderr, "want %.12g within %g, got %.12g\n", want, within, got);
    }
    return fits;
}

static double chance_of(double margin)
{
    return 1 / (1 + exact_exp2(-margin * 0x1.71547652b82fep+0));
}

/* Data of taste, age_hours and quality. */
static struct logistic_data *make_data(void)
{
    struct feature_set set = {{0}};
    feature_set_add(&set, FEATURE_TASTE);
    feature_set_add(&set, FEATURE_AGE_HOURS);
    feature_set_add(&set, FEATURE_QUALITY);
    struct logistic_data *data = logistic_data_new(&set, MANY);
    CHECK(data != NULL);
    return data;
}

struct example {
    uint64_t user;
    double taste;
    double age_hours;
    double quality;
    unsigned position;
    double weight; /* 0: 1 */
    bool positive;
};

static enum status try_add(struct logistic_data *data, struct example example,
                           struct problem *problem)
{
    float features[FEATURE_COUNT];
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        features[i] = NAN;
    }
    features[FEATURE_TASTE] = (float)example.taste;
    features[FEATURE_AGE_HOURS] = (float)example.age_hours;
    features[FEATURE_QUALITY] = (float)example.quality;
    const struct logistic_row row = {
        .user_key = example.user,
        .positive = example.positive,
        .weight = example.weight > 0 ? example.weight : 1,
        .position = example.position,
        .features = features,
    };
    return logistic_data_add(data, &row, problem);
}

static void add(struct logistic_data *data, struct example example)
{
    struct problem problem;
    CHECK_EQ(STATUS_OK, try_add(data, example, &problem));
}

/* positives of count rows are positive; a user each. */
static void add_rows(struct logistic_data *data, int count, int positives, struct example example)
{
    for (int i = 0; i < count; i++) {
        example.user = 1 + logistic_data_rows(data);
        example.positive = i < positives;
        add(data, example);
    }
}

static struct logistic_result train(const struct logistic_data *data,
                                    struct logistic_options options)
{
    struct logistic_result result;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, logistic_train(data, NULL, &options, &result, &problem));
    return result;
}

static double weight_of(const struct logistic_result *result, enum feature feature)
{
    for (unsigned i = 0; i < result->model.weight_count; i++) {
        if (result->model.weights[i].feature == feature) {
            return result->model.weights[i].weight;
        }
    }
    return 0;
}

static void check_refused(const struct logistic_data *data, struct logistic_options options,
                          const char *message)
{
    struct logistic_result result;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, logistic_train(data, NULL, &options, &result, &problem));
    CHECK_STR(message, problem.text);
}

/* One in four: odds of 1/3. Nothing else is known. */
static void without_a_feature_that_varies_the_base_rate_is_predicted(void)
{
    struct logistic_data *data = make_data();
    add_rows(data, 4, 1, (struct example){.taste = 0.5});
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1});
    CHECK(near(-log(3), result.model.bias, 1e-6));
    CHECK_EQ(0, result.model.weight_count);
    CHECK(feature_set_has(&result.constant, FEATURE_TASTE));
    CHECK(near(0.25, result.base_rate, 1e-15));
    logistic_data_free(data);
}

/* Shares of 1/4 at 0 and 3/4 at 1: log odds of -ln 3 and ln 3. */
static void two_shares_give_their_log_odds(void)
{
    struct logistic_data *data = make_data();
    add_rows(data, 4, 1, (struct example){.taste = 0});
    add_rows(data, 4, 3, (struct example){.taste = 1});
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1e-12});
    CHECK(result.converged && !result.stopped);
    CHECK(near(-log(3), result.model.bias, 1e-5));
    CHECK(near(2 * log(3), weight_of(&result, FEATURE_TASTE), 1e-5));
    logistic_data_free(data);
}

/*
 * Values -1 and 1 have mean 0 and deviation 1. With shares of 1/4 and 3/4 the gradient by the
 * weight v is p(v) - 3/4 + l2 v, which is 0 at v = ln 2, where p is 2/3, when l2 = (1/12) / ln 2.
 */
static void l2_holds_a_weight_where_the_gradients_meet(void)
{
    struct logistic_data *data = make_data();
    add_rows(data, 4, 1, (struct example){.taste = -1});
    add_rows(data, 4, 3, (struct example){.taste = 1});
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1 / (12 * log(2))});
    CHECK(near(0, result.model.bias, 1e-6));
    CHECK(near(log(2), weight_of(&result, FEATURE_TASTE), 1e-6));
    logistic_data_free(data);
}

static void an_endless_l2_leaves_the_base_rate(void)
{
    struct logistic_data *data = make_data();
    add_rows(data, 4, 1, (struct example){.taste = -1});
    add_rows(data, 4, 3, (struct example){.taste = 1});
    add_rows(data, 8, 8, (struct example){.taste = 1});
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1e9});
    CHECK(near(0, weight_of(&result, FEATURE_TASTE), 1e-8));
    CHECK(near(log(3), result.model.bias, 1e-6));
    logistic_data_free(data);
}

/* In other units a weight is another, and predictions are the same. */
static void units_of_features_do_not_matter(void)
{
    struct logistic_data *small = make_data();
    struct logistic_data *large = make_data();
    for (int i = 0; i < 16; i++) {
        struct example example = {.user = 1 + (uint64_t)i, .positive = i % 3 == 0 || i > 12};
        example.age_hours = i;
        add(small, example);
        example.age_hours = 4096.0 * i + 8192;
        add(large, example);
    }
    struct logistic_result a = train(small, (struct logistic_options){.l2 = 0.01});
    struct logistic_result b = train(large, (struct logistic_options){.l2 = 0.01});
    double slope = weight_of(&a, FEATURE_AGE_HOURS);
    CHECK(near(slope / 4096, weight_of(&b, FEATURE_AGE_HOURS), 1e-9));
    CHECK(near(a.model.bias - 2 * slope, b.model.bias, 1e-5));
    logistic_data_free(small);
    logistic_data_free(large);
}

static void what_is_separable_has_finite_weights(void)
{
    struct logistic_data *data = make_data();
    add_rows(data, 50, 0, (struct example){.taste = -0.5});
    add_rows(data, 50, 50, (struct example){.taste = 0.5});
    double last = 0;
    for (unsigned i = 0; i < LOGISTIC_GRID; i++) {
        struct logistic_result result =
            train(data, (struct logistic_options){.l2 = logistic_grid(i)});
        double weight = weight_of(&result, FEATURE_TASTE);
        CHECK(result.converged);
        CHECK(isfinite(weight) && weight > last); /* a weaker penalty lets it grow */
        CHECK(near(1, result.training.auc.value, 0));
        last = weight;
    }
    logistic_data_free(data);
}

static struct example draw(struct random *random)
{
    return (struct example){
        .taste = 2 * random_unit(random) - 1,
        .age_hours = 500 + 100 * random_normal(random),
        .quality = random_unit(random),
    };
}

/*
 * 40,000 rows, about half positive: the standard error of a standardised weight is about
 * 1 / sqrt(40000 / 5) = 0.011, of taste (deviation 0.58) 0.02, of quality (0.29) 0.04, of age_hours
 * (100) 0.00011.
 */
static void weights_that_made_the_data_are_found(void)
{
    struct logistic_data *data = make_data();
    struct random random = {7};
    for (uint64_t i = 0; i < 40000; i++) {
        struct example example = draw(&random);
        double margin = -3 + 1.5 * example.taste + 0.004 * example.age_hours + 2 * example.quality;
        example.user = 1 + i / 10;
        example.positive = random_unit(&random) < chance_of(margin);
        add(data, example);
    }
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1e-6});
    CHECK(near(1.5, weight_of(&result, FEATURE_TASTE), 4 * 0.02));
    CHECK(near(0.004, weight_of(&result, FEATURE_AGE_HOURS), 4 * 0.00011));
    CHECK(near(2, weight_of(&result, FEATURE_QUALITY), 4 * 0.04));
    CHECK(near(result.base_rate, result.training.predicted, 1e-6));
    struct logistic_result chosen = train(data, (struct logistic_options){.seed = 3});
    CHECK(chosen.l2 <= 1e-2);
    CHECK(chosen.tried_count >= 3 && chosen.tried[0].l2 > chosen.tried[1].l2);
    logistic_data_free(data);
}

/* 2 in 100 positive, of a model that is right: balanced or not, the same comes out. */
static void balanced_classes_are_calibrated_back(void)
{
    struct logistic_data *data = make_data();
    struct random random = {11};
    for (uint64_t i = 0; i < 40000; i++) {
        struct example example = draw(&random);
        example.user = 1 + i / 10;
        example.positive = random_unit(&random) < chance_of(-5 + 2 * example.taste);
        add(data, example);
    }
    struct logistic_result plain = train(data, (struct logistic_options){.l2 = 1e-6});
    struct logistic_result even =
        train(data, (struct logistic_options){.l2 = 1e-6, .balance = true});
    CHECK(near(0, plain.intercept_moved, 1e-15));
    CHECK(even.intercept_moved < -3); /* by some ln(50) */
    CHECK(near(weight_of(&plain, FEATURE_TASTE), weight_of(&even, FEATURE_TASTE), 0.3));
    CHECK(near(even.base_rate, even.training.predicted, 1e-5));
    CHECK(even.training.calibration_error < 0.004);
    CHECK(even.training.log_loss >= plain.training.log_loss - 1e-9);
    CHECK(near(plain.training.log_loss, even.training.log_loss, 5e-4));
    logistic_data_free(data);
}

/*
 * What is to a user's taste was put first; the first place has odds of e times those of the second,
 * the others of 1. Taste itself is worth 1.
 */
static struct logistic_data *placed(bool weighed)
{
    struct logistic_data *data = make_data();
    struct random random = {13};
    for (uint64_t i = 0; i < 60000; i++) {
        struct example example = {.user = 1 + i / 10, .taste = 2 * random_unit(&random) - 1};
        double first = chance_of(2 * example.taste);
        bool is_first = random_unit(&random) < first;
        example.position = is_first ? 1 : 2;
        example.weight = weighed ? logistic_inverse_weight(is_first ? first : 1 - first, 20) : 1;
        example.positive =
            random_unit(&random) < chance_of(-1 + example.taste + (is_first ? 1 : 0));
        add(data, example);
    }
    return data;
}

static void a_place_is_not_taken_for_taste(void)
{
    struct logistic_data *data = placed(false);
    struct logistic_result blind = train(data, (struct logistic_options){.l2 = 1e-6});
    struct logistic_result seeing =
        train(data, (struct logistic_options){.l2 = 1e-6, .positions = true});
    CHECK(weight_of(&blind, FEATURE_TASTE) > 1.2); /* the bias that was planted */
    CHECK(near(1, weight_of(&seeing, FEATURE_TASTE), 0.07));
    double effect = seeing.places[logistic_place(1)] - seeing.places[logistic_place(2)];
    CHECK(near(1, effect, 0.08));
    CHECK_EQ(0, seeing.place_rows[0]);
    CHECK(near(seeing.base_rate, seeing.training.predicted, 1e-5));
    logistic_data_free(data);
}

/* With weights the place does not go with taste any more; two even odds make 1 a little less. */
static void inverse_propensity_weights_take_the_place_out_of_taste(void)
{
    struct logistic_data *data = placed(true);
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1e-6});
    CHECK(near(0.96, weight_of(&result, FEATURE_TASTE), 0.08));
    CHECK(result.training.effective < 60000);
    logistic_data_free(data);
}

static void inverse_weights_are_clipped(void)
{
    CHECK(near(4, logistic_inverse_weight(0.25, 10), 0));
    CHECK(near(10, logistic_inverse_weight(0.01, 10), 0));
    CHECK(near(1, logistic_inverse_weight(1, 10), 0));
}

static void places_follow_positions(void)
{
    CHECK_EQ(0, logistic_place(0));
    CHECK_EQ(1, logistic_place(1));
    CHECK_EQ(3, logistic_place(3));
    CHECK_EQ(4, logistic_place(4));
    CHECK_EQ(4, logistic_place(5));
    CHECK_EQ(8, logistic_place(50));
    CHECK_EQ(9, logistic_place(51));
    CHECK_EQ(LOGISTIC_PLACES - 1, logistic_place(4000000000U));
}

/* A weight of 3 is as three rows. */
static void a_weight_counts_as_so_many_rows(void)
{
    struct logistic_data *data = make_data();
    add_rows(data, 1, 1, (struct example){.taste = 0});
    add_rows(data, 1, 0, (struct example){.taste = 0, .weight = 3});
    add_rows(data, 1, 1, (struct example){.taste = 1, .weight = 3});
    add_rows(data, 1, 0, (struct example){.taste = 1});
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1e-12});
    CHECK(near(-log(3), result.model.bias, 1e-5));
    CHECK(near(2 * log(3), weight_of(&result, FEATURE_TASTE), 1e-5));
    CHECK(near(8 * 8 / 20.0, result.training.effective, 1e-12));
    logistic_data_free(data);
}

/* Quantiles of 0.2 at 0 and of 0.8 at 1: log odds of -ln 4 and ln 4. */
static void a_share_is_learnt_as_two_rows(void)
{
    struct logistic_data *data = make_data();
    add_rows(data, 1, 1, (struct example){.taste = 0, .weight = 0.2});
    add_rows(data, 1, 0, (struct example){.taste = 0, .weight = 0.8});
    add_rows(data, 1, 1, (struct example){.taste = 1, .weight = 0.8});
    add_rows(data, 1, 0, (struct example){.taste = 1, .weight = 0.2});
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1e-12});
    CHECK(near(-log(4), result.model.bias, 1e-5));
    CHECK(near(2 * log(4), weight_of(&result, FEATURE_TASTE), 1e-5));
    CHECK(near(0.5, result.base_rate, 1e-15));
    logistic_data_free(data);
}

/*
 * The margin bends where the model is straight, so the classes' ratio alone would leave predictions
 * off; the intercept that is fitted again does not.
 */
static void balanced_classes_are_calibrated_where_the_model_is_wrong(void)
{
    struct logistic_data *data = make_data();
    struct random random = {19};
    for (uint64_t i = 0; i < 20000; i++) {
        struct example example = draw(&random);
        double bent = example.taste > 0.5 ? 6 * (example.taste - 0.5) : 0;
        example.user = 1 + i / 10;
        example.positive = random_unit(&random) < chance_of(-5 + bent);
        add(data, example);
    }
    struct logistic_result result =
        train(data, (struct logistic_options){.l2 = 1e-6, .balance = true});
    double ratio = (1 - result.base_rate) / result.base_rate;
    CHECK(fabs(result.intercept_moved + log(ratio)) > 0.05);
    CHECK(near(result.base_rate, result.training.predicted, 1e-5));
    logistic_data_free(data);
}

static void a_missing_feature_counts_as_0(void)
{
    struct logistic_data *missing = make_data();
    struct logistic_data *zero = make_data();
    for (int i = 0; i < 40; i++) {
        struct example example = {.user = 1 + (uint64_t)i, .positive = i % 7 < 3, .taste = i % 5};
        add(zero, example);
        example.taste = i % 5 == 0 ? NAN : example.taste;
        add(missing, example);
    }
    struct logistic_result a = train(missing, (struct logistic_options){.l2 = 0.1});
    struct logistic_result b = train(zero, (struct logistic_options){.l2 = 0.1});
    CHECK(memcmp(&a.model.bias, &b.model.bias, sizeof(double)) == 0);
    double features[FEATURE_COUNT] = {0};
    double at_zero = logistic_predict(&a.model, features);
    features[FEATURE_TASTE] = NAN;
    double at_missing = logistic_predict(&a.model, features);
    CHECK(memcmp(&at_zero, &at_missing, sizeof(double)) == 0);
    logistic_data_free(missing);
    logistic_data_free(zero);
}

static void without_both_classes_nothing_is_learnt(void)
{
    struct logistic_data *data = make_data();
    const struct logistic_options options = {.l2 = 1};
    check_refused(data, options,
                  "0 training examples, of which 0 are positive; both kinds are needed to learn "
                  "what tells them apart");
    add_rows(data, 1, 1, (struct example){.taste = 1});
    check_refused(data, options,
                  "1 training examples, of which 1 are positive; both kinds are needed to learn "
                  "what tells them apart");
    logistic_data_free(data);
    data = make_data();
    add_rows(data, 300, 0, (struct example){.taste = 1});
    check_refused(data, options,
                  "300 training examples, of which 0 are positive; both kinds are needed to learn "
                  "what tells them apart");
    logistic_data_free(data);
}

static void too_few_users_choose_no_penalty(void)
{
    struct logistic_data *data = make_data();
    add(data, (struct example){.user = 5, .positive = true});
    add(data, (struct example){.user = 5, .taste = 1});
    struct logistic_result result;
    struct problem problem = {""};
    const struct logistic_options options = {.seed = 1};
    CHECK_EQ(STATUS_INVALID, logistic_train(data, NULL, &options, &result, &problem));
    CHECK(strstr(problem.text, "too few users to choose l2 by") == problem.text);
    logistic_data_free(data);
}

static struct logistic_data *noise(uint64_t seed, uint64_t rows)
{
    struct logistic_data *data = make_data();
    struct random random = {seed};
    for (uint64_t i = 0; i < rows; i++) {
        struct example example = draw(&random);
        example.user = 1 + i / 3;
        example.position = 1 + (unsigned)(i % 60);
        example.positive = random_unit(&random) < chance_of(example.taste - 1);
        add(data, example);
    }
    return data;
}

/* 999 rows: blocks that are full, and one that is not. */
static void the_same_rows_give_the_same_bits(void)
{
    struct logistic_data *first = noise(3, 999);
    struct logistic_data *again = noise(3, 999);
    struct logistic_data *held_out = noise(4, 500);
    const struct logistic_options options = {.seed = 9, .balance = true, .positions = true};
    struct logistic_result *a = calloc(2, sizeof(*a));
    struct logistic_result *b = a + 1;
    struct problem problem;
    CHECK(a != NULL);
    CHECK_EQ(STATUS_OK, logistic_train(first, held_out, &options, a, &problem));
    CHECK_EQ(STATUS_OK, logistic_train(again, NULL, &options, b, &problem));
    CHECK(memcmp(&a->model.bias, &b->model.bias, sizeof(double)) == 0);
    CHECK_EQ(a->model.weight_count, b->model.weight_count);
    for (unsigned i = 0; i < a->model.weight_count; i++) {
        CHECK(memcmp(&a->model.weights[i].weight, &b->model.weights[i].weight, sizeof(double)) ==
              0);
    }
    CHECK(memcmp(a->places, b->places, sizeof(a->places)) == 0);
    CHECK(memcmp(a->training.bins, b->training.bins, sizeof(a->training.bins)) == 0);
    CHECK_EQ(500, a->held_out.rows);
    CHECK_EQ(0, b->held_out.rows);
    CHECK(isnan(b->held_out.log_loss));
    logistic_data_free(first);
    logistic_data_free(again);
    logistic_data_free(held_out);
    free(a);
}

/* The step of 2^-20 in the feature would take a weight of millions. */
static void a_weight_beyond_the_files_bound_stays_at_it(void)
{
    struct logistic_data *data = make_data();
    add_rows(data, 8, 2, (struct example){.quality = 0, .taste = 1});
    add_rows(data, 8, 6, (struct example){.quality = 0x1p-20, .taste = 0});
    add_rows(data, 8, 6, (struct example){.quality = 0x1p-20, .taste = 1});
    struct logistic_result result = train(data, (struct logistic_options){.l2 = 1e-9});
    CHECK(near(1000, weight_of(&result, FEATURE_QUALITY), 0));
    CHECK(feature_set_has(&result.bounded, FEATURE_QUALITY));
    CHECK(!feature_set_has(&result.bounded, FEATURE_TASTE));
    CHECK(near(result.base_rate, result.training.predicted, 1e-6)); /* fitted beside it */
    logistic_data_free(data);
}

struct patience {
    unsigned left;
    unsigned calls;
};

static bool lose_patience(void *context, const struct logistic_progress *progress)
{
    struct patience *patience = context;
    CHECK(progress->iteration >= 1);
    CHECK(isfinite(progress->objective));
    patience->calls++;
    return patience->calls <= patience->left;
}

static void a_fit_that_is_stopped_gives_the_best_so_far(void)
{
    struct logistic_data *data = noise(5, 2000);
    struct patience endless = {.left = 1000000};
    struct logistic_options options = {
        .seed = 1, .balance = true, .go_on = lose_patience, .context = &endless};
    struct logistic_result whole = train(data, options);
    CHECK(whole.converged && !whole.stopped);
    CHECK_EQ(whole.iterations, endless.calls);
    for (unsigned left = 0; left < endless.calls; left += 3) {
        struct patience patience = {.left = left};
        options.context = &patience;
        struct logistic_result result = train(data, options);
        CHECK(result.stopped && !result.converged);
        CHECK_EQ(left + 1, patience.calls);
        CHECK(result.training.log_loss < 0.75);
    }
    logistic_data_free(data);
}

static void rows_beyond_the_memory_are_refused_with_their_number(void)
{
    struct feature_set set = {{0}};
    feature_set_add(&set, FEATURE_TASTE);
    feature_set_add(&set, FEATURE_QUALITY);
    struct logistic_data *data = logistic_data_new(&set, 8000);
    struct problem problem = {""};
    float features[FEATURE_COUNT] = {0};
    const struct logistic_row row = {.user_key = 1, .weight = 1, .features = features};
    for (int i = 0; i < LOGISTIC_BLOCK; i++) {
        CHECK_EQ(STATUS_OK, logistic_data_add(data, &row, &problem));
    }
    CHECK_EQ(STATUS_NO_SPACE, logistic_data_add(data, &row, &problem));
    CHECK_STR("more than the 256 examples of 2 features that fit into 8000 bytes; choose fewer "
              "features, or a share of the users, or allow more memory",
              problem.text);
    CHECK_EQ(LOGISTIC_BLOCK, logistic_data_rows(data));
    logistic_data_free(data);
}

static void rows_out_of_range_are_refused(void)
{
    struct logistic_data *data = make_data();
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, try_add(data, (struct example){.taste = 1}, &problem));
    CHECK_STR("example 1: no user; a visitor has the key of the request", problem.text);
    CHECK_EQ(STATUS_INVALID,
             try_add(data, (struct example){.user = 1, .taste = INFINITY}, &problem));
    CHECK_STR("example 1: taste is inf; allowed: -1.09951e+12 to 1.09951e+12, or missing",
              problem.text);
    CHECK_EQ(STATUS_INVALID, try_add(data, (struct example){.user = 1, .weight = 1e9}, &problem));
    CHECK_STR("example 1: weight 1e+09; allowed: above 0, up to 1.04858e+06", problem.text);
    CHECK_EQ(0, logistic_data_rows(data));
    logistic_data_free(data);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(without_a_feature_that_varies_the_base_rate_is_predicted),
        TEST(two_shares_give_their_log_odds),
        TEST(l2_holds_a_weight_where_the_gradients_meet),
        TEST(an_endless_l2_leaves_the_base_rate),
        TEST(units_of_features_do_not_matter),
        TEST(what_is_separable_has_finite_weights),
        TEST(weights_that_made_the_data_are_found),
        TEST(balanced_classes_are_calibrated_back),
        TEST(a_place_is_not_taken_for_taste),
        TEST(inverse_propensity_weights_take_the_place_out_of_taste),
        TEST(inverse_weights_are_clipped),
        TEST(places_follow_positions),
        TEST(a_weight_counts_as_so_many_rows),
        TEST(a_share_is_learnt_as_two_rows),
        TEST(balanced_classes_are_calibrated_where_the_model_is_wrong),
        TEST(a_missing_feature_counts_as_0),
        TEST(without_both_classes_nothing_is_learnt),
        TEST(too_few_users_choose_no_penalty),
        TEST(the_same_rows_give_the_same_bits),
        TEST(a_weight_beyond_the_files_bound_stays_at_it),
        TEST(a_fit_that_is_stopped_gives_the_best_so_far),
        TEST(rows_beyond_the_memory_are_refused_with_their_number),
        TEST(rows_out_of_range_are_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
