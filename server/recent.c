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
    uint16_t older; /* the next older answer of its slot, as its index + 1; 0: none */
};

enum { SLOT_COUNT = RECENT_ANSWERS_MAX * 2 };

struct recent {
    pthread_mutex_t lock;
    /* All below: guarded by lock. */
    struct answer answers[RECENT_ANSWERS_MAX];
    size_t next;
    uint16_t slots[SLOT_COUNT]; /* by hash, the newest answer's index + 1; 0: none */
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

static uint16_t *slot_of(struct recent *recent, XXH128_hash_t request)
{
    return &recent->slots[request.low64 % SLOT_COUNT];
}

static struct answer *find_locked(struct recent *recent, XXH128_hash_t request, int64_t now_ms)
{
    uint16_t at = *slot_of(recent, request);
    while (at != 0 && !XXH128_isEqual(recent->answers[at - 1].request, request)) {
        at = recent->answers[at - 1].older;
    }
    if (at == 0) {
        return NULL;
    }
    struct answer *answer = &recent->answers[at - 1];
    int64_t age_ms = now_ms - answer->time_ms; /* far below 0 when the clock was set back */
    return age_ms < RECENT_LIFE_MS && age_ms > -RECENT_LIFE_MS ? answer : NULL;
}

/* Takes the oldest answer, which is the last of its slot, out of it. */
static void unlink_locked(struct recent *recent, size_t index)
{
    uint16_t *at = slot_of(recent, recent->answers[index].request);
    while (*at != index + 1) {
        CHECK(*at != 0);
        at = &recent->answers[*at - 1].older;
    }
    *at = 0;
}

/* Puts an answer in the place of the oldest, whose text is returned; NULL if there was none. */
static char *put_locked(struct recent *recent, const struct answer *answer)
{
    size_t index = recent->next;
    char *old = recent->answers[index].data;
    if (old != NULL) {
        unlink_locked(recent, index);
    }
    uint16_t *slot = slot_of(recent, answer->request);
    recent->answers[index] = *answer;
    recent->answers[index].older = *slot;
    *slot = (uint16_t)(index + 1);
    recent->next = (index + 1) % RECENT_ANSWERS_MAX;
    return old;
}

bool recent_find(struct recent *recent, struct text request, int64_t now_ms, struct arena *arena,
                 struct text *answer)
{
    XXH128_hash_t hash = XXH3_128bits(request.data, request.size);
    CHECK(pthread_mutex_lock(&recent->lock) == 0);
    const struct answer *found = find_locked(recent, hash, now_ms);
    char *copy = found != NULL ? arena_new_raw(arena, char, found->size) : NULL;
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
    struct answer added = {.request = XXH3_128bits(request.data, request.size),
                           .time_ms = now_ms,
                           .data = copy,
                           .size = answer.size};
    CHECK(pthread_mutex_lock(&recent->lock) == 0);
    char *old = put_locked(recent, &added);
    CHECK(pthread_mutex_unlock(&recent->lock) == 0);
    free(old);
}
