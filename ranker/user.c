#include "ranker/user.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/video.h"

enum { HALF_LIFE_S = 14 * 24 * 3600, FIRST_CAPACITY = 4 };

/* What one signal says of taste. */
struct gain {
    double everything; /* creator, categories, tags, languages, duration */
    double creator;    /* the creator alone, added to the above */
};

static uint32_t seconds_of(int64_t time_ms)
{
    int64_t seconds = time_ms > 0 ? time_ms / 1000 : 0;
    return seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
}

static int64_t duration_of(const struct signal *signal, const struct video *video)
{
    if (signal->video_duration_ms > 0) {
        return signal->video_duration_ms;
    }
    return video != NULL ? video->duration_ms : 0;
}

/* Makes room for one item more; capacity doubles up to the most allowed. */
static enum status reserve(void **items, size_t size, uint16_t count, uint16_t *capacity,
                           uint16_t most)
{
    if (count < *capacity) {
        return STATUS_OK;
    }
    CHECK(count < most);
    unsigned grown = *capacity > 0 ? *capacity * 2U : FIRST_CAPACITY;
    if (grown > most) {
        grown = most;
    }
    void *moved = realloc(*items, grown * size);
    if (moved == NULL) {
        return STATUS_NO_MEMORY;
    }
    *items = moved;
    *capacity = (uint16_t)grown;
    return STATUS_OK;
}

/* The latest are asked for most. */
static struct seen *find_seen(const struct user *user, uint64_t video_key)
{
    for (unsigned i = user->seen_count; i > 0; i--) {
        if (user->seen[i - 1].video_key == video_key) {
            return &user->seen[i - 1];
        }
    }
    return NULL;
}

/* Moves the entry behind all others. */
static struct seen *make_latest(struct user *user, struct seen *entry)
{
    struct seen *last = &user->seen[user->seen_count - 1];
    struct seen moved = *entry;
    memmove(entry, entry + 1, (size_t)(last - entry) * sizeof(*entry));
    *last = moved;
    return last;
}

static enum status add_seen(struct user *user, const struct signal *signal, struct seen **out)
{
    if (user->seen_count == USER_SEEN_MAX) {
        *out = make_latest(user, &user->seen[0]);
    } else {
        void *items = user->seen;
        enum status status = reserve(&items, sizeof(*user->seen), user->seen_count,
                                     &user->seen_capacity, USER_SEEN_MAX);
        if (status != STATUS_OK) {
            return status;
        }
        user->seen = items;
        *out = &user->seen[user->seen_count++];
    }
    memset(*out, 0, sizeof(**out));
    (*out)->video_key = signal->video_key;
    (*out)->ranking_key = signal->ranking_key;
    (*out)->time_s = seconds_of(signal->time_ms);
    return STATUS_OK;
}

static void begin_view(struct seen *seen)
{
    seen->watch_ms = 0;
    seen->watch_region = 0;
    seen->watch_bucket = 0;
    seen->flags &= SEEN_LIKED;
}

/* The video's entry, now the latest, in the view the signal belongs to. */
static enum status enter_view(struct user *user, const struct signal *signal, struct seen **out)
{
    struct seen *seen = find_seen(user, signal->video_key);
    if (seen == NULL) {
        return add_seen(user, signal, out);
    }
    seen = make_latest(user, seen);
    uint32_t time_s = seconds_of(signal->time_ms);
    if (time_s > seen->time_s) {
        seen->time_s = time_s;
    }
    if (signal->ranking_key != 0 && signal->ranking_key != seen->ranking_key) {
        seen->ranking_key = signal->ranking_key;
        begin_view(seen);
    }
    *out = seen;
    return STATUS_OK;
}

static bool reach(struct seen *seen, enum seen_flag flag, bool reached)
{
    if (!reached || (seen->flags & flag) != 0) {
        return false;
    }
    seen->flags |= (uint8_t)flag;
    return true;
}

/* A watch or a complete: how far the view has got. */
static void grow_view(struct seen *seen, const struct signal *signal, int64_t duration_ms,
                      struct view_change *out)
{
    bool ended = signal->type == SIGNAL_COMPLETE;
    int64_t watch_ms = signal->watch_ms;
    if (ended && watch_ms < duration_ms) {
        watch_ms = duration_ms;
    }
    if (watch_ms < seen->watch_ms) {
        watch_ms = seen->watch_ms;
    }
    /* An end after an unknown time says nothing of how long people watch. */
    bool timed = !ended || watch_ms > 0;
    if (timed && reach(seen, SEEN_WATCHED, true)) {
        seen->watch_region = signal->locale.region;
        seen->watch_bucket = (uint8_t)signal_duration_bucket(duration_ms);
        out->watch_before_ms = -1;
    }
    if (timed) {
        out->watch_after_ms = watch_ms;
        out->watch_region = seen->watch_region;
        out->watch_bucket = seen->watch_bucket;
    }
    seen->watch_ms = (uint32_t)watch_ms;
    out->plays = reach(seen, SEEN_PLAYED, true);
    out->valid_play = reach(seen, SEEN_VALID_PLAY, signal_is_valid_play(watch_ms, duration_ms));
    out->long_view = reach(seen, SEEN_LONG_VIEW, signal_is_long_view(watch_ms, duration_ms));
    out->complete = reach(seen, SEEN_COMPLETE, ended || signal_is_complete(watch_ms, duration_ms));
}

static enum status apply_view(struct user *user, const struct signal *signal, int64_t duration_ms,
                              struct view_change *out)
{
    struct seen *seen;
    enum status status = enter_view(user, signal, &seen);
    if (status != STATUS_OK) {
        return status;
    }
    if (signal->type == SIGNAL_PLAY) {
        begin_view(seen);
        out->plays = reach(seen, SEEN_PLAYED, true);
    }
    out->watch_before_ms = (seen->flags & SEEN_WATCHED) != 0 ? (int64_t)seen->watch_ms : -1;
    out->watch_after_ms = out->watch_before_ms;
    if (signal->type == SIGNAL_WATCH || signal->type == SIGNAL_COMPLETE) {
        grow_view(seen, signal, duration_ms, out);
    }
    return STATUS_OK;
}

/* A like is remembered with the video, whether or not it was seen to play. */
static enum status apply_like(struct user *user, const struct signal *signal,
                              struct view_change *out)
{
    struct seen *seen = find_seen(user, signal->video_key);
    if (seen == NULL) {
        enum status status = add_seen(user, signal, &seen);
        if (status != STATUS_OK) {
            return status;
        }
    }
    out->like = reach(seen, SEEN_LIKED, true) ? 1 : 0;
    return STATUS_OK;
}

static void apply_unlike(struct user *user, const struct signal *signal, struct view_change *out)
{
    struct seen *seen = find_seen(user, signal->video_key);
    if (seen != NULL && (seen->flags & SEEN_LIKED) != 0) {
        seen->flags &= (uint8_t)~SEEN_LIKED;
        out->like = -1;
    }
}

/* Follows or hides of one user. */
struct creators {
    uint64_t **keys;
    uint32_t **times_s;
    uint16_t *count;
    uint16_t *capacity;
    uint16_t most;
};

static struct creators follows_of(struct user *user)
{
    return (struct creators){&user->follows, &user->follow_times_s, &user->follow_count,
                             &user->follow_capacity, USER_FOLLOWS_MAX};
}

static struct creators hides_of(struct user *user)
{
    return (struct creators){&user->hides, &user->hide_times_s, &user->hide_count,
                             &user->hide_capacity, USER_HIDES_MAX};
}

/* Index of the first key not below the one asked for. */
static unsigned lower_bound(const uint64_t *keys, unsigned count, uint64_t key)
{
    unsigned low = 0;
    while (low < count) {
        unsigned middle = (low + count) / 2;
        if (keys[middle] < key) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

static bool contains(const uint64_t *keys, unsigned count, uint64_t key)
{
    unsigned at = lower_bound(keys, count, key);
    return at < count && keys[at] == key;
}

static void remove_creator(struct creators creators, unsigned at)
{
    size_t behind = (size_t)(*creators.count - at - 1);
    uint64_t *key = *creators.keys + at;
    uint32_t *time_s = *creators.times_s + at;
    memmove(key, key + 1, behind * sizeof(*key));
    memmove(time_s, time_s + 1, behind * sizeof(*time_s));
    --*creators.count;
}

static void remove_oldest_creator(struct creators creators)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < *creators.count; i++) {
        if ((*creators.times_s)[i] < (*creators.times_s)[oldest]) {
            oldest = i;
        }
    }
    remove_creator(creators, oldest);
}

/* Both arrays grow, or capacity stays. */
static enum status reserve_creator(struct creators creators)
{
    uint16_t capacity = *creators.capacity;
    void *keys = *creators.keys;
    enum status status =
        reserve(&keys, sizeof(uint64_t), *creators.count, &capacity, creators.most);
    *creators.keys = keys;
    if (status != STATUS_OK) {
        return status;
    }
    capacity = *creators.capacity;
    void *times_s = *creators.times_s;
    status = reserve(&times_s, sizeof(uint32_t), *creators.count, &capacity, creators.most);
    *creators.times_s = times_s;
    *creators.capacity = capacity;
    return status;
}

/* *changed tells whether the creator was not there before. */
static enum status add_creator(struct creators creators, uint64_t key, uint32_t time_s,
                               bool *changed)
{
    *changed = false;
    if (contains(*creators.keys, *creators.count, key)) {
        return STATUS_OK;
    }
    if (*creators.count == creators.most) {
        remove_oldest_creator(creators);
    }
    enum status status = reserve_creator(creators);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned at = lower_bound(*creators.keys, *creators.count, key);
    size_t behind = (size_t)(*creators.count - at);
    uint64_t *key_at = *creators.keys + at;
    uint32_t *time_at = *creators.times_s + at;
    memmove(key_at + 1, key_at, behind * sizeof(*key_at));
    memmove(time_at + 1, time_at, behind * sizeof(*time_at));
    *key_at = key;
    *time_at = time_s;
    ++*creators.count;
    *changed = true;
    return STATUS_OK;
}

/* Whether the creator was there. */
static bool drop_creator(struct creators creators, uint64_t key)
{
    if (!contains(*creators.keys, *creators.count, key)) {
        return false;
    }
    remove_creator(creators, lower_bound(*creators.keys, *creators.count, key));
    return true;
}

/* Follow, unfollow or hide. A repeat tells nothing new and gains nothing. */
static enum status apply_creator(struct user *user, const struct signal *signal,
                                 uint64_t creator_key, struct gain *gain)
{
    if (creator_key == 0) {
        return STATUS_OK;
    }
    if (signal->type == SIGNAL_UNFOLLOW_CREATOR) {
        gain->creator = drop_creator(follows_of(user), creator_key) ? -4 : 0;
        return STATUS_OK;
    }
    bool follow = signal->type == SIGNAL_FOLLOW_CREATOR;
    struct creators creators = follow ? follows_of(user) : hides_of(user);
    bool changed;
    enum status status = add_creator(creators, creator_key, seconds_of(signal->time_ms), &changed);
    if (status == STATUS_OK && changed) {
        gain->creator = follow ? 4 : -8;
    }
    return status;
}

bool user_follows(const struct user *user, uint64_t creator_key)
{
    return contains(user->follows, user->follow_count, creator_key);
}

bool user_hides(const struct user *user, uint64_t creator_key)
{
    return contains(user->hides, user->hide_count, creator_key);
}

static double decayed(const struct affinity *affinity, uint32_t now_s)
{
    if (now_s <= affinity->time_s) {
        return affinity->value;
    }
    return affinity->value * exact_exp2(-(double)(now_s - affinity->time_s) / HALF_LIFE_S);
}

static unsigned least_affinity(const struct affinity *affinities, unsigned count, uint32_t now_s)
{
    unsigned least = 0;
    double least_size = 0;
    for (unsigned i = 0; i < count; i++) {
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
    enum status status = reserve(&items, sizeof(*affinities), *count,
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

static enum status add_video_taste(struct user *user, const struct video *video, double gain,
                                   uint32_t now_s)
{
    uint32_t languages[LIMIT_VIDEO_LANGUAGES];
    for (unsigned i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        languages[i] = video->languages[i];
    }
    enum status status = add_keys(user, AFFINITY_CATEGORY, video->category_keys,
                                  LIMIT_VIDEO_CATEGORIES, gain, now_s);
    if (status == STATUS_OK) {
        status = add_keys(user, AFFINITY_TAG, video->tag_keys, LIMIT_VIDEO_TAGS, gain, now_s);
    }
    if (status == STATUS_OK) {
        status = add_keys(user, AFFINITY_LANGUAGE, languages, LIMIT_VIDEO_LANGUAGES, gain, now_s);
    }
    return status;
}

/* An unknown duration is no taste. */
static enum status add_taste(struct user *user, const struct video *video, int64_t duration_ms,
                             const struct gain *gain, uint32_t now_s)
{
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
        status = add_video_taste(user, video, gain->everything, now_s);
    }
    return status;
}

double affinity_strength(const struct affinity *affinity, int64_t now_ms)
{
    double value = affinity->value;
    double age_ms = (double)(now_ms - (int64_t)affinity->time_s * 1000);
    if (age_ms > 0) {
        value *= exact_exp2(-age_ms / (HALF_LIFE_S * 1000.0));
    }
    return value / (1 + (value < 0 ? -value : value));
}

static double gain_of(enum signal_type type, const struct view_change *change)
{
    double gain = 2.0 * change->like;
    gain += change->valid_play ? 0.5 : 0;
    gain += change->long_view ? 1 : 0;
    gain += change->complete ? 0.5 : 0;
    switch (type) {
    case SIGNAL_SKIP:
        return gain - 0.5;
    case SIGNAL_SHARE:
        return gain + 3;
    case SIGNAL_COMMENT:
        return gain + 1;
    case SIGNAL_NOT_INTERESTED:
    case SIGNAL_REPORT:
        return gain - 4;
    default:
        return gain;
    }
}

static void count_signal(struct user *user, int64_t time_ms)
{
    if (user->signal_count == 0 || time_ms < user->first_signal_ms) {
        user->first_signal_ms = time_ms;
    }
    if (user->signal_count == 0 || time_ms > user->last_signal_ms) {
        user->last_signal_ms = time_ms;
    }
    user->signal_count++;
}

/* What the signal does to seen videos and creators, by its type. */
static enum status apply_type(struct user *user, const struct signal *signal,
                              const struct video *video, struct view_change *out, struct gain *gain)
{
    switch (signal->type) {
    case SIGNAL_IMPRESSION:
    case SIGNAL_PLAY:
    case SIGNAL_WATCH:
    case SIGNAL_COMPLETE:
    case SIGNAL_SKIP:
        return apply_view(user, signal, duration_of(signal, video), out);
    case SIGNAL_LIKE:
        return apply_like(user, signal, out);
    case SIGNAL_UNLIKE:
        apply_unlike(user, signal, out);
        return STATUS_OK;
    case SIGNAL_FOLLOW_CREATOR:
    case SIGNAL_UNFOLLOW_CREATOR:
    case SIGNAL_HIDE_CREATOR:
        return apply_creator(user, signal, video != NULL ? video->creator_key : 0, gain);
    case SIGNAL_SHARE:
    case SIGNAL_COMMENT:
    case SIGNAL_NOT_INTERESTED:
    case SIGNAL_REPORT:
    case SIGNAL_TYPE_END:
        break;
    }
    return STATUS_OK;
}

enum status user_apply(struct user *user, const struct signal *signal, const struct video *video,
                       struct view_change *out)
{
    *out = (struct view_change){.watch_before_ms = -1, .watch_after_ms = -1};
    count_signal(user, signal->time_ms);
    struct gain gain = {0};
    enum status status = apply_type(user, signal, video, out, &gain);
    if (status != STATUS_OK) {
        return status;
    }
    gain.everything = gain_of(signal->type, out);
    return add_taste(user, video, duration_of(signal, video), &gain, seconds_of(signal->time_ms));
}

void user_release(struct user *user)
{
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        free(user->affinities[i]);
    }
    free(user->seen);
    free(user->follows);
    free(user->hides);
    free(user->follow_times_s);
    free(user->hide_times_s);
    *user = (struct user){0};
}
