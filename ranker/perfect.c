#include "ranker/perfect.h"

#include "ranker/check.h"

/*
 * With 32 slots a key, 48 keys find no two in one slot in about half of all trials (the birthday
 * problem: e^(-48^2 / (2 * 2048))); that 64 trials in a row fail is then out of the question.
 */
enum { SLOTS_PER_KEY = 32, TRIALS = 64 };

enum status perfect_init(struct perfect *map, struct arena *arena, size_t capacity)
{
    CHECK(capacity <= PERFECT_KEYS_MAX);
    unsigned bits = 1;
    while (((size_t)1 << bits) < SLOTS_PER_KEY * capacity) {
        bits++;
    }
    *map = (struct perfect){
        .shift = 64 - bits,
        .keys = arena_new(arena, uint64_t, capacity + 1),
        .values = arena_new(arena, double, capacity + 1),
        .slots = arena_new(arena, uint8_t, (size_t)1 << bits),
    };
    return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_OK;
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

void perfect_seal(struct perfect *map)
{
    uint64_t multiplier = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 over the golden ratio, odd */
    for (unsigned trial = 0; trial < TRIALS && !map->sealed; trial++) {
        map->multiplier = multiplier;
        map->sealed = try_multiplier(map, multiplier);
        if (!map->sealed) {
            memset(map->slots, 0, (size_t)1 << (64 - map->shift));
            multiplier *= UINT64_C(0xd1342543de82ef95); /* odd times odd stays odd */
        }
    }
}
