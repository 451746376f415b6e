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
    };
    CHECK(rule < DROP_RULE_END);
    return names[rule];
}

/*
 * A user somewhere in a group of countries (a numeric region such as 419) may be in any of them,
 * so counts as being nowhere known.
 */
static bool region_forbids(const struct policy_context *context, const struct video *video)
{
    uint16_t region = context->request->locale.region;
    bool known = region != 0 && (region & 0x8000) == 0;
    if (video->regions_allowed != 0 &&
        !(known && region_set_contains(videos_region_set(context->videos, video->regions_allowed),
                                       region))) {
        return true;
    }
    return video->regions_forbidden != 0 &&
           (!known || region_set_contains(
                          videos_region_set(context->videos, video->regions_forbidden), region));
}

static bool user_reads(const struct rank_request *request, uint16_t language)
{
    if (language == 0) {
        return false;
    }
    bool reads = language == request->locale.language;
    for (unsigned i = 0; i < request->language_count; i++) {
        reads = reads || language == request->languages[i];
    }
    return reads;
}

static bool is_readable(const struct rank_request *request, const struct video *video)
{
    for (unsigned i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        if (user_reads(request, video->languages[i]) ||
            user_reads(request, video->caption_languages[i])) {
            return true;
        }
    }
    return false;
}

/* A rating that is none of enum safety is above every one that a model can allow. */
static bool safety_forbids(const struct model *model, const struct video *video)
{
    return video->safety > SAFETY_UNRATED && video->safety > model->safety_max;
}

enum drop_rule policy_judge(const struct policy_context *context, const struct video *video)
{
    const struct model *model = context->model;
    if (video == NULL || !video->known) {
        return DROP_UNKNOWN_VIDEO;
    }
    if (video->deleted) {
        return DROP_DELETED;
    }
    if (video->safety <= SAFETY_UNRATED && !model->unrated_shown) {
        return DROP_UNRATED;
    }
    if (safety_forbids(model, video)) {
        return DROP_SAFETY;
    }
    if (video->minimum_age_years > context->age_years) {
        return DROP_AGE;
    }
    if (region_forbids(context, video)) {
        return DROP_REGION;
    }
    if (model->language_rule == LANGUAGE_READABLE && !is_readable(context->request, video)) {
        return DROP_LANGUAGE;
    }
    if (context->user != NULL && user_hides(context->user, video->creator_key)) {
        return DROP_HIDDEN_CREATOR;
    }
    return DROP_NONE;
}
