#include "replay/examples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/rank_features.h"
#include "replay/contender.h"
#include "replay/example_label.h"
#include "replay/spill.h"

enum { ARENA_BYTES = 64 << 20 };

/* What waits in memory for a ranking's outcomes. */
struct waiting {
    uint16_t region;
};

/* What waits on disk, by candidate; files are read by the process that wrote them. */
struct shown {
    double propensity; /* NaN: unknown */
    uint32_t position; /* 0: unknown */
    uint8_t rule;      /* enum drop_rule */
    float features[FEATURE_COUNT];
};

struct examples {
    struct examples_options options;
    struct examples_counts counts;
    struct join *join;
    struct spill *spill;
    int64_t newest_ms; /* how far the log has come */
    uint64_t group;    /* the last ranking that made examples */
    struct problem problem;
    struct arena arena;  /* of one ranking */
    void *memory;        /* owned */
    struct shown *shown; /* owned; LIMIT_CANDIDATES: of one ranking */
};

static enum status take_outcomes(void *context, const struct joined *joined,
                                 const struct state *state);

struct examples *examples_new(const struct examples_options *options)
{
    CHECK(options->positions >= 1);
    CHECK(options->positions <= LIMIT_CANDIDATES);
    struct examples *examples = calloc(1, sizeof(*examples));
    if (examples == NULL) {
        return NULL;
    }
    examples->options = *options;
    examples->join = join_new(&(struct join_options){.window_ms = options->window_ms,
                                                     .bytes = JOIN_BYTES,
                                                     .joined = take_outcomes,
                                                     .context = examples});
    examples->spill = spill_new(SPILL_FILE_BYTES);
    examples->memory = malloc(ARENA_BYTES);
    examples->shown = calloc(LIMIT_CANDIDATES, sizeof(*examples->shown));
    if (examples->join == NULL || examples->spill == NULL || examples->memory == NULL ||
        examples->shown == NULL) {
        examples_free(examples);
        return NULL;
    }
    arena_init(&examples->arena, examples->memory, ARENA_BYTES);
    return examples;
}

void examples_free(struct examples *examples)
{
    if (examples == NULL) {
        return;
    }
    join_free(examples->join);
    spill_free(examples->spill);
    free(examples->memory);
    free(examples->shown);
    free(examples);
}

const struct examples_counts *examples_counts(const struct examples *examples)
{
    return &examples->counts;
}

const struct problem *examples_problem(const struct examples *examples)
{
    return &examples->problem;
}

/* ---- a ranking ---- */

/* How many candidates may make examples. */
static size_t count_of(const struct examples *examples, const struct past_ranking *ranking)
{
    if (ranking->served_count > 0) {
        return ranking->served_count < examples->options.positions ? ranking->served_count
                                                                   : examples->options.positions;
    }
    return ranking->decision == NULL ? ranking->request->count : 0; /* an empty answer shows none */
}

static uint32_t candidate_at(const struct past_ranking *ranking, size_t place)
{
    return ranking->served_count > 0 ? ranking->served[place] : (uint32_t)place;
}

/* The same request with those candidates alone; STATUS_NO_MEMORY. */
static enum status cut_request(struct examples *examples, const struct past_ranking *ranking,
                               size_t count, struct rank_request *out)
{
    const struct rank_request *request = ranking->request;
    uint64_t *keys = arena_new_raw(&examples->arena, uint64_t, count);
    double *scores = arena_new(&examples->arena, double, count);
    uint64_t *sources = arena_new(&examples->arena, uint64_t, count);
    if (arena_full(&examples->arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t candidate = candidate_at(ranking, i);
        keys[i] = request->keys[candidate];
        scores[i] = request->retrieval_scores != NULL ? request->retrieval_scores[candidate] : 0;
        sources[i] = request->source_keys != NULL ? request->source_keys[candidate] : 0;
    }
    *out = *request;
    out->count = count;
    out->keys = keys;
    out->retrieval_scores = scores;
    out->source_keys = sources;
    return STATUS_OK;
}

static uint32_t position_of(const struct past_ranking *ranking, size_t place)
{
    if (ranking->served_count == 0) {
        return 0;
    }
    return ranking->positions != NULL ? ranking->positions[place]
                                      : ranking->first_position + (uint32_t)place;
}

/* Where a decision has none, nothing was drawn; of impressions nobody knows. */
static double propensity_of(const struct past_ranking *ranking, size_t place)
{
    if (ranking->decision == NULL) {
        return NAN;
    }
    double propensity = ranking->propensities != NULL ? ranking->propensities[place] : 1;
    return propensity > 0 && propensity <= 1 ? propensity : (double)NAN;
}

static void put_shown(struct examples *examples, const struct past_ranking *ranking,
                      const struct rank_features *features, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct shown *shown = &examples->shown[i];
        const double *values = &features->values[i * FEATURE_COUNT];
        shown->position = position_of(ranking, i);
        shown->propensity = propensity_of(ranking, i);
        shown->rule = features->rules[i];
        for (size_t feature = 0; feature < FEATURE_COUNT; feature++) {
            shown->features[feature] = (float)values[feature];
        }
    }
}

static enum status keep(struct examples *examples, const struct past_ranking *ranking, size_t count)
{
    void *payload;
    enum status status = spill_push(examples->spill, examples->shown,
                                    count * sizeof(examples->shown[0]), &examples->problem);
    if (status == STATUS_OK) {
        status = join_add(examples->join, ranking, sizeof(struct waiting), &payload);
    }
    if (status == STATUS_OK) {
        *(struct waiting *)payload = (struct waiting){.region = ranking->request->locale.region};
    }
    return status;
}

static void note_time(struct examples *examples, int64_t time_ms)
{
    examples->newest_ms = time_ms > examples->newest_ms ? time_ms : examples->newest_ms;
}

enum status examples_ranking(void *context, const struct past_ranking *ranking,
                             const struct state *state)
{
    struct examples *examples = context;
    CHECK(ranking->outcomes == NULL);
    note_time(examples, ranking->time_ms);
    size_t count = count_of(examples, ranking);
    if (count == 0) {
        return STATUS_OK;
    }
    struct rank_request request;
    struct rank_features features;
    examples->counts.rankings++;
    arena_reset(&examples->arena);
    enum status status = cut_request(examples, ranking, count, &request);
    if (status == STATUS_OK) {
        status = rank_features(state, contender_model(examples->options.weights, ranking), &request,
                               &examples->arena, &features);
    }
    if (status != STATUS_OK) {
        return status;
    }
    put_shown(examples, ranking, &features, count);
    struct past_ranking cut = *ranking;
    cut.request = &request;
    return keep(examples, &cut, count);
}

enum status examples_signal(void *context, const struct signal *signal, int64_t duration_ms,
                            const struct state *state)
{
    struct examples *examples = context;
    note_time(examples, signal->time_ms);
    return join_follow(examples->join, signal, duration_ms, state);
}

/* ---- its examples ---- */

static bool has_features(const struct shown *shown)
{
    return shown->rule != DROP_UNKNOWN_VIDEO && shown->rule != DROP_DELETED;
}

static enum status write_example(struct examples *examples, const struct joined *joined,
                                 size_t place, const struct state *state)
{
    const struct shown *shown = &examples->shown[place];
    const struct waiting *waiting = joined->payload;
    const struct outcome *outcome = &joined->outcomes[place];
    struct example example = {.time_ms = joined->time_ms,
                              .user_key = joined->user_key,
                              .video_key = joined->keys[place],
                              .group = examples->group,
                              .position = shown->position,
                              .propensity = shown->propensity,
                              .weight = 1};
    memcpy(example.features, shown->features, sizeof(example.features));
    example_label_all(outcome, outcome_views(outcome, state_watch(state), waiting->region),
                      &example);
    examples->counts.examples++;
    examples->counts.forbidden += shown->rule != DROP_NONE;
    return example_writer_add(examples->options.writer, &example);
}

static bool is_example(struct examples *examples, const struct joined *joined, size_t place)
{
    bool shown = outcome_has(&joined->outcomes[place], OUTCOME_SHOWN);
    bool known = has_features(&examples->shown[place]);
    examples->counts.unseen += !shown;
    examples->counts.unknown += shown && !known;
    return shown && known;
}

static enum status write_all(struct examples *examples, const struct joined *joined,
                             const struct state *state)
{
    enum status status = STATUS_OK;
    bool any = false;
    for (size_t i = 0; status == STATUS_OK && i < joined->count; i++) {
        if (is_example(examples, joined, i)) {
            examples->group += !any;
            any = true;
            status = write_example(examples, joined, i, state);
        }
    }
    if (status == STATUS_IO) {
        problem_set(&examples->problem, "the file of examples cannot be written");
    }
    return status;
}

/* The oldest ranking is told first, so its features are the oldest on disk. */
static enum status take_outcomes(void *context, const struct joined *joined,
                                 const struct state *state)
{
    struct examples *examples = context;
    enum status status = spill_pop(examples->spill, examples->shown,
                                   joined->count * sizeof(examples->shown[0]), &examples->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (examples->newest_ms - joined->time_ms <= examples->options.window_ms) {
        examples->counts.cut_off++;
        return STATUS_OK;
    }
    return write_all(examples, joined, state);
}

enum status examples_end(struct examples *examples, const struct state *state)
{
    examples->counts.early = examples->counts.cut_off; /* so far, for want of memory alone */
    enum status status = join_end(examples->join, state);
    examples->counts.cut_off -= examples->counts.early;
    return status;
}
