#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/state_internal.h"

/* Users and statistics in their slots: in memory, or with the loader. */

void state_free_stats(struct stats *stats)
{
    if (stats != NULL) {
        stats_release(stats);
        free(stats);
    }
}

struct stats *state_copy_stats(const struct stats *stats)
{
    struct stats *copy = calloc(1, sizeof(*copy));
    if (copy != NULL && stats_copy(stats, copy) != STATUS_OK) {
        state_free_stats(copy);
        return NULL;
    }
    return copy;
}

/* A cold slot takes a copy of its statistics. */
static void keep_statistics(struct state *state, struct scope_slot *slot, struct stats *copy)
{
    slot->stats = copy;
    state->warmth[STATE_STATISTICS].cold_count--;
    state->warmth[STATE_STATISTICS].bytes += state_stats_bytes(copy);
}

/* STATUS_NO_MEMORY leaves it cold. */
static enum status put_statistics(struct state *state, struct scope_slot *slot,
                                  const struct stats *stats)
{
    struct stats *copy = state_copy_stats(stats);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    keep_statistics(state, slot, copy);
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
enum status state_load_scope(struct state *state, struct scope_slot *slot)
{
    const struct stats *stats;
    if (slot->stats != NULL) {
        return STATUS_OK;
    }
    arena_reset(&state->load_arena);
    enum status status = state_read_scope(state, slot, &state->load_arena, &stats);
    return status == STATUS_OK ? put_statistics(state, slot, stats) : status;
}

/* Likewise a copy of its user. */
static void keep_user(struct state *state, struct user_slot *slot, struct user *copy)
{
    slot->user = copy;
    state->warmth[STATE_USERS].cold_count--;
    state->warmth[STATE_USERS].bytes += user_bytes(copy);
}

static enum status put_user(struct state *state, struct user_slot *slot, const struct user *user)
{
    struct user *copy = user_copy(user);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    keep_user(state, slot, copy);
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
enum status state_load_slot(struct state *state, struct user_slot *slot)
{
    const struct user *user;
    if (slot->user != NULL) {
        return STATUS_OK;
    }
    arena_reset(&state->load_arena);
    enum status status = state_read_slot(state, slot, &state->load_arena, &user);
    return status == STATUS_OK ? put_user(state, slot, user) : status;
}

static enum status fetch_user(const struct state *state, size_t row, struct arena *arena,
                              struct state_fetched *out)
{
    const struct user_slot *slot = table_at(&state->users, row);
    const struct user *user;
    enum status status = state_read_slot(state, slot, arena, &user);
    if (status != STATUS_OK) {
        return status;
    }
    out->hash = slot->key;
    out->copy.user = user_copy(user);
    return out->copy.user != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status fetch_statistics(const struct state *state, size_t row, struct arena *arena,
                                    struct state_fetched *out)
{
    const struct scope_slot *slot = table_at(&state->stats, row);
    const struct stats *stats;
    enum status status = state_read_scope(state, slot, arena, &stats);
    if (status != STATUS_OK) {
        return status;
    }
    out->hash = slot->hash;
    out->copy.stats = state_copy_stats(stats);
    return out->copy.stats != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status state_fetch(const struct state *state, enum state_table table, size_t row,
                        struct arena *arena, struct state_fetched *out)
{
    CHECK(state_is_missed(state, table, row));
    out->table = table;
    out->row = row;
    return table == STATE_USERS ? fetch_user(state, row, arena, out)
                                : fetch_statistics(state, row, arena, out);
}

/* Where the row with this hash is now: mostly where it was, and NULL if it has gone. */
static void *find_again(const struct table *table, size_t row, uint64_t hash)
{
    void *slot = row < table->count ? table_at(table, row) : NULL;
    return slot != NULL && table_hash(slot) == hash ? slot : table_find(table, hash);
}

static void bring_user_back(struct state *state, const struct state_fetched *fetched)
{
    struct user_slot *slot = find_again(&state->users, fetched->row, fetched->hash);
    if (slot != NULL && slot->user == NULL) {
        keep_user(state, slot, fetched->copy.user);
    } else {
        user_free(fetched->copy.user);
    }
}

static void bring_statistics_back(struct state *state, const struct state_fetched *fetched)
{
    struct scope_slot *slot = find_again(&state->stats, fetched->row, fetched->hash);
    if (slot != NULL && slot->stats == NULL) {
        keep_statistics(state, slot, fetched->copy.stats);
    } else {
        state_free_stats(fetched->copy.stats);
    }
}

void state_bring_back(struct state *state, const struct state_fetched *fetched)
{
    if (fetched->table == STATE_USERS) {
        bring_user_back(state, fetched);
    } else {
        bring_statistics_back(state, fetched);
    }
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
    struct scopes scopes = state_scopes_of(signal->locale.region, signal->locale.language);
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
