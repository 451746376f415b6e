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
    const struct model *model;
    struct rank_request request;
    struct rank_result result;
    const Reelrank__V1__RankResponse *response; /* NULL: it was not computed */
};

static const char *id_of(const Reelrank__V1__RankRequest *request, uint32_t candidate)
{
    if (candidate < request->n_candidate_ids) {
        return request->candidate_ids[candidate];
    }
    return candidate < request->n_candidates ? request->candidates[candidate]->video_id : "";
}

/* Decisions of before there were totals have none. */
static bool has_totals(const struct again *again)
{
    return again->response != NULL && again->decision->n_term_totals == TERM_COUNT;
}

static bool same_totals(const struct again *again)
{
    return !has_totals(again) || memcmp(again->decision->term_totals, again->result.term_totals,
                                        sizeof(again->result.term_totals)) == 0;
}

static void put_terms(const struct again *again, struct parity_difference *difference)
{
    difference->has_totals = has_totals(again);
    for (unsigned i = 0; difference->has_totals && i < TERM_COUNT; i++) {
        int64_t served = again->decision->term_totals[i];
        int64_t now = again->result.term_totals[i];
        if (served != now) {
            difference->terms[difference->term_count++] =
                (struct parity_term){.name = rank_term_name(i), .served = served, .now = now};
        }
    }
}

static double size_of(double value)
{
    return value < 0 ? -value : value;
}

/* Keeps the largest parts, in order; of equal ones, those that came first. */
static void add_part(struct parity_difference *difference, struct parity_part part)
{
    size_t at = difference->part_count;
    while (at > 0 && size_of(difference->parts[at - 1].value) < size_of(part.value)) {
        at--;
    }
    if (at == PARITY_PARTS_MAX || !(size_of(part.value) > 0)) {
        return;
    }
    size_t kept =
        difference->part_count < PARITY_PARTS_MAX ? difference->part_count : PARITY_PARTS_MAX - 1;
    memmove(&difference->parts[at + 1], &difference->parts[at],
            (kept - at) * sizeof(difference->parts[0]));
    difference->parts[at] = part;
    difference->part_count = kept + 1;
}

/* Ranks once more, with explanations, which changes no bit of the rest. Without them, for want of
 * memory, the difference is one all the same. */
static void put_parts(struct parity *parity, const struct again *again,
                      struct parity_difference *difference)
{
    struct rank_request request = again->request;
    struct rank_result result;
    request.explain = true;
    if (again->response == NULL || difference->candidate == UINT32_MAX ||
        rank(derive_state(parity->derive), again->model, &request, &parity->arena, &result) !=
            STATUS_OK) {
        return;
    }
    size_t at = 0;
    while (at < result.count && result.order[at] != difference->candidate) {
        at++;
    }
    for (unsigned term = 0; at < result.count && term < TERM_COUNT; term++) {
        add_part(difference,
                 (struct parity_part){.name = rank_term_name(term),
                                      .value = result.terms[at * TERM_COUNT + term].value});
    }
}

__attribute__((format(printf, 4, 5))) static void differ(struct parity *parity,
                                                         const struct again *again,
                                                         uint32_t candidate, const char *format,
                                                         ...)
{
    parity->report->different++;
    if (parity->options->different == NULL) {
        return;
    }
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
    put_terms(again, &difference);
    put_parts(parity, again, &difference);
    parity->options->different(parity->options->context, &difference);
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
    parity->report->candidates += again->request.count;
    parity->report->with_totals += has_totals(again);
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
    } else if (!same_totals(again)) {
        differ(parity, again, UINT32_MAX, "each score is as it was, but not what it is made of");
    } else if (strcmp(again->response->weights_version, decision->weights_version) != 0) {
        differ(parity, again, UINT32_MAX, "what the history has of these weights is %.64s",
               again->response->weights_version);
    } else if (strcmp(again->response->ranking_id, decision->ranking_id) != 0) {
        differ(parity, again, UINT32_MAX, "the ranking's id is %s now",
               again->response->ranking_id);
    } else {
        parity->report->equal++;
    }
}

/* As server/service_rank.c does it. */
static enum status answer_again(struct parity *parity, const struct weights_chosen *chosen,
                                struct again *again)
{
    const Reelrank__V1__RankRequest *message = again->decision->request;
    const struct state *state = derive_state(parity->derive);
    const char *ranking_id = NULL;
    Reelrank__V1__RankResponse *response = NULL;
    enum status status = wire_ranking_id(message, &again->request, chosen, state_sequence(state),
                                         &parity->arena, &ranking_id);
    if (status == STATUS_OK) {
        status = rank(state, chosen->model, &again->request, &parity->arena, &again->result);
    }
    if (status == STATUS_OK) {
        status = wire_rank_response(message, &again->request, &again->result, chosen, ranking_id,
                                    &parity->arena, &response);
    }
    again->model = chosen->model;
    again->response = response;
    return status;
}

static enum status rank_again(struct parity *parity, const struct weights *weights,
                              struct again *again)
{
    const Reelrank__V1__RankRequest *message = again->decision->request;
    struct problem why;
    struct weights_chosen chosen;
    enum status status =
        wire_rank_request(message, message->now_ms, &parity->arena, &again->request, &why);
    if (status != STATUS_OK) {
        return status;
    }
    again->request.explain = false; /* which changes no bit of the rest */
    again->request.total_terms = again->decision->n_term_totals > 0;
    status = weights_choose(weights, again->request.locale, again->request.user_key,
                            text_of(message->experiment), &chosen, &why);
    return status == STATUS_OK ? answer_again(parity, &chosen, again) : status;
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
