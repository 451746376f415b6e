#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/local.h"
#include "ranker/arena.h"
#include "ranker/check.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "tests/bench/dataset.h"
#include "tests/bench/feed.h"
#include "tests/bench/pool.h"
#include "tests/bench/program.h"

/*
 * The operations that a server spends its time on, from a request's bytes to its answer's, in this
 * process and without a network: for callgrind, which counts their instructions. It is told to
 * count within measure() alone, and to write a profile whenever that returns, so that each kind of
 * call has one. Others come before, so that nothing is done for the first time.
 */

enum { ARENA_BYTES = 8 << 20, BATCH_SIGNALS = 256, WARM_UP_BATCHES = 30 };
enum { FRAME_MAX = POOL_HEADER_SIZE + BATCH_SIGNALS * (2 + FEED_SIGNAL_MAX) };
_Static_assert(FEED_SIGNAL_MAX < 128, "a signal's length is one byte");

struct options {
    const char *data;
    const char *weights;
    const char *ids;
    const char *keys;
    const char *slates;
    int64_t batches;
    int64_t users;
    int64_t videos;
};

static const struct argument arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .help = "data directory that fill made; signals are added to it",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, data),
     .required = true},
    {.name = "weights",
     .value_name = "FILE",
     .help = "weights file",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, weights),
     .required = true},
    {.name = "ids",
     .value_name = "FILE",
     .help = "pool of requests with string ids",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, ids),
     .required = true},
    {.name = "keys",
     .value_name = "FILE",
     .help = "pool of requests with numeric ids",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, keys),
     .required = true},
    {.name = "slates",
     .value_name = "FILE",
     .help = "pool of requests whose answer is a slate, a message for each position",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, slates),
     .required = true},
    {.name = "batches",
     .value_name = "N",
     .help = "of signals that count",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, batches),
     .initial = "10",
     .minimum = 1,
     .maximum = 100000},
    {.name = "users",
     .value_name = "N",
     .help = "users whose signals they are",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, users),
     .initial = "2000",
     .minimum = 1,
     .maximum = 100000000},
    {.name = "videos",
     .value_name = "N",
     .help = "videos that they are of",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, videos),
     .initial = "20000",
     .minimum = 1,
     .maximum = 100000000},
};

static const struct program program = {
    .summary = "Makes each kind of calls; prints their names, and how many count, as JSON.",
    .examples = "  operations --data /tmp/reels --weights config/weights.yaml --ids ids.pool "
                "--keys keys.pool --slates slates.pool\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct bench {
    struct local *local;
    struct arena arena;
    struct feed *feed;
    int64_t time_ms; /* of the next batch of signals */
    size_t runs;     /* so far */
};

/* Calls of one kind. */
struct operation {
    const char *name;
    const ProtobufCServiceDescriptor *service;
    const char *method;
    struct pool pool;
    size_t first; /* request of the pool that is measured; those before, or all, come in advance */
};

static void call(struct bench *bench, const struct operation *operation, struct text frame)
{
    struct text response;
    struct problem problem = {"no memory"};
    struct text request = {frame.data + POOL_HEADER_SIZE, frame.size - POOL_HEADER_SIZE};
    enum status status = local_call(bench->local, operation->service, operation->method, request,
                                    &bench->arena, &response, &problem);
    if (status != STATUS_OK) {
        give_up("%s: %s", operation->name, problem.text);
    }
    arena_reset(&bench->arena);
}

/* callgrind counts in here, and knows it by its name. */
__attribute__((noinline)) static void measure(struct bench *bench,
                                              const struct operation *operation)
{
    for (size_t i = operation->first; i < operation->pool.count; i++) {
        call(bench, operation, operation->pool.frames[i]);
    }
}

static void run(struct bench *bench, const struct operation *operation)
{
    size_t before = operation->first > 0 ? operation->first : operation->pool.count;
    for (size_t i = 0; i < before; i++) {
        call(bench, operation, operation->pool.frames[i]);
    }
    measure(bench, operation);
    printf("%s{\"name\": \"%s\", \"calls\": %zu}", bench->runs++ > 0 ? ", " : "", operation->name,
           operation->pool.count - operation->first);
}

static void run_rank(struct bench *bench, const char *name, const char *pool)
{
    struct operation operation = {
        .name = name, .service = &reelrank__v1__ranking_service__descriptor, .method = "Rank"};
    pool_read(&operation.pool, pool);
    run(bench, &operation);
    pool_release(&operation.pool);
}

/* `signals` is field 1 of RecordSignalsRequest; the length of one takes a byte. */
static struct text put_batch(struct bench *bench, uint8_t *frame)
{
    size_t size = POOL_HEADER_SIZE;
    bench->time_ms += 1000;
    for (int i = 0; i < BATCH_SIGNALS; i++) {
        frame[size] = 1 << 3 | 2;
        size_t signal_size = feed_signal(bench->feed, bench->time_ms, frame + size + 2);
        frame[size + 1] = (uint8_t)signal_size;
        size += 2 + signal_size;
    }
    pool_put_header(frame, size - POOL_HEADER_SIZE);
    return (struct text){.data = (const char *)frame, .size = size};
}

/* Enough batches in advance that what they touch is in memory. */
static void run_signals(struct bench *bench, size_t batches)
{
    struct operation operation = {.name = "signals_256",
                                  .service = &reelrank__v1__signal_service__descriptor,
                                  .method = "RecordSignals",
                                  .pool = {.count = WARM_UP_BATCHES + batches},
                                  .first = WARM_UP_BATCHES};
    struct pool *pool = &operation.pool;
    pool->frames = calloc(pool->count, sizeof(*pool->frames));
    uint8_t *bytes = calloc(pool->count, FRAME_MAX);
    CHECK(pool->frames != NULL && bytes != NULL);
    for (size_t i = 0; i < pool->count; i++) {
        pool->frames[i] = put_batch(bench, bytes + i * FRAME_MAX);
    }
    pool->file.data = (const char *)bytes;
    run(bench, &operation);
    pool_release(pool);
}

static void open_bench(struct bench *bench, const struct options *options)
{
    struct problem problem;
    struct feed_options feed = {.users = (uint64_t)options->users,
                                .videos = (uint64_t)options->videos,
                                .skew = DATASET_SKEW,
                                .seed = 1};
    void *memory = malloc(ARENA_BYTES);
    CHECK(memory != NULL);
    arena_init(&bench->arena, memory, ARENA_BYTES);
    if (local_open(options->data, options->weights, &bench->local, &problem) != STATUS_OK) {
        give_up("%s", problem.text);
    }
    bench->feed = feed_new(&feed);
    bench->time_ms = DATASET_NOW_MS;
}

static void close_bench(struct bench *bench)
{
    feed_free(bench->feed);
    local_close(bench->local);
    free(bench->arena.base);
}

int main(int argc, char **argv)
{
    struct options options;
    struct bench bench = {0};
    program_options(&program, argc, argv, &options);
    open_bench(&bench, &options);
    printf("{\"cases\": [");
    run_rank(&bench, "rank_ids", options.ids);
    run_rank(&bench, "rank_keys", options.keys);
    run_rank(&bench, "rank_slate", options.slates);
    run_signals(&bench, (size_t)options.batches);
    printf("]}\n");
    close_bench(&bench);
    return 0;
}
