#include "store/window.h"

#include <stdint.h>

#include "tests/test.h"

static struct event_key key(uint64_t number)
{
    return (struct event_key){.low = number, .high = ~number};
}

static void add(struct window *window, uint64_t number)
{
    CHECK_EQ(STATUS_OK, window_add(window, key(number)));
}

static void empty_window_contains_nothing(void)
{
    struct window *window = window_new(3);
    CHECK(!window_contains(window, key(0)));
    CHECK(!window_contains(window, key(1)));
    CHECK_EQ(0, window_count(window));
    CHECK_EQ(3, window_length(window));
    window_commit(window);
    window_undo(window);
    CHECK_EQ(0, window_count(window));
    window_free(window);
    window_free(NULL);
}

static void pending_keys_are_recognised_at_once(void)
{
    struct window *window = window_new(3);
    add(window, 1);
    CHECK(window_contains(window, key(1)));
    CHECK_EQ(0, window_count(window));
    window_commit(window);
    CHECK(window_contains(window, key(1)));
    CHECK_EQ(1, window_count(window));
    window_free(window);
}

static void both_halves_of_a_key_count(void)
{
    struct window *window = window_new(3);
    CHECK_EQ(STATUS_OK, window_add(window, (struct event_key){.low = 1, .high = 2}));
    CHECK(!window_contains(window, (struct event_key){.low = 1, .high = 3}));
    CHECK(!window_contains(window, (struct event_key){.low = 2, .high = 1}));
    CHECK(window_contains(window, (struct event_key){.low = 1, .high = 2}));
    window_free(window);
}

static void oldest_leaves_only_at_the_commit(void)
{
    struct window *window = window_new(2);
    add(window, 1);
    add(window, 2);
    window_commit(window);
    add(window, 3);
    CHECK(window_contains(window, key(1)));
    window_commit(window);
    CHECK(!window_contains(window, key(1)));
    CHECK(window_contains(window, key(2)));
    CHECK(window_contains(window, key(3)));
    CHECK_EQ(2, window_count(window));
    window_free(window);
}

static void undo_leaves_a_full_window_as_it_was(void)
{
    struct window *window = window_new(2);
    add(window, 1);
    add(window, 2);
    window_commit(window);
    add(window, 3);
    add(window, 4);
    add(window, 5);
    window_undo(window);
    for (uint64_t i = 1; i <= 5; i++) {
        CHECK_EQ(i <= 2, window_contains(window, key(i)));
    }
    CHECK_EQ(2, window_count(window));
    add(window, 3); /* and 1 is still the oldest */
    window_commit(window);
    CHECK(!window_contains(window, key(1)));
    CHECK(window_contains(window, key(2)));
    window_free(window);
}

static void commit_larger_than_the_window_keeps_the_newest(void)
{
    enum { COUNT = 5000 };
    struct window *window = window_new(1);
    for (uint64_t i = 0; i < COUNT; i++) {
        add(window, i);
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        CHECK(window_contains(window, key(i)));
    }
    window_commit(window);
    for (uint64_t i = 0; i < COUNT; i++) {
        CHECK_EQ(i == COUNT - 1, window_contains(window, key(i)));
    }
    CHECK_EQ(1, window_count(window));
    window_free(window);
}

static void repeated_key_counts_from_its_newest_place(void)
{
    struct window *window = window_new(3);
    static const uint64_t numbers[] = {1, 2, 1, 3}; /* the last three: 2, 1, 3 */
    for (size_t i = 0; i < 4; i++) {
        add(window, numbers[i]);
        window_commit(window);
    }
    CHECK(window_contains(window, key(1)));
    add(window, 4);
    window_commit(window); /* 1, 3, 4 */
    CHECK(!window_contains(window, key(2)));
    CHECK(window_contains(window, key(1)));
    add(window, 5);
    window_commit(window); /* 3, 4, 5 */
    CHECK(!window_contains(window, key(1)));
    window_free(window);
}

static void repeats_within_one_commit_may_outrun_a_short_window(void)
{
    struct window *window = window_new(1);
    add(window, 1);
    add(window, 2);
    add(window, 1);
    window_commit(window);
    CHECK(window_contains(window, key(1)));
    CHECK(!window_contains(window, key(2)));
    add(window, 3);
    window_commit(window);
    CHECK(!window_contains(window, key(1)));
    window_free(window);
}

enum { LENGTH = 64, HISTORY = 20000, KEYS = 200 };

/* The definition itself: is number among the last LENGTH of history, or pending after them? */
static bool expected(const uint64_t *history, size_t committed, size_t count, uint64_t number)
{
    size_t from = committed > LENGTH ? committed - LENGTH : 0;
    for (size_t i = from; i < count; i++) {
        if (history[i] == number) {
            return true;
        }
    }
    return false;
}

static void window_is_the_tail_of_what_was_committed(void)
{
    static uint64_t history[HISTORY];
    size_t committed = 0;
    size_t count = 0;
    uint64_t random = 1;
    struct window *window = window_new(LENGTH);
    while (count < HISTORY) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        uint64_t number = (random >> 33) % KEYS;
        bool contained = window_contains(window, key(number));
        CHECK_EQ(expected(history, committed, count, number), contained);
        if (!contained) {
            add(window, number);
            history[count++] = number;
        }
        if (random >> 60 == 0) {
            window_undo(window);
            count = committed;
        } else if (random >> 60 == 1) {
            window_commit(window);
            committed = count;
        }
    }
    CHECK_EQ(LENGTH, window_count(window));
    window_free(window);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_window_contains_nothing),
        TEST(pending_keys_are_recognised_at_once),
        TEST(both_halves_of_a_key_count),
        TEST(oldest_leaves_only_at_the_commit),
        TEST(undo_leaves_a_full_window_as_it_was),
        TEST(commit_larger_than_the_window_keeps_the_newest),
        TEST(repeated_key_counts_from_its_newest_place),
        TEST(repeats_within_one_commit_may_outrun_a_short_window),
        TEST(window_is_the_tail_of_what_was_committed),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
