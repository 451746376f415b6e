#include "ranker/features.h"

#include <math.h>
#include <stdlib.h>

#include "tests/ranker/world.h"
#include "tests/test.h"

/* 2024-01-01 06:00 UTC, when a tick of the statistics begins. */
static const int64_t NOW_MS = INT64_C(1704088800000);
static const int64_t MINUTE_MS = 60000;
static const int64_t HOUR_MS = 3600000;

/* Head follow weighs every feature with 0, so that explanations list them all. */
static struct world new_world(void)
{
    static struct feature_weight weights[FEATURE_COUNT];
    struct model model = worthless_model();
    model.rate_half_life = HALF_LIFE_1_DAY;
    model.popularity_half_life = HALF_LIFE_30_MIN;
    model.language_strength = 40;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        weights[i].feature = i;
    }
    model.heads[HEAD_FOLLOW].kind = HEAD_KIND_LINEAR;
    model.heads[HEAD_FOLLOW].affinity = 0;
    model.heads[HEAD_FOLLOW].weight_count = FEATURE_COUNT;
    model.heads[HEAD_FOLLOW].weights = weights;
    model.value[HEAD_FOLLOW] = 1;
    return world_of(model);
}

/* By user 1 in hi-IN, age_ms before now. */
static void act(struct world *world, uint64_t video, enum signal_type type, int64_t age_ms)
{
    send_signal(world, (struct signal){.user_key = 1,
                                       .video_key = video,
                                       .type = type,
                                       .time_ms = NOW_MS - age_ms,
                                       .locale = {.language = HINDI, .region = INDIA}});
}

/* By count users of their own, from first_user on. */
static void crowd(struct world *world, uint64_t first_user, size_t count, enum signal_type type,
                  struct locale locale, int64_t age_ms)
{
    for (uint64_t user = first_user; user < first_user + count; user++) {
        send_signal(world, (struct signal){.user_key = user,
                                           .video_key = 1,
                                           .type = type,
                                           .time_ms = NOW_MS - age_ms,
                                           .locale = locale});
    }
}

static const uint64_t first_key[] = {1};

/* By user 1, for video 1 alone. */
static struct rank_request plain_request(void)
{
    return (struct rank_request){
        .user_key = 1,
        .locale = {.language = HINDI, .region = INDIA},
        .age_years = 30,
        .keys = first_key,
        .count = 1,
        .explain = true,
        .now_ms = NOW_MS,
    };
}

/* The feature of the request's only candidate. */
static double value_for(struct world *world, struct rank_request request, enum feature feature)
{
    struct rank_result result = run(world, &request);
    CHECK_EQ(1, result.count);
    CHECK_EQ(FEATURE_COUNT, result.feature_count);
    CHECK_EQ(feature, result.features[feature]);
    return result.feature_values[feature];
}

static double value(struct world *world, enum feature feature)
{
    return value_for(world, plain_request(), feature);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

/* ---- the catalogue ---- */

static void facts_of_the_catalogue_are_features(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.published_ms = NOW_MS - 36 * HOUR_MS;
    facts.duration_ms = 61500;
    facts.quality = 0.75F;
    facts.curated = CURATED_FEATURED;
    facts.premium = true;
    facts.creator_region = INDIA;
    put_video(&world, facts);
    CHECK(near(sqrt(0.125), value(&world, FEATURE_FRESHNESS))); /* 2^-1.5 */
    CHECK(near(36, value(&world, FEATURE_AGE_HOURS)));
    CHECK(near(61.5, value(&world, FEATURE_DURATION_S)));
    CHECK(near(4, value(&world, FEATURE_DURATION_BUCKET))); /* over 60 s, up to 2 min */
    CHECK(near(0.75, value(&world, FEATURE_QUALITY)));
    CHECK(near(1, value(&world, FEATURE_CURATED)));
    CHECK(near(1, value(&world, FEATURE_PREMIUM)));
    CHECK(near(1, value(&world, FEATURE_LOCAL_CREATOR)));
    end_world(&world);
}

static void what_the_catalogue_does_not_say_is_missing_or_zero(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.duration_ms = 0;
    put_video(&world, facts);
    CHECK(isnan(value(&world, FEATURE_AGE_HOURS)));
    CHECK(isnan(value(&world, FEATURE_DURATION_S)));
    CHECK(isnan(value(&world, FEATURE_QUALITY)));
    CHECK(isnan(value(&world, FEATURE_WATCH_QUANTILE)));
    CHECK(isnan(value(&world, FEATURE_SOURCE)));
    CHECK(near(0, value(&world, FEATURE_FRESHNESS)));
    CHECK(near(8, value(&world, FEATURE_DURATION_BUCKET)));
    CHECK(near(0, value(&world, FEATURE_CURATED)));
    CHECK(near(0, value(&world, FEATURE_LOCAL_CREATOR)));
    end_world(&world);
}

static void a_video_still_to_come_has_no_age(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.published_ms = NOW_MS + HOUR_MS;
    put_video(&world, facts);
    CHECK(near(0, value(&world, FEATURE_AGE_HOURS)));
    CHECK(near(1, value(&world, FEATURE_FRESHNESS)));
    end_world(&world);
}

/* ---- statistics ---- */

/*
 * Views: 16 in hi-IN now and 8 half an hour ago, 8 in ta-IN and 10 in ru-RU now. Likes: 4, 2 and 3
 * of those seen now.
 */
static void put_crowds(struct world *world)
{
    static const struct locale hi_in = {.language = HINDI, .region = INDIA};
    static const struct locale ta_in = {.language = TAMIL, .region = INDIA};
    static const struct locale ru_ru = {.language = RUSSIAN, .region = RUSSIA};
    put_video(world, plain_video(1));
    crowd(world, 100, 8, SIGNAL_IMPRESSION, hi_in, 30 * MINUTE_MS);
    crowd(world, 200, 16, SIGNAL_IMPRESSION, hi_in, 0);
    crowd(world, 300, 8, SIGNAL_IMPRESSION, ta_in, 0);
    crowd(world, 400, 10, SIGNAL_IMPRESSION, ru_ru, 0);
    crowd(world, 200, 4, SIGNAL_LIKE, hi_in, 0);
    crowd(world, 300, 2, SIGNAL_LIKE, ta_in, 0);
    crowd(world, 400, 3, SIGNAL_LIKE, ru_ru, 0);
}

static void popularity_counts_each_scope_in_each_half_life(void)
{
    struct world world = new_world();
    put_crowds(&world);
    static const struct {
        enum feature feature;
        double views;
    } want[] = {
        {FEATURE_POPULARITY, 38},
        {FEATURE_POPULARITY_GLOBAL_30M, 4 + 16 + 8 + 10},
        {FEATURE_POPULARITY_GLOBAL_1D, 8 + 16 + 8 + 10},
        {FEATURE_POPULARITY_REGION_30M, 4 + 16 + 8},
        {FEATURE_POPULARITY_REGION_1D, 8 + 16 + 8},
        {FEATURE_POPULARITY_REGION_14D, 8 + 16 + 8},
        {FEATURE_POPULARITY_LANGUAGE_30M, 4 + 16},
        {FEATURE_POPULARITY_LANGUAGE_1D, 8 + 16},
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        double popularity = want[i].views / (want[i].views + 100);
        CHECK(near(popularity, value(&world, want[i].feature)));
    }
    CHECK(near(10.0 / (10 + 42), value(&world, FEATURE_NEW_VIDEO))); /* rate_half_life: 1d */
    end_world(&world);
}

static void rates_shrink_from_the_language_to_the_region_to_everyone(void)
{
    struct world world = new_world();
    put_crowds(&world);
    double global = (9 + 10 * 0.25) / (42 + 10);
    double region = (6 + 20 * global) / (32 + 20);
    double language = (4 + 40 * region) / (24 + 40);
    CHECK(near(global, value(&world, FEATURE_LIKE_RATE_GLOBAL_1D)));
    CHECK(near(region, value(&world, FEATURE_LIKE_RATE_REGION_1D)));
    CHECK(near(language, value(&world, FEATURE_LIKE_RATE_LANGUAGE_1D)));
    global = (9 + 10 * 0.25) / (38 + 10);
    region = (6 + 20 * global) / (28 + 20);
    language = (4 + 40 * region) / (20 + 40);
    CHECK(near(language, value(&world, FEATURE_LIKE_RATE_LANGUAGE_30M)));
    global = 10 * 0.25 / (42 + 10);
    region = 20 * global / (32 + 20);
    CHECK(near(region, value(&world, FEATURE_SHARE_RATE_REGION_14D)));
    end_world(&world);
}

/* 30 minutes later all of 30m counts half, and the oldest a quarter. */
static void counts_decay_until_now(void)
{
    struct world world = new_world();
    put_crowds(&world);
    struct rank_request request = plain_request();
    request.now_ms = NOW_MS + 30 * MINUTE_MS;
    double views = 2 + 8 + 4;
    CHECK(near(views / (views + 100), value_for(&world, request, FEATURE_POPULARITY_REGION_30M)));
    double global = (4.5 + 10 * 0.25) / (19 + 10);
    CHECK(near((3 + 20 * global) / (14 + 20),
               value_for(&world, request, FEATURE_LIKE_RATE_REGION_30M)));
    end_world(&world);
}

static void where_nobody_looked_the_wider_rate_holds(void)
{
    struct world world = new_world();
    put_crowds(&world);
    struct rank_request request = plain_request();
    request.locale = (struct locale){.language = URDU};
    double global = (9 + 10 * 0.25) / (42 + 10);
    CHECK(near(global, value_for(&world, request, FEATURE_LIKE_RATE_GLOBAL_1D)));
    CHECK(near(global, value_for(&world, request, FEATURE_LIKE_RATE_REGION_1D)));
    CHECK(near(global, value_for(&world, request, FEATURE_LIKE_RATE_LANGUAGE_1D)));
    CHECK(near(0, value_for(&world, request, FEATURE_POPULARITY_REGION_1D)));
    CHECK(near(0, value_for(&world, request, FEATURE_POPULARITY_LANGUAGE_1D)));
    end_world(&world);
}

/* The probability of a like without taste is the smoothed rate of the model's scope. */
static void a_rate_head_counts_the_scope_of_the_model(void)
{
    static const enum feature rates[] = {FEATURE_LIKE_RATE_GLOBAL_1D, FEATURE_LIKE_RATE_REGION_1D,
                                         FEATURE_LIKE_RATE_LANGUAGE_1D};
    struct world world = new_world();
    put_crowds(&world);
    struct rank_request request = plain_request();
    for (unsigned scope = 0; scope < 3; scope++) {
        world.model.rate_scope = scope;
        double rate = value(&world, rates[scope]);
        struct rank_result result = run(&world, &request);
        CHECK(near(rate, result.terms[HEAD_LIKE].input));
    }
    end_world(&world);
}

/* A follow is worth 4 / 5, and 4 / 9 in all: the odds times 2^(4/9). */
static void taste_moves_the_odds_of_a_regions_rate(void)
{
    struct world world = new_world();
    put_crowds(&world);
    struct video_facts facts = plain_video(2);
    facts.creator_key = plain_video(1).creator_key;
    facts.languages[0] = TAMIL;
    facts.duration_ms = 100000;
    put_video(&world, facts);
    act(&world, 2, SIGNAL_FOLLOW_CREATOR, 0);
    world.model.rate_scope = RATE_SCOPE_REGION;
    double rate = value(&world, FEATURE_LIKE_RATE_REGION_1D);
    double odds = rate / (1 - rate) * pow(2, 4.0 / 9);
    struct rank_request request = plain_request();
    CHECK(near(odds / (1 + odds), run(&world, &request).terms[HEAD_LIKE].input));
    end_world(&world);
}

/* Thirty views of 1 s, ten of 15 s, five of these of video 1: (30 + 10 / 2) / 40. */
static void the_watch_quantile_is_among_videos_as_long(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    put_video(&world, plain_video(2));
    for (uint64_t user = 100; user < 140; user++) {
        send_signal(&world, (struct signal){.user_key = user,
                                            .video_key = user < 105 ? 1 : 2,
                                            .type = SIGNAL_WATCH,
                                            .watch_ms = user < 110 ? 15000 : 1000,
                                            .time_ms = NOW_MS,
                                            .locale = {.language = HINDI, .region = INDIA}});
    }
    CHECK(near(35.0 / 40, value(&world, FEATURE_WATCH_QUANTILE)));
    end_world(&world);
}

static void only_tiers_that_exist_count(void)
{
    static const struct {
        uint8_t tier;
        double want;
    } cases[] = {
        {CURATED_NONE, 0}, {CURATED_APPROVED, 0.5}, {CURATED_FEATURED, 1}, {3, 0}, {255, 0}};
    struct world world = new_world();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct video_facts facts = plain_video(1);
        facts.curated = cases[i].tier;
        put_video(&world, facts);
        CHECK(near(cases[i].want, value(&world, FEATURE_CURATED)));
    }
    end_world(&world);
}

/* ---- the user against the video ---- */

static void affinities_are_means_of_each_kind(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(2);
    facts.category_keys[0] = 7;
    facts.tag_keys[0] = 70;
    facts.languages[1] = TAMIL;
    put_video(&world, facts);
    act(&world, 2, SIGNAL_LIKE, 0); /* +2 for each: 2 / 3 */
    facts = plain_video(1);
    facts.category_keys[0] = 8;
    facts.category_keys[1] = 7;
    facts.tag_keys[0] = 70;
    facts.tag_keys[1] = 71;
    facts.tag_keys[2] = 72;
    put_video(&world, facts);
    CHECK(near(0, value(&world, FEATURE_AFFINITY_CREATOR)));
    CHECK(near(1.0 / 3, value(&world, FEATURE_AFFINITY_CATEGORY)));
    CHECK(near(2.0 / 9, value(&world, FEATURE_AFFINITY_TAG)));
    CHECK(near(2.0 / 3, value(&world, FEATURE_AFFINITY_LANGUAGE)));
    CHECK(near(2.0 / 3, value(&world, FEATURE_AFFINITY_DURATION)));
    double sum = 1.0 / 3 + 2.0 / 9 + 2.0 / 3 + 2.0 / 3;
    CHECK(near(sum / (1 + sum), value(&world, FEATURE_TASTE)));
    end_world(&world);
}

/* A like gives each tag of video 2 2 / 3; video 1 shares one of each number of tags up to all. */
static void affinity_of_tags_is_a_mean_over_however_many(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(2);
    facts.tag_keys[0] = 70;
    put_video(&world, facts);
    act(&world, 2, SIGNAL_LIKE, 0);
    facts = plain_video(1);
    for (unsigned count = 1; count <= LIMIT_VIDEO_TAGS; count++) {
        facts.tag_keys[count - 1] = 70;
        put_video(&world, facts);
        CHECK(near(2.0 / 3 / count, value(&world, FEATURE_AFFINITY_TAG)));
        facts.tag_keys[count - 1] = 100 + count;
    }
    end_world(&world);
}

/* Rows hold the low 32 bits of keys; those of one key are 0, which ends the list. */
static void key_of_32_zero_bits_ends_a_list(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(2);
    facts.category_keys[0] = 7;
    facts.tag_keys[0] = 70;
    put_video(&world, facts);
    act(&world, 2, SIGNAL_LIKE, 0);
    facts = plain_video(1);
    facts.category_keys[0] = 8;
    facts.category_keys[1] = UINT64_C(1) << 32;
    facts.category_keys[2] = 7;
    facts.tag_keys[0] = 70;
    facts.tag_keys[1] = UINT64_C(1) << 32;
    facts.tag_keys[2] = 70;
    facts.tag_keys[4] = 70;
    put_video(&world, facts);
    CHECK(near(0, value(&world, FEATURE_AFFINITY_CATEGORY)));
    CHECK(near(2.0 / 3, value(&world, FEATURE_AFFINITY_TAG)));
    CHECK(near(0, value(&world, FEATURE_FATIGUE_CATEGORY)));
    end_world(&world);
}

/* A skip -0.5, not interested -4, hiding the creator -8 there alone. */
static void negative_evidence_lowers_affinities(void)
{
    struct world world = new_world();
    struct video_facts facts = plain_video(1);
    facts.category_keys[0] = 7;
    put_video(&world, facts);
    facts.key = 2;
    put_video(&world, facts);
    act(&world, 2, SIGNAL_SKIP, 0);
    CHECK(near(-0.5 / 1.5, value(&world, FEATURE_AFFINITY_CREATOR)));
    act(&world, 2, SIGNAL_NOT_INTERESTED, 0);
    CHECK(near(-4.5 / 5.5, value(&world, FEATURE_AFFINITY_CREATOR)));
    CHECK(near(-4.5 / 5.5, value(&world, FEATURE_AFFINITY_CATEGORY)));
    end_world(&world);
}

static void follows_and_views_are_features(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    CHECK(near(0, value(&world, FEATURE_FOLLOWS_CREATOR)));
    CHECK(near(0, value(&world, FEATURE_SEEN_BEFORE)));
    act(&world, 1, SIGNAL_FOLLOW_CREATOR, 0);
    act(&world, 1, SIGNAL_IMPRESSION, 0);
    CHECK(near(1, value(&world, FEATURE_FOLLOWS_CREATOR)));
    CHECK(near(1, value(&world, FEATURE_SEEN_BEFORE)));
    end_world(&world);
}

/* Heads may read what no multiplier and no request asks for. */
static void a_head_alone_may_read_what_was_seen(void)
{
    static const struct feature_weight weights[] = {{FEATURE_SEEN_BEFORE, 0.5},
                                                    {FEATURE_FATIGUE_CREATOR, 3}};
    struct world world = new_world();
    put_video(&world, plain_video(1));
    act(&world, 1, SIGNAL_IMPRESSION, 0);
    world.model.heads[HEAD_FOLLOW].weights = weights;
    world.model.heads[HEAD_FOLLOW].weight_count = 2;
    struct rank_request request = plain_request();
    request.explain = false;
    CHECK(fabs(0.25 + 1 - run(&world, &request).scores[0]) < 1e-9); /* 0.5 + 3 * 1 / 6 */
    end_world(&world);
}

/* ---- languages ---- */

static void put_language(struct world *world, uint16_t spoken, uint16_t captions)
{
    struct video_facts facts = plain_video(1);
    facts.languages[0] = spoken;
    facts.caption_languages[0] = captions;
    put_video(world, facts);
}

static void usual_languages_count_for_those_of_whom_little_is_known(void)
{
    struct world world = new_world();
    world.model.languages[0] = (struct language_confidence){TAMIL, 0.6};
    world.model.languages[1] = (struct language_confidence){HINDI, 0.9};
    world.model.language_count = 2;
    put_language(&world, TAMIL, 0);
    CHECK(near(0.6, value(&world, FEATURE_LANGUAGE_MATCH)));
    put_language(&world, URDU, TAMIL);
    CHECK(near(0.3, value(&world, FEATURE_LANGUAGE_MATCH)));
    put_language(&world, URDU, 0);
    CHECK(near(0, value(&world, FEATURE_LANGUAGE_MATCH)));
    put_language(&world, HINDI, 0);
    CHECK(near(1, value(&world, FEATURE_LANGUAGE_MATCH))); /* declared is more */
    for (unsigned i = 0; i < 60; i++) {
        act(&world, 5, SIGNAL_IMPRESSION, 0);
    }
    put_language(&world, TAMIL, 0);
    CHECK(near(0.6 * 20 / (20 + 60), value(&world, FEATURE_LANGUAGE_MATCH)));
    end_world(&world);
}

static void the_best_of_all_languages_matches(void)
{
    struct world world = new_world();
    struct rank_request request = plain_request();
    request.languages[0] = RUSSIAN;
    request.language_count = 1;
    world.model.languages[0] = (struct language_confidence){RUSSIAN, 1};
    world.model.languages[1] = (struct language_confidence){URDU, 0.7};
    world.model.language_count = 2;
    put_language(&world, URDU, RUSSIAN);
    CHECK(near(0.7, value_for(&world, request, FEATURE_LANGUAGE_MATCH)));
    put_language(&world, RUSSIAN, URDU);
    CHECK(near(1, value_for(&world, request, FEATURE_LANGUAGE_MATCH)));
    world.model.language_count = 0;
    CHECK(near(0.8, value_for(&world, request, FEATURE_LANGUAGE_MATCH)));
    put_language(&world, URDU, RUSSIAN);
    CHECK(near(0.4, value_for(&world, request, FEATURE_LANGUAGE_MATCH)));
    end_world(&world);
}

/* ---- the request ---- */

static void sources_have_the_worth_the_model_gives_them(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    world.model.sources[0] = (struct source_value){11, 0.25};
    world.model.sources[1] = (struct source_value){22, 0.75};
    world.model.source_count = 2;
    struct rank_request request = plain_request();
    static const uint64_t keys[] = {0, 11, 22, 33};
    static const double worths[] = {NAN, 0.25, 0.75, 0};
    for (unsigned i = 0; i < 4; i++) {
        request.source_keys = &keys[i];
        double got = value_for(&world, request, FEATURE_SOURCE);
        CHECK(isnan(worths[i]) ? isnan(got) : near(worths[i], got));
    }
    world.model.multipliers[MULTIPLIER_SOURCE] = 2;
    request.source_keys = &keys[2];
    CHECK(near(0.25 * (1 + 2 * 0.75), run(&world, &request).scores[0]));
    end_world(&world);
}

static void retrieval_is_squashed(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    struct rank_request request = plain_request();
    static const double scores[] = {3, -2};
    request.retrieval_scores = &scores[0];
    CHECK(near(0.75, value_for(&world, request, FEATURE_RETRIEVAL)));
    request.retrieval_scores = &scores[1];
    CHECK(near(0, value_for(&world, request, FEATURE_RETRIEVAL)));
    end_world(&world);
}

static void a_user_is_new_until_signals_come(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    struct rank_request request = plain_request();
    CHECK(near(1, value(&world, FEATURE_NEW_USER)));
    for (unsigned i = 0; i < 5; i++) {
        act(&world, 1, SIGNAL_IMPRESSION, 0);
    }
    CHECK(near(20.0 / 25, value(&world, FEATURE_NEW_USER)));
    request.user_key = 0;
    CHECK(near(1, value_for(&world, request, FEATURE_NEW_USER)));
    end_world(&world);
}

/* Seen 100, 60, 40, 20 and 0 minutes ago: the gap of 40 min ends the session. */
static void a_session_is_what_was_seen_without_a_gap(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    CHECK(near(0, value(&world, FEATURE_SESSION_DEPTH)));
    static const int64_t ages[] = {100, 60, 40, 20, 0};
    for (uint64_t i = 0; i < 5; i++) {
        act(&world, 10 + i, SIGNAL_IMPRESSION, ages[i] * MINUTE_MS);
    }
    CHECK(near(4, value(&world, FEATURE_SESSION_DEPTH)));
    struct rank_request request = plain_request();
    request.now_ms = NOW_MS + 30 * MINUTE_MS - 1;
    CHECK(near(4, value_for(&world, request, FEATURE_SESSION_DEPTH)));
    request.now_ms = NOW_MS + 30 * MINUTE_MS;
    CHECK(near(0, value_for(&world, request, FEATURE_SESSION_DEPTH)));
    request.now_ms = NOW_MS - 60 * MINUTE_MS; /* views to come are now */
    CHECK(near(4, value_for(&world, request, FEATURE_SESSION_DEPTH)));
    end_world(&world);
}

/* Now is 06:00 UTC: a quarter of the day. */
static void the_hour_is_a_point_on_a_circle(void)
{
    static const struct {
        int utc_offset_minutes;
        double hour;
    } want[] = {{0, 6}, {360, 12}, {-360, 0}, {330, 11.5}, {-720, 18}, {840, 20}};
    struct world world = new_world();
    put_video(&world, plain_video(1));
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        world.model.utc_offset_minutes = want[i].utc_offset_minutes;
        CHECK(near(sin(M_PI * want[i].hour / 12), value(&world, FEATURE_HOUR_SIN)));
        CHECK(near(cos(M_PI * want[i].hour / 12), value(&world, FEATURE_HOUR_COS)));
    }
    end_world(&world);
}

static void local_time_before_1970_is_a_time_of_day_too(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    world.model.utc_offset_minutes = -360;
    struct rank_request request = plain_request();
    request.now_ms = 1;
    CHECK(fabs(-1 - value_for(&world, request, FEATURE_HOUR_SIN)) < 1e-9);
    end_world(&world);
}

/* ---- fatigue ---- */

/* Videos 11 to 13 by the creator of video 1, seen now, 6 h and 12 h ago: 1 + 1/2 + 1/4. */
static void put_seen_of_creator(struct world *world)
{
    put_video(world, plain_video(1));
    for (uint64_t i = 0; i < 3; i++) {
        struct video_facts facts = plain_video(11 + i);
        facts.creator_key = plain_video(1).creator_key;
        put_video(world, facts);
        act(world, 11 + i, SIGNAL_IMPRESSION, (int64_t)(2 - i) * 6 * HOUR_MS);
    }
}

static void fatigue_of_a_creator_heals_with_time(void)
{
    struct world world = new_world();
    put_seen_of_creator(&world);
    CHECK(near(1.75 / 6.75, value(&world, FEATURE_FATIGUE_CREATOR)));
    struct rank_request request = plain_request();
    double before = 1;
    for (int64_t hours = 0; hours <= 240; hours += 6) {
        request.now_ms = NOW_MS + hours * HOUR_MS;
        double fatigue = value_for(&world, request, FEATURE_FATIGUE_CREATOR);
        double seen = 1.75 * pow(0.5, (double)hours / 6);
        CHECK(near(seen / (seen + 5), fatigue));
        CHECK(fatigue < before);
        before = fatigue;
    }
    CHECK(before < 1e-9);
    request.user_key = 0;
    CHECK(near(0, value_for(&world, request, FEATURE_FATIGUE_CREATOR)));
    end_world(&world);
}

/* Category 7 seen twice, category 8 once, of a video that names 9 twice. */
static void fatigue_of_categories_is_that_of_the_one_seen_most(void)
{
    struct world world = new_world();
    for (uint64_t i = 0; i < 3; i++) {
        struct video_facts facts = plain_video(11 + i);
        facts.category_keys[0] = i < 2 ? 7 : 8;
        facts.category_keys[1] = 9;
        facts.category_keys[2] = i == 2 ? 9 : 0;
        put_video(&world, facts);
        act(&world, 11 + i, SIGNAL_IMPRESSION, 0);
    }
    struct video_facts facts = plain_video(1);
    facts.category_keys[0] = 8;
    put_video(&world, facts);
    CHECK(near(1.0 / 6, value(&world, FEATURE_FATIGUE_CATEGORY)));
    facts.category_keys[1] = 7;
    put_video(&world, facts);
    CHECK(near(2.0 / 7, value(&world, FEATURE_FATIGUE_CATEGORY)));
    facts.category_keys[2] = 9;
    put_video(&world, facts);
    CHECK(near(3.0 / 8, value(&world, FEATURE_FATIGUE_CATEGORY)));
    CHECK(near(0, value(&world, FEATURE_FATIGUE_CREATOR)));
    end_world(&world);
}

/* The first 6 of 70 videos by the creator are too long ago; a video nobody knows counts nowhere. */
static void fatigue_looks_at_the_64_videos_seen_last(void)
{
    struct world world = new_world();
    put_video(&world, plain_video(1));
    for (uint64_t i = 0; i < 70; i++) {
        struct video_facts facts = plain_video(100 + i);
        facts.creator_key = plain_video(1).creator_key;
        put_video(&world, facts);
        act(&world, 100 + i, SIGNAL_IMPRESSION, 0);
    }
    CHECK(near(64.0 / 69, value(&world, FEATURE_FATIGUE_CREATOR)));
    act(&world, 5000, SIGNAL_IMPRESSION, 0);
    CHECK(near(63.0 / 68, value(&world, FEATURE_FATIGUE_CREATOR)));
    end_world(&world);
}

static void a_fatigue_multiplier_lowers_a_creator_seen_too_much(void)
{
    struct world world = new_world();
    put_seen_of_creator(&world);
    put_video(&world, plain_video(2));
    world.model.multipliers[MULTIPLIER_FATIGUE_CREATOR] = -0.5;
    static const uint64_t keys[] = {1, 2};
    struct rank_request request = plain_request();
    request.keys = keys;
    request.count = 2;
    request.explain = false;
    struct rank_result result = run(&world, &request);
    CHECK_EQ(1, result.order[0]);
    CHECK(fabs(0.25 - result.scores[0]) < 1e-9);
    CHECK(fabs(0.25 * (1 - 0.5 * 1.75 / 6.75) - result.scores[1]) < 1e-9);
    end_world(&world);
}

/* ---- newcomers ---- */

/* A model as one would write it, with something of all. */
static void use_a_usual_model(struct world *world)
{
    struct model *model = &world->model;
    model->heads[HEAD_FOLLOW] = (struct head_model){.prior = 0.25, .strength = 10};
    model->value[HEAD_FOLLOW] = 1;
    model->value[HEAD_LIKE] = 4;
    model->value[HEAD_SKIP] = -1;
    model->multipliers[MULTIPLIER_FRESHNESS] = 0.5;
    model->multipliers[MULTIPLIER_LANGUAGE_MATCH] = 3;
    model->multipliers[MULTIPLIER_SEEN_BEFORE] = -0.5;
    model->multipliers[MULTIPLIER_FATIGUE_CREATOR] = -0.5;
    model->rate_scope = RATE_SCOPE_LANGUAGE;
}

/* 4 and 3 are fresh, 4 and 2 are liked, 5 is all of it in a foreign language. */
static void a_new_user_gets_language_first_then_rates_and_freshness(void)
{
    struct world world = new_world();
    use_a_usual_model(&world);
    for (uint64_t key = 1; key <= 5; key++) {
        struct video_facts facts = plain_video(key);
        facts.languages[0] = key == 5 ? URDU : HINDI;
        facts.published_ms = NOW_MS - (key >= 3 ? 1 : 20 * 24) * HOUR_MS;
        put_video(&world, facts);
        for (uint64_t user = 100; user < 140; user++) {
            struct signal signal = {.user_key = user,
                                    .video_key = key,
                                    .type = SIGNAL_IMPRESSION,
                                    .time_ms = NOW_MS,
                                    .locale = {.language = HINDI, .region = INDIA}};
            send_signal(&world, signal);
            signal.type = key % 2 == 0 || key == 5 ? SIGNAL_LIKE : SIGNAL_SKIP;
            send_signal(&world, signal);
        }
    }
    static const uint64_t keys[] = {1, 2, 3, 4, 5};
    struct rank_request request = plain_request();
    request.keys = keys;
    request.count = 5;
    struct rank_result result = run(&world, &request);
    for (size_t i = 0; i < 5; i++) {
        CHECK(isfinite(result.scores[i]));
    }
    static const uint64_t want[] = {4, 2, 5, 3, 1};
    CHECK_EQ(want[0], keys[result.order[0]]);
    CHECK_EQ(want[1], keys[result.order[1]]);
    size_t place[6];
    for (size_t i = 0; i < 5; i++) {
        place[keys[result.order[i]]] = i;
    }
    CHECK(place[4] < place[5]); /* language, all else equal */
    CHECK(place[4] < place[2]); /* freshness */
    CHECK(place[4] < place[3]); /* rates */
    CHECK(place[3] < place[1]);
    end_world(&world);
}

/* Video 2 is liked by all who see it, 3 skipped by all, 1 not seen yet. */
static void a_video_without_views_is_neither_best_nor_worst(void)
{
    for (unsigned scope = 0; scope < 3; scope++) {
        struct world world = new_world();
        use_a_usual_model(&world);
        world.model.rate_scope = scope;
        for (uint64_t key = 1; key <= 3; key++) {
            put_video(&world, plain_video(key));
        }
        for (uint64_t user = 100; user < 150; user++) {
            struct signal signal = {.user_key = user,
                                    .video_key = 2,
                                    .type = SIGNAL_IMPRESSION,
                                    .time_ms = NOW_MS,
                                    .locale = {.language = HINDI, .region = INDIA}};
            send_signal(&world, signal);
            signal.type = SIGNAL_LIKE;
            send_signal(&world, signal);
            signal.video_key = 3;
            signal.type = SIGNAL_IMPRESSION;
            send_signal(&world, signal);
            signal.type = SIGNAL_SKIP;
            send_signal(&world, signal);
        }
        static const uint64_t keys[] = {1, 2, 3};
        struct rank_request request = plain_request();
        request.keys = keys;
        request.count = 3;
        struct rank_result result = run(&world, &request);
        CHECK_EQ(2, keys[result.order[0]]);
        CHECK_EQ(1, keys[result.order[1]]);
        CHECK_EQ(3, keys[result.order[2]]);
        end_world(&world);
    }
}

/* ---- bounds ---- */

enum { VIDEOS = 120, USERS = 5 };

static void put_random_video(struct world *world, uint64_t key)
{
    struct video_facts facts = plain_video(key);
    facts.creator_key = next_random(world) % 12;
    facts.languages[0] = (uint16_t)(HINDI + next_random(world) % 2);
    facts.caption_languages[0] = (uint16_t)(next_random(world) % 2 * HINDI);
    for (unsigned i = 0; i < next_random(world) % 5; i++) {
        facts.category_keys[i] = 1 + next_random(world) % 6;
    }
    for (unsigned i = 0; i < next_random(world) % 9; i++) {
        facts.tag_keys[i] = 1 + next_random(world) % 20;
    }
    facts.duration_ms = (uint32_t)(next_random(world) % 3 * (next_random(world) % 86400001));
    facts.duration_ms = facts.duration_ms < 86400000 ? facts.duration_ms : 86400000;
    facts.published_ms = (int64_t)(next_random(world) % 3) * (NOW_MS / 2) + HOUR_MS;
    facts.published_ms = next_random(world) % 4 == 0 ? 0 : facts.published_ms;
    facts.creator_region = next_random(world) % 2 == 0 ? INDIA : 0;
    facts.curated = (uint8_t)(next_random(world) % 3);
    facts.premium = next_random(world) % 2 == 0;
    facts.quality = next_random(world) % 3 == 0 ? 0 : (float)next_unit(world);
    put_video(world, facts);
}

static void send_random_signal(struct world *world)
{
    send_signal(
        world, (struct signal){
                   .user_key = 1 + next_random(world) % USERS,
                   .video_key = 1 + next_random(world) % VIDEOS % (1 + next_random(world) % VIDEOS),
                   .type = SIGNAL_IMPRESSION + next_random(world) % (SIGNAL_TYPE_END - 1),
                   .watch_ms = (int64_t)(next_random(world) % 60000),
                   .time_ms = NOW_MS - (int64_t)(next_random(world) % 50) * HOUR_MS,
                   .locale = {.language = (uint16_t)(HINDI + next_random(world) % 2),
                              .region = next_random(world) % 2 == 0 ? INDIA : RUSSIA}});
}

/* Numbers from the ends of their ranges, and from between. */
static double random_from(struct world *world, double least, double most)
{
    uint64_t draw = next_random(world) % 4;
    if (draw < 2) {
        return draw == 0 ? least : most;
    }
    return least + (most - least) * next_unit(world);
}

static void randomize_model(struct world *world)
{
    struct model *model = &world->model;
    model->rate_half_life = next_random(world) % HALF_LIFE_COUNT;
    model->popularity_half_life = next_random(world) % HALF_LIFE_COUNT;
    model->popularity_scale = random_from(world, 1, 1e9);
    model->freshness_half_life_ms = random_from(world, 3600e3, 365 * 86400e3);
    model->new_video_views = random_from(world, 1, 1e6);
    model->rate_scope = next_random(world) % 3;
    model->region_strength = random_from(world, 0.1, 1e6);
    model->language_strength = random_from(world, 0.1, 1e6);
    model->fatigue_half_life_ms = random_from(world, 600e3, 30 * 86400e3);
    model->fatigue_scale = random_from(world, 0.1, 1e3);
    model->new_user_signals = random_from(world, 1, 1e6);
    model->utc_offset_minutes = (int)random_from(world, -720, 840);
    model->sources[0] = (struct source_value){7, next_unit(world)};
    model->source_count = (unsigned)(next_random(world) % 2);
    model->languages[0] = (struct language_confidence){HINDI + 1, next_unit(world)};
    model->language_count = (unsigned)(next_random(world) % 2);
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        model->affinity_weights[i] = random_from(world, 0, 10);
    }
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        model->heads[i].prior = random_from(world, 0.0001, 0.9999);
        model->heads[i].strength = random_from(world, 0.1, 1e6);
    }
}

static void check_bounds(const struct rank_result *result, size_t position)
{
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        const struct feature_facts *facts = feature_facts(i);
        double x = result->feature_values[position * FEATURE_COUNT + i];
        bool missing = isnan(x) && facts->missing != NULL;
        if (!missing && !(x >= facts->min && x <= facts->max)) {
            fprintf(stderr, "%s is %g, allowed: %g to %g\n", feature_name(i), x, facts->min,
                    facts->max);
            abort();
        }
    }
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        CHECK(isfinite(result->terms[position * TERM_COUNT + i].input));
    }
}

static struct rank_request random_request(struct world *world, uint64_t keys[VIDEOS],
                                          double scores[VIDEOS], uint64_t sources[VIDEOS])
{
    static const int64_t times[] = {1, INT64_C(1704088800000), INT64_C(1707000000000),
                                    LIMIT_TIME_MS};
    for (uint64_t i = 0; i < VIDEOS; i++) {
        keys[i] = 1 + i;
        scores[i] = random_from(world, -1e300, 1e300);
        sources[i] = next_random(world) % 3 * 7;
    }
    struct rank_request request = plain_request();
    request.keys = keys;
    request.count = VIDEOS;
    request.user_key = next_random(world) % (USERS + 2);
    request.retrieval_scores = next_random(world) % 2 == 0 ? scores : NULL;
    request.source_keys = next_random(world) % 2 == 0 ? sources : NULL;
    request.locale.region = next_random(world) % 4 == 0 ? 0 : INDIA;
    request.now_ms = times[next_random(world) % 4];
    return request;
}

static void every_feature_stays_within_its_documented_bounds(void)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world world = new_world();
        world.seed = seed;
        for (uint64_t key = 1; key <= VIDEOS; key++) {
            put_random_video(&world, key);
        }
        for (unsigned i = 0; i < 1500; i++) {
            send_random_signal(&world);
        }
        for (unsigned round = 0; round < 4; round++) {
            uint64_t keys[VIDEOS];
            double scores[VIDEOS];
            uint64_t sources[VIDEOS];
            randomize_model(&world);
            struct rank_request request = random_request(&world, keys, scores, sources);
            struct rank_result result = run(&world, &request);
            CHECK(result.count > 0);
            for (size_t i = 0; i < result.count; i++) {
                check_bounds(&result, i);
            }
        }
        end_world(&world);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(facts_of_the_catalogue_are_features),
        TEST(what_the_catalogue_does_not_say_is_missing_or_zero),
        TEST(a_video_still_to_come_has_no_age),
        TEST(popularity_counts_each_scope_in_each_half_life),
        TEST(rates_shrink_from_the_language_to_the_region_to_everyone),
        TEST(counts_decay_until_now),
        TEST(where_nobody_looked_the_wider_rate_holds),
        TEST(a_rate_head_counts_the_scope_of_the_model),
        TEST(taste_moves_the_odds_of_a_regions_rate),
        TEST(the_watch_quantile_is_among_videos_as_long),
        TEST(only_tiers_that_exist_count),
        TEST(affinities_are_means_of_each_kind),
        TEST(affinity_of_tags_is_a_mean_over_however_many),
        TEST(key_of_32_zero_bits_ends_a_list),
        TEST(negative_evidence_lowers_affinities),
        TEST(follows_and_views_are_features),
        TEST(a_head_alone_may_read_what_was_seen),
        TEST(usual_languages_count_for_those_of_whom_little_is_known),
        TEST(the_best_of_all_languages_matches),
        TEST(sources_have_the_worth_the_model_gives_them),
        TEST(retrieval_is_squashed),
        TEST(a_user_is_new_until_signals_come),
        TEST(a_session_is_what_was_seen_without_a_gap),
        TEST(the_hour_is_a_point_on_a_circle),
        TEST(local_time_before_1970_is_a_time_of_day_too),
        TEST(fatigue_of_a_creator_heals_with_time),
        TEST(fatigue_of_categories_is_that_of_the_one_seen_most),
        TEST(fatigue_looks_at_the_64_videos_seen_last),
        TEST(a_fatigue_multiplier_lowers_a_creator_seen_too_much),
        TEST(a_new_user_gets_language_first_then_rates_and_freshness),
        TEST(a_video_without_views_is_neither_best_nor_worst),
        TEST(every_feature_stays_within_its_documented_bounds),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
