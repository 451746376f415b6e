#include "replay/decision_check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "ranker/limits.h"
#include "ranker/wire.h"

static enum status check_short(const char *field, const char *value, struct problem *problem)
{
    if (strlen(value) > LIMIT_SHORT_BYTES) {
        problem_set(problem, "decision.%s has %zu bytes; at most %d are allowed", field,
                    strlen(value), LIMIT_SHORT_BYTES);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status check_scalars(const Reelrank__V1__Decision *decision, struct problem *problem)
{
    if (decision->time_ms < 1 || decision->time_ms > LIMIT_TIME_MS) {
        problem_set(problem, "decision.time_ms is %" PRId64 "; 1 to %" PRId64 " is allowed",
                    decision->time_ms, LIMIT_TIME_MS);
        return STATUS_INVALID;
    }
    if (decision->first_position > LIMIT_CANDIDATES) {
        problem_set(problem, "decision.first_position is %" PRIu32 "; 0 to %d is allowed",
                    decision->first_position, LIMIT_CANDIDATES);
        return STATUS_INVALID;
    }
    return check_short("ranking_id", decision->ranking_id, problem);
}

static enum status check_request(const Reelrank__V1__Decision *decision, struct arena *arena,
                                 size_t *candidate_count, struct problem *problem)
{
    if (decision->request == NULL) {
        problem_set(problem, "decision.request is missing");
        return STATUS_INVALID;
    }
    struct rank_request request;
    struct problem wrong;
    enum status status =
        wire_rank_request(decision->request, decision->time_ms, arena, &request, &wrong);
    if (status == STATUS_INVALID) {
        problem_set(problem, "decision.request: %s", wrong.text);
    }
    if (status == STATUS_OK) {
        *candidate_count = request.count;
    }
    return status;
}

/* Notes in seen that each of a list of indices has come; each may come once. */
static enum status check_indices(const char *field, const uint32_t *indices, size_t count,
                                 size_t candidate_count, bool *seen, struct problem *problem)
{
    for (size_t i = 0; i < count; i++) {
        if (indices[i] >= candidate_count) {
            problem_set(problem,
                        "decision.%s[%zu] is %" PRIu32 "; the request has %zu candidates, from 0",
                        field, i, indices[i], candidate_count);
            return STATUS_INVALID;
        }
        if (seen[indices[i]]) {
            problem_set(problem, "decision.%s[%zu] is %" PRIu32 ", which has come before", field, i,
                        indices[i]);
            return STATUS_INVALID;
        }
        seen[indices[i]] = true;
    }
    return STATUS_OK;
}

static enum status check_count(const char *field, size_t count, const char *other, size_t allowed,
                               struct problem *problem)
{
    if (count != 0 && count != allowed) {
        problem_set(problem, "decision.%s has %zu items; none or as many as %s, %zu, are allowed",
                    field, count, other, allowed);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status check_propensities(const Reelrank__V1__Decision *decision,
                                      struct problem *problem)
{
    for (size_t i = 0; i < decision->n_propensities; i++) {
        double propensity = decision->propensities[i];
        if (!(propensity > 0 && propensity <= 1)) {
            problem_set(problem,
                        "decision.propensities[%zu] is %g; above 0 and at most 1 is allowed", i,
                        propensity);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static enum status check_counts(const Reelrank__V1__Decision *decision, struct problem *problem)
{
    enum status status =
        check_count("scores", decision->n_scores, "order", decision->n_order, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status =
        check_count("propensities", decision->n_propensities, "order", decision->n_order, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return check_count("dropped_rule", decision->n_dropped_rule, "dropped_index",
                       decision->n_dropped_index, problem);
}

static enum status check_order(const Reelrank__V1__Decision *decision, size_t candidate_count,
                               struct arena *arena, struct problem *problem)
{
    bool *seen = arena_new(arena, bool, candidate_count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        check_indices("order", decision->order, decision->n_order, candidate_count, seen, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return check_indices("dropped_index", decision->dropped_index, decision->n_dropped_index,
                         candidate_count, seen, problem);
}

enum status decision_check(const Reelrank__V1__Decision *decision, struct arena *arena,
                           struct problem *problem)
{
    size_t candidate_count = 0;
    enum status status = check_scalars(decision, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = check_request(decision, arena, &candidate_count, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = check_order(decision, candidate_count, arena, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = check_counts(decision, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return check_propensities(decision, problem);
}
