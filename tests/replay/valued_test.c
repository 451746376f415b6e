#include "replay/valued.h"

#include "tests/test.h"

static void the_largest_come_first_and_equal_ones_by_index(void)
{
    struct valued valued[] = {{1, 0}, {3, 4}, {-2, 1}, {3, 2}, {3, 3}, {0, 5}, {-0.0, 6}};
    static const uint32_t want[] = {2, 3, 4, 0, 5, 6, 1};
    enum { COUNT = sizeof(valued) / sizeof(valued[0]) };
    valued_sort(valued, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_EQ(want[i], valued[i].index);
    }
}

static void nothing_is_in_order(void)
{
    valued_sort(NULL, 0);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_largest_come_first_and_equal_ones_by_index),
        TEST(nothing_is_in_order),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
