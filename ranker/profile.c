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

/* The videos the user has seen last, as far as they say how tired the user is. */
struct late {
    size_t count;
    uint64_t keys[PROFILE_FATIGUE_VIDEOS];
    const struct video *videos[PROFILE_FATIGUE_VIDEOS]; /* NULL: nothing is known */
    double weights[PROFILE_FATIGUE_VIDEOS];
};

/* All but the videos, whose places in the index are asked for: most are far away. */
static void list_late(struct late *late, const struct user *user, int64_t now_ms,
                      double half_life_ms, const struct videos *videos)
{
    size_t seen_count = user != NULL ? user->seen_count : 0;
    late->count = seen_count < PROFILE_FATIGUE_VIDEOS ? seen_count : PROFILE_FATIGUE_VIDEOS;
    const struct seen *seen = late->count > 0 ? &user->seen[seen_count - late->count] : NULL;
    for (size_t i = 0; i < late->count; i++) {
        int64_t age_ms = now_ms - (int64_t)seen[i].time_s * 1000;
        late->keys[i] = seen[i].video_key;
        late->weights[i] = (double)(age_ms > 0 ? age_ms : 0);
        videos_prefetch(videos, late->keys[i]);
    }
    for (size_t i = 0; i < late->count; i++) {
        late->weights[i] = exact_exp2(-late->weights[i] / half_life_ms);
    }
}

static void prefetch_late(const struct late *late, const struct videos *videos)
{
    for (size_t i = 0; i < late->count; i++) {
        videos_prefetch_row(videos, late->keys[i]);
    }
}

static size_t taste_count(const struct profile *profile, enum affinity_kind kind)
{
    return profile->user != NULL ? profile->user->affinity_count[kind] : 0;
}

/* A user has each key once. Strengths apart, so that the loop over them is one of vectors. */
static void put_tastes(struct profile *profile, enum affinity_kind kind)
{
    struct perfect *map = &profile->tastes[kind];
    size_t count = taste_count(profile, kind);
    double ages_ms[USER_AFFINITIES_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct affinity *affinity = &profile->user->affinities[kind][i];
        perfect_add(map, affinity->key, (double)affinity->value);
        ages_ms[i] = affinity_age_ms(affinity, profile->now_ms);
    }
    double *values = map->values + 1;
    for (size_t i = 0; i < count; i++) {
        values[i] = affinity_strength_after(values[i], ages_ms[i]);
    }
    profile->has_taste |= count > 0;
}

/* Room for the user's tastes of a kind and for `more` names, and those tastes. */
static enum status init_tastes(struct profile *profile, enum affinity_kind kind, size_t more,
                               struct arena *arena)
{
    enum status status =
        perfect_init(&profile->tastes[kind], arena, taste_count(profile, kind) + more);
    if (status == STATUS_OK) {
        put_tastes(profile, kind);
    }
    return status;
}

/* Names that videos seen of late have, while what is known of each is gathered. */
struct names {
    struct perfect *map;
    double *seen;        /* by index */
    struct positions at; /* of keys, from the map's second on: a slot holds an index */
};

static enum status names_init(struct names *names, struct perfect *map, double *seen,
                              size_t capacity, struct arena *arena)
{
    *names = (struct names){.map = map, .seen = seen};
    enum status status = positions_init(&names->at, map->keys + 1, capacity, arena);
    for (unsigned i = 1; status == STATUS_OK && i <= map->count; i++) {
        *positions_slot(&names->at, map->keys[i]) = (uint16_t)i;
    }
    return status;
}

/* Key 0 is no name. */
static void add_seen(struct names *names, uint64_t key, double weight)
{
    if (key == 0) {
        return;
    }
    uint16_t *slot = positions_slot(&names->at, key);
    if (*slot == 0) {
        perfect_add(names->map, key, 0);
        *slot = (uint16_t)names->map->count;
    }
    names->seen[*slot] += weight;
}

/* A category that a video names twice is seen once. */
static void add_categories(struct names *names, const struct video *video, double weight)
{
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        bool repeated = false;
        for (unsigned j = 0; j < i; j++) {
            repeated = repeated || video->category_keys[j] == video->category_keys[i];
        }
        add_seen(names, repeated ? 0 : video->category_keys[i], weight);
    }
}

static void put_late(struct names *names, enum affinity_kind kind, const struct late *late)
{
    for (size_t i = 0; i < late->count; i++) {
        const struct video *video = late->videos[i];
        if (video != NULL && kind == AFFINITY_CREATOR) {
            add_seen(names, video->creator_key, late->weights[i]);
        } else if (video != NULL) {
            add_categories(names, video, late->weights[i]);
        }
    }
}

/* How many names of the kind the videos seen of late can add. */
static size_t most_late(const struct late *late, enum affinity_kind kind)
{
    return late->count * (kind == AFFINITY_CATEGORY ? LIMIT_VIDEO_CATEGORIES : 1);
}

/* Makes names ready to be looked up: all of them are there. */
static enum status seal_names(struct profile *profile, enum affinity_kind kind, struct arena *arena)
{
    struct perfect *map = &profile->tastes[kind];
    for (unsigned i = 1; kind <= AFFINITY_TAG && i <= map->count; i++) {
        sieve_add(&profile->sieves[kind], (uint32_t)map->keys[i]);
    }
    return perfect_seal(map, arena);
}
_Static_assert(AFFINITY_CREATOR < AFFINITY_TAG && AFFINITY_CATEGORY < AFFINITY_TAG,
               "the kinds with many names come first");

/* Beside the tastes of a kind that tires: what was seen of late. */
static enum status init_seen_of_late(struct profile *profile, enum affinity_kind kind,
                                     const struct late *late, struct arena *arena)
{
    struct names names;
    struct perfect *map = &profile->tastes[kind];
    size_t capacity = taste_count(profile, kind) + most_late(late, kind);
    profile->seen_of_late[kind] = arena_new(arena, double, capacity + 1);
    if (profile->seen_of_late[kind] == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (late->count > 0) {
        enum status status = names_init(&names, map, profile->seen_of_late[kind], capacity, arena);
        if (status != STATUS_OK) {
            return status;
        }
        put_late(&names, kind, late);
    }
    return seal_names(profile, kind, arena);
}
_Static_assert(USER_AFFINITIES_MAX + PROFILE_FATIGUE_VIDEOS * LIMIT_VIDEO_CATEGORIES <=
                   PERFECT_KEYS_MAX,
               "all fit");

/* Of a kind that does not tire. */
static enum status init_sealed_tastes(struct profile *profile, enum affinity_kind kind,
                                      struct arena *arena)
{
    enum status status = init_tastes(profile, kind, 0, arena);
    return status == STATUS_OK ? seal_names(profile, kind, arena) : status;
}

static void init_duration_tastes(struct profile *profile)
{
    for (size_t i = 0; i < taste_count(profile, AFFINITY_DURATION); i++) {
        const struct affinity *affinity = &profile->user->affinities[AFFINITY_DURATION][i];
        uint64_t bucket = affinity->key - 1;
        if (bucket < DURATION_BUCKET_COUNT) {
            profile->duration_tastes[bucket] = affinity_strength(affinity, profile->now_ms);
        }
        profile->has_taste = true;
    }
}

/* In an order that leaves time for what is far away to come: late's places, then rows of videos. */
static enum status init_all_tastes(struct profile *profile, struct late *late,
                                   const struct videos *videos, struct arena *arena)
{
    enum status status = init_sealed_tastes(profile, AFFINITY_TAG, arena);
    if (status == STATUS_OK) {
        status = init_sealed_tastes(profile, AFFINITY_LANGUAGE, arena);
    }
    prefetch_late(late, videos);
    init_duration_tastes(profile);
    for (unsigned kind = AFFINITY_CREATOR; status == STATUS_OK && kind <= AFFINITY_CATEGORY;
         kind++) {
        status = init_tastes(profile, kind, most_late(late, kind), arena);
    }
    videos_find_many(videos, late->keys, late->count, late->videos);
    for (unsigned kind = AFFINITY_CREATOR; status == STATUS_OK && kind <= AFFINITY_CATEGORY;
         kind++) {
        status = init_seen_of_late(profile, kind, late, arena);
    }
    return status;
}
_Static_assert(AFFINITY_CREATOR + 1 == AFFINITY_CATEGORY, "the two kinds that tire come first");

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
    size_t learnt = taste_count(profile, AFFINITY_LANGUAGE);
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
    profile->suits = arena_new(arena, struct language_suits, 1);
    if (profile->suits == NULL || perfect_seal(&profile->spoken, arena) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    return perfect_seal(&profile->captions, arena);
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
    uint64_t *keys = arena_new_raw(arena, uint64_t, count);
    if (keys == NULL || positions_init(&profile->seen, keys, count, arena) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = profile->user->seen[i].video_key;
        size_t at = lookup_spread(keys[i], 64 - PROFILE_SEEN_BITS);
        profile->seen_bits[at / 64] |= UINT64_C(1) << at % 64;
        *positions_slot(&profile->seen, keys[i]) = (uint16_t)(i + 1);
    }
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

static bool tires(const struct selection *selection)
{
    return feature_set_has(&selection->features, FEATURE_FATIGUE_CREATOR) ||
           feature_set_has(&selection->features, FEATURE_FATIGUE_CATEGORY);
}

enum status profile_init(struct profile *profile, const struct user *user,
                         const struct selection *selection, const struct rank_request *request,
                         const struct videos *videos, struct arena *arena)
{
    const struct model *model = selection->model;
    *profile = (struct profile){.user = user, .now_ms = request->now_ms, .locale = request->locale};
    memcpy(profile->taste_weights, model->affinity_weights, sizeof(profile->taste_weights));
    init_context(profile, selection);
    struct late late;
    list_late(&late, tires(selection) ? user : NULL, request->now_ms, model->fatigue_half_life_ms,
              videos);
    enum status status = init_all_tastes(profile, &late, videos, arena);
    if (status == STATUS_OK) {
        status = init_languages(profile, model, request, arena);
    }
    return status == STATUS_OK ? init_seen(profile, needs_seen(model, selection, request), arena)
                               : status;
}
