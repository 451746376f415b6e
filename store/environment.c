#include "store/environment.h"

#include <stdbool.h>
#include <time.h>

#include "ranker/check.h"
#include "store/clock.h"

enum { REOPEN_WAIT_S = 1 };

enum status environment_init(struct environment *environment, int (*reopen)(void *owner),
                             void *owner)
{
    environment->env = NULL;
    environment->within = 0;
    environment->reopen = reopen;
    environment->owner = owner;
    atomic_init(&environment->unsynced, false);
    if (pthread_mutex_init(&environment->lock, NULL) != 0) {
        return STATUS_NO_MEMORY;
    }
    monotonic_condition_init(&environment->left);
    return STATUS_OK;
}

void environment_release(struct environment *environment)
{
    pthread_cond_destroy(&environment->left);
    pthread_mutex_destroy(&environment->lock);
}

int environment_enter(struct environment *environment)
{
    pthread_mutex_lock(&environment->lock);
    bool open = environment->env != NULL;
    environment->within += open;
    pthread_mutex_unlock(&environment->lock);
    return open ? 0 : MDB_PANIC;
}

void environment_leave(struct environment *environment)
{
    pthread_mutex_lock(&environment->lock);
    environment->within--;
    if (environment->within == 0) {
        pthread_cond_signal(&environment->left);
    }
    pthread_mutex_unlock(&environment->lock);
}

static bool is_usable(const struct environment *environment)
{
    MDB_txn *txn = NULL;
    int rc = environment->env != NULL ? mdb_txn_begin(environment->env, NULL, MDB_RDONLY, &txn)
                                      : MDB_PANIC;
    mdb_txn_abort(txn); /* NULL is allowed */
    return rc != MDB_PANIC;
}

/* With the lock held, which it lets go of while it waits; false: somebody stayed within. */
static bool wait_until_empty(struct environment *environment)
{
    struct timespec until;
    int rc = clock_gettime(CLOCK_MONOTONIC, &until);
    CHECK(rc == 0);
    until.tv_sec += REOPEN_WAIT_S;
    while (environment->within > 0 && rc == 0) {
        rc = pthread_cond_timedwait(&environment->left, &environment->lock, &until);
    }
    return environment->within == 0;
}

/*
 * Whoever is within leaves soon; but this thread itself may be, with another transaction, and a
 * scrub may take long. Others may enter meanwhile: they are refused, and wait here as well.
 */
static int reopen(struct environment *environment)
{
    int rc = 0;
    pthread_mutex_lock(&environment->lock);
    if (!wait_until_empty(environment)) {
        rc = MDB_PANIC;
    } else if (!is_usable(environment)) {
        atomic_store(&environment->unsynced, true);
        rc = environment->reopen(environment->owner);
    }
    /* Others who wait for the same may go on. */
    pthread_cond_signal(&environment->left);
    pthread_mutex_unlock(&environment->lock);
    return rc;
}

/*
 * The page whose write had failed was written back as it was before. It has to be on the disk
 * before any other is written: a crash could leave the one that failed, with pages that are
 * another's by then. Readers need not wait for a disk that is out of order.
 */
static int sync_before_writing(struct environment *environment)
{
    if (!atomic_load(&environment->unsynced)) {
        return 0;
    }
    int rc = mdb_env_sync(environment->env, 1);
    if (rc == 0) {
        atomic_store(&environment->unsynced, false);
    }
    return rc;
}

static int begin(struct environment *environment, unsigned flags, MDB_txn **out)
{
    int rc = environment_enter(environment);
    if (rc != 0) {
        return rc;
    }
    MDB_txn *txn = NULL;
    rc = mdb_txn_begin(environment->env, NULL, flags, &txn);
    if (rc == 0 && (flags & MDB_RDONLY) == 0) {
        rc = sync_before_writing(environment);
    }
    if (rc != 0) {
        mdb_txn_abort(txn); /* NULL is allowed */
        environment_leave(environment);
        return rc;
    }
    *out = txn;
    return 0;
}

int environment_begin(struct environment *environment, unsigned flags, MDB_txn **out)
{
    int rc = begin(environment, flags, out);
    if (rc != MDB_PANIC) {
        return rc;
    }
    rc = reopen(environment);
    return rc == 0 ? begin(environment, flags, out) : rc;
}

void environment_abort(struct environment *environment, MDB_txn *txn)
{
    if (txn != NULL) {
        mdb_txn_abort(txn);
        environment_leave(environment);
    }
}
