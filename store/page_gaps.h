#ifndef STORE_PAGE_GAPS_H
#define STORE_PAGE_GAPS_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Zeroes what the pages in use hold beside entries: LMDB leaves the bytes of an entry that was
 * removed where they were, and what a page's buffer in memory held before goes into the file with
 * it. These bytes are the gap between a page's offsets and its entries, and what follows the value
 * on its last overflow page. LMDB never reads them, so they may be overwritten in the file at any
 * time, as long as the page stays what it is; a reader's snapshot sees to that, and nobody need
 * wait.
 *
 * Not for databases with several values to a key.
 */
struct page_gaps;

/*
 * For the pages of reader's snapshot, which must last as long. Returns 0 or an error number;
 * MDB_BAD_TXN: the snapshot is so old that its description is gone.
 */
int page_gaps_new(MDB_txn *reader, struct page_gaps **out);
void page_gaps_free(struct page_gaps *gaps);

/* Goes on for so many pages. Returns 0 or an error number. */
int page_gaps_step(struct page_gaps *gaps, size_t pages, bool *more);

#endif
