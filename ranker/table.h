#ifndef RANKER_TABLE_H
#define RANKER_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/status.h"

/*
 * Rows of one size found by a 64-bit hash: chunks of rows that never move, numbered in order of
 * arrival, and an open-addressing index of 8 bytes a slot (upper half of the hash, row number + 1).
 * A hash's first slot is named by its uppermost bits, so the index doubles in one sweep without
 * looking at the rows.
 * Every row begins with its hash as a uint64_t; rows of a multiple of 64 bytes lie on cache lines.
 * One writer at a time, any number of readers between writes.
 */
struct table {
    size_t row_size;
    size_t count;
    uint64_t *slots;  /* owned; slot_mask + 1 of them, 0 where empty; NULL before the first row */
    size_t slot_mask; /* a power of 2, less 1 */
    unsigned slot_shift; /* 64 - log2 of the number of slots */
    char **chunks;       /* owned, each owned */
    size_t chunk_count;
    size_t chunk_capacity;
};

/* Fuzz targets are built with less, so that their few rows fill chunks and need no large blocks. */
#ifndef TABLE_CHUNK_BITS
#define TABLE_CHUNK_BITS 16
#endif

enum { TABLE_CHUNK_SHIFT = TABLE_CHUNK_BITS, TABLE_CHUNK_ROWS = 1 << TABLE_CHUNK_SHIFT };

static inline struct table table_of(size_t row_size)
{
    return (struct table){.row_size = row_size};
}

void table_release(struct table *table);

/* index below count. The row stays at its address until table_remove() takes or moves it. */
static inline void *table_at(const struct table *table, size_t index)
{
    return table->chunks[index >> TABLE_CHUNK_SHIFT] +
           (index & (TABLE_CHUNK_ROWS - 1)) * table->row_size;
}

/* Of a row of any table. */
static inline uint64_t table_hash(const void *row)
{
    uint64_t hash;
    memcpy(&hash, row, sizeof(hash));
    return hash;
}

/* The slot where probing begins. */
static inline size_t table_home(const struct table *table, uint64_t hash)
{
    return hash >> table->slot_shift;
}

/* Makes the hash's slot come near; nothing else. */
static inline void table_prefetch(const struct table *table, uint64_t hash)
{
    if (table->slots != NULL) {
        __builtin_prefetch(&table->slots[table_home(table, hash)]);
    }
}

/* Makes all of a row come near; NULL is allowed. */
static inline void table_prefetch_row(const struct table *table, const void *row)
{
    for (size_t i = 0; row != NULL && i < table->row_size; i += 64) {
        __builtin_prefetch((const char *)row + i);
    }
}

/*
 * The first row whose upper half of the hash is the one asked for: nearly always the right one,
 * which table_find() makes sure of. Reads no row. NULL when there is none.
 */
static inline void *table_guess(const struct table *table, uint64_t hash)
{
    if (table->slots == NULL) {
        return NULL;
    }
    uint64_t slot;
    for (size_t at = table_home(table, hash); (slot = table->slots[at], slot != 0);
         at = (at + 1) & table->slot_mask) {
        if (((slot ^ hash) >> 32) == 0) {
            return table_at(table, (uint32_t)slot - 1);
        }
    }
    return NULL;
}

/* The row with this hash, or NULL. */
void *table_find(const struct table *table, uint64_t hash);

/* The number of a row of the table, for table_at() and table_remove(). */
size_t table_number(const struct table *table, const void *row);

/* Memory of the rows that are there and of the index. */
size_t table_bytes(const struct table *table);

/* Adds a row that is all zero but for its hash, which must be new. STATUS_NO_MEMORY changes
 * nothing. */
MUST_USE enum status table_add(struct table *table, uint64_t hash, void **out);

/*
 * For an empty table that is filled out of order, by several threads, each its own rows:
 * table_fill() makes count rows, all zero, which cannot be found before table_index() has read
 * their hashes. STATUS_CORRUPT: a hash is 0 or there twice. STATUS_NO_MEMORY. After a failure only
 * table_at() and table_release() may follow.
 */
MUST_USE enum status table_fill(struct table *table, size_t count);
MUST_USE enum status table_index(struct table *table);

/*
 * table_index() in parts: when all rows are there, one thread begins; then several may put rows
 * first to end - 1 into the index at once, each its own. Which places they get depends on who comes
 * first; what is found does not.
 */
MUST_USE enum status table_index_begin(struct table *table);
MUST_USE enum status table_index_rows(struct table *table, size_t first, size_t end);

/*
 * Or for tables that are filled row by row, each by a thread of its own, and then joined: a row
 * that is all zero but for its hash, which cannot be found before table_index(). STATUS_NO_MEMORY.
 */
MUST_USE enum status table_append(struct table *table, uint64_t hash, void **out);

/*
 * Moves all rows of a table with rows of the same size behind those of another, before either has
 * an index, without copying more than a chunk of them. STATUS_NO_MEMORY: only some were moved.
 */
MUST_USE enum status table_join(struct table *table, struct table *from);

/*
 * Removes row index: the last row takes its place and its number. Memory stays for rows to come.
 */
void table_remove(struct table *table, size_t index);

/* Finds or adds. */
MUST_USE enum status table_need(struct table *table, uint64_t hash, void **out);

#endif
