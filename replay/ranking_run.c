#include "replay/ranking_run.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "replay/list_metrics.h"
#include "replay/metrics.h"
#include "replay/trec.h"

enum { ARENA_BYTES = 64 << 20, QUERY_SIZE = 64, KEY_SIZE = 17 };

/* What is kept of a ranking until its outcomes are known; positions and scores lie behind it. */
struct measured {
    uint64_t unit_key;
    uint32_t segments[SEGMENTS_OF_ONE];
    uint32_t segment_count;
    uint32_t ordered; /* 1 << contender: it has an order */
    uint16_t region;
    bool sampled;
};

struct ranking_run {
    struct ranking_run_options options;
    struct ranking_sums *sums; /* owned, until they are handed over */
    struct join *join;
    struct list_metrics metrics;
    struct arena arena; /* of one ranking */
    void *memory;
    enum status trec; /* of writing */
    /* Of the ranking that is measured; places are those of judged candidates. */
    uint32_t judged[LIMIT_CANDIDATES];
    double gains[LIMIT_CANDIDATES];
    double quantiles[LIMIT_CANDIDATES];
    struct list_ideal ideal;                /* of gains */
    struct list_ideal watch_ideal;          /* of quantiles */
    uint32_t list[LIMIT_CANDIDATES];        /* places by position */
    uint16_t at_position[LIMIT_CANDIDATES]; /* a place + 1; 0: none */
    double values[LIMIT_CANDIDATES];
    struct metrics_case cases[LIMIT_CANDIDATES];
    struct metrics_watch watches[LIMIT_CANDIDATES];
    struct metrics_watch scratch[LIMIT_CANDIDATES];
    double columns[CONTENDERS_MAX * RANKING_METRICS * 2 + 1];
};

static enum status measure(void *context, const struct joined *joined, const struct state *state);

struct ranking_run *ranking_run_new(const struct ranking_run_options *options)
{
    uint32_t with_auc = 0;
    struct ranking_run *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < options->contenders->count; i++) {
        bool scores = options->contenders->items[i].kind == CONTENDER_WEIGHTS;
        with_auc |= scores ? 1U << i : 0;
    }
    run->options = *options;
    run->join = join_new(&(struct join_options){
        .window_ms = options->window_ms, .bytes = JOIN_BYTES, .joined = measure, .context = run});
    run->memory = malloc(ARENA_BYTES);
    enum status status = ranking_sums_new(options->contenders->count, with_auc, options->k,
                                          options->seed, &run->sums);
    if (status != STATUS_OK || run->join == NULL || run->memory == NULL) {
        ranking_run_free(run);
        return NULL;
    }
    arena_init(&run->arena, run->memory, ARENA_BYTES);
    list_metrics_init(&run->metrics, options->k);
    return run;
}

void ranking_run_free(struct ranking_run *run)
{
    if (run == NULL) {
        return;
    }
    ranking_sums_free(run->sums);
    join_free(run->join);
    free(run->memory);
    free(run);
}

/* ---- a ranking ---- */

/* All languages in the order of the log, whoever's part the ranking is. */
static void note_languages(struct ranking_run *run, const struct video *const *videos, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (videos[i] != NULL) {
            (void)ranking_language(run->sums, videos[i]->languages[0]);
        }
    }
}

/* Forbidden by the first contender's policy, as of now. */
static bool is_forbidden(const struct contender_order *first, uint32_t candidate)
{
    return first->dropped != NULL && first->dropped[candidate] != DROP_NONE;
}

static void expose(struct ranking_run *run, const struct video *const *videos,
                   const struct contender_order *order, const struct contender_order *first,
                   double *columns)
{
    size_t count = order->count < run->options.k ? order->count : run->options.k;
    double all = 0;
    for (size_t i = 0; i < count; i++) {
        all += run->metrics.discounts[i];
    }
    for (size_t i = 0; i < count; i++) {
        const struct video *video = videos[order->order[i]];
        size_t language = ranking_language(run->sums, video != NULL ? video->languages[0] : 0);
        columns[language] += run->metrics.discounts[i] / all;
        columns[EXPOSED_FORBIDDEN] += is_forbidden(first, order->order[i]);
    }
    columns[EXPOSED_ALL] = count > 0;
    columns[EXPOSED_POSITIONS] = (double)count;
}

static struct exposure_video video_of(const struct rank_request *request,
                                      const struct video *const *videos, uint32_t candidate)
{
    const struct video *video = videos[candidate];
    return (struct exposure_video){.video_key = request->keys[candidate],
                                   .creator_key = video != NULL ? video->creator_key : 0};
}

static enum status spread_candidates(struct ranking_run *run, const struct rank_request *request,
                                     const struct video *const *videos,
                                     const struct contender_order *first)
{
    struct exposure_video *candidates =
        arena_new_raw(&run->arena, struct exposure_video, request->count);
    size_t count = 0;
    if (candidates == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < request->count; i++) {
        if (!is_forbidden(first, i) && request->keys[i] != 0) {
            candidates[count++] = video_of(request, videos, i);
        }
    }
    return exposure_candidates(run->sums->spread, candidates, count);
}

/* Its first k positions, which are all that counts. */
static enum status spread_slate(struct ranking_run *run, size_t contender,
                                const struct rank_request *request,
                                const struct video *const *videos,
                                const struct contender_order *order)
{
    struct exposure_video *slate =
        arena_new_raw(&run->arena, struct exposure_video, request->count);
    size_t count = 0;
    if (slate == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < order->count && count < run->options.k; i++) {
        if (request->keys[order->order[i]] != 0) {
            slate[count++] = video_of(request, videos, order->order[i]);
        }
    }
    return exposure_slate(run->sums->spread, contender, slate, count);
}

static enum status note_exposure(struct ranking_run *run, const struct past_ranking *ranking,
                                 const struct video *const *videos,
                                 const struct contender_order *orders, uint64_t unit_key)
{
    double columns[CONTENDERS_MAX * EXPOSED_COLUMNS] = {0};
    size_t count = run->options.contenders->count;
    enum status status = spread_candidates(run, ranking->request, videos, &orders[0]);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        expose(run, videos, &orders[i], &orders[0], &columns[ranking_exposure_column(i, 0)]);
        status = spread_slate(run, i, ranking->request, videos, &orders[i]);
    }
    return status == STATUS_OK ? tally_add(run->sums->exposures, unit_key, NULL, 0, columns, NULL)
                               : status;
}

/* Of all contenders, so that scores behind them are aligned. */
static size_t positions_size(size_t contenders, size_t count)
{
    return (contenders * count * sizeof(uint16_t) + 15) / 16 * 16;
}

/* Positions and scores of contender c begin at c * count. */
static uint16_t *positions_of(const struct measured *measured)
{
    return (uint16_t *)(uintptr_t)(const void *)(measured + 1);
}

static double *scores_of(const struct measured *measured, size_t contenders, size_t count)
{
    const char *positions = (const char *)(measured + 1);
    return (double *)(uintptr_t)(const void *)(positions + positions_size(contenders, count));
}

static enum status keep(struct ranking_run *run, const struct past_ranking *ranking,
                        const struct contender_order *orders, const struct measured *head)
{
    size_t contenders = run->options.contenders->count;
    size_t count = ranking->request->count;
    size_t size =
        sizeof(*head) + positions_size(contenders, count) + contenders * count * sizeof(double);
    void *payload;
    enum status status = join_add(run->join, ranking, size, &payload);
    if (status != STATUS_OK) {
        return status;
    }
    struct measured *measured = payload;
    *measured = *head;
    for (size_t i = 0; i < contenders; i++) {
        CHECK(orders[i].positions != NULL);
        CHECK(orders[i].scores != NULL);
        measured->ordered |= orders[i].count > 0 ? 1U << i : 0;
        memcpy(positions_of(measured) + i * count, orders[i].positions, count * sizeof(uint16_t));
        memcpy(scores_of(measured, contenders, count) + i * count, orders[i].scores,
               count * sizeof(double));
    }
    return STATUS_OK;
}

static enum status order_all(struct ranking_run *run, const struct past_ranking *ranking,
                             const struct state *state, struct contender_order *orders)
{
    const struct contenders *contenders = run->options.contenders;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < contenders->count; i++) {
        status = contender_rank(contenders, i, ranking, state, &run->arena, &orders[i]);
    }
    return status;
}

static enum status take_ranking(struct ranking_run *run, const struct past_ranking *ranking,
                                const struct state *state, const struct video *const *videos,
                                struct measured *head)
{
    struct contender_order orders[CONTENDERS_MAX] = {{.count = 0}};
    enum status status = order_all(run, ranking, state, orders);
    if (status == STATUS_OK) {
        status = note_exposure(run, ranking, videos, orders, head->unit_key);
    }
    return status == STATUS_OK ? keep(run, ranking, orders, head) : status;
}

enum status ranking_run_ranking(void *context, const struct past_ranking *ranking,
                                const struct state *state)
{
    struct ranking_run *run = context;
    const struct rank_request *request = ranking->request;
    const struct video *videos[LIMIT_CANDIDATES];
    struct measured head = {.unit_key = past_ranking_unit(ranking),
                            .region = request->locale.region,
                            .sampled = ranking->outcomes != NULL};
    size_t segment_count;
    arena_reset(&run->arena);
    run->sums->counts.found++;
    /* Before anything is left out, so that time goes alike for all parts. */
    enum status status = join_time(run->join, ranking->time_ms, state);
    if (status == STATUS_OK) {
        status = segments_of(run->sums->segments, ranking,
                             contenders_arms(run->options.contenders, ranking), state, &run->arena,
                             head.segments, &segment_count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    head.segment_count = (uint32_t)segment_count;
    videos_find_many(state_videos(state), request->keys, request->count, videos);
    note_languages(run, videos, request->count);
    if (!share_has(run->options.share, head.unit_key)) {
        return STATUS_OK;
    }
    return take_ranking(run, ranking, state, videos, &head);
}

enum status ranking_run_signal(void *context, const struct signal *signal, int64_t duration_ms,
                               const struct state *state)
{
    struct ranking_run *run = context;
    return join_follow(run->join, signal, duration_ms, state);
}

/* ---- its measures ---- */

/* Seen, and not forbidden by the first contender's policy. */
static bool is_judged(const struct ranking_run *run, const struct joined *joined, size_t candidate)
{
    const uint16_t *first = positions_of(joined->payload);
    bool has_policy = run->options.contenders->items[0].kind == CONTENDER_WEIGHTS;
    return outcome_has(&joined->outcomes[candidate], OUTCOME_SHOWN) &&
           !(has_policy && first[candidate] == CONTENDER_ABSENT);
}

/* Which are judged, and what each is worth. Returns how many. */
static size_t judge(struct ranking_run *run, const struct joined *joined, const struct state *state,
                    uint16_t region)
{
    size_t count = 0;
    for (size_t i = 0; i < joined->count; i++) {
        const struct outcome *outcome = &joined->outcomes[i];
        if (!is_judged(run, joined, i)) {
            continue;
        }
        run->judged[count] = (uint32_t)i;
        run->gains[count] = outcome_value(outcome, run->options.label);
        run->quantiles[count] = outcome_watch_quantile(outcome, state_watch(state), region);
        count++;
    }
    return count;
}

/* The judged in the contender's order; those that it does not have are left out. */
static size_t list_judged(struct ranking_run *run, const uint16_t *positions, size_t candidates,
                          size_t judged)
{
    size_t count = 0;
    memset(run->at_position, 0, candidates * sizeof(run->at_position[0]));
    for (size_t place = 0; place < judged; place++) {
        uint16_t position = positions[run->judged[place]];
        if (position != CONTENDER_ABSENT) {
            run->at_position[position] = (uint16_t)(place + 1);
        }
    }
    for (size_t i = 0; i < candidates; i++) {
        if (run->at_position[i] > 0) {
            run->list[count++] = run->at_position[i] - 1U;
        }
    }
    return count;
}

static void put(double *columns, enum metric metric, double value, double weight)
{
    if (!isnan(value)) {
        columns[metric * 2] = value * weight;
        columns[metric * 2 + 1] = weight;
    }
}

static const double *by_position(struct ranking_run *run, const double *of_places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run->values[i] = of_places[run->list[i]];
    }
    return run->values;
}

static void put_list_metrics(struct ranking_run *run, size_t listed, double *columns)
{
    double values[METRIC_LIST_COUNT];
    list_measure(&run->metrics, &run->ideal, by_position(run, run->gains, listed), listed, values);
    for (size_t i = 0; i < METRIC_LIST_COUNT; i++) {
        put(columns, (enum metric)i, values[i], 1);
    }
    struct list_gain watch = list_ndcg(&run->metrics, &run->watch_ideal,
                                       by_position(run, run->quantiles, listed), listed);
    put(columns, METRIC_WATCH_NDCG, watch.whole, 1);
    put(columns, METRIC_WATCH_NDCG_AT, watch.at_k, 1);
}

/* What policy drops comes after all else. */
static double score_of(const uint16_t *positions, const double *scores, uint32_t candidate)
{
    return positions[candidate] != CONTENDER_ABSENT ? scores[candidate] : -1;
}

static void put_score_metrics(struct ranking_run *run, const struct joined *joined,
                              const uint16_t *positions, const double *scores, size_t judged,
                              double *columns)
{
    size_t watched = 0;
    double pairs;
    for (size_t i = 0; i < judged; i++) {
        double score = score_of(positions, scores, run->judged[i]);
        const struct outcome *outcome = &joined->outcomes[run->judged[i]];
        run->cases[i] = (struct metrics_case){score, run->gains[i] > 0};
        if (outcome->watch_ms > 0) {
            run->watches[watched++] = (struct metrics_watch){score, outcome->watch_ms};
        }
    }
    put(columns, METRIC_GAUC, metrics_auc(run->cases, judged), (double)judged);
    double xauc = metrics_xauc(run->watches, run->scratch, watched, &pairs);
    put(columns, METRIC_XAUC, xauc, pairs);
}

static enum status count_cases(struct ranking_run *run, struct auc_groups *groups,
                               uint64_t unit_key, const uint16_t *positions, const double *scores,
                               size_t judged)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; groups != NULL && status == STATUS_OK && i < judged; i++) {
        double score = score_of(positions, scores, run->judged[i]);
        status = auc_groups_add(groups, unit_key, score > 0 ? score : 0, run->gains[i] > 0);
    }
    return status;
}

/* ---- trec_eval's files ---- */

static void key_text(uint64_t key, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, "%016" PRIx64, key);
}

static void query_text(const struct joined *joined, char out[QUERY_SIZE])
{
    snprintf(out, QUERY_SIZE, "%016" PRIx64 "-%" PRId64 "-%016" PRIx64, joined->user_key,
             joined->time_ms, joined->ranking_key);
}

static void write_qrels(struct ranking_run *run, const struct joined *joined, size_t judged)
{
    char query[QUERY_SIZE];
    char keys[LIMIT_CANDIDATES][KEY_SIZE];
    struct text documents[LIMIT_CANDIDATES];
    for (size_t i = 0; i < judged; i++) {
        key_text(joined->keys[run->judged[i]], keys[i]);
        documents[i] = text_of(keys[i]);
    }
    query_text(joined, query);
    run->trec =
        trec_write_qrels(run->options.qrels, text_of(query), documents, run->gains, judged, 1);
}

static void write_run(struct ranking_run *run, const struct joined *joined, size_t contender,
                      size_t listed)
{
    char query[QUERY_SIZE];
    char keys[LIMIT_CANDIDATES][KEY_SIZE];
    struct text documents[LIMIT_CANDIDATES];
    const char *name = run->options.contenders->items[contender].name;
    for (size_t i = 0; i < listed; i++) {
        key_text(joined->keys[run->judged[run->list[i]]], keys[i]);
        documents[i] = text_of(keys[i]);
    }
    query_text(joined, query);
    run->trec = trec_write_run(run->options.runs[contender], text_of(query), documents, listed,
                               text_of(name));
}

/* ---- together ---- */

static enum status measure_contender(struct ranking_run *run, const struct joined *joined,
                                     size_t contender, size_t judged)
{
    const struct measured *measured = joined->payload;
    size_t contenders = run->options.contenders->count;
    const uint16_t *positions = positions_of(measured) + contender * joined->count;
    const double *scores = scores_of(measured, contenders, joined->count);
    scores += contender * joined->count;
    double *columns = &run->columns[ranking_column(contender, 0)];
    bool ordered = (measured->ordered & 1U << contender) != 0;
    if (!ordered && run->options.contenders->items[contender].kind == CONTENDER_SERVED) {
        return STATUS_OK; /* how it was served is not known */
    }
    size_t listed = list_judged(run, positions, joined->count, judged);
    put_list_metrics(run, listed, columns);
    if (run->options.runs[contender] != NULL && run->trec == STATUS_OK) {
        write_run(run, joined, contender, listed);
    }
    put_score_metrics(run, joined, positions, scores, judged, columns);
    return count_cases(run, run->sums->auc[contender], measured->unit_key, positions, scores,
                       judged);
}

static enum status measure(void *context, const struct joined *joined, const struct state *state)
{
    struct ranking_run *run = context;
    const struct measured *measured = joined->payload;
    size_t contenders = run->options.contenders->count;
    size_t judged = judge(run, joined, state, measured->region);
    enum status status = STATUS_OK;
    if (judged < 2) {
        run->sums->counts.without_outcome++;
        return STATUS_OK;
    }
    run->ideal = list_ideal(&run->metrics, run->gains, judged);
    run->watch_ideal = list_ideal(&run->metrics, run->quantiles, judged);
    memset(run->columns, 0, sizeof(run->columns));
    if (run->options.qrels != NULL && run->trec == STATUS_OK) {
        write_qrels(run, joined, judged);
    }
    for (size_t i = 0; status == STATUS_OK && i < contenders; i++) {
        status = measure_contender(run, joined, i, judged);
    }
    run->columns[ranking_columns(contenders) - 1] = 1;
    run->sums->counts.measured++;
    run->sums->counts.sampled += measured->sampled;
    return status == STATUS_OK
               ? tally_add(run->sums->metrics, measured->unit_key, measured->segments,
                           measured->segment_count, run->columns, NULL)
               : status;
}

enum status ranking_run_end(struct ranking_run *run, const struct state *state,
                            struct ranking_sums **out)
{
    enum status status = join_end(run->join, state);
    const struct join_counts *joined = join_counts(run->join);
    if (status != STATUS_OK) {
        return status;
    }
    struct ranking_counts *counts = &run->sums->counts;
    counts->by_ranking_id = joined->by_ranking_id;
    counts->by_window = joined->by_window;
    counts->told_early = joined->told_early;
    if (run->trec != STATUS_OK) {
        return run->trec;
    }
    *out = run->sums;
    run->sums = NULL;
    return STATUS_OK;
}
