#include "ranker/score.h"

#include <math.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"

/* A column of numbers, one for each candidate of a block. */
struct column {
    double at[FEATURE_BLOCK];
};

/* 2^(affinity * taste): how taste moves odds. */
static void pull_odds(double affinity, const double *taste, struct column *out)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out->at[i] = exact_exp2_inside(affinity * taste[i]);
    }
}

/*
 * Probabilities of a head: the mean of a Beta posterior, its odds times pull. With a and b the
 * posterior's weights of hit and miss, the odds are a / b and one division is enough.
 */
static void predict(const struct head_model *head, const double *views, const double *hits,
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
static void multiply(double weight, const double *feature, struct column *value)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double v = value->at[i] * (1 + weight * feature[i]);
        value->at[i] = exact_quantum(v < SCORE_MAX ? v : SCORE_MAX);
    }
}

/* Both values are multiples of 2^-32 below 2^19, so their difference is exact. */
static void explain(struct rank_term *terms, unsigned term, size_t count,
                    const struct column *before, const struct column *after, const double *input)
{
    for (size_t i = 0; terms != NULL && i < count; i++) {
        terms[i * TERM_COUNT + term] = (struct rank_term){
            .value = after->at[i] - before->at[i],
            .input = input[i],
        };
    }
}

/* Sums the heads. Those of one affinity, neighbours in most models, share what is dearest. */
static void score_heads(const struct model *model, const struct selection *selection,
                        const struct features *features, size_t count, struct column *value,
                        struct rank_term *terms)
{
    double affinity = NAN; /* equal to none */
    struct column pull;
    struct column probability;
    for (unsigned i = 0; i < selection->head_count; i++) {
        enum head head = selection->heads[i];
        const struct head_model *rate = &model->heads[head];
        struct column before = *value;
        if (!(rate->affinity <= affinity && rate->affinity >= affinity)) {
            affinity = rate->affinity;
            pull_odds(affinity, features->taste, &pull);
        }
        predict(rate, head == HEAD_WATCH_QUANTILE ? features->watches : features->views,
                features->hits[head], &pull, &probability);
        add_head(model->value[head], &probability, value);
        explain(terms, head, count, &before, value, probability.at);
    }
}

static void score_shift(const struct model *model, size_t count, struct column *value,
                        struct rank_term *terms)
{
    struct column before = *value;
    struct column offset;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        offset.at[i] = model->negative_offset;
    }
    shift(model, value);
    explain(terms, HEAD_COUNT, count, &before, value, offset.at);
}

void score_block(const struct model *model, const struct selection *selection,
                 const struct features *features, size_t count, double scores[FEATURE_BLOCK],
                 struct rank_term *terms)
{
    CHECK(count <= FEATURE_BLOCK);
    struct column value = {{0}};
    score_heads(model, selection, features, count, &value, terms);
    score_shift(model, count, &value, terms);
    for (unsigned i = 0; i < selection->multiplier_count; i++) {
        enum multiplier multiplier = selection->multipliers[i];
        const double *feature = features->multipliers[multiplier];
        struct column before = value;
        multiply(model->multipliers[multiplier], feature, &value);
        explain(terms, HEAD_COUNT + 1 + multiplier, count, &before, &value, feature);
    }
    memcpy(scores, value.at, sizeof(value.at));
}
