#include "ranker/score.h"

#include <string.h>

#include "tests/test.h"

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

static struct features random_features(uint64_t *seed)
{
    struct features features;
    fill(features.taste, seed, -1, 1);
    fill(features.views, seed, 100, 1000);
    fill(features.watches, seed, 100, 1000);
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        fill(features.hits[i], seed, 0, 100);
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        fill(features.multipliers[i], seed, 0, 1);
    }
    return features;
}

static void avx2_and_plain_scores_have_the_same_bits(void)
{
    if (!__builtin_cpu_supports("avx2")) {
        test_skip("this processor has no AVX2");
    }
    struct selection all = selection_of_all();
    uint64_t seed = 1;
    for (unsigned round = 0; round < 20000; round++) {
        struct model model = random_model(&seed);
        struct features features = random_features(&seed);
        double plain[FEATURE_BLOCK];
        double avx2[FEATURE_BLOCK];
        struct rank_term plain_terms[FEATURE_BLOCK * TERM_COUNT];
        struct rank_term avx2_terms[FEATURE_BLOCK * TERM_COUNT];
        memset(plain_terms, 0, sizeof(plain_terms));
        memset(avx2_terms, 0, sizeof(avx2_terms));
        score_block(&model, &all, &features, FEATURE_BLOCK, plain, plain_terms);
        score_block_avx2(&model, &all, &features, FEATURE_BLOCK, avx2, avx2_terms);
        CHECK(memcmp(plain, avx2, sizeof(plain)) == 0);
        CHECK(memcmp(plain_terms, avx2_terms, sizeof(plain_terms)) == 0);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {TEST(avx2_and_plain_scores_have_the_same_bits)};
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
