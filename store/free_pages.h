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
 *
 * The opener of env must have allowed a thread several transactions (MDB_NOTLS), or call this
 * without one for reading.
 */

/*
 * While writer lasts, the pages listed under lower numbers than *oldest are read by nobody. Returns
 * 0 or an error number.
 */
int free_pages_oldest(MDB_env *env, MDB_txn *writer, uint64_t *oldest);

/* Free pages of one transaction. pages is borrowed and sorted downwards. False stops. */
typedef bool free_pages_visit(void *context, uint64_t transaction, const size_t *pages,
                              size_t count);

/*
 * Visits what the last committed transaction left free, from transaction `from` on and below
 * `below`. Returns 0 or an error number.
 */
int free_pages_walk(MDB_env *env, uint64_t from, uint64_t below, free_pages_visit *visit,
                    void *context);

/* Adds free pages that may be used now, up to about `enough`. Returns 0 or an error number. */
int free_pages_count(MDB_env *env, MDB_txn *writer, uint64_t enough, uint64_t *count);

#endif
