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

/* A kind of name that videos have, while what is known of each is gathered. */
struct names {
    struct perfect *map;
    double *seen;        /* by index; NULL: nobody asks */
    struct positions at; /* of keys, from the map's second on: a slot holds an index */
};

/* Room for the user's tastes and for `more` names. */
static enum status names_init(struct names *names, struct profile *profile, enum affinity_kind kind,
                              size_t more, struct arena *arena)
{
    size_t taste_count = profile->user != NULL ? profile->user->affinity_count[kind] : 0;
    size_t capacity = taste_count + more;
    names->map = &profile->tastes[kind];
    names->seen = NULL;
    enum status status = perfect_init(names->map, arena, capacity);
    if (status == STATUS_OK && kind <= AFFINITY_CATEGORY) {
        names->seen = arena_new(arena, double, capacity + 1);
        profile->seen_of_late[kind] = names->seen;
    }
    return status == STATUS_OK ? positions_init(&names->at, names->map->keys + 1, capacity, arena)
                               : status;
}
_Static_assert(AFFINITY_CREATOR < AFFINITY_CATEGORY, "the two kinds that tire come first");

/* The index of a key, added if need be; 0 for key 0. */
static unsigned need_name(struct names *names, uint64_t key)
{
    if (key == 0) {
        return 0;
    }
    uint16_t *slot = positions_slot(&names->at, key);
    if (*slot == 0) {
        perfect_add(names->map, key, 0);
        *slot = (uint16_t)names->map->count;
    }
    return *slot;
}

static void put_tastes(struct names *names, struct profile *profile, enum affinity_kind kind)
{
    size_t count = profile->user != NULL ? profile->user->affinity_count[kind] : 0;
    for (size_t i = 0; i < count; i++) {
        const struct affinity *affinity = &profile->user->affinities[kind][i];
        unsigned at = need_name(names, affinity->key);
        if (at != 0) {
            names->map->values[at] = affinity_strength(affinity, profile->now_ms);
        }
        profile->has_taste = true;
    }
}

/* The videos the user has seen last, as far as they say how tired the user is. */
struct late {
    size_t count;
    const struct video *videos[PROFILE_FATIGUE_VIDEOS]; /* NULL: nothing is known */
    double weights[PROFILE_FATIGUE_VIDEOS];
};

static void find_late(struct late *late, const struct user *user, int64_t now_ms,
                      double half_life_ms, const struct videos *videos)
{
    uint64_t keys[PROFILE_FATIGUE_VIDEOS] = {0};
    size_t seen_count = user != NULL ? user->seen_count : 0;
    late->count = seen_count < PROFILE_FATIGUE_VIDEOS ? seen_count : PROFILE_FATIGUE_VIDEOS;
    const struct seen *seen = late->count > 0 ? &user->seen[seen_count - late->count] : NULL;
    for (size_t i = 0; i < late->count; i++) {
        int64_t age_ms = now_ms - (int64_t)seen[i].time_s * 1000;
        keys[i] = seen[i].video_key;
        late->weights[i] = exact_exp2(-(double)(age_ms > 0 ? age_ms : 0) / half_life_ms);
    }
    videos_find_many(videos, keys, late->count, late->videos);
}

static void add_seen(struct names *names, uint64_t key, double weight)
{
    unsigned at = need_name(names, key);
    if (at != 0) {
        names->seen[at] += weight;
    }
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

static size_t most_late_names(const struct late *late, enum affinity_kind kind)
{
    switch (kind) {
    case AFFINITY_CREATOR:
        return late->count;
    case AFFINITY_CATEGORY:
        return late->count * LIMIT_VIDEO_CATEGORIES;
    default:
        return 0;
    }
}
_Static_assert(USER_AFFINITIES_MAX + PROFILE_FATIGUE_VIDEOS * LIMIT_VIDEO_CATEGORIES <=
                   PERFECT_KEYS_MAX,
               "all fit");

static enum status init_names(struct profile *profile, enum affinity_kind kind,
                              const struct late *late, struct arena *arena)
{
    struct names names;
    enum status status = names_init(&names, profile, kind, most_late_names(late, kind), arena);
    if (status != STATUS_OK) {
        return status;
    }
    put_tastes(&names, profile, kind);
    if (names.seen != NULL) {
        put_late(&names, kind, late);
    }
    for (unsigned i = 1; kind <= AFFINITY_TAG && i <= names.map->count; i++) {
        sieve_add(&profile->sieves[kind], (uint32_t)names.map->keys[i]);
    }
    return perfect_seal(names.map, arena);
}
_Static_assert(AFFINITY_CREATOR < AFFINITY_TAG && AFFINITY_CATEGORY < AFFINITY_TAG,
               "the kinds with many names come first");

static enum status init_tastes(struct profile *profile, const struct late *late,
                               struct arena *arena)
{
    enum status status = STATUS_OK;
    for (unsigned kind = 0; status == STATUS_OK && kind < AFFINITY_KIND_COUNT; kind++) {
        status = init_names(profile, kind, late, arena);
    }
    for (unsigned i = 0; status == STATUS_OK && i < DURATION_BUCKET_COUNT; i++) {
        profile->duration_tastes[i] =
            perfect_value(&profile->tastes[AFFINITY_DURATION], i + UINT64_C(1));
    }
    return status;
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
    enum status status = lookup_init(&profile->seen, arena, count);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const struct seen *seen = &profile->user->seen[i];
        size_t at = lookup_spread(seen->video_key, 64 - PROFILE_SEEN_BITS);
        profile->seen_bits[at / 64] |= UINT64_C(1) << at % 64;
        lookup_put(&profile->seen, seen->video_key, seen->time_s);
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
    find_late(&late, tires(selection) ? user : NULL, request->now_ms, model->fatigue_half_life_ms,
              videos);
    enum status status = init_tastes(profile, &late, arena);
    if (status == STATUS_OK) {
        status = init_languages(profile, model, request, arena);
    }
    return status == STATUS_OK ? init_seen(profile, needs_seen(model, selection, request), arena)
                               : status;
}
