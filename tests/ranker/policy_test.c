#include "ranker/policy.h"

#include "tests/test.h"

enum {
    KEY = 77,
    CREATOR = 5,
    INDIA = 'I' * 32 + 'N',
    RUSSIA = 'R' * 32 + 'U',
    AMERICAS = 0x8000 | 19
};
enum { HINDI = 1, ENGLISH = 2, TAMIL = 3 };

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
        .model = {.safety_max = SAFETY_MEDIUM, .unknown_age = 13},
        .request = {.locale = {.language = HINDI, .region = INDIA}, .age_years = 30},
    };
    CHECK(scene->videos != NULL);
}

static struct video *put_video(struct scene *scene)
{
    CHECK_EQ(STATUS_OK, videos_put(scene->videos, &scene->facts));
    return videos_find(scene->videos, KEY);
}

static enum drop_rule judge(struct scene *scene, const struct video *video)
{
    unsigned age = scene->request.age_years;
    struct policy_context context = {
        .model = &scene->model,
        .videos = scene->videos,
        .user = &scene->user,
        .request = &scene->request,
        .age_years = age != 0 ? age : (unsigned)scene->model.unknown_age,
    };
    return policy_judge(&context, video);
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

static void a_video_for_some_regions_is_shown_only_there(void)
{
    static const struct {
        uint16_t region;
        enum drop_rule rule;
    } cases[] = {
        {INDIA, DROP_NONE}, {RUSSIA, DROP_REGION}, {AMERICAS, DROP_REGION}, {0, DROP_REGION}};
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
    } cases[] = {
        {INDIA, DROP_REGION}, {RUSSIA, DROP_NONE}, {AMERICAS, DROP_REGION}, {0, DROP_REGION}};
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
    scene.request.locale.language = 0;
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
    CHECK_EQ(DROP_REGION, judge(&scene, video));
    scene.request.locale.region = RUSSIA;
    CHECK_EQ(DROP_LANGUAGE, judge(&scene, video));
    scene.request.locale.language = TAMIL;
    CHECK_EQ(DROP_HIDDEN_CREATOR, judge(&scene, video));
    scene.user.hide_count = 0;
    CHECK_EQ(DROP_NONE, judge(&scene, video));
    videos_free(scene.videos);
}

static void every_rule_has_a_name(void)
{
    CHECK_STR("none", drop_rule_name(DROP_NONE));
    CHECK_STR("unknown_video", drop_rule_name(DROP_UNKNOWN_VIDEO));
    CHECK_STR("below_limit", drop_rule_name(DROP_BELOW_LIMIT));
    for (int rule = DROP_NONE; rule < DROP_RULE_END; rule++) {
        CHECK(drop_rule_name((enum drop_rule)rule) != NULL);
    }
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
