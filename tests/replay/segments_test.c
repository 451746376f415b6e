#include "replay/segments.h"

#include <stdio.h>
#include <string.h>

#include "ranker/hash.h"
#include "tests/test.h"

enum { DAY_MS = 86400000, ARENA_BYTES = 1 << 20, VIDEO = 77 };

static char memory[ARENA_BYTES];

/* A state that has known the user `user` since time 1,000,000. */
struct world {
    struct segments *segments;
    struct state *state;
    struct arena arena;
};

static const uint64_t user = 4711;

static struct world begin(void)
{
    struct world world = {segments_new(), state_new(), {0}};
    struct event event = {
        .kind = EVENT_SIGNAL,
        .u.signal = {
            .user_key = user, .video_key = VIDEO, .type = SIGNAL_LIKE, .time_ms = 1000000}};
    CHECK(world.segments != NULL && world.state != NULL);
    arena_init(&world.arena, memory, sizeof(memory));
    CHECK_EQ(STATUS_OK, state_apply(world.state, 1, &event));
    return world;
}

static void end(struct world *world)
{
    segments_free(world->segments);
    state_free(world->state);
}

static struct locale locale_named(const char *tag)
{
    struct locale locale = {0};
    CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
    return locale;
}

/* Those of a ranking, as "locale|age|arm". */
static const char *names_of(struct world *world, const char *locale, uint64_t user_key,
                            int64_t time_ms, const char *arms)
{
    static char names[3 * SEGMENT_NAME_SIZE];
    uint32_t numbers[SEGMENTS_OF_ONE];
    size_t count = 0;
    struct rank_request request = {.locale = locale_named(locale)};
    struct past_ranking ranking = {.time_ms = time_ms, .user_key = user_key, .request = &request};
    CHECK_EQ(STATUS_OK, segments_of(world->segments, &ranking, arms, world->state, &world->arena,
                                    numbers, &count));
    CHECK_EQ(arms[0] != '\0' ? 3 : 2, count);
    names[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? "|" : "",
                 segments_name(world->segments, numbers[i]));
        CHECK_EQ(SEGMENT_LOCALE + i, segments_dimension(world->segments, numbers[i]));
    }
    return names;
}

static void the_first_is_everything(void)
{
    struct segments *segments = segments_new();
    CHECK_EQ(1, segments_count(segments));
    CHECK_EQ(SEGMENT_ALL, segments_dimension(segments, 0));
    CHECK_STR("all", segments_name(segments, 0));
    segments_free(segments);
}

static void a_ranking_is_in_its_locale_age_and_arm(void)
{
    struct world world = begin();
    CHECK_STR("hi-IN|visitor", names_of(&world, "hi-IN", 0, 1000000, ""));
    CHECK_STR("ru-RU|no signal yet|e/a", names_of(&world, "ru-RU", user + 1, 1000000, "e/a"));
    CHECK_EQ(6, segments_count(world.segments));
    CHECK_STR("hi-IN|visitor", names_of(&world, "hi-IN", 0, 2000000, ""));
    CHECK_EQ(6, segments_count(world.segments)); /* nothing new */
    end(&world);
}

static void ages_begin_on_their_day(void)
{
    static const struct {
        int64_t after_ms;
        const char *name;
    } cases[] = {
        {0, "id-ID|under a day"},
        {DAY_MS - 1, "id-ID|under a day"},
        {DAY_MS, "id-ID|1 to 7 days"},
        {INT64_C(7) * DAY_MS - 1, "id-ID|1 to 7 days"},
        {INT64_C(7) * DAY_MS, "id-ID|7 to 30 days"},
        {INT64_C(30) * DAY_MS - 1, "id-ID|7 to 30 days"},
        {INT64_C(30) * DAY_MS, "id-ID|over 30 days"},
    };
    struct world world = begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_STR(cases[i].name, names_of(&world, "id-ID", user, 1000000 + cases[i].after_ms, ""));
    }
    end(&world);
}

/* Fills up with arms, each with a name of its own. */
static void fill(struct world *world)
{
    char arm[32];
    for (unsigned i = 0; i < 2 * SEGMENTS_MAX; i++) {
        snprintf(arm, sizeof(arm), "e/arm%u", i);
        (void)names_of(world, "hi-IN", 0, 1000000, arm);
    }
}

static void what_does_not_fit_is_other_of_its_dimension(void)
{
    struct world world = begin();
    fill(&world);
    CHECK_STR("hi-IN|visitor|other", names_of(&world, "hi-IN", 0, 1000000, "e/one-more"));
    CHECK_STR("other|visitor|e/arm0", names_of(&world, "ta-LK", 0, 1000000, "e/arm0"));
    uint32_t position = segments_of_position(world.segments, 3);
    CHECK_STR("other", segments_name(world.segments, position));
    CHECK_EQ(SEGMENT_POSITION, segments_dimension(world.segments, position));
    CHECK_EQ(position, segments_of_position(world.segments, 4));
    CHECK(segments_count(world.segments) < SEGMENTS_MAX);
    end(&world);
}

/* Ages are met late, by when a log of many locales and arms has filled everything else. */
static void ages_have_room_to_the_last(void)
{
    struct world world = begin();
    fill(&world);
    (void)names_of(&world, "ta-LK", 0, 1000000, "e/one-more");
    (void)segments_of_position(world.segments, 1);
    CHECK_STR("hi-IN|no signal yet", names_of(&world, "hi-IN", user + 1, 1000000, ""));
    CHECK_STR("hi-IN|under a day", names_of(&world, "hi-IN", user, 1000000, ""));
    CHECK_STR("hi-IN|1 to 7 days", names_of(&world, "hi-IN", user, 1000000 + DAY_MS, ""));
    CHECK_STR("hi-IN|7 to 30 days",
              names_of(&world, "hi-IN", user, 1000000 + INT64_C(8) * DAY_MS, ""));
    CHECK_STR("hi-IN|over 30 days",
              names_of(&world, "hi-IN", user, 1000000 + INT64_C(80) * DAY_MS, ""));
    CHECK(segments_count(world.segments) <= SEGMENTS_MAX);
    end(&world);
}

static void a_long_list_of_arms_is_cut_and_still_found(void)
{
    char arms[2 * SEGMENT_NAME_SIZE];
    memset(arms, 'a', sizeof(arms));
    arms[sizeof(arms) - 1] = '\0';
    struct world world = begin();
    (void)names_of(&world, "hi-IN", 0, 1000000, arms);
    size_t count = segments_count(world.segments);
    CHECK_EQ(SEGMENT_NAME_SIZE - 1, strlen(segments_name(world.segments, count - 1)));
    (void)names_of(&world, "hi-IN", 0, 1000000, arms);
    CHECK_EQ(count, segments_count(world.segments));
    end(&world);
}

static void equal_means_numbered_alike(void)
{
    struct segments *a = segments_new();
    struct segments *b = segments_new();
    CHECK(segments_equal(a, b));
    CHECK_EQ(STATUS_OK, segments_add(a, SEGMENT_LOCALE, "hi-IN"));
    CHECK(!segments_equal(a, b));
    CHECK_EQ(STATUS_OK, segments_add(b, SEGMENT_ARM, "hi-IN"));
    CHECK(!segments_equal(a, b));
    CHECK_EQ(STATUS_OK, segments_add(a, SEGMENT_ARM, "hi-IN"));
    CHECK_EQ(STATUS_OK, segments_add(b, SEGMENT_LOCALE, "hi-IN"));
    CHECK(!segments_equal(a, b)); /* the same in another order */
    segments_free(a);
    segments_free(b);
}

static void added_ones_are_new_and_fit(void)
{
    char name[16];
    struct segments *segments = segments_new();
    CHECK_EQ(STATUS_OK, segments_add(segments, SEGMENT_LOCALE, "ru"));
    CHECK_EQ(STATUS_INVALID, segments_add(segments, SEGMENT_LOCALE, "ru"));
    for (unsigned i = 2; i < SEGMENTS_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        CHECK_EQ(STATUS_OK, segments_add(segments, SEGMENT_POSITION, name));
    }
    CHECK_EQ(SEGMENTS_MAX, segments_count(segments));
    CHECK_EQ(STATUS_INVALID, segments_add(segments, SEGMENT_ARM, "a"));
    segments_free(segments);
}

static void reports_go_by_dimension_then_by_size_or_age(void)
{
    static const struct {
        enum segment_dimension dimension;
        const char *name;
        double size;
    } added[] = {
        {SEGMENT_POSITION, "1", 9},           {SEGMENT_USER_AGE, "over 30 days", 50},
        {SEGMENT_LOCALE, "ru-RU", 3},         {SEGMENT_LOCALE, "id-ID", 7},
        {SEGMENT_USER_AGE, "of old", 99},     {SEGMENT_USER_AGE, "visitor", 1},
        {SEGMENT_LOCALE, "hi-IN", 3},         {SEGMENT_ARM, "e/a", 2},
        {SEGMENT_USER_AGE, "under a day", 8},
    };
    enum { COUNT = sizeof(added) / sizeof(added[0]) };
    static const char *const want[COUNT + 1] = {
        "all",         "id-ID",        "hi-IN",  "ru-RU", "visitor",
        "under a day", "over 30 days", "of old", "e/a",   "1"};
    struct segments *segments = segments_new();
    double sizes[COUNT + 1] = {0};
    uint32_t order[SEGMENTS_MAX];
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_EQ(STATUS_OK, segments_add(segments, added[i].dimension, added[i].name));
        sizes[i + 1] = added[i].size;
    }
    segments_order(segments, sizes, order);
    for (size_t i = 0; i <= COUNT; i++) {
        CHECK_STR(want[i], segments_name(segments, order[i]));
    }
    segments_free(segments);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_first_is_everything),
        TEST(a_ranking_is_in_its_locale_age_and_arm),
        TEST(ages_begin_on_their_day),
        TEST(what_does_not_fit_is_other_of_its_dimension),
        TEST(ages_have_room_to_the_last),
        TEST(a_long_list_of_arms_is_cut_and_still_found),
        TEST(equal_means_numbered_alike),
        TEST(added_ones_are_new_and_fit),
        TEST(reports_go_by_dimension_then_by_size_or_age),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
