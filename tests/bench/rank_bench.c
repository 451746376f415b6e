#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/arena.h"
#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/rank.h"
#include "ranker/state.h"
#include "ranker/video.h"
#include "ranker/weights.h"
#include "ranker/wire.h"
#include "store/store.h"
#include "tests/bench/dataset.h"
#include "tests/bench/pool.h"
#include "tests/bench/program.h"
#include "tests/bench/samples.h"

/*
 * Where the time of a Rank goes, in this process and without a network: the steps that a server's
 * worker takes for each request of a pool, each timed on its own.
 */

enum { ARENA_BYTES = 8 << 20 };
#define MAP_BYTES ((size_t)1 << 34)

/* Steps in order; FIND is a part of RANK, timed once more on its own before it. */
enum step { STEP_UNPACK, STEP_CHECK, STEP_FIND, STEP_RANK, STEP_BUILD, STEP_PACK, STEP_COUNT };

static const char *const step_names[STEP_COUNT] = {
    "unpack", "check", "find", "rank", "build", "pack",
};

struct options {
    const char *data;
    const char *weights;
    const char *pool;
    int64_t requests;
    bool total_terms;
};

static const struct argument arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .help = "data directory that fill made; no server may have it open",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, data),
     .required = true},
    {.name = "weights",
     .value_name = "FILE",
     .help = "weights file",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, weights),
     .required = true},
    {.name = "pool",
     .value_name = "FILE",
     .help = "requests, as requests writes them",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, pool),
     .required = true},
    {.name = "requests",
     .value_name = "N",
     .help = "how many to make",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, requests),
     .initial = "5000",
     .minimum = 1,
     .maximum = 1000000000},
    {.name = "total_terms",
     .help = "add up the terms of scores too, as for an answer that is journaled",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, total_terms)},
};

static const struct program program = {
    .summary = "Times the steps of a Rank and prints one line of JSON: ns per candidate, and a "
               "hash of all answers.",
    .examples = "  rank_bench --data /tmp/reels --pool ids.pool --weights config/weights.yaml\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct bench {
    struct store *store;
    struct weights *weights;
    struct pool pool;
    struct arena arena;
    struct wire_notes notes;
    const struct video *found[LIMIT_CANDIDATES];
    bool total_terms;
    int64_t step_start_ns;
    struct samples steps_ns[STEP_COUNT]; /* of a whole request */
    uint64_t candidates;
    XXH3_state_t answers; /* all bytes of all answers */
};

static void step_done(struct bench *bench, enum step step)
{
    int64_t now_ns = program_now_ns();
    samples_add(&bench->steps_ns[step], (double)(now_ns - bench->step_start_ns));
    bench->step_start_ns = program_now_ns();
}

static void pack(struct bench *bench, const Reelrank__V1__RankResponse *response)
{
    size_t size = wire_packed_size(&response->base);
    uint8_t *bytes = malloc(size + 1); /* as gRPC allocates each answer */
    CHECK(bytes != NULL);
    wire_pack(&response->base, bytes);
    step_done(bench, STEP_PACK);
    XXH3_64bits_update(&bench->answers, bytes, size);
    free(bytes);
}

static void rank_request(struct bench *bench, const Reelrank__V1__RankRequest *message)
{
    struct rank_request request;
    struct problem problem;
    enum status status = wire_rank_request_noted(message, &bench->notes, DATASET_NOW_MS,
                                                 &bench->arena, &request, &problem);
    if (status != STATUS_OK) {
        give_up("a request is refused: %s", problem.text);
    }
    request.total_terms = bench->total_terms;
    step_done(bench, STEP_CHECK);
    struct weights_chosen chosen;
    CHECK(weights_choose(bench->weights, request.locale, request.user_key,
                         text_of(message->experiment), &chosen, &problem) == STATUS_OK);
    const struct state *state = store_begin(bench->store);
    videos_find_many(state_videos(state), request.keys, request.count, bench->found);
    step_done(bench, STEP_FIND);
    struct rank_result result;
    const char *ranking_id = NULL;
    CHECK(wire_ranking_id(message, &request, &chosen, state_sequence(state), &bench->arena,
                          &ranking_id) == STATUS_OK);
    CHECK(rank(state, chosen.model, &request, &bench->arena, &result) == STATUS_OK);
    store_end(bench->store);
    step_done(bench, STEP_RANK);
    if (result.count != request.count) {
        give_up("%zu of %zu candidates were dropped", request.count - result.count, request.count);
    }
    bench->candidates += request.count;
    Reelrank__V1__RankResponse *response = NULL;
    CHECK(wire_rank_response(message, &request, &result, &chosen, ranking_id, &bench->arena,
                             &response) == STATUS_OK);
    step_done(bench, STEP_BUILD);
    pack(bench, response);
}

static void run_one(struct bench *bench, struct text frame)
{
    arena_reset(&bench->arena);
    bench->step_start_ns = program_now_ns();
    struct text bytes = {frame.data + POOL_HEADER_SIZE, frame.size - POOL_HEADER_SIZE};
    const Reelrank__V1__RankRequest *message = (const Reelrank__V1__RankRequest *)wire_unpack(
        &reelrank__v1__rank_request__descriptor, bytes, &bench->arena, &bench->notes);
    if (message == NULL) {
        give_up("the pool holds something else than a RankRequest");
    }
    step_done(bench, STEP_UNPACK);
    rank_request(bench, message);
}

static void run(struct bench *bench, int64_t requests)
{
    for (int64_t i = 0; i < requests; i++) {
        run_one(bench, bench->pool.frames[(size_t)i % bench->pool.count]);
    }
}

static void parse_weights(struct bench *bench, const char *path)
{
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    CHECK(problems != NULL);
    struct text yaml = program_read_file(path);
    if (weights_parse(yaml, &bench->weights, problems) != STATUS_OK) {
        give_up("%s:%u:%u: %s", path, problems->items[0].line, problems->items[0].column,
                problems->items[0].message);
    }
    free((char *)(uintptr_t)yaml.data);
    free(problems);
}

static void open_bench(struct bench *bench, const struct options *options)
{
    struct store_options store_options = {
        .log = {.path = options->data, .map_bytes = MAP_BYTES},
    };
    struct problem problem;
    pool_read(&bench->pool, options->pool);
    parse_weights(bench, options->weights);
    if (store_open(&store_options, &bench->store, &problem) != STATUS_OK) {
        give_up("%s", problem.text);
    }
    void *memory = malloc(ARENA_BYTES);
    CHECK(memory != NULL);
    arena_init(&bench->arena, memory, ARENA_BYTES);
}

static void close_bench(struct bench *bench)
{
    for (int i = 0; i < STEP_COUNT; i++) {
        samples_release(&bench->steps_ns[i]);
    }
    store_close(bench->store);
    weights_unref(bench->weights);
    pool_release(&bench->pool);
    free(bench->arena.base);
    free(bench);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    program_options(&program, argc, argv, &options);
    struct bench *bench = calloc(1, sizeof(*bench));
    CHECK(bench != NULL);
    open_bench(bench, &options);
    bench->total_terms = options.total_terms;
    XXH3_64bits_reset(&bench->answers);
    run(bench, options.requests);
    double candidates = (double)bench->candidates / (double)options.requests;
    printf("{\"requests\": %" PRId64 ", \"candidates\": %.1f", options.requests, candidates);
    for (int i = 0; i < STEP_COUNT; i++) {
        printf(", \"%s_ns\": %.2f", step_names[i],
               samples_quantile(&bench->steps_ns[i], 0.5) / candidates);
    }
    printf(", \"answers\": \"%016" PRIx64 "\"}\n", XXH3_64bits_digest(&bench->answers));
    close_bench(bench);
    return 0;
}
