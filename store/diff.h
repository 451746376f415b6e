#ifndef STORE_DIFF_H
#define STORE_DIFF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/compare.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "ranker/weights.h"
#include "reelrank/v1/ranking.pb-c.h"

/*
 * Ranks past requests again with two weights and sums up what changes (compare.h). Where requests
 * and state come from is the caller's: the journal and the state of now, or a log and its state of
 * then. One thread.
 */
struct diff;

/* Digits: with which its numbers are written. */
enum {
    DIFF_FORMAT = 1,
    DIFF_DIGITS = 12,
    DIFF_REQUESTS_DEFAULT = 1000,
    DIFF_REQUESTS_MAX = 100000
};

/* Borrows both weights until diff_free(). NULL when memory is short. */
struct diff *diff_new(const struct weights *old_weights, const struct weights *new_weights);
void diff_free(struct diff *diff);

/*
 * Counts creators' videos, `most` rows of the catalogue at a time, before the first request.
 * *done once all are counted. Rows that move meanwhile may be counted twice or not at all.
 */
MUST_USE enum status diff_count_creators(struct diff *diff, const struct state *state, size_t most,
                                         bool *done);

/* The order that was served, to tell how far the state has moved since. */
struct diff_served {
    const uint32_t *order;
    size_t count;
};

/*
 * Ranks the request, whose now_ms must be set, with both weights. served may be NULL. A request
 * that this program refuses is counted and passed over. Uses arena for the call. STATUS_NO_MEMORY,
 * or what state_find_user() may say.
 */
MUST_USE enum status diff_add(struct diff *diff, const struct state *state,
                              const Reelrank__V1__RankRequest *request,
                              const struct diff_served *served, struct arena *arena);

/* A request that cannot even be read. */
void diff_pass_over(struct diff *diff);

uint64_t diff_requests(const struct diff *diff);

/* What a report says besides. */
struct diff_about {
    const char *source;   /* "journal" or "log" */
    const char *old_name; /* files, for people; empty: unknown */
    const char *new_name;
    uint64_t limit; /* of requests */
    uint64_t state_sequence;
};

/*
 * The report of docs/diff.md, for json_decref(); NULL when memory is short. *out, unless NULL, gets
 * the numbers.
 */
json_t *diff_report(const struct diff *diff, const struct diff_about *about,
                    struct comparison *out);

#endif
