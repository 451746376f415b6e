#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/wire.h"
#include "reelrank/v1/signal.pb-c.h"
#include "server/service_internal.h"

struct totals {
    uint32_t accepted;
    uint32_t duplicate;
    uint32_t rejected;
};

/* What an upload keeps between its messages. */
struct upload {
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t rejected;
    uint64_t sequence;
    uint32_t reason_count;
    char reasons[10][128];
};

_Static_assert(LIMIT_LATE_MS == INT64_C(30) * 24 * 3600 * 1000, "as collect() says");
_Static_assert(sizeof(struct upload) <= METHOD_STATE_SIZE, "an upload's totals fit a call's state");

/* For counts, where the signal is not valid; 0: none of ours. */
static enum signal_type type_of(const Reelrank__V1__Signal *message)
{
    int type = (int)message->type;
    return type >= SIGNAL_IMPRESSION && type < SIGNAL_TYPE_END ? (enum signal_type)type
                                                               : (enum signal_type)0;
}

/* A signal that came as it would be packed is the log's payload as it came. */
static enum status put_payload(struct turn *turn, const Reelrank__V1__Signal *message,
                               const struct wire_signal_note *note, struct entry *entry)
{
    if (note->packed.size == 0) {
        return service_put_payload(turn, &message->base, entry);
    }
    entry->record.payload = (const uint8_t *)note->packed.data;
    entry->record.payload_size = note->packed.size;
    entry->record.appended_ms = turn->now_ms;
    return STATUS_OK;
}

/* A bad signal becomes a rejected entry, with the reason; the others are not concerned. */
static enum status put_signal(struct turn *turn, const Reelrank__V1__Signal *message,
                              const struct wire_signal_note *note, struct entry *entry,
                              char **reason)
{
    struct problem problem;
    struct signal *signal = &entry->event.u.signal;
    entry_init(entry, EVENT_SIGNAL);
    enum status status = wire_signal_noted(message, note, turn->now_ms, signal, &problem);
    if (status != STATUS_OK) {
        *reason = service_copy(turn->arena, problem.text);
        if (*reason == NULL) {
            return STATUS_NO_MEMORY;
        }
        /* One that was taken before the clock was set back is a repeat, not of the future. */
        if (wire_signal_noted(message, note, 0, signal, &problem) != STATUS_OK) {
            entry->outcome = OUTCOME_REJECTED;
            signal->type = type_of(message);
            return STATUS_OK;
        }
        entry->rejection = REJECTION_FUTURE;
    }
    status = put_payload(turn, message, note, entry);
    if (status == STATUS_OK) {
        entry->record.event_key =
            record_signal_key(message->event_id, entry->record.payload, entry->record.payload_size);
    }
    return status;
}

/* What is noted of the signals of the turn's request; NULL: nothing. */
static const struct wire_signal_note *notes_of(const struct turn *turn)
{
    return turn->notes.message == turn->request ? turn->notes.signals : NULL;
}

/*
 * Prepares signals for the writer. The results, one for each signal, follow the batch in the arena:
 * finish() needs the reasons.
 */
struct prepared {
    struct batch batch; /* first: turn->batch points here */
    Reelrank__V1__SignalResult *results;
    Reelrank__V1__SignalResult **result_list;
};

static enum turn_step prepare(struct turn *turn, Reelrank__V1__Signal *const *signals, size_t count)
{
    if (count > LIMIT_BATCH) {
        problem_set(&turn->problem, "signals has %zu items; at most %d are allowed", count,
                    LIMIT_BATCH);
        return service_fail_as_set(turn, STATUS_INVALID);
    }
    struct prepared *prepared = arena_new(turn->arena, struct prepared, 1);
    struct entry *entries = arena_new_raw(turn->arena, struct entry, count);
    Reelrank__V1__SignalResult *results =
        arena_new_raw(turn->arena, Reelrank__V1__SignalResult, count);
    Reelrank__V1__SignalResult **list =
        arena_new_raw(turn->arena, Reelrank__V1__SignalResult *, count);
    static const struct wire_signal_note nothing;
    const struct wire_signal_note *notes = notes_of(turn);
    if (arena_full(turn->arena)) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    for (size_t i = 0; i < count; i++) {
        reelrank__v1__signal_result__init(&results[i]);
        list[i] = &results[i];
        const struct wire_signal_note *note = notes != NULL ? &notes[i] : &nothing;
        enum status status = put_signal(turn, signals[i], note, &entries[i], &results[i].reason);
        if (status != STATUS_OK) {
            return service_fail_as_set(turn, status);
        }
    }
    *prepared = (struct prepared){
        .batch = {.entries = entries, .count = count}, .results = results, .result_list = list};
    turn->batch = &prepared->batch;
    return TURN_WRITE;
}

/* Copies outcomes into the results; returns their totals. */
static struct totals collect(const struct service *service, struct prepared *prepared)
{
    static const char late[] =
        "signal.time_ms is more than 30 days before the newest signal taken; import history into "
        "an empty store, oldest first";
    static const char forgotten[] =
        "signal.user_id was forgotten after signal.time_ms; only what the user did later is taken";
    struct totals totals = {0};
    struct signal_counts counts = {0};
    for (size_t i = 0; i < prepared->batch.count; i++) {
        enum outcome outcome = prepared->batch.entries[i].outcome;
        Reelrank__V1__SignalResult *result = &prepared->results[i];
        result->outcome = (Reelrank__V1__SignalOutcome)outcome;
        if (outcome == OUTCOME_REJECTED && result->reason[0] == '\0') {
            /* Only the store rejects without a reason. */
            bool is_late = prepared->batch.entries[i].rejection == REJECTION_LATE;
            result->reason = (char *)(is_late ? late : forgotten);
        }
        if (outcome == OUTCOME_DUPLICATE) {
            result->reason = (char *)protobuf_c_empty_string;
        }
        counts.counts[prepared->batch.entries[i].event.u.signal.type][outcome]++;
        totals.accepted += outcome == OUTCOME_ACCEPTED;
        totals.duplicate += outcome == OUTCOME_DUPLICATE;
        totals.rejected += outcome == OUTCOME_REJECTED;
    }
    if (service->metrics != NULL) {
        metrics_signals(service->metrics, &counts);
    }
    return totals;
}

/* Two messages have these fields, but generated types have nothing in common. */
#define PUT_RESULTS(context, response, prepared)                 \
    do {                                                         \
        struct totals totals = collect(context, prepared);       \
        (response)->results = (prepared)->result_list;           \
        (response)->n_results = (prepared)->batch.count;         \
        (response)->accepted = totals.accepted;                  \
        (response)->duplicate = totals.duplicate;                \
        (response)->rejected = totals.rejected;                  \
        (response)->state_sequence = (prepared)->batch.sequence; \
    } while (0)

enum turn_step service_record_signals(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__RecordSignalsRequest *message =
        (const Reelrank__V1__RecordSignalsRequest *)turn->request;
    if (!service_reserve_answer(turn, sizeof(Reelrank__V1__RecordSignalsResponse))) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    return prepare(turn, message->signals, message->n_signals);
}

void service_record_signals_finish(void *context, struct turn *turn)
{
    if (!service_batch_is_written(turn)) {
        return;
    }
    struct prepared *prepared = (struct prepared *)turn->batch;
    Reelrank__V1__RecordSignalsResponse *response =
        (Reelrank__V1__RecordSignalsResponse *)turn->response;
    reelrank__v1__record_signals_response__init(response);
    PUT_RESULTS(context, response, prepared);
    (void)service_answer(turn, &response->base);
}

enum turn_step service_stream_signals(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__StreamSignalsRequest *message =
        (const Reelrank__V1__StreamSignalsRequest *)turn->request;
    if (!service_reserve_answer(turn, sizeof(Reelrank__V1__StreamSignalsResponse))) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    return prepare(turn, message->signals, message->n_signals);
}

void service_stream_signals_finish(void *context, struct turn *turn)
{
    if (!service_batch_is_written(turn)) {
        return;
    }
    struct prepared *prepared = (struct prepared *)turn->batch;
    Reelrank__V1__StreamSignalsResponse *response =
        (Reelrank__V1__StreamSignalsResponse *)turn->response;
    reelrank__v1__stream_signals_response__init(response);
    response->batch_id = ((const Reelrank__V1__StreamSignalsRequest *)turn->request)->batch_id;
    PUT_RESULTS(context, response, prepared);
    (void)service_answer(turn, &response->base);
}

static enum turn_step answer_upload(struct turn *turn, struct upload *upload)
{
    Reelrank__V1__UploadSignalsResponse *response =
        arena_new(turn->arena, Reelrank__V1__UploadSignalsResponse, 1);
    char **reasons = arena_new(turn->arena, char *, upload->reason_count);
    if (arena_full(turn->arena)) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    reelrank__v1__upload_signals_response__init(response);
    for (uint32_t i = 0; i < upload->reason_count; i++) {
        reasons[i] = upload->reasons[i];
    }
    response->accepted = upload->accepted;
    response->duplicate = upload->duplicate;
    response->rejected = upload->rejected;
    response->state_sequence = upload->sequence;
    response->reasons = reasons;
    response->n_reasons = upload->reason_count;
    return service_answer(turn, &response->base);
}

enum turn_step service_upload_signals(void *context, struct turn *turn)
{
    (void)context;
    if (turn->request == NULL) {
        return answer_upload(turn, turn->state);
    }
    const Reelrank__V1__UploadSignalsRequest *message =
        (const Reelrank__V1__UploadSignalsRequest *)turn->request;
    return prepare(turn, message->signals, message->n_signals);
}

void service_upload_signals_finish(void *context, struct turn *turn)
{
    if (!service_batch_is_written(turn)) {
        return;
    }
    struct prepared *prepared = (struct prepared *)turn->batch;
    struct upload *upload = turn->state;
    struct totals totals = collect(context, prepared);
    upload->accepted += totals.accepted;
    upload->duplicate += totals.duplicate;
    upload->rejected += totals.rejected;
    upload->sequence = prepared->batch.sequence;
    size_t room = sizeof(upload->reasons) / sizeof(upload->reasons[0]);
    for (size_t i = 0; i < prepared->batch.count && upload->reason_count < room; i++) {
        if (prepared->batch.entries[i].outcome == OUTCOME_REJECTED) {
            snprintf(upload->reasons[upload->reason_count++], sizeof(upload->reasons[0]), "%s",
                     prepared->results[i].reason);
        }
    }
    turn->status = STATUS_OK;
}
