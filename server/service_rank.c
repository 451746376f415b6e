#include "ranker/check.h"
#include "ranker/rank.h"
#include "ranker/wire.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "server/service_internal.h"

static void release_weights(void *held)
{
    weights_unref(held);
}

/* The weights of this turn, until its answer, which may point into them, is packed. */
static const struct weights *hold_weights(struct service *service, struct turn *turn)
{
    struct weights *weights = weights_life_ref(service->life);
    CHECK(turn->release == NULL);
    turn->release = release_weights;
    turn->held = weights;
    return weights;
}

/* Journals an answer. One for which the call's memory does not suffice is answered all the same:
 * the answer is made already, and is not the worse for it. */
static void keep_decision(struct service *service, struct turn *turn,
                          const Reelrank__V1__RankRequest *message,
                          const struct rank_request *request, const struct rank_result *result,
                          const Reelrank__V1__RankResponse *response)
{
    struct text packed;
    struct arena arena = *turn->arena; /* what fails here must not fail the answer */
    bool whole = (const ProtobufCMessage *)message == turn->request; /* not one of a stream */
    struct text bytes = whole ? turn->request_bytes : (struct text){0};
    if (wire_decision(message, bytes, request, result, response, turn->now_ms, &arena, &packed) !=
        STATUS_OK) {
        journal_miss(service->journal);
        return;
    }
    struct decision_record record = {.time_ms = turn->now_ms,
                                     .state_sequence = result->state_sequence,
                                     .user_key = request->user_key,
                                     .payload = (const uint8_t *)packed.data,
                                     .payload_size = packed.size};
    journal_add(service->journal, &record);
}

/*
 * Ranks as of now. Whether the answer is sampled is known before, from its name, and only then are
 * terms added up; that takes no memory, so nothing fails for being sampled.
 */
static enum status rank_now(struct service *service, struct turn *turn,
                            const Reelrank__V1__RankRequest *message,
                            const struct weights_chosen *chosen, struct rank_request *request,
                            const char **ranking_id, struct rank_result *result)
{
    const struct state *state = store_begin(service->store);
    enum status status =
        wire_ranking_id(message, request, chosen, state_sequence(state), turn->arena, ranking_id);
    if (status == STATUS_OK) {
        request->total_terms =
            service->journal != NULL && !request->by_retrieval &&
            journal_wants(service->journal, request->user_key, text_of(*ranking_id));
        status = rank(state, chosen->model, request, turn->arena, result);
    }
    store_end(service->store);
    return status;
}

/* Ranks one request into response; a failure is described in problem. */
static enum status rank_one(struct service *service, struct turn *turn,
                            const Reelrank__V1__RankRequest *message,
                            Reelrank__V1__RankResponse **response, struct problem *problem)
{
    struct rank_request request;
    enum status status = wire_rank_request_noted(message, &turn->notes, turn->now_ms, turn->arena,
                                                 &request, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (turn->hurried) {
        request.by_retrieval = true;
        request.explain = false;
    }
    const struct weights *weights = hold_weights(service, turn);
    struct weights_chosen chosen;
    status = weights_choose(weights, request.locale, request.user_key, text_of(message->experiment),
                            &chosen, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const char *ranking_id = NULL;
    struct rank_result result;
    status = rank_now(service, turn, message, &chosen, &request, &ranking_id, &result);
    if (status != STATUS_OK) {
        return status;
    }
    status =
        wire_rank_response(message, &request, &result, &chosen, ranking_id, turn->arena, response);
    if (status != STATUS_OK) {
        return status;
    }
    if (!request.by_retrieval) {
        arm_counts_add(service->arms, chosen.arms);
    }
    if (turn->meter != NULL) {
        meter_ranking(turn->meter, &request, &result);
    }
    if (request.total_terms) {
        keep_decision(service, turn, message, &request, &result, *response);
    }
    return STATUS_OK;
}

/* Packs the answer here, so that what a retry gets is what was sent. */
static enum turn_step answer_and_remember(struct service *service, struct turn *turn,
                                          const Reelrank__V1__RankResponse *response)
{
    size_t size = wire_packed_size(&response->base);
    uint8_t *bytes = arena_new_raw(turn->arena, uint8_t, size);
    if (bytes == NULL) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    wire_pack(&response->base, bytes);
    turn->response_bytes = (struct text){(const char *)bytes, size};
    turn->status = STATUS_OK;
    recent_add(service->recent, turn->request_bytes, turn->now_ms, turn->response_bytes);
    return TURN_DONE;
}

enum turn_step service_rank(void *context, struct turn *turn)
{
    struct service *service = context;
    const Reelrank__V1__RankRequest *message = (const Reelrank__V1__RankRequest *)turn->request;
    bool retriable = message->request_id[0] != '\0';
    if (retriable && recent_find(service->recent, turn->request_bytes, turn->now_ms, turn->arena,
                                 &turn->response_bytes)) {
        if (turn->meter != NULL) {
            meter_repeat(turn->meter);
        }
        turn->status = STATUS_OK;
        return TURN_DONE;
    }
    Reelrank__V1__RankResponse *response = NULL;
    enum status status = rank_one(service, turn, message, &response, &turn->problem);
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    if (retriable && !turn->hurried) {
        return answer_and_remember(service, turn, response);
    }
    return service_answer(turn, &response->base);
}

enum turn_step service_rank_stream(void *context, struct turn *turn)
{
    struct service *service = context;
    const Reelrank__V1__RankStreamRequest *message =
        (const Reelrank__V1__RankStreamRequest *)turn->request;
    Reelrank__V1__RankStreamResponse *response =
        arena_new(turn->arena, Reelrank__V1__RankStreamResponse, 1);
    Reelrank__V1__RankError *error = arena_new(turn->arena, Reelrank__V1__RankError, 1);
    if (arena_full(turn->arena)) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    reelrank__v1__rank_stream_response__init(response);
    response->correlation_id = message->correlation_id;

    enum status status = STATUS_INVALID;
    if (message->request != NULL) {
        status = rank_one(service, turn, message->request, &response->response, &turn->problem);
    } else {
        problem_set(&turn->problem, "request is required");
    }
    response->result_case = REELRANK__V1__RANK_STREAM_RESPONSE__RESULT_RESPONSE;
    if (status != STATUS_OK) {
        if (turn->meter != NULL) {
            meter_stream_error(turn->meter, method_code(status));
        }
        reelrank__v1__rank_error__init(error);
        error->code = method_code(status);
        /* The turn outlives its answer, so its problem may be pointed to. */
        error->message =
            status == STATUS_NO_MEMORY ? (char *)status_text(status) : turn->problem.text;
        response->error = error;
        response->result_case = REELRANK__V1__RANK_STREAM_RESPONSE__RESULT_ERROR;
    }
    return service_answer(turn, &response->base);
}
