#include "store/carry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/state_rows.h"
#include "store/clock.h"
#include "store/decoder.h"
#include "store/log.h"

enum { BATCH_VIDEOS = 256, LOOK_ROWS = 4096 };

/* A video whose record is to be written again. */
struct stale {
    uint64_t log_sequence;
    uint64_t content_hash;
};

struct carrying {
    struct store *store;
    struct problem *problem;
    struct decoder decoder;
    size_t next_row;
    struct stale stale[BATCH_VIDEOS];
    struct entry entries[BATCH_VIDEOS];
    size_t count;
    size_t entry_count;
    enum status status;
};

/* Looks at some rows. False at the end. */
static bool look(struct carrying *carrying, uint64_t sequence)
{
    const struct state *state = store_begin(carrying->store);
    const struct videos *videos = state_videos(state);
    size_t end = videos_count(videos);
    size_t stop = end - carrying->next_row < LOOK_ROWS ? end : carrying->next_row + LOOK_ROWS;
    if (carrying->next_row >= end) {
        stop = carrying->next_row;
    }
    for (; carrying->next_row < stop && carrying->count < BATCH_VIDEOS; carrying->next_row++) {
        const struct video *video = videos_at(videos, carrying->next_row);
        struct video_source source = videos_source(videos, video);
        if (video_is_live(video) && source.log_sequence <= sequence) {
            carrying->stale[carrying->count++] =
                (struct stale){source.log_sequence, source.content_hash};
        }
    }
    bool more = carrying->next_row < end;
    store_end(carrying->store);
    return more;
}

/* Copies the record, as log_poll() lends it. */
static bool take_record(void *context, uint64_t sequence, const struct record *record)
{
    (void)sequence;
    struct carrying *carrying = context;
    struct entry *entry = &carrying->entries[carrying->entry_count];
    *entry = (struct entry){.record = *record};
    carrying->status = STATUS_CORRUPT;
    if (record->kind != EVENT_VIDEO) {
        return false;
    }
    carrying->status = decoder_event(&carrying->decoder, record, &entry->event);
    if (carrying->status != STATUS_OK) {
        return false;
    }
    uint8_t *payload = malloc(record->payload_size);
    if (payload == NULL) {
        carrying->status = STATUS_NO_MEMORY;
        return false;
    }
    memcpy(payload, record->payload, record->payload_size);
    entry->record.payload = payload;
    carrying->entry_count++;
    return false;
}

static enum status read_stale(struct carrying *carrying, const struct stale *stale, int64_t now_ms)
{
    carrying->status = STATUS_CORRUPT;
    enum status status = log_poll(store_log(carrying->store), stale->log_sequence, take_record,
                                  carrying, carrying->problem);
    if (status == STATUS_OK && carrying->status != STATUS_OK) {
        problem_set(carrying->problem, "the video of record %" PRIu64 " cannot be read: %s",
                    stale->log_sequence, status_text(carrying->status));
        status = carrying->status;
    }
    if (status == STATUS_OK) {
        struct entry *entry = &carrying->entries[carrying->entry_count - 1];
        entry->record.appended_ms = now_ms;
        entry->has_base = true;
        entry->base_hash = stale->content_hash;
        entry->carry = true;
    }
    return status;
}

/* A video that was changed meanwhile is passed over: it has a newer record. */
static enum status write_entries(struct carrying *carrying)
{
    struct batch batch = {.entries = carrying->entries, .count = carrying->entry_count};
    struct batch *batches[] = {&batch};
    store_write(carrying->store, batches, 1);
    if (batch.status != STATUS_OK) {
        problem_set(carrying->problem, "videos cannot be written again: %s",
                    status_text(batch.status));
    }
    return batch.status;
}

static enum status carry_batch(struct carrying *carrying)
{
    int64_t now_ms = wall_clock_ms();
    enum status status = STATUS_OK;
    carrying->entry_count = 0;
    for (size_t i = 0; i < carrying->count && status == STATUS_OK; i++) {
        status = read_stale(carrying, &carrying->stale[i], now_ms);
    }
    if (status == STATUS_OK && carrying->entry_count > 0) {
        status = write_entries(carrying);
    }
    for (size_t i = 0; i < carrying->entry_count; i++) {
        free((void *)carrying->entries[i].record.payload);
    }
    carrying->count = 0;
    return status;
}

/* Once over all rows; rows that move meanwhile may be missed. */
static enum status carry_round(struct carrying *carrying, uint64_t sequence,
                               const _Atomic bool *stopping, bool *found)
{
    bool more = true;
    enum status status = STATUS_OK;
    *found = false;
    carrying->next_row = 0;
    while (more && status == STATUS_OK) {
        if (atomic_load(stopping)) {
            problem_set(carrying->problem, "told to stop");
            return STATUS_UNAVAILABLE;
        }
        more = look(carrying, sequence);
        *found |= carrying->count > 0;
        status = carry_batch(carrying);
    }
    return status;
}

enum status carry_videos(struct store *store, uint64_t sequence, const _Atomic bool *stopping,
                         struct problem *problem)
{
    struct carrying *carrying = calloc(1, sizeof(*carrying));
    if (carrying == NULL) {
        problem_set(problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    carrying->store = store;
    carrying->problem = problem;
    bool found = true;
    enum status status = STATUS_OK;
    while (found && status == STATUS_OK) {
        status = carry_round(carrying, sequence, stopping, &found);
    }
    decoder_release(&carrying->decoder);
    free(carrying);
    return status;
}
