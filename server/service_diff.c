#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/limits.h"
#include "ranker/wire.h"
#include "reelrank/v1/admin.pb-c.h"
#include "server/service_internal.h"
#include "server/weights_message.h"
#include "store/diff.h"
#include "store/journal_reader.h"

/* What one turn does: below a millisecond, with 500 candidates. */
enum { TURN_DECISIONS = 4, TURN_VIDEOS = 4096 };

/*
 * A diff between its turns. Lives outside the turns' arenas, and ends with the call: a unary call
 * that goes on always gets its next turn.
 */
struct diff_job {
    struct weights *old_weights; /* a reference, as the next */
    struct weights *new_weights;
    struct diff *diff;
    struct journal_reader *reader;
    uint64_t limit;
    bool counted; /* the creators */
};

static void free_job(struct diff_job *job)
{
    if (job != NULL) {
        diff_free(job->diff);
        journal_reader_free(job->reader);
        weights_unref(job->old_weights);
        weights_unref(job->new_weights);
        free(job);
    }
}

static enum status parse_weights(struct turn *turn, const char *field,
                                 const struct weights_message *fields, struct weights **out)
{
    struct weights_source source;
    enum status status = weights_message_source(fields, turn->arena, &source, &turn->problem);
    return status == STATUS_OK ? service_take_weights(turn, field, &source, out) : status;
}

static enum status read_weights(struct service *service, struct turn *turn,
                                const Reelrank__V1__DiffWeightsRequest *request,
                                struct diff_job *job)
{
    struct weights_message before = {request->old_weights_yaml, request->old_models,
                                     request->n_old_models};
    struct weights_message after = {request->new_weights_yaml, request->new_models,
                                    request->n_new_models};
    enum status status = STATUS_OK;
    if (before.yaml[0] != '\0') {
        status = parse_weights(turn, "old_weights_yaml", &before, &job->old_weights);
    } else {
        job->old_weights = weights_life_ref(service->life);
    }
    return status == STATUS_OK ? parse_weights(turn, "new_weights_yaml", &after, &job->new_weights)
                               : status;
}

static enum status fill_job(struct service *service, struct turn *turn, struct diff_job *job)
{
    const Reelrank__V1__DiffWeightsRequest *request =
        (const Reelrank__V1__DiffWeightsRequest *)turn->request;
    if (request->decision_limit > DIFF_REQUESTS_MAX) {
        problem_set(&turn->problem, "decision_limit is %" PRIu32 "; at most %d is possible",
                    request->decision_limit, DIFF_REQUESTS_MAX);
        return STATUS_INVALID;
    }
    job->limit = request->decision_limit > 0 ? request->decision_limit : DIFF_REQUESTS_DEFAULT;
    enum status status = read_weights(service, turn, request, job);
    if (status == STATUS_OK) {
        status = journal_reader_new(service->directory, JOURNAL_NEWEST_FIRST, &job->reader,
                                    &turn->problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    job->diff = diff_new(job->old_weights, job->new_weights);
    return job->diff != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status start_job(struct service *service, struct turn *turn, struct diff_job **out)
{
    struct diff_job *job = calloc(1, sizeof(*job));
    enum status status = job != NULL ? fill_job(service, turn, job) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        free_job(job);
        job = NULL;
    }
    *out = job;
    return status;
}

static enum status count_creators(struct service *service, struct diff_job *job)
{
    const struct state *state = store_begin(service->store);
    enum status status = diff_count_creators(job->diff, state, TURN_VIDEOS, &job->counted);
    store_end(service->store);
    return status;
}

static enum status rank_decision(struct service *service, struct diff_job *job,
                                 const struct decision_record *record, struct arena *arena)
{
    ProtobufCAllocator allocator = wire_allocator(arena);
    const Reelrank__V1__Decision *decision =
        reelrank__v1__decision__unpack(&allocator, record->payload_size, record->payload);
    if (decision == NULL || decision->request == NULL) {
        diff_pass_over(job->diff);
        return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_OK;
    }
    struct diff_served served = {.order = decision->order, .count = decision->n_order};
    const struct state *state = store_begin(service->store);
    enum status status = diff_add(job->diff, state, decision->request, &served, arena);
    store_end(service->store);
    return status;
}

/* *done when there are no more decisions, or enough. */
static enum status rank_some(struct service *service, struct turn *turn, struct diff_job *job,
                             bool *done)
{
    for (unsigned i = 0; i < TURN_DECISIONS; i++) {
        struct arena arena = *turn->arena; /* what a decision takes goes with it */
        struct decision_record record;
        if (diff_requests(job->diff) >= job->limit) {
            *done = true;
            return STATUS_OK;
        }
        enum status status = journal_reader_next(job->reader, &record, &turn->problem);
        if (status == STATUS_OK) {
            status = rank_decision(service, job, &record, &arena);
        }
        if (status == STATUS_NOT_FOUND) {
            *done = true;
            return STATUS_OK;
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status work(struct service *service, struct turn *turn, struct diff_job *job,
                        bool *done)
{
    if (turn->stopping) {
        problem_set(&turn->problem, "the server is shutting down"); /* or nobody hears it */
        return STATUS_UNAVAILABLE;
    }
    return job->counted ? rank_some(service, turn, job, done) : count_creators(service, job);
}

static enum turn_step answer(struct service *service, struct turn *turn, struct diff_job *job)
{
    struct comparison *comparison = arena_new(turn->arena, struct comparison, 1);
    Reelrank__V1__DiffWeightsResponse *response =
        arena_new(turn->arena, Reelrank__V1__DiffWeightsResponse, 1);
    struct diff_about about = {
        .source = "journal", .old_name = "", .new_name = "", .limit = job->limit};
    const struct state *state = store_begin(service->store);
    about.state_sequence = state_sequence(state);
    store_end(service->store);
    json_t *report = !arena_full(turn->arena) ? diff_report(job->diff, &about, comparison) : NULL;
    char *text = report != NULL ? json_dumps(report, JSON_REAL_PRECISION(DIFF_DIGITS)) : NULL;
    json_decref(report);
    char *copy = text != NULL ? service_copy(turn->arena, text) : NULL;
    free(text);
    if (copy == NULL) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    reelrank__v1__diff_weights_response__init(response);
    response->decisions = comparison->requests;
    response->top_1_changed = comparison->top_1_changed.value;
    response->top_10_changed = comparison->top_10_changed.value;
    response->report_json = copy;
    return service_answer(turn, &response->base);
}

enum turn_step service_diff_weights(void *context, struct turn *turn)
{
    struct service *service = context;
    struct diff_job **job = turn->state;
    bool done = false;
    enum status status = STATUS_OK;
    if (turn->request != NULL) {
        status = start_job(service, turn, job);
    }
    if (status == STATUS_OK) {
        status = work(service, turn, *job, &done);
    }
    if (status == STATUS_OK && !done) {
        return TURN_AGAIN;
    }
    enum turn_step step =
        status == STATUS_OK ? answer(service, turn, *job) : service_fail_as_set(turn, status);
    free_job(*job);
    return step;
}
