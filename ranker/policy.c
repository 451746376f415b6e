#include "ranker/policy.h"

#include "ranker/check.h"

const char *drop_rule_name(enum drop_rule rule)
{
    static const char *const names[DROP_RULE_END] = {
        [DROP_NONE] = "none",
        [DROP_UNKNOWN_VIDEO] = "unknown_video",
        [DROP_DELETED] = "deleted",
        [DROP_UNRATED] = "unrated",
        [DROP_SAFETY] = "safety",
        [DROP_AGE] = "age",
        [DROP_REGION] = "region",
        [DROP_LANGUAGE] = "language",
        [DROP_HIDDEN_CREATOR] = "hidden_creator",
        [DROP_SEEN] = "seen",
        [DROP_REPEATED] = "repeated",
        [DROP_BELOW_LIMIT] = "below_limit",
        [DROP_CURATED] = "curated",
        [DROP_CATEGORY] = "category",
        [DROP_TAG] = "tag",
    };
    CHECK(rule < DROP_RULE_END);
    return names[rule];
}

/*
 * A user somewhere in a group of countries (a numeric region such as 419) may be in any of them,
 * and one in a country that does not exist may be anywhere, so both are nowhere known.
 */
static uint16_t known_region(struct locale locale)
{
    bool is_group = (locale.region & 0x8000) != 0;
    bool is_known = locale_is_known((struct locale){.region = locale.region});
    return is_group || !is_known ? 0 : locale.region;
}

struct policy_context policy_context(const struct model *model, const struct videos *videos,
                                     const struct user *user, const struct rank_request *request)
{
    return (struct policy_context){
        .model = model,
        .videos = videos,
        .user = user,
        .request = request,
        .age_years = request->age_years != 0 ? request->age_years : (unsigned)model->unknown_age,
        .region = known_region(request->locale),
        .language = locale_language(request->locale),
        .seen_counts = model->seen_always || request->exclude_seen,
    };
}

static bool region_forbids(const struct policy_context *context, const struct video *video)
{
    uint16_t region = context->region;
    if (video->regions_allowed != 0 &&
        (region == 0 || !region_set_contains(
                            videos_region_set(context->videos, video->regions_allowed), region))) {
        return true;
    }
    return video->regions_forbidden != 0 &&
           (region == 0 ||
            region_set_contains(videos_region_set(context->videos, video->regions_forbidden),
                                region));
}

static bool user_reads(const struct policy_context *context, uint16_t language)
{
    if (language == 0) {
        return false;
    }
    const struct rank_request *request = context->request;
    bool reads = language == context->language;
    for (unsigned i = 0; i < request->language_count; i++) {
        reads = reads || language == request->languages[i];
    }
    return reads;
}

static bool is_readable(const struct policy_context *context, const struct video *video)
{
    for (unsigned i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        if (user_reads(context, video->languages[i]) ||
            user_reads(context, video->caption_languages[i])) {
            return true;
        }
    }
    return false;
}

/* A rating that is none of enum safety is above every one that a model can allow. */
static bool safety_forbids(const struct model *model, const struct video *video)
{
    return video->safety > SAFETY_UNRATED &&
           (video->safety > model->safety_max || video->safety > SAFETY_FLOOR);
}

static bool age_forbids(const struct policy_context *context, const struct video *video)
{
    return video->minimum_age_years > context->age_years ||
           (int)video->minimum_age_years > context->model->age_max;
}

/* A tier that is none of enum curated is not known to be any that is asked for. */
static bool curated_forbids(const struct model *model, const struct video *video)
{
    return model->curated_min > CURATED_NONE &&
           (video->curated < model->curated_min || video->curated > CURATED_FEATURED);
}

static bool is_forbidden_name(const struct forbidden_names *names, uint32_t key)
{
    unsigned low = 0;
    unsigned high = names->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (names->keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < names->count && names->keys[low] == key;
}

/*
 * Looks at every place rather than up to the first 0, which the hash of a name may be too. A video
 * of no known category may be of a forbidden one.
 */
static bool category_forbids(const struct model *model, const struct video *video)
{
    const struct forbidden_names *names = &model->forbidden_categories;
    if (names->count == 0) {
        return false;
    }
    bool has_any = false;
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        has_any = has_any || video->category_keys[i] != 0;
        if (is_forbidden_name(names, video->category_keys[i])) {
            return true;
        }
    }
    return !has_any;
}

static bool tag_forbids(const struct policy_context *context, const struct video *video)
{
    const struct forbidden_names *names = &context->model->forbidden_tags;
    if (names->count == 0) {
        return false;
    }
    uint32_t keys[LIMIT_VIDEO_TAGS];
    videos_get_tags(context->videos, video, keys);
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        if (is_forbidden_name(names, keys[i])) {
            return true;
        }
    }
    return false;
}

/* What rests on the video and the model alone, and the user's age. */
static enum drop_rule judge_content(const struct policy_context *context, const struct video *video)
{
    const struct model *model = context->model;
    if (video->safety <= SAFETY_UNRATED && !model->unrated_shown) {
        return DROP_UNRATED;
    }
    if (safety_forbids(model, video)) {
        return DROP_SAFETY;
    }
    if (age_forbids(context, video)) {
        return DROP_AGE;
    }
    if (curated_forbids(model, video)) {
        return DROP_CURATED;
    }
    if (category_forbids(model, video)) {
        return DROP_CATEGORY;
    }
    return tag_forbids(context, video) ? DROP_TAG : DROP_NONE;
}

/* What rests on where and who the user is. */
static enum drop_rule judge_user(const struct policy_context *context, const struct video *video,
                                 int64_t seen_age_ms)
{
    const struct model *model = context->model;
    if (region_forbids(context, video)) {
        return DROP_REGION;
    }
    if (model->language_rule == LANGUAGE_READABLE && !is_readable(context, video)) {
        return DROP_LANGUAGE;
    }
    if (context->user != NULL && user_hides(context->user, video->creator_key)) {
        return DROP_HIDDEN_CREATOR;
    }
    return context->seen_counts && seen_age_ms < model->seen_within_ms ? DROP_SEEN : DROP_NONE;
}

enum drop_rule policy_judge(const struct policy_context *context, const struct video *video,
                            int64_t seen_age_ms)
{
    if (video == NULL || !video->known) {
        return DROP_UNKNOWN_VIDEO;
    }
    if (video->deleted) {
        return DROP_DELETED;
    }
    enum drop_rule rule = judge_content(context, video);
    return rule != DROP_NONE ? rule : judge_user(context, video, seen_age_ms);
}

struct policy_gate policy_gate(const struct policy_context *context)
{
    const struct model *model = context->model;
    struct policy_gate gate = {
        .open = model->forbidden_categories.count == 0 && model->forbidden_tags.count == 0 &&
                model->language_rule != LANGUAGE_READABLE &&
                (context->user == NULL || context->user->hide_count == 0),
        .age = context->age_years,
    };
    if (model->age_max < (int)gate.age) {
        gate.age = model->age_max > 0 ? (unsigned)model->age_max : 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        struct video video = {.safety = (uint8_t)i, .curated = (uint8_t)i};
        bool unrated = i <= SAFETY_UNRATED && !model->unrated_shown;
        unsigned safe = !unrated && !safety_forbids(model, &video);
        unsigned curated = !curated_forbids(model, &video);
        gate.safeties = (uint8_t)(gate.safeties | safe << i);
        gate.tiers = (uint8_t)(gate.tiers | curated << i);
    }
    return gate;
}
