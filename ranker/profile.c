#include "ranker/profile.h"

#include <string.h>

static void put_largest(struct perfect *map, uint64_t key, double value)
{
    if (value > perfect_value(map, key)) {
        perfect_put(map, key, value);
    }
}

/* Twice the room needed: each candidate makes a dozen probes, which then meet their slot at once.
 */
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

/* Learnt languages join the declared ones; captions are for languages the user says to read. */
static enum status init_languages(struct profile *profile, const struct rank_request *request,
                                  struct arena *arena)
{
    const struct user *user = profile->user;
    size_t learnt = user != NULL ? user->affinity_count[AFFINITY_LANGUAGE] : 0;
    enum status status =
        perfect_init(&profile->spoken, arena, 1 + request->language_count + learnt);
    if (status != STATUS_OK) {
        return status;
    }
    status = perfect_init(&profile->captions, arena, 1 + request->language_count);
    if (status != STATUS_OK) {
        return status;
    }
    uint16_t own = locale_language(request->locale);
    perfect_put(&profile->spoken, own, 1.0);
    perfect_put(&profile->captions, own, 0.5);
    for (unsigned i = 0; i < request->language_count; i++) {
        put_largest(&profile->spoken, request->languages[i], 0.8);
        put_largest(&profile->captions, request->languages[i], 0.4);
    }
    for (size_t i = 0; i < learnt; i++) {
        uint64_t language = user->affinities[AFFINITY_LANGUAGE][i].key;
        put_largest(&profile->spoken, language,
                    perfect_value(&profile->tastes[AFFINITY_LANGUAGE], language));
    }
    perfect_seal(&profile->spoken);
    perfect_seal(&profile->captions);
    return STATUS_OK;
}

static bool needs_seen(const struct model *model, const struct rank_request *request)
{
    double weight = model->multipliers[MULTIPLIER_SEEN_BEFORE];
    return request->exclude_seen || model->seen_always || request->explain || weight < 0 || weight > 0;
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

enum status profile_init(struct profile *profile, const struct user *user,
                         const struct model *model, const struct rank_request *request,
                         struct arena *arena)
{
    *profile = (struct profile){
        .user = user,
        .now_ms = request->now_ms,
        .region = request->locale.region,
        .has_retrieval = request->retrieval_scores != NULL,
    };
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
    enum status status = init_languages(profile, request, arena);
    if (status != STATUS_OK) {
        return status;
    }
    return init_seen(profile, needs_seen(model, request), arena);
}

/* 1 / n, so that a mean needs no division. */
static const double shares[] = {0,       1.0,     1.0 / 2, 1.0 / 3, 1.0 / 4,
                                1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8};
_Static_assert(LIMIT_VIDEO_TAGS < sizeof(shares) / sizeof(shares[0]), "one for each count");

/* Over categories or tags, which end with the first 0. */
static inline double mean_taste(const struct perfect *tastes, const uint32_t *keys, unsigned limit)
{
    double sum = 0;
    unsigned count = 0;
    while (count < limit && keys[count] != 0) {
        sum += perfect_value(tastes, keys[count]);
        count++;
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

/* A kind at a time, so that its table stays in registers; kinds are added in a fixed order. */
void profile_tastes(const struct profile *profile, const struct video *const *videos, size_t count,
                    double *out)
{
    memset(out, 0, count * sizeof(out[0]));
    if (!profile->has_taste) {
        return;
    }
    const double *weights = profile->taste_weights;
    struct perfect creators = profile->tastes[AFFINITY_CREATOR];
    for (size_t i = 0; i < count; i++) {
        out[i] = weights[AFFINITY_CREATOR] * perfect_value(&creators, videos[i]->creator_key);
    }
    struct perfect categories = profile->tastes[AFFINITY_CATEGORY];
    for (size_t i = 0; i < count; i++) {
        out[i] += weights[AFFINITY_CATEGORY] *
                  mean_taste(&categories, videos[i]->category_keys, LIMIT_VIDEO_CATEGORIES);
    }
    struct perfect tags = profile->tastes[AFFINITY_TAG];
    for (size_t i = 0; i < count; i++) {
        out[i] += weights[AFFINITY_TAG] * mean_taste(&tags, videos[i]->tag_keys, LIMIT_VIDEO_TAGS);
    }
    struct perfect languages = profile->tastes[AFFINITY_LANGUAGE];
    for (size_t i = 0; i < count; i++) {
        out[i] +=
            weights[AFFINITY_LANGUAGE] * mean_language_taste(&languages, videos[i]->languages);
    }
    for (size_t i = 0; i < count; i++) {
        double sum = out[i] + weights[AFFINITY_DURATION] *
                                  profile->duration_tastes[videos[i]->duration_bucket];
        out[i] = sum / (1 + (sum < 0 ? -sum : sum));
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
