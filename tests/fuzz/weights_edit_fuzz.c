#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/limits.h"
#include "replay/weights_edit.h"
#include "replay/yaml_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The first byte chooses a path, the second a value, or that the value stands in front of the text
 * up to a zero byte; the rest is the text. Whatever it is, an edit either is refused or leaves a
 * text that says the value at the path, and to which the same edit does nothing more.
 */

static const struct weights_edit paths[] = {
    {.path = {"version"}},
    {.path = {"value", "like"}},
    {.path = {"heads", "like"}},
    {.path = {"heads", "like", "bias"}},
    {.path = {"locales", "hi-IN", "value", "like"}},
    {.path = {"features", "sources", "2024"}},
    {.path = {"a"}},
    {.path = {"a", "b", "c", "d", "e", "f", "g", "h"}},
};

static const char *const values[] = {
    "trained-1",  "3.5",    "{kind: logistic, bias: -1,\nweights: {taste: 0.5,\nquality: 2}}",
    "\"quoted\"", "[a, b]", "{}",
};

enum {
    PATH_COUNT = sizeof(paths) / sizeof(paths[0]),
    VALUE_COUNT = sizeof(values) / sizeof(values[0])
};

static unsigned node_at(const struct yaml_tree *tree, const struct weights_edit *edit)
{
    unsigned node = 0;
    for (unsigned i = 0; i < WEIGHTS_EDIT_DEPTH && edit->path[i] != NULL; i++) {
        node = yaml_tree_find(tree, node, text_of(edit->path[i]));
        CHECK(node != 0);
    }
    return node;
}

static void check_value(struct text yaml, const struct weights_edit *edit)
{
    struct yaml_tree tree;
    struct yaml_tree value;
    struct problem problem;
    CHECK(yaml_tree_read(yaml, &tree, &problem) == STATUS_OK);
    CHECK(yaml_tree_read(edit->value, &value, &problem) == STATUS_OK);
    CHECK(yaml_tree_same(&tree, node_at(&tree, edit), &value, 0));
    yaml_tree_release(&tree);
    yaml_tree_release(&value);
}

static bool accepts(struct text yaml)
{
    struct weights *weights = NULL;
    static struct weights_problems problems;
    bool good = weights_parse(yaml, &weights, &problems) == STATUS_OK;
    weights_unref(good ? weights : NULL);
    return good;
}

static void check_result(struct text before, struct text after, const struct weights_edit *edit)
{
    struct problem problem;
    char *again = NULL;
    size_t size = 0;
    CHECK(after.size <= LIMIT_WEIGHTS_BYTES);
    check_value(after, edit);
    CHECK(weights_edit(after, edit, 1, &again, &size, &problem) == STATUS_OK);
    CHECK(text_equal(after, (struct text){again, size}));
    free(again);
    bool version = edit->path[1] == NULL && strcmp(edit->path[0], "version") == 0;
    if (version && text_equal(edit->value, text_of(values[0])) && accepts(before)) {
        CHECK(accepts(after));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct weights_edit edit = paths[data[0] % PATH_COUNT];
    struct text yaml = {(const char *)data + 2, size - 2};
    unsigned choice = data[1] % (VALUE_COUNT + 1);
    const char *end = choice == VALUE_COUNT ? memchr(yaml.data, '\0', yaml.size) : NULL;
    if (choice < VALUE_COUNT) {
        edit.value = text_of(values[choice]);
    } else if (end != NULL) {
        edit.value = (struct text){yaml.data, (size_t)(end - yaml.data)};
        yaml.size -= edit.value.size + 1;
        yaml.data = end + 1;
    }
    char *out = NULL;
    size_t out_size = 0;
    struct problem problem = {""};
    enum status status = weights_edit(yaml, &edit, 1, &out, &out_size, &problem);
    CHECK(status == STATUS_OK || problem.text[0] != '\0');
    if (status == STATUS_OK) {
        check_result(yaml, (struct text){out, out_size}, &edit);
        free(out);
    }
    return 0;
}
