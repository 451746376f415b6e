#include "replay/train_examples.h"

static void count_known(const struct example *example, enum example_side side,
                        struct train_counts *counts)
{
    counts->training += side == EXAMPLE_TRAIN;
    counts->validation += side == EXAMPLE_VALIDATION;
    counts->censored += example->censored;
}

static void count_one(const struct example *example, const struct logistic_examples *options,
                      struct train_counts *counts)
{
    enum example_side side = example_side(&options->split, example->time_ms);
    if (side == EXAMPLE_GAP) {
        counts->gap++;
    } else if (!example_knows(example, options->head)) {
        counts->unknown++;
    } else {
        count_known(example, side, counts);
    }
}

static enum status count_all(struct example_reader *reader, const struct logistic_examples *options,
                             struct train_counts *out, struct problem *problem)
{
    const struct example *example = NULL;
    struct train_counts counts = {0};
    enum status status = example_reader_next(reader, &example, problem);
    while (status == STATUS_OK) {
        count_one(example, options, &counts);
        status = example_reader_next(reader, &example, problem);
    }
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    *out = counts;
    return example_reader_rewind(reader);
}

/* Before anything is said of classes: which of the options leaves nothing. */
static enum status check_counts(const struct train_counts *counts, struct problem *problem)
{
    if (counts->training > 0 && counts->validation > 0) {
        return STATUS_OK;
    }
    problem_set(problem,
                "%llu examples whose label is known train and %llu validate (%llu lie in the gap, "
                "of %llu the label is not known); another --validation-percent, a shorter --gap "
                "or a longer log is needed",
                (unsigned long long)counts->training, (unsigned long long)counts->validation,
                (unsigned long long)counts->gap, (unsigned long long)counts->unknown);
    return STATUS_INVALID;
}

enum status train_count(struct example_reader *reader, const struct logistic_examples *options,
                        struct train_counts *out, struct problem *problem)
{
    enum status status = count_all(reader, options, out, problem);
    return status == STATUS_OK ? check_counts(out, problem) : status;
}
