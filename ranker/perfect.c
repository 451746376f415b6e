#include "ranker/perfect.h"

#include <string.h>

#include "ranker/check.h"

/*
 * n keys find no two in one of s slots in e^(-n^2 / (2 s)) of all trials (the birthday problem).
 * With 32 slots a key that is about half for 48 keys, but 2 % for 255: with n^2 / CROWD slots it is
 * an eighth (e^-2) at least. That 64 trials in a row fail is then out of the question.
 */
enum { SLOTS_PER_KEY = 32, CROWD = 4, TRIALS = 64 };

/* Binary logarithm of the number of slots. */
static unsigned slot_bits(size_t count)
{
    unsigned bits = 1;
    size_t spacious = SLOTS_PER_KEY * count;
    size_t crowded = count * count / CROWD;
    while (((size_t)1 << bits) < (spacious > crowded ? spacious : crowded)) {
        bits++;
    }
    return bits;
}

enum status perfect_init(struct perfect *map, struct arena *arena, size_t capacity)
{
    CHECK(capacity <= PERFECT_KEYS_MAX);
    *map = (struct perfect){
        .keys = arena_new_raw(arena, uint64_t, capacity + 1),
        .values = arena_new_raw(arena, double, capacity + 1),
    };
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    map->keys[0] = 0;
    map->values[0] = 0;
    return STATUS_OK;
}

void perfect_put(struct perfect *map, uint64_t key, double value)
{
    CHECK(!map->sealed);
    if (key == 0) {
        return;
    }
    unsigned at = 1;
    while (at <= map->count && map->keys[at] != key) {
        at++;
    }
    map->keys[at] = key;
    map->values[at] = value;
    map->count = at > map->count ? at : map->count;
}

void perfect_add(struct perfect *map, uint64_t key, double value)
{
    CHECK(!map->sealed);
    CHECK(key != 0);
    map->keys[++map->count] = key;
    map->values[map->count] = value;
}

/* Gives each key its slot; false, with some given, when two fall into one. */
static bool try_multiplier(struct perfect *map, uint64_t multiplier)
{
    for (unsigned i = 1; i <= map->count; i++) {
        uint8_t *slot = &map->slots[(map->keys[i] * multiplier) >> map->shift];
        if (*slot != 0) {
            return false;
        }
        *slot = (uint8_t)i;
    }
    return true;
}

enum status perfect_seal(struct perfect *map, struct arena *arena)
{
    if (map->count > UINT8_MAX) { /* a slot cannot tell each key */
        return STATUS_OK;
    }
    unsigned bits = slot_bits(map->count);
    uint64_t multiplier = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 over the golden ratio, odd */
    map->shift = 64 - bits;
    map->slots = arena_new(arena, uint8_t, (size_t)1 << bits);
    for (unsigned trial = 0; map->slots != NULL && trial < TRIALS && !map->sealed; trial++) {
        map->multiplier = multiplier;
        map->sealed = try_multiplier(map, multiplier);
        if (!map->sealed) {
            memset(map->slots, 0, (size_t)1 << bits);
            multiplier *= UINT64_C(0xd1342543de82ef95); /* odd times odd stays odd */
        }
    }
    return map->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

unsigned perfect_walk(const struct perfect *map, uint64_t key)
{
    unsigned at = map->count;
    while (at > 0 && map->keys[at] != key) {
        at--;
    }
    return at;
}
