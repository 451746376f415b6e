#include "server/recent.h"

#include <stdio.h>
#include <string.h>

#include "tests/test.h"

enum { NOW_MS = 1000000 };

static void add(struct recent *recent, unsigned number, int64_t now_ms)
{
    char request[32];
    char answer[32];
    snprintf(request, sizeof(request), "request %u", number);
    snprintf(answer, sizeof(answer), "answer %u", number);
    recent_add(recent, text_of(request), now_ms, text_of(answer));
}

/* Whether the request's own answer is found. */
static bool find(struct recent *recent, unsigned number, int64_t now_ms)
{
    static char memory[256];
    struct arena arena;
    struct text answer;
    char request[32];
    char want[32];
    arena_init(&arena, memory, sizeof(memory));
    snprintf(request, sizeof(request), "request %u", number);
    snprintf(want, sizeof(want), "answer %u", number);
    if (!recent_find(recent, text_of(request), now_ms, &arena, &answer)) {
        return false;
    }
    CHECK(text_equal(answer, text_of(want)));
    return true;
}

static void each_of_the_last_answers_is_found(void)
{
    struct recent *recent = recent_new();
    CHECK(recent != NULL);
    for (unsigned number = 0; number < 3 * RECENT_ANSWERS_MAX; number++) {
        add(recent, number, NOW_MS);
    }
    for (unsigned number = 0; number < 3 * RECENT_ANSWERS_MAX; number++) {
        CHECK_EQ(number >= 2 * RECENT_ANSWERS_MAX, find(recent, number, NOW_MS));
    }
    recent_free(recent);
}

static void answers_are_found_for_a_minute(void)
{
    struct recent *recent = recent_new();
    add(recent, 1, NOW_MS);
    CHECK(find(recent, 1, NOW_MS + RECENT_LIFE_MS - 1));
    CHECK(!find(recent, 1, NOW_MS + RECENT_LIFE_MS));
    CHECK(find(recent, 1, NOW_MS - RECENT_LIFE_MS + 1)); /* the clock was set back a little */
    CHECK(!find(recent, 1, NOW_MS - RECENT_LIFE_MS));
    add(recent, 1, NOW_MS + RECENT_LIFE_MS);
    CHECK(find(recent, 1, NOW_MS + RECENT_LIFE_MS));
    recent_free(recent);
}

static void a_request_that_comes_again_and_again_leaves_the_others(void)
{
    struct recent *recent = recent_new();
    add(recent, 1, NOW_MS);
    for (unsigned i = 1; i < RECENT_ANSWERS_MAX; i++) {
        add(recent, 2, NOW_MS);
    }
    CHECK(find(recent, 1, NOW_MS));
    add(recent, 2, NOW_MS);
    CHECK(!find(recent, 1, NOW_MS));
    CHECK(find(recent, 2, NOW_MS));
    recent_free(recent);
}

static void what_is_too_long_is_not_kept(void)
{
    static char longest[RECENT_ANSWER_BYTES_MAX + 1];
    static char memory[2 * RECENT_ANSWER_BYTES_MAX];
    struct recent *recent = recent_new();
    struct arena arena;
    struct text answer;
    memset(longest, 'a', sizeof(longest));
    arena_init(&arena, memory, sizeof(memory));
    recent_add(recent, text_of("a"), NOW_MS, (struct text){longest, sizeof(longest)});
    CHECK(!recent_find(recent, text_of("a"), NOW_MS, &arena, &answer));
    recent_add(recent, text_of("a"), NOW_MS, (struct text){longest, sizeof(longest) - 1});
    CHECK(recent_find(recent, text_of("a"), NOW_MS, &arena, &answer));
    CHECK_EQ(RECENT_ANSWER_BYTES_MAX, answer.size);
    recent_free(recent);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(each_of_the_last_answers_is_found),
        TEST(answers_are_found_for_a_minute),
        TEST(a_request_that_comes_again_and_again_leaves_the_others),
        TEST(what_is_too_long_is_not_kept),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
