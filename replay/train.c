#include "replay/train.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/weights_edit.h"

void train_head_release(struct train_head *head)
{
    free(head->trees.model);
    free(head->trees.curve);
    head->trees.model = NULL;
    head->trees.curve = NULL;
}

enum { VERSION_SIZE = WEIGHTS_NAME_MAX + 3 };

/* In quotes, since a name may look like a number. */
static void quote(const char *version, char out[VERSION_SIZE])
{
    CHECK(strlen(version) <= WEIGHTS_NAME_MAX);
    snprintf(out, VERSION_SIZE, "\"%s\"", version);
}

static enum status write_trees(const struct train_trees *trees, char **out)
{
    enum { SIZE = TRAIN_MODEL_NAME_SIZE + 32 };
    *out = malloc(SIZE);
    if (*out == NULL) {
        return STATUS_NO_MEMORY;
    }
    snprintf(*out, SIZE, "{kind: trees, model: %s}", trees->model_name);
    return STATUS_OK;
}

static enum status write_head(const struct train_head *head, char **out, struct problem *problem)
{
    const struct logistic_model *model = &head->logistic.model;
    return head->kind == TRAIN_TREES ? write_trees(&head->trees, out)
                                     : weights_edit_logistic(model->bias, model->weights,
                                                             model->weight_count, out, problem);
}

/* The heads' values, each from malloc(). */
static enum status write_heads(const struct train_head *heads, size_t count,
                               char *values[HEAD_COUNT], struct problem *problem)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = write_head(&heads[i], &values[i], problem);
    }
    return status;
}

enum status train_edit(struct text yaml, const char *version, const struct train_head *heads,
                       size_t count, char **out, size_t *size, struct problem *problem)
{
    CHECK(count <= HEAD_COUNT);
    char quoted[VERSION_SIZE];
    char *values[HEAD_COUNT] = {NULL};
    struct weights_edit edits[1 + HEAD_COUNT];
    quote(version, quoted);
    enum status status = write_heads(heads, count, values, problem);
    if (status == STATUS_OK) {
        edits[0] = (struct weights_edit){.path = {"version"}, .value = text_of(quoted)};
        for (size_t i = 0; i < count; i++) {
            edits[1 + i] = (struct weights_edit){.path = {"heads", head_name(heads[i].head)},
                                                 .value = text_of(values[i])};
        }
        status = weights_edit(yaml, edits, 1 + count, out, size, problem);
    }
    for (size_t i = 0; i < count; i++) {
        free(values[i]);
    }
    return status;
}
