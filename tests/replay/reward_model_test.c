#include "replay/reward_model.h"

#include <math.h>
#include <stdbool.h>

#include "tests/test.h"

enum { A = 11, B = 12, C = 13, USERS = 64 };

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static struct reward_model *model_of(size_t folds, double prior)
{
    struct reward_model *model = reward_model_new(folds, prior);
    CHECK(model != NULL);
    return model;
}

static void add(struct reward_model *model, uint64_t user, uint64_t video, double reward)
{
    CHECK_EQ(STATUS_OK, reward_model_add(model, user, video, reward));
}

static void nothing_known_is_0(void)
{
    struct reward_model *model = model_of(5, 10);
    CHECK(near(0, reward_model_value(model, 1, A)));
    reward_model_free(model);
    reward_model_free(NULL);
}

/* A earned 1 and 0, B 1: all together 2 of 3. */
static void one_fold_without_a_prior_is_the_mean(void)
{
    struct reward_model *model = model_of(1, 0);
    add(model, 1, A, 1);
    add(model, 2, A, 0);
    add(model, 3, B, 1);
    CHECK(near(0.5, reward_model_value(model, 1, A)));
    CHECK(near(0.5, reward_model_value(model, 9, A)));
    CHECK(near(1, reward_model_value(model, 1, B)));
    CHECK(near(2.0 / 3, reward_model_value(model, 1, C)));
    reward_model_free(model);
}

/* A: (1 + 4 * 2/3) / (2 + 4). B: (1 + 4 * 2/3) / (1 + 4). */
static void a_prior_pulls_to_the_mean_of_all(void)
{
    struct reward_model *model = model_of(1, 4);
    add(model, 1, A, 1);
    add(model, 2, A, 0);
    add(model, 3, B, 1);
    CHECK(near(11.0 / 18, reward_model_value(model, 1, A)));
    CHECK(near(11.0 / 15, reward_model_value(model, 1, B)));
    CHECK(near(2.0 / 3, reward_model_value(model, 1, C)));
    reward_model_free(model);
}

/* Whatever a user's fold earned, what it is told is as if the fold had not been there. */
static void what_a_user_is_told_is_from_others(void)
{
    for (uint64_t user = 1; user <= USERS; user++) {
        struct reward_model *poor = model_of(3, 1);
        struct reward_model *rich = model_of(3, 1);
        for (uint64_t other = 1; other <= USERS; other++) {
            add(poor, other, other % 2 == 0 ? A : B, (double)(other % 5));
            add(rich, other, other % 2 == 0 ? A : B, (double)(other % 5));
        }
        add(rich, user, A, 1000);
        add(rich, user, C, 1000);
        CHECK(near(reward_model_value(poor, user, A), reward_model_value(rich, user, A)));
        CHECK(near(reward_model_value(poor, user, C), reward_model_value(rich, user, C)));
        reward_model_free(poor);
        reward_model_free(rich);
    }
}

/*
 * Each user likes a video of its own number of times, so what is missing from the whole tells the
 * users of a fold; all folds have some.
 */
static void users_are_dealt_into_folds_evenly(void)
{
    enum { MANY = 3000, FOLDS = 3 };
    struct reward_model *model = model_of(FOLDS, 0);
    size_t counts[FOLDS] = {0};
    double rewards[FOLDS] = {0};
    size_t kinds = 0;
    for (uint64_t user = 1; user <= MANY; user++) {
        add(model, user, A, (double)user);
    }
    for (uint64_t user = 1; user <= MANY; user++) {
        double told = reward_model_value(model, user, A);
        size_t kind = 0;
        while (kind < kinds && !near(rewards[kind], told)) {
            kind++;
        }
        if (kind == kinds) {
            CHECK(kinds < FOLDS);
            rewards[kinds++] = told;
        }
        counts[kind]++;
    }
    for (size_t i = 0; i < FOLDS; i++) {
        CHECK(counts[i] > 900 && counts[i] < 1100);
    }
    reward_model_free(model);
}

static void a_video_of_a_single_fold_is_told_the_mean_there(void)
{
    struct reward_model *model = model_of(8, 0);
    add(model, 1, A, 5);
    CHECK(near(0, reward_model_value(model, 1, A)));
    for (uint64_t user = 2; user <= USERS; user++) {
        add(model, user, B, 3);
    }
    CHECK(near(3, reward_model_value(model, 1, A)));
    reward_model_free(model);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(nothing_known_is_0),
        TEST(one_fold_without_a_prior_is_the_mean),
        TEST(a_prior_pulls_to_the_mean_of_all),
        TEST(what_a_user_is_told_is_from_others),
        TEST(users_are_dealt_into_folds_evenly),
        TEST(a_video_of_a_single_fold_is_told_the_mean_there),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
