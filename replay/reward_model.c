#include "replay/reward_model.h"

#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/table.h"

struct cell {
    double count;
    double sum;
};

/* A row of the table; only the first `folds` cells are there. */
struct video_rewards {
    uint64_t key; /* first: the table's hash */
    struct cell cells[REWARD_FOLDS_MAX];
};

struct reward_model {
    size_t folds;
    double prior;
    struct table videos;
    struct cell all[REWARD_FOLDS_MAX];
};

struct reward_model *reward_model_new(size_t folds, double prior)
{
    CHECK(folds >= 1 && folds <= REWARD_FOLDS_MAX);
    CHECK(prior >= 0);
    struct reward_model *model = calloc(1, sizeof(*model));
    if (model != NULL) {
        model->folds = folds;
        model->prior = prior;
        model->videos = table_of(sizeof(uint64_t) + folds * sizeof(struct cell));
    }
    return model;
}

void reward_model_free(struct reward_model *model)
{
    if (model != NULL) {
        table_release(&model->videos);
        free(model);
    }
}

/* By other bits than parts and units. */
static size_t fold_of(const struct reward_model *model, uint64_t user_key)
{
    return (size_t)((user_key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % model->folds;
}

static void add(struct cell *cell, double reward)
{
    cell->count++;
    cell->sum += reward;
}

enum status reward_model_add(struct reward_model *model, uint64_t user_key, uint64_t video_key,
                             double reward)
{
    void *row;
    size_t fold = fold_of(model, user_key);
    enum status status = table_need(&model->videos, video_key, &row);
    if (status == STATUS_OK) {
        add(&((struct video_rewards *)row)->cells[fold], reward);
        add(&model->all[fold], reward);
    }
    return status;
}

/* Of the folds but one, unless there is no other. */
static struct cell sum_up(const struct reward_model *model, const struct cell *cells, size_t own)
{
    struct cell sum = {0, 0};
    for (size_t i = 0; i < model->folds; i++) {
        if (i != own || model->folds == 1) {
            sum.count += cells[i].count;
            sum.sum += cells[i].sum;
        }
    }
    return sum;
}

double reward_model_value(const struct reward_model *model, uint64_t user_key, uint64_t video_key)
{
    size_t fold = fold_of(model, user_key);
    struct cell all = sum_up(model, model->all, fold);
    double mean = all.count > 0 ? all.sum / all.count : 0;
    const struct video_rewards *row = table_find(&model->videos, video_key);
    struct cell own = row != NULL ? sum_up(model, row->cells, fold) : (struct cell){0, 0};
    double weight = own.count + model->prior;
    return weight > 0 ? (own.sum + model->prior * mean) / weight : mean;
}
