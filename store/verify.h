#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"

/*
 * Checks every page and record of a log, however damaged, and rebuilds from what is whole the state
 * it stands for.
 */

enum { VERIFY_ERRORS_MAX = 100 };

struct verify_error {
    uint64_t sequence; /* of the record, the first of those missing, or the next to come */
    struct problem problem;
};

struct verify_report {
    struct state_digests digests; /* of the state the good records give */
    uint64_t sequence;            /* of the last good record; 0: there is none */
    uint64_t records;             /* that are good */
    uint64_t error_count;         /* of all; only the first VERIFY_ERRORS_MAX are listed */
    struct verify_error errors[VERIFY_ERRORS_MAX];
};

struct verify_options {
    /* Called every few thousand records; may be NULL. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
};

/*
 * Looks at all records of the log in directory data, going on behind bad ones: pages, checksum,
 * version, sequence without gaps, payload, limits of the contract, event key. Changes nothing;
 * nobody may write meanwhile. STATUS_OK however many errors there are; else as pages_walk(), and
 * STATUS_NO_MEMORY when the state does not fit.
 */
MUST_USE enum status verify_data(const char *data, const struct verify_options *options,
                                 struct verify_report *out, struct problem *problem);

/* Adds one more error to the report. */
__attribute__((format(printf, 3, 4))) void
verify_add_error(struct verify_report *report, uint64_t sequence, const char *format, ...);

#endif
