#ifndef REPLAY_DIFF_LOG_H
#define REPLAY_DIFF_LOG_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/diff.h"

/*
 * Past requests out of a log in JSON Lines (docs/jsonl.md), for those who have no journal: the
 * impressions of one answer are the candidates of one request, made at the time of the first.
 *
 *   Which belong together: those with the same user and ranking_id; without one, those of a user
 *   within DIFF_LOG_WINDOW_MS of the first. Candidates are in the order of their positions where
 *   all have one, else in that of the log. A request of one candidate tells nothing and is passed
 *   over. The newest `limit` requests count.
 *
 * The log is read twice. First come the requests; then a state of its own is built from the empty
 * one, and each request is ranked with what stood in the log before its first impression: nothing
 * of the future. Lines are put in the order of their times within DIFF_LOG_REORDER lines; what
 * comes later still is applied when it comes. Memory: the state, the requests, and those lines.
 *
 * What a log cannot tell: candidates that were not shown, the user's age, declared languages.
 */
enum { DIFF_LOG_WINDOW_MS = 5 * 60 * 1000, DIFF_LOG_REORDER = 8192 };

struct diff_log_options {
    FILE *file; /* can be read again from its beginning */
    uint64_t limit;
    const char *locale; /* of impressions that have none */
    uint32_t age_years; /* of every user; 0: unknown */
    /* Called now and then with the bytes read, of both readings together; may be NULL. */
    void (*progress)(void *context, uint64_t bytes);
    void *progress_context;
};

/* What was found; all but the last of the second reading. */
struct diff_log_counts {
    uint64_t lines;    /* that mean something */
    uint64_t rejected; /* that do not, or break the contract */
    uint64_t late;     /* signals of a time before what was applied already */
    uint64_t single;   /* requests of one candidate, among the newest */
    uint64_t sequence; /* of the state at the end */
    uint64_t found;    /* requests in the whole log */
};

/*
 * Ranks the log's requests into diff. STATUS_INVALID when the file cannot be read twice;
 * STATUS_IO, STATUS_NO_MEMORY.
 */
MUST_USE enum status diff_log(struct diff *diff, const struct diff_log_options *options,
                              struct diff_log_counts *counts, struct problem *problem);

#endif
