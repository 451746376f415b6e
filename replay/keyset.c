#include "replay/keyset.h"

#include <stdlib.h>

#include "ranker/check.h"

enum { FIRST_SLOTS = 1024 };

/* Open addressing, at most three quarters full; 0 marks a free slot. */
struct keyset {
    uint64_t *slots;
    size_t slot_count; /* a power of 2 */
    size_t count;
    size_t limit;
};

struct keyset *keyset_new(size_t limit)
{
    struct keyset *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        return NULL;
    }
    set->limit = limit;
    set->slot_count = FIRST_SLOTS;
    set->slots = calloc(FIRST_SLOTS, sizeof(*set->slots));
    if (set->slots == NULL) {
        free(set);
        return NULL;
    }
    return set;
}

void keyset_free(struct keyset *set)
{
    if (set != NULL) {
        free(set->slots);
        free(set);
    }
}

/* The slot that holds key, or the free one where it would go. */
static uint64_t *slot_of(uint64_t *slots, size_t slot_count, uint64_t key)
{
    size_t at = (size_t)key & (slot_count - 1);
    while (slots[at] != 0 && slots[at] != key) {
        at = (at + 1) & (slot_count - 1);
    }
    return &slots[at];
}

static enum status grow(struct keyset *set)
{
    size_t wider_count = set->slot_count * 2;
    uint64_t *wider = calloc(wider_count, sizeof(*wider));
    if (wider == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i] != 0) {
            *slot_of(wider, wider_count, set->slots[i]) = set->slots[i];
        }
    }
    free(set->slots);
    set->slots = wider;
    set->slot_count = wider_count;
    return STATUS_OK;
}

enum status keyset_add(struct keyset *set, uint64_t key, bool *added)
{
    CHECK(key != 0);
    uint64_t *slot = slot_of(set->slots, set->slot_count, key);
    if (*slot == key || set->count == set->limit) {
        *added = *slot != key;
        return STATUS_OK;
    }
    if (set->count + 1 > set->slot_count / 4 * 3) {
        enum status status = grow(set);
        if (status != STATUS_OK) {
            return status;
        }
        slot = slot_of(set->slots, set->slot_count, key);
    }
    *slot = key;
    set->count++;
    *added = true;
    return STATUS_OK;
}

bool keyset_has(const struct keyset *set, uint64_t key)
{
    CHECK(key != 0);
    return *slot_of(set->slots, set->slot_count, key) == key;
}
