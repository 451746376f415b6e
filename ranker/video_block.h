#ifndef RANKER_VIDEO_BLOCK_H
#define RANKER_VIDEO_BLOCK_H

#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/video.h"

/*
 * A block of videos with what many features read of them in columns, four videos and up to four
 * columns at a time: by rows each number would take its own load, store and conversion.
 */
enum { VIDEO_BLOCK = 32 };

struct video_block {
    const struct video *rows[VIDEO_BLOCK]; /* all there */
    const struct video_more *more;         /* of all videos */
    float qualities[VIDEO_BLOCK];
    uint32_t newest_ticks[VIDEO_BLOCK]; /* of decayed, as the next */
    uint32_t mean_watch_ms[VIDEO_BLOCK];
    uint32_t creator_regions[VIDEO_BLOCK];
    uint32_t kinds[VIDEO_BLOCK]; /* for the functions below */
};

static inline unsigned video_kind_curated(uint32_t kind)
{
    return kind & 0xff;
}

static inline unsigned video_kind_duration_bucket(uint32_t kind)
{
    return kind >> 8 & 0xff;
}

static inline unsigned video_kind_premium(uint32_t kind)
{
    return kind >> 16 & 0xff;
}

/* Four numbers at a place. */
static inline __m128i video_block_load(const void *begin, size_t offset)
{
    return _mm_loadu_si128((const __m128i *)((const char *)begin + offset));
}

/* Four numbers of each of four videos, from rows to columns. */
static inline void video_block_turn(const __m128i rows[4], __m128i columns[4])
{
    __m128i a = rows[0];
    __m128i b = rows[1];
    __m128i c = rows[2];
    __m128i d = rows[3];
    __m128i ab_low = _mm_unpacklo_epi32(a, b);
    __m128i cd_low = _mm_unpacklo_epi32(c, d);
    __m128i ab_high = _mm_unpackhi_epi32(a, b);
    __m128i cd_high = _mm_unpackhi_epi32(c, d);
    columns[0] = _mm_unpacklo_epi64(ab_low, cd_low);
    columns[1] = _mm_unpackhi_epi64(ab_low, cd_low);
    columns[2] = _mm_unpacklo_epi64(ab_high, cd_high);
    columns[3] = _mm_unpackhi_epi64(ab_high, cd_high);
}

/* What stands `offset` bytes behind the beginning of each of four rows. */
static inline void video_block_transpose(const struct video *const *rows, size_t offset,
                                         __m128i columns[4])
{
    const __m128i numbers[4] = {
        video_block_load(rows[0], offset),
        video_block_load(rows[1], offset),
        video_block_load(rows[2], offset),
        video_block_load(rows[3], offset),
    };
    video_block_turn(numbers, columns);
}

/* Likewise behind that of what they have more. */
static inline void video_block_transpose_more(const struct video_more *more,
                                              const struct video *const *rows, size_t offset,
                                              __m128i columns[4])
{
    const __m128i numbers[4] = {
        video_block_load(video_more_of(more, rows[0]), offset),
        video_block_load(video_more_of(more, rows[1]), offset),
        video_block_load(video_more_of(more, rows[2]), offset),
        video_block_load(video_more_of(more, rows[3]), offset),
    };
    video_block_turn(numbers, columns);
}

static inline void video_block_put(void *column, size_t at, __m128i four)
{
    _mm_storeu_si128((__m128i *)((uint32_t *)column + at), four);
}

/* Fills the columns; the rest is set. */
static inline void video_block_fill(struct video_block *block)
{
    enum { FACTS = offsetof(struct video, quality), KINDS = offsetof(struct video, curated) - 12 };
    _Static_assert(offsetof(struct video, decayed.newest_tick) == FACTS + 4 &&
                       offsetof(struct video, decayed.mean_watch_ms) == FACTS + 8,
                   "side by side");
    _Static_assert(offsetof(struct video, creator_region) == KINDS + 8 &&
                       offsetof(struct video, duration_bucket) == KINDS + 13 &&
                       offsetof(struct video, premium) == KINDS + 14,
                   "bytes as above");
    for (size_t i = 0; i < VIDEO_BLOCK; i += 4) {
        __m128i facts[4];
        __m128i kinds[4];
        video_block_transpose(&block->rows[i], FACTS, facts);
        video_block_transpose(&block->rows[i], KINDS, kinds);
        video_block_put(block->qualities, i, facts[0]);
        video_block_put(block->newest_ticks, i, facts[1]);
        video_block_put(block->mean_watch_ms, i, facts[2]);
        video_block_put(block->creator_regions, i,
                        _mm_and_si128(kinds[2], _mm_set1_epi32(UINT16_MAX)));
        video_block_put(block->kinds, i, kinds[3]);
    }
}
_Static_assert(VIDEO_BLOCK % 4 == 0, "whole groups");

#endif
