#ifndef STORE_BACKUP_JOURNAL_H
#define STORE_BACKUP_JOURNAL_H

#include <stdbool.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/forgotten.h"

/*
 * The decision journal in a backup: one file with the records of all segments (decision_record.h),
 * oldest first.
 */

/*
 * Writes the journal of directory data, which others may write to meanwhile, to the new file path,
 * but for decisions of users from before they were forgotten: whoever is forgotten by the time the
 * log was copied is in the backup's own list, and not erased again when it is restored. *any is
 * false, and there is no file, if there is no decision. Status as of journal_reader_next(), and
 * STATUS_NO_SPACE.
 */
MUST_USE enum status backup_journal_write(const char *data, const struct forgotten *forgotten,
                                          const char *path, bool *any, struct problem *problem);

/* Makes the journal of directory data from such a file, which goes. */
MUST_USE enum status backup_journal_read(const char *path, const char *data,
                                         struct problem *problem);

#endif
