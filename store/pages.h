#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Reads a file of LMDB page by page (page_format.h), without LMDB, which trusts its pages and ends
 * the process, or worse, where they contradict themselves. Nobody may write meanwhile. One thread.
 */
struct pages;

/* A place that cannot be read; the walk goes on behind it. False stops it. */
typedef bool pages_damage(void *context, const struct problem *problem);

/*
 * STATUS_CORRUPT when the file is no database or lost what says where its pages are;
 * STATUS_NOT_FOUND: there is no file; STATUS_NO_MEMORY, STATUS_IO. name is borrowed. damage is
 * called by this and all other calls; NULL: damage is passed over in silence.
 */
MUST_USE enum status pages_open(const char *directory, const char *name, pages_damage *damage,
                                void *context, struct pages **out, struct problem *problem);

/* The same for a log's data.mdb; STATUS_CORRUPT also when it is no log or of a newer format. */
MUST_USE enum status pages_open_log(const char *directory, pages_damage *damage, void *context,
                                    struct pages **out, struct problem *problem);
void pages_close(struct pages *pages); /* NULL is allowed */

/*
 * STATUS_NO_MEMORY once there was none for a large value: that walk was stopped there, and no
 * damage was told.
 */
MUST_USE enum status pages_status(const struct pages *pages);

uint64_t pages_file_bytes(const struct pages *pages);

/* Whether the file has a database of this name, and how many entries it says it has. */
bool pages_find(const struct pages *pages, const char *database, uint64_t *entry_count);

/*
 * Copies the value under a text key of a small database to out and returns its size; 0 when there
 * is none or it is larger than capacity.
 */
size_t pages_get(struct pages *pages, const char *database, const char *key, uint8_t *out,
                 size_t capacity);

/* One entry under its key. bytes are borrowed for the call. False stops the walk. */
typedef bool pages_visit(void *context, uint64_t key, const uint8_t *bytes, size_t size);

/*
 * Visits the entries of a database whose keys are numbers of key_size bytes, 4 or 8, in the order
 * of its pages. False when it was stopped. One that is not there has no entries.
 */
bool pages_walk(struct pages *pages, const char *database, size_t key_size, pages_visit *visit,
                void *context);

/* The first key of such a database that can be read; 0 where there is none. Tells of no damage. */
uint64_t pages_first(struct pages *pages, const char *database, size_t key_size);

#endif
