#ifndef STORE_ENVIRONMENT_H
#define STORE_ENVIRONMENT_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "ranker/status.h"

/*
 * An environment of LMDB that many threads use, and that outlives a disk's bad moment. Once the
 * write of the page that ends a commit has failed, LMDB refuses all transactions of that
 * environment, readers too, with MDB_PANIC, until the file is opened again. Whoever is refused so
 * opens it again here and goes on: with the contents as of the last commit that was told as done.
 *
 * All transactions begin and end here; those that only live within another one, of the same thread,
 * may begin in env itself.
 */
struct environment {
    MDB_env
        *env; /* for those within; NULL: it could not be opened again, and will be tried again */

    /* Private. */
    pthread_mutex_t lock; /* of env and within; not held by those within, who take other locks */
    pthread_cond_t left;  /* the last one */
    size_t within;
    atomic_bool unsynced; /* it was opened again, and nothing was written since */
    int (*reopen)(void *owner);
    void *owner;
};

/*
 * reopen(owner): closes env, opens the file anew and puts that into env, with all that goes with
 * it, such as handles of databases, and with its bytes on the disk. Called while nobody is within.
 * Returns 0, or an error number when contents are not those that are known of, or it cannot be
 * opened; then env is NULL. env is the caller's to open the first time, and to close in the end,
 * before environment_release(). STATUS_NO_MEMORY.
 */
MUST_USE enum status environment_init(struct environment *environment, int (*reopen)(void *owner),
                                      void *owner);
void environment_release(struct environment *environment);

/*
 * Goes within, for what needs no transaction. Leave soon: a thread that opens the environment again
 * waits for a second at most. Returns 0, or an error number of LMDB, and then is not within.
 */
int environment_enter(struct environment *environment);
void environment_leave(struct environment *environment);

/*
 * Goes within and begins a transaction; flags as of mdb_txn_begin(). Once it has ended,
 * environment_leave(). Returns 0, or an error number, and then is not within.
 */
int environment_begin(struct environment *environment, unsigned flags, MDB_txn **out);

/* Ends a transaction without effect, and leaves. NULL, of one that did not begin, is allowed. */
void environment_abort(struct environment *environment, MDB_txn *txn);

#endif
