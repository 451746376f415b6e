#ifndef TESTS_BENCH_LOOP_H
#define TESTS_BENCH_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/text.h"
#include "tests/bench/connection.h"
#include "tests/bench/samples.h"

/*
 * Sends messages over many connections from one thread and waits for their answers. Closed loop:
 * keeps every stream busy. Open loop (rate): messages are due at fixed times, and the latency
 * counts from then, however late they could be sent.
 */

enum {
    LOOP_CONNECTIONS_MAX = 256,
    LOOP_REFUSED = 8, /* RESOURCE_EXHAUSTED */
    LOOP_STATUSES = 17
};

struct loop_options {
    struct connection_options connection; /* answered and context are the loop's own */
    size_t connections;
    uint64_t rate;           /* messages a second; 0: closed loop */
    uint64_t messages;       /* in all; 0: as many as there is time for */
    double patience_seconds; /* open loop: what cannot be sent within that is given up; 0: never */
    bool relaxed;    /* open loop: messages may be late by a millisecond, and the processor rests */
    double seconds;  /* to send in; 0: as long as it takes. One of the two bounds is given */
    size_t body_max; /* of any body, at most CONNECTION_BODY_MAX */
    /* The next body; lives until the next call. */
    struct text (*next)(void *context);
    /* False when the answer, whose status is 0, is not what it should be. */
    bool (*check)(void *context, const struct answer *answer);
    void *context;
};

struct loop_result {
    uint64_t answers;
    uint64_t failures; /* of them: another status than 0, or one that check refused */
    int first_failure; /* its grpc-status */
    uint64_t refused;  /* of the failures: RESOURCE_EXHAUSTED */
    uint64_t given_up; /* messages that found no room in time; no answers */
    uint64_t lost;     /* connections that ended, with connection.survive */
    uint64_t opened;   /* calls; of a unary method one for each message */
    uint64_t broken;   /* streams, see connection_broken() */
    uint64_t statuses[LOOP_STATUSES + 1]; /* answers by grpc-status; the last: none came */
    double seconds;
    double cpu_seconds;
    struct samples latencies_us; /* of answers that did not fail */
    struct samples p99s_us;      /* of each second's, but for a last one that was not whole */
};

/* The caller gives the samples back with loop_release(). */
void loop_run(const struct loop_options *options, struct loop_result *out);

void loop_release(struct loop_result *result);

/* Prints calls, statuses, failures and latencies as fields of JSON, with commas between them. Sorts
 * the samples. */
void loop_print(struct loop_result *result);

#endif
