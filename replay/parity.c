#include "replay/parity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/rank.h"
#include "ranker/wire.h"
#include "reelrank/v1/decision.pb-c.h"
#include "store/decoder.h"
#include "store/grow.h"
#include "store/journal_reader.h"
#include "store/log.h"
#include "store/snapshots.h"
#include "store/state_check.h"
#include "store/weights_history.h"

enum {
    ARENA_BYTES = 64 << 20,
    AHEAD_BYTES = 64 << 20, /* decisions held back so that those written late find their place */
    PROGRESS_RECORDS = 8192,
    VERSIONS_MAX = 64 /* weights held parsed */
};

/* A decision on its way from the journal, whose order is nearly that of states. */
struct pending {
    uint64_t sequence;
    uint64_t number; /* of reading: those of one state keep their order */
    size_t size;
    uint8_t *payload; /* owned */
};

/* Weights of the history; NULL: they are not there, or do not parse. */
struct version {
    char name[WEIGHTS_VERSION_SIZE];
    struct weights *weights;
};

struct parity {
    const struct parity_options *options;
    struct parity_report *report;
    struct log *log;
    struct state *state;
    struct decoder decoder;
    struct journal_reader *reader;
    enum status status; /* of applying records */
    uint64_t target;    /* sequence to apply records up to */
    uint64_t last;
    /* A heap, the least first. */
    struct pending *heap;
    size_t heap_count;
    size_t heap_capacity;
    size_t heap_bytes;
    uint64_t read_count;
    struct version versions[VERSIONS_MAX];
    size_t version_count;
    struct arena arena;
    void *memory;
    struct problem *problem;
};

/* ---- the state ---- */

static void note_base_error(void *context, const char *text)
{
    struct parity *parity = context;
    problem_set(parity->problem, "%s", text);
}

/* The empty state, or the oldest snapshot that the log goes on from. */
static enum status load_base(struct parity *parity)
{
    struct snapshots snapshots;
    uint64_t first;
    log_bounds(parity->log, &first, &parity->last);
    parity->report->last = parity->last;
    enum status status = snapshots_list(parity->options->data, &snapshots, parity->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!snapshots_find_base(&snapshots, first, &parity->report->base)) {
        problem_set(parity->problem,
                    "the log begins at record %" PRIu64 " and no snapshot reaches its beginning",
                    first);
        return STATUS_CORRUPT;
    }
    if (parity->report->base == 0) {
        return STATUS_OK;
    }
    char name[SNAPSHOT_NAME_SIZE];
    struct state_check check;
    snapshot_name(parity->report->base, name);
    struct state_check_options options = {.directory = parity->options->data,
                                          .name = name,
                                          .before = true,
                                          .error = note_base_error,
                                          .context = parity};
    status = state_check_file(&options, parity->state, &check, parity->problem);
    return status == STATUS_OK && check.error_count > 0 ? STATUS_CORRUPT : status;
}

static bool apply_record(void *context, uint64_t sequence, const struct record *record)
{
    struct parity *parity = context;
    struct event event;
    if (sequence > parity->target) {
        return false;
    }
    parity->status = decoder_event(&parity->decoder, record, &event);
    if (parity->status == STATUS_OK) {
        parity->status = state_apply(parity->state, sequence, &event);
    }
    if (parity->options->progress != NULL && sequence % PROGRESS_RECORDS == 0) {
        parity->options->progress(parity->options->context, sequence, parity->last);
    }
    return parity->status == STATUS_OK;
}

/* Brings the state to the sequence, which is ahead of it and in the log. */
static enum status advance(struct parity *parity, uint64_t sequence)
{
    parity->target = sequence;
    enum status status = log_poll(parity->log, state_sequence(parity->state) + 1, apply_record,
                                  parity, parity->problem);
    if (status == STATUS_OK && parity->status != STATUS_OK) {
        problem_set(parity->problem, "record %" PRIu64 " cannot be applied",
                    state_sequence(parity->state) + 1);
        return parity->status;
    }
    return status;
}

/* ---- the weights ---- */

static enum status parse_change(struct parity *parity, const struct weights_change *change,
                                struct weights **out)
{
    struct weights_kept kept = {.bytes = NULL};
    struct problem why;
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = weights_history_load(parity->log, change, &kept, &why);
    if (status == STATUS_OK) {
        status = weights_source_parse(&kept.source, out, problems);
    }
    weights_kept_release(&kept);
    free(problems);
    return status;
}

/* From the history's end, where most decisions' weights are. */
static enum status read_version(struct parity *parity, const char *name, struct weights **out)
{
    *out = NULL;
    for (uint64_t number = weights_history_last(parity->log); number > 0; number--) {
        struct weights_change change;
        enum status status = weights_history_get(parity->log, number, &change);
        if (status == STATUS_OK && strcmp(change.version, name) == 0) {
            status = parse_change(parity, &change, out);
            return status == STATUS_NO_MEMORY ? status : STATUS_OK;
        }
    }
    return STATUS_OK;
}

static enum status find_weights(struct parity *parity, const char *name, struct weights **out)
{
    for (size_t i = 0; i < parity->version_count; i++) {
        if (strcmp(parity->versions[i].name, name) == 0) {
            *out = parity->versions[i].weights;
            return STATUS_OK;
        }
    }
    enum status status = read_version(parity, name, out);
    if (status != STATUS_OK) {
        return status;
    }
    if (parity->version_count == VERSIONS_MAX) { /* the one read first has served longest */
        weights_unref(parity->versions[0].weights);
        memmove(&parity->versions[0], &parity->versions[1],
                (size_t)(VERSIONS_MAX - 1) * sizeof(parity->versions[0]));
        parity->version_count--;
    }
    struct version *version = &parity->versions[parity->version_count++];
    snprintf(version->name, sizeof(version->name), "%s", name);
    version->weights = *out;
    return STATUS_OK;
}

/* ---- one decision ---- */

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
        status = rank(parity->state, chosen.model, &again->request, &parity->arena, &again->result);
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
    enum status status = find_weights(parity, decision->weights_version, &weights);
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

static enum status take(struct parity *parity, const struct pending *pending)
{
    struct parity_report *report = parity->report;
    if (pending->sequence < state_sequence(parity->state)) {
        report->before_base++;
        return STATUS_OK;
    }
    if (pending->sequence > parity->last) {
        report->behind_log++;
        return STATUS_OK;
    }
    enum status status = pending->sequence > state_sequence(parity->state)
                             ? advance(parity, pending->sequence)
                             : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    arena_reset(&parity->arena);
    ProtobufCAllocator allocator = wire_allocator(&parity->arena);
    const Reelrank__V1__Decision *decision =
        reelrank__v1__decision__unpack(&allocator, pending->size, pending->payload);
    if (decision == NULL || !is_whole(decision)) {
        report->unreadable++;
        return STATUS_OK;
    }
    return check_decision(parity, decision);
}

/* ---- decisions in the order of states ---- */

static bool comes_before(const struct pending *a, const struct pending *b)
{
    return a->sequence != b->sequence ? a->sequence < b->sequence : a->number < b->number;
}

static void swap(struct pending *a, struct pending *b)
{
    struct pending kept = *a;
    *a = *b;
    *b = kept;
}

static enum status push(struct parity *parity, const struct decision_record *record)
{
    struct pending *heap = parity->heap;
    if (parity->heap_count == parity->heap_capacity) {
        size_t capacity = parity->heap_capacity > 0 ? 2 * parity->heap_capacity : 1024;
        heap = realloc(parity->heap, capacity * sizeof(*heap));
        if (heap == NULL) {
            return STATUS_NO_MEMORY;
        }
        parity->heap = heap;
        parity->heap_capacity = capacity;
    }
    uint8_t *payload = malloc(record->payload_size + 1); /* never of size 0 */
    if (payload == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(payload, record->payload, record->payload_size);
    size_t at = parity->heap_count++;
    heap[at] = (struct pending){.sequence = record->state_sequence,
                                .number = parity->read_count++,
                                .size = record->payload_size,
                                .payload = payload};
    parity->heap_bytes += record->payload_size;
    for (; at > 0 && comes_before(&heap[at], &heap[(at - 1) / 2]); at = (at - 1) / 2) {
        swap(&heap[at], &heap[(at - 1) / 2]);
    }
    return STATUS_OK;
}

/* Takes the first one out; there is one. The caller frees its payload. */
static struct pending pop(struct parity *parity)
{
    struct pending *heap = parity->heap;
    struct pending first = heap[0];
    heap[0] = heap[--parity->heap_count];
    heap[parity->heap_count].payload = NULL; /* moved, or taken */
    size_t at = 0;
    for (size_t child = 1; child < parity->heap_count; child = 2 * at + 1) {
        if (child + 1 < parity->heap_count && comes_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!comes_before(&heap[child], &heap[at])) {
            break;
        }
        swap(&heap[child], &heap[at]);
        at = child;
    }
    parity->heap_bytes -= first.size;
    return first;
}

static enum status take_first(struct parity *parity)
{
    struct pending pending = pop(parity);
    enum status status = take(parity, &pending);
    free(pending.payload);
    return status;
}

static enum status take_all(struct parity *parity)
{
    struct decision_record record;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = journal_reader_next(parity->reader, &record, parity->problem);
        if (status == STATUS_OK) {
            parity->report->decisions++;
            status = push(parity, &record);
        }
        while (status == STATUS_OK && parity->heap_bytes > AHEAD_BYTES) {
            status = take_first(parity);
        }
    }
    status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    while (status == STATUS_OK && parity->heap_count > 0) {
        status = take_first(parity);
    }
    parity->report->unreadable += journal_reader_skipped(parity->reader);
    return status;
}

static enum status run(struct parity *parity)
{
    const struct log_options options = {.path = parity->options->data,
                                        .map_bytes = parity->options->map_bytes};
    parity->state = state_new();
    parity->memory = malloc(ARENA_BYTES);
    if (parity->state == NULL || parity->memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&parity->arena, parity->memory, ARENA_BYTES);
    enum status status = log_open(&options, &parity->log, parity->problem);
    if (status == STATUS_OK) {
        status = load_base(parity);
    }
    if (status == STATUS_OK) {
        status = journal_reader_new(parity->options->data, JOURNAL_OLDEST_FIRST, &parity->reader,
                                    parity->problem);
    }
    return status == STATUS_OK ? take_all(parity) : status;
}

static void release(struct parity *parity)
{
    while (parity->heap_count > 0) {
        free(parity->heap[--parity->heap_count].payload);
    }
    free(parity->heap);
    for (size_t i = 0; i < parity->version_count; i++) {
        weights_unref(parity->versions[i].weights);
    }
    journal_reader_free(parity->reader);
    decoder_release(&parity->decoder);
    state_free(parity->state);
    if (parity->log != NULL) {
        log_close(parity->log);
    }
    free(parity->memory);
}

enum status parity_check(const struct parity_options *options, struct parity_report *out,
                         struct problem *problem)
{
    *out = (struct parity_report){.decisions = 0};
    struct parity *parity = calloc(1, sizeof(*parity));
    if (parity == NULL) {
        return STATUS_NO_MEMORY;
    }
    parity->options = options;
    parity->report = out;
    parity->problem = problem;
    enum status status = run(parity);
    release(parity);
    free(parity);
    return status;
}
