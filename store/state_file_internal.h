#ifndef STORE_STATE_FILE_INTERNAL_H
#define STORE_STATE_FILE_INTERNAL_H

#include <lmdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/environment.h"
#include "store/files.h"
#include "store/state_file.h"

/* What a state file is made of, for state_file.c, state_file_load.c and state_file_users.c. */

enum { STATE_FILE_READERS_KEPT = 64 };

struct state_file {
    char path[FILES_PATH_SIZE];
    size_t map_bytes;
    struct environment environment;
    MDB_dbi tables[STATE_TABLE_COUNT];
    MDB_dbi meta;
    struct state_mark mark;
    const char *name; /* in its directory */
    bool read_only;
    bool alone;
    bool before;                          /* one of STATE_VERSION_BEFORE will do */
    char doubt[FILES_PATH_SIZE];          /* DIR/state.mdb.doubt */
    MDB_txn *txn;                         /* of the transaction now open */
    uint32_t row_ends[STATE_TABLE_COUNT]; /* rows from here on are behind all in the file */
    /* Reset, for state_file_read_user(); NULL: none. */
    _Atomic(MDB_txn *) readers[STATE_FILE_READERS_KEPT];
};

/* What the databases of rows are called. */
extern const char *const state_file_names[STATE_TABLE_COUNT];

/* Tells of a failure of LMDB, and returns its status. */
enum status state_file_fail(int rc, struct problem *problem);

/* How many rows a table has, other than the regions of watch times. */
uint64_t state_file_rows(const struct state_mark *mark, enum state_table table);

/* A row that must be there; value lies in the transaction's map. */
MUST_USE enum status state_file_get_row(const struct state_file *file, MDB_txn *txn,
                                        enum state_table table, size_t row, MDB_val *value);

/* A row is damaged: the next start sets the file aside. */
void state_file_doubt(const struct state_file *file);

#endif
