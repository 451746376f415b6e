#include "cli/batcher.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/wire.h"
#include "reelrank/v1/signal.pb-c.h"

/* Well below the message limit of any server. */
enum { BATCH_BYTES = 1 << 20 };

void batcher_init(struct batcher *batcher, struct backend *backend, struct arena arena,
                  batch_rejected *rejected, void *context)
{
    *batcher = (struct batcher){
        .backend = backend, .rejected = rejected, .context = context, .arena = arena};
}

static void count_outcome(struct batcher *batcher, struct batch_counts *counts, size_t index,
                          int outcome, const char *reason)
{
    switch (outcome) {
    case REELRANK__V1__SIGNAL_OUTCOME__SIGNAL_OUTCOME_ACCEPTED:
        counts->accepted++;
        break;
    case REELRANK__V1__SIGNAL_OUTCOME__SIGNAL_OUTCOME_DUPLICATE:
        counts->duplicate++;
        break;
    default:
        counts->rejected++;
        batcher->rejected(batcher->context, batcher->lines[index], reason);
    }
}

static enum status refuse_count(const struct batcher *batcher, size_t count,
                                struct problem *problem)
{
    problem_set(problem, "the server answered %zu results for %zu entries", count, batcher->count);
    return STATUS_CORRUPT;
}

static enum status send_signals(struct batcher *batcher, struct problem *problem)
{
    Reelrank__V1__Signal **signals =
        arena_new(&batcher->arena, Reelrank__V1__Signal *, batcher->count);
    if (signals == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < batcher->count; i++) {
        signals[i] = batcher->entries[i]->signal;
    }
    Reelrank__V1__RecordSignalsRequest request = REELRANK__V1__RECORD_SIGNALS_REQUEST__INIT;
    request.signals = signals;
    request.n_signals = batcher->count;
    ProtobufCMessage *message = NULL;
    enum status status =
        backend_call(batcher->backend, &reelrank__v1__signal_service__descriptor, "RecordSignals",
                     &request.base, &batcher->arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__RecordSignalsResponse *response = (const void *)message;
    if (response->n_results != batcher->count) {
        return refuse_count(batcher, response->n_results, problem);
    }
    for (size_t i = 0; i < batcher->count; i++) {
        const Reelrank__V1__SignalResult *result = response->results[i];
        count_outcome(batcher, &batcher->signals, i, (int)result->outcome, result->reason);
    }
    return STATUS_OK;
}

static bool is_unrated(const Reelrank__V1__Video *video)
{
    return video->safety_rating == REELRANK__V1__SAFETY_RATING__SAFETY_RATING_UNSPECIFIED ||
           video->safety_rating == REELRANK__V1__SAFETY_RATING__SAFETY_RATING_UNRATED;
}

static enum status send_videos(struct batcher *batcher, struct problem *problem)
{
    Reelrank__V1__Video **videos =
        arena_new(&batcher->arena, Reelrank__V1__Video *, batcher->count);
    if (videos == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < batcher->count; i++) {
        videos[i] = batcher->entries[i]->video;
    }
    Reelrank__V1__UpsertVideosRequest request = REELRANK__V1__UPSERT_VIDEOS_REQUEST__INIT;
    request.videos = videos;
    request.n_videos = batcher->count;
    request.update_fields = batcher->update_fields;
    request.n_update_fields = batcher->update_field_count;
    ProtobufCMessage *message = NULL;
    enum status status =
        backend_call(batcher->backend, &reelrank__v1__catalog_service__descriptor, "UpsertVideos",
                     &request.base, &batcher->arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__UpsertVideosResponse *response = (const void *)message;
    if (response->n_results != batcher->count) {
        return refuse_count(batcher, response->n_results, problem);
    }
    for (size_t i = 0; i < batcher->count; i++) {
        const Reelrank__V1__UpsertResult *result = response->results[i];
        count_outcome(batcher, &batcher->videos, i, (int)result->outcome, result->reason);
        bool taken = result->outcome != REELRANK__V1__UPSERT_OUTCOME__UPSERT_OUTCOME_REJECTED;
        batcher->unrated += taken && is_unrated(videos[i]) ? 1 : 0;
    }
    return STATUS_OK;
}

static enum status send_deletions(struct batcher *batcher, struct problem *problem)
{
    char **ids = arena_new(&batcher->arena, char *, batcher->count);
    if (ids == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < batcher->count; i++) {
        ids[i] = batcher->entries[i]->delete_video->video_id;
    }
    Reelrank__V1__DeleteVideosRequest request = REELRANK__V1__DELETE_VIDEOS_REQUEST__INIT;
    request.video_ids = ids;
    request.n_video_ids = batcher->count;
    ProtobufCMessage *message = NULL;
    enum status status =
        backend_call(batcher->backend, &reelrank__v1__catalog_service__descriptor, "DeleteVideos",
                     &request.base, &batcher->arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__DeleteVideosResponse *response = (const void *)message;
    batcher->videos.accepted += response->deleted;
    batcher->videos.duplicate += response->not_found;
    return STATUS_OK;
}

static enum status send_waiting(struct batcher *batcher, struct problem *problem)
{
    switch (batcher->kind) {
    case REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL:
        return send_signals(batcher, problem);
    case REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO:
        return send_videos(batcher, problem);
    case REELRANK__V1__LOG_ENTRY__ENTRY_DELETE_VIDEO:
        return send_deletions(batcher, problem);
    default:
        CHECK(!"a kind of entry");
        return STATUS_INVALID;
    }
}

enum status batcher_flush(struct batcher *batcher, struct problem *problem)
{
    if (batcher->count == 0) {
        return STATUS_OK;
    }
    enum status status = send_waiting(batcher, problem);
    if (status == STATUS_OK) {
        batcher->count = 0;
        batcher->bytes = 0;
        arena_reset(&batcher->arena);
    }
    return status;
}

static size_t count_fields(const char *const *update_fields)
{
    size_t count = 0;
    while (update_fields != NULL && update_fields[count] != NULL) {
        count++;
    }
    return count;
}

static bool same_fields(const struct batcher *batcher, const char *const *update_fields)
{
    size_t count = count_fields(update_fields);
    bool same = count == batcher->update_field_count;
    for (size_t i = 0; i < count && same; i++) {
        same = strcmp(update_fields[i], batcher->update_fields[i]) == 0;
    }
    return same;
}

static enum status keep_fields(struct batcher *batcher, const char *const *update_fields)
{
    size_t count = count_fields(update_fields);
    batcher->update_field_count = count;
    batcher->update_fields = count > 0 ? arena_new(&batcher->arena, char *, count) : NULL;
    for (size_t i = 0; i < count && !arena_full(&batcher->arena); i++) {
        size_t size = strlen(update_fields[i]) + 1;
        batcher->update_fields[i] = arena_new(&batcher->arena, char, size);
        if (batcher->update_fields[i] != NULL) {
            memcpy(batcher->update_fields[i], update_fields[i], size);
        }
    }
    return arena_full(&batcher->arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

/* A copy in the batcher's arena, by way of the bytes: protobuf-c has no other deep copy. */
static enum status keep(struct batcher *batcher, uint64_t line, const Reelrank__V1__LogEntry *entry,
                        size_t size)
{
    uint8_t *bytes = arena_new(&batcher->arena, uint8_t, size + 1);
    if (bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    reelrank__v1__log_entry__pack(entry, bytes);
    ProtobufCAllocator allocator = wire_allocator(&batcher->arena);
    Reelrank__V1__LogEntry *copy = reelrank__v1__log_entry__unpack(&allocator, size, bytes);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    batcher->entries[batcher->count] = copy;
    batcher->lines[batcher->count] = line;
    batcher->count++;
    batcher->bytes += size;
    return STATUS_OK;
}

enum status batcher_add(struct batcher *batcher, uint64_t line, const Reelrank__V1__LogEntry *entry,
                        const char *const *update_fields, struct problem *problem)
{
    size_t size = reelrank__v1__log_entry__get_packed_size(entry);
    bool full = batcher->count == LIMIT_BATCH || batcher->bytes + size > BATCH_BYTES;
    bool alike = entry->entry_case == batcher->kind && same_fields(batcher, update_fields);
    enum status status = full || !alike ? batcher_flush(batcher, problem) : STATUS_OK;
    if (status == STATUS_OK && batcher->count == 0) {
        batcher->kind = entry->entry_case;
        status = keep_fields(batcher, update_fields);
    }
    return status == STATUS_OK ? keep(batcher, line, entry, size) : status;
}
