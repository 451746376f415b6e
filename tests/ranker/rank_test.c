#include "ranker/rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "tests/ranker/world.h"
#include "tests/test.h"

static const int64_t NOW_MS = INT64_C(1700000000000);
static const int64_t DAY_MS = 86400000;

/* A model that values valid plays alone and changes nothing else. */
static struct model plain_model(void)
{
    struct model model = worthless_model();
    model.unknown_age = 13;
    model.seen_within_ms = DAY_MS;
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model.heads[i].affinity = 2;
    }
    model.heads[HEAD_SKIP].affinity = -2;
    model.value[HEAD_VALID_PLAY] = 1;
    return model;
}

static struct world new_world(void)
{
    return world_of(plain_model());
}

static void send(struct world *world, uint64_t user, uint64_t video, enum signal_type type,
                 int64_t watch_ms)
{
    send_signal(world, (struct signal){.user_key = user,
                                       .video_key = video,
                                       .type = type,
                                       .watch_ms = watch_ms,
                                       .time_ms = NOW_MS,
                                       .locale = {.language = HINDI, .region = INDIA}});
}

static struct rank_request plain_request(const uint64_t *keys, size_t count)
{
    return (struct rank_request){
        .user_key = 1,
        .locale = {.language = HINDI, .region = INDIA},
        .age_years = 30,
        .keys = keys,
        .count = count,
        .now_ms = NOW_MS,
    };
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void check_keys(const struct rank_request *request, const struct rank_result *result,
                       const uint64_t *want, size_t count)
{
    CHECK_EQ(count, result->count);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(want[i], request->keys[result->order[i]]);
    }
}

/* ---- worlds at random ---- */

enum { VIDEOS = 200, CREATORS = 30, USERS = 4 };

static void put_random_video(struct world *world, uint64_t key)
{
    struct video_facts facts = plain_video(key);
    facts.creator_key = next_random(world) % CREATORS;
    facts.languages[0] = (uint16_t)(HINDI + next_random(world) % 3);
    facts.caption_languages[0] = (uint16_t)(HINDI + next_random(world) % 3);
    facts.category_keys[0] = 1 + next_random(world) % 5;
    facts.tag_keys[0] = 1 + next_random(world) % 9;
    facts.tag_keys[1] = 11 + next_random(world) % 9;
    facts.duration_ms = (uint32_t)(next_random(world) % 100000);
    facts.published_ms = NOW_MS - (int64_t)(next_random(world) % 1000) * 3600000;
    facts.creator_region = next_random(world) % 2 == 0 ? INDIA : RUSSIA;
    facts.safety = (uint8_t)(SAFETY_UNRATED + next_random(world) % 4);
    facts.curated = (uint8_t)(next_random(world) % 3);
    facts.premium = next_random(world) % 4 == 0;
    facts.quality = (float)next_unit(world);
    put_video(world, facts);
}

static void send_random_signal(struct world *world)
{
    uint64_t user = 1 + next_random(world) % USERS;
    uint64_t video = 1 + next_random(world) % VIDEOS;
    enum signal_type type = SIGNAL_IMPRESSION + next_random(world) % 13;
    send(world, user, video, type, (int64_t)(next_random(world) % 60000));
}

static void randomize_model(struct world *world)
{
    struct model *model = &world->model;
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model->heads[i].prior = 0.01 + 0.9 * next_unit(world);
        model->heads[i].strength = 1 + 100 * next_unit(world);
        model->heads[i].affinity = 16 * next_unit(world) - 8;
        model->value[i] = next_random(world) % 3 == 0 ? 0 : 4 * next_unit(world) - 2;
    }
    for (unsigned i = 0; i < MULTIPLIER_SOURCE; i++) {
        model->multipliers[i] = next_random(world) % 3 == 0 ? 0 : 3 * next_unit(world) - 1;
    }
    model->creator_decay = next_unit(world);
    model->creator_floor = next_unit(world) / 4;
}

/* The rest of a model, in numbers that do not move those above. */
static void randomize_more(struct world *world)
{
    struct model *model = &world->model;
    uint64_t seed = world->seed;
    for (unsigned i = MULTIPLIER_SOURCE; i < MULTIPLIER_COUNT; i++) {
        model->multipliers[i] = next_random(world) % 3 == 0 ? 0 : 3 * next_unit(world) - 1;
    }
    model->rate_scope = next_random(world) % 3;
    model->languages[0] = (struct language_confidence){TAMIL, next_unit(world)};
    model->language_count = 1;
    model->sources[0] = (struct source_value){5, next_unit(world)};
    model->source_count = 1;
    world->seed = seed;
}

static struct world random_world(uint64_t seed)
{
    struct world world = new_world();
    world.seed = seed;
    for (uint64_t key = 1; key <= VIDEOS; key++) {
        put_random_video(&world, key);
    }
    for (int i = 0; i < 1500; i++) {
        send_random_signal(&world);
    }
    randomize_model(&world);
    return world;
}

/* Distinct known videos, in a random order. */
static void shuffle_keys(struct world *world, uint64_t keys[VIDEOS])
{
    for (uint64_t i = 0; i < VIDEOS; i++) {
        uint64_t at = next_random(world) % (i + 1);
        keys[i] = i + 1;
        keys[i] = keys[at];
        keys[at] = i + 1;
    }
}

static void score_by_retrieval(const uint64_t keys[VIDEOS], double scores[VIDEOS])
{
    for (size_t i = 0; i < VIDEOS; i++) {
        scores[i] = (double)(keys[i] % 7) - 2;
    }
}

/* ---- every candidate has its place ---- */

static void check_partition(const struct rank_request *request, const struct rank_result *result)
{
    bool met[LIMIT_CANDIDATES] = {false};
    CHECK_EQ(request->count, result->count + result->dropped_count);
    for (size_t i = 0; i < result->count; i++) {
        CHECK(!met[result->order[i]]);
        met[result->order[i]] = true;
        CHECK(i == 0 || result->scores[i] <= result->scores[i - 1]);
        CHECK(result->scores[i] >= 0);
        CHECK(same_bits(1, result->propensities[i]));
    }
    for (size_t i = 0; i < result->dropped_count; i++) {
        CHECK(!met[result->dropped[i]]);
        met[result->dropped[i]] = true;
        CHECK(i == 0 || result->dropped[i] > result->dropped[i - 1]);
        CHECK(result->dropped_rules[i] > DROP_NONE);
        CHECK(result->dropped_rules[i] < DROP_RULE_END);
    }
}

static void every_candidate_is_in_order_or_dropped_once(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world world = random_world(seed);
        uint64_t keys[300];
        for (size_t i = 0; i < 300; i++) {
            keys[i] = next_random(&world) % (VIDEOS + 20);
        }
        struct rank_request request = plain_request(keys, 300);
        request.exclude_seen = seed % 2 == 0;
        request.limit = seed % 3 * 20;
        struct rank_result result = run(&world, &request);
        check_partition(&request, &result);
        CHECK_EQ(world.sequence, result.state_sequence);
        end_world(&world);
    }
}

static void no_candidates_give_an_empty_slate(void)
{
    struct world world = new_world();
    struct rank_request request = plain_request(NULL, 0);
    request.explain = true;
    struct rank_result result = run(&world, &request);
    CHECK_EQ(0, result.count);
    CHECK_EQ(0, result.dropped_count);
    CHECK_EQ(0, result.state_sequence);
    end_world(&world);
}

static void one_candidate_is_the_slate(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(7));
    static const uint64_t keys[] = {7};
    struct rank_request request = plain_request(keys, 1);
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, keys, 1);
    CHECK(near(0.25 + 0.25, result.scores[0])); /* the prior and the offset */
    end_world(&world);
}

/* Every feature is read, too. */
static void the_largest_request_fits_four_mebibytes_with_its_explanation(void)
{
    static struct feature_weight weights[FEATURE_COUNT];
    static uint64_t keys[LIMIT_CANDIDATES];
    static double scores[LIMIT_CANDIDATES];
    struct world world = new_world();
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        weights[i] = (struct feature_weight){.feature = i, .weight = 0.001};
    }
    world.model.heads[HEAD_LIKE] = (struct head_model){
        .kind = HEAD_KIND_LOGISTIC, .weights = weights, .weight_count = FEATURE_COUNT};
    world.model.value[HEAD_LIKE] = 1;
    for (uint64_t i = 0; i < LIMIT_CANDIDATES; i++) {
        keys[i] = 1 + i;
        scores[i] = (double)i;
        put_video(&world, plain_video(1 + i));
    }
    for (uint64_t i = 0; i < 600; i++) {
        send(&world, 1, 1 + i, SIGNAL_LIKE, 0);
    }
    struct rank_request request = plain_request(keys, LIMIT_CANDIDATES);
    request.retrieval_scores = scores;
    request.exclude_seen = true;
    request.explain = true;
    request.language_count = LIMIT_LANGUAGES;
    world.model.seen_within_ms = 0;
    struct rank_result result = run(&world, &request);
    CHECK_EQ(LIMIT_CANDIDATES, result.count);
    CHECK_EQ(FEATURE_COUNT, result.feature_count);
    check_partition(&request, &result);
    end_world(&world);
}

static void what_is_past_the_limit_is_dropped_as_such(void)
{
    struct world world = new_world();
    static const uint64_t keys[] = {1, 2, 3};
    static const double scores[] = {1, 3, 2};
    for (uint64_t key = 1; key <= 3; key++) {
        put_video(&world, plain_video(key));
    }
    world.model.multipliers[MULTIPLIER_RETRIEVAL] = 1;
    struct rank_request request = plain_request(keys, 3);
    request.retrieval_scores = scores;
    request.limit = 2;
    struct rank_result result = run(&world, &request);
    static const uint64_t want[] = {2, 3};
    check_keys(&request, &result, want, 2);
    CHECK_EQ(1, result.dropped_count);
    CHECK_EQ(0, result.dropped[0]);
    CHECK_EQ(DROP_BELOW_LIMIT, result.dropped_rules[0]);
    request.limit = 4;
    CHECK_EQ(3, run(&world, &request).count);
    end_world(&world);
}

static void repeats_and_unknown_candidates_are_dropped(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(5));
    static const uint64_t keys[] = {0, 5, 9, 5, 0, 9};
    static const uint8_t rules[] = {DROP_UNKNOWN_VIDEO, DROP_UNKNOWN_VIDEO, DROP_REPEATED,
                                    DROP_UNKNOWN_VIDEO, DROP_REPEATED};
    struct rank_request request = plain_request(keys, 6);
    struct rank_result result = run(&world, &request);
    CHECK_EQ(1, result.count);
    CHECK_EQ(1, result.order[0]);
    CHECK_EQ(5, result.dropped_count);
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ(rules[i], result.dropped_rules[i]);
    }
    end_world(&world);
}

static void policy_decides_before_scores_do(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.safety = SAFETY_UNRATED;
    put_video(&world, facts);
    facts = plain_video(2);
    facts.minimum_age_years = 14;
    put_video(&world, facts);
    static const uint64_t keys[] = {1, 2};
    struct rank_request request = plain_request(keys, 2);
    request.age_years = 0; /* taken for 13 */
    struct rank_result result = run(&world, &request);
    CHECK_EQ(0, result.count);
    CHECK_EQ(DROP_UNRATED, result.dropped_rules[0]);
    CHECK_EQ(DROP_AGE, result.dropped_rules[1]);
    end_world(&world);
}

static void by_retrieval_policy_holds_and_the_retrieval_score_orders(void)
{
    struct world world = new_world();
    struct video_facts forbidden = plain_video(3);
    forbidden.safety = SAFETY_UNRATED;
    put_video(&world, plain_video(1));
    put_video(&world, plain_video(2));
    put_video(&world, forbidden);
    put_video(&world, plain_video(4));
    static const uint64_t keys[] = {1, 2, 3, 4, 5};
    static const double scores[] = {-1, 3, 100, 1, 50};
    struct rank_request request = plain_request(keys, 5);
    request.retrieval_scores = scores;
    request.by_retrieval = true;
    struct rank_result result = run(&world, &request);
    CHECK_EQ(3, result.count);
    CHECK_EQ(1, result.order[0]);
    CHECK_EQ(3, result.order[1]);
    CHECK_EQ(0, result.order[2]);
    CHECK(same_bits(1, result.scores[0])); /* between -1 and 3, those that policy lets pass */
    CHECK(same_bits(0.5, result.scores[1]));
    CHECK(same_bits(0, result.scores[2]));
    CHECK_EQ(DROP_UNRATED, result.dropped_rules[0]);
    CHECK_EQ(DROP_UNKNOWN_VIDEO, result.dropped_rules[1]);
    end_world(&world);
}

static void by_retrieval_equal_and_extreme_scores_are_ordered(void)
{
    struct world world = new_world();
    for (uint64_t key = 1; key <= 3; key++) {
        put_video(&world, plain_video(key));
    }
    static const uint64_t keys[] = {1, 2, 3};
    static const double extreme[] = {-1.7e308, 1.7e308, 0};
    struct rank_request request = plain_request(keys, 3);
    request.by_retrieval = true;
    struct rank_result result = run(&world, &request); /* no scores: the order of the request */
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(i, result.order[i]);
        CHECK(same_bits(0, result.scores[i]));
    }
    request.retrieval_scores = extreme;
    result = run(&world, &request);
    CHECK_EQ(1, result.order[0]);
    CHECK_EQ(2, result.order[1]);
    CHECK_EQ(0, result.order[2]);
    CHECK(same_bits(0.5, result.scores[1]));
    end_world(&world);
}

static size_t count_when(struct world *world, struct rank_request request, int64_t now_ms)
{
    request.now_ms = now_ms;
    return run(world, &request).count;
}

static void seen_videos_are_left_out_for_as_long_as_the_model_says(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    send(&world, 1, 1, SIGNAL_PLAY, 0);
    static const uint64_t keys[] = {1};
    struct rank_request request = plain_request(keys, 1);
    CHECK_EQ(1, count_when(&world, request, NOW_MS));
    request.exclude_seen = true;
    CHECK_EQ(DROP_SEEN, run(&world, &request).dropped_rules[0]);
    CHECK_EQ(0, count_when(&world, request, NOW_MS - DAY_MS)); /* a view still to come */
    CHECK_EQ(0, count_when(&world, request, NOW_MS + DAY_MS - 1));
    CHECK_EQ(1, count_when(&world, request, NOW_MS + DAY_MS));
    world.model.seen_within_ms = 0;
    CHECK_EQ(1, count_when(&world, request, NOW_MS));
    end_world(&world);
}

/* ---- order ---- */

/* Key by position; positions of one score may swap. */
static void check_same_but_ties(const struct rank_request *a, const struct rank_result *first,
                                const struct rank_request *b, const struct rank_result *second)
{
    CHECK_EQ(first->count, second->count);
    for (size_t i = 0; i < first->count; i++) {
        CHECK(same_bits(first->scores[i], second->scores[i]));
        bool tie = (i > 0 && first->scores[i - 1] <= first->scores[i]) ||
                   (i + 1 < first->count && first->scores[i + 1] >= first->scores[i]);
        CHECK(tie || a->keys[first->order[i]] == b->keys[second->order[i]]);
    }
}

static void the_order_of_candidates_matters_for_ties_only(void)
{
    struct world other = new_world(); /* for an arena of its own */
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world world = random_world(seed);
        uint64_t keys[2][VIDEOS];
        double scores[2][VIDEOS];
        struct rank_request requests[2];
        struct rank_result results[2];
        for (int i = 0; i < 2; i++) {
            shuffle_keys(&world, keys[i]);
            score_by_retrieval(keys[i], scores[i]);
            requests[i] = plain_request(keys[i], VIDEOS);
            requests[i].retrieval_scores = scores[i];
            arena_reset(i == 0 ? &world.arena : &other.arena);
            CHECK_EQ(STATUS_OK, rank(world.state, &world.model, &requests[i],
                                     i == 0 ? &world.arena : &other.arena, &results[i]));
        }
        check_same_but_ties(&requests[0], &results[0], &requests[1], &results[1]);
        end_world(&world);
    }
    end_world(&other);
}

static void equal_videos_keep_the_order_of_the_request(void)
{
    struct world world = new_world();
    static const uint64_t keys[] = {3, 1, 2};
    for (uint64_t key = 1; key <= 3; key++) {
        put_video(&world, plain_video(key));
    }
    struct rank_request request = plain_request(keys, 3);
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, keys, 3);
    end_world(&world);
}

/* Videos 1 and 2 are offered, 11 and 12 are by the same creators with the same categories. */
static void put_two_creators(struct world *world)
{
    for (uint64_t key = 1; key <= 2; key++) {
        struct video_facts facts = plain_video(key);
        facts.category_keys[0] = key;
        put_video(world, facts);
        facts.key = 10 + key;
        put_video(world, facts);
    }
}

static void a_liked_creators_video_rises(void)
{
    struct world world = new_world();
    put_two_creators(&world);
    static const uint64_t keys[] = {1, 2};
    static const uint64_t risen[] = {2, 1};
    struct rank_request request = plain_request(keys, 2);
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, keys, 2);
    send(&world, 1, 12, SIGNAL_LIKE, 0);
    result = run(&world, &request);
    check_keys(&request, &result, risen, 2);
    request.user_key = 2; /* somebody else's taste is not touched */
    result = run(&world, &request);
    check_keys(&request, &result, keys, 2);
    request.user_key = 0;
    result = run(&world, &request);
    check_keys(&request, &result, keys, 2);
    end_world(&world);
}

static void not_interested_lowers_the_creators_videos(void)
{
    struct world world = new_world();
    put_two_creators(&world);
    static const uint64_t keys[] = {1, 2};
    static const uint64_t fallen[] = {2, 1};
    struct rank_request request = plain_request(keys, 2);
    send(&world, 1, 11, SIGNAL_NOT_INTERESTED, 0);
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, fallen, 2);
    end_world(&world);
}

static void not_interested_lowers_the_category_of_other_creators(void)
{
    struct world world = new_world();
    put_two_creators(&world);
    struct video_facts facts = plain_video(20);
    facts.category_keys[0] = 1;
    put_video(&world, facts);
    static const uint64_t keys[] = {1, 2};
    static const uint64_t fallen[] = {2, 1};
    struct rank_request request = plain_request(keys, 2);
    send(&world, 1, 20, SIGNAL_NOT_INTERESTED, 0);
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, fallen, 2);
    end_world(&world);
}

static void put_in_languages(struct world *world, uint64_t key, uint16_t spoken, uint16_t captions)
{
    struct video_facts facts = plain_video(key);
    facts.languages[0] = spoken;
    facts.caption_languages[0] = captions;
    put_video(world, facts);
}

/* For hi-IN who also reads English: 1, 0.8, 0.5, 0.4, 0. */
static void languages_rank_by_how_well_they_suit(void)
{
    struct world world = new_world();
    put_in_languages(&world, 1, TAMIL, 0);
    put_in_languages(&world, 2, TAMIL, ENGLISH);
    put_in_languages(&world, 3, TAMIL, HINDI);
    put_in_languages(&world, 4, ENGLISH, TAMIL);
    put_in_languages(&world, 5, HINDI, 0);
    world.model.multipliers[MULTIPLIER_LANGUAGE_MATCH] = 1;
    static const uint64_t keys[] = {1, 2, 3, 4, 5};
    static const uint64_t want[] = {5, 4, 3, 2, 1};
    static const double matches[] = {1, 0.8, 0.5, 0.4, 0};
    struct rank_request request = plain_request(keys, 5);
    request.languages[0] = ENGLISH;
    request.language_count = 1;
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, want, 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK(near(0.5 * (1 + matches[i]), result.scores[i]));
    }
    end_world(&world);
}

static void a_learnt_language_suits_as_much_as_it_is_liked(void)
{
    struct world world = new_world();
    put_in_languages(&world, 1, TAMIL, 0);
    put_in_languages(&world, 2, URDU, 0);
    put_in_languages(&world, 12, URDU, 0);
    send(&world, 1, 12, SIGNAL_LIKE, 0); /* +2, so 2 / 3 */
    world.model.heads[HEAD_VALID_PLAY].affinity = 0;
    world.model.multipliers[MULTIPLIER_LANGUAGE_MATCH] = 1;
    static const uint64_t keys[] = {1, 2};
    static const uint64_t want[] = {2, 1};
    struct rank_request request = plain_request(keys, 2);
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, want, 2);
    CHECK(near(0.5 * (1 + 2.0 / 3), result.scores[0]));
    end_world(&world);
}

static void a_creators_second_video_comes_later(void)
{
    struct world world = new_world();
    for (uint64_t key = 1; key <= 3; key++) {
        struct video_facts facts = plain_video(key);
        facts.creator_key = key <= 2 ? 50 : 60;
        put_video(&world, facts);
    }
    world.model.creator_decay = 0.5;
    static const uint64_t keys[] = {1, 2, 3};
    static const uint64_t want[] = {1, 3, 2};
    struct rank_request request = plain_request(keys, 3);
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, want, 3);
    CHECK(near(0.25, result.scores[2]));
    end_world(&world);
}

/* ---- arithmetic ---- */

static const struct rank_term *term_of(const struct rank_result *result, size_t position,
                                       const char *name)
{
    for (unsigned term = 0; term < TERM_COUNT; term++) {
        if (strcmp(rank_term_name(term), name) == 0) {
            return &result->terms[position * TERM_COUNT + term];
        }
    }
    CHECK(!"a term of this name");
    return NULL;
}

static void a_rate_is_the_mean_of_prior_and_counts(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    for (uint64_t user = 100; user < 130; user++) {
        send(&world, user, 1, SIGNAL_IMPRESSION, 0);
    }
    for (uint64_t user = 100; user < 115; user++) {
        send(&world, user, 1, SIGNAL_LIKE, 0);
    }
    world.model.value[HEAD_LIKE] = 2;
    static const uint64_t keys[] = {1};
    struct rank_request request = plain_request(keys, 1);
    request.explain = true;
    struct rank_result result = run(&world, &request);
    double rate = (15 + 0.25 * 10) / (30 + 10);
    CHECK(near(rate, term_of(&result, 0, "like")->input));
    CHECK(near(2 * rate, term_of(&result, 0, "like")->value));
    CHECK(near(0.25 * 10 / (30 + 10), term_of(&result, 0, "share")->input));
    CHECK(same_bits(0, term_of(&result, 0, "share")->value));
    end_world(&world);
}

/* A like and no view of it left: 1 of 1 rather than 1 of 0. */
static void more_hits_than_views_count_as_all(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    send(&world, 2, 1, SIGNAL_IMPRESSION, 0);
    send(&world, 2, 1, SIGNAL_LIKE, 0);
    send(&world, 3, 1, SIGNAL_LIKE, 0);
    static const uint64_t keys[] = {1};
    struct rank_request request = plain_request(keys, 1);
    request.explain = true;
    struct rank_result result = run(&world, &request);
    CHECK(near((1 + 2.5) / (1 + 10), term_of(&result, 0, "like")->input));
    end_world(&world);
}

/* A follow (+4) of a creator with nothing else in common: 4 / 5, squashed again to 4 / 9. */
static void taste_moves_the_odds(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    struct video_facts facts = plain_video(2);
    facts.creator_key = plain_video(1).creator_key;
    facts.languages[0] = TAMIL;
    facts.duration_ms = 100000;
    put_video(&world, facts);
    send(&world, 1, 2, SIGNAL_FOLLOW_CREATOR, 0);
    static const uint64_t keys[] = {1};
    struct rank_request request = plain_request(keys, 1);
    request.explain = true;
    struct rank_result result = run(&world, &request);
    double odds = 0.25 / 0.75 * pow(2, 2 * (0.8 / 1.8));
    CHECK(near(odds / (1 + odds), term_of(&result, 0, "valid_play")->input));
    odds = 0.25 / 0.75 * pow(2, -2 * (0.8 / 1.8));
    CHECK(near(odds / (1 + odds), term_of(&result, 0, "skip")->input));
    CHECK(near(1, term_of(&result, 0, "follows_creator")->input));
    end_world(&world);
}

/*
 * Forty views of videos of 20 s: thirty of 1 s and ten of 15 s, five of these of video 1. Its
 * quantile is (30 + 10 / 2) / 40, and weighs 5 plays against the prior's 10.
 */
static void watch_time_counts_by_its_quantile_among_videos_as_long(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    put_video(&world, plain_video(2));
    put_video(&world, plain_video(3));
    for (uint64_t user = 100; user < 130; user++) {
        send(&world, user, 2, SIGNAL_WATCH, 1000);
    }
    for (uint64_t user = 200; user < 210; user++) {
        send(&world, user, user < 205 ? 1 : 2, SIGNAL_WATCH, 15000);
    }
    static const uint64_t keys[] = {1, 3};
    struct rank_request request = plain_request(keys, 2);
    request.explain = true;
    struct rank_result result = run(&world, &request);
    double quantile = 35.0 / 40;
    CHECK_EQ(0, result.order[0]);
    CHECK(near((5 * quantile + 2.5) / 15, term_of(&result, 0, "watch_quantile")->input));
    CHECK(near(0.25, term_of(&result, 1, "watch_quantile")->input)); /* nobody watched 3 */
    end_world(&world);
}

/* A video with something of everything, at its second look. */
static void multipliers_read_the_features_of_the_catalogue(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.published_ms = NOW_MS - 2 * DAY_MS;
    facts.quality = 0.75F;
    facts.curated = CURATED_APPROVED;
    facts.premium = true;
    facts.creator_region = INDIA;
    put_video(&world, facts);
    for (uint64_t user = 1; user <= 25; user++) {
        send(&world, user, 1, SIGNAL_IMPRESSION, 0);
    }
    static const uint64_t keys[] = {1};
    static const double scores[] = {4};
    struct rank_request request = plain_request(keys, 1);
    request.retrieval_scores = scores;
    request.explain = true;
    struct rank_result result = run(&world, &request);
    static const struct {
        const char *name;
        double feature;
    } want[] = {
        {"freshness", 0.25},      {"popularity", 25.0 / 125},
        {"quality", 0.75},        {"curated", 0.5},
        {"premium", 1},           {"language_match", 1},
        {"local_creator", 1},     {"follows_creator", 0},
        {"new_video", 10.0 / 35}, {"seen_before", 1},
        {"retrieval", 0.8},       {"creator_decay", 1},
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        CHECK(near(want[i].feature, term_of(&result, 0, want[i].name)->input));
        CHECK(same_bits(0, term_of(&result, 0, want[i].name)->value)); /* no weight */
    }
    end_world(&world);
}

static void what_is_unknown_gives_no_feature(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.languages[0] = 0;
    put_video(&world, facts);
    static const uint64_t keys[] = {1};
    static const double scores[] = {-3};
    struct rank_request request = plain_request(keys, 1);
    request.locale = (struct locale){0};
    request.retrieval_scores = scores;
    request.explain = true;
    struct rank_result result = run(&world, &request);
    static const char *const names[] = {"freshness",     "popularity",  "quality",
                                        "curated",       "premium",     "language_match",
                                        "local_creator", "seen_before", "retrieval"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CHECK(same_bits(0, term_of(&result, 0, names[i])->input));
    }
    CHECK(same_bits(1, term_of(&result, 0, "new_video")->input));
    end_world(&world);
}

static void a_video_from_the_future_is_as_fresh_as_can_be(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.published_ms = NOW_MS + 5 * DAY_MS;
    put_video(&world, facts);
    static const uint64_t keys[] = {1};
    struct rank_request request = plain_request(keys, 1);
    request.explain = true;
    struct rank_result result = run(&world, &request);
    CHECK(same_bits(1, term_of(&result, 0, "freshness")->input));
    end_world(&world);
}

/* Value -0.25, N = 1, o = 0.25: 0.25 * 0.75 before, and half of it after the discount. */
static void a_discount_lowers_a_video_of_negative_value(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.premium = true;
    put_video(&world, facts);
    put_video(&world, plain_video(2));
    world.model.value[HEAD_VALID_PLAY] = 0;
    world.model.value[HEAD_SKIP] = -1;
    world.model.multipliers[MULTIPLIER_PREMIUM] = -0.5;
    static const uint64_t keys[] = {1, 2};
    static const uint64_t want[] = {2, 1};
    struct rank_request request = plain_request(keys, 2);
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, want, 2);
    CHECK(near(0.1875, result.scores[0]));
    CHECK(near(0.09375, result.scores[1]));
    end_world(&world);
}

static void no_discount_raises_any_video(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world world = random_world(seed);
        double before[VIDEOS + 1];
        uint64_t keys[VIDEOS];
        shuffle_keys(&world, keys);
        struct rank_request request = plain_request(keys, VIDEOS);
        unsigned discount = (unsigned)(next_random(&world) % MULTIPLIER_COUNT);
        world.model.creator_decay = 1;
        world.model.multipliers[discount] = 0;
        struct rank_result result = run(&world, &request);
        for (size_t i = 0; i < result.count; i++) {
            before[keys[result.order[i]]] = result.scores[i];
        }
        world.model.multipliers[discount] = -next_unit(&world);
        result = run(&world, &request);
        for (size_t i = 0; i < result.count; i++) {
            CHECK(result.scores[i] <= before[keys[result.order[i]]]);
        }
        end_world(&world);
    }
}

/* ---- explanations ---- */

static void shuffle_terms(struct world *world, double terms[TERM_COUNT])
{
    for (uint64_t i = TERM_COUNT - 1; i > 0; i--) {
        uint64_t at = next_random(world) % (i + 1);
        double term = terms[i];
        terms[i] = terms[at];
        terms[at] = term;
    }
}

static void check_sums(struct world *world, const struct rank_term *explained, double score)
{
    double terms[TERM_COUNT];
    double forwards = 0;
    double backwards = 0;
    double shuffled = 0;
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        terms[i] = explained[i].value;
        forwards += terms[i];
        backwards += explained[TERM_COUNT - 1 - i].value;
    }
    shuffle_terms(world, terms);
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        shuffled += terms[i];
    }
    CHECK(same_bits(score, forwards));
    CHECK(same_bits(score, backwards));
    CHECK(same_bits(score, shuffled));
}

/* The totals are those of the explanation's terms, and change nothing else. */
static void check_totals(struct world *world, const struct rank_request *plain,
                         const struct rank_result *explained)
{
    int64_t want[TERM_COUNT] = {0};
    double scores[VIDEOS];
    uint32_t order[VIDEOS];
    size_t count = explained->count;
    for (size_t i = 0; i < count * TERM_COUNT; i++) {
        double units = explained->terms[i].value * 4294967296.0;
        CHECK(same_bits(units, (double)(int64_t)units));
        want[i % TERM_COUNT] += (int64_t)units;
        CHECK_EQ(0, explained->term_totals[i % TERM_COUNT]); /* nobody asked */
    }
    memcpy(scores, explained->scores, count * sizeof(scores[0]));
    memcpy(order, explained->order, count * sizeof(order[0]));
    struct rank_request request = *plain;
    request.total_terms = true;
    struct rank_result result = run(world, &request);
    CHECK_EQ(count, result.count);
    CHECK(memcmp(scores, result.scores, count * sizeof(scores[0])) == 0);
    CHECK(memcmp(order, result.order, count * sizeof(order[0])) == 0);
    CHECK(memcmp(want, result.term_totals, sizeof(want)) == 0);
}

static void check_explanation(struct world *world, const struct rank_request *plain)
{
    double scores[VIDEOS];
    struct rank_request request = *plain;
    struct rank_result result = run(world, &request);
    CHECK(result.terms == NULL);
    size_t count = result.count;
    memcpy(scores, result.scores, count * sizeof(scores[0]));
    request.explain = true;
    result = run(world, &request);
    CHECK_EQ(count, result.count);
    for (size_t i = 0; i < count; i++) {
        CHECK(same_bits(scores[i], result.scores[i]));
        check_sums(world, &result.terms[i * TERM_COUNT], scores[i]);
    }
    check_totals(world, plain, &result);
}

static void name_sources(const uint64_t keys[VIDEOS], uint64_t sources[VIDEOS])
{
    for (size_t i = 0; i < VIDEOS; i++) {
        sources[i] = keys[i] % 3 * 5;
    }
}

/* Some heads weigh features, as a file may say. */
static void randomize_kinds(struct world *world)
{
    static const struct feature_weight weights[] = {{FEATURE_QUALITY, 1.5},
                                                    {FEATURE_TASTE, 0.75},
                                                    {FEATURE_FATIGUE_CREATOR, -0.5},
                                                    {FEATURE_SESSION_DEPTH, -0.01},
                                                    {FEATURE_LIKE_RATE_REGION_1D, 3}};
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        struct head_model *head = &world->model.heads[i];
        head->kind = next_random(world) % 3;
        head->bias = next_unit(world) - 0.5;
        head->weights = weights;
        head->weight_count = sizeof(weights) / sizeof(weights[0]);
    }
}

static void explanations_sum_to_the_score_and_change_no_bit_of_it(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world world = random_world(seed);
        uint64_t keys[VIDEOS];
        double scores[VIDEOS];
        uint64_t sources[VIDEOS];
        randomize_more(&world);
        randomize_kinds(&world);
        shuffle_keys(&world, keys);
        score_by_retrieval(keys, scores);
        name_sources(keys, sources);
        struct rank_request request = plain_request(keys, VIDEOS);
        request.user_key = seed % (USERS + 2);
        request.retrieval_scores = scores;
        request.source_keys = seed % 3 == 0 ? NULL : sources;
        request.limit = seed % 2 * 50;
        request.now_ms = NOW_MS + (int64_t)seed * DAY_MS;
        check_explanation(&world, &request);
        end_world(&world);
    }
}

static double feature_of(const struct rank_result *result, size_t position, enum feature feature)
{
    for (size_t i = 0; i < result->feature_count; i++) {
        if (result->features[i] == feature) {
            return result->feature_values[position * result->feature_count + i];
        }
    }
    CHECK(!"a feature that is listed");
    return 0;
}

/* The like head weighs two features, the valid_play head counts; premium scales, curated does not.
 */
static void an_explanation_lists_the_features_that_are_read(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.premium = true;
    put_video(&world, facts);
    static const struct feature_weight weights[] = {{FEATURE_AGE_HOURS, 1}, {FEATURE_NEW_USER, 2}};
    world.model.heads[HEAD_LIKE] =
        (struct head_model){.kind = HEAD_KIND_LINEAR, .weights = weights, .weight_count = 2};
    world.model.value[HEAD_LIKE] = 1;
    world.model.multipliers[MULTIPLIER_PREMIUM] = 1;
    static const uint64_t keys[] = {1};
    struct rank_request request = plain_request(keys, 1);
    CHECK_EQ(0, run(&world, &request).feature_count);
    request.explain = true;
    struct rank_result result = run(&world, &request);
    CHECK_EQ(5, result.feature_count);
    CHECK_EQ(FEATURE_AGE_HOURS, result.features[0]); /* rising */
    CHECK(isnan(feature_of(&result, 0, FEATURE_AGE_HOURS)));
    CHECK(near(1, feature_of(&result, 0, FEATURE_PREMIUM)));
    CHECK(near(0, feature_of(&result, 0, FEATURE_TASTE)));
    CHECK(near(1, feature_of(&result, 0, FEATURE_NEW_USER)));
    CHECK(near(0.25, feature_of(&result, 0, FEATURE_VALID_PLAY_RATE_GLOBAL_14D)));
    CHECK(near(1, term_of(&result, 0, "like")->input)); /* 2 cut to 1 */
    end_world(&world);
}

static void the_largest_weights_stay_within_bounds_and_add_up(void)
{
    struct world world = random_world(3);
    uint64_t keys[VIDEOS];
    double scores[VIDEOS];
    shuffle_keys(&world, keys);
    score_by_retrieval(keys, scores);
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        world.model.value[i] = 100;
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        world.model.multipliers[i] = i % 2 == 0 ? 10 : -0.9;
    }
    world.model.multipliers[MULTIPLIER_NEW_VIDEO] = 10;
    struct rank_request request = plain_request(keys, VIDEOS);
    request.retrieval_scores = scores;
    check_explanation(&world, &request);
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        world.model.multipliers[i] = 10;
    }
    check_explanation(&world, &request);
    struct rank_result result = run(&world, &request);
    CHECK(same_bits(0x1p18, result.scores[0]));
    end_world(&world);
}

static void every_term_has_a_name_of_its_own(void)
{
    CHECK_STR("valid_play", rank_term_name(0));
    CHECK_STR("shift", rank_term_name(HEAD_COUNT));
    CHECK_STR("freshness", rank_term_name(HEAD_COUNT + 1));
    CHECK_STR("fatigue_category", rank_term_name(TERM_COUNT - 2));
    CHECK_STR("creator_decay", rank_term_name(TERM_COUNT - 1));
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        for (unsigned j = 0; j < i; j++) {
            CHECK(strcmp(rank_term_name(i), rank_term_name(j)) != 0);
        }
    }
}

/* ---- memory ---- */

static void check_same_result(const struct rank_result *a, const struct rank_result *b)
{
    CHECK_EQ(a->count, b->count);
    CHECK_EQ(a->dropped_count, b->dropped_count);
    CHECK(memcmp(a->order, b->order, a->count * sizeof(a->order[0])) == 0);
    CHECK(memcmp(a->scores, b->scores, a->count * sizeof(a->scores[0])) == 0);
    CHECK(memcmp(a->dropped, b->dropped, a->dropped_count * sizeof(a->dropped[0])) == 0);
    CHECK(memcmp(a->terms, b->terms, a->count * TERM_COUNT * sizeof(a->terms[0])) == 0);
    CHECK_EQ(a->feature_count, b->feature_count);
    CHECK(memcmp(a->features, b->features, a->feature_count * sizeof(a->features[0])) == 0);
    CHECK(memcmp(a->feature_values, b->feature_values,
                 a->count * a->feature_count * sizeof(a->feature_values[0])) == 0);
}

/* Grows the arena by few bytes at a time until ranking succeeds, and a little on. */
static void every_budget_gives_no_memory_or_the_same_bytes(void)
{
    struct world world = random_world(5);
    uint64_t keys[VIDEOS];
    randomize_more(&world);
    shuffle_keys(&world, keys);
    struct rank_request request = plain_request(keys, 20);
    request.exclude_seen = true;
    request.explain = true;
    struct rank_result want = run(&world, &request);
    char *memory = malloc(WORLD_MEMORY);
    CHECK(memory != NULL);
    size_t failures = 0;
    size_t successes = 0;
    for (size_t size = 0; successes < 100; size += 7) {
        struct arena arena;
        struct rank_result got = {.count = 12345};
        CHECK(size <= WORLD_MEMORY);
        arena_init(&arena, memory, size);
        enum status status = rank(world.state, &world.model, &request, &arena, &got);
        if (status == STATUS_OK) {
            check_same_result(&want, &got);
            successes++;
        } else {
            CHECK_EQ(STATUS_NO_MEMORY, status);
            CHECK_EQ(12345, got.count);
            CHECK_EQ(0, successes);
            failures++;
        }
    }
    CHECK(failures > 100);
    arena_init(&world.arena, world.arena.base, WORLD_MEMORY);
    free(memory);
    end_world(&world);
}

static enum status rank_within(struct world *world, const struct rank_request *request,
                               void *memory, size_t size)
{
    struct arena arena;
    struct rank_result result;
    arena_init(&arena, memory, size);
    return rank(world->state, &world->model, request, &arena, &result);
}

/* So no answer fails for being sampled: whatever budget is enough without is enough with them. */
static void totals_of_terms_take_no_memory(void)
{
    struct world world = random_world(5);
    uint64_t keys[VIDEOS];
    size_t successes = 0;
    randomize_more(&world);
    randomize_kinds(&world);
    shuffle_keys(&world, keys);
    struct rank_request plain = plain_request(keys, 20);
    struct rank_request totalled = plain;
    totalled.total_terms = true;
    char *memory = malloc(WORLD_MEMORY);
    CHECK(memory != NULL);
    for (size_t size = 0; successes < 10; size += 7) {
        CHECK(size <= WORLD_MEMORY);
        enum status status = rank_within(&world, &plain, memory, size);
        CHECK_EQ(status, rank_within(&world, &totalled, memory, size));
        successes += status == STATUS_OK;
    }
    arena_init(&world.arena, world.arena.base, WORLD_MEMORY);
    free(memory);
    end_world(&world);
}

/* ---- golden ---- */

/* Any change of these bits breaks the replay of every journaled decision. */
static void the_bits_of_scores_never_change(void)
{
    static const uint64_t want_keys[] = {144, 52, 61, 188, 63, 34};
    static const double want_scores[] = {0x1.de8e553b1p+5, 0x1.3bd9b13ep+5, 0x1.b92d0a247p+4,
                                         0x1.83b1a993ep+4, 0x1.71937c8ep+4, 0x1.2425e1d22p+4};
    struct world world = random_world(11);
    uint64_t keys[VIDEOS];
    double scores[VIDEOS];
    shuffle_keys(&world, keys);
    score_by_retrieval(keys, scores);
    struct rank_request request = plain_request(keys, VIDEOS);
    request.retrieval_scores = scores;
    request.limit = 6;
    request.now_ms = NOW_MS + DAY_MS;
    struct rank_result result = run(&world, &request);
    check_keys(&request, &result, want_keys, 6);
    for (size_t i = 0; i < 6; i++) {
        CHECK(same_bits(want_scores[i], result.scores[i]));
    }
    end_world(&world);
}

static void dropped_candidates_say_why_only_when_asked(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    put_video(&world, plain_video(2));
    struct video_facts risky = plain_video(3);
    risky.safety = SAFETY_HIGH;
    put_video(&world, risky);
    const uint64_t keys[] = {1, 3, 2, 1, 9};
    struct rank_request request = plain_request(keys, 5);
    request.limit = 1;
    CHECK(run(&world, &request).details == NULL);
    request.explain = true;
    struct rank_result result = run(&world, &request);
    CHECK_EQ(4, result.dropped_count);
    CHECK_STR("rated high risk; hi-IN shows at most medium risk", result.details[0]);
    CHECK_STR("it would stand at position 2; the limit is 1", result.details[1]);
    CHECK_STR("candidate 0 is the same video; this is candidate 3", result.details[2]);
    CHECK_STR("the catalogue has no such video", result.details[3]);
    end_world(&world);
}

static void seen_videos_stay_out_of_every_request_where_the_policy_says_so(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    send(&world, 1, 1, SIGNAL_IMPRESSION, 0);
    const uint64_t keys[] = {1};
    struct rank_request request = plain_request(keys, 1);
    CHECK_EQ(1, run(&world, &request).count);
    world.model.seen_always = true;
    struct rank_result result = run(&world, &request);
    CHECK_EQ(0, result.count);
    CHECK_EQ(DROP_SEEN, result.dropped_rules[0]);
    request.user_key = 2;
    CHECK_EQ(1, run(&world, &request).count);
    end_world(&world);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(dropped_candidates_say_why_only_when_asked),
        TEST(seen_videos_stay_out_of_every_request_where_the_policy_says_so),
        TEST(every_candidate_is_in_order_or_dropped_once),
        TEST(no_candidates_give_an_empty_slate),
        TEST(one_candidate_is_the_slate),
        TEST(the_largest_request_fits_four_mebibytes_with_its_explanation),
        TEST(what_is_past_the_limit_is_dropped_as_such),
        TEST(repeats_and_unknown_candidates_are_dropped),
        TEST(policy_decides_before_scores_do),
        TEST(by_retrieval_policy_holds_and_the_retrieval_score_orders),
        TEST(by_retrieval_equal_and_extreme_scores_are_ordered),
        TEST(seen_videos_are_left_out_for_as_long_as_the_model_says),
        TEST(the_order_of_candidates_matters_for_ties_only),
        TEST(equal_videos_keep_the_order_of_the_request),
        TEST(a_liked_creators_video_rises),
        TEST(not_interested_lowers_the_creators_videos),
        TEST(not_interested_lowers_the_category_of_other_creators),
        TEST(languages_rank_by_how_well_they_suit),
        TEST(a_learnt_language_suits_as_much_as_it_is_liked),
        TEST(a_creators_second_video_comes_later),
        TEST(a_rate_is_the_mean_of_prior_and_counts),
        TEST(more_hits_than_views_count_as_all),
        TEST(taste_moves_the_odds),
        TEST(watch_time_counts_by_its_quantile_among_videos_as_long),
        TEST(multipliers_read_the_features_of_the_catalogue),
        TEST(what_is_unknown_gives_no_feature),
        TEST(a_video_from_the_future_is_as_fresh_as_can_be),
        TEST(a_discount_lowers_a_video_of_negative_value),
        TEST(no_discount_raises_any_video),
        TEST(explanations_sum_to_the_score_and_change_no_bit_of_it),
        TEST(an_explanation_lists_the_features_that_are_read),
        TEST(the_largest_weights_stay_within_bounds_and_add_up),
        TEST(every_term_has_a_name_of_its_own),
        TEST(every_budget_gives_no_memory_or_the_same_bytes),
        TEST(totals_of_terms_take_no_memory),
        TEST(the_bits_of_scores_never_change),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
