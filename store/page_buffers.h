#ifndef STORE_PAGE_BUFFERS_H
#define STORE_PAGE_BUFFERS_H

#include <lmdb.h>
#include <stdbool.h>

/*
 * Zeroes the buffers that LMDB keeps for pages to be written. It takes them from a stack and puts
 * them back as they were, so that what a page held goes, in the gap of another page, into the file
 * again at any later time.
 *
 * Made of transactions that are aborted: pages full of zeros, until the buffers that come have
 * nothing in them for some time. Those that were used since they were last zeroed are the topmost.
 * The file is not changed. Others who write wait meanwhile: 0.1 ms, or after transactions of
 * thousands of pages some 10 ms.
 *
 * *clean: false where the file has too few free pages to get at all buffers, or is of a page size
 * that is not the system's. Returns 0 or an error number. The thread must have no transaction.
 */
int page_buffers_clean(MDB_env *env, bool *clean);

#endif
