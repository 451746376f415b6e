#include "replay/counterfactual_run.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/chances.h"

/* Each contender, and the log, ranks twice, which takes 4 MiB at most. */
enum { ARENA_BYTES = (CONTENDERS_MAX + 1) * (8 << 20), SEGMENTS = SEGMENTS_OF_ONE + 1 };

/* What is kept of a decision until its rewards are known; a struct chances a contender behind. */
struct observed {
    uint64_t unit_key;
    uint32_t segments[SEGMENTS_OF_ONE];
    uint32_t segment_count;
    uint32_t count; /* of positions */
    uint32_t first_position;
    bool known; /* marginals of all positions are */
    bool is_part;
    uint32_t served[SLATE_ESTIMATOR_POSITIONS];
    struct chances logged;
};

struct counterfactual_run {
    struct counterfactual_options options;
    bool learning;
    struct counterfactual_sums *sums; /* owned, until they are handed over; NULL: learning */
    struct join *join;
    struct arena arena; /* of one decision */
    void *memory;
    double *sum_columns;  /* owned; of one observation or slate */
    double *peak_columns; /* owned; likewise */
};

static enum status take_rewards(void *context, const struct joined *joined,
                                const struct state *state);

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Room for the columns of an observation, or of a slate. */
static bool make_columns(struct counterfactual_run *run)
{
    size_t contenders = run->options.contenders->count;
    size_t positions = run->options.positions;
    size_t sums =
        larger(contenders * OBSERVATION_SUMS + 1, contenders * slate_sum_count(positions));
    size_t peaks =
        larger(contenders * COUNTERFACTUAL_PEAKS, contenders * slate_peak_count(positions));
    run->sum_columns = calloc(sums, sizeof(double));
    run->peak_columns = calloc(peaks, sizeof(double));
    return run->sum_columns != NULL && run->peak_columns != NULL;
}

struct counterfactual_run *counterfactual_run_new(const struct counterfactual_options *options,
                                                  bool learning)
{
    struct counterfactual_run *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return NULL;
    }
    CHECK(!learning || options->model != NULL);
    run->options = *options;
    run->learning = learning;
    run->join = join_new(&(struct join_options){.window_ms = options->window_ms,
                                                .bytes = JOIN_BYTES,
                                                .joined = take_rewards,
                                                .context = run});
    run->memory = malloc(ARENA_BYTES);
    bool whole = run->join != NULL && run->memory != NULL && make_columns(run);
    if (whole && !learning) {
        whole = counterfactual_sums_new(options->contenders->count, options->positions,
                                        options->seed, &run->sums) == STATUS_OK;
    }
    if (!whole) {
        counterfactual_run_free(run);
        return NULL;
    }
    arena_init(&run->arena, run->memory, ARENA_BYTES);
    return run;
}

void counterfactual_run_free(struct counterfactual_run *run)
{
    if (run == NULL) {
        return;
    }
    counterfactual_sums_free(run->sums);
    join_free(run->join);
    free(run->memory);
    free(run->sum_columns);
    free(run->peak_columns);
    free(run);
}

/* ---- a decision ---- */

static struct observed describe(const struct counterfactual_run *run,
                                const struct past_ranking *ranking)
{
    size_t count = ranking->served_count;
    struct observed observed = {.unit_key = past_ranking_unit(ranking),
                                .first_position = ranking->first_position,
                                .is_part = ranking->is_part};
    observed.count = (uint32_t)(count < run->options.positions ? count : run->options.positions);
    memcpy(observed.served, ranking->served, observed.count * sizeof(observed.served[0]));
    return observed;
}

static enum status find_values(struct counterfactual_run *run, const struct past_ranking *ranking,
                               uint64_t unit_key, const double **out)
{
    const struct rank_request *request = ranking->request;
    *out = NULL;
    if (run->options.model == NULL) {
        return STATUS_OK;
    }
    double *values = arena_new_raw(&run->arena, double, request->count);
    if (values == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < request->count; i++) {
        values[i] = reward_model_value(run->options.model, unit_key, request->keys[i]);
    }
    *out = values;
    return STATUS_OK;
}

static enum status find_logging(struct counterfactual_run *run, const struct past_ranking *ranking,
                                const struct weights **out)
{
    struct weights *weights = NULL;
    enum status status = STATUS_OK;
    if (run->options.past != NULL && ranking->decision != NULL) {
        status = past_weights_find(run->options.past, ranking->decision->weights_version, &weights);
    }
    *out = weights;
    return status;
}

static enum status ask_all(struct counterfactual_run *run, const struct chances_query *query,
                           const struct state *state, struct observed *observed,
                           struct chances *chances)
{
    const struct contenders *contenders = run->options.contenders;
    bool known = false;
    enum status status = chances_logged(query, state, &run->arena, &observed->logged, &known);
    for (size_t i = 0; status == STATUS_OK && i < contenders->count; i++) {
        status =
            chances_of(contenders, i, query, &observed->logged, state, &run->arena, &chances[i]);
    }
    observed->known = known;
    return status;
}

static enum status ask(struct counterfactual_run *run, const struct past_ranking *ranking,
                       const struct state *state, struct observed *observed,
                       struct chances *chances)
{
    struct chances_query query = {.ranking = ranking,
                                  .count = observed->count,
                                  .draws = run->options.draws,
                                  .seed = run->options.seed};
    enum status status = find_values(run, ranking, observed->unit_key, &query.values);
    if (status == STATUS_OK) {
        status = find_logging(run, ranking, &query.logging);
    }
    return status == STATUS_OK ? ask_all(run, &query, state, observed, chances) : status;
}

static enum status keep(struct counterfactual_run *run, const struct past_ranking *ranking,
                        const struct observed *observed, const struct chances *chances,
                        size_t count)
{
    void *payload;
    enum status status =
        join_add(run->join, ranking, sizeof(*observed) + count * sizeof(*chances), &payload);
    if (status == STATUS_OK) {
        memcpy(payload, observed, sizeof(*observed));
        memcpy((struct observed *)payload + 1, chances, count * sizeof(*chances));
    }
    return status;
}

/* Segments are numbered by all decisions, whoever's part they are. */
static enum status place(struct counterfactual_run *run, const struct past_ranking *ranking,
                         const struct state *state, struct observed *observed)
{
    size_t count = 0;
    struct segments *segments = run->sums->segments;
    const char *arms = contenders_arms(run->options.contenders, ranking);
    enum status status =
        segments_of(segments, ranking, arms, state, &run->arena, observed->segments, &count);
    observed->segment_count = (uint32_t)count;
    for (size_t i = 0; status == STATUS_OK && i < observed->count; i++) {
        (void)segments_of_position(segments, observed->first_position + i);
    }
    run->sums->counts.found++;
    return status;
}

enum status counterfactual_run_ranking(void *context, const struct past_ranking *ranking,
                                       const struct state *state)
{
    struct counterfactual_run *run = context;
    struct chances chances[CONTENDERS_MAX];
    if (ranking->served_count == 0) {
        return STATUS_OK;
    }
    /* Before anything is left out, so that time goes alike for all parts. */
    enum status status = join_time(run->join, ranking->time_ms, state);
    if (status != STATUS_OK) {
        return status;
    }
    struct observed observed = describe(run, ranking);
    arena_reset(&run->arena);
    if (run->learning) {
        return keep(run, ranking, &observed, chances, 0);
    }
    status = place(run, ranking, state, &observed);
    if (status != STATUS_OK || !share_has(run->options.share, observed.unit_key)) {
        return status;
    }
    status = ask(run, ranking, state, &observed, chances);
    return status == STATUS_OK
               ? keep(run, ranking, &observed, chances, run->options.contenders->count)
               : status;
}

enum status counterfactual_run_signal(void *context, const struct signal *signal,
                                      int64_t duration_ms, const struct state *state)
{
    struct counterfactual_run *run = context;
    return join_follow(run->join, signal, duration_ms, state);
}

/* ---- its rewards ---- */

static double reward_of(const struct counterfactual_run *run, const struct joined *joined,
                        const struct observed *observed, size_t i)
{
    return outcome_value(&joined->outcomes[observed->served[i]], run->options.reward);
}

static enum status learn(struct counterfactual_run *run, const struct joined *joined,
                         const struct observed *observed)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < observed->count; i++) {
        status = reward_model_add(run->options.model, observed->unit_key,
                                  joined->keys[observed->served[i]],
                                  reward_of(run, joined, observed, i));
    }
    return status;
}

static struct observation observation_of(const struct observed *observed,
                                         const struct chances *chances, size_t i, double reward)
{
    return (struct observation){.reward = reward,
                                .logged = observed->logged.marginal[i],
                                .target = chances->marginal[i],
                                .matched = chances->matched[i],
                                .modelled_logged = observed->logged.expected[i],
                                .modelled_target = chances->expected[i]};
}

/* Whether how likely the video was at its position is known. */
static bool is_known(const struct observed *observed, size_t i)
{
    return observed->known || observed->first_position + i == 1;
}

static enum status add_observation(struct counterfactual_run *run, const struct observed *observed,
                                   const struct chances *chances, size_t i, double reward,
                                   bool first)
{
    size_t contenders = run->options.contenders->count;
    struct counterfactual_sums *sums = run->sums;
    uint32_t segments[SEGMENTS];
    for (size_t at = 0; at < contenders; at++) {
        struct observation observation = observation_of(observed, &chances[at], i, reward);
        double *columns = run->sum_columns + observation_column(at);
        enum status status =
            observation_columns(&observation, run->options.clip, columns,
                                run->peak_columns + at * COUNTERFACTUAL_PEAKS, NULL);
        CHECK(status == STATUS_OK); /* all fields are of our own making, and within range */
        sums->weights[at][weight_bin(columns[WEIGHING_WEIGHT])]++;
    }
    run->sum_columns[contenders * OBSERVATION_SUMS] = first;
    memcpy(segments, observed->segments, observed->segment_count * sizeof(segments[0]));
    segments[observed->segment_count] =
        segments_of_position(sums->segments, observed->first_position + i);
    return tally_add(sums->observations, observed->unit_key, segments, observed->segment_count + 1,
                     run->sum_columns, run->peak_columns);
}

static enum status add_observations(struct counterfactual_run *run, const struct joined *joined,
                                    const struct observed *observed, const struct chances *chances)
{
    enum status status = STATUS_OK;
    bool first = true;
    for (size_t i = 0; status == STATUS_OK && i < observed->count; i++) {
        if (is_known(observed, i)) {
            status = add_observation(run, observed, chances, i, reward_of(run, joined, observed, i),
                                     first);
            first = false;
        }
    }
    return status;
}

static void fill_slate(const struct counterfactual_run *run, const struct joined *joined,
                       const struct observed *observed, const struct chances *chances,
                       struct slate_position *out)
{
    for (size_t i = 0; i < observed->count; i++) {
        out[i] = (struct slate_position){.reward = reward_of(run, joined, observed, i),
                                         .logged_marginal = observed->logged.marginal[i],
                                         .target_marginal = chances->marginal[i],
                                         .logged_conditional = observed->logged.conditional[i],
                                         .target_conditional = chances->conditional[i]};
    }
}

static enum status add_slate(struct counterfactual_run *run, const struct joined *joined,
                             const struct observed *observed, const struct chances *chances)
{
    size_t positions = run->options.positions;
    if (observed->is_part) {
        return STATUS_OK;
    }
    for (size_t at = 0; at < run->options.contenders->count; at++) {
        struct slate_position slate[SLATE_ESTIMATOR_POSITIONS];
        fill_slate(run, joined, observed, &chances[at], slate);
        enum status status = slate_columns(
            slate, observed->count, positions, run->sum_columns + at * slate_sum_count(positions),
            run->peak_columns + at * slate_peak_count(positions), NULL);
        CHECK(status == STATUS_OK); /* as above */
    }
    run->sums->counts.slates++;
    run->sums->counts.without_marginal += !observed->known;
    return tally_add(run->sums->slates, observed->unit_key, NULL, 0, run->sum_columns,
                     run->peak_columns);
}

static enum status take_rewards(void *context, const struct joined *joined,
                                const struct state *state)
{
    struct counterfactual_run *run = context;
    const struct observed *observed = joined->payload;
    const struct chances *chances = (const struct chances *)(observed + 1);
    (void)state;
    if (run->learning) {
        return learn(run, joined, observed);
    }
    run->sums->counts.used++;
    enum status status = add_observations(run, joined, observed, chances);
    return status == STATUS_OK ? add_slate(run, joined, observed, chances) : status;
}

enum status counterfactual_run_end(struct counterfactual_run *run, const struct state *state,
                                   struct counterfactual_sums **out)
{
    enum status status = join_end(run->join, state);
    if (status != STATUS_OK || run->learning) {
        return status;
    }
    const struct join_counts *joined = join_counts(run->join);
    run->sums->counts.by_ranking_id = joined->by_ranking_id;
    run->sums->counts.by_window = joined->by_window;
    run->sums->counts.told_early = joined->told_early;
    *out = run->sums;
    run->sums = NULL;
    return STATUS_OK;
}
