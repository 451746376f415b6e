#include "ranker/perfect.h"

#include "ranker/check.h"

/*
 * n keys find no two in one of s slots in e^(-n^2 / (2 s)) of all trials (the birthday problem).
 * With 32 slots a key that is about half for 48 keys, but 2 % for 255: with n^2 / CROWD slots it is
 * an eighth (e^-2) at least. That 64 trials in a row fail is then out of the question.
 */
enum { SLOTS_PER_KEY = 32, CROWD = 4, TRIALS = 64 };

/* Binary logarithm of the number of slots. */
static unsigned slot_bits(size_t capacity)
{
    unsigned bits = 1;
    size_t spacious = SLOTS_PER_KEY * capacity;
    size_t crowded = capacity * capacity / CROWD;
    while (((size_t)1 << bits) < (spacious > crowded ? spacious : crowded)) {
        bits++;
    }
    return bits;
}

enum status perfect_init(struct perfect *map, struct arena *arena, size_t capacity)
{
    CHECK(capacity <= PERFECT_KEYS_MAX);
    unsigned bits = slot_bits(capacity);
    *map = (struct perfect){
        .shift = 64 - bits,
        .entries = arena_new(arena, struct perfect_entry, capacity + 1),
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
    while (at <= map->count && map->entries[at].key != key) {
        at++;
    }
    map->entries[at] = (struct perfect_entry){.key = key, .value = value};
    map->count = at > map->count ? at : map->count;
}

void perfect_add(struct perfect *map, uint64_t key, double value)
{
    CHECK(!map->sealed);
    CHECK(key != 0);
    map->entries[++map->count] = (struct perfect_entry){.key = key, .value = value};
}

/* Gives each key its slot; false, with some given, when two fall into one. */
static bool try_multiplier(struct perfect *map, uint64_t multiplier)
{
    for (unsigned i = 1; i <= map->count; i++) {
        uint8_t *slot = &map->slots[(map->entries[i].key * multiplier) >> map->shift];
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
    bool numbered = map->count <= UINT8_MAX;            /* a slot can tell each key */
    for (unsigned trial = 0; numbered && trial < TRIALS && !map->sealed; trial++) {
        map->multiplier = multiplier;
        map->sealed = try_multiplier(map, multiplier);
        if (!map->sealed) {
            memset(map->slots, 0, (size_t)1 << (64 - map->shift));
            multiplier *= UINT64_C(0xd1342543de82ef95); /* odd times odd stays odd */
        }
    }
}

uint64_t perfect_walk(const struct perfect *map, uint64_t key)
{
    uint64_t found = 0;
    for (unsigned at = 1; at <= map->count; at++) {
        found |= perfect_bits(map->entries[at].value, map->entries[at].key == key);
    }
    return found;
}
