#include "tests/store/entries.h"

#include <stdio.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "reelrank/v1/log.pb-c.h"
#include "store/payload.h"

enum { SCRATCH_SIZE = 1 << 20 };

struct arena entries_arena(size_t size)
{
    struct arena arena;
    void *memory = malloc(size);
    CHECK(memory != NULL);
    arena_init(&arena, memory, size);
    return arena;
}

/* Packs message and lets the store's own decoder say what it means. */
static struct entry entry_of(struct arena *arena, enum event_kind kind,
                             const ProtobufCMessage *message)
{
    static char memory[SCRATCH_SIZE];
    struct arena scratch;
    arena_init(&scratch, memory, sizeof(memory));

    struct entry entry = {.record = {.kind = kind, .appended_ms = 1}};
    entry.record.payload_size = protobuf_c_message_get_packed_size(message);
    uint8_t *payload = arena_new(arena, uint8_t, entry.record.payload_size);
    CHECK(payload != NULL);
    protobuf_c_message_pack(message, payload);
    entry.record.payload = payload;
    CHECK(record_event(&entry.record, &scratch, &entry.event) == STATUS_OK);
    return entry;
}

struct entry entry_signal(struct arena *arena, const Reelrank__V1__Signal *signal)
{
    struct entry entry = entry_of(arena, EVENT_SIGNAL, &signal->base);
    entry.record.event_key =
        record_signal_key(signal->event_id, entry.record.payload, entry.record.payload_size);
    return entry;
}

struct entry entry_video(struct arena *arena, const Reelrank__V1__Video *video)
{
    return entry_of(arena, EVENT_VIDEO, &video->base);
}

struct entry entry_deletion(struct arena *arena, const char *video_id)
{
    Reelrank__V1__DeleteVideo message = REELRANK__V1__DELETE_VIDEO__INIT;
    message.video_id = (char *)video_id;
    return entry_of(arena, EVENT_VIDEO_DELETED, &message.base);
}

struct entry entry_forget(struct arena *arena, const char *user_id, int64_t time_ms)
{
    struct forgetting forget = {.user_key = hash_key(text_of(user_id)), .time_ms = time_ms};
    uint8_t *payload = arena_new(arena, uint8_t, PAYLOAD_SIZE_MAX);
    CHECK(payload != NULL);
    return (struct entry){
        .record = {.kind = EVENT_FORGET,
                   .appended_ms = time_ms,
                   .event_key = {.low = forget.user_key},
                   .payload = payload,
                   .payload_size = payload_put_forget(&forget, payload)},
        .event = {.kind = EVENT_FORGET, .u.forget = forget},
    };
}

struct entry entry_watch(struct arena *arena, const char *event_id, unsigned number)
{
    char user[32];
    char video[32];
    snprintf(user, sizeof(user), "user-%u", number % 100);
    snprintf(video, sizeof(video), "video-%u", number % 50);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = (char *)event_id;
    signal.user_id = user;
    signal.video_id = video;
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH;
    signal.time_ms = 1000000 + (int64_t)number;
    signal.watch_ms = 5000;
    signal.video_duration_ms = 9000;
    signal.locale = "hi-IN";
    return entry_signal(arena, &signal);
}

struct batch entries_write(struct store *store, struct entry *entries, size_t count)
{
    struct batch batch = {.entries = entries, .count = count};
    struct batch *batches[] = {&batch};
    store_write(store, batches, 1);
    return batch;
}
