#include "ranker/state.h"

#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/state_internal.h"

enum { SCOPES_MAX = 3 };

/* The scopes one signal counts in, and their statistics; the global one is first. */
struct scopes {
    unsigned count;
    uint8_t kinds[SCOPES_MAX]; /* enum scope_kind */
    uint16_t codes[SCOPES_MAX];
    struct scope_slot *slots[SCOPES_MAX];
};

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
    return state;
}

static void free_user(struct user *user)
{
    if (user != NULL) {
        user_release(user);
        free(user);
    }
}

static void free_stats(struct stats *stats)
{
    if (stats != NULL) {
        stats_release(stats);
        free(stats);
    }
}

void state_free(struct state *state)
{
    if (state == NULL) {
        return;
    }
    for (size_t i = 0; i < state->users.count; i++) {
        free_user(((struct user_slot *)table_at(&state->users, i))->user);
    }
    for (size_t i = 0; i < state->stats.count; i++) {
        free_stats(((struct scope_slot *)table_at(&state->stats, i))->stats);
    }
    table_release(&state->users);
    table_release(&state->stats);
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        changes_release(&state->changes[i]);
    }
    watch_release(&state->watch);
    videos_free(state->videos);
    free(state->load_arena.base);
    free(state);
}

static void add_scope(struct scopes *scopes, enum scope_kind kind, uint16_t code)
{
    scopes->kinds[scopes->count] = (uint8_t)kind;
    scopes->codes[scopes->count] = code;
    scopes->count++;
}

static struct scopes scopes_of(uint16_t region, uint16_t language)
{
    struct scopes scopes = {.count = 0};
    add_scope(&scopes, SCOPE_GLOBAL, 0);
    if (region != 0) {
        add_scope(&scopes, SCOPE_REGION, region);
    }
    if (language != 0) {
        add_scope(&scopes, SCOPE_LANGUAGE, language);
    }
    return scopes;
}

static uint64_t hash_of_scope(const struct scopes *scopes, unsigned i, uint64_t video_key)
{
    return state_scope_hash(video_key, scopes->kinds[i], scopes->codes[i]);
}

/* The keys in this row of keys are about to change. */
static enum status touch_statistics_keys(struct state *state, size_t row)
{
    return state_touch(state, STATE_STATISTICS_KEYS, row / STATE_KEYS_PER_ROW);
}

enum status state_put_statistics(struct state *state, struct scope_slot *slot,
                                 const struct stats *stats)
{
    struct stats *copy = calloc(1, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = stats_copy(stats, copy);
    if (status != STATUS_OK) {
        free(copy);
        return status;
    }
    slot->stats = copy;
    state->warmth[STATE_STATISTICS].cold_count--;
    state->warmth[STATE_STATISTICS].bytes += state_stats_bytes(copy);
    return STATUS_OK;
}

enum status state_read_scope(const struct state *state, const struct scope_slot *slot,
                             struct arena *arena, const struct stats **out)
{
    if (slot->stats != NULL) {
        *out = slot->stats;
        return STATUS_OK;
    }
    CHECK(state->loader.load_statistics != NULL);
    struct stats *loaded = arena_new(arena, struct stats, 1);
    if (loaded == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        state->loader.load_statistics(state->loader.context, slot->number, arena, loaded);
    *out = status == STATUS_OK ? loaded : NULL;
    return status;
}

/* Brings the statistics of a slot into memory. */
static enum status load_scope(struct state *state, struct scope_slot *slot)
{
    const struct stats *stats;
    if (slot->stats != NULL) {
        return STATUS_OK;
    }
    arena_reset(&state->load_arena);
    enum status status = state_read_scope(state, slot, &state->load_arena, &stats);
    return status == STATUS_OK ? state_put_statistics(state, slot, stats) : status;
}

static enum status add_scope_slot(struct state *state, uint64_t video_key, enum scope_kind kind,
                                  uint16_t code, struct scope_slot **out)
{
    void *row;
    struct stats *stats = calloc(1, sizeof(*stats));
    if (stats == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = touch_statistics_keys(state, state->stats.count);
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
    enum status status = slot != NULL ? load_scope(state, slot)
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

static enum status add_to_scope(struct state *state, struct scope_slot *slot,
                                const struct effect *effect)
{
    size_t bytes_before = state_stats_bytes(slot->stats);
    enum status status = stats_add(slot->stats, stats_tick_ms(effect->tick), &effect->delta);
    if (status != STATUS_OK) {
        return status;
    }
    state->warmth[STATE_STATISTICS].bytes += state_stats_bytes(slot->stats) - bytes_before;
    uint32_t day = state_day_of(stats_tick_ms(slot->stats->newest_tick));
    if (day != slot->last_day) {
        status = touch_statistics_keys(state, slot->number);
        slot->last_day = day;
    }
    return status;
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
    stats_decay(scopes->slots[0]->stats, &video->decayed);
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
    return state_touch(state, STATE_VIDEOS, (*out)->number);
}

/* The keys in this user's row of keys are about to change. */
static enum status touch_user_keys(struct state *state, size_t row)
{
    return state_touch(state, STATE_USER_KEYS, row / STATE_KEYS_PER_ROW);
}

enum status state_put_user(struct state *state, struct user_slot *slot, const struct user *user)
{
    struct user *copy = calloc(1, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = user_copy(user, copy);
    if (status != STATUS_OK) {
        free_user(copy);
        return status;
    }
    slot->user = copy;
    state->warmth[STATE_USERS].cold_count--;
    state->warmth[STATE_USERS].bytes += user_bytes(copy);
    return STATUS_OK;
}

enum status state_read_slot(const struct state *state, const struct user_slot *slot,
                            struct arena *arena, const struct user **out)
{
    if (slot->user != NULL) {
        *out = slot->user;
        return STATUS_OK;
    }
    CHECK(state->loader.load_user != NULL);
    struct user *loaded = arena_new(arena, struct user, 1);
    if (loaded == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        state->loader.load_user(state->loader.context, slot->number, arena, loaded);
    if (status == STATUS_OK && loaded->key != slot->key) {
        status = STATUS_CORRUPT;
    }
    *out = status == STATUS_OK ? loaded : NULL;
    return status;
}

/* Brings the user of a slot into memory. */
static enum status load_slot(struct state *state, struct user_slot *slot)
{
    const struct user *user;
    arena_reset(&state->load_arena);
    enum status status = state_read_slot(state, slot, &state->load_arena, &user);
    return status == STATUS_OK && slot->user == NULL ? state_put_user(state, slot, user) : status;
}

/* A row with a new user, which is freed where there can be none. */
static enum status add_slot(struct state *state, struct user *user, struct user_slot **out)
{
    void *row = NULL;
    enum status status = touch_user_keys(state, state->users.count);
    if (status == STATUS_OK) {
        status = table_add(&state->users, user->key, &row);
    }
    if (status != STATUS_OK) {
        free_user(user);
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
    struct user *copy = calloc(1, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = user_copy(user, copy);
    if (status != STATUS_OK) {
        free_user(copy);
        return status;
    }
    struct user_slot *slot;
    status = add_slot(state, copy, &slot);
    if (status == STATUS_OK) {
        slot->last_day = state_day_of(user->last_signal_ms);
    }
    return status;
}

static enum status add_user(struct state *state, uint64_t user_key, struct user_slot **out)
{
    struct user *user = calloc(1, sizeof(*user));
    if (user == NULL) {
        return STATUS_NO_MEMORY;
    }
    user->key = user_key;
    return add_slot(state, user, out);
}

/* Finds or adds the user, who is then in memory, and tells that it changes. */
static enum status need_user(struct state *state, uint64_t user_key, struct user_slot **out)
{
    struct user_slot *slot = table_find(&state->users, user_key);
    enum status status = STATUS_OK;
    if (slot == NULL) {
        status = add_user(state, user_key, &slot);
    } else if (slot->user == NULL) {
        status = load_slot(state, slot);
    }
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
    enum status status = touch_user_keys(state, slot->number);
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
    struct scopes scopes = scopes_of(signal->locale.region, signal->locale.language);
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
    status = user_apply(user, signal, video, &change);
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
    struct scopes scopes = scopes_of(effect->region, effect->language);
    struct video *video;
    enum status status = need_video(state, effect->video_key, &video);
    if (status == STATUS_OK) {
        status = need_stats(state, effect->video_key, &scopes);
    }
    return status == STATUS_OK ? add_effect(state, effect, &scopes, video) : status;
}

static bool is_live(const struct video *row)
{
    return row != NULL && row->known && !row->deleted;
}

static enum status apply_video(struct state *state, uint64_t sequence,
                               const struct video_facts *facts)
{
    struct video *row;
    enum status status = videos_add(state->videos, facts->key, &row);
    if (status != STATUS_OK) {
        return status;
    }
    bool was_live = is_live(row);
    status = state_touch(state, STATE_VIDEOS, row->number);
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
    enum status status = state_touch(state, STATE_VIDEOS, row->number);
    if (status != STATUS_OK) {
        return status;
    }
    state->live_videos -= is_live(row);
    row->deleted = true;
    videos_set_source(
        state->videos, row,
        (struct video_source){.log_sequence = videos_source(state->videos, row).log_sequence});
    return STATUS_OK;
}

/* A row goes, and the last one of its table takes its number. */
static enum status touch_removal(struct state *state, enum state_table table, size_t row)
{
    enum status status = state_touch(state, table, row);
    return status == STATUS_OK ? state_touch(state, table, state_row_count(state, table) - 1)
                               : status;
}

/* The last user may be moved to another row, where its loader would not find it. */
static enum status load_last_user(struct state *state)
{
    struct user_slot *last = table_at(&state->users, state->users.count - 1);
    return last->user == NULL ? load_slot(state, last) : STATUS_OK;
}

static enum status prepare_removal(struct state *state, size_t row)
{
    enum status status = load_last_user(state);
    if (status == STATUS_OK) {
        status = touch_removal(state, STATE_USERS, row);
    }
    if (status == STATUS_OK) {
        status = touch_user_keys(state, row);
    }
    return status == STATUS_OK ? touch_user_keys(state, state->users.count - 1) : status;
}

static enum status remove_user(struct state *state, uint64_t user_key)
{
    const struct user_slot *slot = table_find(&state->users, user_key);
    if (slot == NULL) {
        return STATUS_OK;
    }
    uint32_t row = slot->number;
    enum status status = prepare_removal(state, row);
    if (status == STATUS_OK) {
        struct user *gone = slot->user;
        state->warmth[STATE_USERS].bytes -= gone != NULL ? user_bytes(gone) : 0;
        state->warmth[STATE_USERS].cold_count -= gone == NULL;
        table_remove(&state->users, row);
        ((struct user_slot *)table_at(&state->users, row))->number = row; /* if one moved here */
        free_user(gone);
    }
    return status;
}

/* As of users: what is last may be moved to where its loader would not find it. */
static enum status prepare_statistics_removal(struct state *state, size_t row)
{
    size_t last = state->stats.count - 1;
    enum status status = load_scope(state, table_at(&state->stats, last));
    if (status == STATUS_OK) {
        status = touch_removal(state, STATE_STATISTICS, row);
    }
    if (status == STATUS_OK) {
        status = touch_statistics_keys(state, row);
    }
    return status == STATUS_OK ? touch_statistics_keys(state, last) : status;
}

static void drop_statistics(struct state *state, struct scope_slot *slot)
{
    uint32_t row = slot->number;
    struct stats *gone = slot->stats;
    state->warmth[STATE_STATISTICS].bytes -= gone != NULL ? state_stats_bytes(gone) : 0;
    state->warmth[STATE_STATISTICS].cold_count -= gone == NULL;
    table_remove(&state->stats, row);
    slot->number = row; /* of the one that moved here, if any did */
    free_stats(gone);
}

static enum status remove_statistics(struct state *state, const struct retired_statistics *retired)
{
    struct scope_slot *slot =
        table_find(&state->stats, state_scope_hash(retired->video_key,
                                                   (enum scope_kind)retired->kind, retired->code));
    if (slot == NULL) {
        return STATUS_OK;
    }
    enum status status = prepare_statistics_removal(state, slot->number);
    if (status != STATUS_OK) {
        return status;
    }
    drop_statistics(state, slot);
    struct video *video = videos_find(state->videos, retired->video_key);
    if (retired->kind == SCOPE_GLOBAL && video != NULL) {
        video->decayed = (struct stats_decayed){0};
    }
    return STATUS_OK;
}

/* What is in the catalogue stays, and so does what has statistics. */
static enum status remove_video(struct state *state, uint64_t video_key)
{
    struct video *video = videos_find(state->videos, video_key);
    if (video == NULL || is_live(video) || state_has_stats(state, video_key, SCOPE_GLOBAL, 0)) {
        return STATUS_OK;
    }
    enum status status = touch_removal(state, STATE_VIDEOS, video->number);
    if (status == STATUS_OK) {
        videos_remove(state->videos, video);
    }
    return status;
}

static enum status apply_retirement(struct state *state, const struct retirement *retire)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < retire->user_count && status == STATUS_OK; i++) {
        status = remove_user(state, retire->user_keys[i]);
    }
    for (unsigned i = 0; i < retire->statistics_count && status == STATUS_OK; i++) {
        status = remove_statistics(state, &retire->statistics[i]);
    }
    for (unsigned i = 0; i < retire->video_count && status == STATUS_OK; i++) {
        status = remove_video(state, retire->video_keys[i]);
    }
    return status;
}

/* Where probing for the rows begins. */
static void prefetch_index(const struct state *state, const struct signal *signal,
                           const struct scopes *scopes)
{
    videos_prefetch(state->videos, signal->video_key);
    table_prefetch(&state->users, signal->user_key);
    for (unsigned i = 0; i < scopes->count; i++) {
        table_prefetch(&state->stats, hash_of_scope(scopes, i, signal->video_key));
    }
}

static void prefetch_rows(const struct state *state, const struct signal *signal,
                          const struct scopes *scopes)
{
    videos_prefetch_row(state->videos, signal->video_key);
    table_prefetch_row(&state->users, table_guess(&state->users, signal->user_key));
    for (unsigned i = 0; i < scopes->count; i++) {
        uint64_t hash = hash_of_scope(scopes, i, signal->video_key);
        table_prefetch_row(&state->stats, table_guess(&state->stats, hash));
    }
}

/* What hangs on the rows. */
static void prefetch_parts(const struct state *state, const struct signal *signal,
                           const struct scopes *scopes)
{
    enum { LINE = 64 };
    const struct user_slot *slot = table_guess(&state->users, signal->user_key);
    if (slot != NULL && slot->user != NULL) {
        for (size_t i = 0; i < sizeof(struct user); i += LINE) {
            __builtin_prefetch((const char *)slot->user + i);
        }
    }
    for (unsigned i = 0; i < scopes->count; i++) {
        uint64_t hash = hash_of_scope(scopes, i, signal->video_key);
        const struct scope_slot *slot_of_scope = table_guess(&state->stats, hash);
        if (slot_of_scope != NULL && slot_of_scope->stats != NULL) {
            for (size_t at = 0; at < sizeof(struct stats); at += LINE) {
                __builtin_prefetch((const char *)slot_of_scope->stats + at);
            }
        }
    }
}

/* The newest bucket of the scopes' statistics. */
static void prefetch_buckets(const struct state *state, const struct signal *signal,
                             const struct scopes *scopes)
{
    for (unsigned i = 0; i < scopes->count; i++) {
        uint64_t hash = hash_of_scope(scopes, i, signal->video_key);
        const struct scope_slot *slot = table_guess(&state->stats, hash);
        if (slot != NULL && slot->stats != NULL && slot->stats->bucket_count > 0) {
            __builtin_prefetch(&slot->stats->buckets[slot->stats->bucket_count - 1]);
        }
    }
}

/* A user's lists: the first line of tastes, and the latest videos seen. */
static void prefetch_lists(const struct state *state, const struct signal *signal)
{
    const struct user_slot *slot = table_guess(&state->users, signal->user_key);
    if (slot == NULL || slot->user == NULL) {
        return;
    }
    const struct user *user = slot->user;
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        __builtin_prefetch(user->affinities[i]);
    }
    if (user->seen_count > 0) {
        __builtin_prefetch(&user->seen[user->seen_count - 1]);
    }
}

void state_prefetch(const struct state *state, const struct event *event,
                    enum state_prefetch_step step)
{
    if (event->kind != EVENT_SIGNAL) {
        return;
    }
    const struct signal *signal = &event->u.signal;
    struct scopes scopes = scopes_of(signal->locale.region, signal->locale.language);
    switch (step) {
    case STATE_PREFETCH_INDEX:
        prefetch_index(state, signal, &scopes);
        break;
    case STATE_PREFETCH_ROWS:
        prefetch_rows(state, signal, &scopes);
        break;
    case STATE_PREFETCH_PARTS:
        prefetch_parts(state, signal, &scopes);
        break;
    case STATE_PREFETCH_LISTS:
        prefetch_lists(state, signal);
        prefetch_buckets(state, signal, &scopes);
        break;
    }
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
        return remove_user(state, event->u.forget.user_key);
    case EVENT_RETIRE:
        return apply_retirement(state, &event->u.retire);
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

enum status state_bring_back(struct state *state, enum state_table table, size_t row)
{
    CHECK(table == STATE_USERS || table == STATE_STATISTICS);
    CHECK(row < state_row_count(state, table));
    if (table == STATE_STATISTICS) {
        return load_scope(state, table_at(&state->stats, row));
    }
    struct user_slot *slot = table_at(&state->users, row);
    return slot->user == NULL ? load_slot(state, slot) : STATUS_OK;
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

enum status state_find_user(const struct state *state, uint64_t user_key, struct arena *arena,
                            const struct user **out)
{
    const struct user_slot *slot = table_find(&state->users, user_key);
    if (slot == NULL) {
        *out = NULL;
        return STATUS_OK;
    }
    return state_read_slot(state, slot, arena, out);
}

static bool has_cold(const struct state *state)
{
    return state->warmth[STATE_USERS].cold_count > 0 ||
           state->warmth[STATE_STATISTICS].cold_count > 0;
}

void state_warm(const struct state *state, const struct event *event, struct arena *arena)
{
    if (event->kind != EVENT_SIGNAL || !has_cold(state)) {
        return;
    }
    const struct signal *signal = &event->u.signal;
    struct scopes scopes = scopes_of(signal->locale.region, signal->locale.language);
    const struct user *user;
    arena_reset(arena);
    (void)!state_find_user(state, signal->user_key, arena, &user);
    for (unsigned i = 0; i < scopes.count; i++) {
        const struct stats *stats;
        arena_reset(arena);
        (void)!state_find_stats(state, signal->video_key, (enum scope_kind)scopes.kinds[i],
                                scopes.codes[i], arena, &stats);
    }
}

bool state_has_stats(const struct state *state, uint64_t video_key, enum scope_kind kind,
                     uint16_t code)
{
    return table_find(&state->stats, state_scope_hash(video_key, kind, code)) != NULL;
}

enum status state_find_stats(const struct state *state, uint64_t video_key, enum scope_kind kind,
                             uint16_t code, struct arena *arena, const struct stats **out)
{
    const struct scope_slot *slot =
        table_find(&state->stats, state_scope_hash(video_key, kind, code));
    if (slot == NULL) {
        *out = NULL;
        return STATUS_OK;
    }
    return state_read_scope(state, slot, arena, out);
}

void state_count(const struct state *state, struct state_counts *out)
{
    *out = (struct state_counts){
        .videos = state->live_videos,
        .users = state->users.count,
        .statistics = state->stats.count,
        .user_bytes = state->warmth[STATE_USERS].bytes,
        .statistics_bytes = state->warmth[STATE_STATISTICS].bytes,
    };
}
