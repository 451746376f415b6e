#include "replay/metarank_item.h"

#include <string.h>

#include "ranker/locale.h"
#include "replay/field.h"
#include "replay/metarank_value.h"

enum { SECOND_MS = 1000 };

/* What a field of an item means. Each returns false, with problem, for a value of a wrong kind. */
typedef bool field_reader(const char *name, const json_t *value, struct patch *patch,
                          struct metarank_texts *texts, struct problem *problem);

static bool refuse_kind(const char *name, const char *allowed, struct problem *problem)
{
    problem_set(problem, "the field \"%s\" is of a wrong kind; %s is allowed", name, allowed);
    return false;
}

static bool add_title(const char *name, const json_t *value, struct patch *patch,
                      struct metarank_texts *texts, struct problem *problem)
{
    if (!json_is_string(value)) {
        return refuse_kind(name, "a string", problem);
    }
    struct text cut = field_cut(text_of(json_string_value(value)), LIMIT_TITLE_BYTES);
    memcpy(texts->title, cut.data, cut.size);
    texts->title[cut.size] = '\0';
    patch->video.title = texts->title;
    patch_read(patch, "title");
    return true;
}

/* A string, or a list of strings. Those that are empty or too long are passed over. */
static bool add_names(const char *name, const json_t *value, char **out, size_t limit,
                      size_t *count, struct problem *problem)
{
    size_t size = json_is_array(value) ? json_array_size(value) : 1;
    *count = 0;
    for (size_t i = 0; i < size; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(item)) {
            return refuse_kind(name, "a string or a list of strings", problem);
        }
        size_t bytes = json_string_length(item);
        if (*count < limit && bytes > 0 && bytes <= LIMIT_SHORT_BYTES) {
            out[*count] = (char *)(uintptr_t)json_string_value(item);
            ++*count;
        }
    }
    return true;
}

static bool add_categories(const char *name, const json_t *value, struct patch *patch,
                           struct metarank_texts *texts, struct problem *problem)
{
    (void)texts;
    patch_read(patch, "categories");
    return add_names(name, value, patch->categories, LIMIT_VIDEO_CATEGORIES,
                     &patch->video.n_categories, problem);
}

static bool add_tags(const char *name, const json_t *value, struct patch *patch,
                     struct metarank_texts *texts, struct problem *problem)
{
    (void)texts;
    patch_read(patch, "tags");
    return add_names(name, value, patch->tags, LIMIT_VIDEO_TAGS, &patch->video.n_tags, problem);
}

static bool add_languages(const char *name, const json_t *value, struct patch *patch,
                          struct metarank_texts *texts, struct problem *problem)
{
    (void)texts;
    patch_read(patch, "languages");
    if (!add_names(name, value, patch->languages, LIMIT_VIDEO_LANGUAGES, &patch->video.n_languages,
                   problem)) {
        return false;
    }
    for (size_t i = 0; i < patch->video.n_languages; i++) {
        struct locale locale;
        struct text tag = text_of(patch->languages[i]);
        if (tag.size > LIMIT_LOCALE_BYTES || locale_parse(tag, &locale) != STATUS_OK ||
            locale.language == 0) {
            return refuse_kind(name, "a BCP 47 language tag such as \"hi\"", problem);
        }
    }
    return true;
}

static bool add_creator(const char *name, const json_t *value, struct patch *patch,
                        struct metarank_texts *texts, struct problem *problem)
{
    (void)texts;
    if (!json_is_string(value) || json_string_length(value) > LIMIT_ID_BYTES) {
        return refuse_kind(name, "a string of at most 128 bytes", problem);
    }
    patch->video.creator_id = (char *)(uintptr_t)json_string_value(value);
    patch_read(patch, "creator_id");
    return true;
}

static bool add_duration_ms(const char *name, const json_t *value, struct patch *patch,
                            struct metarank_texts *texts, struct problem *problem)
{
    (void)texts;
    if (!metarank_whole(value, LIMIT_DURATION_MS, &patch->video.duration_ms)) {
        return refuse_kind(name, "a whole number of milliseconds, up to a day,", problem);
    }
    patch_read(patch, "duration_ms");
    return true;
}

/* Seconds, which may have a fraction. */
static bool add_duration(const char *name, const json_t *value, struct patch *patch,
                         struct metarank_texts *texts, struct problem *problem)
{
    (void)texts;
    const double largest = (double)LIMIT_DURATION_MS / SECOND_MS;
    double seconds = json_is_number(value) ? json_number_value(value) : -1;
    if (!(seconds >= 0 && seconds <= largest)) {
        return refuse_kind(name, "a number of seconds, up to a day,", problem);
    }
    patch->video.duration_ms = (int64_t)(seconds * SECOND_MS + 0.5);
    patch_read(patch, "duration_ms");
    return true;
}

static bool add_published(const char *name, const json_t *value, struct patch *patch,
                          struct metarank_texts *texts, struct problem *problem)
{
    (void)texts;
    int64_t *out = &patch->video.published_ms;
    if (!metarank_time(value, out) &&
        !(json_is_string(value) && field_date(text_of(json_string_value(value)), out))) {
        return refuse_kind(name, "milliseconds since 1970, or a time such as 2022-06-22T11:21:39Z",
                           problem);
    }
    patch_read(patch, "published_ms");
    return true;
}

/* The names that docs/jsonl.md lists, the preferred one of each meaning first. */
static const struct {
    const char *meaning;
    const char *names[6];
    field_reader *read;
} item_fields[] = {
    {"title", {"title", "name"}, add_title},
    {"categories", {"categories", "category", "genres", "genre"}, add_categories},
    {"tags", {"tags", "tag", "keywords"}, add_tags},
    {"languages", {"languages", "language"}, add_languages},
    {"creator_id",
     {"creator_id", "creator", "author", "channel", "author_id", "channel_id"},
     add_creator},
    {"duration_ms", {"duration_ms"}, add_duration_ms},
    {"duration_ms", {"duration_seconds", "duration"}, add_duration},
    {"published_ms",
     {"published_ms", "published_at", "published", "created_at", "release_date"},
     add_published},
};

enum { ITEM_FIELD_COUNT = sizeof(item_fields) / sizeof(item_fields[0]), NAME_COUNT = 6 };

static bool has_meaning(const struct patch *patch, const char *meaning)
{
    for (size_t i = 0; i < patch->field_count; i++) {
        if (strcmp(patch->fields[i], meaning) == 0) {
            return true;
        }
    }
    return false;
}

/* Reads each meaning from the first of its names that is there and not null. */
static bool read_item_fields(const json_t *fields, struct patch *patch,
                             struct metarank_texts *texts, struct problem *problem)
{
    for (size_t i = 0; i < ITEM_FIELD_COUNT; i++) {
        for (size_t j = 0; j < NAME_COUNT && item_fields[i].names[j] != NULL; j++) {
            const char *name = item_fields[i].names[j];
            const json_t *value = metarank_field(fields, name);
            if (value == NULL || json_is_null(value) ||
                has_meaning(patch, item_fields[i].meaning)) {
                continue;
            }
            if (!item_fields[i].read(name, value, patch, texts, problem)) {
                return false;
            }
        }
    }
    return true;
}

bool metarank_item(const json_t *json, struct patch *patch, struct metarank_texts *texts,
                   struct problem *problem)
{
    int64_t time_ms;
    const char *item;
    const json_t *fields = json_object_get(json, "fields");
    if (!metarank_event_time(json, &time_ms, problem) ||
        !metarank_text(json_object_get(json, "item"), "item", LIMIT_ID_BYTES, &item, problem) ||
        !metarank_check_fields(fields, problem)) {
        return false;
    }
    patch_init(patch, item);
    return read_item_fields(fields, patch, texts, problem);
}
