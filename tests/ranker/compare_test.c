#include "ranker/compare.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum { MEMORY = 1 << 20, A = 0, B = 1, C = 2, D = 3 };

static const int64_t now_ms = 1700000000000;
static const int64_t hour_ms = 3600000;

/* Four videos: a and b in Hindi of one Indian creator, c in Russian, d of nobody known. */
struct world {
    struct videos *videos;
    struct creator_sizes *sizes;
    struct arena arena;
    uint64_t keys[4];
    const char *ids[4];
};

static void put(struct world *world, unsigned index, const struct video_facts *wanted)
{
    struct video_facts facts = *wanted;
    facts.key = 100 + index;
    facts.safety = SAFETY_LOW;
    world->keys[index] = facts.key;
    CHECK_EQ(STATUS_OK, videos_put(world->videos, &facts));
}

static uint16_t language(const char *tag)
{
    struct locale locale;
    CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
    return locale.language;
}

static uint16_t region(const char *tag)
{
    uint16_t code;
    CHECK_EQ(STATUS_OK, locale_parse_region(text_of(tag), &code));
    return code;
}

static struct world make_world(void)
{
    struct world world = {
        .videos = videos_new(), .sizes = creator_sizes_new(), .ids = {"a", "b", "c", "d"}};
    void *memory = malloc(MEMORY);
    CHECK(memory != NULL);
    CHECK(world.videos != NULL);
    CHECK(world.sizes != NULL);
    arena_init(&world.arena, memory, MEMORY);
    put(&world, A,
        &(struct video_facts){.creator_key = 7,
                              .languages = {language("hi")},
                              .creator_region = region("IN"),
                              .premium = true,
                              .published_ms = now_ms - hour_ms});
    put(&world, B,
        &(struct video_facts){.creator_key = 7,
                              .languages = {language("hi")},
                              .creator_region = region("IN"),
                              .published_ms = now_ms - 24 * hour_ms});
    put(&world, C,
        &(struct video_facts){.creator_key = 8,
                              .languages = {language("ru")},
                              .curated = CURATED_FEATURED,
                              .published_ms = now_ms - 400 * 24 * hour_ms});
    put(&world, D, &(struct video_facts){.premium = true});
    CHECK_EQ(STATUS_OK, creator_sizes_add(world.sizes, world.videos, 0, 2));
    CHECK_EQ(STATUS_OK, creator_sizes_add(world.sizes, world.videos, 2, 4));
    return world;
}

static void free_world(struct world *world)
{
    videos_free(world->videos);
    creator_sizes_free(world->sizes);
    free(world->arena.base);
}

/* A slate, and the rest dropped by a rule. */
struct slate_of {
    uint32_t order[4];
    uint32_t dropped[4];
    uint8_t rules[4];
    struct rank_result result;
};

static struct rank_result *slate(struct slate_of *slate, const char *order, enum drop_rule rule)
{
    size_t count = strlen(order);
    size_t dropped = 0;
    for (size_t i = 0; i < count; i++) {
        slate->order[i] = (uint32_t)(order[i] - 'a');
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (strchr(order, (int)('a' + i)) == NULL) {
            slate->dropped[dropped] = i;
            slate->rules[dropped++] = (uint8_t)rule;
        }
    }
    slate->result = (struct rank_result){.count = count,
                                         .order = slate->order,
                                         .dropped_count = dropped,
                                         .dropped = slate->dropped,
                                         .dropped_rules = slate->rules};
    return &slate->result;
}

static void add(struct compare *compare, struct world *world, const char *before, const char *after)
{
    struct slate_of x;
    struct slate_of y;
    struct compare_request request = {.videos = world->videos,
                                      .sizes = world->sizes,
                                      .keys = world->keys,
                                      .count = 4,
                                      .ids = world->ids,
                                      .now_ms = now_ms};
    arena_reset(&world->arena);
    CHECK_EQ(STATUS_OK, compare_add(compare, &request, slate(&x, before, DROP_SAFETY),
                                    slate(&y, after, DROP_AGE), &world->arena));
}

static struct comparison *sum_up(const struct compare *compare)
{
    struct comparison *out = malloc(sizeof(*out));
    CHECK(out != NULL);
    CHECK_EQ(STATUS_OK, compare_sum_up(compare, out));
    return out;
}

static struct comparison *compared(const char *before, const char *after)
{
    struct world world = make_world();
    struct compare *compare = compare_new();
    CHECK(compare != NULL);
    add(compare, &world, before, after);
    struct comparison *out = sum_up(compare);
    compare_free(compare);
    free_world(&world);
    return out;
}

static bool near(double want, double got)
{
    double error = want - got;
    bool is_near = error < 1e-6 && error > -1e-6;
    if (!is_near) {
        fprintf(stderr, "want %.9f, got %.9f\n", want, got);
    }
    return is_near;
}

static bool is(double want, double got)
{
    return !(want < got) && !(got < want);
}

static const struct compare_group *group(const struct comparison *comparison,
                                         enum exposure_dimension dimension, const char *name)
{
    for (size_t i = 0; i < comparison->group_counts[dimension]; i++) {
        if (strcmp(comparison->groups[dimension][i].name, name) == 0) {
            return &comparison->groups[dimension][i];
        }
    }
    fprintf(stderr, "no group %s\n", name);
    abort();
}

/* Of four things: 2 4 1 3 has the pairs (2,1), (4,1), (4,3) of six in the wrong order. */
static void tau_is_the_share_of_pairs_in_order_less_that_of_the_others(void)
{
    uint32_t scratch[4];
    CHECK(is(1, compare_tau((uint32_t[]){1, 2, 3, 9}, scratch, 4)));
    CHECK(is(-1, compare_tau((uint32_t[]){9, 3, 2, 1}, scratch, 4)));
    CHECK(is(0, compare_tau((uint32_t[]){2, 4, 1, 3}, scratch, 4)));
    CHECK(near(1.0 / 3, compare_tau((uint32_t[]){2, 1, 3}, scratch, 3)));
    CHECK(is(-1, compare_tau((uint32_t[]){2, 1}, scratch, 2)));
}

/* 5 of 10: 0.2366 to 0.7634, as in Wilson's tables; 0 of n: up to z^2 / (n + z^2). */
static void shares_have_wilsons_interval(void)
{
    struct compare_figure half = compare_share(5, 10);
    CHECK(near(0.236593, half.low));
    CHECK(near(0.763407, half.high));
    struct compare_figure none = compare_share(0, 10);
    CHECK(is(0, none.low));
    CHECK(near(0.277533, none.high));
    struct compare_figure all = compare_share(10, 10);
    CHECK(is(1, all.high));
    CHECK(near(1 - 0.277533, all.low));
}

static void same_slates_change_nothing(void)
{
    struct comparison *same = compared("abcd", "abcd");
    CHECK_EQ(1, same->requests);
    CHECK_EQ(0, same->top_1_changed.count);
    CHECK_EQ(0, same->top_10_changed.count);
    CHECK_EQ(0, same->top_10_reordered.count);
    CHECK_EQ(0, same->slate_changed.count);
    CHECK(is(1, same->tau.value));
    CHECK(is(1, same->overlap.value));
    CHECK_EQ(0, same->newly_shown);
    CHECK_EQ(0, same->mover_count);
    for (unsigned i = 0; i < EXPOSURE_DIMENSION_COUNT; i++) {
        for (size_t j = 0; j < same->group_counts[i]; j++) {
            CHECK(is(0, same->groups[i][j].change));
        }
    }
    free(same);
}

static void changes_are_counted_by_what_they_change(void)
{
    struct comparison *order = compared("abcd", "abdc");
    CHECK_EQ(0, order->top_1_changed.count);
    CHECK_EQ(0, order->top_10_changed.count);
    CHECK_EQ(1, order->top_10_reordered.count);
    CHECK_EQ(1, order->slate_changed.count);
    free(order);
    struct comparison *first = compared("abcd", "bacd");
    CHECK_EQ(1, first->top_1_changed.count);
    CHECK_EQ(0, first->top_10_changed.count);
    free(first);
    struct comparison *set = compared("abc", "abd");
    CHECK_EQ(1, set->top_10_changed.count);
    CHECK_EQ(1, set->newly_shown);
    CHECK_EQ(1, set->no_longer_shown);
    CHECK_EQ(1, set->drops_before[DROP_SAFETY]);
    CHECK_EQ(0, set->drops_before[DROP_AGE]);
    CHECK_EQ(1, set->drops_after[DROP_AGE]);
    free(set);
}

/*
 * By equation 32 with p = 0.9. Of ab and ba: 0.1 / 0.9 * 0.81 + 0.81 = 0.9; of a and ba: 0.1 / 0.9
 * * 0.405 + 0.405 = 0.45; of a and ab: the shorter is the beginning of the longer, 1.
 */
static void overlap_is_extrapolated(void)
{
    static const struct {
        const char *before;
        const char *after;
        double want;
    } cases[] = {{"ab", "ba", 0.9}, {"a", "ba", 0.45}, {"ba", "a", 0.45}, {"a", "ab", 1},
                 {"ab", "cd", 0},   {"", "ab", 0},     {"a", "a", 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct comparison *comparison = compared(cases[i].before, cases[i].after);
        CHECK_EQ(1, comparison->overlap.count);
        CHECK(near(cases[i].want, comparison->overlap.value));
        free(comparison);
    }
    struct comparison *empty = compared("", "");
    CHECK_EQ(0, empty->overlap.count);
    CHECK_EQ(0, empty->tau.count);
    CHECK_EQ(0, empty->top_1_changed.count);
    free(empty);
}

/* Two positions weigh 1 and 1 / log2(3) = 0.630930: shares 0.613147 and 0.386853. */
static void exposure_is_discounted_by_position(void)
{
    struct comparison *turned = compared("ac", "ca");
    const struct compare_group *hindi = group(turned, EXPOSURE_LANGUAGE, "hi");
    CHECK(near(0.613147, hindi->before));
    CHECK(near(0.386853, hindi->after));
    CHECK(near(-0.226294, hindi->change));
    CHECK(near(0.226294, group(turned, EXPOSURE_LANGUAGE, "ru")->change));
    CHECK(near(0.613147, group(turned, EXPOSURE_REGION, "IN")->before));
    CHECK(near(0.386853, group(turned, EXPOSURE_REGION, "unknown")->before));
    CHECK(near(0.613147, group(turned, EXPOSURE_CREATOR_SIZE, "2-9")->before));
    CHECK(near(0.386853, group(turned, EXPOSURE_CREATOR_SIZE, "1")->before));
    CHECK(near(0.386853, group(turned, EXPOSURE_CURATED, "featured")->before));
    CHECK(near(0.613147, group(turned, EXPOSURE_PREMIUM, "yes")->before));
    CHECK(near(0.613147, group(turned, EXPOSURE_AGE, "under 1 d")->before));
    CHECK(near(0.386853, group(turned, EXPOSURE_AGE, "over 365 d")->before));
    free(turned);
    struct comparison *others = compared("bd", "bd");
    CHECK(near(0.613147, group(others, EXPOSURE_AGE, "1-7 d")->before));
    CHECK(near(0.386853, group(others, EXPOSURE_AGE, "unknown")->before));
    CHECK(near(0.386853, group(others, EXPOSURE_CREATOR_SIZE, "unknown")->before));
    free(others);
}

/* The state takes any number for a tier, as later versions of the contract may have more. */
static void a_tier_that_does_not_exist_is_a_group_of_its_own(void)
{
    struct world world = make_world();
    struct compare *compare = compare_new();
    CHECK(compare != NULL);
    put(&world, A, &(struct video_facts){.creator_key = 7, .curated = CURATED_FEATURED + 1});
    put(&world, B, &(struct video_facts){.creator_key = 7, .curated = 255});
    add(compare, &world, "ab", "ab");
    struct comparison *out = sum_up(compare);
    CHECK_EQ(1, out->group_counts[EXPOSURE_CURATED]);
    CHECK(near(1, group(out, EXPOSURE_CURATED, "unknown")->before));
    free(out);
    compare_free(compare);
    free_world(&world);
}

/* Changes of -0.226294 and 0: mean -0.113147, half the interval 1.959964 * 0.226294 / 2. */
static void change_of_exposure_has_an_interval_over_requests(void)
{
    struct world world = make_world();
    struct compare *compare = compare_new();
    add(compare, &world, "ac", "ca");
    add(compare, &world, "ac", "ac");
    struct comparison *out = sum_up(compare);
    const struct compare_group *hindi = group(out, EXPOSURE_LANGUAGE, "hi");
    CHECK(near(-0.113147, hindi->change));
    CHECK(near(-0.113147 - 0.221764, hindi->low));
    CHECK(near(-0.113147 + 0.221764, hindi->high));
    CHECK(near(0, out->tau.value)); /* of -1 and 1 */
    CHECK_EQ(1, out->top_1_changed.count);
    CHECK(is(0.5, out->top_1_changed.value));
    free(out);
    compare_free(compare);
    free_world(&world);
}

/* a goes from 1 to 2 and from 1 to 3: 1.5 down on average; b is new once. */
static void movers_are_videos_by_their_change_of_exposure(void)
{
    struct world world = make_world();
    struct compare *compare = compare_new();
    add(compare, &world, "ac", "ca");
    add(compare, &world, "ac", "cba");
    struct comparison *out = sum_up(compare);
    CHECK_EQ(3, out->mover_count);
    CHECK_STR("a", out->movers[0].id);
    CHECK_EQ(100, out->movers[0].key);
    CHECK_EQ(2, out->movers[0].shown_both);
    CHECK(is(1.5, out->movers[0].mean_change));
    CHECK(out->movers[0].exposure_change < 0);
    const struct compare_mover *b =
        strcmp(out->movers[1].id, "b") == 0 ? &out->movers[1] : &out->movers[2];
    CHECK_STR("b", b->id);
    CHECK_EQ(0, b->shown_before);
    CHECK_EQ(1, b->shown_after);
    CHECK_EQ(0, b->shown_both);
    free(out);
    compare_free(compare);
    free_world(&world);
}

static void merged_parts_are_the_whole(void)
{
    static const char *const pairs[][2] = {
        {"abcd", "dcba"}, {"ab", "ba"}, {"abc", "abd"}, {"", "a"}, {"cd", "cd"}};
    struct world world = make_world();
    struct compare *whole = compare_new();
    struct compare *first = compare_new();
    struct compare *second = compare_new();
    for (size_t i = 0; i < 5; i++) {
        add(whole, &world, pairs[i][0], pairs[i][1]);
        add(i < 2 ? first : second, &world, pairs[i][0], pairs[i][1]);
    }
    CHECK_EQ(STATUS_OK, compare_merge(first, second));
    struct comparison *want = sum_up(whole);
    struct comparison *got = sum_up(first);
    CHECK_EQ(want->requests, got->requests);
    CHECK_EQ(want->top_10_reordered.count, got->top_10_reordered.count);
    CHECK(near(want->tau.low, got->tau.low));
    CHECK(near(want->overlap.high, got->overlap.high));
    CHECK_EQ(want->drops_after[DROP_AGE], got->drops_after[DROP_AGE]);
    for (unsigned i = 0; i < EXPOSURE_DIMENSION_COUNT; i++) {
        CHECK_EQ(want->group_counts[i], got->group_counts[i]);
        for (size_t j = 0; j < want->group_counts[i]; j++) {
            const struct compare_group *x = &want->groups[i][j];
            const struct compare_group *y = group(got, i, x->name);
            CHECK(near(x->before, y->before));
            CHECK(near(x->high, y->high));
        }
    }
    CHECK_EQ(want->mover_count, got->mover_count);
    for (size_t i = 0; i < want->mover_count; i++) {
        CHECK_EQ(want->movers[i].key, got->movers[i].key);
    }
    free(want);
    free(got);
    compare_free(whole);
    compare_free(first);
    compare_free(second);
    free_world(&world);
}

static void same_requests_give_the_same_bits(void)
{
    struct comparison *x = compared("abcd", "cadb");
    struct comparison *y = compared("abcd", "cadb");
    CHECK_EQ(0, memcmp(x, y, sizeof(*x)));
    free(x);
    free(y);
}

static void languages_beyond_the_limit_are_one_group(void)
{
    enum { COUNT = COMPARE_GROUPS_MAX + 3 };
    uint64_t keys[COUNT];
    uint32_t order[COUNT];
    struct world world = make_world();
    struct compare *compare = compare_new();
    for (uint32_t i = 0; i < COUNT; i++) {
        struct video_facts facts = {.key = 1000 + i, .languages = {(uint16_t)(1057 + i)}};
        CHECK_EQ(STATUS_OK, videos_put(world.videos, &facts));
        keys[i] = facts.key;
        order[i] = i;
    }
    struct rank_result result = {.count = COUNT, .order = order};
    struct compare_request request = {.videos = world.videos,
                                      .sizes = world.sizes,
                                      .keys = keys,
                                      .count = COUNT,
                                      .now_ms = now_ms};
    CHECK_EQ(STATUS_OK, compare_add(compare, &request, &result, &result, &world.arena));
    struct comparison *out = sum_up(compare);
    CHECK_EQ(COMPARE_GROUPS_MAX + 1, out->group_counts[EXPOSURE_LANGUAGE]);
    CHECK_STR("other", out->groups[EXPOSURE_LANGUAGE][COMPARE_GROUPS_MAX].name);
    double sum = 0;
    for (size_t i = 0; i <= COMPARE_GROUPS_MAX; i++) {
        sum += out->groups[EXPOSURE_LANGUAGE][i].before;
    }
    CHECK(near(1, sum));
    CHECK_STR("", out->movers[0].id);
    free(out);
    compare_free(compare);
    free_world(&world);
}

static void small_arena_refuses(void)
{
    struct world world = make_world();
    struct compare *compare = compare_new();
    struct slate_of x;
    struct compare_request request = {.videos = world.videos,
                                      .sizes = world.sizes,
                                      .keys = world.keys,
                                      .count = 4,
                                      .now_ms = now_ms};
    world.arena.size = 100;
    const struct rank_result *result = slate(&x, "ab", DROP_AGE);
    CHECK_EQ(STATUS_NO_MEMORY, compare_add(compare, &request, result, result, &world.arena));
    CHECK_EQ(0, compare_requests(compare));
    compare_free(compare);
    free_world(&world);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(tau_is_the_share_of_pairs_in_order_less_that_of_the_others),
        TEST(shares_have_wilsons_interval),
        TEST(same_slates_change_nothing),
        TEST(changes_are_counted_by_what_they_change),
        TEST(overlap_is_extrapolated),
        TEST(exposure_is_discounted_by_position),
        TEST(a_tier_that_does_not_exist_is_a_group_of_its_own),
        TEST(change_of_exposure_has_an_interval_over_requests),
        TEST(movers_are_videos_by_their_change_of_exposure),
        TEST(merged_parts_are_the_whole),
        TEST(same_requests_give_the_same_bits),
        TEST(languages_beyond_the_limit_are_one_group),
        TEST(small_arena_refuses),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
