#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/policy.h"

/* What the rules saw, in words. Only for explanations, which are few. */

enum { DETAIL_SIZE = 256 };

/* A text that grows at its end; what does not fit is left out. */
struct detail {
    char text[DETAIL_SIZE];
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct detail *detail, const char *format,
                                                      ...)
{
    va_list list;
    size_t room = sizeof(detail->text) - detail->size;
    va_start(list, format);
    int size = vsnprintf(detail->text + detail->size, room, format, list);
    va_end(list);
    CHECK(size >= 0);
    detail->size += (size_t)size < room ? (size_t)size : room - 1;
}

static void add_locale(struct detail *detail, const struct policy_context *context)
{
    char text[LOCALE_TEXT_SIZE];
    locale_format(context->request->locale, text);
    add(detail, "%s", text);
}

static void add_region(struct detail *detail, const struct policy_context *context)
{
    char text[LOCALE_TEXT_SIZE];
    locale_format_region(context->region, text);
    add(detail, "%s", text);
}

/* The largest unit of which there is one: "2 days". */
static void add_duration(struct detail *detail, int64_t duration_ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};
    size_t i = 0;
    while (i < 3 && duration_ms < units[i].ms) {
        i++;
    }
    int64_t count = duration_ms / units[i].ms;
    add(detail, "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

/* "hi, en"; or what to say where there is none. */
static void add_languages(struct detail *detail, const uint16_t *languages, size_t count,
                          const char *none)
{
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        char text[LOCALE_TEXT_SIZE];
        locale_format_language(languages[i], text);
        if (languages[i] != 0) {
            add(detail, "%s%s", is_first ? "" : ", ", text);
            is_first = false;
        }
    }
    add(detail, "%s", is_first ? none : "");
}

static const char *safety_text(int safety)
{
    static const char *const texts[] = {
        [SAFETY_LOW] = "low risk",
        [SAFETY_MEDIUM] = "medium risk",
        [SAFETY_HIGH] = "high risk",
        [SAFETY_FLOOR] = "below the floor",
    };
    return safety >= SAFETY_LOW && safety <= SAFETY_FLOOR ? texts[safety] : "an unknown risk";
}

static void add_safety(struct detail *detail, const struct policy_context *context,
                       const struct video *video)
{
    add(detail, "rated %s; ", safety_text(video->safety));
    add_locale(detail, context);
    add(detail, " shows at most %s", safety_text(context->model->safety_max));
}

static void add_age(struct detail *detail, const struct policy_context *context,
                    const struct video *video)
{
    add(detail, "for people of %u or more; ", video->minimum_age_years);
    if ((int)video->minimum_age_years > context->model->age_max) {
        add_locale(detail, context);
        add(detail, " shows nothing for people older than %d", context->model->age_max);
    } else if (context->request->age_years == 0) {
        add(detail, "the user's age is unknown, taken as %u", context->age_years);
    } else {
        add(detail, "the user is %u", context->age_years);
    }
}

static void add_curated(struct detail *detail, const struct policy_context *context,
                        const struct video *video)
{
    static const char *const texts[] = {"not curated", "approved", "featured"};
    bool is_known = video->curated <= CURATED_FEATURED;
    bool wants_featured = context->model->curated_min >= CURATED_FEATURED;
    add(detail, "%s; ", is_known ? texts[video->curated] : "of an unknown tier");
    add_locale(detail, context);
    add(detail, " shows only %s videos", wants_featured ? "featured" : "approved or featured");
}

/* Names are not kept, only their hashes, so the place in the video's list has to do. */
static void add_name(struct detail *detail, const struct policy_context *context,
                     const struct forbidden_names *names, const uint32_t *keys, unsigned count,
                     const char *what)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = 0; j < names->count; j++) {
            if (keys[i] == names->keys[j]) {
                add(detail, "%s %u of the video is forbidden in ", what, i + 1);
                add_locale(detail, context);
                return;
            }
        }
    }
    add(detail, "of no known %s; ", what);
    add_locale(detail, context);
    add(detail, " forbids some");
}

static void add_regions(struct detail *detail, const struct policy_context *context,
                        const struct video *video)
{
    if (context->region == 0) {
        add(detail, "%s in some regions only; the user's region is unknown",
            video->regions_allowed != 0 ? "allowed" : "forbidden");
        return;
    }
    bool is_allowed =
        video->regions_allowed == 0 ||
        region_set_contains(videos_region_set(context->videos, video->regions_allowed),
                            context->region);
    add(detail, "%s in ", is_allowed ? "forbidden" : "not allowed");
    add_region(detail, context);
}

static void add_language(struct detail *detail, const struct policy_context *context,
                         const struct video *video)
{
    const struct rank_request *request = context->request;
    uint16_t read[1 + LIMIT_LANGUAGES] = {context->language};
    memcpy(&read[1], request->languages, request->language_count * sizeof(read[0]));
    bool is_default = request->locale.language == 0 && context->language != 0;
    add(detail, "spoken in ");
    add_languages(detail, video->languages, LIMIT_VIDEO_LANGUAGES, "an unknown language");
    if (video->caption_languages[0] != 0) {
        add(detail, ", captions in ");
        add_languages(detail, video->caption_languages, LIMIT_VIDEO_LANGUAGES, "none");
    }
    add(detail, "; the user reads ");
    add_languages(detail, read, 1 + (size_t)request->language_count, "no known language");
    if (is_default) {
        char text[LOCALE_TEXT_SIZE];
        locale_format_region(request->locale.region, text);
        add(detail, " (the first as the language of %s)", text);
    }
}

static void add_seen(struct detail *detail, const struct policy_context *context,
                     int64_t seen_age_ms)
{
    add(detail, "seen ");
    add_duration(detail, seen_age_ms);
    add(detail, " ago; stays out for ");
    add_duration(detail, context->model->seen_within_ms);
}

static void add_unknown(struct detail *detail, const struct video *video)
{
    add(detail, video != NULL ? "signals have named the video, the catalogue has not"
                              : "the catalogue has no such video");
}

static void describe(const struct policy_context *context, const struct video *video,
                     int64_t seen_age_ms, enum drop_rule rule, struct detail *detail)
{
    const struct model *model = context->model;
    uint32_t tags[LIMIT_VIDEO_TAGS];
    switch (rule) {
    case DROP_UNKNOWN_VIDEO:
        add_unknown(detail, video);
        break;
    case DROP_DELETED:
        add(detail, "the catalogue has deleted it");
        break;
    case DROP_UNRATED:
        add_locale(detail, context);
        add(detail, " shows rated videos only");
        break;
    case DROP_SAFETY:
        add_safety(detail, context, video);
        break;
    case DROP_AGE:
        add_age(detail, context, video);
        break;
    case DROP_CURATED:
        add_curated(detail, context, video);
        break;
    case DROP_CATEGORY:
        add_name(detail, context, &model->forbidden_categories, video->category_keys,
                 LIMIT_VIDEO_CATEGORIES, "category");
        break;
    case DROP_TAG:
        videos_get_tags(context->videos, video, tags);
        add_name(detail, context, &model->forbidden_tags, tags, LIMIT_VIDEO_TAGS, "tag");
        break;
    case DROP_REGION:
        add_regions(detail, context, video);
        break;
    case DROP_LANGUAGE:
        add_language(detail, context, video);
        break;
    case DROP_HIDDEN_CREATOR:
        add(detail, "the user has hidden its creator");
        break;
    case DROP_SEEN:
        add_seen(detail, context, seen_age_ms);
        break;
    case DROP_NONE:
    case DROP_REPEATED:
    case DROP_BELOW_LIMIT:
    case DROP_RULE_END:
        break;
    }
}

const char *policy_detail(const struct policy_context *context, const struct video *video,
                          int64_t seen_age_ms, enum drop_rule rule, struct arena *arena)
{
    struct detail detail = {.text = ""};
    describe(context, video, seen_age_ms, rule, &detail);
    char *out = arena_new_raw(arena, char, detail.size + 1);
    return out != NULL ? memcpy(out, detail.text, detail.size + 1) : NULL;
}
