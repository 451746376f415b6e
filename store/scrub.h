#ifndef STORE_SCRUB_H
#define STORE_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/status.h"
#include "store/environment.h"

/*
 * Removes from a file of LMDB what it holds besides its contents. LMDB overwrites nothing: what was
 * deleted or replaced stays in pages that are free, in the gaps of others (page_gaps.h), in memory
 * that goes into the file later (page_buffers.h), and behind the last page, where a write failed.
 * After a scrub, bytes that were in no database when it began are nowhere in the file.
 *
 * Bytes are overwritten with zeros, not given back with a hole: a hole leaves them on the disk, and
 * costs each page that is used again a new block. What holds zeros already is not written.
 *
 * One step takes about a millisecond, in which others may have to wait with writing, and then
 * syncs, while nobody does; scrub_new() takes what page_buffers_clean() takes. While the gaps are
 * zeroed, the scrub reads from a snapshot: the file may grow meanwhile, as during a backup. A crash
 * at any time does no harm.
 *
 * Free pages that a reader may look at, such as a backup, are left and counted, if it does not go
 * within an eighth of a second; a later scrub finds them. Two limits: of a page that is copied in
 * the midst of a scrub up to 7 bytes on either side of its gap may be copied as they were; and
 * nothing is known of what the disk itself or its filesystem keep of bytes that were overwritten.
 *
 * All calls for one scrub come from one thread, which has no transaction on the
 * environment meanwhile. It is within the environment until scrub_free().
 */
struct scrub;

/* STATUS_CORRUPT: the file contradicts itself; STATUS_NO_MEMORY, STATUS_BUSY (readers), STATUS_IO.
 */
MUST_USE enum status scrub_new(struct environment *environment, struct scrub **out);

/* *more is false after the last step, when all is on disk. After a failure the scrub is of no use.
 */
MUST_USE enum status scrub_step(struct scrub *scrub, bool *more);

/*
 * After the last step: free pages that could not be zeroed because of a reader, and one more if
 * there was no room to clean LMDB's buffers. 0: nothing is left.
 */
uint64_t scrub_pages_left(const struct scrub *scrub);

/* At any time; NULL is allowed. */
void scrub_free(struct scrub *scrub);

#endif
