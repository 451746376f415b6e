#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/weights_chain.h"
#include "ranker/weights_internal.h"
#include "ranker/weights_merge.h"

enum { KEYS_MAX = WEIGHTS_LOCALES_MAX + WEIGHTS_EXPERIMENTS_MAX * WEIGHTS_TARGETS_MAX };

struct builder {
    const struct layers *layers;
    struct weights *weights;
    struct weights_problems *problems;
    struct model top; /* the defaults and the top level */
    struct merge merge;
};

static int compare_keys(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/*
 * The key of the cell where a locale without a region meets one of a region: "hi" and "und-IN" make
 * hi-IN, "hi-Latn" and "hi-IN" make hi-Latn-IN. 0 where they do not meet.
 */
static uint64_t meet(uint64_t key, uint64_t region_key)
{
    struct locale locale = locale_of_key(key);
    struct locale other = locale_of_key(region_key);
    bool related = other.language == 0 || other.language == locale.language;
    if (locale.region != 0 || other.region == 0 || other.script != 0 || !related) {
        return 0;
    }
    locale.region = other.region;
    return locale_key(locale);
}

/* The locales that the file names: its own, and those where experiments run. */
static size_t list_named(const struct layers *layers, uint64_t out[KEYS_MAX])
{
    size_t count = 0;
    for (unsigned i = 1; i < layers->count; i++) {
        if (layers->keys[i] != 0) {
            out[count++] = layers->keys[i];
        }
    }
    for (unsigned i = 0; i < layers->trial_count; i++) {
        const struct trial *trial = &layers->trials[i];
        memcpy(out + count, trial->targets, trial->target_count * sizeof(out[0]));
        count += trial->target_count;
    }
    CHECK(count <= KEYS_MAX);
    return count;
}

/* How many keys list_cells() writes at most, before it drops those that come again. */
static size_t room_for_cells(size_t named_count)
{
    return 1 + named_count + named_count * named_count;
}

/*
 * Writes the keys of all cells, sorted, each once, 0 first; out has room_for_cells(). With the
 * places where named locales meet, the locales that any locale rests on are those that its most
 * specific cell rests on.
 */
static size_t list_cells(const uint64_t *named, size_t named_count, uint64_t *out)
{
    size_t count = 0;
    out[count++] = 0;
    for (size_t i = 0; i < named_count; i++) {
        out[count++] = named[i];
        for (size_t j = 0; j < named_count; j++) {
            uint64_t key = meet(named[i], named[j]);
            if (key != 0) {
                out[count++] = key;
            }
        }
    }
    qsort(out, count, sizeof(*out), compare_keys);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (out[i] != out[kept - 1]) {
            out[kept++] = out[i];
        }
    }
    return kept;
}

static bool runs_in(const struct experiment *experiment, uint64_t key)
{
    uint64_t keys[CHAIN_COUNT];
    chain_keys(locale_of_key(key), keys);
    for (unsigned i = 0; i < experiment->target_count; i++) {
        for (unsigned j = 0; j < CHAIN_COUNT; j++) {
            if (experiment->targets[i] == keys[j]) {
                return true;
            }
        }
    }
    return experiment->target_count == 0;
}

/* Joins what stands for a combination without its last arm with that arm. */
static const char *join_arms(struct weights_memory *memory, const char *before, const char *label)
{
    size_t size = strlen(before) + 1 + strlen(label) + 1;
    char *text = weights_memory_new(memory, char, size);
    if (text != NULL) {
        snprintf(text, size, "%s%s%s", before, *before != '\0' ? "," : "", label);
    }
    return text;
}

/* The last experiment that has an arm in a combination above 0, and that arm, from 1. */
static unsigned last_arm(const struct builder *builder, const struct plan *plan, size_t combination,
                         unsigned *arm)
{
    unsigned i = plan->count;
    do {
        i--;
        const struct experiment *experiment = &builder->weights->experiments[plan->experiments[i]];
        *arm = (unsigned)(combination / plan->strides[i] % (experiment->arm_count + 1));
    } while (*arm == 0);
    return i;
}

static void name_arms(struct builder *builder, struct plan *plan)
{
    struct weights_memory *memory = &builder->weights->memory;
    plan->arms = weights_memory_new(memory, const char *, plan->combination_count);
    for (size_t i = 0; i < plan->combination_count && !memory->failed; i++) {
        unsigned arm;
        plan->arms[i] = "";
        if (i > 0) {
            unsigned last = last_arm(builder, plan, i, &arm);
            const struct experiment *experiment =
                &builder->weights->experiments[plan->experiments[last]];
            plan->arms[i] = join_arms(memory, plan->arms[i - arm * plan->strides[last]],
                                      experiment->labels[arm - 1]);
        }
    }
}

static unsigned running_in(const struct weights *weights, uint64_t key)
{
    unsigned running = 0;
    for (unsigned i = 0; i < weights->experiment_count; i++) {
        running |= runs_in(&weights->experiments[i], key) ? 1u << i : 0;
    }
    return running;
}

/* Combinations of the experiments, without a plan. At most 9^8. */
static size_t count_combinations(const struct weights *weights, unsigned running)
{
    size_t count = 1;
    for (unsigned i = 0; i < weights->experiment_count; i++) {
        count *= (running >> i & 1) != 0 ? weights->experiments[i].arm_count + 1 : 1;
    }
    return count;
}

/* NULL: no memory. */
static const struct plan *find_plan(struct builder *builder, unsigned running)
{
    struct weights *weights = builder->weights;
    if (weights->plans[running] != NULL) {
        return weights->plans[running];
    }
    struct plan *plan = weights_memory_new(&weights->memory, struct plan, 1);
    if (plan == NULL) {
        return NULL;
    }
    plan->combination_count = 1;
    for (unsigned i = 0; i < weights->experiment_count; i++) {
        if ((running >> i & 1) != 0) {
            plan->experiments[plan->count] = (uint8_t)i;
            plan->strides[plan->count++] = (unsigned)plan->combination_count;
            plan->combination_count *= weights->experiments[i].arm_count + 1;
        }
    }
    name_arms(builder, plan);
    weights->plans[running] = plan;
    return plan;
}

static void check_bound(struct builder *builder, const struct model *model, unsigned number)
{
    const struct layer *layer = builder->layers->items[number];
    double bound = weights_score_bound(model);
    if (bound >= WEIGHTS_SCORE_MAX && !weights_complained(builder->problems, layer->at)) {
        char path[PATH_SIZE];
        snprintf(path, sizeof(path), "%smultipliers", layer->prefix);
        weights_complain(
            builder->problems, layer->at, path,
            "scores could reach %.0f; lower value or multipliers until they stay below %.0f", bound,
            WEIGHTS_SCORE_MAX);
    }
}

/* Blames the cell's own locale, or the most specific one that still found room. */
static void complain_chain(struct builder *builder, uint64_t key, const struct chain *chain)
{
    unsigned number = chain->layers[chain->count - 1];
    for (unsigned i = 1; i < builder->layers->count; i++) {
        number = builder->layers->keys[i] == key ? i : number;
    }
    const struct layer *layer = builder->layers->items[number];
    if (!weights_complained(builder->problems, layer->at)) {
        char path[PATH_SIZE];
        snprintf(path, sizeof(path), "locales.%s", layer->name);
        weights_complain(
            builder->problems, layer->at, path,
            "more than %d locales stand for this one, by its tag and by inherit; inherit less",
            WEIGHTS_RESTS_MAX);
    }
}

/* The model of a cell's users who are in no experiment. */
static void build_base(struct builder *builder, struct cell *cell, struct model *model)
{
    struct chain chain;
    *model = builder->top;
    if (!chain_find(builder->layers, cell->key, &chain)) {
        complain_chain(builder, cell->key, &chain);
        return;
    }
    for (unsigned i = 0; i < chain.count; i++) {
        merge_layer(&builder->merge, chain.layers[i], model);
    }
    cell->listed = chain.count > 0;
    check_bound(builder, model, chain.count > 0 ? chain.layers[chain.count - 1] : 0);
}

/* Each combination is one without its last arm, which is made before it, and that arm's layer. */
static void build_arms(struct builder *builder, struct cell *cell)
{
    const struct plan *plan = cell->plan;
    for (size_t i = 1; i < plan->combination_count; i++) {
        unsigned arm;
        unsigned last = last_arm(builder, plan, i, &arm);
        const struct trial *trial = &builder->layers->trials[plan->experiments[last]];
        unsigned layer = trial->first_arm + arm - 1;
        cell->models[i] = cell->models[i - arm * plan->strides[last]];
        merge_layer(&builder->merge, layer, &cell->models[i]);
        check_bound(builder, &cell->models[i], layer);
    }
}

static void build_cell(struct builder *builder, struct cell *cell)
{
    struct weights *weights = builder->weights;
    cell->plan = find_plan(builder, running_in(weights, cell->key));
    if (cell->plan == NULL) {
        return;
    }
    cell->models =
        weights_memory_new(&weights->memory, struct model, cell->plan->combination_count);
    if (cell->models != NULL) {
        build_base(builder, cell, &cell->models[0]);
        build_arms(builder, cell);
    }
}

/* Complains where there would be too many models, and is true. */
static bool complain_models(struct builder *builder, const uint64_t *keys, size_t count)
{
    const struct layer *top = builder->layers->items[0];
    size_t experiments = weights_row_index(weights_row_find("experiments", WEIGHTS_TOP));
    size_t models = 0;
    for (size_t i = 0; i < count; i++) {
        models += count_combinations(builder->weights, running_in(builder->weights, keys[i]));
    }
    if (models > WEIGHTS_MODELS_MAX) {
        weights_complain(
            builder->problems, top->said[experiments], "experiments",
            "one model for each locale and combination of arms makes %zu; allowed: %d; "
            "run fewer experiments at once, or in fewer locales",
            models, WEIGHTS_MODELS_MAX);
        return true;
    }
    return false;
}

static void build_cells(struct builder *builder, const uint64_t *keys, size_t count)
{
    struct weights *weights = builder->weights;
    weights->cells = weights_memory_new(&weights->memory, struct cell, count);
    weights->cell_count = weights->cells != NULL ? count : 0;
    for (size_t i = 0; i < weights->cell_count && !weights->memory.failed; i++) {
        weights->cells[i].key = keys[i];
        build_cell(builder, &weights->cells[i]);
    }
}

static void build_experiment(const struct layers *layers, const struct trial *trial,
                             struct experiment *out)
{
    struct text salt = {.data = trial->salt, .size = trial->salt_size};
    double sum = 0;
    if (salt.size == 0) {
        salt = text_of(trial->layer->name);
    }
    memcpy(out->name, trial->layer->name, sizeof(out->name));
    out->seed = XXH3_64bits(salt.data, salt.size);
    out->target_count = trial->target_count;
    memcpy(out->targets, trial->targets, sizeof(out->targets));
    out->arm_count = trial->arm_count;
    for (unsigned i = 0; i < trial->arm_count; i++) {
        const struct layer *arm = layers->items[trial->first_arm + i];
        sum += arm->share;
        out->bounds[i] = fabs(sum - 1) <= SHARES_TOLERANCE ? 1 : sum;
        snprintf(out->labels[i], sizeof(out->labels[i]), "%s/%s", trial->layer->name, arm->name);
    }
}

static void build_all(struct builder *builder, const uint64_t *keys, size_t count)
{
    if (complain_models(builder, keys, count)) {
        return;
    }
    weights_model_init(&builder->top);
    merge_layer(&builder->merge, 0, &builder->top);
    build_cells(builder, keys, count);
    merge_complain_unused(&builder->merge);
}

enum status weights_build(const struct layers *layers, struct weights *weights,
                          struct weights_problems *problems)
{
    uint64_t named[KEYS_MAX];
    chain_check(layers, problems);
    if (problems->count > 0) {
        return STATUS_INVALID;
    }
    weights->has_locales = layers->locale_count > 0;
    weights->experiment_count = layers->trial_count;
    for (unsigned i = 0; i < layers->trial_count; i++) {
        build_experiment(layers, &layers->trials[i], &weights->experiments[i]);
    }
    size_t named_count = list_named(layers, named);
    uint64_t *keys = calloc(room_for_cells(named_count), sizeof(*keys));
    struct builder *builder = calloc(1, sizeof(*builder));
    if (keys == NULL || builder == NULL) {
        weights->memory.failed = true;
    } else {
        builder->layers = layers;
        builder->weights = weights;
        builder->problems = problems;
        builder->merge.layers = layers;
        builder->merge.memory = &weights->memory;
        builder->merge.problems = problems;
        build_all(builder, keys, list_cells(named, named_count, keys));
    }
    free(keys);
    free(builder);
    return weights->memory.failed ? STATUS_NO_MEMORY
           : problems->count > 0  ? STATUS_INVALID
                                  : STATUS_OK;
}
