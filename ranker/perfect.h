#ifndef RANKER_PERFECT_H
#define RANKER_PERFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/arena.h"
#include "ranker/status.h"

/*
 * A map from at most PERFECT_KEYS_MAX 64-bit keys to numbers, for the length of a request, made for
 * many look-ups without a branch that depends on the key: once sealed, every key has a slot of its
 * own (perfect hashing by trial of multipliers), so one look decides. Key 0 means "none" and looks
 * up 0.
 *
 * Keys that no multiplier tried tells apart, which takes somebody who chose them for that, make
 * look-ups walk over all of them instead: slower, and right. So do 256 keys, since a slot has
 * numbers for 255.
 */
enum { PERFECT_KEYS_MAX = 256 };

struct perfect_entry {
    uint64_t key;
    double value;
};

struct perfect {
    struct perfect_entry *entries; /* from 1; both of the first are 0 */
    unsigned count;
    unsigned shift; /* 64 less the binary logarithm of the slot count */
    bool sealed;    /* slots tell every key's index */
    uint64_t multiplier;
    uint8_t *slots; /* index into entries; 0 while free */
};

/* Room for capacity keys; more must not be added. STATUS_NO_MEMORY when the arena is full. */
MUST_USE enum status perfect_init(struct perfect *map, struct arena *arena, size_t capacity);

/* Adds a key, or changes its value, before the map is sealed. Key 0 is passed over. */
void perfect_put(struct perfect *map, uint64_t key, double value);

/* As perfect_put(), for a key that is not 0 and not in the map: does not look for it. */
void perfect_add(struct perfect *map, uint64_t key, double value);

/* Makes look-ups quick. Nothing may be put or added afterwards. */
void perfect_seal(struct perfect *map);

/* The number, if wanted, else 0, without a branch. */
static inline uint64_t perfect_bits(double value, bool wanted)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits & -(uint64_t)wanted;
}

/* What look-ups do while the map is not sealed; apart, so that the code around stays small. */
__attribute__((pure, cold)) uint64_t perfect_walk(const struct perfect *map, uint64_t key);

/* The value of key; 0 when there is none. */
static inline double perfect_value(const struct perfect *map, uint64_t key)
{
    uint64_t found;
    if (__builtin_expect(map->sealed, true)) {
        unsigned at = map->slots[(key * map->multiplier) >> map->shift];
        found = perfect_bits(map->entries[at].value, map->entries[at].key == key);
    } else {
        found = perfect_walk(map, key);
    }
    double value;
    memcpy(&value, &found, sizeof(value));
    return value;
}

#endif
