/* For the adaptive mutex; must precede every include. */
#define _GNU_SOURCE

#include "server/weights_slot.h"

#include "ranker/check.h"

/*
 * Between reading the pointer and counting the reference somebody may swap, so both happen under a
 * lock. It is held for an addition: who finds it taken spins rather than sleeps.
 */
void weights_slot_init(struct weights_slot *slot, struct weights *weights)
{
    pthread_mutexattr_t spinning;
    CHECK(weights != NULL);
    CHECK(pthread_mutexattr_init(&spinning) == 0);
    CHECK(pthread_mutexattr_settype(&spinning, PTHREAD_MUTEX_ADAPTIVE_NP) == 0);
    CHECK(pthread_mutex_init(&slot->lock, &spinning) == 0);
    CHECK(pthread_mutexattr_destroy(&spinning) == 0);
    slot->weights = weights;
}

void weights_slot_release(struct weights_slot *slot)
{
    weights_unref(slot->weights);
    slot->weights = NULL;
    CHECK(pthread_mutex_destroy(&slot->lock) == 0);
}

struct weights *weights_slot_ref(struct weights_slot *slot)
{
    CHECK(pthread_mutex_lock(&slot->lock) == 0);
    struct weights *weights = weights_ref(slot->weights);
    CHECK(pthread_mutex_unlock(&slot->lock) == 0);
    return weights;
}

void weights_slot_swap(struct weights_slot *slot, struct weights *weights)
{
    CHECK(weights != NULL);
    CHECK(pthread_mutex_lock(&slot->lock) == 0);
    struct weights *before = slot->weights;
    slot->weights = weights;
    CHECK(pthread_mutex_unlock(&slot->lock) == 0);
    weights_unref(before); /* may free, which takes longer than the lock should be held */
}
