#include "replay/overlay.h"

#include <stdbool.h>
#include <string.h>

enum field {
    FIELD_CREATOR_ID,
    FIELD_LANGUAGES,
    FIELD_CAPTION_LANGUAGES,
    FIELD_DURATION_MS,
    FIELD_PUBLISHED_MS,
    FIELD_CATEGORIES,
    FIELD_TAGS,
    FIELD_REGIONS_ALLOWED,
    FIELD_REGIONS_FORBIDDEN,
    FIELD_MINIMUM_AGE_YEARS,
    FIELD_SAFETY_RATING,
    FIELD_CURATED_TIER,
    FIELD_PREMIUM,
    FIELD_QUALITY,
    FIELD_CREATOR_REGION,
    FIELD_EMBEDDING,
    FIELD_OTHER, /* a title, which ranking does not read */
    FIELD_COUNT
};

static const char *const names[FIELD_OTHER] = {
    [FIELD_CREATOR_ID] = "creator_id",
    [FIELD_LANGUAGES] = "languages",
    [FIELD_CAPTION_LANGUAGES] = "caption_languages",
    [FIELD_DURATION_MS] = "duration_ms",
    [FIELD_PUBLISHED_MS] = "published_ms",
    [FIELD_CATEGORIES] = "categories",
    [FIELD_TAGS] = "tags",
    [FIELD_REGIONS_ALLOWED] = "regions_allowed",
    [FIELD_REGIONS_FORBIDDEN] = "regions_forbidden",
    [FIELD_MINIMUM_AGE_YEARS] = "minimum_age_years",
    [FIELD_SAFETY_RATING] = "safety_rating",
    [FIELD_CURATED_TIER] = "curated_tier",
    [FIELD_PREMIUM] = "premium",
    [FIELD_QUALITY] = "quality",
    [FIELD_CREATOR_REGION] = "creator_region",
    [FIELD_EMBEDDING] = "embedding",
};

static uint32_t bit_of(const char *name)
{
    for (unsigned i = 0; i < FIELD_OTHER; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1U << i;
        }
    }
    return 1U << FIELD_OTHER;
}

uint32_t overlay_fields(const char *const *update_fields)
{
    uint32_t fields = 0;
    for (size_t i = 0; update_fields != NULL && update_fields[i] != NULL; i++) {
        fields |= bit_of(update_fields[i]);
    }
    return fields;
}

static bool lacks(uint32_t fields, enum field field)
{
    return (fields & 1U << field) == 0;
}

static void widen(const uint32_t *keys, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = keys[i];
    }
}

static void take_lists(const struct videos *videos, const struct video *row, uint32_t fields,
                       struct video_facts *facts)
{
    const struct embedding *embedding = videos_embedding(videos, row);
    if (lacks(fields, FIELD_LANGUAGES)) {
        memcpy(facts->languages, row->languages, sizeof(facts->languages));
    }
    if (lacks(fields, FIELD_CAPTION_LANGUAGES)) {
        memcpy(facts->caption_languages, row->caption_languages, sizeof(row->caption_languages));
    }
    if (lacks(fields, FIELD_CATEGORIES)) {
        widen(row->category_keys, LIMIT_VIDEO_CATEGORIES, facts->category_keys);
    }
    if (lacks(fields, FIELD_TAGS)) {
        uint32_t tags[LIMIT_VIDEO_TAGS];
        videos_get_tags(videos, row, tags);
        widen(tags, LIMIT_VIDEO_TAGS, facts->tag_keys);
    }
    if (lacks(fields, FIELD_REGIONS_ALLOWED)) {
        facts->regions_allowed = *videos_region_set(videos, row->regions_allowed);
    }
    if (lacks(fields, FIELD_REGIONS_FORBIDDEN)) {
        facts->regions_forbidden = *videos_region_set(videos, row->regions_forbidden);
    }
    if (lacks(fields, FIELD_EMBEDDING) && embedding != NULL) {
        facts->embedding = *embedding;
    }
}

static void take_numbers(const struct video *row, uint32_t fields, struct video_facts *facts)
{
    if (lacks(fields, FIELD_CREATOR_ID)) {
        facts->creator_key = row->creator_key;
    }
    if (lacks(fields, FIELD_DURATION_MS)) {
        facts->duration_ms = row->duration_ms;
    }
    if (lacks(fields, FIELD_PUBLISHED_MS)) {
        facts->published_ms = row->published_ms;
    }
    if (lacks(fields, FIELD_MINIMUM_AGE_YEARS)) {
        facts->minimum_age_years = row->minimum_age_years;
    }
    if (lacks(fields, FIELD_SAFETY_RATING)) {
        facts->safety = row->safety;
    }
    if (lacks(fields, FIELD_CURATED_TIER)) {
        facts->curated = row->curated;
    }
    if (lacks(fields, FIELD_PREMIUM)) {
        facts->premium = row->premium;
    }
    if (lacks(fields, FIELD_QUALITY)) {
        facts->quality = row->quality;
    }
    if (lacks(fields, FIELD_CREATOR_REGION)) {
        facts->creator_region = row->creator_region;
    }
}

void overlay_facts(const struct videos *videos, uint32_t fields, struct video_facts *facts)
{
    const struct video *row;
    videos_find_many(videos, &facts->key, 1, &row);
    if (fields == 0 || !video_is_live(row)) {
        return;
    }
    take_numbers(row, fields, facts);
    take_lists(videos, row, fields, facts);
}
