#include "store/video_row.h"

#include "ranker/check.h"
#include "store/coder.h"

/* Rows of videos without an embedding are what they always were. */
enum { VERSION = 1, VERSION_EMBEDDING = 2 };

enum { FLAG_KNOWN = 1, FLAG_DELETED = 2, FLAG_PREMIUM = 4, FLAGS_END = 8 };

static uint8_t *put_keys(uint8_t *at, const uint64_t *keys, unsigned count)
{
    while (count > 0 && keys[count - 1] == 0) {
        count--;
    }
    at = put_varint(at, count);
    for (unsigned i = 0; i < count; i++) {
        CHECK(keys[i] <= UINT32_MAX);
        at = put_fixed(at, keys[i], 4);
    }
    return at;
}

static uint8_t *put_codes(uint8_t *at, const uint16_t *codes, unsigned count)
{
    while (count > 0 && codes[count - 1] == 0) {
        count--;
    }
    at = put_varint(at, count);
    for (unsigned i = 0; i < count; i++) {
        at = put_fixed(at, codes[i], 2);
    }
    return at;
}

static uint8_t *put_facts(uint8_t *at, const struct video_row *video)
{
    const struct video_facts *facts = &video->facts;
    at = put_fixed(at, facts->creator_key, 8);
    at = put_fixed(at, facts->content_hash, 8);
    at = put_varint(at, video->log_sequence);
    at = put_signed(at, facts->published_ms);
    at = put_varint(at, facts->duration_ms);
    at = put_fixed(at, float_bits(facts->quality), 4);
    at = put_fixed(at, facts->creator_region, 2);
    at = put_fixed(at, facts->minimum_age_years, 1);
    at = put_fixed(at, facts->safety, 1);
    at = put_fixed(at, facts->curated, 1);
    at = put_keys(at, facts->category_keys, LIMIT_VIDEO_CATEGORIES);
    at = put_keys(at, facts->tag_keys, LIMIT_VIDEO_TAGS);
    at = put_codes(at, facts->languages, LIMIT_VIDEO_LANGUAGES);
    at = put_codes(at, facts->caption_languages, LIMIT_VIDEO_LANGUAGES);
    at = put_codes(at, facts->regions_allowed.regions, facts->regions_allowed.count);
    return put_codes(at, facts->regions_forbidden.regions, facts->regions_forbidden.count);
}

static uint8_t *put_embedding(uint8_t *at, const struct embedding *embedding)
{
    at = put_varint(at, embedding->size);
    for (unsigned i = 0; i < embedding->size; i++) {
        at = put_fixed(at, (uint8_t)embedding->values[i], 1);
    }
    return at;
}

size_t video_row_encode(const struct video_row *video, uint8_t *out)
{
    unsigned flags = (video->known ? FLAG_KNOWN : 0U) | (video->deleted ? FLAG_DELETED : 0U) |
                     (video->known && video->facts.premium ? FLAG_PREMIUM : 0U);
    uint8_t *at = put_fixed(out + CODER_HEADER_SIZE, video->facts.key, 8);
    at = put_fixed(at, flags, 1);
    if (video->known) {
        at = put_facts(at, video);
    }
    if (video->known && video->facts.embedding.size > 0) {
        return seal_row(out, VERSION_EMBEDDING, put_embedding(at, &video->facts.embedding));
    }
    return seal_row(out, VERSION, at);
}

static void get_keys(struct bytes *bytes, uint64_t *keys, unsigned count_max)
{
    unsigned count = (unsigned)get_varint(bytes, count_max);
    for (unsigned i = 0; i < count; i++) {
        keys[i] = get_fixed(bytes, 4);
    }
    expect(bytes, count == 0 || keys[count - 1] != 0);
}

static uint16_t get_codes(struct bytes *bytes, uint16_t *codes, unsigned count_max)
{
    unsigned count = (unsigned)get_varint(bytes, count_max);
    for (unsigned i = 0; i < count; i++) {
        codes[i] = (uint16_t)get_fixed(bytes, 2);
    }
    expect(bytes, count == 0 || codes[count - 1] != 0);
    return (uint16_t)count;
}

static void get_regions(struct bytes *bytes, struct region_set *set)
{
    set->count = get_codes(bytes, set->regions, LIMIT_VIDEO_REGIONS);
    for (unsigned i = 0; i < set->count; i++) {
        expect(bytes, set->regions[i] > (i > 0 ? set->regions[i - 1] : 0));
    }
}

static void get_facts(struct bytes *bytes, struct video_row *video)
{
    struct video_facts *facts = &video->facts;
    facts->creator_key = get_fixed(bytes, 8);
    facts->content_hash = get_fixed(bytes, 8);
    video->log_sequence = get_varint(bytes, UINT64_MAX);
    facts->published_ms = get_signed(bytes);
    facts->duration_ms = (uint32_t)get_varint(bytes, UINT32_MAX);
    facts->quality = get_float(bytes);
    facts->creator_region = (uint16_t)get_fixed(bytes, 2);
    facts->minimum_age_years = (uint8_t)get_fixed(bytes, 1);
    facts->safety = (uint8_t)get_fixed(bytes, 1);
    facts->curated = (uint8_t)get_fixed(bytes, 1);
    get_keys(bytes, facts->category_keys, LIMIT_VIDEO_CATEGORIES);
    get_keys(bytes, facts->tag_keys, LIMIT_VIDEO_TAGS);
    (void)get_codes(bytes, facts->languages, LIMIT_VIDEO_LANGUAGES);
    (void)get_codes(bytes, facts->caption_languages, LIMIT_VIDEO_LANGUAGES);
    get_regions(bytes, &facts->regions_allowed);
    get_regions(bytes, &facts->regions_forbidden);
}

static void get_embedding(struct bytes *bytes, struct embedding *embedding)
{
    embedding->size = (uint8_t)get_varint(bytes, LIMIT_VIDEO_EMBEDDING);
    for (unsigned i = 0; i < embedding->size; i++) {
        embedding->values[i] = (int8_t)get_fixed(bytes, 1);
    }
    expect(bytes, embedding->size > 0 && embedding_is_sound(embedding));
}

enum status video_row_decode(const uint8_t *row, size_t size, struct video_row *out)
{
    bool has_embedding = size > 0 && row[0] == VERSION_EMBEDDING;
    struct bytes bytes = open_row(row, size, has_embedding ? VERSION_EMBEDDING : VERSION);
    struct video_row video = {.facts = {.key = get_fixed(&bytes, 8)}};
    unsigned flags = (unsigned)get_fixed(&bytes, 1);
    expect(&bytes, video.facts.key != 0);
    expect(&bytes, flags < FLAGS_END);
    video.known = (flags & FLAG_KNOWN) != 0;
    video.deleted = (flags & FLAG_DELETED) != 0;
    video.facts.premium = (flags & FLAG_PREMIUM) != 0;
    expect(&bytes, video.known || !video.facts.premium);
    expect(&bytes, video.known || !has_embedding);
    if (video.known) {
        get_facts(&bytes, &video);
    }
    if (has_embedding) {
        get_embedding(&bytes, &video.facts.embedding);
    }
    if (!all_read(&bytes)) {
        return STATUS_CORRUPT;
    }
    *out = video;
    return STATUS_OK;
}
