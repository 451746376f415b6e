#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <xgboost/c_api.h>

#include "ranker/check.h"
#include "ranker/random.h"
#include "ranker/rank.h"
#include "ranker/trees.h"
#include "tests/bench/program.h"
#include "tests/bench/samples.h"
#include "tests/bench/small_state.h"

/*
 * What trees cost a candidate: the code that serves beside XGBoost's own prediction in this
 * process, in turns, on the same models and rows. Models may read all features, and a fifth of all
 * values is missing. XGBoost predicts in two ways, with one thread, and the cheaper one counts.
 * Then what a whole rank() costs with such a head, and with a logistic one that reads the same
 * features.
 */

enum {
    TRAIN_ROWS = 20000,
    ROWS = 4000,
    MODELS = 6,
    BATCHES = 3,
    CANDIDATES = 500,
    WORK = 400000, /* predictions by one tree in a measurement, about */
    ARENA_BYTES = 8 << 20
};

static const unsigned tree_counts[] = {50, 100, 300};
static const unsigned depths[] = {4, 6};
static const size_t batch_sizes[] = {CANDIDATES, 100, 16};

struct options {
    int64_t rounds;
    bool json;
};

static const struct argument arguments[] = {
    {.name = "rounds",
     .value_name = "N",
     .help = "measurements of each kind, in turns",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, rounds),
     .initial = "15",
     .minimum = 1,
     .maximum = 10000},
    {.name = "json",
     .help = "print the report as JSON",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, json)},
};

static const struct program program = {
    .summary = "Times trees beside XGBoost's own prediction, and in a whole rank().",
    .examples = "  ./dev bench trees\n  ./dev bench trees --rounds 50 --json\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

/* ns for a tree and a candidate, of processor time. */
enum way { WAY_SERVED, WAY_IN_PLACE, WAY_MATRIX, WAY_COUNT };

struct cell {
    size_t batch;
    struct samples ns[WAY_COUNT];
};

/* Of the head that is looked at, while the others are of kind rate. */
enum ranked { RANKED_RATE, RANKED_LOGISTIC, RANKED_TREES, RANKED_COUNT };

struct measured {
    unsigned trees;
    unsigned depth;
    BoosterHandle booster;
    struct trees *parsed;
    double difference; /* the largest between the two, over all rows */
    struct cell cells[BATCHES];
    struct weights *weights[RANKED_COUNT];
    struct samples rank_ns[RANKED_COUNT]; /* a candidate */
};

struct bench {
    float *rows;     /* ROWS, as XGBoost reads them */
    double *columns; /* the same in blocks of columns, as the ranker has them */
    struct measured models[MODELS];
    struct state *state;
    struct arena arena;
    uint64_t keys[CANDIDATES];
};

#define XGB(call)                             \
    do {                                      \
        if ((call) != 0) {                    \
            give_up("%s", XGBGetLastError()); \
        }                                     \
    } while (0)

/* ---- rows and models ---- */

/* Some columns come in steps, as counts do. */
static float *make_rows(size_t count, uint64_t seed)
{
    float *rows = malloc(count * FEATURE_COUNT * sizeof(*rows));
    CHECK(rows != NULL);
    struct random random = {seed};
    for (size_t i = 0; i < count * FEATURE_COUNT; i++) {
        double value = random_unit(&random);
        value = i % 3 == 0 ? floor(16 * value) / 16 : value;
        rows[i] = random_chance(&random, 0.2) ? NAN : (float)value;
    }
    return rows;
}

static float *make_labels(const float *rows, uint64_t seed)
{
    float *labels = malloc(TRAIN_ROWS * sizeof(*labels));
    CHECK(labels != NULL);
    struct random random = {seed};
    for (size_t i = 0; i < TRAIN_ROWS; i++) {
        const float *row = &rows[i * FEATURE_COUNT];
        double margin = -1;
        for (unsigned j = 0; j + 1 < FEATURE_COUNT; j += 3) {
            margin += isnan(row[j]) ? 0.1 : (row[j] - 0.5) * (row[j + 1] > 0.4 ? 2 : -1);
        }
        labels[i] = random_chance(&random, 1 / (1 + exp(-margin)));
    }
    return labels;
}

static BoosterHandle learn(DMatrixHandle matrix, unsigned depth, unsigned trees)
{
    static const char *const parameters[][2] = {{"objective", "binary:logistic"},
                                                {"tree_method", "hist"},
                                                {"nthread", "1"},
                                                {"eta", "0.1"},
                                                {"subsample", "0.8"},
                                                {"colsample_bytree", "0.8"},
                                                {"verbosity", "0"}};
    const char *names[FEATURE_COUNT];
    char text[16];
    BoosterHandle booster;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        names[i] = feature_name((enum feature)i);
    }
    XGB(XGBoosterCreate(&matrix, 1, &booster));
    XGB(XGBoosterSetStrFeatureInfo(booster, "feature_name", names, FEATURE_COUNT));
    snprintf(text, sizeof(text), "%u", depth);
    XGB(XGBoosterSetParam(booster, "max_depth", text));
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        XGB(XGBoosterSetParam(booster, parameters[i][0], parameters[i][1]));
    }
    for (unsigned i = 0; i < trees; i++) {
        XGB(XGBoosterUpdateOneIter(booster, (int)i, matrix));
    }
    return booster;
}

static struct trees *parse(BoosterHandle booster)
{
    struct problem problem;
    struct trees *trees = NULL;
    const char *json;
    bst_ulong size;
    XGB(XGBoosterSaveModelToBuffer(booster, "{\"format\": \"json\"}", &size, &json));
    if (trees_parse((struct text){json, size}, &trees, &problem) != STATUS_OK) {
        give_up("%s", problem.text);
    }
    return trees;
}

/* A model read from a file knows nothing of the rows it was trained with, which it would otherwise
 * keep predictions of. */
static BoosterHandle reload(BoosterHandle booster)
{
    BoosterHandle read;
    const char *json;
    bst_ulong size;
    XGB(XGBoosterSaveModelToBuffer(booster, "{\"format\": \"json\"}", &size, &json));
    XGB(XGBoosterCreate(NULL, 0, &read));
    XGB(XGBoosterLoadModelFromBuffer(read, json, size));
    XGB(XGBoosterSetParam(read, "nthread", "1"));
    XGB(XGBoosterFree(booster));
    return read;
}

static void make_models(struct bench *bench)
{
    float *rows = make_rows(TRAIN_ROWS, 1);
    float *labels = make_labels(rows, 2);
    DMatrixHandle matrix;
    XGB(XGDMatrixCreateFromMat_omp(rows, TRAIN_ROWS, FEATURE_COUNT, NAN, &matrix, 1));
    XGB(XGDMatrixSetFloatInfo(matrix, "label", labels, TRAIN_ROWS));
    for (size_t i = 0; i < MODELS; i++) {
        struct measured *model = &bench->models[i];
        model->trees = tree_counts[i / 2];
        model->depth = depths[i % 2];
        model->booster = reload(learn(matrix, model->depth, model->trees));
        model->parsed = parse(model->booster);
        for (size_t j = 0; j < BATCHES; j++) {
            model->cells[j].batch = batch_sizes[j];
        }
    }
    XGB(XGDMatrixFree(matrix));
    free(rows);
    free(labels);
}

static void make_columns(struct bench *bench)
{
    bench->columns = malloc((size_t)ROWS * FEATURE_COUNT * sizeof(*bench->columns));
    CHECK(bench->columns != NULL);
    for (size_t i = 0; i < ROWS; i++) {
        double *block = &bench->columns[i / TREES_BLOCK * TREES_BLOCK * FEATURE_COUNT];
        for (size_t j = 0; j < FEATURE_COUNT; j++) {
            block[j * TREES_BLOCK + i % TREES_BLOCK] = bench->rows[i * FEATURE_COUNT + j];
        }
    }
}
_Static_assert(ROWS % TREES_BLOCK == 0, "blocks are full");

/* ---- predictions ---- */

static double cpu_ns(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Rows from begin on, which is a block's first. */
static void predict_served(const struct bench *bench, const struct trees *trees, size_t begin,
                           size_t count, double *out)
{
    for (size_t at = 0; at < count; at += TREES_BLOCK) {
        const double *columns[FEATURE_COUNT];
        const double *block = &bench->columns[(begin + at) * FEATURE_COUNT];
        size_t left = count - at;
        for (unsigned j = 0; j < FEATURE_COUNT; j++) {
            columns[j] = block + (size_t)j * TREES_BLOCK;
        }
        trees_predict(trees, columns, left < TREES_BLOCK ? left : TREES_BLOCK, out + at);
    }
}

static const char config[] =
    "{\"type\": 0, \"training\": false, \"iteration_begin\": 0, \"iteration_end\": 0, "
    "\"strict_shape\": false, \"missing\": NaN, \"cache_id\": 0}";

static const float *predict_in_place(const struct bench *bench, BoosterHandle booster, size_t begin,
                                     size_t count)
{
    char array[160];
    const bst_ulong *shape;
    bst_ulong dimensions;
    const float *out;
    snprintf(array, sizeof(array),
             "{\"data\": [%" PRIuPTR ", true], \"shape\": [%zu, %d], \"typestr\": \"<f4\", "
             "\"version\": 3}",
             (uintptr_t)&bench->rows[begin * FEATURE_COUNT], count, FEATURE_COUNT);
    XGB(XGBoosterPredictFromDense(booster, array, config, NULL, &shape, &dimensions, &out));
    return out;
}

/* How many batches make a measurement, so that the clock's grain does not matter. */
static size_t repeats(const struct measured *model, size_t batch)
{
    size_t count = WORK / (model->trees * batch);
    return count > 0 ? count : 1;
}

/* The beginning of a batch, aligned to blocks, so that no two in a row have the same rows. */
static size_t begin_of(size_t index, size_t batch)
{
    size_t blocks = (batch + TREES_BLOCK - 1) / TREES_BLOCK;
    size_t batches = ROWS / TREES_BLOCK / blocks;
    return index % batches * blocks * TREES_BLOCK;
}

static double time_served(const struct bench *bench, const struct measured *model, size_t batch)
{
    double out[CANDIDATES + TREES_BLOCK];
    size_t count = repeats(model, batch);
    double start = cpu_ns();
    for (size_t i = 0; i < count; i++) {
        predict_served(bench, model->parsed, begin_of(i, batch), batch, out);
    }
    return (cpu_ns() - start) / (double)(count * batch * model->trees);
}

static double time_in_place(const struct bench *bench, const struct measured *model, size_t batch)
{
    size_t count = repeats(model, batch);
    double start = cpu_ns();
    for (size_t i = 0; i < count; i++) {
        (void)predict_in_place(bench, model->booster, begin_of(i, batch), batch);
    }
    return (cpu_ns() - start) / (double)(count * batch * model->trees);
}

/* Without the making of the matrix, which is used once, since XGBoost keeps its predictions. */
static double time_matrix(const struct bench *bench, const struct measured *model, size_t batch)
{
    size_t count = repeats(model, batch);
    double took = 0;
    for (size_t i = 0; i < count; i++) {
        DMatrixHandle matrix;
        const bst_ulong *shape;
        bst_ulong dimensions;
        const float *out;
        const float *rows = &bench->rows[begin_of(i, batch) * FEATURE_COUNT];
        XGB(XGDMatrixCreateFromMat_omp(rows, batch, FEATURE_COUNT, NAN, &matrix, 1));
        double start = cpu_ns();
        XGB(XGBoosterPredictFromDMatrix(model->booster, matrix, config, &shape, &dimensions, &out));
        took += cpu_ns() - start;
        XGB(XGDMatrixFree(matrix));
    }
    return took / (double)(count * batch * model->trees);
}

static void compare(const struct bench *bench, struct measured *model)
{
    static double got[ROWS];
    const float *want = predict_in_place(bench, model->booster, 0, ROWS);
    predict_served(bench, model->parsed, 0, ROWS, got);
    for (size_t i = 0; i < ROWS; i++) {
        model->difference = fmax(model->difference, fabs(got[i] - (double)want[i]));
    }
    if (!(model->difference <= 1e-6)) {
        give_up("%u trees of depth %u: predictions differ by %g", model->trees, model->depth,
                model->difference);
    }
}

static void measure_predictions(const struct bench *bench, struct measured *model)
{
    for (size_t i = 0; i < BATCHES; i++) {
        struct cell *cell = &model->cells[i];
        samples_add(&cell->ns[WAY_SERVED], time_served(bench, model, cell->batch));
        samples_add(&cell->ns[WAY_IN_PLACE], time_in_place(bench, model, cell->batch));
        samples_add(&cell->ns[WAY_MATRIX], time_matrix(bench, model, cell->batch));
    }
}

/* ---- rank() ---- */

static enum status give_model(void *context, const char *name, struct text *out,
                              struct problem *problem)
{
    const char *json;
    bst_ulong size;
    (void)name;
    (void)problem;
    XGB(XGBoosterSaveModelToBuffer(context, "{\"format\": \"json\"}", &size, &json));
    *out = (struct text){json, size};
    return STATUS_OK;
}

/* A logistic head with a weight for each feature that the trees read. */
static void write_logistic(FILE *file, const struct trees *trees)
{
    fputs("{kind: logistic, bias: -1, weights: {", file);
    for (unsigned i = 0; i < trees_feature_count(trees); i++) {
        fprintf(file, "%s%s: 0.001", i > 0 ? ", " : "", feature_name(trees_feature(trees, i)));
    }
    fputs("}}", file);
}

static void write_weights(FILE *file, const struct trees *trees, enum ranked ranked)
{
    fputs("version: bench\nvalue: {long_view: 1}\nheads:\n  long_view: ", file);
    switch (ranked) {
    case RANKED_LOGISTIC:
        write_logistic(file, trees);
        break;
    case RANKED_TREES:
        fputs("{kind: trees, model: model.json}", file);
        break;
    default:
        fputs("{kind: rate}", file);
    }
    fputs("\n", file);
}

static struct weights *parse_weights(const struct measured *model, enum ranked ranked)
{
    static struct weights_problems problems;
    char *yaml = NULL;
    size_t size = 0;
    struct weights *weights = NULL;
    const struct weights_loader loader = {.load = give_model, .context = model->booster};
    FILE *file = open_memstream(&yaml, &size);
    CHECK(file != NULL);
    write_weights(file, model->parsed, ranked);
    CHECK(fclose(file) == 0);
    if (weights_parse_with((struct text){yaml, size}, &loader, &weights, &problems) != STATUS_OK) {
        give_up("%s: %s", problems.items[0].path, problems.items[0].message);
    }
    free(yaml);
    return weights;
}

static void rank_once(struct bench *bench, const struct weights *weights)
{
    const struct rank_request request = {
        .user_key = SMALL_STATE_USER,
        .locale = {.language = SMALL_STATE_HINDI, .region = SMALL_STATE_INDIA},
        .age_years = 30,
        .count = CANDIDATES,
        .keys = bench->keys,
        .now_ms = SMALL_STATE_NOW_MS,
    };
    struct rank_result result;
    arena_reset(&bench->arena);
    CHECK(rank(bench->state, weights_model(weights, request.locale), &request, &bench->arena,
               &result) == STATUS_OK);
    if (result.count != CANDIDATES) {
        give_up("%zu candidates were dropped, the first by rule %d", result.dropped_count,
                (int)result.dropped_rules[0]);
    }
}

static double time_rank(struct bench *bench, const struct weights *weights)
{
    enum { REPEATS = 10 };
    double start = cpu_ns();
    for (int i = 0; i < REPEATS; i++) {
        rank_once(bench, weights);
    }
    return (cpu_ns() - start) / (REPEATS * CANDIDATES);
}

static void measure_rank(struct bench *bench, struct measured *model)
{
    for (int i = 0; i < RANKED_COUNT; i++) {
        samples_add(&model->rank_ns[i], time_rank(bench, model->weights[i]));
    }
}

static void open_rank(struct bench *bench)
{
    void *memory = malloc(ARENA_BYTES);
    CHECK(memory != NULL);
    arena_init(&bench->arena, memory, ARENA_BYTES);
    bench->state = small_state_new();
    for (uint64_t i = 0; i < CANDIDATES; i++) {
        bench->keys[i] = small_state_key(i);
    }
    for (size_t i = 0; i < MODELS; i++) {
        for (int j = 0; j < RANKED_COUNT; j++) {
            bench->models[i].weights[j] = parse_weights(&bench->models[i], (enum ranked)j);
        }
    }
}
_Static_assert((int)CANDIDATES <= (int)SMALL_STATE_VIDEOS, "each candidate is another video");

/* ---- the report ---- */

static json_t *cell_json(struct cell *cell)
{
    double ns[WAY_COUNT];
    for (int way = 0; way < WAY_COUNT; way++) {
        ns[way] = samples_quantile(&cell->ns[way], 0.5);
    }
    double best = fmin(ns[WAY_IN_PLACE], ns[WAY_MATRIX]);
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "batch", (json_int_t)cell->batch,
                     "xgboost_over_served", best / ns[WAY_SERVED], "served_ns", ns[WAY_SERVED],
                     "served_p90_ns", samples_quantile(&cell->ns[WAY_SERVED], 0.9), "in_place_ns",
                     ns[WAY_IN_PLACE], "matrix_ns", ns[WAY_MATRIX]);
}

static json_t *model_json(struct measured *model)
{
    json_t *cells = json_array();
    for (size_t i = 0; i < BATCHES; i++) {
        json_array_append_new(cells, cell_json(&model->cells[i]));
    }
    json_t *rank_ns =
        json_pack("{s:f, s:f, s:f}", "rate", samples_quantile(&model->rank_ns[RANKED_RATE], 0.5),
                  "logistic", samples_quantile(&model->rank_ns[RANKED_LOGISTIC], 0.5), "trees",
                  samples_quantile(&model->rank_ns[RANKED_TREES], 0.5));
    return json_pack("{s:i, s:i, s:i, s:f, s:o, s:o}", "trees", (int)model->trees, "depth",
                     (int)model->depth, "features", (int)trees_feature_count(model->parsed),
                     "largest_difference", model->difference, "batches", cells, "rank_ns", rank_ns);
}

static json_t *report_json(struct bench *bench, double busy)
{
    json_t *models = json_array();
    for (size_t i = 0; i < MODELS; i++) {
        json_array_append_new(models, model_json(&bench->models[i]));
    }
    return json_pack("{s:f, s:o}", "processor_share", busy, "models", models);
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static void print_predictions(const json_t *model)
{
    const json_t *batches = json_object_get(model, "batches");
    for (size_t i = 0; i < json_array_size(batches); i++) {
        const json_t *cell = json_array_get(batches, i);
        printf("%6.0f%6.0f%7.0f%15.1f%13.2f%13.2f%13.2f%13.2f\n", number(model, "trees"),
               number(model, "depth"), number(cell, "batch"), number(cell, "xgboost_over_served"),
               number(cell, "served_ns"), number(cell, "served_p90_ns"),
               number(cell, "in_place_ns"), number(cell, "matrix_ns"));
    }
}

static void print_rank(const json_t *model)
{
    const json_t *rank_ns = json_object_get(model, "rank_ns");
    double logistic = number(rank_ns, "logistic");
    double trees = number(rank_ns, "trees");
    printf("%6.0f%6.0f%10.0f%18.1f%12.0f%12.0f%12.0f%14.2f\n", number(model, "trees"),
           number(model, "depth"), number(model, "features"), trees / logistic,
           number(rank_ns, "rate"), logistic, trees, (trees - logistic) / number(model, "trees"));
}

static void print_text(const json_t *report)
{
    const json_t *models = json_object_get(report, "models");
    printf("Prediction, ns for a tree and a candidate\n\n%6s%6s%7s%15s%13s%13s%13s%13s\n", "trees",
           "depth", "batch", "XGBoost / here", "here", "here, p90", "in place", "matrix");
    for (size_t i = 0; i < json_array_size(models); i++) {
        print_predictions(json_array_get(models, i));
    }
    printf("\nrank() of %d candidates, ns a candidate, by the kind of one head\n\n"
           "%6s%6s%10s%18s%12s%12s%12s%14s\n",
           CANDIDATES, "trees", "depth", "features", "trees / logistic", "rate", "logistic",
           "trees", "more a tree");
    for (size_t i = 0; i < json_array_size(models); i++) {
        print_rank(json_array_get(models, i));
    }
    printf("\nPredictions are equal within %.1g. This process had %.0f %% of a processor.\n",
           number(json_array_get(models, 0), "largest_difference"),
           100 * number(report, "processor_share"));
}

static void print(const json_t *report, bool json)
{
    if (json) {
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        printf("\n");
    } else {
        print_text(report);
    }
}

/* ---- all of it ---- */

/* The share of a processor that the measurements had: below 1 where others wanted it too. */
static double measure_all(struct bench *bench, int64_t rounds)
{
    int64_t start_ns = program_now_ns();
    double start = cpu_ns();
    for (int64_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < MODELS; i++) {
            measure_predictions(bench, &bench->models[i]);
            measure_rank(bench, &bench->models[i]);
        }
    }
    return (cpu_ns() - start) / (double)(program_now_ns() - start_ns);
}

static void release(struct bench *bench)
{
    for (size_t i = 0; i < MODELS; i++) {
        struct measured *model = &bench->models[i];
        XGB(XGBoosterFree(model->booster));
        trees_free(model->parsed);
        for (size_t j = 0; j < BATCHES; j++) {
            for (int way = 0; way < WAY_COUNT; way++) {
                samples_release(&model->cells[j].ns[way]);
            }
        }
        for (int j = 0; j < RANKED_COUNT; j++) {
            weights_unref(model->weights[j]);
            samples_release(&model->rank_ns[j]);
        }
    }
    state_free(bench->state);
    free(bench->arena.base);
    free(bench->rows);
    free(bench->columns);
    free(bench);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    program_options(&program, argc, argv, &options);
    struct bench *bench = calloc(1, sizeof(*bench));
    CHECK(bench != NULL);
    bench->rows = make_rows(ROWS, 3);
    make_columns(bench);
    make_models(bench);
    open_rank(bench);
    for (size_t i = 0; i < MODELS; i++) {
        compare(bench, &bench->models[i]);
    }
    json_t *report = report_json(bench, measure_all(bench, options.rounds));
    CHECK(report != NULL);
    print(report, options.json);
    json_decref(report);
    release(bench);
    return 0;
}
