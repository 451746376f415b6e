#ifndef RANKER_CHANGES_H
#define RANKER_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/*
 * Which rows, by number, changed since the last mark, and which of those that had changed before it
 * still wait to be saved as they were then. Two bits a row. All zero is empty.
 */
struct changes {
    uint64_t *changed; /* owned; word_count words */
    uint64_t *waiting; /* owned; word_count words */
    size_t word_count;
    size_t next_word; /* no row waits in a word before this one */
};

void changes_release(struct changes *changes);

/* Makes room for rows below row_count. STATUS_NO_MEMORY changes nothing. */
MUST_USE enum status changes_reserve(struct changes *changes, size_t row_count);

/*
 * Called before a row for which there is room changes. True if it was waiting: the caller must save
 * it now, as it waits no more.
 */
static inline bool changes_touch(struct changes *changes, size_t row)
{
    uint64_t bit = UINT64_C(1) << (row % 64);
    bool waited = (changes->waiting[row / 64] & bit) != 0;
    changes->changed[row / 64] |= bit;
    changes->waiting[row / 64] &= ~bit;
    return waited;
}

/* Makes what changes_touch() looks at come near; nothing else. */
static inline void changes_prefetch(const struct changes *changes, size_t row)
{
    if (row / 64 < changes->word_count) {
        __builtin_prefetch(&changes->changed[row / 64]);
        __builtin_prefetch(&changes->waiting[row / 64]);
    }
}

/* Whether a row for which there is room has changed since the last mark. */
static inline bool changes_has(const struct changes *changes, size_t row)
{
    return (changes->changed[row / 64] >> (row % 64) & 1) != 0;
}

/*
 * What has changed of the rows below row_count now waits, and nothing has changed since. No row may
 * be waiting.
 */
void changes_mark(struct changes *changes, size_t row_count);

/* The first row that waits, which then waits no more. False when there is none. */
bool changes_take(struct changes *changes, size_t *row);

/* Every row below row_count, for which there is room, has changed, and none waits. */
void changes_fill(struct changes *changes, size_t row_count);

#endif
