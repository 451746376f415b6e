#ifndef STORE_LMDB_H
#define STORE_LMDB_H

#include <lmdb.h>
#include <stdbool.h>

#include "ranker/status.h"

/* What our files in LMDB have in common. */

/* The status that an LMDB or system error number stands for; 0 is STATUS_OK. */
enum status lmdb_status(int rc);

/*
 * A file cut short would kill the process by SIGBUS when a page past its end is touched. Grown back
 * to the length its meta page names, the missing pages are zeros, which fail validation instead.
 * Where it may not grow, such a file gives MDB_CORRUPTED. Returns 0 or an error number.
 */
int lmdb_mend_length(MDB_env *env, bool may_grow);

#endif
