#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ranker/rank.h"
#include "ranker/signal.h"
#include "ranker/status.h"
#include "server/histogram.h"
#include "server/method.h"
#include "store/store.h"

/*
 * What the server counts of its calls, rankings and signals. Memory and names are bounded: methods
 * are those of the table, all else comes from enums.
 *
 * Each worker has a meter to itself, which no other thread writes to and which shares no cache line
 * with another, so counting takes no lock and no locked instruction. Whoever looks adds the meters
 * up.
 */
struct metrics;
struct meter;

enum {
    METRICS_METHODS_MAX = 48, /* with the one for methods that the table does not have */
    METRICS_CODE_COUNT = 17,  /* gRPC's canonical codes */
    SIGNAL_OUTCOME_END = OUTCOME_REJECTED + 1,
    /* Scores in steps of 2 to 3 per cent: 32 between a power of 2 and the next, from 2^-10 to 2^10,
     * and what is below or above. */
    SCORE_CELL_COUNT = 32 * 20 + 2
};

/* Latencies from 25 microseconds to 10 seconds. */
extern const struct histogram_scale metrics_seconds;

/* STATUS_NO_MEMORY. */
MUST_USE enum status metrics_new(size_t worker_count, struct metrics **out);

/*
 * Says which methods there are, before any call comes. They are borrowed until metrics_free() and
 * numbered as rpc_start() numbers them: rows without begin() are left out, and unknown methods come
 * last.
 */
void metrics_methods(struct metrics *metrics, const struct method *methods, size_t count);

void metrics_free(struct metrics *metrics); /* NULL is allowed */

/* Of a worker, below worker_count. Lives with metrics. */
struct meter *metrics_meter(struct metrics *metrics, size_t worker);

/* The worker's thread says so before anything else, that its processor time is known. */
void meter_begin_thread(struct meter *meter);
void meter_end_thread(struct meter *meter);

/* By the worker's thread: a call began; it ended with a code of gRPC; a message of it was answered.
 */
void meter_call(struct meter *meter);
void meter_end_call(struct meter *meter, size_t method, unsigned code);
void meter_message(struct meter *meter, size_t method, uint64_t duration_ns);

/* Likewise: a message has waited so long for the worker to take it up. */
void meter_queued(struct meter *meter, uint64_t duration_ns);

/* Likewise: a ranking was made; an answer that was made before was given again. */
void meter_ranking(struct meter *meter, const struct rank_request *request,
                   const struct rank_result *result);
void meter_repeat(struct meter *meter);

/* Likewise: a request of RankStream was answered with an error, which does not end the stream. */
void meter_stream_error(struct meter *meter, unsigned code);

/* Signals of a batch by type (0: none that is known) and outcome. Any thread. */
struct signal_counts {
    uint32_t counts[SIGNAL_TYPE_END][SIGNAL_OUTCOME_END];
};
void metrics_signals(struct metrics *metrics, const struct signal_counts *counts);

/* The log's file was synced. One thread at a time. */
void metrics_sync(struct metrics *metrics, uint64_t duration_ns);

/* What all meters come to; for those who show some of it. */
struct metrics_summary {
    uint64_t calls;
    uint64_t failed; /* of these, those that did not end with OK */
    uint64_t in_flight;
    uint64_t rankings;
    uint64_t candidates;
    uint64_t shown; /* of these */
    uint64_t signals;
    struct histogram_sums rank; /* messages of RankingService.Rank, by metrics_seconds */
    struct histogram_sums syncs;
    uint64_t scores[SCORE_CELL_COUNT];
};
void metrics_sum_up(const struct metrics *metrics, struct metrics_summary *out);

/* All of it, in Prometheus' text format. */
void metrics_write(const struct metrics *metrics, FILE *out);

/* The cell of a score. */
size_t metrics_score_cell(double score);

/* "OK", "CANCELLED", ...; of a code beyond the canonical ones "UNKNOWN". */
const char *metrics_code_name(unsigned code);

#endif
