#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "store/log.h"

/* Checks every record of a log and rebuilds from it the state it stands for. */

enum { VERIFY_ERRORS_MAX = 100 };

struct verify_error {
    uint64_t sequence; /* of the record, or the first of those missing */
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
 * Looks at all records, going on behind bad ones: checksum, version, sequence without gaps,
 * payload, limits of the contract, event key. STATUS_OK however many errors there are;
 * STATUS_NO_MEMORY when the state does not fit.
 */
MUST_USE enum status verify_log(struct log *log, const struct verify_options *options,
                                struct verify_report *out, struct problem *problem);

/* Adds one more error to the report. */
__attribute__((format(printf, 3, 4))) void
verify_add_error(struct verify_report *report, uint64_t sequence, const char *format, ...);

#endif
