#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/wire.h"
#include "ranker/wire_read.h"

/*
 * Batches of signals, read in two passes: the first one counts, so that all signals lie side by
 * side. Clients that are made by protobuf's own libraries write a signal as protobuf-c would write
 * it again for the log: fields by number, none that is empty, numbers in as few bytes as will do.
 * That is noted of a signal, and nobody has to write it again.
 */

/* Numbers of the fields of a Signal. */
enum {
    EVENT_ID = 1,
    USER_ID,
    VIDEO_ID,
    TYPE,
    TIME_MS,
    WATCH_MS,
    VIDEO_DURATION_MS,
    LOCALE,
    RANKING_ID,
    POSITION
};

/* A signal that is being read. */
struct signal_reading {
    Reelrank__V1__Signal *message;
    struct wire_signal_note *note;
    unsigned number; /* of the last field */
    uint64_t flaws;  /* not zero: nothing can be noted */
};

/* Of a number that is too large for its field, the lowest bits count. False: there is no such
 * number. */
static bool put_value(struct signal_reading *signal, unsigned number, uint64_t value)
{
    Reelrank__V1__Signal *message = signal->message;
    switch (number) {
    case TYPE:
        message->type = (Reelrank__V1__SignalType)value;
        signal->flaws |= value > INT32_MAX;
        return true;
    case TIME_MS:
        message->time_ms = (int64_t)value;
        return true;
    case WATCH_MS:
        message->watch_ms = (int64_t)value;
        return true;
    case VIDEO_DURATION_MS:
        message->video_duration_ms = (int64_t)value;
        return true;
    case POSITION:
        message->position = (uint32_t)value;
        signal->flaws |= value > UINT32_MAX;
        return true;
    default:
        return false;
    }
}

/* The last byte of a number is zero only where the number is, or where it is longer than need be.
 */
static bool read_value(struct reading *reading, struct signal_reading *signal, unsigned number)
{
    uint64_t value = 0;
    if (!read_varint(reading, VALUE_BYTES, &value)) {
        return false;
    }
    signal->flaws |= reading->at[-1] == 0;
    return put_value(signal, number, value);
}

/* Likewise of a text; its hash is noted where it is an id. STRING_SIZE_MAX is within
 * LIMIT_ID_BYTES. */
static bool put_text(struct signal_reading *signal, unsigned number, char *string, struct text text)
{
    Reelrank__V1__Signal *message = signal->message;
    switch (number) {
    case EVENT_ID:
        message->event_id = string;
        return true;
    case USER_ID:
        message->user_id = string;
        signal->note->user_key = hash_key(text);
        return true;
    case VIDEO_ID:
        message->video_id = string;
        signal->note->video_key = hash_key(text);
        return true;
    case LOCALE:
        message->locale = string;
        signal->flaws |= text.size > LIMIT_LOCALE_BYTES;
        return true;
    case RANKING_ID:
        message->ranking_id = string;
        signal->note->ranking_key = hash_key(text);
        signal->flaws |= text.size > LIMIT_SHORT_BYTES;
        return true;
    default:
        return false;
    }
}

static bool read_text(struct reading *reading, struct signal_reading *signal, unsigned number)
{
    size_t size = string_size(reading->at, reading->end);
    if (size > STRING_SIZE_MAX) {
        return false;
    }
    const uint8_t *bytes = reading->at + 1;
    signal->flaws |= text_flaws(bytes, size);
    reading->at = bytes + size;
    return put_text(signal, number, string_of(reading, bytes, size),
                    (struct text){(const char *)bytes, size});
}

static bool read_field(struct reading *reading, struct signal_reading *signal)
{
    unsigned key = *reading->at++;
    unsigned number = key >> TYPE_BITS;
    signal->flaws |= number <= signal->number;
    signal->number = number;
    switch (key & TYPE_MASK) {
    case TYPE_VARINT:
        return read_value(reading, signal, number);
    case TYPE_BYTES:
        return read_text(reading, signal, number);
    default:
        return false;
    }
}

/* Reads a signal of so many bytes. */
static bool read_signal(struct reading *reading, size_t size, Reelrank__V1__Signal *message,
                        struct wire_signal_note *note)
{
    struct reading here = *reading;
    struct signal_reading signal = {.message = message, .note = note};
    here.end = here.at + size;
    reelrank__v1__signal__init(message);
    *note = (struct wire_signal_note){0};
    while (here.at < here.end) {
        if (!read_field(&here, &signal)) {
            return false;
        }
    }
    if (signal.flaws == 0 && note->user_key != 0 && note->video_key != 0) {
        note->packed = (struct text){(const char *)reading->at, size};
    }
    reading->at = here.end;
    return true;
}

/* The signals of a request, and its batch_id, if it has one. */
struct batch {
    unsigned number; /* of the field that the signals are */
    Reelrank__V1__Signal **list;
    struct wire_signal_note *notes;
    size_t count;
    uint64_t batch_id;
};

/* One field: a signal of *size bytes, which is next, or the batch_id, and then *size is SIZE_MAX.
 */
static bool read_key(struct reading *reading, struct batch *batch, size_t *size)
{
    unsigned key = *reading->at++;
    uint64_t value = 0;
    if (key == (batch->number << TYPE_BITS | TYPE_BYTES)) {
        bool is_read = read_varint(reading, SIZE_BYTES, &value);
        *size = value;
        return is_read && value <= bytes_left(reading);
    }
    *size = SIZE_MAX; /* the batch_id stands before the signals, by number */
    return key == ((batch->number - 1) << TYPE_BITS | TYPE_VARINT) && batch->number > 1 &&
           read_varint(reading, VALUE_BYTES, &batch->batch_id);
}

static bool count_signals(struct reading reading, struct batch *batch)
{
    while (reading.at < reading.end) {
        size_t size;
        if (!read_key(&reading, batch, &size)) {
            return false;
        }
        if (size != SIZE_MAX) {
            reading.at += size;
            batch->count++;
        }
    }
    return true;
}

/* Reads what has been counted. */
static bool read_all(struct reading *reading, struct arena *arena, struct batch *batch)
{
    Reelrank__V1__Signal *messages = arena_new_raw(arena, Reelrank__V1__Signal, batch->count);
    batch->list = arena_new_raw(arena, Reelrank__V1__Signal *, batch->count);
    batch->notes = arena_new_raw(arena, struct wire_signal_note, batch->count);
    if (arena_full(arena)) {
        return false;
    }
    for (size_t i = 0; reading->at < reading->end;) {
        size_t size;
        if (!read_key(reading, batch, &size)) {
            return false;
        }
        if (size != SIZE_MAX) {
            if (!read_signal(reading, size, &messages[i], &batch->notes[i])) {
                return false;
            }
            batch->list[i] = &messages[i];
            i++;
        }
    }
    return true;
}

static bool read_batch(struct text bytes, struct arena *arena, struct batch *batch)
{
    struct reading reading = reading_of(bytes, arena);
    return reading.copy != NULL && count_signals(reading, batch) &&
           read_all(&reading, arena, batch);
}

static ProtobufCMessage *record_request(struct arena *arena, const struct batch *batch)
{
    Reelrank__V1__RecordSignalsRequest *message =
        arena_new_raw(arena, Reelrank__V1__RecordSignalsRequest, 1);
    if (message == NULL) {
        return NULL;
    }
    reelrank__v1__record_signals_request__init(message);
    message->signals = batch->list;
    message->n_signals = batch->count;
    return &message->base;
}

static ProtobufCMessage *stream_request(struct arena *arena, const struct batch *batch)
{
    Reelrank__V1__StreamSignalsRequest *message =
        arena_new_raw(arena, Reelrank__V1__StreamSignalsRequest, 1);
    if (message == NULL) {
        return NULL;
    }
    reelrank__v1__stream_signals_request__init(message);
    message->batch_id = batch->batch_id;
    message->signals = batch->list;
    message->n_signals = batch->count;
    return &message->base;
}

static ProtobufCMessage *upload_request(struct arena *arena, const struct batch *batch)
{
    Reelrank__V1__UploadSignalsRequest *message =
        arena_new_raw(arena, Reelrank__V1__UploadSignalsRequest, 1);
    if (message == NULL) {
        return NULL;
    }
    reelrank__v1__upload_signals_request__init(message);
    message->signals = batch->list;
    message->n_signals = batch->count;
    return &message->base;
}

static const struct {
    const ProtobufCMessageDescriptor *descriptor;
    unsigned number; /* of its signals */
    ProtobufCMessage *(*make)(struct arena *arena, const struct batch *batch);
} kinds[] = {
    {&reelrank__v1__record_signals_request__descriptor, 1, record_request},
    {&reelrank__v1__stream_signals_request__descriptor, 2, stream_request},
    {&reelrank__v1__upload_signals_request__descriptor, 1, upload_request},
};

ProtobufCMessage *wire_read_signals(const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                                    struct arena *arena, struct wire_notes *notes)
{
    size_t kind = 0;
    while (kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind].descriptor != descriptor) {
        kind++;
    }
    if (kind == sizeof(kinds) / sizeof(kinds[0])) {
        return NULL;
    }
    struct batch batch = {.number = kinds[kind].number};
    ProtobufCMessage *message =
        read_batch(bytes, arena, &batch) ? kinds[kind].make(arena, &batch) : NULL;
    if (message != NULL) {
        *notes = (struct wire_notes){.message = message, .signals = batch.notes};
    }
    return message;
}
