#include "server/recent.h"

#include <pthread.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/hash.h"

struct answer {
    XXH128_hash_t request; /* all of the request, not just its id */
    int64_t time_ms;
    char *data; /* owned; NULL: free */
    size_t size;
};

enum { SLOT_COUNT = RECENT_ANSWERS_MAX * 2 };

struct recent {
    pthread_mutex_t lock;
    /* All below: guarded by lock. */
    struct answer answers[RECENT_ANSWERS_MAX];
    size_t next;
    uint16_t
        slots[SLOT_COUNT]; /* answer index + 1 by hash; 0: none. The last writer of a slot wins. */
};

struct recent *recent_new(void)
{
    struct recent *recent = calloc(1, sizeof(*recent));
    if (recent != NULL) {
        CHECK(pthread_mutex_init(&recent->lock, NULL) == 0);
    }
    return recent;
}

void recent_free(struct recent *recent)
{
    if (recent == NULL) {
        return;
    }
    for (size_t i = 0; i < RECENT_ANSWERS_MAX; i++) {
        free(recent->answers[i].data);
    }
    pthread_mutex_destroy(&recent->lock);
    free(recent);
}

static struct answer *find_locked(struct recent *recent, XXH128_hash_t request, int64_t now_ms)
{
    uint16_t slot = recent->slots[request.low64 % SLOT_COUNT];
    if (slot == 0) {
        return NULL;
    }
    struct answer *answer = &recent->answers[slot - 1];
    bool same = answer->data != NULL && XXH128_isEqual(answer->request, request);
    int64_t age_ms = now_ms - answer->time_ms; /* far below 0 when the clock was set back */
    bool recent_enough = age_ms < RECENT_LIFE_MS && age_ms > -RECENT_LIFE_MS;
    return same && recent_enough ? answer : NULL;
}

bool recent_find(struct recent *recent, struct text request, int64_t now_ms, struct arena *arena,
                 struct text *answer)
{
    XXH128_hash_t hash = XXH3_128bits(request.data, request.size);
    CHECK(pthread_mutex_lock(&recent->lock) == 0);
    const struct answer *found = find_locked(recent, hash, now_ms);
    char *copy = found != NULL ? arena_new(arena, char, found->size) : NULL;
    if (copy != NULL) {
        *answer = (struct text){memcpy(copy, found->data, found->size), found->size};
    }
    CHECK(pthread_mutex_unlock(&recent->lock) == 0);
    return copy != NULL;
}

void recent_add(struct recent *recent, struct text request, int64_t now_ms, struct text answer)
{
    if (answer.size == 0 || answer.size > RECENT_ANSWER_BYTES_MAX) {
        return;
    }
    char *copy = malloc(answer.size);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, answer.data, answer.size);
    XXH128_hash_t hash = XXH3_128bits(request.data, request.size);

    CHECK(pthread_mutex_lock(&recent->lock) == 0);
    struct answer *place = &recent->answers[recent->next];
    char *old = place->data;
    *place = (struct answer){hash, now_ms, copy, answer.size};
    recent->slots[hash.low64 % SLOT_COUNT] = (uint16_t)(recent->next + 1);
    recent->next = (recent->next + 1) % RECENT_ANSWERS_MAX;
    CHECK(pthread_mutex_unlock(&recent->lock) == 0);
    free(old);
}
