#ifndef REPLAY_DERIVE_H
#define REPLAY_DERIVE_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "store/log.h"

/*
 * The state of a data directory, derived from its log anew, record by record, and stopped wherever
 * one asks: beginning with nothing or, of a log whose beginning is gone, with the oldest snapshot
 * that the log goes on from (snapshots.h). Changes nothing; holds the directory, so nobody may have
 * it open. state.mdb is not looked at. One thread.
 */
struct derive;

struct derive_options {
    const char *data; /* directory */
    size_t map_bytes; /* as in struct log_options */
    /*
     * Called for each record behind the base, in order, when it has been applied: the state is as
     * of the sequence. Of erased signals (EVENT_ERASED) only what they added to everyone's counts
     * is left. All arguments live for the call; the log is being read meanwhile, so it should be
     * quick. On anything but STATUS_OK derive_advance() ends with that. May be NULL.
     */
    enum status (*applied)(void *context, uint64_t sequence, const struct record *record,
                           const struct event *event);
    /* Now and then; may be NULL. last: of the log. */
    void (*progress)(void *context, uint64_t sequence, uint64_t last);
    void *context;
};

/*
 * The state is then that of the base. Options are copied, data is not kept. STATUS_UNAVAILABLE: a
 * process has the directory open; STATUS_CORRUPT: log or base cannot be read, as problem says
 * ("reelrank verify" tells more); STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status derive_open(const struct derive_options *options, struct derive **out,
                                 struct problem *problem);
void derive_close(struct derive *derive);

/* As of derive_sequence(), and until the next step; not after derive_take_state(). */
const struct state *derive_state(const struct derive *derive);

/*
 * For a caller that applies records itself, in its own time: gives the state away, for
 * state_free(). From then on derive_advance() decodes records and tells applied() of them, no more.
 */
struct state *derive_take_state(struct derive *derive);

/* Of the last record that was applied, or of the base. */
uint64_t derive_sequence(const struct derive *derive);

/* Record of the snapshot that it began with; 0: nothing. */
uint64_t derive_base(const struct derive *derive);

/* Last record of the log; 0: it is empty. */
uint64_t derive_last(const struct derive *derive);

/* For what else lies beside the log, such as the weights' history; to be read only. */
struct log *derive_log(struct derive *derive);

/*
 * Applies records up to the sequence, from derive_sequence() to derive_last(). STATUS_CORRUPT: a
 * record cannot be read or applied, as problem says; STATUS_NO_MEMORY, STATUS_IO, or what applied()
 * gave: after any of these nothing but derive_close() has a meaning.
 */
MUST_USE enum status derive_advance(struct derive *derive, uint64_t sequence,
                                    struct problem *problem);

#endif
