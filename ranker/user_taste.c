#include <string.h>

#include "ranker/exact.h"
#include "ranker/user_internal.h"

static double decayed(const struct affinity *affinity, uint32_t now_s)
{
    if (now_s <= affinity->time_s) {
        return affinity->value;
    }
    return affinity->value * exact_exp2(-(double)(now_s - affinity->time_s) / AFFINITY_HALF_LIFE_S);
}

/*
 * True only if the decayed value is larger than size, whatever the last bits: 2^-x is at least
 * 2^-n * (1 - f ln 2) for x = n + f with a whole n, and most tastes are far from the least one.
 */
static bool surely_larger(const struct affinity *affinity, uint32_t now_s, double size)
{
    const double ln_2 = 0.6931471806;
    const double margin = 1 - 1e-9;
    double value = affinity->value < 0 ? -affinity->value : affinity->value;
    uint32_t age_s = now_s > affinity->time_s ? now_s - affinity->time_s : 0;
    uint32_t halvings = age_s / AFFINITY_HALF_LIFE_S;
    if (halvings >= 32) {
        return false;
    }
    double fraction = (double)(age_s % AFFINITY_HALF_LIFE_S) / AFFINITY_HALF_LIFE_S;
    return value * margin * (1 - fraction * ln_2) > size * (double)(UINT64_C(1) << halvings);
}

static unsigned least_affinity(const struct affinity *affinities, unsigned count, uint32_t now_s)
{
    unsigned least = 0;
    double least_size = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i > 0 && surely_larger(&affinities[i], now_s, least_size)) {
            continue;
        }
        double value = decayed(&affinities[i], now_s);
        double size = value < 0 ? -value : value;
        bool older = size <= least_size && affinities[i].time_s < affinities[least].time_s;
        if (i == 0 || size < least_size || older) {
            least = i;
            least_size = size;
        }
    }
    return least;
}

static enum status new_affinity(struct user *user, enum affinity_kind kind, uint32_t now_s,
                                struct affinity **out)
{
    struct affinity *affinities = user->affinities[kind];
    uint16_t *count = &user->affinity_count[kind];
    if (*count == USER_AFFINITIES_MAX) {
        unsigned least = least_affinity(affinities, *count, now_s);
        memmove(&affinities[least], &affinities[least + 1],
                (*count - least - 1) * sizeof(*affinities));
        --*count;
    }
    void *items = affinities;
    enum status status = user_reserve(user, &items, sizeof(*affinities), *count,
                                      &user->affinity_capacity[kind], USER_AFFINITIES_MAX);
    if (status != STATUS_OK) {
        return status;
    }
    user->affinities[kind] = items;
    *out = &user->affinities[kind][(*count)++];
    return STATUS_OK;
}

/* A key of 0 is none. */
static enum status add_affinity(struct user *user, enum affinity_kind kind, uint64_t key,
                                double gain, uint32_t now_s)
{
    if (key == 0) {
        return STATUS_OK;
    }
    for (unsigned i = 0; i < user->affinity_count[kind]; i++) {
        struct affinity *affinity = &user->affinities[kind][i];
        if (affinity->key == key) {
            affinity->value = (float)(decayed(affinity, now_s) + gain);
            affinity->time_s = now_s > affinity->time_s ? now_s : affinity->time_s;
            return STATUS_OK;
        }
    }
    struct affinity *affinity;
    enum status status = new_affinity(user, kind, now_s, &affinity);
    if (status == STATUS_OK) {
        *affinity = (struct affinity){.key = key, .value = (float)gain, .time_s = now_s};
    }
    return status;
}

static enum status add_keys(struct user *user, enum affinity_kind kind, const uint32_t *keys,
                            unsigned count, double gain, uint32_t now_s)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        status = add_affinity(user, kind, keys[i], gain, now_s);
    }
    return status;
}

static enum status add_video_taste(struct user *user, const struct video *video,
                                   const struct video_more *more, double gain, uint32_t now_s)
{
    uint32_t tags[LIMIT_VIDEO_TAGS];
    uint32_t languages[LIMIT_VIDEO_LANGUAGES];
    for (unsigned i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        languages[i] = video->languages[i];
    }
    video_tags(video, more, tags);
    enum status status = add_keys(user, AFFINITY_CATEGORY, video->category_keys,
                                  LIMIT_VIDEO_CATEGORIES, gain, now_s);
    if (status == STATUS_OK) {
        status = add_keys(user, AFFINITY_TAG, tags, LIMIT_VIDEO_TAGS, gain, now_s);
    }
    if (status == STATUS_OK) {
        status = add_keys(user, AFFINITY_LANGUAGE, languages, LIMIT_VIDEO_LANGUAGES, gain, now_s);
    }
    return status;
}

enum status user_add_taste(struct user *user, const struct signal *signal,
                           const struct video *video, const struct video_more *more,
                           const struct gain *gain)
{
    uint32_t now_s = user_seconds(signal->time_ms);
    int64_t duration_ms = user_duration_ms(signal, video);
    enum status status = STATUS_OK;
    double creator_gain = gain->everything + gain->creator;
    if (video != NULL && creator_gain != 0) {
        status = add_affinity(user, AFFINITY_CREATOR, video->creator_key, creator_gain, now_s);
    }
    if (status != STATUS_OK || gain->everything == 0) {
        return status;
    }
    if (duration_ms > 0) {
        uint64_t key = signal_duration_bucket(duration_ms) + 1;
        status = add_affinity(user, AFFINITY_DURATION, key, gain->everything, now_s);
    }
    if (status == STATUS_OK && video != NULL) {
        status = add_video_taste(user, video, more, gain->everything, now_s);
    }
    return status;
}
