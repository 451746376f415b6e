#include "store/payload.h"

#include "ranker/check.h"
#include "ranker/wire.h"

enum { CODE_BITS = 16, TICK_MAX = LIMIT_TIME_MS / STATS_TICK_MS };

static size_t pack(const ProtobufCMessage *message, uint8_t out[PAYLOAD_SIZE_MAX])
{
    CHECK(protobuf_c_message_get_packed_size(message) <= PAYLOAD_SIZE_MAX);
    return protobuf_c_message_pack(message, out);
}

/* Unpacking gives NULL for bad bytes and for a full arena alike; the arena knows which. */
static enum status unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes,
                          size_t size, struct arena *arena, ProtobufCMessage **out)
{
    ProtobufCAllocator allocator = wire_allocator(arena);
    *out = protobuf_c_message_unpack(descriptor, &allocator, size, bytes);
    if (*out != NULL) {
        return STATUS_OK;
    }
    return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
}

size_t payload_put_forget(const struct forgetting *forget, uint8_t out[PAYLOAD_SIZE_MAX])
{
    Reelrank__V1__ForgottenUser message = REELRANK__V1__FORGOTTEN_USER__INIT;
    message.user_key = forget->user_key;
    message.time_ms = forget->time_ms;
    return pack(&message.base, out);
}

enum status payload_get_forget(const uint8_t *bytes, size_t size, struct arena *arena,
                               struct forgetting *out)
{
    ProtobufCMessage *base;
    enum status status =
        unpack(&reelrank__v1__forgotten_user__descriptor, bytes, size, arena, &base);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__ForgottenUser *message = (const Reelrank__V1__ForgottenUser *)base;
    if (message->user_key == 0 || message->time_ms < 1 || message->time_ms > LIMIT_TIME_MS) {
        return STATUS_CORRUPT;
    }
    *out = (struct forgetting){.user_key = message->user_key, .time_ms = message->time_ms};
    return STATUS_OK;
}

size_t payload_put_retire(const struct retirement *retire, uint8_t out[PAYLOAD_SIZE_MAX])
{
    Reelrank__V1__Retirement message = REELRANK__V1__RETIREMENT__INIT;
    uint64_t video_keys[LIMIT_RETIRED];
    uint32_t scopes[LIMIT_RETIRED];
    CHECK(retire->user_count <= LIMIT_RETIRED);
    CHECK(retire->statistics_count <= LIMIT_RETIRED);
    CHECK(retire->video_count <= LIMIT_RETIRED);
    for (unsigned i = 0; i < retire->statistics_count; i++) {
        const struct retired_statistics *statistics = &retire->statistics[i];
        video_keys[i] = statistics->video_key;
        scopes[i] = (uint32_t)statistics->kind << CODE_BITS | statistics->code;
    }
    message.user_keys = (uint64_t *)retire->user_keys;
    message.n_user_keys = retire->user_count;
    message.statistics_video_keys = video_keys;
    message.n_statistics_video_keys = retire->statistics_count;
    message.statistics_scopes = scopes;
    message.n_statistics_scopes = retire->statistics_count;
    message.video_keys = (uint64_t *)retire->video_keys;
    message.n_video_keys = retire->video_count;
    return pack(&message.base, out);
}

static bool get_statistics(uint64_t video_key, uint32_t scope, struct retired_statistics *out)
{
    uint32_t kind = scope >> CODE_BITS;
    out->video_key = video_key;
    out->kind = (uint8_t)kind;
    out->code = (uint16_t)scope;
    return kind < SCOPE_KIND_END && (kind == SCOPE_GLOBAL) == (out->code == 0);
}

static enum status get_retire(const Reelrank__V1__Retirement *message, struct retirement *out)
{
    if (message->n_user_keys > LIMIT_RETIRED || message->n_statistics_video_keys > LIMIT_RETIRED ||
        message->n_statistics_scopes != message->n_statistics_video_keys ||
        message->n_video_keys > LIMIT_RETIRED) {
        return STATUS_CORRUPT;
    }
    struct retirement retire = {
        .user_count = (uint8_t)message->n_user_keys,
        .statistics_count = (uint8_t)message->n_statistics_video_keys,
        .video_count = (uint8_t)message->n_video_keys,
    };
    for (unsigned i = 0; i < retire.user_count; i++) {
        retire.user_keys[i] = message->user_keys[i];
    }
    for (unsigned i = 0; i < retire.statistics_count; i++) {
        if (!get_statistics(message->statistics_video_keys[i], message->statistics_scopes[i],
                            &retire.statistics[i])) {
            return STATUS_CORRUPT;
        }
    }
    for (unsigned i = 0; i < retire.video_count; i++) {
        retire.video_keys[i] = message->video_keys[i];
    }
    *out = retire;
    return STATUS_OK;
}

enum status payload_get_retire(const uint8_t *bytes, size_t size, struct arena *arena,
                               struct retirement *out)
{
    ProtobufCMessage *base;
    enum status status = unpack(&reelrank__v1__retirement__descriptor, bytes, size, arena, &base);
    return status == STATUS_OK ? get_retire((const Reelrank__V1__Retirement *)base, out) : status;
}

size_t payload_put_erased(const struct effect *erased, uint8_t out[PAYLOAD_SIZE_MAX])
{
    Reelrank__V1__ErasedSignal message = REELRANK__V1__ERASED_SIGNAL__INIT;
    message.video_key = erased->video_key;
    message.tick = erased->tick;
    message.region = erased->region;
    message.language = erased->language;
    message.counts = (int32_t *)erased->delta.counts;
    message.n_counts = COUNTER_COUNT;
    message.watch_ms = (uint64_t)erased->delta.watch_ms;
    if (erased->watched) {
        message.watch_bin_before = (uint32_t)(erased->watch_bin_before + 1);
        message.watch_bin_after = erased->watch_bin_after + 1U;
        message.watch_region = erased->watch_region;
        message.watch_bucket = erased->watch_bucket;
    }
    return pack(&message.base, out);
}

static bool get_counts(const Reelrank__V1__ErasedSignal *message, struct stats_delta *out)
{
    if (message->n_counts != COUNTER_COUNT || message->watch_ms > LIMIT_DURATION_MS) {
        return false;
    }
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (message->counts[i] < -1 || message->counts[i] > 1) {
            return false;
        }
        out->counts[i] = message->counts[i];
    }
    out->watch_ms = (int64_t)message->watch_ms;
    return true;
}

static bool get_watch(const Reelrank__V1__ErasedSignal *message, struct effect *out)
{
    if (message->watch_bin_after == 0) {
        return message->watch_bin_before == 0 && message->watch_region == 0 &&
               message->watch_bucket == 0;
    }
    if (message->watch_bin_before > WATCH_BIN_COUNT || message->watch_bin_after > WATCH_BIN_COUNT ||
        message->watch_region > UINT16_MAX || message->watch_bucket >= DURATION_BUCKET_COUNT) {
        return false;
    }
    out->watched = true;
    out->watch_bin_before = (int8_t)((int)message->watch_bin_before - 1);
    out->watch_bin_after = (uint8_t)(message->watch_bin_after - 1);
    out->watch_region = (uint16_t)message->watch_region;
    out->watch_bucket = (uint8_t)message->watch_bucket;
    return true;
}

static enum status get_erased(const Reelrank__V1__ErasedSignal *message, struct effect *out)
{
    struct effect effect = {
        .video_key = message->video_key,
        .tick = message->tick,
        .region = (uint16_t)message->region,
        .language = (uint16_t)message->language,
    };
    if (message->tick > TICK_MAX || message->region > UINT16_MAX ||
        message->language > UINT16_MAX || !get_counts(message, &effect.delta) ||
        !get_watch(message, &effect)) {
        return STATUS_CORRUPT;
    }
    *out = effect;
    return STATUS_OK;
}

enum status payload_get_erased(const uint8_t *bytes, size_t size, struct arena *arena,
                               struct effect *out)
{
    ProtobufCMessage *base;
    enum status status =
        unpack(&reelrank__v1__erased_signal__descriptor, bytes, size, arena, &base);
    return status == STATUS_OK ? get_erased((const Reelrank__V1__ErasedSignal *)base, out) : status;
}
