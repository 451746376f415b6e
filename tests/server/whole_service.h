#ifndef TESTS_SERVER_WHOLE_SERVICE_H
#define TESTS_SERVER_WHOLE_SERVICE_H

#include <limits.h>

#include "server/health.h"
#include "server/reflection.h"
#include "server/service.h"
#include "store/keeper.h"

/*
 * All methods of a server on a real store with its journal, without a network: what a transport
 * does with a turn, and what must be true of each. Every answer is journaled. One thread.
 */
enum { WHOLE_METHOD_COUNT = SERVICE_METHOD_COUNT + HEALTH_METHOD_COUNT + REFLECTION_METHOD_COUNT };

struct whole_service {
    char directory[PATH_MAX];
    struct store *store;
    struct journal *journal;
    struct keeper *keeper;
    struct weights_life *life;
    struct service *service;
    struct descriptors *descriptors;
    struct health *health;
    struct method methods[WHOLE_METHOD_COUNT];
};

/* On a new store, in memory where the system has such a place. CHECKs that all goes well. */
void whole_service_open(struct whole_service *whole);

/* The store goes too. */
void whole_service_close(struct whole_service *whole);

/*
 * Opens the store again from its log alone and CHECKs that the state is the same; then closes. The
 * state is a function of the log.
 */
void whole_service_close_checked(struct whole_service *whole);

/*
 * Takes turns until the message is dealt with: turn->request, decoded, or NULL for a client
 * stream's end. CHECKs that this ends, that what succeeds has an answer that can be read, and that
 * what fails says why, with a code that clients can act on. Returns whether it succeeded, and then
 * turn->status is STATUS_OK. A server stream's arena is reset after each of its turns.
 */
bool whole_service_run(struct whole_service *whole, const struct method *method, struct turn *turn);

/* Decodes turn->request_bytes into the arena; false where they are none, or memory ends before. */
bool whole_service_decode(const struct method *method, struct turn *turn);

void whole_service_digest(struct whole_service *whole, struct state_digests *out);

#endif
