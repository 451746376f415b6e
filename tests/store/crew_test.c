#include "store/crew.h"

#include "tests/test.h"

struct member {
    unsigned calls;
    unsigned number;
};

static void work(void *argument)
{
    struct member *member = argument;
    member->calls++;
}

static void check_crew(size_t count)
{
    struct member members[64] = {{0}};
    crew_run(work, members, sizeof(members[0]), count);
    for (size_t i = 0; i < 64; i++) {
        CHECK_EQ(i < count, members[i].calls);
    }
}

static void each_member_works_once(void)
{
    check_crew(1);
    check_crew(2);
    check_crew(64);
}

static void size_is_that_of_the_machine_up_to_a_bound(void)
{
    CHECK_EQ(1, crew_size(1));
    CHECK(crew_size(64) >= 1);
    CHECK(crew_size(64) <= 64);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(each_member_works_once),
        TEST(size_is_that_of_the_machine_up_to_a_bound),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
