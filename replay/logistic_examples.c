#include "replay/logistic_examples.h"

#include <math.h>

#include "ranker/check.h"

/* Not any user's: keys are hashes, and rankings are counted from 1. */
static uint64_t unit_of(const struct example *example)
{
    const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15); /* odd, so no two groups meet */
    return example->user_key != 0 ? example->user_key : example->group * spread;
}

static double weight_of(const struct example *example, double clip)
{
    bool weighed = clip > 0 && !isnan(example->propensity);
    return example->weight * (weighed ? logistic_inverse_weight(example->propensity, clip) : 1);
}

unsigned logistic_rows_of(const struct example *example, const struct logistic_examples *options,
                          struct logistic_row out[2])
{
    unsigned count = 0;
    if (!example_knows(example, options->head)) {
        return 0;
    }
    double label = example_label(example, options->head);
    double weight = weight_of(example, options->clip);
    for (int positive = 1; positive >= 0; positive--) {
        double share = positive == 1 ? label : 1 - label;
        if (share > 0) {
            out[count++] = (struct logistic_row){
                .user_key = unit_of(example),
                .positive = positive == 1,
                .weight = weight * share,
                .position = example->position,
                .features = example->features,
            };
        }
    }
    return count;
}

static enum status add(const struct example *example, const struct logistic_examples *options,
                       struct logistic_data *data, struct problem *problem)
{
    struct logistic_row rows[2];
    unsigned count = logistic_rows_of(example, options, rows);
    enum status status = STATUS_OK;
    for (unsigned i = 0; status == STATUS_OK && i < count; i++) {
        status = logistic_data_add(data, &rows[i], problem);
    }
    return status;
}

enum status logistic_examples_read(struct example_reader *reader,
                                   const struct logistic_examples *options,
                                   struct logistic_data *training, struct logistic_data *held_out,
                                   struct problem *problem)
{
    CHECK(options->clip >= 1 || !(options->clip > 0));
    const struct example *example = NULL;
    enum status status = example_reader_next(reader, &example, problem);
    while (status == STATUS_OK) {
        enum example_side side = example_side(&options->split, example->time_ms);
        if (side != EXAMPLE_GAP) {
            status = add(example, options, side == EXAMPLE_TRAIN ? training : held_out, problem);
        }
        if (status == STATUS_OK) {
            status = example_reader_next(reader, &example, problem);
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
