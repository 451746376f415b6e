#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/arena.h"
#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/wire.h"
#include "store/store.h"
#include "tests/bench/dataset.h"
#include "tests/bench/program.h"

/* Fills a data directory through store_write(), as a server would that got it all over the wire. */

enum { BATCH_ENTRIES = 32768, ARENA_BYTES = BATCH_ENTRIES * 512 };
#define MAP_BYTES ((size_t)1 << 36)
/* Of the log between checkpoints: each writes most of the state, so a few have to do. */
#define CHECKPOINT_RECORDS (UINT64_C(1) << 22)
#define PROGRESS_NS        INT64_C(5000000000)

struct options {
    const char *data;
    int64_t videos;
    int64_t users;
    int64_t signals_per_user;
    bool progress;
};

static const struct argument arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .help = "data directory, without data of its own",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, data),
     .required = true},
    {.name = "videos",
     .value_name = "N",
     .help = "videos in the catalogue",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, videos),
     .initial = "1000000",
     .minimum = 1,
     .maximum = 100000000},
    {.name = "users",
     .value_name = "N",
     .help = "users",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, users),
     .initial = "100000",
     .minimum = 0,
     .maximum = 100000000},
    {.name = "signals-per-user",
     .value_name = "N",
     .help = "signals of each user, over ten days",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, signals_per_user),
     .initial = "20",
     .minimum = 1,
     .maximum = 10000},
    {.name = "progress",
     .help = "say on stderr how far it is",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, progress)},
};

static const struct program program = {
    .summary = "Fills a data directory with a synthetic catalogue and traffic.",
    .examples = "  fill --data /tmp/reels\n"
                "  fill --data /tmp/reels --videos 1000 --users 100 --signals-per-user 50\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct filler {
    struct store *store;
    uint64_t videos;
    unsigned signals_per_user;
    bool progress;
    int64_t reported_ns;
    struct arena arena;
    struct entry entries[BATCH_ENTRIES];
};

/* Packs a message as the payload of an entry. */
static void put_payload(struct filler *filler, const ProtobufCMessage *message,
                        struct record *record)
{
    record->payload_size = protobuf_c_message_get_packed_size(message);
    uint8_t *payload = arena_new(&filler->arena, uint8_t, record->payload_size);
    CHECK(payload != NULL);
    protobuf_c_message_pack(message, payload);
    record->payload = payload;
    record->appended_ms = DATASET_NOW_MS;
}

static void put_video(struct filler *filler, uint64_t number, struct entry *entry)
{
    struct dataset_video video;
    struct problem problem;
    dataset_video(number, filler->videos, &video);
    enum status status = wire_video(&video.message, &entry->event.u.video, &problem);
    if (status != STATUS_OK) {
        give_up("video %" PRIu64 ": %s", number, problem.text);
    }
    entry->event.kind = EVENT_VIDEO;
    entry->record.kind = EVENT_VIDEO;
    put_payload(filler, &video.message.base, &entry->record);
    entry->event.u.video.content_hash =
        XXH3_64bits(entry->record.payload, entry->record.payload_size);
}

static void put_signal(struct filler *filler, uint64_t number, struct entry *entry)
{
    struct dataset_signal signal;
    struct problem problem;
    unsigned count = filler->signals_per_user;
    dataset_signal(number / count, (unsigned)(number % count), count, filler->videos, &signal);
    enum status status =
        wire_signal(&signal.message, DATASET_NOW_MS, &entry->event.u.signal, &problem);
    if (status != STATUS_OK) {
        give_up("signal %" PRIu64 ": %s", number, problem.text);
    }
    entry->event.kind = EVENT_SIGNAL;
    entry->record.kind = EVENT_SIGNAL;
    put_payload(filler, &signal.message.base, &entry->record);
    XXH128_hash_t hash = XXH3_128bits(entry->record.payload, entry->record.payload_size);
    entry->record.event_key = (struct event_key){.low = hash.low64, .high = hash.high64};
}

static void write_entries(struct filler *filler, size_t count)
{
    struct batch batch = {.entries = filler->entries, .count = count};
    struct batch *batches[] = {&batch};
    store_write(filler->store, batches, 1);
    if (batch.status != STATUS_OK) {
        give_up("writing: %s", status_text(batch.status));
    }
    for (size_t i = 0; i < count; i++) {
        if (filler->entries[i].outcome != OUTCOME_ACCEPTED) {
            give_up("an entry was not accepted: the directory has data already");
        }
    }
}

static void report_progress(struct filler *filler, const char *what, uint64_t done, uint64_t total)
{
    int64_t now_ns = program_now_ns();
    if (filler->progress && now_ns - filler->reported_ns > PROGRESS_NS) {
        filler->reported_ns = now_ns;
        fprintf(stderr, "fill: %" PRIu64 " of %" PRIu64 " %s\n", done, total, what);
    }
}

typedef void put_entry(struct filler *filler, uint64_t number, struct entry *entry);

static void fill(struct filler *filler, const char *what, put_entry *put, uint64_t total)
{
    for (uint64_t done = 0; done < total;) {
        size_t count = total - done < BATCH_ENTRIES ? (size_t)(total - done) : BATCH_ENTRIES;
        arena_reset(&filler->arena);
        memset(filler->entries, 0, count * sizeof(filler->entries[0]));
        for (size_t i = 0; i < count; i++) {
            put(filler, done + i, &filler->entries[i]);
        }
        write_entries(filler, count);
        done += count;
        report_progress(filler, what, done, total);
    }
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static struct filler *open_filler(const struct options *options)
{
    struct filler *filler = calloc(1, sizeof(*filler));
    void *memory = malloc(ARENA_BYTES);
    CHECK(filler != NULL && memory != NULL);
    arena_init(&filler->arena, memory, ARENA_BYTES);
    filler->videos = (uint64_t)options->videos;
    filler->signals_per_user = (unsigned)options->signals_per_user;
    filler->progress = options->progress;
    struct store_options store_options = {
        .log = {.path = options->data, .map_bytes = MAP_BYTES},
        .checkpoint_records = CHECKPOINT_RECORDS,
    };
    struct problem problem;
    if (store_open(&store_options, &filler->store, &problem) != STATUS_OK) {
        give_up("%s", problem.text);
    }
    return filler;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    program_options(&program, argc, argv, &options);
    struct filler *filler = open_filler(&options);
    uint64_t signals = (uint64_t)(options.users * options.signals_per_user);
    size_t empty = heap_bytes();
    int64_t start = program_now_ns();
    fill(filler, "videos", put_video, filler->videos);
    size_t with_videos = heap_bytes();
    fill(filler, "signals", put_signal, signals);
    size_t with_signals = heap_bytes();
    printf("{\"videos\": %" PRId64 ", \"users\": %" PRId64 ", \"signals\": %" PRIu64
           ", \"seconds\": %.1f, \"video_heap_bytes\": %zu, \"signal_heap_bytes\": %zu}\n",
           options.videos, options.users, signals, (double)(program_now_ns() - start) / 1e9,
           with_videos - empty, with_signals - with_videos);
    store_close(filler->store);
    free(filler->arena.base);
    free(filler);
    return 0;
}
