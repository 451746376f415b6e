#include "store/decoder.h"

#include <stdlib.h>

#include "ranker/wire.h"

enum {
    MEMORY_MIN = 1 << 16, /* enough for any record of today's contract */
    MEMORY_MAX = 1 << 28, /* a record of a later one may hold many unknown fields */
};

void decoder_release(struct decoder *decoder)
{
    free(decoder->memory);
    *decoder = (struct decoder){0};
}

static enum status grow(struct decoder *decoder)
{
    size_t size = decoder->memory_size > 0 ? 2 * decoder->memory_size : MEMORY_MIN;
    void *memory = size <= MEMORY_MAX ? malloc(size) : NULL;
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    free(decoder->memory);
    decoder->memory = memory;
    decoder->memory_size = size;
    arena_init(&decoder->arena, memory, size);
    return STATUS_OK;
}

/* Runs decode with as much memory as it takes. */
static enum status run(struct decoder *decoder, const struct record *record, void *out,
                       enum status (*decode)(const struct record *record, struct arena *arena,
                                             void *out))
{
    enum status status = decoder->memory == NULL ? grow(decoder) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    arena_reset(&decoder->arena);
    status = decode(record, &decoder->arena, out);
    while (status == STATUS_NO_MEMORY) {
        status = grow(decoder);
        if (status != STATUS_OK) {
            return status;
        }
        status = decode(record, &decoder->arena, out);
    }
    return status;
}

static enum status decode_event(const struct record *record, struct arena *arena, void *out)
{
    return record_event(record, arena, out);
}

enum status decoder_event(struct decoder *decoder, const struct record *record, struct event *out)
{
    return run(decoder, record, out, decode_event);
}

static enum status check_key(const struct record *record, struct arena *arena, void *out)
{
    (void)out;
    ProtobufCAllocator allocator = wire_allocator(arena);
    const Reelrank__V1__Signal *signal =
        reelrank__v1__signal__unpack(&allocator, record->payload_size, record->payload);
    if (signal == NULL) {
        return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
    }
    struct event_key want =
        record_signal_key(signal->event_id, record->payload, record->payload_size);
    bool right = want.low == record->event_key.low && want.high == record->event_key.high;
    return right ? STATUS_OK : STATUS_CORRUPT;
}

enum status decoder_check_key(struct decoder *decoder, const struct record *record)
{
    return record->kind == EVENT_SIGNAL ? run(decoder, record, NULL, check_key) : STATUS_OK;
}
