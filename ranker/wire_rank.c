#include <math.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/policy.h"
#include "ranker/wire.h"
#include "ranker/wire_check.h"

enum { RANKING_ID_SIZE = 33 };

static enum status one_form_only(const Reelrank__V1__RankRequest *message, struct problem *problem)
{
    int forms = (message->n_candidates > 0) + (message->n_candidate_ids > 0) +
                (message->n_candidate_keys > 0);
    if (forms > 1) {
        problem_set(problem,
                    "just one of candidates, candidate_ids and candidate_keys may be used");
        return STATUS_INVALID;
    }
    enum status status =
        wire_check_count("candidates", message->n_candidates, LIMIT_CANDIDATES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_count("candidate_ids", message->n_candidate_ids, LIMIT_CANDIDATES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return wire_check_count("candidate_keys", message->n_candidate_keys, LIMIT_CANDIDATES, problem);
}

static enum status put_ids(const Reelrank__V1__RankRequest *message, struct arena *arena,
                           struct rank_request *request, struct problem *problem)
{
    uint64_t *keys = arena_new_raw(arena, uint64_t, message->n_candidate_ids);
    if (keys == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < message->n_candidate_ids; i++) {
        const char *id = message->candidate_ids[i];
        enum status status = wire_id("candidate_ids", i, id, problem);
        if (status != STATUS_OK) {
            return status;
        }
        keys[i] = hash_key(text_of(id));
    }
    request->keys = keys;
    request->count = message->n_candidate_ids;
    return STATUS_OK;
}

static enum status put_candidate(const Reelrank__V1__Candidate *candidate, size_t index,
                                 struct problem *problem)
{
    enum status status = wire_id("candidates.video_id", index, candidate->video_id, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!isfinite(candidate->retrieval_score)) {
        problem_set(problem, "candidates[%zu].retrieval_score is not a finite number", index);
        return STATUS_INVALID;
    }
    status = wire_check_unknown("candidates", &candidate->base, problem);
    return status == STATUS_OK ? wire_check_text("candidates.source", candidate->source, 0,
                                                 LIMIT_SHORT_BYTES, problem)
                               : status;
}

static enum status put_candidates(const Reelrank__V1__RankRequest *message, struct arena *arena,
                                  struct rank_request *request, struct problem *problem)
{
    uint64_t *keys = arena_new_raw(arena, uint64_t, message->n_candidates);
    double *scores = arena_new_raw(arena, double, message->n_candidates);
    uint64_t *sources = arena_new_raw(arena, uint64_t, message->n_candidates);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < message->n_candidates; i++) {
        const Reelrank__V1__Candidate *candidate = message->candidates[i];
        enum status status = put_candidate(candidate, i, problem);
        if (status != STATUS_OK) {
            return status;
        }
        keys[i] = hash_key(text_of(candidate->video_id));
        scores[i] = candidate->retrieval_score;
        sources[i] = candidate->source[0] != '\0' ? hash_key(text_of(candidate->source)) : 0;
    }
    request->keys = keys;
    request->retrieval_scores = scores;
    request->source_keys = sources;
    request->count = message->n_candidates;
    return STATUS_OK;
}

static enum status put_any_form(const Reelrank__V1__RankRequest *message,
                                const struct wire_notes *notes, struct arena *arena,
                                struct rank_request *request, struct problem *problem)
{
    enum status status = one_form_only(message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (message->n_candidates > 0) {
        return put_candidates(message, arena, request, problem);
    }
    if (notes->message == &message->base && notes->id_keys != NULL) {
        request->keys = notes->id_keys;
        request->count = message->n_candidate_ids;
        return STATUS_OK;
    }
    if (message->n_candidate_ids > 0) {
        return put_ids(message, arena, request, problem);
    }
    request->keys = message->candidate_keys;
    request->count = message->n_candidate_keys;
    return STATUS_OK;
}

static enum status put_locale(const Reelrank__V1__RankRequest *message,
                              struct rank_request *request, struct problem *problem)
{
    enum status status = wire_check_text("locale", message->locale, 1, LIMIT_LOCALE_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = locale_parse(text_of(message->locale), &request->locale);
    if (status != STATUS_OK) {
        problem_set(problem, "locale \"%s\" is not a BCP 47 language tag such as \"hi-IN\"",
                    message->locale);
        return status;
    }
    uint16_t region = 0;
    status = wire_check_region("region", message->region, &region, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (region != 0) {
        request->locale.region = region;
    }
    status = wire_check_count("languages", message->n_languages, LIMIT_LANGUAGES, problem);
    for (size_t i = 0; status == STATUS_OK && i < message->n_languages; i++) {
        status = wire_check_language("languages", message->languages[i], &request->languages[i],
                                     problem);
    }
    request->language_count = (unsigned)message->n_languages;
    return status;
}

static enum status check_scalars(const Reelrank__V1__RankRequest *message, struct problem *problem)
{
    enum status status =
        wire_check_text("request_id", message->request_id, 0, LIMIT_SHORT_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_text("experiment", message->experiment, 0, LIMIT_ARM_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_text("user_id", message->user_id, 0, LIMIT_ID_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_range("age_years", message->age_years, 0, LIMIT_AGE_YEARS, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_range("limit", message->limit, 0, LIMIT_CANDIDATES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = wire_check_range("response_form", message->response_form, 0,
                              REELRANK__V1__RESPONSE_FORM__RESPONSE_FORM_PACKED, problem);
    if (status != STATUS_OK) {
        return status;
    }
    return wire_check_range("now_ms", message->now_ms, 0, LIMIT_TIME_MS, problem);
}

/*
 * With a request_id the time does not count, so that a retry draws the same; without one it does,
 * so that the next screen draws anew.
 */
static uint64_t seed_of(const Reelrank__V1__RankRequest *message,
                        const struct rank_request *request)
{
    size_t id_size = strlen(message->request_id);
    uint64_t numbers[] = {
        request->user_key,
        id_size > 0 ? 0 : (uint64_t)request->now_ms,
        XXH3_64bits(message->request_id, id_size),
    };
    return XXH3_64bits_withSeed(request->keys, request->count * sizeof(request->keys[0]),
                                XXH3_64bits(numbers, sizeof(numbers)));
}

enum status wire_rank_request_noted(const Reelrank__V1__RankRequest *message,
                                    const struct wire_notes *notes, int64_t now_ms,
                                    struct arena *arena, struct rank_request *out,
                                    struct problem *problem)
{
    CHECK(now_ms > 0);
    enum status status = wire_check_unknown("request", &message->base, problem);
    if (status == STATUS_OK) {
        status = check_scalars(message, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct text user_id = text_of(message->user_id);
    struct rank_request request = {
        .user_key = user_id.size > 0 ? hash_key(user_id) : 0,
        .age_years = message->age_years,
        .limit = message->limit,
        .exclude_seen = message->exclude_seen != 0,
        .explain = message->explain != 0 &&
                   message->response_form != REELRANK__V1__RESPONSE_FORM__RESPONSE_FORM_PACKED,
        .now_ms = message->now_ms > 0 ? message->now_ms : now_ms,
    };
    status = put_locale(message, &request, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = put_any_form(message, notes, arena, &request, problem);
    if (status != STATUS_OK) {
        return status;
    }
    request.seed = seed_of(message, &request);
    *out = request;
    return STATUS_OK;
}

enum status wire_rank_request(const Reelrank__V1__RankRequest *message, int64_t now_ms,
                              struct arena *arena, struct rank_request *out,
                              struct problem *problem)
{
    static const struct wire_notes nothing;
    return wire_rank_request_noted(message, &nothing, now_ms, arena, out, problem);
}

static void put_hexadecimal(uint64_t number, char out[16])
{
    for (unsigned i = 0; i < 16; i++) {
        out[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
    }
}

enum status wire_ranking_id(const Reelrank__V1__RankRequest *message,
                            const struct rank_request *request, const struct weights_chosen *chosen,
                            uint64_t state_sequence, struct arena *arena, const char **out)
{
    char *text = arena_new(arena, char, RANKING_ID_SIZE);
    if (text == NULL) {
        return STATUS_NO_MEMORY;
    }
    XXH3_state_t hash;
    XXH3_128bits_reset(&hash);
    XXH3_128bits_update(&hash, message->request_id, strlen(message->request_id) + 1);
    XXH3_128bits_update(&hash, chosen->version, strlen(chosen->version) + 1);
    XXH3_128bits_update(&hash, chosen->arms, strlen(chosen->arms) + 1);
    const struct locale *locale = &request->locale;
    uint64_t numbers[] = {
        request->user_key,       (uint64_t)request->now_ms,
        state_sequence,          request->limit,
        request->count,          locale->language,
        locale->region,          locale->script,
        request->language_count, request->age_years,
        request->exclude_seen,   request->retrieval_scores != NULL,
    };
    XXH3_128bits_update(&hash, numbers, sizeof(numbers));
    if (request->by_retrieval) { /* another answer than the one this would be a name of */
        XXH3_128bits_update(&hash, "overload", sizeof("overload"));
    }
    XXH3_128bits_update(&hash, request->languages,
                        request->language_count * sizeof(request->languages[0]));
    XXH3_128bits_update(&hash, request->keys, request->count * sizeof(request->keys[0]));
    if (request->retrieval_scores != NULL) {
        XXH3_128bits_update(&hash, request->retrieval_scores,
                            request->count * sizeof(request->retrieval_scores[0]));
    }
    if (request->source_keys != NULL) {
        XXH3_128bits_update(&hash, request->source_keys,
                            request->count * sizeof(request->source_keys[0]));
    }
    XXH128_hash_t digest = XXH3_128bits_digest(&hash);
    put_hexadecimal(digest.high64, text);
    put_hexadecimal(digest.low64, text + RANKING_ID_SIZE / 2);
    text[RANKING_ID_SIZE - 1] = '\0';
    *out = text;
    return STATUS_OK;
}

/* The id as the client wrote it; empty when it sent keys. */
static char *candidate_id(const Reelrank__V1__RankRequest *message, uint32_t index)
{
    if (message->n_candidate_ids > 0) {
        return message->candidate_ids[index];
    }
    if (message->n_candidates > 0) {
        return message->candidates[index]->video_id;
    }
    return (char *)protobuf_c_empty_string;
}

static void put_packed(const struct rank_result *result, struct arena *arena,
                       Reelrank__V1__RankResponse *response)
{
    response->score = arena_new_raw(arena, float, result->count);
    response->dropped_rule = arena_new(arena, Reelrank__V1__DropRule, result->dropped_count);
    if (arena_full(arena)) {
        return;
    }
    for (size_t i = 0; i < result->count; i++) {
        response->score[i] = (float)result->scores[i];
    }
    for (size_t i = 0; i < result->dropped_count; i++) {
        response->dropped_rule[i] = (Reelrank__V1__DropRule)result->dropped_rules[i];
    }
    if (rank_is_drawn(result)) {
        response->propensity = result->propensities;
        response->n_propensity = result->count;
    }
    response->order = result->order;
    response->n_order = result->count;
    response->n_score = result->count;
    response->dropped_index = result->dropped;
    response->n_dropped_index = result->dropped_count;
    response->n_dropped_rule = result->dropped_count;
}

static void put_contributions(const struct rank_term *terms, struct arena *arena,
                              Reelrank__V1__RankedVideo *video)
{
    Reelrank__V1__Contribution *items = arena_new(arena, Reelrank__V1__Contribution, TERM_COUNT);
    Reelrank__V1__Contribution **list = arena_new(arena, Reelrank__V1__Contribution *, TERM_COUNT);
    if (arena_full(arena)) {
        return;
    }
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        reelrank__v1__contribution__init(&items[i]);
        items[i].name = (char *)rank_term_name(i);
        items[i].value = terms[i].value;
        items[i].input = terms[i].input;
        list[i] = &items[i];
    }
    video->contributions = list;
    video->n_contributions = TERM_COUNT;
}

/* Those at the position; missing ones are left out. */
static void put_features(const struct rank_result *result, size_t position, struct arena *arena,
                         Reelrank__V1__RankedVideo *video)
{
    size_t count = result->feature_count;
    Reelrank__V1__FeatureValue *items = arena_new_raw(arena, Reelrank__V1__FeatureValue, count);
    Reelrank__V1__FeatureValue **list = arena_new_raw(arena, Reelrank__V1__FeatureValue *, count);
    if (arena_full(arena)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double value = result->feature_values[position * count + i];
        if (!isnan(value)) {
            Reelrank__V1__FeatureValue *item = &items[video->n_features];
            reelrank__v1__feature_value__init(item);
            item->name = (char *)feature_name(result->features[i]);
            item->value = value;
            list[video->n_features++] = item;
        }
    }
    video->features = list;
}

static void put_moves(const struct slate_moves *moves, struct arena *arena,
                      Reelrank__V1__RankedVideo *video)
{
    Reelrank__V1__SlateMove *items = arena_new(arena, Reelrank__V1__SlateMove, moves->count);
    video->moves = arena_new(arena, Reelrank__V1__SlateMove *, moves->count);
    if (arena_full(arena)) {
        return;
    }
    for (unsigned i = 0; i < moves->count; i++) {
        reelrank__v1__slate_move__init(&items[i]);
        items[i].rule = (char *)slate_rule_name(moves->items[i].rule);
        items[i].from_position = moves->items[i].from_position;
        video->moves[i] = &items[i];
    }
    video->n_moves = moves->count;
}

static void put_slate(const Reelrank__V1__RankRequest *message, const struct rank_result *result,
                      struct arena *arena, Reelrank__V1__RankResponse *response)
{
    Reelrank__V1__RankedVideo *videos = arena_new(arena, Reelrank__V1__RankedVideo, result->count);
    response->slate = arena_new(arena, Reelrank__V1__RankedVideo *, result->count);
    for (size_t i = 0; !arena_full(arena) && i < result->count; i++) {
        reelrank__v1__ranked_video__init(&videos[i]);
        videos[i].video_id = candidate_id(message, result->order[i]);
        videos[i].index = result->order[i];
        videos[i].score = result->scores[i];
        videos[i].position = (uint32_t)i + 1;
        videos[i].propensity = result->propensities[i];
        if (result->terms != NULL) {
            put_contributions(&result->terms[i * TERM_COUNT], arena, &videos[i]);
            put_features(result, i, arena, &videos[i]);
        }
        if (result->moves != NULL) {
            put_moves(&result->moves[i], arena, &videos[i]);
        }
        response->slate[i] = &videos[i];
    }
    response->n_slate = result->count;
}

static void put_dropped(const Reelrank__V1__RankRequest *message, const struct rank_result *result,
                        struct arena *arena, Reelrank__V1__RankResponse *response)
{
    size_t count = result->dropped_count;
    Reelrank__V1__DroppedVideo *videos = arena_new(arena, Reelrank__V1__DroppedVideo, count);
    response->dropped = arena_new(arena, Reelrank__V1__DroppedVideo *, count);
    for (size_t i = 0; !arena_full(arena) && i < count; i++) {
        reelrank__v1__dropped_video__init(&videos[i]);
        videos[i].video_id = candidate_id(message, result->dropped[i]);
        videos[i].index = result->dropped[i];
        videos[i].rule = (char *)drop_rule_name((enum drop_rule)result->dropped_rules[i]);
        if (result->details != NULL) {
            videos[i].detail = (char *)result->details[i];
        }
        response->dropped[i] = &videos[i];
    }
    response->n_dropped = count;
}

static char *copy(const char *string, struct arena *arena)
{
    size_t size = strlen(string) + 1;
    char *text = arena_new_raw(arena, char, size);
    return text != NULL ? memcpy(text, string, size) : NULL;
}

/* An arm is not to be judged by an answer that its weights had no part in. */
static void put_chosen(const struct weights_chosen *chosen, bool by_retrieval, struct arena *arena,
                       Reelrank__V1__RankResponse *response)
{
    response->weights_version = copy(chosen->version, arena);
    response->experiment_arm = copy(by_retrieval ? "" : chosen->arms, arena);
}

/* What the answer should say of how it was made. */
static void put_degraded(const struct rank_request *request, const struct weights_chosen *chosen,
                         struct arena *arena, Reelrank__V1__RankResponse *response)
{
    enum { DEGRADED_MAX = 3 };
    char **names = arena_new_raw(arena, char *, DEGRADED_MAX);
    if (names == NULL) {
        return;
    }
    if (chosen->locale_default) {
        names[response->n_degraded++] = (char *)"locale_default";
    }
    if (!locale_is_known(request->locale)) {
        names[response->n_degraded++] = (char *)"locale_unknown";
    }
    if (request->by_retrieval) {
        names[response->n_degraded++] = (char *)"overload";
    }
    response->degraded = names;
}

enum status wire_rank_response(const Reelrank__V1__RankRequest *message,
                               const struct rank_request *request, const struct rank_result *result,
                               const struct weights_chosen *chosen, const char *ranking_id,
                               struct arena *arena, Reelrank__V1__RankResponse **out)
{
    Reelrank__V1__RankResponse *response = arena_new(arena, Reelrank__V1__RankResponse, 1);
    if (response == NULL) {
        return STATUS_NO_MEMORY;
    }
    reelrank__v1__rank_response__init(response);
    response->ranking_id = (char *)ranking_id;
    put_chosen(chosen, request->by_retrieval, arena, response);
    response->state_sequence = result->state_sequence;
    response->now_ms = request->now_ms;
    put_degraded(request, chosen, arena, response);
    if (message->response_form == REELRANK__V1__RESPONSE_FORM__RESPONSE_FORM_PACKED) {
        put_packed(result, arena, response);
    } else {
        put_slate(message, result, arena, response);
        put_dropped(message, result, arena, response);
    }
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    *out = response;
    return STATUS_OK;
}
