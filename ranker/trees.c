#include "ranker/trees.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"

/*
 * A node goes to child or to the next one, so siblings lie side by side. A leaf goes to itself
 * whatever it reads, since nothing compares with NaN, so that all rows take as many steps as the
 * tree is deep, without branches.
 */
struct node {
    float condition; /* a row goes to child unless its value is at least this; of a leaf: NaN */
    uint16_t slot;   /* of the value, among the features that are read */
    uint16_t missing_goes_right;
    uint32_t child;
};

struct tree {
    uint32_t root;
    uint32_t depth;
};

enum transform { TRANSFORM_LOGISTIC, TRANSFORM_CUT };

struct trees {
    enum transform transform;
    float base_margin;
    unsigned tree_count;
    unsigned node_count;
    unsigned feature_count;
    enum feature features[FEATURE_COUNT]; /* by slot, rising */
    struct tree *trees;                   /* owned */
    struct node *nodes;                   /* owned */
    float *leaves;                        /* owned; by node, 0 for those that split */
};

/* A model file on its way in. */
struct reader {
    struct trees *trees;
    struct problem *problem;
    unsigned name_count;           /* of feature_names */
    enum feature *names;           /* owned; the feature of each, in the file's order */
    uint16_t slots[FEATURE_COUNT]; /* by feature */
    bool used[FEATURE_COUNT];      /* by some split */
};

/* The arrays of one tree, by the file's own numbers of nodes. */
struct arrays {
    size_t count;
    json_t *left;
    json_t *right;
    json_t *conditions;
    json_t *features;
    json_t *default_left;
    json_t *types; /* NULL in old files */
};

enum { QUOTE_SIZE = 32 };

/* A text of the file made fit for a message: cut, but not inside a character. */
static void quote(const char *text, char out[QUOTE_SIZE])
{
    size_t size = strnlen(text, QUOTE_SIZE - 1);
    while (text[size] != '\0' && size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
        size--;
    }
    memcpy(out, text, size);
    out[size] = '\0';
}

static json_t *member(json_t *parent, const char *name)
{
    return json_object_get(parent, name); /* NULL for NULL */
}

static enum status read_transform(struct reader *reader, json_t *learner)
{
    const char *name = json_string_value(member(member(learner, "objective"), "name"));
    if (name == NULL) {
        problem_set(reader->problem, "learner.objective.name is missing; expected XGBoost's JSON");
        return STATUS_INVALID;
    }
    if (strcmp(name, "binary:logistic") == 0 || strcmp(name, "reg:logistic") == 0) {
        reader->trees->transform = TRANSFORM_LOGISTIC;
    } else if (strcmp(name, "reg:squarederror") == 0) {
        reader->trees->transform = TRANSFORM_CUT;
    } else {
        char found[QUOTE_SIZE];
        quote(name, found);
        problem_set(reader->problem,
                    "learner.objective.name is \"%s\"; expected binary:logistic, reg:logistic or "
                    "reg:squarederror",
                    found);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* XGBoost writes numbers of its parameters as strings, since 2.1 in brackets. */
static bool read_number(json_t *value, double *out)
{
    const char *text = json_string_value(value);
    json_t *number = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : json_incref(value);
    json_t *inner = json_array_size(number) == 1 ? json_array_get(number, 0) : number;
    bool good = json_is_number(inner);
    *out = good ? json_number_value(inner) : 0;
    json_decref(number);
    return good;
}

/* A probability's margin is its log-odds, which XGBoost works out in single precision. */
static enum status read_base(struct reader *reader, json_t *learner)
{
    const double ln_2 = 0x1.62e42fefa39efp-1;
    double base;
    json_t *value = member(member(learner, "learner_model_param"), "base_score");
    if (!read_number(value, &base)) {
        problem_set(reader->problem, "learner.learner_model_param.base_score is no number");
        return STATUS_INVALID;
    }
    bool logistic = reader->trees->transform == TRANSFORM_LOGISTIC;
    if (logistic ? !(base > 0 && base < 1) : !(base >= -1e6 && base <= 1e6)) {
        problem_set(reader->problem, "learner.learner_model_param.base_score is %g; expected %s",
                    base, logistic ? "above 0 and below 1" : "-1e6 to 1e6");
        return STATUS_INVALID;
    }
    double margin = logistic ? exact_log2(base / (1 - base)) * ln_2 : base;
    reader->trees->base_margin = (float)margin;
    return STATUS_OK;
}

/* Zero where the file does not say, as older ones do not. */
static enum status expect_at_most(struct reader *reader, json_t *parent, const char *name,
                                  double most)
{
    double number = 0;
    json_t *value = member(parent, name);
    if (value != NULL && (!read_number(value, &number) || number > most)) {
        problem_set(reader->problem, "%s is above %g; only models of one output are supported",
                    name, most);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status read_name(struct reader *reader, size_t index, const char *name)
{
    if (name == NULL) {
        problem_set(reader->problem, "learner.feature_names[%zu] is no string", index);
        return STATUS_INVALID;
    }
    reader->names[index] = feature_find(text_of(name));
    if (reader->names[index] != FEATURE_COUNT) {
        return STATUS_OK;
    }
    char found[QUOTE_SIZE];
    quote(name, found);
    const char *nearest = feature_nearest(found);
    problem_set(reader->problem, "learner.feature_names[%zu] is \"%s\", which is no feature%s%s%s",
                index, found, nearest != NULL ? "; did you mean \"" : "",
                nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    return STATUS_INVALID;
}

static enum status read_names(struct reader *reader, json_t *learner)
{
    json_t *names = member(learner, "feature_names");
    size_t count = json_array_size(names);
    if (count == 0) {
        problem_set(reader->problem,
                    "learner.feature_names is missing or empty; name the features before the model "
                    "is saved, as \"reelrank features\" lists them");
        return STATUS_INVALID;
    }
    if (count > UINT16_MAX) {
        problem_set(reader->problem, "learner.feature_names has %zu names; allowed: 65535", count);
        return STATUS_INVALID;
    }
    reader->names = calloc(count, sizeof(*reader->names));
    if (reader->names == NULL) {
        return STATUS_NO_MEMORY;
    }
    reader->name_count = (unsigned)count;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = read_name(reader, i, json_string_value(json_array_get(names, i)));
    }
    return status;
}

static enum status open_arrays(struct reader *reader, json_t *tree, size_t number,
                               struct arrays *out)
{
    *out = (struct arrays){
        .count = json_array_size(member(tree, "left_children")),
        .left = member(tree, "left_children"),
        .right = member(tree, "right_children"),
        .conditions = member(tree, "split_conditions"),
        .features = member(tree, "split_indices"),
        .default_left = member(tree, "default_left"),
        .types = member(tree, "split_type"),
    };
    bool types = json_array_size(out->types) == 0 || json_array_size(out->types) == out->count;
    if (out->count == 0 || !types || json_array_size(out->right) != out->count ||
        json_array_size(out->conditions) != out->count ||
        json_array_size(out->features) != out->count ||
        json_array_size(out->default_left) != out->count) {
        problem_set(reader->problem,
                    "tree %zu: left_children, right_children, split_conditions, split_indices and "
                    "default_left must be lists of one length above 0",
                    number);
        return STATUS_INVALID;
    }
    if (out->count > TREES_NODES_MAX - reader->trees->node_count) {
        problem_set(reader->problem, "the trees have more than %d nodes", TREES_NODES_MAX);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status complain_node(struct reader *reader, size_t tree, size_t node, const char *what)
{
    problem_set(reader->problem, "tree %zu, node %zu: %s", tree, node, what);
    return STATUS_INVALID;
}

/* One tree being laid out: where the file's nodes go. */
struct layout {
    size_t tree;
    struct arrays arrays;
    uint32_t *order;  /* the file's number by place, from the tree's first place */
    uint32_t *depths; /* by place */
    bool *placed;     /* by the file's number */
    size_t count;     /* of places given */
};

static bool read_index(json_t *list, size_t at, size_t end, size_t *out)
{
    json_t *value = json_array_get(list, at);
    json_int_t index = json_integer_value(value);
    *out = (size_t)index;
    return json_is_integer(value) && index >= 0 && (uint64_t)index < end;
}

static enum status place(struct reader *reader, struct layout *layout, size_t number,
                         uint32_t depth)
{
    if (layout->placed[number]) {
        return complain_node(reader, layout->tree, number,
                             "has two parents, or is its own ancestor");
    }
    if (depth > TREES_DEPTH_MAX) {
        return complain_node(reader, layout->tree, number, "lies deeper than 64 splits");
    }
    layout->placed[number] = true;
    layout->order[layout->count] = (uint32_t)number;
    layout->depths[layout->count] = depth;
    layout->count++;
    return STATUS_OK;
}

static enum status put_leaf(struct reader *reader, const struct layout *layout, size_t at,
                            double value)
{
    struct trees *trees = reader->trees;
    if (!(value >= -1e30 && value <= 1e30)) {
        return complain_node(reader, layout->tree, layout->order[at], "its leaf is beyond 1e30");
    }
    uint32_t place = trees->node_count + (uint32_t)at;
    trees->nodes[place] = (struct node){.condition = NAN, .child = place};
    trees->leaves[place] = (float)value;
    return STATUS_OK;
}

static enum status put_split(struct reader *reader, struct layout *layout, size_t at,
                             double condition)
{
    const struct arrays *arrays = &layout->arrays;
    size_t number = layout->order[at];
    size_t left;
    size_t right;
    size_t feature;
    json_t *default_left = json_array_get(arrays->default_left, number);
    if (!read_index(arrays->left, number, arrays->count, &left) ||
        !read_index(arrays->right, number, arrays->count, &right)) {
        return complain_node(reader, layout->tree, number, "a child is no node of the tree");
    }
    if (!read_index(arrays->features, number, reader->name_count, &feature)) {
        return complain_node(reader, layout->tree, number, "its split_index names no feature");
    }
    if (json_integer_value(json_array_get(arrays->types, number)) != 0) {
        return complain_node(reader, layout->tree, number,
                             "splits by category, which is not supported");
    }
    if (!(condition >= -3e38 && condition <= 3e38)) {
        return complain_node(reader, layout->tree, number, "its split_condition is beyond 3e38");
    }
    reader->used[reader->names[feature]] = true;
    bool goes_left = json_is_true(default_left) || json_integer_value(default_left) != 0;
    reader->trees->nodes[reader->trees->node_count + at] = (struct node){
        .condition = (float)condition,
        .slot = (uint16_t)reader->names[feature], /* the slot, once all are known */
        .missing_goes_right = !goes_left,
        .child = reader->trees->node_count + (uint32_t)layout->count,
    };
    enum status status = place(reader, layout, left, layout->depths[at] + 1);
    return status == STATUS_OK ? place(reader, layout, right, layout->depths[at] + 1) : status;
}

static enum status put_node(struct reader *reader, struct layout *layout, size_t at)
{
    size_t number = layout->order[at];
    json_t *left = json_array_get(layout->arrays.left, number);
    json_t *condition = json_array_get(layout->arrays.conditions, number);
    if (!json_is_integer(left) || !json_is_number(condition)) {
        return complain_node(reader, layout->tree, number,
                             "its left_child or split_condition is no number");
    }
    double value = json_number_value(condition);
    return json_integer_value(left) == -1 ? put_leaf(reader, layout, at, value)
                                          : put_split(reader, layout, at, value);
}

/* Breadth first, so that siblings are neighbours. */
static enum status lay_out(struct reader *reader, struct layout *layout)
{
    struct trees *trees = reader->trees;
    enum status status = place(reader, layout, 0, 0);
    for (size_t at = 0; at < layout->count && status == STATUS_OK; at++) {
        status = put_node(reader, layout, at);
    }
    if (status == STATUS_OK) {
        trees->trees[layout->tree] =
            (struct tree){.root = trees->node_count, .depth = layout->depths[layout->count - 1]};
        trees->node_count += (unsigned)layout->count;
    }
    return status;
}

static enum status read_tree(struct reader *reader, size_t number, json_t *tree)
{
    struct layout layout = {.tree = number};
    enum status status = open_arrays(reader, tree, number, &layout.arrays);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = layout.arrays.count;
    layout.order = calloc(count, sizeof(*layout.order));
    layout.depths = calloc(count, sizeof(*layout.depths));
    layout.placed = calloc(count, sizeof(*layout.placed));
    status = STATUS_NO_MEMORY;
    if (layout.order != NULL && layout.depths != NULL && layout.placed != NULL) {
        status = lay_out(reader, &layout);
    }
    free(layout.order);
    free(layout.depths);
    free(layout.placed);
    return status;
}

/* Room for the nodes of all trees, as many as the file lists. */
static enum status reserve(struct reader *reader, json_t *list)
{
    struct trees *trees = reader->trees;
    size_t nodes = 1;
    size_t index;
    json_t *tree;
    json_array_foreach(list, index, tree)
    {
        nodes += json_array_size(member(tree, "left_children"));
    }
    if (nodes > TREES_NODES_MAX) {
        problem_set(reader->problem, "the trees have more than %d nodes", TREES_NODES_MAX);
        return STATUS_INVALID;
    }
    trees->tree_count = (unsigned)json_array_size(list);
    trees->trees = calloc(trees->tree_count + 1, sizeof(*trees->trees));
    trees->nodes = calloc(nodes, sizeof(*trees->nodes));
    trees->leaves = calloc(nodes, sizeof(*trees->leaves));
    bool full = trees->trees == NULL || trees->nodes == NULL || trees->leaves == NULL;
    return full ? STATUS_NO_MEMORY : STATUS_OK;
}

/* Features get slots in rising order; the splits, so far with the feature, get its slot. */
static void give_slots(struct reader *reader)
{
    struct trees *trees = reader->trees;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        if (reader->used[i]) {
            reader->slots[i] = (uint16_t)trees->feature_count;
            trees->features[trees->feature_count++] = (enum feature)i;
        }
    }
    for (unsigned i = 0; i < trees->node_count; i++) {
        struct node *node = &trees->nodes[i];
        node->slot = node->child != i ? reader->slots[node->slot] : 0;
    }
}

static enum status read_trees(struct reader *reader, json_t *learner)
{
    json_t *booster = member(learner, "gradient_booster");
    const char *name = json_string_value(member(booster, "name"));
    json_t *list = member(member(booster, "model"), "trees");
    if (name == NULL || strcmp(name, "gbtree") != 0) {
        char found[QUOTE_SIZE];
        quote(name != NULL ? name : "", found);
        problem_set(reader->problem, "learner.gradient_booster.name is \"%s\"; expected gbtree",
                    found);
        return STATUS_INVALID;
    }
    if (!json_is_array(list) || json_array_size(list) > TREES_COUNT_MAX) {
        problem_set(reader->problem,
                    "learner.gradient_booster.model.trees must be a list of at most %d trees",
                    TREES_COUNT_MAX);
        return STATUS_INVALID;
    }
    enum status status = reserve(reader, list);
    for (size_t i = 0; i < reader->trees->tree_count && status == STATUS_OK; i++) {
        status = read_tree(reader, i, json_array_get(list, i));
    }
    if (status == STATUS_OK) {
        give_slots(reader);
    }
    return status;
}

static enum status read_model(struct reader *reader, json_t *root)
{
    json_t *learner = member(root, "learner");
    json_t *parameters = member(learner, "learner_model_param");
    enum status status = read_transform(reader, learner);
    if (status == STATUS_OK) {
        status = read_base(reader, learner);
    }
    if (status == STATUS_OK) {
        status = expect_at_most(reader, parameters, "num_class", 1);
    }
    if (status == STATUS_OK) {
        status = expect_at_most(reader, parameters, "num_target", 1);
    }
    if (status == STATUS_OK) {
        status = read_names(reader, learner);
    }
    return status == STATUS_OK ? read_trees(reader, learner) : status;
}

enum status trees_parse(struct text json, struct trees **out, struct problem *problem)
{
    if (json.size > TREES_BYTES_MAX) {
        problem_set(problem, "the model has %zu bytes; allowed: %d", json.size, TREES_BYTES_MAX);
        return STATUS_INVALID;
    }
    json_error_t error;
    json_t *root = json_loadb(json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        /* Jansson quotes what it finds, and may cut it inside a character. */
        bool fit = text_is_utf8(text_of(error.text));
        problem_set(problem, "line %d, column %d: %s", error.line, error.column,
                    fit ? error.text : "this is no JSON");
        return json_error_code(&error) == json_error_out_of_memory ? STATUS_NO_MEMORY
                                                                   : STATUS_INVALID;
    }
    struct reader reader = {.trees = calloc(1, sizeof(*reader.trees)), .problem = problem};
    enum status status = reader.trees != NULL ? read_model(&reader, root) : STATUS_NO_MEMORY;
    json_decref(root);
    free(reader.names);
    if (status != STATUS_OK) {
        trees_free(reader.trees);
        return status;
    }
    *out = reader.trees;
    return STATUS_OK;
}

void trees_free(struct trees *trees)
{
    if (trees != NULL) {
        free(trees->trees);
        free(trees->nodes);
        free(trees->leaves);
        free(trees);
    }
}

unsigned trees_count(const struct trees *trees)
{
    return trees->tree_count;
}

unsigned trees_feature_count(const struct trees *trees)
{
    return trees->feature_count;
}

enum feature trees_feature(const struct trees *trees, unsigned index)
{
    CHECK(index < trees->feature_count);
    return trees->features[index];
}

/* The rows' values by slot, in the single precision that XGBoost compares in. */
struct values {
    float at[FEATURE_COUNT][TREES_BLOCK];
};

/* Rows that are missing read 0, which leads them somewhere. */
static void gather(const struct trees *trees, const double *const columns[FEATURE_COUNT],
                   size_t count, struct values *out)
{
    memset(out->at[0], 0,
           sizeof(out->at[0])); /* what leaves read, also where there are no splits */
    for (unsigned slot = 0; slot < trees->feature_count; slot++) {
        const double *column = columns[trees->features[slot]];
        for (size_t i = 0; i < TREES_BLOCK; i++) {
            out->at[slot][i] = i < count ? (float)column[i] : 0;
        }
    }
}

/* All rows step at once, so that their waits for memory overlap. */
static void add_leaves(const struct trees *trees, const struct tree *tree,
                       const struct values *values, float margins[TREES_BLOCK])
{
    uint32_t at[TREES_BLOCK];
    for (size_t i = 0; i < TREES_BLOCK; i++) {
        at[i] = tree->root;
    }
    for (uint32_t depth = 0; depth < tree->depth; depth++) {
        for (size_t i = 0; i < TREES_BLOCK; i++) {
            const struct node *node = &trees->nodes[at[i]];
            float value = values->at[node->slot][i];
            uint32_t missing = (uint32_t)(value != value) & node->missing_goes_right;
            at[i] = node->child + ((uint32_t)(value >= node->condition) | missing);
        }
    }
    for (size_t i = 0; i < TREES_BLOCK; i++) {
        margins[i] += trees->leaves[at[i]];
    }
}

static double cut(double value)
{
    double low = value > 0 ? value : 0;
    return low < 1 ? low : 1;
}

void trees_predict(const struct trees *trees, const double *const columns[FEATURE_COUNT],
                   size_t count, double *out)
{
    const double log2_e = 0x1.71547652b82fep0;
    struct values values;
    float margins[TREES_BLOCK];
    CHECK(count <= TREES_BLOCK);
    gather(trees, columns, count, &values);
    for (size_t i = 0; i < TREES_BLOCK; i++) {
        margins[i] = trees->base_margin;
    }
    for (unsigned i = 0; i < trees->tree_count; i++) {
        add_leaves(trees, &trees->trees[i], &values, margins);
    }
    for (size_t i = 0; i < count; i++) {
        double margin = margins[i];
        out[i] = trees->transform == TRANSFORM_LOGISTIC ? 1 / (1 + exact_exp2(-margin * log2_e))
                                                        : cut(margin);
    }
}
