#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "server/arm_counts.h"
#include "server/method.h"
#include "server/metrics.h"
#include "server/weights_life.h"
#include "store/journal.h"
#include "store/store.h"

/*
 * The methods of reelrank.v1 on a store and the weights in force. No network here: the gRPC server
 * and the command line both call it.
 *
 * Threads: handlers run on any worker; finish() on the writer's thread, or on the admin's.
 */
struct service;

#define SERVICE_BUILD_VERSION "0.1.0"

/* All borrowed. */
struct service_options {
    struct store *store;
    struct weights_life *life;
    const char *directory;   /* of the data; DiffWeights and ExportUser read its journal */
    struct journal *journal; /* what Rank adds to; NULL: nothing is added */
    struct metrics *metrics; /* what counts signals; NULL: nothing does */
    /* Called for weights that a call put in force; may be NULL. */
    void (*swapped)(const struct weights_swap *swap);
};

/* STATUS_NO_MEMORY. */
MUST_USE enum status service_new(const struct service_options *options, struct service **out);
void service_free(struct service *service); /* NULL is allowed */

/* How many rankings each arm has had, as arm_counts_get() tells. Any thread. */
size_t service_arm_counts(struct service *service, struct arm_count out[ARM_COUNTS_MAX + 1]);

/* One row for every method of reelrank.v1, implemented or not. */
enum { SERVICE_METHOD_COUNT = 19 };
void service_methods(struct service *service, struct method out[SERVICE_METHOD_COUNT]);

#endif
