#include "ranker/embedding.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/test.h"

static void the_largest_component_becomes_127(void)
{
    const float values[] = {0.5F, -2, 1, 0};
    struct embedding embedding = embedding_of(values, 4);
    CHECK_EQ(4, embedding.size);
    CHECK_EQ(32, embedding.values[0]); /* 31.75 */
    CHECK_EQ(-127, embedding.values[1]);
    CHECK_EQ(64, embedding.values[2]); /* 63.5, to even */
    CHECK_EQ(0, embedding.values[3]);
    CHECK(embedding_is_sound(&embedding));
}

static void nothing_and_zeros_are_no_embedding(void)
{
    const float zeros[] = {0, -0.0F};
    CHECK_EQ(0, embedding_of(NULL, 0).size);
    CHECK_EQ(0, embedding_of(zeros, 2).size);
}

static void the_largest_and_the_smallest_floats_are_taken(void)
{
    float values[LIMIT_VIDEO_EMBEDDING];
    for (size_t i = 0; i < LIMIT_VIDEO_EMBEDDING; i++) {
        values[i] = i % 2 == 0 ? FLT_MAX : -FLT_MAX;
    }
    struct embedding embedding = embedding_of(values, LIMIT_VIDEO_EMBEDDING);
    CHECK_EQ(127, embedding.values[0]);
    CHECK_EQ(-127, embedding.values[31]);
    const float tiny[] = {FLT_TRUE_MIN, 0};
    CHECK_EQ(127, embedding_of(tiny, 2).values[0]);
}

static void what_embedding_of_does_not_make_is_unsound(void)
{
    struct embedding none = {.size = 0};
    struct embedding all_zero = {.size = 2};
    struct embedding too_small = {.size = 2, .values = {126, 1}};
    struct embedding too_long = {.size = 1, .values = {127, 1}};
    struct embedding most_negative = {.size = 2, .values = {-128, 127}};
    CHECK(embedding_is_sound(&none));
    CHECK(!embedding_is_sound(&all_zero));
    CHECK(!embedding_is_sound(&too_small));
    CHECK(!embedding_is_sound(&too_long));
    CHECK(!embedding_is_sound(&most_negative));
}

/* (3, 4) becomes (95, 127), of length 158.6... */
static void the_scale_is_one_over_the_length(void)
{
    const float values[] = {3, 4};
    struct embedding embedding = embedding_of(values, 2);
    CHECK_EQ(95 * 95 + 127 * 127, embedding_dot(&embedding, &embedding));
    CHECK(fabs(embedding_scale(&embedding) * sqrt(95 * 95 + 127 * 127) - 1) < 1e-14);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_largest_component_becomes_127),
        TEST(nothing_and_zeros_are_no_embedding),
        TEST(the_largest_and_the_smallest_floats_are_taken),
        TEST(what_embedding_of_does_not_make_is_unsound),
        TEST(the_scale_is_one_over_the_length),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
