#include "replay/rescore.h"

#include "ranker/exact.h"
#include "ranker/score.h"

enum { TERM_MULTIPLIERS = HEAD_COUNT + 1 };

void rescore_inputs_of(const struct rank_term *terms, struct rescore_inputs *out)
{
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        out->heads[i] = terms[i].input;
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        out->multipliers[i] = terms[TERM_MULTIPLIERS + i].input;
    }
}

/* ranker/score.c says the same for a block; a test holds both together. */
static double shifted(const struct model *model, double v)
{
    double depth = 0;
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        depth += model->value[i] < 0 ? -model->value[i] : 0;
    }
    double above = v + depth > 0 ? v + depth : 0;
    double offset = model->negative_offset;
    return exact_quantum(v < 0 ? offset * above / depth : v + offset);
}

double rescore(const struct model *model, const struct rescore_inputs *inputs)
{
    double v = 0;
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        v += exact_quantum(model->value[i] * inputs->heads[i]);
    }
    v = shifted(model, v);
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        double product = v * (1 + model->multipliers[i] * inputs->multipliers[i]);
        v = exact_quantum(product < SCORE_MAX ? product : SCORE_MAX);
    }
    return v;
}
