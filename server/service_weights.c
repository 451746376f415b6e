#include <stdio.h>
#include <string.h>

#include "ranker/limits.h"
#include "reelrank/v1/admin.pb-c.h"
#include "server/service_internal.h"
#include "server/weights_message.h"

/*
 * AdminService's methods of weights. Parsing a large file takes longer than a worker may be held,
 * and a change waits for the disk: all of their work is for the admin's thread.
 */

enum { LIST_MAX = 1000 };

static void fail(struct turn *turn, enum status status)
{
    (void)service_fail_as_set(turn, status);
}

static void answer(struct turn *turn, ProtobufCMessage *response)
{
    if (arena_full(turn->arena)) {
        fail(turn, STATUS_NO_MEMORY);
    } else {
        (void)service_answer(turn, response);
    }
}

enum status service_take_weights(struct turn *turn, const char *field,
                                 const struct weights_source *source, struct weights **out)
{
    struct weights_problems *problems = arena_new(turn->arena, struct weights_problems, 1);
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = weights_source_parse(source, out, problems);
    if (status == STATUS_INVALID) {
        struct problem why;
        weights_problems_sum_up(problems, &why);
        problem_set(&turn->problem, "%s: %.300s", field, why.text);
    }
    return status;
}

static enum status put_problems(struct turn *turn, const struct weights_problems *problems,
                                Reelrank__V1__CheckWeightsResponse *response)
{
    size_t count = problems->count;
    Reelrank__V1__WeightsProblem *items =
        arena_new(turn->arena, Reelrank__V1__WeightsProblem, count);
    response->problems = arena_new(turn->arena, Reelrank__V1__WeightsProblem *, count);
    for (size_t i = 0; !arena_full(turn->arena) && i < count; i++) {
        const struct weights_problem *problem = &problems->items[i];
        reelrank__v1__weights_problem__init(&items[i]);
        items[i].line = problem->line;
        items[i].column = problem->column;
        items[i].path = service_copy(turn->arena, problem->path);
        items[i].message = service_copy(turn->arena, problem->message);
        response->problems[i] = &items[i];
    }
    response->n_problems = count;
    return arena_full(turn->arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

enum turn_step service_check_weights(void *context, struct turn *turn)
{
    (void)context;
    (void)turn;
    return TURN_WORK;
}

static enum status check_source(struct turn *turn, const struct weights_source *source,
                                Reelrank__V1__CheckWeightsResponse *response)
{
    struct weights *weights = NULL;
    struct weights_problems *problems = arena_new(turn->arena, struct weights_problems, 1);
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = weights_source_parse(source, &weights, problems);
    if (status == STATUS_OK) {
        response->valid = 1;
        response->weights_version = service_copy(turn->arena, weights_version(weights));
        weights_unref(weights);
    } else if (status == STATUS_INVALID) {
        status = put_problems(turn, problems, response);
    }
    return status;
}

void service_check_weights_finish(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__CheckWeightsRequest *request =
        (const Reelrank__V1__CheckWeightsRequest *)turn->request;
    Reelrank__V1__CheckWeightsResponse *response =
        arena_new(turn->arena, Reelrank__V1__CheckWeightsResponse, 1);
    struct weights_source source;
    struct weights_message fields = {request->weights_yaml, request->models, request->n_models};
    enum status status =
        response == NULL ? STATUS_NO_MEMORY
                         : weights_message_source(&fields, turn->arena, &source, &turn->problem);
    if (status == STATUS_OK) {
        reelrank__v1__check_weights_response__init(response);
        status = check_source(turn, &source, response);
    }
    if (status != STATUS_OK) {
        fail(turn, status);
    } else {
        answer(turn, &response->base);
    }
}

/* To the admin's thread, unless the note is none that can be kept. */
static enum turn_step check_note(struct turn *turn, struct text note)
{
    if (note.size > LIMIT_TITLE_BYTES || !text_is_utf8(note)) {
        problem_set(&turn->problem, "note: found %zu bytes, expected UTF-8 of at most %d",
                    note.size, LIMIT_TITLE_BYTES);
        turn->status = STATUS_INVALID;
        return TURN_DONE;
    }
    return TURN_WORK;
}

enum turn_step service_apply_weights(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__ApplyWeightsRequest *request =
        (const Reelrank__V1__ApplyWeightsRequest *)turn->request;
    return check_note(turn, text_of(request->note));
}

/* Into force, and on disk; the reference stays the caller's. */
static enum status apply(struct service *service, struct turn *turn,
                         const struct weights_source *source, struct weights *weights,
                         struct weights_swap *swap)
{
    const Reelrank__V1__ApplyWeightsRequest *request =
        (const Reelrank__V1__ApplyWeightsRequest *)turn->request;
    struct weights_arrival arrival = {.source = source,
                                      .weights = weights,
                                      .origin = ORIGIN_APPLY,
                                      .note = request->note,
                                      .now_ms = turn->now_ms};
    enum status status = weights_life_apply(service->life, &arrival, swap, &turn->problem);
    if (status == STATUS_OK) {
        service_tell_swap(service, swap);
    }
    return status;
}

static enum status apply_request(struct service *service, struct turn *turn,
                                 struct weights_swap *swap)
{
    const Reelrank__V1__ApplyWeightsRequest *request =
        (const Reelrank__V1__ApplyWeightsRequest *)turn->request;
    struct weights_source source;
    struct weights *weights = NULL;
    struct weights_message fields = {request->weights_yaml, request->models, request->n_models};
    enum status status = weights_message_source(&fields, turn->arena, &source, &turn->problem);
    if (status == STATUS_OK) {
        status = service_take_weights(turn, "weights_yaml", &source, &weights);
    }
    if (status == STATUS_OK) {
        status = apply(service, turn, &source, weights, swap);
        weights_unref(weights);
    }
    return status;
}

void service_apply_weights_finish(void *context, struct turn *turn)
{
    struct weights_swap *swap = arena_new(turn->arena, struct weights_swap, 1);
    Reelrank__V1__ApplyWeightsResponse *response =
        arena_new(turn->arena, Reelrank__V1__ApplyWeightsResponse, 1);
    enum status status = response != NULL ? apply_request(context, turn, swap) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        fail(turn, status);
        return;
    }
    reelrank__v1__apply_weights_response__init(response);
    response->weights_version = swap->version;
    response->previous_weights_version = swap->previous;
    response->unchanged = swap->unchanged;
    (void)service_answer(turn, &response->base);
}

enum turn_step service_rollback_weights(void *context, struct turn *turn)
{
    (void)context;
    const Reelrank__V1__RollbackWeightsRequest *request =
        (const Reelrank__V1__RollbackWeightsRequest *)turn->request;
    return check_note(turn, text_of(request->note));
}

void service_rollback_weights_finish(void *context, struct turn *turn)
{
    struct service *service = context;
    struct weights_swap *swap = arena_new(turn->arena, struct weights_swap, 1);
    const Reelrank__V1__RollbackWeightsRequest *request =
        (const Reelrank__V1__RollbackWeightsRequest *)turn->request;
    Reelrank__V1__RollbackWeightsResponse *response =
        arena_new(turn->arena, Reelrank__V1__RollbackWeightsResponse, 1);
    struct weights_return back = {
        .wanted = request->weights_version, .note = request->note, .now_ms = turn->now_ms};
    enum status status = response == NULL
                             ? STATUS_NO_MEMORY
                             : weights_life_rollback(service->life, &back, swap, &turn->problem);
    if (status != STATUS_OK) {
        fail(turn, status);
        return;
    }
    service_tell_swap(service, swap);
    reelrank__v1__rollback_weights_response__init(response);
    response->weights_version = swap->version;
    response->previous_weights_version = swap->previous;
    response->unchanged = swap->unchanged;
    (void)service_answer(turn, &response->base);
}

enum turn_step service_get_weights(void *context, struct turn *turn)
{
    (void)context;
    (void)turn;
    return TURN_WORK;
}

static void release_kept(void *held)
{
    weights_kept_release(held);
}

/* The answer points into what was read back, which lives until it is packed. */
static enum status put_kept(struct turn *turn, const struct weights_kept *kept,
                            Reelrank__V1__GetWeightsResponse *response)
{
    struct weights_message fields;
    enum status status = weights_message_of(&kept->source, turn->arena, &fields);
    if (status == STATUS_OK) {
        response->weights_yaml = fields.yaml;
        response->models = fields.models;
        response->n_models = fields.model_count;
    }
    return status;
}

static enum status get_weights(struct service *service, struct turn *turn,
                               Reelrank__V1__GetWeightsResponse *response)
{
    const Reelrank__V1__GetWeightsRequest *request =
        (const Reelrank__V1__GetWeightsRequest *)turn->request;
    struct weights_change *change = arena_new(turn->arena, struct weights_change, 1);
    struct weights_kept *kept = arena_new(turn->arena, struct weights_kept, 1);
    if (arena_full(turn->arena)) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        weights_life_find(service->life, request->weights_version, change, &turn->problem);
    if (status == STATUS_OK) {
        status = weights_life_load(service->life, change, kept, &turn->problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    turn->release = release_kept;
    turn->held = kept;
    response->weights_version = change->version;
    return put_kept(turn, kept, response);
}

void service_get_weights_finish(void *context, struct turn *turn)
{
    Reelrank__V1__GetWeightsResponse *response =
        arena_new(turn->arena, Reelrank__V1__GetWeightsResponse, 1);
    enum status status = STATUS_NO_MEMORY;
    if (response != NULL) {
        reelrank__v1__get_weights_response__init(response);
        status = get_weights(context, turn, response);
    }
    if (status != STATUS_OK) {
        fail(turn, status);
    } else {
        answer(turn, &response->base);
    }
}

enum turn_step service_list_weights(void *context, struct turn *turn)
{
    (void)context;
    (void)turn;
    return TURN_WORK;
}

static enum status put_change(struct turn *turn, const struct weights_change *change,
                              uint64_t current, Reelrank__V1__WeightsChange **out)
{
    Reelrank__V1__WeightsChange *item = arena_new(turn->arena, Reelrank__V1__WeightsChange, 1);
    if (item == NULL) {
        return STATUS_NO_MEMORY;
    }
    reelrank__v1__weights_change__init(item);
    item->number = change->number;
    item->time_ms = change->time_ms;
    item->weights_version = service_copy(turn->arena, change->version);
    item->note = service_copy(turn->arena, change->note);
    item->origin = (char *)weights_origin_name(change->origin);
    item->current = change->number == current;
    *out = item;
    return arena_full(turn->arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

/* One that is damaged is left out: "reelrank verify" tells of it, and the others are still there.
 */
static enum status list_weights(struct service *service, struct turn *turn, uint64_t from,
                                size_t limit, Reelrank__V1__ListWeightsResponse *response)
{
    struct weights_facts facts;
    struct weights_change *change = arena_new(turn->arena, struct weights_change, 1);
    response->changes = arena_new(turn->arena, Reelrank__V1__WeightsChange *, limit);
    weights_life_facts(service->life, &facts);
    enum status status = arena_full(turn->arena) ? STATUS_NO_MEMORY : STATUS_OK;
    uint64_t number = from;
    for (; number > 0 && response->n_changes < limit && status == STATUS_OK; number--) {
        status = weights_history_get(store_log(service->store), number, change);
        if (status == STATUS_OK) {
            status =
                put_change(turn, change, facts.number, &response->changes[response->n_changes++]);
        } else if (status == STATUS_CORRUPT || status == STATUS_NOT_FOUND) {
            status = STATUS_OK;
        }
    }
    response->more = number > 0;
    return status;
}

void service_list_weights_finish(void *context, struct turn *turn)
{
    struct service *service = context;
    const Reelrank__V1__ListWeightsRequest *request =
        (const Reelrank__V1__ListWeightsRequest *)turn->request;
    Reelrank__V1__ListWeightsResponse *response =
        arena_new(turn->arena, Reelrank__V1__ListWeightsResponse, 1);
    size_t limit = request->limit > 0 && request->limit < LIST_MAX ? request->limit : LIST_MAX;
    uint64_t last = weights_history_last(store_log(service->store));
    bool from_newest = request->before_number == 0 || request->before_number > last;
    enum status status = STATUS_NO_MEMORY;
    if (response != NULL) {
        reelrank__v1__list_weights_response__init(response);
        status = list_weights(service, turn, from_newest ? last : request->before_number - 1, limit,
                              response);
    }
    if (status != STATUS_OK) {
        fail(turn, status);
    } else {
        answer(turn, &response->base);
    }
}
