#include "ranker/wire.h"

/* The request as it was ranked; fields that this contract does not know are not kept. */
static Reelrank__V1__RankRequest *copy_request(const Reelrank__V1__RankRequest *message,
                                               int64_t now_ms, struct arena *arena)
{
    Reelrank__V1__RankRequest *request = arena_new(arena, Reelrank__V1__RankRequest, 1);
    if (request != NULL) {
        *request = *message;
        request->base.n_unknown_fields = 0;
        request->base.unknown_fields = NULL;
        request->now_ms = now_ms;
    }
    return request;
}

/* Nearly always all are 1, which goes without saying. */
static bool any_draw(const struct rank_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        if (result->propensities[i] < 1) {
            return true;
        }
    }
    return false;
}

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

enum status wire_decision(const Reelrank__V1__RankRequest *message,
                          const struct rank_result *result,
                          const Reelrank__V1__RankResponse *response, int64_t time_ms,
                          struct arena *arena, Reelrank__V1__Decision **out)
{
    Reelrank__V1__Decision *decision = arena_new(arena, Reelrank__V1__Decision, 1);
    if (decision == NULL) {
        return STATUS_NO_MEMORY;
    }
    reelrank__v1__decision__init(decision);
    decision->time_ms = time_ms;
    decision->request = copy_request(message, response->now_ms, arena);
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
    if (any_draw(result)) {
        decision->propensities = result->propensities;
        decision->n_propensities = result->count;
    }
    put_dropped(result, arena, decision);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    *out = decision;
    return STATUS_OK;
}
