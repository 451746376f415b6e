#include "replay/distinct.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/test.h"

static void add_range(struct distinct *distinct, uint64_t first, uint64_t count)
{
    for (uint64_t key = first; key < first + count; key++) {
        distinct_add(distinct, key);
    }
}

static void no_key_is_estimated_as_none(void)
{
    struct distinct distinct = {{0}};
    CHECK(fabs(distinct_estimate(&distinct)) <= 0);
}

/* Five standard errors of 1.6 %, at every size from a few to a million, for keys in a row. */
static void the_estimate_is_near_at_every_size(void)
{
    for (uint64_t count = 10; count <= 1000000; count *= 10) {
        struct distinct distinct = {{0}};
        add_range(&distinct, 1, count);
        CHECK(fabs(distinct_estimate(&distinct) / (double)count - 1) < 5 * 0.01625);
    }
}

static void a_key_counts_once(void)
{
    struct distinct once = {{0}};
    struct distinct thrice = {{0}};
    add_range(&once, 1, 1000);
    for (int i = 0; i < 3; i++) {
        add_range(&thrice, 1, 1000);
    }
    CHECK(memcmp(&once, &thrice, sizeof(once)) == 0);
}

static void parts_merge_to_the_whole(void)
{
    struct distinct whole = {{0}};
    struct distinct parts[2] = {{{0}}};
    add_range(&whole, 1, 5000);
    add_range(&parts[0], 1, 3000);
    add_range(&parts[1], 2001, 3000);
    distinct_merge(&parts[0], &parts[1]);
    CHECK(memcmp(&whole, &parts[0], sizeof(whole)) == 0);
}

/* Every register at its largest: nothing is divided by 0, and nothing runs forever. */
static void full_registers_have_an_estimate(void)
{
    struct distinct distinct;
    memset(&distinct, DISTINCT_REGISTER_MAX, sizeof(distinct));
    CHECK(distinct_estimate(&distinct) > 1e15);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(no_key_is_estimated_as_none),
        TEST(the_estimate_is_near_at_every_size),
        TEST(a_key_counts_once),
        TEST(parts_merge_to_the_whole),
        TEST(full_registers_have_an_estimate),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
