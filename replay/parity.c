#include "replay/parity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/rank.h"
#include "ranker/wire.h"
#include "reelrank/v1/decision.pb-c.h"
#include "replay/decision_order.h"
#include "replay/derive.h"
#include "replay/past_weights.h"

enum { ARENA_BYTES = 64 << 20 };

struct parity {
    const struct parity_options *options;
    struct parity_report *report;
    struct derive *derive;
    struct decision_order *order;
    struct past_weights *past;
    struct arena arena;
    void *memory; /* owned; of arena */
    struct problem *problem;
};

/* A decision computed again. */
struct again {
    const Reelrank__V1__Decision *decision;
    struct rank_request request;
    struct rank_result result;
    const Reelrank__V1__RankResponse *response;
};

static const char *id_of(const Reelrank__V1__RankRequest *request, uint32_t candidate)
{
    if (candidate < request->n_candidate_ids) {
        return request->candidate_ids[candidate];
    }
    return candidate < request->n_candidates ? request->candidates[candidate]->video_id : "";
}

__attribute__((format(printf, 4, 5))) static void differ(struct parity *parity,
                                                         const struct again *again,
                                                         uint32_t candidate, const char *format,
                                                         ...)
{
    const Reelrank__V1__Decision *decision = again->decision;
    struct parity_difference difference = {
        .ranking_id = decision->ranking_id,
        .time_ms = decision->time_ms,
        .state_sequence = decision->state_sequence,
        .weights_version = decision->weights_version,
        .video_id = id_of(decision->request, candidate),
        .candidate = candidate,
    };
    va_list list;
    va_start(list, format);
    vsnprintf(difference.text, sizeof(difference.text), format, list);
    va_end(list);
    parity->report->different++;
    if (parity->options->different != NULL) {
        parity->options->different(parity->options->context, &difference);
    }
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* The first position that is not as it was; true where there is none. */
static bool compare_slate(struct parity *parity, const struct again *again)
{
    const Reelrank__V1__Decision *decision = again->decision;
    const struct rank_result *result = &again->result;
    size_t count = result->count < decision->n_order ? result->count : decision->n_order;
    for (size_t i = 0; i < count; i++) {
        double served = decision->n_propensities > i ? decision->propensities[i] : 1;
        if (result->order[i] != decision->order[i]) {
            differ(parity, again, decision->order[i],
                   "at position %zu candidate %" PRIu32 " was served; now it is candidate %" PRIu32,
                   i + 1, decision->order[i], result->order[i]);
            return false;
        }
        if (!same_bits(result->scores[i], decision->scores[i])) {
            differ(parity, again, decision->order[i],
                   "its score was %.17g at position %zu; now it is %.17g, %+.17g",
                   decision->scores[i], i + 1, result->scores[i],
                   result->scores[i] - decision->scores[i]);
            return false;
        }
        if (!same_bits(result->propensities[i], served)) {
            differ(parity, again, decision->order[i],
                   "its propensity was %.17g at position %zu; now it is %.17g", served, i + 1,
                   result->propensities[i]);
            return false;
        }
    }
    return true;
}

static bool compare_drops(struct parity *parity, const struct again *again)
{
    const Reelrank__V1__Decision *decision = again->decision;
    const struct rank_result *result = &again->result;
    for (size_t i = 0; i < result->dropped_count && i < decision->n_dropped_index; i++) {
        if (result->dropped[i] != decision->dropped_index[i] ||
            result->dropped_rules[i] != (uint8_t)decision->dropped_rule[i]) {
            differ(parity, again, decision->dropped_index[i],
                   "candidate %" PRIu32 " was dropped by rule %d; now candidate %" PRIu32
                   " is, by rule %d",
                   decision->dropped_index[i], (int)decision->dropped_rule[i], result->dropped[i],
                   (int)result->dropped_rules[i]);
            return false;
        }
    }
    return true;
}

static void compare(struct parity *parity, const struct again *again)
{
    const Reelrank__V1__Decision *decision = again->decision;
    const struct rank_result *result = &again->result;
    if (!compare_slate(parity, again) || !compare_drops(parity, again)) {
        return;
    }
    if (result->count != decision->n_order || result->dropped_count != decision->n_dropped_index) {
        differ(parity, again, UINT32_MAX,
               "%zu videos were shown and %zu dropped; now it is %zu and %zu", decision->n_order,
               decision->n_dropped_index, result->count, result->dropped_count);
    } else if (strcmp(again->response->experiment_arm, decision->experiment_arm) != 0) {
        differ(parity, again, UINT32_MAX, "the arm was \"%.48s\"; now it is \"%.48s\"",
               decision->experiment_arm, again->response->experiment_arm);
    } else if (strcmp(again->response->ranking_id, decision->ranking_id) != 0) {
        differ(parity, again, UINT32_MAX, "the ranking's id is %s now",
               again->response->ranking_id);
    } else {
        parity->report->equal++;
    }
    parity->report->candidates += again->request.count;
}

/* As server/service_rank.c does it. */
static enum status rank_again(struct parity *parity, const struct weights *weights,
                              struct again *again)
{
    const Reelrank__V1__RankRequest *message = again->decision->request;
    struct problem why;
    struct weights_chosen chosen;
    Reelrank__V1__RankResponse *response = NULL;
    enum status status =
        wire_rank_request(message, message->now_ms, &parity->arena, &again->request, &why);
    if (status == STATUS_OK) {
        again->request.explain = false; /* which changes no bit of the rest */
        status = weights_choose(weights, again->request.locale, again->request.user_key,
                                text_of(message->experiment), &chosen, &why);
    }
    if (status == STATUS_OK) {
        status = rank(derive_state(parity->derive), chosen.model, &again->request, &parity->arena,
                      &again->result);
    }
    if (status == STATUS_OK) {
        status = wire_rank_response(message, &again->request, &again->result, &chosen,
                                    &parity->arena, &response);
    }
    again->response = response;
    return status;
}

static enum status check_decision(struct parity *parity, const Reelrank__V1__Decision *decision)
{
    struct weights *weights = NULL;
    enum status status = past_weights_find(parity->past, decision->weights_version, &weights);
    if (status != STATUS_OK) {
        return status;
    }
    if (weights == NULL) {
        parity->report->unknown_weights++;
        return STATUS_OK;
    }
    struct again again = {.decision = decision};
    status = rank_again(parity, weights, &again);
    if (status == STATUS_INVALID) {
        differ(parity, &again, UINT32_MAX, "the request would be refused now");
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        compare(parity, &again);
    }
    return status;
}

/* Whether each list of the message has what compare() reads. */
static bool is_whole(const Reelrank__V1__Decision *decision)
{
    bool slate = decision->n_scores == decision->n_order &&
                 (decision->n_propensities == 0 || decision->n_propensities == decision->n_order);
    return slate && decision->request != NULL && decision->request->now_ms > 0 &&
           decision->n_dropped_rule == decision->n_dropped_index;
}

/* Counts a decision whose state the log no longer gives, or never did. */
static bool is_out_of_reach(struct parity *parity, uint64_t sequence)
{
    bool before = sequence < derive_sequence(parity->derive);
    bool behind = sequence > derive_last(parity->derive);
    parity->report->before_base += before;
    parity->report->behind_log += behind;
    return before || behind;
}

static enum status take(struct parity *parity, const struct decision_record *record)
{
    if (is_out_of_reach(parity, record->state_sequence)) {
        return STATUS_OK;
    }
    enum status status = derive_advance(parity->derive, record->state_sequence, parity->problem);
    if (status != STATUS_OK) {
        return status;
    }
    arena_reset(&parity->arena);
    ProtobufCAllocator allocator = wire_allocator(&parity->arena);
    const Reelrank__V1__Decision *decision =
        reelrank__v1__decision__unpack(&allocator, record->payload_size, record->payload);
    if (decision == NULL || !is_whole(decision)) {
        parity->report->unreadable++;
        return STATUS_OK;
    }
    return check_decision(parity, decision);
}

static enum status take_all(struct parity *parity)
{
    struct decision_record record;
    enum status status = decision_order_next(parity->order, &record, parity->problem);
    while (status == STATUS_OK) {
        parity->report->decisions++;
        enum status taken = take(parity, &record);
        if (taken != STATUS_OK) {
            return taken;
        }
        status = decision_order_next(parity->order, &record, parity->problem);
    }
    parity->report->unreadable += decision_order_skipped(parity->order);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status open_all(struct parity *parity)
{
    const struct derive_options options = {.data = parity->options->data,
                                           .map_bytes = parity->options->map_bytes,
                                           .progress = parity->options->progress,
                                           .context = parity->options->context};
    parity->memory = malloc(ARENA_BYTES);
    if (parity->memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&parity->arena, parity->memory, ARENA_BYTES);
    enum status status = derive_open(&options, &parity->derive, parity->problem);
    if (status == STATUS_OK) {
        parity->report->base = derive_base(parity->derive);
        parity->report->last = derive_last(parity->derive);
        status = past_weights_new(derive_log(parity->derive), &parity->past);
    }
    return status == STATUS_OK
               ? decision_order_new(parity->options->data, &parity->order, parity->problem)
               : status;
}

enum status parity_check(const struct parity_options *options, struct parity_report *out,
                         struct problem *problem)
{
    *out = (struct parity_report){.decisions = 0};
    struct parity parity = {.options = options, .report = out, .problem = problem};
    enum status status = open_all(&parity);
    if (status == STATUS_OK) {
        status = take_all(&parity);
    }
    decision_order_free(parity.order);
    past_weights_free(parity.past);
    derive_close(parity.derive);
    free(parity.memory);
    return status;
}
