#include "ranker/perfect.h"

#include "tests/test.h"

static struct arena arena;

static struct arena *scratch(void)
{
    static char memory[1 << 18];
    arena_init(&arena, memory, sizeof(memory));
    return &arena;
}

static struct perfect new_map(size_t capacity)
{
    struct perfect map;
    CHECK_EQ(STATUS_OK, perfect_init(&map, scratch(), capacity));
    return map;
}

/* Behind what scratch() gave. */
static void seal(struct perfect *map)
{
    CHECK_EQ(STATUS_OK, perfect_seal(map, &arena));
}

static void empty_map_knows_nothing(void)
{
    struct perfect map = new_map(0);
    CHECK_EQ(0, perfect_value(&map, 7));
    seal(&map);
    CHECK_EQ(0, perfect_value(&map, 7));
    CHECK_EQ(0, perfect_value(&map, 0));
}

static void key_0_is_no_key(void)
{
    struct perfect map = new_map(2);
    perfect_put(&map, 0, 5);
    perfect_put(&map, 1, 6);
    CHECK_EQ(0, perfect_value(&map, 0));
    seal(&map);
    CHECK_EQ(0, perfect_value(&map, 0));
    CHECK_EQ(6, perfect_value(&map, 1));
}

static void last_value_of_a_key_counts(void)
{
    struct perfect map = new_map(1);
    perfect_put(&map, 9, 1);
    perfect_put(&map, 9, 2);
    seal(&map);
    CHECK_EQ(2, perfect_value(&map, 9));
}

static void new_keys_may_be_added_without_a_search(void)
{
    struct perfect map = new_map(3);
    perfect_add(&map, 7, 1);
    perfect_put(&map, 8, 2);
    perfect_add(&map, 9, 3);
    perfect_put(&map, 7, 4);
    CHECK_EQ(3, perfect_value(&map, 9));
    seal(&map);
    CHECK_EQ(4, perfect_value(&map, 7));
    CHECK_EQ(2, perfect_value(&map, 8));
    CHECK_EQ(3, perfect_value(&map, 9));
    CHECK_EQ(0, perfect_value(&map, 0));
}

static void check_all(const struct perfect *map, const uint64_t *keys, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(i + 1, perfect_index(map, keys[i]));
        CHECK_EQ(i + 1, perfect_value(map, keys[i]));
        CHECK_EQ(0, perfect_index(map, keys[i] ^ (UINT64_C(1) << 63)));
        CHECK_EQ(0, perfect_value(map, keys[i] ^ (UINT64_C(1) << 63)));
    }
}

/* Small numbers in a row (languages, durations) and hashes (creators) alike. */
static void fullest_map_is_right(void)
{
    uint64_t keys[PERFECT_KEYS_MAX];
    uint64_t seed = 1;
    for (unsigned i = 0; i < PERFECT_KEYS_MAX; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        keys[i] = i % 2 == 0 ? i + 1 : seed;
    }
    struct perfect map = new_map(PERFECT_KEYS_MAX);
    for (unsigned i = 0; i < PERFECT_KEYS_MAX; i++) {
        perfect_put(&map, keys[i], i + 1);
    }
    check_all(&map, keys, PERFECT_KEYS_MAX);
    seal(&map);
    check_all(&map, keys, PERFECT_KEYS_MAX);
}

static void forty_eight_hashes_seal(void)
{
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct perfect map = new_map(48);
        for (unsigned i = 0; i < 48; i++) {
            uint64_t key = (seed * 48 + i) * UINT64_C(0xbf58476d1ce4e5b9);
            perfect_put(&map, key ^ key >> 31, 1);
        }
        seal(&map);
        CHECK(map.sealed);
    }
}

/* As many as slots can number; chance alone would tell them apart in one trial of fifty. */
static void map_of_255_hashes_seals(void)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct perfect map = new_map(255);
        for (unsigned i = 0; i < 255; i++) {
            uint64_t key = (seed * 255 + i) * UINT64_C(0xbf58476d1ce4e5b9);
            perfect_put(&map, key ^ key >> 31, 1);
        }
        seal(&map);
        CHECK(map.sealed);
    }
}

static void unsealed_map_answers_all_the_same(void)
{
    uint64_t keys[] = {3, 1, 2};
    struct perfect map = new_map(3);
    for (unsigned i = 0; i < 3; i++) {
        perfect_put(&map, keys[i], i + 1);
    }
    CHECK(!map.sealed);
    check_all(&map, keys, 3);
}

static void small_arena_is_reported(void)
{
    static char memory[64];
    struct arena small;
    struct perfect map;
    arena_init(&small, memory, sizeof(memory));
    CHECK_EQ(STATUS_NO_MEMORY, perfect_init(&map, &small, 48));
    map = new_map(3);
    perfect_put(&map, 1, 1);
    CHECK_EQ(STATUS_NO_MEMORY, perfect_seal(&map, &small));
    CHECK_EQ(1, perfect_value(&map, 1));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_map_knows_nothing),
        TEST(key_0_is_no_key),
        TEST(last_value_of_a_key_counts),
        TEST(fullest_map_is_right),
        TEST(forty_eight_hashes_seal),
        TEST(unsealed_map_answers_all_the_same),
        TEST(small_arena_is_reported),
        TEST(map_of_255_hashes_seals),
        TEST(new_keys_may_be_added_without_a_search),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
