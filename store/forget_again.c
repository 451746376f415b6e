#include "store/forget_again.h"

#include <stdbool.h>
#include <stdlib.h>

#include "store/keeper.h"
#include "store/payload.h"
#include "store/store.h"

enum { BATCH_MAX = 256 };

struct forgetting_again {
    const char *directory;
    size_t map_bytes;
    struct forgotten due; /* whom to forget, and when */
    bool unfinished;      /* somebody is forgotten already, and not erased yet */
    struct store *store;
    struct forgot *out;
    struct problem *problem;
};

/* The latest of what is said of each user elsewhere, unless the directory says as much. */
static enum status find_due(struct forgetting_again *again, const struct forgotten *elsewhere)
{
    struct forgotten here = {.count = 0};
    enum status status = forgotten_read(again->directory, &here, again->problem);
    for (size_t i = 0; i < here.count; i++) {
        again->unfinished |= here.items[i].pending;
    }
    for (size_t i = 0; i < elsewhere->count && status == STATUS_OK; i++) {
        const struct tombstone *there = &elsewhere->items[i];
        const struct tombstone *own = forgotten_find(&here, there->user_key);
        if (own == NULL || own->time_ms < there->time_ms) {
            status = forgotten_add(&again->due, there);
        }
    }
    forgotten_release(&here);
    forgotten_keep_latest(&again->due);
    return status;
}

static struct entry entry_of(const struct tombstone *tombstone, uint8_t payload[PAYLOAD_SIZE_MAX])
{
    struct forgetting forget = {.user_key = tombstone->user_key, .time_ms = tombstone->time_ms};
    return (struct entry){
        .record = {.kind = EVENT_FORGET,
                   .appended_ms = tombstone->time_ms,
                   .event_key = {.low = tombstone->user_key},
                   .payload = payload,
                   .payload_size = payload_put_forget(&forget, payload)},
        .event = {.kind = EVENT_FORGET, .u.forget = forget},
    };
}

struct writing {
    struct entry entries[BATCH_MAX];
    uint8_t payloads[BATCH_MAX][PAYLOAD_SIZE_MAX];
};

static enum status write_some(struct forgetting_again *again, struct writing *writing, size_t from,
                              size_t count)
{
    struct batch batch = {.entries = writing->entries, .count = count};
    struct batch *batches[] = {&batch};
    for (size_t i = 0; i < count; i++) {
        writing->entries[i] = entry_of(&again->due.items[from + i], writing->payloads[i]);
    }
    store_write(again->store, batches, 1);
    return batch.status;
}

static enum status write_all(struct forgetting_again *again)
{
    struct writing *writing = malloc(sizeof(*writing));
    enum status status = writing != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; i < again->due.count && status == STATUS_OK; i += BATCH_MAX) {
        size_t left = again->due.count - i;
        status = write_some(again, writing, i, left < BATCH_MAX ? left : BATCH_MAX);
    }
    free(writing);
    if (status != STATUS_OK) {
        problem_set(again->problem, "users cannot be forgotten: %s", status_text(status));
    }
    return status;
}

static enum status erase(struct forgetting_again *again)
{
    struct keeper *keeper = NULL;
    struct keeper_options options = {
        .store = again->store, .directory = again->directory, .map_bytes = again->map_bytes};
    enum status status = keeper_new(&options, &keeper);
    if (status == STATUS_OK) {
        status = keeper_erase(keeper, again->problem);
    }
    keeper_free(keeper);
    return status;
}

static enum status forget_in_store(struct forgetting_again *again)
{
    enum status status = write_all(again);
    if (status == STATUS_OK) {
        status = erase(again);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct state *state = store_begin(again->store);
    again->out->users = again->due.count;
    again->out->sequence = state_sequence(state);
    status = state_digest(state, &again->out->digests);
    store_end(again->store);
    return status;
}

static enum status forget_due(struct forgetting_again *again)
{
    struct store_options options = {
        .log = {.path = again->directory, .map_bytes = again->map_bytes}};
    enum status status = store_open(&options, &again->store, again->problem);
    if (status == STATUS_OK) {
        status = forget_in_store(again);
    }
    store_close(again->store);
    return status;
}

enum status forget_again(const char *directory, size_t map_bytes, const struct forgotten *elsewhere,
                         struct forgot *out, struct problem *problem)
{
    struct forgetting_again again = {
        .directory = directory, .map_bytes = map_bytes, .out = out, .problem = problem};
    *out = (struct forgot){.users = 0};
    enum status status = find_due(&again, elsewhere);
    if (status == STATUS_OK && (again.due.count > 0 || again.unfinished)) {
        status = forget_due(&again);
    }
    forgotten_release(&again.due);
    return status;
}
