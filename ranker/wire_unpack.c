#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/wire.h"
#include "ranker/wire_codec.h"
#include "ranker/wire_read.h"

/* A RankRequest is read in one pass; batches of signals are read in wire_unpack_signals.c. */

/* Of a RankRequest; the numbers of its other fields stand where they are read. */
enum { LANGUAGES = 4, CANDIDATE_IDS = 8, CANDIDATE_KEYS = 9 };

/* Of a RankStreamRequest. */
enum { CORRELATION_KEY = 1 << TYPE_BITS | TYPE_VARINT, REQUEST_KEY = 2 << TYPE_BITS | TYPE_BYTES };

struct request_reading {
    struct reading in;
    struct arena *arena;
    Reelrank__V1__RankRequest *message;
    uint64_t *id_keys; /* NULL: no candidate_ids so far */
    uint64_t flaws;    /* of candidate_ids, as text_flaws() tells */
};

static bool read_string(struct reading *reading, char **out)
{
    size_t size = string_size(reading->at, reading->end);
    if (size > STRING_SIZE_MAX) {
        return false;
    }
    *out = string_of(reading, reading->at + 1, size);
    reading->at += 1 + size;
    return true;
}

static bool begin_ids(struct request_reading *reading)
{
    if (reading->id_keys == NULL) {
        reading->id_keys = arena_new_raw(reading->arena, uint64_t, LIMIT_CANDIDATES);
        reading->message->candidate_ids = arena_new_raw(reading->arena, char *, LIMIT_CANDIDATES);
    }
    return !arena_full(reading->arena);
}

/* An id and those that follow at once. Its variables are its own, for the compiler must take it
 * that the zeros behind strings change what pointers lead to. */
static bool read_ids(struct request_reading *reading)
{
    if (!begin_ids(reading)) {
        return false;
    }
    struct request_reading here = *reading;
    char **ids = here.message->candidate_ids;
    size_t count = here.message->n_candidate_ids;
    for (;;) {
        size_t size = string_size(here.in.at, here.in.end);
        if (size > STRING_SIZE_MAX || count == LIMIT_CANDIDATES) {
            return false;
        }
        const uint8_t *id = here.in.at + 1;
        here.flaws |= text_flaws(id, size);
        here.id_keys[count] = hash_key((struct text){(const char *)id, size});
        ids[count++] = string_of(&here.in, id, size);
        here.in.at = id + size;
        if (here.in.at == here.in.end || *here.in.at != (CANDIDATE_IDS << TYPE_BITS | TYPE_BYTES)) {
            break;
        }
        here.in.at++;
    }
    reading->in.at = here.in.at;
    reading->flaws = here.flaws;
    reading->message->n_candidate_ids = count;
    return true;
}

static bool read_keys(struct request_reading *reading)
{
    Reelrank__V1__RankRequest *message = reading->message;
    uint64_t size = 0;
    if (message->candidate_keys != NULL || !read_varint(&reading->in, SIZE_BYTES, &size) ||
        size == 0 || size > bytes_left(&reading->in) || size % sizeof(uint64_t) != 0) {
        return false;
    }
    message->n_candidate_keys = size / sizeof(uint64_t);
    message->candidate_keys = arena_new_raw(reading->arena, uint64_t, message->n_candidate_keys);
    if (message->candidate_keys == NULL) {
        return false;
    }
    memcpy(message->candidate_keys, reading->in.at, size);
    reading->in.at += size;
    return true;
}

static bool read_language(struct request_reading *reading)
{
    Reelrank__V1__RankRequest *message = reading->message;
    if (message->languages == NULL) {
        message->languages = arena_new_raw(reading->arena, char *, LIMIT_LANGUAGES);
    }
    return message->languages != NULL && message->n_languages < LIMIT_LANGUAGES &&
           read_string(&reading->in, &message->languages[message->n_languages++]);
}

/* The place of the text with this number; NULL: there is none. */
static char **place_of_text(Reelrank__V1__RankRequest *message, unsigned number)
{
    switch (number) {
    case 1:
        return &message->request_id;
    case 2:
        return &message->user_id;
    case 3:
        return &message->locale;
    case 5:
        return &message->region;
    case 12:
        return &message->experiment;
    default:
        return NULL;
    }
}

/* Of a number that is too large for its field, the lowest bits count. */
static bool put_value(Reelrank__V1__RankRequest *message, unsigned number, uint64_t value)
{
    switch (number) {
    case 6:
        message->age_years = (uint32_t)value;
        return true;
    case 10:
        message->limit = (uint32_t)value;
        return true;
    case 11:
        message->exclude_seen = value != 0;
        return true;
    case 13:
        message->explain = value != 0;
        return true;
    case 14:
        message->now_ms = (int64_t)value;
        return true;
    case 15:
        message->response_form = (Reelrank__V1__ResponseForm)value;
        return true;
    default:
        return false;
    }
}

static bool read_bytes(struct request_reading *reading, unsigned number)
{
    switch (number) {
    case LANGUAGES:
        return read_language(reading);
    case CANDIDATE_IDS:
        return read_ids(reading);
    case CANDIDATE_KEYS:
        return read_keys(reading);
    default:
        break;
    }
    char **place = place_of_text(reading->message, number);
    return place != NULL && read_string(&reading->in, place);
}

static bool read_field(struct request_reading *reading)
{
    unsigned key = *reading->in.at++;
    uint64_t value = 0;
    switch (key & TYPE_MASK) {
    case TYPE_VARINT:
        return read_varint(&reading->in, VALUE_BYTES, &value) &&
               put_value(reading->message, key >> TYPE_BITS, value);
    case TYPE_BYTES:
        return read_bytes(reading, key >> TYPE_BITS);
    default:
        return false;
    }
}

/* NULL: protobuf-c is to read it. */
static Reelrank__V1__RankRequest *read_request(struct text bytes, struct arena *arena,
                                               struct wire_notes *notes)
{
    Reelrank__V1__RankRequest *message = arena_new_raw(arena, Reelrank__V1__RankRequest, 1);
    struct request_reading reading = {
        .in = reading_of(bytes, arena), .arena = arena, .message = message};
    if (arena_full(arena)) {
        return NULL;
    }
    reelrank__v1__rank_request__init(message);
    while (reading.in.at < reading.in.end) {
        if (!read_field(&reading)) {
            return NULL;
        }
    }
    if (reading.id_keys != NULL && reading.flaws == 0) {
        *notes = (struct wire_notes){.message = &message->base, .id_keys = reading.id_keys};
    }
    return message;
}

/* Likewise. */
static Reelrank__V1__RankStreamRequest *read_stream_request(struct text bytes, struct arena *arena,
                                                            struct wire_notes *notes)
{
    Reelrank__V1__RankStreamRequest *message =
        arena_new_raw(arena, Reelrank__V1__RankStreamRequest, 1);
    if (message == NULL) {
        return NULL;
    }
    reelrank__v1__rank_stream_request__init(message);
    const uint8_t *begin = (const uint8_t *)bytes.data;
    struct reading reading = {.at = begin, .end = begin + bytes.size};
    while (reading.at < reading.end) {
        unsigned key = *reading.at++;
        uint64_t value = 0;
        if (!read_varint(&reading, key == CORRELATION_KEY ? VALUE_BYTES : SIZE_BYTES, &value)) {
            return NULL;
        }
        if (key == CORRELATION_KEY) {
            message->correlation_id = value;
            continue;
        }
        if (key != REQUEST_KEY || message->request != NULL || value > bytes_left(&reading)) {
            return NULL;
        }
        struct text request = {(const char *)reading.at, value};
        message->request = read_request(request, arena, notes);
        if (message->request == NULL) {
            return NULL;
        }
        reading.at += value;
    }
    return message;
}

/* Likewise, of any message. */
static ProtobufCMessage *read_by_hand(const ProtobufCMessageDescriptor *descriptor,
                                      struct text bytes, struct arena *arena,
                                      struct wire_notes *notes)
{
    if (bytes.size == 0) {
        return NULL;
    }
    if (descriptor == &reelrank__v1__rank_request__descriptor) {
        return (ProtobufCMessage *)read_request(bytes, arena, notes);
    }
    if (descriptor == &reelrank__v1__rank_stream_request__descriptor) {
        return (ProtobufCMessage *)read_stream_request(bytes, arena, notes);
    }
    return wire_read_signals(descriptor, bytes, arena, notes);
}

ProtobufCMessage *wire_unpack(const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                              struct arena *arena, struct wire_notes *notes)
{
    struct arena attempt = *arena; /* what a pass takes in vain is free again */
    struct wire_notes found = {0};
    ProtobufCMessage *message = read_by_hand(descriptor, bytes, &attempt, &found);
    if (notes != NULL) {
        *notes = message != NULL ? found : (struct wire_notes){0};
    }
    if (message != NULL) {
        *arena = attempt;
        return message;
    }
    ProtobufCAllocator allocator = wire_allocator(arena);
    return protobuf_c_message_unpack(descriptor, &allocator, bytes.size,
                                     (const uint8_t *)bytes.data);
}
