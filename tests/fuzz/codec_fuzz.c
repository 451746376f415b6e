#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/wire.h"
#include "tests/fuzz/message_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/*
 * Bytes of a message that is read or written by hand (the first byte chooses which), by hand and by
 * protobuf-c. Both take or refuse them, and make the same message, which both write in the same
 * bytes; what is noted of a request is what checking it finds, or packing its signals.
 */
enum { ARENA_SIZE = 4 << 20, NOW_MS = 1700000000 };

static const ProtobufCMessageDescriptor *const descriptors[] = {
    &reelrank__v1__rank_request__descriptor,
    &reelrank__v1__rank_stream_request__descriptor,
    &reelrank__v1__rank_response__descriptor,
    &reelrank__v1__rank_stream_response__descriptor,
    &reelrank__v1__record_signals_request__descriptor,
    &reelrank__v1__stream_signals_request__descriptor,
    &reelrank__v1__upload_signals_request__descriptor,
    &reelrank__v1__record_signals_response__descriptor,
    &reelrank__v1__stream_signals_response__descriptor,
};

static struct arena *arena_of(char **memory)
{
    struct arena *arena = malloc(sizeof(*arena));
    *memory = malloc(ARENA_SIZE);
    CHECK(arena != NULL && *memory != NULL);
    arena_init(arena, *memory, ARENA_SIZE);
    return arena;
}

static uint8_t *pack(const ProtobufCMessage *message, size_t *size)
{
    *size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(*size + 1);
    CHECK(bytes != NULL);
    CHECK(protobuf_c_message_pack(message, bytes) == *size);
    return bytes;
}

/* In memory of its size, so that a byte too many is seen. */
static void check_pack(const ProtobufCMessage *message)
{
    size_t size = 0;
    uint8_t *bytes = pack(message, &size);
    CHECK(wire_packed_size(message) == size);
    uint8_t *ours = malloc(size);
    CHECK(ours != NULL || size == 0);
    if (size > 0) {
        wire_pack(message, ours);
        CHECK(memcmp(bytes, ours, size) == 0);
    }
    free(ours);
    free(bytes);
}

static void check_equal(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    size_t a_size = 0;
    size_t b_size = 0;
    uint8_t *a_bytes = pack(a, &a_size);
    uint8_t *b_bytes = pack(b, &b_size);
    CHECK(a_size == b_size && memcmp(a_bytes, b_bytes, a_size) == 0);
    CHECK(protobuf_c_message_check(a) == protobuf_c_message_check(b));
    free(a_bytes);
    free(b_bytes);
}

/* Of what bits a rule may have, those that the contract knows: the rest is not written by us. */
static bool has_strange_rules(const Reelrank__V1__RankResponse *response)
{
    for (size_t i = 0; i < response->n_dropped_rule; i++) {
        if ((unsigned)response->dropped_rule[i] > 127) {
            return true;
        }
    }
    return response->base.n_unknown_fields > 0;
}

static bool has_strange_results(Reelrank__V1__SignalResult *const *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (results[i]->base.n_unknown_fields > 0) {
            return true;
        }
    }
    return false;
}

static bool is_ours(const ProtobufCMessage *message)
{
    if (message->n_unknown_fields > 0) {
        return false;
    }
    if (message->descriptor == &reelrank__v1__rank_response__descriptor) {
        return !has_strange_rules((const Reelrank__V1__RankResponse *)message);
    }
    if (message->descriptor == &reelrank__v1__record_signals_response__descriptor) {
        const Reelrank__V1__RecordSignalsResponse *response =
            (const Reelrank__V1__RecordSignalsResponse *)message;
        return !has_strange_results(response->results, response->n_results);
    }
    if (message->descriptor == &reelrank__v1__stream_signals_response__descriptor) {
        const Reelrank__V1__StreamSignalsResponse *response =
            (const Reelrank__V1__StreamSignalsResponse *)message;
        return !has_strange_results(response->results, response->n_results);
    }
    if (message->descriptor == &reelrank__v1__rank_stream_response__descriptor) {
        const Reelrank__V1__RankStreamResponse *stream =
            (const Reelrank__V1__RankStreamResponse *)message;
        return stream->result_case != REELRANK__V1__RANK_STREAM_RESPONSE__RESULT_RESPONSE ||
               !has_strange_rules(stream->response);
    }
    return true;
}

static const Reelrank__V1__RankRequest *request_of(const ProtobufCMessage *message)
{
    if (message->descriptor == &reelrank__v1__rank_request__descriptor) {
        return (const Reelrank__V1__RankRequest *)message;
    }
    return message->descriptor == &reelrank__v1__rank_stream_request__descriptor
               ? ((const Reelrank__V1__RankStreamRequest *)message)->request
               : NULL;
}

static void check_notes(const Reelrank__V1__RankRequest *request, const struct wire_notes *notes,
                        struct arena *arena)
{
    struct rank_request with;
    struct rank_request without;
    struct problem with_problem = {""};
    struct problem without_problem = {""};
    enum status status =
        wire_rank_request_noted(request, notes, NOW_MS, arena, &with, &with_problem);
    CHECK(status == wire_rank_request(request, NOW_MS, arena, &without, &without_problem));
    CHECK(strcmp(with_problem.text, without_problem.text) == 0);
    if (status == STATUS_OK) {
        CHECK(with.count == without.count && with.seed == without.seed);
        CHECK(with.count == 0 ||
              memcmp(with.keys, without.keys, with.count * sizeof(with.keys[0])) == 0);
    }
}

static void check_signal(const Reelrank__V1__Signal *message, const struct wire_signal_note *note)
{
    struct signal with = {0};
    struct signal without = {0};
    struct problem with_problem = {""};
    struct problem without_problem = {""};
    enum status status = wire_signal_noted(message, note, NOW_MS, &with, &with_problem);
    CHECK(status == wire_signal(message, NOW_MS, &without, &without_problem));
    CHECK(strcmp(with_problem.text, without_problem.text) == 0);
    CHECK(with.user_key == without.user_key && with.video_key == without.video_key);
    CHECK(with.ranking_key == without.ranking_key && with.time_ms == without.time_ms);
    if (note->packed.size > 0) {
        size_t size = 0;
        uint8_t *bytes = pack(&message->base, &size);
        CHECK(size == note->packed.size && memcmp(bytes, note->packed.data, size) == 0);
        free(bytes);
    }
}

/* Of the message that protobuf-c has made; ours is equal. */
static void check_signals(const ProtobufCMessage *message, const struct wire_notes *notes)
{
    Reelrank__V1__Signal *const *signals = NULL;
    size_t count = 0;
    if (message->descriptor == &reelrank__v1__stream_signals_request__descriptor) {
        const Reelrank__V1__StreamSignalsRequest *request =
            (const Reelrank__V1__StreamSignalsRequest *)message;
        signals = request->signals;
        count = request->n_signals;
    } else { /* the other two have the same layout, which their descriptors tell */
        const Reelrank__V1__RecordSignalsRequest *request =
            (const Reelrank__V1__RecordSignalsRequest *)message;
        signals = request->signals;
        count = request->n_signals;
    }
    for (size_t i = 0; i < count; i++) {
        check_signal(signals[i], &notes->signals[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *memory;
    static struct arena *arena;
    if (size == 0) {
        return 0;
    }
    if (arena == NULL) {
        arena = arena_of(&memory);
    }
    const ProtobufCMessageDescriptor *descriptor =
        descriptors[data[0] % (sizeof(descriptors) / sizeof(descriptors[0]))];
    struct text bytes = {(const char *)data + 1, size - 1};
    struct wire_notes notes;
    ProtobufCMessage *theirs = protobuf_c_message_unpack(descriptor, NULL, size - 1, data + 1);
    ProtobufCMessage *ours = wire_unpack(descriptor, bytes, arena, &notes);
    CHECK((theirs == NULL) == (ours == NULL) || arena_full(arena));
    if (theirs != NULL && ours != NULL) {
        check_equal(theirs, ours);
        if (is_ours(ours)) {
            check_pack(ours);
        }
        if (request_of(ours) != NULL) {
            check_notes(request_of(ours), &notes, arena);
        }
        if (notes.signals != NULL) {
            CHECK(notes.message == ours);
            check_signals(theirs, &notes);
        }
    }
    if (theirs != NULL) {
        protobuf_c_message_free_unpacked(theirs, NULL);
    }
    arena_reset(arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    if (size < 1 || seed % 4 == 0) {
        return mutate_bytes(data, size, most);
    }
    return 1 + mutate_message(data + 1, size - 1, most - 1, seed / 4);
}
