#include "store/record.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/text.h"
#include "ranker/wire.h"
#include "store/payload.h"

enum { RECORD_VERSION = 1 };

/* Seeds keep keys of named and unnamed signals apart. */
enum { SEED_NAMED = 1, SEED_UNNAMED = 2 };

enum {
    AT_KIND = 1,
    AT_ZERO = 2,
    AT_CHECKSUM = 4,
    AT_APPENDED = 8,
    AT_KEY_LOW = 16,
    AT_KEY_HIGH = 24,
};

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

static void put_u64(uint8_t *out, uint64_t value)
{
    put_u32(out, (uint32_t)value);
    put_u32(out + 4, (uint32_t)(value >> 32));
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static uint64_t get_u64(const uint8_t *in)
{
    return get_u32(in) | (uint64_t)get_u32(in + 4) << 32;
}

static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    return (uint32_t)XXH3_64bits_withSeed(bytes + AT_APPENDED, size - AT_APPENDED, get_u32(bytes));
}

static bool key_fits_kind(enum event_kind kind, struct event_key key)
{
    return kind == EVENT_SIGNAL || (key.high == 0 && (kind == EVENT_FORGET) == (key.low != 0));
}

struct event_key record_signal_key(const char *event_id, const uint8_t *payload, size_t size)
{
    struct text name = text_of(event_id);
    XXH128_hash_t hash = name.size > 0 ? XXH3_128bits_withSeed(name.data, name.size, SEED_NAMED)
                                       : XXH3_128bits_withSeed(payload, size, SEED_UNNAMED);
    return (struct event_key){.low = hash.low64, .high = hash.high64};
}

void record_encode(const struct record *record, uint8_t *out)
{
    CHECK(record->kind >= EVENT_SIGNAL && record->kind < EVENT_KIND_END);
    CHECK(key_fits_kind(record->kind, record->event_key));

    memset(out, 0, AT_CHECKSUM);
    out[0] = RECORD_VERSION;
    out[AT_KIND] = (uint8_t)record->kind;
    put_u64(out + AT_APPENDED, (uint64_t)record->appended_ms);
    put_u64(out + AT_KEY_LOW, record->event_key.low);
    put_u64(out + AT_KEY_HIGH, record->event_key.high);
    if (record->payload_size > 0) {
        memcpy(out + RECORD_HEADER_SIZE, record->payload, record->payload_size);
    }
    put_u32(out + AT_CHECKSUM, checksum(out, record_size(record)));
}

enum status record_decode(const uint8_t *bytes, size_t size, struct record *out)
{
    if (size < RECORD_HEADER_SIZE || bytes[0] != RECORD_VERSION || bytes[AT_KIND] < EVENT_SIGNAL ||
        bytes[AT_KIND] >= EVENT_KIND_END || bytes[AT_ZERO] != 0 || bytes[AT_ZERO + 1] != 0 ||
        get_u32(bytes + AT_CHECKSUM) != checksum(bytes, size)) {
        return STATUS_CORRUPT;
    }
    struct record record = {
        .kind = (enum event_kind)bytes[AT_KIND],
        .appended_ms = (int64_t)get_u64(bytes + AT_APPENDED),
        .event_key = {.low = get_u64(bytes + AT_KEY_LOW), .high = get_u64(bytes + AT_KEY_HIGH)},
        .payload = bytes + RECORD_HEADER_SIZE,
        .payload_size = size - RECORD_HEADER_SIZE,
    };
    if (!key_fits_kind(record.kind, record.event_key)) {
        return STATUS_CORRUPT;
    }
    *out = record;
    return STATUS_OK;
}

enum status record_kind(const uint8_t *bytes, size_t size, enum event_kind *out)
{
    if (size < RECORD_HEADER_SIZE || bytes[AT_KIND] < EVENT_SIGNAL ||
        bytes[AT_KIND] >= EVENT_KIND_END) {
        return STATUS_CORRUPT;
    }
    *out = (enum event_kind)bytes[AT_KIND];
    return STATUS_OK;
}

enum { SIGNAL_USER_ID_FIELD = 2, WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* What is left of a packed message. */
struct packed {
    const uint8_t *at;
    const uint8_t *end;
};

static bool read_varint(struct packed *packed, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && packed->at < packed->end; shift += 7) {
        uint8_t byte = *packed->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool skip_bytes(struct packed *packed, uint64_t size)
{
    if (size > (uint64_t)(packed->end - packed->at)) {
        return false;
    }
    packed->at += size;
    return true;
}

/* Reads one field's value; bytes are where its text is, if it is one. */
static bool read_field(struct packed *packed, unsigned wire_type, struct text *bytes)
{
    uint64_t number;
    *bytes = (struct text){0};
    switch (wire_type) {
    case WIRE_VARINT:
        return read_varint(packed, &number);
    case WIRE_64:
        return skip_bytes(packed, 8);
    case WIRE_32:
        return skip_bytes(packed, 4);
    case WIRE_BYTES:
        if (!read_varint(packed, &number)) {
            return false;
        }
        *bytes = (struct text){.data = (const char *)packed->at, .size = (size_t)number};
        return skip_bytes(packed, number);
    default:
        return false;
    }
}

enum status record_user_key(const struct record *record, uint64_t *out)
{
    struct packed packed = {record->payload, record->payload + record->payload_size};
    struct text user_id = {0};
    while (packed.at < packed.end) {
        uint64_t tag;
        struct text bytes;
        if (!read_varint(&packed, &tag) || !read_field(&packed, (unsigned)(tag & 7), &bytes)) {
            return STATUS_CORRUPT;
        }
        if (tag >> 3 == SIGNAL_USER_ID_FIELD) {
            user_id = bytes; /* of several, the last counts */
        }
    }
    if (user_id.size == 0) {
        return STATUS_CORRUPT;
    }
    *out = hash_key(user_id);
    return STATUS_OK;
}

/* Unpacking gives NULL for bad bytes and for a full arena alike; the arena knows which. */
static enum status unpack_failure(const struct arena *arena)
{
    return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
}

static enum status signal_event(const struct record *record, struct arena *arena, struct event *out)
{
    ProtobufCAllocator allocator = wire_allocator(arena);
    const Reelrank__V1__Signal *message =
        reelrank__v1__signal__unpack(&allocator, record->payload_size, record->payload);
    if (message == NULL) {
        return unpack_failure(arena);
    }
    struct signal signal;
    enum status status = wire_signal(message, 0, &signal, NULL);
    if (status != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    *out = (struct event){.kind = EVENT_SIGNAL, .u.signal = signal};
    return STATUS_OK;
}

static enum status video_event(const struct record *record, struct arena *arena, struct event *out)
{
    ProtobufCAllocator allocator = wire_allocator(arena);
    const Reelrank__V1__Video *message =
        reelrank__v1__video__unpack(&allocator, record->payload_size, record->payload);
    if (message == NULL) {
        return unpack_failure(arena);
    }
    struct video_facts facts;
    enum status status = wire_video(message, &facts, NULL);
    if (status != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    facts.content_hash = XXH3_64bits(record->payload, record->payload_size);
    *out = (struct event){.kind = EVENT_VIDEO, .u.video = facts};
    return STATUS_OK;
}

static enum status deleted_event(const struct record *record, struct arena *arena,
                                 struct event *out)
{
    ProtobufCAllocator allocator = wire_allocator(arena);
    const Reelrank__V1__DeleteVideo *message =
        reelrank__v1__delete_video__unpack(&allocator, record->payload_size, record->payload);
    if (message == NULL) {
        return unpack_failure(arena);
    }
    struct text id = text_of(message->video_id);
    if (id.size == 0 || id.size > LIMIT_ID_BYTES || !text_is_utf8(id)) {
        return STATUS_CORRUPT;
    }
    *out = (struct event){.kind = EVENT_VIDEO_DELETED, .u.deleted_video_key = hash_key(id)};
    return STATUS_OK;
}

/* The record's key names the user too, for those who do not look into payloads. */
static enum status forget_event(const struct record *record, struct arena *arena, struct event *out)
{
    struct forgetting forget;
    enum status status = payload_get_forget(record->payload, record->payload_size, arena, &forget);
    if (status != STATUS_OK) {
        return status;
    }
    if (forget.user_key != record->event_key.low) {
        return STATUS_CORRUPT;
    }
    *out = (struct event){.kind = EVENT_FORGET, .u.forget = forget};
    return STATUS_OK;
}

static enum status retire_event(const struct record *record, struct arena *arena, struct event *out)
{
    struct event event = {.kind = EVENT_RETIRE};
    enum status status =
        payload_get_retire(record->payload, record->payload_size, arena, &event.u.retire);
    if (status == STATUS_OK) {
        *out = event;
    }
    return status;
}

static enum status erased_event(const struct record *record, struct arena *arena, struct event *out)
{
    struct event event = {.kind = EVENT_ERASED};
    enum status status =
        payload_get_erased(record->payload, record->payload_size, arena, &event.u.erased);
    if (status == STATUS_OK) {
        *out = event;
    }
    return status;
}

enum status record_event(const struct record *record, struct arena *arena, struct event *out)
{
    switch (record->kind) {
    case EVENT_SIGNAL:
        return signal_event(record, arena, out);
    case EVENT_VIDEO:
        return video_event(record, arena, out);
    case EVENT_VIDEO_DELETED:
        return deleted_event(record, arena, out);
    case EVENT_FORGET:
        return forget_event(record, arena, out);
    case EVENT_RETIRE:
        return retire_event(record, arena, out);
    case EVENT_ERASED:
        return erased_event(record, arena, out);
    case EVENT_KIND_END:
        break;
    }
    return STATUS_CORRUPT;
}
