#include "ranker/state_internal.h"

/* Rows that go. */

/* A row goes, and the last one of its table takes its number. */
static enum status touch_removal(struct state *state, enum state_table table, size_t row)
{
    enum status status = state_touch(state, table, row);
    return status == STATUS_OK ? state_touch(state, table, state_row_count(state, table) - 1)
                               : status;
}

/* The last user may be moved to another row, where its loader would not find it. */
static enum status prepare_removal(struct state *state, size_t row)
{
    size_t last = state->users.count - 1;
    enum status status = state_load_slot(state, table_at(&state->users, last));
    if (status == STATUS_OK) {
        status = touch_removal(state, STATE_USERS, row);
    }
    if (status == STATUS_OK) {
        status = state_touch_user_keys(state, row);
    }
    return status == STATUS_OK ? state_touch_user_keys(state, last) : status;
}

enum status state_remove_user(struct state *state, uint64_t user_key)
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
        user_free(gone);
    }
    return status;
}

/* As of users: what is last may be moved to where its loader would not find it. */
static enum status prepare_statistics_removal(struct state *state, size_t row)
{
    size_t last = state->stats.count - 1;
    enum status status = state_load_scope(state, table_at(&state->stats, last));
    if (status == STATUS_OK) {
        status = touch_removal(state, STATE_STATISTICS, row);
    }
    if (status == STATUS_OK) {
        status = state_touch_statistics_keys(state, row);
    }
    return status == STATUS_OK ? state_touch_statistics_keys(state, last) : status;
}

static void drop_statistics(struct state *state, struct scope_slot *slot)
{
    uint32_t row = slot->number;
    struct stats *gone = slot->stats;
    state->warmth[STATE_STATISTICS].bytes -= gone != NULL ? state_stats_bytes(gone) : 0;
    state->warmth[STATE_STATISTICS].cold_count -= gone == NULL;
    if (slot->scoped) {
        scoped_remove(&state->scoped, slot->hash);
    }
    table_remove(&state->stats, row);
    slot->number = row; /* of the one that moved here, if any did */
    state_free_stats(gone);
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
        videos_set_decayed(state->videos, video, &(struct stats_decayed){0});
    }
    return STATUS_OK;
}

/* What is in the catalogue stays, and so does what has statistics. */
static enum status remove_video(struct state *state, uint64_t video_key)
{
    struct video *video = videos_find(state->videos, video_key);
    if (video == NULL || video_is_live(video) ||
        state_has_stats(state, video_key, SCOPE_GLOBAL, 0)) {
        return STATUS_OK;
    }
    enum status status = touch_removal(state, STATE_VIDEOS, videos_number(state->videos, video));
    if (status == STATUS_OK) {
        videos_remove(state->videos, video);
    }
    return status;
}

enum status state_apply_retirement(struct state *state, const struct retirement *retire)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < retire->user_count && status == STATUS_OK; i++) {
        status = state_remove_user(state, retire->user_keys[i]);
    }
    for (unsigned i = 0; i < retire->statistics_count && status == STATUS_OK; i++) {
        status = remove_statistics(state, &retire->statistics[i]);
    }
    for (unsigned i = 0; i < retire->video_count && status == STATUS_OK; i++) {
        status = remove_video(state, retire->video_keys[i]);
    }
    return status;
}
