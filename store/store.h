#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "store/log.h"

/*
 * The log and the state derived from it, kept in step. Opening reads the last checkpoint of the
 * state and replays the log from there; store_write() appends, syncs, then applies, so what is
 * visible is always on disk.
 *
 * Threads: any thread may write, one after the other. Any thread may read between store_begin() and
 * store_end(); it sees one sequence from start to end. Keep that short: the writer waits for
 * readers to leave, and new readers wait for a waiting writer.
 */
struct store;

struct store_options {
    struct log_options log;
    size_t window_length;        /* event ids remembered; 0: 2^20 */
    uint64_t checkpoint_records; /* of the log between checkpoints; 0: 2^19 */
    size_t user_bytes;           /* of memory for users, beyond which they leave it; 0: 2^30 */
    size_t statistics_bytes;     /* likewise, of videos' statistics */
    /* Called about ten times a second while the log is replayed, and at its end; may be NULL. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
    /*
     * One line when the state's checkpoint cannot be read or written, which costs time at a start
     * and nothing else; and one before the process ends by itself, because the log has what cannot
     * be applied to the state (store_apply()). Called by any thread; may be NULL.
     */
    void (*warn)(void *context, const char *text);
    void *warn_context;
};

MUST_USE enum status store_open(const struct store_options *options, struct store **out,
                                struct problem *problem);

/* Writes a last checkpoint. */
void store_close(struct store *store);

enum outcome { OUTCOME_ACCEPTED = 1, OUTCOME_DUPLICATE = 2, OUTCOME_REJECTED = 3 };

/* Why the store rejects a signal. */
enum rejection {
    REJECTION_LATE = 1,
    REJECTION_FORGOTTEN = 2,
    REJECTION_FUTURE = 3 /* set by the caller, whose clock it is; a repeat is one all the same */
};

/* One thing to write. Validated by the caller, who fills all but outcome. */
struct entry {
    struct record record; /* event_key set for signals; payload lives until store_write() returns */
    /*
     * Videos only: the row must still have this content hash (0: must not be known) when it is
     * written, else the entry becomes OUTCOME_REJECTED. Makes read-change-write safe.
     */
    bool has_base;
    uint64_t base_hash;
    /*
     * Videos only, with has_base: the same content again, under a new sequence, so that the record
     * that has it now may go. Else that is OUTCOME_DUPLICATE.
     */
    bool carry;
    enum outcome outcome; /* out, if the batch's status is OK; REJECTED on entry is passed over */
    enum rejection rejection; /* out, of signals that the store rejected; in: REJECTION_FUTURE */
    /* What the payload means: what record_event() makes of record. Last, as it is large but where
     * it is a signal. */
    struct event event;
};

/* An entry for an event of this kind, which is yet to be filled. Leaves the event's memory alone:
 * there are many entries, of half a kilobyte, and a signal takes a sixth of that. */
static inline void entry_init(struct entry *entry, enum event_kind kind)
{
    entry->record = (struct record){.kind = kind};
    entry->has_base = false;
    entry->base_hash = 0;
    entry->carry = false;
    entry->outcome = (enum outcome)0;
    entry->rejection = (enum rejection)0;
    entry->event.kind = kind;
}

/* The entries of one call. */
struct batch {
    struct entry *entries;
    size_t count;
    bool erase;         /* whoever writes it then waits until forgotten users are erased */
    enum status status; /* out: STATUS_OK, or why none of this batch was written */
    uint64_t sequence;  /* out: last sequence once this batch is in */
};

/*
 * Writes many calls' batches under one sync (group commit). Repeats, against the window, the
 * catalogue's content hashes, and earlier entries of the same write, become OUTCOME_DUPLICATE; the
 * rest become OUTCOME_ACCEPTED and are on disk and visible on return. Deleting a video that is not
 * there is a duplicate. A signal of more than LIMIT_LATE_MS before the newest one, of the log or of
 * this write so far, becomes OUTCOME_REJECTED, and so does one from before its user was forgotten;
 * the entry's rejection tells which. When the log refuses (STATUS_NO_SPACE, STATUS_IO) or
 * memory is short (STATUS_NO_MEMORY) every batch carries that status and nothing has changed.
 */
void store_write(struct store *store, struct batch *const *batches, size_t count);

/*
 * The two halves of store_write(), so that one thread may append while another applies what was
 * appended before. store_append() decides the outcomes and returns when they are on disk; NULL when
 * there is nothing to apply. Every write is then applied once, in any thread; store_apply() waits
 * for its turn, and only after it are the batches done. Two writes at most are between the halves:
 * store_append() waits for the last but one to be applied.
 *
 * What is in the log must be applied: where memory is out, or a user's row cannot be read from the
 * disk, the process ends, and the next start applies it.
 */
struct write;
struct write *store_append(struct store *store, struct batch *const *batches, size_t count);
void store_apply(struct store *store, struct write *write);

/* Enter and leave reading. The state must not be touched after store_end(). */
const struct state *store_begin(struct store *store);
void store_end(struct store *store);

/*
 * Writes a checkpoint of all that is visible now and waits until it is on disk; otherwise that
 * happens now and then by itself (checkpoint.h). Any thread but the writer's.
 */
MUST_USE enum status store_checkpoint(struct store *store);

/* The same, and makes a snapshot of it (snapshots.h). */
MUST_USE enum status store_snapshot(struct store *store);

/*
 * Overwrites what the files of the store hold besides what is in them now (scrub.h), after a
 * checkpoint. STATUS_BUSY: some of it may be read by a backup still; STATUS_UNAVAILABLE: go_on, of
 * whose arguments only context means something, said no. Any thread but one that writes or reads.
 */
MUST_USE enum status store_scrub(struct store *store,
                                 bool (*go_on)(void *context, uint64_t done, uint64_t total),
                                 void *context);

/* Lets go of the event id of a signal that was erased. */
void store_forget_event(struct store *store, struct event_key key);

/* Sequence of the last checkpoint on disk; 0 when there is none. */
uint64_t store_checkpoint_sequence(struct store *store);

struct log *store_log(struct store *store);
void store_window(struct store *store, uint64_t *length, uint64_t *count);

#endif
