#ifndef RANKER_PERFECT_H
#define RANKER_PERFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/status.h"

/*
 * A map from 64-bit keys to numbers, for the length of a request, made for many look-ups without a
 * branch that depends on the key: once sealed, every key has a slot of its own (perfect hashing by
 * trial of multipliers), so one look decides. Key 0 means "none" and looks up 0.
 *
 * Keys have an index, from 1 in the order in which they came, so that others can keep more numbers
 * of them; 0 is that of keys that are not there.
 *
 * Keys that no multiplier tried tells apart, which takes somebody who chose them for that, make
 * look-ups walk over all of them instead: slower, and right. So do more than 255 keys, since a slot
 * has numbers for so many.
 */
enum { PERFECT_KEYS_MAX = 512 };

struct perfect {
    uint64_t *keys; /* by index; the first is 0 */
    double *values; /* by index; the first is 0 */
    unsigned count;
    unsigned shift; /* 64 less the binary logarithm of the slot count */
    bool sealed;    /* slots tell every key's index */
    uint64_t multiplier;
    uint8_t *slots; /* an index; 0 while free */
};

/* Room for capacity keys; more must not be added. STATUS_NO_MEMORY when the arena is full. */
MUST_USE enum status perfect_init(struct perfect *map, struct arena *arena, size_t capacity);

/* Adds a key, or changes its value, before the map is sealed. Key 0 is passed over. */
void perfect_put(struct perfect *map, uint64_t key, double value);

/* As perfect_put(), for a key that is not 0 and not in the map: does not look for it. */
void perfect_add(struct perfect *map, uint64_t key, double value);

/* Makes look-ups quick. Nothing may be put or added afterwards. STATUS_NO_MEMORY. */
MUST_USE enum status perfect_seal(struct perfect *map, struct arena *arena);

/* What look-ups do while the map is not sealed; apart, so that the code around stays small. */
__attribute__((pure, cold)) unsigned perfect_walk(const struct perfect *map, uint64_t key);

/* The index of key; 0 when it is not there. */
static inline unsigned perfect_index(const struct perfect *map, uint64_t key)
{
    if (!map->sealed) {
        return perfect_walk(map, key);
    }
    unsigned at = map->slots[(key * map->multiplier) >> map->shift];
    return at & -(unsigned)(map->keys[at] == key); /* not a jump: it would be hard to foretell */
}

/* The value of key; 0 when there is none. */
static inline double perfect_value(const struct perfect *map, uint64_t key)
{
    return map->values[perfect_index(map, key)];
}

#endif
