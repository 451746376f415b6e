#include "store/window.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#include "ranker/check.h"
#include "ranker/hash.h"

/*
 * Where a key lies, found by hash in a table of slots with linear probing. A slot holds 32 bits of
 * the hash, enough to move slots about without looking at keys, and the key's place: below length
 * an index into the ring, from length on an index into pending.
 */
struct slot {
    uint32_t hash;
    uint32_t place_plus_1; /* 0: empty */
};

struct window {
    struct event_key *ring; /* the committed keys; the oldest is at next once the ring is full */
    size_t length;
    size_t count;
    size_t next;
    struct event_key *pending;
    size_t pending_count;
    size_t pending_capacity;
    struct slot *slots;
    size_t slot_count; /* a power of two, more than the keys */
    uint64_t seed;     /* a client that chooses ids cannot choose slots */
};

enum { PENDING_MAX = 1 << 30 };

/* At most two thirds of the slots are used, so that probes stay short and always meet an empty one.
 */
static size_t slots_for(size_t keys)
{
    size_t slot_count = 16;
    while (slot_count / 3 * 2 < keys) {
        slot_count *= 2;
    }
    return slot_count;
}

struct window *window_new(size_t length)
{
    CHECK(length >= 1);
    CHECK(length <= WINDOW_LENGTH_MAX);

    struct window *window = calloc(1, sizeof(*window));
    if (window == NULL) {
        return NULL;
    }
    window->length = length;
    window->slot_count = slots_for(length);
    window->ring = calloc(length, sizeof(*window->ring));
    window->slots = calloc(window->slot_count, sizeof(*window->slots));
    if (window->ring == NULL || window->slots == NULL) {
        window_free(window);
        return NULL;
    }
    /* Without randomness (no entropy yet at boot) the window is only easier to slow down. */
    (void)!getrandom(&window->seed, sizeof(window->seed), GRND_NONBLOCK);
    return window;
}

void window_free(struct window *window)
{
    if (window == NULL) {
        return;
    }
    free(window->ring);
    free(window->pending);
    free(window->slots);
    free(window);
}

static uint32_t hash_of(const struct window *window, struct event_key key)
{
    return (uint32_t)XXH3_64bits_withSeed(&key, sizeof(key), window->seed);
}

static const struct event_key *key_at(const struct window *window, uint32_t place)
{
    return place < window->length ? &window->ring[place] : &window->pending[place - window->length];
}

/* The slot of key, or the empty slot where it belongs. */
static struct slot *find(const struct window *window, struct event_key key, uint32_t hash)
{
    size_t mask = window->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct slot *slot = &window->slots[i];
        if (slot->place_plus_1 == 0) {
            return slot;
        }
        if (slot->hash == hash) {
            const struct event_key *other = key_at(window, slot->place_plus_1 - 1);
            if (other->low == key.low && other->high == key.high) {
                return slot;
            }
        }
    }
}

/* Empties slots[hole] and closes the gap, so that no probe stops early. */
static void erase(struct window *window, size_t hole)
{
    size_t mask = window->slot_count - 1;
    for (size_t i = (hole + 1) & mask; window->slots[i].place_plus_1 != 0; i = (i + 1) & mask) {
        size_t distance = (i - window->slots[i].hash) & mask; /* from where it would like to be */
        if (distance >= ((i - hole) & mask)) {
            window->slots[hole] = window->slots[i];
            hole = i;
        }
    }
    window->slots[hole].place_plus_1 = 0;
}

/* Forgets the key at place, unless a newer place has taken over its slot. */
static void forget(struct window *window, uint32_t place)
{
    struct event_key key = *key_at(window, place);
    struct slot *slot = find(window, key, hash_of(window, key));
    if (slot->place_plus_1 == place + 1) {
        erase(window, (size_t)(slot - window->slots));
    }
}

static enum status grow_slots(struct window *window)
{
    size_t slot_count = window->slot_count * 2;
    struct slot *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < window->slot_count; i++) {
        if (window->slots[i].place_plus_1 != 0) {
            size_t at = window->slots[i].hash & (slot_count - 1);
            while (slots[at].place_plus_1 != 0) {
                at = (at + 1) & (slot_count - 1);
            }
            slots[at] = window->slots[i];
        }
    }
    free(window->slots);
    window->slots = slots;
    window->slot_count = slot_count;
    return STATUS_OK;
}

static enum status make_room(struct window *window)
{
    if (window->pending_count == window->pending_capacity) {
        size_t capacity = window->pending_capacity > 0 ? 2 * window->pending_capacity : 256;
        struct event_key *pending =
            capacity <= PENDING_MAX ? realloc(window->pending, capacity * sizeof(*pending)) : NULL;
        if (pending == NULL) {
            return STATUS_NO_MEMORY;
        }
        window->pending = pending;
        window->pending_capacity = capacity;
    }
    if (window->count + window->pending_count >= window->slot_count / 3 * 2) {
        return grow_slots(window);
    }
    return STATUS_OK;
}

void window_prefetch(const struct window *window, struct event_key key)
{
    __builtin_prefetch(&window->slots[hash_of(window, key) & (window->slot_count - 1)]);
}

bool window_contains(const struct window *window, struct event_key key)
{
    return find(window, key, hash_of(window, key))->place_plus_1 != 0;
}

enum status window_add(struct window *window, struct event_key key)
{
    enum status status = make_room(window);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t hash = hash_of(window, key);
    size_t place = window->length + window->pending_count;
    window->pending[window->pending_count++] = key;
    *find(window, key, hash) = (struct slot){.hash = hash, .place_plus_1 = (uint32_t)place + 1};
    return STATUS_OK;
}

static void commit_one(struct window *window, struct event_key key)
{
    if (window->count == window->length) {
        forget(window, (uint32_t)window->next);
    } else {
        window->count++;
    }
    uint32_t hash = hash_of(window, key);
    window->ring[window->next] = key;
    *find(window, key, hash) =
        (struct slot){.hash = hash, .place_plus_1 = (uint32_t)window->next + 1};
    window->next = window->next + 1 < window->length ? window->next + 1 : 0;
}

/* The slot of the key that is forgotten some commits later; others get the next places first. */
static void prefetch_oldest(const struct window *window)
{
    enum { AHEAD = 8 };
    if (window->count == window->length) {
        size_t place = window->next + AHEAD;
        window_prefetch(window, window->ring[place < window->length ? place : window->next]);
    }
}

void window_commit(struct window *window)
{
    for (size_t i = 0; i < window->pending_count; i++) {
        prefetch_oldest(window);
        commit_one(window, window->pending[i]);
    }
    window->pending_count = 0;
}

void window_undo(struct window *window)
{
    while (window->pending_count > 0) {
        window->pending_count--;
        forget(window, (uint32_t)(window->length + window->pending_count));
    }
}

void window_remove(struct window *window, struct event_key key)
{
    CHECK(window->pending_count == 0);
    const struct slot *slot = find(window, key, hash_of(window, key));
    if (slot->place_plus_1 != 0) {
        uint32_t place = slot->place_plus_1 - 1;
        forget(window, place);
        window->ring[place] = (struct event_key){0};
    }
}

size_t window_count(const struct window *window)
{
    return window->count;
}

size_t window_length(const struct window *window)
{
    return window->length;
}
