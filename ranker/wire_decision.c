#include <string.h>

#include "ranker/varint.h"
#include "ranker/wire.h"

/* Numbers of the contract. */
enum { FIELD_REQUEST = 2, FIELD_NOW_MS = 14, TAG_VARINT = 0, TAG_BYTES = 2 };

static void put_dropped(const struct rank_result *result, struct arena *arena,
                        Reelrank__V1__Decision *decision)
{
    Reelrank__V1__DropRule *rules =
        arena_new_raw(arena, Reelrank__V1__DropRule, result->dropped_count);
    for (size_t i = 0; rules != NULL && i < result->dropped_count; i++) {
        rules[i] = (Reelrank__V1__DropRule)result->dropped_rules[i];
    }
    decision->dropped_rule = rules;
    decision->n_dropped_rule = result->dropped_count;
    decision->dropped_index = result->dropped;
    decision->n_dropped_index = result->dropped_count;
}

static void fill(const struct rank_request *request, const struct rank_result *result,
                 const Reelrank__V1__RankResponse *response, int64_t time_ms, struct arena *arena,
                 Reelrank__V1__Decision *decision)
{
    reelrank__v1__decision__init(decision);
    decision->time_ms = time_ms;
    decision->seed = request->seed;
    decision->state_sequence = result->state_sequence;
    decision->weights_version = response->weights_version;
    decision->experiment_arm = response->experiment_arm;
    decision->ranking_id = response->ranking_id;
    decision->degraded = response->degraded;
    decision->n_degraded = response->n_degraded;
    decision->order = result->order;
    decision->n_order = result->count;
    decision->scores = result->scores;
    decision->n_scores = result->count;
    if (rank_is_drawn(result)) {
        decision->propensities = result->propensities;
        decision->n_propensities = result->count;
    }
    if (request->total_terms) {
        decision->term_totals = (int64_t *)result->term_totals;
        decision->n_term_totals = TERM_COUNT;
    }
    put_dropped(result, arena, decision);
}

/*
 * The request as a field of the decision. A field that comes twice counts as it comes last, so the
 * time that was ranked as of stands behind what the client wrote.
 */
static uint8_t *put_request(uint8_t *at, const Reelrank__V1__RankRequest *message,
                            struct text request_bytes, size_t request_size, int64_t now_ms)
{
    uint8_t time[1 + VARINT_MAX];
    size_t time_size =
        (size_t)(put_varint(put_varint(time, FIELD_NOW_MS << 3 | TAG_VARINT), (uint64_t)now_ms) -
                 time);
    at = put_varint(at, FIELD_REQUEST << 3 | TAG_BYTES);
    at = put_varint(at, request_size + time_size);
    if (request_bytes.size > 0) {
        memcpy(at, request_bytes.data, request_size);
    } else {
        (void)reelrank__v1__rank_request__pack(message, at);
    }
    memcpy(at + request_size, time, time_size);
    return at + request_size + time_size;
}

enum status wire_decision(const Reelrank__V1__RankRequest *message, struct text request_bytes,
                          const struct rank_request *request, const struct rank_result *result,
                          const Reelrank__V1__RankResponse *response, int64_t time_ms,
                          struct arena *arena, struct text *out)
{
    Reelrank__V1__Decision *decision = arena_new(arena, Reelrank__V1__Decision, 1);
    if (decision == NULL) {
        return STATUS_NO_MEMORY;
    }
    fill(request, result, response, time_ms, arena, decision);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    size_t request_size = request_bytes.size > 0
                              ? request_bytes.size
                              : reelrank__v1__rank_request__get_packed_size(message);
    size_t size = reelrank__v1__decision__get_packed_size(decision);
    uint8_t *bytes = arena_new_raw(arena, uint8_t, size + request_size + 4 * VARINT_MAX);
    if (bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    (void)reelrank__v1__decision__pack(decision, bytes);
    const uint8_t *end =
        put_request(bytes + size, message, request_bytes, request_size, request->now_ms);
    *out = (struct text){(const char *)bytes, (size_t)(end - bytes)};
    return STATUS_OK;
}
