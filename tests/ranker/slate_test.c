#include "ranker/slate.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/exact.h"
#include "ranker/limits.h"
#include "tests/test.h"

enum { COUNT_MAX = 60, MEMORY = 1 << 20 };

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static struct arena new_arena(void)
{
    struct arena arena;
    void *memory = malloc(MEMORY);
    CHECK(memory != NULL);
    arena_init(&arena, memory, MEMORY);
    return arena;
}

static struct slate build(struct arena *arena, struct slate_rules rules, const uint64_t *creators,
                          const double *scores, size_t count)
{
    struct slate slate;
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, slate_build(rules, creators, scores, count, arena, &slate));
    return slate;
}

static void check_order(const struct slate *slate, const uint32_t *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(want[i], slate->order[i]);
    }
}

static void nothing_makes_an_empty_slate(void)
{
    struct arena arena = new_arena();
    (void)build(&arena, (struct slate_rules){.creator_decay = 0.5}, NULL, NULL, 0);
    free(arena.base);
}

static void better_scores_come_first_and_equal_ones_stay_in_order(void)
{
    static const double scores[] = {1.0, 0x1p-32, 1.0, 0.0, 0x1p18, 1.0 + 0x1p-32, 0.0};
    static const uint64_t creators[7] = {0};
    static const uint32_t want[] = {4, 5, 0, 2, 1, 3, 6};
    struct arena arena = new_arena();
    struct slate slate =
        build(&arena, (struct slate_rules){.creator_decay = 0.5}, creators, scores, 7);
    check_order(&slate, want, 7);
    free(arena.base);
}

/* 8, 6 (x 1/2), 4 (x 1/4), 2 (x 0.2, the floor) of one creator, 3.5 and 0.75 of others. */
static void a_creators_later_videos_count_less_down_to_the_floor(void)
{
    static const double scores[] = {2.0, 4.0, 6.0, 8.0, 3.5, 0.75};
    static const uint64_t creators[] = {9, 9, 9, 9, 7, 8};
    static const uint32_t want[] = {3, 4, 2, 1, 5, 0};
    struct arena arena = new_arena();
    struct slate_rules rules = {.creator_decay = 0.5, .creator_floor = 0.2};
    struct slate slate = build(&arena, rules, creators, scores, 6);
    check_order(&slate, want, 6);
    CHECK(slate.scores[2] == 3.0);
    CHECK(slate.scores[1] == 1.0);
    CHECK(slate.scores[0] == exact_quantum(2.0 * 0.2));
    CHECK(slate.factors[0] == 0.2);
    CHECK(slate.factors[3] == 1.0);
    free(arena.base);
}

static void unknown_creators_are_never_decayed(void)
{
    static const double scores[] = {3.0, 2.0, 1.0};
    static const uint64_t creators[] = {0, 0, 0};
    struct arena arena = new_arena();
    struct slate slate = build(&arena, (struct slate_rules){0}, creators, scores, 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK(slate.scores[i] == scores[i]);
    }
    free(arena.base);
}

static void without_decay_a_creators_videos_stay_together(void)
{
    static const double scores[] = {3.0, 2.9, 2.8, 1.0};
    static const uint64_t creators[] = {4, 4, 4, 5};
    static const uint32_t want[] = {0, 1, 2, 3};
    struct arena arena = new_arena();
    struct slate slate =
        build(&arena, (struct slate_rules){.creator_decay = 1}, creators, scores, 4);
    check_order(&slate, want, 4);
    free(arena.base);
}

/* decay^j, but at least the floor, by its definition. */
static double naive_factor(struct slate_rules rules, unsigned earlier)
{
    double factor = 1;
    for (unsigned i = 0; i < earlier; i++) {
        factor *= rules.creator_decay;
    }
    return factor > rules.creator_floor ? factor : rules.creator_floor;
}

struct greedy {
    struct slate_rules rules;
    const uint64_t *creators;
    const double *scores;
    size_t count;
    bool placed[COUNT_MAX];
};

static double worth_now(const struct greedy *greedy, size_t candidate)
{
    unsigned earlier = 0;
    for (size_t i = 0; i < greedy->count; i++) {
        earlier += greedy->placed[i] && greedy->creators[i] == greedy->creators[candidate] &&
                   greedy->creators[i] != 0;
    }
    return exact_quantum(greedy->scores[candidate] * naive_factor(greedy->rules, earlier));
}

/* The best candidate now; of equal ones the one with the better score, then the first. */
static size_t best_now(const struct greedy *greedy)
{
    size_t best = greedy->count;
    for (size_t i = 0; i < greedy->count; i++) {
        if (greedy->placed[i]) {
            continue;
        }
        if (best == greedy->count || worth_now(greedy, i) > worth_now(greedy, best) ||
            (worth_now(greedy, i) >= worth_now(greedy, best) &&
             greedy->scores[i] > greedy->scores[best])) {
            best = i;
        }
    }
    return best;
}

/* Scores must agree everywhere, candidates wherever the score is no tie. */
static void check_against_greedy(struct greedy *greedy, const struct slate *slate)
{
    for (size_t i = 0; i < greedy->count; i++) {
        size_t best = best_now(greedy);
        double score = slate->scores[slate->order[i]];
        CHECK(worth_now(greedy, best) == score);
        bool tie = (i > 0 && slate->scores[slate->order[i - 1]] <= score) ||
                   (i + 1 < greedy->count && slate->scores[slate->order[i + 1]] >= score);
        CHECK(tie || best == slate->order[i]);
        greedy->placed[best] = true;
    }
}

/* Few distinct scores and creators at times, so that ties and long runs come up. */
static void check_random_slate(uint64_t *seed, struct arena *arena)
{
    static const double decays[] = {0, 0.1, 0.5, 0.9, 1};
    static const double floors[] = {0, 0.05, 0.3, 1};
    double scores[COUNT_MAX];
    uint64_t creators[COUNT_MAX];
    size_t count = next_random(seed) % (COUNT_MAX + 1);
    uint64_t grain = next_random(seed) % 2 == 0 ? 4 : 1u << 30;
    uint64_t creator_count = 1 + next_random(seed) % 20;
    for (size_t i = 0; i < count; i++) {
        scores[i] = exact_quantum((double)(next_random(seed) % grain) / (double)grain * 20);
        creators[i] = next_random(seed) % creator_count;
    }
    struct slate_rules rules = {.creator_decay = decays[next_random(seed) % 5],
                                .creator_floor = floors[next_random(seed) % 4]};
    struct slate slate = build(arena, rules, creators, scores, count);
    struct greedy greedy = {.rules = rules, .creators = creators, .scores = scores, .count = count};
    check_against_greedy(&greedy, &slate);
}

static void the_slate_is_the_greedy_one(void)
{
    struct arena arena = new_arena();
    uint64_t seed = 7;
    for (int i = 0; i < 3000; i++) {
        check_random_slate(&seed, &arena);
    }
    free(arena.base);
}

static void the_largest_slate_is_sorted(void)
{
    static double scores[LIMIT_CANDIDATES];
    static uint64_t creators[LIMIT_CANDIDATES];
    static bool met[LIMIT_CANDIDATES];
    uint64_t seed = 3;
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        scores[i] = (double)next_random(&seed) * 0x1p-13;
        creators[i] = next_random(&seed) % 100;
    }
    struct arena arena = new_arena();
    struct slate_rules rules = {.creator_decay = 0.7, .creator_floor = 0.1};
    struct slate slate = build(&arena, rules, creators, scores, LIMIT_CANDIDATES);
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        CHECK(!met[slate.order[i]]);
        met[slate.order[i]] = true;
        CHECK(i == 0 || slate.scores[slate.order[i]] <= slate.scores[slate.order[i - 1]]);
    }
    free(arena.base);
}

/* One far away makes the rest look equal in the bits that are sorted first. */
static void nearly_equal_scores_in_the_worst_order_are_sorted(void)
{
    static double scores[LIMIT_CANDIDATES];
    static uint64_t creators[LIMIT_CANDIDATES];
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        scores[i] = 1 + (double)i * 0x1p-32;
    }
    scores[0] = 0x1p17;
    struct arena arena = new_arena();
    struct slate slate = build(&arena, (struct slate_rules){.creator_decay = 0.5}, creators, scores,
                               LIMIT_CANDIDATES);
    CHECK_EQ(0, slate.order[0]);
    for (uint32_t i = 1; i < LIMIT_CANDIDATES; i++) {
        CHECK_EQ(LIMIT_CANDIDATES - i, slate.order[i]);
    }
    free(arena.base);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(nothing_makes_an_empty_slate),
        TEST(better_scores_come_first_and_equal_ones_stay_in_order),
        TEST(a_creators_later_videos_count_less_down_to_the_floor),
        TEST(unknown_creators_are_never_decayed),
        TEST(without_decay_a_creators_videos_stay_together),
        TEST(the_slate_is_the_greedy_one),
        TEST(the_largest_slate_is_sorted),
        TEST(nearly_equal_scores_in_the_worst_order_are_sorted),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
