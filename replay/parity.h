#ifndef REPLAY_PARITY_H
#define REPLAY_PARITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/rank.h"
#include "ranker/status.h"

/*
 * Online and offline are the same bits: ranks what the decision journal says was asked, with the
 * state as of the sequence and the weights that it names, and compares what comes out with what was
 * served: order, scores, propensities, drops, the totals of terms and the ranking's id, each bit of
 * them.
 *
 * The state is derived from the log anew, record by record, beginning with the base of a log whose
 * beginning is gone (snapshots.h). Changes nothing. Nobody may have the directory open; a restored
 * backup will do.
 */

/* A term of the scores whose total over the slate is another now, in units of 2^-32. */
struct parity_term {
    const char *name; /* rank_term_name() */
    int64_t served;
    int64_t now;
};

/* What a term adds to one score now. */
struct parity_part {
    const char *name;
    double value;
};

enum { PARITY_PARTS_MAX = 4 };

/* One decision that did not come out as it was served. */
struct parity_difference {
    const char *ranking_id;
    int64_t time_ms;
    uint64_t state_sequence;
    const char *weights_version;
    const char *video_id; /* of the candidate it shows at; empty where keys were sent, or none */
    uint32_t candidate;   /* its index in the request */
    char text[160];       /* what was served and what came out */
    bool has_totals;      /* false: the decision was journaled without its terms' totals */
    size_t term_count;    /* with has_totals: terms that differ, in the order of explanations */
    struct parity_term terms[TERM_COUNT];
    size_t
        part_count; /* the candidate's largest terms now, largest first; 0 where it is not shown */
    struct parity_part parts[PARITY_PARTS_MAX];
};

struct parity_report {
    uint64_t decisions; /* read from the journal */
    uint64_t equal;
    uint64_t different;
    uint64_t with_totals; /* of both, those whose terms' totals were journaled, and compared */
    /* What can no longer be computed again: */
    uint64_t before_base;     /* the log begins behind the state they were made with */
    uint64_t behind_log;      /* they name a state that the log has not reached: another log's */
    uint64_t unknown_weights; /* their weights are not in the history, or no longer parse */
    uint64_t unreadable;      /* damage, or of another version of this program */
    uint64_t base;            /* record of the snapshot the state was derived from; 0: nothing */
    uint64_t last;            /* record of the log; 0: there is none */
    uint64_t candidates;      /* of the decisions computed again */
};

struct parity_options {
    const char *data; /* directory */
    size_t map_bytes; /* as in struct log_options */
    /* Called for each decision that is different; its texts live for the call. */
    void (*different)(void *context, const struct parity_difference *difference);
    /* Now and then; may be NULL. */
    void (*progress)(void *context, uint64_t record, uint64_t last);
    void *context;
};

/*
 * STATUS_OK whatever the decisions gave. STATUS_UNAVAILABLE: a process has the directory open;
 * STATUS_NOT_FOUND: there is no log in it; STATUS_CORRUPT: the log or its base cannot be read, as
 * problem says ("reelrank verify" tells more); STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status parity_check(const struct parity_options *options, struct parity_report *out,
                                  struct problem *problem);

#endif
