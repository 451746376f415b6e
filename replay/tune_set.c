#include "replay/tune_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/rank.h"
#include "replay/list_metrics.h"
#include "replay/metrics.h"
#include "replay/rescore.h"
#include "replay/valued.h"
#include "store/grow.h"

/* Two explained rankings, of 4 MiB each. */
enum { ARENA_BYTES = 16 << 20, ABSENT = UINT16_MAX };

struct row {
    struct rescore_inputs inputs;
    double gain;
    double quantile;
    uint32_t watch_ms;
    uint16_t candidate; /* of the request */
    uint16_t position;  /* as the set's weights rank it; ABSENT: they drop it */
    uint16_t creator;   /* the first row of the ranking by the same creator */
    uint8_t language;   /* an index, TUNE_LANGUAGES for others */
    bool has_creator;
    bool passes; /* the reference's policy */
    bool judged;
    bool skipped;
    bool is_new;
};

struct heading {
    struct locale locale;
    uint64_t user_key;
    uint32_t candidates; /* of the request, */
    uint32_t dropped;    /* and how many of them the set's weights drop */
    uint32_t count;      /* of rows, in the order of the request, by which equal scores stand */
    uint32_t listed;     /* of those, how many are ranked */
};

/* A ranking; its rows follow it in one block. */
struct ranking {
    int64_t time_ms;
    struct heading heading;
    struct list_ideal ideal;
    struct list_ideal watch_ideal;
    struct row rows[];
};

/* What is kept until outcomes are known: rows without them. */
struct waiting {
    struct heading heading;
    struct row rows[];
};

struct tune_set {
    struct tune_set_options options;
    struct join *join;
    struct ranking **rankings; /* owned, each owned */
    size_t count;
    size_t capacity;
    struct tune_set_counts counts; /* but for rankings and candidates */
    uint64_t bytes;
    uint16_t languages[TUNE_LANGUAGES];
    size_t language_count;
    struct list_metrics metrics;
    struct arena arena;
    void *memory;
    /* Of the ranking that is taken in. */
    const struct video *videos[LIMIT_CANDIDATES];
    uint16_t positions[LIMIT_CANDIDATES]; /* by candidate, or ABSENT */
    bool passes[LIMIT_CANDIDATES];
    bool is_new[LIMIT_CANDIDATES];
    /* Of the ranking that is measured. */
    struct valued order[LIMIT_CANDIDATES]; /* rows by their scores, the highest first */
    size_t order_count;
    double factors[LIMIT_CANDIDATES];
    double gains[LIMIT_CANDIDATES];
    double listed[LIMIT_CANDIDATES];
    struct metrics_case cases[LIMIT_CANDIDATES];
    struct metrics_watch watches[LIMIT_CANDIDATES];
    struct metrics_watch scratch[LIMIT_CANDIDATES];
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

void tune_set_cut(struct tune_set *set, int64_t until_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->rankings[i]->time_ms < until_ms) {
            set->rankings[kept++] = set->rankings[i];
        } else {
            free(set->rankings[i]);
        }
    }
    set->count = kept;
}

struct tune_set_counts tune_set_counts(const struct tune_set *set)
{
    struct tune_set_counts counts = set->counts;
    counts.rankings = set->count;
    for (size_t i = 0; i < set->count; i++) {
        counts.candidates += set->rankings[i]->heading.candidates;
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

/* The first row by the creator; an unknown one is somebody else each time. */
static uint16_t creator_of(const struct tune_set *set, const struct row *rows, size_t at)
{
    uint64_t creator = set->videos[rows[at].candidate]->creator_key;
    for (size_t i = 0; creator != 0 && i < at; i++) {
        if (set->videos[rows[i].candidate]->creator_key == creator) {
            return (uint16_t)i;
        }
    }
    return (uint16_t)at;
}

static bool says_new(const struct rescore_inputs *inputs)
{
    return inputs->multipliers[MULTIPLIER_NEW_VIDEO] > 0.5;
}

static void note_positions(struct tune_set *set, const struct rank_result *result, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        set->positions[i] = ABSENT;
    }
    for (size_t i = 0; i < result->count; i++) {
        set->positions[result->order[i]] = (uint16_t)i;
    }
}

/* By the reference: what its policy passes, and what of that it takes for new. */
static void note_reference(struct tune_set *set, const struct rank_result *result, size_t count)
{
    memset(set->passes, 0, count * sizeof(set->passes[0]));
    for (size_t i = 0; i < result->count; i++) {
        struct rescore_inputs inputs;
        rescore_inputs_of(&result->terms[i * TERM_COUNT], &inputs);
        set->passes[result->order[i]] = true;
        set->is_new[result->order[i]] = says_new(&inputs);
    }
}

/* All, in the order of the log, whatever policy passes: so their places do not depend on weights.
 */
static void note_languages(struct tune_set *set, size_t candidates)
{
    for (size_t i = 0; i < candidates; i++) {
        if (set->videos[i] != NULL) {
            (void)language_of(set, set->videos[i]);
        }
    }
}

static void fill_row(struct tune_set *set, const struct rank_result *result, size_t candidate,
                     struct row *row)
{
    uint16_t position = set->positions[candidate];
    *row = (struct row){.candidate = (uint16_t)candidate,
                        .position = position,
                        .passes = set->passes[candidate],
                        .language = language_of(set, set->videos[candidate]),
                        .has_creator = set->videos[candidate]->creator_key != 0};
    if (position != ABSENT) {
        rescore_inputs_of(&result->terms[position * TERM_COUNT], &row->inputs);
    }
    row->is_new = row->passes ? set->is_new[candidate] : says_new(&row->inputs);
}

static size_t count_rows(const struct tune_set *set, size_t candidates)
{
    size_t count = 0;
    for (size_t i = 0; i < candidates; i++) {
        count += set->passes[i] || set->positions[i] != ABSENT;
    }
    return count;
}

/* What neither weights rank has no row. */
static void fill_rows(struct tune_set *set, const struct rank_result *result, size_t candidates,
                      struct row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < candidates; i++) {
        if (set->passes[i] || set->positions[i] != ABSENT) {
            fill_row(set, result, i, &rows[count]);
            rows[count].creator = creator_of(set, rows, count);
            count++;
        }
    }
}

static enum status rank_by(struct tune_set *set, const struct weights *weights,
                           const struct past_ranking *ranking, const struct state *state,
                           struct rank_result *out)
{
    struct rank_request request = *ranking->request;
    struct weights_chosen chosen;
    request.explain = true;
    enum status status =
        weights_choose(weights, request.locale, request.user_key, text_of(""), &chosen, NULL);
    return status == STATUS_OK ? rank(state, chosen.model, &request, &set->arena, out) : status;
}

static enum status rank_again(struct tune_set *set, const struct past_ranking *ranking,
                              const struct state *state, struct rank_result *out)
{
    const struct weights *weights = set->options.weights;
    const struct weights *reference = set->options.reference;
    size_t count = ranking->request->count;
    struct rank_result by_reference;
    arena_reset(&set->arena);
    enum status status = rank_by(set, weights, ranking, state, out);
    if (status == STATUS_OK && reference != weights) {
        status = rank_by(set, reference, ranking, state, &by_reference);
    }
    if (status == STATUS_OK) {
        note_positions(set, out, count);
        note_reference(set, reference != weights ? &by_reference : out, count);
    }
    return status;
}

static void note_time(struct tune_set *set, int64_t time_ms)
{
    struct tune_set_counts *counts = &set->counts;
    counts->first_ms =
        counts->first_ms == 0 || time_ms < counts->first_ms ? time_ms : counts->first_ms;
    counts->last_ms = time_ms > counts->last_ms ? time_ms : counts->last_ms;
}

static enum status take_ranking(struct tune_set *set, const struct past_ranking *ranking,
                                const struct state *state)
{
    const struct rank_request *request = ranking->request;
    struct rank_result result;
    void *payload;
    enum status status = rank_again(set, ranking, state, &result);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = count_rows(set, request->count);
    status =
        join_add(set->join, ranking, sizeof(struct waiting) + count * sizeof(struct row), &payload);
    if (status != STATUS_OK) {
        return status;
    }
    struct waiting *waiting = payload;
    waiting->heading = (struct heading){.locale = request->locale,
                                        .user_key = ranking->user_key,
                                        .candidates = (uint32_t)request->count,
                                        .dropped = (uint32_t)result.dropped_count,
                                        .count = (uint32_t)count,
                                        .listed = (uint32_t)result.count};
    videos_find_many(state_videos(state), request->keys, request->count, set->videos);
    note_languages(set, request->count);
    fill_rows(set, &result, request->count, waiting->rows);
    return STATUS_OK;
}

enum status tune_set_ranking(void *context, const struct past_ranking *ranking,
                             const struct state *state)
{
    struct tune_set *set = context;
    bool inside =
        ranking->time_ms >= set->options.from_ms && ranking->time_ms < set->options.until_ms;
    if (!inside) {
        return join_time(set->join, ranking->time_ms, state);
    }
    note_time(set, ranking->time_ms);
    return take_ranking(set, ranking, state);
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
    row->judged = row->passes && outcome_has(outcome, OUTCOME_SHOWN);
    row->gain = outcome_value(outcome, set->options.label);
    row->quantile = outcome_watch_quantile(outcome, state_watch(state), region);
    row->watch_ms = outcome->watch_ms;
    row->skipped = outcome_has(outcome, OUTCOME_SKIP);
}

static void find_ideals(struct tune_set *set, struct ranking *ranking)
{
    size_t count = 0;
    for (size_t i = 0; i < ranking->heading.count; i++) {
        const struct row *row = &ranking->rows[i];
        if (row->judged) {
            set->gains[count] = row->gain;
            set->listed[count] = row->quantile;
            count++;
        }
    }
    ranking->ideal = list_ideal(&set->metrics, set->gains, count);
    ranking->watch_ideal = list_ideal(&set->metrics, set->listed, count);
}

static enum status keep(struct tune_set *set, int64_t time_ms, const struct waiting *waiting)
{
    size_t rows_size = waiting->heading.count * sizeof(struct row);
    size_t size = sizeof(struct ranking) + rows_size;
    if (set->bytes + size > set->options.bytes) {
        set->counts.left_out++;
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
    ranking->heading = waiting->heading;
    memcpy(ranking->rows, waiting->rows, rows_size);
    find_ideals(set, ranking);
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
    for (size_t i = 0; i < waiting->heading.count; i++) {
        struct row *row = &waiting->rows[i];
        judge(set, &joined->outcomes[row->candidate], state, waiting->heading.locale.region, row);
        judged += row->judged;
    }
    return judged >= 2 ? keep(set, joined->time_ms, waiting) : STATUS_OK;
}

enum status tune_set_end(struct tune_set *set, const struct state *state)
{
    return join_end(set->join, state);
}

/* ---- orders ---- */

/* A creator's j-th best counts max(floor, decay^j) of its score, as slate.h has it. */
static void decay_creators(struct tune_set *set, const struct ranking *ranking,
                           const struct model *model)
{
    for (size_t i = 0; i < ranking->heading.count; i++) {
        set->factors[i] = 1;
    }
    for (size_t i = 0; i < set->order_count; i++) {
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

static void order_by_scores(struct tune_set *set, const struct ranking *ranking,
                            const struct weights *weights)
{
    struct weights_chosen chosen;
    enum status status = weights_choose(weights, ranking->heading.locale, ranking->heading.user_key,
                                        text_of(""), &chosen, NULL);
    CHECK(status == STATUS_OK);
    for (size_t i = 0; i < ranking->heading.count; i++) {
        const struct row *row = &ranking->rows[i];
        if (row->position != ABSENT) {
            double score = rescore(chosen.model, &row->inputs);
            set->order[set->order_count++] = (struct valued){score, (uint32_t)i};
        }
    }
    valued_sort(set->order, set->order_count);
    if (chosen.model->creator_decay < 1) {
        decay_creators(set, ranking, chosen.model);
        valued_sort(set->order, set->order_count);
    }
}

/* Values are those of places, which order as well as scores do. */
static void order_as_ranked(struct tune_set *set, const struct ranking *ranking)
{
    set->order_count = ranking->heading.listed;
    for (size_t i = 0; i < ranking->heading.count; i++) {
        uint16_t position = ranking->rows[i].position;
        if (position != ABSENT) {
            set->order[position] = (struct valued){-(double)position, (uint32_t)i};
        }
    }
}

static void order_rows(struct tune_set *set, const struct ranking *ranking,
                       const struct weights *weights)
{
    set->order_count = 0;
    if (weights != NULL) {
        order_by_scores(set, ranking, weights);
    } else {
        order_as_ranked(set, ranking);
    }
}

/* ---- figures ---- */

/* A sum of weighted values, and of their weights. */
struct mean {
    double sum;
    double weight;
};

static void add(struct mean *mean, double value, double weight)
{
    if (!isnan(value)) {
        mean->sum += value * weight;
        mean->weight += weight;
    }
}

struct means {
    struct mean values[TUNE_FIGURE_COUNT];
    double languages[TUNE_LANGUAGES + 1];
    double exposed;
};

/* What the judged rows have, in the order of the list; returns how many there are. */
static size_t list_judged(struct tune_set *set, const struct ranking *ranking, bool quantiles)
{
    size_t count = 0;
    for (size_t i = 0; i < set->order_count; i++) {
        const struct row *row = &ranking->rows[set->order[i].index];
        if (row->judged) {
            set->listed[count++] = quantiles ? row->quantile : row->gain;
        }
    }
    return count;
}

static void add_lists(struct tune_set *set, const struct ranking *ranking, struct means *means)
{
    double values[METRIC_LIST_COUNT];
    size_t count = list_judged(set, ranking, false);
    list_measure(&set->metrics, &ranking->ideal, set->listed, count, values);
    for (size_t i = 0; i < METRIC_LIST_COUNT; i++) {
        add(&means->values[i], values[i], 1);
    }
    count = list_judged(set, ranking, true);
    struct list_gain watch = list_ndcg(&set->metrics, &ranking->watch_ideal, set->listed, count);
    add(&means->values[METRIC_WATCH_NDCG], watch.whole, 1);
    add(&means->values[METRIC_WATCH_NDCG_AT], watch.at_k, 1);
}

/* What is dropped comes after all else, as in ranking_run.h; factors are free by now. */
static void add_scores(struct tune_set *set, const struct ranking *ranking, struct means *means)
{
    size_t judged = 0;
    size_t watched = 0;
    double pairs;
    for (size_t i = 0; i < ranking->heading.count; i++) {
        set->factors[i] = -(double)LIMIT_CANDIDATES;
    }
    for (size_t i = 0; i < set->order_count; i++) {
        set->factors[set->order[i].index] = set->order[i].value;
    }
    for (size_t i = 0; i < ranking->heading.count; i++) {
        const struct row *row = &ranking->rows[i];
        if (row->judged) {
            set->cases[judged++] = (struct metrics_case){set->factors[i], row->gain > 0};
        }
        if (row->judged && row->watch_ms > 0) {
            set->watches[watched++] = (struct metrics_watch){set->factors[i], row->watch_ms};
        }
    }
    add(&means->values[METRIC_GAUC], metrics_auc(set->cases, judged), (double)judged);
    double xauc = metrics_xauc(set->watches, set->scratch, watched, &pairs);
    add(&means->values[METRIC_XAUC], xauc, pairs);
}

static double skip_share_of(const struct tune_set *set, const struct ranking *ranking)
{
    size_t judged = 0;
    size_t skipped = 0;
    for (size_t i = 0; i < set->order_count && judged < set->options.k; i++) {
        const struct row *row = &ranking->rows[set->order[i].index];
        judged += row->judged;
        skipped += row->judged && row->skipped;
    }
    return judged > 0 ? (double)skipped / (double)judged : NAN;
}

static void expose(const struct tune_set *set, const struct ranking *ranking, struct means *means)
{
    size_t count = set->order_count < set->options.k ? set->order_count : set->options.k;
    double all = 0;
    double fresh = 0;
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        all += set->metrics.discounts[i];
    }
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &ranking->rows[set->order[i].index];
        double share = set->metrics.discounts[i] / all;
        means->languages[row->language] += share;
        fresh += row->is_new ? share : 0;
    }
    add(&means->values[TUNE_NEW_SHARE], fresh, 1);
    means->exposed++;
}

static void measure(struct tune_set *set, const struct ranking *ranking,
                    const struct weights *weights, struct means *means)
{
    const struct heading *heading = &ranking->heading;
    order_rows(set, ranking, weights);
    add_lists(set, ranking, means);
    if (set->options.scores) {
        add_scores(set, ranking, means);
    }
    add(&means->values[TUNE_SKIP_SHARE], skip_share_of(set, ranking), 1);
    add(&means->values[TUNE_POLICY_DROPS], (double)heading->dropped / heading->candidates,
        heading->candidates);
    expose(set, ranking, means);
}

void tune_set_measure(struct tune_set *set, const struct weights *weights, struct tune_figures *out)
{
    struct means means = {.exposed = 0};
    for (size_t i = 0; i < set->count; i++) {
        measure(set, set->rankings[i], weights, &means);
    }
    for (size_t i = 0; i < TUNE_FIGURE_COUNT; i++) {
        const struct mean *mean = &means.values[i];
        out->values[i] = mean->weight > 0 ? mean->sum / mean->weight : NAN;
    }
    for (size_t i = 0; i < TUNE_LANGUAGES; i++) {
        out->language_shares[i] = means.exposed > 0 ? means.languages[i] / means.exposed : NAN;
    }
}
