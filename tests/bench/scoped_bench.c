#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/scoped.h"
#include "ranker/state_rows.h"
#include "tests/bench/dataset.h"
#include "tests/bench/program.h"
#include "tests/bench/samples.h"

/*
 * How long it takes to find what ranking reads of the candidates' statistics in one region: videos
 * drawn uniformly, whose own rows were found just before, as in a Rank.
 */

enum { CANDIDATES = 500, REGION = 9 << 5 | 14, VIEWS = 20 };

struct options {
    int64_t videos;
    int64_t rows;
    int64_t requests;
};

static const struct argument arguments[] = {
    {.name = "videos",
     .value_name = "N",
     .help = "videos in the catalogue",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, videos),
     .initial = "1000000",
     .minimum = 1,
     .maximum = 100000000},
    {.name = "rows",
     .value_name = "N",
     .help = "how many of them, the first ones, have been viewed in the region",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, rows),
     .initial = "1000000",
     .minimum = 0,
     .maximum = 100000000},
    {.name = "requests",
     .value_name = "N",
     .help = "how many to make, of 500 candidates each",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, requests),
     .initial = "5000",
     .minimum = 1,
     .maximum = 1000000000},
};

static const struct program program = {
    .summary = "Times scoped_find_many() and prints one line of JSON: ns per candidate.",
    .examples = "  scoped_bench\n"
                "  scoped_bench --videos 5000000 --rows 1000000\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

static uint64_t key_of(uint64_t number)
{
    return dataset_mix(number + 1);
}

static void restore_scope(struct state *state, size_t row, const struct stats *stats)
{
    struct statistics_row statistics = {
        .video_key = key_of(row), .kind = SCOPE_REGION, .code = REGION, .stats = stats};
    struct statistics_key_entry key = {
        .video_key = statistics.video_key, .code = REGION, .kind = SCOPE_REGION, .scoped = true};
    state_restore_statistics_key(state, row, key);
    CHECK(state_restore_decayed(state, 0, &statistics, 1) == STATUS_OK);
}

/* A state with these videos, the first of which have a row. */
static struct state *make_state(const struct options *options)
{
    struct state *state = state_new();
    struct stats_bucket bucket = {.counts = {[COUNTER_IMPRESSIONS] = VIEWS}};
    struct stats stats = {
        .total = {[COUNTER_IMPRESSIONS] = VIEWS}, .bucket_count = 1, .buckets = &bucket};
    CHECK(state != NULL);
    for (int64_t i = 0; i < options->videos; i++) {
        struct video_row video = {.facts = {.key = key_of((uint64_t)i)}, .known = true};
        CHECK(state_restore_video(state, &video) == STATUS_OK);
    }
    CHECK(state_restore_begin(state, STATE_STATISTICS, (size_t)options->rows) == STATUS_OK);
    for (int64_t i = 0; i < options->rows; i++) {
        restore_scope(state, (size_t)i, &stats);
    }
    CHECK(state_restore_end(state, 1, 1) == STATUS_OK);
    return state;
}

struct bench {
    const struct state *state;
    struct dataset_draw draw;
    struct samples videos_ns; /* of a request */
    struct samples scoped_ns;
    double impressions; /* so that rows are read, as scoring does */
    uint64_t found;
};

static void read_rows(struct bench *bench, const struct scoped *const *rows)
{
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (rows[i] != NULL) {
            bench->impressions += scoped_count(rows[i], HALF_LIFE_14_DAYS, COUNTER_IMPRESSIONS);
            bench->found++;
        }
    }
}

static void run_one(struct bench *bench, uint64_t videos)
{
    uint64_t keys[CANDIDATES];
    const struct video *found[CANDIDATES];
    const struct scoped *rows[CANDIDATES];
    for (size_t i = 0; i < CANDIDATES; i++) {
        keys[i] = key_of(dataset_draw(&bench->draw, videos));
    }
    int64_t started_ns = program_now_ns();
    videos_find_many(state_videos(bench->state), keys, CANDIDATES, found);
    int64_t found_ns = program_now_ns();
    scoped_find_many(state_scoped(bench->state), SCOPE_REGION, REGION, found, CANDIDATES, rows);
    read_rows(bench, rows);
    samples_add(&bench->videos_ns, (double)(found_ns - started_ns));
    samples_add(&bench->scoped_ns, (double)(program_now_ns() - found_ns));
}

int main(int argc, char **argv)
{
    struct options options;
    program_options(&program, argc, argv, &options);
    if (options.rows > options.videos) {
        give_up("--rows must be at most --videos");
    }
    struct state *state = make_state(&options);
    struct bench bench = {.state = state, .draw = {.state = 1}};
    struct state_counts counts;
    state_count(state, &counts);
    for (int64_t i = 0; i < options.requests; i++) {
        run_one(&bench, (uint64_t)options.videos);
    }
    CHECK(bench.impressions >= VIEWS * (double)bench.found);
    printf("{\"rows\": %" PRIu64 ", \"row_bytes\": %.1f, \"found\": %.3f, \"videos_ns\": %.1f"
           ", \"scoped_ns\": %.1f}\n",
           counts.scoped,
           counts.scoped > 0 ? (double)counts.scoped_bytes / (double)counts.scoped : 0,
           (double)bench.found / (double)(options.requests * CANDIDATES),
           samples_quantile(&bench.videos_ns, 0.5) / CANDIDATES,
           samples_quantile(&bench.scoped_ns, 0.5) / CANDIDATES);
    samples_release(&bench.videos_ns);
    samples_release(&bench.scoped_ns);
    state_free(state);
    return 0;
}
