#ifndef STORE_WEIGHTS_HISTORY_H
#define STORE_WEIGHTS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/log.h"
#include "store/weights_row.h"
#include "store/weights_source.h"

/*
 * Every version of the weights that was in force, in order: a change for each time that others came
 * into force, numbered from 1 without gaps, with the YAML and model files it was parsed from, of
 * which each content is kept once. It lies in the log's data.mdb (weights_row.h), so backups carry
 * it along; nothing of it is ever removed.
 *
 * Any thread. Those who add wait for each other and for the log's appender.
 */

/*
 * Adds a change, numbered behind the last one; of *change the caller sets time, origin, version and
 * note, and gets the rest. As of STATUS_OK it is on disk, with what source holds. is_file: source
 * was taken from the weights file, which is noted, in the same transaction.
 *
 * STATUS_NO_SPACE: the disk or the log's budget, reserve left alone, is full, or the history has
 * its share of the budget, an eighth. STATUS_CORRUPT: other bytes are kept under the same key.
 * STATUS_NO_MEMORY, STATUS_IO. On any of these nothing has changed.
 */
MUST_USE enum status weights_history_add(struct log *log, const struct weights_source *source,
                                         bool is_file, struct weights_change *change);

/* Number of the last change; 0: none. It is the one in force. */
uint64_t weights_history_last(struct log *log);

/* STATUS_NOT_FOUND: no such number; STATUS_CORRUPT: the row fails validation; STATUS_IO. */
MUST_USE enum status weights_history_get(struct log *log, uint64_t number,
                                         struct weights_change *out);

/* What a change was parsed from, in memory of its own. All zero is empty. */
struct weights_kept {
    struct weights_source source;
    /* Private. */
    char *bytes; /* owned; all texts */
    struct weights_model_file *models;
};

/*
 * Reads it back; the caller ends *out with weights_kept_release(). STATUS_CORRUPT: a text is
 * missing, or is not what it was; STATUS_NO_MEMORY, STATUS_IO. problem says which.
 */
MUST_USE enum status weights_history_load(struct log *log, const struct weights_change *change,
                                          struct weights_kept *out, struct problem *problem);
void weights_kept_release(struct weights_kept *kept);

/*
 * The mark: weights_source_hash() of what was last taken from the weights file. STATUS_NOT_FOUND:
 * none was; STATUS_CORRUPT, STATUS_IO. Setting it may fail as adding does.
 */
MUST_USE enum status weights_history_get_mark(struct log *log, uint64_t *source_hash);
MUST_USE enum status weights_history_set_mark(struct log *log, uint64_t source_hash);

#endif
