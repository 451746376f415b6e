#include "ranker/slate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/exact.h"
#include "ranker/limits.h"
#include "ranker/random.h"
#include "tests/ranker/slow_slate.h"
#include "tests/test.h"

enum { COUNT_MAX = 60 };

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static struct model decay_model(double decay, double floor)
{
    return (struct model){.creator_decay = decay, .creator_floor = floor, .window = 10};
}

/* A slate without rules. */
static struct slate build(struct arena *arena, struct model model, const uint64_t *creators,
                          const double *scores, size_t count)
{
    struct slate slate;
    struct slate_input input = {
        .model = &model,
        .count = count,
        .scores = scores,
        .creators = creators,
        .positions = count,
    };
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, slate_build(&input, arena, &slate));
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
    (void)build(&arena, decay_model(0.5, 0), NULL, NULL, 0);
    free(arena.base);
}

static void better_scores_come_first_and_equal_ones_stay_in_order(void)
{
    static const double scores[] = {1.0, 0x1p-32, 1.0, 0.0, 0x1p18, 1.0 + 0x1p-32, 0.0};
    static const uint64_t creators[7] = {0};
    static const uint32_t want[] = {4, 5, 0, 2, 1, 3, 6};
    struct arena arena = new_arena();
    struct slate slate = build(&arena, decay_model(0.5, 0), creators, scores, 7);
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
    struct model rules = decay_model(0.5, 0.2);
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
    struct slate slate = build(&arena, decay_model(0, 0), creators, scores, 3);
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
    struct slate slate = build(&arena, decay_model(1, 0), creators, scores, 4);
    check_order(&slate, want, 4);
    free(arena.base);
}

/* decay^j, but at least the floor, by its definition. */
static double naive_factor(const struct model *rules, unsigned earlier)
{
    double factor = 1;
    for (unsigned i = 0; i < earlier; i++) {
        factor *= rules->creator_decay;
    }
    return factor > rules->creator_floor ? factor : rules->creator_floor;
}

struct greedy {
    const struct model *rules;
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
    double decay = decays[next_random(seed) % 5];
    struct model rules = decay_model(decay, floors[next_random(seed) % 4]);
    struct slate slate = build(arena, rules, creators, scores, count);
    struct greedy greedy = {
        .rules = &rules, .creators = creators, .scores = scores, .count = count};
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
    struct model rules = decay_model(0.7, 0.1);
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
    struct slate slate = build(&arena, decay_model(0.5, 0), creators, scores, LIMIT_CANDIDATES);
    CHECK_EQ(0, slate.order[0]);
    for (uint32_t i = 1; i < LIMIT_CANDIDATES; i++) {
        CHECK_EQ(LIMIT_CANDIDATES - i, slate.order[i]);
    }
    free(arena.base);
}

/* ---- rules, by hand ---- */

enum { FEW = 8 };

/* Candidates that differ in what a test says: scores fall from 8 by 1, everybody has a creator. */
static struct made_slate *few_candidates(void)
{
    struct made_slate *made = calloc(1, sizeof(*made));
    CHECK(made != NULL);
    made->model = decay_model(1, 0);
    made->model.diversity_positions = 200;
    made->model.explore_positions = 200;
    made->input = (struct slate_input){
        .model = &made->model,
        .count = FEW,
        .scores = made->scores,
        .creators = made->creators,
        .facts = made->facts,
        .positions = FEW,
        .explain = true,
    };
    for (size_t i = 0; i < FEW; i++) {
        made->scores[i] = (double)(FEW - i);
        made->creators[i] = 100 + i;
        made->facts[i] =
            (struct slate_facts){.categories = made->categories[i], .tags = made->tags[i]};
    }
    return made;
}

static struct slate build_made(struct arena *arena, const struct made_slate *made)
{
    struct slate slate;
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, slate_build(&made->input, arena, &slate));
    return slate;
}

static void check_few(const struct made_slate *made, const uint32_t want[FEW])
{
    struct arena arena = new_arena();
    struct slate slate = build_made(&arena, made);
    check_order(&slate, want, FEW);
    free(arena.base);
}

static void check_move(const struct slate *slate, uint32_t candidate, unsigned rules,
                       uint32_t from_position)
{
    CHECK_EQ(rules, slate->moved_by[candidate]);
    CHECK_EQ(from_position, slate->from_positions[candidate]);
}

/* 0, 1 and 2 are one creator's; 3 fills the gap, so that of any three only two are. */
static void a_creator_has_at_most_the_cap_in_any_window(void)
{
    static const uint32_t want[] = {0, 1, 3, 2, 4, 5, 6, 7};
    struct arena arena = new_arena();
    struct made_slate *made = few_candidates();
    made->creators[1] = made->creators[2] = made->creators[0];
    made->model.window = 3;
    made->model.creator_cap = 2;
    struct slate slate = build_made(&arena, made);
    check_order(&slate, want, FEW);
    check_move(&slate, 2, 1U << SLATE_CREATOR_CAP, 3);
    check_move(&slate, 3, 1U << SLATE_CREATOR_CAP, 4);
    check_move(&slate, 0, 0, 1);
    check_move(&slate, 4, 0, 5);
    for (size_t i = 0; i < FEW; i++) {
        CHECK(slate.propensities[i] >= 1 && slate.propensities[i] <= 1);
    }
    free(made);
    free(arena.base);
}

/* 0, 2 and 4 are music; of any two neighbours one may be, until only music is left. */
static void a_category_has_at_most_the_cap_in_any_window(void)
{
    static const uint32_t want[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const uint32_t all_but_three[] = {0, 5, 1, 6, 2, 7, 3, 4};
    struct made_slate *made = few_candidates();
    made->model.window = 2;
    made->model.category_cap = 1;
    made->categories[0][0] = made->categories[2][3] = made->categories[4][1] = 77;
    check_few(made, want);
    made->categories[1][0] = made->categories[3][0] = 77;
    check_few(made, all_but_three);
    free(made);
}

static void unknown_creators_have_no_cap(void)
{
    static const uint32_t want[] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct made_slate *made = few_candidates();
    memset(made->creators, 0, sizeof(made->creators));
    made->model.creator_cap = 1;
    check_few(made, want);
    free(made);
}

/* All of one creator, 0 to 3 of one category: the category's cap still holds as long as it can. */
static void the_creators_cap_is_the_last_to_give_way(void)
{
    static const uint32_t want[] = {0, 4, 1, 5, 2, 6, 3, 7};
    static const uint32_t other_creator_first[] = {0, 3, 4, 1, 5, 2, 6, 7};
    struct made_slate *made = few_candidates();
    made->model.window = 2;
    made->model.creator_cap = made->model.category_cap = 1;
    for (size_t i = 0; i < FEW; i++) {
        made->creators[i] = 9;
        made->categories[i][0] = i < 4 ? 77 : 0;
    }
    check_few(made, want);
    made->creators[3] =
        10; /* breaks the category's cap at the second position, others the creator's */
    check_few(made, other_creator_first);
    free(made);
}

/* Half of 4: of the first two positions one, of any four two; 5, 6 and 7 are local. */
static void local_creators_have_their_share_of_any_window(void)
{
    static const uint32_t want[] = {0, 5, 1, 6, 2, 7, 3, 4};
    struct arena arena = new_arena();
    struct made_slate *made = few_candidates();
    made->model.window = 4;
    made->model.local_share = 0.5;
    made->facts[5].local = made->facts[6].local = made->facts[7].local = true;
    struct slate slate = build_made(&arena, made);
    check_order(&slate, want, FEW);
    check_move(&slate, 5, 1U << SLATE_LOCAL_SHARE, 6);
    check_move(&slate, 1, 1U << SLATE_LOCAL_SHARE, 2);
    free(made);
    free(arena.base);
}

/* 0.3 of 5 is 1.5, so 2: one of the first three, two of any five. */
static void a_share_is_rounded_up(void)
{
    static const uint32_t want[] = {0, 1, 5, 2, 6, 3, 4, 7};
    struct made_slate *made = few_candidates();
    made->model.window = 5;
    made->model.local_share = 0.3;
    made->facts[5].local = made->facts[6].local = made->facts[7].local = true;
    check_few(made, want); /* 7th: window of 3rd to 7th has 5 and 6; 8th: 6 alone, so 7 */
    free(made);
}

/* 0.14 of 50 is 7.000000000000001 in doubles, and still 7. */
static void a_share_is_not_rounded_up_for_the_last_bit(void)
{
    struct arena arena = new_arena();
    struct made_slate *made = few_candidates();
    struct random random = {.state = 1};
    make_candidates(made, &random, 60);
    made->model = decay_model(1, 0);
    made->model.window = 50;
    made->model.local_share = 0.14;
    for (size_t i = 0; i < 60; i++) {
        made->scores[i] = (double)(60 - i);
        made->facts[i].local = i >= 50;
    }
    struct slate slate = build_made(&arena, made);
    size_t local = 0;
    for (size_t i = 0; i < 50; i++) {
        local += made->facts[slate.order[i]].local;
    }
    CHECK_EQ(7, local);
    free(made);
    free(arena.base);
}

/* Every third position; 4 and 6 are new, and then nobody is. */
static void slots_for_new_videos_are_filled_while_there_are_any(void)
{
    static const uint32_t want[] = {0, 1, 4, 2, 3, 6, 5, 7};
    struct arena arena = new_arena();
    struct made_slate *made = few_candidates();
    made->model.new_video_every = 3;
    made->facts[4].is_new = made->facts[6].is_new = true;
    struct slate slate = build_made(&arena, made);
    check_order(&slate, want, FEW);
    check_move(&slate, 4, 1U << SLATE_NEW_VIDEO_EVERY, 5);
    check_move(&slate, 2, 1U << SLATE_NEW_VIDEO_EVERY, 3);
    free(made);
    free(arena.base);
}

/* The second position is due to both; 7 is new, 6 is local, and the share weighs more. */
static void slots_give_way_before_shares(void)
{
    static const uint32_t want[] = {0, 6, 1, 7, 2, 3, 4, 5};
    struct made_slate *made = few_candidates();
    made->model.new_video_every = 2;
    made->model.window = 2;
    made->model.local_share = 0.5;
    made->facts[6].local = made->facts[7].is_new = true;
    check_few(made, want);
    free(made);
}

/*
 * Values after 0, whose score is 8: 1 is like it in all and worth 0.5 * 7/8 - 0.5; 2 shares its
 * only tag, likeness 1 / (3 + 3 - 1), and is worth 0.5 * 6/8 - 0.1 = 0.275; 3 is worth 0.5 * 5/8 =
 * 0.3125.
 */
static void what_is_alike_is_kept_apart(void)
{
    static const uint32_t want_two[] = {0, 3, 1, 2};
    static const uint32_t want_three[] = {0, 3, 2, 1};
    struct arena arena = new_arena();
    struct made_slate *made = few_candidates();
    made->input.count = made->input.positions = 4;
    made->model.diversity = 0.5;
    made->creators[1] = made->creators[0];
    made->tags[0][0] = made->tags[1][0] = made->tags[2][0] = 5;
    made->model.diversity_positions = 2;
    struct slate slate = build_made(&arena, made);
    check_order(&slate, want_two, 4);
    check_move(&slate, 3, 1U << SLATE_DIVERSITY, 4);
    made->model.diversity_positions = 3;
    slate = build_made(&arena, made);
    check_order(&slate, want_three, 4);
    free(made);
    free(arena.base);
}

/* 1 is just like 0; 2 is compared by tags, as its size is another; 3 looks the other way. */
static void embeddings_tell_what_is_alike(void)
{
    static const uint32_t want[] = {0, 2, 3, 4, 5, 6, 7, 1};
    struct made_slate *made = few_candidates();
    const float ahead[2] = {1, 2}, back[2] = {-1, -2}, other[3] = {1, 2, 0};
    struct embedding embeddings[] = {embedding_of(ahead, 2), embedding_of(ahead, 2),
                                     embedding_of(other, 3), embedding_of(back, 2)};
    made->model.diversity = 0.5;
    made->model.diversity_by = DIVERSITY_BY_EMBEDDING;
    for (size_t i = 0; i < 4; i++) {
        made->facts[i].embedding = &embeddings[i];
    }
    check_few(made, want);
    free(made);
}

/* ---- rules, at random ---- */

static void check_all_placed_once(const struct slate *slate, size_t count)
{
    bool met[LIMIT_CANDIDATES] = {false};
    for (size_t i = 0; i < count; i++) {
        CHECK(slate->order[i] < count && !met[slate->order[i]]);
        met[slate->order[i]] = true;
    }
}

static void every_candidate_is_placed_once(void)
{
    struct arena arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 3};
    for (int i = 0; i < 2000; i++) {
        make_candidates(made, &random, random_below(&random, i % 20 == 0 ? 2001 : 300));
        make_rules(made, &random);
        made->input.seed = random_next(&random);
        made->input.explain = random_chance(&random, 0.5);
        made->input.positions = random_below(&random, made->input.count + 1);
        struct slate slate = build_made(&arena, made);
        check_all_placed_once(&slate, made->input.count);
    }
    free(made);
    free(arena.base);
}

/* The rules that were on at each position held as far as they could. */
static void check_rules(const struct made_slate *made, const struct slate *slate)
{
    static struct slow_slate slow;
    slow.input = &made->input;
    slow.placed_count = 0;
    for (size_t p = 0; p < made->input.count; p++) {
        unsigned broken = slow_broken(&slow, slate->order[p]);
        for (size_t i = p + 1; i < made->input.count; i++) {
            CHECK(slow_broken(&slow, slate->order[i]) >= broken);
        }
        slow.placed[slow.placed_count++] = slate->order[p];
    }
}

static void no_rule_is_broken_that_could_be_kept(void)
{
    struct arena arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 4};
    for (int i = 0; i < 3000; i++) {
        make_candidates(made, &random, random_below(&random, i % 100 == 0 ? 200 : 40));
        make_rules(made, &random);
        made->model.creator_cap += 1; /* so that rules go on to the last position */
        made->input.seed = random_next(&random);
        struct slate slate = build_made(&arena, made);
        check_rules(made, &slate);
    }
    free(made);
    free(arena.base);
}

/* Enough creators, categories and local creators for every window of the largest slate. */
static void make_plenty(struct made_slate *made, struct random *random)
{
    make_candidates(made, random, LIMIT_CANDIDATES);
    made->model = decay_model(0.9, 0.2);
    made->model.creator_cap = 2;
    made->model.category_cap = 4;
    made->model.local_share = 0.4;
    for (size_t i = 0; i < LIMIT_CANDIDATES; i++) {
        made->creators[i] = 1 + random_below(random, 400);
        made->categories[i][0] = 1 + random_below(random, 40);
        made->categories[i][1] = 0;
    }
}

static void check_window(const struct made_slate *made, const struct slate *slate, size_t begin)
{
    size_t local = 0;
    for (size_t i = begin; i < begin + 10; i++) {
        int of_creator = 0;
        int of_category = 0;
        local += made->facts[slate->order[i]].local;
        for (size_t j = begin; j < begin + 10; j++) {
            of_creator += made->creators[slate->order[i]] == made->creators[slate->order[j]];
            of_category +=
                made->categories[slate->order[i]][0] == made->categories[slate->order[j]][0];
        }
        CHECK(of_creator <= 2);
        CHECK(of_category <= 4);
    }
    CHECK(local >= 4 || begin + 10 > SLATE_POSITIONS_MAX);
}

/* Towards the end of 2,000 there is not enough left to choose from. */
static void where_there_is_plenty_every_window_keeps_the_rules(void)
{
    struct arena arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 5};
    for (int i = 0; i < 20; i++) {
        make_plenty(made, &random);
        struct slate slate = build_made(&arena, made);
        for (size_t begin = 0; begin < LIMIT_CANDIDATES - 300; begin++) {
            check_window(made, &slate, begin);
        }
    }
    free(made);
    free(arena.base);
}

/* Rules that never matter: nobody is local or new, and a window of one position. */
static void use_idle_rules(struct made_slate *made)
{
    made->model.window = 1;
    made->model.creator_cap = made->model.category_cap = 1;
    made->model.local_share = 0.5;
    made->model.new_video_every = 2;
    for (size_t i = 0; i < made->input.count; i++) {
        made->facts[i].local = made->facts[i].is_new = false;
    }
}

static void check_same_slate(const struct slate *a, const struct slate *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(a->order[i], b->order[i]);
        CHECK(memcmp(&a->scores[i], &b->scores[i], sizeof(double)) == 0);
    }
}

static void rules_that_do_not_matter_change_nothing(void)
{
    struct arena arena = new_arena();
    struct arena other = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 6};
    for (int i = 0; i < 4000; i++) {
        make_candidates(made, &random, random_below(&random, i % 20 == 0 ? 2001 : 60));
        for (size_t j = 0; i % 3 == 0 && j < made->input.count; j++) {
            made->scores[j] = floor(made->scores[j]); /* so that many are equal */
        }
        struct slate plain = build_made(&arena, made);
        CHECK(plain.propensities == NULL);
        use_idle_rules(made);
        struct slate ruled = build_made(&other, made);
        CHECK(ruled.propensities != NULL || made->input.count == 0);
        check_same_slate(&plain, &ruled, made->input.count);
    }
    free(made);
    free(arena.base);
    free(other.base);
}

static void check_moves(const struct made_slate *made, const struct slate *slate)
{
    for (size_t i = 0; i < made->input.positions; i++) {
        uint32_t candidate = slate->order[i];
        uint32_t before = 0; /* who stands before it by scores alone */
        for (uint32_t j = 0; j < made->input.count; j++) {
            before += slate->scores[j] > slate->scores[candidate] ||
                      (slate->scores[j] >= slate->scores[candidate] && j < candidate);
        }
        CHECK_EQ(before + 1, slate->from_positions[candidate]);
        CHECK(slate->moved_by[candidate] != 0 || before == i);
    }
}

static void whoever_was_moved_has_a_rule_that_says_why(void)
{
    struct arena arena = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 7};
    for (int i = 0; i < 3000; i++) {
        make_candidates(made, &random, random_below(&random, 300));
        make_rules(made, &random);
        made->input.explain = true;
        made->input.seed = random_next(&random);
        made->input.positions = random_below(&random, made->input.count + 1);
        if (!slate_is_plain(&made->model)) {
            struct slate slate = build_made(&arena, made);
            check_moves(made, &slate);
        }
    }
    free(made);
    free(arena.base);
}

/* Explaining and asking for fewer change nothing above. */
static void the_first_positions_do_not_depend_on_how_many_are_shown(void)
{
    struct arena arena = new_arena();
    struct arena other = new_arena();
    struct made_slate *made = new_made();
    struct random random = {.state = 8};
    for (int i = 0; i < 1000; i++) {
        make_candidates(made, &random, 1 + random_below(&random, 300));
        make_rules(made, &random);
        struct slate all = build_made(&arena, made);
        made->input.positions = random_below(&random, made->input.count + 1);
        made->input.explain = true;
        struct slate some = build_made(&other, made);
        for (size_t p = 0; p < made->input.positions; p++) {
            CHECK_EQ(all.order[p], some.order[p]);
        }
    }
    free(made);
    free(arena.base);
    free(other.base);
}

static void every_budget_gives_the_slate_or_no_memory(void)
{
    struct made_slate *made = new_made();
    struct random random = {.state = 9};
    make_candidates(made, &random, 70);
    make_rules(made, &random);
    made->model.diversity = 0.5;
    made->model.category_cap = 2;
    made->model.exploration = EXPLORE_PLACKETT_LUCE;
    made->input.explain = true;
    struct arena arena = new_arena();
    struct slate slate;
    enum status status = STATUS_NO_MEMORY;
    size_t budget = 0;
    for (; status != STATUS_OK; budget += 8) {
        struct arena small;
        CHECK(budget < SLATE_MEMORY);
        arena_init(&small, arena.base, budget);
        status = slate_build(&made->input, &small, &slate);
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
    }
    check_all_placed_once(&slate, 70);
    free(made);
    free(arena.base);
}

static void the_largest_slate_with_every_rule_fits_768_kibibytes(void)
{
    struct made_slate *made = new_made();
    struct random random = {.state = 10};
    make_plenty(made, &random);
    made->model.new_video_every = 5;
    made->model.diversity = 0.3;
    made->model.diversity_positions = 200;
    made->model.exploration = EXPLORE_PLACKETT_LUCE;
    made->model.explore_temperature = 0.5;
    made->model.explore_positions = 200;
    made->input.explain = true;
    struct arena arena = new_arena();
    struct slate slate = build_made(&arena, made);
    check_all_placed_once(&slate, LIMIT_CANDIDATES);
    CHECK(arena.used <= 768 << 10);
    free(made);
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
        TEST(a_creator_has_at_most_the_cap_in_any_window),
        TEST(a_category_has_at_most_the_cap_in_any_window),
        TEST(unknown_creators_have_no_cap),
        TEST(the_creators_cap_is_the_last_to_give_way),
        TEST(local_creators_have_their_share_of_any_window),
        TEST(a_share_is_rounded_up),
        TEST(a_share_is_not_rounded_up_for_the_last_bit),
        TEST(slots_for_new_videos_are_filled_while_there_are_any),
        TEST(slots_give_way_before_shares),
        TEST(what_is_alike_is_kept_apart),
        TEST(embeddings_tell_what_is_alike),
        TEST(every_candidate_is_placed_once),
        TEST(no_rule_is_broken_that_could_be_kept),
        TEST(where_there_is_plenty_every_window_keeps_the_rules),
        TEST(rules_that_do_not_matter_change_nothing),
        TEST(whoever_was_moved_has_a_rule_that_says_why),
        TEST(the_first_positions_do_not_depend_on_how_many_are_shown),
        TEST(every_budget_gives_the_slate_or_no_memory),
        TEST(the_largest_slate_with_every_rule_fits_768_kibibytes),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
