#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/random.h"
#include "ranker/trees.h"
#include "replay/train_examples.h"

enum { FOLDS = 5 };

/* ---- rows ---- */

/* Of the file: training users who are learnt from, those who sit out, all of them, and the rest. */
enum part { PART_FITTING, PART_CHOOSING, PART_TRAINING, PART_VALIDATION };

/* One at a time: an example may be two rows (logistic_examples.h). */
struct rows {
    struct example_reader *reader; /* borrowed */
    const struct train_trees_options *options;
    enum part part;
    const double *places; /* effects, by logistic_place(); NULL: none */
    struct logistic_row rows[2];
    uint64_t group; /* of the rows */
    unsigned count;
    unsigned next;
    struct problem *problem;
};

static bool sits_out(uint64_t user_key, uint64_t seed)
{
    struct random random = random_stream(seed, user_key, 0);
    return random_below(&random, FOLDS) == 0;
}

static bool is_of(const struct rows *rows, const struct example *example)
{
    enum example_side side = example_side(&rows->options->examples.split, example->time_ms);
    enum example_side wanted = rows->part == PART_VALIDATION ? EXAMPLE_VALIDATION : EXAMPLE_TRAIN;
    return side == wanted;
}

/* Visitors have a key in their rows alone. */
static bool is_dealt(const struct rows *rows, uint64_t user_key)
{
    bool out = sits_out(user_key, rows->options->boost.seed);
    return rows->part == PART_FITTING ? !out : rows->part != PART_CHOOSING || out;
}

static enum status rewind_rows(void *context)
{
    struct rows *rows = context;
    rows->count = 0;
    rows->next = 0;
    return example_reader_rewind(rows->reader);
}

static enum status read_example(struct rows *rows)
{
    const struct example *example = NULL;
    enum status status = example_reader_next(rows->reader, &example, rows->problem);
    rows->next = 0;
    rows->count = 0;
    if (status == STATUS_OK && is_of(rows, example)) {
        rows->count = logistic_rows_of(example, &rows->options->examples, rows->rows);
        rows->group = example->group;
    }
    if (rows->count > 0 && !is_dealt(rows, rows->rows[0].user_key)) {
        rows->count = 0;
    }
    return status;
}

static enum status next_row(struct rows *rows, const struct logistic_row **out)
{
    while (rows->next == rows->count) {
        enum status status = read_example(rows);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *out = &rows->rows[rows->next++];
    return STATUS_OK;
}

static enum status next_boost_row(void *context, struct boost_row *out)
{
    struct rows *rows = context;
    const struct logistic_row *row = NULL;
    enum status status = next_row(rows, &row);
    if (status == STATUS_OK) {
        *out = (struct boost_row){
            .group = rows->group,
            .positive = row->positive,
            .weight = row->weight,
            .offset = rows->places != NULL ? rows->places[logistic_place(row->position)] : 0,
            .features = row->features};
    }
    return status;
}

static struct rows rows_of(struct example_reader *reader, const struct train_trees_options *options,
                           enum part part, struct problem *problem)
{
    return (struct rows){.reader = reader, .options = options, .part = part, .problem = problem};
}

/* ---- learning ---- */

static void name_model(enum head head, struct train_trees *trees)
{
    uint64_t hash = hash_key((struct text){trees->model, trees->model_size});
    snprintf(trees->model_name, sizeof(trees->model_name), "%s-%016" PRIx64 ".json",
             head_name(head), hash);
}

/* The caller's word after each round, and the rounds kept. */
struct watching {
    const struct boost_options *options;
    struct train_round *curve; /* room for options->rounds */
};

static bool watch(void *context, const struct boost_round *round)
{
    const struct watching *watching = context;
    const struct boost_options *options = watching->options;
    watching->curve[round->number - 1] =
        (struct train_round){.training = round->training, .held_out = round->held_out};
    return options->go_on == NULL || options->go_on(options->context, round);
}

static enum status grow(struct example_reader *reader, const struct train_trees_options *options,
                        const struct train_trees *trees, struct boost_result *out,
                        struct problem *problem)
{
    struct rows fitting = rows_of(reader, options, PART_FITTING, problem);
    struct rows choosing = rows_of(reader, options, PART_CHOOSING, problem);
    const struct boost_source sources[] = {
        {.rewind = rewind_rows, .next = next_boost_row, .context = &fitting},
        {.rewind = rewind_rows, .next = next_boost_row, .context = &choosing},
    };
    fitting.places = trees->positions ? trees->places : NULL;
    choosing.places = fitting.places;
    struct watching watching = {.options = &options->boost, .curve = trees->curve};
    struct boost_options watched = options->boost;
    watched.go_on = watch;
    watched.context = &watching;
    return boost_train(&sources[0], &sources[1], &watched, out, problem);
}

/* What becomes of the options is told with the trees. */
static void keep_options(const struct boost_options *boost, struct train_trees *out)
{
    out->objective = boost->objective;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        bool read = feature_set_has(&boost->features, (enum feature)i);
        out->monotone[i] = read ? boost->monotone[i] : 0;
    }
}

static enum status boost(struct example_reader *reader, const struct train_trees_options *options,
                         struct train_trees *out, struct problem *problem)
{
    struct boost_result result;
    out->curve = calloc(options->boost.rounds, sizeof(*out->curve));
    if (out->curve == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = grow(reader, options, out, &result, problem);
    if (status == STATUS_OK) {
        out->model = result.model;
        out->model_size = result.model_size;
        out->rounds = result.rounds;
        out->ran = result.ran;
        out->stopped = result.stopped;
        keep_options(&options->boost, out);
        name_model(options->examples.head, out);
    }
    return status;
}

/* ---- places ---- */

static enum status read_data(struct example_reader *reader,
                             const struct train_trees_options *options, struct logistic_data *data,
                             struct problem *problem)
{
    struct rows training = rows_of(reader, options, PART_TRAINING, problem);
    const struct logistic_row *row = NULL;
    enum status status = rewind_rows(&training);
    while (status == STATUS_OK) {
        status = next_row(&training, &row);
        if (status == STATUS_OK) {
            status = logistic_data_add(data, row, problem);
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status fit_places(const struct logistic_data *data,
                              const struct train_trees_options *options, struct train_trees *out,
                              struct problem *problem)
{
    const struct logistic_options logistic = {.positions = true,
                                              .seed = options->boost.seed,
                                              .go_on = options->places_go_on,
                                              .context = options->boost.context};
    struct logistic_result result;
    enum status status = logistic_train(data, NULL, &logistic, &result, problem);
    if (status == STATUS_OK) {
        memcpy(out->places, result.places, sizeof(out->places));
        memcpy(out->place_rows, result.place_rows, sizeof(out->place_rows));
        out->positions = true;
    }
    return status;
}

static enum status find_places(struct example_reader *reader,
                               const struct train_trees_options *options, struct train_trees *out,
                               struct problem *problem)
{
    struct logistic_data *data = logistic_data_new(&options->boost.features, LOGISTIC_BYTES);
    enum status status =
        data != NULL ? read_data(reader, options, data, problem) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = fit_places(data, options, out, problem);
    }
    logistic_data_free(data);
    return status;
}

/* ---- gains ---- */

/* Of splits; a leaf has no left child. */
static void add_gains(const json_t *tree, const json_t *names, double *gain)
{
    const json_t *left = json_object_get(tree, "left_children");
    const json_t *columns = json_object_get(tree, "split_indices");
    const json_t *gains = json_object_get(tree, "loss_changes");
    for (size_t i = 0; i < json_array_size(left); i++) {
        size_t column = (size_t)json_integer_value(json_array_get(columns, i));
        const char *name = json_string_value(json_array_get(names, column));
        enum feature feature = name != NULL ? feature_find(text_of(name)) : FEATURE_COUNT;
        if (json_integer_value(json_array_get(left, i)) != -1 && feature < FEATURE_COUNT) {
            gain[feature] += json_number_value(json_array_get(gains, i));
        }
    }
}

static enum status read_gains(struct train_trees *trees)
{
    json_t *model = json_loadb(trees->model, trees->model_size, 0, NULL);
    if (model == NULL) {
        return STATUS_NO_MEMORY; /* it has been parsed once */
    }
    const json_t *learner = json_object_get(model, "learner");
    const json_t *names = json_object_get(learner, "feature_names");
    const json_t *booster = json_object_get(learner, "gradient_booster");
    const json_t *list = json_object_get(json_object_get(booster, "model"), "trees");
    for (size_t i = 0; i < json_array_size(list); i++) {
        add_gains(json_array_get(list, i), names, trees->gain);
    }
    json_decref(model);
    return STATUS_OK;
}

/* ---- figures ---- */

/* Rows that are predicted together, by the code that serves. */
struct predicting {
    const struct trees *trees;
    double base_rate;
    double values[FEATURE_COUNT][TREES_BLOCK];
    const double *columns[FEATURE_COUNT];  /* of values */
    struct forecast_row held[TREES_BLOCK]; /* all but the probability */
    size_t held_count;
};

static void hold_row(struct predicting *predicting, const struct logistic_row *row)
{
    size_t at = predicting->held_count++;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        predicting->values[i][at] = row->features[i];
    }
    predicting->held[at] = (struct forecast_row){
        .user_key = row->user_key,
        .reference = predicting->base_rate,
        .weight = row->weight,
        .positive = row->positive,
    };
}

static enum status forecast_held(struct predicting *predicting, struct forecast *forecast)
{
    double probabilities[TREES_BLOCK];
    size_t count = predicting->held_count;
    enum status status = STATUS_OK;
    trees_predict(predicting->trees, predicting->columns, count, probabilities);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        predicting->held[i].probability = probabilities[i];
        status = forecast_add(forecast, &predicting->held[i]);
    }
    predicting->held_count = 0;
    return status;
}

static enum status forecast_rows(struct rows *rows, struct predicting *predicting,
                                 struct forecast *forecast)
{
    const struct logistic_row *row = NULL;
    enum status status = rewind_rows(rows);
    while (status == STATUS_OK) {
        status = next_row(rows, &row);
        if (status == STATUS_OK) {
            hold_row(predicting, row);
        }
        if (predicting->held_count == TREES_BLOCK) {
            status = forecast_held(predicting, forecast);
        }
    }
    return status == STATUS_NOT_FOUND ? forecast_held(predicting, forecast) : status;
}

static enum status figure(struct rows *rows, struct predicting *predicting,
                          struct forecast_figures *out)
{
    struct forecast *forecast = forecast_new();
    enum status status =
        forecast != NULL ? forecast_rows(rows, predicting, forecast) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = forecast_figures(forecast, rows->options->boost.seed, out);
    }
    forecast_free(forecast);
    return status;
}

static enum status find_base_rate(struct rows *rows, double *out)
{
    const struct logistic_row *row = NULL;
    double weight = 0;
    double positive = 0;
    enum status status = rewind_rows(rows);
    while (status == STATUS_OK) {
        status = next_row(rows, &row);
        if (status == STATUS_OK) {
            weight += row->weight;
            positive += row->positive ? row->weight : 0;
        }
    }
    *out = positive / weight;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status measure(struct example_reader *reader, const struct train_trees_options *options,
                           const struct trees *trees, struct train_trees *out,
                           struct problem *problem)
{
    struct rows training = rows_of(reader, options, PART_TRAINING, problem);
    struct rows validation = rows_of(reader, options, PART_VALIDATION, problem);
    struct predicting predicting = {.trees = trees};
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        predicting.columns[i] = predicting.values[i];
    }
    enum status status = find_base_rate(&training, &predicting.base_rate);
    if (status == STATUS_OK) {
        status = figure(&training, &predicting, &out->training);
    }
    return status == STATUS_OK ? figure(&validation, &predicting, &out->held_out) : status;
}

/* ---- all of it ---- */

static enum status learn(struct example_reader *reader, const struct train_trees_options *options,
                         struct train_head *head, struct problem *problem)
{
    struct trees *trees = NULL;
    enum status status = train_count(reader, &options->examples, &head->counts, problem);
    if (status == STATUS_OK && options->positions) {
        status = find_places(reader, options, &head->trees, problem);
    }
    if (status == STATUS_OK) {
        status = boost(reader, options, &head->trees, problem);
    }
    if (status == STATUS_OK) {
        const struct text model = {head->trees.model, head->trees.model_size};
        status = trees_parse(model, &trees, problem);
    }
    if (status == STATUS_OK) {
        status = read_gains(&head->trees);
    }
    if (status == STATUS_OK) {
        status = measure(reader, options, trees, &head->trees, problem);
    }
    trees_free(trees);
    return status;
}

enum status train_trees(FILE *examples, const struct train_trees_options *options,
                        struct train_head *out, struct problem *problem)
{
    struct example_reader *reader = NULL;
    struct train_head head = {.head = options->examples.head, .kind = TRAIN_TREES};
    CHECK(options->boost.objective == BOOST_PROBABILITY ||
          (head.head != HEAD_WATCH_QUANTILE && !(options->examples.clip > 0)));
    problem_set(problem, "%s", "");
    enum status status = example_reader_open(examples, &reader, problem);
    if (status == STATUS_OK) {
        status = learn(reader, options, &head, problem);
    }
    if (status == STATUS_IO && problem->text[0] == '\0') {
        problem_set(problem, "a temporary file cannot be read: %s", strerror(errno));
    }
    example_reader_close(reader);
    if (status != STATUS_OK) {
        train_head_release(&head);
        return status;
    }
    *out = head;
    return STATUS_OK;
}
