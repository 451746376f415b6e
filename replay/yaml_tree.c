#include "replay/yaml_tree.h"

#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/limits.h"

/* A walk through the events. */
struct builder {
    struct yaml_reader reader;
    struct yaml_tree tree;
    struct problem *problem;
};

static enum status refuse(const struct builder *builder, const struct yaml_event *event,
                          const char *why, size_t size)
{
    problem_set(builder->problem, "line %u, column %u: %.*s", event->line, event->column, (int)size,
                why);
    return STATUS_INVALID;
}

static enum status check_event(const struct builder *builder, const struct yaml_event *event)
{
    if (event->kind == YAML_ERROR) {
        return refuse(builder, event, event->text.data, event->text.size);
    }
    if (event->refused != NULL) {
        return refuse(builder, event, event->refused, strlen(event->refused));
    }
    return STATUS_OK;
}

static enum status grow(struct builder *builder)
{
    struct yaml_tree *tree = &builder->tree;
    if (tree->count < tree->room) {
        return STATUS_OK;
    }
    unsigned room = tree->room > 0 ? tree->room * 2 : 64;
    struct yaml_node *nodes = realloc(tree->nodes, room * sizeof(*nodes));
    if (nodes == NULL) {
        problem_set(builder->problem, "no memory for the weights file's text");
        return STATUS_NO_MEMORY;
    }
    tree->nodes = nodes;
    tree->room = room;
    return STATUS_OK;
}

static void add_child(struct yaml_tree *tree, unsigned parent, unsigned child)
{
    struct yaml_node *above = &tree->nodes[parent];
    if (above->last != 0) {
        tree->nodes[above->last].next = child;
    } else {
        above->first = child;
    }
    above->last = child;
}

/* Where an event is, with its quotes. */
static void place(const struct yaml_event *event, size_t *start, size_t *end)
{
    size_t quote = event->kind == YAML_SCALAR && !event->plain ? 1 : 0;
    *start = event->start - quote;
    *end = event->end + quote;
}

static struct yaml_node node_of(const struct yaml_event *event, const struct yaml_event *key,
                                unsigned parent)
{
    struct yaml_node node = {
        .kind = event->kind,
        .flow = event->flow,
        .plain = event->plain,
        .text = event->kind == YAML_SCALAR ? event->text : (struct text){NULL, 0},
        .line = event->line,
        .column = event->column,
        .parent = parent,
    };
    place(event, &node.start, &node.end);
    if (key != NULL) {
        size_t start;
        node.key = key->text;
        place(key, &start, &node.key_end);
    }
    node.absent = event->kind == YAML_SCALAR && event->plain && event->start == event->end;
    if (node.absent) {
        node.start = node.key_end;
        node.end = node.key_end;
    }
    return node;
}

/* key NULL: of a sequence, or the root. */
static enum status add(struct builder *builder, const struct yaml_event *event,
                       const struct yaml_event *key, unsigned parent, unsigned *out)
{
    enum status status = grow(builder);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned number = builder->tree.count++;
    builder->tree.nodes[number] = node_of(event, key, parent);
    if (number > 0) {
        add_child(&builder->tree, parent, number);
    }
    *out = number;
    return STATUS_OK;
}

/* Its end; that of what surrounds it follows. */
static void close_node(struct yaml_tree *tree, unsigned number, const struct yaml_event *close)
{
    struct yaml_node *node = &tree->nodes[number];
    if (node->flow) {
        node->end = close->end;
    } else if (node->last != 0) {
        node->end = tree->nodes[node->last].end;
    }
}

/* Reads a key where there is to be one; *out is then the value's event. */
static enum status read_entry(struct builder *builder, const struct yaml_event *key,
                              struct yaml_event *out)
{
    if (key->kind != YAML_SCALAR) {
        return refuse(builder, key, "a key is a single value", strlen("a key is a single value"));
    }
    yaml_next(&builder->reader, out);
    return check_event(builder, out);
}

/* One event inside of *parent, with its value where it is a key. */
static enum status step(struct builder *builder, unsigned *parent)
{
    struct yaml_event event;
    struct yaml_event key;
    bool keyed = builder->tree.nodes[*parent].kind == YAML_MAPPING;
    yaml_next(&builder->reader, &event);
    enum status status = check_event(builder, &event);
    if (status != STATUS_OK) {
        return status;
    }
    if (event.kind == YAML_CLOSE) {
        close_node(&builder->tree, *parent, &event);
        *parent = builder->tree.nodes[*parent].parent;
        return STATUS_OK;
    }
    if (keyed) {
        key = event;
        status = read_entry(builder, &key, &event);
    }
    unsigned number = 0;
    if (status == STATUS_OK) {
        status = add(builder, &event, keyed ? &key : NULL, *parent, &number);
    }
    if (status == STATUS_OK && event.kind != YAML_SCALAR) {
        *parent = number;
    }
    return status;
}

static enum status build(struct builder *builder)
{
    struct yaml_event event;
    unsigned parent = 0;
    yaml_next(&builder->reader, &event);
    enum status status = check_event(builder, &event);
    if (status == STATUS_OK && event.kind == YAML_END) {
        status = refuse(builder, &event, "there is nothing", strlen("there is nothing"));
    }
    if (status == STATUS_OK) {
        status = add(builder, &event, NULL, 0, &parent);
    }
    bool scalar = event.kind == YAML_SCALAR;
    while (status == STATUS_OK && !scalar && builder->reader.depth > 0) {
        status = step(builder, &parent);
    }
    if (status == STATUS_OK) { /* nothing but comments may follow */
        yaml_next(&builder->reader, &event);
        status = check_event(builder, &event);
    }
    return status;
}

static enum status check_bytes(struct text yaml, struct problem *problem)
{
    unsigned line = 0;
    const char *why = yaml_complaint(yaml, &line);
    if (yaml.size > LIMIT_WEIGHTS_BYTES) {
        problem_set(problem, "%zu bytes; allowed: up to %d", yaml.size, LIMIT_WEIGHTS_BYTES);
        return STATUS_INVALID;
    }
    if (why != NULL) {
        problem_set(problem, "line %u: %s", line, why);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status yaml_tree_read(struct text yaml, struct yaml_tree *out, struct problem *problem)
{
    if (check_bytes(yaml, problem) != STATUS_OK) {
        return STATUS_INVALID;
    }
    struct builder builder = {.problem = problem, .tree = {.yaml = yaml}};
    enum status status = yaml_init(&builder.reader, yaml);
    if (status == STATUS_OK) {
        status = build(&builder);
    } else {
        problem_set(problem, "no memory to read YAML with");
    }
    yaml_release(&builder.reader);
    if (status != STATUS_OK) {
        yaml_tree_release(&builder.tree);
        return status;
    }
    *out = builder.tree;
    return STATUS_OK;
}

void yaml_tree_release(struct yaml_tree *tree)
{
    free(tree->nodes);
    *tree = (struct yaml_tree){{NULL, 0}, 0, 0, NULL};
}

unsigned yaml_tree_find(const struct yaml_tree *tree, unsigned parent, struct text key)
{
    CHECK(parent < tree->count);
    if (tree->nodes[parent].kind != YAML_MAPPING) {
        return 0;
    }
    unsigned child = tree->nodes[parent].first;
    while (child != 0 && !text_equal(tree->nodes[child].key, key)) {
        child = tree->nodes[child].next;
    }
    return child;
}

static bool same_node(const struct yaml_node *a, const struct yaml_node *b)
{
    return a->kind == b->kind && a->plain == b->plain && a->absent == b->absent &&
           text_equal(a->text, b->text);
}

/* Recursive to YAML_DEPTH_MAX. */
bool yaml_tree_same(const struct yaml_tree *a, unsigned node_a, const struct yaml_tree *b,
                    unsigned node_b)
{
    if (!same_node(&a->nodes[node_a], &b->nodes[node_b])) {
        return false;
    }
    unsigned child_a = a->nodes[node_a].first;
    unsigned child_b = b->nodes[node_b].first;
    while (child_a != 0 && child_b != 0) {
        if (!text_equal(a->nodes[child_a].key, b->nodes[child_b].key) ||
            !yaml_tree_same(a, child_a, b, child_b)) {
            return false;
        }
        child_a = a->nodes[child_a].next;
        child_b = b->nodes[child_b].next;
    }
    return child_a == 0 && child_b == 0;
}
