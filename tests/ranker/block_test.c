#include "ranker/block.h"

#include <stdint.h>
#include <string.h>

#include "tests/test.h"

static void check_block(size_t size)
{
    for (int round = 0; round < 3; round++) { /* what was freed may come again */
        unsigned char *block = block_new(size);
        CHECK(block != NULL);
        CHECK(size < BLOCK_HUGE || (uintptr_t)block % BLOCK_HUGE == 0);
        for (size_t i = 0; i < size; i++) {
            CHECK(block[i] == 0);
        }
        memset(block, 0xff, size);
        block_free(block, size);
    }
}

static void blocks_are_zero_and_large_ones_begin_on_a_huge_page(void)
{
    check_block(1);
    check_block(BLOCK_HUGE - 1);
    check_block(BLOCK_HUGE);
    check_block(BLOCK_HUGE + 1);
    check_block(3 * BLOCK_HUGE + 4096);
}

static void freeing_nothing_does_nothing(void)
{
    block_free(NULL, 1);
    block_free(NULL, BLOCK_HUGE);
}

static void what_cannot_be_had_is_refused(void)
{
    CHECK(block_new(SIZE_MAX) == NULL);
    CHECK(block_new(SIZE_MAX - 2 * (size_t)BLOCK_HUGE) == NULL);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(blocks_are_zero_and_large_ones_begin_on_a_huge_page),
        TEST(freeing_nothing_does_nothing),
        TEST(what_cannot_be_had_is_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
