#ifndef STORE_EDITS_H
#define STORE_EDITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/*
 * What the entries of one write do to the catalogue before it is applied, so that a repeat within
 * the write is recognised like one of a stored video. One thread at a time.
 */
struct edit {
    uint64_t video_key;
    uint64_t content_hash; /* of the newest version; meaningless when deleted */
    bool deleted;
};

struct edits {
    struct edit_slot *slots; /* owned; a power of two, open addressing */
    size_t slot_count;
    size_t edit_count;
    uint64_t write; /* slots of earlier writes are empty */
};

/* All zero is empty too. */
void edits_release(struct edits *edits);

/* Forgets everything, in no time. Called before each write. */
void edits_clear(struct edits *edits);

/* NULL when this write has not touched the video. The pointer lives until the next edits_put(). */
const struct edit *edits_find(const struct edits *edits, uint64_t video_key);

/* Replaces what the write has done to the video. STATUS_NO_MEMORY changes nothing. */
MUST_USE enum status edits_put(struct edits *edits, const struct edit *edit);

#endif
