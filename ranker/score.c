#include "ranker/score.h"

#include "ranker/check.h"
#include "ranker/exact.h"

/* A column of numbers, one for each candidate of a block. */
struct column {
    double at[FEATURE_BLOCK];
};

/*
 * Probabilities of a head: the mean of a Beta posterior, its odds times 2^(affinity * taste). With
 * a and b the posterior's weights of hit and miss, the odds are a / b and one division is enough.
 */
static void predict(const struct head_model *head, const double *views, const double *hits,
                    const double *taste, struct column *out)
{
    double prior_hits = head->prior * head->strength;
    double prior_misses = (1 - head->prior) * head->strength;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double pull = exact_exp2_inside(head->affinity * taste[i]);
        double hit = (hits[i] + prior_hits) * pull;
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

void score_block(const struct model *model, const struct selection *selection,
                 const struct features *features, size_t count, double scores[FEATURE_BLOCK],
                 struct rank_term *terms)
{
    CHECK(count <= FEATURE_BLOCK);
    struct column value = {{0}};
    struct column before;
    struct column input;
    for (unsigned i = 0; i < selection->head_count; i++) {
        enum head head = selection->heads[i];
        before = value;
        predict(&model->heads[head],
                head == HEAD_WATCH_QUANTILE ? features->watches : features->views,
                features->hits[head], features->taste, &input);
        add_head(model->value[head], &input, &value);
        explain(terms, head, count, &before, &value, input.at);
    }
    before = value;
    shift(model, &value);
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        input.at[i] = model->negative_offset;
    }
    explain(terms, HEAD_COUNT, count, &before, &value, input.at);
    for (unsigned i = 0; i < selection->multiplier_count; i++) {
        enum multiplier multiplier = selection->multipliers[i];
        const double *feature = features->multipliers[multiplier];
        before = value;
        multiply(model->multipliers[multiplier], feature, &value);
        explain(terms, HEAD_COUNT + 1 + multiplier, count, &before, &value, feature);
    }
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        scores[i] = value.at[i];
    }
}
