#include "ranker/policy.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum {
    KEY = 77,
    CREATOR = 5,
    INDIA = 9 * 32 + 14,
    RUSSIA = 18 * 32 + 21,
    NOWHERE = 25 * 32 + 25, /* YY, which no country has */
    AMERICAS = 0x8000 | 19
};
enum { HINDI = (8 * 32 + 9) * 32, ENGLISH = (5 * 32 + 14) * 32, TAMIL = (20 * 32 + 1) * 32 };

/* A video that every rule lets pass, a user who hides nobody, and a request that tells all. */
struct scene {
    struct video_facts facts;
    struct videos *videos;
    struct model model;
    struct rank_request request;
    uint64_t hidden;
    struct user user;
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){
        .facts = {.key = KEY, .creator_key = CREATOR, .languages = {HINDI}, .safety = SAFETY_LOW},
        .videos = videos_new(),
        .model = {.safety_max = SAFETY_MEDIUM, .unknown_age = 13, .age_max = 21},
        .request = {.locale = {.language = HINDI, .region = INDIA}, .age_years = 30},
    };
    CHECK(scene->videos != NULL);
}

static struct video *put_video(struct scene *scene)
{
    CHECK_EQ(STATUS_OK, videos_put(scene->videos, &scene->facts));
    return videos_find(scene->videos, KEY);
}

static enum drop_rule judge_seen(struct scene *scene, const struct video *video,
                                 int64_t seen_age_ms)
{
    const struct policy_context context =
        policy_context(&scene->model, scene->videos, &scene->user, &scene->request);
    const struct policy_gate gate = policy_gate(&context);
    enum drop_rule rule = policy_judge(&context, video, seen_age_ms);
    if (policy_gate_passes(&gate, video)) {
        CHECK_EQ(DROP_NONE, policy_judge(&context, video, INT64_MAX));
    }
    return rule;
}

/* Whether the short way lets it through. */
static bool passes_gate(struct scene *scene, const struct video *video)
{
    const struct policy_context context =
        policy_context(&scene->model, scene->videos, &scene->user, &scene->request);
    const struct policy_gate gate = policy_gate(&context);
    return policy_gate_passes(&gate, video);
}

static enum drop_rule judge(struct scene *scene, const struct video *video)
{
    return judge_seen(scene, video, INT64_MAX);
}

static enum drop_rule judge_facts(struct scene *scene)
{
    enum drop_rule rule = judge(scene, put_video(scene));
    videos_free(scene->videos);
    return rule;
}

static void a_fit_video_passes(void)
{
    struct scene scene;
    scene_init(&scene);
    CHECK(passes_gate(&scene, put_video(&scene)));
    CHECK_EQ(DROP_NONE, judge_facts(&scene));
}

static void a_video_nobody_put_in_the_catalogue_is_unknown(void)
{
    struct scene scene;
    scene_init(&scene);
    CHECK_EQ(DROP_UNKNOWN_VIDEO, judge(&scene, NULL));
    struct video *row;
    CHECK_EQ(STATUS_OK, videos_add(scene.videos, 99, &row)); /* as a signal does */
    CHECK_EQ(DROP_UNKNOWN_VIDEO, judge(&scene, row));
    videos_free(scene.videos);
}

static void a_deleted_video_is_dropped(void)
{
    struct scene scene;
    scene_init(&scene);
    struct video *video = put_video(&scene);
    video->deleted = true;
    CHECK_EQ(DROP_DELETED, judge(&scene, video));
    videos_free(scene.videos);
}

static void an_unrated_video_is_dropped_unless_the_model_shows_it(void)
{
    for (unsigned safety = 0; safety <= SAFETY_UNRATED; safety++) {
        struct scene scene;
        scene_init(&scene);
        scene.facts.safety = (uint8_t)safety;
        struct video *video = put_video(&scene);
        CHECK_EQ(DROP_UNRATED, judge(&scene, video));
        scene.model.unrated_shown = true;
        CHECK_EQ(DROP_NONE, judge(&scene, video));
        videos_free(scene.videos);
    }
}

static void a_riskier_video_than_the_model_allows_is_dropped(void)
{
    for (int allowed = SAFETY_LOW; allowed <= SAFETY_FLOOR; allowed++) {
        for (int safety = SAFETY_LOW; safety <= SAFETY_FLOOR; safety++) {
            struct scene scene;
            scene_init(&scene);
            scene.facts.safety = (uint8_t)safety;
            scene.model.safety_max = allowed;
            CHECK_EQ(safety <= allowed ? DROP_NONE : DROP_SAFETY, judge_facts(&scene));
        }
    }
}

static void a_rating_out_of_range_is_dropped_whatever_the_model_shows(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.facts.safety = SAFETY_FLOOR + 1;
    scene.model.safety_max = SAFETY_FLOOR;
    scene.model.unrated_shown = true;
    CHECK_EQ(DROP_SAFETY, judge_facts(&scene));
}

static void the_minimum_age_counts(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.facts.minimum_age_years = 18;
    scene.request.age_years = 18;
    struct video *video = put_video(&scene);
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    scene.request.age_years = 17;
    CHECK_EQ(DROP_AGE, judge(&scene, video));
    videos_free(scene.videos);
}

static void an_unknown_age_is_the_assumed_one(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.facts.minimum_age_years = 13;
    scene.request.age_years = 0;
    struct video *video = put_video(&scene);
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    scene.model.unknown_age = 12;
    CHECK_EQ(DROP_AGE, judge(&scene, video));
    videos_free(scene.videos);
}

static void nothing_is_shown_for_people_older_than_the_model_allows(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.age_max = 16;
    scene.facts.minimum_age_years = 16;
    struct video *video = put_video(&scene);
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    video->minimum_age_years = 17;
    CHECK_EQ(DROP_AGE, judge(&scene, video));
    scene.model.age_max = 21;
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    video->minimum_age_years = 22; /* none that the contract allows */
    CHECK_EQ(DROP_AGE, judge(&scene, video));
    videos_free(scene.videos);
}

static void a_lower_tier_than_the_model_demands_is_dropped(void)
{
    for (int demanded = CURATED_NONE; demanded <= CURATED_FEATURED; demanded++) {
        for (int tier = CURATED_NONE; tier <= CURATED_FEATURED + 1; tier++) {
            struct scene scene;
            scene_init(&scene);
            scene.model.curated_min = demanded;
            scene.facts.curated = (uint8_t)tier;
            bool unknown = tier > CURATED_FEATURED;
            bool fit = demanded == CURATED_NONE || (tier >= demanded && !unknown);
            CHECK_EQ(fit ? DROP_NONE : DROP_CURATED, judge_facts(&scene));
        }
    }
}

static void a_forbidden_category_is_dropped_wherever_it_stands(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.forbidden_categories = (struct forbidden_names){.count = 3, .keys = {5, 7, 900}};
    struct video *video = put_video(&scene);
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        for (unsigned j = 0; j < 3; j++) {
            memset(video->category_keys, 0, sizeof(video->category_keys));
            video->category_keys[0] = 6;
            video->category_keys[i] = scene.model.forbidden_categories.keys[j];
            CHECK_EQ(DROP_CATEGORY, judge(&scene, video));
            video->category_keys[i] = 8;
            CHECK_EQ(DROP_NONE, judge(&scene, video));
        }
    }
    videos_free(scene.videos);
}

static void a_video_of_no_category_is_dropped_where_some_are_forbidden(void)
{
    struct scene scene;
    scene_init(&scene);
    struct video *video = put_video(&scene);
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    scene.model.forbidden_categories = (struct forbidden_names){.count = 1, .keys = {5}};
    CHECK_EQ(DROP_CATEGORY, judge(&scene, video));
    video->category_keys[0] = 6;
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    videos_free(scene.videos);
}

static void a_forbidden_tag_is_dropped_wherever_it_stands(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.forbidden_tags = (struct forbidden_names){.count = 2, .keys = {5, 7}};
    struct video *video = put_video(&scene);
    CHECK_EQ(DROP_NONE, judge(&scene, video)); /* no tags is a fact, not an unknown */
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        uint32_t keys[LIMIT_VIDEO_TAGS] = {0};
        keys[i] = 7;
        videos_set_tags(scene.videos, video, keys);
        CHECK_EQ(DROP_TAG, judge(&scene, video));
        keys[i] = 6;
        videos_set_tags(scene.videos, video, keys);
        CHECK_EQ(DROP_NONE, judge(&scene, video));
    }
    videos_free(scene.videos);
}

/* In one of 4 billion names all 32 bits are 0, as in a place without a name. */
static void a_forbidden_name_without_bits_drops_more_never_less(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.forbidden_categories = (struct forbidden_names){.count = 2, .keys = {0, 9}};
    struct video *video = put_video(&scene);
    video->category_keys[0] = 6;
    CHECK_EQ(DROP_CATEGORY, judge(&scene, video));
    video->category_keys[0] = 0; /* a harmless name of that kind hides none behind it */
    video->category_keys[1] = 9;
    CHECK_EQ(DROP_CATEGORY, judge(&scene, video));
    videos_free(scene.videos);
}

static void seen_videos_stay_out_when_asked_or_always(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.seen_within_ms = 1000;
    struct video *video = put_video(&scene);
    CHECK_EQ(DROP_NONE, judge_seen(&scene, video, 0));
    scene.request.exclude_seen = true;
    CHECK_EQ(DROP_SEEN, judge_seen(&scene, video, 999));
    CHECK_EQ(DROP_NONE, judge_seen(&scene, video, 1000));
    CHECK_EQ(DROP_NONE, judge_seen(&scene, video, INT64_MAX));
    scene.request.exclude_seen = false;
    scene.model.seen_always = true;
    CHECK_EQ(DROP_SEEN, judge_seen(&scene, video, 999));
    scene.model.seen_within_ms = 0;
    CHECK_EQ(DROP_NONE, judge_seen(&scene, video, 0));
    videos_free(scene.videos);
}

static void a_locale_without_a_language_reads_its_countrys(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.language_rule = LANGUAGE_READABLE;
    scene.request.locale.language = 0;
    struct video *video = put_video(&scene);
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    scene.request.locale.region = RUSSIA;
    CHECK_EQ(DROP_LANGUAGE, judge(&scene, video));
    videos_free(scene.videos);
}

static void a_video_for_some_regions_is_shown_only_there(void)
{
    static const struct {
        uint16_t region;
        enum drop_rule rule;
    } cases[] = {{INDIA, DROP_NONE},
                 {RUSSIA, DROP_REGION},
                 {AMERICAS, DROP_REGION},
                 {NOWHERE, DROP_REGION},
                 {0, DROP_REGION}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene scene;
        scene_init(&scene);
        scene.facts.regions_allowed = (struct region_set){.count = 1, .regions = {INDIA}};
        scene.request.locale.region = cases[i].region;
        CHECK_EQ(cases[i].rule, judge_facts(&scene));
    }
}

static void a_video_forbidden_in_a_region_needs_a_user_known_to_be_elsewhere(void)
{
    static const struct {
        uint16_t region;
        enum drop_rule rule;
    } cases[] = {{INDIA, DROP_REGION},
                 {RUSSIA, DROP_NONE},
                 {AMERICAS, DROP_REGION},
                 {NOWHERE, DROP_REGION},
                 {0, DROP_REGION}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene scene;
        scene_init(&scene);
        scene.facts.regions_forbidden = (struct region_set){.count = 1, .regions = {INDIA}};
        scene.request.locale.region = cases[i].region;
        CHECK_EQ(cases[i].rule, judge_facts(&scene));
    }
}

static void a_readable_language_is_spoken_or_in_captions(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.language_rule = LANGUAGE_READABLE;
    scene.request.languages[0] = ENGLISH;
    scene.request.language_count = 1;
    struct video *video = put_video(&scene);
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    video->languages[0] = TAMIL;
    CHECK_EQ(DROP_LANGUAGE, judge(&scene, video));
    video->languages[3] = ENGLISH;
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    video->languages[3] = 0;
    video->caption_languages[1] = HINDI;
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    videos_free(scene.videos);
}

static void an_unknown_language_is_not_readable(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.language_rule = LANGUAGE_READABLE;
    scene.request.locale = (struct locale){.region = AMERICAS};
    scene.facts.languages[0] = 0;
    CHECK_EQ(DROP_LANGUAGE, judge_facts(&scene));
}

static void any_language_passes_where_the_model_only_ranks_by_it(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.facts.languages[0] = TAMIL;
    CHECK_EQ(DROP_NONE, judge_facts(&scene));
}

static void a_hidden_creators_video_is_dropped(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.hidden = CREATOR;
    scene.user = (struct user){.hides = &scene.hidden, .hide_count = 1};
    CHECK_EQ(DROP_HIDDEN_CREATOR, judge_facts(&scene));
}

/* Breaks every rule, then mends them one by one from the first. */
static void the_first_rule_in_order_is_named(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.hidden = CREATOR;
    scene.user = (struct user){.hides = &scene.hidden, .hide_count = 1};
    scene.model.language_rule = LANGUAGE_READABLE;
    scene.facts.languages[0] = TAMIL;
    scene.facts.regions_allowed = (struct region_set){.count = 1, .regions = {RUSSIA}};
    scene.facts.minimum_age_years = 21;
    scene.request.age_years = 20;
    scene.facts.safety = SAFETY_UNRATED;
    scene.facts.category_keys[0] = 5;
    scene.facts.tag_keys[0] = 5;
    scene.model.curated_min = CURATED_APPROVED;
    scene.model.forbidden_categories = (struct forbidden_names){.count = 1, .keys = {5}};
    scene.model.forbidden_tags = (struct forbidden_names){.count = 1, .keys = {5}};
    scene.model.seen_always = true;
    scene.model.seen_within_ms = 1000;
    struct video *video = put_video(&scene);
    video->deleted = true;
    video->known = false;
    CHECK_EQ(DROP_UNKNOWN_VIDEO, judge(&scene, video));
    video->known = true;
    CHECK_EQ(DROP_DELETED, judge(&scene, video));
    video->deleted = false;
    CHECK_EQ(DROP_UNRATED, judge(&scene, video));
    video->safety = SAFETY_FLOOR;
    CHECK_EQ(DROP_SAFETY, judge(&scene, video));
    video->safety = SAFETY_MEDIUM;
    CHECK_EQ(DROP_AGE, judge(&scene, video));
    scene.request.age_years = 21;
    CHECK_EQ(DROP_CURATED, judge(&scene, video));
    video->curated = CURATED_APPROVED;
    CHECK_EQ(DROP_CATEGORY, judge(&scene, video));
    video->category_keys[0] = 6;
    CHECK_EQ(DROP_TAG, judge(&scene, video));
    video->tag_keys[0] = 6;
    CHECK_EQ(DROP_REGION, judge(&scene, video));
    scene.request.locale.region = RUSSIA;
    CHECK_EQ(DROP_LANGUAGE, judge(&scene, video));
    scene.request.locale.language = TAMIL;
    CHECK_EQ(DROP_HIDDEN_CREATOR, judge(&scene, video));
    scene.user.hide_count = 0;
    CHECK_EQ(DROP_SEEN, judge_seen(&scene, video, 0));
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    videos_free(scene.videos);
}

static void every_rule_has_a_name(void)
{
    CHECK_STR("none", drop_rule_name(DROP_NONE));
    CHECK_STR("unknown_video", drop_rule_name(DROP_UNKNOWN_VIDEO));
    CHECK_STR("below_limit", drop_rule_name(DROP_BELOW_LIMIT));
    CHECK_STR("curated", drop_rule_name(DROP_CURATED));
    CHECK_STR("category", drop_rule_name(DROP_CATEGORY));
    CHECK_STR("tag", drop_rule_name(DROP_TAG));
    for (int rule = DROP_NONE; rule < DROP_RULE_END; rule++) {
        CHECK(drop_rule_name((enum drop_rule)rule) != NULL);
    }
}

/* ---- details ---- */

enum { DAY_MS = 86400000 };

static void check_detail(struct scene *scene, int64_t seen_age_ms, enum drop_rule rule,
                         const char *want)
{
    const struct video *video = put_video(scene);
    const struct policy_context context =
        policy_context(&scene->model, scene->videos, &scene->user, &scene->request);
    void *memory = malloc(4096);
    struct arena arena;
    arena_init(&arena, memory, 4096);
    CHECK_EQ(rule, policy_judge(&context, video, seen_age_ms));
    CHECK_STR(want, policy_detail(&context, video, seen_age_ms, rule, &arena));
    free(memory);
    videos_free(scene->videos);
}

static void details_tell_what_the_safety_rules_saw(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.facts.safety = SAFETY_HIGH;
    check_detail(&scene, INT64_MAX, DROP_SAFETY,
                 "rated high risk; hi-IN shows at most medium risk");
    scene_init(&scene);
    scene.facts.safety = SAFETY_UNRATED;
    check_detail(&scene, INT64_MAX, DROP_UNRATED, "hi-IN shows rated videos only");
    scene_init(&scene);
    scene.model.curated_min = CURATED_FEATURED;
    scene.facts.curated = CURATED_APPROVED;
    check_detail(&scene, INT64_MAX, DROP_CURATED, "approved; hi-IN shows only featured videos");
}

static void details_tell_what_the_age_rule_saw(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.facts.minimum_age_years = 18;
    scene.model.unknown_age = 0;
    scene.request.age_years = 0;
    check_detail(&scene, INT64_MAX, DROP_AGE,
                 "for people of 18 or more; the user's age is unknown, taken as 0");
    scene_init(&scene);
    scene.facts.minimum_age_years = 18;
    scene.request.age_years = 15;
    check_detail(&scene, INT64_MAX, DROP_AGE, "for people of 18 or more; the user is 15");
    scene_init(&scene);
    scene.facts.minimum_age_years = 18;
    scene.model.age_max = 16;
    check_detail(&scene, INT64_MAX, DROP_AGE,
                 "for people of 18 or more; hi-IN shows nothing for people older than 16");
}

static void details_tell_where_a_forbidden_name_stands(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.facts.category_keys[0] = 4;
    scene.facts.category_keys[1] = 5;
    scene.model.forbidden_categories = (struct forbidden_names){.count = 1, .keys = {5}};
    check_detail(&scene, INT64_MAX, DROP_CATEGORY, "category 2 of the video is forbidden in hi-IN");
    scene_init(&scene);
    scene.model.forbidden_categories = (struct forbidden_names){.count = 1, .keys = {5}};
    check_detail(&scene, INT64_MAX, DROP_CATEGORY, "of no known category; hi-IN forbids some");
    scene_init(&scene);
    scene.facts.tag_keys[0] = 5;
    scene.model.forbidden_tags = (struct forbidden_names){.count = 1, .keys = {5}};
    check_detail(&scene, INT64_MAX, DROP_TAG, "tag 1 of the video is forbidden in hi-IN");
}

static void details_tell_what_the_region_rule_saw(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.facts.regions_allowed = (struct region_set){.count = 1, .regions = {RUSSIA}};
    check_detail(&scene, INT64_MAX, DROP_REGION, "not allowed in IN");
    scene_init(&scene);
    scene.facts.regions_forbidden = (struct region_set){.count = 1, .regions = {INDIA}};
    check_detail(&scene, INT64_MAX, DROP_REGION, "forbidden in IN");
    scene_init(&scene);
    scene.facts.regions_forbidden = (struct region_set){.count = 1, .regions = {INDIA}};
    scene.request.locale.region = 0;
    check_detail(&scene, INT64_MAX, DROP_REGION,
                 "forbidden in some regions only; the user's region is unknown");
}

static void details_tell_what_the_language_rule_saw(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.language_rule = LANGUAGE_READABLE;
    scene.facts.languages[0] = TAMIL;
    scene.request.languages[0] = ENGLISH;
    scene.request.language_count = 1;
    check_detail(&scene, INT64_MAX, DROP_LANGUAGE, "spoken in ta; the user reads hi, en");
    scene_init(&scene);
    scene.model.language_rule = LANGUAGE_READABLE;
    scene.facts.languages[0] = 0;
    scene.facts.caption_languages[0] = TAMIL;
    scene.request.locale.language = 0;
    check_detail(&scene, INT64_MAX, DROP_LANGUAGE,
                 "spoken in an unknown language, captions in ta; the user reads hi (the first as "
                 "the language of IN)");
}

static void details_tell_of_the_user_and_the_catalogue(void)
{
    struct scene scene;
    scene_init(&scene);
    scene.model.seen_always = true;
    scene.model.seen_within_ms = 7 * (int64_t)DAY_MS;
    check_detail(&scene, 2 * (int64_t)DAY_MS + 5, DROP_SEEN,
                 "seen 2 days ago; stays out for 7 days");
    scene_init(&scene);
    scene.model.seen_always = true;
    scene.model.seen_within_ms = DAY_MS;
    check_detail(&scene, 60000, DROP_SEEN, "seen 1 minute ago; stays out for 1 day");
    scene_init(&scene);
    scene.hidden = CREATOR;
    scene.user = (struct user){.hides = &scene.hidden, .hide_count = 1};
    check_detail(&scene, INT64_MAX, DROP_HIDDEN_CREATOR, "the user has hidden its creator");
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_fit_video_passes),
        TEST(a_video_nobody_put_in_the_catalogue_is_unknown),
        TEST(a_deleted_video_is_dropped),
        TEST(an_unrated_video_is_dropped_unless_the_model_shows_it),
        TEST(a_riskier_video_than_the_model_allows_is_dropped),
        TEST(a_rating_out_of_range_is_dropped_whatever_the_model_shows),
        TEST(the_minimum_age_counts),
        TEST(an_unknown_age_is_the_assumed_one),
        TEST(nothing_is_shown_for_people_older_than_the_model_allows),
        TEST(a_lower_tier_than_the_model_demands_is_dropped),
        TEST(a_forbidden_category_is_dropped_wherever_it_stands),
        TEST(a_video_of_no_category_is_dropped_where_some_are_forbidden),
        TEST(a_forbidden_tag_is_dropped_wherever_it_stands),
        TEST(a_forbidden_name_without_bits_drops_more_never_less),
        TEST(seen_videos_stay_out_when_asked_or_always),
        TEST(a_locale_without_a_language_reads_its_countrys),
        TEST(details_tell_what_the_safety_rules_saw),
        TEST(details_tell_what_the_age_rule_saw),
        TEST(details_tell_where_a_forbidden_name_stands),
        TEST(details_tell_what_the_region_rule_saw),
        TEST(details_tell_what_the_language_rule_saw),
        TEST(details_tell_of_the_user_and_the_catalogue),
        TEST(a_video_for_some_regions_is_shown_only_there),
        TEST(a_video_forbidden_in_a_region_needs_a_user_known_to_be_elsewhere),
        TEST(a_readable_language_is_spoken_or_in_captions),
        TEST(an_unknown_language_is_not_readable),
        TEST(any_language_passes_where_the_model_only_ranks_by_it),
        TEST(a_hidden_creators_video_is_dropped),
        TEST(the_first_rule_in_order_is_named),
        TEST(every_rule_has_a_name),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
