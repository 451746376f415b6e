#include "server/service.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "reelrank/v1/admin.pb-c.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "reelrank/v1/user.pb-c.h"
#include "server/service_internal.h"
#include "store/clock.h"

#define RANKING &reelrank__v1__ranking_service__descriptor
#define SIGNALS &reelrank__v1__signal_service__descriptor
#define CATALOG &reelrank__v1__catalog_service__descriptor
#define USERS   &reelrank__v1__user_service__descriptor
#define ADMIN   &reelrank__v1__admin_service__descriptor

/* clang-format off */
static const struct method methods[SERVICE_METHOD_COUNT] = {
    {RANKING, "Rank", METHOD_UNARY, ROLE_FEED | ROLE_DATA, service_rank, NULL, NULL},
    {RANKING, "RankStream", METHOD_BIDI, ROLE_FEED | ROLE_DATA, service_rank_stream, NULL, NULL},

    {SIGNALS, "RecordSignals", METHOD_UNARY, ROLE_FEED, service_record_signals, service_record_signals_finish, NULL},
    {SIGNALS, "StreamSignals", METHOD_BIDI, ROLE_FEED, service_stream_signals, service_stream_signals_finish, NULL},
    {SIGNALS, "UploadSignals", METHOD_CLIENT_STREAM, ROLE_FEED, service_upload_signals, service_upload_signals_finish, NULL},

    {CATALOG, "UpsertVideos", METHOD_UNARY, ROLE_CATALOG, service_upsert_videos, service_upsert_videos_finish, NULL},
    {CATALOG, "DeleteVideos", METHOD_UNARY, ROLE_CATALOG, service_delete_videos, service_delete_videos_finish, NULL},
    {CATALOG, "GetVideos", METHOD_UNARY, ROLE_CATALOG | ROLE_DATA, service_get_videos, NULL, NULL},
    {CATALOG, "ListVideos", METHOD_UNARY, ROLE_CATALOG | ROLE_DATA, service_list_videos, NULL, NULL},

    {USERS, "GetUser", METHOD_UNARY, ROLE_ADMIN, service_get_user, NULL, NULL},
    {USERS, "ExportUser", METHOD_SERVER_STREAM, ROLE_ADMIN, service_export_user, NULL, NULL},
    {USERS, "ForgetUser", METHOD_UNARY, ROLE_ADMIN, service_forget_user, service_forget_user_finish, NULL},

    {ADMIN, "CheckWeights", METHOD_UNARY, ROLE_DATA, service_check_weights, service_check_weights_finish, NULL},
    {ADMIN, "ApplyWeights", METHOD_UNARY, ROLE_DATA, service_apply_weights, service_apply_weights_finish, NULL},
    {ADMIN, "RollbackWeights", METHOD_UNARY, ROLE_DATA, service_rollback_weights, service_rollback_weights_finish, NULL},
    {ADMIN, "GetWeights", METHOD_UNARY, ROLE_DATA, service_get_weights, service_get_weights_finish, NULL},
    {ADMIN, "ListWeights", METHOD_UNARY, ROLE_DATA, service_list_weights, service_list_weights_finish, NULL},
    {ADMIN, "GetStatus", METHOD_UNARY, ROLE_DATA | ROLE_ADMIN, service_get_status, NULL, NULL},
    {ADMIN, "DiffWeights", METHOD_UNARY, ROLE_DATA, service_diff_weights, NULL, NULL},
};
/* clang-format on */

enum status service_new(const struct service_options *options, struct service **out)
{
    CHECK(options->store != NULL);
    CHECK(options->life != NULL);
    CHECK(options->directory != NULL);
    struct service *service = calloc(1, sizeof(*service));
    if (service == NULL) {
        return STATUS_NO_MEMORY;
    }
    service->recent = recent_new();
    service->arms = arm_counts_new();
    if (service->recent == NULL || service->arms == NULL) {
        service_free(service);
        return STATUS_NO_MEMORY;
    }
    service->store = options->store;
    service->life = options->life;
    service->directory = options->directory;
    service->journal = options->journal;
    service->metrics = options->metrics;
    service->swapped = options->swapped;
    service->started_ms = wall_clock_ms();
    *out = service;
    return STATUS_OK;
}

void service_free(struct service *service)
{
    if (service == NULL) {
        return;
    }
    recent_free(service->recent);
    arm_counts_free(service->arms);
    free(service);
}

size_t service_arm_counts(struct service *service, struct arm_count out[ARM_COUNTS_MAX + 1])
{
    return arm_counts_get(service->arms, out);
}

void service_tell_swap(struct service *service, const struct weights_swap *swap)
{
    if (service->swapped != NULL) {
        service->swapped(swap);
    }
}

void service_methods(struct service *service, struct method out[SERVICE_METHOD_COUNT])
{
    for (size_t i = 0; i < SERVICE_METHOD_COUNT; i++) {
        out[i] = methods[i];
        out[i].context = service;
    }
}

enum turn_step service_fail(struct turn *turn, enum status status, const char *text)
{
    problem_set(&turn->problem, "%s", text);
    turn->status = status;
    return TURN_DONE;
}

enum turn_step service_fail_as_set(struct turn *turn, enum status status)
{
    if (status == STATUS_NO_MEMORY) {
        return service_fail(turn, status, "the request needs more memory than one call may take");
    }
    turn->status = status;
    return TURN_DONE;
}

enum turn_step service_answer(struct turn *turn, ProtobufCMessage *response)
{
    turn->status = STATUS_OK;
    turn->response = response;
    return TURN_DONE;
}

bool service_reserve_answer(struct turn *turn, size_t size)
{
    turn->response = arena_alloc(turn->arena, 1, size, _Alignof(max_align_t));
    return turn->response != NULL;
}

struct batch *service_new_batch(struct turn *turn, size_t count)
{
    struct batch *batch = arena_new(turn->arena, struct batch, 1);
    struct entry *entries = arena_new(turn->arena, struct entry, count);
    if (arena_full(turn->arena)) {
        return NULL;
    }
    *batch = (struct batch){.entries = entries, .count = count};
    return batch;
}

enum status service_put_payload(struct turn *turn, const ProtobufCMessage *message,
                                struct entry *entry)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_new_raw(turn->arena, uint8_t, size);
    if (bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    entry->record.payload_size = protobuf_c_message_pack(message, bytes);
    entry->record.payload = bytes;
    entry->record.appended_ms = turn->now_ms;
    return STATUS_OK;
}

char *service_copy(struct arena *arena, const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = arena_new(arena, char, size);
    return copy != NULL ? memcpy(copy, string, size) : NULL;
}

bool service_batch_is_written(struct turn *turn)
{
    enum status status = turn->batch->status;
    if (status == STATUS_OK) {
        return true;
    }
    if (status == STATUS_NO_SPACE) {
        problem_set(&turn->problem,
                    "nothing was written: the store is full, its disk or its budget "
                    "(--map-mib); what is stored goes on being served");
    } else {
        problem_set(&turn->problem, "nothing was written: %s", status_text(status));
    }
    turn->status = status;
    return false;
}
