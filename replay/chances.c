#include "replay/chances.h"

#include "ranker/check.h"
#include "ranker/random.h"
#include "ranker/rank_chance.h"

static double value_of(const struct chances_query *query, uint32_t candidate)
{
    return query->values != NULL ? query->values[candidate] : 0;
}

/* Whose random numbers are independent of each other, and of those of other rankings. */
enum stream { STREAM_LOGGED, STREAM_CONTENDERS, STREAM_MATCHES };

static struct random stream_of(const struct chances_query *query, enum stream stream)
{
    uint64_t name = query->ranking->request->seed ^ query->ranking->ranking_key;
    return random_stream(query->seed, name, stream);
}

/* The contender's own choice, one draw a position. */
static void draw_matches(const struct chances_query *query, struct chances *out)
{
    struct random random = stream_of(query, STREAM_MATCHES);
    for (size_t i = 0; i < query->count; i++) {
        out->matched[i] = random_unit(&random) < out->marginal[i];
    }
}

/* ---- weights ---- */

/* The served videos at their positions; nobody before the first that is known. */
static uint32_t *place_served(const struct chances_query *query, struct arena *arena)
{
    size_t before = query->ranking->first_position - 1;
    uint32_t *slate = arena_new_raw(arena, uint32_t, before + query->count);
    for (size_t i = 0; slate != NULL && i < before + query->count; i++) {
        slate[i] = i < before ? SLATE_NOBODY : query->ranking->served[i - before];
    }
    return slate;
}

static enum status find_marginals(const struct model *model, const struct chances_query *query,
                                  enum stream stream, const struct state *state,
                                  struct arena *arena, struct chances *out)
{
    struct random random = stream_of(query, stream);
    size_t before = query->ranking->first_position - 1;
    size_t count = before + query->count;
    double *numbers = arena_new(arena, double, 3 * count);
    const struct slate_marginals_query asked = {.slate = place_served(query, arena),
                                                .count = count,
                                                .values = query->values,
                                                .draws = query->draws,
                                                .seed = random_next(&random)};
    const struct slate_marginals found = {
        .probabilities = numbers, .variances = numbers + count, .expected = numbers + 2 * count};
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        rank_marginals(state, model, query->ranking->request, &asked, arena, &found);
    for (size_t i = 0; status == STATUS_OK && i < query->count; i++) {
        out->marginal[i] = numbers[before + i];
        out->expected[i] = query->values != NULL ? numbers[2 * count + before + i] : 0;
    }
    return status;
}

/* Of a part of a slate, what stood above is not known. */
static enum status find_conditionals(const struct model *model, const struct chances_query *query,
                                     const struct state *state, struct arena *arena,
                                     struct chances *out)
{
    if (query->ranking->is_part) {
        for (size_t i = 0; i < query->count; i++) {
            out->conditional[i] = out->marginal[i];
        }
        return STATUS_OK;
    }
    return rank_probe(state, model, query->ranking->request, query->ranking->served, query->count,
                      arena, out->conditional);
}

static enum status of_weights(const struct weights *weights, const struct chances_query *query,
                              const struct state *state, struct arena *arena, struct chances *out)
{
    const struct model *model = contender_model(weights, query->ranking);
    enum status status = find_marginals(model, query, STREAM_CONTENDERS, state, arena, out);
    return status == STATUS_OK ? find_conditionals(model, query, state, arena, out) : status;
}

/* ---- baselines ---- */

static void of_random(const struct chances_query *query, struct chances *out)
{
    size_t count = query->ranking->request->count;
    double mean = 0;
    for (uint32_t i = 0; i < count; i++) {
        mean += value_of(query, i) / (double)count;
    }
    for (size_t i = 0; i < query->count; i++) {
        size_t above = query->ranking->is_part ? 0 : i;
        out->conditional[i] = 1 / (double)(count - above);
        out->marginal[i] = 1 / (double)count;
        out->expected[i] = mean;
    }
}

static bool stands_above(const struct past_ranking *ranking, size_t served, uint32_t candidate)
{
    for (size_t i = 0; i < served; i++) {
        if (ranking->served[i] == candidate) {
            return true;
        }
    }
    return false;
}

/* The best of those that do not stand above position i. */
static uint32_t next_given_above(const struct past_ranking *ranking,
                                 const struct contender_order *order, size_t i)
{
    size_t at = 0;
    while (at < order->count && stands_above(ranking, i, order->order[at])) {
        at++;
    }
    return at < order->count ? order->order[at] : SLATE_NOBODY;
}

static void of_order(const struct chances_query *query, const struct contender_order *order,
                     struct chances *out)
{
    const struct past_ranking *ranking = query->ranking;
    size_t before = ranking->first_position - 1;
    for (size_t i = 0; i < query->count; i++) {
        bool there = before + i < order->count;
        uint32_t own = there ? order->order[before + i] : SLATE_NOBODY;
        uint32_t next = ranking->is_part ? own : next_given_above(ranking, order, i);
        out->marginal[i] = own == ranking->served[i];
        out->conditional[i] = next == ranking->served[i];
        out->expected[i] = there ? value_of(query, own) : 0;
    }
}

/* ---- all of them ---- */

static bool nothing_was_drawn(const struct past_ranking *ranking)
{
    return ranking->propensities == NULL;
}

enum status chances_logged(const struct chances_query *query, const struct state *state,
                           struct arena *arena, struct chances *out, bool *known)
{
    const struct past_ranking *ranking = query->ranking;
    CHECK(query->count >= 1 && query->count <= ranking->served_count);
    *known = query->logging != NULL || nothing_was_drawn(ranking) || query->count == 1;
    for (size_t i = 0; i < query->count; i++) {
        out->conditional[i] = nothing_was_drawn(ranking) ? 1 : ranking->propensities[i];
        out->marginal[i] = out->conditional[i];
        out->expected[i] = value_of(query, ranking->served[i]);
        out->matched[i] = true;
    }
    if (query->logging == NULL || nothing_was_drawn(ranking) || query->count == 1) {
        return STATUS_OK;
    }
    struct chances found;
    const struct model *model = contender_model(query->logging, ranking);
    enum status status = find_marginals(model, query, STREAM_LOGGED, state, arena, &found);
    for (size_t i = 1; status == STATUS_OK && i < query->count; i++) {
        /* What was served is one more draw: see the header. */
        double draws = (double)query->draws;
        out->marginal[i] = (draws * found.marginal[i] + out->conditional[i]) / (draws + 1);
    }
    return status;
}

enum status chances_of(const struct contenders *contenders, size_t contender,
                       const struct chances_query *query, const struct chances *logged,
                       const struct state *state, struct arena *arena, struct chances *out)
{
    const struct contender *item = &contenders->items[contender];
    enum status status = STATUS_OK;
    if (item->kind == CONTENDER_SERVED) {
        *out = *logged;
        return STATUS_OK;
    }
    if (item->kind == CONTENDER_WEIGHTS) {
        status = of_weights(item->weights, query, state, arena, out);
    } else if (item->baseline == BASELINE_RANDOM) {
        of_random(query, out);
    } else {
        struct contender_order order;
        status = contender_rank(contenders, contender, query->ranking, state, arena, &order);
        if (status == STATUS_OK) {
            of_order(query, &order, out);
        }
    }
    if (status == STATUS_OK) {
        draw_matches(query, out);
    }
    return status;
}
