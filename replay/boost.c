#include "replay/boost.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "ranker/check.h"
#include "replay/platt.h"

enum { BATCH_ROWS = 4096, TEXT_SIZE = 256, BINS = 256 };

/* A source on its way into XGBoost. */
struct feeding {
    const struct boost_source *source;
    struct boosting *boosting;
    DMatrixHandle proxy;
    uint64_t rows;
    uint64_t positives;
    uint64_t groups;
    uint64_t last_group;
    double weight;          /* of all rows */
    double positive_weight; /* of the positives */
    bool offsets;           /* some row has one */
    float *features;        /* owned; BATCH_ROWS rows of the chosen features */
    float labels[BATCH_ROWS];
    float weights[BATCH_ROWS];
    float margins[BATCH_ROWS]; /* what the trees begin with */
    unsigned qids[BATCH_ROWS];
    enum status status;
};

struct boosting {
    const struct boost_options *options;
    unsigned column_count;
    enum feature columns[FEATURE_COUNT];
    DMatrixHandle training;
    DMatrixHandle held_out;
    BoosterHandle booster;
    double base_rate; /* share of positives in training, by weight */
    bool offsets;     /* some training row has one */
    struct problem *problem;
};

/* Any failure of XGBoost is one of the system: what can be wrong with rows is checked before. */
static enum status fail(const struct boosting *boosting)
{
    problem_set(boosting->problem, "XGBoost: %.280s", XGBGetLastError());
    return STATUS_IO;
}

static enum status ask(const struct boosting *boosting, int code)
{
    return code == 0 ? STATUS_OK : fail(boosting);
}

/* What margins are without offsets and trees: to XGBoost, and in what is learnt from offsets. An
 * order has no level. */
static double start_of(const struct boosting *boosting)
{
    double p = boosting->base_rate;
    return boosting->options->objective == BOOST_ORDER ? 0 : log(p / (1 - p));
}

/* ---- rows ---- */

static void take_row(struct feeding *feeding, size_t at, const struct boost_row *row)
{
    const struct boosting *boosting = feeding->boosting;
    float *features = feeding->features + at * boosting->column_count;
    for (unsigned i = 0; i < boosting->column_count; i++) {
        features[i] = row->features[boosting->columns[i]];
    }
    if (feeding->rows == 0 || row->group != feeding->last_group) {
        feeding->groups++;
        feeding->last_group = row->group;
    }
    feeding->labels[at] = row->positive;
    feeding->weights[at] = (float)row->weight;
    feeding->margins[at] = (float)(row->offset + start_of(boosting));
    feeding->qids[at] = (unsigned)feeding->groups;
    feeding->rows++;
    feeding->positives += row->positive;
    feeding->weight += row->weight;
    feeding->positive_weight += row->positive ? row->weight : 0;
    feeding->offsets = feeding->offsets || row->offset < 0 || row->offset > 0;
}

static size_t fill_batch(struct feeding *feeding)
{
    size_t count = 0;
    while (count < BATCH_ROWS && feeding->status == STATUS_OK) {
        struct boost_row row;
        feeding->status = feeding->source->next(feeding->source->context, &row);
        if (feeding->status == STATUS_OK) {
            take_row(feeding, count++, &row);
        }
    }
    return count;
}

static int give_features(struct feeding *feeding, size_t count)
{
    char data[TEXT_SIZE];
    snprintf(data, sizeof(data),
             "{\"data\": [%" PRIuPTR ", true], \"shape\": [%zu, %u], \"typestr\": \"<f4\", "
             "\"version\": 3}",
             (uintptr_t)feeding->features, count, feeding->boosting->column_count);
    return XGProxyDMatrixSetDataDense(feeding->proxy, data);
}

static int give_batch(struct feeding *feeding, size_t count)
{
    const struct boosting *boosting = feeding->boosting;
    int code = give_features(feeding, count);
    if (code == 0) {
        code = XGDMatrixSetFloatInfo(feeding->proxy, "label", feeding->labels, count);
    }
    if (code == 0 && boosting->offsets) {
        code = XGDMatrixSetFloatInfo(feeding->proxy, "base_margin", feeding->margins, count);
    }
    if (code != 0) {
        return code;
    }
    return boosting->options->objective == BOOST_ORDER
               ? XGDMatrixSetUIntInfo(feeding->proxy, "qid", feeding->qids, count)
               : XGDMatrixSetFloatInfo(feeding->proxy, "weight", feeding->weights, count);
}

/* XGBoost's way of asking for the next batch: 1, or 0 at the end. */
static int next_batch(DataIterHandle handle)
{
    struct feeding *feeding = handle;
    size_t count = fill_batch(feeding);
    if (count == 0) {
        return 0;
    }
    if (give_batch(feeding, count) != 0) {
        feeding->status = fail(feeding->boosting);
        return 0;
    }
    return 1;
}

static void begin_again(DataIterHandle handle)
{
    struct feeding *feeding = handle;
    feeding->rows = 0;
    feeding->positives = 0;
    feeding->groups = 0;
    feeding->weight = 0;
    feeding->positive_weight = 0;
    feeding->status = feeding->source->rewind(feeding->source->context);
}

static enum status check_rows(const struct feeding *feeding, const char *name, bool both)
{
    struct problem *problem = feeding->boosting->problem;
    if (feeding->rows == 0) {
        problem_set(problem, "there are no %s rows", name);
        return STATUS_INVALID;
    }
    if (both && (feeding->positives == 0 || feeding->positives == feeding->rows)) {
        problem_set(problem, "of %" PRIu64 " %s rows %" PRIu64 " are positive: nothing can be told",
                    feeding->rows, name, feeding->positives);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status feed(struct feeding *feeding, DMatrixHandle reference, DMatrixHandle *out)
{
    char config[TEXT_SIZE];
    snprintf(config, sizeof(config), "{\"missing\": NaN, \"nthread\": 1, \"max_bin\": %d}", BINS);
    if (XGProxyDMatrixCreate(&feeding->proxy) != 0) {
        return fail(feeding->boosting);
    }
    int code = XGQuantileDMatrixCreateFromCallback(feeding, feeding->proxy, reference, begin_again,
                                                   next_batch, config, out);
    (void)XGDMatrixFree(feeding->proxy); /* of which nothing else can be done */
    if (feeding->status != STATUS_OK && feeding->status != STATUS_NOT_FOUND) {
        return feeding->status;
    }
    return ask(feeding->boosting, code);
}

/* Rows are counted before XGBoost sees any, which would end the process over none. */
static enum status count_rows(struct feeding *feeding)
{
    begin_again(feeding);
    while (feeding->status == STATUS_OK) {
        (void)fill_batch(feeding);
    }
    return feeding->status == STATUS_NOT_FOUND ? STATUS_OK : feeding->status;
}

static enum status make_matrix(struct boosting *boosting, const struct boost_source *source,
                               const char *name, DMatrixHandle reference, DMatrixHandle *out)
{
    struct feeding *feeding = calloc(1, sizeof(*feeding));
    if (feeding == NULL) {
        return STATUS_NO_MEMORY;
    }
    feeding->source = source;
    feeding->boosting = boosting;
    feeding->features =
        malloc((size_t)BATCH_ROWS * boosting->column_count * sizeof(*feeding->features));
    enum status status = feeding->features != NULL ? count_rows(feeding) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = check_rows(feeding, name, reference == NULL);
    }
    if (status == STATUS_OK && reference == NULL) {
        boosting->base_rate = feeding->positive_weight / feeding->weight;
        boosting->offsets = feeding->offsets;
    }
    if (status == STATUS_OK) {
        status = feed(feeding, reference, out);
    }
    free(feeding->features);
    free(feeding);
    return status;
}

/* ---- rounds ---- */

__attribute__((format(printf, 3, 4))) static enum status
set(const struct boosting *boosting, const char *name, const char *format, ...)
{
    char value[TEXT_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(value, sizeof(value), format, list);
    va_end(list);
    return ask(boosting, XGBoosterSetParam(boosting->booster, name, value));
}

static enum status set_monotone(const struct boosting *boosting)
{
    char text[FEATURE_COUNT * 3 + 3] = "(";
    for (unsigned i = 0; i < boosting->column_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%d%s",
                 boosting->options->monotone[boosting->columns[i]],
                 i + 1 < boosting->column_count ? "," : ")");
    }
    return ask(boosting, XGBoosterSetParam(boosting->booster, "monotone_constraints", text));
}

static enum status set_all(const struct boosting *boosting)
{
    const struct boost_options *options = boosting->options;
    bool order = options->objective == BOOST_ORDER;
    const struct {
        const char *name;
        const char *text; /* or, where that is NULL, */
        double number;
    } values[] = {
        {"objective", order ? "rank:ndcg" : "binary:logistic", 0},
        {"eval_metric", order ? "ndcg@10" : "logloss", 0},
        {"tree_method", "hist", 0},
        {"nthread", "1", 0},
        {"verbosity", "0", 0},
        {"seed", NULL, options->seed},
        {"max_depth", NULL, options->depth},
        {"eta", NULL, options->learning_rate},
        {"min_child_weight", NULL, options->least_weight},
        {"lambda", NULL, options->l2},
        {"subsample", NULL, options->row_share},
        {"colsample_bytree", NULL, options->column_share},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof(values) / sizeof(values[0]); i++) {
        status = values[i].text != NULL ? set(boosting, values[i].name, "%s", values[i].text)
                                        : set(boosting, values[i].name, "%.17g", values[i].number);
    }
    if (status == STATUS_OK && !order) {
        status = set(boosting, "base_score", "%.9g", boosting->base_rate);
    }
    return status == STATUS_OK ? set_monotone(boosting) : status;
}

static enum status make_booster(struct boosting *boosting)
{
    const char *names[FEATURE_COUNT];
    DMatrixHandle matrices[] = {boosting->training, boosting->held_out};
    for (unsigned i = 0; i < boosting->column_count; i++) {
        names[i] = feature_name(boosting->columns[i]);
    }
    if (XGBoosterCreate(matrices, 2, &boosting->booster) != 0) {
        return fail(boosting);
    }
    enum status status = ask(boosting, XGBoosterSetStrFeatureInfo(boosting->booster, "feature_name",
                                                                  names, boosting->column_count));
    return status == STATUS_OK ? set_all(boosting) : status;
}

/* The number behind "NAME-metric:" in XGBoost's own words. */
static double figure_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    const char *colon = at != NULL ? strchr(at, ':') : NULL;
    return colon != NULL ? strtod(colon + 1, NULL) : NAN;
}

static enum status run_round(const struct boosting *boosting, unsigned index,
                             struct boost_round *out)
{
    DMatrixHandle matrices[] = {boosting->training, boosting->held_out};
    const char *names[] = {"training", "held_out"};
    const char *text;
    if (XGBoosterUpdateOneIter(boosting->booster, (int)index, boosting->training) != 0 ||
        XGBoosterEvalOneIter(boosting->booster, (int)index, matrices, names, 2, &text) != 0) {
        return fail(boosting);
    }
    *out = (struct boost_round){.number = index + 1,
                                .training = figure_of(text, "training"),
                                .held_out = figure_of(text, "held_out")};
    return STATUS_OK;
}

static bool is_better(const struct boosting *boosting, double figure, double than)
{
    bool order = boosting->options->objective == BOOST_ORDER;
    return isnan(than) || (order ? figure > than : figure < than);
}

static enum status run_rounds(const struct boosting *boosting, struct boost_result *result)
{
    const struct boost_options *options = boosting->options;
    result->held_out = NAN;
    for (unsigned i = 0; i < options->rounds; i++) {
        struct boost_round round;
        enum status status = run_round(boosting, i, &round);
        if (status != STATUS_OK) {
            return status;
        }
        result->ran = round.number;
        round.best_so_far = is_better(boosting, round.held_out, result->held_out);
        if (round.best_so_far) {
            result->rounds = round.number;
            result->training = round.training;
            result->held_out = round.held_out;
        }
        result->stopped = options->go_on != NULL && !options->go_on(options->context, &round);
        if (result->stopped || round.number - result->rounds >= options->patience) {
            break;
        }
    }
    return STATUS_OK;
}

/* ---- the model ---- */

static enum status keep_best(struct boosting *boosting, const struct boost_result *result)
{
    BoosterHandle best;
    if (result->ran == result->rounds) {
        return STATUS_OK;
    }
    if (XGBoosterSlice(boosting->booster, 0, (int)result->rounds, 1, &best) != 0) {
        return fail(boosting);
    }
    (void)XGBoosterFree(boosting->booster); /* of which nothing else can be done */
    boosting->booster = best;
    return STATUS_OK;
}

static enum status save(const struct boosting *boosting, struct boost_result *result)
{
    bst_ulong size;
    const char *bytes;
    if (XGBoosterSaveModelToBuffer(boosting->booster, "{\"format\": \"json\"}", &size, &bytes) !=
        0) {
        return fail(boosting);
    }
    result->model = malloc(size + 1);
    if (result->model == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(result->model, bytes, size);
    result->model[size] = '\0';
    result->model_size = size;
    return STATUS_OK;
}

/* ---- from margins to probabilities ---- */

static int get_margins(const struct boosting *boosting, DMatrixHandle matrix,
                       struct platt_rows *out)
{
    const bst_ulong *shape;
    bst_ulong dimensions;
    static const char config[] = "{\"type\": 1, \"training\": false, \"iteration_begin\": 0, "
                                 "\"iteration_end\": 0, \"strict_shape\": false}";
    return XGBoosterPredictFromDMatrix(boosting->booster, matrix, config, &shape, &dimensions,
                                       &out->margins);
}

/* XGBoost's own numbers, which live as long as the matrix. */
static enum status score_rows(const struct boosting *boosting, DMatrixHandle matrix,
                              struct platt_rows *out)
{
    const double order_start = 0.5; /* XGBoost's, where no margin is given */
    bool order = boosting->options->objective == BOOST_ORDER;
    bst_ulong count = 0;
    bst_ulong same_count;
    *out = (struct platt_rows){.start = order ? order_start : start_of(boosting),
                               .level = start_of(boosting)};
    int code = XGDMatrixGetFloatInfo(matrix, "label", &count, &out->labels);
    if (code == 0 && boosting->offsets) {
        code = XGDMatrixGetFloatInfo(matrix, "base_margin", &same_count, &out->starts);
    }
    if (code == 0 && !order) {
        code = XGDMatrixGetFloatInfo(matrix, "weight", &same_count, &out->weights);
    }
    if (code == 0) {
        code = get_margins(boosting, matrix, out);
    }
    out->count = count;
    return ask(boosting, code);
}

/* A slope that is not above 0 would turn the order round. */
static enum status find_platt(const struct boosting *boosting, struct platt *out)
{
    struct platt_rows rows;
    bool order = boosting->options->objective == BOOST_ORDER;
    *out = (struct platt){1, start_of(boosting)};
    if (!order && !boosting->offsets) {
        return STATUS_OK;
    }
    enum status status =
        score_rows(boosting, order ? boosting->held_out : boosting->training, &rows);
    if (status != STATUS_OK) {
        return status;
    }
    *out = platt_fit(&rows, order);
    if (!(out->slope > 0) || !isfinite(out->intercept)) {
        problem_set(boosting->problem,
                    "the trees' order does not tell the label of the held-out rows");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* A leaf's value stands where a condition would, and has no children. */
static void scale_tree(json_t *tree, double slope)
{
    json_t *left = json_object_get(tree, "left_children");
    json_t *conditions = json_object_get(tree, "split_conditions");
    for (size_t i = 0; i < json_array_size(left); i++) {
        if (json_integer_value(json_array_get(left, i)) == -1) {
            double value = json_number_value(json_array_get(conditions, i));
            json_array_set_new(conditions, i, json_real((double)(float)(slope * value)));
        }
    }
}

/* base_score is a probability to binary:logistic, whatever it was to what the trees learnt. */
static void scale_model(json_t *model, const struct platt *platt)
{
    char text[TEXT_SIZE];
    json_t *learner = json_object_get(model, "learner");
    json_t *parameters = json_object_get(learner, "learner_model_param");
    json_t *objective = json_object_get(learner, "objective");
    /* XGBoost takes no more than nine digits, and reads 0.5 where there are more. */
    snprintf(text, sizeof(text), "%.8E", 1 / (1 + exp(-platt->intercept)));
    json_object_set_new(parameters, "base_score", json_string(text));
    json_object_clear(objective);
    json_object_set_new(objective, "name", json_string("binary:logistic"));
    json_object_set_new(objective, "reg_loss_param", json_pack("{s:s}", "scale_pos_weight", "1"));
    json_t *booster = json_object_get(json_object_get(learner, "gradient_booster"), "model");
    json_t *trees = json_object_get(booster, "trees");
    for (size_t i = 0; i < json_array_size(trees); i++) {
        scale_tree(json_array_get(trees, i), platt->slope);
    }
}

static enum status write_scaled(struct boost_result *result, const struct platt *platt)
{
    enum { DIGITS = 9 };
    json_t *model = json_loadb(result->model, result->model_size, 0, NULL);
    if (model == NULL) {
        return STATUS_NO_MEMORY;
    }
    scale_model(model, platt);
    char *text = json_dumps(model, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    json_decref(model);
    if (text == NULL) {
        return STATUS_NO_MEMORY;
    }
    free(result->model);
    result->model = text;
    result->model_size = strlen(text);
    return STATUS_OK;
}

static enum status calibrate(const struct boosting *boosting, struct boost_result *result)
{
    struct platt platt;
    enum status status = find_platt(boosting, &platt);
    if (status == STATUS_OK) {
        status = save(boosting, result);
    }
    if (status == STATUS_OK && (boosting->offsets || boosting->options->objective == BOOST_ORDER)) {
        status = write_scaled(result, &platt);
    }
    result->slope = platt.slope;
    result->intercept = platt.intercept;
    return status;
}

/* ---- all of it ---- */

static enum status train(struct boosting *boosting, const struct boost_source *training,
                         const struct boost_source *held_out, struct boost_result *result)
{
    enum status status = make_matrix(boosting, training, "training", NULL, &boosting->training);
    if (status == STATUS_OK) {
        status =
            make_matrix(boosting, held_out, "held-out", boosting->training, &boosting->held_out);
    }
    if (status == STATUS_OK) {
        status = make_booster(boosting);
    }
    if (status == STATUS_OK) {
        status = run_rounds(boosting, result);
    }
    if (status == STATUS_OK) {
        status = keep_best(boosting, result);
    }
    return status == STATUS_OK ? calibrate(boosting, result) : status;
}

static void release(const struct boosting *boosting)
{
    /* What XGBoost says of these nobody could act on. */
    if (boosting->booster != NULL) {
        (void)XGBoosterFree(boosting->booster);
    }
    if (boosting->held_out != NULL) {
        (void)XGDMatrixFree(boosting->held_out);
    }
    if (boosting->training != NULL) {
        (void)XGDMatrixFree(boosting->training);
    }
}

enum status boost_train(const struct boost_source *training, const struct boost_source *held_out,
                        const struct boost_options *options, struct boost_result *out,
                        struct problem *problem)
{
    struct boosting boosting = {.options = options, .problem = problem};
    struct boost_result result = {.model = NULL};
    CHECK(options->rounds >= 1 && options->rounds <= BOOST_ROUNDS_MAX);
    CHECK(options->depth >= 1 && options->depth <= BOOST_DEPTH_MAX);
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        if (feature_set_has(&options->features, i)) {
            boosting.columns[boosting.column_count++] = (enum feature)i;
        }
    }
    CHECK(boosting.column_count > 0);
    enum status status = train(&boosting, training, held_out, &result);
    release(&boosting);
    if (status != STATUS_OK) {
        free(result.model);
        return status;
    }
    *out = result;
    return STATUS_OK;
}
