#include "ranker/profile.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"

/* Videos seen further apart than this belong to two sessions. */
enum { SESSION_GAP_MS = 30 * 60000, DAY_MS = 86400000 };

static void put_largest(struct perfect *map, uint64_t key, double value)
{
    if (value > perfect_value(map, key)) {
        perfect_put(map, key, value);
    }
}

static enum status init_tastes(struct profile *profile, enum affinity_kind kind,
                               struct arena *arena)
{
    size_t count = profile->user != NULL ? profile->user->affinity_count[kind] : 0;
    enum status status = perfect_init(&profile->tastes[kind], arena, count);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const struct affinity *affinity = &profile->user->affinities[kind][i];
        perfect_put(&profile->tastes[kind], affinity->key,
                    affinity_strength(affinity, profile->now_ms));
        profile->has_taste = true;
    }
    perfect_seal(&profile->tastes[kind]);
    return STATUS_OK;
}

/* The locale's and the declared languages; captions are for languages the user can read. */
static void put_declared(struct profile *profile, const struct rank_request *request)
{
    uint16_t own = locale_language(request->locale);
    perfect_put(&profile->spoken, own, 1.0);
    perfect_put(&profile->captions, own, 0.5);
    for (unsigned i = 0; i < request->language_count; i++) {
        put_largest(&profile->spoken, request->languages[i], 0.8);
        put_largest(&profile->captions, request->languages[i], 0.4);
    }
}

/* What people here read stands for what this one does, the less the more is known. */
static void put_usual(struct profile *profile, const struct model *model)
{
    for (unsigned i = 0; i < model->language_count; i++) {
        const struct language_confidence *usual = &model->languages[i];
        double confidence = usual->confidence * profile->new_user;
        put_largest(&profile->spoken, usual->language, confidence);
        put_largest(&profile->captions, usual->language, 0.5 * confidence);
    }
}

static enum status init_languages(struct profile *profile, const struct model *model,
                                  const struct rank_request *request, struct arena *arena)
{
    const struct user *user = profile->user;
    size_t learnt = user != NULL ? user->affinity_count[AFFINITY_LANGUAGE] : 0;
    size_t given = 1 + request->language_count + model->language_count;
    enum status status = perfect_init(&profile->spoken, arena, given + learnt);
    if (status != STATUS_OK) {
        return status;
    }
    status = perfect_init(&profile->captions, arena, given);
    if (status != STATUS_OK) {
        return status;
    }
    put_declared(profile, request);
    put_usual(profile, model);
    for (size_t i = 0; i < learnt; i++) {
        uint64_t language = user->affinities[AFFINITY_LANGUAGE][i].key;
        put_largest(&profile->spoken, language,
                    perfect_value(&profile->tastes[AFFINITY_LANGUAGE], language));
    }
    perfect_seal(&profile->spoken);
    perfect_seal(&profile->captions);
    return STATUS_OK;
}

static bool needs_seen(const struct model *model, const struct selection *selection,
                       const struct rank_request *request)
{
    return request->exclude_seen || model->seen_always ||
           feature_set_has(&selection->features, FEATURE_SEEN_BEFORE);
}

static enum status init_seen(struct profile *profile, bool needed, struct arena *arena)
{
    size_t count = needed && profile->user != NULL ? profile->user->seen_count : 0;
    enum status status = lookup_init(&profile->seen, arena, count);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const struct seen *seen = &profile->user->seen[i];
        lookup_put(&profile->seen, seen->video_key, seen->time_s);
    }
    profile->has_seen = count > 0;
    return STATUS_OK;
}

/* Counts back from now, as long as no gap ends the session; what is still to come is now. */
static double session_depth(const struct user *user, int64_t now_ms)
{
    unsigned depth = 0;
    int64_t later_ms = now_ms;
    while (user != NULL && depth < user->seen_count) {
        int64_t time_ms = (int64_t)user->seen[user->seen_count - 1 - depth].time_s * 1000;
        if (later_ms - time_ms >= SESSION_GAP_MS) {
            break;
        }
        later_ms = time_ms < later_ms ? time_ms : later_ms;
        depth++;
    }
    return depth;
}

/* The time of day where the model's users live, as a point on a circle. */
static void init_hour(struct profile *profile, int utc_offset_minutes)
{
    int64_t local_ms = profile->now_ms + (int64_t)utc_offset_minutes * 60000;
    int64_t of_day_ms = (local_ms % DAY_MS + DAY_MS) % DAY_MS;
    double circles = (double)of_day_ms / DAY_MS;
    profile->hour_sin = exact_sine(circles);
    profile->hour_cos = exact_sine(circles + 0.25);
}

static void init_context(struct profile *profile, const struct selection *selection)
{
    const struct model *model = selection->model;
    const struct user *user = profile->user;
    double signals = user != NULL ? (double)user->signal_count : 0;
    profile->new_user = model->new_user_signals / (model->new_user_signals + signals);
    if (feature_set_has(&selection->features, FEATURE_SESSION_DEPTH)) {
        profile->session_depth = session_depth(user, profile->now_ms);
    }
    init_hour(profile, model->utc_offset_minutes);
}

enum status profile_init(struct profile *profile, const struct user *user,
                         const struct selection *selection, const struct rank_request *request,
                         struct arena *arena)
{
    const struct model *model = selection->model;
    *profile = (struct profile){.user = user, .now_ms = request->now_ms, .locale = request->locale};
    init_context(profile, selection);
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        profile->taste_weights[kind] = model->affinity_weights[kind];
        enum status status = init_tastes(profile, kind, arena);
        if (status != STATUS_OK) {
            return status;
        }
    }
    for (unsigned i = 0; i < DURATION_BUCKET_COUNT; i++) {
        profile->duration_tastes[i] =
            perfect_value(&profile->tastes[AFFINITY_DURATION], i + UINT64_C(1));
    }
    enum status status = init_languages(profile, model, request, arena);
    if (status != STATUS_OK) {
        return status;
    }
    return init_seen(profile, needs_seen(model, selection, request), arena);
}

/* Sums by key, in the order in which keys came. */
struct sums {
    size_t count;
    uint64_t *keys;
    double *values;
    struct positions at; /* of keys */
};

static enum status sums_init(struct sums *sums, size_t capacity, struct arena *arena)
{
    sums->count = 0;
    sums->keys = arena_new_raw(arena, uint64_t, capacity);
    sums->values = arena_new_raw(arena, double, capacity);
    return positions_init(&sums->at, sums->keys, capacity, arena); /* last, so it tells of all */
}

static void add_to(struct sums *sums, uint64_t key, double weight)
{
    if (key == 0) {
        return;
    }
    uint16_t *slot = positions_slot(&sums->at, key);
    if (*slot == 0) {
        sums->keys[sums->count] = key;
        sums->values[sums->count] = 0;
        *slot = (uint16_t)++sums->count;
    }
    sums->values[*slot - 1] += weight;
}

/* A category that a video names twice is seen once. */
static void add_categories(struct sums *sums, const struct video *video, double weight)
{
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        bool repeated = false;
        for (unsigned j = 0; j < i; j++) {
            repeated = repeated || video->category_keys[j] == video->category_keys[i];
        }
        add_to(sums, repeated ? 0 : video->category_keys[i], weight);
    }
}

/* Users see videos of few creators and categories, so what was summed is far smaller than what
 * there had to be room for, and stays in the nearest cache. */
static enum status seal_sums(const struct sums *sums, struct perfect *map, struct arena *arena)
{
    enum status status = perfect_init(map, arena, sums->count);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < sums->count; i++) {
        perfect_add(map, sums->keys[i], sums->values[i]); /* keys differ, and none is 0 */
    }
    perfect_seal(map);
    return STATUS_OK;
}
_Static_assert(PROFILE_FATIGUE_VIDEOS *LIMIT_VIDEO_CATEGORIES <= PERFECT_KEYS_MAX, "all fit");

/* The videos of count of the user's seen ones; NULL where nothing is known. */
static void find_seen(const struct videos *videos, const struct seen *seen, size_t count,
                      const struct video **out)
{
    uint64_t keys[PROFILE_FATIGUE_VIDEOS] = {0};
    for (size_t i = 0; i < count; i++) {
        keys[i] = seen[i].video_key;
    }
    videos_find_many(videos, keys, count, out);
}

static void sum_seen(const struct profile *profile, const struct seen *seen,
                     const struct video *const *videos, size_t count, double half_life_ms,
                     struct sums *creators, struct sums *categories)
{
    for (size_t i = 0; i < count; i++) {
        int64_t age_ms = profile->now_ms - (int64_t)seen[i].time_s * 1000;
        double weight = exact_exp2(-(double)(age_ms > 0 ? age_ms : 0) / half_life_ms);
        if (videos[i] != NULL) {
            add_to(creators, videos[i]->creator_key, weight);
            add_categories(categories, videos[i], weight);
        }
    }
}

enum status profile_tire(struct profile *profile, const struct videos *videos, double half_life_ms,
                         struct arena *arena)
{
    const struct video *found[PROFILE_FATIGUE_VIDEOS] = {NULL};
    size_t seen_count = profile->user != NULL ? profile->user->seen_count : 0;
    size_t count = seen_count < PROFILE_FATIGUE_VIDEOS ? seen_count : PROFILE_FATIGUE_VIDEOS;
    struct sums creators;
    struct sums categories;
    if (sums_init(&creators, count, arena) != STATUS_OK ||
        sums_init(&categories, count * LIMIT_VIDEO_CATEGORIES, arena) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    const struct seen *seen = count > 0 ? &profile->user->seen[seen_count - count] : NULL;
    find_seen(videos, seen, count, found);
    sum_seen(profile, seen, found, count, half_life_ms, &creators, &categories);
    enum status status = seal_sums(&creators, &profile->creators_seen, arena);
    return status == STATUS_OK ? seal_sums(&categories, &profile->categories_seen, arena) : status;
}

/* Most videos have one or two categories, and up to four tags. */
enum { CATEGORY_GROUP = 2, TAG_GROUP = 4, GROUP_MAX = 4 };
_Static_assert((int)LIMIT_VIDEO_CATEGORIES % (int)CATEGORY_GROUP == 0, "whole groups");
_Static_assert((int)LIMIT_VIDEO_TAGS % (int)TAG_GROUP == 0, "whole groups");

/* What a map knows of some keys of a video. */
struct group {
    unsigned count;           /* of those before the first 0 */
    double values[GROUP_MAX]; /* 0 from there on */
};

/*
 * Looks up size keys, size 2 or 4. How many categories or tags a video has is hard to foretell, and
 * a jump that the processor guesses wrong costs more than a few look-ups, so it makes all of them.
 * Behind the first 0 there are zeros, which look up 0, but for keys whose 32 bits happen to be 0:
 * hardly ever, so that jump costs little.
 */
static inline struct group look_up(const struct perfect *map, const uint32_t *keys, unsigned size)
{
    static const uint8_t counts[1 << GROUP_MAX] = {0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 4};
    struct group group;
    unsigned there = 0;
#pragma GCC unroll 4
    for (unsigned i = 0; i < size; i++) {
        there |= (unsigned)(keys[i] != 0) << i;
        group.values[i] = perfect_value(map, keys[i]);
    }
    group.count = counts[there];
    if (__builtin_expect((there & (there + 1)) != 0, false)) {
        for (unsigned i = group.count; i < size; i++) {
            group.values[i] = 0;
        }
    }
    return group;
}

static inline double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Tables are copied, here and below, so that they stay in registers. */
void profile_creators_seen(const struct profile *profile, const struct video *const *videos,
                           size_t count, double *out)
{
    struct perfect seen = profile->creators_seen;
    for (size_t i = 0; i < count; i++) {
        out[i] = perfect_value(&seen, videos[i]->creator_key);
    }
}

void profile_categories_seen(const struct profile *profile, const struct video *const *videos,
                             size_t count, double *out)
{
    struct perfect seen = profile->categories_seen;
    for (size_t i = 0; i < count; i++) {
        const uint32_t *keys = videos[i]->category_keys;
        struct group group = look_up(&seen, keys, CATEGORY_GROUP);
        double most = larger(group.values[0], group.values[1]);
        if (keys[CATEGORY_GROUP] != 0 && group.count == CATEGORY_GROUP) {
            group = look_up(&seen, keys + CATEGORY_GROUP, CATEGORY_GROUP);
            most = larger(most, larger(group.values[0], group.values[1]));
        }
        out[i] = most;
    }
}
_Static_assert((int)LIMIT_VIDEO_CATEGORIES == 2 * (int)CATEGORY_GROUP,
               "the second group is the last");

/* 1 / n, so that a mean needs no division. */
static const double shares[] = {0,       1.0,     1.0 / 2, 1.0 / 3, 1.0 / 4,
                                1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8};
_Static_assert(LIMIT_VIDEO_TAGS < sizeof(shares) / sizeof(shares[0]), "one for each count");

/* Over limit categories or tags, which end with the first 0, group_size at a time. */
static inline double mean_taste(const struct perfect *tastes, const uint32_t *keys, unsigned limit,
                                unsigned group_size)
{
    double sum = 0;
    unsigned count = 0;
    for (unsigned begin = 0; begin < limit && keys[begin] != 0 && begin == count;
         begin += group_size) {
        struct group group = look_up(tastes, &keys[begin], group_size);
#pragma GCC unroll 4
        for (unsigned i = 0; i < group_size; i++) {
            sum += group.values[i];
        }
        count += group.count;
    }
    return sum * shares[count];
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
static inline double mean_language_taste(const struct perfect *tastes, const uint16_t *languages)
{
    double sum = 0;
    unsigned count = 0;
    for (uint64_t left = pack_languages(languages); left != 0; left >>= 16) {
        uint16_t language = (uint16_t)left;
        sum += perfect_value(tastes, language);
        count += language != 0;
    }
    return sum * shares[count];
}

void profile_affinities(const struct profile *profile, enum affinity_kind kind,
                        const struct video *const *videos, size_t count, double *out)
{
    struct perfect tastes = profile->tastes[kind];
    switch (kind) {
    case AFFINITY_CREATOR:
        for (size_t i = 0; i < count; i++) {
            out[i] = perfect_value(&tastes, videos[i]->creator_key);
        }
        break;
    case AFFINITY_CATEGORY:
        for (size_t i = 0; i < count; i++) {
            out[i] = mean_taste(&tastes, videos[i]->category_keys, LIMIT_VIDEO_CATEGORIES,
                                CATEGORY_GROUP);
        }
        break;
    case AFFINITY_TAG:
        for (size_t i = 0; i < count; i++) {
            out[i] = mean_taste(&tastes, videos[i]->tag_keys, LIMIT_VIDEO_TAGS, TAG_GROUP);
        }
        break;
    case AFFINITY_LANGUAGE:
        for (size_t i = 0; i < count; i++) {
            out[i] = mean_language_taste(&tastes, videos[i]->languages);
        }
        break;
    default:
        for (size_t i = 0; i < count; i++) {
            out[i] = profile->duration_tastes[videos[i]->duration_bucket];
        }
        break;
    }
}

/* Kinds are added in a fixed order. */
void profile_tastes(const struct profile *profile, const struct video *const *videos, size_t count,
                    double *out)
{
    CHECK(count <= PROFILE_BLOCK);
    memset(out, 0, count * sizeof(out[0]));
    for (unsigned kind = 0; profile->has_taste && kind < AFFINITY_KIND_COUNT; kind++) {
        double affinities[PROFILE_BLOCK];
        double weight = profile->taste_weights[kind];
        profile_affinities(profile, kind, videos, count, affinities);
        for (size_t i = 0; i < count; i++) {
            out[i] += weight * affinities[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = out[i] / (1 + (out[i] < 0 ? -out[i] : out[i]));
    }
}

/* Language 0, none, looks up 0. */
static inline double best_match(const struct perfect *matches, const uint16_t *languages,
                                double best)
{
    for (uint64_t left = pack_languages(languages); left != 0; left >>= 16) {
        double match = perfect_value(matches, (uint16_t)left);
        best = match > best ? match : best;
    }
    return best;
}

double profile_language_match(const struct profile *profile, const struct video *video)
{
    double best = best_match(&profile->spoken, video->languages, 0);
    return best_match(&profile->captions, video->caption_languages, best);
}

int64_t profile_seen_age_ms(const struct profile *profile, uint64_t video_key)
{
    if (!profile->has_seen) {
        return PROFILE_NEVER;
    }
    const struct lookup_slot *slot = lookup_slot(&profile->seen, video_key);
    if (slot->key == 0) {
        return PROFILE_NEVER;
    }
    int64_t age_ms = profile->now_ms - (int64_t)slot->value * 1000;
    return age_ms > 0 ? age_ms : 0;
}
