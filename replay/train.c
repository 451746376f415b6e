#include "replay/train.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/weights_edit.h"

/* ---- examples ---- */

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

/* ---- learning ---- */

struct sides {
    struct logistic_data *training;
    struct logistic_data *held_out;
};

static enum status read_sides(struct example_reader *reader, const struct train_options *options,
                              struct sides *sides, struct problem *problem)
{
    sides->training = logistic_data_new(&options->features, LOGISTIC_BYTES);
    sides->held_out = logistic_data_new(&options->features, LOGISTIC_BYTES);
    if (sides->training == NULL || sides->held_out == NULL) {
        return STATUS_NO_MEMORY;
    }
    return logistic_examples_read(reader, &options->examples, sides->training, sides->held_out,
                                  problem);
}

static enum status learn(struct example_reader *reader, const struct train_options *options,
                         struct train_head *head, struct problem *problem)
{
    struct sides sides = {0};
    enum status status = count_all(reader, &options->examples, &head->counts, problem);
    if (status == STATUS_OK) {
        status = check_counts(&head->counts, problem);
    }
    if (status == STATUS_OK) {
        status = read_sides(reader, options, &sides, problem);
    }
    if (status == STATUS_OK) {
        status = logistic_train(sides.training, sides.held_out, &options->logistic, &head->result,
                                problem);
    }
    logistic_data_free(sides.training);
    logistic_data_free(sides.held_out);
    return status;
}

enum status train_logistic(FILE *examples, const struct train_options *options,
                           struct train_head *out, struct problem *problem)
{
    struct example_reader *reader = NULL;
    struct train_head head = {.head = options->examples.head};
    problem_set(problem, "%s", "");
    enum status status = example_reader_open(examples, &reader, problem);
    if (status == STATUS_OK) {
        status = learn(reader, options, &head, problem);
    }
    if (status == STATUS_IO) {
        problem_set(problem, "a temporary file cannot be read: %s", strerror(errno));
    }
    example_reader_close(reader);
    if (status == STATUS_OK) {
        *out = head;
    }
    return status;
}

/* ---- the weights file ---- */

enum { VERSION_SIZE = WEIGHTS_NAME_MAX + 3 };

/* In quotes, since a name may look like a number. */
static void quote(const char *version, char out[VERSION_SIZE])
{
    CHECK(strlen(version) <= WEIGHTS_NAME_MAX);
    snprintf(out, VERSION_SIZE, "\"%s\"", version);
}

/* The heads' values, each from malloc(). */
static enum status write_heads(const struct train_head *heads, size_t count,
                               char *values[HEAD_COUNT], struct problem *problem)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const struct logistic_model *model = &heads[i].result.model;
        status = weights_edit_logistic(model->bias, model->weights, model->weight_count, &values[i],
                                       problem);
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
