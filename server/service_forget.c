#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/wire_check.h"
#include "reelrank/v1/user.pb-c.h"
#include "server/service_internal.h"
#include "store/payload.h"

/* What a call keeps between asking and its answer. */
struct forget_state {
    uint64_t user_key;
    bool was_known;
};

_Static_assert(sizeof(struct forget_state) <= METHOD_STATE_SIZE,
               "a forgetting fits a call's state");

static bool is_known(struct service *service, struct turn *turn, uint64_t user_key)
{
    const struct user *user = NULL;
    const struct state *state = store_begin(service->store);
    enum status status = state_find_user(state, user_key, turn->arena, &user);
    store_end(service->store);
    return status != STATUS_OK || user != NULL; /* one that cannot be read is there too */
}

enum turn_step service_forget_user(void *context, struct turn *turn)
{
    const Reelrank__V1__ForgetUserRequest *request =
        (const Reelrank__V1__ForgetUserRequest *)turn->request;
    struct forget_state *state = turn->state;
    enum status status =
        wire_check_text("user_id", request->user_id, 1, LIMIT_ID_BYTES, &turn->problem);
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    struct batch *batch = service_new_batch(turn, 1);
    uint8_t *payload = arena_new(turn->arena, uint8_t, PAYLOAD_SIZE_MAX);
    if (!service_reserve_answer(turn, sizeof(Reelrank__V1__ForgetUserResponse))) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    struct forgetting forget = {.user_key = hash_key(text_of(request->user_id)),
                                .time_ms = turn->now_ms};
    state->user_key = forget.user_key;
    state->was_known = is_known(context, turn, forget.user_key);
    batch->erase = true;
    batch->entries[0] = (struct entry){
        .record = {.kind = EVENT_FORGET,
                   .appended_ms = turn->now_ms,
                   .event_key = {.low = forget.user_key},
                   .payload = payload,
                   .payload_size = payload_put_forget(&forget, payload)},
        .event = {.kind = EVENT_FORGET, .u.forget = forget},
    };
    turn->batch = batch;
    return TURN_WRITE;
}

void service_forget_user_finish(void *context, struct turn *turn)
{
    struct service *service = context;
    const struct forget_state *state = turn->state;
    enum status status = turn->batch->status;
    struct tombstone tombstone;
    if (status == STATUS_UNAVAILABLE) {
        (void)service_fail(turn, status,
                           "the user is forgotten, but what is left in the files is not erased "
                           "yet: the server, or its next start, goes on with that by itself");
        return;
    }
    if (!service_batch_is_written(turn)) {
        return;
    }
    status = log_find_tombstone(store_log(service->store), state->user_key, &tombstone);
    if (status != STATUS_OK) {
        problem_set(&turn->problem,
                    "the user is forgotten and erased, but the receipt cannot be read: %s",
                    status_text(status));
        (void)service_fail_as_set(turn, status);
        return;
    }
    Reelrank__V1__ForgetUserResponse *response = (Reelrank__V1__ForgetUserResponse *)turn->response;
    reelrank__v1__forget_user_response__init(response);
    response->signals_erased = tombstone.signals_erased;
    response->decisions_erased = tombstone.decisions_erased;
    response->state_erased = state->was_known;
    response->state_sequence = tombstone.sequence;
    response->time_ms = tombstone.time_ms;
    (void)service_answer(turn, &response->base);
}
