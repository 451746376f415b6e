#include "store/edits.h"

#include <stdlib.h>

struct edit_slot {
    uint64_t write; /* the write it belongs to */
    struct edit edit;
};

void edits_release(struct edits *edits)
{
    free(edits->slots);
    *edits = (struct edits){0};
}

void edits_clear(struct edits *edits)
{
    edits->write++;
    edits->edit_count = 0;
}

/* Slots of new memory say write 0, so the first write's number is 1 even without edits_clear(). */
static uint64_t write_number(const struct edits *edits)
{
    return edits->write + 1;
}

/* The slot of the video, or the empty slot where it belongs; video keys are hashes already. */
static struct edit_slot *find(const struct edits *edits, uint64_t video_key)
{
    size_t mask = edits->slot_count - 1;
    size_t i = (size_t)video_key & mask;
    while (edits->slots[i].write == write_number(edits) &&
           edits->slots[i].edit.video_key != video_key) {
        i = (i + 1) & mask;
    }
    return &edits->slots[i];
}

static enum status grow(struct edits *edits)
{
    struct edits grown = {
        .slot_count = edits->slot_count > 0 ? 2 * edits->slot_count : 256,
        .edit_count = edits->edit_count,
        .write = edits->write,
    };
    grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
    if (grown.slots == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < edits->slot_count; i++) {
        if (edits->slots[i].write == write_number(edits)) {
            *find(&grown, edits->slots[i].edit.video_key) = edits->slots[i];
        }
    }
    free(edits->slots);
    *edits = grown;
    return STATUS_OK;
}

const struct edit *edits_find(const struct edits *edits, uint64_t video_key)
{
    if (edits->edit_count == 0) {
        return NULL;
    }
    const struct edit_slot *slot = find(edits, video_key);
    return slot->write == write_number(edits) ? &slot->edit : NULL;
}

enum status edits_put(struct edits *edits, const struct edit *edit)
{
    if (2 * (edits->edit_count + 1) > edits->slot_count) {
        enum status status = grow(edits);
        if (status != STATUS_OK) {
            return status;
        }
    }
    struct edit_slot *slot = find(edits, edit->video_key);
    if (slot->write != write_number(edits)) {
        edits->edit_count++;
    }
    *slot = (struct edit_slot){.write = write_number(edits), .edit = *edit};
    return STATUS_OK;
}
