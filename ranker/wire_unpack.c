#include <stdbool.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/wire.h"
#include "ranker/wire_codec.h"

/*
 * A RankRequest is read in one pass. Its bytes are copied once, and each string lies in the copy,
 * ended by a zero in the place of what stands behind it, which is read from the bytes that came.
 * Whatever is not foreseen here ends the pass: protobuf-c begins anew, and decides. So each step
 * needs to be right about what it takes, and to take what clients send.
 */

enum wire_type { TYPE_VARINT = 0, TYPE_BYTES = 2 };

/* A field's key, of one byte, is its number above TYPE_BITS bits of type. */
enum { TYPE_BITS = 3, TYPE_MASK = (1 << TYPE_BITS) - 1 };

/* Of a RankRequest; the numbers of its other fields stand where they are read. */
enum { LANGUAGES = 4, CANDIDATE_IDS = 8, CANDIDATE_KEYS = 9 };

/* Of a RankStreamRequest. */
enum { CORRELATION_KEY = 1 << TYPE_BITS | TYPE_VARINT, REQUEST_KEY = 2 << TYPE_BITS | TYPE_BYTES };

enum {
    STRING_SIZE_MAX = 127, /* so that the size is one byte */
    SIZE_BYTES = 5,        /* of another size, as protobuf-c has it */
    VALUE_BYTES = 9        /* of a number, so that it fits 63 bits */
};

struct reading {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *bytes;
    char *copy; /* of all bytes, and one more */
    struct arena *arena;
    Reelrank__V1__RankRequest *message;
    uint64_t *id_keys; /* NULL: no candidate_ids so far */
    uint64_t flaws;    /* of candidate_ids, as text_flaws() tells */
};

static bool read_varint(struct reading *reading, unsigned bytes_max, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < bytes_max && reading->at < reading->end; i++) {
        uint64_t byte = *reading->at++;
        *out |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

/* The size of the string whose size is at `at`; above STRING_SIZE_MAX: none, or none for us. */
static inline size_t string_size(const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    return left > 0 && at[0] < left ? at[0] : STRING_SIZE_MAX + 1;
}

/* The string of these bytes, in the copy. */
static inline char *string_of(const struct reading *reading, const uint8_t *bytes, size_t size)
{
    char *string = reading->copy + (bytes - reading->bytes);
    string[size] = '\0';
    return string;
}

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

static inline uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Not zero where a byte is zero or above 127. */
static inline uint64_t word_flaws(uint64_t word)
{
    return (word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080);
}

/* Not zero where the text is empty, or a byte of it zero or above 127. */
static inline uint64_t text_flaws(const uint8_t *text, size_t size)
{
    enum { WORD = sizeof(uint64_t) };
    uint64_t found = size == 0;
    if (size >= WORD) { /* its last bytes may be looked at twice */
        found = word_flaws(load(text + size - WORD));
        for (size_t at = 0; at + WORD < size; at += WORD) {
            found |= word_flaws(load(text + at));
        }
        return found;
    }
    for (size_t i = 0; i < size; i++) {
        found |= word_flaws(UINT64_C(0x0101010101010100) | text[i]);
    }
    return found;
}

static bool begin_ids(struct reading *reading)
{
    if (reading->id_keys == NULL) {
        reading->id_keys = arena_new_raw(reading->arena, uint64_t, LIMIT_CANDIDATES);
        reading->message->candidate_ids = arena_new_raw(reading->arena, char *, LIMIT_CANDIDATES);
    }
    return !arena_full(reading->arena);
}

/* An id and those that follow at once. Its variables are its own, for the compiler must take it
 * that the zeros behind strings change what pointers lead to. */
static bool read_ids(struct reading *reading)
{
    if (!begin_ids(reading)) {
        return false;
    }
    struct reading here = *reading;
    char **ids = here.message->candidate_ids;
    size_t count = here.message->n_candidate_ids;
    for (;;) {
        size_t size = string_size(here.at, here.end);
        if (size > STRING_SIZE_MAX || count == LIMIT_CANDIDATES) {
            return false;
        }
        const uint8_t *id = here.at + 1;
        here.flaws |= text_flaws(id, size);
        here.id_keys[count] = hash_key((struct text){(const char *)id, size});
        ids[count++] = string_of(&here, id, size);
        here.at = id + size;
        if (here.at == here.end || *here.at != (CANDIDATE_IDS << TYPE_BITS | TYPE_BYTES)) {
            break;
        }
        here.at++;
    }
    reading->at = here.at;
    reading->flaws = here.flaws;
    reading->message->n_candidate_ids = count;
    return true;
}

static bool read_keys(struct reading *reading)
{
    Reelrank__V1__RankRequest *message = reading->message;
    uint64_t size = 0;
    if (message->candidate_keys != NULL || !read_varint(reading, SIZE_BYTES, &size) || size == 0 ||
        size > (size_t)(reading->end - reading->at) || size % sizeof(uint64_t) != 0) {
        return false;
    }
    message->n_candidate_keys = size / sizeof(uint64_t);
    message->candidate_keys = arena_new_raw(reading->arena, uint64_t, message->n_candidate_keys);
    if (message->candidate_keys == NULL) {
        return false;
    }
    memcpy(message->candidate_keys, reading->at, size);
    reading->at += size;
    return true;
}

static bool read_language(struct reading *reading)
{
    Reelrank__V1__RankRequest *message = reading->message;
    if (message->languages == NULL) {
        message->languages = arena_new_raw(reading->arena, char *, LIMIT_LANGUAGES);
    }
    return message->languages != NULL && message->n_languages < LIMIT_LANGUAGES &&
           read_string(reading, &message->languages[message->n_languages++]);
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

static bool read_bytes(struct reading *reading, unsigned number)
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
    return place != NULL && read_string(reading, place);
}

static bool read_field(struct reading *reading)
{
    unsigned key = *reading->at++;
    uint64_t value = 0;
    switch (key & TYPE_MASK) {
    case TYPE_VARINT:
        return read_varint(reading, VALUE_BYTES, &value) &&
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
    char *copy = arena_new_raw(arena, char, bytes.size + 1);
    if (arena_full(arena)) {
        return NULL;
    }
    reelrank__v1__rank_request__init(message);
    memcpy(copy, bytes.data, bytes.size);
    const uint8_t *begin = (const uint8_t *)bytes.data;
    struct reading reading = {.at = begin,
                              .end = begin + bytes.size,
                              .bytes = begin,
                              .copy = copy,
                              .arena = arena,
                              .message = message};
    while (reading.at < reading.end) {
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
        if (key != REQUEST_KEY || message->request != NULL ||
            value > (size_t)(reading.end - reading.at)) {
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
    return NULL;
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
