#include <string.h>

#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/wire.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/log.pb-c.h"
#include "server/service_internal.h"

struct prepared {
    struct batch batch; /* first: turn->batch points here */
    Reelrank__V1__UpsertResult *results;
    Reelrank__V1__UpsertResult **result_list;
};

/* Where a stored video came from; its log_sequence is 0 when there is none. */
static struct video_source find_stored(struct service *service, uint64_t key)
{
    const struct video *row = NULL;
    struct video_source stored = {0};
    const struct state *state = store_begin(service->store);
    videos_find_many(state_videos(state), &key, 1, &row);
    if (video_is_live(row)) {
        stored = videos_source(state_videos(state), row);
    }
    store_end(service->store);
    return stored;
}

struct load {
    struct arena *arena;
    Reelrank__V1__Video *video;
};

static bool load_record(void *context, uint64_t sequence, const struct record *record)
{
    (void)sequence;
    struct load *load = context;
    ProtobufCAllocator allocator = wire_allocator(load->arena);
    if (record->kind == EVENT_VIDEO) {
        load->video =
            reelrank__v1__video__unpack(&allocator, record->payload_size, record->payload);
    }
    return false;
}

/* STATUS_NOT_FOUND: the record has been removed. */
static enum status load_video(struct service *service, struct turn *turn,
                              struct video_source stored, Reelrank__V1__Video **out)
{
    struct load load = {.arena = turn->arena};
    enum status status = log_poll(store_log(service->store), stored.log_sequence, load_record,
                                  &load, &turn->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (load.video == NULL) {
        return arena_full(turn->arena) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
    }
    *out = load.video;
    return STATUS_OK;
}

/* Before its record is removed, a video is written again: it is found anew. */
enum status service_load_video(struct service *service, struct turn *turn, uint64_t video_key,
                               struct video_source stored, Reelrank__V1__Video **out)
{
    enum status status = load_video(service, turn, stored, out);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    struct video_source now = find_stored(service, video_key);
    return load_video(service, turn, now.log_sequence != 0 ? now : stored, out);
}

static size_t element_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return sizeof(uint64_t);
    default:
        return sizeof(uint32_t); /* numbers of 32 bits, enums, and protobuf_c_boolean, an int */
    }
}

/* Copies one field between two messages of the same type, sharing what it points to. */
static void copy_field(const ProtobufCFieldDescriptor *field, const void *from, void *to)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy((char *)to + field->quantifier_offset, (const char *)from + field->quantifier_offset,
               sizeof(size_t));
        memcpy((char *)to + field->offset, (const char *)from + field->offset, sizeof(void *));
        return;
    }
    memcpy((char *)to + field->offset, (const char *)from + field->offset, element_size(field));
}

static bool names_field(const Reelrank__V1__UpsertVideosRequest *request, const char *field)
{
    for (size_t i = 0; i < request->n_update_fields; i++) {
        if (strcmp(request->update_fields[i], field) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * What is marked as inferred after an update: the old marks of fields that stay, and the new marks
 * of fields that change.
 */
static enum status merge_inferred(struct turn *turn,
                                  const Reelrank__V1__UpsertVideosRequest *request,
                                  const Reelrank__V1__Video *update, Reelrank__V1__Video *merged)
{
    char **marks = arena_new(turn->arena, char *, merged->n_inferred + update->n_inferred);
    if (marks == NULL) {
        return STATUS_NO_MEMORY;
    }
    size_t count = 0;
    for (size_t i = 0; i < merged->n_inferred; i++) {
        if (!names_field(request, merged->inferred[i])) {
            marks[count++] = merged->inferred[i];
        }
    }
    for (size_t i = 0; i < update->n_inferred; i++) {
        if (names_field(request, update->inferred[i])) {
            marks[count++] = update->inferred[i];
        }
    }
    merged->inferred = marks;
    merged->n_inferred = count;
    return STATUS_OK;
}

/* The stored video with the named fields of update laid over it. */
static enum status merge(struct service *service, struct turn *turn, struct video_source stored,
                         const Reelrank__V1__UpsertVideosRequest *request,
                         const Reelrank__V1__Video *update, Reelrank__V1__Video **out)
{
    Reelrank__V1__Video *merged = NULL;
    if (stored.log_sequence == 0) {
        merged = arena_new(turn->arena, Reelrank__V1__Video, 1);
        if (merged == NULL) {
            return STATUS_NO_MEMORY;
        }
        reelrank__v1__video__init(merged);
        merged->video_id = update->video_id;
    } else {
        uint64_t video_key = hash_key(text_of(update->video_id));
        enum status status = service_load_video(service, turn, video_key, stored, &merged);
        if (status != STATUS_OK) {
            return status;
        }
    }
    enum status status = merge_inferred(turn, request, update, merged);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < request->n_update_fields; i++) {
        copy_field(protobuf_c_message_descriptor_get_field_by_name(&reelrank__v1__video__descriptor,
                                                                   request->update_fields[i]),
                   update, merged);
    }
    *out = merged;
    return STATUS_OK;
}

static enum status check_update_fields(const Reelrank__V1__UpsertVideosRequest *request,
                                       struct problem *problem)
{
    for (size_t i = 0; i < request->n_update_fields; i++) {
        const char *name = request->update_fields[i];
        if (protobuf_c_message_descriptor_get_field_by_name(&reelrank__v1__video__descriptor,
                                                            name) == NULL) {
            problem_set(problem, "update_fields[%zu] \"%.64s\" is no field of reelrank.v1.Video", i,
                        name);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

/* Validates and packs one video; a bad one becomes a rejected entry, with the reason. */
static enum status put_video(struct service *service, struct turn *turn,
                             const Reelrank__V1__UpsertVideosRequest *request, size_t index,
                             struct entry *entry, Reelrank__V1__UpsertResult *result)
{
    Reelrank__V1__Video *video = request->videos[index];
    struct problem problem;
    enum status status = wire_video(video, &entry->event.u.video, &problem);
    if (status == STATUS_OK && request->n_update_fields > 0) {
        struct video_source stored = find_stored(service, hash_key(text_of(video->video_id)));
        status = merge(service, turn, stored, request, video, &video);
        if (status != STATUS_OK) {
            return status;
        }
        entry->has_base = true;
        entry->base_hash = stored.content_hash;
        status = wire_video(video, &entry->event.u.video, &problem);
    }
    if (status != STATUS_OK) {
        entry->outcome = OUTCOME_REJECTED;
        result->reason = service_copy(turn->arena, problem.text);
        return result->reason != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    }
    entry->event.kind = EVENT_VIDEO;
    entry->record.kind = EVENT_VIDEO;
    result->video_key = entry->event.u.video.key;
    status = service_put_payload(turn, &video->base, entry);
    if (status == STATUS_OK) {
        entry->event.u.video.content_hash =
            XXH3_64bits(entry->record.payload, entry->record.payload_size);
    }
    return status;
}

static enum status check_batch(const char *field, size_t count, struct problem *problem)
{
    if (count > LIMIT_BATCH) {
        problem_set(problem, "%s has %zu items; at most %d are allowed", field, count, LIMIT_BATCH);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum turn_step service_upsert_videos(void *context, struct turn *turn)
{
    const Reelrank__V1__UpsertVideosRequest *request =
        (const Reelrank__V1__UpsertVideosRequest *)turn->request;
    size_t count = request->n_videos;
    enum status status = check_batch("videos", count, &turn->problem);
    if (status == STATUS_OK) {
        status = check_update_fields(request, &turn->problem);
    }
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    struct prepared *prepared = arena_new(turn->arena, struct prepared, 1);
    struct entry *entries = arena_new(turn->arena, struct entry, count);
    Reelrank__V1__UpsertResult *results = arena_new(turn->arena, Reelrank__V1__UpsertResult, count);
    Reelrank__V1__UpsertResult **list = arena_new(turn->arena, Reelrank__V1__UpsertResult *, count);
    if (!service_reserve_answer(turn, sizeof(Reelrank__V1__UpsertVideosResponse))) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    for (size_t i = 0; i < count; i++) {
        reelrank__v1__upsert_result__init(&results[i]);
        list[i] = &results[i];
        status = put_video(context, turn, request, i, &entries[i], &results[i]);
        if (status != STATUS_OK) {
            return service_fail_as_set(turn, status);
        }
    }
    *prepared = (struct prepared){
        .batch = {.entries = entries, .count = count}, .results = results, .result_list = list};
    turn->batch = &prepared->batch;
    return TURN_WRITE;
}

void service_upsert_videos_finish(void *context, struct turn *turn)
{
    (void)context;
    static const char changed[] = "the video was changed at the same time; send the update again";
    if (!service_batch_is_written(turn)) {
        return;
    }
    struct prepared *prepared = (struct prepared *)turn->batch;
    Reelrank__V1__UpsertVideosResponse *response =
        (Reelrank__V1__UpsertVideosResponse *)turn->response;
    reelrank__v1__upsert_videos_response__init(response);
    for (size_t i = 0; i < prepared->batch.count; i++) {
        enum outcome outcome = prepared->batch.entries[i].outcome;
        Reelrank__V1__UpsertResult *result = &prepared->results[i];
        result->outcome = (Reelrank__V1__UpsertOutcome)outcome;
        if (outcome == OUTCOME_REJECTED && result->reason[0] == '\0') {
            result->reason = (char *)changed; /* only the writer rejects without a reason */
        }
        response->accepted += outcome == OUTCOME_ACCEPTED;
        response->duplicate += outcome == OUTCOME_DUPLICATE;
        response->rejected += outcome == OUTCOME_REJECTED;
    }
    response->results = prepared->result_list;
    response->n_results = prepared->batch.count;
    response->state_sequence = prepared->batch.sequence;
    (void)service_answer(turn, &response->base);
}

static enum status put_deletion(struct turn *turn, char *video_id, struct entry *entry)
{
    Reelrank__V1__DeleteVideo message = REELRANK__V1__DELETE_VIDEO__INIT;
    message.video_id = video_id;
    entry->record.kind = EVENT_VIDEO_DELETED;
    entry->event.kind = EVENT_VIDEO_DELETED;
    entry->event.u.deleted_video_key = hash_key(text_of(video_id));
    return service_put_payload(turn, &message.base, entry);
}

enum turn_step service_delete_videos(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__DeleteVideosRequest *request =
        (const Reelrank__V1__DeleteVideosRequest *)turn->request;
    enum status status = check_batch("video_ids", request->n_video_ids, &turn->problem);
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    struct batch *batch = service_new_batch(turn, request->n_video_ids);
    if (!service_reserve_answer(turn, sizeof(Reelrank__V1__DeleteVideosResponse))) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    for (size_t i = 0; i < batch->count; i++) {
        status = wire_id("video_ids", i, request->video_ids[i], &turn->problem);
        if (status == STATUS_OK) {
            status = put_deletion(turn, request->video_ids[i], &batch->entries[i]);
        }
        if (status != STATUS_OK) {
            return service_fail_as_set(turn, status);
        }
    }
    turn->batch = batch;
    return TURN_WRITE;
}

void service_delete_videos_finish(void *context, struct turn *turn)
{
    (void)context;
    if (!service_batch_is_written(turn)) {
        return;
    }
    Reelrank__V1__DeleteVideosResponse *response =
        (Reelrank__V1__DeleteVideosResponse *)turn->response;
    reelrank__v1__delete_videos_response__init(response);
    for (size_t i = 0; i < turn->batch->count; i++) {
        response->deleted += turn->batch->entries[i].outcome == OUTCOME_ACCEPTED;
        response->not_found += turn->batch->entries[i].outcome == OUTCOME_DUPLICATE;
    }
    response->state_sequence = turn->batch->sequence;
    (void)service_answer(turn, &response->base);
}

/* The video's counts in the global scope, as one more item of stored. */
static enum status put_statistics(struct service *service, struct turn *turn,
                                  Reelrank__V1__StoredVideo *stored)
{
    Reelrank__V1__VideoStatistics *out = arena_new(turn->arena, Reelrank__V1__VideoStatistics, 1);
    stored->statistics = arena_new(turn->arena, Reelrank__V1__VideoStatistics *, 1);
    if (arena_full(turn->arena)) {
        return STATUS_NO_MEMORY;
    }
    reelrank__v1__video_statistics__init(out);
    out->scope = (char *)"global";
    const struct state *state = store_begin(service->store);
    const struct stats *stats = NULL;
    enum status status =
        state_find_stats(state, stored->video_key, SCOPE_GLOBAL, 0, turn->arena, &stats);
    if (status == STATUS_OK && stats != NULL) {
        const int64_t *total = stats->total;
        out->impressions = (uint64_t)total[COUNTER_IMPRESSIONS];
        out->plays = (uint64_t)total[COUNTER_PLAYS];
        out->valid_plays = (uint64_t)total[COUNTER_VALID_PLAYS];
        out->long_views = (uint64_t)total[COUNTER_LONG_VIEWS];
        out->completes = (uint64_t)total[COUNTER_COMPLETES];
        out->skips = (uint64_t)total[COUNTER_SKIPS];
        out->likes = (uint64_t)total[COUNTER_LIKES];
        out->shares = (uint64_t)total[COUNTER_SHARES];
        out->comments = (uint64_t)total[COUNTER_COMMENTS];
        out->follows = (uint64_t)total[COUNTER_FOLLOWS];
        out->not_interested = (uint64_t)total[COUNTER_NOT_INTERESTED];
        out->reports = (uint64_t)total[COUNTER_REPORTS];
        out->watch_ms = (uint64_t)stats->watch_ms;
    }
    store_end(service->store);
    stored->statistics[0] = out;
    stored->n_statistics = 1;
    if (status != STATUS_OK && status != STATUS_NO_MEMORY) {
        problem_set(&turn->problem, "statistics cannot be read back from state.mdb: %s",
                    status_text(status));
    }
    return status;
}

/* Adds one asked-for video to the answer: among the found, or among the not found. */
static enum status put_found(struct service *service, struct turn *turn, char *video_id,
                             bool statistics, Reelrank__V1__GetVideosResponse *response)
{
    uint64_t video_key = hash_key(text_of(video_id));
    struct video_source stored = find_stored(service, video_key);
    if (stored.log_sequence == 0) {
        response->not_found[response->n_not_found++] = video_id;
        return STATUS_OK;
    }
    Reelrank__V1__StoredVideo *item = arena_new(turn->arena, Reelrank__V1__StoredVideo, 1);
    if (item == NULL) {
        return STATUS_NO_MEMORY;
    }
    reelrank__v1__stored_video__init(item);
    item->video_key = video_key;
    enum status status = service_load_video(service, turn, video_key, stored, &item->video);
    if (status == STATUS_OK && statistics) {
        status = put_statistics(service, turn, item);
    }
    if (status == STATUS_OK) {
        response->videos[response->n_videos++] = item;
    }
    return status;
}

enum turn_step service_get_videos(void *context, struct turn *turn)
{
    const Reelrank__V1__GetVideosRequest *request =
        (const Reelrank__V1__GetVideosRequest *)turn->request;
    size_t count = request->n_video_ids;
    enum status status = check_batch("video_ids", count, &turn->problem);
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    Reelrank__V1__GetVideosResponse *response =
        arena_new(turn->arena, Reelrank__V1__GetVideosResponse, 1);
    Reelrank__V1__StoredVideo **videos = arena_new(turn->arena, Reelrank__V1__StoredVideo *, count);
    char **not_found = arena_new(turn->arena, char *, count);
    if (arena_full(turn->arena)) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    reelrank__v1__get_videos_response__init(response);
    response->videos = videos;
    response->not_found = not_found;
    for (size_t i = 0; i < count; i++) {
        status = wire_id("video_ids", i, request->video_ids[i], &turn->problem);
        if (status == STATUS_OK) {
            status =
                put_found(context, turn, request->video_ids[i], request->statistics != 0, response);
        }
        if (status != STATUS_OK) {
            return service_fail_as_set(turn, status);
        }
    }
    return service_answer(turn, &response->base);
}
