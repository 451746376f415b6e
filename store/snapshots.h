#ifndef STORE_SNAPSHOTS_H
#define STORE_SNAPSHOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/state_file.h"

/*
 * Copies of state.mdb as of some records, so that the records up to them are not needed to derive
 * the state: DIR/snapshot-SEQUENCE.mdb, the sequence in 20 digits. The oldest that meets the
 * beginning of the log is the base from which the state can be derived again. The holder of the
 * log's lock alone makes, changes and removes them.
 */
enum { SNAPSHOTS_MAX = 16, SNAPSHOT_NAME_SIZE = 40 };

struct snapshots {
    uint64_t sequences[SNAPSHOTS_MAX]; /* rising */
    size_t count;
};

void snapshot_name(uint64_t sequence, char out[SNAPSHOT_NAME_SIZE]);

/* Those that are there; the newest, if there are more than SNAPSHOTS_MAX. STATUS_IO. */
MUST_USE enum status snapshots_list(const char *directory, struct snapshots *out,
                                    struct problem *problem);

/*
 * The base of a log that begins at record first: *sequence is that of the oldest snapshot after
 * which no record is missing, or 0 for the empty state, if the log is whole. False: there is none.
 */
bool snapshots_find_base(const struct snapshots *snapshots, uint64_t first, uint64_t *sequence);

/*
 * Makes a snapshot of the file's last commit, complete and durable before it has its name.
 * STATUS_NO_SPACE, STATUS_IO.
 */
MUST_USE enum status snapshots_make(const char *directory, struct state_file *file,
                                    struct problem *problem);

/* Puts a copy of a snapshot in the place of state.mdb, which nobody has open. */
MUST_USE enum status snapshots_adopt(const char *directory, uint64_t sequence,
                                     struct problem *problem);

/* Users to be taken out of a snapshot. */
struct snapshot_removal {
    bool (*wants_user)(void *context, uint64_t user_key);
    void *context;
    size_t map_bytes; /* budget of the new file */
};

/*
 * Takes users out of a snapshot. A new file that never had them takes its place, so that whoever
 * has the old one open, such as a backup, reads it as it was. Nothing happens where none of them is
 * in it. STATUS_CORRUPT, STATUS_NO_SPACE, STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status snapshots_remove_users(const char *directory, uint64_t sequence,
                                            const struct snapshot_removal *removal,
                                            struct problem *problem);

/* Removes the snapshots of records before sequence, and what a crash has left half made. */
void snapshots_remove_before(const char *directory, uint64_t sequence);

#endif
