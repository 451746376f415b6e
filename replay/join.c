#include "replay/join.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/table.h"

/* A ranking that waits: one block with its keys, outcomes and payload behind it. */
struct pending {
    struct joined joined;
    struct outcome *outcomes;
    struct pending *later; /* in the order of being added */
    struct pending *newer; /* of the same user */
    struct pending *older; /* likewise */
    uint64_t name_key;     /* in names; 0: not named */
    size_t size;
    bool known; /* its outcomes are: nothing to wait for */
};

/* A row of a table that finds the newest ranking of a key. */
struct place {
    uint64_t key; /* first: the table's hash */
    struct pending *pending;
};

struct join {
    struct join_options options;
    struct join_counts counts;
    struct pending *first; /* owned, each owns the later one */
    struct pending *last;
    struct table names; /* struct place, by user and ranking */
    struct table users; /* struct place */
    size_t bytes;
};

struct join *join_new(const struct join_options *options)
{
    CHECK(options->bytes > 0); /* else every ranking is told at once, and has no outcomes */
    struct join *join = calloc(1, sizeof(*join));
    if (join != NULL) {
        join->options = *options;
        join->names = table_of(sizeof(struct place));
        join->users = table_of(sizeof(struct place));
    }
    return join;
}

void join_free(struct join *join)
{
    if (join == NULL) {
        return;
    }
    while (join->first != NULL) {
        struct pending *first = join->first;
        join->first = first->later;
        free(first);
    }
    table_release(&join->names);
    table_release(&join->users);
    free(join);
}

const struct join_counts *join_counts(const struct join *join)
{
    return &join->counts;
}

static uint64_t name_key(uint64_t user_key, uint64_t ranking_key)
{
    uint64_t key = XXH3_64bits_withSeed(&ranking_key, sizeof(ranking_key), user_key);
    return key != 0 ? key : 1;
}

static struct pending *find(const struct table *table, uint64_t key)
{
    const struct place *place = table_find(table, key);
    return place != NULL ? place->pending : NULL;
}

static enum status put(struct table *table, uint64_t key, struct pending *pending)
{
    void *row;
    enum status status = table_need(table, key, &row);
    if (status == STATUS_OK) {
        ((struct place *)row)->pending = pending;
    }
    return status;
}

static void drop(struct table *table, uint64_t key, const struct pending *pending)
{
    const struct place *place = table_find(table, key);
    if (place != NULL && place->pending == pending) {
        table_remove(table, table_number(table, place));
    }
}

static size_t aligned(size_t size)
{
    return (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

static struct pending *new_pending(const struct past_ranking *ranking, size_t payload_size)
{
    size_t count = ranking->request->count;
    size_t keys = aligned(sizeof(struct pending));
    size_t outcomes = keys + aligned(count * sizeof(uint64_t));
    size_t payload = outcomes + aligned(count * sizeof(struct outcome));
    char *block = calloc(1, payload + payload_size);
    if (block == NULL) {
        return NULL;
    }
    struct pending *pending = (struct pending *)(void *)block;
    memcpy(block + keys, ranking->request->keys, count * sizeof(uint64_t));
    if (ranking->outcomes != NULL) {
        memcpy(block + outcomes, ranking->outcomes, count * sizeof(struct outcome));
    }
    *pending = (struct pending){
        .joined = {.time_ms = ranking->time_ms,
                   .user_key = ranking->user_key,
                   .ranking_key = ranking->ranking_key,
                   .count = count,
                   .keys = (const uint64_t *)(const void *)(block + keys),
                   .outcomes = (const struct outcome *)(const void *)(block + outcomes),
                   .payload = block + payload},
        .outcomes = (struct outcome *)(void *)(block + outcomes),
        .size = payload + payload_size,
        .known = ranking->outcomes != NULL,
    };
    return pending;
}

/* Whose outcomes are known is found by nobody. */
static enum status index_pending(struct join *join, struct pending *pending)
{
    const struct joined *joined = &pending->joined;
    enum status status = STATUS_OK;
    if (pending->known) {
        return STATUS_OK;
    }
    if (joined->ranking_key != 0) {
        pending->name_key = name_key(joined->user_key, joined->ranking_key);
        status = put(&join->names, pending->name_key, pending);
    }
    if (status == STATUS_OK && joined->user_key != 0) {
        pending->older = find(&join->users, joined->user_key);
        status = put(&join->users, joined->user_key, pending);
    }
    if (status == STATUS_OK && pending->older != NULL) {
        pending->older->newer = pending;
    }
    return status;
}

enum status join_add(struct join *join, const struct past_ranking *ranking, size_t payload_size,
                     void **payload)
{
    struct pending *pending = new_pending(ranking, payload_size);
    if (pending == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (join->last != NULL) {
        join->last->later = pending;
    } else {
        join->first = pending;
    }
    join->last = pending;
    join->bytes += pending->size;
    *payload = pending->joined.payload;
    return index_pending(join, pending);
}

static struct outcome *outcome_of(struct pending *pending, uint64_t video_key)
{
    for (size_t i = 0; i < pending->joined.count; i++) {
        if (pending->joined.keys[i] == video_key) {
            return &pending->outcomes[i];
        }
    }
    return NULL;
}

/* One that is over may wait still, behind another that is not. */
static struct outcome *outcome_in_window(const struct join *join, struct pending *pending,
                                         const struct signal *signal)
{
    bool over = signal->time_ms - pending->joined.time_ms > join->options.window_ms;
    return over ? NULL : outcome_of(pending, signal->video_key);
}

static struct outcome *find_named(const struct join *join, const struct signal *signal)
{
    struct pending *pending = find(&join->names, name_key(signal->user_key, signal->ranking_key));
    if (pending == NULL) {
        pending = find(&join->names, name_key(0, signal->ranking_key)); /* asked as a visitor */
    }
    return pending != NULL ? outcome_in_window(join, pending, signal) : NULL;
}

static struct outcome *find_latest(const struct join *join, const struct signal *signal)
{
    struct outcome *outcome = NULL;
    struct pending *pending = find(&join->users, signal->user_key);
    for (size_t i = 0; i < JOIN_LOOK_BACK && pending != NULL && outcome == NULL; i++) {
        outcome = outcome_in_window(join, pending, signal);
        pending = pending->older;
    }
    return outcome;
}

void join_signal(struct join *join, const struct signal *signal, int64_t duration_ms)
{
    bool named = signal->ranking_key != 0;
    struct outcome *outcome = named ? find_named(join, signal) : find_latest(join, signal);
    if (outcome != NULL) {
        *(named ? &join->counts.by_ranking_id : &join->counts.by_window) += 1;
        outcome_add(outcome, signal, duration_ms);
    }
}

static void forget_places(struct join *join, struct pending *pending)
{
    if (pending->known) {
        return;
    }
    if (pending->name_key != 0) {
        drop(&join->names, pending->name_key, pending);
    }
    if (pending->joined.user_key != 0) {
        drop(&join->users, pending->joined.user_key, pending);
    }
    if (pending->newer != NULL) {
        pending->newer->older = NULL; /* the first to go is the oldest of its user */
    }
}

static enum status tell_first(struct join *join, const struct state *state)
{
    struct pending *first = join->first;
    forget_places(join, first);
    join->first = first->later;
    if (join->first == NULL) {
        join->last = NULL;
    }
    join->bytes -= first->size;
    enum status status = join->options.joined(join->options.context, &first->joined, state);
    free(first);
    return status;
}

enum status join_time(struct join *join, int64_t time_ms, const struct state *state)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && join->first != NULL) {
        const struct pending *first = join->first;
        bool waited = first->known || time_ms - first->joined.time_ms > join->options.window_ms;
        bool full = join->bytes > join->options.bytes;
        if (!waited && !full) {
            break;
        }
        join->counts.told_early += full && !waited;
        status = tell_first(join, state);
    }
    return status;
}

enum status join_follow(struct join *join, const struct signal *signal, int64_t duration_ms,
                        const struct state *state)
{
    enum status status = join_time(join, signal->time_ms, state);
    if (status == STATUS_OK) {
        join_signal(join, signal, duration_ms);
    }
    return status;
}

enum status join_end(struct join *join, const struct state *state)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && join->first != NULL) {
        status = tell_first(join, state);
    }
    return status;
}
