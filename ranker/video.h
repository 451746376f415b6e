#ifndef RANKER_VIDEO_H
#define RANKER_VIDEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
 * Of a row's tags and counters these are in the row: the first tags, and the counters before
 * VIDEO_RARE. Most videos have no others, and those that do have them in a struct video_more.
 */
enum { VIDEO_TAGS = LIMIT_VIDEO_TAGS / 2, VIDEO_RARE = COUNTER_SHARES };

/* struct stats_decayed without the rare counters. */
struct video_decayed {
    uint32_t newest_tick;
    uint32_t mean_watch_ms;
    float counts[HALF_LIFE_COUNT][VIDEO_RARE];
};

/* What lies apart from the rows, for videos that have any of it: one cache line. */
struct video_more {
    float counts[HALF_LIFE_COUNT][COUNTER_SCORED_COUNT - VIDEO_RARE];
    uint32_t tag_keys[LIMIT_VIDEO_TAGS - VIDEO_TAGS];
};
_Static_assert(sizeof(struct video_more) == 64, "one cache line");

/*
 * A video in memory: what scoring reads, and nothing else. A row exists for every video the
 * catalogue or a signal has named; known tells the former. Category and tag keys are the low 32
 * bits of their hash_key(): in policy they only forbid, so a collision can drop but never show.
 */
struct video {
    uint64_t key;
    uint64_t creator_key;
    int64_t published_ms;
    uint32_t more; /* number of its struct video_more; 0: it has none */
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
    uint32_t tag_keys[VIDEO_TAGS]; /* see video_tags() */
    float quality;                 /* this and the first of decayed likewise */
    struct video_decayed decayed;  /* of the global scope */
};
_Static_assert(sizeof(struct video) == 192, "three cache lines, so that no row touches a fourth");

/* Whether the catalogue has it; false for NULL. */
static inline bool video_is_live(const struct video *video)
{
    return video != NULL && video->known && !video->deleted;
}

/* Impressions or plays, whichever is more, as of the row's newest tick. */
static inline double video_most_views(const struct video *video, enum half_life half_life)
{
    double impressions = video->decayed.counts[half_life][COUNTER_IMPRESSIONS];
    double plays = video->decayed.counts[half_life][COUNTER_PLAYS];
    return impressions > plays ? impressions : plays;
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

/* The number of a row of these videos, for videos_at(). */
size_t videos_number(const struct videos *videos, const struct video *row);

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

/* Finds or adds the row of key, key not 0; a new row is all zero but for key and
 * duration_bucket. */
MUST_USE enum status videos_add(struct videos *videos, uint64_t key, struct video **out);

/* Removes the row; the last one takes its place and number. */
void videos_remove(struct videos *videos, struct video *row);

/* Overwrites the catalogue's part of the row facts->key, adding it if need be; statistics stay. */
MUST_USE enum status videos_put(struct videos *videos, const struct video_facts *facts);

/*
 * The decayed counts of a row, and what they are from now on; likewise its tags. Where no row has
 * ever been removed and no counts set to less, several threads may set them at once, each those of
 * other rows. A copy of a row may be used in its stead, and is then the row.
 */
void videos_get_decayed(const struct videos *videos, const struct video *row,
                        struct stats_decayed *out);
void videos_set_decayed(struct videos *videos, struct video *row,
                        const struct stats_decayed *decayed);
void videos_get_tags(const struct videos *videos, const struct video *row,
                     uint32_t out[LIMIT_VIDEO_TAGS]);
void videos_set_tags(struct videos *videos, struct video *row,
                     const uint32_t keys[LIMIT_VIDEO_TAGS]);

/* What rows have more, by their number, until the next videos_add(); the first is all zero. */
const struct video_more *videos_more(const struct videos *videos);

static inline const struct video_more *video_more_of(const struct video_more *more,
                                                     const struct video *row)
{
    return &more[row->more];
}

/* All tags of a row that has this more: 0 where there is none. */
static inline void video_tags(const struct video *row, const struct video_more *more,
                              uint32_t out[LIMIT_VIDEO_TAGS])
{
    memcpy(out, row->tag_keys, sizeof(row->tag_keys));
    memcpy(out + VIDEO_TAGS, more->tag_keys, sizeof(more->tag_keys));
}

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
