#include "replay/weights_edit.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/limits.h"
#include "replay/yaml_tree.h"

enum {
    INDENT = 2,
    HANGING = 4, /* of a value's further lines, against the mapping around it */
    DIGITS_MIN = 15,
    DIGITS_MAX = 17,
    PATH_SIZE = 160
};

#define WEIGHT_MAX 1000.0

/* Text that grows. */
struct buffer {
    char *bytes;
    size_t size;
    size_t room;
    bool full; /* memory was short; sticky */
};

static void append(struct buffer *buffer, const char *bytes, size_t size)
{
    if (buffer->size + size >= buffer->room && !buffer->full) {
        size_t room = (buffer->size + size + 64) * 2;
        char *grown = realloc(buffer->bytes, room);
        buffer->full = grown == NULL;
        buffer->bytes = grown != NULL ? grown : buffer->bytes;
        buffer->room = grown != NULL ? room : buffer->room;
    }
    if (!buffer->full) {
        memcpy(buffer->bytes + buffer->size, bytes, size);
        buffer->size += size;
        buffer->bytes[buffer->size] = '\0';
    }
}

static void append_string(struct buffer *buffer, const char *string)
{
    append(buffer, string, strlen(string));
}

static void append_spaces(struct buffer *buffer, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        append(buffer, " ", 1);
    }
}

/* One edit of one text. */
struct edit {
    struct yaml_tree tree;
    struct yaml_tree value;
    const char *const *path;
    unsigned depth;   /* of the path */
    unsigned found;   /* how many of its keys are there */
    unsigned node;    /* of the last one found; the root if none is */
    const char *line; /* how lines end */
    struct problem *problem;
};

static void format_path(const struct edit *edit, unsigned depth, char out[PATH_SIZE])
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < depth && used < PATH_SIZE; i++) {
        int added = snprintf(out + used, PATH_SIZE - used, "%s%s", i > 0 ? "." : "", edit->path[i]);
        used += added > 0 ? (size_t)added : 0;
    }
}

/* depth: how much of the path it is about; 0: the file. */
static enum status refuse(const struct edit *edit, unsigned depth, unsigned line, const char *why)
{
    char path[PATH_SIZE];
    format_path(edit, depth, path);
    problem_set(edit->problem, "%s at line %u: %s", depth > 0 ? path : "the file", line, why);
    return STATUS_INVALID;
}

static const char *line_end_of(struct text yaml)
{
    const char *feed = yaml.size > 0 ? memchr(yaml.data, '\n', yaml.size) : NULL;
    return feed != NULL && feed > yaml.data && feed[-1] == '\r' ? "\r\n" : "\n";
}

static bool stands_again(const struct yaml_tree *tree, unsigned node)
{
    struct text key = tree->nodes[node].key;
    unsigned other = tree->nodes[node].next;
    while (other != 0 && !text_equal(tree->nodes[other].key, key)) {
        other = tree->nodes[other].next;
    }
    return other != 0;
}

/* Goes down the path as far as it is there. */
static enum status find(struct edit *edit)
{
    while (edit->found < edit->depth) {
        const struct yaml_node *node = &edit->tree.nodes[edit->node];
        if (node->absent) {
            return refuse(edit, edit->found, node->line, "no value; write {} there first");
        }
        if (node->kind != YAML_MAPPING) {
            return refuse(edit, edit->found, node->line, "no mapping of keys");
        }
        unsigned child = yaml_tree_find(&edit->tree, edit->node, text_of(edit->path[edit->found]));
        if (child == 0) {
            return STATUS_OK;
        }
        edit->found++;
        edit->node = child;
        if (stands_again(&edit->tree, child)) {
            return refuse(edit, edit->found, edit->tree.nodes[child].line,
                          "the key stands again below");
        }
    }
    return STATUS_OK;
}

/* Spaces before the keys of the nearest mapping without brackets that a node is, or is in. */
static size_t indent_of(const struct yaml_tree *tree, unsigned node)
{
    while (node != 0 && (tree->nodes[node].kind != YAML_MAPPING || tree->nodes[node].flow)) {
        node = tree->nodes[node].parent;
    }
    const struct yaml_node *found = &tree->nodes[node];
    return found->kind == YAML_MAPPING && !found->flow ? found->column - 1 : 0;
}

static void append_value(const struct edit *edit, size_t indent, struct buffer *out)
{
    struct text value = edit->value.yaml;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '\n') {
            append_string(out, edit->line);
            append_spaces(out, indent + HANGING);
        } else {
            append(out, value.data + i, 1);
        }
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Names that YAML could take for something else, true or 2024, stand in quotes. */
static bool needs_quotes(const char *key)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    static const char *const words[] = {"null", "Null",  "NULL",  "true", "True",
                                        "TRUE", "false", "False", "FALSE"};
    bool quotes = !is_letter(key[0]) || key[strspn(key, name)] != '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        quotes = quotes || strcmp(key, words[i]) == 0;
    }
    return quotes;
}

static void append_key(const char *key, struct buffer *out)
{
    const char *quote = needs_quotes(key) ? "\"" : "";
    append_string(out, quote);
    append_string(out, key);
    append_string(out, quote);
    append_string(out, ":");
}

/* "heads: {like: VALUE}", of the keys that are not there yet. */
static void append_entry_flow(const struct edit *edit, size_t indent, struct buffer *out)
{
    for (unsigned i = edit->found; i < edit->depth; i++) {
        append_string(out, i > edit->found ? "{" : "");
        append_key(edit->path[i], out);
        append_string(out, " ");
    }
    append_value(edit, indent, out);
    for (unsigned i = edit->found + 1; i < edit->depth; i++) {
        append_string(out, "}");
    }
}

/* The same as lines, each key further in than the one above. */
static void append_entry_block(const struct edit *edit, size_t indent, struct buffer *out)
{
    for (unsigned i = edit->found; i < edit->depth; i++) {
        size_t below = (size_t)(i - edit->found) * INDENT;
        append_spaces(out, indent + below);
        append_key(edit->path[i], out);
        if (i + 1 < edit->depth) {
            append_string(out, edit->line);
        } else {
            append_string(out, " ");
            append_value(edit, indent + below, out);
        }
    }
    append_string(out, edit->line);
}

static void append_from(const struct edit *edit, size_t start, size_t end, struct buffer *out)
{
    CHECK(start <= end);
    CHECK(end <= edit->tree.yaml.size);
    append(out, edit->tree.yaml.data + start, end - start);
}

static void insert_flow(const struct edit *edit, struct buffer *out)
{
    const struct yaml_node *mapping = &edit->tree.nodes[edit->node];
    bool empty = mapping->last == 0;
    size_t at = empty ? mapping->start + 1 : edit->tree.nodes[mapping->last].end;
    append_from(edit, 0, at, out);
    append_string(out, empty ? "" : ", ");
    append_entry_flow(edit, indent_of(&edit->tree, edit->node), out);
    append_from(edit, at, edit->tree.yaml.size, out);
}

/* Behind the line on which the mapping's last value ends, and its comment. */
static void insert_block(const struct edit *edit, struct buffer *out)
{
    struct text yaml = edit->tree.yaml;
    size_t at = edit->tree.nodes[edit->node].end;
    while (at < yaml.size && yaml.data[at] != '\n' && yaml.data[at] != '\r') {
        at++;
    }
    bool ends = at < yaml.size;
    at += ends && yaml.data[at] == '\r' && at + 1 < yaml.size && yaml.data[at + 1] == '\n' ? 1 : 0;
    at += ends ? 1 : 0;
    append_from(edit, 0, at, out);
    append_string(out, ends ? "" : edit->line);
    append_entry_block(edit, indent_of(&edit->tree, edit->node), out);
    append_from(edit, at, yaml.size, out);
}

/* Whether nothing but one colon and white space lies between. */
static bool is_plain_gap(struct text yaml, size_t start, size_t end)
{
    unsigned colons = 0;
    for (size_t i = start; i < end; i++) {
        if (yaml.data[i] == ':') {
            colons++;
        } else if (strchr(" \t\r\n", yaml.data[i]) == NULL || yaml.data[i] == '\0') {
            return false;
        }
    }
    return colons == 1;
}

/* What stood on lines of its own begins on its key's, unless a comment is between. */
static void replace(const struct edit *edit, struct buffer *out)
{
    const struct yaml_tree *tree = &edit->tree;
    const struct yaml_node *node = &tree->nodes[edit->node];
    bool pull = node->kind != YAML_SCALAR && !node->flow &&
                is_plain_gap(tree->yaml, node->key_end, node->start);
    append_from(edit, 0, pull ? node->key_end : node->start, out);
    append_string(out, pull ? ": " : "");
    append_value(edit, indent_of(tree, node->parent), out);
    append_from(edit, node->end, tree->yaml.size, out);
}

static enum status write_edit(const struct edit *edit, struct buffer *out)
{
    const struct yaml_node *node = &edit->tree.nodes[edit->node];
    if (edit->found == edit->depth && node->absent) {
        return refuse(edit, edit->depth, node->line, "no value; write {} there first");
    }
    if (edit->found == edit->depth) {
        replace(edit, out);
    } else if (node->flow) {
        insert_flow(edit, out);
    } else {
        insert_block(edit, out);
    }
    if (out->full) {
        problem_set(edit->problem, "no memory for the new weights file");
        return STATUS_NO_MEMORY;
    }
    if (out->size > LIMIT_WEIGHTS_BYTES) {
        problem_set(edit->problem, "the file would have %zu bytes; allowed: up to %d", out->size,
                    LIMIT_WEIGHTS_BYTES);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* What was not there: a mapping of one key in the other, and the value in the last. */
static bool is_new(const struct edit *edit, const struct yaml_tree *tree, unsigned node,
                   unsigned depth)
{
    if (!text_equal(tree->nodes[node].key, text_of(edit->path[depth]))) {
        return false;
    }
    if (depth + 1 == edit->depth) {
        return yaml_tree_same(tree, node, &edit->value, 0);
    }
    unsigned child = tree->nodes[node].first;
    return tree->nodes[node].kind == YAML_MAPPING && child != 0 && tree->nodes[child].next == 0 &&
           is_new(edit, tree, child, depth + 1);
}

/* Whether the node is as it was but for the path below it, which is now the value's. */
static bool is_edited(const struct edit *edit, const struct yaml_tree *tree, unsigned before,
                      unsigned now, unsigned depth)
{
    if (depth == edit->depth) {
        return yaml_tree_same(tree, now, &edit->value, 0);
    }
    unsigned old = edit->tree.nodes[before].first;
    unsigned new = tree->nodes[now].first;
    for (; old != 0 && new != 0; old = edit->tree.nodes[old].next, new = tree->nodes[new].next) {
        struct text key = edit->tree.nodes[old].key;
        bool on_path = text_equal(key, text_of(edit->path[depth]));
        if (!text_equal(key, tree->nodes[new].key) ||
            !(on_path ? is_edited(edit, tree, old, new, depth + 1)
                      : yaml_tree_same(&edit->tree, old, tree, new))) {
            return false;
        }
    }
    bool more = depth == edit->found;
    return tree->nodes[now].kind == YAML_MAPPING && old == 0 && (new != 0) == more &&
           (!more || (is_new(edit, tree, new, depth) && tree->nodes[new].next == 0));
}

/* Values and texts may be written so that they do not go together; then the edit is refused. */
static enum status check_result(const struct edit *edit, struct text result)
{
    struct yaml_tree tree;
    struct problem problem;
    enum status status = yaml_tree_read(result, &tree, &problem);
    if (status == STATUS_NO_MEMORY) {
        problem_set(edit->problem, "%s", problem.text);
        return status;
    }
    bool good = status == STATUS_OK && is_edited(edit, &tree, 0, 0, 0);
    if (status == STATUS_OK) {
        yaml_tree_release(&tree);
    }
    return good ? STATUS_OK
                : refuse(edit, edit->depth, edit->tree.nodes[edit->node].line,
                         "the value does not fit into the place as the file is written; write the "
                         "mapping around it as lines of \"key: value\"");
}

static enum status edit_trees(struct edit *edit, struct buffer *out)
{
    enum status status = find(edit);
    if (status == STATUS_OK) {
        status = write_edit(edit, out);
    }
    if (status == STATUS_OK) {
        status = check_result(edit, (struct text){out->bytes, out->size});
    }
    return status;
}

/* One value in a form that may stand anywhere, with nothing around it. */
static enum status check_value(const struct yaml_tree *value, struct problem *problem)
{
    const struct yaml_node *root = &value->nodes[0];
    bool alone = !root->absent && root->start == 0 && root->end == value->yaml.size;
    if (alone && (root->kind == YAML_SCALAR || root->flow)) {
        return STATUS_OK;
    }
    problem_set(problem, "is to be one value, or a mapping or list in brackets, and nothing else");
    return STATUS_INVALID;
}

static enum status read_value(struct edit *edit, struct text value)
{
    struct problem problem = {""};
    enum status status = yaml_tree_read(value, &edit->value, &problem);
    if (status == STATUS_OK) {
        status = check_value(&edit->value, &problem);
    }
    if (status != STATUS_OK) {
        char path[PATH_SIZE];
        format_path(edit, edit->depth, path);
        problem_set(edit->problem, "the value for %s: %s", path, problem.text);
    }
    return status;
}

static enum status edit_once(struct text yaml, const struct weights_edit *wanted,
                             struct buffer *out, struct problem *problem)
{
    struct edit edit = {.path = wanted->path, .line = line_end_of(yaml), .problem = problem};
    while (edit.depth < WEIGHTS_EDIT_DEPTH && wanted->path[edit.depth] != NULL) {
        edit.depth++;
    }
    CHECK(edit.depth > 0);
    enum status status = yaml_tree_read(yaml, &edit.tree, problem);
    if (status == STATUS_OK) {
        status = read_value(&edit, wanted->value);
    }
    if (status == STATUS_OK) {
        status = edit_trees(&edit, out);
    }
    yaml_tree_release(&edit.tree);
    yaml_tree_release(&edit.value);
    return status;
}

enum status weights_edit(struct text yaml, const struct weights_edit *edits, size_t count,
                         char **out, size_t *size, struct problem *problem)
{
    struct buffer text = {NULL, 0, 0, false};
    append(&text, yaml.size > 0 ? yaml.data : "", yaml.size);
    enum status status = STATUS_OK;
    if (text.full) {
        problem_set(problem, "no memory for the weights file's text");
        status = STATUS_NO_MEMORY;
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct buffer next = {NULL, 0, 0, false};
        status = edit_once((struct text){text.bytes, text.size}, &edits[i], &next, problem);
        free(text.bytes);
        text = next;
    }
    if (status != STATUS_OK) {
        free(text.bytes);
        return status;
    }
    *out = text.bytes;
    *size = text.size;
    return STATUS_OK;
}

void weights_edit_number(double number, char out[WEIGHTS_NUMBER_SIZE])
{
    CHECK(isfinite(number));
    int digits = DIGITS_MIN;
    double again;
    do {
        snprintf(out, WEIGHTS_NUMBER_SIZE, "%.*g", digits, number);
        again = strtod(out, NULL);
        digits++;
    } while ((again < number || again > number) && digits <= DIGITS_MAX);
    for (char *c = out; *c != '\0'; c++) { /* the locale's point */
        *c = strchr("0123456789+-e", *c) != NULL ? *c : '.';
    }
}

static void append_number(struct buffer *out, double number)
{
    char text[WEIGHTS_NUMBER_SIZE];
    weights_edit_number(number, text);
    append_string(out, text);
}

static enum status check_number(const char *name, double number, struct problem *problem)
{
    if (fabs(number) <= WEIGHT_MAX) {
        return STATUS_OK;
    }
    problem_set(problem, "%s: %g; allowed: %g to %g", name, number, -WEIGHT_MAX, WEIGHT_MAX);
    return STATUS_INVALID;
}

enum status weights_edit_logistic(double bias, const struct feature_weight *weights, unsigned count,
                                  char **out, struct problem *problem)
{
    struct buffer text = {NULL, 0, 0, false};
    enum status status = check_number("bias", bias, problem);
    for (unsigned i = 0; status == STATUS_OK && i < count; i++) {
        status = check_number(feature_name(weights[i].feature), weights[i].weight, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    append_string(&text, "{kind: logistic, bias: ");
    append_number(&text, bias);
    append_string(&text, ", weights: {");
    for (unsigned i = 0; i < count; i++) {
        append_string(&text, i > 0 ? ",\n" : "\n");
        append_string(&text, feature_name(weights[i].feature));
        append_string(&text, ": ");
        append_number(&text, weights[i].weight);
    }
    append_string(&text, "}}");
    if (text.full) {
        free(text.bytes);
        problem_set(problem, "no memory for the head");
        return STATUS_NO_MEMORY;
    }
    *out = text.bytes;
    return STATUS_OK;
}
