#include "ranker/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/block.h"
#include "ranker/check.h"

enum { FIRST_SLOTS = 16 };

static size_t chunk_size(const struct table *table)
{
    return TABLE_CHUNK_ROWS * table->row_size;
}

static void free_index(uint64_t *slots, size_t slot_count)
{
    block_free(slots, slot_count * sizeof(*slots));
}

void table_release(struct table *table)
{
    for (size_t i = 0; i < table->chunk_count; i++) {
        block_free(table->chunks[i], chunk_size(table));
    }
    free(table->chunks);
    free_index(table->slots, table->slot_mask + 1);
    *table = table_of(table->row_size);
}

void *table_find(const struct table *table, uint64_t hash)
{
    if (table->slots == NULL) {
        return NULL;
    }
    for (size_t at = table_home(table, hash); table->slots[at] != 0;
         at = (at + 1) & table->slot_mask) {
        uint64_t slot = table->slots[at];
        if (((slot ^ hash) >> 32) == 0) {
            void *row = table_at(table, (uint32_t)slot - 1);
            if (table_hash(row) == hash) {
                return row;
            }
        }
    }
    return NULL;
}

/* Where the index has a row of this table. */
static size_t slot_of(const struct table *table, const void *row)
{
    uint64_t hash = table_hash(row);
    for (size_t at = table_home(table, hash);; at = (at + 1) & table->slot_mask) {
        uint64_t slot = table->slots[at];
        CHECK(slot != 0);
        if (((slot ^ hash) >> 32) == 0 && table_at(table, (uint32_t)slot - 1) == row) {
            return at;
        }
    }
}

size_t table_number(const struct table *table, const void *row)
{
    return (uint32_t)table->slots[slot_of(table, row)] - 1;
}

size_t table_bytes(const struct table *table)
{
    size_t slot_count = table->slots != NULL ? table->slot_mask + 1 : 0;
    return table->count * table->row_size + slot_count * sizeof(table->slots[0]);
}

/* Puts the slot's word in the first free place for its hash, whose upper half it holds. */
static void place(struct table *table, uint64_t slot)
{
    size_t at = table_home(table, slot);
    while (table->slots[at] != 0) {
        at = (at + 1) & table->slot_mask;
    }
    table->slots[at] = slot;
}

/* An empty index of this many slots, a power of 2, instead of the one that is there. */
static enum status new_index(struct table *table, size_t slot_count)
{
    uint64_t *slots = block_new(slot_count * sizeof(*slots));
    if (slots == NULL) {
        return STATUS_NO_MEMORY;
    }
    table->slots = slots;
    table->slot_mask = slot_count - 1;
    table->slot_shift = 64 - (unsigned)__builtin_ctzll(slot_count);
    return STATUS_OK;
}

static enum status grow_index(struct table *table)
{
    size_t old_count = table->slots != NULL ? table->slot_mask + 1 : 0;
    uint64_t *old = table->slots;
    enum status status = new_index(table, old_count > 0 ? 2 * old_count : FIRST_SLOTS);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != 0) {
            place(table, old[i]);
        }
    }
    free_index(old, old_count);
    return STATUS_OK;
}

/* Makes room for so many chunks more. */
static enum status grow_chunk_list(struct table *table, size_t count)
{
    size_t capacity = table->chunk_capacity > 0 ? table->chunk_capacity : 4;
    while (capacity < table->chunk_count + count) {
        capacity *= 2;
    }
    if (capacity == table->chunk_capacity) {
        return STATUS_OK;
    }
    char **chunks = realloc(table->chunks, capacity * sizeof(*chunks));
    if (chunks == NULL) {
        return STATUS_NO_MEMORY;
    }
    table->chunks = chunks;
    table->chunk_capacity = capacity;
    return STATUS_OK;
}

static enum status grow_chunks(struct table *table)
{
    enum status status = grow_chunk_list(table, 1);
    if (status != STATUS_OK) {
        return status;
    }
    char *chunk = block_new(chunk_size(table));
    if (chunk == NULL) {
        return STATUS_NO_MEMORY;
    }
    table->chunks[table->chunk_count++] = chunk;
    return STATUS_OK;
}

/* Three quarters full at most, so that probes stay within a cache line or two. */
static bool has_room(size_t slot_count, size_t row_count)
{
    return row_count * 4 <= slot_count * 3;
}

static bool is_full(const struct table *table)
{
    return table->count == table->chunk_count * TABLE_CHUNK_ROWS;
}

enum status table_append(struct table *table, uint64_t hash, void **out)
{
    CHECK(table->row_size >= sizeof(hash));
    if (table->count == UINT32_MAX - 1) {
        return STATUS_NO_MEMORY;
    }
    enum status status = is_full(table) ? grow_chunks(table) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    char *row = table_at(table, table->count++);
    memset(row, 0, table->row_size);
    memcpy(row, &hash, sizeof(hash));
    *out = row;
    return STATUS_OK;
}

enum status table_add(struct table *table, uint64_t hash, void **out)
{
    enum status status = STATUS_OK;
    if (table->slots == NULL || !has_room(table->slot_mask + 1, table->count + 1)) {
        status = grow_index(table);
    }
    if (status == STATUS_OK) {
        status = table_append(table, hash, out);
    }
    if (status == STATUS_OK) {
        place(table, (hash >> 32 << 32) | table->count);
    }
    return status;
}

/* Moves the last row of one table behind the other's, in whose last chunk there is room. */
static void move_last(struct table *table, struct table *from)
{
    memcpy(table_at(table, table->count++), table_at(from, --from->count), table->row_size);
}

enum status table_join(struct table *table, struct table *from)
{
    CHECK(table->row_size == from->row_size);
    CHECK(table->slots == NULL);
    CHECK(from->slots == NULL);
    if (from->count >= UINT32_MAX - table->count) {
        return STATUS_NO_MEMORY;
    }
    while (!is_full(table) && from->count > 0) {
        move_last(table, from);
    }
    enum status status = grow_chunk_list(table, from->chunk_count);
    if (status != STATUS_OK || from->count == 0) {
        return status;
    }
    memcpy(&table->chunks[table->chunk_count], from->chunks,
           from->chunk_count * sizeof(from->chunks[0]));
    table->chunk_count += from->chunk_count;
    table->count += from->count;
    from->chunk_count = 0; /* they are the other's now */
    table_release(from);
    return STATUS_OK;
}

/* Empties a slot and closes the gap, so that no probe ends early. */
static void erase_slot(struct table *table, size_t hole)
{
    size_t mask = table->slot_mask;
    for (size_t at = (hole + 1) & mask; table->slots[at] != 0; at = (at + 1) & mask) {
        size_t distance = (at - table_home(table, table->slots[at])) & mask;
        if (distance >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = 0;
}

void table_remove(struct table *table, size_t index)
{
    CHECK(index < table->count);
    void *row = table_at(table, index);
    size_t last = table->count - 1;
    erase_slot(table, slot_of(table, row));
    if (index != last) {
        void *moved = table_at(table, last);
        uint64_t *slot = &table->slots[slot_of(table, moved)];
        *slot = (*slot >> 32 << 32) | (index + 1);
        memcpy(row, moved, table->row_size);
    }
    table->count = last;
}

enum status table_fill(struct table *table, size_t count)
{
    CHECK(table->count == 0);
    if (count >= UINT32_MAX) {
        return STATUS_NO_MEMORY;
    }
    while (table->count < count) {
        enum status status = grow_chunks(table);
        if (status != STATUS_OK) {
            return status;
        }
        size_t left = count - table->count;
        size_t more = left < TABLE_CHUNK_ROWS ? left : TABLE_CHUNK_ROWS;
        table->count += more;
    }
    return STATUS_OK;
}

/*
 * Other threads may do the same. A row goes into the first free place from its home on, and no
 * place becomes free again, so of two equal hashes the later one always meets the earlier. False if
 * the row's hash is there already, or is none.
 */
static bool index_row(struct table *table, size_t index)
{
    uint64_t hash = table_hash(table_at(table, index));
    uint64_t word = (hash >> 32 << 32) | (index + 1);
    size_t at = table_home(table, hash);
    for (;; at = (at + 1) & table->slot_mask) {
        uint64_t slot = __atomic_load_n(&table->slots[at], __ATOMIC_RELAXED);
        if (slot == 0 && __atomic_compare_exchange_n(&table->slots[at], &slot, word, false,
                                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            return hash != 0;
        }
        if (((slot ^ hash) >> 32) == 0 && table_hash(table_at(table, (uint32_t)slot - 1)) == hash) {
            return false;
        }
    }
}

enum status table_index_begin(struct table *table)
{
    size_t slot_count = FIRST_SLOTS;
    CHECK(table->slots == NULL);
    while (!has_room(slot_count, table->count)) {
        slot_count *= 2;
    }
    return new_index(table, slot_count);
}

enum status table_index_rows(struct table *table, size_t first, size_t end)
{
    enum { AHEAD = 16 };
    CHECK(end <= table->count);
    for (size_t i = first; i < end; i++) {
        if (i + AHEAD < end) {
            table_prefetch(table, table_hash(table_at(table, i + AHEAD)));
        }
        if (!index_row(table, i)) {
            return STATUS_CORRUPT;
        }
    }
    return STATUS_OK;
}

enum status table_index(struct table *table)
{
    enum status status = table_index_begin(table);
    return status == STATUS_OK ? table_index_rows(table, 0, table->count) : status;
}

enum status table_need(struct table *table, uint64_t hash, void **out)
{
    void *row = table_find(table, hash);
    if (row == NULL) {
        return table_add(table, hash, out);
    }
    *out = row;
    return STATUS_OK;
}
