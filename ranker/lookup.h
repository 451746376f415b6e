#ifndef RANKER_LOOKUP_H
#define RANKER_LOOKUP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/arena.h"
#include "ranker/status.h"

/*
 * A small map from 64-bit keys to numbers, for the length of a request: open addressing in the
 * arena, at most a quarter full, and never wrapping round: the slots go on past the last home.
 * Key 0 means "none": it is never stored, and looks up 0.
 */
struct lookup_slot {
    uint64_t key; /* 0: free */
    double value; /* 0 while free */
};

struct lookup {
    struct lookup_slot *slots;
    unsigned shift; /* 64 less the binary logarithm of the number of homes */
    unsigned reach; /* no key lies this far from its home */
};

/* Room for capacity keys; more must not be added. STATUS_NO_MEMORY when the arena is full. */
MUST_USE enum status lookup_init(struct lookup *lookup, struct arena *arena, size_t capacity);

static inline struct lookup_slot *lookup_home(const struct lookup *lookup, uint64_t key)
{
    const uint64_t golden = 0x9e3779b97f4a7c15; /* 2^64 over the golden ratio: spreads small keys */
    return &lookup->slots[(key * golden) >> lookup->shift];
}

/*
 * The slot of key, or the free one where it belongs, whose key the caller may then write: what is
 * put like that is found by lookup_slot() only.
 */
static inline struct lookup_slot *lookup_slot(const struct lookup *lookup, uint64_t key)
{
    struct lookup_slot *slot = lookup_home(lookup, key);
    while (slot->key != key && slot->key != 0) {
        slot++;
    }
    return slot;
}

static inline void lookup_put(struct lookup *lookup, uint64_t key, double value)
{
    if (key == 0) {
        return;
    }
    struct lookup_slot *slot = lookup_slot(lookup, key);
    unsigned distance = (unsigned)(slot - lookup_home(lookup, key)) + 1;
    if (distance > lookup->reach) {
        lookup->reach = distance;
    }
    *slot = (struct lookup_slot){.key = key, .value = value};
}

/*
 * The value of key; 0 when there is none. Looks at every slot in reach whatever it finds: a loop
 * that left at the right slot would be mispredicted for nearly every key.
 */
static inline double lookup_value(const struct lookup *lookup, uint64_t key)
{
    const struct lookup_slot *slots = lookup_home(lookup, key);
    uint64_t found = 0;
    for (unsigned i = 0; i < lookup->reach; i++) {
        uint64_t bits;
        memcpy(&bits, &slots[i].value, sizeof(bits));
        found |= bits & -(uint64_t)(slots[i].key == key);
    }
    double value;
    memcpy(&value, &found, sizeof(value));
    return value;
}

#endif
