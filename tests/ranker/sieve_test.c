#include "ranker/sieve.h"

#include "tests/test.h"

/* As this file is compiled; that the code for other processors gives the same features is in
 * block_code_test.c. */
enum { MEMBERS = 30, ROUNDS = 2000 };

static uint64_t dice = 7;

/* As good as a hash's low bits. */
static uint32_t roll(void)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(dice >> 32);
}

static void fill(uint32_t keys[SIEVE_KEYS])
{
    for (size_t i = 0; i < SIEVE_KEYS; i++) {
        keys[i] = roll();
    }
}

static void nothing_passes_an_empty_sieve(void)
{
    struct sieve sieve = {{0}};
    uint32_t keys[SIEVE_KEYS];
    fill(keys);
    keys[3] = 0;
    CHECK(sieve_pass(&sieve, keys, SIEVE_KEYS) == 0);
}

static void whatever_was_added_passes_wherever_it_stands(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct sieve sieve = {{0}};
        uint32_t keys[SIEVE_KEYS];
        uint64_t added = (uint64_t)roll() << 32 | roll();
        fill(keys);
        for (size_t i = 0; i < SIEVE_KEYS; i++) {
            if ((added >> i & 1) != 0) {
                sieve_add(&sieve, keys[i]);
            }
        }
        CHECK((added & ~sieve_pass(&sieve, keys, SIEVE_KEYS)) == 0);
        CHECK_EQ((uint32_t)sieve_pass(&sieve, keys, SIEVE_KEYS),
                 sieve_pass(&sieve, keys, SIEVE_KEYS / 2));
    }
}

/* (2 * 30 / 1,024)^2 is 3.4 in a thousand; of 128,000 that is 440. */
static void few_others_pass(void)
{
    struct sieve sieve = {{0}};
    unsigned passed = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        sieve_add(&sieve, roll());
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t keys[SIEVE_KEYS];
        fill(keys);
        passed += (unsigned)__builtin_popcountll(sieve_pass(&sieve, keys, SIEVE_KEYS));
    }
    CHECK(passed < 900);
}

static void zeros_are_told_by_their_places(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t zeros = (uint64_t)roll() << 32 | roll();
        uint32_t keys[SIEVE_KEYS];
        for (size_t i = 0; i < SIEVE_KEYS; i++) {
            keys[i] = (zeros >> i & 1) != 0 ? 0 : roll() | UINT32_C(1) << i % 32;
        }
        CHECK(sieve_zeros(keys, SIEVE_KEYS) == zeros);
        CHECK(sieve_zeros(keys, SIEVE_KEYS / 2) == (uint32_t)zeros);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(nothing_passes_an_empty_sieve),
        TEST(whatever_was_added_passes_wherever_it_stands),
        TEST(few_others_pass),
        TEST(zeros_are_told_by_their_places),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
