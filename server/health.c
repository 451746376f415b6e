#include "server/health.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"

struct health {
    atomic_bool serving;
    size_t count; /* of services, set once */
    const ProtobufCServiceDescriptor *services[];
};

/* Of one Watch. */
struct watch_state {
    bool known;
    int told; /* status last sent */
};

static bool has_service(const struct health *health, const char *name)
{
    for (size_t i = 0; i < health->count; i++) {
        if (strcmp(health->services[i]->name, name) == 0) {
            return true;
        }
    }
    return *name == '\0';
}

enum status health_new(const struct method *methods, size_t count, struct health **out)
{
    struct health *health = calloc(1, sizeof(*health) + count * sizeof(health->services[0]));
    if (health == NULL) {
        return STATUS_NO_MEMORY;
    }
    atomic_init(&health->serving, true);
    for (size_t i = 0; i < count; i++) {
        if (!has_service(health, methods[i].service->name)) {
            health->services[health->count++] = methods[i].service;
        }
    }
    *out = health;
    return STATUS_OK;
}

void health_free(struct health *health)
{
    free(health);
}

void health_set(struct health *health, bool serving)
{
    atomic_store(&health->serving, serving);
}

static int serving_status(struct health *health)
{
    return atomic_load(&health->serving)
               ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
               : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

/* Returns false when the arena is full; the turn then carries the failure. */
static bool answer(struct turn *turn, int status)
{
    Grpc__Health__V1__HealthCheckResponse *response =
        arena_new(turn->arena, Grpc__Health__V1__HealthCheckResponse, 1);
    if (response == NULL) {
        turn->status = STATUS_NO_MEMORY;
        problem_set(&turn->problem, "no memory for the answer");
        return false;
    }
    grpc__health__v1__health_check_response__init(response);
    response->status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
    turn->response = &response->base;
    return true;
}

static enum turn_step check(void *context, struct turn *turn)
{
    struct health *health = context;
    const Grpc__Health__V1__HealthCheckRequest *request = (const void *)turn->request;
    if (!has_service(health, request->service)) {
        turn->status = STATUS_NOT_FOUND;
        problem_set(&turn->problem, "service: found \"%.128s\", which this server does not have",
                    request->service);
        return TURN_DONE;
    }
    (void)answer(turn, serving_status(health));
    return TURN_DONE;
}

static enum turn_step watch(void *context, struct turn *turn)
{
    struct health *health = context;
    struct watch_state *state = turn->state;
    int status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    if (turn->request != NULL) {
        const Grpc__Health__V1__HealthCheckRequest *request = (const void *)turn->request;
        state->known = has_service(health, request->service);
    }
    if (state->known) {
        status = serving_status(health);
    }
    if (status == state->told) { /* 0, UNKNOWN, before the first */
        return TURN_WAIT;
    }
    state->told = status;
    return answer(turn, status) ? TURN_MORE : TURN_DONE;
}

void health_methods(struct health *health, struct method out[HEALTH_METHOD_COUNT])
{
    out[0] = (struct method){.service = &grpc__health__v1__health__descriptor,
                             .name = "Check",
                             .kind = METHOD_UNARY,
                             .roles = ROLES_OPEN,
                             .begin = check,
                             .context = health};
    out[1] = (struct method){.service = &grpc__health__v1__health__descriptor,
                             .name = "Watch",
                             .kind = METHOD_SERVER_STREAM,
                             .roles = ROLES_OPEN,
                             .begin = watch,
                             .context = health};
}
