#include "server/line_limit.h"

#include "tests/test.h"

static void burst_passes_and_then_one_a_second(void)
{
    struct line_limit limit;
    uint64_t suppressed = 99;
    line_limit_init(&limit, 3, 1000);
    for (int i = 0; i < 3; i++) {
        CHECK(line_limit_take(&limit, 1000, &suppressed));
        CHECK_EQ(0, suppressed);
    }
    CHECK(!line_limit_take(&limit, 1000, &suppressed));
    CHECK(!line_limit_take(&limit, 1999, &suppressed));
    CHECK(line_limit_take(&limit, 2000, &suppressed));
    CHECK_EQ(2, suppressed);
    CHECK(!line_limit_take(&limit, 2000, &suppressed));
}

static void quiet_gives_a_burst_and_no_more(void)
{
    struct line_limit limit;
    uint64_t suppressed = 0;
    line_limit_init(&limit, 2, 0);
    CHECK(line_limit_take(&limit, 0, &suppressed));
    CHECK(line_limit_take(&limit, 0, &suppressed));
    CHECK(line_limit_take(&limit, 3600000, &suppressed));
    CHECK(line_limit_take(&limit, 3600000, &suppressed));
    CHECK(!line_limit_take(&limit, 3600000, &suppressed));
}

static void parts_of_a_second_add_up(void)
{
    struct line_limit limit;
    uint64_t suppressed = 0;
    line_limit_init(&limit, 1, 0);
    CHECK(line_limit_take(&limit, 0, &suppressed));
    CHECK(!line_limit_take(&limit, 600, &suppressed));
    CHECK(line_limit_take(&limit, 1200, &suppressed));
    CHECK(line_limit_take(&limit, 2000, &suppressed));
}

static const struct test tests[] = {
    TEST(burst_passes_and_then_one_a_second),
    TEST(quiet_gives_a_burst_and_no_more),
    TEST(parts_of_a_second_add_up),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
