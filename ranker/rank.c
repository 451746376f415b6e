#include "ranker/rank.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ranker/block_code.h"
#include "ranker/check.h"
#include "ranker/ranking.h"
#include "ranker/score.h"
#include "ranker/slate_plain.h"

enum { TERM_SHIFT = HEAD_COUNT, TERM_MULTIPLIERS, TERM_DECAY = TERM_COUNT - 1 };

const char *rank_term_name(unsigned term)
{
    CHECK(term < TERM_COUNT);
    if (term < HEAD_COUNT) {
        return head_name(term);
    }
    if (term == TERM_SHIFT) {
        return "shift";
    }
    return term == TERM_DECAY ? "creator_decay" : multiplier_name(term - TERM_MULTIPLIERS);
}

static enum status put_slate(struct ranking *ranking, struct rank_result *result)
{
    const struct slate *slate = &ranking->slate;
    size_t count = ranking->input.positions;
    result->count = count;
    result->order = arena_new_raw(ranking->arena, uint32_t, count);
    result->scores = arena_new_raw(ranking->arena, double, count);
    result->propensities = arena_new_raw(ranking->arena, double, count);
    if (arena_full(ranking->arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t at = slate->order[i];
        result->order[i] = ranking->kept[at];
        result->scores[i] = slate->scores[at];
        result->propensities[i] = slate->propensities != NULL ? slate->propensities[i] : 1;
    }
    for (size_t i = count; i < ranking->kept_count; i++) {
        ranking->rules[ranking->kept[slate->order[i]]] = DROP_BELOW_LIMIT;
    }
    return STATUS_OK;
}

/* The rules that moved a video, if it is not where its score puts it. */
static struct slate_moves moves_of(const struct slate *slate, uint32_t at, size_t position)
{
    struct slate_moves moves = {.count = 0};
    uint32_t from_position = slate->from_positions[at];
    for (unsigned rule = 0; rule < SLATE_RULE_COUNT && from_position != position; rule++) {
        if ((slate->moved_by[at] & 1U << rule) != 0) {
            moves.items[moves.count++] =
                (struct slate_move){.rule = rule, .from_position = from_position};
        }
    }
    return moves;
}

static enum status explain_moves(struct ranking *ranking, struct rank_result *result)
{
    const struct slate *slate = &ranking->slate;
    if (slate->moved_by == NULL) {
        return STATUS_OK;
    }
    result->moves = arena_new_raw(ranking->arena, struct slate_moves, result->count);
    for (size_t i = 0; result->moves != NULL && i < result->count; i++) {
        result->moves[i] = moves_of(slate, slate->order[i], i + 1);
    }
    return result->moves != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status put_dropped(struct ranking *ranking, struct rank_result *result)
{
    size_t count = ranking->request->count - result->count;
    result->dropped = arena_new_raw(ranking->arena, uint32_t, count);
    result->dropped_rules = arena_new_raw(ranking->arena, uint8_t, count);
    if (arena_full(ranking->arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < ranking->request->count; i++) {
        if (ranking->rules[i] != DROP_NONE) {
            result->dropped[result->dropped_count] = (uint32_t)i;
            result->dropped_rules[result->dropped_count] = ranking->rules[i];
            result->dropped_count++;
        }
    }
    return STATUS_OK;
}

static size_t first_with_key(const struct rank_request *request, uint64_t key)
{
    size_t i = 0;
    while (request->keys[i] != key) {
        i++;
    }
    return i;
}

__attribute__((format(printf, 2, 3))) static const char *print(struct arena *arena,
                                                               const char *format, ...)
{
    enum { SIZE = 80 };
    char *text = arena_new_raw(arena, char, SIZE);
    va_list list;
    va_start(list, format);
    if (text != NULL) {
        vsnprintf(text, SIZE, format, list);
    }
    va_end(list);
    return text;
}

/* What the rule saw that dropped a candidate; positions has, from 1, where each kept one came. */
static const char *detail(const struct ranking *ranking, const struct policy_context *context,
                          const uint32_t *positions, size_t candidate)
{
    const struct rank_request *request = ranking->request;
    uint64_t key = request->keys[candidate];
    switch (ranking->rules[candidate]) {
    case DROP_REPEATED:
        return print(ranking->arena, "candidate %zu is the same video; this is candidate %zu",
                     first_with_key(request, key), candidate);
    case DROP_BELOW_LIMIT:
        return print(ranking->arena, "it would stand at position %u; the limit is %zu",
                     positions[candidate], request->limit);
    default:
        return policy_detail(context, ranking->videos[candidate],
                             profile_seen_age_ms(&ranking->profile, key), ranking->rules[candidate],
                             ranking->arena);
    }
}

static enum status explain_dropped(struct ranking *ranking, struct rank_result *result)
{
    const struct policy_context context = ranking_policy(ranking);
    uint32_t *positions = arena_new(ranking->arena, uint32_t, ranking->request->count);
    result->details = arena_new(ranking->arena, const char *, result->dropped_count);
    if (arena_full(ranking->arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < ranking->kept_count; i++) {
        positions[ranking->kept[ranking->slate.order[i]]] = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < result->dropped_count; i++) {
        result->details[i] = detail(ranking, &context, positions, result->dropped[i]);
    }
    return arena_full(ranking->arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

static void put_features(const struct features *features, size_t row, struct rank_result *result,
                         size_t position)
{
    double *values = &result->feature_values[position * result->feature_count];
    for (size_t i = 0; i < result->feature_count; i++) {
        values[i] = features->columns[result->features[i]][row];
    }
}

/* Scores count positions from begin again, now with every head and multiplier. */
static void explain_block(struct ranking *ranking, size_t begin, size_t count,
                          struct rank_result *result)
{
    struct features features;
    struct candidate candidates[FEATURE_BLOCK];
    double scores[FEATURE_BLOCK];
    struct rank_term *terms = &result->terms[begin * TERM_COUNT];
    for (size_t i = 0; i < count; i++) {
        candidates[i] = ranking->candidates[ranking->slate.order[begin + i]];
    }
    features_fill(&ranking->source, &ranking->explained, candidates, count, &features);
    score_block(&ranking->explained, &features, count, scores,
                &(struct score_detail){.terms = terms});
    for (size_t i = 0; i < count; i++) {
        uint32_t at = ranking->slate.order[begin + i];
        terms[i * TERM_COUNT + TERM_DECAY] = (struct rank_term){
            .value = ranking->slate.scores[at] - scores[i],
            .input = ranking->slate.factors[at],
        };
        put_features(&features, i, result, begin + i);
    }
}

/* Adds up what the scores of count positions from begin are made of. */
static void total_block(struct ranking *ranking, size_t begin, size_t count, int64_t *totals)
{
    struct features features;
    struct candidate candidates[FEATURE_BLOCK];
    double scores[FEATURE_BLOCK];
    for (size_t i = 0; i < count; i++) {
        candidates[i] = ranking->candidates[ranking->slate.order[begin + i]];
    }
    const struct block_code *code = block_code_choose();
    code->fill(&ranking->source, &ranking->selection, candidates, count, &features);
    code->score(&ranking->selection, &features, count, scores,
                &(struct score_detail){.totals = totals});
}

/*
 * What moves no score has terms of 0, so what scores were worked out with is enough. Where all that
 * were scored are shown, their terms were added up on the way (ranking.h).
 */
static void total_slate(struct ranking *ranking, struct rank_result *result)
{
    const struct slate *slate = &ranking->slate;
    int64_t *totals = result->term_totals;
    if (ranking_shows_all(ranking)) {
        memcpy(totals, ranking->term_totals, sizeof(ranking->term_totals));
    } else {
        for (size_t begin = 0; begin < result->count; begin += FEATURE_BLOCK) {
            total_block(ranking, begin, ranking_block_size(result->count, begin), totals);
        }
    }
    for (size_t i = 0; i < result->count; i++) {
        uint32_t at = slate->order[i];
        totals[TERM_DECAY] += rank_term_units(slate->scores[at] - ranking->input.scores[at]);
    }
}

static enum status list_features(struct ranking *ranking, struct rank_result *result)
{
    struct selection weighted = selection_of_weighted(ranking->model);
    struct feature_set listed = selection_listed(&weighted);
    result->features = arena_new_raw(ranking->arena, enum feature, FEATURE_COUNT);
    if (result->features == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        if (feature_set_has(&listed, i)) {
            result->features[result->feature_count++] = i;
        }
    }
    result->feature_values =
        arena_new_raw(ranking->arena, double, result->count * result->feature_count);
    return result->feature_values != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status explain_slate(struct ranking *ranking, struct rank_result *result)
{
    result->terms = arena_new(ranking->arena, struct rank_term, result->count * TERM_COUNT);
    if (result->terms == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = list_features(ranking, result);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t begin = 0; begin < result->count; begin += FEATURE_BLOCK) {
        explain_block(ranking, begin, ranking_block_size(result->count, begin), result);
    }
    return STATUS_OK;
}

static enum status explain(struct ranking *ranking, struct rank_result *result)
{
    enum status status = explain_slate(ranking, result);
    if (status == STATUS_OK) {
        status = explain_dropped(ranking, result);
    }
    return status == STATUS_OK ? explain_moves(ranking, result) : status;
}

static enum status build(struct ranking *ranking)
{
    if (ranking->request->by_retrieval) {
        return slate_plain_build(&ranking->input, ranking->arena, NULL, &ranking->slate);
    }
    return slate_build(&ranking->input, ranking->arena, &ranking->slate);
}

/* The steps in order; each needs those before it. */
static enum status run(struct ranking *ranking, struct rank_result *result)
{
    enum status status = build(ranking);
    if (status == STATUS_OK) {
        status = put_slate(ranking, result);
    }
    if (status == STATUS_OK) {
        status = put_dropped(ranking, result);
    }
    if (status == STATUS_OK && ranking->request->total_terms) {
        total_slate(ranking, result);
    }
    return status == STATUS_OK && ranking->request->explain ? explain(ranking, result) : status;
}

enum status rank(const struct state *state, const struct model *model,
                 const struct rank_request *request, struct arena *arena, struct rank_result *out)
{
    struct ranking ranking;
    struct rank_result result = {.state_sequence = state_sequence(state)};
    enum status status = ranking_init(&ranking, state, model, request, arena);
    if (status == STATUS_OK) {
        status = run(&ranking, &result);
    }
    if (status == STATUS_OK) {
        result.user_place = ranking.user_place;
        *out = result;
    }
    return status;
}

bool rank_is_drawn(const struct rank_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        if (result->propensities[i] < 1) {
            return true;
        }
    }
    return false;
}
