#include "ranker/state_internal.h"

/* Where probing for the rows begins. */
static void prefetch_index(const struct state *state, const struct signal *signal,
                           const struct scopes *scopes)
{
    videos_prefetch(state->videos, signal->video_key);
    table_prefetch(&state->users, signal->user_key);
    for (unsigned i = 0; i < scopes->count; i++) {
        uint64_t hash = state_hash_of(scopes, i, signal->video_key);
        table_prefetch(&state->stats, hash);
        if (scopes->kinds[i] != SCOPE_GLOBAL) {
            table_prefetch(&state->scoped.rows, hash);
        }
    }
}

static void prefetch_rows(const struct state *state, const struct signal *signal,
                          const struct scopes *scopes)
{
    videos_prefetch_row(state->videos, signal->video_key);
    table_prefetch_row(&state->users, table_guess(&state->users, signal->user_key));
    for (unsigned i = 0; i < scopes->count; i++) {
        uint64_t hash = state_hash_of(scopes, i, signal->video_key);
        table_prefetch_row(&state->stats, table_guess(&state->stats, hash));
        if (scopes->kinds[i] != SCOPE_GLOBAL) {
            table_prefetch_row(&state->scoped.rows, table_guess(&state->scoped.rows, hash));
        }
    }
}

/* All cache lines that the bytes are on; there is one at least. */
static void prefetch_bytes(const void *bytes, size_t size)
{
    enum { LINE = 64 };
    const char *end = (const char *)bytes + size;
    const char *first = (const char *)bytes - (uintptr_t)bytes % LINE;
    for (const char *at = first; at < end; at += LINE) {
        __builtin_prefetch(at);
    }
}

/* Where it is noted that a row changes. */
static void prefetch_changes(const struct state *state, enum state_table table, size_t row)
{
    if (state->visit != NULL) {
        changes_prefetch(&state->changes[table], row);
    }
}

/* What hangs on the rows. */
static void prefetch_parts(const struct state *state, const struct signal *signal,
                           const struct scopes *scopes)
{
    const struct user_slot *slot = table_guess(&state->users, signal->user_key);
    if (slot != NULL && slot->user != NULL) {
        prefetch_bytes(slot->user, sizeof(struct user));
        prefetch_changes(state, STATE_USERS, slot->number);
    }
    for (unsigned i = 0; i < scopes->count; i++) {
        uint64_t hash = state_hash_of(scopes, i, signal->video_key);
        const struct scope_slot *slot_of_scope = table_guess(&state->stats, hash);
        if (slot_of_scope != NULL && slot_of_scope->stats != NULL) {
            prefetch_bytes(slot_of_scope->stats, sizeof(struct stats));
            prefetch_changes(state, STATE_STATISTICS, slot_of_scope->number);
        }
    }
}

/* The newest bucket of the scopes' statistics, mostly on two lines. */
static void prefetch_buckets(const struct state *state, const struct signal *signal,
                             const struct scopes *scopes)
{
    for (unsigned i = 0; i < scopes->count; i++) {
        uint64_t hash = state_hash_of(scopes, i, signal->video_key);
        const struct scope_slot *slot = table_guess(&state->stats, hash);
        if (slot != NULL && slot->stats != NULL && slot->stats->bucket_count > 0) {
            prefetch_bytes(&slot->stats->buckets[slot->stats->bucket_count - 1],
                           sizeof(struct stats_bucket));
        }
    }
}

/* A user's lists: tastes, where the signal may move them, and the latest videos seen. */
static void prefetch_lists(const struct state *state, const struct signal *signal)
{
    enum { SEEN = 16 };
    const struct user_slot *slot = table_guess(&state->users, signal->user_key);
    if (slot == NULL || slot->user == NULL) {
        return;
    }
    const struct user *user = slot->user;
    if (signal->type != SIGNAL_IMPRESSION && signal->type != SIGNAL_PLAY) {
        for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
            if (user->affinity_count[i] > 0) {
                prefetch_bytes(user->affinities[i],
                               user->affinity_count[i] * sizeof(struct affinity));
            }
        }
    }
    if (user->seen_count > 0) {
        size_t count = user->seen_count < SEEN ? user->seen_count : SEEN;
        prefetch_bytes(&user->seen[user->seen_count - count], count * sizeof(struct seen));
    }
}

void state_prefetch(const struct state *state, const struct event *event,
                    enum state_prefetch_step step)
{
    if (event->kind != EVENT_SIGNAL) {
        return;
    }
    const struct signal *signal = &event->u.signal;
    struct scopes scopes = state_scopes_of(signal->locale.region, signal->locale.language);
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

/* Each step's events have to arrive before the next step of the same event. */
void state_prefetch_ahead(const struct state *state, const struct event *const *events,
                          size_t count, size_t at)
{
    static const size_t ahead[] = {
        [STATE_PREFETCH_INDEX] = 16,
        [STATE_PREFETCH_ROWS] = 12,
        [STATE_PREFETCH_PARTS] = 8,
        [STATE_PREFETCH_LISTS] = 4,
    };
    for (unsigned step = 0; step < sizeof(ahead) / sizeof(ahead[0]); step++) {
        if (at + ahead[step] < count) {
            state_prefetch(state, events[at + ahead[step]], (enum state_prefetch_step)step);
        }
    }
}
