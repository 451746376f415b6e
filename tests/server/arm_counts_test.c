#include "server/arm_counts.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/test.h"

static void check_item(const struct arm_count *item, const char *arm, uint64_t rankings)
{
    CHECK_STR(arm, item->arm);
    CHECK_EQ(rankings, item->rankings);
}

static struct arm_counts *new_counts(void)
{
    struct arm_counts *counts = arm_counts_new();
    CHECK(counts != NULL);
    return counts;
}

static void a_ranking_in_no_arm_counts_nothing(void)
{
    struct arm_count items[ARM_COUNTS_MAX + 1];
    struct arm_counts *counts = new_counts();
    arm_counts_add(counts, "");
    CHECK_EQ(0, arm_counts_get(counts, items));
    arm_counts_free(counts);
    arm_counts_free(NULL);
}

static void a_ranking_counts_in_each_of_its_arms(void)
{
    struct arm_count items[ARM_COUNTS_MAX + 1];
    struct arm_counts *counts = new_counts();
    arm_counts_add(counts, "e/b");
    arm_counts_add(counts, "e/b,d/a");
    arm_counts_add(counts, "d/a,e/bc"); /* a name that begins as another is its own */
    arm_counts_add(counts, "e/b");
    CHECK_EQ(3, arm_counts_get(counts, items));
    check_item(&items[0], "d/a", 2);
    check_item(&items[1], "e/b", 3);
    check_item(&items[2], "e/bc", 1);
    arm_counts_free(counts);
}

static void the_longest_name_is_kept_whole(void)
{
    static const char name[] = "0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef";
    struct arm_count items[ARM_COUNTS_MAX + 1];
    struct arm_counts *counts = new_counts();
    CHECK_EQ(ARM_NAME_SIZE, sizeof(name));
    arm_counts_add(counts, name);
    CHECK_EQ(1, arm_counts_get(counts, items));
    check_item(&items[0], name, 1);
    arm_counts_free(counts);
}

static void names_past_the_most_are_counted_together(void)
{
    struct arm_count items[ARM_COUNTS_MAX + 1];
    struct arm_counts *counts = new_counts();
    for (unsigned i = ARM_COUNTS_MAX + 2; i > 0; i--) {
        char arm[ARM_NAME_SIZE];
        snprintf(arm, sizeof(arm), "e/%03u", i);
        arm_counts_add(counts, arm);
    }
    arm_counts_add(counts, "e/003"); /* the last that had room */
    CHECK_EQ(ARM_COUNTS_MAX + 1, arm_counts_get(counts, items));
    check_item(&items[0], "e/003", 2);
    check_item(&items[ARM_COUNTS_MAX - 1], "e/258", 1);
    check_item(&items[ARM_COUNTS_MAX], "other", 2);
    arm_counts_free(counts);
}

enum { THREADS = 4, ROUNDS = 10000 };

static void *add_many(void *context)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        arm_counts_add(context, i % 2 == 0 ? "a/x,b/y" : "b/y");
    }
    return NULL;
}

static void threads_lose_no_counts(void)
{
    struct arm_count items[ARM_COUNTS_MAX + 1];
    struct arm_counts *counts = new_counts();
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ(0, pthread_create(&threads[i], NULL, add_many, counts));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ(0, pthread_join(threads[i], NULL));
    }
    CHECK_EQ(2, arm_counts_get(counts, items));
    check_item(&items[0], "a/x", THREADS * ROUNDS / 2);
    check_item(&items[1], "b/y", THREADS * ROUNDS);
    arm_counts_free(counts);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_ranking_in_no_arm_counts_nothing),
        TEST(a_ranking_counts_in_each_of_its_arms),
        TEST(the_longest_name_is_kept_whole),
        TEST(names_past_the_most_are_counted_together),
        TEST(threads_lose_no_counts),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
