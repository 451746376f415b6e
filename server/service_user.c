/* For memmem(3); must precede every include. */
#define _GNU_SOURCE

#include <string.h>

#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/wire.h"
#include "ranker/wire_check.h"
#include "reelrank/v1/user.pb-c.h"
#include "server/service_internal.h"
#include "store/journal_reader.h"

/* Records of the log that one turn of an export looks at: some 0.3 ms. */
enum { EXPORT_RECORDS = 2048 };

/* Decisions of the journal that one turn looks at: some 0.2 ms. */
enum { EXPORT_DECISIONS = 64 };

/* What an export keeps between its turns. */
struct export_state {
    char user_id[LIMIT_ID_BYTES + 1];
    uint64_t next; /* sequence */
    uint64_t last;
    bool log_done;
    bool nobody; /* nothing is known but what the journal may have */
    struct journal_place place;
};

_Static_assert(sizeof(struct export_state) <= METHOD_STATE_SIZE, "an export fits a call's state");

static const char nothing_known[] = "nothing is known of this user";

static const char *const kind_names[AFFINITY_KIND_COUNT] = {"creator", "category", "tag",
                                                            "language", "duration"};

/* By duration bucket. */
static const char *const duration_names[DURATION_BUCKET_COUNT] = {
    "0-7 s",   "7-15 s",   "15-30 s",     "30-60 s", "1-2 min",
    "2-5 min", "5-10 min", "over 10 min", "unknown"};

static enum status name_affinity(struct arena *arena, enum affinity_kind kind, uint64_t key,
                                 Reelrank__V1__Affinity *out)
{
    if (kind == AFFINITY_DURATION) {
        out->name = (char *)duration_names[(key - 1) % DURATION_BUCKET_COUNT];
    } else if (kind == AFFINITY_LANGUAGE) {
        out->name = arena_new(arena, char, LOCALE_TEXT_SIZE);
        if (out->name == NULL) {
            return STATUS_NO_MEMORY;
        }
        locale_format_language((uint16_t)key, out->name);
    }
    return STATUS_OK;
}

static enum status put_affinities(struct turn *turn, const struct user *user,
                                  Reelrank__V1__GetUserResponse *response)
{
    size_t count = 0;
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        count += user->affinity_count[kind];
    }
    Reelrank__V1__Affinity *items = arena_new(turn->arena, Reelrank__V1__Affinity, count);
    response->affinities = arena_new(turn->arena, Reelrank__V1__Affinity *, count);
    if (arena_full(turn->arena)) {
        return STATUS_NO_MEMORY;
    }
    for (enum affinity_kind kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        for (unsigned i = 0; i < user->affinity_count[kind]; i++) {
            const struct affinity *affinity = &user->affinities[kind][i];
            Reelrank__V1__Affinity *item = &items[response->n_affinities];
            reelrank__v1__affinity__init(item);
            item->kind = (char *)kind_names[kind];
            item->key = affinity->key;
            item->value = affinity_strength(affinity, turn->now_ms);
            enum status status = name_affinity(turn->arena, kind, affinity->key, item);
            if (status != STATUS_OK) {
                return status;
            }
            response->affinities[response->n_affinities++] = item;
        }
    }
    return STATUS_OK;
}

static enum status put_seen(struct arena *arena, const struct user *user,
                            Reelrank__V1__GetUserResponse *response)
{
    Reelrank__V1__SeenVideo *items = arena_new(arena, Reelrank__V1__SeenVideo, user->seen_count);
    response->seen = arena_new(arena, Reelrank__V1__SeenVideo *, user->seen_count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    for (unsigned i = 0; i < user->seen_count; i++) {
        reelrank__v1__seen_video__init(&items[i]);
        items[i].video_key = user->seen[i].video_key;
        items[i].time_ms = (int64_t)user->seen[i].time_s * 1000;
        items[i].watch_ms = user->seen[i].watch_ms;
        response->seen[i] = &items[i];
    }
    response->n_seen = user->seen_count;
    return STATUS_OK;
}

static enum status put_keys(struct arena *arena, const uint64_t *keys, size_t count, uint64_t **out,
                            size_t *out_count)
{
    *out = arena_new(arena, uint64_t, count);
    if (*out == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (count > 0) {
        memcpy(*out, keys, count * sizeof(*keys));
    }
    *out_count = count;
    return STATUS_OK;
}

static enum status put_user(struct turn *turn, const struct user *user,
                            Reelrank__V1__GetUserResponse *response)
{
    struct arena *arena = turn->arena;
    response->signal_count = user->signal_count;
    response->first_signal_ms = user->first_signal_ms;
    response->last_signal_ms = user->last_signal_ms;
    enum status status = put_affinities(turn, user, response);
    if (status == STATUS_OK) {
        status = put_seen(arena, user, response);
    }
    if (status == STATUS_OK) {
        status = put_keys(arena, user->follows, user->follow_count,
                          &response->followed_creator_keys, &response->n_followed_creator_keys);
    }
    if (status == STATUS_OK) {
        status = put_keys(arena, user->hides, user->hide_count, &response->hidden_creator_keys,
                          &response->n_hidden_creator_keys);
    }
    return status;
}

/* Describes a user as of now; the problem is set unless memory is short. */
static enum status describe(struct service *service, struct turn *turn, const char *user_id,
                            Reelrank__V1__GetUserResponse **out)
{
    enum status status = wire_check_text("user_id", user_id, 1, LIMIT_ID_BYTES, &turn->problem);
    if (status != STATUS_OK) {
        return status;
    }
    Reelrank__V1__GetUserResponse *response =
        arena_new(turn->arena, Reelrank__V1__GetUserResponse, 1);
    if (response == NULL) {
        return STATUS_NO_MEMORY;
    }
    reelrank__v1__get_user_response__init(response);
    response->user_id = (char *)user_id;
    const struct state *state = store_begin(service->store);
    const struct user *user = NULL;
    status = state_find_user(state, hash_key(text_of(user_id)), turn->arena, &user);
    response->state_sequence = state_sequence(state);
    if (status == STATUS_OK) {
        status = user != NULL ? put_user(turn, user, response) : STATUS_NOT_FOUND;
    }
    store_end(service->store);
    if (status == STATUS_NOT_FOUND) {
        problem_set(&turn->problem, "%s", nothing_known);
    }
    *out = response;
    return status;
}

enum turn_step service_get_user(void *context, struct turn *turn)
{
    const Reelrank__V1__GetUserRequest *request =
        (const Reelrank__V1__GetUserRequest *)turn->request;
    Reelrank__V1__GetUserResponse *response = NULL;
    enum status status = describe(context, turn, request->user_id, &response);
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    return service_answer(turn, &response->base);
}

/* Bytes that stand in every packed signal of the user, and seldom elsewhere. */
struct needle {
    uint8_t bytes[LIMIT_ID_BYTES + 3];
    size_t size;
};

static struct needle needle_of(const char *user_id)
{
    enum { TAG = 2 << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, CONTINUED = 0x80 };
    size_t size = strlen(user_id);
    struct needle needle = {.size = 0};
    needle.bytes[needle.size++] = TAG;
    if (size >= CONTINUED) {
        needle.bytes[needle.size++] = (uint8_t)(size | CONTINUED);
        size >>= 7;
    }
    needle.bytes[needle.size++] = (uint8_t)size;
    memcpy(needle.bytes + needle.size, user_id, strlen(user_id));
    needle.size += strlen(user_id);
    return needle;
}

/* One turn's look at the log. */
struct look {
    struct export_state *export;
    struct arena *arena;
    struct needle needle;
    unsigned left; /* records that may be looked at */
    Reelrank__V1__Signal *found;
    enum status status;
};

/* True to go on. */
static bool look_at(void *context, uint64_t sequence, const struct record *record)
{
    struct look *look = context;
    if (sequence > look->export->last || look->left == 0) {
        return false;
    }
    look->left--;
    look->export->next = sequence + 1;
    if (record->kind != EVENT_SIGNAL || memmem(record->payload, record->payload_size,
                                               look->needle.bytes, look->needle.size) == NULL) {
        return true;
    }
    ProtobufCAllocator allocator = wire_allocator(look->arena);
    Reelrank__V1__Signal *signal =
        reelrank__v1__signal__unpack(&allocator, record->payload_size, record->payload);
    if (signal == NULL) {
        look->status = arena_full(look->arena) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
        return false;
    }
    if (strcmp(signal->user_id, look->export->user_id) == 0) {
        look->found = signal;
        return false;
    }
    return true;
}

static enum turn_step send(struct turn *turn, const Reelrank__V1__ExportUserResponse *item)
{
    Reelrank__V1__ExportUserResponse *response =
        arena_new(turn->arena, Reelrank__V1__ExportUserResponse, 1);
    if (response == NULL) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    *response = *item;
    turn->response = &response->base;
    return TURN_MORE;
}

static enum turn_step start_export(struct service *service, struct turn *turn)
{
    const Reelrank__V1__ExportUserRequest *request =
        (const Reelrank__V1__ExportUserRequest *)turn->request;
    struct export_state *export = turn->state;
    Reelrank__V1__ExportUserResponse item = REELRANK__V1__EXPORT_USER_RESPONSE__INIT;
    enum status status = describe(service, turn, request->user_id, &item.user);
    export->nobody = status == STATUS_NOT_FOUND;
    export->log_done = export->nobody;
    if (status != STATUS_OK && !export->nobody) {
        return service_fail_as_set(turn, status);
    }
    memcpy(export->user_id, request->user_id, strlen(request->user_id) + 1);
    if (export->nobody) {
        return TURN_AGAIN;
    }
    uint64_t last = 0;
    log_bounds(store_log(service->store), &export->next, &last);
    export->last = item.user->state_sequence;
    item.item_case = REELRANK__V1__EXPORT_USER_RESPONSE__ITEM_USER;
    return send(turn, &item);
}

static enum turn_step send_decision(struct turn *turn, const struct decision_record *record)
{
    ProtobufCAllocator allocator = wire_allocator(turn->arena);
    Reelrank__V1__ExportUserResponse item = REELRANK__V1__EXPORT_USER_RESPONSE__INIT;
    item.decision =
        reelrank__v1__decision__unpack(&allocator, record->payload_size, record->payload);
    if (item.decision == NULL) {
        problem_set(&turn->problem, "a decision of the journal cannot be read back");
        return service_fail_as_set(turn,
                                   arena_full(turn->arena) ? STATUS_NO_MEMORY : STATUS_CORRUPT);
    }
    item.item_case = REELRANK__V1__EXPORT_USER_RESPONSE__ITEM_DECISION;
    return send(turn, &item);
}

static enum turn_step end_export(struct turn *turn)
{
    const struct export_state *export = turn->state;
    return export->nobody ? service_fail(turn, STATUS_NOT_FOUND, nothing_known) : TURN_DONE;
}

static enum turn_step export_decisions(struct service *service, struct turn *turn)
{
    struct export_state *export = turn->state;
    struct decision_record record;
    bool found = false;
    bool more = false;
    uint8_t *buffer = arena_new_raw(turn->arena, uint8_t, DECISION_RECORD_MAX);
    if (buffer == NULL) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    enum status status =
        journal_find_user(service->directory, &export->place, hash_key(text_of(export->user_id)),
                          EXPORT_DECISIONS, buffer, &record, &found, &more, &turn->problem);
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    if (found) {
        export->nobody = false;
        return send_decision(turn, &record);
    }
    return more ? TURN_AGAIN : end_export(turn);
}

enum turn_step service_export_user(void *context, struct turn *turn)
{
    struct service *service = context;
    struct export_state *export = turn->state;
    if (turn->request != NULL) {
        return start_export(service, turn);
    }
    if (export->log_done) {
        return export_decisions(service, turn);
    }
    struct look look = {.export = export,
                        .arena = turn->arena,
                        .needle = needle_of(export->user_id),
                        .left = EXPORT_RECORDS};
    enum status status =
        log_poll(store_log(service->store), export->next, look_at, &look, &turn->problem);
    if (status == STATUS_NOT_FOUND) {
        uint64_t last = 0; /* the next records were removed between turns: on with what is left */
        log_bounds(store_log(service->store), &export->next, &last);
        return TURN_AGAIN;
    }
    if (status == STATUS_OK && look.status != STATUS_OK) {
        problem_set(&turn->problem, "a signal of the log cannot be read back");
        status = look.status;
    }
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    if (look.found != NULL) {
        Reelrank__V1__ExportUserResponse item = REELRANK__V1__EXPORT_USER_RESPONSE__INIT;
        item.signal = look.found;
        item.item_case = REELRANK__V1__EXPORT_USER_RESPONSE__ITEM_SIGNAL;
        return send(turn, &item);
    }
    export->log_done = look.left > 0; /* with records to spare the log is at its end */
    return TURN_AGAIN;
}
