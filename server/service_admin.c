#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reelrank/v1/admin.pb-c.h"
#include "server/service_internal.h"

enum { DIGEST_TEXT_SIZE = 17 };

static enum status put_state(struct service *service, bool with_digest,
                             Reelrank__V1__GetStatusResponse *response, char *texts)
{
    struct state_counts counts;
    struct state_digests digests;
    enum status status = STATUS_OK;
    const struct state *state = store_begin(service->store);
    state_count(state, &counts);
    if (with_digest) {
        status = state_digest(state, &digests);
    }
    response->state_sequence = state_sequence(state);
    store_end(service->store);
    response->video_count = counts.videos;
    response->user_count = counts.users;
    response->user_memory_bytes = counts.user_bytes;
    if (with_digest && status == STATUS_OK) {
        snprintf(texts, DIGEST_TEXT_SIZE, "%016" PRIx64, digests.all);
        response->state_digest = texts;
        texts += DIGEST_TEXT_SIZE;
        snprintf(texts, DIGEST_TEXT_SIZE, "%016" PRIx64, digests.aggregates);
        response->aggregates_digest = texts;
    }
    return status;
}

static bool count_pending(void *context, const struct tombstone *tombstone)
{
    uint64_t *count = context;
    *count += tombstone->pending;
    return true;
}

static enum status put_log(struct service *service, struct turn *turn,
                           Reelrank__V1__GetStatusResponse *response)
{
    uint64_t last = 0;
    struct log_sizes sizes;
    struct log *log = store_log(service->store);
    log_bounds(log, &response->log_first_sequence, &last);
    log_size(log, &sizes);
    response->store_bytes = sizes.file_bytes;
    response->store_budget_bytes = sizes.budget_bytes;
    response->log_bytes = sizes.record_bytes;
    response->checkpoint_sequence = store_checkpoint_sequence(service->store);
    return log_visit_tombstones(log, count_pending, &response->forgets_pending, &turn->problem);
}

static enum status put_weights(struct service *service, struct turn *turn,
                               Reelrank__V1__GetStatusResponse *response)
{
    struct weights_facts facts;
    weights_life_facts(service->life, &facts);
    response->weights_version = service_copy(turn->arena, facts.version);
    response->weights_origin = (char *)weights_origin_name(facts.origin);
    response->weights_time_ms = facts.time_ms;
    response->weights_problem = service_copy(turn->arena, facts.problem.text);
    return arena_full(turn->arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

static void put_journal(struct service *service, Reelrank__V1__GetStatusResponse *response)
{
    struct journal_counts counts;
    if (service->journal == NULL) {
        return;
    }
    journal_count(service->journal, &counts);
    response->journal_written = counts.written;
    response->journal_dropped = counts.dropped;
    response->journal_bytes = counts.bytes;
    response->journal_budget_bytes = counts.bytes_max;
    response->journal_oldest_ms = counts.oldest_ms;
}

static enum status put_arms(struct service *service, struct turn *turn,
                            Reelrank__V1__GetStatusResponse *response)
{
    struct arena *arena = turn->arena;
    struct arm_count *counts = arena_new(arena, struct arm_count, ARM_COUNTS_MAX + 1);
    size_t count = counts != NULL ? arm_counts_get(service->arms, counts) : 0;
    Reelrank__V1__ArmCount *items = arena_new(arena, Reelrank__V1__ArmCount, count);
    response->arms = arena_new(arena, Reelrank__V1__ArmCount *, count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        reelrank__v1__arm_count__init(&items[i]);
        items[i].arm = counts[i].arm;
        items[i].rankings = counts[i].rankings;
        response->arms[i] = &items[i];
    }
    response->n_arms = count;
    return STATUS_OK;
}

enum turn_step service_get_status(void *context, struct turn *turn)
{
    struct service *service = context;
    const Reelrank__V1__GetStatusRequest *request =
        (const Reelrank__V1__GetStatusRequest *)turn->request;
    Reelrank__V1__GetStatusResponse *response =
        arena_new(turn->arena, Reelrank__V1__GetStatusResponse, 1);
    char *texts = arena_new(turn->arena, char, 2 * DIGEST_TEXT_SIZE);
    if (arena_full(turn->arena)) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    reelrank__v1__get_status_response__init(response);
    enum status status = put_state(service, request->state_digest != 0, response, texts);
    if (status != STATUS_OK) {
        return service_fail(turn, status, "a user cannot be read back from state.mdb");
    }
    status = put_weights(service, turn, response);
    if (status == STATUS_OK) {
        status = put_log(service, turn, response);
    }
    if (status == STATUS_OK) {
        status = put_arms(service, turn, response);
    }
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    put_journal(service, response);
    store_window(service->store, &response->event_id_window, &response->event_id_count);
    response->build_version = (char *)SERVICE_BUILD_VERSION;
    response->started_ms = service->started_ms;
    return service_answer(turn, &response->base);
}
