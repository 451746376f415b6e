#include "cli/weights_changes.h"

#include <libfyaml.h>
#include <stdio.h>
#include <string.h>

#include "config/default_weights.h"

enum { PATH_SIZE = 512, LIST_SIZE = 4096 };

static void put(json_t *out, const char *path, const char *text, size_t size)
{
    json_object_set_new(out, path, json_stringn(text, size));
}

/* "[a, b]"; what does not fit is cut. */
static void put_list(struct fy_node *node, const char *path, json_t *out)
{
    char list[LIST_SIZE] = "[";
    size_t used = 1;
    int count = fy_node_sequence_item_count(node);
    for (int i = 0; i < count && used < sizeof(list) - 1; i++) {
        size_t size = 0;
        const char *text = fy_node_get_scalar(fy_node_sequence_get_by_index(node, i), &size);
        int added = snprintf(list + used, sizeof(list) - used, "%s%.*s", i > 0 ? ", " : "",
                             text != NULL ? (int)size : 3, text != NULL ? text : "...");
        used += added > 0 ? (size_t)added : 0;
        used = used < sizeof(list) ? used : sizeof(list) - 1;
    }
    snprintf(list + used, sizeof(list) - used, "]");
    put(out, path, list, strlen(list));
}

static void flatten(struct fy_node *node, const char *path, json_t *out);

static void flatten_mapping(struct fy_node *node, const char *path, json_t *out)
{
    int count = fy_node_mapping_item_count(node);
    for (int i = 0; i < count; i++) {
        struct fy_node_pair *pair = fy_node_mapping_get_by_index(node, i);
        char below[PATH_SIZE];
        size_t size = 0;
        const char *key = fy_node_get_scalar(fy_node_pair_key(pair), &size);
        snprintf(below, sizeof(below), "%s%s%.*s", path, path[0] != '\0' ? "." : "", (int)size,
                 key != NULL ? key : "");
        flatten(fy_node_pair_value(pair), below, out);
    }
}

/* A weights file that was parsed is not deep. */
static void flatten(struct fy_node *node, const char *path, json_t *out)
{
    size_t size = 0;
    const char *text = NULL;
    switch (node != NULL ? fy_node_get_type(node) : FYNT_SCALAR) {
    case FYNT_MAPPING:
        flatten_mapping(node, path, out);
        break;
    case FYNT_SEQUENCE:
        put_list(node, path, out);
        break;
    case FYNT_SCALAR:
        text = fy_node_get_scalar(node, &size);
        put(out, path, text != NULL ? text : "", text != NULL ? size : 0);
        break;
    }
}

/* Paths and values of a file, in its order; NULL: no YAML, or no memory. */
static json_t *flat(struct text yaml)
{
    struct fy_document *document = fy_document_build_from_string(NULL, yaml.data, yaml.size);
    json_t *out = document != NULL ? json_object() : NULL;
    if (out != NULL) {
        flatten(fy_document_root(document), "", out);
    }
    fy_document_destroy(document);
    return out;
}

static void add(json_t *changes, const char *key, const json_t *old_value, const json_t *new_value)
{
    const char *before = json_string_value(old_value);
    const char *after = json_string_value(new_value);
    bool same = before != NULL && after != NULL && strcmp(before, after) == 0;
    if (!same) {
        json_array_append_new(changes, json_pack("{s:s, s:s, s:s}", "key", key, "old",
                                                 before != NULL ? before : "", "new",
                                                 after != NULL ? after : ""));
    }
}

static json_t *compare(json_t *old_values, json_t *new_values)
{
    const char *key;
    json_t *value;
    json_t *changes = json_array();
    json_object_foreach(new_values, key, value)
    {
        add(changes, key, json_object_get(old_values, key), value);
    }
    json_object_foreach(old_values, key, value)
    {
        if (json_object_get(new_values, key) == NULL) {
            add(changes, key, value, NULL);
        }
    }
    return changes;
}

/* Whether a key of a head belongs to another kind than the file gives the head. */
static bool is_of_other_kind(const json_t *values, const char *key)
{
    static const char heads[] = "heads.";
    char kind_key[PATH_SIZE];
    const char *end = strrchr(key, '.');
    if (strncmp(key, heads, sizeof(heads) - 1) != 0 || end == NULL) {
        return false;
    }
    snprintf(kind_key, sizeof(kind_key), "%.*s.kind", (int)(end - key), key);
    const char *kind = json_string_value(json_object_get(values, kind_key));
    return kind != NULL && strcmp(kind, "rate") != 0;
}

/* What a file leaves out at its top level has the built-in value; what it leaves out below locales
 * and experiments is what stands above. */
static void add_built_in(json_t *values, json_t *built_in)
{
    static const char locales[] = "locales.";
    const char *key;
    json_t *value;
    json_object_foreach(built_in, key, value)
    {
        bool top = strncmp(key, locales, sizeof(locales) - 1) != 0;
        if (top && json_object_get(values, key) == NULL && !is_of_other_kind(values, key)) {
            json_object_set(values, key, value);
        }
    }
}

json_t *weights_changes(struct text old_yaml, struct text new_yaml)
{
    json_t *built_in = flat((struct text){default_weights, default_weights_size});
    json_t *old_values = flat(old_yaml);
    json_t *new_values = flat(new_yaml);
    json_t *changes = NULL;
    if (built_in != NULL && old_values != NULL && new_values != NULL) {
        add_built_in(old_values, built_in);
        add_built_in(new_values, built_in);
        changes = compare(old_values, new_values);
    }
    json_decref(built_in);
    json_decref(old_values);
    json_decref(new_values);
    return changes;
}
