#include "server/arenas.h"

#include <stdint.h>
#include <string.h>

#include "tests/test.h"

enum { ARENA_SIZE = 4 << 20 };

static void last_given_is_taken_first(void)
{
    struct arenas arenas;
    arenas_init(&arenas, ARENA_SIZE, 4, SIZE_MAX);
    struct arena *first = arenas_take(&arenas);
    struct arena *second = arenas_take(&arenas);
    CHECK(first != NULL && second != NULL && first != second);
    arenas_give(&arenas, first);
    arenas_give(&arenas, second);
    CHECK(arenas_take(&arenas) == second);
    CHECK(arenas_take(&arenas) == first);
    arenas_give(&arenas, first);
    arenas_give(&arenas, second);
    arenas_release(&arenas);
}

static void taken_arena_is_empty_and_whole(void)
{
    struct arenas arenas;
    arenas_init(&arenas, ARENA_SIZE, 1, SIZE_MAX);
    for (int i = 0; i < 3; i++) {
        struct arena *arena = arenas_take(&arenas);
        CHECK_EQ(0, arena->used);
        char *bytes = arena_new(arena, char, ARENA_SIZE - 128);
        CHECK(bytes != NULL);
        CHECK(bytes[ARENA_SIZE - 129] == 0);
        memset(bytes, 1, ARENA_SIZE - 128);
        CHECK(arena_new(arena, char, 128) == NULL);
        arenas_give(&arenas, arena);
    }
    arenas_release(&arenas);
}

static void no_more_than_the_bound_are_out(void)
{
    struct arenas arenas;
    struct arena *taken[100];
    arenas_init(&arenas, ARENA_SIZE, 100, SIZE_MAX);
    for (int i = 0; i < 100; i++) {
        taken[i] = arenas_take(&arenas);
        CHECK(taken[i] != NULL);
    }
    CHECK(arenas_take(&arenas) == NULL);
    arenas_give(&arenas, taken[0]);
    taken[0] = arenas_take(&arenas);
    CHECK(taken[0] != NULL);
    for (int i = 0; i < 100; i++) {
        arenas_give(&arenas, taken[i]);
    }
    arenas_release(&arenas);
}

static void held_bytes_are_bounded(void)
{
    struct arenas arenas;
    arenas_init(&arenas, ARENA_SIZE, 4, 1000);
    struct arena *small = arenas_take(&arenas);
    CHECK(arena_new(small, char, 500) != NULL);
    arenas_hold(&arenas, small);
    struct arena *large = arenas_take(&arenas);
    CHECK(arena_new(large, char, 500) != NULL);
    arenas_hold(&arenas, large);
    arenas_hold(&arenas, large); /* counted once */
    CHECK(arenas_take(&arenas) == NULL);
    arenas_give(&arenas, large);
    large = arenas_take(&arenas);
    CHECK(large != NULL);
    arenas_give(&arenas, large);
    arenas_give(&arenas, small);
    CHECK_EQ(0, arenas.held_bytes);
    arenas_release(&arenas);
}

static void giving_nothing_is_allowed(void)
{
    struct arenas arenas;
    arenas_init(&arenas, ARENA_SIZE, 1, 1);
    arenas_give(&arenas, NULL);
    arenas_release(&arenas);
}

static const struct test tests[] = {
    TEST(last_given_is_taken_first),      TEST(taken_arena_is_empty_and_whole),
    TEST(no_more_than_the_bound_are_out), TEST(held_bytes_are_bounded),
    TEST(giving_nothing_is_allowed),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
