#ifndef SERVER_WEIGHTS_SLOT_H
#define SERVER_WEIGHTS_SLOT_H

#include <pthread.h>

#include "ranker/weights.h"

/*
 * The weights in force. A request takes a reference when it begins and gives it back when its
 * answer is packed, so it sees one version throughout; those swapped out end with their last
 * request. Any thread.
 */
struct weights_slot {
    pthread_mutex_t lock;
    struct weights *weights; /* guarded by lock; one reference is the slot's */
};

/* Takes the caller's reference. */
void weights_slot_init(struct weights_slot *slot, struct weights *weights);

/* Gives the slot's reference back; nobody may use the slot any more. */
void weights_slot_release(struct weights_slot *slot);

/* The weights in force; the caller ends the reference with weights_unref(). Never NULL. */
struct weights *weights_slot_ref(struct weights_slot *slot);

/* Puts others in force, taking the caller's reference. */
void weights_slot_swap(struct weights_slot *slot, struct weights *weights);

#endif
