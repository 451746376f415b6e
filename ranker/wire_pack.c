#include <stdbool.h>
#include <string.h>

#include "ranker/varint.h"
#include "ranker/wire.h"
#include "ranker/wire_codec.h"

/*
 * A RankResponse in packed form, and the outcomes of a batch of signals: every field's key is one
 * byte, fields come by number, and what has its default value is left out. All else goes to
 * protobuf-c.
 */

enum { KEY_SIZE = 1 };

static uint8_t *put_key(uint8_t *at, unsigned number, enum wire_type type)
{
    *at++ = (uint8_t)(number << TYPE_BITS | type);
    return at;
}

/* What a field of so many bytes takes with key and size. */
static size_t bytes_size(size_t size)
{
    return KEY_SIZE + varint_size(size) + size;
}

static uint8_t *put_bytes(uint8_t *at, unsigned number, const void *bytes, size_t size)
{
    at = put_varint(put_key(at, number, TYPE_BYTES), size);
    memcpy(at, bytes, size);
    return at + size;
}

static size_t text_size(const char *text)
{
    size_t size = strlen(text);
    return size > 0 ? bytes_size(size) : 0;
}

static uint8_t *put_text(uint8_t *at, unsigned number, const char *text)
{
    size_t size = strlen(text);
    return size > 0 ? put_bytes(at, number, text, size) : at;
}

static size_t value_size(uint64_t value)
{
    return value != 0 ? KEY_SIZE + varint_size(value) : 0;
}

static uint8_t *put_value(uint8_t *at, unsigned number, uint64_t value)
{
    return value != 0 ? put_varint(put_key(at, number, TYPE_VARINT), value) : at;
}

static size_t array_size(size_t count, size_t item_size)
{
    return count > 0 ? bytes_size(count * item_size) : 0;
}

/* Numbers of a fixed size; in memory they are as they are sent, on the machines we run on. */
static uint8_t *put_array(uint8_t *at, unsigned number, const void *items, size_t count,
                          size_t item_size)
{
    return count > 0 ? put_bytes(at, number, items, count * item_size) : at;
}

/* Of the varints alone: in steps that a compiler makes vectors of. */
static size_t indices_bytes(const uint32_t *indices, size_t count)
{
    uint32_t more = 0; /* LIMIT_CANDIDATES is far below what overflows */
    for (size_t i = 0; i < count; i++) {
        more += (uint32_t)(indices[i] >= 1 << 7) + (uint32_t)(indices[i] >= 1 << 14) +
                (uint32_t)(indices[i] >= 1 << 21) + (uint32_t)(indices[i] >= 1 << 28);
    }
    return count + more;
}

static size_t indices_size(const uint32_t *indices, size_t count)
{
    return count > 0 ? bytes_size(indices_bytes(indices, count)) : 0;
}

/*
 * Most indices take one byte or two, in no order that a processor can guess, so both bytes are
 * written and the place moves on by one or two. The last index must not write behind itself.
 */
static uint8_t *put_indices(uint8_t *at, unsigned number, const uint32_t *indices, size_t count)
{
    if (count == 0) {
        return at;
    }
    at = put_varint(put_key(at, number, TYPE_BYTES), indices_bytes(indices, count));
    for (size_t i = 0; i + 1 < count; i++) {
        uint32_t index = indices[i];
        if (index < 1 << 14) {
            uint32_t is_long = index >= 1 << 7;
            at[0] = (uint8_t)(index | is_long << 7);
            at[1] = (uint8_t)(index >> 7);
            at += 1 + is_long;
        } else {
            at = put_varint(at, index);
        }
    }
    return put_varint(at, indices[count - 1]);
}

/* No rule's number is above 127, so each is a byte. */
static uint8_t *put_rules(uint8_t *at, unsigned number, const Reelrank__V1__DropRule *rules,
                          size_t count)
{
    if (count == 0) {
        return at;
    }
    at = put_varint(put_key(at, number, TYPE_BYTES), count);
    for (size_t i = 0; i < count; i++) {
        *at++ = (uint8_t)rules[i];
    }
    return at;
}

static size_t response_size(const Reelrank__V1__RankResponse *response)
{
    size_t size = text_size(response->ranking_id) + value_size(response->state_sequence) +
                  text_size(response->weights_version) + text_size(response->experiment_arm);
    for (size_t i = 0; i < response->n_degraded; i++) {
        size += bytes_size(strlen(response->degraded[i]));
    }
    return size + indices_size(response->order, response->n_order) +
           array_size(response->n_score, sizeof(response->score[0])) +
           indices_size(response->dropped_index, response->n_dropped_index) +
           array_size(response->n_dropped_rule, sizeof(uint8_t)) +
           value_size((uint64_t)response->now_ms) +
           array_size(response->n_propensity, sizeof(response->propensity[0]));
}

static void put_response(const Reelrank__V1__RankResponse *response, uint8_t *at)
{
    at = put_text(at, 1, response->ranking_id);
    at = put_value(at, 4, response->state_sequence);
    at = put_text(at, 5, response->weights_version);
    at = put_text(at, 6, response->experiment_arm);
    for (size_t i = 0; i < response->n_degraded; i++) {
        at = put_bytes(at, 7, response->degraded[i], strlen(response->degraded[i]));
    }
    at = put_indices(at, 8, response->order, response->n_order);
    at = put_array(at, 9, response->score, response->n_score, sizeof(response->score[0]));
    at = put_indices(at, 10, response->dropped_index, response->n_dropped_index);
    at = put_rules(at, 11, response->dropped_rule, response->n_dropped_rule);
    at = put_value(at, 12, (uint64_t)response->now_ms);
    (void)put_array(at, 13, response->propensity, response->n_propensity,
                    sizeof(response->propensity[0]));
}

static bool is_packed_form(const Reelrank__V1__RankResponse *response)
{
    return response->n_slate == 0 && response->n_dropped == 0;
}

/* The message as a RankResponse that is written by hand; NULL: it is none. */
static const Reelrank__V1__RankResponse *as_response(const ProtobufCMessage *message)
{
    const Reelrank__V1__RankResponse *response = (const Reelrank__V1__RankResponse *)message;
    bool is_response = message->descriptor == &reelrank__v1__rank_response__descriptor;
    return is_response && is_packed_form(response) ? response : NULL;
}

/* Likewise, one of a stream with such a response within. */
static const Reelrank__V1__RankStreamResponse *as_stream_response(const ProtobufCMessage *message)
{
    const Reelrank__V1__RankStreamResponse *response =
        (const Reelrank__V1__RankStreamResponse *)message;
    bool has_response =
        message->descriptor == &reelrank__v1__rank_stream_response__descriptor &&
        response->result_case == REELRANK__V1__RANK_STREAM_RESPONSE__RESULT_RESPONSE;
    return has_response && response->response != NULL && is_packed_form(response->response)
               ? response
               : NULL;
}

/* What a RecordSignalsResponse and a StreamSignalsResponse have in common. */
struct outcomes {
    unsigned first; /* number of the field that the results are; the others follow */
    uint64_t batch_id;
    Reelrank__V1__SignalResult *const *results; /* NULL: the message is neither */
    size_t count;
    uint32_t accepted;
    uint32_t duplicate;
    uint32_t rejected;
    uint64_t state_sequence;
};

/* Generated types have nothing in common, though their fields do. */
#define OUTCOMES_OF(number, id, message)                  \
    ((struct outcomes){.first = (number),                 \
                       .batch_id = (id),                  \
                       .results = (message)->results,     \
                       .count = (message)->n_results,     \
                       .accepted = (message)->accepted,   \
                       .duplicate = (message)->duplicate, \
                       .rejected = (message)->rejected,   \
                       .state_sequence = (message)->state_sequence})

static struct outcomes as_outcomes(const ProtobufCMessage *message)
{
    if (message->descriptor == &reelrank__v1__record_signals_response__descriptor) {
        const Reelrank__V1__RecordSignalsResponse *record =
            (const Reelrank__V1__RecordSignalsResponse *)message;
        return OUTCOMES_OF(1, 0, record);
    }
    if (message->descriptor == &reelrank__v1__stream_signals_response__descriptor) {
        const Reelrank__V1__StreamSignalsResponse *stream =
            (const Reelrank__V1__StreamSignalsResponse *)message;
        return OUTCOMES_OF(2, stream->batch_id, stream);
    }
    return (struct outcomes){.results = NULL};
}

/* An enum is written as a number of 64 bits with a sign, whatever the compiler makes of it. */
static uint64_t outcome_of(const Reelrank__V1__SignalResult *result)
{
    return (uint64_t)(int64_t)(int32_t)result->outcome;
}

static size_t result_size(const Reelrank__V1__SignalResult *result)
{
    return value_size(outcome_of(result)) + text_size(result->reason);
}

static size_t outcomes_size(const struct outcomes *outcomes)
{
    size_t size = value_size(outcomes->batch_id) + value_size(outcomes->accepted) +
                  value_size(outcomes->duplicate) + value_size(outcomes->rejected) +
                  value_size(outcomes->state_sequence);
    for (size_t i = 0; i < outcomes->count; i++) {
        size += bytes_size(result_size(outcomes->results[i]));
    }
    return size;
}

static void put_outcomes(const struct outcomes *outcomes, uint8_t *at)
{
    unsigned first = outcomes->first;
    at = put_value(at, 1, outcomes->batch_id);
    for (size_t i = 0; i < outcomes->count; i++) {
        const Reelrank__V1__SignalResult *result = outcomes->results[i];
        at = put_varint(put_key(at, first, TYPE_BYTES), result_size(result));
        at = put_value(at, 1, outcome_of(result));
        at = put_text(at, 2, result->reason);
    }
    at = put_value(at, first + 1, outcomes->accepted);
    at = put_value(at, first + 2, outcomes->duplicate);
    at = put_value(at, first + 3, outcomes->rejected);
    (void)put_value(at, first + 4, outcomes->state_sequence);
}

size_t wire_packed_size(const ProtobufCMessage *message)
{
    const Reelrank__V1__RankResponse *response = as_response(message);
    if (response != NULL) {
        return response_size(response);
    }
    const Reelrank__V1__RankStreamResponse *stream = as_stream_response(message);
    if (stream != NULL) {
        return value_size(stream->correlation_id) + bytes_size(response_size(stream->response));
    }
    struct outcomes outcomes = as_outcomes(message);
    if (outcomes.results != NULL) {
        return outcomes_size(&outcomes);
    }
    return protobuf_c_message_get_packed_size(message);
}

void wire_pack(const ProtobufCMessage *message, uint8_t *out)
{
    const Reelrank__V1__RankResponse *response = as_response(message);
    const Reelrank__V1__RankStreamResponse *stream = as_stream_response(message);
    struct outcomes outcomes = as_outcomes(message);
    if (outcomes.results != NULL) {
        put_outcomes(&outcomes, out);
    } else if (response != NULL) {
        put_response(response, out);
    } else if (stream != NULL) {
        out = put_value(out, 1, stream->correlation_id);
        out = put_varint(put_key(out, 2, TYPE_BYTES), response_size(stream->response));
        put_response(stream->response, out);
    } else {
        protobuf_c_message_pack(message, out);
    }
}
