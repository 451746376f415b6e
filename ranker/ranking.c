#include "ranker/ranking.h"

#include <math.h>

#include "ranker/block_code.h"
#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/lookup.h"
#include "ranker/score.h"

enum status ranking_find_videos(struct ranking *ranking)
{
    const struct rank_request *request = ranking->request;
    size_t count = request->count;
    ranking->videos = arena_new_raw(ranking->arena, const struct video *, count);
    ranking->rules = arena_new_raw(ranking->arena, uint8_t, count);
    ranking->kept = arena_new_raw(ranking->arena, uint32_t, count);
    ranking->candidates = arena_new_raw(ranking->arena, struct candidate, count);
    ranking->creators = arena_new_raw(ranking->arena, uint64_t, count);
    if (arena_full(ranking->arena)) {
        return STATUS_NO_MEMORY;
    }
    videos_find_many(state_videos(ranking->state), request->keys, count, ranking->videos);
    return STATUS_OK;
}

void ranking_keep(struct ranking *ranking, size_t candidate, bool seen)
{
    const double *scores = ranking->request->retrieval_scores;
    const uint64_t *sources = ranking->request->source_keys;
    size_t at = ranking->kept_count++;
    ranking->kept[at] = (uint32_t)candidate;
    ranking->creators[at] = ranking->videos[candidate]->creator_key; /* while the row is near */
    ranking->candidates[at] = (struct candidate){
        .video = ranking->videos[candidate],
        .retrieval_score = scores != NULL ? scores[candidate] : 0,
        .source_key = sources != NULL ? sources[candidate] : 0,
        .seen = seen,
    };
}

struct policy_context ranking_policy(const struct ranking *ranking)
{
    return policy_context(ranking->model, state_videos(ranking->state), ranking->profile.user,
                          ranking->request);
}

/* Keeps what no rule forbids. */
static enum drop_rule judge(struct ranking *ranking, const struct policy_context *context,
                            const struct policy_gate *gate, size_t candidate)
{
    const struct video *video = ranking->videos[candidate];
    int64_t age_ms = profile_seen_age_ms(&ranking->profile, ranking->request->keys[candidate]);
    if (age_ms == PROFILE_NEVER && policy_gate_passes(gate, video)) {
        ranking_keep(ranking, candidate, false);
        return DROP_NONE;
    }
    enum drop_rule rule = policy_judge(context, video, age_ms);
    if (rule == DROP_NONE) {
        ranking_keep(ranking, candidate, age_ms != PROFILE_NEVER);
    }
    return rule;
}

/* Key 0 names no video, so it is unknown however often it comes. */
static enum status judge_all(struct ranking *ranking)
{
    const struct rank_request *request = ranking->request;
    const struct policy_context context = ranking_policy(ranking);
    const struct policy_gate gate = policy_gate(&context);
    struct positions met;
    enum status status = positions_init(&met, request->keys, request->count, ranking->arena);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < request->count; i++) {
        uint16_t *slot = positions_slot(&met, request->keys[i]);
        bool repeated = *slot != 0 && request->keys[i] != 0;
        *slot = (uint16_t)(i + 1);
        ranking->rules[i] =
            (uint8_t)(repeated ? DROP_REPEATED : judge(ranking, &context, &gate, i));
    }
    return STATUS_OK;
}

/* Asks for the rows of a block still to come, and what they have more, while the one before is
 * scored. */
static void prefetch_block(const struct ranking *ranking, size_t begin)
{
    const struct video_more *more = videos_more(state_videos(ranking->state));
    for (size_t i = begin; i < begin + FEATURE_BLOCK && i < ranking->kept_count; i++) {
        const struct video *video = ranking->candidates[i].video;
        const char *row = (const char *)video;
        __builtin_prefetch(video_more_of(more, video));
        for (size_t at = 0; at < sizeof(struct video); at += 64) {
            __builtin_prefetch(row + at);
        }
    }
}

static void score_all(struct ranking *ranking, double *scores)
{
    const struct block_code *code = block_code_choose();
    const struct score_detail totals = {.totals = ranking->term_totals};
    bool total = ranking->request->total_terms && ranking_shows_all(ranking);
    struct features features; /* large; what is not selected is never read */
    for (size_t begin = 0; begin < ranking->kept_count; begin += FEATURE_BLOCK) {
        size_t count = ranking_block_size(ranking->kept_count, begin);
        double block[FEATURE_BLOCK];
        prefetch_block(ranking, begin + FEATURE_BLOCK);
        code->fill(&ranking->source, &ranking->selection, &ranking->candidates[begin], count,
                   &features);
        code->score(&ranking->selection, &features, count, block, total ? &totals : NULL);
        for (size_t i = 0; i < count; i++) {
            scores[begin + i] = block[i];
        }
    }
}

/* Where the score stands between the least and the most of them: 0 where all are equal. */
static void score_by_retrieval(const struct ranking *ranking, double *scores)
{
    double least = INFINITY;
    double most = -INFINITY;
    for (size_t i = 0; i < ranking->kept_count; i++) {
        double score = ranking->candidates[i].retrieval_score;
        least = score < least ? score : least;
        most = score > most ? score : most;
    }
    /* Halves: the difference of two finite numbers may be infinite. */
    double half_range = most / 2 - least / 2;
    for (size_t i = 0; i < ranking->kept_count; i++) {
        double above = ranking->candidates[i].retrieval_score / 2 - least / 2;
        scores[i] = half_range > 0 ? exact_quantum(above / half_range) : 0;
    }
}

/* Published lately, and with few views yet; one of the future is as new as can be. */
static bool is_new(const struct ranking *ranking, const struct video *video)
{
    const struct model *model = ranking->model;
    enum half_life half_life = model->rate_half_life;
    struct stats_moment now = stats_moment_of(ranking->request->now_ms, half_life);
    double views =
        video_most_views(video, half_life) * stats_decay_factor(now, video->decayed.newest_tick);
    double age_ms = (double)(ranking->request->now_ms - video->published_ms);
    return video->published_ms != 0 && age_ms <= model->new_video_age_ms &&
           views <= model->new_video_views;
}

static bool needs_embeddings(const struct model *model)
{
    return model->diversity > 0 && model->diversity_by == DIVERSITY_BY_EMBEDDING;
}

struct tags {
    uint32_t keys[LIMIT_VIDEO_TAGS];
};

/* Of each video that is kept; NULL where the slate does not compare them, or the arena is full. */
static struct tags *find_tags(const struct ranking *ranking)
{
    if (ranking->model->diversity <= 0) {
        return NULL;
    }
    const struct videos *videos = state_videos(ranking->state);
    struct tags *tags = arena_new_raw(ranking->arena, struct tags, ranking->kept_count);
    for (size_t i = 0; tags != NULL && i < ranking->kept_count; i++) {
        videos_get_tags(videos, ranking->candidates[i].video, tags[i].keys);
    }
    return tags;
}

static struct slate_facts *find_facts(const struct ranking *ranking)
{
    uint16_t region = ranking->request->locale.region;
    struct slate_facts *facts =
        arena_new_raw(ranking->arena, struct slate_facts, ranking->kept_count);
    const struct videos *videos = state_videos(ranking->state);
    const struct tags *tags = find_tags(ranking);
    bool with_embeddings = needs_embeddings(ranking->model);
    for (size_t i = 0; with_embeddings && i < ranking->kept_count; i++) {
        videos_prefetch_embedding(videos, ranking->candidates[i].video);
    }
    for (size_t i = 0; facts != NULL && i < ranking->kept_count; i++) {
        const struct video *video = ranking->candidates[i].video;
        facts[i] = (struct slate_facts){
            .embedding = with_embeddings ? videos_embedding(videos, video) : NULL,
            .categories = video->category_keys,
            .tags = tags != NULL ? tags[i].keys : NULL,
            .local = region != 0 && video->creator_region == region,
            .is_new = ranking->model->new_video_every > 0 && is_new(ranking, video),
        };
    }
    return facts;
}

static enum status score_kept(struct ranking *ranking)
{
    double *scores = arena_new_raw(ranking->arena, double, ranking->kept_count);
    if (scores == NULL) {
        return STATUS_NO_MEMORY;
    }
    bool by_retrieval = ranking->request->by_retrieval;
    if (by_retrieval) {
        score_by_retrieval(ranking, scores);
    } else {
        score_all(ranking, scores);
    }
    ranking->input = (struct slate_input){
        .model = ranking->model,
        .count = ranking->kept_count,
        .scores = scores,
        .creators = ranking->creators,
        .facts = by_retrieval || slate_is_plain(ranking->model) ? NULL : find_facts(ranking),
        .positions = ranking_positions(ranking),
        .seed = ranking->request->seed,
        .explain = ranking->request->explain,
    };
    return arena_full(ranking->arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

/* Everything there is to explain: all heads and multipliers, and what is listed beside them. */
static struct selection select_explained(const struct model *model)
{
    struct selection all = selection_of_all(model);
    all.features = selection_listed(&all);
    return all;
}

enum status ranking_find_user(const struct ranking *ranking, const struct user **out)
{
    const struct rank_request *request = ranking->request;
    *out = NULL;
    return request->user_key != 0
               ? state_find_user(ranking->state, request->user_key, ranking->arena, out)
               : STATUS_OK;
}

enum status ranking_prepare(struct ranking *ranking, const struct user *user,
                            const struct selection *widest)
{
    enum status status = profile_init(&ranking->profile, user, widest, ranking->request,
                                      state_videos(ranking->state), ranking->arena);
    return status == STATUS_OK ? features_source_init(&ranking->source, &ranking->profile,
                                                      ranking->state, ranking->arena)
                               : status;
}

/* Makes what lies in one block come near, which most of a user in memory does. */
static void prefetch_user(const struct user *user)
{
    enum { LINE = 64, NEAR = 1536 };
    for (size_t at = 0; at < NEAR; at += LINE) {
        __builtin_prefetch((const char *)user + at);
    }
}

static enum status prepare(struct ranking *ranking)
{
    const struct user *user;
    const struct selection *widest = &ranking->selection;
    size_t used = ranking->arena->used;
    enum status status = ranking_find_user(ranking, &user);
    if (status != STATUS_OK) {
        return status;
    }
    if (user != NULL) { /* one that is not in memory is loaded into the arena */
        ranking->user_place = ranking->arena->used == used ? USER_IN_MEMORY : USER_ON_DISK;
        prefetch_user(user);
    }
    ranking->selection = ranking->request->by_retrieval
                             ? (struct selection){.model = ranking->model}
                             : selection_of_moving(ranking->model, user, ranking->request);
    if (ranking->request->explain) {
        ranking->explained = select_explained(ranking->model);
        widest = &ranking->explained;
    }
    return ranking_prepare(ranking, user, widest);
}

enum status ranking_init(struct ranking *ranking, const struct state *state,
                         const struct model *model, const struct rank_request *request,
                         struct arena *arena)
{
    CHECK(request->count <= LIMIT_CANDIDATES);
    CHECK(request->language_count <= LIMIT_LANGUAGES);
    CHECK(request->now_ms > 0);
    CHECK(!request->by_retrieval || (!request->explain && !request->total_terms));
    *ranking = (struct ranking){.state = state, .model = model, .request = request, .arena = arena};
    enum status status = prepare(ranking);
    if (status == STATUS_OK) {
        status = ranking_find_videos(ranking);
    }
    if (status == STATUS_OK) {
        status = judge_all(ranking);
    }
    return status == STATUS_OK ? score_kept(ranking) : status;
}
