#ifndef RANKER_VIDEO_H
#define RANKER_VIDEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/embedding.h"
#include "ranker/limits.h"
#include "ranker/stats.h"

/* Numbers of reelrank.v1.SafetyRating; a higher number is a higher risk. */
enum safety {
    SAFETY_UNRATED = 1,
    SAFETY_LOW = 2,
    SAFETY_MEDIUM = 3,
    SAFETY_HIGH = 4,
    SAFETY_FLOOR = 5
};

/* Numbers of reelrank.v1.CuratedTier. */
enum curated { CURATED_NONE = 0, CURATED_APPROVED = 1, CURATED_FEATURED = 2 };

/* A set of region codes, shared between videos. */
struct region_set {
    uint16_t count; /* 0: the empty set */
    uint16_t regions[LIMIT_VIDEO_REGIONS];
};

/* What the catalogue says of a video, validated; keys are hash_key() of the texts, 0 for none. */
struct video_facts {
    uint64_t key;
    uint64_t creator_key;
    uint64_t
        content_hash; /* XXH3-64 of the canonical reelrank.v1.Video bytes: recognises a repeat */
    uint64_t category_keys[LIMIT_VIDEO_CATEGORIES];
    uint64_t tag_keys[LIMIT_VIDEO_TAGS];
    uint16_t languages[LIMIT_VIDEO_LANGUAGES];
    uint16_t caption_languages[LIMIT_VIDEO_LANGUAGES];
    struct region_set regions_allowed;
    struct region_set regions_forbidden;
    int64_t published_ms; /* 0: unknown */
    uint32_t duration_ms; /* 0: unknown */
    uint16_t creator_region;
    uint8_t minimum_age_years;
    uint8_t safety;  /* enum safety */
    uint8_t curated; /* enum curated */
    bool premium;
    float quality; /* 0: unknown */
    struct embedding embedding;
};

/*
 * A video in memory: what scoring reads, and nothing else. A row exists for every video the
 * catalogue or a signal has named; known tells the former. Category and tag keys are the low 32
 * bits of their hash_key(): in policy they only forbid, so a collision can drop but never show.
 */
struct video {
    uint64_t key;
    uint64_t creator_key;
    int64_t published_ms;
    uint32_t number; /* for videos_at() */
    uint32_t duration_ms;
    uint32_t regions_allowed;   /* index for videos_region_set(); 0: everywhere */
    uint32_t regions_forbidden; /* index for videos_region_set(); 0: nowhere */
    uint16_t languages[LIMIT_VIDEO_LANGUAGES];
    uint16_t caption_languages[LIMIT_VIDEO_LANGUAGES];
    uint16_t creator_region;
    uint8_t minimum_age_years;
    uint8_t safety;
    uint8_t curated; /* this and the next two are read as one number, see video_block.h */
    uint8_t duration_bucket;
    bool premium;
    bool known : 1;
    bool deleted : 1;
    uint32_t category_keys[LIMIT_VIDEO_CATEGORIES];
    uint32_t tag_keys[LIMIT_VIDEO_TAGS];
    float quality;                /* this and the first of decayed likewise */
    struct stats_decayed decayed; /* of the global scope */
};
_Static_assert(sizeof(struct video) == 256, "four cache lines, so that no row touches a fifth");

/* Whether the catalogue has it; false for NULL. */
static inline bool video_is_live(const struct video *video)
{
    return video != NULL && video->known && !video->deleted;
}

/* Which log entry put a row. Ranking never reads it, so it lies apart from the rows. */
struct video_source {
    uint64_t content_hash; /* of its facts; 0 once deleted */
    uint64_t log_sequence; /* 0: only signals have named the video */
};

/*
 * All videos, found by key. Pointers into the table live until the next videos_add() or
 * videos_remove(). One writer at a time, any number of readers between writes.
 */
struct videos;

/* NULL when memory is short. */
struct videos *videos_new(void);
void videos_free(struct videos *videos);

size_t videos_count(const struct videos *videos);
const struct video *videos_at(const struct videos *videos, size_t index);

/* NULL when there is no such row. */
struct video *videos_find(struct videos *videos, uint64_t key);

/*
 * Finds count videos at once into out (NULL where absent). Asks for the index ahead, and for rows
 * as soon as they are known, which costs about 15 ns a video in a cold table of a million instead
 * of 90.
 */
void videos_find_many(const struct videos *videos, const uint64_t *keys, size_t count,
                      const struct video **out);

/* Make the index of a key, then its row, come near; nothing else. */
void videos_prefetch(const struct videos *videos, uint64_t key);
void videos_prefetch_row(const struct videos *videos, uint64_t key);

/* Finds or adds the row of key, key not 0; a new row is all zero but for key, number and
 * duration_bucket. */
MUST_USE enum status videos_add(struct videos *videos, uint64_t key, struct video **out);

/* Removes the row; the last one takes its place and number. */
void videos_remove(struct videos *videos, struct video *row);

/* Overwrites the catalogue's part of the row facts->key, adding it if need be; statistics stay. */
MUST_USE enum status videos_put(struct videos *videos, const struct video_facts *facts);

/* The source of a row of these videos: zeroes until it is set. */
struct video_source videos_source(const struct videos *videos, const struct video *row);
void videos_set_source(struct videos *videos, const struct video *row, struct video_source source);

/*
 * The embedding of a row of these videos, until the next videos_put() or videos_remove(); NULL
 * without one. They lie apart from the rows, and take no memory while no video has one.
 */
const struct embedding *videos_embedding(const struct videos *videos, const struct video *row);
void videos_prefetch_embedding(const struct videos *videos, const struct video *row);

/* Forgets it. */
void videos_drop_embedding(struct videos *videos, const struct video *row);

const struct region_set *videos_region_set(const struct videos *videos, uint32_t index);
bool region_set_contains(const struct region_set *set, uint16_t region);

#endif
