#include "cli/batcher.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/wire.h"
#include "reelrank/v1/signal.pb-c.h"

/* Of all that waits: below the message limit of any server, and unpacked well below the arena. */
enum { BATCH_BYTES = 1 << 20 };

void batcher_init(struct batcher *batcher, struct backend *backend, struct arena arena,
                  batch_rejected *rejected, void *context)
{
    memset(batcher, 0, sizeof(*batcher));
    batcher->backend = backend;
    batcher->rejected = rejected;
    batcher->context = context;
    batcher->arena = arena;
}

static void count_outcome(struct batcher *batcher, struct batch_counts *counts, uint64_t line,
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
        batcher->rejected(batcher->context, line, reason);
    }
}

static enum status refuse_count(const struct batch_lane *lane, size_t count,
                                struct problem *problem)
{
    problem_set(problem, "the server answered %zu results for %zu entries", count, lane->count);
    return STATUS_CORRUPT;
}

static enum status send_signals(struct batcher *batcher, const struct batch_lane *lane,
                                struct problem *problem)
{
    Reelrank__V1__Signal **signals =
        arena_new(&batcher->arena, Reelrank__V1__Signal *, lane->count);
    if (signals == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < lane->count; i++) {
        signals[i] = lane->entries[i]->signal;
    }
    Reelrank__V1__RecordSignalsRequest request = REELRANK__V1__RECORD_SIGNALS_REQUEST__INIT;
    request.signals = signals;
    request.n_signals = lane->count;
    ProtobufCMessage *message = NULL;
    enum status status =
        backend_call(batcher->backend, &reelrank__v1__signal_service__descriptor, "RecordSignals",
                     &request.base, &batcher->arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__RecordSignalsResponse *response = (const void *)message;
    if (response->n_results != lane->count) {
        return refuse_count(lane, response->n_results, problem);
    }
    for (size_t i = 0; i < lane->count; i++) {
        const Reelrank__V1__SignalResult *result = response->results[i];
        count_outcome(batcher, &batcher->signals, lane->lines[i], (int)result->outcome,
                      result->reason);
    }
    return STATUS_OK;
}

static bool is_unrated(const Reelrank__V1__Video *video)
{
    return video->safety_rating == REELRANK__V1__SAFETY_RATING__SAFETY_RATING_UNSPECIFIED ||
           video->safety_rating == REELRANK__V1__SAFETY_RATING__SAFETY_RATING_UNRATED;
}

static enum status send_videos(struct batcher *batcher, const struct batch_lane *lane,
                               struct problem *problem)
{
    Reelrank__V1__Video **videos = arena_new(&batcher->arena, Reelrank__V1__Video *, lane->count);
    if (videos == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < lane->count; i++) {
        videos[i] = lane->entries[i]->video;
    }
    Reelrank__V1__UpsertVideosRequest request = REELRANK__V1__UPSERT_VIDEOS_REQUEST__INIT;
    request.videos = videos;
    request.n_videos = lane->count;
    request.update_fields = lane->update_fields;
    request.n_update_fields = lane->update_field_count;
    ProtobufCMessage *message = NULL;
    enum status status =
        backend_call(batcher->backend, &reelrank__v1__catalog_service__descriptor, "UpsertVideos",
                     &request.base, &batcher->arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__UpsertVideosResponse *response = (const void *)message;
    if (response->n_results != lane->count) {
        return refuse_count(lane, response->n_results, problem);
    }
    for (size_t i = 0; i < lane->count; i++) {
        const Reelrank__V1__UpsertResult *result = response->results[i];
        count_outcome(batcher, &batcher->videos, lane->lines[i], (int)result->outcome,
                      result->reason);
        bool taken = result->outcome != REELRANK__V1__UPSERT_OUTCOME__UPSERT_OUTCOME_REJECTED;
        batcher->unrated += taken && is_unrated(videos[i]) ? 1 : 0;
    }
    return STATUS_OK;
}

static enum status send_deletions(struct batcher *batcher, const struct batch_lane *lane,
                                  struct problem *problem)
{
    char **ids = arena_new(&batcher->arena, char *, lane->count);
    if (ids == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < lane->count; i++) {
        ids[i] = lane->entries[i]->delete_video->video_id;
    }
    Reelrank__V1__DeleteVideosRequest request = REELRANK__V1__DELETE_VIDEOS_REQUEST__INIT;
    request.video_ids = ids;
    request.n_video_ids = lane->count;
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

static enum status send_lane(struct batcher *batcher, size_t index, struct problem *problem)
{
    const struct batch_lane *lane = &batcher->lanes[index];
    if (lane->count == 0) {
        return STATUS_OK;
    }
    switch (index) {
    case BATCH_LANE_OF_SIGNALS:
        return send_signals(batcher, lane, problem);
    case BATCH_LANE_OF_DELETIONS:
        return send_deletions(batcher, lane, problem);
    default:
        return send_videos(batcher, lane, problem);
    }
}

enum status batcher_flush(struct batcher *batcher, struct problem *problem)
{
    for (size_t i = 0; i < BATCH_LANE_COUNT; i++) {
        enum status status = send_lane(batcher, i, problem);
        if (status != STATUS_OK) {
            return status;
        }
        batcher->lanes[i].count = 0;
    }
    batcher->bytes = 0;
    batcher->video_lanes = 0;
    memset(batcher->waiting, 0, sizeof(batcher->waiting));
    arena_reset(&batcher->arena);
    return STATUS_OK;
}

static size_t count_fields(const char *const *update_fields)
{
    size_t count = 0;
    while (update_fields != NULL && update_fields[count] != NULL) {
        count++;
    }
    return count;
}

static bool same_fields(const struct batch_lane *lane, const char *const *update_fields)
{
    size_t count = count_fields(update_fields);
    bool same = count == lane->update_field_count;
    for (size_t i = 0; i < count && same; i++) {
        same = strcmp(update_fields[i], lane->update_fields[i]) == 0;
    }
    return same;
}

static enum status keep_fields(struct arena *arena, const char *const *update_fields,
                               struct batch_lane *lane)
{
    size_t count = count_fields(update_fields);
    lane->update_field_count = count;
    lane->update_fields = arena_new(arena, char *, count);
    for (size_t i = 0; i < count && !arena_full(arena); i++) {
        size_t size = strlen(update_fields[i]) + 1;
        lane->update_fields[i] = arena_new(arena, char, size);
        if (lane->update_fields[i] != NULL) {
            memcpy(lane->update_fields[i], update_fields[i], size);
        }
    }
    return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

/* The lane an entry belongs to, video_lanes for a new one, or BATCH_LANE_COUNT when none is left.
 */
static size_t find_lane(const struct batcher *batcher, const Reelrank__V1__LogEntry *entry,
                        const char *const *update_fields)
{
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL) {
        return BATCH_LANE_OF_SIGNALS;
    }
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DELETE_VIDEO) {
        return BATCH_LANE_OF_DELETIONS;
    }
    for (size_t i = 0; i < batcher->video_lanes; i++) {
        if (same_fields(&batcher->lanes[i], update_fields)) {
            return i;
        }
    }
    return batcher->video_lanes < BATCH_LANES_OF_VIDEOS ? batcher->video_lanes : BATCH_LANE_COUNT;
}

static struct text video_id_of(const Reelrank__V1__LogEntry *entry)
{
    switch (entry->entry_case) {
    case REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL:
        return text_of(entry->signal->video_id);
    case REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO:
        return text_of(entry->video->video_id);
    case REELRANK__V1__LOG_ENTRY__ENTRY_DELETE_VIDEO:
        return text_of(entry->delete_video->video_id);
    default:
        CHECK(!"a kind of entry");
        return (struct text){0};
    }
}

/* The slot of a video, or the free one where it would go. */
static struct batch_waiting *find_waiting(struct batcher *batcher, uint64_t video_key)
{
    size_t at = video_key % BATCH_WAITING_SLOTS;
    while (batcher->waiting[at].video_key != 0 && batcher->waiting[at].video_key != video_key) {
        at = (at + 1) % BATCH_WAITING_SLOTS;
    }
    return &batcher->waiting[at];
}

/* Whether an entry of size bytes may join lane index without overtaking its own video's entries. */
static bool fits(struct batcher *batcher, uint64_t video_key, size_t index, size_t size)
{
    if (index == BATCH_LANE_COUNT) {
        return false;
    }
    const struct batch_lane *lane = &batcher->lanes[index];
    bool room = lane->count < LIMIT_BATCH && batcher->bytes + size <= BATCH_BYTES;
    const struct batch_waiting *waiting = find_waiting(batcher, video_key);
    bool overtakes = waiting->video_key != 0 && waiting->lane > index;
    return room && !overtakes;
}

/* A copy in the batcher's arena, by way of the bytes: protobuf-c has no other deep copy. */
static enum status keep(struct batcher *batcher, struct batch_lane *lane, uint64_t line,
                        const Reelrank__V1__LogEntry *entry)
{
    size_t size = reelrank__v1__log_entry__get_packed_size(entry);
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
    lane->entries[lane->count] = copy;
    lane->lines[lane->count] = line;
    lane->count++;
    batcher->bytes += size;
    return STATUS_OK;
}

enum status batcher_add(struct batcher *batcher, uint64_t line, const Reelrank__V1__LogEntry *entry,
                        const char *const *update_fields, struct problem *problem)
{
    uint64_t video_key = hash_key(video_id_of(entry));
    size_t size = reelrank__v1__log_entry__get_packed_size(entry);
    size_t index = find_lane(batcher, entry, update_fields);
    if (!fits(batcher, video_key, index, size)) {
        enum status status = batcher_flush(batcher, problem);
        if (status != STATUS_OK) {
            return status;
        }
        index = find_lane(batcher, entry, update_fields);
    }
    struct batch_lane *lane = &batcher->lanes[index];
    if (index < BATCH_LANES_OF_VIDEOS && index == batcher->video_lanes) {
        enum status status = keep_fields(&batcher->arena, update_fields, lane);
        if (status != STATUS_OK) {
            return status;
        }
        batcher->video_lanes++;
    }
    *find_waiting(batcher, video_key) =
        (struct batch_waiting){.video_key = video_key, .lane = index};
    return keep(batcher, lane, line, entry);
}
