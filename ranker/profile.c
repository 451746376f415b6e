#include "ranker/profile.h"

static void put_largest(struct lookup *lookup, uint64_t key, double value)
{
    if (value > lookup_value(lookup, key)) {
        lookup_put(lookup, key, value);
    }
}

/* Twice the room needed: each candidate makes a dozen probes, which then meet their slot at once.
 */
static enum status init_tastes(struct profile *profile, enum affinity_kind kind,
                               struct arena *arena)
{
    size_t count = profile->user != NULL ? profile->user->affinity_count[kind] : 0;
    enum status status = lookup_init(&profile->tastes[kind], arena, 2 * count);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const struct affinity *affinity = &profile->user->affinities[kind][i];
        lookup_put(&profile->tastes[kind], affinity->key,
                   affinity_strength(affinity, profile->now_ms));
        profile->has_taste = true;
    }
    return STATUS_OK;
}

/* Learnt languages join the declared ones; captions are for languages the user says to read. */
static enum status init_languages(struct profile *profile, const struct rank_request *request,
                                  struct arena *arena)
{
    const struct user *user = profile->user;
    size_t learnt = user != NULL ? user->affinity_count[AFFINITY_LANGUAGE] : 0;
    enum status status = lookup_init(&profile->spoken, arena, 1 + request->language_count + learnt);
    if (status != STATUS_OK) {
        return status;
    }
    status = lookup_init(&profile->captions, arena, 1 + request->language_count);
    if (status != STATUS_OK) {
        return status;
    }
    lookup_put(&profile->spoken, request->locale.language, 1.0);
    lookup_put(&profile->captions, request->locale.language, 0.5);
    for (unsigned i = 0; i < request->language_count; i++) {
        put_largest(&profile->spoken, request->languages[i], 0.8);
        put_largest(&profile->captions, request->languages[i], 0.4);
    }
    for (size_t i = 0; i < learnt; i++) {
        uint64_t language = user->affinities[AFFINITY_LANGUAGE][i].key;
        put_largest(&profile->spoken, language,
                    lookup_value(&profile->tastes[AFFINITY_LANGUAGE], language));
    }
    return STATUS_OK;
}

static bool needs_seen(const struct model *model, const struct rank_request *request)
{
    double weight = model->multipliers[MULTIPLIER_SEEN_BEFORE];
    return request->exclude_seen || request->explain || weight < 0 || weight > 0;
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
    };
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        profile->taste_weights[kind] = model->affinity_weights[kind];
        enum status status = init_tastes(profile, kind, arena);
        if (status != STATUS_OK) {
            return status;
        }
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
static double mean_taste(const struct lookup *tastes, const uint32_t *keys, unsigned limit)
{
    double sum = 0;
    unsigned count = 0;
    while (count < limit && keys[count] != 0) {
        sum += lookup_value(tastes, keys[count]);
        count++;
    }
    return sum * shares[count];
}

/* Over the languages that are known, which may stand between unknown ones. */
static double mean_language_taste(const struct lookup *tastes, const uint16_t *languages)
{
    double sum = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        if (languages[i] != 0) {
            sum += lookup_value(tastes, languages[i]);
            count++;
        }
    }
    return sum * shares[count];
}

double profile_taste(const struct profile *profile, const struct video *video)
{
    if (!profile->has_taste) {
        return 0;
    }
    const struct lookup *tastes = profile->tastes;
    const double *weights = profile->taste_weights;
    double sum =
        weights[AFFINITY_CREATOR] * lookup_value(&tastes[AFFINITY_CREATOR], video->creator_key);
    sum += weights[AFFINITY_CATEGORY] *
           mean_taste(&tastes[AFFINITY_CATEGORY], video->category_keys, LIMIT_VIDEO_CATEGORIES);
    sum += weights[AFFINITY_TAG] *
           mean_taste(&tastes[AFFINITY_TAG], video->tag_keys, LIMIT_VIDEO_TAGS);
    sum += weights[AFFINITY_LANGUAGE] *
           mean_language_taste(&tastes[AFFINITY_LANGUAGE], video->languages);
    sum += weights[AFFINITY_DURATION] *
           lookup_value(&tastes[AFFINITY_DURATION], video->duration_bucket + UINT64_C(1));
    return sum / (1 + (sum < 0 ? -sum : sum));
}

static double larger(double best, const struct lookup *matches, uint16_t language)
{
    double match = language != 0 ? lookup_value(matches, language) : 0;
    return match > best ? match : best;
}

double profile_language_match(const struct profile *profile, const struct video *video)
{
    double best = 0;
    for (unsigned i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        best = larger(best, &profile->spoken, video->languages[i]);
        best = larger(best, &profile->captions, video->caption_languages[i]);
    }
    return best;
}

int64_t profile_seen_age_ms(const struct profile *profile, uint64_t video_key)
{
    const struct lookup_slot *slot = lookup_slot(&profile->seen, video_key);
    if (slot->key == 0) {
        return PROFILE_NEVER;
    }
    int64_t age_ms = profile->now_ms - (int64_t)slot->value * 1000;
    return age_ms > 0 ? age_ms : 0;
}
