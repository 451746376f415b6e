/* For pthread_rwlock_clockwrlock(); must precede every include. */
#define _GNU_SOURCE

#include "store/environment.h"

#include <stdbool.h>
#include <time.h>

#include "ranker/check.h"

enum { REOPEN_WAIT_S = 1 };

enum status environment_init(struct environment *environment, int (*reopen)(void *owner),
                             void *owner)
{
    environment->env = NULL;
    environment->reopen = reopen;
    environment->owner = owner;
    atomic_init(&environment->unsynced, false);
    return pthread_rwlock_init(&environment->lock, NULL) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

void environment_release(struct environment *environment)
{
    pthread_rwlock_destroy(&environment->lock);
}

int environment_enter(struct environment *environment)
{
    CHECK(pthread_rwlock_rdlock(&environment->lock) == 0);
    if (environment->env == NULL) {
        environment_leave(environment);
        return MDB_PANIC;
    }
    return 0;
}

void environment_leave(struct environment *environment)
{
    CHECK(pthread_rwlock_unlock(&environment->lock) == 0);
}

static bool is_usable(const struct environment *environment)
{
    MDB_txn *txn = NULL;
    int rc = environment->env != NULL ? mdb_txn_begin(environment->env, NULL, MDB_RDONLY, &txn)
                                      : MDB_PANIC;
    mdb_txn_abort(txn); /* NULL is allowed */
    return rc != MDB_PANIC;
}

/*
 * Whoever is within leaves soon, since nothing new begins; but this thread itself may be, with
 * another transaction, and a scrub may take long.
 */
static int reopen(struct environment *environment)
{
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += REOPEN_WAIT_S;
    if (pthread_rwlock_clockwrlock(&environment->lock, CLOCK_MONOTONIC, &until) != 0) {
        return MDB_PANIC;
    }
    int rc = 0;
    if (!is_usable(environment)) {
        atomic_store(&environment->unsynced, true);
        rc = environment->reopen(environment->owner);
    }
    environment_leave(environment);
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
