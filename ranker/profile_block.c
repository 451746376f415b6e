#include "ranker/profile_block.h"

#include <emmintrin.h>
#include <string.h>

/* Most videos have one or two categories, and up to four tags: looked up as a group, without a jump
 * that depends on how many there are, which is hard to foretell. */
enum { CATEGORY_GROUP = 2, TAG_GROUP = 4 };
_Static_assert((int)LIMIT_VIDEO_CATEGORIES == 2 * (int)CATEGORY_GROUP, "two groups");

/* 1 / n, so that a mean needs no division. */
static const double shares[] = {0,       1.0,     1.0 / 2, 1.0 / 3, 1.0 / 4,
                                1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8};
_Static_assert(LIMIT_VIDEO_TAGS < sizeof(shares) / sizeof(shares[0]), "one for each count");

void profile_block_init(struct profile_block *block, const struct profile *profile,
                        const struct video *const *videos)
{
    block->profile = profile;
    block->videos = videos;
    block->creators_found = false;
    block->categories_found = false;
    block->languages_found = false;
}

/* A bit for each of four keys that is 0. */
static inline unsigned zeros_of_4(const uint32_t *keys)
{
    __m128i zeros = _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *)keys), _mm_setzero_si128());
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(zeros));
}

/* Compiled for sealed maps and for others, so that what a look-up needs stays in registers. */
#define FOR_BOTH static inline __attribute__((always_inline))

FOR_BOTH void look_up_creators(struct profile_block *block, bool sealed)
{
    struct perfect map = block->profile->tastes[AFFINITY_CREATOR];
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        uint64_t creator = block->videos[i]->creator_key;
        block->creators[i] = (uint16_t)perfect_index_if(&map, sealed, creator);
    }
}

static void find_creators(struct profile_block *block)
{
    if (block->creators_found) {
        return;
    }
    if (__builtin_expect(block->profile->tastes[AFFINITY_CREATOR].sealed, true)) {
        look_up_creators(block, true);
    } else {
        look_up_creators(block, false);
    }
    block->creators_found = true;
}

/*
 * Behind the first 0 there are zeros, which have index 0, but for keys whose 32 bits happen to be
 * 0: hardly ever, so the second jump costs little.
 */
FOR_BOTH void look_up_categories(struct profile_block *block, bool sealed)
{
    enum { ALL = (1 << LIMIT_VIDEO_CATEGORIES) - 1 };
    struct perfect map = block->profile->tastes[AFFINITY_CATEGORY];
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        const uint32_t *keys = block->videos[i]->category_keys;
        uint16_t *indexes = block->categories[i];
        unsigned zeros = zeros_of_4(keys);
        unsigned there = (unsigned)__builtin_ctz(zeros | (ALL + 1));
        indexes[0] = (uint16_t)perfect_index_if(&map, sealed, keys[0]);
        indexes[1] = (uint16_t)perfect_index_if(&map, sealed, keys[1]);
        indexes[2] = 0;
        indexes[3] = 0;
        if (there > CATEGORY_GROUP) {
            indexes[2] = (uint16_t)perfect_index_if(&map, sealed, keys[2]);
            indexes[3] = (uint16_t)perfect_index_if(&map, sealed, keys[3]);
        }
        if (__builtin_expect((ALL & ~zeros) >> there != 0, false)) {
            for (unsigned at = there; at < LIMIT_VIDEO_CATEGORIES; at++) {
                indexes[at] = 0;
            }
        }
        block->category_counts[i] = (uint8_t)there;
    }
}

static void find_categories(struct profile_block *block)
{
    if (block->categories_found) {
        return;
    }
    if (__builtin_expect(block->profile->tastes[AFFINITY_CATEGORY].sealed, true)) {
        look_up_categories(block, true);
    } else {
        look_up_categories(block, false);
    }
    block->categories_found = true;
}

void profile_creators_seen(struct profile_block *block, double out[PROFILE_BLOCK])
{
    find_creators(block);
    const double *seen = block->profile->seen_of_late[AFFINITY_CREATOR];
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        out[i] = seen[block->creators[i]];
    }
}

static inline double larger(double a, double b)
{
    return a > b ? a : b;
}

void profile_categories_seen(struct profile_block *block, double out[PROFILE_BLOCK])
{
    find_categories(block);
    const double *seen = block->profile->seen_of_late[AFFINITY_CATEGORY];
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        const uint16_t *at = block->categories[i];
        out[i] = larger(larger(seen[at[0]], seen[at[1]]), larger(seen[at[2]], seen[at[3]]));
    }
}

static void category_tastes(struct profile_block *block, double *out)
{
    find_categories(block);
    const double *values = block->profile->tastes[AFFINITY_CATEGORY].values;
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        const uint16_t *at = block->categories[i];
        double sum = 0 + values[at[0]] + values[at[1]] + values[at[2]] + values[at[3]];
        out[i] = sum * shares[block->category_counts[i]];
    }
}

/* The mean over the tags before the first 0, as with categories. */
FOR_BOTH double tag_taste(const struct perfect *map, bool sealed, const uint32_t *keys)
{
    enum { ALL = (1 << TAG_GROUP) - 1 };
    unsigned zeros = zeros_of_4(keys);
    unsigned count = (unsigned)__builtin_ctz(zeros | (ALL + 1));
    double values[TAG_GROUP];
#pragma GCC unroll 4
    for (unsigned i = 0; i < TAG_GROUP; i++) {
        values[i] = map->values[perfect_index_if(map, sealed, keys[i])];
    }
    if (__builtin_expect((ALL & ~zeros) >> count != 0, false)) {
        for (unsigned i = count; i < TAG_GROUP; i++) {
            values[i] = 0;
        }
    }
    double sum = 0 + values[0] + values[1] + values[2] + values[3];
    if (keys[TAG_GROUP] != 0 && zeros == 0) {
        for (; count < LIMIT_VIDEO_TAGS && keys[count] != 0; count++) {
            sum += map->values[perfect_index_if(map, sealed, keys[count])];
        }
    }
    return sum * shares[count];
}

FOR_BOTH void look_up_tags(const struct profile_block *block, bool sealed, double *out)
{
    struct perfect map = block->profile->tastes[AFFINITY_TAG];
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        out[i] = tag_taste(&map, sealed, block->videos[i]->tag_keys);
    }
}

static void tag_tastes(const struct profile_block *block, double *out)
{
    if (__builtin_expect(block->profile->tastes[AFFINITY_TAG].sealed, true)) {
        look_up_tags(block, true, out);
    } else {
        look_up_tags(block, false, out);
    }
}

/* All languages of a video as one number, 16 bits each, so that trailing zeros end a loop. */
static inline uint64_t pack_languages(const uint16_t *languages)
{
    uint64_t packed;
    memcpy(&packed, languages, sizeof(packed));
    return packed;
}
_Static_assert(LIMIT_VIDEO_LANGUAGES * sizeof(uint16_t) == sizeof(uint64_t), "one for each");

/* Over the languages that are known, which may stand between unknown ones. */
static double mean_language_taste(const struct perfect *tastes, uint64_t languages)
{
    double sum = 0;
    unsigned count = 0;
    for (uint64_t left = languages; left != 0; left >>= 16) {
        uint16_t language = (uint16_t)left;
        sum += perfect_value(tastes, language);
        count += language != 0;
    }
    return sum * shares[count];
}

/* Language 0, none, looks up 0. */
static double best_match(const struct perfect *matches, uint64_t languages, double best)
{
    for (uint64_t left = languages; left != 0; left >>= 16) {
        double match = perfect_value(matches, (uint16_t)left);
        best = match > best ? match : best;
    }
    return best;
}

__attribute__((noinline)) static void work_out_suit(const struct profile *profile,
                                                    uint64_t languages, uint64_t captions,
                                                    struct language_suit *suit)
{
    *suit = (struct language_suit){
        .languages = languages,
        .captions = captions,
        .taste = mean_language_taste(&profile->tastes[AFFINITY_LANGUAGE], languages),
        .match =
            best_match(&profile->captions, captions, best_match(&profile->spoken, languages, 0)),
    };
}

/* Zeroed, as they begin, suits are right: for a video without languages. */
static const struct language_suit *find_suit(const struct profile *profile,
                                             const struct video *video)
{
    uint64_t languages = pack_languages(video->languages);
    uint64_t captions = pack_languages(video->caption_languages);
    uint64_t mixed =
        (languages * UINT64_C(0x9e3779b97f4a7c15) + captions) * UINT64_C(0xd1342543de82ef95);
    struct language_suit *suit = &profile->suits[mixed >> 58];
    if (suit->languages != languages || suit->captions != captions) {
        work_out_suit(profile, languages, captions, suit);
    }
    return suit;
}
_Static_assert(PROFILE_SUITS == 1 << (64 - 58), "the upper 6 bits");

static void find_languages(struct profile_block *block)
{
    if (block->languages_found) {
        return;
    }
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        const struct language_suit *suit = find_suit(block->profile, block->videos[i]);
        block->language_tastes[i] = suit->taste;
        block->language_matches[i] = suit->match;
    }
    block->languages_found = true;
}

void profile_language_matches(struct profile_block *block, double out[PROFILE_BLOCK])
{
    find_languages(block);
    memcpy(out, block->language_matches, sizeof(block->language_matches));
}

void profile_affinities(struct profile_block *block, enum affinity_kind kind,
                        double out[PROFILE_BLOCK])
{
    const struct profile *profile = block->profile;
    switch (kind) {
    case AFFINITY_CREATOR:
        find_creators(block);
        for (size_t i = 0; i < PROFILE_BLOCK; i++) {
            out[i] = profile->tastes[AFFINITY_CREATOR].values[block->creators[i]];
        }
        break;
    case AFFINITY_CATEGORY:
        category_tastes(block, out);
        break;
    case AFFINITY_TAG:
        tag_tastes(block, out);
        break;
    case AFFINITY_LANGUAGE:
        find_languages(block);
        memcpy(out, block->language_tastes, sizeof(block->language_tastes));
        break;
    default:
        for (size_t i = 0; i < PROFILE_BLOCK; i++) {
            out[i] = profile->duration_tastes[block->videos[i]->duration_bucket];
        }
        break;
    }
}
