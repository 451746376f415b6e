#include "server/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ranker/check.h"
#include "ranker/policy.h"
#include "server/exposition.h"

enum {
    LINE_BYTES = 64,
    SCORE_BITS = 5, /* of the fraction, that tell cells apart */
    FRACTION_BITS = 52,
    SCORE_POWER_MIN = -10,
    SCORE_POWER_MAX = 10,
    UNKNOWN_CODE = 2,
    USER_END = 4
};

_Static_assert(SCORE_CELL_COUNT == ((SCORE_POWER_MAX - SCORE_POWER_MIN) << SCORE_BITS) + 2,
               "cells lie between bounds");

/* Owned by the worker's thread; any thread reads. */
struct meter {
    _Alignas(LINE_BYTES) _Atomic uint64_t begun;
    _Atomic uint64_t ended[METRICS_METHODS_MAX][METRICS_CODE_COUNT];
    struct histogram durations[METRICS_METHODS_MAX];
    struct histogram waits;
    _Atomic uint64_t rankings;
    _Atomic uint64_t repeats;
    _Atomic uint64_t stream_errors[METRICS_CODE_COUNT];
    _Atomic uint64_t shown;
    _Atomic uint64_t drops[DROP_RULE_END];
    _Atomic uint64_t users[USER_END];
    struct histogram candidates;
    _Atomic double score_sum;
    _Atomic uint64_t scores[SCORE_CELL_COUNT];
    pthread_mutex_t lock; /* of the clock, which ends with the thread */
    /* Guarded by lock. */
    clockid_t clock;
    bool has_clock;
};

struct metrics {
    /* Set once. */
    const struct method *methods;
    size_t method_count; /* with the unknown */
    size_t indices[METRICS_METHODS_MAX];
    struct meter *meters;
    size_t meter_count;
    /* Atomic. */
    _Atomic uint64_t signals[SIGNAL_TYPE_END][SIGNAL_OUTCOME_END];
    struct histogram syncs; /* written by one thread at a time */
};

const struct histogram_scale metrics_seconds = {
    .unit = 1e-9,
    .count = 19,
    .bounds = {25000, 50000, 100000, 175000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
               25000000, 50000000, 100000000, 250000000, 500000000, 1000000000,
               UINT64_C(2500000000), UINT64_C(5000000000), UINT64_C(10000000000)}};

static const struct histogram_scale candidates_scale = {
    .unit = 1, .count = 9, .bounds = {0, 1, 10, 50, 100, 200, 300, 500, 1000}};

enum status metrics_new(size_t worker_count, struct metrics **out)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    struct meter *meters = aligned_alloc(LINE_BYTES, worker_count * sizeof(*meters));
    if (metrics == NULL || meters == NULL) {
        free(metrics);
        free(meters);
        return STATUS_NO_MEMORY;
    }
    memset(meters, 0, worker_count * sizeof(*meters));
    for (size_t i = 0; i < worker_count; i++) {
        CHECK(pthread_mutex_init(&meters[i].lock, NULL) == 0);
    }
    metrics->meters = meters;
    metrics->meter_count = worker_count;
    *out = metrics;
    return STATUS_OK;
}

void metrics_methods(struct metrics *metrics, const struct method *methods, size_t count)
{
    CHECK(count < METRICS_METHODS_MAX);
    CHECK(metrics->method_count == 0);
    metrics->methods = methods;
    for (size_t i = 0; i < count; i++) {
        if (methods[i].begin != NULL) {
            metrics->indices[metrics->method_count++] = i;
        }
    }
    metrics->method_count++;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < metrics->meter_count; i++) {
        pthread_mutex_destroy(&metrics->meters[i].lock);
    }
    free(metrics->meters);
    free(metrics);
}

struct meter *metrics_meter(struct metrics *metrics, size_t worker)
{
    CHECK(worker < metrics->meter_count);
    return &metrics->meters[worker];
}

void meter_begin_thread(struct meter *meter)
{
    CHECK(pthread_mutex_lock(&meter->lock) == 0);
    meter->has_clock = pthread_getcpuclockid(pthread_self(), &meter->clock) == 0;
    CHECK(pthread_mutex_unlock(&meter->lock) == 0);
}

void meter_end_thread(struct meter *meter)
{
    CHECK(pthread_mutex_lock(&meter->lock) == 0);
    meter->has_clock = false;
    CHECK(pthread_mutex_unlock(&meter->lock) == 0);
}

/* NaN once the thread has ended. */
static double cpu_seconds(struct meter *meter)
{
    struct timespec time = {0};
    CHECK(pthread_mutex_lock(&meter->lock) == 0);
    bool known = meter->has_clock && clock_gettime(meter->clock, &time) == 0;
    CHECK(pthread_mutex_unlock(&meter->lock) == 0);
    return known ? (double)time.tv_sec + (double)time.tv_nsec / 1e9 : NAN;
}

/* The index of a code. */
static size_t code_index(unsigned code)
{
    return code < METRICS_CODE_COUNT ? code : UNKNOWN_CODE;
}

void meter_call(struct meter *meter)
{
    cell_add(&meter->begun, 1);
}

void meter_end_call(struct meter *meter, size_t method, unsigned code)
{
    CHECK(method < METRICS_METHODS_MAX);
    cell_add(&meter->ended[method][code_index(code)], 1);
}

void meter_message(struct meter *meter, size_t method, uint64_t duration_ns)
{
    CHECK(method < METRICS_METHODS_MAX);
    histogram_observe(&meter->durations[method], &metrics_seconds, duration_ns);
}

static int64_t score_bits(double score)
{
    int64_t bits = 0;
    memcpy(&bits, &score, sizeof(bits));
    return bits;
}

size_t metrics_score_cell(double score)
{
    enum { LOWEST = (1023 + SCORE_POWER_MIN) << SCORE_BITS };
    /* The bit pattern of a double grows with its value; 1 less, since bounds belong to the cell
     * below. */
    int64_t cell = ((score_bits(score) - 1) >> (FRACTION_BITS - SCORE_BITS)) - LOWEST + 1;
    if (cell < 0) {
        return 0;
    }
    return cell < SCORE_CELL_COUNT ? (size_t)cell : SCORE_CELL_COUNT - 1;
}

/* How many of the scores, from the first on, are of one cell with it: at least that one. */
static size_t cell_run(const double *scores, size_t count)
{
    enum { SHIFT = FRACTION_BITS - SCORE_BITS };
    int64_t first = (score_bits(scores[0]) - 1) >> SHIFT;
    size_t run = 1;
    while (run < count && (score_bits(scores[run]) - 1) >> SHIFT == first) {
        run++;
    }
    return run;
}

/* In four sums, none of which waits for the others. */
static double sum_scores(const double *scores, size_t count)
{
    double sums[4] = {0};
    size_t i = 0;
    for (; count - i >= 4; i += 4) {
        sums[0] += scores[i];
        sums[1] += scores[i + 1];
        sums[2] += scores[i + 2];
        sums[3] += scores[i + 3];
    }
    for (; i < count; i++) {
        sums[0] += scores[i];
    }
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* Most scores of a slate are next to one of the same cell. */
static void count_scores(struct meter *meter, const double *scores, size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t run = cell_run(scores + i, count - i);
        cell_add(&meter->scores[metrics_score_cell(scores[i])], run);
        i += run;
    }
    double before = atomic_load_explicit(&meter->score_sum, memory_order_relaxed);
    atomic_store_explicit(&meter->score_sum, before + sum_scores(scores, count),
                          memory_order_relaxed);
}

static void count_drops(struct meter *meter, const uint8_t *rules, size_t count)
{
    uint64_t run = 0;
    for (size_t i = 0; i < count; i++) {
        run++;
        if (i + 1 == count || rules[i + 1] != rules[i]) {
            cell_add(&meter->drops[rules[i]], run);
            run = 0;
        }
    }
}

void meter_queued(struct meter *meter, uint64_t duration_ns)
{
    histogram_observe(&meter->waits, &metrics_seconds, duration_ns);
}

void meter_ranking(struct meter *meter, const struct rank_request *request,
                   const struct rank_result *result)
{
    cell_add(&meter->rankings, 1);
    cell_add(&meter->shown, result->count);
    cell_add(&meter->users[request->user_key == 0 ? 0 : 1 + (size_t)result->user_place], 1);
    histogram_observe(&meter->candidates, &candidates_scale, request->count);
    count_scores(meter, result->scores, result->count);
    count_drops(meter, result->dropped_rules, result->dropped_count);
}

void meter_repeat(struct meter *meter)
{
    cell_add(&meter->repeats, 1);
}

void meter_stream_error(struct meter *meter, unsigned code)
{
    cell_add(&meter->stream_errors[code_index(code)], 1);
}

void metrics_signals(struct metrics *metrics, const struct signal_counts *counts)
{
    for (size_t type = 0; type < SIGNAL_TYPE_END; type++) {
        for (size_t outcome = 0; outcome < SIGNAL_OUTCOME_END; outcome++) {
            if (counts->counts[type][outcome] > 0) {
                atomic_fetch_add_explicit(&metrics->signals[type][outcome],
                                          counts->counts[type][outcome], memory_order_relaxed);
            }
        }
    }
}

void metrics_sync(struct metrics *metrics, uint64_t duration_ns)
{
    histogram_observe(&metrics->syncs, &metrics_seconds, duration_ns);
}

const char *metrics_code_name(unsigned code)
{
    static const char *const names[METRICS_CODE_COUNT] = {"OK",
                                                          "CANCELLED",
                                                          "UNKNOWN",
                                                          "INVALID_ARGUMENT",
                                                          "DEADLINE_EXCEEDED",
                                                          "NOT_FOUND",
                                                          "ALREADY_EXISTS",
                                                          "PERMISSION_DENIED",
                                                          "RESOURCE_EXHAUSTED",
                                                          "FAILED_PRECONDITION",
                                                          "ABORTED",
                                                          "OUT_OF_RANGE",
                                                          "UNIMPLEMENTED",
                                                          "INTERNAL",
                                                          "UNAVAILABLE",
                                                          "DATA_LOSS",
                                                          "UNAUTHENTICATED"};
    return names[code_index(code)];
}

/* Whether the server ever answers so; the others would be lines of zeros for ever. */
static bool is_answered(unsigned code)
{
    enum { ALREADY_EXISTS = 6, FAILED_PRECONDITION = 9, ABORTED = 10, OUT_OF_RANGE = 11 };
    return code != ALREADY_EXISTS && code != FAILED_PRECONDITION && code != ABORTED &&
           code != OUT_OF_RANGE;
}

/* Sums over meters of the cell at an offset. */
#define SUM(metrics, cell) sum_cells((metrics), offsetof(struct meter, cell))

static uint64_t sum_cells(const struct metrics *metrics, size_t offset)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < metrics->meter_count; i++) {
        const char *meter = (const char *)&metrics->meters[i];
        sum += cell_get((const _Atomic uint64_t *)(const void *)(meter + offset));
    }
    return sum;
}

static struct histogram_sums sum_histograms(const struct metrics *metrics, size_t offset)
{
    struct histogram_sums sums = {0};
    for (size_t i = 0; i < metrics->meter_count; i++) {
        const char *meter = (const char *)&metrics->meters[i];
        histogram_add_to((const struct histogram *)(const void *)(meter + offset), &sums);
    }
    return sums;
}

static uint64_t sum_ended(const struct metrics *metrics, size_t method, unsigned code)
{
    return sum_cells(metrics, offsetof(struct meter, ended) +
                                  (method * METRICS_CODE_COUNT + code) * sizeof(uint64_t));
}

static struct histogram_sums sum_durations(const struct metrics *metrics, size_t method)
{
    return sum_histograms(metrics,
                          offsetof(struct meter, durations) + method * sizeof(struct histogram));
}

static uint64_t sum_signals(const struct metrics *metrics)
{
    uint64_t sum = 0;
    for (size_t type = 0; type < SIGNAL_TYPE_END; type++) {
        for (size_t outcome = 0; outcome < SIGNAL_OUTCOME_END; outcome++) {
            sum += cell_get(&metrics->signals[type][outcome]);
        }
    }
    return sum;
}

static bool is_unknown(const struct metrics *metrics, size_t method)
{
    return method + 1 == metrics->method_count;
}

static const struct method *method_at(const struct metrics *metrics, size_t method)
{
    return &metrics->methods[metrics->indices[method]];
}

static struct labels method_labels(const struct metrics *metrics, size_t method)
{
    bool unknown = is_unknown(metrics, method);
    return (struct labels){
        .count = 2,
        .items = {{"service", unknown ? "unknown" : method_at(metrics, method)->service->name},
                  {"method", unknown ? "unknown" : method_at(metrics, method)->name}}};
}

static void sum_calls(const struct metrics *metrics, struct metrics_summary *out)
{
    for (size_t method = 0; method < metrics->method_count; method++) {
        for (unsigned code = 0; code < METRICS_CODE_COUNT; code++) {
            uint64_t ended = sum_ended(metrics, method, code);
            out->calls += ended;
            out->failed += code != 0 ? ended : 0;
        }
        if (!is_unknown(metrics, method) && strcmp(method_at(metrics, method)->name, "Rank") == 0) {
            out->rank = sum_durations(metrics, method);
        }
    }
}

void metrics_sum_up(const struct metrics *metrics, struct metrics_summary *out)
{
    *out = (struct metrics_summary){0};
    sum_calls(metrics, out); /* before those that began, so that none has ended before it began */
    uint64_t begun = SUM(metrics, begun);
    out->in_flight = begun > out->calls ? begun - out->calls : 0;
    out->rankings = SUM(metrics, rankings);
    out->candidates = SUM(metrics, candidates.sum);
    out->shown = SUM(metrics, shown);
    out->signals = sum_signals(metrics);
    histogram_add_to(&metrics->syncs, &out->syncs);
    for (size_t cell = 0; cell < SCORE_CELL_COUNT; cell++) {
        out->scores[cell] =
            sum_cells(metrics, offsetof(struct meter, scores) + cell * sizeof(uint64_t));
    }
}

static void write_calls(const struct metrics *metrics, FILE *out)
{
    const char *name = "reelrank_calls_total";
    exposition_head(out, name, "counter", "Calls that have ended, by gRPC status code.");
    for (size_t method = 0; method < metrics->method_count; method++) {
        struct labels labels = method_labels(metrics, method);
        labels.count = 3;
        for (unsigned code = 0; code < METRICS_CODE_COUNT; code++) {
            if (is_answered(code)) {
                labels.items[2] = (struct label){"code", metrics_code_name(code)};
                exposition_whole(out, name, &labels, sum_ended(metrics, method, code));
            }
        }
    }
}

static void write_durations(const struct metrics *metrics, FILE *out)
{
    const char *name = "reelrank_call_duration_seconds";
    exposition_head(
        out, name, "histogram",
        "From a message's coming to its worker until gRPC has sent its answer; of streams, "
        "each message.");
    for (size_t method = 0; method + 1 < metrics->method_count; method++) {
        struct labels labels = method_labels(metrics, method);
        struct histogram_sums sums = sum_durations(metrics, method);
        exposition_histogram(out, name, &labels, &metrics_seconds, &sums);
    }
}

static void write_waits(const struct metrics *metrics, FILE *out)
{
    const char *name = "reelrank_queue_duration_seconds";
    struct histogram_sums sums = sum_histograms(metrics, offsetof(struct meter, waits));
    exposition_head(out, name, "histogram",
                    "Time from a message's coming in until its worker takes it up.");
    exposition_histogram(out, name, NULL, &metrics_seconds, &sums);
}

static void write_workers(const struct metrics *metrics, FILE *out)
{
    char number[24];
    const char *name = "reelrank_worker_cpu_seconds_total";
    exposition_head(
        out, name, "counter",
        "Processor time of each worker: one that takes a second of it a second has calls "
        "waiting.");
    for (size_t i = 0; i < metrics->meter_count; i++) {
        snprintf(number, sizeof(number), "%zu", i);
        struct labels labels = {.count = 1, .items = {{"worker", number}}};
        exposition_real(out, name, &labels, cpu_seconds(&metrics->meters[i]));
    }
}

static void write_users(const struct metrics *metrics, FILE *out)
{
    static const char *const places[USER_END] = {"visitor", "unknown", "memory", "disk"};
    const char *name = "reelrank_rank_users_total";
    exposition_head(out, name, "counter",
                    "Rankings by where the user was: in memory, on disk, unknown, or a visitor "
                    "without an id.");
    for (size_t i = 0; i < USER_END; i++) {
        struct labels labels = {.count = 1, .items = {{"place", places[i]}}};
        size_t offset = offsetof(struct meter, users) + i * sizeof(uint64_t);
        exposition_whole(out, name, &labels, sum_cells(metrics, offset));
    }
}

static void write_stream_errors(const struct metrics *metrics, FILE *out)
{
    const char *name = "reelrank_rank_stream_errors_total";
    exposition_head(out, name, "counter",
                    "Requests on RankStream that were answered with an error, by gRPC code.");
    for (unsigned code = 1; code < METRICS_CODE_COUNT; code++) {
        if (is_answered(code)) {
            struct labels labels = {.count = 1, .items = {{"code", metrics_code_name(code)}}};
            size_t offset = offsetof(struct meter, stream_errors) + code * sizeof(uint64_t);
            exposition_whole(out, name, &labels, sum_cells(metrics, offset));
        }
    }
}

static void write_drops(const struct metrics *metrics, FILE *out)
{
    const char *name = "reelrank_drops_total";
    exposition_head(out, name, "counter", "Candidates that were not shown, by rule.");
    for (unsigned rule = DROP_NONE + 1; rule < DROP_RULE_END; rule++) {
        struct labels labels = {.count = 1,
                                .items = {{"rule", drop_rule_name((enum drop_rule)rule)}}};
        size_t offset = offsetof(struct meter, drops) + rule * sizeof(uint64_t);
        exposition_whole(out, name, &labels, sum_cells(metrics, offset));
    }
}

/* The highest score of a cell, but for the last one. */
static double cell_bound(size_t cell)
{
    double fraction = (double)(cell & ((1 << SCORE_BITS) - 1)) / (1 << SCORE_BITS);
    return ldexp(1 + fraction, (int)(cell >> SCORE_BITS) + SCORE_POWER_MIN);
}

/* Eight cells together, so that there are four bounds from a power of 2 to the next. */
static void write_scores(const struct metrics *metrics, const struct metrics_summary *summary,
                         FILE *out)
{
    enum { TOGETHER = 8 };
    const char *name = "reelrank_scores";
    uint64_t below = 0;
    double sum = 0;
    for (size_t i = 0; i < metrics->meter_count; i++) {
        sum += atomic_load_explicit(&metrics->meters[i].score_sum, memory_order_relaxed);
    }
    exposition_head(out, name, "histogram", "Scores of the positions of answers.");
    for (size_t cell = 0; cell + 1 < SCORE_CELL_COUNT; cell++) {
        below += summary->scores[cell];
        if (cell % TOGETHER == 0) {
            exposition_bucket(out, name, NULL, cell_bound(cell), below);
        }
    }
    exposition_end(out, name, NULL, sum, below + summary->scores[SCORE_CELL_COUNT - 1]);
}

static void write_rankings(const struct metrics *metrics, const struct metrics_summary *summary,
                           FILE *out)
{
    const char *name = "reelrank_rank_candidates";
    struct histogram_sums sums = sum_histograms(metrics, offsetof(struct meter, candidates));
    exposition_counter(out, "reelrank_rankings_total", "Rankings made.", summary->rankings);
    exposition_counter(out, "reelrank_rank_repeats_total",
                       "Answers given again to a repeated request_id, which are not ranked anew.",
                       SUM(metrics, repeats));
    write_stream_errors(metrics, out);
    exposition_head(out, name, "histogram", "Candidates of a ranking.");
    exposition_histogram(out, name, NULL, &candidates_scale, &sums);
    exposition_counter(out, "reelrank_positions_total", "Candidates that were shown.",
                       summary->shown);
    write_drops(metrics, out);
    write_users(metrics, out);
    write_scores(metrics, summary, out);
}

static void write_signals(const struct metrics *metrics, FILE *out)
{
    static const char *const types[SIGNAL_TYPE_END] = {
        "unspecified",    "impression",   "play",  "watch",   "complete",       "skip",
        "like",           "unlike",       "share", "comment", "follow_creator", "unfollow_creator",
        "not_interested", "hide_creator", "report"};
    static const char *const outcomes[SIGNAL_OUTCOME_END] = {[OUTCOME_ACCEPTED] = "accepted",
                                                             [OUTCOME_DUPLICATE] = "duplicate",
                                                             [OUTCOME_REJECTED] = "rejected"};
    const char *name = "reelrank_signals_total";
    exposition_head(out, name, "counter", "Signals answered, by type and outcome.");
    for (size_t type = 0; type < SIGNAL_TYPE_END; type++) {
        for (size_t outcome = OUTCOME_ACCEPTED; outcome < SIGNAL_OUTCOME_END; outcome++) {
            struct labels labels = {
                .count = 2, .items = {{"type", types[type]}, {"outcome", outcomes[outcome]}}};
            exposition_whole(out, name, &labels, cell_get(&metrics->signals[type][outcome]));
        }
    }
}

void metrics_write(const struct metrics *metrics, FILE *out)
{
    const char *name = "reelrank_log_sync_duration_seconds";
    struct metrics_summary summary;
    metrics_sum_up(metrics, &summary);
    write_calls(metrics, out);
    write_durations(metrics, out);
    exposition_gauge(out, "reelrank_calls_in_flight", "Calls that have begun and not ended.",
                     (double)summary.in_flight);
    write_waits(metrics, out);
    write_workers(metrics, out);
    write_rankings(metrics, &summary, out);
    write_signals(metrics, out);
    exposition_head(out, name, "histogram",
                    "Commits of appended records, with the wait for the disk.");
    exposition_histogram(out, name, NULL, &metrics_seconds, &summary.syncs);
}
