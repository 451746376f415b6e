#include "ranker/state.h"

#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/state_internal.h"

struct state *state_new(void)
{
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return NULL;
    }
    state->videos = videos_new();
    if (state->videos == NULL) {
        free(state);
        return NULL;
    }
    state->users = table_of(sizeof(struct user_slot));
    state->stats = table_of(sizeof(struct scope_slot));
    state->scoped.rows = table_of(sizeof(struct scoped));
    for (unsigned i = 0; i < STATE_RESTORE_PARTS; i++) {
        state->restored[i].rows = table_of(sizeof(struct scoped));
    }
    return state;
}

void state_free(struct state *state)
{
    if (state == NULL) {
        return;
    }
    for (size_t i = 0; i < state->users.count; i++) {
        user_free(((struct user_slot *)table_at(&state->users, i))->user);
    }
    for (size_t i = 0; i < state->stats.count; i++) {
        state_free_stats(((struct scope_slot *)table_at(&state->stats, i))->stats);
    }
    table_release(&state->users);
    table_release(&state->stats);
    table_release(&state->scoped.rows);
    for (unsigned i = 0; i < STATE_RESTORE_PARTS; i++) {
        table_release(&state->restored[i].rows);
    }
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        changes_release(&state->changes[i]);
    }
    watch_release(&state->watch);
    videos_free(state->videos);
    free(state->load_arena.base);
    free(state);
}

static enum status add_scope_slot(struct state *state, uint64_t video_key, enum scope_kind kind,
                                  uint16_t code, struct scope_slot **out)
{
    void *row;
    struct stats *stats = calloc(1, sizeof(*stats));
    if (stats == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = state_touch_statistics_keys(state, state->stats.count);
    if (status == STATUS_OK) {
        status = table_add(&state->stats, state_scope_hash(video_key, kind, code), &row);
    }
    if (status != STATUS_OK) {
        free(stats);
        return status;
    }
    *out = row;
    (*out)->stats = stats;
    (*out)->number = (uint32_t)state->stats.count - 1;
    (*out)->kind = (uint8_t)kind;
    (*out)->code = code;
    state->warmth[STATE_STATISTICS].bytes += state_stats_bytes(stats);
    return STATUS_OK;
}

/* Finds or adds the statistics of one scope, which are then in memory. */
static enum status need_scope(struct state *state, uint64_t video_key, enum scope_kind kind,
                              uint16_t code, struct scope_slot **out)
{
    struct scope_slot *slot = table_find(&state->stats, state_scope_hash(video_key, kind, code));
    enum status status = slot != NULL ? state_load_scope(state, slot)
                                      : add_scope_slot(state, video_key, kind, code, &slot);
    if (status == STATUS_OK) {
        slot->used = true;
        *out = slot;
    }
    return status;
}

/* Finds or adds the statistics of all the scopes. */
static enum status need_stats(struct state *state, uint64_t video_key, struct scopes *scopes)
{
    for (unsigned i = 0; i < scopes->count; i++) {
        enum status status = need_scope(state, video_key, (enum scope_kind)scopes->kinds[i],
                                        scopes->codes[i], &scopes->slots[i]);
        if (status == STATUS_OK) {
            status = state_touch(state, STATE_STATISTICS, scopes->slots[i]->number);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* Turns a signal and what it did to the view into counts. */
static void count_signal(const struct signal *signal, const struct view_change *change,
                         bool newly_followed, struct stats_delta *delta)
{
    int32_t *counts = delta->counts;
    counts[COUNTER_IMPRESSIONS] = signal->type == SIGNAL_IMPRESSION;
    counts[COUNTER_PLAYS] = change->plays;
    counts[COUNTER_VALID_PLAYS] = change->valid_play;
    counts[COUNTER_LONG_VIEWS] = change->long_view;
    counts[COUNTER_COMPLETES] = change->complete;
    counts[COUNTER_SKIPS] = signal->type == SIGNAL_SKIP;
    counts[COUNTER_LIKES] = change->like;
    counts[COUNTER_SHARES] = signal->type == SIGNAL_SHARE;
    counts[COUNTER_COMMENTS] = signal->type == SIGNAL_COMMENT;
    counts[COUNTER_FOLLOWS] = newly_followed;
    counts[COUNTER_NOT_INTERESTED] = signal->type == SIGNAL_NOT_INTERESTED;
    counts[COUNTER_REPORTS] = signal->type == SIGNAL_REPORT;
    if (change->watch_after_ms > change->watch_before_ms) {
        int64_t before_ms = change->watch_before_ms > 0 ? change->watch_before_ms : 0;
        delta->watch_ms = change->watch_after_ms - before_ms;
    }
}

/* What a signal adds, from what it did to the user's view. */
static struct effect effect_of(const struct signal *signal, const struct view_change *change,
                               bool newly_followed)
{
    struct effect effect = {
        .video_key = signal->video_key,
        .tick = stats_tick(signal->time_ms),
        .region = signal->locale.region,
        .language = signal->locale.language,
    };
    count_signal(signal, change, newly_followed, &effect.delta);
    if (change->watch_after_ms != change->watch_before_ms) {
        bool had_watched = change->watch_before_ms >= 0;
        effect.watched = true;
        effect.watch_bin_before = had_watched ? (int8_t)watch_bin(change->watch_before_ms) : -1;
        effect.watch_bin_after = (uint8_t)watch_bin(change->watch_after_ms);
        effect.watch_bucket = change->watch_bucket;
        effect.watch_region = change->watch_region;
    }
    return effect;
}

/* After a signal: what is known of statistics that are not in memory. */
static enum status settle_key(struct state *state, struct scope_slot *slot)
{
    uint32_t day = state_day_of(stats_tick_ms(slot->stats->newest_tick));
    if (day == slot->last_day) {
        return STATUS_OK;
    }
    enum status status = state_touch_statistics_keys(state, slot->number);
    slot->last_day = day;
    return status;
}

/* And what ranking reads of a region or language. A row comes or goes, which its key tells. */
static enum status settle_scoped(struct state *state, struct scope_slot *slot)
{
    bool scoped = scoped_has_row((enum scope_kind)slot->kind, slot->stats);
    enum status status = STATUS_OK;
    if (scoped != slot->scoped) {
        status = state_touch_statistics_keys(state, slot->number);
    }
    if (status == STATUS_OK && scoped) {
        status = scoped_put(&state->scoped, slot->hash, slot->stats);
    }
    if (status == STATUS_OK && slot->scoped && !scoped) {
        scoped_remove(&state->scoped, slot->hash);
    }
    slot->scoped = scoped;
    return status;
}

static enum status add_to_scope(struct state *state, struct scope_slot *slot,
                                const struct effect *effect)
{
    size_t bytes_before = state_stats_bytes(slot->stats);
    enum status status = stats_add(slot->stats, stats_tick_ms(effect->tick), &effect->delta);
    if (status != STATUS_OK) {
        return status;
    }
    state->warmth[STATE_STATISTICS].bytes += state_stats_bytes(slot->stats) - bytes_before;
    status = settle_key(state, slot);
    return status == STATUS_OK ? settle_scoped(state, slot) : status;
}

static enum status add_to_scopes(struct state *state, const struct scopes *scopes,
                                 const struct effect *effect)
{
    for (unsigned i = 0; i < scopes->count; i++) {
        enum status status = add_to_scope(state, scopes->slots[i], effect);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status move_watch(struct state *state, const struct effect *effect)
{
    if (!effect->watched) {
        return STATUS_OK;
    }
    enum status status = state_touch(state, STATE_WATCH, 0);
    if (status == STATUS_OK && effect->watch_region != 0) {
        status = state_touch(state, STATE_WATCH, effect->watch_region);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return watch_move(&state->watch, effect->watch_region, effect->watch_bucket,
                      effect->watch_bin_before, effect->watch_bin_after);
}

/* Adds to the statistics of the scopes, those of the video's row, and the watch times. */
static enum status add_effect(struct state *state, const struct effect *effect,
                              const struct scopes *scopes, struct video *video)
{
    enum status status = add_to_scopes(state, scopes, effect);
    if (status != STATUS_OK) {
        return status;
    }
    state_decay_video(state, video, scopes->slots[0]->stats);
    if (stats_tick_ms(effect->tick) > state->newest_signal_ms) {
        state->newest_signal_ms = stats_tick_ms(effect->tick);
    }
    return move_watch(state, effect);
}

/* A signal adds the row of a video nobody has heard of, but changes nothing that is saved of it. */
static enum status need_video(struct state *state, uint64_t video_key, struct video **out)
{
    size_t count = videos_count(state->videos);
    enum status status = videos_add(state->videos, video_key, out);
    if (status != STATUS_OK || videos_count(state->videos) == count) {
        return status;
    }
    return state_touch(state, STATE_VIDEOS, videos_number(state->videos, *out));
}

/* A row with a new user, which is freed where there can be none. */
static enum status add_slot(struct state *state, struct user *user, struct user_slot **out)
{
    void *row = NULL;
    enum status status = state_touch_user_keys(state, state->users.count);
    if (status == STATUS_OK) {
        status = table_add(&state->users, user->key, &row);
    }
    if (status != STATUS_OK) {
        user_free(user);
        return status;
    }
    *out = row;
    (*out)->user = user;
    (*out)->number = (uint32_t)state->users.count - 1;
    state->warmth[STATE_USERS].bytes += user_bytes(user);
    return STATUS_OK;
}

enum status state_add_user(struct state *state, const struct user *user)
{
    CHECK(state->visit == NULL);
    struct user *copy = user_copy(user);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct user_slot *slot;
    enum status status = add_slot(state, copy, &slot);
    if (status == STATUS_OK) {
        slot->last_day = state_day_of(user->last_signal_ms);
    }
    return status;
}

static enum status add_user(struct state *state, uint64_t user_key, struct user_slot **out)
{
    struct user *user = user_copy(&(struct user){.key = user_key});
    return user != NULL ? add_slot(state, user, out) : STATUS_NO_MEMORY;
}

/* Finds or adds the user, who is then in memory, and tells that it changes. */
static enum status need_user(struct state *state, uint64_t user_key, struct user_slot **out)
{
    struct user_slot *slot = table_find(&state->users, user_key);
    enum status status =
        slot != NULL ? state_load_slot(state, slot) : add_user(state, user_key, &slot);
    if (status != STATUS_OK) {
        return status;
    }
    slot->used = true;
    *out = slot;
    return state_touch(state, STATE_USERS, slot->number);
}

/* After a signal: what the slot and the state know of its user. */
static enum status settle_user(struct state *state, struct user_slot *slot, size_t bytes_before)
{
    state->warmth[STATE_USERS].bytes += user_bytes(slot->user) - bytes_before;
    uint32_t day = state_day_of(slot->user->last_signal_ms);
    if (day == slot->last_day) {
        return STATUS_OK;
    }
    enum status status = state_touch_user_keys(state, slot->number);
    slot->last_day = day;
    return status;
}

/* Finds or adds the rows a signal is about. */
static enum status need_rows(struct state *state, const struct signal *signal,
                             struct scopes *scopes, struct video **video, struct user_slot **slot)
{
    enum status status = need_video(state, signal->video_key, video);
    if (status == STATUS_OK) {
        status = need_user(state, signal->user_key, slot);
    }
    return status == STATUS_OK ? need_stats(state, signal->video_key, scopes) : status;
}

static enum status apply_signal(struct state *state, const struct signal *signal)
{
    struct scopes scopes = state_scopes_of(signal->locale.region, signal->locale.language);
    struct video *video;
    struct user_slot *slot;
    enum status status = need_rows(state, signal, &scopes, &video, &slot);
    if (status != STATUS_OK) {
        return status;
    }
    struct user *user = slot->user;
    size_t bytes_before = user_bytes(user);
    /* Nobody follows an unknown creator yet, so each such follow counts. */
    bool newly_followed =
        signal->type == SIGNAL_FOLLOW_CREATOR && !user_follows(user, video->creator_key);
    struct view_change change;
    const struct video_more *more = video_more_of(videos_more(state->videos), video);
    status = user_apply(user, signal, video, more, &change);
    if (status == STATUS_OK) {
        status = settle_user(state, slot, bytes_before);
    }
    if (status != STATUS_OK) {
        return status;
    }
    state->last_effect = effect_of(signal, &change, newly_followed);
    return add_effect(state, &state->last_effect, &scopes, video);
}

static enum status apply_erased(struct state *state, const struct effect *effect)
{
    if (effect->video_key == 0) {
        return STATUS_OK;
    }
    struct scopes scopes = state_scopes_of(effect->region, effect->language);
    struct video *video;
    enum status status = need_video(state, effect->video_key, &video);
    if (status == STATUS_OK) {
        status = need_stats(state, effect->video_key, &scopes);
    }
    return status == STATUS_OK ? add_effect(state, effect, &scopes, video) : status;
}

static enum status apply_video(struct state *state, uint64_t sequence,
                               const struct video_facts *facts)
{
    struct video *row;
    enum status status = videos_add(state->videos, facts->key, &row);
    if (status != STATUS_OK) {
        return status;
    }
    bool was_live = video_is_live(row);
    status = state_touch(state, STATE_VIDEOS, videos_number(state->videos, row));
    if (status != STATUS_OK) {
        return status;
    }
    status = videos_put(state->videos, facts);
    if (status != STATUS_OK) {
        return status;
    }
    videos_set_source(state->videos, row, (struct video_source){facts->content_hash, sequence});
    state->live_videos += !was_live;
    return STATUS_OK;
}

/* The content's hash goes too: the same content sent again is no repeat but a revival. */
static enum status apply_deletion(struct state *state, uint64_t video_key)
{
    struct video *row = videos_find(state->videos, video_key);
    if (row == NULL) {
        return STATUS_OK;
    }
    enum status status = state_touch(state, STATE_VIDEOS, videos_number(state->videos, row));
    if (status != STATUS_OK) {
        return status;
    }
    state->live_videos -= video_is_live(row);
    row->deleted = true;
    videos_drop_embedding(state->videos, row);
    videos_set_source(
        state->videos, row,
        (struct video_source){.log_sequence = videos_source(state->videos, row).log_sequence});
    return STATUS_OK;
}

static enum status apply(struct state *state, uint64_t sequence, const struct event *event)
{
    switch (event->kind) {
    case EVENT_SIGNAL:
        return apply_signal(state, &event->u.signal);
    case EVENT_VIDEO:
        return apply_video(state, sequence, &event->u.video);
    case EVENT_VIDEO_DELETED:
        return apply_deletion(state, event->u.deleted_video_key);
    case EVENT_FORGET:
        return state_remove_user(state, event->u.forget.user_key);
    case EVENT_RETIRE:
        return state_apply_retirement(state, &event->u.retire);
    case EVENT_ERASED:
        return apply_erased(state, &event->u.erased);
    case EVENT_KIND_END:
        break;
    }
    return STATUS_OK;
}

enum status state_apply(struct state *state, uint64_t sequence, const struct event *event)
{
    CHECK(sequence > state->sequence);
    enum status status = apply(state, sequence, event);
    if (status == STATUS_OK) {
        state->sequence = sequence;
    }
    return status;
}

uint64_t state_sequence(const struct state *state)
{
    return state->sequence;
}

int64_t state_newest_signal_ms(const struct state *state)
{
    return state->newest_signal_ms;
}

const struct effect *state_last_effect(const struct state *state)
{
    return &state->last_effect;
}

const struct videos *state_videos(const struct state *state)
{
    return state->videos;
}

const struct watch *state_watch(const struct state *state)
{
    return &state->watch;
}

void state_count(const struct state *state, struct state_counts *out)
{
    *out = (struct state_counts){
        .videos = state->live_videos,
        .users = state->users.count,
        .statistics = state->stats.count,
        .user_bytes = state->warmth[STATE_USERS].bytes,
        .statistics_bytes = state->warmth[STATE_STATISTICS].bytes,
        .scoped = state->scoped.rows.count,
        .scoped_bytes = table_bytes(&state->scoped.rows),
    };
}
