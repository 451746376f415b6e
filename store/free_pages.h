#ifndef STORE_FREE_PAGES_H
#define STORE_FREE_PAGES_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The pages of a file that LMDB has free. It lists them in its first database, under the number of
 * the transaction that freed them: how many, then their numbers. (Leftovers of several are put
 * together under the number of the last of them, or lower ones.) They may be used again once that
 * number is below the last transaction's and every reader's.
 */

/*
 * Free pages listed under lower numbers than *oldest are read by nobody, and will not be, given the
 * number of a transaction that is committed. They are not used again either, while the caller keeps
 * others from writing. Returns 0 or an error number.
 */
int free_pages_oldest(MDB_env *env, uint64_t committed, uint64_t *oldest);

/* Free pages of one transaction. pages is borrowed and sorted downwards. False stops. */
typedef bool free_pages_visit(void *context, uint64_t transaction, const size_t *pages,
                              size_t count);

/*
 * Visits what is free as of a reader's snapshot, from transaction `from` on: LMDB lets readers
 * alone see its list. Returns 0 or an error number.
 */
int free_pages_walk(MDB_txn *reader, uint64_t from, free_pages_visit *visit, void *context);

/*
 * Adds up free pages that writer may use, up to about `enough`. The environment must have been
 * opened with MDB_NOTLS, or the thread have no other reader. Returns 0 or an error number.
 */
int free_pages_count(MDB_txn *writer, uint64_t enough, uint64_t *count);

#endif
