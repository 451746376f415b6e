#include "replay/tune_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/rank.h"
#include "replay/list_metrics.h"
#include "replay/rescore.h"
#include "replay/valued.h"
#include "store/grow.h"

enum { ARENA_BYTES = 64 << 20, KNOWN_MAX = LIMIT_CANDIDATES };

struct row {
    struct rescore_inputs inputs;
    double gain;
    double quantile;
    uint16_t creator; /* the first row of the ranking by the same creator */
    bool has_creator;
    uint8_t language; /* an index, TUNE_LANGUAGES for others */
    bool judged;
    bool skipped;
    bool is_new;
};

/* A ranking; its rows follow it in one block. */
struct ranking {
    int64_t time_ms;
    struct locale locale;
    uint64_t user_key;
    uint32_t count;
    struct row rows[];
};

/* What is kept until outcomes are known: rows without them, by candidate of the request. */
struct waiting {
    struct locale locale;
    uint64_t user_key;
    uint32_t count;
    uint32_t candidates[LIMIT_CANDIDATES];
    struct row rows[];
};

struct tune_set {
    struct tune_set_options options;
    struct join *join;
    struct ranking **rankings; /* owned, each owned */
    size_t count;
    size_t capacity;
    uint64_t bytes;
    uint64_t left_out;
    int64_t until_ms; /* rankings at or after that do not count */
    uint16_t languages[TUNE_LANGUAGES];
    size_t language_count;
    struct list_metrics metrics;
    struct arena arena;
    void *memory;
    /* Of the ranking that is measured. */
    struct valued order[KNOWN_MAX]; /* rows by their scores, the highest first */
    double factors[KNOWN_MAX];
    double gains[KNOWN_MAX];
    double listed[KNOWN_MAX];
};

static enum status take_outcomes(void *context, const struct joined *joined,
                                 const struct state *state);

struct tune_set *tune_set_new(const struct tune_set_options *options)
{
    struct tune_set *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        return NULL;
    }
    set->options = *options;
    set->until_ms = INT64_MAX;
    set->join = join_new(&(struct join_options){.window_ms = options->window_ms,
                                                .bytes = JOIN_BYTES,
                                                .joined = take_outcomes,
                                                .context = set});
    set->memory = malloc(ARENA_BYTES);
    if (set->join == NULL || set->memory == NULL) {
        tune_set_free(set);
        return NULL;
    }
    arena_init(&set->arena, set->memory, ARENA_BYTES);
    list_metrics_init(&set->metrics, options->k);
    return set;
}

void tune_set_free(struct tune_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        free(set->rankings[i]);
    }
    free(set->rankings);
    join_free(set->join);
    free(set->memory);
    free(set);
}

void tune_set_until(struct tune_set *set, int64_t until_ms)
{
    set->until_ms = until_ms;
}

struct tune_set_counts tune_set_counts(const struct tune_set *set)
{
    struct tune_set_counts counts = {.left_out = set->left_out};
    for (size_t i = 0; i < set->count; i++) {
        bool counts_in = set->rankings[i]->time_ms < set->until_ms;
        counts.rankings += counts_in;
        counts.candidates += counts_in ? set->rankings[i]->count : 0;
    }
    return counts;
}

size_t tune_set_language_count(const struct tune_set *set)
{
    return set->language_count;
}

uint16_t tune_set_language(const struct tune_set *set, size_t index)
{
    CHECK(index < set->language_count);
    return set->languages[index];
}

/* ---- a ranking ---- */

static uint8_t language_of(struct tune_set *set, const struct video *video)
{
    uint16_t language = video != NULL ? video->languages[0] : 0;
    size_t i = 0;
    while (i < set->language_count && set->languages[i] != language) {
        i++;
    }
    if (i == set->language_count && i < TUNE_LANGUAGES) {
        set->languages[set->language_count++] = language;
    }
    return (uint8_t)i;
}

/* An unknown one is somebody else each time. */
static uint16_t creator_of(const struct video *const *videos, const uint32_t *candidates, size_t i)
{
    uint64_t creator = videos[candidates[i]]->creator_key;
    for (size_t j = 0; creator != 0 && j < i; j++) {
        if (videos[candidates[j]]->creator_key == creator) {
            return (uint16_t)j;
        }
    }
    return (uint16_t)i;
}

/* In the order of the request, by which equal scores stand. */
static void fill_rows(struct tune_set *set, const struct video *const *videos,
                      const struct rank_result *result, struct waiting *waiting)
{
    for (size_t i = 0; i < result->count; i++) {
        set->order[i] = (struct valued){-(double)result->order[i], (uint32_t)i};
    }
    valued_sort(set->order, result->count);
    for (size_t i = 0; i < result->count; i++) {
        size_t position = set->order[i].index;
        struct row *row = &waiting->rows[i];
        waiting->candidates[i] = result->order[position];
        rescore_inputs_of(&result->terms[position * TERM_COUNT], &row->inputs);
        row->language = language_of(set, videos[waiting->candidates[i]]);
        row->is_new = row->inputs.multipliers[MULTIPLIER_NEW_VIDEO] > 0.5;
        row->has_creator = videos[waiting->candidates[i]]->creator_key != 0;
        row->creator = creator_of(videos, waiting->candidates, i);
    }
}

static enum status rank_again(struct tune_set *set, const struct past_ranking *ranking,
                              const struct state *state, struct rank_result *out)
{
    struct rank_request request = *ranking->request;
    struct weights_chosen chosen;
    request.explain = true;
    enum status status = weights_choose(set->options.weights, request.locale, request.user_key,
                                        text_of(""), &chosen, NULL);
    return status == STATUS_OK ? rank(state, chosen.model, &request, &set->arena, out) : status;
}

enum status tune_set_ranking(void *context, const struct past_ranking *ranking,
                             const struct state *state)
{
    struct tune_set *set = context;
    const struct video *videos[LIMIT_CANDIDATES];
    struct rank_result result;
    void *payload;
    arena_reset(&set->arena);
    enum status status = rank_again(set, ranking, state, &result);
    if (status == STATUS_OK) {
        status = join_add(set->join, ranking,
                          sizeof(struct waiting) + result.count * sizeof(struct row), &payload);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct waiting *waiting = payload;
    waiting->locale = ranking->request->locale;
    waiting->user_key = ranking->user_key;
    waiting->count = (uint32_t)result.count;
    videos_find_many(state_videos(state), ranking->request->keys, ranking->request->count, videos);
    fill_rows(set, videos, &result, waiting);
    return STATUS_OK;
}

enum status tune_set_signal(void *context, const struct signal *signal, int64_t duration_ms,
                            const struct state *state)
{
    struct tune_set *set = context;
    return join_follow(set->join, signal, duration_ms, state);
}

/* ---- its outcomes ---- */

static void judge(const struct tune_set *set, const struct outcome *outcome,
                  const struct state *state, uint16_t region, struct row *row)
{
    row->judged = outcome_has(outcome, OUTCOME_SHOWN);
    row->gain = outcome_value(outcome, set->options.label);
    row->quantile = outcome_watch_quantile(outcome, state_watch(state), region);
    row->skipped = outcome_has(outcome, OUTCOME_SKIP);
}

static enum status keep(struct tune_set *set, int64_t time_ms, const struct waiting *waiting)
{
    size_t size = sizeof(struct ranking) + waiting->count * sizeof(struct row);
    if (set->bytes + size > set->options.bytes) {
        set->left_out++;
        return STATUS_OK;
    }
    struct ranking **rankings =
        grow(set->rankings, set->count, &set->capacity, sizeof(struct ranking *));
    if (rankings == NULL) {
        return STATUS_NO_MEMORY;
    }
    set->rankings = rankings;
    struct ranking *ranking = malloc(size);
    if (ranking == NULL) {
        return STATUS_NO_MEMORY;
    }
    ranking->time_ms = time_ms;
    ranking->locale = waiting->locale;
    ranking->user_key = waiting->user_key;
    ranking->count = waiting->count;
    memcpy(ranking->rows, waiting->rows, waiting->count * sizeof(struct row));
    set->rankings[set->count++] = ranking;
    set->bytes += size;
    return STATUS_OK;
}

static enum status take_outcomes(void *context, const struct joined *joined,
                                 const struct state *state)
{
    struct tune_set *set = context;
    struct waiting *waiting = joined->payload;
    size_t judged = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        judge(set, &joined->outcomes[waiting->candidates[i]], state, waiting->locale.region,
              &waiting->rows[i]);
        judged += waiting->rows[i].judged;
    }
    return judged >= 2 ? keep(set, joined->time_ms, waiting) : STATUS_OK;
}

enum status tune_set_end(struct tune_set *set, const struct state *state)
{
    return join_end(set->join, state);
}

/* ---- other weights ---- */

/* A creator's j-th best counts max(floor, decay^j) of its score, as slate.h has it. */
static void decay_creators(struct tune_set *set, const struct ranking *ranking,
                           const struct model *model)
{
    for (size_t i = 0; i < ranking->count; i++) {
        set->factors[i] = 1;
    }
    for (size_t i = 0; i < ranking->count; i++) {
        struct valued *scored = &set->order[i];
        const struct row *row = &ranking->rows[scored->index];
        double *next = &set->factors[row->creator];
        scored->value = exact_quantum(scored->value * *next);
        double factor = *next * model->creator_decay;
        *next = factor > model->creator_floor ? factor : model->creator_floor;
        if (!row->has_creator) {
            *next = 1;
        }
    }
}

static void order_rows(struct tune_set *set, const struct ranking *ranking,
                       const struct model *model)
{
    for (size_t i = 0; i < ranking->count; i++) {
        set->order[i] = (struct valued){rescore(model, &ranking->rows[i].inputs), (uint32_t)i};
    }
    valued_sort(set->order, ranking->count);
    if (model->creator_decay < 1) {
        decay_creators(set, ranking, model);
        valued_sort(set->order, ranking->count);
    }
}

/* A sum of values and how many there are. */
struct mean {
    double sum;
    double count;
};

static void add(struct mean *mean, double value)
{
    if (!isnan(value)) {
        mean->sum += value;
        mean->count++;
    }
}

static double mean_of(const struct mean *mean)
{
    return mean->count > 0 ? mean->sum / mean->count : NAN;
}

struct means {
    struct mean ndcg;
    struct mean watch_ndcg;
    struct mean skip_share;
    struct mean new_share;
    double languages[TUNE_LANGUAGES + 1];
    double exposed;
};

static double ndcg_of(struct tune_set *set, const struct ranking *ranking, bool quantiles)
{
    size_t count = 0;
    for (size_t i = 0; i < ranking->count; i++) {
        const struct row *row = &ranking->rows[set->order[i].index];
        if (row->judged) {
            set->listed[count++] = quantiles ? row->quantile : row->gain;
        }
    }
    memcpy(set->gains, set->listed, count * sizeof(set->gains[0]));
    struct list_ideal ideal = list_ideal(&set->metrics, set->gains, count);
    return list_ndcg(&set->metrics, &ideal, set->listed, count).at_k;
}

static double skip_share_of(const struct tune_set *set, const struct ranking *ranking)
{
    size_t judged = 0;
    size_t skipped = 0;
    for (size_t i = 0; i < ranking->count && judged < set->options.k; i++) {
        const struct row *row = &ranking->rows[set->order[i].index];
        judged += row->judged;
        skipped += row->judged && row->skipped;
    }
    return (double)skipped / (double)judged;
}

static void expose(const struct tune_set *set, const struct ranking *ranking, struct means *means)
{
    size_t count = ranking->count < set->options.k ? ranking->count : set->options.k;
    double all = 0;
    double fresh = 0;
    for (size_t i = 0; i < count; i++) {
        all += set->metrics.discounts[i];
    }
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &ranking->rows[set->order[i].index];
        double share = set->metrics.discounts[i] / all;
        means->languages[row->language] += share;
        fresh += row->is_new ? share : 0;
    }
    add(&means->new_share, fresh);
    means->exposed++;
}

static void measure(struct tune_set *set, const struct ranking *ranking,
                    const struct weights *weights, struct means *means)
{
    struct weights_chosen chosen;
    enum status status =
        weights_choose(weights, ranking->locale, ranking->user_key, text_of(""), &chosen, NULL);
    CHECK(status == STATUS_OK);
    order_rows(set, ranking, chosen.model);
    add(&means->ndcg, ndcg_of(set, ranking, false));
    add(&means->watch_ndcg, ndcg_of(set, ranking, true));
    add(&means->skip_share, skip_share_of(set, ranking));
    expose(set, ranking, means);
}

void tune_set_measure(struct tune_set *set, const struct weights *weights, struct tune_figures *out)
{
    struct means means = {.exposed = 0};
    for (size_t i = 0; i < set->count; i++) {
        if (set->rankings[i]->time_ms < set->until_ms) {
            measure(set, set->rankings[i], weights, &means);
        }
    }
    *out = (struct tune_figures){.ndcg = mean_of(&means.ndcg),
                                 .watch_ndcg = mean_of(&means.watch_ndcg),
                                 .skip_share = mean_of(&means.skip_share),
                                 .new_share = mean_of(&means.new_share)};
    for (size_t i = 0; i < TUNE_LANGUAGES; i++) {
        out->language_shares[i] = means.exposed > 0 ? means.languages[i] / means.exposed : NAN;
    }
}
