#include "ranker/rank_chance.h"

#include "ranker/ranking.h"

/* The slate by indices of those that passed policy, in the arena; NULL: it is full. */
static uint32_t *slate_of_kept(const struct ranking *ranking, const uint32_t *slate, size_t count)
{
    size_t candidate_count = ranking->request->count;
    uint32_t *kept_at = arena_new_raw(ranking->arena, uint32_t, candidate_count);
    uint32_t *out = arena_new_raw(ranking->arena, uint32_t, count);
    if (arena_full(ranking->arena)) {
        return NULL;
    }
    for (size_t i = 0; i < candidate_count; i++) {
        kept_at[i] = SLATE_NOBODY;
    }
    for (size_t i = 0; i < ranking->kept_count; i++) {
        kept_at[ranking->kept[i]] = (uint32_t)i;
    }
    for (size_t k = 0; k < count; k++) {
        out[k] = slate[k] < candidate_count ? kept_at[slate[k]] : SLATE_NOBODY;
    }
    return out;
}

static double *values_of_kept(const struct ranking *ranking, const double *values)
{
    double *out = arena_new_raw(ranking->arena, double, ranking->kept_count);
    for (size_t i = 0; out != NULL && i < ranking->kept_count; i++) {
        out[i] = values[ranking->kept[i]];
    }
    return out;
}

enum status rank_probe(const struct state *state, const struct model *model,
                       const struct rank_request *request, const uint32_t *slate, size_t count,
                       struct arena *arena, double *out)
{
    struct ranking ranking;
    struct rank_request plain = *request;
    plain.explain = false;
    enum status status = ranking_init(&ranking, state, model, &plain, arena);
    if (status != STATUS_OK) {
        return status;
    }
    const uint32_t *kept_slate = slate_of_kept(&ranking, slate, count);
    if (kept_slate == NULL) {
        return STATUS_NO_MEMORY;
    }
    return slate_probe(&ranking.input, kept_slate, count, arena, out);
}

enum status rank_marginals(const struct state *state, const struct model *model,
                           const struct rank_request *request,
                           const struct slate_marginals_query *query, struct arena *arena,
                           const struct slate_marginals *out)
{
    struct ranking ranking;
    struct rank_request plain = *request;
    struct slate_marginals_query kept = *query;
    plain.explain = false;
    enum status status = ranking_init(&ranking, state, model, &plain, arena);
    if (status != STATUS_OK) {
        return status;
    }
    kept.slate = slate_of_kept(&ranking, query->slate, query->count);
    kept.values = query->values != NULL ? values_of_kept(&ranking, query->values) : NULL;
    return arena_full(arena) ? STATUS_NO_MEMORY
                             : slate_marginals(&ranking.input, &kept, arena, out);
}
