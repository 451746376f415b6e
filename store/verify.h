#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "store/snapshots.h"

/*
 * Checks every page and record of a log, however damaged, the snapshots beside it, state.mdb and
 * the decision journal; and derives from what is whole the state it stands for. Nothing of it goes
 * through LMDB.
 */

enum { VERIFY_ERRORS_MAX = 100 };

struct verify_error {
    uint64_t sequence; /* of the record, the first of those missing, the next to come, or of the
                          snapshot */
    struct problem problem;
};

/* What was found of a snapshot, or of state.mdb. */
struct verify_file {
    uint64_t sequence; /* of the last record it contains */
    uint64_t bytes;
    uint64_t users;
    uint64_t videos;
    uint64_t statistics;
    uint64_t forgotten; /* users of a snapshot who should have left it; their own error */
    uint64_t error_count;
    bool before;        /* a snapshot of STATE_VERSION_BEFORE */
    bool other_version; /* of state.mdb: the next start sets it aside; no error */
    uint64_t record_hash;
};

struct verify_report {
    struct state_digests digests; /* of the state the good records give; 0 if there is no base */
    uint64_t first;               /* record of the log; 0: there is none */
    uint64_t base;                /* of the snapshot the state is derived from; 0: from nothing */
    uint64_t sequence;            /* of the last good record; 0: there is none */
    uint64_t records;             /* that are good */
    uint64_t tombstones;          /* that are good */
    uint64_t weights_changes;     /* rows of the weights' history that are good */
    uint64_t bytes;               /* of data.mdb */
    struct verify_file snapshots[SNAPSHOTS_MAX];
    size_t snapshot_count;
    struct verify_file state;
    bool has_state;         /* there is a state.mdb */
    uint64_t decisions;     /* of the journal that are good */
    uint64_t journal_bytes; /* of these */
    uint64_t error_count;   /* of all; only the first VERIFY_ERRORS_MAX are listed */
    struct verify_error errors[VERIFY_ERRORS_MAX];
};

struct verify_options {
    bool every_snapshot; /* the state is derived from each of them, if nothing is wrong so far */
    /* Called every few thousand records; may be NULL. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
};

/*
 * Looks at all records of the log in directory data, going on behind bad ones: pages, checksum,
 * version, sequence without gaps, payload, limits of the contract, event key, tombstones, what is
 * left of users who are forgotten, and the weights' history (weights_check.h); at all rows of
 * snapshots and of state.mdb (state_check.h); and whether each video of the catalogue is in the
 * record its row says. Changes nothing; nobody may write meanwhile. STATUS_OK however many errors
 * there are; else as pages_open_log(), and STATUS_NO_MEMORY when the state does not fit.
 *
 * The records of a log that begins later than at 1 are applied to its base, the oldest snapshot
 * that is whole and reaches its beginning.
 */
MUST_USE enum status verify_data(const char *data, const struct verify_options *options,
                                 struct verify_report *out, struct problem *problem);

/* Adds one more error to the report. */
__attribute__((format(printf, 3, 4))) void
verify_add_error(struct verify_report *report, uint64_t sequence, const char *format, ...);

#endif
