#include "ranker/wire.h"

#include <math.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/wire_check.h"

/* As malloc() would, which is what protobuf-c uses by itself: it writes all that it reads. */
static void *arena_allocate(void *arena, size_t size)
{
    return arena_alloc_raw(arena, size > 0 ? size : 1, 1, _Alignof(max_align_t));
}

static void arena_forget(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

ProtobufCAllocator wire_allocator(struct arena *arena)
{
    return (ProtobufCAllocator){
        .alloc = arena_allocate, .free = arena_forget, .allocator_data = arena};
}

enum status wire_id(const char *field, size_t index, const char *id, struct problem *problem)
{
    struct text text = text_of(id);
    if (text.size < 1 || text.size > LIMIT_ID_BYTES) {
        problem_set(problem, "%s[%zu] has %zu bytes; 1 to %d are allowed", field, index, text.size,
                    LIMIT_ID_BYTES);
        return STATUS_INVALID;
    }
    if (!text_is_ascii(text) && !text_is_utf8(text)) {
        problem_set(problem, "%s[%zu] is not UTF-8", field, index);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status check_signal_texts(const Reelrank__V1__Signal *message, struct problem *problem)
{
    const struct {
        const char *field;
        const char *value;
        size_t minimum;
        size_t maximum;
    } texts[] = {
        {"signal.event_id", message->event_id, 0, LIMIT_ID_BYTES},
        {"signal.user_id", message->user_id, 1, LIMIT_ID_BYTES},
        {"signal.video_id", message->video_id, 1, LIMIT_ID_BYTES},
        {"signal.locale", message->locale, 0, LIMIT_LOCALE_BYTES},
        {"signal.ranking_id", message->ranking_id, 0, LIMIT_SHORT_BYTES},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        enum status status = wire_check_text(texts[i].field, texts[i].value, texts[i].minimum,
                                             texts[i].maximum, problem);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status check_signal_numbers(const Reelrank__V1__Signal *message, int64_t now_ms,
                                        struct problem *problem)
{
    int type = (int)message->type;
    if (type < SIGNAL_IMPRESSION || type >= SIGNAL_TYPE_END) {
        problem_set(problem,
                    "signal.type is %d; SIGNAL_TYPE_IMPRESSION (%d) to SIGNAL_TYPE_REPORT (%d) is "
                    "allowed",
                    type, SIGNAL_IMPRESSION, SIGNAL_REPORT);
        return STATUS_INVALID;
    }
    if (now_ms > 0 && message->time_ms > now_ms + LIMIT_FUTURE_MS) {
        problem_set(problem, "signal.time_ms is more than 24 hours ahead of the server's clock; "
                             "is it in milliseconds since 1970 UTC?");
        return STATUS_INVALID;
    }
    enum status status =
        wire_check_range("signal.time_ms", message->time_ms, 1, LIMIT_TIME_MS, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_range("signal.watch_ms", message->watch_ms, 0, LIMIT_DURATION_MS, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return wire_check_range("signal.video_duration_ms", message->video_duration_ms, 0,
                            LIMIT_DURATION_MS, problem);
}

/* What is left to do of a signal whose texts are right and whose ids have these keys. */
static enum status put_signal(const Reelrank__V1__Signal *message,
                              const struct wire_signal_note *note, int64_t now_ms,
                              struct signal *out, struct problem *problem)
{
    enum status status = check_signal_numbers(message, now_ms, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct locale locale = {0};
    if (message->locale[0] != '\0') {
        status = locale_parse(text_of(message->locale), &locale);
        if (status != STATUS_OK) {
            problem_set(problem,
                        "signal.locale \"%s\" is not a BCP 47 language tag such as "
                        "\"hi-IN\"",
                        message->locale);
            return status;
        }
    }
    *out = (struct signal){
        .user_key = note->user_key,
        .video_key = note->video_key,
        .ranking_key = note->ranking_key,
        .type = (enum signal_type)message->type,
        .position = message->position,
        .time_ms = message->time_ms,
        .watch_ms = message->watch_ms,
        .video_duration_ms = message->video_duration_ms,
        .locale = locale,
    };
    return STATUS_OK;
}

enum status wire_signal(const Reelrank__V1__Signal *message, int64_t now_ms, struct signal *out,
                        struct problem *problem)
{
    enum status status = wire_check_unknown("signal", &message->base, problem);
    if (status == STATUS_OK) {
        status = check_signal_texts(message, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct text ranking_id = text_of(message->ranking_id);
    const struct wire_signal_note note = {
        .user_key = hash_key(text_of(message->user_id)),
        .video_key = hash_key(text_of(message->video_id)),
        .ranking_key = ranking_id.size > 0 ? hash_key(ranking_id) : 0,
    };
    return put_signal(message, &note, now_ms, out, problem);
}

enum status wire_signal_noted(const Reelrank__V1__Signal *message,
                              const struct wire_signal_note *note, int64_t now_ms,
                              struct signal *out, struct problem *problem)
{
    return note->packed.size > 0 ? put_signal(message, note, now_ms, out, problem)
                                 : wire_signal(message, now_ms, out, problem);
}

/* Hashes count texts into keys. */
static enum status put_keys(const char *field, char *const *texts, size_t count, size_t maximum,
                            uint64_t *keys, struct problem *problem)
{
    enum status status = wire_check_count(field, count, maximum, problem);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = wire_check_text(field, texts[i], 1, LIMIT_SHORT_BYTES, problem);
        if (status == STATUS_OK) {
            keys[i] = hash_key(text_of(texts[i]));
        }
    }
    return status;
}

static enum status put_languages(const char *field, char *const *tags, size_t count,
                                 uint16_t *languages, struct problem *problem)
{
    enum status status = wire_check_count(field, count, LIMIT_VIDEO_LANGUAGES, problem);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = wire_check_language(field, tags[i], &languages[i], problem);
    }
    return status;
}

/* Sorted, without repeats, so that equal sets are equal bytes. */
static void add_region(struct region_set *set, uint16_t region)
{
    uint16_t at = 0;
    while (at < set->count && set->regions[at] < region) {
        at++;
    }
    if (at < set->count && set->regions[at] == region) {
        return;
    }
    memmove(&set->regions[at + 1], &set->regions[at],
            (size_t)(set->count - at) * sizeof(set->regions[0]));
    set->regions[at] = region;
    set->count++;
}

static enum status put_regions(const char *field, char *const *tags, size_t count,
                               struct region_set *set, struct problem *problem)
{
    enum status status = wire_check_count(field, count, LIMIT_VIDEO_REGIONS, problem);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        uint16_t region = 0;
        status = wire_check_text(field, tags[i], 1, LIMIT_LOCALE_BYTES, problem);
        if (status == STATUS_OK) {
            status = wire_check_region(field, tags[i], &region, problem);
        }
        if (status == STATUS_OK) {
            add_region(set, region);
        }
    }
    return status;
}

static enum status check_video_texts(const Reelrank__V1__Video *message, struct problem *problem)
{
    enum status status =
        wire_check_text("video.video_id", message->video_id, 1, LIMIT_ID_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_text("video.creator_id", message->creator_id, 0, LIMIT_ID_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_text("video.title", message->title, 0, LIMIT_TITLE_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_count("video.inferred", message->n_inferred, LIMIT_INFERRED, problem);
    for (size_t i = 0; status == STATUS_OK && i < message->n_inferred; i++) {
        status =
            wire_check_text("video.inferred", message->inferred[i], 1, LIMIT_SHORT_BYTES, problem);
    }
    return status;
}

static enum status check_video_numbers(const Reelrank__V1__Video *message, struct problem *problem)
{
    const struct {
        const char *field;
        int64_t value;
        int64_t maximum;
    } numbers[] = {
        {"video.duration_ms", message->duration_ms, LIMIT_DURATION_MS},
        {"video.published_ms", message->published_ms, LIMIT_TIME_MS},
        {"video.minimum_age_years", message->minimum_age_years, LIMIT_MINIMUM_AGE_YEARS},
        {"video.safety_rating", message->safety_rating, SAFETY_FLOOR},
        {"video.curated_tier", message->curated_tier, CURATED_FEATURED},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        enum status status =
            wire_check_range(numbers[i].field, numbers[i].value, 0, numbers[i].maximum, problem);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (!(message->quality >= 0.0 && message->quality <= 1.0)) {
        problem_set(problem, "video.quality is %g; 0 to 1 is allowed", message->quality);
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < message->n_embedding; i++) {
        if (!isfinite(message->embedding[i])) {
            problem_set(problem, "video.embedding[%zu] is not a finite number", i);
            return STATUS_INVALID;
        }
    }
    return wire_check_count("video.embedding", message->n_embedding, LIMIT_VIDEO_EMBEDDING,
                            problem);
}

static enum status put_video_lists(const Reelrank__V1__Video *message, struct video_facts *facts,
                                   struct problem *problem)
{
    enum status status = put_keys("video.categories", message->categories, message->n_categories,
                                  LIMIT_VIDEO_CATEGORIES, facts->category_keys, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = put_keys("video.tags", message->tags, message->n_tags, LIMIT_VIDEO_TAGS,
                      facts->tag_keys, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = put_languages("video.languages", message->languages, message->n_languages,
                           facts->languages, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = put_languages("video.caption_languages", message->caption_languages,
                           message->n_caption_languages, facts->caption_languages, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = put_regions("video.regions_allowed", message->regions_allowed,
                         message->n_regions_allowed, &facts->regions_allowed, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return put_regions("video.regions_forbidden", message->regions_forbidden,
                       message->n_regions_forbidden, &facts->regions_forbidden, problem);
}

enum status wire_video(const Reelrank__V1__Video *message, struct video_facts *out,
                       struct problem *problem)
{
    enum status status = wire_check_unknown("video", &message->base, problem);
    if (status == STATUS_OK) {
        status = check_video_texts(message, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = check_video_numbers(message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct text creator = text_of(message->creator_id);
    struct video_facts facts = {
        .key = hash_key(text_of(message->video_id)),
        .creator_key = creator.size > 0 ? hash_key(creator) : 0,
        .published_ms = message->published_ms,
        .duration_ms = (uint32_t)message->duration_ms,
        .minimum_age_years = (uint8_t)message->minimum_age_years,
        .safety = (uint8_t)(message->safety_rating > 0 ? message->safety_rating : SAFETY_UNRATED),
        .curated = (uint8_t)message->curated_tier,
        .premium = message->premium != 0,
        .quality = (float)message->quality,
        .embedding = embedding_of(message->embedding, message->n_embedding),
    };
    status = wire_check_region("video.creator_region", message->creator_region,
                               &facts.creator_region, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = put_video_lists(message, &facts, problem);
    if (status != STATUS_OK) {
        return status;
    }
    *out = facts;
    return STATUS_OK;
}
