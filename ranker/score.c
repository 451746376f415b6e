#include "ranker/score.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/trees.h"

/* A column of numbers, one for each candidate of a block. */
struct column {
    double at[FEATURE_BLOCK];
};

/* A loop that stays a function of its own: within the loop that calls it, it would be unrolled
 * before it could become vectors. */
#define LOOP static __attribute__((noinline)) void

/* The feature with 0 where it is missing: NaN alone is not above any number. */
LOOP present(const double *feature, struct column *out)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double x = feature[i];
        out->at[i] = x >= -DBL_MAX ? x : 0;
    }
}

/* How taste moves odds: 2^(affinity * taste). Heads of one affinity, neighbours in most models,
 * share it, being what is dearest. */
struct pull {
    double affinity;
    struct column at;
};

static void pull_odds(double affinity, const double *taste, struct pull *pull)
{
    if (affinity <= pull->affinity && affinity >= pull->affinity) {
        return;
    }
    pull->affinity = affinity;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        pull->at.at[i] = exact_exp2_inside(affinity * taste[i]);
    }
}

/*
 * The mean of a Beta posterior, its odds times pull. With a and b the posterior's weights of hit
 * and miss, the odds are a / b and one division is enough.
 */
static void predict_counts(const struct head_model *head, const double *views, const double *hits,
                           const struct column *pull, struct column *out)
{
    double prior_hits = head->prior * head->strength;
    double prior_misses = (1 - head->prior) * head->strength;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double hit = (hits[i] + prior_hits) * pull->at[i];
        double miss = (views[i] - hits[i]) + prior_misses;
        out->at[i] = hit / (hit + miss);
    }
}

/* The same from a rate that is smoothed already. */
static void predict_rate(const double *rate, const struct column *pull, struct column *out)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double hit = rate[i] * pull->at[i];
        out->at[i] = hit / (hit + (1 - rate[i]));
    }
}

LOOP add_weighted(double weight, const struct column *feature, struct column *sum)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        sum->at[i] += weight * feature->at[i];
    }
}

/* bias + sum of weight * feature, by rising feature. */
static void weigh(const struct head_model *head, const struct features *features,
                  struct column *out)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out->at[i] = head->bias;
    }
    for (unsigned at = 0; at < head->weight_count; at++) {
        struct column feature;
        present(features->columns[head->weights[at].feature], &feature);
        add_weighted(head->weights[at].weight, &feature, out);
    }
}

static void predict_linear(const struct head_model *head, const struct features *features,
                           struct column *out)
{
    weigh(head, features, out);
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double above = out->at[i] > 0 ? out->at[i] : 0;
        out->at[i] = above < 1 ? above : 1;
    }
}

static void predict_logistic(const struct head_model *head, const struct features *features,
                             struct column *out)
{
    const double log2_e = 0x1.71547652b82fep+0;
    weigh(head, features, out);
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out->at[i] = 1 / (1 + exact_exp2(-out->at[i] * log2_e));
    }
}

static void predict_trees(const struct head_model *head, const struct features *features,
                          size_t count, struct column *out)
{
    const double *columns[FEATURE_COUNT]; /* set where the trees look */
    *out = (struct column){{0}};
    for (size_t begin = 0; begin < count; begin += TREES_BLOCK) {
        for (unsigned i = 0; i < trees_feature_count(head->trees); i++) {
            enum feature feature = trees_feature(head->trees, i);
            columns[feature] = &features->columns[feature][begin];
        }
        size_t left = count - begin;
        trees_predict(head->trees, columns, left < TREES_BLOCK ? left : TREES_BLOCK,
                      &out->at[begin]);
    }
}
_Static_assert((int)FEATURE_BLOCK % (int)TREES_BLOCK == 0, "whole blocks of trees");

static void predict(const struct selection *selection, enum head head,
                    const struct features *features, size_t count, struct pull *pull,
                    struct column *out)
{
    const struct head_model *model = &selection->model->heads[head];
    switch (model->kind) {
    case HEAD_KIND_RATE:
        pull_odds(model->affinity, features->columns[FEATURE_TASTE], pull);
        if (selection->rates[head] != FEATURE_COUNT) {
            predict_rate(features->columns[selection->rates[head]], &pull->at, out);
        } else {
            predict_counts(model, head == HEAD_WATCH_QUANTILE ? features->watches : features->views,
                           features->hits[head], &pull->at, out);
        }
        break;
    case HEAD_KIND_LINEAR:
        predict_linear(model, features, out);
        break;
    case HEAD_KIND_LOGISTIC:
        predict_logistic(model, features, out);
        break;
    case HEAD_KIND_TREES:
        predict_trees(model, features, count, out);
        break;
    }
}

static void add_head(double weight, const struct column *probability, struct column *value)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        value->at[i] += exact_quantum(weight * probability->at[i]);
    }
}

/* Sum of |negative value weights|: how far below 0 a value can be. */
static double depth_of(const struct model *model)
{
    double depth = 0;
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        depth += model->value[i] < 0 ? -model->value[i] : 0;
    }
    return depth;
}

static void shift(const struct model *model, struct column *value)
{
    double depth = depth_of(model);
    double offset = model->negative_offset;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double v = value->at[i];
        double above = v + depth > 0 ? v + depth : 0; /* rounded terms may pass the depth */
        value->at[i] = exact_quantum(v < 0 ? offset * above / depth : v + offset);
    }
}

/* Rounding what was multiplied, not what was added, keeps the order of values and never lifts one
 * that a factor below 1 lowers. */
LOOP multiply(double weight, const double *feature, struct column *value)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double x = feature[i] >= -DBL_MAX ? feature[i] : 0; /* as present() */
        double v = value->at[i] * (1 + weight * x);
        value->at[i] = exact_quantum(v < SCORE_MAX ? v : SCORE_MAX);
    }
}

/* One step on the way to the scores of a block. */
struct step {
    const struct score_detail *detail; /* NULL: nobody asks */
    size_t count;
    struct column before; /* with detail: the values so far */
};

static void step_begin(struct step *step, const struct column *value)
{
    if (step->detail != NULL) {
        step->before = *value;
    }
}

static void put_terms(const struct step *step, unsigned term, const struct column *after,
                      const double *input)
{
    struct rank_term *terms = step->detail->terms;
    for (size_t i = 0; terms != NULL && i < step->count; i++) {
        terms[i * TERM_COUNT + term] = (struct rank_term){
            .value = after->at[i] - step->before.at[i],
            .input = input[i],
        };
    }
}

static void add_total(const struct step *step, unsigned term, const struct column *after)
{
    int64_t total = 0;
    for (size_t i = 0; i < step->count; i++) {
        total += rank_term_units(after->at[i] - step->before.at[i]);
    }
    step->detail->totals[term] += total;
}

/* Both values are multiples of 2^-32 below 2^19, so their difference is exact. */
static void step_end(const struct step *step, unsigned term, const struct column *after,
                     const double *input)
{
    if (step->detail == NULL) {
        return;
    }
    put_terms(step, term, after, input);
    if (step->detail->totals != NULL) {
        add_total(step, term, after);
    }
}

static void score_heads(const struct selection *selection, const struct features *features,
                        struct step *step, struct column *value)
{
    struct pull pull = {.affinity = NAN}; /* equal to none */
    struct column probability;
    for (unsigned i = 0; i < selection->head_count; i++) {
        enum head head = selection->heads[i];
        step_begin(step, value);
        predict(selection, head, features, step->count, &pull, &probability);
        add_head(selection->model->value[head], &probability, value);
        step_end(step, head, value, probability.at);
    }
}

static void score_shift(const struct model *model, struct step *step, struct column *value)
{
    struct column offset;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        offset.at[i] = model->negative_offset;
    }
    step_begin(step, value);
    shift(model, value);
    step_end(step, HEAD_COUNT, value, offset.at);
}

void score_block(const struct selection *selection, const struct features *features, size_t count,
                 double scores[FEATURE_BLOCK], const struct score_detail *detail)
{
    CHECK(count <= FEATURE_BLOCK);
    const struct model *model = selection->model;
    struct column value = {{0}};
    struct step step = {.detail = detail, .count = count};
    score_heads(selection, features, &step, &value);
    score_shift(model, &step, &value);
    for (unsigned i = 0; i < selection->multiplier_count; i++) {
        enum multiplier multiplier = selection->multipliers[i];
        const double *feature = features->columns[selection_feature(multiplier)];
        step_begin(&step, &value);
        multiply(model->multipliers[multiplier], feature, &value);
        if (detail != NULL) {
            struct column input;
            present(feature, &input);
            step_end(&step, HEAD_COUNT + 1 + multiplier, &value, input.at);
        }
    }
    memcpy(scores, value.at, sizeof(value.at));
}
