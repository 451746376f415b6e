#include "ranker/profile_block.h"

#include <string.h>

#include "ranker/check.h"

/* 1 / n, so that a mean needs no division. */
static const double shares[] = {0,       1.0,     1.0 / 2, 1.0 / 3, 1.0 / 4,
                                1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8};
_Static_assert(LIMIT_VIDEO_TAGS < sizeof(shares) / sizeof(shares[0]), "one for each count");

void profile_block_init(struct profile_block *block, const struct profile *profile,
                        const struct video_block *videos)
{
    block->profile = profile;
    block->videos = videos;
    memset(block->found, 0, sizeof(block->found));
}

/* As if nothing were in the user's map: all get the value of keys that are not there. */
static inline void begin(double column[VIDEO_BLOCK], const double *values)
{
    double absent = values[0];
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        column[i] = absent;
    }
}

static void find_creators(struct profile_block *block)
{
    const struct profile *profile = block->profile;
    const struct video *const *rows = block->videos->rows;
    const struct perfect *map = &profile->tastes[AFFINITY_CREATOR];
    uint32_t keys[VIDEO_BLOCK];
    begin(block->tastes[AFFINITY_CREATOR], map->values);
    begin(block->seen[AFFINITY_CREATOR], profile->seen_of_late[AFFINITY_CREATOR]);
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        keys[i] = (uint32_t)rows[i]->creator_key;
    }
    uint64_t left = sieve_pass(&profile->sieves[AFFINITY_CREATOR], keys, VIDEO_BLOCK);
    for (; left != 0; left &= left - 1) {
        size_t i = (size_t)__builtin_ctzll(left);
        unsigned index = perfect_index(map, rows[i]->creator_key);
        block->tastes[AFFINITY_CREATOR][i] = map->values[index];
        block->seen[AFFINITY_CREATOR][i] = profile->seen_of_late[AFFINITY_CREATOR][index];
    }
}

/* Of each group of bits, those below the first that is set. */
static inline uint64_t below_first(uint64_t bits, unsigned group)
{
    const uint64_t firsts = UINT64_MAX / ((1U << group) - 1);
    for (unsigned shift = 1; shift < group; shift *= 2) {
        bits |= bits << shift & ~(firsts * ((1U << shift) - 1)); /* and none of the next group's */
    }
    return ~bits;
}

/* Makes means of the sums of those videos that are marked; named has a group of bits for each. */
static inline void divide(uint32_t marked, const uint64_t *named, unsigned group, double *sums)
{
    for (; marked != 0; marked &= marked - 1) {
        unsigned i = (unsigned)__builtin_ctz(marked);
        uint64_t bits = named[i * group / SIEVE_KEYS] >> (i * group % SIEVE_KEYS);
        sums[i] *= shares[__builtin_ctzll(~bits | UINT64_C(1) << group)];
    }
}

/*
 * Tastes and, unless NULL, what was seen of late. keys has a group for each video: a mean, and the
 * most, over those before the first 0. Behind that are zeros, but for keys whose 32 bits happen to
 * be 0.
 */
static inline void look_up(const struct profile *profile, enum affinity_kind kind,
                           const uint32_t *keys, unsigned group, double *tastes, double *seen)
{
    const struct perfect *map = &profile->tastes[kind];
    const double *seen_of_late = seen != NULL ? profile->seen_of_late[kind] : NULL;
    uint64_t named[VIDEO_BLOCK * LIMIT_VIDEO_TAGS / SIEVE_KEYS];
    uint32_t marked = 0;
    CHECK(group > 0);
    begin(tastes, map->values);
    if (seen != NULL) {
        begin(seen, seen_of_late);
    }
    for (unsigned first = 0; first < VIDEO_BLOCK * group; first += SIEVE_KEYS) {
        uint64_t bits = below_first(sieve_zeros(keys + first, SIEVE_KEYS), group);
        uint64_t left = bits & sieve_pass(&profile->sieves[kind], keys + first, SIEVE_KEYS);
        named[first / SIEVE_KEYS] = bits;
        for (; left != 0; left &= left - 1) {
            unsigned at = first + (unsigned)__builtin_ctzll(left);
            unsigned index = perfect_index(map, keys[at]);
            unsigned i = at / group;
            tastes[i] += map->values[index];
            marked |= UINT32_C(1) << i;
            if (seen != NULL) {
                seen[i] = seen_of_late[index] > seen[i] ? seen_of_late[index] : seen[i];
            }
        }
    }
    divide(marked, named, group, tastes);
}
_Static_assert(VIDEO_BLOCK == 32, "a mark for each, and creators at once");

static void find_categories(struct profile_block *block)
{
    uint32_t keys[VIDEO_BLOCK][LIMIT_VIDEO_CATEGORIES];
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        memcpy(keys[i], block->videos->rows[i]->category_keys, sizeof(keys[i]));
    }
    look_up(block->profile, AFFINITY_CATEGORY, keys[0], LIMIT_VIDEO_CATEGORIES,
            block->tastes[AFFINITY_CATEGORY], block->seen[AFFINITY_CATEGORY]);
}

static void find_tags(struct profile_block *block)
{
    uint32_t keys[VIDEO_BLOCK][LIMIT_VIDEO_TAGS];
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        const struct video *row = block->videos->rows[i];
        video_tags(row, video_more_of(block->videos->more, row), keys[i]);
    }
    look_up(block->profile, AFFINITY_TAG, keys[0], LIMIT_VIDEO_TAGS, block->tastes[AFFINITY_TAG],
            NULL);
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

/* In the place of the item that was worked out longest ago; the first stays. */
__attribute__((noinline)) static unsigned work_out_suit(const struct profile *profile,
                                                        uint64_t languages, uint64_t captions)
{
    struct language_suits *suits = profile->suits;
    suits->latest = (uint8_t)(suits->latest % (PROFILE_SUITS - 1) + 1);
    suits->items[suits->latest] = (struct language_suit){
        .languages = languages,
        .captions = captions,
        .taste = mean_language_taste(&profile->tastes[AFFINITY_LANGUAGE], languages),
        .match =
            best_match(&profile->captions, captions, best_match(&profile->spoken, languages, 0)),
    };
    return suits->latest;
}

static const struct language_suit *find_suit(const struct profile *profile,
                                             const struct video *video)
{
    struct language_suits *suits = profile->suits;
    uint64_t languages = pack_languages(video->languages);
    uint64_t captions = pack_languages(video->caption_languages);
    uint64_t mixed =
        (languages * UINT64_C(0x9e3779b97f4a7c15) + captions) * UINT64_C(0xd1342543de82ef95);
    uint8_t *slot = &suits->slots[mixed >> (64 - PROFILE_SUIT_SLOT_BITS)];
    const struct language_suit *suit = &suits->items[*slot];
    if (((suit->languages ^ languages) | (suit->captions ^ captions)) != 0) {
        *slot = (uint8_t)work_out_suit(profile, languages, captions);
        suit = &suits->items[*slot];
    }
    return suit;
}

static void find_languages(struct profile_block *block)
{
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        const struct language_suit *suit = find_suit(block->profile, block->videos->rows[i]);
        block->tastes[AFFINITY_LANGUAGE][i] = suit->taste;
        block->language_matches[i] = suit->match;
    }
}

static void find_durations(struct profile_block *block)
{
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        unsigned bucket = video_kind_duration_bucket(block->videos->kinds[i]);
        block->tastes[AFFINITY_DURATION][i] = block->profile->duration_tastes[bucket];
    }
}

static void need(struct profile_block *block, enum affinity_kind kind)
{
    static void (*const find[AFFINITY_KIND_COUNT])(struct profile_block *) = {
        [AFFINITY_CREATOR] = find_creators,   [AFFINITY_CATEGORY] = find_categories,
        [AFFINITY_TAG] = find_tags,           [AFFINITY_LANGUAGE] = find_languages,
        [AFFINITY_DURATION] = find_durations,
    };
    if (!block->found[kind]) {
        find[kind](block);
        block->found[kind] = true;
    }
}

const double *profile_creators_seen(struct profile_block *block)
{
    need(block, AFFINITY_CREATOR);
    return block->seen[AFFINITY_CREATOR];
}

const double *profile_categories_seen(struct profile_block *block)
{
    need(block, AFFINITY_CATEGORY);
    return block->seen[AFFINITY_CATEGORY];
}

const double *profile_affinities(struct profile_block *block, enum affinity_kind kind)
{
    need(block, kind);
    return block->tastes[kind];
}

const double *profile_language_matches(struct profile_block *block)
{
    need(block, AFFINITY_LANGUAGE);
    return block->language_matches;
}
