#include "ranker/rank.h"

#include <stdarg.h>
#include <stdio.h>

#include "ranker/check.h"
#include "ranker/features.h"
#include "ranker/lookup.h"
#include "ranker/policy.h"
#include "ranker/profile.h"
#include "ranker/score.h"
#include "ranker/selection.h"
#include "ranker/slate.h"

enum { TERM_SHIFT = HEAD_COUNT, TERM_MULTIPLIERS, TERM_DECAY = TERM_COUNT - 1 };

/* One call of rank(), built up step by step in the arena. */
struct ranking {
    const struct state *state;
    const struct model *model;
    const struct rank_request *request;
    struct arena *arena;
    struct selection selection; /* what moves this user's scores */
    struct selection explained; /* with explain, whatever can be explained */
    struct profile profile;
    struct features_source source;
    const struct video **videos; /* by candidate of the request; NULL: unknown */
    uint8_t *rules;              /* by candidate of the request; enum drop_rule */
    size_t kept_count;
    uint32_t *kept;               /* candidates that passed policy, rising */
    struct candidate *candidates; /* by index in kept, as are the scores of the slate */
    struct slate slate;
};

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

static enum status find_videos(struct ranking *ranking)
{
    const struct rank_request *request = ranking->request;
    size_t count = request->count;
    ranking->videos = arena_new_raw(ranking->arena, const struct video *, count);
    ranking->rules = arena_new_raw(ranking->arena, uint8_t, count);
    ranking->kept = arena_new_raw(ranking->arena, uint32_t, count);
    ranking->candidates = arena_new_raw(ranking->arena, struct candidate, count);
    if (arena_full(ranking->arena)) {
        return STATUS_NO_MEMORY;
    }
    videos_find_many(state_videos(ranking->state), request->keys, count, ranking->videos);
    return STATUS_OK;
}

static void keep(struct ranking *ranking, size_t candidate, bool seen)
{
    const double *scores = ranking->request->retrieval_scores;
    const uint64_t *sources = ranking->request->source_keys;
    size_t at = ranking->kept_count++;
    ranking->kept[at] = (uint32_t)candidate;
    ranking->candidates[at] = (struct candidate){
        .video = ranking->videos[candidate],
        .retrieval_score = scores != NULL ? scores[candidate] : 0,
        .source_key = sources != NULL ? sources[candidate] : 0,
        .seen = seen,
    };
}

static struct policy_context context_of(const struct ranking *ranking)
{
    return policy_context(ranking->model, state_videos(ranking->state), ranking->profile.user,
                          ranking->request);
}

/* Keeps what no rule forbids. */
static enum drop_rule judge(struct ranking *ranking, const struct policy_context *context,
                            size_t candidate)
{
    int64_t age_ms = profile_seen_age_ms(&ranking->profile, ranking->request->keys[candidate]);
    enum drop_rule rule = policy_judge(context, ranking->videos[candidate], age_ms);
    if (rule == DROP_NONE) {
        keep(ranking, candidate, age_ms != PROFILE_NEVER);
    }
    return rule;
}

/* Key 0 names no video, so it is unknown however often it comes. */
static enum status judge_all(struct ranking *ranking)
{
    const struct rank_request *request = ranking->request;
    const struct policy_context context = context_of(ranking);
    struct positions met;
    enum status status = positions_init(&met, request->keys, request->count, ranking->arena);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < request->count; i++) {
        uint16_t *slot = positions_slot(&met, request->keys[i]);
        bool repeated = *slot != 0 && request->keys[i] != 0;
        *slot = (uint16_t)(i + 1);
        ranking->rules[i] = (uint8_t)(repeated ? DROP_REPEATED : judge(ranking, &context, i));
    }
    return STATUS_OK;
}

static size_t block_size(size_t count, size_t begin)
{
    return count - begin < FEATURE_BLOCK ? count - begin : FEATURE_BLOCK;
}

/* Asks for the rows of a block still to come, to their last byte, while the one before is scored.
 */
static void prefetch_block(const struct ranking *ranking, size_t begin)
{
    for (size_t i = begin; i < begin + FEATURE_BLOCK && i < ranking->kept_count; i++) {
        const char *row = (const char *)ranking->candidates[i].video;
        for (size_t at = 0; at < sizeof(struct video); at += 64) {
            __builtin_prefetch(row + at);
        }
        __builtin_prefetch(row + sizeof(struct video) - 1);
    }
}

static void score_all(struct ranking *ranking, double *scores)
{
    score_block_function *score = score_block_choose();
    struct features features; /* large; what is not selected is never read */
    for (size_t begin = 0; begin < ranking->kept_count; begin += FEATURE_BLOCK) {
        size_t count = block_size(ranking->kept_count, begin);
        double block[FEATURE_BLOCK];
        prefetch_block(ranking, begin + FEATURE_BLOCK);
        features_fill(&ranking->source, &ranking->selection, &ranking->candidates[begin], count,
                      &features);
        score(&ranking->selection, &features, count, block, NULL);
        for (size_t i = 0; i < count; i++) {
            scores[begin + i] = block[i];
        }
    }
}

/* Published lately, and with few views yet; one of the future is as new as can be. */
static bool is_new(const struct ranking *ranking, const struct video *video)
{
    const struct model *model = ranking->model;
    enum half_life half_life = model->rate_half_life;
    struct stats_moment now = stats_moment_of(ranking->request->now_ms, half_life);
    double views = stats_most_views(&video->decayed, half_life) *
                   stats_decay_factor(now, video->decayed.newest_tick);
    double age_ms = (double)(ranking->request->now_ms - video->published_ms);
    return video->published_ms != 0 && age_ms <= model->new_video_age_ms &&
           views <= model->new_video_views;
}

static bool needs_embeddings(const struct model *model)
{
    return model->diversity > 0 && model->diversity_by == DIVERSITY_BY_EMBEDDING;
}

static struct slate_facts *find_facts(const struct ranking *ranking)
{
    uint16_t region = ranking->request->locale.region;
    struct slate_facts *facts =
        arena_new_raw(ranking->arena, struct slate_facts, ranking->kept_count);
    const struct videos *videos = state_videos(ranking->state);
    bool with_embeddings = needs_embeddings(ranking->model);
    for (size_t i = 0; with_embeddings && i < ranking->kept_count; i++) {
        videos_prefetch_embedding(videos, ranking->candidates[i].video);
    }
    for (size_t i = 0; facts != NULL && i < ranking->kept_count; i++) {
        const struct video *video = ranking->candidates[i].video;
        facts[i] = (struct slate_facts){
            .embedding = with_embeddings ? videos_embedding(videos, video) : NULL,
            .categories = video->category_keys,
            .tags = video->tag_keys,
            .local = region != 0 && video->creator_region == region,
            .is_new = ranking->model->new_video_every > 0 && is_new(ranking, video),
        };
    }
    return facts;
}

/* How long the slate is. */
static size_t slate_count(const struct ranking *ranking)
{
    size_t limit = ranking->request->limit;
    return limit > 0 && limit < ranking->kept_count ? limit : ranking->kept_count;
}

static enum status build_slate(struct ranking *ranking)
{
    double *scores = arena_new_raw(ranking->arena, double, ranking->kept_count);
    uint64_t *creators = arena_new_raw(ranking->arena, uint64_t, ranking->kept_count);
    if (arena_full(ranking->arena)) {
        return STATUS_NO_MEMORY;
    }
    score_all(ranking, scores);
    for (size_t i = 0; i < ranking->kept_count; i++) {
        creators[i] = ranking->candidates[i].video->creator_key;
    }
    struct slate_input input = {
        .model = ranking->model,
        .count = ranking->kept_count,
        .scores = scores,
        .creators = creators,
        .facts = slate_is_plain(ranking->model) ? NULL : find_facts(ranking),
        .positions = slate_count(ranking),
        .seed = ranking->request->seed,
        .explain = ranking->request->explain,
    };
    if (arena_full(ranking->arena)) {
        return STATUS_NO_MEMORY;
    }
    return slate_build(&input, ranking->arena, &ranking->slate);
}

static enum status put_slate(struct ranking *ranking, struct rank_result *result)
{
    const struct slate *slate = &ranking->slate;
    size_t count = slate_count(ranking);
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
    const struct policy_context context = context_of(ranking);
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
    score_block(&ranking->explained, &features, count, scores, terms);
    for (size_t i = 0; i < count; i++) {
        uint32_t at = ranking->slate.order[begin + i];
        terms[i * TERM_COUNT + TERM_DECAY] = (struct rank_term){
            .value = ranking->slate.scores[at] - scores[i],
            .input = ranking->slate.factors[at],
        };
        put_features(&features, i, result, begin + i);
    }
}

/*
 * Adds up what the scores of count positions from begin are made of. What moves no score has terms
 * of 0, so what scores were worked out with is enough.
 */
static void total_block(struct ranking *ranking, size_t begin, size_t count, int64_t *totals)
{
    struct features features;
    struct candidate candidates[FEATURE_BLOCK];
    double scores[FEATURE_BLOCK];
    struct rank_term terms[FEATURE_BLOCK * TERM_COUNT] = {{0}};
    const struct slate *slate = &ranking->slate;
    for (size_t i = 0; i < count; i++) {
        candidates[i] = ranking->candidates[slate->order[begin + i]];
    }
    features_fill(&ranking->source, &ranking->selection, candidates, count, &features);
    score_block_choose()(&ranking->selection, &features, count, scores, terms);
    for (size_t i = 0; i < count; i++) {
        double decay = slate->scores[slate->order[begin + i]] - scores[i];
        for (unsigned term = 0; term < TERM_DECAY; term++) {
            totals[term] += rank_term_units(terms[i * TERM_COUNT + term].value);
        }
        totals[TERM_DECAY] += rank_term_units(decay);
    }
}

static void total_slate(struct ranking *ranking, struct rank_result *result)
{
    for (size_t begin = 0; begin < result->count; begin += FEATURE_BLOCK) {
        total_block(ranking, begin, block_size(result->count, begin), result->term_totals);
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
        explain_block(ranking, begin, block_size(result->count, begin), result);
    }
    return STATUS_OK;
}

/* Everything there is to explain: all heads and multipliers, and what is listed beside them. */
static struct selection select_explained(const struct model *model)
{
    struct selection all = selection_of_all(model);
    all.features = selection_listed(&all);
    return all;
}

static enum status prepare_profile(struct ranking *ranking, const struct user *user)
{
    const struct selection *widest = &ranking->selection;
    if (ranking->request->explain) {
        ranking->explained = select_explained(ranking->model);
        widest = &ranking->explained;
    }
    enum status status =
        profile_init(&ranking->profile, user, widest, ranking->request, ranking->arena);
    bool tires = feature_set_has(&widest->features, FEATURE_FATIGUE_CREATOR) ||
                 feature_set_has(&widest->features, FEATURE_FATIGUE_CATEGORY);
    if (status == STATUS_OK && tires) {
        status = profile_tire(&ranking->profile, state_videos(ranking->state),
                              ranking->model->fatigue_half_life_ms, ranking->arena);
    }
    return status;
}

static enum status prepare(struct ranking *ranking)
{
    const struct rank_request *request = ranking->request;
    const struct user *user = NULL;
    enum status status = STATUS_OK;
    if (request->user_key != 0) {
        status = state_find_user(ranking->state, request->user_key, ranking->arena, &user);
    }
    if (status != STATUS_OK) {
        return status;
    }
    ranking->selection = selection_of_moving(ranking->model, user, request);
    status = prepare_profile(ranking, user);
    if (status != STATUS_OK) {
        return status;
    }
    return features_source_init(&ranking->source, &ranking->profile, ranking->state,
                                ranking->arena);
}

/* The steps in order; each needs those before it. */
static enum status run(struct ranking *ranking, struct rank_result *result)
{
    enum status status = prepare(ranking);
    if (status == STATUS_OK) {
        status = find_videos(ranking);
    }
    if (status == STATUS_OK) {
        status = judge_all(ranking);
    }
    if (status == STATUS_OK) {
        status = build_slate(ranking);
    }
    if (status == STATUS_OK) {
        status = put_slate(ranking, result);
    }
    if (status == STATUS_OK) {
        status = put_dropped(ranking, result);
    }
    if (status == STATUS_OK && ranking->request->total_terms) {
        total_slate(ranking, result);
    }
    if (status == STATUS_OK && ranking->request->explain) {
        status = explain_slate(ranking, result);
    }
    if (status == STATUS_OK && ranking->request->explain) {
        status = explain_dropped(ranking, result);
    }
    if (status == STATUS_OK && ranking->request->explain) {
        status = explain_moves(ranking, result);
    }
    return status;
}

enum status rank(const struct state *state, const struct model *model,
                 const struct rank_request *request, struct arena *arena, struct rank_result *out)
{
    CHECK(request->count <= LIMIT_CANDIDATES);
    CHECK(request->language_count <= LIMIT_LANGUAGES);
    CHECK(request->now_ms > 0);
    struct ranking ranking = {
        .state = state,
        .model = model,
        .request = request,
        .arena = arena,
    };
    struct rank_result result = {.state_sequence = state_sequence(state)};
    enum status status = run(&ranking, &result);
    if (status == STATUS_OK) {
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
