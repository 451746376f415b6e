#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "store/decision_record.h"
#include "store/segments.h"

/*
 * The decision journal: a share of all answers of Rank, kept so that they can be computed again.
 * DATA/journal has segments (segments.h), of which the oldest go when all take more than bytes_max,
 * or when what is in one is older than age_ms.
 *
 * Whoever makes a decision copies it into a queue of bounded memory and goes on; a thread writes
 * the queue to the disk each second, or when half of it is full. What finds no room is dropped and
 * counted. Only journal_close() syncs, since a sync would make the thread wait and the queue run
 * full: a crash of the machine may cost what the system had not written by itself. A record cut in
 * two is cut off at the next start.
 *
 * Threads: any, but for journal_open(), journal_start() and journal_close(). One process at a time
 * has a journal open: the one that holds DATA/lock. Others may read (journal_reader.h).
 */
struct journal;

enum {
    JOURNAL_SHARE_ALL = 1000000,
    JOURNAL_BYTES_MIN = 4 << 20, /* two of the largest decisions fit, and some more */
    JOURNAL_ERASE_MAX = 512
};

struct journal_options {
    const char *data;   /* the data directory; it must exist */
    uint64_t bytes_max; /* of all segments, at least JOURNAL_BYTES_MIN; 0: without bound */
    int64_t age_ms;     /* since a decision was made; 0: without bound */
    uint32_t share_ppm; /* of decisions that are kept, of JOURNAL_SHARE_ALL */
    size_t queue_bytes; /* memory of the queue; 0: 16 MiB */
    /* One line about what could not be written, at most each minute; may be NULL. */
    void (*warn)(void *context, const char *text);
    void *warn_context;
};

/*
 * Cuts off what a crash left unfinished, and drops what is beyond the bounds. DATA/journal is made
 * with the first decision. STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status journal_open(const struct journal_options *options, struct journal **out,
                                  struct problem *problem);

/* Begins to write in a thread of its own. STATUS_IO: there is none. */
MUST_USE enum status journal_start(struct journal *journal);

/* Writes what waits, syncs, ends the thread. NULL is allowed. */
void journal_close(struct journal *journal);

/*
 * Whether the decision of this name is among those to be kept: by a hash, so that all answers of
 * one request are kept or none, on every server alike.
 */
bool journal_wants(const struct journal *journal, uint64_t user_key, struct text ranking_id);

/* Queues a copy, if there is room. Never waits for the disk. */
void journal_add(struct journal *journal, const struct decision_record *record);

/* Counts a decision as dropped that could not be put together. */
void journal_miss(struct journal *journal);

/* Writes what waits, by the caller. */
void journal_flush(struct journal *journal);

struct journal_counts {
    uint64_t written; /* decisions, since the journal was opened */
    uint64_t dropped; /* for want of room in the queue or on the disk, or because of their size */
    uint64_t bytes;   /* of all segments */
    uint64_t bytes_max;
    int64_t oldest_ms; /* time of the first decision; 0: there is none */
    uint64_t skipped;  /* stretches of damage found in the last segment at the start */
};
void journal_count(struct journal *journal, struct journal_counts *out);

/* Whose decisions are to go. */
struct journal_erasure {
    uint64_t user_key;
    uint64_t before_sequence; /* those made with a state before this one; UINT64_MAX: all */
    uint64_t erased;          /* out: how many went */
};

/*
 * Takes the decisions of at most JOURNAL_ERASE_MAX users out of queue and files; what they still
 * add from before their sequence, because a call was under way, is not written. Segments that have
 * any are written anew, synced and renamed, one after the other, while new decisions are written;
 * so after a crash or a failure some of it is done, and the next call does the rest. go_on may be
 * NULL; only its context means something. STATUS_UNAVAILABLE: go_on said no; STATUS_IO,
 * STATUS_NO_SPACE, STATUS_NO_MEMORY.
 */
MUST_USE enum status journal_erase(struct journal *journal, struct journal_erasure *users,
                                   size_t count,
                                   bool (*go_on)(void *context, uint64_t done, uint64_t total),
                                   void *context, struct problem *problem);

#endif
