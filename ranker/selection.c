#include "ranker/selection.h"

#include "ranker/trees.h"

/* The first of each head's counted feature; watch_quantile counts nothing. */
static const enum feature head_rates[HEAD_COUNT] = {
    [HEAD_VALID_PLAY] = FEATURE_VALID_PLAY_RATE_GLOBAL_30M,
    [HEAD_LONG_VIEW] = FEATURE_LONG_VIEW_RATE_GLOBAL_30M,
    [HEAD_COMPLETE] = FEATURE_COMPLETE_RATE_GLOBAL_30M,
    [HEAD_WATCH_QUANTILE] = FEATURE_COUNT,
    [HEAD_LIKE] = FEATURE_LIKE_RATE_GLOBAL_30M,
    [HEAD_SHARE] = FEATURE_SHARE_RATE_GLOBAL_30M,
    [HEAD_FOLLOW] = FEATURE_FOLLOW_RATE_GLOBAL_30M,
    [HEAD_SKIP] = FEATURE_SKIP_RATE_GLOBAL_30M,
    [HEAD_NOT_INTERESTED] = FEATURE_NOT_INTERESTED_RATE_GLOBAL_30M,
    [HEAD_REPORT] = FEATURE_REPORT_RATE_GLOBAL_30M,
};

static bool is_zero(double x)
{
    return !(x < 0) && !(x > 0);
}

/* The smoothed rate that a head of kind rate stands for, in the model's scope and half-life. */
static enum feature rate_of(const struct model *model, enum head head)
{
    enum feature first = head_rates[head];
    if (first == FEATURE_COUNT) {
        return FEATURE_WATCH_QUANTILE;
    }
    return (enum feature)(first + model->rate_scope * HALF_LIFE_COUNT + model->rate_half_life);
}

static void read_rate(struct selection *selection, enum head head)
{
    const struct model *model = selection->model;
    feature_set_add(&selection->features, FEATURE_TASTE);
    if (model->rate_scope != RATE_SCOPE_GLOBAL && head != HEAD_WATCH_QUANTILE) {
        selection->rates[head] = rate_of(model, head);
        feature_set_add(&selection->features, selection->rates[head]);
    }
}

static void read_head(struct selection *selection, enum head head)
{
    const struct head_model *model = &selection->model->heads[head];
    selection->rates[head] = FEATURE_COUNT;
    switch (model->kind) {
    case HEAD_KIND_RATE:
        read_rate(selection, head);
        break;
    case HEAD_KIND_LINEAR:
    case HEAD_KIND_LOGISTIC:
        for (unsigned i = 0; i < model->weight_count; i++) {
            feature_set_add(&selection->features, model->weights[i].feature);
        }
        break;
    case HEAD_KIND_TREES:
        for (unsigned i = 0; i < trees_feature_count(model->trees); i++) {
            feature_set_add(&selection->features, trees_feature(model->trees, i));
        }
        break;
    }
}

static void read_all(struct selection *selection)
{
    selection->features = (struct feature_set){{0}};
    for (unsigned i = 0; i < selection->head_count; i++) {
        read_head(selection, selection->heads[i]);
    }
    for (unsigned i = 0; i < selection->multiplier_count; i++) {
        feature_set_add(&selection->features, selection_feature(selection->multipliers[i]));
    }
}

/* What has a weight; what that reads is still to be worked out. */
static struct selection weighted(const struct model *model)
{
    struct selection selection = {.model = model};
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        if (!is_zero(model->value[i])) {
            selection.heads[selection.head_count++] = i;
        }
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        if (!is_zero(model->multipliers[i])) {
            selection.multipliers[selection.multiplier_count++] = i;
        }
    }
    return selection;
}

struct selection selection_of_weighted(const struct model *model)
{
    struct selection selection = weighted(model);
    read_all(&selection);
    return selection;
}

struct selection selection_of_all(const struct model *model)
{
    struct selection selection = {
        .model = model, .head_count = HEAD_COUNT, .multiplier_count = MULTIPLIER_COUNT};
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        selection.heads[i] = i;
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        selection.multipliers[i] = i;
    }
    read_all(&selection);
    return selection;
}

static bool is_idle(enum multiplier multiplier, const struct user *user,
                    const struct rank_request *request)
{
    switch (multiplier) {
    case MULTIPLIER_FOLLOWS_CREATOR:
        return user == NULL || user->follow_count == 0;
    case MULTIPLIER_SEEN_BEFORE:
    case MULTIPLIER_FATIGUE_CREATOR:
    case MULTIPLIER_FATIGUE_CATEGORY:
        return user == NULL || user->seen_count == 0;
    case MULTIPLIER_RETRIEVAL:
        return request->retrieval_scores == NULL;
    case MULTIPLIER_SOURCE:
        return request->source_keys == NULL;
    default:
        return false;
    }
}

struct selection selection_of_moving(const struct model *model, const struct user *user,
                                     const struct rank_request *request)
{
    struct selection selection = weighted(model);
    unsigned count = 0;
    for (unsigned i = 0; i < selection.multiplier_count; i++) {
        enum multiplier multiplier = selection.multipliers[i];
        if (!is_idle(multiplier, user, request)) {
            selection.multipliers[count++] = multiplier;
        }
    }
    selection.multiplier_count = count;
    read_all(&selection);
    return selection;
}

struct feature_set selection_listed(const struct selection *selection)
{
    struct feature_set listed = selection->features;
    for (unsigned i = 0; i < selection->head_count; i++) {
        enum head head = selection->heads[i];
        if (selection->model->heads[head].kind == HEAD_KIND_RATE) {
            feature_set_add(&listed, rate_of(selection->model, head));
        }
    }
    return listed;
}
