#include "ranker/user.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/user_internal.h"

enum { FIRST_CAPACITY = 4 };

uint32_t user_seconds(int64_t time_ms)
{
    int64_t seconds = time_ms > 0 ? time_ms / 1000 : 0;
    return seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
}

int64_t user_duration_ms(const struct signal *signal, const struct video *video)
{
    if (signal->video_duration_ms > 0) {
        return signal->video_duration_ms;
    }
    return video != NULL ? video->duration_ms : 0;
}

/* Whether a list has memory of its own, or none: it does not lie in the user's block. */
static bool is_apart(const struct user *user, const void *items)
{
    return (uintptr_t)items - (uintptr_t)user >= user->block_bytes;
}

/* A list with room for more; the old one is gone. NULL changes nothing. */
static void *grow(const struct user *user, void *items, size_t old_bytes, size_t bytes)
{
    if (is_apart(user, items)) {
        return realloc(items, bytes);
    }
    void *moved = malloc(bytes);
    return moved != NULL ? memcpy(moved, items, old_bytes) : NULL;
}

enum status user_reserve(struct user *user, void **items, size_t size, uint16_t count,
                         uint16_t *capacity, uint16_t most)
{
    if (count < *capacity) {
        return STATUS_OK;
    }
    CHECK(count < most);
    unsigned grown = *capacity > 0 ? *capacity * 2U : FIRST_CAPACITY;
    if (grown > most) {
        grown = most;
    }
    size_t gone = is_apart(user, *items) ? *capacity * size : 0;
    void *moved = grow(user, *items, count * size, grown * size);
    if (moved == NULL) {
        return STATUS_NO_MEMORY;
    }
    user->bytes += (uint32_t)(grown * size - gone);
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
        enum status status = user_reserve(user, &items, sizeof(*user->seen), user->seen_count,
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
    (*out)->time_s = user_seconds(signal->time_ms);
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
    uint32_t time_s = user_seconds(signal->time_ms);
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
        return apply_view(user, signal, user_duration_ms(signal, video), out);
    case SIGNAL_LIKE:
        return apply_like(user, signal, out);
    case SIGNAL_UNLIKE:
        apply_unlike(user, signal, out);
        return STATUS_OK;
    case SIGNAL_FOLLOW_CREATOR:
    case SIGNAL_UNFOLLOW_CREATOR:
    case SIGNAL_HIDE_CREATOR:
        return user_apply_creator(user, signal, video != NULL ? video->creator_key : 0, gain);
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
                       const struct video_more *more, struct view_change *out)
{
    *out = (struct view_change){.watch_before_ms = -1, .watch_after_ms = -1};
    count_signal(user, signal->time_ms);
    struct gain gain = {0};
    enum status status = apply_type(user, signal, video, out, &gain);
    if (status != STATUS_OK) {
        return status;
    }
    gain.everything = gain_of(signal->type, out);
    return user_add_taste(user, signal, video, more, &gain);
}

/* Puts the items of a list at *at, which goes on behind them. NULL for none. */
static void *pack(char **at, const void *items, size_t bytes)
{
    void *place = bytes > 0 ? memcpy(*at, items, bytes) : NULL;
    *at += bytes;
    return place;
}

static size_t packed_bytes(const struct user *user)
{
    size_t affinities = 0;
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        affinities += user->affinity_count[i];
    }
    size_t creators = (size_t)user->follow_count + user->hide_count;
    return sizeof(*user) + affinities * sizeof(struct affinity) +
           user->seen_count * sizeof(struct seen) +
           creators * (sizeof(uint64_t) + sizeof(uint32_t));
}

/* What needs more alignment comes first. */
struct user *user_copy(const struct user *from)
{
    size_t bytes = packed_bytes(from);
    struct user *to = malloc(bytes);
    if (to == NULL) {
        return NULL;
    }
    *to = *from;
    to->block_bytes = (uint32_t)bytes;
    to->bytes = (uint32_t)bytes;
    char *at = (char *)(to + 1);
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        size_t size = from->affinity_count[i] * sizeof(struct affinity);
        to->affinities[i] = pack(&at, from->affinities[i], size);
        to->affinity_capacity[i] = from->affinity_count[i];
    }
    to->seen = pack(&at, from->seen, from->seen_count * sizeof(struct seen));
    to->seen_capacity = from->seen_count;
    to->follows = pack(&at, from->follows, from->follow_count * sizeof(uint64_t));
    to->hides = pack(&at, from->hides, from->hide_count * sizeof(uint64_t));
    to->follow_times_s = pack(&at, from->follow_times_s, from->follow_count * sizeof(uint32_t));
    to->hide_times_s = pack(&at, from->hide_times_s, from->hide_count * sizeof(uint32_t));
    to->follow_capacity = from->follow_count;
    to->hide_capacity = from->hide_count;
    return to;
}

static void free_list(const struct user *user, void *items)
{
    if (is_apart(user, items)) {
        free(items);
    }
}

static void free_lists(struct user *user)
{
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        free_list(user, user->affinities[i]);
    }
    free_list(user, user->seen);
    free_list(user, user->follows);
    free_list(user, user->hides);
    free_list(user, user->follow_times_s);
    free_list(user, user->hide_times_s);
}

void user_free(struct user *user)
{
    if (user != NULL) {
        free_lists(user);
        free(user);
    }
}

void user_release(struct user *user)
{
    free_lists(user);
    *user = (struct user){0};
}
