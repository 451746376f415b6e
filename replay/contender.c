#include "replay/contender.h"

#include "ranker/check.h"
#include "replay/valued.h"

const char *contender_kind_name(enum contender_kind kind)
{
    static const char *const names[] = {
        [CONTENDER_WEIGHTS] = "weights",
        [CONTENDER_SERVED] = "served",
        [CONTENDER_BASELINE] = "baseline",
    };
    return names[kind];
}

static enum status prepare(size_t count, struct arena *arena, struct contender_order *out)
{
    *out = (struct contender_order){.count = 0};
    out->order = arena_new_raw(arena, uint32_t, count);
    out->positions = arena_new_raw(arena, uint16_t, count);
    out->scores = arena_new(arena, double, count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        out->positions[i] = CONTENDER_ABSENT;
    }
    return STATUS_OK;
}

static void place(struct contender_order *order, uint32_t candidate, double score)
{
    order->positions[candidate] = (uint16_t)order->count;
    order->scores[candidate] = score;
    order->order[order->count++] = candidate;
}

static struct text arm_asked_for(const struct past_ranking *ranking)
{
    return text_of(ranking->decision != NULL ? ranking->decision->request->experiment : "");
}

static struct weights_chosen choose(const struct weights *weights,
                                    const struct past_ranking *ranking)
{
    const struct rank_request *request = ranking->request;
    struct weights_chosen chosen = {.arms = ""};
    enum status status = weights_choose(weights, request->locale, request->user_key,
                                        arm_asked_for(ranking), &chosen, NULL);
    if (status != STATUS_OK) { /* these weights do not have the arm */
        status =
            weights_choose(weights, request->locale, request->user_key, text_of(""), &chosen, NULL);
    }
    CHECK(status == STATUS_OK);
    return chosen;
}

const struct model *contender_model(const struct weights *weights,
                                    const struct past_ranking *ranking)
{
    return choose(weights, ranking).model;
}

const char *contenders_arms(const struct contenders *contenders, const struct past_ranking *ranking)
{
    const struct contender *first = &contenders->items[0];
    if (ranking->decision != NULL) {
        return ranking->decision->experiment_arm;
    }
    return first->kind == CONTENDER_WEIGHTS ? choose(first->weights, ranking).arms : "";
}

static enum status rank_by_weights(const struct weights *weights,
                                   const struct past_ranking *ranking, const struct state *state,
                                   struct arena *arena, struct contender_order *out)
{
    struct rank_result result;
    enum status status =
        rank(state, contender_model(weights, ranking), ranking->request, arena, &result);
    uint8_t *dropped = arena_new(arena, uint8_t, ranking->request->count);
    if (status != STATUS_OK || dropped == NULL) {
        return status != STATUS_OK ? status : STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < result.count; i++) {
        place(out, result.order[i], result.scores[i]);
    }
    for (size_t i = 0; i < result.dropped_count; i++) {
        dropped[result.dropped[i]] = result.dropped_rules[i];
    }
    out->dropped = dropped;
    return STATUS_OK;
}

static void rank_as_served(const struct past_ranking *ranking, struct contender_order *out)
{
    for (size_t i = 0; i < ranking->served_count; i++) {
        place(out, ranking->served[i], (double)(ranking->served_count - i));
    }
}

/* The largest value first; equal ones in the request's order. */
static enum status rank_by_baseline(const struct contenders *contenders, enum baseline baseline,
                                    const struct past_ranking *ranking, const struct state *state,
                                    struct arena *arena, struct contender_order *out)
{
    size_t count = ranking->request->count;
    double *values = arena_new_raw(arena, double, count);
    struct valued *valued = arena_new_raw(arena, struct valued, count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    uint64_t seed = contenders->seed ^ ranking->request->seed;
    baseline_values(baseline, state, ranking->request, seed, values);
    for (size_t i = 0; i < count; i++) {
        valued[i] = (struct valued){values[i], (uint32_t)i};
    }
    valued_sort(valued, count);
    for (size_t i = 0; i < count; i++) {
        place(out, valued[i].index, valued[i].value);
    }
    return STATUS_OK;
}

enum status contender_rank(const struct contenders *contenders, size_t contender,
                           const struct past_ranking *ranking, const struct state *state,
                           struct arena *arena, struct contender_order *out)
{
    CHECK(contender < contenders->count);
    const struct contender *item = &contenders->items[contender];
    enum status status = prepare(ranking->request->count, arena, out);
    if (status != STATUS_OK) {
        return status;
    }
    switch (item->kind) {
    case CONTENDER_WEIGHTS:
        return rank_by_weights(item->weights, ranking, state, arena, out);
    case CONTENDER_SERVED:
        rank_as_served(ranking, out);
        return STATUS_OK;
    default:
        return rank_by_baseline(contenders, item->baseline, ranking, state, arena, out);
    }
}
