#include "ranker/weights_merge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"

static const void *field_of(const struct model *model, const struct weights_row *row)
{
    return (const char *)model + row->offset;
}

/* The head that a row of heads.NAME belongs to. */
static enum head head_of(const struct weights_row *row)
{
    size_t index = (row->offset - offsetof(struct model, heads)) / sizeof(struct head_model);
    CHECK(index < HEAD_COUNT);
    return (enum head)index;
}

__attribute__((format(printf, 4, 5))) static void complain(struct merge *merge,
                                                           const struct layer *layer,
                                                           const struct weights_row *row,
                                                           const char *format, ...)
{
    char path[PATH_SIZE];
    char message[128];
    struct mark at = layer->said[weights_row_index(row)];
    if (!weights_complained(merge->problems, at)) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);
        snprintf(path, sizeof(path), "%s%s", layer->prefix, row->path);
        weights_complain(merge->problems, at, path, "%s", message);
    }
}

/* Both by rising feature; over's win. Returns how many. */
static unsigned merge_sorted(const struct head_model *under, const struct head_model *over,
                             struct feature_weight *out)
{
    unsigned count = 0;
    unsigned i = 0;
    for (unsigned j = 0; i < under->weight_count || j < over->weight_count;) {
        bool take_over =
            i == under->weight_count ||
            (j < over->weight_count && over->weights[j].feature <= under->weights[i].feature);
        if (take_over) {
            if (i < under->weight_count && under->weights[i].feature == over->weights[j].feature) {
                i++;
            }
            out[count++] = over->weights[j++];
        } else {
            out[count++] = under->weights[i++];
        }
    }
    return count;
}

static void merge_features(struct merge *merge, const struct layer *layer,
                           const struct weights_row *row, struct model *model)
{
    struct head_model *head = &model->heads[head_of(row)];
    const struct head_model *over = field_of(&layer->model, row);
    if (over->weights == NULL) {
        return; /* no memory */
    }
    if (head->weight_count == 0) {
        head->weights = over->weights;
        head->weight_count = over->weight_count;
        return;
    }
    size_t room = head->weight_count + over->weight_count;
    if (room > WEIGHTS_MERGED_MAX - merge->merged_count) {
        complain(merge, layer, row,
                 "the weights of all heads, locales and arms are too many; allowed: %d",
                 WEIGHTS_MERGED_MAX);
        return;
    }
    merge->merged_count += room;
    struct feature_weight *weights = weights_memory_new(merge->memory, struct feature_weight, room);
    if (weights != NULL) {
        head->weight_count = merge_sorted(head, over, weights);
        head->weights = weights;
    }
}

static void merge_sources(struct merge *merge, const struct layer *layer,
                          const struct weights_row *row, struct model *model)
{
    for (unsigned i = 0; i < layer->model.source_count; i++) {
        const struct source_value *over = &layer->model.sources[i];
        unsigned at = model->source_count;
        while (at > 0 && model->sources[at - 1].key >= over->key) {
            at--;
        }
        bool found = at < model->source_count && model->sources[at].key == over->key;
        if (!found && model->source_count == WEIGHTS_SOURCES_MAX) {
            complain(merge, layer, row, "with those inherited, more than %d sources",
                     WEIGHTS_SOURCES_MAX);
            return;
        }
        if (!found) {
            memmove(&model->sources[at + 1], &model->sources[at],
                    (model->source_count - at) * sizeof(*over));
            model->source_count++;
        }
        model->sources[at] = *over;
    }
}

static void merge_languages(struct merge *merge, const struct layer *layer,
                            const struct weights_row *row, struct model *model)
{
    for (unsigned i = 0; i < layer->model.language_count; i++) {
        const struct language_confidence *over = &layer->model.languages[i];
        unsigned at = 0;
        while (at < model->language_count && model->languages[at].language != over->language) {
            at++;
        }
        if (at == WEIGHTS_LANGUAGES_MAX) {
            complain(merge, layer, row, "with those inherited, more than %d languages",
                     WEIGHTS_LANGUAGES_MAX);
            return;
        }
        model->language_count += at == model->language_count;
        model->languages[at] = *over;
    }
}

static void merge_row(struct merge *merge, const struct layer *layer, const struct weights_row *row,
                      struct model *model)
{
    if (weights_row_is_scalar(row)) {
        weights_model_set(model, row, weights_model_get(&layer->model, row));
    } else if (row->kind == WEIGHTS_FEATURES) {
        merge_features(merge, layer, row, model);
    } else if (row->kind == WEIGHTS_SOURCES) {
        merge_sources(merge, layer, row, model);
    } else if (row->kind == WEIGHTS_LANGUAGES) {
        merge_languages(merge, layer, row, model);
    } else if (row->kind == WEIGHTS_NAMES) {
        memcpy((char *)model + row->offset, field_of(&layer->model, row),
               sizeof(struct forbidden_names));
    } else if (row->kind == WEIGHTS_FILE) {
        model->heads[head_of(row)].trees = layer->model.heads[head_of(row)].trees;
    }
}

/* A head without what its kind cannot do without is the fault of who chose the kind. */
static void check_kind(struct merge *merge, const struct layer *layer,
                       const struct weights_row *row, const struct head_model *head)
{
    bool sums = head->kind == HEAD_KIND_LINEAR || head->kind == HEAD_KIND_LOGISTIC;
    if (head->kind == HEAD_KIND_TREES && head->trees == NULL) {
        complain(merge, layer, row, "kind trees needs the key model, the name of a model file");
    } else if (sums && head->weights == NULL) {
        complain(merge, layer, row,
                 "kinds linear and logistic need the key weights, numbers by feature");
    }
}

static void note_kind(struct merge *merge, unsigned number, const struct weights_row *row,
                      const struct model *model)
{
    enum head head = head_of(row);
    enum head_kind kind = model->heads[head].kind;
    merge->kinds[number][head] = kind;
    if ((row->used_by >> kind & 1) != 0) {
        merge->used[number][weights_row_index(row)] = true;
    }
    if (row->kind == WEIGHTS_CHOICE) {
        check_kind(merge, merge->layers->items[number], row, &model->heads[head]);
    }
}

void merge_layer(struct merge *merge, unsigned number, struct model *model)
{
    const struct layer *layer = merge->layers->items[number];
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        if (layer->said[i].line != 0) {
            merge_row(merge, layer, weights_row_at(i), model);
        }
    }
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        if (layer->said[i].line != 0 && weights_row_at(i)->used_by != 0) {
            note_kind(merge, number, weights_row_at(i), model);
        }
    }
}

/* All heads have the same kinds. */
static const struct weights_choice *head_kinds(void)
{
    return weights_row_find("heads.like.kind", WEIGHTS_TOP)->choices;
}

static const char *kind_name(enum head_kind wanted)
{
    const struct weights_choice *kind = head_kinds();
    while (kind->value != (int)wanted) {
        kind++;
    }
    return kind->name;
}

static void complain_unused(const struct merge *merge, unsigned number,
                            const struct weights_row *row)
{
    const struct layer *layer = merge->layers->items[number];
    char path[PATH_SIZE];
    char users[NAME_SIZE] = "";
    for (const struct weights_choice *kind = head_kinds(); kind->name != NULL; kind++) {
        size_t used = strlen(users);
        if ((row->used_by >> kind->value & 1) != 0) {
            snprintf(users + used, sizeof(users) - used, "%s%s", used > 0 ? " or " : "",
                     kind->name);
        }
    }
    snprintf(path, sizeof(path), "%s%s", layer->prefix, row->path);
    weights_complain(merge->problems, layer->said[weights_row_index(row)], path,
                     "this head's kind is %s, which does not use the key; it is for %s",
                     kind_name(merge->kinds[number][head_of(row)]), users);
}

void merge_complain_unused(const struct merge *merge)
{
    for (unsigned number = 0; number < merge->layers->count; number++) {
        for (size_t i = 0; weights_row_at(i) != NULL; i++) {
            const struct weights_row *row = weights_row_at(i);
            bool said = merge->layers->items[number]->said[i].line != 0;
            if (said && row->used_by != 0 && !merge->used[number][i]) {
                complain_unused(merge, number, row);
            }
        }
    }
}
