#include "ranker/weights.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "ranker/hash.h"
#include "ranker/weights_read.h"
#include "ranker/weights_table.h"

/* The model of one locale, or of all locales that end their chain there. */
struct cell {
    uint64_t key;
    struct model model;
};

struct weights {
    char version[VERSION_NAME_MAX + 1 + 16 + 1];
    struct model fallback;
    size_t cell_count;
    struct cell *cells; /* owned; sorted by key */
};

static struct locale unpack(uint64_t key)
{
    return (struct locale){.language = (uint16_t)(key >> 36),
                           .script = (uint32_t)(key >> 16 & 0xfffff),
                           .region = (uint16_t)key};
}

/* The keys of a locale's chain, least specific first, without the default. */
enum { CHAIN_COUNT = 5 };
static void chain(struct locale locale, uint64_t out[CHAIN_COUNT])
{
    struct locale region = {.region = locale.region};
    struct locale language = {.language = locale.language};
    struct locale language_region = {.language = locale.language, .region = locale.region};
    struct locale language_script = {.language = locale.language, .script = locale.script};
    out[0] = locale_key(region);
    out[1] = locale_key(language);
    out[2] = locale_key(language_region);
    out[3] = locale_key(language_script);
    out[4] = locale_key(locale);
}

/* Problems in file order; those found late, such as a missing version, move up. */
static void sort_problems(struct weights_problems *problems)
{
    for (unsigned i = 1; i < problems->count; i++) {
        struct weights_problem problem = problems->items[i];
        unsigned at = i;
        while (at > 0) {
            const struct weights_problem *before = &problems->items[at - 1];
            if (before->line < problem.line ||
                (before->line == problem.line && before->column <= problem.column)) {
                break;
            }
            problems->items[at] = *before;
            at--;
        }
        problems->items[at] = problem;
    }
}

static const struct layer *find_layer(const struct layers *layers, uint64_t key)
{
    for (size_t i = 1; i < layers->count; i++) {
        if (layers->items[i].key == key) {
            return &layers->items[i];
        }
    }
    return NULL;
}

static void apply_layer(struct model *model, const struct layer *layer)
{
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        if (layer->lines[i] != 0) {
            weights_model_set(model, weights_row_at(i),
                              weights_model_get(&layer->model, weights_row_at(i)));
        }
    }
}

static void check_bound(const struct model *model, const struct layer *layer,
                        struct weights_problems *problems)
{
    double bound = weights_score_bound(model);
    const struct weights_problem *last =
        problems->count > 0 ? &problems->items[problems->count - 1] : NULL;
    bool said = last != NULL && last->line == layer->line && last->column == layer->column;
    if (bound >= WEIGHTS_SCORE_MAX && !said) {
        char path[PATH_SIZE];
        snprintf(path, sizeof(path), "%smultipliers", layer->prefix);
        weights_complain(
            problems, layer->line, layer->column, path,
            "scores could reach %.0f; lower value or multipliers until they stay below %.0f", bound,
            WEIGHTS_SCORE_MAX);
    }
}

/* Fills a cell's model from the layers of its chain. */
static void build_cell(const struct layers *layers, const struct weights *weights,
                       struct cell *cell, struct weights_problems *problems)
{
    uint64_t keys[CHAIN_COUNT];
    const struct layer *last = &layers->items[0];
    chain(unpack(cell->key), keys);
    cell->model = weights->fallback;
    for (size_t i = 0; i < CHAIN_COUNT; i++) {
        bool repeated = i > 0 && keys[i] == keys[i - 1];
        const struct layer *layer = repeated ? NULL : find_layer(layers, keys[i]);
        if (layer != NULL) {
            apply_layer(&cell->model, layer);
            last = layer;
        }
    }
    check_bound(&cell->model, last, problems);
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/*
 * The key of the cell where a layer without a region meets one of a region: "hi" and "und-IN" make
 * hi-IN, "hi-Latn" and "hi-IN" make hi-Latn-IN. 0 where they do not meet.
 */
static uint64_t meet(uint64_t key, uint64_t region_key)
{
    struct locale locale = unpack(key);
    struct locale other = unpack(region_key);
    bool related = other.language == 0 || other.language == locale.language;
    if (locale.region != 0 || other.region == 0 || other.script != 0 || !related) {
        return 0;
    }
    locale.region = other.region;
    return locale_key(locale);
}

/* Writes the keys of all cells, sorted, each once; out has room for count * count. */
static size_t list_cells(const struct layers *layers, uint64_t *out)
{
    size_t count = 0;
    for (size_t i = 1; i < layers->count; i++) {
        out[count++] = layers->items[i].key;
        for (size_t j = 1; j < layers->count; j++) {
            uint64_t key = meet(layers->items[i].key, layers->items[j].key);
            if (key != 0) {
                out[count++] = key;
            }
        }
    }
    qsort(out, count, sizeof(*out), compare_keys);
    size_t kept = count > 0 ? 1 : 0;
    for (size_t i = 1; i < count; i++) {
        if (out[i] != out[kept - 1]) {
            out[kept++] = out[i];
        }
    }
    return kept;
}

static enum status build_cells(const struct layers *layers, struct weights *weights,
                               struct weights_problems *problems)
{
    uint64_t *keys = calloc(layers->count * layers->count, sizeof(*keys));
    if (keys == NULL) {
        return STATUS_NO_MEMORY;
    }
    size_t count = list_cells(layers, keys);
    weights->cells = calloc(count + 1, sizeof(*weights->cells)); /* never of size 0 */
    if (weights->cells != NULL) {
        weights->cell_count = count;
        for (size_t i = 0; i < count; i++) {
            weights->cells[i].key = keys[i];
            build_cell(layers, weights, &weights->cells[i], problems);
        }
    }
    free(keys);
    return weights->cells != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status build(const struct layers *layers, struct text yaml, struct weights *weights,
                         struct weights_problems *problems)
{
    snprintf(weights->version, sizeof(weights->version), "%s@%016llx", layers->name,
             (unsigned long long)XXH3_64bits(yaml.data, yaml.size));
    weights_model_init(&weights->fallback);
    apply_layer(&weights->fallback, &layers->items[0]);
    check_bound(&weights->fallback, &layers->items[0], problems);
    enum status status = build_cells(layers, weights, problems);
    if (status == STATUS_OK && problems->count > 0) {
        status = STATUS_INVALID;
    }
    return status;
}

static enum status parse(struct text yaml, struct layers *layers, struct weights *weights,
                         struct weights_problems *problems)
{
    enum status status = weights_read(yaml, layers, problems);
    if (status == STATUS_OK) {
        status = build(layers, yaml, weights, problems);
    }
    sort_problems(problems);
    return status;
}

enum status weights_parse(struct text yaml, struct weights **out, struct weights_problems *problems)
{
    problems->count = 0;
    locale_t before = uselocale((locale_t)0);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    struct layers *layers = calloc(1, sizeof(*layers));
    struct weights *weights = calloc(1, sizeof(*weights));
    enum status status = STATUS_NO_MEMORY;
    if (plain != (locale_t)0 && layers != NULL && weights != NULL) {
        uselocale(plain); /* "0.5" is a half whatever LC_NUMERIC says */
        status = parse(yaml, layers, weights, problems);
        uselocale(before);
    }
    if (plain != (locale_t)0) {
        freelocale(plain);
    }
    free(layers);
    if (status != STATUS_OK) {
        problems->count = status == STATUS_INVALID ? problems->count : 0;
        weights_free(weights);
        return status;
    }
    *out = weights;
    return STATUS_OK;
}

void weights_free(struct weights *weights)
{
    if (weights != NULL) {
        free(weights->cells);
        free(weights);
    }
}

const char *weights_version(const struct weights *weights)
{
    return weights->version;
}

static const struct cell *find_cell(const struct weights *weights, uint64_t key)
{
    size_t low = 0;
    size_t high = weights->cell_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (weights->cells[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < weights->cell_count && weights->cells[low].key == key;
    return found ? &weights->cells[low] : NULL;
}

const struct model *weights_model(const struct weights *weights, struct locale locale)
{
    uint64_t keys[CHAIN_COUNT];
    chain(locale, keys);
    for (size_t i = CHAIN_COUNT; i-- > 0;) {
        const struct cell *cell = find_cell(weights, keys[i]);
        if (cell != NULL) {
            return &cell->model;
        }
    }
    return &weights->fallback;
}

const struct model *weights_model_at(const struct weights *weights, size_t index,
                                     struct locale *out)
{
    if (index > weights->cell_count) {
        return NULL;
    }
    *out = index > 0 ? unpack(weights->cells[index - 1].key) : (struct locale){0};
    return index > 0 ? &weights->cells[index - 1].model : &weights->fallback;
}
